//! Sessions: the cookie, the list of them, and how they end.

use maud::html;
use postroom::error::{Entity, Error};
use postroom::id::SessionId;
use postroom::secret::{PlainSecret, SecretKind};
use postroom::session::{self, ConsoleSession, LIFE, Role};

use super::COOKIE;
use super::back;
use super::frame::{Frame, Part, bare, base_path, see};
use super::part::{Tone, pill, time};
use crate::wire::form::Form;
use crate::wire::http::{HeaderValue, Request, Response, StatusCode, header};
use crate::wire::{Anybody, Call, Fault, SignedIn};

/// The session that a request carries, whether or not it is (still) one.
pub(super) fn cookie_of(request: &Request) -> Option<PlainSecret> {
    PlainSecret::parse(SecretKind::Session, cookie_named(request, COOKIE)?).ok()
}

/// The value of the first cookie of this name.
pub(super) fn cookie_named<'a>(request: &'a Request, wanted: &str) -> Option<&'a str> {
    let all = request.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

/// The answer, with the cookie of a session that has begun.
pub(super) fn set_cookie(response: Response, secret: &PlainSecret) -> Response {
    with_cookie(response, secret.reveal(), LIFE.as_secs())
}

/// Leads somebody who has signed in back to the page that they came from, or else to their first one, with the cookie of the session.
pub(super) fn welcome(
    call: &Call<'_, Anybody>,
    session: &ConsoleSession,
    secret: &PlainSecret,
    came_from: Option<&str>,
) -> Response {
    let first = if session.role == Role::Operator { "/console/accounts" } else { "/console" };
    let place = came_from.and_then(back::checked).unwrap_or(first);
    set_cookie(see(&format!("{}{place}", base_path(call.base_url))), secret)
}

fn with_cookie(mut response: Response, value: &str, seconds: u64) -> Response {
    let cookie = format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    if let Ok(mut cookie) = HeaderValue::from_str(&cookie) {
        cookie.set_sensitive(true);
        response.headers.insert(header::SET_COOKIE, cookie);
    }
    response
}

/// Ends the session that asks.
pub(super) fn sign_out(call: &Call<'_, SignedIn<()>>) -> Result<Response, Fault> {
    let own = &call.caller.session;
    call.write(|tx| session::end(tx, own, own.id))?;
    let text = html! { p { "You are signed out. To come back, open a new login link, or " a href={ (base_path(call.base_url)) "/console/sign-in" } { "sign in with a password or a passkey" } "." } };
    Ok(with_cookie(bare(StatusCode::OK, "Signed out", base_path(call.base_url), &text), "", 0))
}

/// The sessions that whoever asks may end.
pub(super) fn show(call: &Call<'_, SignedIn<()>>) -> Result<Response, Fault> {
    let (frame, sessions) = call.read(|tx| {
        let sessions = session::list(tx, &call.caller.session)?;
        Ok::<_, Error>((Frame::of(tx, call)?, sessions))
    })?;
    let of = match frame.session.role {
        Role::Domain => "of this domain's administrators",
        Role::Account => "of this account's administrators, and of those of its domains",
        Role::Operator => "of the operator",
    };
    let content = html! {
        div.head { h1 { "Sessions" } }
        p { "Who is signed in now: the sessions " (of) ". A session ends after half an hour without use, and after twelve hours. \
             If you do not know one of them, end it." }
        div.card {
            table.table {
                caption.visually-hidden { "Sessions" }
                thead {
                    tr { th scope="col" { "Browser" } th scope="col" { "Address" } th scope="col" { "Signed in" }
                         th scope="col" { "Last used" } th scope="col" { span.visually-hidden { "End" } } }
                }
                tbody {
                    @for session in &sessions {
                        tr {
                            td {
                                span.name { (browser(session.agent.as_deref())) } " "
                                @if session.id == frame.session.id { (pill(Tone::Good, "This one")) }
                                @else if session.role != frame.session.role { (pill(Tone::Plain, "One domain")) }
                                @if session.administrator.is_some() {
                                    (pill(Tone::Plain, if session.by_passkey { "With a passkey" } else { "With a password" }))
                                }
                                @if let Some(agent) = &session.agent { div.small.soft { (agent) } }
                            }
                            td data-label="Address" { (session.address) }
                            td data-label="Signed in" { (time(session.created_at, frame.now)) }
                            td data-label="Last used" { (time(session.used_at, frame.now)) }
                            td {
                                (frame.form(&frame.to("/sessions/end"), &html! {
                                    input type="hidden" name="session" value=(session.id);
                                    button.slight.danger { "End" span.visually-hidden { " session " (session.id) } }
                                }))
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(frame.page(Part::Sessions, "Sessions", &[], &content))
}

/// Ends one of them.
pub(super) fn end(call: &Call<'_, SignedIn<()>>) -> Result<Response, Fault> {
    let form = Form::read(call.request)?;
    let id = form.get("session").and_then(|id| id.parse().ok()).map(SessionId::new);
    let id = id.ok_or(Error::NotFound(Entity::Session))?;
    let own = &call.caller.session;
    if id == own.id {
        return sign_out(call);
    }
    call.write(|tx| session::end(tx, own, id))?;
    Ok(see(&format!("{}/console/sessions", base_path(call.base_url))))
}

/// The browser and the system in what a browser calls itself, as far as they are well known.
fn browser(agent: Option<&str>) -> String {
    let agent = agent.unwrap_or_default();
    let first = |known: &[(&str, &'static str)]| {
        known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    // The more special first: every one of them says that it is the later ones too.
    let program = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (program, system) {
        (Some(program), Some(system)) => format!("{program} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "Unknown browser".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_well_known_browser_is_named() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36";
        assert_eq!(browser(Some(chrome)), "Chrome on Linux");
        assert_eq!(
            browser(Some("Mozilla/5.0 (Windows NT 10.0; rv:140.0) Firefox/140.0")),
            "Firefox on Windows"
        );
        assert_eq!(browser(None), "Unknown browser");
    }
}
