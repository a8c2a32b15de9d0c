//! Paging through keys: which part of the list a request asks for, and the links to its neighbours.
//!
//! A link carries what the list was filtered by, and no limit: clients bring their own to each page.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postroom::id::{DkimKeyId, DomainId};
use postroom::keyring::{Cursor, Window};
use postroom::name::{DomainName, Selector};
use serde_json::{Value, json};

use super::input::limit;
use crate::wire::form::Form;
use crate::wire::shape::{Shape, URL, has};

/// What [`Paging::json`] writes.
pub(super) const PAGING: Shape = Shape::object(
    "Paging",
    &[&[has("first", URL), has("last", URL), has("next", URL), has("previous", URL)]],
);

const USUAL_LIMIT: u32 = 10;
const MOST: u32 = 100;

/// What a request for a list asks for. What cannot be read is as if it were not there.
pub(super) struct Asked {
    /// The domain and the selector to filter by; none if one of the two can be nobody's.
    pub(super) filter: Option<(Option<DomainName>, Option<Selector>)>,
    /// The two filters in the words of the request.
    texts: (String, String),
    pub(super) window: Window,
    pub(super) limit: u32,
}

impl Asked {
    pub(super) fn read(form: &Form) -> Asked {
        let token = form.get("page").and_then(Token::parse).unwrap_or_default();
        let text = |name, paged: String| {
            let asked = form.get(name).map(str::trim).filter(|text| !text.is_empty());
            asked.map_or(paged, str::to_owned)
        };
        let texts = (text("signing_domain", token.domain), text("selector", token.selector));
        Asked {
            filter: filter(&texts.0, &texts.1),
            texts,
            window: token.window,
            limit: limit(form, USUAL_LIMIT, MOST),
        }
    }

    fn token(&self, window: Window) -> String {
        Token { window, domain: self.texts.0.clone(), selector: self.texts.1.clone() }.text()
    }
}

fn filter(domain: &str, selector: &str) -> Option<(Option<DomainName>, Option<Selector>)> {
    let domain = if domain.is_empty() { None } else { Some(domain.parse().ok()?) };
    let selector = if selector.is_empty() { None } else { Some(selector.parse().ok()?) };
    Some((domain, selector))
}

/// A place in a list with its filter, as it stands in a link.
struct Token {
    window: Window,
    domain: String,
    selector: String,
}

impl Default for Token {
    fn default() -> Token {
        Token { window: Window::After(None), domain: String::new(), selector: String::new() }
    }
}

impl Token {
    /// `a` or `b`, for after or before; the place, if it is not the list's end; the filter.
    fn text(&self) -> String {
        let (word, cursor) = match self.window {
            Window::After(cursor) => ("a", cursor),
            Window::Before(cursor) => ("b", cursor),
        };
        let place = cursor.map(|cursor| format!("{}.{}", cursor.domain, cursor.key)).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(format!("{word}\n{place}\n{}\n{}", self.domain, self.selector))
    }

    fn parse(text: &str) -> Option<Token> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text.trim()).ok()?).ok()?;
        let mut lines = text.splitn(4, '\n');
        let (word, place) = (lines.next()?, lines.next()?);
        let cursor = match place.split_once('.') {
            Some((domain, key)) => Some(Cursor {
                domain: DomainId::new(domain.parse().ok()?),
                key: DkimKeyId::new(key.parse().ok()?),
            }),
            None => None,
        };
        let window = match word {
            "a" => Window::After(cursor),
            "b" => Window::Before(cursor),
            _ => return None,
        };
        Some(Token { window, domain: lines.next()?.to_owned(), selector: lines.next()?.to_owned() })
    }
}

/// The links around a page.
pub(super) struct Paging {
    first: String,
    last: String,
    next: String,
    previous: String,
}

impl Paging {
    /// Past either end there is a page without items: some clients stop at nothing else.
    pub(super) fn around(asked: &Asked, ends: Option<(Cursor, Cursor)>) -> Paging {
        let (next, previous) = match (asked.window, ends) {
            (_, Some((first, last))) => (Window::After(Some(last)), Window::Before(Some(first))),
            (Window::After(cursor), None) => (Window::After(cursor), Window::Before(None)),
            (Window::Before(cursor), None) => (Window::After(None), Window::Before(cursor)),
        };
        Paging {
            first: asked.token(Window::After(None)),
            last: asked.token(Window::Before(None)),
            next: asked.token(next),
            previous: asked.token(previous),
        }
    }

    pub(super) fn json(&self, base_url: &str) -> Value {
        let url = |token: &str| format!("{base_url}/v1/dkim/keys?page={token}");
        json!({
            "first": url(&self.first), "last": url(&self.last),
            "next": url(&self.next), "previous": url(&self.previous),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_as_it_was_written_and_anything_else_as_none() {
        let cursor = Cursor { domain: DomainId::new(7), key: DkimKeyId::new(42) };
        for window in [Window::After(None), Window::Before(None), Window::After(Some(cursor))] {
            let token = Token { window, domain: "example.com".to_owned(), selector: "s1".to_owned() };
            let read = Token::parse(&token.text()).unwrap();
            assert_eq!((read.window, read.domain, read.selector), (window, token.domain, token.selector));
        }
        for bad in ["", "string", "1", "....", "YQ", &URL_SAFE_NO_PAD.encode("c\n\n\n"), "YQp4LnkKCg"] {
            assert!(Token::parse(bad).is_none(), "{bad}");
        }
    }
}
