//! Set-up links: the pages that a domain's administrators hand to whoever enters its records.

use maud::{Markup, html};
use postroom::domain::Details;
use postroom::setup_link::SetupLink;

use crate::console::form::{Fields, Refused, after, sure};
use crate::console::frame::Frame;
use crate::console::part::{exact, time};

/// For how many days a link may be made.
pub(super) const DAYS: [u32; 3] = [7, 30, 90];

/// The newest of a domain's links.
pub(super) fn newest(links: &[SetupLink]) -> i64 {
    links.first().map_or(0, |link| link.id.number())
}

/// The part of the page that shows them.
pub(super) fn section(
    frame: &Frame,
    domain: &Details,
    links: &[SetupLink],
    refused: Option<&Refused>,
) -> Markup {
    let (name, fields) = (domain.name.as_str(), Fields::of("setup", &["days"], refused));
    let lengths = DAYS.map(|days| (days.to_string(), format!("{days} days")));
    let lengths: Vec<(&str, &str)> =
        lengths.iter().map(|(days, words)| (days.as_str(), words.as_str())).collect();
    html! {
        section.card {
            h2 { "Set-up links" }
            p {
                "A set-up link shows one page with the records of " (name) ", what is wrong with them, and a button to check them, in English, German, \
                 French or Spanish. Send it to whoever enters the records at the DNS provider: it needs no account, shows nothing else, \
                 and can change nothing. It may be opened as often as needed."
            }
            (Fields::of("revoke-setup", &[], refused).top())
            @if !links.is_empty() { (table(frame, name, links)) }
            (frame.form(&frame.to_domain(name, "/setup-links"), &html! {
                (fields.top())
                (after(newest(links)))
                div.row {
                    (fields.choice("days", "It works for", "30", "", &lengths))
                    button.primary { "Make a set-up link" }
                }
            }))
        }
    }
}

fn table(frame: &Frame, name: &str, links: &[SetupLink]) -> Markup {
    html! {
        table.table {
            caption.visually-hidden { "Set-up links" }
            thead { tr { th scope="col" { "Link" } th scope="col" { "Made" } th scope="col" { "Works until" } th scope="col" { "Last check by it" } th scope="col" { span.visually-hidden { "Revoke" } } } }
            tbody {
                @for link in links {
                    tr {
                        td { "ends with " code { (link.last4) } }
                        td data-label="Made" { (time(link.created_at, frame.now)) }
                        td data-label="Works until" { (exact(link.expires_at)) }
                        td data-label="Last check by it" { @match link.looked_at { Some(at) => (time(at, frame.now)), None => "never" } }
                        td {
                            details {
                                summary { "Revoke" span.visually-hidden { " the link that ends with " (link.last4) } }
                                (frame.form(&frame.to_domain(name, &format!("/setup-links/{}/revoke", link.id)), &sure("Whoever has it sees the page no more", "Revoke it for good")))
                            }
                        }
                    }
                }
            }
        }
    }
}
