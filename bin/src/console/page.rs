//! The console's pages: plain HTML, which works without scripts and without styles, for the policy allows neither.
//!
//! A page consists of constants and two values, a domain name and a secret. Neither can contain a character that is special
//! in HTML; each goes through [`escaped`] all the same. So no template library is needed.

use postroom::name::DomainName;
use postroom::secret::PlainSecret;

use crate::wire::http::{HeaderMap, Response, StatusCode, header};

const POLICY: &str = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The page that shows which domain a link opens, with the button that uses the link up. The form goes to the page's own
/// address without its query, also below a proxy's path.
pub(super) fn button(domain: &DomainName, field: &str, secret: &PlainSecret) -> Response {
    let (domain, secret) = (escaped(domain.as_str()), escaped(secret.reveal()));
    let form = format!(
        "<p>This link signs you in to {domain}, once.</p>\n\
         <form method=\"post\" action=\"?\">\n\
         <input type=\"hidden\" name=\"{field}\" value=\"{secret}\">\n\
         <button>Sign in to {domain}</button>\n\
         </form>"
    );
    page(StatusCode::OK, "Sign in", &form)
}

pub(super) fn signed_in(domain: &DomainName) -> Response {
    let domain = escaped(domain.as_str());
    page(StatusCode::OK, "Signed in", &format!("<p>You are signed in to {domain}.</p>"))
}

/// The page for a link that expired, was used, was withdrawn or never existed. It does not show which.
pub(super) fn dead_link() -> Response {
    let text = "<p>It may have been used already, or have expired. Ask whoever sent it for a new one.</p>";
    page(StatusCode::NOT_FOUND, "This link does not work", text)
}

/// For a form that was sent from another site.
pub(super) fn elsewhere() -> Response {
    let text =
        "<p>The form was sent from another site. Open the link itself, and use the button on its page.</p>";
    page(StatusCode::FORBIDDEN, "Not signed in", text)
}

pub(super) fn nothing_here() -> Response {
    page(StatusCode::NOT_FOUND, "There is no such page", "<p>Look at the address again.</p>")
}

pub(super) fn wrong_method() -> Response {
    page(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed", "<p>This page takes GET and POST.</p>")
}

pub(super) fn unreadable(status: StatusCode) -> Response {
    page(status, "Not signed in", "<p>The form did not arrive as it should. Open the link again.</p>")
}

pub(super) fn later(seconds: u32) -> Response {
    let text = format!("<p>Too many requests came from your address. Try again in {seconds} s.</p>");
    page(StatusCode::TOO_MANY_REQUESTS, "Too many requests", &text)
        .with(header::RETRY_AFTER, &seconds.to_string())
}

pub(super) fn failed(status: StatusCode) -> Response {
    page(status, "Something went wrong", "<p>Nothing was changed. Try again in a while.</p>")
}

fn page(status: StatusCode, title: &str, content: &str) -> Response {
    let body = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{content}\n</main>\n</body>\n</html>\n"
    );
    Response { status, headers: HeaderMap::new(), body: body.into() }
        .with(header::CONTENT_TYPE, "text/html; charset=utf-8")
        .with(header::CONTENT_SECURITY_POLICY, POLICY)
        .with(header::REFERRER_POLICY, "no-referrer")
}

/// A text as HTML shows it, in an element or in a quoted attribute.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_html_reads_is_escaped() {
        assert_eq!(escaped("a<b>&\"c'"), "a&lt;b&gt;&amp;&quot;c&#39;");
        assert_eq!(escaped("xn--bcher-kva.example"), "xn--bcher-kva.example");
    }
}
