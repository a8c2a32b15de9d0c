//! What happened to a domain.

use maud::{Markup, html};
use postroom::clock::Timestamp;
use postroom::domain;
use postroom::error::Error;
use postroom::event::{Actor, Event};
use postroom::id::EventId;

use super::tabs::{self, Tab};
use super::{find, name};
use crate::console::form::sentence;
use crate::console::frame::Frame;
use crate::console::part::{NOTHING_HERE, pager, time};
use crate::wire::http::Response;
use crate::wire::{Call, Fault, SignedIn};

/// How many events stand on a page.
pub(in crate::console) const EVENTS: u32 = 50;

pub(in crate::console) fn show(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    let before = before(call);
    let (frame, domain, mut events) = call.read(|tx| {
        let domain = find(tx, &call.caller.acts, &name)?;
        // One more than is shown says whether there are older ones.
        let events = domain::timeline(tx, &domain, before, EVENTS + 1)?;
        Ok::<_, Error>((Frame::of(tx, call)?, domain.into_details(), events))
    })?;
    let older = older(&mut events).map(|id| frame.to_domain(name.as_str(), &format!("/log?before={id}")));
    let newest = before.map(|_| frame.to_domain(name.as_str(), "/log"));
    let content = html! {
        section.card {
            h2 { "What happened" }
            @if events.is_empty() { p { @if before.is_some() { (NOTHING_HERE) } @else { "Nothing yet." } } }
            (self::events(&events, frame.now))
            (pager(newest, older))
        }
    };
    Ok(tabs::page(&frame, &domain, Tab::Log, &content))
}

/// The event before which a page of a log begins.
pub(in crate::console) fn before<By>(call: &Call<'_, By>) -> Option<EventId> {
    call.query("before").and_then(|id| id.parse().ok()).map(EventId::new)
}

/// Leaves so many events as stand on a page. Returns before which event the next page begins, if there were more.
pub(in crate::console) fn older(events: &mut Vec<Event>) -> Option<EventId> {
    let has_more = events.len() > EVENTS as usize;
    events.truncate(EVENTS as usize);
    events.last().filter(|_| has_more).map(|event| event.id)
}

/// Events as a list.
pub(in crate::console) fn events(events: &[Event], now: Timestamp) -> Markup {
    html! {
        ol.log {
            @for event in events {
                li {
                    (time(event.at, now))
                    div {
                        (sentence(&event.detail().unwrap_or_else(|| format!("{} {}", event.action(), event.subject()))))
                        div.soft { (who(&event.actor)) }
                    }
                }
            }
        }
    }
}

/// Who did it, for people.
pub(in crate::console) fn who(actor: &Actor) -> String {
    match actor {
        Actor::Key(id) => format!("API key {id}"),
        Actor::Operator => "The operator".to_owned(),
        Actor::Schedule => "Postroom, by itself".to_owned(),
        Actor::LoginLink(id) => format!("Somebody who came by login link {id}"),
        Actor::Administrator(id) => format!("Administrator {id}"),
        other => other.to_string(),
    }
}
