//! A form that does not belong to the session or the account as it is now: nothing is done, and what was typed is given back, so that
//! it can be sent again.

use maud::{Markup, html};
use postroom::session::Role;

use super::frame::{Frame, bare, base_path};
use crate::wire::form::Form;
use crate::wire::http::{Response, StatusCode};
use crate::wire::{Call, FORM_TOKEN, Fault, SignedIn};

/// The secrets that people type. They are never given back; they are asked for again.
const TYPED: &[&str] = &["password", "repeated", "current", "code", "webhook_secret", "pem"];
/// The secrets that a page or its script puts into a form. They are of the page before, and nobody can type them.
const FILLED: &[&str] =
    &[FORM_TOKEN, "link", "client", "attestation", "credential", "data", "signature", "owner"];

/// What a page puts into a form for itself: it is sent again, and says nothing to people.
const UNSEEN: &[&str] = &["after", "from", "list", "row"];

pub(super) const TITLE: &str = "This form is out of date";

/// Why a form is out of date.
pub(super) const WHY: &str = "The form is not of your session as it is now: perhaps you have signed in again since you opened its page, \
                              or have opened another account. Nothing was changed.";

/// The page that gives back what was sent.
pub(crate) fn give_back(call: &Call<'_, SignedIn<()>>, sent: &Form) -> Result<Response, Fault> {
    let frame = call.read(|tx| Frame::of(tx, call))?;
    let base = base_path(call.base_url);
    let content = html! {
        p { (WHY) }
        @match frame.account() {
            Some(account) => {
                (frame.form(&format!("{base}{}", call.request.path), &html! {
                    (fields(sent))
                    @if frame.is_for(Role::Operator) {
                        p { "It would be done in the account " strong { (account) } ", which is open now. If you mean another one, "
                            a href=(frame.to("/accounts")) { "open that one" } " in another tab, and reload this page." }
                    }
                    button.primary { "Send it again" @if frame.is_for(Role::Operator) { ", in " (account) } }
                }))
            }
            None => {
                (fields(sent))
                p { "No account is open now. " a href=(frame.to("/accounts")) { "Open one" } " in another tab, and reload this page." }
            }
        }
    };
    Ok(bare(StatusCode::FORBIDDEN, TITLE, base, &content))
}

fn fields(sent: &Form) -> Markup {
    let all: Vec<(&str, &[String])> =
        sent.texts().into_iter().filter(|(name, _)| !FILLED.contains(name)).collect();
    let (secret, plain): (Vec<_>, Vec<_>) = all.into_iter().partition(|(name, _)| TYPED.contains(name));
    let shown = |name: &str| name.replace('_', " ");
    let seen = || {
        let texts = plain.iter().filter(|(name, _)| !UNSEEN.contains(name));
        let all = texts.flat_map(|(name, texts)| texts.iter().map(move |text| (*name, text)));
        all.filter(|(_, text)| !text.is_empty())
    };
    html! {
        @if seen().next().is_some() {
            h2 { "What you sent" }
            dl.fields { @for (name, text) in seen() { dt { (shown(name)) } dd { span { (text) } } } }
        }
        @for (name, texts) in &plain { @for text in *texts { input type="hidden" name=(name) value=(text); } }
        @for (name, texts) in &secret {
            @if texts.iter().any(|text| !text.is_empty()) {
                div.field {
                    label for={ "again-" (name) } { "Once more: " (shown(name)) }
                    @if *name == "pem" { textarea id={ "again-" (name) } name=(name) rows="4" required spellcheck="false" autocomplete="off" {} }
                    @else { input type="password" id={ "again-" (name) } name=(name) required autocomplete="off"; }
                }
            }
        }
    }
}
