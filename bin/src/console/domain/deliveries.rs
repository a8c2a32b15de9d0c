//! What was posted to a domain's webhook: how each delivery ended, and a button that posts it again.

use maud::{Markup, html};
use postroom::domain::{Details, Domain};
use postroom::error::Error;
use postroom::webhook::call::{self, CallCursor, CallOutcome, KEPT_FOR, Posted};

use super::tabs::{self, Tab};
use super::{find, name, see_domain};
use crate::console::form::{Fields, Refused, submit};
use crate::console::frame::Frame;
use crate::console::listed::Listed;
use crate::console::part::{NOTHING_HERE, Tone, counted, encoded, pager, pill, time};
use crate::wire::http::{Response, StatusCode};
use crate::wire::{Call, Fault, LookingCall, MailTrouble, PostedAgain, SignedIn, Whose};

/// How many deliveries stand on a page.
const ON_A_PAGE: u32 = 50;
/// The field of the form that is not there: what is wrong stands at the top.
const FORM: &str = "again";
/// The parameters of the list.
const KNOWN: &[&str] = &["show", "after"];

pub(in crate::console) fn show(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    answer(call, StatusCode::OK, None)
}

fn answer(
    call: &Call<'_, SignedIn>,
    status: StatusCode,
    refused: Option<&Refused>,
) -> Result<Response, Fault> {
    let name = name(call)?;
    let listed = Listed::of(call, refused, KNOWN);
    let only_failed = listed.get("show") == Some("failed");
    let which = if only_failed { call::Which::Failed } else { call::Which::All };
    let after = listed.get("after").and_then(|text| text.parse::<CallCursor>().ok());
    let (frame, domain, mut deliveries) = call.read(|tx| {
        let domain = find(tx, &call.caller.acts, &name)?;
        let deliveries = call::list(tx, &domain, which, after, ON_A_PAGE + 1)?;
        Ok::<_, Error>((Frame::of(tx, call)?, Domain::into_details(domain), deliveries))
    })?;
    let has_more = deliveries.len() > ON_A_PAGE as usize;
    deliveries.truncate(ON_A_PAGE as usize);
    let path = |query: &str| frame.to_domain(name.as_str(), &format!("/deliveries{query}"));
    let older =
        deliveries.last().filter(|_| has_more).map(|last| path(&listed.with("after", last.cursor).query()));
    let newest = path(&listed.without("after").query());
    let content = html! {
        section.card {
            h2 { "Deliveries to the webhook" }
            p { "What was posted to the webhook of " (name) ", one line for each message and recipient, and how the last call ended. A delivery is \
                 listed for " (KEPT_FOR.as_secs() / 86_400) " days." }
            nav aria-label="Which deliveries" {
                ul.languages {
                    li { a href=(path("")) aria-current=[(!only_failed).then_some("true")] { "All" } }
                    li { a href=(path("?show=failed")) aria-current=[only_failed.then_some("true")] { "Failed" } }
                }
            }
            (Fields::of(FORM, &[], refused).top())
            @if deliveries.is_empty() { p { @if after.is_some() { (NOTHING_HERE) } @else if only_failed { "None has failed." } @else { "Nothing was posted." } } }
            @else { (table(&frame, &domain, &deliveries, &listed)) }
            (pager(after.map(|_| newest), older))
        }
    };
    Ok(tabs::page_with(status, &frame, &domain, Tab::Deliveries, &content))
}

fn table(frame: &Frame, domain: &Details, deliveries: &[Posted], listed: &Listed) -> Markup {
    html! {
        table.table {
            caption.visually-hidden { "Deliveries to the webhook" }
            thead { tr { th scope="col" { "Delivery" } th scope="col" { "Recipient" } th scope="col" { "Outcome" } th scope="col" { "Last call" } th scope="col" { "Post again" } } }
            tbody {
                @for delivery in deliveries {
                    tr {
                        td { code.small { (delivery.delivery) } }
                        td data-label="Recipient" { (delivery.recipient) }
                        td data-label="Outcome" { (outcome(delivery)) }
                        td.small data-label="Last call" {
                            (time(delivery.last_at, frame.now)) ", " (delivery.took.as_millis()) " ms"
                            @if delivery.attempts > 1 { ", " (counted(delivery.attempts.into(), "call")) }
                        }
                        td {
                            @if delivery.is_kept { (again(frame, domain, delivery, listed)) }
                            @else { span.small.soft { "The message is not kept here." } }
                        }
                    }
                }
            }
        }
    }
}

fn again(frame: &Frame, domain: &Details, delivery: &Posted, listed: &Listed) -> Markup {
    let path =
        frame.to_domain(domain.name.as_str(), &format!("/deliveries/{}/again", encoded(&delivery.delivery)));
    frame.form(
        &path,
        &html! {
            (listed.field())
            button.slight { "Post again" span.visually-hidden { " " (delivery.delivery) } }
        },
    )
}

fn outcome(delivery: &Posted) -> Markup {
    html! {
        @match &delivery.outcome {
            CallOutcome::Answered(status @ 200..300) => { (pill(Tone::Good, "Taken")) " " span.small { (status) } }
            CallOutcome::Answered(status @ (406 | 410)) => { (pill(Tone::Bad, "Refused")) " " span.small { (status) ", so that the sender was told" } }
            CallOutcome::Answered(status) => { (pill(Tone::Bad, "Not taken")) " " span.small { "it answered " (status) } }
            CallOutcome::Unanswered(reason) => { (pill(Tone::Bad, "Not reached")) " " span.small { (reason) } }
        }
    }
}

/// What could not be done, at the top of the page.
fn wrong(reason: impl std::fmt::Display) -> Fault {
    Fault::Library(Error::invalid(FORM, reason))
}

/// Posts a delivery again, whose message is kept.
pub(in crate::console) fn again_now(call: &LookingCall<'_, SignedIn>) -> Result<Response, Fault> {
    submit(call, answer, (FORM, FORM), |form| {
        let name = name(call)?;
        let (domain, delivery) = call.read(|tx| {
            let domain = find(tx, &call.caller.acts, &name)?;
            let delivery = call::find(tx, &domain, call.param("delivery"))?;
            Ok::<_, Error>((Domain::into_details(domain), delivery))
        })?;
        let delivery = delivery.ok_or(Fault::NoRoute)?;
        let mailroom = call.mailroom.ok_or_else(|| wrong(MailTrouble::NoFolder))?;
        let whose = Whose { domain: &domain.name, since: domain.held_since };
        match mailroom.post_again(whose, &delivery.mailbox, &delivery.delivery).map_err(wrong)? {
            PostedAgain::Taken => {
                let listed = Listed::of_form(form, KNOWN);
                Ok(see_domain(call, &domain.name, &format!("/deliveries{}", listed.query())))
            }
            PostedAgain::NotTaken(reply) => Err(wrong(format_args!("it was posted, and not taken: {reply}"))),
            PostedAgain::Gone => Err(wrong(
                "the message is not in its mailbox any more, so that it cannot be posted again: somebody has deleted or moved it",
            )),
            PostedAgain::NoWebhook => Err(wrong("the domain's route posts to no webhook now")),
        }
    })
}
