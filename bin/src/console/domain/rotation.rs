//! The rotation of a domain's keys, with its stages.

use maud::{Markup, html};
use postroom::rotation::{RotationView, Stage};

use crate::console::form::{Fields, Refused};
use crate::console::frame::Frame;
use crate::console::part::time;

/// The part of the page that shows it.
pub(super) fn section(frame: &Frame, name: &str, view: &RotationView, refused: Option<&Refused>) -> Markup {
    let path = |path: &str| frame.to_domain(name, path);
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
