//! Domain keys: list, create and import, delete, activate and deactivate.

use postroom::dkim::{Algorithm, KeyKind, KeyPair, PrivateKeyFault, Source, pool};
use postroom::error::{Entity, Error};
use postroom::inbound;
use postroom::keyring::{self, Activation, Filter, Window};
use postroom::name::{DomainName, Selector};
use serde_json::json;

use super::input::{as_key, bad, domain as domain_of, new_selector, path_domain, path_key, selector};
use super::paging::PAGING;
use super::paging::{Asked, Paging};
use super::shape::KEY;
use super::shape::key_json;
use crate::wire::Contract;
use crate::wire::form::Form;
use crate::wire::http::{Response, StatusCode};
use crate::wire::shape::{NAME, SELECTOR, Shape, TEXT, has, may};
use crate::wire::{Call, Fault, LookingCall, sound};

pub(super) const LIST: Contract = Contract::new("Lists the DKIM keys of all domains")
    .query(&[
        may("signing_domain", TEXT),
        may("selector", TEXT),
        may("page", TEXT).text("from a link of the answer"),
        may("limit", TEXT).text("a number, 100 at most; 10 if it is none"),
    ])
    .answers(200, &Shape::object("PageOfKeys", &[&[has("items", Shape::List(&KEY)), has("paging", PAGING)]]));
pub(super) const CREATE: Contract = Contract::new("Makes a DKIM key, or takes one")
    .form(&[
        has("signing_domain", NAME),
        has("selector", SELECTOR),
        may("bits", Shape::Word(&["2048", "1024"])),
        may("pem", TEXT).text("a private key in PKCS #1, as a text or a file"),
    ])
    .answers(200, &KEY);
pub(super) const DELETE: Contract = Contract::new("Deletes a DKIM key")
    .query(&[has("signing_domain", NAME), has("selector", SELECTOR)])
    .answers(200, &super::MESSAGE);
pub(super) const OF_DOMAIN: Contract = Contract::new("Lists a domain's DKIM keys")
    .answers(200, &Shape::object("Keys", &[&[has("items", Shape::List(&KEY))]]));
const SWITCHED: Shape = Shape::object(
    "SwitchedKey",
    &[&[has("message", TEXT), has("authority", NAME), has("selector", SELECTOR), has("active", Shape::Flag)]],
);
pub(super) const ACTIVATE: Contract =
    Contract::new("Has a DKIM key sign, if its record is in the DNS").answers(200, &SWITCHED);
pub(super) const DEACTIVATE: Contract = Contract::new("Has a DKIM key sign no more").answers(200, &SWITCHED);

pub(super) fn list(call: &Call<'_>) -> Result<Response, Fault> {
    let asked = Asked::read(&Form::read(call.request)?);
    let (entries, ends) = match &asked.filter {
        Some((domain, selector)) => {
            let filter = Filter { signing_domain: domain.as_ref(), selector: selector.as_ref() };
            let list = call.read(|tx| keyring::list(tx, &call.caller, &filter, asked.window, asked.limit))?;
            (sound(&list.damaged, list.entries), list.ends)
        }
        // A filter that no name passes.
        None => (Vec::new(), None),
    };
    let paging = Paging::around(&asked, ends);
    let items: Vec<_> = entries.iter().map(key_json).collect();
    let body = json!({ "items": items, "paging": paging.json(call.base_url) });
    Ok(Response::json(StatusCode::OK, &body))
}

