//! Who sends a message, as lists compare it.

use std::fmt;

use super::item::any_host;
use super::key;
use crate::address::{EmailAddress, decomposed, local_part};

/// The most octets of a domain name; what is longer is no sender's.
const MAX_NAME_OCTETS: usize = 253;
/// The most octets of one in U-labels: an A-label has a character at least for each of them, which is four octets of UTF-8 at most.
const MAX_UNICODE_OCTETS: usize = 4 * MAX_NAME_OCTETS;
/// The most authors of a message about whom lists are asked. Nobody names more but to hide one of them.
pub const MOST_AUTHORS: usize = 20;

/// A sender as a message names it. It need not be an address that mail can be sent to: junk seldom is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The keys of its domain and of its address.
    domain: String,
    address: String,
}

impl Sender {
    /// The sender that a path names, in angle brackets or without, as MAIL FROM has it. None if it names none, as the null
    /// reverse path `<>` does (RFC 5321 section 4.5.5).
    ///
    /// A bracket within it is a character of a quoted local part, and begins no address.
    pub fn parse(text: &str) -> Option<Sender> {
        let text = text.trim();
        let path = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
        // A route is not who sent it (RFC 5321 appendix C).
        let route = path.strip_prefix('@').and_then(|route| route.split_once(':'));
        let (local, domain) = route.map_or(path, |(_, address)| address).rsplit_once('@')?;
        Sender::of(local.trim(), domain.trim())
    }

    /// The authors that the values of From fields name: every mailbox of every field, of groups too (RFC 5322 section 3.4). When
    /// there are more than [`MOST_AUTHORS`], the first ones and one more.
    ///
    /// Fields are read leniently: what some reader of mail would show as an author is one.
    pub fn authors(fields: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<Sender> {
        let mut all = Vec::new();
        for field in fields {
            for mailbox in mailboxes(field.as_ref()) {
                let Some(author) = Sender::author(&mailbox).filter(|author| !all.contains(author)) else {
                    continue;
                };
                all.push(author);
                if all.len() > MOST_AUTHORS {
                    return all;
                }
            }
        }
        all
    }

    /// The author that this text of a mailbox names.
    fn author(mailbox: &str) -> Option<Sender> {
        let (local, domain) = address(mailbox)?;
        Sender::of(local, &domain)
    }

    fn of(local: &str, domain: &str) -> Option<Sender> {
        if domain.len() > MAX_UNICODE_OCTETS {
            return None;
        }
        // No entry has a NUL, and PostgreSQL refuses a text with one. The rest of such a sender still counts.
        let [local, domain] = [local, domain].map(|part| part.replace('\0', "\u{fffd}"));
        let (local, domain) = (local.as_str(), domain.as_str());
        let domain = any_host(domain).unwrap_or_else(|| domain.trim_end_matches('.').to_ascii_lowercase());
        if domain.is_empty() || domain.len() > MAX_NAME_OCTETS {
            return None;
        }
        let local = local_part(local).unwrap_or_else(|_| local.to_owned());
        Some(Sender { address: key::of_address(&local, &domain), domain: key::of_domain(&domain) })
    }

    /// The keys of every item that matches it.
    pub(super) fn keys(&self, keys: &mut Vec<String>) {
        let ends = self.domain.match_indices('.').map(|(at, _)| at);
        keys.extend(ends.filter_map(|at| self.domain.get(..=at)).map(str::to_owned));
        keys.extend([self.domain.clone(), format!("{}.", self.domain), self.address.clone()]);
        if !self.address.is_ascii() {
            keys.push(decomposed(&self.address));
        }
    }

    pub(super) fn matches(&self, key: &str) -> bool {
        if let Some(top) = key.strip_suffix('.') {
            return self
                .domain
                .strip_prefix(top)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        }
        key == self.domain || key == self.address || (!key.is_ascii() && key == decomposed(&self.address))
    }
}

impl From<&EmailAddress> for Sender {
    fn from(address: &EmailAddress) -> Sender {
        let domain = address.domain().as_str();
        Sender { address: key::of_address(address.local(), domain), domain: key::of_domain(domain) }
    }
}

impl fmt::Display for Sender {
    /// Its address, in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.address.get(self.domain.len() + 1..).unwrap_or_default();
        let domain: Vec<&str> = self.domain.rsplit('.').collect();
        write!(f, "{local}@{}", domain.join("."))
    }
}

