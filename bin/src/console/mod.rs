//! The console: pages for people, at `/console`.
//!
//! So far it has one, which opens a login link. The link's address stands in a mail or a chat, and there programs follow it
//! before people do; so GET shows a button, and only POST uses the link up. The secret is in the query, for what the
//! published interface returns is a URL: proxies and monitors keep queries back more often than paths, our own log has
//! neither, and the form sends it in the body, so that the address of the page that follows holds none.
//!
//! The secret is also what tells the form from one that somebody else made: who has not got it can send nothing. Beyond that,
//! a form from another site is refused, lest somebody be signed in where they did not want to be.

mod page;

use postroom::db::Postroom;
use postroom::error::Error;
use postroom::login;
use postroom::secret::{PlainSecret, SecretKind};

use crate::wire::http::{BodyFault, Method, Request, Response, StatusCode, header};

/// What every path of the console starts with.
pub const PREFIX: &str = "/console";
/// The most octets of a body: a form has one short field.
pub const MAX_BODY_OCTETS: usize = 4 * 1024;
const LOGIN: &str = "/console/login";
/// The parameter that carries the secret.
const SECRET: &str = "link";

/// The address that opens this link, below the base URL that clients use.
pub fn login_url(base_url: &str, secret: &PlainSecret) -> String {
    // A secret is of letters, digits and an underscore: nothing to encode.
    format!("{}{LOGIN}?{SECRET}={}", base_url.trim_end_matches('/'), secret.reveal())
}

/// Whether a path is the console's.
pub fn has(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The route of a path, for the log: never the path itself.
pub fn route(path: &str) -> &'static str {
    if path == LOGIN { LOGIN } else { "" }
}

/// Answers a request whose path, without a last slash, is the console's; HEAD as GET.
pub fn answer(postroom: &Postroom, base_url: &str, path: &str, request: &Request) -> Result<Response, Error> {
    if path != LOGIN {
        return Ok(page::nothing_here());
    }
    match request.method {
        Method::GET | Method::HEAD => {
            let found = request.query.as_deref().and_then(|query| secret(query.as_bytes()));
            let Some(secret) = found else { return Ok(page::dead_link()) };
            let domain = postroom.read(|tx| login::peek(tx, &secret))?;
            Ok(domain.map_or_else(page::dead_link, |domain| page::button(&domain.name, SECRET, &secret)))
        }
        Method::POST if !is_of_our_page(base_url, request) => Ok(page::elsewhere()),
        Method::POST => match &request.body {
            Ok(body) => sign_in(postroom, body),
            Err(fault) => Ok(unread(*fault)),
        },
        _ => Ok(page::wrong_method().with(header::ALLOW, "GET, HEAD, POST")),
    }
}

/// What a page says when the form did not come.
pub fn unread(fault: BodyFault) -> Response {
    match fault {
        BodyFault::TooLarge => page::unreadable(StatusCode::PAYLOAD_TOO_LARGE),
        BodyFault::Incomplete => page::unreadable(StatusCode::BAD_REQUEST),
        BodyFault::NoRoom => page::failed(StatusCode::SERVICE_UNAVAILABLE).with(header::RETRY_AFTER, "1"),
    }
}

/// What a page says when the database fails.
pub fn failed(error: &Error) -> Response {
    use postroom::error::StoreTrouble;
    let status = match error {
        Error::Store(error) if error.trouble() == StoreTrouble::Full => StatusCode::INSUFFICIENT_STORAGE,
        Error::Store(error) if error.trouble() == StoreTrouble::Busy => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    page::failed(status)
}

fn sign_in(postroom: &Postroom, body: &[u8]) -> Result<Response, Error> {
    let Some(secret) = secret(body) else { return Ok(page::dead_link()) };
    // Whoever has no link does not get to wait for, and hold, the one lock for writing.
    if postroom.read(|tx| login::peek(tx, &secret))?.is_none() {
        return Ok(page::dead_link());
    }
    let domain = postroom.write(|tx| login::consume(tx, &secret))?;
    Ok(domain.map_or_else(page::dead_link, |domain| page::signed_in(&domain.name)))
}

/// The secret in a query or a form: there once, and with a right checksum.
fn secret(urlencoded: &[u8]) -> Option<PlainSecret> {
    let mut all = form_urlencoded::parse(urlencoded).filter(|(name, _)| name == SECRET);
    let (_, text) = all.next()?;
    if all.next().is_some() {
        return None;
    }
    PlainSecret::parse(SecretKind::LoginLink, &text).ok()
}

/// Whether a form can come from a page of ours, as far as the browser tells.
///
/// A page with `Referrer-Policy: no-referrer` sends `Origin: null` with its own form (Fetch, "append a request Origin
/// header"), so that word alone decides nothing; `Sec-Fetch-Site`, which a page cannot set, does where it is there.
fn is_of_our_page(base_url: &str, request: &Request) -> bool {
    let is_own = |origin: &str| origin == "null" || origin_of(origin) == origin_of(base_url);
    let fields = |name: &str| request.headers.get_all(name).iter();
    fields("origin").all(|value| value.to_str().is_ok_and(is_own))
        && fields("sec-fetch-site")
            .all(|value| value.to_str().is_ok_and(|site| matches!(site, "same-origin" | "none")))
}

/// Scheme, host and port of a URL, the scheme's own port left out (RFC 6454 section 6.1).
fn origin_of(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (scheme, authority) = (scheme.to_ascii_lowercase(), authority.to_ascii_lowercase());
    let usual = if scheme == "https" { ":443" } else { ":80" };
    Some(format!("{scheme}://{}", authority.strip_suffix(usual).unwrap_or(&authority)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_compared_without_its_usual_port_and_without_case() {
        for (url, origin) in [
            ("https://desk.example.net/below", Some("https://desk.example.net")),
            ("HTTPS://Desk.Example.net:443", Some("https://desk.example.net")),
            ("http://[::1]:80/", Some("http://[::1]")),
            ("http://127.0.0.1:8025", Some("http://127.0.0.1:8025")),
            ("https://desk.example.net:80", Some("https://desk.example.net:80")),
            ("null", None),
        ] {
            assert_eq!(origin_of(url).as_deref(), origin, "{url}");
        }
    }

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
