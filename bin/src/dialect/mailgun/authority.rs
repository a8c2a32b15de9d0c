//! Whose keys sign for a domain, and under which selector.

use postroom::dkim::pool;
use postroom::error::{Entity, Error};
use postroom::inbound;
use postroom::keyring;
use serde_json::json;

use super::input::{LEFT_OUT, bad, flag, new_selector, parse_selector, path_domain};
use super::shape::Details;
use super::shape::RECORDS;
use crate::wire::Contract;
use crate::wire::form::Form;
use crate::wire::http::{Response, StatusCode};
use crate::wire::shape::{Shape, TEXT, has, may};
use crate::wire::{Call, Fault};

pub(super) const SET_AUTHORITY: Contract =
    Contract::new("Says whether a domain's own keys sign, or those of the domain above it")
        .form(&[may("self", TEXT).text("true or false; empty is false")])
        .answers(
            200,
            &Shape::object(
                "AuthorityChange",
                &[&[has("message", TEXT), has("sending_dns_records", RECORDS), has("changed", Shape::Flag)]],
            ),
        );
pub(super) const SET_SELECTOR: Contract = Contract::new("Gives a domain's key another selector")
    .form(&[may("dkim_selector", TEXT)])
    .answers(200, &super::MESSAGE);

pub(super) fn set_authority(call: &Call<'_>) -> Result<Response, Fault> {
    let (name, form) = (path_domain(call)?, Form::read(call.request)?);
    let own = form.get("self").filter(|text| !["", LEFT_OUT].contains(&text.trim()));
    let own = own.map_or(Ok(false), |text| flag(text, "self"))?;
    let (details, changed) = call.write(|tx| {
        let domain = inbound::domain_named(tx, &call.caller, &name)?;
        let (domain, changed) = keyring::set_authority(tx, &call.caller, &domain, own)?;
        Ok::<_, Error>((Details::of(tx, domain)?, changed))
    })?;
    let has = if changed { "has been" } else { "has not been" };
    let body = json!({
        "message": format!("Domain DKIM authority {has} changed"),
        "sending_dns_records": details.sending(),
        "changed": changed,
    });
    Ok(Response::json(StatusCode::OK, &body))
}

pub(super) fn set_selector(call: &Call<'_>) -> Result<Response, Fault> {
    const FIELD: &str = "dkim_selector";
    let (name, form) = (path_domain(call)?, Form::read(call.request)?);
    let selector = form.get(FIELD).filter(|text| !["", LEFT_OUT].contains(&text.trim()));
    let selector = selector.map(|text| new_selector(parse_selector(text, FIELD)?, FIELD)).transpose()?;
    let changed = pool::write(*call.session, |tx| {
        let domain = inbound::domain_named(tx, &call.caller, &name)?;
        let Some(selector) = &selector else { return Ok(()) };
        keyring::rename_selector(tx, &call.caller, &domain, selector).map(|_| ())
    });
    match changed {
        Ok(()) => Ok(Response::json(StatusCode::OK, &json!({ "message": "DKIM selector changed" }))),
        Err(Error::Conflict(Entity::DkimKey)) => {
            Err(bad(FIELD, "failed to change DKIM selector: another key of the domain has it"))
        }
        Err(Error::Invalid { field: "selector", reason }) => {
            Err(bad(FIELD, format!("{FIELD} is not usable: {reason}")))
        }
        Err(error) => Err(error.into()),
    }
}
