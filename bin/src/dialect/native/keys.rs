//! A domain's DKIM keys, and their rotation.

use std::time::Duration;

use postroom::db::ReadTx;
use postroom::dkim::{Algorithm, KeyKind, KeyPair, Source, pool};
use postroom::domain::{self, Domain};
use postroom::error::{Entity, Error};
use postroom::inbound;
use postroom::keyring::{self, Activation, Filter, Window};
use postroom::name::{InvalidName, Selector};
use postroom::rotation;
use serde::Deserialize;
use serde_json::{Value, json};

use super::domains::{domain_id, name};
use super::{body, unusable};
use crate::json::key::{KEY, ROTATION};
use crate::json::key::{key_json, rotation_json};
use crate::wire::Contract;
use crate::wire::http::{Response, StatusCode};
use crate::wire::shape::{MAYBE_TEXT, NAME, SELECTOR, Shape, has, may};
use crate::wire::{Call, Fault, LookingCall, sound};

pub(super) const LIST: Contract = Contract::new("Lists a domain's DKIM keys")
    .answers(200, &Shape::object("DkimKeys", &[&[has("domain", NAME), has("keys", Shape::List(&KEY))]]));
pub(super) const CREATE: Contract = Contract::new("Makes a DKIM key, or takes one")
    .takes(&Shape::closed(
        "DkimKeyInput",
        &[&[
            has("selector", SELECTOR),
            may("algorithm", Shape::Maybe(&Shape::Word(&["rsa", "ed25519"]))),
            may("bits", Shape::Maybe(&Shape::Integer { least: 0, most: 4_294_967_295 })),
            may("pem", MAYBE_TEXT).text("a private key that is taken; it says itself what it is"),
        ]],
    ))
    .answers(201, &KEY);
pub(super) const DELETE: Contract = Contract::new("Deletes a DKIM key").answers(200, &super::DELETED);
pub(super) const ACTIVATE: Contract =
    Contract::new("Has a DKIM key sign, if its record is in the DNS").answers(200, &KEY);
pub(super) const DEACTIVATE: Contract = Contract::new("Has a DKIM key sign no more").answers(200, &KEY);
pub(super) const ROTATION_SHOWN: Contract =
    Contract::new("Shows how a rotation stands").answers(200, &ROTATION);
pub(super) const ROTATE: Contract = Contract::new("Begins a rotation now").answers(200, &ROTATION);
pub(super) const ABORT: Contract = Contract::new("Calls a rotation off").answers(200, &ROTATION);
pub(super) const SET_ROTATION: Contract =
    Contract::new("Sets how often keys are rotated; what is left out stays")
        .takes(&Shape::closed(
            "RotationInput",
            &[&[
                may("every_days", Shape::Maybe(&Shape::Integer { least: 0, most: 36_500 }))
                    .text("0 for never"),
                may("delegated", Shape::Maybe(&Shape::Flag)).text(
                    "true publishes keys under the operator's zone; false is refused while they are there",
                ),
            ]],
        ))
        .answers(200, &ROTATION);

/// What a key is made from.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    selector: String,
    algorithm: Option<String>,
    bits: Option<u32>,
    pem: Option<String>,
}

/// What is set of rotations. What is left out stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Days from one automatic rotation to the next; 0 for none.
    every_days: Option<u32>,
    delegated: Option<bool>,
}

pub(super) fn list(call: &Call<'_>) -> Result<Response, Fault> {
    let name = name(call)?;
    let entries = call.read(|tx| {
        let domain = inbound::domain_named(tx, &call.caller, &name)?;
        let filter = Filter { signing_domain: Some(&domain.name), selector: None };
        let list = keyring::list(tx, &call.caller, &filter, Window::After(None), u32::MAX)?;
        Ok::<_, Error>(sound(&list.damaged, list.entries))
    })?;
    let keys: Vec<Value> = entries.iter().map(key_json).collect();
    Ok(Response::json(StatusCode::OK, &json!({ "domain": name.as_str(), "keys": keys })))
}

