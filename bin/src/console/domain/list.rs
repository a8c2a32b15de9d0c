//! The list of an account's domains: search, filter, order, pages; and adding one. What is done with several at once stands in
//! `chosen`.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use maud::{Markup, html};
use postroom::clock::Timestamp;
use postroom::db::ReadTx;
use postroom::dkim::pool;
use postroom::domain::{self, Details, Domain, DomainSearch, DomainStatus, NewDomain, Order};
use postroom::error::Error;
use postroom::id::DomainId;
use postroom::name::{DomainName, InvalidName};
use postroom::page::{Direction, Page};
use postroom::rotation;
use postroom::signing::{self, Assessment, Reason};
use postroom::verify::Code;

use crate::console::form::{Fields, Refused};
use crate::console::frame::{Frame, Part, base_path, see};
use crate::console::listed::LIST;
use crate::console::part::{NOTHING_HERE, Tone, domain_pill, encoded, pager, pill, time};
use crate::wire::form::Form;
use crate::wire::http::{Response, StatusCode};
use crate::wire::{Call, Fault, SignedIn};

/// As what the chosen domains are exported, and what the form says of it.
const FORMATS: &[(&str, &str)] = &[
    ("csv", "a CSV file"),
    ("bind", "zone files (BIND)"),
    ("octodns", "OctoDNS"),
    ("dnscontrol", "DNSControl"),
    ("terraform", "Terraform"),
];

/// How many domains stand on a page.
const ON_A_PAGE: u32 = 50;
/// The last page that can be asked for by its number.
const LAST_PAGE: u64 = 1_000_000;

const ORDERS: &[(&str, &str, Order, Direction)] = &[
    ("name", "Name", Order::Name, Direction::Ascending),
    ("-name", "Name, Z first", Order::Name, Direction::Descending),
    ("label", "Label", Order::Label, Direction::Ascending),
    ("status", "Status, active last", Order::Status, Direction::Descending),
    ("newest", "Newest first", Order::Created, Direction::Descending),
    ("oldest", "Oldest first", Order::Created, Direction::Ascending),
];

/// What the list is asked for.
#[derive(Clone)]
pub(super) struct Asked {
    text: String,
    status: Option<DomainStatus>,
    problem: Option<Code>,
    order: usize,
    page: u64,
}

impl Asked {
    pub(super) fn of(call: &Call<'_, SignedIn>) -> Asked {
        Asked::read(call.request.query.as_deref().unwrap_or_default())
    }

    /// What the list was asked for on whose page the form stood.
    pub(super) fn of_form(form: &Form) -> Asked {
        Asked::read(form.get(LIST).unwrap_or_default())
    }

    fn read(query: &str) -> Asked {
        let value = |wanted: &str| {
            let all = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == wanted);
            all.last().map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        let (order, problem) = (value("order"), value("problem"));
        Asked {
            text: value("q").trim().chars().take(255).collect(),
            status: value("status").parse().ok(),
            problem: Code::ALL.iter().find(|code| code.as_str() == problem).copied(),
            order: ORDERS.iter().position(|(word, ..)| *word == order).unwrap_or_default(),
            page: value("page").parse().unwrap_or(1).clamp(1, LAST_PAGE),
        }
    }

    fn order(&self) -> (&'static str, Order, Direction) {
        let (word, _, order, direction) =
            ORDERS.get(self.order).copied().unwrap_or(("name", "", Order::Name, Direction::Ascending));
        (word, order, direction)
    }

    /// The address of another page of the same list, or of what is made of the whole of it.
    fn at(&self, path: &str, page: u64) -> String {
        format!("{path}?{}", self.query(page))
    }

    /// The address of the page of the list that is asked for, below `/console`.
    pub(super) fn here(&self) -> String {
        self.at("/domains", self.page)
    }

    /// The field by which a form leads back to this page of the list.
    pub(super) fn field(&self) -> Markup {
        html! { input type="hidden" name=(LIST) value=(self.query(self.page)); }
    }

    fn query(&self, page: u64) -> String {
        let status = self.status.map_or("", DomainStatus::as_str);
        let problem = self.problem.map_or("", Code::as_str);
        let (text, order) = (encoded(&self.text), self.order().0);
        format!("q={text}&status={status}&problem={problem}&order={order}&page={page}")
    }

    fn is_narrowed(&self) -> bool {
        !self.text.is_empty() || self.status.is_some() || self.problem.is_some()
    }

    /// Some of the domains that are asked for.
    pub(super) fn find<'t>(
        &self,
        tx: &ReadTx<'t>,
        acts: &postroom::Caller,
        page: Page,
    ) -> Result<Vec<Domain<'t>>, Error> {
        let text = (!self.text.is_empty()).then_some(self.text.as_str());
        let problem = self.problem.map(Code::as_str);
        let (_, order, direction) = self.order();
        domain::search(tx, acts, &DomainSearch { text, status: self.status, problem }, order, direction, page)
    }
}

