//! A domain's DKIM keys: which sign, which wait, which may go; made, imported, switched on and off, deleted.

use std::time::Duration;

use maud::{Markup, html};
use postroom::dkim::{Algorithm, KeyKind, KeyPair, Source, pool};
use postroom::domain::{Details, Domain};
use postroom::error::{Entity, Error};
use postroom::keyring::{self, Activation, DnsState, KeyEntry};
use postroom::name::{InvalidName, Selector};
use postroom::rotation::{self, RotationView};

use super::records::to_do;
use super::rotation::section;
use super::tabs::{self, Tab};
use super::{find, name, see_domain};
use crate::console::form::{Fields, Refused, check_sure, sentence, submit, sure};
use crate::console::frame::Frame;
use crate::console::part::{Tone, pill, time};
use crate::wire::form::Form;
use crate::wire::http::{Response, StatusCode};
use crate::wire::{Call, Fault, LookingCall, SignedIn};

/// The kinds of key that can be made.
const KINDS: &[(&str, &str)] = &[
    ("rsa2048", "RSA, 2048 bits (every receiver takes it)"),
    ("ed25519", "Ed25519 (beside an RSA key)"),
    ("rsa1024", "RSA, 1024 bits (weak)"),
];

struct Keys {
    frame: Frame,
    domain: Details,
    entries: Vec<KeyEntry>,
    rotation: RotationView,
    keep: Duration,
}

pub(in crate::console) fn show(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    answer(call, StatusCode::OK, None)
}

fn answer(
    call: &Call<'_, SignedIn>,
    status: StatusCode,
    refused: Option<&Refused>,
) -> Result<Response, Fault> {
    let name = name(call)?;
    let keys = call.read(|tx| {
        let domain = find(tx, &call.caller.acts, &name)?;
        Ok::<_, Error>(Keys {
            frame: Frame::of(tx, call)?,
            entries: keyring::of_domain(tx, &domain)?,
            rotation: rotation::status(tx, &domain)?,
            keep: tx.settings().keep_retired_for,
            domain: domain.into_details(),
        })
    })?;
    let (top, domain) = (Fields::of("key", &[], refused), &keys.domain);
    let content = html! {
        (top.top())
        @for entry in &keys.entries { (card(&keys, entry)) }
        @if keys.entries.is_empty() {
            div.card { p { @if domain.wants_key { "The first key is being made." } @else { "This domain has no key." } } }
        }
        (section(&keys.frame, domain.name.as_str(), &keys.rotation, refused))
        div.grid { (create_form(&keys, refused)) (import_form(&keys, refused)) }
    };
    Ok(tabs::page_with(status, &keys.frame, domain, Tab::Keys, &content))
}

fn card(keys: &Keys, entry: &KeyEntry) -> Markup {
    let (frame, key) = (&keys.frame, &entry.key);
    let path =
        |verb: &str| frame.to_domain(keys.domain.name.as_str(), &format!("/keys/{}/{verb}", key.selector));
    let button = |verb: &str, label: &str, class: &str| {
        frame.form(
            &path(verb),
            &html! { button class=(class) { (label) span.visually-hidden { " " (key.selector) } } },
        )
    };
    html! {
        article.card {
            div.head {
                h2 { code { (key.selector) } }
                (state(entry))
                span.soft { (key.public.algorithm().as_str()) ", " (key.bits) " bits" }
            }
            dl.fields {
                dt { "Record" } dd { code { (entry.record_name()) } }
                dt { "In the DNS" }
                dd { (match entry.dns_state() {
                    DnsState::Valid => pill(Tone::Good, "Right"),
                    DnsState::Invalid => pill(Tone::Bad, "Not right"),
                    DnsState::Unknown => pill(Tone::Wait, "Not seen yet"),
                }) }
                dt { "Created" } dd { (time(key.created_at, frame.now)) }
                @if let Some(at) = key.activated_at { dt { "Signs since" } dd { (time(at, frame.now)) } }
                @if let Some(at) = key.retired_at { dt { "Retired" } dd { (time(at, frame.now)) } }
                @if let Some(at) = key.released_at { dt { "Safe to remove" } dd { span { "since " (time(at, frame.now)) } } }
                @else if let Some(until) = keys.rotation.kept_until(key, keys.keep) { dt { "Keep its record" } dd { span { "until " (time(until, frame.now)) } } }
            }
            @if let Some(problem) = &entry.problem {
                div class={ "finding " (if entry.dns_state() == DnsState::Invalid { "bad" } else { "wait" }) } {
                    p { (problem.text) }
                    @if let Some(action) = &problem.action { (to_do(action, Some(&problem.code))) }
                }
            }
            div.actions {
                @if key.is_active() { (button("deactivate", "Deactivate", "slight")) } @else { (button("activate", "Activate", "slight")) }
            }
            details {
                summary { "Delete" span.visually-hidden { " " (key.selector) } }
                (frame.form(&path("delete"), &sure("It is gone for good, also for mail that is still to be signed", "Delete the key")))
            }
        }
    }
}

