//! What a route says of itself, held against each answer that a test gets from it.

use postroom_server::dialect::{DIALECTS, fault_of};
use postroom_server::wire::shape::Shape;
use postroom_server::wire::{Content, Contract, Route, Surface, Takes};
use serde_json::Value;

use super::app::Reply;

/// Panics if an answer, or a body that was accepted, is not as the route says.
pub(crate) fn hold(method: &str, path: &str, content_type: Option<&str>, body: &[u8], reply: &Reply) {
    let Some((dialect, route)) = route(method, path) else { return };
    let Some(contract) = route.contract else {
        panic!("{} {} says nothing of itself", route.method, route.path)
    };
    let answer = || {
        let kind = reply.header("content-type");
        assert_eq!(kind, Some("application/json; charset=utf-8"), "{method} {path}: {reply:?}");
        serde_json::from_slice::<Value>(&reply.body).unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    };
    let fits = |shape: &Shape, value: &Value| {
        if let Some(misfit) = shape.misfit(value, true) {
            panic!("{method} {path}: the answer{misfit}\n{value}");
        }
    };
    if reply.status >= 400 {
        return fits(fault_of(dialect), &answer());
    }
    match said(contract, reply.status) {
        None => panic!("{method} {path}: {} is no status of the route", reply.status),
        Some(Content::Nothing) => assert!(reply.body.is_empty(), "{method} {path}: {reply:?}"),
        Some(Content::Json(shape)) => fits(shape, &answer()),
        Some(Content::Text(kind)) => assert_eq!(reply.header("content-type"), Some(kind), "{method} {path}"),
    }
    let is_json = content_type.is_none_or(|kind| kind.contains("json"));
    match contract.takes {
        Takes::Json(shape) | Takes::MaybeJson(shape) if is_json && !body.trim_ascii().is_empty() => {
            let body: Value = serde_json::from_slice(body).unwrap();
            // Most dialects pass over members that they do not know.
            if let Some(misfit) = shape.misfit(&body, false) {
                panic!("{method} {path}: the body that was accepted{misfit}\n{body}");
            }
        }
        _ => {}
    }
}

/// What a contract says of a status.
fn said(contract: &Contract, status: u16) -> Option<Content> {
    contract.answers.iter().flatten().find(|(known, _)| *known == status).map(|(_, content)| *content)
}

/// The route of a dialect that answers; the one with the fewest parameters, as the router has it.
fn route(method: &str, path: &str) -> Option<(&'static Surface, &'static Route)> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let is_for = |route: &&Route| {
        let (mut own, mut asked) = (route.path.split('/'), path.split('/'));
        let same = own.by_ref().zip(asked.by_ref()).all(|(own, asked)| own == asked || own.starts_with('{'));
        route.method.as_str() == method && same && route.path.split('/').count() == path.split('/').count()
    };
    let all = DIALECTS.iter().flat_map(|dialect| dialect.routes.iter().map(move |route| (*dialect, route)));
    all.filter(|(_, route)| is_for(route)).min_by_key(|(_, route)| route.path.matches('{').count())
}
