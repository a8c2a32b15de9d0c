//! Adding, renaming and removing passkeys of one's own, from the page "Password".

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use maud::{Markup, html};
use postroom::administrator::passkey::{
    self, ALGORITHMS, ClientData, Left, NewPasskey, Offer, PasskeyRefusal, RelyingParty,
};
use postroom::error::Error;
use postroom::id::PasskeyId;
use serde::Deserialize;

use super::SIGN_IN;
use super::own::{administrator_of, again, answer, gone, proof, stale};
use super::passkeys::needs;
use super::shown::Visitor;
use crate::console::form::sentence;
use crate::console::frame::{Frame, Part, base_path};
use crate::wire::Fault;
use crate::wire::form::Form;
use crate::wire::http::{Response, StatusCode};

/// The fields of forms that the script fills.
pub(super) const CLIENT: &str = "client";
const ATTESTATION: &str = "attestation";

/// What a browser says of the page, as JSON: `CollectedClientData` in W3C Web Authentication Level 3, section 5.8.1.
#[derive(Deserialize)]
struct Collected<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    challenge: Cow<'a, str>,
    #[serde(borrow)]
    origin: Cow<'a, str>,
    #[serde(rename = "crossOrigin", default)]
    is_cross_origin: bool,
    /// There in a frame of another site alone.
    #[serde(rename = "topOrigin", borrow, default)]
    top: Option<Cow<'a, str>>,
}

/// The octets of a field, which a script has written in Base64 for URLs.
pub(super) fn octets(form: &Form, name: &str) -> Result<Vec<u8>, PasskeyRefusal> {
    let text = form.get(name).filter(|text| !text.is_empty()).ok_or(PasskeyRefusal::Malformed)?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| PasskeyRefusal::Malformed)
}

/// What the browser says of the page.
pub(super) fn client(form: &Form) -> Result<ClientData, PasskeyRefusal> {
    let json = octets(form, CLIENT)?;
    let said: Collected<'_> = serde_json::from_slice(&json).map_err(|_| PasskeyRefusal::Malformed)?;
    Ok(ClientData {
        kind: said.kind.into_owned(),
        challenge: said.challenge.into_owned(),
        origin: said.origin.into_owned(),
        is_framed: said.is_cross_origin || said.top.is_some(),
        hash: ClientData::hash_of(&json),
    })
}

/// The fields that a script fills, empty.
pub(super) fn empty(names: &[&str]) -> Markup {
    html! { @for name in names { input type="hidden" name=(name) value=""; } }
}

fn here(call: &Visitor<'_>) -> Result<RelyingParty, Fault> {
    RelyingParty::of(call.base_url).map_err(|_| Fault::NoRoute)
}

/// What shows that whoever asks is who signed in, if they have a password to show it by.
fn proof_if_needed(call: &Visitor<'_>, form: &Form) -> Result<Option<postroom::administrator::Proof>, Error> {
    let own = call.read(|tx| postroom::administrator::own(tx, &call.caller.session))?;
    if own.is_some_and(|own| passkey::needs_password(&own)) { proof(call, form).map(Some) } else { Ok(None) }
}

/// Makes an offer of a passkey, and shows the page where the browser takes it.
pub(in crate::console) fn offer(call: &Visitor<'_>) -> Result<Response, Fault> {
    let party = here(call)?;
    let entered = Form::read(call.request)?;
    let session = &call.caller.session;
    let text = |field: &str| entered.get(field).unwrap_or_default();
    let made = (|| {
        passkey::parse_label(text("label"))?;
        if session.administrator.is_none() {
            return call.write(|tx| passkey::begin(tx, session, text("name")));
        }
        let proof = proof_if_needed(call, &entered)?;
        call.write(|tx| passkey::begin_another(tx, session, proof.as_ref()))?.ok_or_else(stale)
    })();
    match made {
        Ok(offer) => {
            let frame = call.read(|tx| Frame::of(tx, call))?;
            Ok(offer_page(&frame, &party, &offer, text("label").trim()))
        }
        Err(error) => again(call, "add", "name", entered, error.into()),
    }
}

