//! Set-up links: pages with a domain's records, for whoever enters them.

use std::time::Duration;

use postroom::domain;
use postroom::error::{Entity, Error};
use postroom::id::SetupLinkId;
use postroom::setup_link::{self, LONGEST};
use serde_json::{Value, json};

use super::domains::name;
use crate::console::setup_url;
use crate::json::setup_link::setup_link_json;
use crate::wire::http::{Response, StatusCode};
use crate::wire::json::Json;
use crate::wire::{Call, Fault, json_body};

const DAY: Duration = Duration::from_hours(24);
/// For how many days a link works if nothing is said.
const USUAL_DAYS: u64 = 30;

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
    let most = LONGEST.as_secs() / DAY.as_secs();
    let days = match json_body(call.request)? {
        None => USUAL_DAYS,
        Some(Json::Object(body)) => match body.members(&["days"]).get("days") {
            None | Some(Json::Null) => USUAL_DAYS,
            Some(value) => value.as_u64().filter(|days| (1..=most).contains(days)).ok_or_else(|| {
                Fault::input("days", format_args!("must be a whole number of days, 1 to {most}"))
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
