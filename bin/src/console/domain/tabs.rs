//! The head of every page of a domain: the way back, its name and status, and its other pages.

use maud::{Markup, html};
use postroom::domain::Details;
use postroom::session::Role;

use crate::console::frame::{Frame, Part};
use crate::console::part::domain_pill;
use crate::wire::http::{Response, StatusCode};

/// The pages of a domain.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Records,
    Advice,
    Keys,
    Access,
    Mail,
    Deliveries,
    Lists,
    Recipients,
    Quarantine,
    Reports,
    Log,
    Danger,
}

const TABS: &[(Tab, &str, &str)] = &[
    (Tab::Records, "", "Records"),
    (Tab::Advice, "/advice", "Advice"),
    (Tab::Keys, "/keys", "Keys"),
    (Tab::Access, "/access", "Access"),
    (Tab::Mail, "/mail", "Mail"),
    (Tab::Deliveries, "/deliveries", "Deliveries"),
    (Tab::Lists, "/lists", "Lists"),
    (Tab::Recipients, "/recipients", "Recipients"),
    (Tab::Quarantine, "/quarantine", "Quarantine"),
    (Tab::Reports, "/reports", "Reports"),
    (Tab::Log, "/log", "Log"),
    (Tab::Danger, "/danger", "Danger zone"),
];

/// A page of a domain.
pub(super) fn page(frame: &Frame, domain: &Details, tab: Tab, content: &Markup) -> Response {
    page_with(StatusCode::OK, frame, domain, tab, content)
}

pub(super) fn page_with(
    status: StatusCode,
    frame: &Frame,
    domain: &Details,
    tab: Tab,
    content: &Markup,
) -> Response {
    let name = domain.name.as_str();
    let word = TABS.iter().find(|(known, ..)| *known == tab).map_or("", |(_, _, word)| word);
    let title = if tab == Tab::Records { name.to_owned() } else { format!("{word} of {name}") };
    let trail = if frame.is_for(Role::Account) {
        vec![("Domains".to_owned(), frame.to("/domains"))]
    } else {
        Vec::new()
    };
    let content = html! {
        div.head {
            h1 { (name) }
            // A check may change it: the script puts the new one here.
            span #status data-fresh { (domain_pill(domain.status)) }
            @if let Some(unicode) = domain.name.unicode() { span { (unicode) } }
            @if let Some(label) = &domain.label { span.soft { (label) } }
        }
        nav.tabs aria-label={ "Pages of " (name) } {
            ul {
                @for (known, path, word) in TABS.iter().filter(|(tab, ..)| *tab != Tab::Danger || frame.is_for(Role::Account)) {
                    li { a href=(frame.to_domain(name, path)) aria-current=[(*known == tab).then_some("page")] { (word) } }
                }
            }
        }
        (content)
    };
    frame.page_with(status, Part::Domains, &title, &trail, &content)
}
