//! Advice on a domain: what else helps its mail to arrive. It is looked at when somebody presses the button, and nothing is stored.

use maud::{Markup, html};
use postroom::advisory::{self, Advice, AdviceCode, Grade, Subject, Topic};
use postroom::domain::{Details, Domain};
use postroom::error::Error;

use super::records::to_do;
use super::tabs::{self, Tab};
use super::{find, name};
use crate::console::frame::Frame;
use crate::console::part::{Tone, counted, pill};
use crate::wire::http::Response;
use crate::wire::{Call, Fault, LookingCall, SignedIn};

/// What was found, topic by topic.
type Found = [(Topic, Advice)];

pub(in crate::console) fn show(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let (frame, domain) = read(call)?;
    Ok(tabs::page(&frame, &domain, Tab::Advice, &content(&frame, &domain, None)))
}

pub(in crate::console) fn look(call: &LookingCall<'_, SignedIn>) -> Result<Response, Fault> {
    // Who may not see the domain has nothing looked at.
    let (_, domain) = read(call)?;
    let settings = call.settings();
    let tools = call.scouts.tools(call.resolver, &settings.egress, call.postroom.now());
    let found = advisory::look(&Subject::new(domain.name, settings), &tools);
    // It took seconds; the domain may be another's by now.
    let (frame, domain) = read(call)?;
    Ok(tabs::page(&frame, &domain, Tab::Advice, &content(&frame, &domain, Some(&found))))
}

fn read(call: &Call<'_, SignedIn>) -> Result<(Frame, Details), Fault> {
    let name = name(call)?;
    Ok(call.read(|tx| {
        let domain = find(tx, &call.caller.acts, &name)?;
        Ok::<_, Error>((Frame::of(tx, call)?, Domain::into_details(domain)))
    })?)
}

fn content(frame: &Frame, domain: &Details, found: Option<&Found>) -> Markup {
    let name = domain.name.as_str();
    let button = if found.is_some() { "Look again" } else { "Look now" };
    let path = frame.to_domain(name, "/advice");
    html! {
        div #live data-said=(found.map_or(String::new(), said)) {
            div.head {
                h2 { "What else helps mail to arrive" }
                div.actions.push {
                    form method="post" action=(path) data-check { (frame.token()) button.primary { (button) } }
                }
            }
            p.small.soft data-progress hidden {}
            p { "No status follows from this, and nothing of it is stored. A look takes some seconds." }
            @if let Some(found) = found {
                @for topic in Topic::ALL {
                    @let advice: Vec<&Advice> = found.iter().filter(|(other, _)| *other == topic).map(|(_, advice)| advice).collect();
                    @if !advice.is_empty() {
                        section.card {
                            h3 { (topic.title()) }
                            @for advice in advice { (piece(frame, advice)) }
                        }
                    }
                }
            } @else {
                ul { @for topic in Topic::ALL { li { (topic.title()) } } }
            }
        }
    }
}

/// One piece: how good it is, the sentence, and what to enter where.
fn piece(frame: &Frame, advice: &Advice) -> Markup {
    let (tone, word) = match advice.grade {
        Grade::Good => (Tone::Good, "Good"),
        Grade::Note => (Tone::Plain, "Worth knowing"),
        Grade::Improve => (Tone::Bad, "Improve"),
        Grade::Unknown => (Tone::Wait, "Cannot tell"),
    };
    html! {
        div class={ "finding " (tone.class()) } {
            p { (pill(tone, word)) " " (advice.text) }
            @if let Some(action) = &advice.action { (to_do(action, None)) }
            @if let Some(code) = advice.code.map(AdviceCode::as_str) {
                p.small { a href=(frame.to(&format!("/help/{code}"))) { "What this means" } }
            }
        }
    }
}

/// What is read aloud when the page has changed.
fn said(found: &Found) -> String {
    let improve = found.iter().filter(|(_, advice)| advice.grade == Grade::Improve).count();
    match improve {
        0 => "Nothing must be improved.".to_owned(),
        number => format!("{} to improve.", counted(number as u64, "thing")),
    }
}
