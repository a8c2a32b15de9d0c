//! The audit log of an account.

use maud::html;
use postroom::error::Error;
use postroom::event::{self, Change, Search};
use postroom::name::DomainName;

use crate::console::domain::log::{EVENTS, before, events, older};
use crate::console::frame::{Frame, Part};
use crate::console::part::{encoded, pager};
use crate::wire::http::Response;
use crate::wire::{Call, Fault, SignedIn};

pub(in crate::console) fn show(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let (before, action) = (before(call), call.query("action").unwrap_or_default());
    let wanted = call.query("domain").unwrap_or_default();
    let domain: Option<DomainName> = wanted.trim().parse().ok();
    let known = actions();
    let action = known.iter().find(|known| **known == action).copied();
    let is_unknown = domain.is_none() && !wanted.trim().is_empty();
    let search =
        Search { account: Some(call.caller.acts.account()), domain: domain.as_ref(), action, before };
    let (frame, found) = call.read(|tx| {
        let found = if is_unknown { Vec::new() } else { event::newest(tx, &search, EVENTS)? };
        Ok::<_, Error>((Frame::of(tx, call)?, found))
    })?;
    let at = |before: String| {
        let (action, domain) = (encoded(action.unwrap_or_default()), encoded(wanted.trim()));
        frame.to(&format!("/log?action={action}&domain={domain}{before}"))
    };
    let newest = before.map(|_| at(String::new()));
    let older = older(&found, EVENTS).map(|id| at(format!("&before={id}")));
    let content = html! {
        div.head { h1 { "Audit log" } }
        form.card method="get" action=(frame.to("/log")) role="search" {
            div.row {
                div.field {
                    label for="domain" { "Domain" }
                    input type="text" id="domain" name="domain" value=(wanted) autocapitalize="none" spellcheck="false"
                        aria-invalid=[is_unknown.then_some("true")] aria-describedby=[is_unknown.then_some("domain-error")];
                    @if is_unknown { p.error #domain-error { "This is no domain name." } }
                }
                div.field {
                    label for="action" { "What happened" }
                    select id="action" name="action" {
                        option value="" { "Anything" }
                        @for known in &known { option value=(known) selected[Some(*known) == action] { (known) } }
                    }
                }
                button { "Show" }
            }
        }
        section.card aria-label="Events" {
            @if found.is_empty() { p { "Nothing like that happened." } }
            (events(&found, frame.now))
            (pager(newest, older))
        }
    };
    Ok(frame.page(Part::Log, "Audit log", &[], &content))
}

/// The actions of the log, each once, in order.
fn actions() -> Vec<&'static str> {
    let mut all: Vec<&'static str> = Change::ALL.iter().map(|(_, action)| *action).collect();
    all.sort_unstable();
    all.dedup();
    all
}
