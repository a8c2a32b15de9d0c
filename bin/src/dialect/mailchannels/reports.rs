//! Reports of misclassified messages.

use std::borrow::Cow;

use postroom::report::{self, NewReport, ReportKind};

use super::domains::empty;
use super::input::{FIELDS, object};
use crate::wire::Contract;
use crate::wire::http::{Response, StatusCode};
use crate::wire::json::{Json, Members};
use crate::wire::shape::{MAYBE_TEXT, Shape, TEXT, has, may};
use crate::wire::{Call, Fault};

const ENVELOPE: Shape = Shape::object(
    "Envelope",
    &[&[may("ehlo", MAYBE_TEXT), may("mailFrom", MAYBE_TEXT), may("rcptTo", MAYBE_TEXT)]],
);
const HOST: Shape = Shape::object("SendingHost", &[&[may("name", MAYBE_TEXT)]]);
pub(super) const SUBMIT: Contract = Contract::new("Reports a message that was judged wrongly")
    .query(&[has("report_type", Shape::Word(&["false_positive", "false_negative"]))])
    .takes(&Shape::object(
        "ReportInput",
        &[&[
            has("messageContent", TEXT).text("the whole message"),
            may("smtpEnvelopeInformation", Shape::Maybe(&ENVELOPE)),
            may("sendingHostInformation", Shape::Maybe(&HOST)),
        ]],
    ))
    .nothing(204);

pub(super) fn submit(call: &Call<'_>) -> Result<Response, Fault> {
    let kind: Option<ReportKind> = call.query("report_type").and_then(|text| text.parse().ok());
    let kind = kind.ok_or_else(|| Fault::input("report_type", "must be false_positive or false_negative"))?;
    let body = object(call)?;
    let message = match body.get("messageContent") {
        Some(Json::String(message)) => message,
        None | Some(Json::Null) => return Err(Fault::input("messageContent", "is required")),
        Some(_) => return Err(Fault::input("messageContent", "must be a string")),
    };
    let envelope = part(&body, "smtpEnvelopeInformation")?;
    let host = part(&body, "sendingHostInformation")?;
    let (helo, sender) = (text(envelope.as_ref(), "ehlo")?, text(envelope.as_ref(), "mailFrom")?);
    let (recipient, client) = (text(envelope.as_ref(), "rcptTo")?, text(host.as_ref(), "name")?);
    let new = NewReport {
        helo: helo.as_deref(),
        sender: sender.as_deref(),
        recipient: recipient.as_deref(),
        client: client.as_deref(),
        ..NewReport::of(kind, message.as_bytes())
    };
    call.write(|tx| report::file(tx, &call.caller, &new))?;
    Ok(empty(StatusCode::NO_CONTENT))
}

fn part<'a>(body: &Members<'a>, field: &'static str) -> Result<Option<Members<'a>>, Fault> {
    match body.get(field) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Object(part)) => Ok(Some(part.members(FIELDS))),
        Some(_) => Err(Fault::input(field, "must be an object")),
    }
}

fn text<'a>(part: Option<&Members<'a>>, field: &'static str) -> Result<Option<Cow<'a, str>>, Fault> {
    match part.and_then(|part| part.get(field)) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(_) => Err(Fault::input(field, "must be a string")),
    }
}
