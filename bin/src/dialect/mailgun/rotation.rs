//! Automatic rotation, and rotation now.
//!
//! Errors of these two routes have names of their own: `Reason` at 400, `Description` at 404. `message` stands beside them,
//! for that is what clients read.

use std::time::Duration;

use postroom::dkim::DkimKey;
use postroom::dkim::pool;
use postroom::domain::Details;
use postroom::error::Error;
use postroom::inbound;
use postroom::keyring::{self, KeyEntry};
use postroom::rotation::{self, RotationView};
use serde_json::{Value, json};

use super::input::FLAG;
use super::input::{bad, flag, path_domain, required};
use super::render;
use crate::wire::Contract;
use crate::wire::form::Form;
use crate::wire::http::{Response, StatusCode};
use crate::wire::shape::{NAME, Shape, TEXT, has, may};
use crate::wire::{Call, Fault};

const RECORD: Shape = Shape::object(
    "RotatedRecord",
    &[&[
        has("name", NAME),
        has("type", Shape::Word(&["TXT", "CNAME"])),
        has("identifier", TEXT),
        has("value", TEXT),
        has("comment", TEXT),
    ]],
);
const DOMAIN: Shape = Shape::object(
    "RotatedDomain",
    &[&[
        has("id", TEXT),
        has("account_id", TEXT),
        has("sid", TEXT),
        has("name", NAME),
        has("state", Shape::Word(&["enabled", "wait_verify"])),
        has("active_selector", TEXT),
        has("rotation_enabled", Shape::Word(&["true", "false"])),
        has("rotation_interval", TEXT),
        has("records", Shape::List(&RECORD)),
    ]],
);
pub(super) const UPDATE: Contract = Contract::new("Sets whether and how often a domain's keys are rotated")
    .form(&[has("rotation_enabled", FLAG), may("rotation_interval", INTERVAL)])
    .answers(200, &Shape::object("Rotation", &[&[has("domain", DOMAIN)]]));
const INTERVAL: Shape = Shape::Text { format: "", least: 0, example: "120d" };
pub(super) const ROTATE: Contract = Contract::new("Begins a rotation now").answers(200, &super::MESSAGE);

/// The state of a domain of which a key signs.
const ENABLED: &str = "enabled";
/// What is longer is a mistake.
const LONGEST_INTERVAL: Duration = Duration::from_hours(10 * 366 * 24);
/// How often keys are rotated where nothing else is asked for.
const USUAL_INTERVAL: Duration = Duration::from_hours(120 * 24);

pub(super) fn update(call: &Call<'_>) -> Result<Response, Fault> {
    named(set(call))
}

pub(super) fn rotate(call: &Call<'_>) -> Result<Response, Fault> {
    named(begin(call))
}

fn set(call: &Call<'_>) -> Result<Response, Fault> {
    let (name, form) = (path_domain(call)?, Form::read(call.request)?);
    let enabled = flag(required(&form, "rotation_enabled")?, "rotation_enabled")?;
    let asked = form.get("rotation_interval").map(str::trim).filter(|text| !text.is_empty());
    let asked = asked.map(interval).transpose()?;
    if asked.is_some() && !enabled {
        let text = "rotation_interval is not allowed unless also enabling DKIM rotation";
        return Err(bad("rotation_interval", text));
    }
    let body = pool::write(*call.session, |tx| {
        let domain = inbound::domain_named(tx, &call.caller, &name)?;
        let was = rotation::status(tx, &domain)?.rotation.every;
        let every = enabled.then(|| asked.or(was).unwrap_or(USUAL_INTERVAL));
        rotation::set_interval(tx, &call.caller, &domain, every)?;
        if enabled && tx.settings().delegation_zone.is_some() {
            rotation::delegate(tx, &call.caller, &domain)?;
        }
        let status = rotation::status(tx, &domain)?;
        Ok::<_, Error>(domain_json(&domain, &status, &keyring::of_domain(tx, &domain)?))
    })?;
    Ok(Response::json(StatusCode::OK, &json!({ "domain": body })))
}

fn begin(call: &Call<'_>) -> Result<Response, Fault> {
    let name = path_domain(call)?;
    let (state, supply) = call.read(|tx| {
        let domain = inbound::domain_named(tx, &call.caller, &name)?;
        rotation::check_signs_itself(&domain)?;
        let status = rotation::status(tx, &domain)?;
        Ok::<_, Error>((state(&status), rotation::supply(tx, &domain)?))
    })?;
    if state != ENABLED {
        let text = format!("only domains in {ENABLED} can rotate their keys. Current state: {state}");
        return Err(bad("name", text));
    }
    let source = supply.source()?;
    pool::write(*call.session, |tx| {
        let domain = inbound::domain_named(tx, &call.caller, &name)?;
        rotation::start(tx, &call.caller, &domain, &source)
    })?;
    Ok(Response::json(StatusCode::OK, &json!({ "message": "ok" })))
}

