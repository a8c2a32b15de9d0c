//! The list of an account's domains: search, filter, order, pages; and adding one.

use std::collections::HashMap;

use maud::{Markup, html};
use postroom::db::ReadTx;
use postroom::dkim::pool;
use postroom::domain::{self, Details, Domain, DomainSearch, DomainStatus, NewDomain, Order};
use postroom::error::Error;
use postroom::id::DomainId;
use postroom::name::{DomainName, InvalidName};
use postroom::page::{Direction, Page};
use postroom::signing::{self, Assessment};

use crate::console::form::{Fields, Refused, sentence};
use crate::console::frame::{Frame, Part, base_path, see};
use crate::console::part::{Tone, domain_pill, encoded, pager, pill, time};
use crate::wire::form::Form;
use crate::wire::http::{Response, StatusCode};
use crate::wire::{Call, Fault, SignedIn};

/// How many domains stand on a page.
const ON_A_PAGE: u32 = 50;
/// The last page that can be asked for by its number.
const LAST_PAGE: u64 = 1_000_000;

const ORDERS: &[(&str, &str, Order, Direction)] = &[
    ("name", "Name", Order::Name, Direction::Ascending),
    ("-name", "Name, Z first", Order::Name, Direction::Descending),
    ("newest", "Newest first", Order::Created, Direction::Descending),
    ("oldest", "Oldest first", Order::Created, Direction::Ascending),
];

/// What the list is asked for.
struct Asked {
    text: String,
    status: Option<DomainStatus>,
    order: usize,
    page: u64,
}

impl Asked {
    fn of(call: &Call<'_, SignedIn>) -> Asked {
        let order = call.query("order").unwrap_or_default();
        Asked {
            text: call.query("q").unwrap_or_default().trim().chars().take(255).collect(),
            status: call.query("status").and_then(|word| word.parse().ok()),
            order: ORDERS.iter().position(|(word, ..)| *word == order).unwrap_or_default(),
            page: call.query("page").and_then(|page| page.parse().ok()).unwrap_or(1).clamp(1, LAST_PAGE),
        }
    }

    fn order(&self) -> (&'static str, Order, Direction) {
        let (word, _, order, direction) =
            ORDERS.get(self.order).copied().unwrap_or(("name", "", Order::Name, Direction::Ascending));
        (word, order, direction)
    }

    /// The address of another page of the same list.
    fn at(&self, page: u64) -> String {
        let status = self.status.map_or("", DomainStatus::as_str);
        format!("/domains?q={}&status={status}&order={}&page={page}", encoded(&self.text), self.order().0)
    }
}

struct Found {
    domains: Vec<Details>,
    assessments: HashMap<DomainId, Assessment>,
    has_more: bool,
}

pub(in crate::console) fn show(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    answer(call, StatusCode::OK, None)
}

/// Adds one domain.
pub(in crate::console) fn add(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let form = Form::read(call.request)?;
    match create(call, &form) {
        Ok(name) => Ok(see(&format!("{}/console/domains/{name}", base_path(call.base_url)))),
        Err(fault) => {
            let refused = Refused::of("add", "domain", form, fault)?;
            answer(call, StatusCode::UNPROCESSABLE_ENTITY, Some(&refused))
        }
    }
}

fn create(call: &Call<'_, SignedIn>, form: &Form) -> Result<DomainName, Fault> {
    let given = form.get("domain").unwrap_or_default().trim();
    let name: DomainName = given.parse().map_err(|e: InvalidName| Error::invalid("domain", e))?;
    let label = form.get("label");
    pool::write(*call.session, |tx| {
        let new = NewDomain { label, ..NewDomain::named(&name) };
        let domain = domain::create(tx, &call.caller.acts, &new)?;
        domain::equip(tx, &domain)?;
        Ok::<_, Error>(())
    })?;
    Ok(name)
}

fn answer(
    call: &Call<'_, SignedIn>,
    status: StatusCode,
    refused: Option<&Refused>,
) -> Result<Response, Fault> {
    let asked = Asked::of(call);
    let (frame, found) = call.read(|tx| Ok::<_, Error>((Frame::of(tx, call)?, found(tx, call, &asked)?)))?;
    let content = html! {
        div.head {
            h1 { "Domains" }
            a.button.primary.push href="#add" { "Add a domain" }
        }
        (search(&frame, &asked))
        (table(&frame, &asked, &found))
        (add_form(&frame, refused))
    };
    Ok(frame.page_with(status, Part::Domains, "Domains", &[], &content))
}

