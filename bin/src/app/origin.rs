//! The defence against requests that another site's page sends: a browser adds some credentials by itself, also to a form or
//! a script of another site.

use crate::wire::http::{Method, Request};
use crate::wire::{Auth, Fault};

/// Refuses a request that changes something and was sent by another site's page, where the surface's credential is one that a
/// browser may send by itself. A browser never sends a header field of our own by itself: no form sets it, and a script needs
/// a permission that we never give (Fetch, "CORS protocol").
pub(super) fn check(auth: Auth, base_url: &str, request: &Request) -> Result<(), Fault> {
    if [Method::GET, Method::HEAD].contains(&request.method) {
        return Ok(());
    }
    let may_pass = match auth {
        Auth::Header(_) | Auth::Bearer | Auth::None => true,
        Auth::Basic { .. } => !request.headers.get_all(SITE).iter().any(|site| site == "cross-site"),
        Auth::Session { .. } => is_of_our_page(base_url, request),
    };
    if may_pass { Ok(()) } else { Err(Fault::CrossSite) }
}

/// The field in which a browser says how the site that sent the request relates to its target. No page can set it (Fetch
/// Metadata).
const SITE: &str = "sec-fetch-site";

/// Whether a form can come from a page of ours, as far as the browser says.
///
/// A page with `Referrer-Policy: no-referrer` sends `Origin: null` with its own form (Fetch, "append a request Origin
/// header"), and so does a page in a sandbox of another site: `null` counts as ours only if `Sec-Fetch-Site` says so.
fn is_of_our_page(base_url: &str, request: &Request) -> bool {
    let fields = |name: &str| request.headers.get_all(name).iter();
    let says_ours = fields(SITE).any(|site| site == "same-origin");
    let is_own = |origin: &str| match origin {
        "null" => says_ours,
        origin => origin_of(origin) == origin_of(base_url),
    };
    fields("origin").all(|value| value.to_str().is_ok_and(is_own))
        && fields(SITE).all(|value| value.to_str().is_ok_and(|site| matches!(site, "same-origin" | "none")))
}

/// Whether the browser says that a page of ours sent this form. One that says nothing of it may have it from any site.
pub(super) fn is_surely_ours(base_url: &str, request: &Request) -> bool {
    ["origin", SITE].iter().any(|name| request.headers.contains_key(*name))
        && is_of_our_page(base_url, request)
}

/// Scheme, host and port of a URL, without the port if it is the scheme's default (RFC 6454 section 6.1).
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
}