struct Found {
    domains: Vec<(Details, Assessment)>,
    rotations: HashMap<DomainId, Timestamp>,
    has_more: bool,
}

impl Found {
    /// Whether one of them is being checked, or is the next to be.
    fn is_any_due(&self, now: Timestamp) -> bool {
        self.domains.iter().any(|(domain, _)| domain.next_check_at <= now)
    }

    /// A number that differs where something differs that a person would notice.
    fn state(&self, now: Timestamp) -> String {
        let mut hash = DefaultHasher::new();
        for (domain, assessment) in &self.domains {
            let code = why(assessment).map(|reason| reason.code.as_str());
            (domain.id.number(), domain.status.as_str(), code, domain.next_check_at <= now).hash(&mut hash);
        }
        format!("{:x}", hash.finish())
    }
}

/// Why a domain is not active, or what else is worth knowing of it.
pub(super) fn why(assessment: &Assessment) -> Option<&Reason> {
    assessment.reason().or(assessment.reasons.first())
}

/// A reason in one phrase: "SPF: record missing". The domain's own page has the whole sentence.
pub(super) fn phrase(reason: &Reason) -> String {
    let words = reason.code.replace('_', " ");
    match reason.record {
        Some(purpose) if purpose.as_str() == "return_path" => format!("Return path: {words}"),
        Some(purpose) => format!("{}: {words}", purpose.as_str().to_uppercase()),
        None => {
            let mut chars = words.chars();
            chars.next().map_or_else(String::new, |first| first.to_uppercase().to_string() + chars.as_str())
        }
    }
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
            let own =
                if matches!(fault, Fault::Library(Error::Conflict(_))) { own(call, &form)? } else { None };
            let mut refused = Refused::of(call, "add", "domain", form, fault)?;
            if let Some(name) = own {
                let place = format!("{}/console/domains/{name}", base_path(call.base_url));
                refused = refused.own("You have this domain already.", place);
            }
            answer(call, StatusCode::UNPROCESSABLE_ENTITY, Some(&refused))
        }
    }
}

fn named(form: &Form) -> Result<DomainName, Error> {
    let given = form.get("domain").unwrap_or_default().trim();
    given.parse().map_err(|e: InvalidName| Error::invalid("domain", e))
}

