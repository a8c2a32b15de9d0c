//! Signing in with a passkey.
//!
//! The script of the page asks for a challenge when somebody presses the button. The answer also puts the challenge into a cookie, so
//! that it is good in this browser alone; nothing of it is kept here.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use maud::{Markup, html};
use postroom::administrator::passkey::{
    self, Assertion, CHALLENGE_LIFE, Entered, PasskeyRefusal, RelyingParty,
};
use postroom::error::Error;
use postroom::session::Browser;

use super::passkey::{CLIENT, client, empty, octets, why};
use super::{BY_PASSKEY, CHALLENGE};
use crate::console::back::BACK;
use crate::console::frame::base_path;
use crate::console::session::{cookie_named, cookie_of, welcome};
use crate::wire::form::Form;
use crate::wire::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use crate::wire::{Anybody, Call, Fault, PageFault};

/// The cookie that binds a challenge to a browser.
const COOKIE: &str = "__Host-postroom-challenge";
/// The fields that the script fills, beside what the browser says of the page.
const CREDENTIAL: &str = "credential";
const DATA: &str = "data";
const SIGNATURE: &str = "signature";
const OWNER: &str = "owner";

fn here(call: &Call<'_, Anybody>) -> Result<RelyingParty, Fault> {
    RelyingParty::of(call.base_url).map_err(|_| Fault::NoRoute)
}

/// The button of the page that signs in. The script shows it, where there are passkeys.
pub(super) fn button(base_url: &str, came_from: Option<&str>) -> Markup {
    let Ok(party) = RelyingParty::of(base_url) else { return html! {} };
    let base = base_path(base_url);
    html! {
        div data-passkeys hidden {
            form method="post" action={ (base) (BY_PASSKEY) } data-passkey="get" data-party=(party.id()) data-ask={ (base) (CHALLENGE) } {
                (empty(&[CREDENTIAL, CLIENT, DATA, SIGNATURE, OWNER]))
                @if let Some(back) = came_from { input type="hidden" name=(BACK) value=(back); }
                p.error data-told role="alert" hidden {}
                button.primary { "Sign in with a passkey" }
            }
            p.or { "or with a password" }
        }
    }
}

/// Makes a challenge, as text in Base64 for URLs.
pub(in crate::console) fn challenge(call: &Call<'_, Anybody>) -> Result<Response, Fault> {
    here(call)?;
    let made = URL_SAFE_NO_PAD.encode(call.read(passkey::challenge)?);
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"))]);
    let answer = Response { status: StatusCode::OK, headers, body: made.clone().into_bytes().into() };
    Ok(with_cookie(answer, &made, CHALLENGE_LIFE.as_secs()))
}

fn with_cookie(mut response: Response, value: &str, seconds: u64) -> Response {
    let cookie = format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict");
    if let Ok(mut cookie) = HeaderValue::from_str(&cookie) {
        cookie.set_sensitive(true);
        response.headers.append(header::SET_COOKIE, cookie);
    }
    response
}

/// Signs in with what a passkey answers, and ends the session that the browser had.
pub(in crate::console) fn enter(call: &Call<'_, Anybody>) -> Result<Response, Fault> {
    let party = here(call)?;
    let form = Form::read(call.request)?;
    let proof = prove(call, &form, &party).map_err(refused)?;
    let browser = Browser { agent: call.request.header("user-agent"), address: call.request.peer };
    let earlier = cookie_of(call.request);
    match call.write(|tx| passkey::enter(tx, &proof, browser, earlier.as_ref()))? {
        Entered::In(begun) => {
            let (session, secret) = *begun;
            Ok(with_cookie(welcome(call, &session, &secret, form.get(BACK)), "", 0))
        }
        Entered::Refused(refusal) => {
            tracing::warn!(passkey = %proof.passkey(), reason = %refusal, "refused a passkey whose signature is right");
            Err(Fault::Page(PageFault::Passkey(why(&refusal))))
        }
    }
}

fn prove(
    call: &Call<'_, Anybody>,
    form: &Form,
    party: &RelyingParty,
) -> Result<passkey::PasskeyProof, Error> {
    let bound = cookie_named(call.request, COOKIE).ok_or(PasskeyRefusal::Challenge)?;
    let bound = URL_SAFE_NO_PAD.decode(bound).map_err(|_| PasskeyRefusal::Challenge)?;
    let client = client(form)?;
    let [credential, data, signature, owner] =
        [CREDENTIAL, DATA, SIGNATURE, OWNER].map(|name| octets(form, name));
    let (credential, data, signature, owner) = (credential?, data?, signature?, owner?);
    let answer = Assertion {
        credential: &credential,
        client: &client,
        data: &data,
        signature: &signature,
        user_handle: &owner,
    };
    call.read(|tx| passkey::known(tx, party, &bound, &answer))
}

/// The App counts these as failed authentications.
fn refused(error: Error) -> Fault {
    match error {
        Error::Invalid { field: "passkey", reason } => {
            Fault::Page(PageFault::Passkey(crate::console::form::sentence(&reason)))
        }
        error => error.into(),
    }
}