fn state(entry: &KeyEntry) -> Markup {
    let key = &entry.key;
    if key.is_active() {
        pill(Tone::Good, "Signs")
    } else if key.released_at.is_some() {
        pill(Tone::Plain, "Safe to remove")
    } else if key.retired_at.is_some() {
        pill(Tone::Wait, "Retired")
    } else {
        pill(Tone::Plain, "Does not sign")
    }
}

fn create_form(keys: &Keys, refused: Option<&Refused>) -> Markup {
    let fields = Fields::of("create", &["selector", "kind"], refused);
    let action = keys.frame.to_domain(keys.domain.name.as_str(), "/keys");
    html! {
        section.card {
            h2 { "Make a key" }
            (keys.frame.form(&action, &html! {
                (fields.top())
                (fields.needed("selector", "Selector", "", "The name of the key, such as s1. Its record gets the name s1._domainkey."))
                (fields.choice("kind", "Kind", "rsa2048", "", KINDS))
                button { "Make the key" }
            }))
        }
    }
}

fn import_form(keys: &Keys, refused: Option<&Refused>) -> Markup {
    let fields = Fields::of("import", &["selector", "pem"], refused);
    let action = keys.frame.to_domain(keys.domain.name.as_str(), "/keys/import");
    html! {
        section.card {
            h2 { "Import a key" }
            (keys.frame.form(&action, &html! {
                (fields.top())
                (fields.needed("selector", "Selector", "", ""))
                (fields.field("pem", "Private key", "A private key in PEM, without a passphrase: RSA of 1024 or 2048 bits, or Ed25519. It is sealed at once, and never shown again.", |control| html! {
                    // What was pasted is a secret: it is not shown again.
                    textarea id=(control.id) name=(control.name) rows="4" required spellcheck="false" autocomplete="off"
                        aria-describedby=[control.described] aria-invalid=[control.is_wrong.then_some("true")] autofocus[control.is_wrong] {}
                }))
                button { "Import the key" }
            }))
        }
    }
}

pub(in crate::console) fn create(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    submit(call, answer, ("create", "selector"), |form| {
        let kind = match form.get("kind") {
            Some("ed25519") => KeyKind::of(Algorithm::Ed25519, None)?,
            Some("rsa1024") => KeyKind::of(Algorithm::Rsa, Some(1024))?,
            _ => KeyKind::of(Algorithm::Rsa, None)?,
        };
        add(call, form, || match kind {
            KeyKind::Rsa2048 => Ok(Source::Pool),
            kind => Ok(Source::Pair(KeyPair::generate(kind)?)),
        })
    })
}

pub(in crate::console) fn import(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    submit(call, answer, ("import", "selector"), |form| {
        add(call, form, || {
            let pem = form.octets("pem").unwrap_or_default();
            let pair = KeyPair::import_any(pem)
                .map_err(|e| Error::invalid("pem", format_args!("this key is not usable: {e}")))?;
            Ok(Source::Pair(pair))
        })
    })
}

