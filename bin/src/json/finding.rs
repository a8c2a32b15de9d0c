//! What a look at the DNS found, in JSON: the native dialect's reply and the command line's.

use super::word::{DOMAIN_STATUS, PURPOSE, RECORD_STATUS, RECORD_TYPE};
use crate::wire::shape::{
    COUNT, ID, MAYBE_TEXT, MAYBE_TIME, Member, NAME, SHORT, Shape, TEXT, TEXTS, TIME, has,
};
use postroom::dns::{Answer, Outcome, RecordData};
use postroom::domain::Details;
use postroom::verify::{Action, Checked, Code, Expectation, Look, View};
use serde_json::{Value, json};

/// What [`action_json`] writes.
pub(crate) const ACTION: Shape = Shape::object(
    "Action",
    &[&[
        has("do", Shape::Word(&["add", "change", "delete", "wait", "none"])),
        has("name", NAME),
        has("type", RECORD_TYPE),
        has("from", MAYBE_TEXT).text("what stands there"),
        has("to", MAYBE_TEXT).text("what should stand there"),
    ]],
);
const VERDICT: Shape = Shape::Word(&["pass", "warn", "fail", "temporary"]);
const VIEW: Shape = Shape::object(
    "ServerAnswer",
    &[&[
        has("server", TEXT),
        has("authoritative", Shape::Flag),
        has(
            "outcome",
            Shape::Word(&[
                "found",
                "no_data",
                "nxdomain",
                "cname_loop",
                "servfail",
                "refused",
                "timeout",
                "malformed",
                "not_asked",
                "unreachable",
            ]),
        ),
        has("records", TEXTS),
        has("remaining_seconds", Shape::Maybe(&COUNT)).text("how long caches keep it"),
        has("cname_chain", TEXTS),
        has("verdict", VERDICT),
        has("code", MAYBE_TEXT).text("a code of docs/findings.md"),
    ]],
);
const FOUND: &[Member] = &[
    has("name", NAME),
    has("type", RECORD_TYPE),
    has("wanted", TEXT),
    has("verdict", VERDICT),
    has("code", MAYBE_TEXT).text("a code of docs/findings.md"),
    has("text", TEXT),
    has("seen", MAYBE_TEXT),
    has("action", Shape::Maybe(&ACTION)),
    has("servers", Shape::List(&VIEW)),
];
/// What is found of a name that stands in no database.
pub(crate) const LOOKED: Shape = Shape::object("Finding", &[FOUND]);
const CHECKED_RECORD: Shape = Shape::object(
    "CheckedRecord",
    &[
        FOUND,
        &[
            has("id", ID),
            has("purpose", PURPOSE),
            has("priority", Shape::Maybe(&SHORT)),
            has("status", RECORD_STATUS),
            has("pinned", Shape::Flag).text("marked manually"),
            has("checked_at", MAYBE_TIME),
            has("failing_since", MAYBE_TIME),
        ],
    ],
);
/// What [`checked_json`] writes.
pub(crate) const CHECKED: Shape = Shape::object(
    "CheckedDomain",
    &[&[
        has("domain", NAME),
        has("status", DOMAIN_STATUS),
        has("next_check_at", TIME),
        has("records", Shape::List(&CHECKED_RECORD)),
    ]],
);

/// A domain and what was found of each of its records, by each server.
pub fn checked_json(domain: &Details, checked: &[Checked]) -> Value {
    let records = checked.iter().map(|each| checked_record_json(domain, each));
    json!({
        "domain": domain.name.as_str(),
        "status": domain.status.as_str(),
        "next_check_at": domain.next_check_at.to_string(),
        "records": records.collect::<Vec<_>>(),
    })
}

/// A record, what a check found of it, and what each server said.
fn checked_record_json(domain: &Details, checked: &Checked) -> Value {
    let Checked { record, finding, views, .. } = checked;
    json!({
        "id": record.id.number(),
        "purpose": record.purpose.as_str(),
        "name": record.name(domain).as_str(),
        "type": record.record_type().to_string(),
        "wanted": record.value,
        "priority": record.priority,
        "status": record.standing.status.as_str(),
        "pinned": record.standing.pinned,
        "checked_at": record.checked_at.map(|at| at.to_string()),
        "failing_since": record.standing.failing_since.map(|at| at.to_string()),
        "verdict": finding.verdict.as_str(),
        "code": finding.code.map(Code::as_str),
        "text": finding.text,
        "seen": finding.seen,
        "action": finding.action.as_ref().map(action_json),
        "servers": views.iter().map(view_json).collect::<Vec<_>>(),
    })
}

/// What was found of names that stand in no database.
pub fn looks_json(domain: &str, expected: &[Expectation], looks: &[Look]) -> Value {
    let records = expected.iter().zip(looks).map(|(expected, look)| {
        let question = expected.question();
        json!({
            "name": question.name.as_str(),
            "type": question.record_type.to_string(),
            "wanted": expected.wanted(),
            "verdict": look.finding.verdict.as_str(),
            "code": look.finding.code.map(Code::as_str),
            "text": look.finding.text,
            "seen": look.finding.seen,
            "action": look.finding.action.as_ref().map(action_json),
            "servers": look.views.iter().map(view_json).collect::<Vec<_>>(),
        })
    });
    json!({ "domain": domain, "records": records.collect::<Vec<_>>() })
}

/// What to enter where.
pub(super) fn action_json(action: &Action) -> Value {
    json!({
        "do": action.act.as_str(),
        "name": action.name.as_str(),
        "type": action.record_type.to_string(),
        "from": action.from,
        "to": action.to,
    })
}

/// What one server said.
fn view_json(view: &View) -> Value {
    let Answer { server, chain, outcome } = &view.answer;
    let (word, seconds) = match outcome {
        Outcome::Found { ttl, .. } => ("found", Some(ttl.as_secs())),
        Outcome::NoData { remaining } => ("no_data", remaining.map(|left| left.as_secs())),
        Outcome::NxDomain { remaining } => ("nxdomain", remaining.map(|left| left.as_secs())),
        Outcome::CnameLoop => ("cname_loop", None),
        Outcome::ServFail { .. } => ("servfail", None),
        Outcome::Refused { .. } => ("refused", None),
        Outcome::Timeout => ("timeout", None),
        Outcome::Malformed { .. } => ("malformed", None),
        Outcome::NotAsked { .. } => ("not_asked", None),
        _ => ("unreachable", None),
    };
    json!({
        "server": server.to_string(),
        "authoritative": server.is_authoritative(),
        "outcome": word,
        "records": outcome.records().iter().map(RecordData::to_string).collect::<Vec<_>>(),
        "remaining_seconds": seconds,
        "cname_chain": chain.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "verdict": view.finding.verdict.as_str(),
        "code": view.finding.code.map(Code::as_str),
    })
}
