//! The page that opens a login link, and signing in by it.
//!
//! People send a link in a mail or a chat, where programs open it before people do; so GET shows a button, and only POST uses
//! the link up. The secret is in the query, because the published interface returns a URL, and proxies and monitors hide
//! queries more often than paths. Our own log has neither. The form sends the secret in the body, so that the address of the
//! next page does not contain it.
//!
//! The secret also proves that the form is ours: nobody can send a valid form without it. In addition the App refuses a form
//! from another site, so that nobody is signed in against their will.

use maud::html;
use postroom::db::ReadTx;
use postroom::error::Error;
use postroom::login::{self, Opens};
use postroom::secret::{PlainSecret, SecretKind};
use postroom::session::{self, Browser, ConsoleSession, Role};
use postroom::{account, domain};

use super::LOGIN;
use super::frame::{bare, base_path, role_name, see};
use super::session::{cookie_of, welcome};
use crate::wire::http::{Response, StatusCode};
use crate::wire::{Anybody, Call, Fault, PageFault};

/// The parameter that carries the secret.
const SECRET: &str = "link";

/// The address that opens this link, below the base URL that clients use.
pub fn login_url(base_url: &str, secret: &PlainSecret) -> String {
    // A secret has only letters, digits and an underscore, so nothing needs percent-encoding.
    format!("{}{LOGIN}?{SECRET}={}", base_url.trim_end_matches('/'), secret.reveal())
}

/// Leads from the server's bare address to the console.
#[expect(clippy::unnecessary_wraps, reason = "the form of every handler")]
pub(super) fn lead(call: &Call<'_, Anybody>) -> Result<Response, Fault> {
    Ok(see(&format!("{}/console", base_path(call.base_url))))
}

/// Shows what a link opens, with the button that uses it up.
pub(super) fn show(call: &Call<'_, Anybody>) -> Result<Response, Fault> {
    let query = call.request.query.as_deref().unwrap_or_default().as_bytes();
    let Some(secret) = secret(query) else { return refused() };
    let earlier = cookie_of(call.request);
    let read = call.read(|tx| {
        let there = match &earlier {
            Some(earlier) => session::find(tx, earlier)?.map(|there| signed_in_as(tx, &there)).transpose()?,
            None => None,
        };
        Ok::<_, Error>(login::peek(tx, &secret)?.map(|opens| (opens, there)))
    })?;
    let Some((opens, there)) = read else { return refused() };
    let opens = named(&opens);
    // The form goes to the page's own address without its query, also below a proxy's path.
    let form = html! {
        p { "This link signs you in to " strong { (opens) } ", once." }
        @if let Some(there) = there { p { "You are signed in as " strong { (there) } "; that ends." } }
        form method="post" action="?" {
            input type="hidden" name=(SECRET) value=(secret.reveal());
            button.primary { "Sign in to " (opens) }
        }
        p.small.soft { "If you did not expect this link, close this page: nothing happens until you press the button." }
    };
    Ok(bare(StatusCode::OK, "Sign in", base_path(call.base_url), &form))
}

/// Uses a link up, begins a session, and ends the one that the browser had.
pub(super) fn sign_in(call: &Call<'_, Anybody>) -> Result<Response, Fault> {
    let Some(secret) = secret(call.request.body.as_deref().unwrap_or_default()) else { return refused() };
    // The read comes first, so that a request without a valid link never takes the only lock for writing.
    if call.read(|tx| login::peek(tx, &secret))?.is_none() {
        return refused();
    }
    let browser = Browser { agent: call.request.header("user-agent"), address: call.request.peer };
    let earlier = cookie_of(call.request);
    let Some((session, cookie)) =
        call.write(|tx| session::sign_in(tx, &secret, browser, earlier.as_ref()))?
    else {
        return refused();
    };
    Ok(welcome(call, &session, &cookie, None))
}

/// The App counts these as failed authentications.
fn refused() -> Result<Response, Fault> {
    Err(Fault::Page(PageFault::DeadLink))
}

/// As what the browser is signed in already, in words.
fn signed_in_as(tx: &ReadTx<'_>, session: &ConsoleSession) -> Result<String, Error> {
    let of = match (session.role, session.domain, session.account, session.caller()) {
        (Role::Domain, Some(domain), _, Some(caller)) => {
            Some(domain::find(tx, &caller, domain)?.name.to_string())
        }
        (Role::Account, _, Some(account), _) => Some(account::by_id(tx, account)?.name),
        _ => None,
    };
    let role = role_name(session.role);
    Ok(of.map_or_else(|| role.to_owned(), |of| format!("{role} of {of}")))
}

/// What a link opens, in words.
fn named(opens: &Opens) -> String {
    match opens {
        Opens::Domain(domain) => domain.name.to_string(),
        Opens::Account(account) => format!("the account {}", account.name),
        Opens::Operator => "all accounts, as the operator".to_owned(),
    }
}

/// The secret in a query or a form. It must be there exactly once, with a correct checksum.
fn secret(urlencoded: &[u8]) -> Option<PlainSecret> {
    let mut all = form_urlencoded::parse(urlencoded).filter(|(name, _)| name == SECRET);
    let (_, text) = all.next()?;
    if all.next().is_some() {
        return None;
    }
    PlainSecret::parse(SecretKind::LoginLink, &text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_stands_once_and_whole() {
        let made = PlainSecret::generate(SecretKind::LoginLink).unwrap();
        let text = made.reveal();
        let found = |query: String| secret(query.as_bytes()).map(|found| found.reveal().to_owned());
        assert_eq!(found(format!("link={text}")).as_deref(), Some(text));
        assert_eq!(found(format!("utm=mail&link={text}&x=y")).as_deref(), Some(text));
        let cut = text.get(..40).unwrap();
        for bad in [
            format!("link={text}&link={text}"),
            format!("link={cut}"),
            format!("links={text}"),
            String::new(),
        ] {
            assert_eq!(found(bad), None);
        }
    }

    #[test]
    fn the_address_of_a_link_is_below_the_base_url() {
        let secret = PlainSecret::generate(SecretKind::LoginLink).unwrap();
        let url = login_url("https://desk.example.net/", &secret);
        assert_eq!(url, format!("https://desk.example.net/console/login?link={}", secret.reveal()));
    }
}
