//! What is held back because it was taken for spam: shown as text, let through or deleted by people.

use maud::{Markup, html};
use postroom::address::EmailAddress;
use postroom::domain::{Details, Domain};
use postroom::error::Error;
use postroom::mail::{self, HeldFate};
use postroom::report;

use super::reports::message_of;
use super::tabs::{self, Tab};
use super::{find, name, see_domain};
use crate::console::form::{Fields, Refused, submit};
use crate::console::frame::Frame;
use crate::console::listed::{LIST, Listed, PAGE};
use crate::console::part::{NOTHING_HERE, encoded, pager, time};
use crate::wire::form::Form;
use crate::wire::http::{Response, StatusCode};
use crate::wire::{
    Call, Fault, HeldMessage, HeldPage, HeldText, LookingCall, MailTrouble, Mailroom, SignedIn, Whose,
};

/// The field and the parameter that name the mailbox.
const MAILBOX: &str = "mailbox";
/// The parameters of the list.
const KNOWN: &[&str] = &[MAILBOX, PAGE];
/// What is typed to delete a message.
const WORD: &str = "delete";

fn read(call: &Call<'_, SignedIn>) -> Result<(Frame, Details), Fault> {
    let name = name(call)?;
    Ok(call.read(|tx| {
        let domain = find(tx, &call.caller.acts, &name)?;
        Ok::<_, Error>((Frame::of(tx, call)?, Domain::into_details(domain)))
    })?)
}

fn whose(domain: &Details) -> Whose<'_> {
    Whose { domain: &domain.name, since: domain.held_since }
}

fn mailroom<'a>(call: &'a Call<'_, SignedIn>) -> Result<&'a dyn Mailroom, MailTrouble> {
    call.mailroom.ok_or(MailTrouble::NoFolder)
}

/// There is no such message here.
fn none() -> Fault {
    Fault::NoRoute
}

/// The mailbox that a request names, which must be one of the domain's own.
fn mailbox_of(text: &str, domain: &Details) -> Result<EmailAddress, Fault> {
    let mailbox: EmailAddress = text.parse().map_err(|_| none())?;
    if *mailbox.domain() == domain.name { Ok(mailbox) } else { Err(none()) }
}

