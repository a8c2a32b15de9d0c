//! Claims: the names that an account contends for or has lost, the record that proves each, and a look for it.

use maud::{Markup, html};
use postroom::claim::{self, ClaimState, NameClaim, VerifiedClaim};
use postroom::dkim::pool;
use postroom::error::{Entity, Error};
use postroom::name::{DomainName, InvalidName};
use postroom::page::Page;
use postroom::session::Role;
use postroom::{domain, provision};

use super::domain::{NAMES, found, relative, servers};
use super::form::{Fields, Refused, check_sure, sentence, submit, sure};
use super::frame::{Frame, Part, base_path, see};
use super::part::{NOTHING_HERE, Tone, copyable, pager, pill, time};
use crate::wire::http::{Response, StatusCode};
use crate::wire::{Call, Fault, LookingCall, SignedIn};

/// How many claims stand on a page.
const ON_A_PAGE: u32 = 50;

pub(super) fn list(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    answer(call, StatusCode::OK, None)
}

fn answer(
    call: &Call<'_, SignedIn>,
    status: StatusCode,
    refused: Option<&Refused>,
) -> Result<Response, Fault> {
    let number = call.query("page").and_then(|page| page.parse().ok()).unwrap_or(1_u64).clamp(1, 1_000_000);
    let page = Page { limit: ON_A_PAGE + 1, offset: (number - 1) * u64::from(ON_A_PAGE) };
    let (frame, mut claims) = call.read(|tx| {
        let claims = claim::not_held(tx, &call.caller.acts, page)?;
        Ok::<_, Error>((Frame::of(tx, call)?, claims))
    })?;
    let has_more = claims.len() > ON_A_PAGE as usize;
    claims.truncate(ON_A_PAGE as usize);
    let at = |number: u64| frame.to(&format!("/claims?page={number}"));
    let content = html! {
        div.head { h1 { "Claims" } }
        p { "A name that another account has, or that lies below one which another account has proved, is contended for: whoever \
             publishes the record of their claim in the DNS gets it. Names that the account has are on the page "
            a href=(frame.to("/domains")) { "Domains" } "." }
        section.card aria-label="Claims" {
            @if claims.is_empty() && number > 1 { p { (NOTHING_HERE) } } @else if claims.is_empty() { p { "The account contends for no name, and has lost none." } } @else {
                table.table {
                    caption.visually-hidden { "Claims" }
                    thead { tr { th scope="col" { "Name" } th scope="col" { "State" } th scope="col" { "Why" } th scope="col" { "Since" } } }
                    tbody {
                        @for claim in &claims {
                            tr {
                                td { a.name href=(frame.to(&format!("/claims/{}", claim.name))) { (claim.name) }
                                     @if let Some(of) = &claim.of { div.small.soft { "as an alias of " (of) } } }
                                td { (state(claim)) }
                                td.small { @if let Some(reason) = &claim.reason { (sentence(&reason.text)) } }
                                td.small.nowrap data-label="Since" { (time(claim.created_at, frame.now)) }
                            }
                        }
                    }
                }
            }
            (pager((number > 1).then(|| at(number - 1)), has_more.then(|| at(number + 1))))
        }
        (create_form(&frame, refused))
    };
    Ok(frame.page_with(status, Part::Claims, "Claims", &[], &content))
}

fn state(claim: &NameClaim) -> Markup {
    match claim.state {
        ClaimState::Holds if claim.acts => pill(Tone::Good, "Yours"),
        ClaimState::Holds => pill(Tone::Wait, "Not proved"),
        ClaimState::Contends => pill(Tone::Wait, "Contended for"),
        ClaimState::Lost => pill(Tone::Bad, "Lost"),
    }
}

fn create_form(frame: &Frame, refused: Option<&Refused>) -> Markup {
    let fields = Fields::of("claim", &["name", "of"], refused);
    html! {
        section.card #claim {
            h2 { "Claim a name" }
            (frame.form(&frame.to("/claims"), &html! {
                (fields.top())
                div.row {
                    (fields.needed("name", "Name", "", "If nobody has it, the domain is made at once."))
                    (fields.text("of", "As an alias of (optional)", "", "One of the account's domains."))
                }
                button { "Claim it" }
            }))
        }
    }
}

pub(super) fn create(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    submit(call, answer, ("claim", "name"), |form| {
        let acts = &call.caller.acts;
        let parsed = |field: &'static str| {
            let text = form.get(field).unwrap_or_default().trim();
            text.parse::<DomainName>().map_err(|e: InvalidName| Error::invalid(field, e))
        };
        let name = parsed("name")?;
        let of = match form.get("of").unwrap_or_default().trim() {
            "" => None,
            _ => Some(parsed("of")?),
        };
        pool::write(*call.session, |tx| {
            let claimed = claim::create(tx, acts, &name, of.as_ref());
            let (claim, is_new) = claimed.map_err(|error| match error {
                Error::NotFound(Entity::Domain) => Error::invalid("of", "the account has no such domain"),
                other => other,
            })?;
            if is_new && claim.state == ClaimState::Holds && claim.of.is_none() {
                provision::equip(tx, &domain::find_named(tx, acts, &name)?)?;
            }
            Ok::<_, Error>(())
        })?;
        Ok(see(&format!("{}/console/claims/{name}", base_path(call.base_url))))
    })
}

