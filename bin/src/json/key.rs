//! DKIM keys and their rotation, in JSON: the native dialect's replies and the command line's.

use std::time::Duration;

use postroom::clock::Timestamp;
use postroom::dkim::DkimKey;
use postroom::domain::Details;
use postroom::keyring::{DnsState, KeyEntry};
use postroom::rotation::{RotationView, Stage};
use serde_json::{Value, json};

use super::record::problem_json;
use crate::wire::shape::{COUNT, MAYBE_TEXT, MAYBE_TIME, NAME, SELECTOR, Shape, TEXT, TEXTS, TIME, has};

const KEY_RECORD: Shape = Shape::object(
    "KeyRecord",
    &[&[
        has("name", NAME),
        has("type", Shape::Word(&["TXT", "CNAME"])),
        has("value", TEXT),
        has("dns", Shape::Word(&["unknown", "valid", "invalid"])),
        has("checked_at", MAYBE_TIME),
        has("seen", MAYBE_TEXT),
        has("problem", Shape::Maybe(&super::record::PROBLEM)),
    ]],
);
/// What [`key_json`] writes.
pub(crate) const KEY: Shape = Shape::object(
    "DkimKey",
    &[&[
        has("domain", NAME),
        has("selector", SELECTOR),
        has("algorithm", Shape::Word(&["rsa", "ed25519"])),
        has("bits", COUNT),
        has("active", Shape::Flag),
        has("created_at", TIME),
        has("activated_at", MAYBE_TIME),
        has("retired_at", MAYBE_TIME),
        has("released_at", MAYBE_TIME),
        has("record", KEY_RECORD),
    ]],
);
const RETIRED: Shape = Shape::object(
    "RetiredKey",
    &[&[
        has("selector", SELECTOR),
        has("retired_at", MAYBE_TIME),
        has("keep_record_until", MAYBE_TIME),
        has("safe_to_remove", Shape::Flag),
    ]],
);
/// What [`rotation_json`] writes.
pub(crate) const ROTATION: Shape = Shape::object(
    "Rotation",
    &[&[
        has("domain", NAME),
        has("stage", Shape::Word(&["idle", "waiting", "keeping", "done"])),
        has("since", MAYBE_TIME),
        has("new_selector", MAYBE_TEXT),
        has("replaces", MAYBE_TEXT),
        has("active", TEXTS),
        has("retired", Shape::List(&RETIRED)),
        has("delegated", Shape::Flag),
        has("every_days", Shape::Maybe(&COUNT)),
        has("next_at", MAYBE_TIME),
    ]],
);

/// A key, and what was last seen of its record.
pub fn key_json(entry: &KeyEntry) -> Value {
    let KeyEntry { signing_domain, key, problem, .. } = entry;
    let (kind, value) = match &key.delegated_to {
        Some(target) => ("CNAME", target.to_string()),
        None => ("TXT", key.public.record_value()),
    };
    json!({
        "domain": signing_domain.as_str(),
        "selector": key.selector.as_str(),
        "algorithm": key.public.algorithm().as_str(),
        "bits": key.bits,
        "active": key.is_active(),
        "created_at": key.created_at.to_string(),
        "activated_at": text(key.activated_at),
        "retired_at": text(key.retired_at),
        "released_at": text(key.released_at),
        "record": {
            "name": entry.record_name().as_str(), "type": kind, "value": value,
            "dns": match entry.dns_state() {
                DnsState::Unknown => "unknown",
                DnsState::Valid => "valid",
                DnsState::Invalid => "invalid",
            },
            "checked_at": text(entry.checked_at),
            "seen": entry.observed,
            "problem": problem.as_ref().map(problem_json),
        },
    })
}

/// How a rotation stands, and what is to be done with each retired key's record.
pub fn rotation_json(domain: &Details, status: &RotationView, keep: Duration) -> Value {
    let selector = |key: Option<&DkimKey>| key.map(|key| key.selector.to_string());
    let under_way = status.rotation.under_way.as_ref();
    let retired = status.keys.iter().filter(|key| key.retired_at.is_some()).map(|key| {
        json!({
            "selector": key.selector.as_str(),
            "retired_at": text(key.retired_at),
            "keep_record_until": text(status.kept_until(key, keep)),
            "safe_to_remove": key.released_at.is_some(),
        })
    });
    json!({
        "domain": domain.name.as_str(),
        "stage": status.stage.as_str(),
        "since": match status.stage { Stage::Waiting { since } => Some(since.to_string()), _ => None },
        "new_selector": selector(under_way.and_then(|under_way| status.key(under_way.key))),
        "replaces": selector(under_way.and_then(|under_way| status.key(under_way.replaces?))),
        "active": status.keys.iter().filter(|key| key.is_active()).map(|key| key.selector.to_string())
            .collect::<Vec<_>>(),
        "retired": retired.collect::<Vec<_>>(),
        "delegated": status.is_delegated(),
        "every_days": status.rotation.every.map(|every| every.as_secs() / 86_400),
        "next_at": text(status.rotation.next_at),
    })
}

fn text(moment: Option<Timestamp>) -> Option<String> {
    moment.map(|at| at.to_string())
}
