//! Claims to names, in JSON.

use postroom::claim::{NameClaim, VerifiedClaim};
use serde_json::{Value, json};

use super::finding::looks_json;
use crate::wire::shape::{MAYBE_TIME, NAME, Shape, TEXT, TIME, has};

const REASON: Shape = Shape::object("ClaimReason", &[&[has("code", TEXT), has("text", TEXT)]]);
const CHALLENGE: Shape = Shape::object(
    "Challenge",
    &[&[has("name", NAME), has("type", Shape::Word(&["TXT"])), has("value", TEXT)]],
);
/// The kinds of claims.
pub(crate) const KIND: Shape = Shape::Word(&["domain", "alias"]);
/// What [`claim_json`] writes.
pub(crate) const CLAIM: Shape = Shape::object(
    "Claim",
    &[&[
        has("name", NAME),
        has("kind", KIND),
        has("of", Shape::Maybe(&NAME)).text("the domain that an alias leads to"),
        has("state", Shape::Word(&["holds", "contends", "lost"])),
        has("proved_at", MAYBE_TIME),
        has("acts", Shape::Flag),
        has("reason", Shape::Maybe(&REASON)),
        has("challenge", CHALLENGE),
        has("created_at", TIME),
    ]],
);
/// What [`verified_json`] writes.
pub(crate) const VERIFIED: Shape = Shape::object(
    "VerifiedClaim",
    &[&[
        has("claim", CLAIM),
        has("outcome", Shape::Word(&["proved", "not_yet"])),
        has("findings", Shape::List(&super::finding::LOOKED)),
    ]],
);

/// A claim, with the record that proves it.
pub fn claim_json(claim: &NameClaim) -> Value {
    json!({
        "name": claim.name.as_str(),
        "kind": if claim.of.is_some() { "alias" } else { "domain" },
        "of": claim.of.as_ref().map(postroom::DomainName::as_str),
        "state": claim.state.as_str(),
        "proved_at": claim.proved_at.map(|at| at.to_string()),
        "acts": claim.acts,
        "reason": claim.reason.as_ref().map(|why| json!({ "code": why.code, "text": why.text })),
        "challenge": { "name": claim.challenge.name.as_str(), "type": "TXT", "value": claim.challenge.value },
        "created_at": claim.created_at.to_string(),
    })
}

/// A claim after a look at the DNS, with what was found.
pub fn verified_json(verified: &VerifiedClaim) -> Value {
    let (expected, looks): (Vec<_>, Vec<_>) = verified.seen.iter().cloned().unzip();
    let mut looked = looks_json(verified.claim.name.as_str(), &expected, &looks);
    json!({
        "claim": claim_json(&verified.claim),
        "outcome": verified.outcome.as_str(),
        "findings": looked.get_mut("records").map(Value::take),
    })
}
