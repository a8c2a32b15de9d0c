//! Help beside each finding and each piece of advice: what its code means, and what to do.

use maud::html;
use postroom::advisory::AdviceCode;
use postroom::verify::Code;

use super::frame::{Frame, Part};
use crate::wire::http::Response;
use crate::wire::{Call, Fault, SignedIn};

pub(super) fn list(call: &Call<'_, SignedIn<()>>) -> Result<Response, Fault> {
    let frame = call.read(|tx| Frame::of(tx, call))?;
    let content = html! {
        div.head { h1 { "Help" } }
        section.card {
            h2 { "How a domain becomes active" }
            ol {
                li { "Its owner publishes the records that the domain's page shows, at the DNS provider of the domain." }
                li { "Postroom asks recursive resolvers and the zone's own name servers. It checks pending domains within minutes \
                      and active ones every six hours, and at once when you press “Check now”." }
                li { "Unless the operator trusts the account, it must prove the name before the domain acts: by the DKIM record of a key \
                      made here, or by the record on the page of its claim." }
                li { "When every record that the domain needs was seen right, the domain is active and its first DKIM key signs." }
                li { "A record that is gone is lost only after days of failures, so that a bad hour at a name server changes nothing." }
            }
        }
        section.card {
            h2 { "What findings mean" }
            ul.reasons {
                @for code in Code::ALL {
                    li { a href=(frame.to(&format!("/help/{}", code.as_str()))) { code { (code.as_str()) } } span { (code.meaning()) } }
                }
            }
        }
        section.card {
            h2 { "What advice means" }
            ul.reasons {
                @for code in AdviceCode::ALL {
                    li { a href=(frame.to(&format!("/help/{}", code.as_str()))) { code { (code.as_str()) } } span { (code.meaning()) } }
                }
            }
        }
    };
    Ok(frame.page(Part::Help, "Help", &[], &content))
}

pub(super) fn show(call: &Call<'_, SignedIn<()>>) -> Result<Response, Fault> {
    let wanted = call.param("code");
    let finding = Code::ALL.iter().find(|code| code.as_str() == wanted);
    let advice = AdviceCode::ALL.iter().find(|code| code.as_str() == wanted);
    let (meaning, mend) = finding
        .map(|code| (code.meaning(), code.mend()))
        .or(advice.map(|code| (code.meaning(), code.mend())))
        .ok_or(Fault::NoRoute)?;
    let frame = call.read(|tx| Frame::of(tx, call))?;
    let content = html! {
        div.head { h1 { code { (wanted) } } }
        section.card {
            h2 { "What it means" }
            p { (meaning) }
            h2 { "What to do" }
            p { (mend) }
        }
    };
    let trail = [("Help".to_owned(), frame.to("/help"))];
    Ok(frame.page(Part::Help, &format!("{wanted}, explained"), &trail, &content))
}