pub(in crate::console) fn list(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let (frame, domain) = read(call)?;
    let listed = Listed::of(call, None, KNOWN);
    let page = listed.page();
    let before = usize::try_from(page - 1).unwrap_or(usize::MAX);
    // What is no address of the domain has no messages.
    let mailbox = listed.get(MAILBOX).map(|text| mailbox_of(text, &domain));
    let found = match &mailbox {
        Some(Err(_)) => Ok(HeldPage::default()),
        Some(Ok(mailbox)) => mailroom(call).and_then(|it| it.held(whose(&domain), Some(mailbox), before)),
        None => mailroom(call).and_then(|it| it.held(whose(&domain), None, before)),
    };
    let at = |page: u64| list_at(&frame, &domain, &listed.with(PAGE, page));
    let content = html! {
        section.card {
            h2 { "Held back" }
            p { "Messages to " (domain.name) " that a spam filter marked, where the policy is to quarantine them. Nobody else is told of them." }
            form method="get" action=(frame.to_domain(domain.name.as_str(), "/quarantine")) {
                div.row {
                    div.field { label for="mailbox" { "Mailbox" } input #mailbox type="email" name=(MAILBOX) value=(listed.get(MAILBOX).unwrap_or_default()); }
                    button { "Show" }
                }
            }
            @match &found {
                Err(trouble) => (said(*trouble)),
                Ok(found) => {
                    @if found.is_cut { p { "There are more than are looked at here. Name a mailbox to see all of its messages." } }
                    @if found.messages.is_empty() { p { @if page > 1 { (NOTHING_HERE) } @else { "Nothing is held back." } } }
                    @else { (table(&frame, &domain, &found.messages, &listed)) }
                    (pager((page > 1).then(|| at(page - 1)), found.has_more.then(|| at(page + 1))))
                }
            }
        }
    };
    Ok(tabs::page(&frame, &domain, Tab::Quarantine, &content))
}

/// Why the mail of this server cannot be shown.
fn said(trouble: MailTrouble) -> Markup {
    html! {
        div.notice.wait role="note" {
            p { @match trouble {
                MailTrouble::NoFolder => "This server keeps no mail: there is no folder of mailboxes where it looks. If the bridge to the mail server runs on another machine, what is held back is listed there.",
                MailTrouble::Denied => "This server may not read the folder of mailboxes, or not change it. Its operator can let it.",
                MailTrouble::Failed => "The folder of mailboxes cannot be read now. Try again in a while.",
            } }
            p.small { "On the machine of the bridge " code { "postroom quarantine list ADDRESS" } " lists it as well." }
        }
    }
}

fn path_of(frame: &Frame, domain: &Details, id: &str, rest: &str) -> String {
    frame.to_domain(domain.name.as_str(), &format!("/quarantine/{}{rest}", encoded(id)))
}

fn list_at(frame: &Frame, domain: &Details, listed: &Listed) -> String {
    frame.to_domain(domain.name.as_str(), &format!("/quarantine{}", listed.query()))
}

fn table(frame: &Frame, domain: &Details, messages: &[HeldMessage], listed: &Listed) -> Markup {
    let list = listed.carried();
    html! {
        table.table {
            caption.visually-hidden { "Messages that are held back" }
            thead { tr { th scope="col" { "Subject" } th scope="col" { "From" } th scope="col" { "Sender" } th scope="col" { "Mailbox" } th scope="col" { "Kept" } } }
            tbody {
                @for message in messages {
                    @let query = format!("?{MAILBOX}={}{list}", encoded(&message.mailbox.to_string()));
                    tr {
                        td { a.name href=(path_of(frame, domain, &message.id, &query)) { (subject(message)) } }
                        td data-label="From" { (message.summary.header_from.as_deref().unwrap_or("not told")) }
                        td data-label="Sender" { (sender(message)) }
                        td data-label="Mailbox" { (message.mailbox) }
                        td.small.nowrap data-label="Kept" { (time(message.kept_at, frame.now)) }
                    }
                }
            }
        }
    }
}

fn subject(message: &HeldMessage) -> &str {
    message.summary.subject.as_deref().filter(|subject| !subject.trim().is_empty()).unwrap_or("(no subject)")
}

fn sender(message: &HeldMessage) -> &str {
    if message.sender.is_empty() { "nobody (a bounce)" } else { &message.sender }
}

pub(in crate::console) fn show(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    answer(call, StatusCode::OK, None)
}

/// The page of a message. The mailbox stands in its query, or in the form that was not accepted.
fn answer(
    call: &Call<'_, SignedIn>,
    status: StatusCode,
    refused: Option<&Refused>,
) -> Result<Response, Fault> {
    let (frame, domain) = read(call)?;
    let list =
        refused.and_then(|refused| refused.entered(LIST)).map(str::to_owned).or_else(|| call.query(LIST));
    let listed = Listed::read(&list.unwrap_or_default(), KNOWN);
    let named = refused.and_then(|refused| refused.entered(MAILBOX)).map(str::to_owned);
    let mailbox = mailbox_of(&named.or_else(|| call.query(MAILBOX)).unwrap_or_default(), &domain)?;
    let found = mailroom(call).and_then(|it| it.read(whose(&domain), &mailbox, call.param("message")));
    let content = match found {
        Err(trouble) => html! { section.card { h2 { "Held back" } (said(trouble)) } },
        Ok(None) => return Err(none()),
        Ok(Some(text)) => whole(&frame, &domain, &text, &listed, refused),
    };
    Ok(tabs::page_with(status, &frame, &domain, Tab::Quarantine, &content))
}

fn whole(
    frame: &Frame,
    domain: &Details,
    text: &HeldText,
    listed: &Listed,
    refused: Option<&Refused>,
) -> Markup {
    let HeldText { message, octets, is_cut } = text;
    let mut seen = report::readable(octets);
    seen.is_cut |= is_cut;
    let release = Fields::of("release", &[], refused);
    let delete = Fields::of("delete", &["confirm"], refused);
    let named = html! { input type="hidden" name=(MAILBOX) value=(message.mailbox); (listed.field()) };
    html! {
        section.card {
            h2 { (subject(message)) }
            dl.fields {
                dt { "Kept" } dd { (time(message.kept_at, frame.now)) }
                dt { "Mailbox" } dd { span { (message.mailbox) } }
                dt { "Recipient" } dd { span { (message.recipient) } }
                dt { "Sender" } dd { span { (sender(message)) } }
                dt { "Id" } dd { code { (message.id) } }
            }
            (frame.form(&path_of(frame, domain, &message.id, "/release"), &html! {
                (release.top())
                (named)
                p { "To deliver it is to do with it what the domain's route says now." }
                button.primary { "Deliver it" }
            }))
        }
        (message_of(&seen, ""))
        section.card {
            h2 { "Delete" }
            p { "A deleted message cannot be brought back." }
            (frame.form(&path_of(frame, domain, &message.id, "/delete"), &html! {
                (delete.top())
                (named)
                (delete.needed("confirm", &format!("Type {WORD} to confirm"), "", ""))
                button.danger { "Delete the message" }
            }))
        }
        p { a href=(list_at(frame, domain, listed)) { "All that is held back" } }
    }
}

/// What could not be done, at the top of its form.
fn refused(trouble: MailTrouble) -> Fault {
    Fault::Library(Error::invalid(MAILBOX, trouble))
}

/// Writes down who has let a message through, or deleted it.
fn note(call: &Call<'_, SignedIn>, mailbox: &EmailAddress, fate: HeldFate) -> Result<(), Fault> {
    let (name, acts) = (name(call)?, &call.caller.acts);
    let id = call.param("message");
    Ok(call.write(|tx| mail::note_held(tx, Some(acts), find(tx, acts, &name)?.id, mailbox, id, fate))?)
}

pub(in crate::console) fn release(call: &LookingCall<'_, SignedIn>) -> Result<Response, Fault> {
    submit(call, answer, ("release", MAILBOX), |form| {
        let (_, domain) = read(call)?;
        let mailbox = named(form, &domain)?;
        let done = mailroom(call).and_then(|it| it.release(whose(&domain), &mailbox, call.param("message")));
        let reply = done.map_err(refused)?.ok_or_else(none)?;
        if !reply.starts_with('2') {
            return Err(Fault::Library(Error::invalid(
                MAILBOX,
                format_args!("it is still held back: {reply}"),
            )));
        }
        note(call, &mailbox, HeldFate::Released)?;
        Ok(see_domain(call, &domain.name, &format!("/quarantine{}", Listed::of_form(form, KNOWN).query())))
    })
}

pub(in crate::console) fn delete(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    submit(call, answer, ("delete", "confirm"), |form| {
        let (_, domain) = read(call)?;
        let mailbox = named(form, &domain)?;
        if form.get("confirm").unwrap_or_default().trim() != WORD {
            return Err(Fault::Library(Error::invalid("confirm", format_args!("type {WORD}"))));
        }
        let done = mailroom(call).and_then(|it| it.delete(whose(&domain), &mailbox, call.param("message")));
        if !done.map_err(refused)? {
            return Err(none());
        }
        note(call, &mailbox, HeldFate::Deleted)?;
        Ok(see_domain(call, &domain.name, &format!("/quarantine{}", Listed::of_form(form, KNOWN).query())))
    })
}

fn named(form: &Form, domain: &Details) -> Result<EmailAddress, Fault> {
    mailbox_of(form.get(MAILBOX).unwrap_or_default(), domain)
}
