//! Who a message says it is from: the domain of the first mailbox in its From field (RFC 5322 section 3.4, RFC 6854).
//!
//! Strict, where readers of mail are lenient: what one of them could show as another's address gets no signature. So there is no obsolete
//! route, and a group's name has nothing in it that an address has.

use crate::name::DomainName;

/// What stands for a quoted string: in a local part it is as good as any atom, elsewhere it does not matter.
const QUOTED: char = 'q';

/// The domain of the first mailbox in the value of a From field; none if there is no mailbox, or no mail domain in it.
///
/// With several mailboxes the first one counts, which is shown first; what to make of the others is left to the receiver.
pub(super) fn domain(value: &str) -> Option<DomainName> {
    let bare = without_comments(value)?;
    mailboxes(&bare)?.first().and_then(|mailbox| domain_of(mailbox))
}

/// The domain of each mailbox in the value of a From field; none if there is no mailbox, or one without a mail domain.
pub(super) fn domains(value: &str) -> Option<Vec<DomainName>> {
    let bare = without_comments(value)?;
    let domains: Vec<DomainName> = mailboxes(&bare)?.into_iter().map(domain_of).collect::<Option<_>>()?;
    (!domains.is_empty()).then_some(domains)
}

fn domain_of(mailbox: &str) -> Option<DomainName> {
    let address = match mailbox.split_once('<') {
        // Display names end where the address begins, and nothing stands behind it (RFC 5322 section 3.4).
        Some((name, rest)) if !name.contains(['@', '>']) => rest.trim_end().strip_suffix('>')?,
        Some(_) => return None,
        None => mailbox,
    };
    // The obsolete route, `@a,@b:` (RFC 5322 section 4.4), has no local part: some readers show its first domain.
    let (local, domain) = address.split_once('@')?;
    let is_local = !local.trim().is_empty() && !local.trim().contains([' ', '<', '>', ':']);
    // White space around the `@` is allowed; within a domain only the obsolete syntax has it, and it is refused.
    is_local.then(|| domain.trim().parse().ok()).flatten()
}

/// The mailboxes of a list or a group, without what is empty. None if a group's name could be read as an address, as that of
/// `boss@bank.example: jo@example.com;`, or as more than one name.
fn mailboxes(bare: &str) -> Option<Vec<&str>> {
    // A group is `name: mailboxes;`. A colon within angle brackets is of a route.
    let (before, _) = bare.split_once('<').unwrap_or((bare, ""));
    let list = match before.split_once(':') {
        Some((name, _)) if name.contains(['@', '>', ',', ';']) => return None,
        Some((name, _)) => bare.get(name.len() + 1..).unwrap_or(""),
        None => bare,
    };
    let mut within = false;
    let parts = list.split(move |c| {
        match c {
            '<' => within = true,
            '>' => within = false,
            _ => {}
        }
        matches!(c, ',' | ';') && !within
    });
    Some(parts.filter(|text| !text.trim().is_empty()).collect())
}

