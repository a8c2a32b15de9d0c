//! A domain's records: show, mark manually, verify now.

use postroom::account;
use postroom::error::Error;
use postroom::id::RecordId;
use postroom::inbound;
use postroom::record::RecordStatus;
use postroom::verify;
use serde_json::json;

use super::input::{BY_USER, OF_USER};
use super::input::{Input, path_domain, queried};
use super::shape::Details;
use super::shape::{DETAILS, DNS};
use crate::wire::Contract;
use crate::wire::http::{Response, StatusCode};
use crate::wire::shape::{ID, MAYBE_TEXT, Shape, has, may};
use crate::wire::{Call, Fault, LookingCall};

pub(super) const SHOW: Contract = Contract::new("Shows a domain's records").query(OF_USER).answers(200, &DNS);
pub(super) const MARK: Contract = Contract::new("Marks a record manually, where the operator allows it")
    .takes(&Shape::object(
        "MarkInput",
        &[
            BY_USER,
            &[
                has("id", ID),
                has("status", crate::json::word::RECORD_STATUS),
                may("observed_value", MAYBE_TEXT),
            ],
        ],
    ))
    .answers(200, &DETAILS);
pub(super) const VERIFY: Contract = Contract::new("Checks a domain's records now")
    .takes(&Shape::object("UserInput", &[BY_USER]))
    .answers(200, &DETAILS);

pub(super) fn show(call: &Call<'_>) -> Result<Response, Fault> {
    let (caller, name) = (queried(call)?, path_domain(call)?);
    let found = call.read(|tx| Details::find(tx, &caller, &name))?;
    let body = json!({ "domain": found.domain_json(), "dns": found.dns_json() });
    Ok(Response::json(StatusCode::OK, &body))
}

pub(super) fn mark(call: &Call<'_>) -> Result<Response, Fault> {
    if call.switches.dns_mark == Some(false) {
        return Err(Fault::SwitchedOff("marking records manually"));
    }
    let input = Input::read(call)?;
    let name = path_domain(call)?;
    let id = RecordId::new(input.integer("id")?);
    let word = input.required("status").ok().and_then(|word| word.parse::<RecordStatus>().ok());
    let word = word.ok_or_else(|| Fault::input("status", "must be pending, verified, failed or disabled"))?;
    let observed = input.optional("observed_value")?;
    let changed = call.write(|tx| {
        // A mark stands in the place of what was seen, so that it is not a tenant's, unless the operator says so.
        if call.switches.dns_mark.is_none() && !account::is_trusted(tx, input.caller.account())? {
            return Err(Fault::SwitchedOff("marking records manually for accounts that are not trusted"));
        }
        let domain = inbound::domain_named(tx, &input.caller, &name)?;
        verify::mark(tx, &input.caller, &domain, id, word, observed.as_deref())?;
        Ok::<_, Fault>(Details::find(tx, &input.caller, &name)?)
    })?;
    Ok(Response::json(StatusCode::OK, &changed.json()))
}

pub(super) fn verify(call: &LookingCall<'_>) -> Result<Response, Fault> {
    let input = Input::read(call)?;
    let name = path_domain(call)?;
    let id = call.read(|tx| Ok::<_, Error>(inbound::domain_named(tx, &input.caller, &name)?.id))?;
    verify::check(call.postroom, &input.caller, id, call.resolver)?;
    let found = call.read(|tx| Details::find(tx, &input.caller, &name))?;
    Ok(Response::json(StatusCode::OK, &found.json()))
}
