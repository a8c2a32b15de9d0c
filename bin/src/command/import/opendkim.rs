//! The tables of OpenDKIM: the SigningTable says which key signs for whom, the KeyTable where the keys are (opendkim.conf(5)).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use postroom::name::{DomainName, Selector};
use zeroize::Zeroizing;

use super::item::{Item, Key, Read};
use super::keyfile::Place;
use crate::command::{Exit, Failure};

/// An entry of the KeyTable: `NAME DOMAIN:SELECTOR:KEY`.
struct Entry<'a> {
    /// The signing domain; `%` is the sender's.
    domain: &'a str,
    selector: &'a str,
    /// The file of the key, or the key itself; `%` is the sender's domain.
    key: &'a str,
}

/// The keys that a domain signs with, each by its selector.
type Wanted<'a> = Vec<(&'a str, Place)>;

pub(super) fn read(key_table: &Path, signing_table: &Path) -> Result<Vec<Read>, Failure> {
    // The table can have the keys themselves in it.
    let (keys, signing) = (Zeroizing::new(text(key_table)?), text(signing_table)?);
    let folder = plain(key_table).parent().map(Path::to_owned).unwrap_or_default();
    let mut entries: BTreeMap<&str, Entry<'_>> = BTreeMap::new();
    let mut items = Vec::new();
    for (number, line) in lines(&keys) {
        match entry(line) {
            Some((name, entry)) => _ = entries.insert(name, entry),
            None => items.push(Read::refused(
                format!("{} line {number}", key_table.display()),
                "it is not NAME DOMAIN:SELECTOR:FILE",
            )),
        }
    }
    // One domain can have several keys, and several patterns lead to one key.
    let mut wanted: BTreeMap<String, Wanted<'_>> = BTreeMap::new();
    for (number, line) in lines(&signing) {
        let what = || format!("{} line {number}", signing_table.display());
        // What may follow the name is an identity for the signature's i=, which Postroom does not write.
        let ([pattern, name] | [pattern, name, _]) = *line.split_whitespace().collect::<Vec<_>>() else {
            items.push(Read::refused(what(), "it is not PATTERN NAME"));
            continue;
        };
        let Some(entry) = entries.get(name) else {
            items.push(Read::refused(what(), format!("the KeyTable has no key \"{name}\"")));
            continue;
        };
        match domain_of(pattern) {
            Some(sender) => {
                let signing = if entry.domain == "%" { sender } else { entry.domain };
                let keys = wanted.entry(signing.to_lowercase()).or_default();
                let key = (entry.selector, place(entry.key, sender, &folder));
                if !keys.contains(&key) {
                    keys.push(key);
                }
                // It signs with another domain's key, and is a domain none the less.
                wanted.entry(sender.to_lowercase()).or_default();
            }
            None => items.push(Read::refused(
                what(),
                format!("\"{pattern}\" is no single domain; name the domains that it stands for one by one"),
            )),
        }
    }
    items.extend(wanted.into_iter().map(|(domain, keys)| one(domain, keys)));
    Ok(items)
}

fn one(domain: String, keys: Wanted<'_>) -> Read {
    let item = || {
        let name: DomainName =
            domain.parse().map_err(|reason: postroom::name::InvalidName| reason.to_string())?;
        let mut read = Vec::new();
        for (selector, place) in keys {
            let selector: Selector =
                selector.parse().map_err(|reason| format!("the selector {selector}: {reason}"))?;
            read.push(Key { selector, place });
        }
        Ok(Item { keys: read, ..Item::named(name) })
    };
    let item = item();
    Read { what: domain, item }
}

/// Where a key of the KeyTable is, by opendkim.conf(5): in a file, if it begins with `/`, `./` or `../`; else it is the key itself.
/// `%` is the sender's domain. A file beside the table is taken without a `./`, too.
fn place(key: &str, sender: &str, folder: &Path) -> Place {
    let key = Zeroizing::new(key.replace('%', sender));
    let file = folder.join(key.as_str());
    let is_path = ["/", "./", "../"].iter().any(|start| key.starts_with(start));
    if is_path || file.is_file() { Place::File(file) } else { Place::Text(key) }
}

/// The domain of a pattern: `example.com`, `*@example.com` or `jo@example.com`. One with another `*` stands for many.
fn domain_of(pattern: &str) -> Option<&str> {
    let domain = pattern.rsplit_once('@').map_or(pattern, |(_, domain)| domain);
    (!domain.contains('*') && !domain.starts_with('.')).then_some(domain)
}

fn entry(line: &str) -> Option<(&str, Entry<'_>)> {
    let (name, value) = line.split_once(char::is_whitespace)?;
    let mut parts = value.trim().splitn(3, ':').map(str::trim);
    let (domain, selector, key) = (parts.next()?, parts.next()?, parts.next()?);
    Some((name, Entry { domain, selector, key }))
}

/// The lines that say something, with their numbers from 1.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// The path without the kind of table before it, as opendkim.conf has it.
fn plain(table: &Path) -> &Path {
    let text = table.to_str().unwrap_or_default();
    let path = ["refile:", "file:"].iter().find_map(|kind| text.strip_prefix(kind));
    path.map_or(table, Path::new)
}

fn text(table: &Path) -> Result<String, Failure> {
    let file = plain(table);
    fs::read_to_string(file).map_err(|error| {
        let exit = if error.kind() == std::io::ErrorKind::NotFound { Exit::NotThere } else { Exit::Wrong };
        Failure::new(exit, format!("{}: {error}", file.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_one_domain_or_none() {
        for (pattern, domain) in [
            ("example.com", Some("example.com")),
            ("*@example.com", Some("example.com")),
            ("jo@example.com", Some("example.com")),
            ("*", None),
            ("*@*.example.com", None),
            (".example.com", None),
        ] {
            assert_eq!(domain_of(pattern), domain, "{pattern}");
        }
    }
}
