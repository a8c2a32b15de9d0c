//! Which keys sign for a domain, and the reasons of its status, in JSON.

use crate::wire::shape::{MAYBE_TEXT, MAYBE_TIME, Member, NAME, Shape, TEXT, TEXTS, has};
use postroom::record::Purpose;
use postroom::signing::{Assessment, Reason, Signing};
use serde_json::{Map, Value, json};

const UNSIGNED: Shape = Shape::object(
    "NotSigning",
    &[&[
        has("code", Shape::Word(&["no_key", "no_active_key", "not_seen", "authority_has_none", "unproved"])),
        has("text", TEXT),
    ]],
);
/// What [`signing_json`] writes.
const SIGNING: Shape = Shape::object(
    "Signing",
    &[&[
        has("state", Shape::Word(&["signs", "none"])),
        has("by", NAME).text("the domain whose keys sign"),
        has("selectors", TEXTS),
        has("since", MAYBE_TIME),
        has("reason", Shape::Maybe(&UNSIGNED)),
    ]],
);
const REASON: Shape = Shape::object(
    "Reason",
    &[&[
        has("code", TEXT),
        has("text", TEXT),
        has("severity", Shape::Word(&["fail", "warn"])),
        has("record", Shape::Maybe(&super::record::PURPOSE)),
    ]],
);
/// What [`assessment_json`] writes.
pub(crate) const ASSESSMENT: &[Member] = &[
    has("reason", MAYBE_TEXT).text("why the domain is not active"),
    has("reasons", Shape::List(&REASON)).text("none of severity fail exactly when the domain is active"),
    has("signing", SIGNING),
];

/// `{"state","by","selectors","since","reason"}`.
pub fn signing_json(signing: &Signing) -> Value {
    json!({
        "state": if signing.signs() { "signs" } else { "none" },
        "by": signing.by.as_str(),
        "selectors": signing.selectors.iter().map(postroom::name::Selector::as_str).collect::<Vec<_>>(),
        "since": signing.since.map(|at| at.to_string()),
        "reason": signing.reason.as_ref().map(|why| json!({ "code": why.code.as_str(), "text": why.text })),
    })
}

/// `{"code","text","severity","record"}`.
fn reason_json(reason: &Reason) -> Value {
    json!({
        "code": reason.code, "text": reason.text, "severity": reason.severity.to_string(),
        "record": reason.record.map(Purpose::as_str),
    })
}

/// Which keys sign for a domain (`signing`), why it is not active (`reason`, a text or null), and all that there is to say of
/// its status (`reasons`).
pub fn assessment_json(assessment: &Assessment) -> Map<String, Value> {
    let reason = assessment.reason().map(|reason| reason.text.clone());
    let reasons = assessment.reasons.iter().map(reason_json).collect();
    let members =
        [("reason", reason.into()), ("reasons", reasons), ("signing", signing_json(&assessment.signing))];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Adds the members of [`assessment_json`] to a domain.
pub fn add_assessment(domain: &mut Value, assessment: &Assessment) {
    if let Value::Object(fields) = domain {
        fields.extend(assessment_json(assessment));
    }
}
