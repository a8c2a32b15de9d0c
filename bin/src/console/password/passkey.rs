//! Passkeys of one's own: listed, added, renamed and removed on the page "Password".

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use maud::{Markup, html};
use postroom::administrator::passkey::{
    self, ALGORITHMS, ClientData, Left, MOST_LABEL_CHARS, MOST_PASSKEYS, NewPasskey, NoRelyingParty, Offer,
    Passkey, PasskeyRefusal, RelyingParty,
};
use postroom::error::Error;
use postroom::id::PasskeyId;
use serde::Deserialize;

use super::SIGN_IN;
use super::own::{Shown, Visitor, administrator_of, again, answer, proof, proof_fields, stale};
use crate::console::form::{Fields, Refused, sentence};
use crate::console::frame::{Frame, Part, bare, base_path};
use crate::console::part::{counted, time};
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

/// What is said where passkeys cannot be used. The script hides the first sentence, and shows the second where it is true.
pub(super) fn needs(what: &str) -> Markup {
    html! {
        p data-needs-script { (what) " needs JavaScript, which is off in this browser." }
        p data-no-passkeys hidden { "This browser has no passkeys. Use a newer one." }
    }
}

/// Why there are no passkeys here, and what to do.
fn nowhere(why: &NoRelyingParty) -> Markup {
    html! {
        section.card {
            h2 { "Passkeys" }
            p { "Passkeys cannot be used here: " (why) ". Whoever runs the server sets " code { "public_url" } " to an HTTPS address with a name, or on \
                 this machine to one with " code { "localhost" } "." }
        }
    }
}

/// What the page says of passkeys.
pub(super) fn section(shown: &Shown, base_url: &str, refused: Option<&Refused>) -> Markup {
    if let Err(why) = RelyingParty::of(base_url) {
        return nowhere(&why);
    }
    let own = shown.own.as_ref().map(|(own, ..)| own);
    let has_room = shown.passkeys.len() < MOST_PASSKEYS as usize;
    html! {
        section.card {
            h2 { "Passkeys" }
            p { "A passkey signs you in with your device's fingerprint, face or PIN, or with a security key: no name, no password and no code." }
            @if own.is_some() { (list(shown)) }
            @if !shown.may_change_passkeys {
                p { strong { "This session began more than 15 minutes ago. " @if own.is_some() { "Sign out and in" } @else { "Open a new login link" }
                    ", and come back here to add or remove a passkey." } }
            } @else if own.is_none() {
                (add(shown, refused))
            }
        }
        @if own.is_some() {
            div.grid {
                @if shown.may_change_passkeys {
                    section.card {
                        h2 { "Add a passkey" }
                        @if has_room { (add(shown, refused)) }
                        @else { p { "You have " (counted(u64::from(MOST_PASSKEYS), "passkey")) ", which is the most. Remove one first." } }
                    }
                }
                @if !shown.passkeys.is_empty() {
                    (rename_form(shown, refused))
                    @if shown.may_change_passkeys { (remove_form(shown, refused)) }
                }
            }
        }
    }
}

fn list(shown: &Shown) -> Markup {
    let now = shown.frame.now;
    html! {
        @if shown.passkeys.is_empty() { p { "You have none yet." } } @else {
            table.table {
                caption.visually-hidden { "Your passkeys" }
                thead { tr { th scope="col" { "Name" } th scope="col" { "Added" } th scope="col" { "Last used" } } }
                tbody {
                    @for one in &shown.passkeys {
                        tr {
                            td { span.name { (one.name) } }
                            td data-label="Added" { (time(one.created_at, now)) }
                            td data-label="Last used" { @match one.used_at { Some(at) => (time(at, now)), None => "never" } }
                        }
                    }
                }
            }
        }
    }
}

fn label_field(fields: &Fields<'_>, there: &str) -> Markup {
    let hint = "Where it is kept, such as \"my phone\". The audit log shows the name as well.";
    fields.field("label", "Name of the passkey", hint, |control| html! {
        input type="text" id=(control.id) name=(control.name) value=(fields.value("label", there)) required autocomplete="off"
            maxlength=(MOST_LABEL_CHARS) aria-describedby=[control.described] aria-invalid=[control.is_wrong.then_some("true")];
    })
}

