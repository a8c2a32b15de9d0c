//! Which keys sign for a domain, and the reasons of its status, in JSON.

use postroom::record::Purpose;
use postroom::signing::{Assessment, Reason, Signing};
use serde_json::{Map, Value, json};

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
