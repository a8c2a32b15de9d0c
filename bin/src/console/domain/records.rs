//! A record as a person needs it who enters it at a DNS provider, and what was seen of it.

use super::provider::{Apex, Provider};
use maud::{Markup, html};
use postroom::dns::{Outcome, RecordData, RecordType};
use postroom::domain::Details;
use postroom::name::{DnsName, DomainName};
use postroom::record::{Record, RecordStatus, strings};
use postroom::verify::{Act, Action, Checked, Code, Finding, Verdict, View};

use crate::console::frame::Frame;
use crate::console::part::{Tone, copyable, is_known_wrong, pill, record_pill, time};

/// The most octets of one string of a TXT record (RFC 1035 section 3.3).
pub(in crate::console) const MAX_STRING: usize = 255;

/// Which of the two names somebody enters.
pub(in crate::console) const NAMES: &str = "Does the form of your DNS provider show your domain behind the field? Then enter the Name. If not, enter the Whole name.";

/// What a record is for, in words.
fn purpose(record: &Record) -> (&'static str, &'static str) {
    match record.purpose.as_str() {
        "mx" => ("MX", "Incoming mail comes to our servers"),
        "spf" => ("SPF", "Our servers may send"),
        "dmarc" => ("DMARC", "What receivers do with mail that fails"),
        "dkim" => ("DKIM", "The key that signs"),
        "return_path" => ("Return path", "Bounces come back, and SPF is aligned"),
        other => {
            debug_assert!(other.is_empty(), "{other} has no words yet");
            ("Record", "")
        }
    }
}

/// One record, with what a check has just found of it, if there was one.
pub(super) fn card(
    frame: &Frame,
    domain: &Details,
    record: &Record,
    checked: Option<&Checked>,
    provider: Option<&Provider>,
) -> Markup {
    let (title, what) = purpose(record);
    let name = record.name(domain);
    let host = relative(&domain.name, &name);
    let host = provider.map_or(host.as_str(), |provider| provider.host(&host));
    let (name_field, value_field) =
        provider.map_or(("Name", "Value"), |provider| (provider.name_field, provider.value_field));
    let kind = record.record_type();
    let value = &record.value;
    html! {
        article.card.record id={ "record-" (record.id) } {
            header {
                h3 { (title) }
                (record_pill(record))
                @if record.standing.pinned { (pill(Tone::Plain, "Marked manually")) }
                span.soft { (what) }
            }
            dl.fields {
                dt { "Type" } dd { code { (kind) } }
                dt { (name_field) }
                dd { @if host.is_empty() { span.soft { "(leave it empty)" } } @else { (copyable(&format!("the name of the {title} record"), host)) } }
                dt { "Whole name" } dd { (copyable(&format!("the whole name of the {title} record"), name.as_str())) }
                @if let Some(priority) = record.priority { dt { "Priority" } dd { code { (priority) } } }
                dt { (value_field) } dd { (copyable(&format!("the value of the {title} record"), value)) }
                @if kind == RecordType::Txt && value.len() > MAX_STRING {
                    dt { "In parts" }
                    dd {
                        details id={ "parts-" (record.id) } {
                            summary { "If the form takes 255 characters at most" }
                            code.value data-copy={ "the value of the " (title) " record in parts" } { (strings(value)) }
                        }
                    }
                }
            }
            @match checked {
                Some(checked) => { (found(&checked.finding)) (servers(&record.id.to_string(), &checked.views)) }
                None => (kept(frame, record)),
            }
        }
    }
}

/// The name of a record as it stands in the zone, which is taken to be that of the name which was registered.
pub(in crate::console) fn relative(domain: &DomainName, name: &DnsName) -> String {
    let zone = domain.registered();
    let above = name.as_str().strip_suffix(zone.as_str()).map(|above| above.trim_end_matches('.'));
    match above {
        Some("") => "@".to_owned(),
        Some(above) => above.to_owned(),
        None => name.to_string(),
    }
}

/// Where the records are entered, in the words of the provider.
pub(super) fn place(provider: &Provider, domain: &Details) -> Markup {
    let zone = domain.name.registered();
    html! {
        section.card {
            h2 { "The DNS is at " (provider.name) }
            p { "The name servers say so. The fields below have the names that " (provider.name) " gives them: a name goes into “" (provider.name_field)
                "”, a value into “" (provider.value_field) "”"
                @match provider.apex {
                    Apex::At => { ", and “@” stands for " (zone) " itself." }
                    Apex::Empty => { ", and for " (zone) " itself the name stays empty." }
                } }
            p { (provider.hint) }
        }
    }
}