/// The form that leads to the page where the browser makes a passkey.
fn add(shown: &Shown, refused: Option<&Refused>) -> Markup {
    let frame = &shown.frame;
    let own = shown.own.as_ref().map(|(own, ..)| own);
    let known: &[&str] = match own {
        None => &["name", "label"],
        Some(own) if passkey::needs_password(own) => &["label", "current", "code"],
        Some(_) => &["label"],
    };
    let fields = Fields::of("add", known, refused);
    html! {
        (needs("Adding a passkey"))
        div data-passkeys hidden {
            (frame.form(&frame.to("/password/passkeys"), &html! {
                (fields.top())
                @if own.is_none() {
                    (fields.field("name", "Your name", "Letters, digits, dots, hyphens and underscores. The name of the account is added to it.", |control| html! {
                        input type="text" id=(control.id) name=(control.name) value=(fields.value("name", "")) required autocomplete="username"
                            autocapitalize="none" spellcheck="false" maxlength="64" aria-describedby=[control.described]
                            aria-invalid=[control.is_wrong.then_some("true")];
                    }))
                }
                (label_field(&fields, ""))
                @if own.is_some_and(passkey::needs_password) { (proof_fields(&fields)) }
                button.primary { "Add a passkey" }
            }))
        }
    }
}

fn choice(fields: &Fields<'_>, passkeys: &[Passkey]) -> Markup {
    let ids: Vec<String> = passkeys.iter().map(|one| one.id.to_string()).collect();
    let all: Vec<(&str, &str)> =
        ids.iter().zip(passkeys).map(|(id, one)| (id.as_str(), one.name.as_str())).collect();
    fields.choice("passkey", "Passkey", "", "", &all)
}

fn rename_form(shown: &Shown, refused: Option<&Refused>) -> Markup {
    let fields = Fields::of("rename", &["label"], refused);
    html! {
        section.card {
            h2 { "Rename a passkey" }
            (shown.frame.form(&shown.frame.to("/password/passkeys/rename"), &html! {
                (fields.top())
                (choice(&fields, &shown.passkeys))
                (label_field(&fields, ""))
                button { "Rename" }
            }))
        }
    }
}

fn remove_form(shown: &Shown, refused: Option<&Refused>) -> Markup {
    let own = shown.own.as_ref().map(|(own, ..)| own);
    let needs_password = own.is_some_and(passkey::needs_password);
    let fields = Fields::of("remove", if needs_password { &["current", "code"] } else { &[] }, refused);
    let is_last = !needs_password && shown.passkeys.len() == 1;
    html! {
        section.card {
            h2 { "Remove a passkey" }
            @if is_last {
                p { strong { "This is your last way in." } " If you remove it, you are signed out, and your name is free. To come back you need a login link: \
                     whoever runs the server prints one in its shell." }
            } @else {
                p { "Your other sessions end." }
            }
            (shown.frame.form(&shown.frame.to("/password/passkeys/remove"), &html! {
                (fields.top())
                (choice(&fields, &shown.passkeys))
                @if needs_password { (proof_fields(&fields)) }
                @if is_last { (fields.mark("sure", "yes", "I shall sign in by a login link", false)) }
                button.danger { "Remove" }
            }))
        }
    }
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
        Ok(Left::Nothing) => {
            let text = html! {
                p { "The passkey is removed, and you are signed out. To come back you need a login link." }
                p { "Whoever runs the server prints one in its shell: " code { "postroom login-link --account NAME" } ", or "
                    code { "postroom login-link --operator" } "." }
            };
            Ok(bare(StatusCode::OK, "Your last way in is removed", base_path(call.base_url), &text))
        }
        Err(error) => again(call, "remove", "current", entered, error.into()),
    }
}

/// A refusal, as a sentence that a page shows.
pub(super) fn why(refusal: &PasskeyRefusal) -> String {
    sentence(&refusal.to_string())
}
