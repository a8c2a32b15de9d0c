//! A domain's first page: why it is not active, what signs for it, its records, and what the DNS says of them.

use std::hash::{DefaultHasher, Hash, Hasher};

use maud::{Markup, html};
use postroom::domain::{self, Details, DomainStatus};
use postroom::error::Error;
use postroom::event::Event;
use postroom::id::DkimKeyId;
use postroom::record::{self, Format, Record, RecordStatus, zone_fragment};
use postroom::rotation;
use postroom::session::Role;
use postroom::signing::{self, Assessment, Reason, Severity, UnsignedCode};
use postroom::verify::{self, Checked};

use super::provider::{self, Provider};
use super::records::{NAMES, card, place};
use super::tabs::{self, Tab};
use super::{find, log, name};
use crate::console::form::sentence;
use crate::console::frame::Frame;
use crate::console::live::revision;
use crate::console::part::{Tone, counted, pill, time};
use crate::console::sheet::file;
use crate::wire::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use crate::wire::{Call, Fault, LookingCall, SignedIn};

/// How many of the latest events stand on the page.
const LATEST: u32 = 6;

/// The code of the reason that nobody has proved the name.
const UNPROVED: &str = UnsignedCode::Unproved.as_str();

/// What the page shows.
struct Shown {
    frame: Frame,
    domain: Details,
    records: Vec<Record>,
    assessment: Assessment,
    latest: Vec<Event>,
    /// The key that is to take over, while its owner has to publish its record.
    new_key: Option<DkimKeyId>,
    /// Where the records are entered, if that is known.
    provider: Option<&'static Provider>,
    /// What a check has just found.
    checked: Option<Vec<Checked>>,
}

impl Shown {
    fn read(call: &Call<'_, SignedIn>, checked: Option<Vec<Checked>>) -> Result<Shown, Fault> {
        let name = name(call)?;
        Ok(call.read(|tx| {
            let domain = find(tx, &call.caller.acts, &name)?;
            let rotation = rotation::status(tx, &domain)?;
            let under_way = rotation.rotation.under_way.as_ref().filter(|_| !rotation.is_delegated());
            Ok::<_, Error>(Shown {
                frame: Frame::of(tx, call)?,
                new_key: under_way.map(|under_way| under_way.key),
                records: record::list(tx, &domain)?,
                assessment: signing::find(tx, &domain)?,
                latest: domain::timeline(tx, &domain, None, LATEST)?,
                provider: provider::of(&domain::name_servers(tx, &domain)?),
                domain: domain.into_details(),
                checked,
            })
        })?)
    }

    /// The record of the key that is to take over.
    fn to_rotate(&self) -> Option<&Record> {
        let is_new = |record: &&Record| record.dkim_key.as_ref().map(|key| key.id) == self.new_key;
        self.new_key.and_then(|_| self.records.iter().find(is_new))
    }

    /// A number that differs where something differs that a person would notice.
    fn state(&self) -> String {
        let mut hash = DefaultHasher::new();
        self.domain.status.as_str().hash(&mut hash);
        self.assessment.signing.signs().hash(&mut hash);
        for record in &self.records {
            let code = record.problem.as_ref().map(|problem| problem.code.as_str());
            (record.id.number(), record.standing.status, code, record.value.as_str()).hash(&mut hash);
        }
        format!("{:x}", hash.finish())
    }
}

pub(in crate::console) fn show(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let shown = Shown::read(call, None)?;
    Ok(tabs::page(&shown.frame, &shown.domain, Tab::Records, &content(&shown)))
}

/// Asks the DNS now, writes down what is found, and shows it with what each server said.
pub(in crate::console) fn check(call: &LookingCall<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    let acts = &call.caller.acts;
    let id = call.read(|tx| find(tx, acts, &name).map(|domain| domain.id))?;
    let mut checked = verify::check(call.postroom, acts, id, &call.checks.watch(id, call.resolver))?;
    if call.caller.session.role == Role::Operator {
        checked = checked.into_iter().map(Checked::for_operator).collect();
    }
    let shown = Shown::read(call, Some(checked))?;
    Ok(tabs::page(&shown.frame, &shown.domain, Tab::Records, &content(&shown)))
}

/// The records to download: as a fragment of a zone file, or in the form of a tool.
pub(in crate::console) fn zone(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    if let Some(format) = call.query("format").filter(|word| !word.is_empty()) {
        let format: Format = format.parse().map_err(|_| Fault::NoRoute)?;
        let zones = call.read(|tx| {
            let domain = find(tx, &call.caller.acts, &name)?;
            let records = record::list(tx, &domain)?;
            Ok::<_, Error>(record::by_zone(&[(domain.into_details(), records)]))
        })?;
        let zone = zones.first().ok_or(Fault::NoRoute)?;
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        return Ok(file(&format.file_name(zone.zone()), plain, format.write(zone).into_bytes()));
    }
    let zone = call.read(|tx| {
        let domain = find(tx, &call.caller.acts, &name)?;
        let records = record::list(tx, &domain)?;
        Ok::<_, Error>(zone_fragment(&domain, &records))
    })?;
    Ok(zone_file(name.as_str(), zone))
}

/// A fragment of a zone file, to download.
pub(in crate::console) fn zone_file(domain: &str, zone: String) -> Response {
    // The media type of zone files (RFC 4027).
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("text/dns"))]);
    let file = format!("attachment; filename=\"{domain}.zone\"");
    Response { status: StatusCode::OK, headers, body: zone.into() }.with(header::CONTENT_DISPOSITION, &file)
}

