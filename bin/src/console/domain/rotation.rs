//! The rotation of a domain's keys, with its stages.

use std::time::Duration;

use maud::{Markup, html};
use postroom::dkim::pool;
use postroom::error::Error;
use postroom::rotation::{self, Stage};

use super::keys::{Keys, answer};
use super::{find, name, see_domain};
use crate::console::form::{Fields, Refused, submit};
use crate::console::part::time;
use crate::wire::http::Response;
use crate::wire::{Call, Fault, SignedIn};

pub(super) fn section(keys: &Keys, refused: Option<&Refused>) -> Markup {
    let (frame, view) = (&keys.frame, &keys.rotation);
    let path = |path: &str| frame.to_domain(keys.domain.name.as_str(), path);
    let fields = Fields::of("rotation", &["every_days"], refused);
    let days = view.rotation.every.map_or(0, |every| every.as_secs() / 86_400);
    html! {
        section.card #rotation {
            h2 { "Rotation" }
            (fields.top())
            @match view.stage {
                Stage::Idle => p { "No rotation is under way. A rotation makes a new key, which takes over when its record is right everywhere." },
                Stage::Waiting { since } => p {
                    "A rotation is under way since " (time(since, frame.now)) ". Publish the record of the new key"
                    @if let Some(key) = view.rotation.under_way.as_ref().and_then(|under_way| view.key(under_way.key)) { ", " code { (key.selector) } }
                    ": it signs as soon as a check has seen it everywhere."
                },
                Stage::Keeping { until } => p { "The new key signs. Keep the record of the one before until " (time(until, frame.now)) ", for mail that it has signed is under way." },
                Stage::Done => p { "The last rotation is done: the record of the key before may be removed from the DNS." },
            }
            @if let Some(next) = view.rotation.next_at { p { "The next rotation begins by itself " (time(next, frame.now)) "." } }
            @if view.is_delegated() { p { "The keys are delegated: they take turns in the operator's zone, and the domain's owner need not act." } }
            div.actions {
                @if matches!(view.stage, Stage::Waiting { .. }) {
                    (frame.button(&path("/rotation/abort"), "Abort the rotation", ""))
                } @else {
                    (frame.button(&path("/rotation"), "Rotate now", "primary"))
                }
            }
            (frame.form(&path("/rotation/every"), &html! {
                div.row {
                    (fields.input("number", "every_days", "Rotate by itself every … days", &days.to_string(), "5 or more; 0 for never.", true))
                    button { "Save" }
                }
            }))
        }
    }
}

pub(in crate::console) fn start(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
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

pub(in crate::console) fn abort(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    submit(call, answer, ("rotation", "rotation"), |_| {
        let acts = &call.caller.acts;
        call.write(|tx| rotation::abort(tx, acts, &find(tx, acts, &name)?).map(drop))?;
        Ok(see_domain(call, &name, "/keys#rotation"))
    })
}

pub(in crate::console) fn set_interval(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
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