/// What was kept of the last check.
fn kept(frame: &Frame, record: &Record) -> Markup {
    let Some(checked_at) = record.checked_at else { return html! {} };
    let tone = match (&record.problem, record.standing.status) {
        (None, _) => Tone::Good,
        (Some(_), RecordStatus::Verified) => Tone::Wait,
        (Some(_), _) if !is_known_wrong(record) => Tone::Wait,
        (Some(_), _) => Tone::Bad,
    };
    html! {
        @if let Some(problem) = &record.problem {
            div class={ "finding " (tone.class()) } {
                p { (problem.text) }
                @if let Some(action) = &problem.action { (to_do(action, Some(&problem.code))) }
                @if let Some(seen) = &record.observed { p.small { "Seen: " code { (seen) } } }
                p.small { a href=(frame.to(&format!("/help/{}", problem.code))) { "What this means" } }
            }
        }
        p.small.soft { "Checked " (time(checked_at, frame.now)) }
    }
}

/// What a check has just found, with the one thing to do.
pub(in crate::console) fn found(finding: &Finding) -> Markup {
    let tone = match finding.verdict {
        Verdict::Pass => Tone::Good,
        Verdict::Warn | Verdict::Temporary => Tone::Wait,
        Verdict::Fail => Tone::Bad,
    };
    html! {
        div class={ "finding " (tone.class()) } {
            p { (finding.text) }
            @if let Some(action) = &finding.action { (to_do(action, finding.code.map(Code::as_str))) }
            @if let Some(code) = finding.code { p.small { "Code: " code { (Code::as_str(code)) } } }
        }
    }
}

/// What a form wants for the new value: the priority of an MX record, which has a field of its own, and the value.
///
/// A host's name has no dot at its end here, as in the record above it, unless this form is known to add the domain where none is.
pub(in crate::console) fn fields<'a>(
    action: &'a Action,
    code: Option<&str>,
) -> Option<(Option<&'a str>, &'a str)> {
    let to = action.to.as_deref()?;
    let (priority, value) = match (action.record_type, to.split_once(' ')) {
        (RecordType::Mx, Some((priority, host))) => (Some(priority), host),
        _ => (None, to),
    };
    let is_host = matches!(action.record_type, RecordType::Mx | RecordType::Cname);
    let needs_dot = code == Some(Code::DomainAddedToTarget.as_str());
    let value = value.strip_suffix('.').filter(|_| is_host && !needs_dot).unwrap_or(value);
    Some((priority, value))
}

/// What to enter where, for a problem that has this code.
pub(super) fn to_do(action: &Action, code: Option<&str>) -> Markup {
    let what = match action.act {
        Act::Add => "Add this record",
        Act::Change => "Change it to this",
        Act::Delete => "Delete this",
        Act::Wait | Act::None => return html! {},
    };
    html! {
        h4.small { (what) }
        dl.fields {
            dt { "Type" } dd { code { (action.record_type) } }
            dt { "Whole name" } dd { (copyable("the name", action.name.as_str())) }
            @if let Some(from) = &action.from { dt { "Now" } dd { code.value { (from) } } }
            @if let Some((priority, value)) = fields(action, code) {
                @if let Some(priority) = priority { dt { "Priority" } dd { code { (priority) } } }
                dt { "Value" } dd { (copyable("the new value", value)) }
            }
        }
    }
}

/// What each server said.
pub(in crate::console) fn servers(id: &str, views: &[View]) -> Markup {
    html! {
        details id={ "servers-" (id) } {
            summary { "What each server said" }
            table.table.small {
                caption.visually-hidden { "What each server said" }
                thead { tr { th scope="col" { "Server" } th scope="col" { "Answer" } th scope="col" { "Judged" } } }
                tbody {
                    @for view in views {
                        tr {
                            td { (view.answer.server) }
                            td data-label="Answer" { (answer(&view.answer.outcome)) }
                            td { (judged(view.finding.verdict)) }
                        }
                    }
                }
            }
        }
    }
}

fn judged(verdict: Verdict) -> Markup {
    match verdict {
        Verdict::Pass => pill(Tone::Good, "Right"),
        Verdict::Warn => pill(Tone::Wait, "Works"),
        Verdict::Fail => pill(Tone::Bad, "Wrong"),
        Verdict::Temporary => pill(Tone::Plain, "Cannot tell"),
    }
}

fn answer(outcome: &Outcome) -> Markup {
    let words = match outcome {
        Outcome::Found { .. } => {
            let records = outcome.records().iter().map(RecordData::to_string);
            return html! { @for record in records { code { (record) } br; } };
        }
        Outcome::NoData { .. } => "No such record",
        Outcome::NxDomain { .. } => "No such name",
        Outcome::CnameLoop => "CNAME records in a circle",
        Outcome::ServFail { .. } => "The server failed",
        Outcome::Refused { .. } => "Refused to answer",
        Outcome::Timeout => "No answer in time",
        Outcome::Malformed { .. } => "No sensible answer",
        Outcome::NotAsked { .. } => "Not asked",
        _ => "Not reached",
    };
    html! { (words) }
}
