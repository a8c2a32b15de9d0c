//! Reports of misclassified messages.

use postroom::report::{self, NewReport, ReportKind};
use serde_json::Value;

use super::domains::empty;
use super::input::{Object, object};
use crate::wire::http::{Response, StatusCode};
use crate::wire::{Call, Fault};

pub(super) fn submit(call: &Call<'_>) -> Result<Response, Fault> {
    let kind: Option<ReportKind> = call.query("report_type").and_then(|text| text.parse().ok());
    let kind = kind.ok_or_else(|| Fault::input("report_type", "must be false_positive or false_negative"))?;
    let body = object(call)?;
    let message = match body.get("messageContent") {
        Some(Value::String(message)) => message,
        None | Some(Value::Null) => return Err(Fault::input("messageContent", "is required")),
        Some(_) => return Err(Fault::input("messageContent", "must be a string")),
    };
    let (envelope, host) = (part(&body, "smtpEnvelopeInformation")?, part(&body, "sendingHostInformation")?);
    let new = NewReport {
        helo: text(envelope, "ehlo")?,
        sender: text(envelope, "mailFrom")?,
        recipient: text(envelope, "rcptTo")?,
        client: text(host, "name")?,
        ..NewReport::of(kind, message.as_bytes())
    };
    call.write(|tx| report::file(tx, &call.caller, &new))?;
    Ok(empty(StatusCode::NO_CONTENT))
}

fn part<'a>(body: &'a Object, field: &'static str) -> Result<Option<&'a Object>, Fault> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(part)) => Ok(Some(part)),
        Some(_) => Err(Fault::input(field, "must be an object")),
    }
}

fn text<'a>(part: Option<&'a Object>, field: &'static str) -> Result<Option<&'a str>, Fault> {
    match part.and_then(|part| part.get(field)) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Fault::input(field, "must be a string")),
    }
}
