//! A folder of keys as rspamd's module dkim_signing has it: `/var/lib/rspamd/dkim/$domain.$selector.key`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use postroom::name::{DomainName, Selector};

use super::item::{Item, Key, Read};
use super::keyfile::Place;
use crate::command::{Exit, Failure};

/// The endings of files that are keys.
const ENDINGS: [&str; 3] = [".key", ".private", ".pem"];
/// The selector of rspamd where nothing else is set, and so of a file that names none.
const USUAL_SELECTOR: &str = "dkim";

pub(super) fn read(folder: &Path) -> Result<Vec<Read>, Failure> {
    let failed = |error: std::io::Error| {
        let exit = if error.kind() == std::io::ErrorKind::NotFound { Exit::NotThere } else { Exit::Wrong };
        Failure::new(exit, format!("{}: {error}", folder.display()))
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    let mut domains: BTreeMap<DomainName, Vec<(String, PathBuf)>> = BTreeMap::new();
    let mut items = Vec::new();
    for name in names {
        let Some(stem) = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)) else { continue };
        match parts(stem) {
            Ok((domain, selector)) => domains.entry(domain).or_default().push((selector, folder.join(&name))),
            Err(reason) => items.push(Read::refused(name, reason)),
        }
    }
    items.extend(domains.into_iter().map(|(domain, files)| one(domain, &files)));
    Ok(items)
}

/// The domain and the selector of a file, by its name without its ending.
fn parts(stem: &str) -> Result<(DomainName, String), String> {
    if let Some((domain, selector)) = stem.rsplit_once('.')
        && let Ok(domain) = domain.parse()
    {
        return Ok((domain, selector.to_owned()));
    }
    let domain = stem.parse().map_err(|reason| format!("its name is not DOMAIN.SELECTOR: {reason}"))?;
    Ok((domain, USUAL_SELECTOR.to_owned()))
}

fn one(name: DomainName, files: &[(String, PathBuf)]) -> Read {
    let what = name.to_string();
    let item = || {
        let mut keys = Vec::new();
        for (selector, file) in files {
            let parsed: Selector =
                selector.parse().map_err(|reason| format!("the selector {selector}: {reason}"))?;
            keys.push(Key { selector: parsed, place: Place::File(file.clone()) });
        }
        Ok(Item { keys, ..Item::named(name) })
    };
    Read { what, item: item() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_label_of_a_file_is_the_selector_unless_a_domain_would_be_lost() {
        let read = |stem: &str| parts(stem).map(|(domain, selector)| (domain.to_string(), selector));
        assert_eq!(read("example.com.s1"), Ok(("example.com".into(), "s1".into())));
        assert_eq!(read("mail.example.co.uk.s1"), Ok(("mail.example.co.uk".into(), "s1".into())));
        assert_eq!(read("example.com"), Ok(("example.com".into(), "dkim".into())));
        assert!(read("localhost").is_err());
    }
}