pub(super) fn create(call: &Call<'_>) -> Result<Response, Fault> {
    let (name, new): (_, New) = (name(call)?, body(call)?);
    let selector: Selector =
        new.selector.parse().map_err(|reason: InvalidName| unusable("selector", &new.selector, reason))?;
    // Before seconds are spent on a key for it.
    domain_id(call)?;
    let source = source(&new)?;
    let made = pool::write(*call.session, |tx| {
        let domain = inbound::domain_named(tx, &call.caller, &name)?;
        keyring::create(tx, &call.caller, &domain, &selector, &source)
    })?;
    Ok(Response::json(StatusCode::CREATED, &key_json(&made)))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Response, Fault> {
    let (name, selector) = (name(call)?, selector(call)?);
    call.write(|tx| {
        let domain = inbound::domain_named(tx, &call.caller, &name)?;
        keyring::delete(tx, &call.caller, &domain, &selector)
    })?;
    Ok(Response::json(StatusCode::OK, &json!({ "deleted": selector.as_str() })))
}

pub(super) fn activate(call: &LookingCall<'_>) -> Result<Response, Fault> {
    let (id, selector) = (domain_id(call)?, selector(call)?);
    match keyring::activate(call.postroom, &call.caller, id, &selector, call.resolver)? {
        Activation::Done(_) => {
            let entry = call.read(|tx| keyring::find(tx, &domain::find(tx, &call.caller, id)?, &selector))?;
            Ok(Response::json(StatusCode::OK, &key_json(&entry)))
        }
        Activation::Refused(checked) => {
            let code = checked.finding.code.map(postroom::verify::Code::as_str);
            let error = json!({ "code": "dns_not_right", "finding": code, "message": checked.finding.text });
            Ok(Response::json(StatusCode::CONFLICT, &json!({ "error": error })))
        }
    }
}

pub(super) fn deactivate(call: &Call<'_>) -> Result<Response, Fault> {
    let (name, selector) = (name(call)?, selector(call)?);
    let entry = call.write(|tx| {
        let domain = inbound::domain_named(tx, &call.caller, &name)?;
        keyring::deactivate(tx, &call.caller, &domain, &selector)?;
        keyring::find(tx, &domain, &selector)
    })?;
    Ok(Response::json(StatusCode::OK, &key_json(&entry)))
}

pub(super) fn rotation(call: &Call<'_>) -> Result<Response, Fault> {
    let name = name(call)?;
    let shown = call.read(|tx| shown_rotation(tx, &inbound::domain_named(tx, &call.caller, &name)?))?;
    Ok(Response::json(StatusCode::OK, &shown))
}

pub(super) fn rotate(call: &Call<'_>) -> Result<Response, Fault> {
    let name = name(call)?;
    let supply = call.read(|tx| rotation::supply(tx, &inbound::domain_named(tx, &call.caller, &name)?))?;
    let source = supply.source()?;
    let shown = pool::write(*call.session, |tx| {
        let domain = inbound::domain_named(tx, &call.caller, &name)?;
        rotation::start(tx, &call.caller, &domain, &source)?;
        shown_rotation(tx, &domain)
    })?;
    Ok(Response::json(StatusCode::OK, &shown))
}

pub(super) fn abort(call: &Call<'_>) -> Result<Response, Fault> {
    let name = name(call)?;
    let shown = call.write(|tx| {
        let domain = inbound::domain_named(tx, &call.caller, &name)?;
        rotation::abort(tx, &call.caller, &domain)?;
        shown_rotation(tx, &domain)
    })?;
    Ok(Response::json(StatusCode::OK, &shown))
}

pub(super) fn set_rotation(call: &Call<'_>) -> Result<Response, Fault> {
    let (name, settings): (_, Settings) = (name(call)?, body(call)?);
    let shown = pool::write(*call.session, |tx| {
        let domain = inbound::domain_named(tx, &call.caller, &name)?;
        if let Some(days) = settings.every_days {
            let every = Duration::from_hours(24 * u64::from(days));
            rotation::set_interval(tx, &call.caller, &domain, Some(every).filter(|_| days > 0))?;
        }
        match settings.delegated {
            Some(true) => rotation::delegate(tx, &call.caller, &domain).map(drop)?,
            Some(false) => rotation::check_not_delegated(tx, &domain)?,
            None => {}
        }
        shown_rotation(tx, &domain)
    })?;
    Ok(Response::json(StatusCode::OK, &shown))
}

fn shown_rotation<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>) -> Result<Value, Error> {
    Ok(rotation_json(domain, &rotation::status(tx, domain)?, tx.settings().keep_retired_for))
}

/// The selector in the path; what is none names no key.
fn selector(call: &Call<'_>) -> Result<Selector, Fault> {
    call.param("selector").parse().map_err(|_| Fault::Library(Error::NotFound(Entity::DkimKey)))
}

fn source(new: &New) -> Result<Source, Fault> {
    let algorithm = new.algorithm.as_deref().map_or(Ok(Algorithm::Rsa), str::parse);
    let algorithm = algorithm.map_err(|_| Fault::input("algorithm", "must be rsa or ed25519"))?;
    if let Some(pem) = &new.pem {
        if new.bits.is_some() || new.algorithm.is_some() {
            return Err(Fault::input(
                "pem",
                "says itself what kind of key it is; leave out algorithm and bits",
            ));
        }
        return KeyPair::import_any(pem.as_bytes())
            .map(Source::Pair)
            .map_err(|e| Fault::input("pem", format_args!("is not usable: {e}")));
    }
    match KeyKind::of(algorithm, new.bits)? {
        KeyKind::Rsa2048 => Ok(Source::Pool),
        kind => Ok(Source::Pair(KeyPair::generate(kind)?)),
    }
}
