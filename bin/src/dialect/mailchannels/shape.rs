//! What replies look like.

use std::collections::HashMap;

use postroom::account::Caller;
use postroom::db::ReadTx;
use postroom::domain::{Details, Domain};
use postroom::error::Error;
use postroom::id::SubscriptionId;
use postroom::inbound::{self, AbusePolicy, Downstream, Filtering, Inbound};
use postroom::signing::{self, Assessment};
use postroom::subscription;
use serde_json::{Value, json};

use crate::json::signing::add_assessment;
use crate::json::{explained::DOWNSTREAM, signing::ASSESSMENT};
use crate::wire::shape::{MAYBE_TEXT, Member, NAME, Shape, TEXT, TEXTS, has};

/// What is done with spam.
pub(super) const POLICY: Shape = Shape::Word(&["block", "flag", "quarantine"]);
/// What [`settings_json`] writes.
const SETTINGS: &[Member] = &[
    has("abusePolicy", Shape::Maybe(&POLICY)),
    has("abusePolicyOverride", Shape::Maybe(&Shape::Flag)),
    has("spamHeaderName", MAYBE_TEXT),
    has("spamHeaderValue", MAYBE_TEXT),
];
const SECTIONS: &[Member] =
    &[has("admins", TEXTS), has("downstreamAddresses", Shape::List(&DOWNSTREAM)), has("aliases", TEXTS)];
/// A domain as [`domain_json`] writes it.
pub(super) const DOMAIN: Shape = Shape::object(
    "Domain",
    &[
        &[
            has("domain", NAME),
            has("subscriptionHandle", TEXT),
            has("settings", Shape::object("Settings", &[SETTINGS])),
        ],
        SECTIONS,
        ASSESSMENT,
    ],
);
/// All settings beside each other.
pub(super) const ALL_SETTINGS: Shape = Shape::object("AllSettings", &[SETTINGS, SECTIONS]);
/// Downstream servers.
pub(super) const RECORDS: Shape =
    Shape::object("DownstreamAddresses", &[&[has("records", Shape::List(&DOWNSTREAM))]]);

/// The handles of a caller's subscriptions.
pub(super) struct Handles(HashMap<SubscriptionId, String>);

impl Handles {
    pub(super) fn of(tx: &ReadTx<'_>, caller: &Caller) -> Result<Handles, Error> {
        let all = subscription::list(tx, Some(caller.account()))?;
        Ok(Handles(all.into_iter().map(|each| (each.id, each.handle)).collect()))
    }

    /// `{"domain","subscriptionHandle","settings","admins","downstreamAddresses","aliases"}`,
    /// and why it is not active: `"reason"`, `"reasons"`, `"signing"`.
    pub(super) fn json(&self, domain: &Details, inbound: &Inbound, assessment: &Assessment) -> Value {
        let mut shown = json!({
            "domain": domain.name.as_str(),
            "subscriptionHandle": self.0.get(&domain.subscription).map_or("", String::as_str),
            "settings": settings_json(&inbound.filtering),
            "admins": inbound.admins.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "downstreamAddresses": downstream_json(&inbound.downstream),
            "aliases": inbound.aliases.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        add_assessment(&mut shown, assessment);
        shown
    }
}

/// A domain with all that is set of it.
pub(super) fn domain_json<'t>(tx: &ReadTx<'t>, caller: &Caller, domain: &Domain<'t>) -> Result<Value, Error> {
    Ok(Handles::of(tx, caller)?.json(domain, &inbound::find(tx, domain)?, &signing::find(tx, domain)?))
}

/// How mail is filtered.
pub(super) fn settings_json(filtering: &Filtering) -> Value {
    json!({
        "abusePolicy": filtering.policy.map(AbusePolicy::as_str),
        "abusePolicyOverride": filtering.overrides,
        "spamHeaderName": filtering.header_name,
        "spamHeaderValue": filtering.header_value,
    })
}

/// Where mail is delivered then.
pub(super) fn downstream_json(downstream: &[Downstream]) -> Value {
    let each = |one: &Downstream| json!({ "priority": one.priority, "weight": one.weight, "port": one.port, "target": one.target });
    downstream.iter().map(each).collect()
}
