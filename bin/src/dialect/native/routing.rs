//! A domain's route: shown, and which of its recipients are known.

use postroom::address::EmailAddress;
use postroom::domain;
use postroom::error::Error;
use postroom::route::{self, Patch, RouteChange};
use serde::Deserialize;

use super::body;
use super::domains::name;
use crate::json::route::route_json;
use crate::json::route::{DOMAIN_ROUTE, RECIPIENTS};
use crate::wire::Contract;
use crate::wire::http::{Response, StatusCode};
use crate::wire::shape::{MAYBE_TEXT, Shape, may};
use crate::wire::{Call, Fault};

pub(super) const SHOW: Contract = Contract::new("Shows a domain's route").answers(200, &DOMAIN_ROUTE);
pub(super) const CHANGE: Contract = Contract::new("Changes a domain's route; what is left out stays")
    .takes(&Shape::closed(
        "RouteInput",
        &[&[
            may("recipients", Shape::Maybe(&RECIPIENTS)),
            may("catch_all", MAYBE_TEXT).text("an empty text removes it"),
        ]],
    ))
    .answers(200, &DOMAIN_ROUTE);

/// What is to change; what is left out stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    recipients: Option<String>,
    /// An empty text removes it.
    catch_all: Option<String>,
}

pub(super) fn show(call: &Call<'_>) -> Result<Response, Fault> {
    let name = name(call)?;
    let json = call.read(|tx| {
        let domain = domain::find_named(tx, &call.caller, &name)?;
        let route = route::find(tx, &domain)?;
        Ok::<_, Error>(route_json(&domain, &route))
    })?;
    Ok(Response::json(StatusCode::OK, &json))
}

pub(super) fn change(call: &Call<'_>) -> Result<Response, Fault> {
    let (name, given): (_, Change) = (name(call)?, body(call)?);
    let recipients = given.recipients.map(|word| word.parse()).transpose();
    let recipients = recipients.map_err(|_| Fault::input("recipients", "must be any or known"))?;
    let catch_all = match given.catch_all.as_deref() {
        None => Patch::Keep,
        Some("") => Patch::Clear,
        Some(text) => {
            Patch::Set(text.parse::<EmailAddress>().map_err(|e| super::unusable("catch_all", text, e))?)
        }
    };
    let json = call.write(|tx| {
        let domain = domain::find_named(tx, &call.caller, &name)?;
        let change = RouteChange { recipients, catch_all: catch_all.clone(), ..RouteChange::default() };
        let route = route::update(tx, &call.caller, &domain, change)?;
        Ok::<_, Error>(route_json(&domain, &route))
    })?;
    Ok(Response::json(StatusCode::OK, &json))
}
