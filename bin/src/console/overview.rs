//! The first page of an account: how its domains stand, and which of them need somebody now.

use maud::{Markup, html};
use postroom::db::ReadTx;
use postroom::domain::{self, DomainStatus};
use postroom::error::Error;
use postroom::event::{self, Event, Search};
use postroom::history::{self, Day};
use postroom::page::Page;
use postroom::session::Role;
use postroom::signing;

use super::chart::{Series, bars};
use super::domain::log::events;
use super::form::sentence;
use super::frame::{Frame, Part, see};
use super::part::{domain_pill, grouped};
use crate::wire::http::Response;
use crate::wire::{Call, Fault, SignedIn};

/// How many domains of each kind stand on the page.
const MOST: u32 = 8;

/// For how many days the charts are.
const DAYS: u32 = 30;
const CHECKS: &[Series] = &[Series { name: "Checks", class: "plain", of: |day| day.checks }];
const CHANGES: &[Series] = &[
    Series { name: "Became active", class: "good", of: |day| day.active },
    Series { name: "Became pending", class: "wait", of: |day| day.pending },
    Series { name: "Failed", class: "bad", of: |day| day.failed },
];

/// A domain that needs somebody, and why.
struct Needy {
    name: String,
    status: DomainStatus,
    why: String,
}

struct Overview {
    counts: Vec<(DomainStatus, u64)>,
    needy: Vec<Needy>,
    latest: Vec<Event>,
    days: Vec<Day>,
}

pub(super) fn show(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let acts = &call.caller.acts;
    let (frame, overview) = call.read(|tx| {
        let frame = Frame::of(tx, call)?;
        // A domain's administrator has no other page than the domain's.
        if let Some(id) = frame.session.domain {
            return Ok::<_, Error>((frame, Err(domain::find(tx, acts, id)?.name.to_string())));
        }
        let search = Search { account: Some(acts.account()), ..Search::default() };
        let overview = Overview {
            counts: domain::count_by_status(tx, acts)?,
            needy: needy(tx, call)?,
            latest: event::newest(tx, &search, 8)?,
            days: history::days(tx, acts.account(), DAYS)?,
        };
        Ok((frame, Ok(overview)))
    })?;
    match overview {
        Err(name) => Ok(see(&frame.to_domain(&name, ""))),
        Ok(overview) => Ok(frame.page(Part::Overview, "Overview", &[], &shaped(&frame, &overview))),
    }
}

/// The worst first: what was lost, then what never was.
fn needy(tx: &ReadTx<'_>, call: &Call<'_, SignedIn>) -> Result<Vec<Needy>, Error> {
    let acts = &call.caller.acts;
    let page = Page { limit: MOST, offset: 0 };
    let mut found = domain::list_with_status(tx, acts, DomainStatus::Failed, page)?;
    found.extend(domain::list_with_status(tx, acts, DomainStatus::Pending, page)?);
    let assessments = signing::list(tx, &found)?;
    let needy = found.iter().zip(&assessments).map(|(domain, assessment)| {
        let reason = assessment.reason();
        let why = reason.map_or_else(String::new, |reason| sentence(&reason.text));
        Needy { name: domain.name.to_string(), status: domain.status, why }
    });
    Ok(needy.collect())
}

fn shaped(frame: &Frame, overview: &Overview) -> Markup {
    let of =
        |status| overview.counts.iter().find(|(known, _)| *known == status).map_or(0, |(_, count)| *count);
    let (active, pending, failed) =
        (of(DomainStatus::Active), of(DomainStatus::Pending), of(DomainStatus::Failed));
    let all = active + pending + failed;
    let figure = |class: &str, number: u64, word: &str, query: &str| {
        html! { li { a class=(class) href=(frame.to(&format!("/domains{query}"))) { b { (grouped(number)) } (word) } } }
    };
    html! {
        div.head {
            h1 { "Overview" }
            a.button.primary.push href=(frame.to("/domains#add")) { "Add a domain" }
        }
        ul.figures {
            (figure("", all, if all == 1 { "domain" } else { "domains" }, ""))
            (figure("good", active, "active", "?status=active"))
            (figure("wait", pending, "pending", "?status=pending"))
            (figure(if failed > 0 { "bad" } else { "" }, failed, "failed", "?status=failed"))
        }
        @if all == 0 {
            section.card {
                h2 { "Begin here" }
                ol {
                    li { "Add a domain. Postroom makes its DKIM key and says which DNS records its owner must publish." }
                    li { "Publish the records at the domain's DNS provider, or send the page to whoever does." }
                    li { "Postroom looks at the DNS by itself, and says in a sentence what to change." }
                }
                a.button.primary href=(frame.to("/domains#add")) { "Add a domain" }
            }
        } @else {
            section.card {
                h2 { "What needs attention" }
                @if overview.needy.is_empty() {
                    p { "Nothing: every domain is active." }
                } @else {
                    ul.reasons {
                        @for needy in &overview.needy {
                            li {
                                (domain_pill(needy.status))
                                a.name href=(frame.to_domain(&needy.name, "")) { (needy.name) }
                                span.soft { (needy.why) }
                            }
                        }
                    }
                    @if failed + pending > u64::try_from(overview.needy.len()).unwrap_or(u64::MAX) {
                        p { a href=(frame.to("/domains?status=failed")) { "All that failed" } " · "
                            a href=(frame.to("/domains?status=pending")) { "All that are pending" } }
                    }
                }
            }
        }
        @if all > 0 {
            div.grid { section.card { (bars("Checks", &overview.days, CHECKS)) } section.card { (bars("Changes of status", &overview.days, CHANGES)) } }
        }
        @if frame.is_for(Role::Account) && !overview.latest.is_empty() {
            section.card {
                h2 { "What happened last" }
                (events(&overview.latest, frame.now))
                p { a href=(frame.to("/log")) { "The whole audit log" } }
            }
        }
    }
}
