//! Domains that another service names, in a file with its answer or by asking it.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use ureq::Agent;

use super::Service;
use super::item::{Item, Read};
use crate::command::{Exit, Failure};

/// The most octets of one answer.
const MAX_OCTETS: u64 = 64 * 1024 * 1024;
/// How many domains a page is asked for.
const PAGE: usize = 200;
/// The most pages that are asked for: a service that never ends its list does not keep us for ever.
const MOST_PAGES: usize = 10_000;
/// How long one call may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Whose list it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Mailgun,
    Mailpace,
    Mailchannels,
}

impl Kind {
    /// The name of the parameter that skips so many.
    fn offset(self) -> &'static str {
        match self {
            Kind::Mailgun => "skip",
            Kind::Mailpace | Kind::Mailchannels => "offset",
        }
    }

    /// The header field of the credential.
    fn credential(self, key: &str) -> (&'static str, String) {
        match self {
            Kind::Mailgun => ("Authorization", format!("Basic {}", STANDARD.encode(format!("api:{key}")))),
            Kind::Mailpace => ("MailPace-Organization-Token", key.to_owned()),
            Kind::Mailchannels => ("X-API-Key", key.to_owned()),
        }
    }

    /// The list in an answer; none if it is not of this service's shape.
    fn list(self, answer: &Value) -> Option<&Vec<Value>> {
        let member = match self {
            Kind::Mailgun => "items",
            Kind::Mailpace | Kind::Mailchannels => "domains",
        };
        answer.as_array().or_else(|| answer.get(member)?.as_array())
    }

    /// The members of a domain that may have its name, the likeliest first.
    fn names(self) -> &'static [&'static str] {
        match self {
            Kind::Mailgun => &["name", "signing_domain", "authority"],
            // `name` is what the owner calls it.
            Kind::Mailpace => &["url", "domain"],
            Kind::Mailchannels => &["domain"],
        }
    }
}

pub(super) fn read(kind: Kind, service: &Service) -> Result<Vec<Read>, Failure> {
    let source = &service.source;
    let domains = if source.starts_with("http://") || source.starts_with("https://") {
        ask(kind, source, service.key_file.as_deref())?
    } else {
        let octets = whole(Path::new(source))?;
        let answer = serde_json::from_slice(&octets)
            .map_err(|error| Failure::input(format!("{source} is not JSON: {error}")))?;
        list(kind, source, &answer)?.clone()
    };
    let mut items: Vec<Read> = domains.iter().flat_map(|domain| items(kind, domain)).collect();
    // A list of keys names a domain once for each.
    let mut seen = std::collections::HashSet::new();
    items.retain(|read| seen.insert(read.what.to_lowercase()));
    Ok(items)
}

fn list<'a>(kind: Kind, source: &str, answer: &'a Value) -> Result<&'a Vec<Value>, Failure> {
    kind.list(answer).ok_or_else(|| Failure::input(format!("{source} has no list of domains in it")))
}

/// The domain that an entry of the list names, and its aliases.
fn items(kind: Kind, domain: &Value) -> Vec<Read> {
    let name = kind.names().iter().find_map(|member| domain.get(member)?.as_str());
    let Some(name) = name.or_else(|| domain.as_str()) else {
        return vec![Read::refused("an entry of the list", "it names no domain")];
    };
    let mut read = Read::named(name);
    if kind == Kind::Mailpace
        && let (Ok(item), Some(label)) = (&mut read.item, domain.get("name").and_then(Value::as_str))
    {
        item.label = Some(label.to_owned()).filter(|label| !label.is_empty());
    }
    let aliases = domain.get("aliases").and_then(Value::as_array).into_iter().flatten();
    let aliases: Vec<Read> = aliases.filter_map(Value::as_str).map(|alias| alias_of(alias, name)).collect();
    std::iter::once(read).chain(aliases).collect()
}

fn alias_of(alias: &str, domain: &str) -> Read {
    let item = || {
        let name = alias.parse().map_err(|reason: postroom::name::InvalidName| reason.to_string())?;
        let of = domain.parse().map_err(|reason: postroom::name::InvalidName| reason.to_string())?;
        Ok(Item { alias_of: Some(of), ..Item::named(name) })
    };
    Read { what: alias.to_owned(), item: item() }
}

/// Asks for page after page, until one has nothing new.
fn ask(kind: Kind, url: &str, key_file: Option<&Path>) -> Result<Vec<Value>, Failure> {
    let key = match key_file {
        Some(file) => String::from_utf8_lossy(&whole(file)?).trim().to_owned(),
        None => {
            return Err(Failure::input(
                "a URL needs the service's API key: name a file with it by --key-file",
            ));
        }
    };
    let agent: Agent = Agent::config_builder().timeout_global(Some(PATIENCE)).build().into();
    let (field, credential) = kind.credential(&key);
    let mut domains: Vec<Value> = Vec::new();
    for _ in 0..MOST_PAGES {
        let joined = if url.contains('?') { '&' } else { '?' };
        let page = format!("{url}{joined}limit={PAGE}&{}={}", kind.offset(), domains.len());
        let failed = |error: ureq::Error| {
            let exit = match error {
                ureq::Error::StatusCode(401 | 403) => Exit::Refused,
                ureq::Error::StatusCode(404) => Exit::NotThere,
                ureq::Error::StatusCode(429 | 500..) | ureq::Error::Timeout(_) | ureq::Error::Io(_) => {
                    Exit::Busy
                }
                _ => Exit::Wrong,
            };
            Failure::new(exit, format!("{url}: {error}"))
        };
        let mut response = agent.get(&page).header(field, &credential).call().map_err(failed)?;
        let body = response.body_mut().with_config().limit(MAX_OCTETS).read_to_vec().map_err(failed)?;
        let answer: Value = serde_json::from_slice(&body)
            .map_err(|error| Failure::input(format!("{url} does not answer in JSON: {error}")))?;
        let new = list(kind, url, &answer)?;
        // A service that knows no paging gives the same again.
        let is_known = new.first().is_some_and(|first| domains.contains(first));
        if new.is_empty() || is_known {
            break;
        }
        domains.extend(new.iter().cloned());
    }
    Ok(domains)
}

/// A file, as far as it is not endless.
fn whole(file: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| {
        let exit = if error.kind() == std::io::ErrorKind::NotFound { Exit::NotThere } else { Exit::Wrong };
        Failure::new(exit, format!("{}: {error}", file.display()))
    };
    let mut octets = Vec::new();
    File::open(file).and_then(|file| file.take(MAX_OCTETS).read_to_end(&mut octets)).map_err(failed)?;
    Ok(octets)
}