fn add(
    call: &Call<'_, SignedIn>,
    form: &Form,
    source: impl FnOnce() -> Result<Source, Error>,
) -> Result<Response, Fault> {
    let (name, acts) = (name(call)?, &call.caller.acts);
    let selector = form.get("selector").unwrap_or_default().trim();
    let selector: Selector = selector.parse().map_err(|e: InvalidName| Error::invalid("selector", e))?;
    // Before seconds are spent on a key for it.
    call.read(|tx| find(tx, acts, &name).map(drop))?;
    let source = source()?;
    pool::write(*call.session, |tx| {
        let domain = find(tx, acts, &name)?;
        keyring::create(tx, acts, &domain, &selector, &source).map(drop)
    })?;
    Ok(see_domain(call, &name, "/keys"))
}

/// Looks at the key's record now, and has the key sign if it is right.
pub(in crate::console) fn activate(call: &LookingCall<'_, SignedIn>) -> Result<Response, Fault> {
    let (name, selector) = (name(call)?, selector(call)?);
    submit(call, answer, ("key", "selector"), |_| {
        let acts = &call.caller.acts;
        let id = call.read(|tx| find(tx, acts, &name).map(|domain: Domain<'_>| domain.id))?;
        match keyring::activate(call.postroom, acts, id, &selector, call.resolver)? {
            Activation::Done(_) => Ok(see_domain(call, &name, "/keys")),
            Activation::Refused(checked) => {
                let reason = format!("{selector} does not sign: {}", checked.finding.text);
                Err(Error::invalid("key", sentence(&reason)).into())
            }
        }
    })
}

pub(in crate::console) fn deactivate(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let (name, selector) = (name(call)?, selector(call)?);
    submit(call, answer, ("key", "selector"), |_| {
        let acts = &call.caller.acts;
        call.write(|tx| keyring::deactivate(tx, acts, &find(tx, acts, &name)?, &selector).map(drop))?;
        Ok(see_domain(call, &name, "/keys"))
    })
}

pub(in crate::console) fn delete(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let (name, selector) = (name(call)?, selector(call)?);
    submit(call, answer, ("key", "selector"), |form| {
        let acts = &call.caller.acts;
        check_sure(form)?;
        call.write(|tx| keyring::delete(tx, acts, &find(tx, acts, &name)?, &selector))?;
        Ok(see_domain(call, &name, "/keys"))
    })
}

pub(in crate::console) fn start_rotation(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    submit(call, answer, ("rotation", "rotation"), |_| {
        let acts = &call.caller.acts;
        let source = call.read(|tx| rotation::supply(tx, &find(tx, acts, &name)?))?.source()?;
        pool::write(*call.session, |tx| {
            rotation::start(tx, acts, &find(tx, acts, &name)?, &source).map(drop)
        })?;
        Ok(see_domain(call, &name, "/keys#rotation"))
    })
}

pub(in crate::console) fn abort_rotation(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    submit(call, answer, ("rotation", "rotation"), |_| {
        let acts = &call.caller.acts;
        call.write(|tx| rotation::abort(tx, acts, &find(tx, acts, &name)?).map(drop))?;
        Ok(see_domain(call, &name, "/keys#rotation"))
    })
}

pub(in crate::console) fn set_rotation_interval(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    submit(call, answer, ("rotation", "every_days"), |form| {
        let acts = &call.caller.acts;
        let days: u32 = form
            .get("every_days")
            .and_then(|days| days.trim().parse().ok())
            .ok_or_else(|| Error::invalid("every_days", "it must be a whole number of days"))?;
        let every = (days > 0).then(|| Duration::from_hours(24 * u64::from(days)));
        let set = call.write(|tx| rotation::set_interval(tx, acts, &find(tx, acts, &name)?, every).map(drop));
        set.map_err(|error| match error {
            Error::Invalid { reason, .. } => Error::invalid("every_days", reason),
            other => other,
        })?;
        Ok(see_domain(call, &name, "/keys#rotation"))
    })
}

/// The selector in the path; what is none names no key.
fn selector<By>(call: &Call<'_, By>) -> Result<Selector, Fault> {
    call.param("selector").parse().map_err(|_| Fault::Library(Error::NotFound(Entity::DkimKey)))
}
