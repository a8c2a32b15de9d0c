//! A domain's records, in JSON: as they are kept, and with what a check has just found.

use postroom::domain::Details;
use postroom::record::{Problem, Record};
use postroom::verify::{Checked, Code};
use serde_json::{Value, json};

use super::finding::view_json;

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

/// A record, what a check found of it, and what each server said.
pub fn checked_record_json(domain: &Details, checked: &Checked) -> Value {
    let Checked { record, finding, views } = checked;
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
        "servers": views.iter().map(view_json).collect::<Vec<_>>(),
    })
}

/// What was wrong with a record at its last check.
pub fn problem_json(problem: &Problem) -> Value {
    json!({ "code": problem.code, "text": problem.text })
}
