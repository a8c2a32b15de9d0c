//! Claims: the names that the account holds, contends for or has lost.

use postroom::claim;
use postroom::dkim::pool;
use postroom::error::{Entity, Error};
use postroom::name::{DomainName, InvalidName};
use postroom::page::Page;
use postroom::{domain, provision};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body;
use crate::json::claim::{CLAIM, KIND, VERIFIED};
use crate::json::claim::{claim_json, verified_json};
use crate::wire::Contract;
use crate::wire::http::{Response, StatusCode};
use crate::wire::shape::{COUNT, MAYBE_TEXT, NAME, Shape, has, may};
use crate::wire::{Call, Fault, LookingCall};

const ONE: Shape = Shape::object("OneClaim", &[&[has("claim", CLAIM)]]);
pub(super) const LIST: Contract =
    Contract::new("Lists the names that the account holds, contends for or has lost")
        .query(&[may("limit", PLACE), may("offset", PLACE)])
        .answers(
            200,
            &Shape::object(
                "Claims",
                &[&[has("claims", Shape::List(&CLAIM)), has("limit", COUNT), has("offset", COUNT)]],
            ),
        );
const PLACE: Shape = Shape::Integer { least: 0, most: 4_294_967_295 };
pub(super) const CREATE: Contract = Contract::new("Claims a name")
    .takes(&Shape::closed(
        "ClaimInput",
        &[&[
            has("name", NAME),
            may("kind", Shape::Maybe(&KIND)),
            may("of", MAYBE_TEXT).text("for an alias: the domain that it leads to"),
        ]],
    ))
    .answers(201, &ONE)
    .answers(200, &ONE);
pub(super) const SHOW: Contract = Contract::new("Shows a claim").answers(200, &ONE);
pub(super) const VERIFY: Contract =
    Contract::new("Looks now whether the DNS proves a claim").answers(200, &VERIFIED);
pub(super) const DELETE: Contract = Contract::new("Gives a name up").answers(200, &super::DELETED);

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1000;

/// What is claimed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    name: String,
    kind: Option<String>,
    of: Option<String>,
}

pub(super) fn list(call: &Call<'_>) -> Result<Response, Fault> {
    let limit = number(call, "limit")?.map_or(DEFAULT_LIMIT, |limit| limit.min(MAX_LIMIT));
    let offset = number(call, "offset")?.unwrap_or(0);
    let page = Page { limit, offset: offset.into() };
    let claims = call.read(|tx| claim::list(tx, &call.caller, page))?;
    let claims: Vec<Value> = claims.iter().map(claim_json).collect();
    Ok(Response::json(StatusCode::OK, &json!({ "claims": claims, "limit": limit, "offset": offset })))
}

pub(super) fn create(call: &Call<'_>) -> Result<Response, Fault> {
    let new: New = body(call)?;
    let name = claimable(&new.name)?;
    let of = match (new.kind.as_deref(), &new.of) {
        (None | Some("domain"), None) => None,
        (Some("alias"), Some(of)) => {
            Some(of.parse::<DomainName>().map_err(|_| Error::NotFound(Entity::Domain))?)
        }
        (Some("alias"), None) => {
            return Err(Fault::input("of", "is required for an alias: the domain it leads to"));
        }
        (None | Some("domain"), Some(_)) => {
            return Err(Fault::input("of", "is for an alias: set kind to alias"));
        }
        (Some(_), _) => return Err(Fault::input("kind", "must be domain or alias")),
    };
    let (claim, is_new) = pool::write(*call.session, |tx| {
        let (claim, is_new) = claim::create(tx, &call.caller, &name, of.as_ref())?;
        if is_new && claim.state == claim::ClaimState::Holds && claim.of.is_none() {
            // With its DKIM key, so that its records are complete at once.
            let domain = domain::find_named(tx, &call.caller, &name)?;
            provision::equip(tx, &domain)?;
        }
        Ok((claim, is_new))
    })?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(Response::json(status, &json!({ "claim": claim_json(&claim) })))
}

pub(super) fn show(call: &Call<'_>) -> Result<Response, Fault> {
    let name = name(call)?;
    let claim = call.read(|tx| claim::find(tx, &call.caller, &name))?;
    Ok(Response::json(StatusCode::OK, &json!({ "claim": claim_json(&claim) })))
}

pub(super) fn verify(call: &LookingCall<'_>) -> Result<Response, Fault> {
    let name = name(call)?;
    let verified = claim::verify(call.postroom, &call.caller, &name, call.resolver)?;
    Ok(Response::json(StatusCode::OK, &verified_json(&verified)))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Response, Fault> {
    let name = name(call)?;
    call.write(|tx| claim::delete(tx, &call.caller, &name))?;
    Ok(Response::json(StatusCode::OK, &json!({ "deleted": name.as_str() })))
}

/// A name that is to be claimed; what is no mail domain is nobody's to claim.
fn claimable(text: &str) -> Result<DomainName, Fault> {
    text.trim()
        .parse()
        .map_err(|reason: InvalidName| Error::NotClaimable { reason: reason.to_string() }.into())
}

/// The name in the path; what is no name is claimed by nobody.
fn name(call: &Call<'_>) -> Result<DomainName, Fault> {
    call.param("name").parse().map_err(|_| Fault::Library(Error::NotFound(Entity::Claim)))
}

/// A number of the query; an empty one is none.
pub(super) fn number(call: &Call<'_>, field: &'static str) -> Result<Option<u32>, Fault> {
    let Some(text) = call.query(field).filter(|text| !text.is_empty()) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| Fault::input(field, "must be a whole number, 0 or more"))
}
