//! Domains, as far as whoever manages their keys needs them: list, show, verify.

use postroom::account::Caller;
use postroom::db::ReadTx;
use postroom::domain::{self, DomainStatus, Order};
use postroom::error::Error;
use postroom::id::DomainId;
use postroom::inbound;
use postroom::page::{Direction, Page};
use postroom::signing;
use postroom::verify;
use serde_json::json;

use super::input::{bad, limit, number, path_domain};
use super::shape::{DOMAIN, TOLD, WHOLE};
use super::shape::{Details, domain_json};
use crate::wire::Contract;
use crate::wire::form::Form;
use crate::wire::http::{Response, StatusCode};
use crate::wire::shape::{COUNT, Shape, TEXT, has, may};
use crate::wire::{Call, Fault, LookingCall, by_ids};

pub(super) const LIST: Contract = Contract::new("Lists domains")
    .query(&[
        may("limit", TEXT).text("a number, 1000 at most; 100 if it is none"),
        may("skip", TEXT).text("a number"),
        may("state", TEXT).text(
            "active, unverified or disabled: the domains of that state alone; those of all states without it",
        ),
    ])
    .answers(
        200,
        &Shape::object("Domains", &[&[has("total_count", COUNT), has("items", Shape::List(&DOMAIN))]]),
    );
pub(super) const SHOW: Contract = Contract::new("Shows a domain").answers(200, &WHOLE);
pub(super) const VERIFY: Contract = Contract::new("Checks a domain's records now").answers(200, &TOLD);

const USUAL_LIMIT: u32 = 100;
const MOST: u32 = 1000;

pub(super) fn list(call: &Call<'_>) -> Result<Response, Fault> {
    let form = Form::read(call.request)?;
    let page = Page { limit: limit(&form, USUAL_LIMIT, MOST), offset: number(&form, "skip").unwrap_or(0) };
    let state = form.get("state").map(str::trim).filter(|text| !text.is_empty()).map(statuses).transpose()?;
    let caller = call.caller.clone();
    let (ids, count) = call.read(|tx| {
        if let Some(statuses) = state {
            return of_statuses(tx, &caller, statuses, page);
        }
        let ids = domain::ids(tx, &caller, Order::Created, Direction::Descending, page)?;
        Ok::<_, Error>((ids, domain::count(tx, &caller)?))
    })?;
    call.listed(
        format!("{{\"total_count\":{count},\"items\":["),
        "]}",
        by_ids(ids, move |tx, ids| {
            let domains = domain::some(tx, &caller, ids)?;
            let assessments = signing::list(tx, &domains)?;
            Ok(domains.iter().zip(&assessments).map(|(domain, found)| domain_json(domain, found)).collect())
        }),
    )
}

/// The statuses of the domains that are in this state here, as [`domain_json`] says it. None is ever disabled.
fn statuses(state: &str) -> Result<&'static [DomainStatus], Fault> {
    match state {
        "active" => Ok(&[DomainStatus::Active]),
        "unverified" => Ok(&[DomainStatus::Pending, DomainStatus::Failed]),
        "disabled" => Ok(&[]),
        _ => Err(bad("state", "state must be active, unverified or disabled")),
    }
}

/// The ids of a page of the domains that have one of these statuses, status by status and the newest first of each, and how many there are in all.
fn of_statuses(
    tx: &ReadTx<'_>,
    caller: &Caller,
    statuses: &[DomainStatus],
    page: Page,
) -> Result<(Vec<DomainId>, u64), Error> {
    let counts = domain::count_by_status(tx, caller)?;
    let (mut ids, mut total) = (Vec::new(), 0);
    let Page { mut limit, mut offset } = page;
    for status in statuses {
        let count = counts.iter().find(|(counted, _)| counted == status).map_or(0, |(_, count)| *count);
        total += count;
        if limit > 0 && offset < count {
            let found = domain::list_with_status(tx, caller, *status, Page { limit, offset })?;
            limit = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(limit));
            ids.extend(found.iter().map(|domain| domain.id));
        }
        offset = offset.saturating_sub(count);
    }
    Ok((ids, total))
}

pub(super) fn show(call: &Call<'_>) -> Result<Response, Fault> {
    let name = path_domain(call)?;
    let found = call.read(|tx| Details::of(tx, inbound::domain_named(tx, &call.caller, &name)?))?;
    Ok(Response::json(StatusCode::OK, &found.json()))
}

pub(super) fn verify(call: &LookingCall<'_>) -> Result<Response, Fault> {
    let name = path_domain(call)?;
    let id = call.read(|tx| Ok::<_, Error>(inbound::domain_named(tx, &call.caller, &name)?.id))?;
    verify::check(call.postroom, &call.caller, id, call.resolver)?;
    let found = call.read(|tx| Details::of(tx, inbound::domain_named(tx, &call.caller, &name)?))?;
    let mut body = found.json();
    if let Some(fields) = body.as_object_mut() {
        fields.insert("message".to_owned(), json!("Domain DNS records have been updated"));
    }
    Ok(Response::json(StatusCode::OK, &body))
}
