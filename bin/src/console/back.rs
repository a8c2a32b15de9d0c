//! Ways back: the page that holds the form of an address which takes only forms, and the page to which signing in leads.

use crate::wire::RequestPlace;

/// The parameter that names the page to which signing in leads.
pub(super) const BACK: &str = "back";
/// The most octets of such an address: more than any page of the console has.
const MOST_OCTETS: usize = 1024;

/// The page that holds the form which is sent to this path, or the path itself where it is a page.
pub(super) fn page_of(path: &str) -> String {
    let path = path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path);
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match segments[..] {
        ["setup", ..] => "/setup".to_owned(),
        ["console", "sign-out"] => "/console".to_owned(),
        ["console", "domains", "chosen"] => "/console/domains".to_owned(),
        ["console", "domains", name, "check"] => format!("/console/domains/{name}"),
        ["console", "domains", name, "tokens" | "links" | "setup-links", ..] => {
            format!("/console/domains/{name}/access")
        }
        ["console", "domains", name, "rotation", ..] => format!("/console/domains/{name}/keys"),
        ["console", "domains", name, "rename" | "transfer" | "delete"] => {
            format!("/console/domains/{name}/danger")
        }
        ["console", "domains", name, page, _, ..] => format!("/console/domains/{name}/{page}"),
        ["console", "claims", name, _] => format!("/console/claims/{name}"),
        ["console", page @ ("account" | "sessions" | "password" | "accounts" | "sign-in"), _, ..] => {
            format!("/console/{page}")
        }
        _ => path.to_owned(),
    }
}

/// The page to which signing in leads whoever asked for this place.
pub(super) fn of(place: &RequestPlace) -> Option<String> {
    let there = match &place.query {
        _ if !place.is_read => page_of(&place.path),
        Some(query) => format!("{}?{query}", place.path),
        None => place.path.clone(),
    };
    checked(&there).map(str::to_owned)
}

/// An address that a client names as the way back, if it is one of the console's own pages: what could lead elsewhere is none.
pub(super) fn checked(text: &str) -> Option<&str> {
    let path = text.split('?').next().unwrap_or_default();
    let is_plain = |octet: u8| octet.is_ascii_graphic() && !b"\\#\"<>".contains(&octet);
    // A browser takes %2e for a dot, and leaves out a segment before two of them (WHATWG URL, "double-dot path segment").
    let is_whole = !path.contains("//") && !path.contains("..") && !path.to_ascii_lowercase().contains("%2e");
    let is_page = path == "/console" || path.starts_with("/console/");
    // Signing in does not lead to signing in.
    let is_open = ["/console/sign-", "/console/login"].iter().any(|start| path.starts_with(start));
    (text.len() <= MOST_OCTETS && text.bytes().all(is_plain) && is_whole && is_page && !is_open)
        .then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::SURFACE;
    use crate::wire::http::Method;

    /// Whether a path is one of the route's, whose parameters stand for any segment.
    fn is_of(route: &str, path: &str) -> bool {
        let (wanted, given): (Vec<&str>, Vec<&str>) = (route.split('/').collect(), path.split('/').collect());
        let fits = |(wanted, given): (&&str, &&str)| wanted.starts_with('{') || wanted == given;
        wanted.len() == given.len() && wanted.iter().zip(&given).all(fits)
    }

    #[test]
    fn every_address_of_a_form_has_a_page_and_a_page_is_its_own() {
        let pages: Vec<&str> = SURFACE
            .routes
            .iter()
            .filter(|route| route.method == Method::GET)
            .map(|route| route.path)
            .collect();
        for route in SURFACE.routes {
            let path = route.path.replace("{name}", "example.com").replace(['{', '}'], "");
            let page = page_of(&path);
            assert!(pages.iter().any(|known| is_of(known, &page)), "{path}: {page}");
            if route.method == Method::POST && pages.contains(&route.path) {
                assert_eq!(page, path);
            }
        }
        assert_eq!(page_of("/console/domains/example.com/mail/route"), "/console/domains/example.com/mail");
        assert_eq!(
            page_of("/console/domains/example.com/tokens/7/rename"),
            "/console/domains/example.com/access"
        );
    }

    #[test]
    fn the_way_back_is_a_page_of_the_console_and_nothing_else() {
        for own in [
            "/console",
            "/console/domains?q=a&page=2",
            "/console/domains/example.com/mail",
            "/console/help/x?to=//y",
        ] {
            assert_eq!(checked(own), Some(own));
        }
        let long = format!("/console/{}", "x".repeat(MOST_OCTETS));
        for other in [
            "",
            "console",
            "//evil.example",
            "https://evil.example/console",
            "/\\evil.example",
            "/console//evil.example",
            "/console/../setup",
            "/console/%2E%2e/setup",
            "/console/x\\..\\y",
            "/console\r\nSet-Cookie: a=b",
            "/console/x y",
            "/consoles",
            "/setup?link=pru_x",
            "/console/login?link=x",
            "/console/sign-in",
            "/console/sign-out",
            &long,
        ] {
            assert_eq!(checked(other), None, "{other}");
        }
    }
}
