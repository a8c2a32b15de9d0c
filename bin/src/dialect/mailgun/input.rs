//! Inputs: parameters, wherever they stand, and the domain in the path.

use postroom::error::{Entity, Error};
use postroom::name::{DomainName, InvalidName, Selector};

use crate::wire::form::Form;
use crate::wire::shape::Shape;
use crate::wire::{Call, Fault};

/// The word that well-known clients send for a parameter that was left out.
pub(super) const LEFT_OUT: &str = "undefined";
/// A yes or no.
pub(super) const FLAG: Shape = Shape::Text { format: "", least: 1, example: "true" };

/// A fault whose words are all there is to say.
pub(super) fn bad(field: &'static str, text: impl Into<String>) -> Fault {
    Fault::Input { field, reason: text.into(), detail: None }
}

/// A parameter that must be there, and is not empty.
pub(super) fn required<'a>(form: &'a Form, name: &'static str) -> Result<&'a str, Fault> {
    let value = form.get(name).map(str::trim).filter(|value| !value.is_empty());
    value.ok_or_else(|| bad(name, format!("Missing mandatory parameter: {name}")))
}

/// The domain that a parameter names.
pub(super) fn domain(form: &Form, name: &'static str) -> Result<DomainName, Fault> {
    let text = required(form, name)?;
    text.parse().map_err(|reason: InvalidName| bad(name, format!("{name} is no domain name: {reason}")))
}

/// The selector that a parameter names.
pub(super) fn selector(form: &Form, name: &'static str) -> Result<Selector, Fault> {
    parse_selector(required(form, name)?, name)
}

/// A selector in a text.
pub(super) fn parse_selector(text: &str, name: &'static str) -> Result<Selector, Fault> {
    text.trim()
        .parse()
        .map_err(|reason: InvalidName| bad(name, format!("{name} is no DKIM selector: {reason}")))
}

/// A selector that a key is to get: labels of letters, digits and hyphens. One with an underscore, which came to its key in
/// another way, is only found.
pub(super) fn new_selector(selector: Selector, name: &'static str) -> Result<Selector, Fault> {
    if selector.as_str().contains('_') {
        return Err(bad(name, format!("{name} is no DKIM selector: {}", InvalidName::Underscore)));
    }
    Ok(selector)
}

/// A number; one that is too large is the largest that there is.
pub(super) fn number(form: &Form, name: &'static str) -> Option<u64> {
    let text = form.get(name)?.trim();
    let is_number = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// How many items of a list a parameter asks for; `usual` if it says nothing.
pub(super) fn limit(form: &Form, usual: u32, most: u32) -> u32 {
    let asked = number(form, "limit").filter(|limit| *limit > 0);
    asked.map_or(usual, |asked| u32::try_from(asked).unwrap_or(most)).min(most)
}

/// A yes or no, in any of the spellings that clients have.
pub(super) fn flag(text: &str, name: &'static str) -> Result<bool, Fault> {
    let is = |words: &[&str]| words.iter().any(|word| text.trim().eq_ignore_ascii_case(word));
    if is(&["true", "yes", "1", "t", "y", "on"]) {
        Ok(true)
    } else if is(&["false", "no", "0", "f", "n", "off"]) {
        Ok(false)
    } else {
        Err(bad(name, format!("{name} must be true or false")))
    }
}

/// The domain in the path; what is no name names no domain.
pub(super) fn path_domain(call: &Call<'_>) -> Result<DomainName, Fault> {
    call.param("name").parse().map_err(|_| Fault::Library(Error::NotFound(Entity::Domain)))
}

/// The domain and the selector in the path; what is none names no key.
pub(super) fn path_key(call: &Call<'_>) -> Result<(DomainName, Selector), Fault> {
    let nothing = Fault::Library(Error::NotFound(Entity::DkimKey));
    match (call.param("name").parse(), call.param("selector").parse()) {
        (Ok(domain), Ok(selector)) => Ok((domain, selector)),
        _ => Err(nothing),
    }
}

/// A domain that is not there has no keys: what is not found is the key.
pub(super) fn as_key(error: Error) -> Error {
    match error {
        Error::NotFound(_) => Error::NotFound(Entity::DkimKey),
        other => other,
    }
}
