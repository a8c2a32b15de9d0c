//! Deliveries to a webhook, in JSON, without their messages.

use postroom::webhook::call::{CallOutcome, Posted};
use serde_json::{Value, json};

use crate::wire::shape::{ADDRESS, COUNT, MAYBE_TEXT, Shape, TEXT, TIME, has};

/// A delivery.
pub(crate) const SHOWN: Shape = Shape::object(
    "Delivery",
    &[&[
        has("id", TEXT).text("the same at every call, and in the header field webhook-id"),
        has("recipient", TEXT),
        has("mailbox", ADDRESS),
        has("outcome", Shape::Word(&["taken", "not_taken", "not_reached"])).text("of the last call"),
        has("status", Shape::Maybe(&Shape::Integer { least: 100, most: 999 })).text("which it answered"),
        has("reason", MAYBE_TEXT).text("why it was not reached"),
        has("attempts", COUNT),
        has("took_ms", COUNT),
        has("is_kept", Shape::Flag).text("whether the message was kept in the mailbox as well"),
        has("first_at", TIME),
        has("last_at", TIME),
    ]],
);

/// A delivery as it is listed.
pub fn delivery_json(posted: &Posted) -> Value {
    let (outcome, status, reason) = match &posted.outcome {
        CallOutcome::Answered(status) => {
            (if posted.outcome.is_taken() { "taken" } else { "not_taken" }, Some(*status), None)
        }
        CallOutcome::Unanswered(reason) => ("not_reached", None, Some(reason)),
    };
    json!({
        "id": posted.delivery, "recipient": posted.recipient, "mailbox": posted.mailbox.to_string(), "outcome": outcome,
        "status": status, "reason": reason, "attempts": posted.attempts,
        "took_ms": u64::try_from(posted.took.as_millis()).unwrap_or(u64::MAX), "is_kept": posted.is_kept,
        "first_at": posted.first_at.to_string(), "last_at": posted.last_at.to_string(),
    })
}