pub(super) fn create(call: &Call<'_>) -> Result<Response, Fault> {
    let form = Form::read(call.request)?;
    let (name, selector) = (domain_of(&form, "signing_domain")?, selector(&form, "selector")?);
    let selector = new_selector(selector, "selector")?;
    // Before any work is spent on a key for it.
    call.read(|tx| inbound::domain_named(tx, &call.caller, &name).map(drop))?;
    let source = source(&form)?;
    let made = pool::write(*call.session, |tx| {
        let domain = inbound::domain_named(tx, &call.caller, &name)?;
        keyring::create(tx, &call.caller, &domain, &selector, &source)
    })?;
    Ok(Response::json(StatusCode::OK, &key_json(&made)))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Response, Fault> {
    let form = Form::read(call.request)?;
    let (name, selector) = (domain_of(&form, "signing_domain")?, selector(&form, "selector")?);
    call.write(|tx| {
        let domain = inbound::domain_named(tx, &call.caller, &name)?;
        keyring::delete(tx, &call.caller, &domain, &selector)
    })
    .map_err(as_key)?;
    Ok(Response::json(StatusCode::OK, &json!({ "message": "success" })))
}

/// A domain that is not there has no keys, and that is all that is said of it.
pub(super) fn of_domain(call: &Call<'_>) -> Result<Response, Fault> {
    let entries = match path_domain(call) {
        Ok(name) => call.read(|tx| {
            let domain = inbound::domain_named(tx, &call.caller, &name)?;
            let filter = Filter { signing_domain: Some(&domain.name), selector: None };
            let list = keyring::list(tx, &call.caller, &filter, Window::After(None), u32::MAX)?;
            Ok(sound(&list.damaged, list.entries))
        }),
        Err(_) => Ok(Vec::new()),
    };
    let entries = match entries {
        Err(Error::NotFound(Entity::Domain)) => Vec::new(),
        other => other?,
    };
    let items: Vec<_> = entries.iter().map(key_json).collect();
    Ok(Response::json(StatusCode::OK, &json!({ "items": items })))
}

pub(super) fn activate(call: &LookingCall<'_>) -> Result<Response, Fault> {
    let (name, selector) = path_key(call)?;
    let id = call.read(|tx| Ok(inbound::domain_named(tx, &call.caller, &name)?.id)).map_err(as_key)?;
    let outcome = keyring::activate(call.postroom, &call.caller, id, &selector, call.resolver);
    match outcome.map_err(as_key)? {
        Activation::Done(_) => Ok(switched("domain key activated", &name, &selector, true)),
        Activation::Refused(checked) => {
            Err(bad("selector", format!("failed to activate domain key: {}", checked.finding.text)))
        }
    }
}

pub(super) fn deactivate(call: &Call<'_>) -> Result<Response, Fault> {
    let (name, selector) = path_key(call)?;
    call.write(|tx| {
        let domain = inbound::domain_named(tx, &call.caller, &name)?;
        keyring::deactivate(tx, &call.caller, &domain, &selector)
    })
    .map_err(as_key)?;
    Ok(switched("domain key deactivated", &name, &selector, false))
}

fn switched(message: &str, authority: &DomainName, selector: &Selector, active: bool) -> Response {
    let body = json!({
        "message": message, "authority": authority.as_str(), "selector": selector.as_str(), "active": active,
    });
    Response::json(StatusCode::OK, &body)
}

/// Where the key that is to be created comes from: its `pem`, else a new pair of `bits`.
fn source(form: &Form) -> Result<Source, Fault> {
    let pem = form.octets("pem").filter(|pem| form.file("pem").is_some() || !pem.is_empty());
    if let Some(pem) = pem {
        let pair = KeyPair::import(pem).map_err(|refusal| {
            let reason = match refusal.fault() {
                PrivateKeyFault::NotPem => "failed to parse PEM".to_owned(),
                PrivateKeyFault::NotPkcs1 => {
                    "failed to parse private key: key must be PKCS1 format".to_owned()
                }
                PrivateKeyFault::BadKey => format!("failed to parse private key: {refusal}"),
            };
            bad("pem", format!("failed to import domain key: {reason}"))
        })?;
        return Ok(Source::Pair(pair));
    }
    match form.get("bits").map(str::trim).filter(|bits| !bits.is_empty()) {
        None | Some("2048") => Ok(Source::Pool),
        Some("1024") => Ok(Source::Pair(KeyPair::generate(KeyKind::of(Algorithm::Rsa, Some(1024))?)?)),
        Some(_) => Err(bad("bits", "bits must be 1024 or 2048")),
    }
}