/// The name in the path; what is no name is no claim's.
fn name<By>(call: &Call<'_, By>) -> Result<DomainName, Fault> {
    call.param("name").parse().map_err(|_| Fault::Library(Error::NotFound(Entity::Claim)))
}

pub(super) fn show(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    one(call, StatusCode::OK, None)
}

fn one(call: &Call<'_, SignedIn>, status: StatusCode, refused: Option<&Refused>) -> Result<Response, Fault> {
    let name = name(call)?;
    let (frame, claim) = call.read(|tx| {
        let claim = claim::find(tx, &call.caller.acts, &name)?;
        Ok::<_, Error>((Frame::of(tx, call)?, claim))
    })?;
    Ok(page(status, &frame, &claim, None, refused))
}

/// Looks for the record of the claim now.
pub(super) fn check(call: &LookingCall<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    let mut verified = claim::verify(call.postroom, &call.caller.acts, &name, call.resolver)?;
    if call.caller.session.role == Role::Operator {
        verified.seen = verified.seen.into_iter().map(|(wish, look)| (wish, look.for_operator())).collect();
    }
    let frame = call.read(|tx| Frame::of(tx, call))?;
    Ok(page(StatusCode::OK, &frame, &verified.claim, Some(&verified), None))
}

/// Gives a claim up. A name that the account has is deleted on the pages of its domain.
pub(super) fn delete(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let (name, acts) = (name(call)?, &call.caller.acts);
    submit(call, one, ("delete", "name"), |form| {
        let held = call.write(|tx| {
            let found = claim::find(tx, acts, &name)?;
            match (found.state, found.of) {
                (ClaimState::Holds, of) => return Ok(Some(of.unwrap_or_else(|| name.clone()))),
                // The record that proves it works for this claim alone: who claims the name again publishes another one.
                (ClaimState::Contends, _) => check_sure(form)?,
                (ClaimState::Lost, _) => {}
            }
            claim::delete(tx, acts, &name).map(|()| None)
        })?;
        let base = base_path(call.base_url);
        Ok(match held {
            Some(domain) => see(&format!("{base}/console/domains/{domain}/danger")),
            None => see(&format!("{base}/console/claims")),
        })
    })
}

fn page(
    status: StatusCode,
    frame: &Frame,
    claim: &NameClaim,
    verified: Option<&VerifiedClaim>,
    refused: Option<&Refused>,
) -> Response {
    let (name, challenge) = (claim.name.as_str(), &claim.challenge);
    let path = |verb: &str| frame.to(&format!("/claims/{name}{verb}"));
    let reason = claim.reason.as_ref().map(|reason| sentence(&reason.text));
    let reason = reason.unwrap_or_else(|| format!("{name} is yours, and acts."));
    let needs_proof = claim.state != ClaimState::Lost && !(claim.acts && claim.proved_at.is_some());
    let content = html! {
        div #live data-said=(reason) {
            div.head {
                h1 { "Claim to " (name) }
                (state(claim))
                @if let Some(of) = &claim.of { span.soft { "as an alias of " (of) } }
            }
            section class={ "notice " (if claim.acts { "good" } else { "wait" }) } role=[verified.map(|_| "status")] {
                p { (reason) }
                @if let Some(at) = claim.proved_at { p.small { "Proved " (time(at, frame.now)) "." } }
            }
            @if needs_proof {
                article.card.record {
                    header { h2 { "The record that proves it" } span.soft { "Publish it in the zone of " (name) ", and keep it until the claim is proved." } }
                    dl.fields {
                        dt { "Type" } dd { code { "TXT" } }
                        dt { "Name" } dd { (copyable("the name of the record", &relative(&claim.name, &challenge.name))) }
                        dt { "Whole name" } dd { (copyable("the whole name of the record", challenge.name.as_str())) }
                        dt { "Value" } dd { (copyable("the value of the record", &challenge.value)) }
                    }
                    p.small { (NAMES) }
                    @for (_, look) in verified.iter().flat_map(|verified| &verified.seen) {
                        (found(&look.finding))
                        (servers(look.question.name.as_str(), &look.views))
                    }
                    div.actions {
                        form method="post" action=(path("/check")) data-check { (frame.token()) button.primary { "Check now" } }
                    }
                    @if claim.state != ClaimState::Holds {
                        (Fields::of("delete", &[], refused).top())
                        details #give-up open[refused.is_some()] {
                            summary { "Give the claim up" }
                            (frame.form(&path("/delete"), &sure("The record that proves it is worth nothing then", "Give the claim up")))
                        }
                    }
                    p.small.soft data-progress hidden {}
                }
            } @else if claim.state == ClaimState::Lost {
                div.actions {
                    (frame.form(&frame.to("/claims"), &html! {
                        input type="hidden" name="name" value=(name);
                        @if let Some(of) = &claim.of { input type="hidden" name="of" value=(of); }
                        button.primary { "Claim it anew" }
                    }))
                    (frame.button(&path("/delete"), "Forget it", ""))
                }
            }
            @if claim.state == ClaimState::Holds {
                p { a href=(frame.to_domain(claim.of.as_ref().map_or(name, DomainName::as_str), "")) { "To the domain" } }
            }
        }
    };
    let part = if frame.is_for(Role::Account) { Part::Claims } else { Part::Domains };
    let trail: &[(String, String)] =
        if frame.is_for(Role::Account) { &[("Claims".to_owned(), frame.to("/claims"))] } else { &[] };
    frame.page_with(status, part, &format!("Claim to {name}"), trail, &content)
}
