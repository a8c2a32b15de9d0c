//! The tables of OpenDKIM: the SigningTable says which key signs for whom, the KeyTable where the keys are (opendkim.conf(5)).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use postroom::name::{DomainName, Selector};

use super::item::{Item, Key, Read};
use super::keyfile;
use crate::command::{Exit, Failure};

/// An entry of the KeyTable: `NAME DOMAIN:SELECTOR:FILE`.
struct Entry<'a> {
    /// The signing domain; `%` is the sender's.
    domain: &'a str,
    selector: &'a str,
    file: PathBuf,
}

pub(super) fn read(key_table: &Path, signing_table: &Path) -> Result<Vec<Read>, Failure> {
    let (keys, signing) = (text(key_table)?, text(signing_table)?);
    let folder = plain(key_table).parent().map(Path::to_owned).unwrap_or_default();
    let mut entries: BTreeMap<&str, Entry<'_>> = BTreeMap::new();
    let mut items = Vec::new();
    for (number, line) in lines(&keys) {
        match entry(line, &folder) {
            Some((name, entry)) => _ = entries.insert(name, entry),
            None => items.push(Read::refused(
                format!("{} line {number}", key_table.display()),
                "it is not NAME DOMAIN:SELECTOR:FILE",
            )),
        }
    }
    // One domain can have several keys, and several patterns lead to one key.
    let mut wanted: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (number, line) in lines(&signing) {
        let what = || format!("{} line {number}", signing_table.display());
        let Some((pattern, name)) = line.split_once(char::is_whitespace) else {
            items.push(Read::refused(what(), "it is not PATTERN NAME"));
            continue;
        };
        let Some(entry) = entries.get(name.trim()) else {
            items.push(Read::refused(what(), format!("the KeyTable has no key \"{}\"", name.trim())));
            continue;
        };
        match domain_of(pattern) {
            Some(sender) => {
                let signing = if entry.domain == "%" { sender } else { entry.domain };
                let names = wanted.entry(signing.to_lowercase()).or_default();
                if !names.contains(&name.trim()) {
                    names.push(name.trim());
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
    items.extend(wanted.iter().map(|(domain, names)| one(domain, names, &entries)));
    Ok(items)
}

fn one(domain: &str, names: &[&str], entries: &BTreeMap<&str, Entry<'_>>) -> Read {
    let item = || {
        let name: DomainName =
            domain.parse().map_err(|reason: postroom::name::InvalidName| reason.to_string())?;
        let mut keys = Vec::new();
        for entry in names.iter().filter_map(|name| entries.get(name)) {
            let selector: Selector = entry
                .selector
                .parse()
                .map_err(|reason| format!("the selector {}: {reason}", entry.selector))?;
            keys.push(Key::new(selector, keyfile::read(&entry.file)?));
        }
        Ok(Item { keys, ..Item::named(name) })
    };
    Read { what: domain.to_owned(), item: item() }
}

/// The domain of a pattern: `example.com`, `*@example.com` or `jo@example.com`. One with another `*` stands for many.
fn domain_of(pattern: &str) -> Option<&str> {
    let domain = pattern.rsplit_once('@').map_or(pattern, |(_, domain)| domain);
    (!domain.contains('*') && !domain.starts_with('.')).then_some(domain)
}

fn entry<'a>(line: &'a str, folder: &Path) -> Option<(&'a str, Entry<'a>)> {
    let (name, value) = line.split_once(char::is_whitespace)?;
    let mut parts = value.trim().splitn(3, ':');
    let (domain, selector, file) = (parts.next()?, parts.next()?, parts.next()?);
    Some((name, Entry { domain: domain.trim(), selector: selector.trim(), file: folder.join(file.trim()) }))
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
