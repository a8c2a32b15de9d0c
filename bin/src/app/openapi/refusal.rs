//! What a route answers where it refuses: each status with an example, made by the dialect's own renderer.

use std::collections::BTreeMap;

use postroom::error::{Entity, Error};
use serde_json::{Map, Value, json};

use super::schema::set;
use crate::wire::http::Method;
use crate::wire::{Fault, RequestPlace, Route, Surface, Takes};

/// The faults that a client may meet at a route, each with its name in the document.
fn faults(route: &Route) -> Vec<(&'static str, Fault)> {
    let mut faults = vec![("full", Fault::Full(1))];
    if !route.is_open() {
        faults.extend([
            ("credential_missing", Fault::CredentialMissing),
            ("credential_invalid", Fault::CredentialInvalid),
            ("denied", Fault::Denied("the key's scopes do not allow this".into())),
            ("rate_limited", Fault::RateLimited(1)),
        ]);
    }
    if route.path.contains('{') {
        faults.push(("not_found", Fault::Library(Error::NotFound(Entity::Domain))));
    }
    let (has_body, has_query) = route.contract.map_or((false, false), |contract| {
        (!matches!(contract.takes, Takes::Nothing), !contract.query.is_empty())
    });
    if has_body {
        faults.extend([
            ("body_malformed", Fault::Json("expected value at line 1 column 1".to_owned())),
            (
                "body_format",
                Fault::Format("the body must be JSON, with Content-Type: application/json".into()),
            ),
            ("body_encoded", Fault::Encoded),
            ("body_incomplete", Fault::Incomplete),
            ("body_too_large", Fault::TooLarge),
        ]);
    }
    if has_body || has_query || route.path.contains('{') {
        faults.push(("input", Fault::input("domain", "is invalid")));
    }
    if route.method != Method::GET {
        faults.push(("conflict", Fault::Library(Error::Conflict(Entity::Domain))));
    }
    if route.method == Method::POST {
        faults.push(("still_running", Fault::StillRunning));
    }
    faults
}

/// The answers, by their statuses. What else there may be has the same shape.
pub(super) fn answers(dialect: &Surface, route: &Route, shape: &Value) -> Map<String, Value> {
    let mut by_status: BTreeMap<String, Value> = BTreeMap::new();
    let described = |text: &str| {
        json!({
            "description": text,
            "content": { "application/json": { "schema": shape } },
        })
    };
    for (name, fault) in faults(route) {
        let response = (dialect.render)(&fault, &RequestPlace::default());
        let body: Option<Value> =
            response.body.into_whole().ok().and_then(|body| serde_json::from_slice(&body).ok());
        let answer = by_status
            .entry(response.status.as_str().to_owned())
            .or_insert_with(|| described(response.status.canonical_reason().unwrap_or("Refused")));
        let example = json!({ "summary": fault.to_string(), "value": body });
        if let Some(media) = answer.pointer_mut("/content/application~1json") {
            match media.get_mut("examples") {
                Some(examples) => set(examples, name, example),
                None => set(media, "examples", json!({ name: example })),
            }
        }
    }
    by_status.insert(
        "4XX".to_owned(),
        described("The request is refused for another reason; the body says which."),
    );
    by_status.insert("5XX".to_owned(), described("The server could not do this now."));
    by_status.into_iter().collect()
}
