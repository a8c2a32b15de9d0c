//! Set-up links: pages with a domain's records, for whoever enters them.

use std::time::Duration;

use postroom::domain;
use postroom::error::{Entity, Error};
use postroom::id::SetupLinkId;
use postroom::setup_link::{self, LONGEST};
use serde_json::{Value, json};

use super::domains::name;
use crate::console::setup_url;
use crate::json::setup_link::{MADE, SHOWN, setup_link_json};
use crate::wire::Contract;
use crate::wire::http::{Response, StatusCode};
use crate::wire::json::Json;
use crate::wire::shape::{ID, NAME, Shape, has, may};
use crate::wire::{Call, Fault, json_body};

const DAY: Duration = Duration::from_hours(24);
/// For how many days a link works if nothing is said.
const USUAL_DAYS: u64 = 30;

/// For how many days a link works at most.
const MOST_DAYS: u64 = LONGEST.as_secs() / DAY.as_secs();
// The contract below has it as a number.
const _: () = assert!(MOST_DAYS == 90);

pub(super) const LIST: Contract = Contract::new("Lists a domain's set-up links").answers(
    200,
    &Shape::object("SetupLinks", &[&[has("domain", NAME), has("setup_links", Shape::List(&SHOWN))]]),
);
pub(super) const CREATE: Contract =
    Contract::new("Makes a set-up link: a page with the domain's records, for whoever enters them")
        .may_take(&Shape::closed(
            "SetupLinkInput",
            &[&[may("days", Shape::Maybe(&Shape::Integer { least: 1, most: 90 }))
                .text("for how many days it works; 30 if nothing is said")]],
        ))
        .answers(201, &Shape::object("SetupLinkMade", &[&[has("domain", NAME), has("setup_link", MADE)]]));
pub(super) const REVOKE: Contract = Contract::new("Revokes a set-up link")
    .answers(200, &Shape::object("RevokedSetupLink", &[&[has("revoked", ID)]]));

pub(super) fn list(call: &Call<'_>) -> Result<Response, Fault> {
    let name = name(call)?;
    let links = call.read(|tx| setup_link::list(tx, &domain::find_named(tx, &call.caller, &name)?))?;
    let links: Vec<Value> = links.iter().map(setup_link_json).collect();
    Ok(Response::json(StatusCode::OK, &json!({ "domain": name.as_str(), "setup_links": links })))
}

/// Makes one; its address is in this answer alone.
pub(super) fn create(call: &Call<'_>) -> Result<Response, Fault> {
    let name = name(call)?;
    let life = life(call)?;
    let (link, secret) = call.write(|tx| {
        let domain = domain::find_named(tx, &call.caller, &name)?;
        setup_link::create(tx, &call.caller, &domain, life)
    })?;
    let mut made = setup_link_json(&link);
    if let Value::Object(fields) = &mut made {
        fields.insert("url".to_owned(), setup_url(call.base_url, &secret).into());
    }
    Ok(Response::json(StatusCode::CREATED, &json!({ "domain": name.as_str(), "setup_link": made })))
}

fn life(call: &Call<'_>) -> Result<Duration, Fault> {
    let days = match json_body(call.request)? {
        None => USUAL_DAYS,
        Some(Json::Object(body)) => match body.only(&["days"]).map_err(Fault::Json)?.get("days") {
            None | Some(Json::Null) => USUAL_DAYS,
            Some(value) => value.as_u64().filter(|days| (1..=MOST_DAYS).contains(days)).ok_or_else(|| {
                Fault::input("days", format_args!("must be a whole number of days, 1 to {MOST_DAYS}"))
            })?,
        },
        Some(_) => return Err(Fault::Json("the body must be an object".to_owned())),
    };
    Ok(Duration::from_secs(days * DAY.as_secs()))
}

pub(super) fn revoke(call: &Call<'_>) -> Result<Response, Fault> {
    let name = name(call)?;
    let id = call.param("link_id").parse().map(SetupLinkId::new);
    let id = id.map_err(|_| Error::NotFound(Entity::SetupLink))?;
    call.write(|tx| {
        let domain = domain::find_named(tx, &call.caller, &name)?;
        setup_link::revoke(tx, &call.caller, &domain, id)
    })?;
    Ok(Response::json(StatusCode::OK, &json!({ "revoked": id.number() })))
}