fn content(shown: &Shown) -> Markup {
    let Shown { frame, domain, .. } = shown;
    let name = domain.name.as_str();
    // A page looks again by itself as long as there is something to wait for.
    let follow = (domain.status != DomainStatus::Active).then(|| frame.to_domain(name, ""));
    html! {
        div #live data-state=(shown.state()) data-follow=[follow] data-said=(said(shown)) data-status=(domain.status)
            data-became={ (domain.name) " is " (domain.status) " now." } data-live=(frame.to_domain(name, "/live")) data-revision=(revision(domain)) {
            (standing(shown))
            @if let Some(provider) = shown.provider && domain.status != DomainStatus::Active { (place(provider, domain)) }
            div.head {
                h2 { "Records to publish" }
                div.actions.push {
                    (downloads(frame, name))
                    form method="post" action=(frame.to_domain(name, "/check")) data-check { (frame.token()) button.primary { "Check now" } }
                }
            }
            p.small.soft data-progress hidden {}
            @if shown.provider.is_none() && !shown.records.is_empty() { p.small { (NAMES) } }
            @for record in &shown.records {
                (card(frame, domain, record, checked_of(shown, record), shown.provider))
            }
            @if shown.records.is_empty() { p { "This domain has no record to publish." } }
            section.card {
                h2 { "What happened last" }
                (log::events(&shown.latest, frame.now))
                p { a href=(frame.to_domain(name, "/log")) { "Everything that happened to " (name) } }
            }
        }
    }
}

/// The records as files.
fn downloads(frame: &Frame, name: &str) -> Markup {
    let tools = [
        ("", "Zone file (BIND)"),
        ("?format=octodns", "OctoDNS"),
        ("?format=dnscontrol", "DNSControl"),
        ("?format=terraform", "Terraform"),
    ];
    html! {
        details.menu #downloads {
            summary.button.slight { "Download" }
            ul { @for (query, tool) in tools { li { a href=(frame.to_domain(name, &format!("/zone{query}"))) { (tool) } } } }
        }
    }
}

fn checked_of<'a>(shown: &'a Shown, record: &Record) -> Option<&'a Checked> {
    shown.checked.as_ref()?.iter().find(|checked| checked.record.id == record.id)
}

/// What is read aloud when the page has changed, after what became of the domain if its status is another one.
fn said(shown: &Shown) -> String {
    let needed = || shown.records.iter().filter(|record| record.standing.status != RecordStatus::Disabled);
    let right = needed().filter(|record| record.standing.status == RecordStatus::Verified).count();
    let are = if right == 1 { "is" } else { "are" };
    format!("{right} of {} {are} right.", counted(needed().count() as u64, "record"))
}

/// Why the domain is not active, or that it is; what signs for it; when it is checked next.
fn standing(shown: &Shown) -> Markup {
    let Shown { frame, domain, assessment, .. } = shown;
    let fails: Vec<&Reason> =
        assessment.reasons.iter().filter(|reason| reason.severity == Severity::Fail).collect();
    let warns: Vec<&Reason> =
        assessment.reasons.iter().filter(|reason| reason.severity == Severity::Warn).collect();
    let (tone, title) = match domain.status {
        DomainStatus::Active => (Tone::Good, format!("{} is active", domain.name)),
        DomainStatus::Pending => (Tone::Wait, format!("Why {} is not active yet", domain.name)),
        DomainStatus::Failed => (Tone::Bad, format!("Why {} failed", domain.name)),
    };
    let checked_at = shown.records.iter().filter_map(|record| record.checked_at).max();
    html! {
        section class={ "notice " (tone.class()) } {
            h2 { (title) }
            @if assessment.reasons.iter().any(|reason| reason.code == UNPROVED) {
                p { a href=(frame.to(&format!("/claims/{}", domain.name))) { "The record that proves the domain to be yours" } }
            }
            @if domain.status == DomainStatus::Active { p { "Every record that it needs now is verified." } }
            @else { (reasons(shown, &fails)) }
            @if let Some(record) = shown.to_rotate() {
                p { "A rotation is under way. Publish the record of the new key: " code { (record.name(domain)) } ". "
                    a href={ "#record-" (record.id) } { "See the record" } }
            }
            @if !warns.is_empty() {
                h3 { "Worth mending" }
                (reasons(shown, &warns))
            }
        }
        div.grid {
            section.card {
                h2 { "Signing" }
                @if assessment.signing.signs() {
                    p {
                        (pill(Tone::Good, "Signs")) " with "
                        @for (at, selector) in assessment.signing.selectors.iter().enumerate() { @if at > 0 { ", " } code { (selector) } }
                        @if assessment.signing.by != domain.name { " of " (assessment.signing.by) }
                        @if let Some(since) = assessment.signing.since { ", since " (crate::console::part::exact(since)) }
                        "."
                    }
                } @else {
                    p { (pill(Tone::Plain, "Does not sign yet")) " "
                        @if let Some(reason) = &assessment.signing.reason { (sentence(&reason.text)) } }
                }
            }
            section.card {
                h2 { "Checks" }
                p {
                    @match checked_at { Some(at) => { "Last checked " (time(at, frame.now)) "." } None => "Not checked yet." }
                    " Postroom looks again by itself, next " (time(domain.next_check_at, frame.now)) "."
                }
            }
        }
    }
}

fn reasons(shown: &Shown, reasons: &[&Reason]) -> Markup {
    html! {
        ul.reasons {
            @for reason in reasons {
                @let record = shown.records.iter().find(|record| {
                    reason.record == Some(record.purpose) && record.standing.status != RecordStatus::Disabled
                });
                li {
                    span { (sentence(&reason.text)) }
                    @if let Some(record) = record { a href={ "#record-" (record.id) } { "See the record" } }
                }
            }
        }
    }
}
