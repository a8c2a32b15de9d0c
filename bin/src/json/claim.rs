//! Claims to names, in JSON.

use postroom::claim::{NameClaim, VerifiedClaim};
use serde_json::{Value, json};

use super::finding::looks_json;

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