fn offer_page(frame: &Frame, party: &RelyingParty, offer: &Offer, label: &str) -> Response {
    let encode = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
    let known = offer.known.iter().map(|id| encode(id)).collect::<Vec<_>>().join(" ");
    let algorithms = ALGORITHMS.map(|number| number.to_string()).join(" ");
    let content = html! {
        div.head { h1 { "Make the passkey" } }
        section.card {
            p { "You will sign in as " strong { (offer.name) } " with the passkey " strong { (label) } ". Your browser asks where to keep it, and for your \
                 fingerprint, face or PIN." }
            (needs("Making a passkey"))
            div data-passkeys hidden {
                form method="post" action=(frame.to("/password/passkeys/add")) data-passkey="create" data-party=(party.id())
                    data-challenge=(encode(&offer.challenge)) data-user=(encode(&offer.user_handle)) data-name=(offer.name) data-known=(known)
                    data-algorithms=(algorithms) {
                    (frame.token())
                    input type="hidden" name="administrator" value=(offer.administrator);
                    input type="hidden" name="label" value=(label);
                    (empty(&[CLIENT, ATTESTATION]))
                    p.error data-told role="alert" hidden {}
                    button.primary { "Make the passkey" }
                }
            }
        }
    };
    frame.page_with(
        StatusCode::OK,
        Part::Password,
        "Make the passkey",
        &[("Password".to_owned(), frame.to("/password"))],
        &content,
    )
}

/// Takes the passkey that the browser has made.
pub(in crate::console) fn add_made(call: &Visitor<'_>) -> Result<Response, Fault> {
    let party = here(call)?;
    let entered = Form::read(call.request)?;
    let added = (|| {
        let (client, attestation) = (client(&entered)?, octets(&entered, ATTESTATION)?);
        let new = NewPasskey {
            administrator: administrator_of(&entered)?,
            label: entered.get("label").unwrap_or_default(),
            client: &client,
            attestation: &attestation,
        };
        call.write(|tx| passkey::add(tx, &call.caller.session, &party, &new))
    })();
    match added {
        Ok(passkey) => {
            let told = html! {
                section.notice.good role="status" {
                    p { "The passkey " strong { (passkey.name) } " is added. It signs you in on the page "
                        a href={ (base_path(call.base_url)) (SIGN_IN) } { "Sign in" } "." }
                }
            };
            answer(call, StatusCode::OK, None, Some(&told))
        }
        Err(error) => again(call, "add", "name", entered, error.into()),
    }
}

fn passkey_of(form: &Form) -> Result<PasskeyId, Error> {
    let id = form.get("passkey").and_then(|id| id.parse().ok()).map(PasskeyId::new);
    id.ok_or_else(|| Error::invalid("passkey", "the form does not say which passkey it is about"))
}

/// Gives a passkey another name.
pub(in crate::console) fn rename(call: &Visitor<'_>) -> Result<Response, Fault> {
    let entered = Form::read(call.request)?;
    let label = entered.get("label").unwrap_or_default();
    let done = passkey_of(&entered)
        .and_then(|id| call.write(|tx| passkey::rename(tx, &call.caller.session, id, label)));
    match done {
        Ok(()) => {
            let told = html! { section.notice.good role="status" { p { "The passkey has another name." } } };
            answer(call, StatusCode::OK, None, Some(&told))
        }
        Err(error) => again(call, "rename", "label", entered, error.into()),
    }
}

/// Removes a passkey.
pub(in crate::console) fn remove(call: &Visitor<'_>) -> Result<Response, Fault> {
    let entered = Form::read(call.request)?;
    let session = &call.caller.session;
    let is_sure = entered.get("sure") == Some("yes");
    let done = (|| {
        let id = passkey_of(&entered)?;
        let proof = proof_if_needed(call, &entered)?;
        call.write(|tx| passkey::remove(tx, session, id, proof.as_ref(), is_sure))?.ok_or_else(stale)
    })();
    match done {
        Ok(Left::AnotherWay) => {
            let told = html! {
                section.notice.good role="status" { p { "The passkey is removed, and your other sessions have ended. Delete it on your device as well." } }
            };
            answer(call, StatusCode::OK, None, Some(&told))
        }
        Ok(Left::Nothing) => Ok(gone(call, "The passkey is removed")),
        Err(error) => again(call, "remove", "current", entered, error.into()),
    }
}

/// A refusal, as a sentence that a page shows.
pub(super) fn why(refusal: &PasskeyRefusal) -> String {
    sentence(&refusal.to_string())
}
