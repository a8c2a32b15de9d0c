//! Which keys sign for a domain, and the reasons of its status, in JSON.

use super::Shown;
use crate::wire::shape::{MAYBE_TEXT, MAYBE_TIME, Member, NAME, Shape, TEXT, TEXTS, has};
use postroom::clock::Timestamp;
use postroom::name::Selector;
use postroom::record::Purpose;
use postroom::signing::{Assessment, Reason};
use serde::Serialize;
use serde_json::Value;

const UNSIGNED: Shape = Shape::object(
    "NotSigning",
    &[&[
        has("code", Shape::Word(&["no_key", "no_active_key", "not_seen", "authority_has_none", "unproved"])),
        has("text", TEXT),
    ]],
);
/// What [`SigningJson`] is written as.
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
        has("record", Shape::Maybe(&super::word::PURPOSE)),
    ]],
);
/// What [`AssessmentJson`] is written as.
pub(crate) const ASSESSMENT: &[Member] = &[
    has("reason", MAYBE_TEXT).text("why the domain is not active"),
    has("reasons", Shape::List(&REASON)).text("none of severity fail exactly when the domain is active"),
    has("signing", SIGNING),
];

/// How a domain stands, to be written without a copy of it.
#[derive(Serialize)]
pub struct AssessmentJson<'a> {
    /// Why the domain is not active.
    reason: Option<&'a str>,
    /// All that there is to say of its status.
    reasons: Vec<ReasonJson<'a>>,
    /// Which keys sign for it.
    signing: SigningJson<'a>,
}

#[derive(Serialize)]
struct ReasonJson<'a> {
    code: &'a str,
    text: &'a str,
    severity: Shown<postroom::signing::Severity>,
    record: Option<&'static str>,
}

#[derive(Serialize)]
struct SigningJson<'a> {
    state: &'static str,
    by: &'a str,
    selectors: Vec<&'a str>,
    since: Option<Shown<Timestamp>>,
    reason: Option<UnsignedJson<'a>>,
}

#[derive(Serialize)]
struct UnsignedJson<'a> {
    code: &'static str,
    text: &'a str,
}

impl<'a> From<&'a Assessment> for AssessmentJson<'a> {
    fn from(assessment: &'a Assessment) -> AssessmentJson<'a> {
        let signing = &assessment.signing;
        AssessmentJson {
            reason: assessment.reason().map(|reason| reason.text.as_str()),
            reasons: assessment.reasons.iter().map(ReasonJson::from).collect(),
            signing: SigningJson {
                state: if signing.signs() { "signs" } else { "none" },
                by: signing.by.as_str(),
                selectors: signing.selectors.iter().map(Selector::as_str).collect(),
                since: signing.since.map(Shown),
                reason: signing
                    .reason
                    .as_ref()
                    .map(|why| UnsignedJson { code: why.code.as_str(), text: &why.text }),
            },
        }
    }
}

impl<'a> From<&'a Reason> for ReasonJson<'a> {
    fn from(reason: &'a Reason) -> ReasonJson<'a> {
        let record = reason.record.map(Purpose::as_str);
        ReasonJson { code: &reason.code, text: &reason.text, severity: Shown(reason.severity), record }
    }
}

/// Adds the members of [`AssessmentJson`] to a domain.
pub fn add_assessment(domain: &mut Value, assessment: &Assessment) {
    let members = serde_json::to_value(AssessmentJson::from(assessment));
    if let (Value::Object(fields), Ok(Value::Object(members))) = (domain, members) {
        fields.extend(members);
    }
}