/// The address of the first mailbox in the value of a From field, as it is written there but for comments and white space around its parts.
#[cfg(feature = "messages")]
pub(crate) fn first_author(field: &str) -> Option<String> {
    let mailboxes = mailboxes(field);
    let mut addresses = mailboxes.iter().filter_map(|mailbox| address(mailbox));
    let (local, domain) = addresses.find(|(local, domain)| Sender::of(local, domain).is_some())?;
    Some(format!("{local}@{domain}"))
}

/// The local part and the domain that this text of a mailbox names. White space around a dot or the `@` is of the obsolete syntax (RFC 5322
/// section 4.4); words beside the address are of none.
fn address(mailbox: &str) -> Option<(&str, String)> {
    let (local, domain) = mailbox.rsplit_once('@')?;
    let local = local.trim();
    let is_quoted = local.ends_with('"');
    let local = if is_quoted { local } else { local.split_whitespace().next_back().unwrap_or_default() };
    let domain = domain.split('.').map(str::trim).collect::<Vec<_>>().join(".");
    Some((local, domain.split_whitespace().next().unwrap_or_default().to_owned()))
}

/// The texts of the mailboxes in the value of a From field, without comments and display names. A group's name is among them, in case it is
/// an address. What is left open ends with the value.
fn mailboxes(value: &str) -> Vec<String> {
    let (mut all, mut bare, mut angle) = (Vec::new(), String::new(), None::<String>);
    let (mut has_angle, mut quotes, mut comments) = (false, true, true);
    let mut rest = value;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        // What has no end is neither a quoted string nor a comment; then nor is what begins so behind it, and no octet is searched again.
        let span = match c {
            '"' if quotes => quoted_octets(after),
            '(' if comments => comment_octets(after),
            _ => None,
        };
        quotes &= c != '"' || span.is_some();
        comments &= c != '(' || span.is_some();
        let (text, after) = rest.split_at_checked(c.len_utf8() + span.unwrap_or(0)).unwrap_or((rest, ""));
        rest = after;
        match (c, &mut angle) {
            ('(', _) if span.is_some() => {}
            ('<', _) => all.extend(angle.replace(String::new())),
            ('>', Some(_)) => {
                all.extend(angle.take());
                has_angle = true;
            }
            // It ends a route.
            (':', Some(address)) if address.trim_start().starts_with('@') => address.clear(),
            (_, Some(address)) => address.push_str(text),
            (',' | ';' | ':', None) => {
                let mailbox = std::mem::take(&mut bare);
                if !std::mem::take(&mut has_angle) {
                    all.push(mailbox);
                }
            }
            (_, None) => bare.push_str(text),
        }
    }
    has_angle |= angle.is_some();
    all.extend(angle);
    if !has_angle {
        all.push(bare);
    }
    all
}

/// How many octets a quoted string has behind its first quote; none if it has no end.
fn quoted_octets(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    let end = text.bytes().position(|octet| {
        let is_plain = !std::mem::take(&mut is_escaped);
        is_escaped = octet == b'\\' && is_plain;
        octet == b'"' && is_plain
    });
    end.map(|end| end + 1)
}

