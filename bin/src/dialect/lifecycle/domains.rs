//! Domains: create, list, show, delete.

use postroom::dkim::pool;
use postroom::domain::{self, Order};
use postroom::inbound;
use postroom::page::{Direction, Page};
use postroom::provision::{self, NewDomain};
use postroom::signing;
use serde_json::json;

use super::input::{BY_USER, OF_USER, USER};
use super::input::{Input, path_domain, queried};
use super::shape::{DETAILS, DOMAIN};
use super::shape::{Details, domain_json};
use crate::wire::Contract;
use crate::wire::http::{Response, StatusCode};
use crate::wire::shape::{COUNT, MAYBE_TEXT, NAME, Shape, TEXT, has, may};
use crate::wire::{Call, Fault, by_ids};

pub(super) const CREATE: Contract = Contract::new("Makes a domain")
    .takes(&Shape::object(
        "DomainInput",
        &[BY_USER, &[has("domain", NAME), may("organization_id", MAYBE_TEXT)]],
    ))
    .answers(201, &Shape::object("MadeDomain", &[&[has("message", TEXT), has("domain", DETAILS)]]));
pub(super) const LIST: Contract = Contract::new("Lists a user's domains")
    .query(&[
        has("user_id", USER),
        may("limit", Shape::Integer { least: 1, most: i64::MAX }).text("200 at most; 50 if it is left out"),
        may("offset", COUNT),
    ])
    .answers(
        200,
        &Shape::object(
            "Domains",
            &[&[has("items", Shape::List(&DOMAIN)), has("limit", COUNT), has("offset", COUNT)]],
        ),
    );
pub(super) const INFO: Contract = Contract::new("Shows a domain").query(OF_USER).answers(200, &DETAILS);
pub(super) const DELETE: Contract = Contract::new("Deletes a domain")
    .takes(&Shape::object("DeleteInput", &[BY_USER, &[has("domain", NAME)]]))
    .answers(200, &Shape::object("DeletedDomain", &[&[has("ok", Shape::Flag), has("deleted", NAME)]]));

const DEFAULT_LIMIT: u64 = 50;
const MAX_LIMIT: u64 = 200;

pub(super) fn create(call: &Call<'_>) -> Result<Response, Fault> {
    let input = Input::read(call)?;
    let name = input.domain()?;
    let organization = input.optional_tag("organization_id")?;
    let made = pool::write(*call.session, |tx| {
        let new = NewDomain { organization: organization.as_ref(), ..NewDomain::named(&name) };
        let domain = provision::create_or_adopt(tx, &input.caller, &new)?;
        // The answer has the key's record.
        provision::equip(tx, &domain)?;
        Details::of(tx, domain)
    })?;
    let body = json!({ "message": "Domain created", "domain": made.json() });
    Ok(Response::json(StatusCode::CREATED, &body))
}

pub(super) fn list(call: &Call<'_>) -> Result<Response, Fault> {
    let caller = queried(call)?;
    let limit = number(call, "limit")?.unwrap_or(DEFAULT_LIMIT);
    if limit == 0 {
        return Err(Fault::input("limit", "must be a positive integer"));
    }
    let (limit, offset) = (limit.min(MAX_LIMIT), number(call, "offset")?.unwrap_or(0));
    let page = Page { limit: u32::try_from(limit).unwrap_or(u32::MAX), offset };
    let ids = call.read(|tx| domain::ids(tx, &caller, Order::Created, Direction::Descending, page))?;
    call.listed(
        "{\"items\":[",
        format!("],\"limit\":{limit},\"offset\":{offset}}}"),
        by_ids(ids, move |tx, ids| {
            let found = domain::some(tx, &caller, ids)?;
            let assessments = signing::list(tx, &found)?;
            Ok(found.iter().zip(&assessments).map(|(domain, found)| domain_json(domain, found)).collect())
        }),
    )
}

pub(super) fn info(call: &Call<'_>) -> Result<Response, Fault> {
    let (caller, name) = (queried(call)?, path_domain(call)?);
    let found = call.read(|tx| Details::find(tx, &caller, &name))?;
    Ok(Response::json(StatusCode::OK, &found.json()))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Response, Fault> {
    let input = Input::read(call)?;
    let name = input.domain()?;
    call.write(|tx| {
        let domain = inbound::domain_named(tx, &input.caller, &name)?;
        provision::delete(tx, &input.caller, &domain)
    })?;
    Ok(Response::json(StatusCode::OK, &json!({ "ok": true, "deleted": name.as_str() })))
}

/// A number of the query. One that is larger than any place in a list is the largest one.
fn number(call: &Call<'_>, field: &'static str) -> Result<Option<u64>, Fault> {
    let Some(text) = call.query(field) else { return Ok(None) };
    if !text.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(Fault::input(field, "must be an integer, 0 or more"));
    }
    Ok(Some(text.parse::<i64>().unwrap_or(i64::MAX).unsigned_abs()))
}
