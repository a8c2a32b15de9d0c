//! Domains: create, list, show, delete.

use postroom::dkim::pool;
use postroom::domain::{self, Order};
use postroom::inbound;
use postroom::page::{Direction, Page};
use postroom::provision::{self, NewDomain};
use postroom::signing;
use serde_json::json;

use super::input::{Input, path_domain, queried};
use super::shape::{Details, domain_json};
use crate::wire::http::{Response, StatusCode};
use crate::wire::{Call, Fault, by_ids};

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
            let assessments = signing::list(tx, &caller, ids)?;
            let shown =
                found.iter().filter_map(|domain| Some(domain_json(domain, assessments.get(&domain.id)?)));
            Ok(shown.collect())
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

/// A number of the query, of any length; an empty one is none.
fn number(call: &Call<'_>, field: &'static str) -> Result<Option<u64>, Fault> {
    let Some(text) = call.query(field).filter(|text| !text.is_empty()) else { return Ok(None) };
    if !text.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(Fault::input(field, "must be an integer, 0 or more"));
    }
    Ok(Some(text.parse().unwrap_or(u64::MAX)))
}
