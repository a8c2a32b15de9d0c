//! Messages that were reported as misclassified, for people: their header fields and text, and nothing that acts.

use maud::{Markup, html};
use postroom::domain::Domain;
use postroom::error::{Entity, Error};
use postroom::id::ReportId;
use postroom::report::{self, Readable, Report, ReportKind};

use super::tabs::{self, Tab};
use super::{find, name};
use crate::console::frame::Frame;
use crate::console::part::{NOTHING_HERE, Tone, counted, pager, pill, time};
use crate::console::sheet::file;
use crate::wire::http::{HeaderValue, Response};
use crate::wire::{Call, Fault, SignedIn};

/// How many reports stand on a page.
const ON_A_PAGE: u32 = 50;

pub(in crate::console) fn list(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    let before = call.query("before").and_then(|id| id.parse().ok()).map(ReportId::new);
    let (frame, domain, mut reports) = call.read(|tx| {
        let domain = find(tx, &call.caller.acts, &name)?;
        let reports = report::of_domain(tx, &domain, before, ON_A_PAGE + 1)?;
        Ok::<_, Error>((Frame::of(tx, call)?, domain.into_details(), reports))
    })?;
    let path = |query: &str| frame.to_domain(name.as_str(), &format!("/reports{query}"));
    let has_more = reports.len() > ON_A_PAGE as usize;
    reports.truncate(ON_A_PAGE as usize);
    let older = reports.last().filter(|_| has_more).map(|last| path(&format!("?before={}", last.id)));
    let content = html! {
        section.card {
            h2 { "Reported messages" }
            p { "What your mail programs and people have reported as misclassified, of messages to " (name) ". A message is kept for a limited time." }
            @if reports.is_empty() { p { @if before.is_some() { (NOTHING_HERE) } @else { "There is none." } } } @else {
                table.table {
                    caption.visually-hidden { "Reported messages" }
                    thead { tr { th scope="col" { "Report" } th scope="col" { "Verdict" } th scope="col" { "Sender" } th scope="col" { "Recipient" } th scope="col" { "Reported" } } }
                    tbody { @for report in &reports { (row(&frame, report, &path(&format!("/{}", report.id)))) } }
                }
            }
            (pager(before.map(|_| path("")), older))
        }
    };
    Ok(tabs::page(&frame, &domain, Tab::Reports, &content))
}

fn verdict(report: &Report) -> Markup {
    match report.kind {
        ReportKind::FalsePositive => pill(Tone::Good, "Not junk"),
        ReportKind::FalseNegative => pill(Tone::Bad, "Junk"),
    }
}

fn row(frame: &Frame, report: &Report, path: &str) -> Markup {
    html! {
        tr {
            td { a.name href=(path) { "Report " (report.id) } }
            td { (verdict(report)) }
            td data-label="Sender" { (told(report.sender.as_deref())) }
            td data-label="Recipient" { (told(report.recipient.as_deref())) }
            td.small.nowrap data-label="Reported" { (time(report.filed_at, frame.now)) }
        }
    }
}

/// A part of the envelope.
fn told(part: Option<&str>) -> &str {
    match part {
        None => "not told",
        Some("" | "<>") => "nobody (a bounce)",
        Some(text) => text,
    }
}

pub(in crate::console) fn show(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    let id = call.param("report").parse().map(ReportId::new);
    let id = id.map_err(|_| Fault::Library(Error::NotFound(Entity::Report)))?;
    let (frame, domain, report, message) = call.read(|tx| {
        let domain = find(tx, &call.caller.acts, &name)?;
        let report = report::find_of(tx, &domain, id)?;
        let message = report::message(tx, &report)?;
        Ok::<_, Error>((Frame::of(tx, call)?, Domain::into_details(domain), report, message))
    })?;
    if call.query("raw").is_some() {
        // No browser shows this type.
        let kind = HeaderValue::from_static("application/octet-stream");
        return Ok(file(&format!("report-{id}.eml"), kind, message));
    }
    let seen = report::readable(&message);
    let path = frame.to_domain(name.as_str(), "/reports");
    let content = html! {
        section.card {
            div.head {
                h2 { "Report " (report.id) }
                (verdict(&report))
                a.button.slight.push href={ (path) "/" (report.id) "?raw=1" } { "Download the message" }
            }
            dl.fields {
                dt { "Reported" } dd { (time(report.filed_at, frame.now)) }
                dt { "Sender" } dd { span { (told(report.sender.as_deref())) } }
                dt { "Recipient" } dd { span { (told(report.recipient.as_deref())) } }
                dt { "HELO" } dd { span { (told(report.helo.as_deref())) } }
                dt { "Client" } dd { span { (told(report.client.as_deref())) } }
            }
        }
        (message_of(&seen, "; the download is whole"))
        p { a href=(path) { "All reports" } }
    };
    Ok(tabs::page(&frame, &domain, Tab::Reports, &content))
}

/// A message as text. `whole` says where all of it is.
pub(super) fn message_of(seen: &Readable, whole: &str) -> Markup {
    html! {
        section.card {
            h2 { "The message" }
            p.small.soft { "Shown as text: nothing of it is loaded, opened or run."
                @if seen.is_cut { " It is longer than what stands here" (whole) "." } }
            @if let Some(subject) = &seen.subject { p { strong { (subject) } } }
            @if seen.text.trim().is_empty() { p.soft { "It has no text." } } @else { pre tabindex="0" role="region" aria-label="Text of the message" { (seen.text) } }
            @if !seen.parts.is_empty() {
                h3 { "Other parts" }
                ul { @for (name, octets) in &seen.parts { li { (name) ", " (counted(*octets, "octet")) } } }
            }
            details {
                summary { "Header fields" }
                dl.fields.wide { @for (name, value) in &seen.fields { dt { (name) } dd { code { (value) } } } }
            }
        }
    }
}
