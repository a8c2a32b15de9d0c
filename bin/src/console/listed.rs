//! What a list on a page is asked for: in the query of the page, and in a field of the forms on it, so that whatever is done leads back
//! to the same part of the list.

use std::fmt::Display;

use maud::{Markup, html};

use super::form::Refused;
use super::part::encoded;
use crate::wire::form::Form;
use crate::wire::{Call, SignedIn};

/// The field of a form that carries what the list was asked for on whose page it stood.
pub(super) const LIST: &str = "list";
/// The parameter that has the number of the page.
pub(super) const PAGE: &str = "page";
/// The last page that can be asked for by its number.
const LAST_PAGE: u64 = 1_000_000;
/// The most characters of one value: as many as an address of mail may have.
const MOST_CHARS: usize = 320;

/// The parameters that have a value, of those that the list knows.
#[derive(Clone)]
pub(super) struct Listed(Vec<(&'static str, String)>);

impl Listed {
    /// What the page is asked for, or the form on it that was not accepted.
    pub(super) fn of(call: &Call<'_, SignedIn>, refused: Option<&Refused>, known: &[&'static str]) -> Listed {
        let query = match refused {
            Some(refused) => refused.entered(LIST),
            None => call.request.query.as_deref(),
        };
        Listed::read(query.unwrap_or_default(), known)
    }

    /// What the list was asked for on whose page the form stood.
    pub(super) fn of_form(form: &Form, known: &[&'static str]) -> Listed {
        Listed::read(form.get(LIST).unwrap_or_default(), known)
    }

    /// From the text of a query, in which nothing but the known parameters counts.
    pub(super) fn read(query: &str, known: &[&'static str]) -> Listed {
        let value = |wanted: &'static str| {
            let all = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == wanted);
            let value: String = all.last()?.1.trim().chars().take(MOST_CHARS).collect();
            (!value.is_empty()).then_some((wanted, value))
        };
        Listed(known.iter().filter_map(|name| value(name)).collect())
    }

    /// The value of a parameter, if it has one.
    pub(super) fn get(&self, wanted: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_str())
    }

    /// The number of the page, from 1 on.
    pub(super) fn page(&self) -> u64 {
        self.get(PAGE).and_then(|page| page.parse().ok()).unwrap_or(1).clamp(1, LAST_PAGE)
    }

    /// The list with another value of one parameter.
    pub(super) fn with(&self, wanted: &'static str, value: impl Display) -> Listed {
        let mut other = self.without(wanted);
        other.0.push((wanted, value.to_string()));
        other
    }

    /// The list without one parameter.
    pub(super) fn without(&self, wanted: &str) -> Listed {
        Listed(self.0.iter().filter(|(name, _)| *name != wanted).cloned().collect())
    }

    /// The query of the address, with its question mark, if there is anything in it.
    pub(super) fn query(&self) -> String {
        let text = self.text();
        if text.is_empty() { text } else { format!("?{text}") }
    }

    fn text(&self) -> String {
        let pairs: Vec<String> =
            self.0.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        pairs.join("&")
    }

    /// The parameter by which the page of one entry leads back here, after other parameters.
    pub(super) fn carried(&self) -> String {
        if self.0.is_empty() { String::new() } else { format!("&{LIST}={}", encoded(&self.text())) }
    }

    /// The field by which a form leads back here.
    pub(super) fn field(&self) -> Markup {
        html! { @if !self.0.is_empty() { input type="hidden" name=(LIST) value=(self.text()); } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_list_knows_is_read_and_it_is_encoded_anew() {
        let known = ["mailbox", PAGE];
        let listed = Listed::read("page=2&page=3&mailbox=a%26b%0d@example.com&x=1", &known);
        assert_eq!((listed.get("mailbox"), listed.page()), (Some("a&b\r@example.com"), 3));
        assert_eq!(listed.query(), "?mailbox=a%26b%0D%40example.com&page=3");
        assert_eq!(listed.with(PAGE, 4).query(), "?mailbox=a%26b%0D%40example.com&page=4");
        assert_eq!(listed.without("mailbox").query(), "?page=3");
        for (query, page) in
            [("", 1), ("page=", 1), ("page=x", 1), ("page=0", 1), ("page=99999999", LAST_PAGE)]
        {
            assert_eq!(Listed::read(query, &known).page(), page, "{query}");
        }
        assert_eq!(Listed::read("x=1", &known).query(), "");
    }
}