fn found(tx: &ReadTx<'_>, call: &Call<'_, SignedIn>, asked: &Asked) -> Result<Found, Error> {
    let acts = &call.caller.acts;
    let text = (!asked.text.is_empty()).then_some(asked.text.as_str());
    let (_, order, direction) = asked.order();
    // One more than is shown says whether there is another page, without counting.
    let page = Page { limit: ON_A_PAGE + 1, offset: (asked.page - 1) * u64::from(ON_A_PAGE) };
    let search = DomainSearch { text, status: asked.status };
    let mut domains: Vec<Details> = domain::search(tx, acts, &search, order, direction, page)?
        .into_iter()
        .map(Domain::into_details)
        .collect();
    let has_more = domains.len() > ON_A_PAGE as usize;
    domains.truncate(ON_A_PAGE as usize);
    let ids: Vec<DomainId> = domains.iter().map(|domain| domain.id).collect();
    let assessments = signing::list(tx, acts, &ids)?;
    Ok(Found { domains, assessments, has_more })
}

fn search(frame: &Frame, asked: &Asked) -> Markup {
    let statuses = [("", "Any status"), ("active", "Active"), ("pending", "Pending"), ("failed", "Failed")];
    let status = asked.status.map_or("", DomainStatus::as_str);
    html! {
        form.card method="get" action=(frame.to("/domains")) role="search" {
            div.row {
                div.field {
                    label for="q" { "Search" }
                    input type="search" id="q" name="q" value=(asked.text) placeholder="Part of a name or label" maxlength="255";
                }
                div.field.slim {
                    label for="status" { "Status" }
                    select id="status" name="status" {
                        @for (value, word) in statuses { option value=(value) selected[value == status] { (word) } }
                    }
                }
                div.field.slim {
                    label for="order" { "Order" }
                    select id="order" name="order" {
                        @for (value, word, ..) in ORDERS { option value=(value) selected[*value == asked.order().0] { (word) } }
                    }
                }
                button { "Show" }
            }
        }
    }
}

fn table(frame: &Frame, asked: &Asked, found: &Found) -> Markup {
    let before = (asked.page > 1).then(|| frame.to(&asked.at(asked.page - 1)));
    let after = found.has_more.then(|| frame.to(&asked.at(asked.page + 1)));
    let is_narrowed = !asked.text.is_empty() || asked.status.is_some();
    html! {
        section.card aria-label="Domains" {
            @if found.domains.is_empty() {
                @if is_narrowed { p { "No domain is like that. " a href=(frame.to("/domains")) { "Show all" } } }
                @else { p { "There is no domain here yet. Add the first one below." } }
            } @else {
                table.table {
                    caption.visually-hidden { "Domains" }
                    thead {
                        tr { th scope="col" { "Domain" } th scope="col" { "Status" } th scope="col" { "Why" }
                             th scope="col" { "Signing" } th scope="col" { "Added" } }
                    }
                    tbody { @for domain in &found.domains { (row(frame, domain, found.assessments.get(&domain.id))) } }
                }
                (pager(before, after))
            }
        }
    }
}

fn row(frame: &Frame, domain: &Details, assessment: Option<&Assessment>) -> Markup {
    let name = domain.name.as_str();
    let why = assessment.and_then(|assessment| assessment.reason().or(assessment.reasons.first()));
    let signing = assessment.map(|assessment| &assessment.signing);
    html! {
        tr {
            td {
                a.name href=(frame.to_domain(name, "")) { (name) }
                @if let Some(label) = &domain.label { div.small.soft { (label) } }
            }
            td { (domain_pill(domain.status)) }
            td.small { @if let Some(why) = why { (sentence(&why.text)) } }
            td.small {
                @match signing {
                    Some(signing) if signing.signs() => {
                        (pill(Tone::Good, "Signs"))
                        div.soft { @for selector in &signing.selectors { (selector) " " } }
                    }
                    _ => (pill(Tone::Plain, "Not yet")),
                }
            }
            td.small.nowrap data-label="Added" { (time(domain.created_at, frame.now)) }
        }
    }
}

fn add_form(frame: &Frame, refused: Option<&Refused>) -> Markup {
    let fields = Fields::of("add", &["domain", "label"], refused);
    html! {
        section.card #add {
            h2 { "Add a domain" }
            (frame.form(&frame.to("/domains"), &html! {
                (fields.top())
                div.row {
                    (fields.needed("domain", "Domain", "", "Such as example.com, without www."))
                    (fields.text("label", "Label (optional)", "", "What you call it."))
                }
                button.primary { "Add the domain" }
            }))
        }
    }
}
