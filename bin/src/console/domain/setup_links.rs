//! Set-up links: the pages that a domain's administrators hand to whoever enters its records.

use std::time::Duration;

use maud::{Markup, html};
use postroom::domain::Details;
use postroom::error::{Entity, Error};
use postroom::id::SetupLinkId;
use postroom::setup_link::{self, SetupLink};

use super::access::{shown_once, told};
use super::{find, name, see_domain};
use crate::console::form::submit;
use crate::console::frame::Frame;
use crate::console::part::{exact, time};
use crate::console::setup_url;
use crate::wire::form::Form;
use crate::wire::http::Response;
use crate::wire::{Call, Fault, SignedIn};

const DAY: Duration = Duration::from_hours(24);
/// For how many days a link may be made.
const DAYS: [u32; 3] = [7, 30, 90];

/// The part of the page that shows them.
pub(super) fn section(frame: &Frame, domain: &Details, links: &[SetupLink]) -> Markup {
    let name = domain.name.as_str();
    html! {
        section.card {
            h2 { "Set-up links" }
            p {
                "A set-up link shows one page with the records of " (name) ", what is wrong with them, and a button to check them, in English, German, \
                 French or Spanish. Send it to whoever enters the records at the DNS provider: it needs no account, shows nothing else, \
                 and can change nothing. It may be opened as often as needed."
            }
            @if !links.is_empty() { (table(frame, name, links)) }
            (frame.form(&frame.to_domain(name, "/setup-links"), &html! {
                div.row {
                    div.field {
                        label for="setup-days" { "It works for" }
                        select id="setup-days" name="days" {
                            @for days in DAYS { option value=(days) selected[days == 30] { (days) " days" } }
                        }
                    }
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
                        td { (frame.button(&frame.to_domain(name, &format!("/setup-links/{}/revoke", link.id)), "Revoke", "slight danger")) }
                    }
                }
            }
        }
    }
}

/// Makes a link. One more of them harms nobody: there are only so many, and each shows what anybody can see in the DNS.
pub(in crate::console) fn create(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    submit(call, super::access::answer, ("setup", "days"), |form| {
        let days = form.get("days").and_then(|days| days.parse().ok()).filter(|days| DAYS.contains(days));
        let days = days.ok_or_else(|| {
            Fault::Library(Error::Invalid {
                field: "days",
                reason: "choose one of the lengths of time".to_owned(),
            })
        })?;
        let acts = &call.caller.acts;
        let (link, secret) =
            call.write(|tx| setup_link::create(tx, acts, &find(tx, acts, &name)?, DAY * days))?;
        let after =
            format!("It works until {}. Send it to whoever enters the records.", exact(link.expires_at));
        let url = setup_url(call.base_url, &secret);
        told(call, &shown_once("The set-up link is made", "the set-up link", &url, &after))
    })
}

pub(in crate::console) fn revoke(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    let _ = Form::read(call.request)?;
    let id = call.param("link_id").parse().map(SetupLinkId::new);
    let id = id.map_err(|_| Fault::Library(Error::NotFound(Entity::SetupLink)))?;
    let acts = &call.caller.acts;
    call.write(|tx| setup_link::revoke(tx, acts, &find(tx, acts, &name)?, id))?;
    Ok(see_domain(call, &name, "/access"))
}
