//! A domain's records: show, mark by word, verify now.

use postroom::domain;
use postroom::error::Error;
use postroom::id::RecordId;
use postroom::record::RecordStatus;
use postroom::verify;
use serde_json::json;

use super::input::{Input, path_domain, queried};
use super::shape::{Details, domain_json};
use crate::wire::http::{Response, StatusCode};
use crate::wire::{Call, Fault, LookingCall};

pub(super) fn show(call: &Call<'_>) -> Result<Response, Fault> {
    let (caller, name) = (queried(call)?, path_domain(call)?);
    let found = call.read(|tx| Details::find(tx, &caller, &name))?;
    let body = json!({ "domain": domain_json(&found.domain), "dns": found.dns_json() });
    Ok(Response::json(StatusCode::OK, &body))
}

pub(super) fn mark(call: &Call<'_>) -> Result<Response, Fault> {
    if !call.switches.dns_mark {
        return Err(Fault::SwitchedOff("marking records by hand"));
    }
    let input = Input::read(call)?;
    let name = path_domain(call)?;
    let id = RecordId::new(input.integer("id")?);
    let word = input.required("status").ok().and_then(|word| word.parse::<RecordStatus>().ok());
    let word = word.ok_or_else(|| Fault::input("status", "must be pending, verified, failed or disabled"))?;
    let observed = input.optional("observed_value")?;
    let changed = call.write(|tx| {
        let domain = domain::find_named(tx, &input.caller, &name)?;
        verify::mark(tx, &input.caller, &domain, id, word, observed.as_deref())?;
        Details::find(tx, &input.caller, &name)
    })?;
    Ok(Response::json(StatusCode::OK, &changed.json()))
}

pub(super) fn verify(call: &LookingCall<'_>) -> Result<Response, Fault> {
    let input = Input::read(call)?;
    let name = path_domain(call)?;
    let id = call.read(|tx| Ok::<_, Error>(domain::find_named(tx, &input.caller, &name)?.id))?;
    verify::check(call.postroom, &input.caller, id, call.resolver)?;
    let found = call.read(|tx| Details::find(tx, &input.caller, &name))?;
    Ok(Response::json(StatusCode::OK, &found.json()))
}