/// `5d`, `120h`, `7200m`, or several of them: `5d12h`.
fn interval(text: &str) -> Result<Duration, Fault> {
    let wrong =
        || bad("rotation_interval", format!("rotation_interval \"{}\" is no span such as 5d", shown(text)));
    let (mut total, mut digits) = (Duration::ZERO, String::new());
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let unit = match c.to_ascii_lowercase() {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            _ => return Err(wrong()),
        };
        let number: u32 = std::mem::take(&mut digits).parse().map_err(|_| wrong())?;
        let span = Duration::from_secs(u64::from(number) * unit);
        total = total.checked_add(span).filter(|total| *total <= LONGEST_INTERVAL).ok_or_else(wrong)?;
    }
    if digits.is_empty() && !total.is_zero() { Ok(total) } else { Err(wrong()) }
}

/// As much of a text as an error repeats.
fn shown(text: &str) -> String {
    const MOST: usize = 20;
    let more = if text.chars().count() > MOST { "…" } else { "" };
    text.chars().take(MOST).chain(more.chars()).collect()
}

/// Whether a key signs, in the words of these routes.
fn state(status: &RotationView) -> &'static str {
    if status.keys.iter().any(DkimKey::is_active) { ENABLED } else { "wait_verify" }
}

fn domain_json(domain: &Details, status: &RotationView, entries: &[KeyEntry]) -> Value {
    let active = entries.iter().rev().find(|entry| entry.key.is_active());
    let delegated: Vec<&KeyEntry> = entries.iter().filter(|entry| entry.key.delegated_to.is_some()).collect();
    let shown = if delegated.is_empty() { entries.iter().collect() } else { delegated };
    let records: Vec<Value> = shown.into_iter().map(record_json).collect();
    json!({
        "id": format!("{:024x}", domain.id.number()),
        "account_id": format!("{:024x}", domain.account.number()),
        "sid": domain.id.to_string(),
        "name": domain.name.as_str(),
        "state": state(status),
        "active_selector": active.map_or("", |entry| entry.key.selector.as_str()),
        "rotation_enabled": status.rotation.every.is_some().to_string(),
        "rotation_interval": status.rotation.every.map_or_else(String::new, |every| format!("{}h", every.as_secs() / 3600)),
        "records": records,
    })
}

fn record_json(entry: &KeyEntry) -> Value {
    let (kind, value) = match &entry.key.delegated_to {
        Some(target) => ("CNAME", target.to_string()),
        None => ("TXT", entry.key.public.record_value()),
    };
    json!({
        "name": entry.record_name().as_str(),
        "type": kind,
        "identifier": "DKIM",
        "value": value,
        "comment": format!("Customer DKIM {kind} Record"),
    })
}

/// Gives a fault the name that these routes have for what went wrong.
fn named(result: Result<Response, Fault>) -> Result<Response, Fault> {
    let fault = match result {
        Err(
            fault @ (Fault::Input { .. }
            | Fault::Format(_)
            | Fault::Library(
                Error::Invalid { .. } | Error::Limit { .. } | Error::Cap { .. } | Error::NotFound(_),
            )),
        ) => fault,
        other => return other,
    };
    let plain = render(&fault);
    if plain.status == StatusCode::NOT_FOUND {
        let body = json!({ "Description": "domain not found", "message": "Domain not found" });
        return Ok(Response::json(plain.status, &body));
    }
    let text = match &fault {
        Fault::Library(Error::Invalid { field: "rotation" | "delegation", reason })
        | Fault::Input { reason, .. } => reason.clone(),
        other => other.to_string(),
    };
    Ok(Response::json(plain.status, &json!({ "Reason": text, "message": text })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_numbers_with_units() {
        let hours = |text| interval(text).ok().map(|span| span.as_secs() / 3600);
        assert_eq!(hours("5d"), Some(120));
        assert_eq!(hours("120h"), Some(120));
        assert_eq!(hours("5d12h"), Some(132));
        assert_eq!(hours("1w"), Some(168));
        for bad in [
            &"4294967295w".repeat(7300),
            "20000w",
            "",
            "5",
            "d",
            "0d",
            "-5d",
            "5y",
            "5 d",
            "99999999999d",
            "5d5",
            "é",
        ] {
            assert!(interval(bad).is_err(), "{bad}");
        }
    }
}