/// Without comments, with any white space as a space and any quoted string as [`QUOTED`]; none if one is left open.
fn without_comments(value: &str) -> Option<String> {
    let mut bare = String::new();
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '(' => {
                let mut depth = 1;
                while depth > 0 {
                    match chars.next()? {
                        '\\' => _ = chars.next()?,
                        '(' => depth += 1,
                        ')' => depth -= 1,
                        _ => {}
                    }
                }
                bare.push(' ');
            }
            '"' => {
                loop {
                    match chars.next()? {
                        '\\' => _ = chars.next()?,
                        '"' => break,
                        _ => {}
                    }
                }
                bare.push(QUOTED);
            }
            // As a CR alone: some take it for a line's end.
            '\r' if !chars.as_str().starts_with('\n') => return None,
            '\r' | '\n' | '\t' | ' ' => bare.push(' '),
            // A backslash has a meaning only within quotes and comments: elsewhere some take the next quote for none.
            '\\' => return None,
            c if c.is_control() => return None,
            c => bare.push(c),
        }
    }
    Some(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_is_that_of_the_first_mailbox() {
        for (value, wanted) in [
            (" jo@example.com", "example.com"),
            ("jo@Example.COM", "example.com"),
            ("Jo Example <jo@example.com>", "example.com"),
            ("=?utf-8?q?J=C3=B6?= <jo@example.com>", "example.com"),
            ("J\u{f6} <j\u{f6}@b\u{fc}cher.de>", "xn--bcher-kva.de"),
            ("\"a@evil.example, b\" <jo@example.com>", "example.com"),
            ("\"quoted \\\" <x@evil.example>\"\r\n\t<jo@example.com>", "example.com"),
            ("Jo (of <x@evil.example>, (really)) <jo@example.com> (work)", "example.com"),
            ("(comment) jo@example.com (Jo)", "example.com"),
            ("\"jo@x\"@example.com", "example.com"),
            ("jo @ example.com", "example.com"),
            ("A Group: jo@example.com, b@example.org;", "example.com"),
            ("A Group: Jo <jo@example.com>;", "example.com"),
            ("jo@example.com, b@example.org", "example.com"),
            (", Jo <jo@sub.example.com>, b@example.org", "sub.example.com"),
        ] {
            assert_eq!(domain(value).map(|d| d.to_string()).as_deref(), Some(wanted), "{value}");
        }
    }

    #[test]
    fn every_mailbox_has_its_domain_and_one_without_spoils_them_all() {
        for (value, wanted) in [
            ("jo@example.com", Some(&["example.com"][..])),
            ("A <jo@example.com>, \"x@y\" <b@example.org>", Some(&["example.com", "example.org"])),
            ("A Group: Jo <jo@example.com>, b@example.org;", Some(&["example.com", "example.org"])),
            ("A: jo@example.com;, B: <b@example.org>;", Some(&["example.com", "example.org"])),
            ("A: jo@example.com;, B: b@example.org;", None),
            ("jo@example.com, nobody", None),
            ("jo@example.com <b@evil.example>", None),
            ("A Group:;", None),
            ("\"boss@bank.example\": jo@example.com;", Some(&["example.com"])),
            ("boss@bank.example: jo@example.com;", None),
            ("x\" \" boss@bank.example: jo@example.com;", None),
            ("<boss@bank.example>: jo@example.com;", None),
            ("A: jo@example.com;, boss@bank.example: jo@example.com;", None),
            ("A: boss@bank.example: jo@example.com;", None),
            ("jo, A: jo@example.com;", None),
            ("<@bank.example:jo@example.com>", None),
            ("Boss <@bank.example,@b.example:jo@example.com>", None),
            ("\\\"<boss@bank.example>\" <jo@example.com>", None),
            ("a\\b <jo@example.com>", None),
        ] {
            let found = domains(value);
            let found = found.as_ref().map(|names| names.iter().map(DomainName::as_str).collect::<Vec<_>>());
            assert_eq!(found.as_deref(), wanted, "{value}");
        }
    }

    #[test]
    fn what_has_no_one_reading_has_no_domain() {
        for value in [
            "",
            "Jo",
            "jo@",
            "@example.com",
            "jo@localhost",
            "jo@[192.0.2.1]",
            "undisclosed:;",
            "jo@example.com b@evil.example",
            "jo jo@example.com",
            "jo@example.com@evil.example",
            "jo@example.com <b@evil.example>",
            "<jo@example.com> <b@evil.example>",
            "<jo@example.com> b@evil.example",
            "Jo <jo@example.com",
            "Jo (open <jo@example.com>",
            "\"Jo <jo@example.com>",
            "jo@exa mple.com",
            "a\rb <jo@example.com>",
            "Jo <>",
            "<@relay.example.net,@b.example:jo@example.com>",
            "boss@bank.example: jo@example.com;",
        ] {
            assert_eq!(domain(value), None, "{value}");
        }
    }
}