/// How many octets a comment has behind its first parenthesis; none if it has no end.
fn comment_octets(text: &str) -> Option<usize> {
    let (mut is_escaped, mut depth) = (false, 1_usize);
    let end = text.bytes().position(|octet| {
        if !std::mem::take(&mut is_escaped) {
            match octet {
                b'\\' => is_escaped = true,
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
        }
        depth == 0
    });
    end.map(|end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_sender_in_u_labels_is_the_one_in_a_labels() {
        assert_eq!(Sender::parse("jo@B\u{fc}cher.example"), Sender::parse("jo@xn--bcher-kva.example"));
    }

    #[test]
    fn a_sender_has_a_domain_that_is_neither_empty_nor_too_long() {
        let long = |octets: usize| format!("jo@{}", "x".repeat(octets));
        assert_eq!(Sender::parse("jo@"), None);
        assert_eq!(Sender::parse(&long(MAX_NAME_OCTETS + 1)), None);
        assert!(Sender::parse(&long(MAX_NAME_OCTETS)).is_some());
    }

    #[test]
    fn a_path_is_at_the_domain_behind_its_last_at_whatever_is_quoted_in_it() {
        for (path, wanted) in [
            ("jo@b.example", Some("jo@b.example")),
            (" <Jo@B.Example> ", Some("jo@b.example")),
            (r#""<jo@friend.example>"@bad.example"#, Some(r#""<jo@friend.example>"@bad.example"#)),
            (r#"<"<>"@bad.example>"#, Some(r#""<>"@bad.example"#)),
            (r#""a<b"@bad.example"#, Some(r#""a<b"@bad.example"#)),
            ("<@relay.example,@b.example:jo@bad.example>", Some("jo@bad.example")),
            ("<>", None),
            ("", None),
        ] {
            assert_eq!(Sender::parse(path).map(|sender| sender.to_string()).as_deref(), wanted, "{path}");
        }
    }

    #[test]
    fn every_mailbox_of_a_from_field_is_an_author() {
        for (value, wanted) in [
            ("a@bad.example", &["a@bad.example"][..]),
            ("A <a@bad.example>", &["a@bad.example"]),
            ("a@bad.example (Jo)", &["a@bad.example"]),
            ("A <a@bad.example> (see <x@ok.example>)", &["a@bad.example"]),
            (r#""x@ok.example, <y@ok.example>" <a@bad.example>"#, &["a@bad.example"]),
            ("x@ok.example <a@bad.example>", &["a@bad.example"]),
            ("Group: a@bad.example;", &["a@bad.example"]),
            (
                "Group: A <a@bad.example>, b@ok.example;, c@c.example",
                &["a@bad.example", "b@ok.example", "c@c.example"],
            ),
            ("x@bad.example: b@ok.example;", &["x@bad.example", "b@ok.example"]),
            ("<a@bad.example>, <b@ok.example>", &["a@bad.example", "b@ok.example"]),
            ("a@bad.example, b@ok.example, A@bad.example", &["a@bad.example", "b@ok.example"]),
            (r#"<"<>"@bad.example>"#, &[r#""<>"@bad.example"#]),
            (r#""a b"@bad.example"#, &[r#""a b"@bad.example"#]),
            ("<@ok.example:a@bad.example>", &["a@bad.example"]),
            ("a @ bad . example (Jo)", &["a@bad.example"]),
            ("Jo a@bad.example", &["a@bad.example"]),
            ("a@bad.example.", &["a@bad.example"]),
            ("A <b@ok.example <a@bad.example>", &["b@ok.example", "a@bad.example"]),
            ("A <a@bad.example", &["a@bad.example"]),
            (r#""A <a@bad.example>"#, &["a@bad.example"]),
            ("(A <a@bad.example>", &["a@bad.example"]),
            ("nobody", &[]),
            ("Group:;", &[]),
        ] {
            let found: Vec<String> = Sender::authors([value]).iter().map(ToString::to_string).collect();
            assert_eq!(found, wanted, "{value}");
        }
        assert_eq!(Sender::authors(["a@bad.example", "b@ok.example"]).len(), 2, "two fields");
        let many: Vec<String> = (0..100).map(|at| format!("a{at}@b.example")).collect();
        assert_eq!(Sender::authors(&many).len(), MOST_AUTHORS + 1);
    }

    proptest! {
        #[test]
        fn any_from_field_is_read_without_a_panic(value in "[a-c@.,:;<>()\"\\\\ \u{f6}]{0,40}") {
            for sender in Sender::authors([&value]).into_iter().chain(Sender::parse(&value)) {
                let _ = sender.to_string();
            }
        }
    }
}
