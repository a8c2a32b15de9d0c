//! A domain's records, in JSON, as they are kept.

use postroom::domain::Details;
use postroom::record::{Problem, Record};
use serde_json::{Value, json};

use super::finding::{ACTION, action_json};
use super::word::{PURPOSE, RECORD_STATUS, RECORD_TYPE};
use crate::wire::shape::{ID, MAYBE_TEXT, MAYBE_TIME, NAME, SHORT, Shape, TEXT, has};

/// What [`problem_json`] writes.
pub(crate) const PROBLEM: Shape = Shape::object(
    "RecordProblem",
    &[&[
        has("code", TEXT).text("a code of docs/findings.md"),
        has("text", TEXT),
        has("action", Shape::Maybe(&ACTION)),
    ]],
);
/// What [`record_json`] writes.
pub(crate) const RECORD: Shape = Shape::object(
    "Record",
    &[&[
        has("id", ID),
        has("purpose", PURPOSE),
        has("host", TEXT).text("the name as most DNS providers' forms take it"),
        has("name", NAME),
        has("type", RECORD_TYPE),
        has("priority", Shape::Maybe(&SHORT)),
        has("value", TEXT),
        has("status", RECORD_STATUS),
        has("manual", Shape::Flag),
        has("checked_at", MAYBE_TIME),
        has("observed", MAYBE_TEXT),
        has("problem", Shape::Maybe(&PROBLEM)),
    ]],
);

/// A record that the domain's owner must publish, and what was last seen of it.
pub fn record_json(domain: &Details, record: &Record) -> Value {
    json!({
        "id": record.id.number(), "purpose": record.purpose.as_str(), "host": record.host,
        "name": record.name(domain).as_str(), "type": record.record_type().to_string(),
        "priority": record.priority, "value": record.value, "status": record.standing.status.as_str(),
        "manual": record.standing.pinned,
        "checked_at": record.checked_at.map(|at| at.to_string()), "observed": record.observed,
        "problem": record.problem.as_ref().map(problem_json),
    })
}

/// What was wrong with a record at its last check, and what to enter where.
pub fn problem_json(problem: &Problem) -> Value {
    json!({ "code": problem.code, "text": problem.text, "action": problem.action.as_ref().map(action_json) })
}