/// The domain that the form names, if whoever sent it has it already. Of another one it does not show whether it is there.
fn own(call: &Call<'_, SignedIn>, form: &Form) -> Result<Option<DomainName>, Error> {
    let name = named(form)?;
    match call.read(|tx| domain::find_named(tx, &call.caller.acts, &name).map(drop)) {
        Ok(()) => Ok(Some(name)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn create(call: &Call<'_, SignedIn>, form: &Form) -> Result<DomainName, Fault> {
    let name = named(form)?;
    let label = form.get("label");
    pool::write(*call.session, |tx| {
        let new = NewDomain { label, ..NewDomain::named(&name) };
        let domain = domain::create(tx, &call.caller.acts, &new)?;
        domain::equip(tx, &domain)?;
        Ok::<_, Error>(())
    })?;
    Ok(name)
}

pub(super) fn answer(
    call: &Call<'_, SignedIn>,
    status: StatusCode,
    refused: Option<&Refused>,
) -> Result<Response, Fault> {
    let asked = refused
        .map_or_else(|| Asked::of(call), |refused| Asked::read(refused.entered(LIST).unwrap_or_default()));
    let (frame, found) = call.read(|tx| Ok::<_, Error>((Frame::of(tx, call)?, found(tx, call, &asked)?)))?;
    let content = html! {
        div.head {
            h1 { "Domains" }
            a.button.push href=(frame.to("/domains/bulk")) { "Add many" }
            a.button.primary href="#add" { "Add a domain" }
        }
        (search(&frame, &asked))
        (table(&frame, &asked, &found, refused))
        (add_form(&frame, &asked, refused))
    };
    Ok(frame.page_with(status, Part::Domains, "Domains", &[], &content))
}

fn found(tx: &ReadTx<'_>, call: &Call<'_, SignedIn>, asked: &Asked) -> Result<Found, Error> {
    let acts = &call.caller.acts;
    // One more than is shown says whether there is another page, without counting.
    let page = Page { limit: ON_A_PAGE + 1, offset: (asked.page - 1) * u64::from(ON_A_PAGE) };
    let mut domains = asked.find(tx, acts, page)?;
    let has_more = domains.len() > ON_A_PAGE as usize;
    domains.truncate(ON_A_PAGE as usize);
    let rotations = rotation::next_each(tx, &domains)?;
    let assessments = signing::list(tx, &domains)?;
    let domains = domains.into_iter().map(Domain::into_details).zip(assessments).collect();
    Ok(Found { domains, rotations, has_more })
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
                    label for="problem" { "Problem" }
                    select id="problem" name="problem" {
                        option value="" { "Any or none" }
                        @for (title, codes) in Code::GROUPS {
                            optgroup label=(title) {
                                @for code in *codes { option value=(code.as_str()) selected[asked.problem == Some(*code)] { (code.meaning()) } }
                            }
                        }
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

fn table(frame: &Frame, asked: &Asked, found: &Found, refused: Option<&Refused>) -> Markup {
    let at = |page: u64| frame.to(&asked.at("/domains", page));
    let before = (asked.page > 1).then(|| at(asked.page - 1));
    let after = found.has_more.then(|| at(asked.page + 1));
    // A page looks again by itself as long as there is something to wait for.
    let follow = found.is_any_due(frame.now).then(|| at(asked.page));
    html! {
        section.card #live aria-label="Domains" data-state=(found.state(frame.now)) data-follow=[follow] {
            @if found.domains.is_empty() {
                @if asked.page > 1 { p { (NOTHING_HERE) } (pager(before, None)) }
                @else if asked.is_narrowed() { p { "No domain is like that. " a href=(frame.to("/domains")) { "Show all" } } }
                @else { p { "There is no domain here yet. Add the first one below." } }
            } @else {
                (choosing(frame, asked, refused, &html! {
                    table.table {
                        caption.visually-hidden { "Domains" }
                        thead {
                            tr { th scope="col" data-choose-all="chosen" { span.visually-hidden { "Choose" } }
                                 th scope="col" { "Domain" } th scope="col" { "Status" } th scope="col" { "Why" }
                                 th scope="col" { "Signing key" } th scope="col" { "Next rotation" } th scope="col" { "Added" } }
                        }
                        tbody { @for (domain, assessment) in &found.domains { (row(frame, found, domain, assessment)) } }
                    }
                }))
                (pager(before, after))
                p.small { a href=(frame.to(&asked.at("/domains/export", 1))) {
                    @if asked.is_narrowed() { "All that match, as a CSV file" } @else { "All domains, as a CSV file" } } }
            }
        }
    }
}

/// The form around the list, with what can be done with what is chosen in it.
fn choosing(frame: &Frame, asked: &Asked, refused: Option<&Refused>, list: &Markup) -> Markup {
    let fields = Fields::of("chosen", &[], refused);
    frame.form(
        &frame.to("/domains/chosen"),
        &html! {
            (fields.top())
            (asked.field())
            (list)
            div.actions.chosen role="group" aria-label="With the chosen domains" {
                span.soft { "With the chosen:" }
                button.slight name="what" value="check" { "Check now" }
                label.visually-hidden for="chosen-format" { "Export as" }
                select #chosen-format name="format" { @for (value, word) in FORMATS { option value=(value) { (word) } } }
                button.slight name="what" value="export" { "Export" }
                button.slight.danger name="what" value="delete" { "Delete…" }
            }
        },
    )
}

fn row(frame: &Frame, found: &Found, domain: &Details, assessment: &Assessment) -> Markup {
    let name = domain.name.as_str();
    let signing = &assessment.signing;
    html! {
        tr {
            td { input type="checkbox" name="chosen" value=(name) aria-label={ "Choose " (name) }; }
            td {
                a.name href=(frame.to_domain(name, "")) { (name) }
                @if let Some(unicode) = domain.name.unicode() { div.small { (unicode) } }
                @if let Some(label) = &domain.label { div.small.soft { (label) } }
            }
            td { (domain_pill(domain.status)) @if domain.next_check_at <= frame.now { div.small.soft { "Being checked" } } }
            td.small { @if let Some(why) = why(assessment) { (phrase(why)) } }
            td.small data-label="Signing key" {
                @if signing.signs() {
                    @for (at, selector) in signing.selectors.iter().enumerate() { @if at > 0 { ", " } code { (selector) } }
                    @if signing.by != domain.name { div.soft { "of " (signing.by) } }
                } @else { (pill(Tone::Plain, "None signs")) }
            }
            td.small data-label="Next rotation" { @if let Some(at) = found.rotations.get(&domain.id) { (time(*at, frame.now)) } }
            td.small.nowrap data-label="Added" { (time(domain.created_at, frame.now)) }
        }
    }
}

fn add_form(frame: &Frame, asked: &Asked, refused: Option<&Refused>) -> Markup {
    let fields = Fields::of("add", &["domain", "label"], refused);
    html! {
        section.card #add {
            h2 { "Add a domain" }
            (frame.form(&frame.to("/domains"), &html! {
                (fields.top())
                (asked.field())
                div.row {
                    (fields.needed("domain", "Domain", "", "Such as example.com, without www."))
                    (fields.text("label", "Label (optional)", "", "What you call it."))
                }
                button.primary { "Add the domain" }
            }))
            p.small { "A name that another account has: " a href=(frame.to("/claims#claim")) { "claim it" } ", and prove that it is yours." }
        }
    }
}
