//! A domain's route.

use postroom::address::{EmailAddress, InvalidAddress};
use postroom::inbound;
use postroom::route::{self, Mode, Patch, Recipients, RouteChange};
use postroom::webhook::{InvalidWebhook, VettedUrl, WebhookRules, WebhookUrl};

use super::input::BY_USER;
use super::input::{Input, path_domain};
use super::shape::DETAILS;
use super::shape::Details;
use crate::wire::Contract;
use crate::wire::http::{Response, StatusCode};
use crate::wire::shape::{MAYBE_TEXT, Shape, may};
use crate::wire::{Fault, LookingCall};

pub(super) const UPDATE: Contract =
    Contract::new("Changes a domain's route; what is left out stays, and null clears")
        .takes(&Shape::object(
            "RouteInput",
            &[
                BY_USER,
                &[
                    may("forward_mode", crate::json::route::MODE),
                    may("webhook_url", MAYBE_TEXT),
                    may("webhook_secret", MAYBE_TEXT),
                    may("forward_to_email", MAYBE_TEXT),
                    may("recipients", Shape::Maybe(&crate::json::route::RECIPIENTS)),
                    may("catch_all", MAYBE_TEXT),
                ],
            ],
        ))
        .answers(200, &DETAILS);

pub(super) fn update(call: &LookingCall<'_>) -> Result<Response, Fault> {
    let input = Input::read(call)?;
    let name = path_domain(call)?;
    // Before anything is looked up for somebody whose domain it is not.
    call.read(|tx| inbound::domain_named(tx, &input.caller, &name).map(drop))?;
    let change = RouteChange {
        mode: mode(&input)?,
        webhook_url: webhook_url(call, &input)?,
        webhook_secret: input.patch("webhook_secret")?,
        forward_to: address(&input, "forward_to_email")?,
        recipients: recipients(&input)?,
        catch_all: address(&input, "catch_all")?,
    };
    let changed = call.write(|tx| {
        let domain = inbound::domain_named(tx, &input.caller, &name)?;
        route::update(tx, &input.caller, &domain, change.clone())?;
        Details::of(tx, domain)
    })?;
    Ok(Response::json(StatusCode::OK, &changed.json()))
}

fn mode(input: &Input<'_>) -> Result<Option<Mode>, Fault> {
    if !input.has("forward_mode") {
        return Ok(None);
    }
    let known = "must be store, webhook, webhook_then_store or forward_email";
    let word = input.required("forward_mode").map_err(|_| Fault::input("forward_mode", known))?;
    word.parse().map(Some).map_err(|_| Fault::input("forward_mode", known))
}

/// The webhook, looked up in the DNS now: the network is asked before the transaction begins.
fn webhook_url(call: &LookingCall<'_>, input: &Input<'_>) -> Result<Patch<VettedUrl>, Fault> {
    let invalid = |reason: InvalidWebhook| Fault::Input {
        field: "webhook_url",
        reason: "is invalid".to_owned(),
        detail: Some(reason.to_string()),
    };
    Ok(match input.patch("webhook_url")? {
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
        Patch::Set(text) => {
            let rules = WebhookRules {
                policy: &call.settings().egress,
                loopback_http: call.switches.loopback_webhooks,
            };
            let url = WebhookUrl::parse(&text, rules).map_err(invalid)?;
            Patch::Set(url.vet(call.resolver, rules).map_err(invalid)?)
        }
    })
}

fn recipients(input: &Input<'_>) -> Result<Option<Recipients>, Fault> {
    let unknown = |_| Fault::input("recipients", "must be any or known");
    Ok(match input.patch("recipients")? {
        Patch::Keep => None,
        Patch::Clear => Some(Recipients::Any),
        Patch::Set(word) => Some(word.parse().map_err(unknown)?),
    })
}

fn address(input: &Input<'_>, field: &'static str) -> Result<Patch<EmailAddress>, Fault> {
    Ok(match input.patch(field)? {
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
        Patch::Set(text) => Patch::Set(text.parse().map_err(|reason: InvalidAddress| Fault::Input {
            field,
            reason: "is invalid".to_owned(),
            detail: Some(reason.to_string()),
        })?),
    })
}
