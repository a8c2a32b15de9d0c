//! Where a webhook may be: https, at a public address, without credentials in the URL.
//!
//! Twice is looked: here when it is saved, and again by whoever connects, who must connect to the very address
//! that [`WebhookUrl::vet`] let through (a name can change its addresses between the two).

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use super::public_address::is_public;
use crate::dns::{Outcome, Question, RecordData, RecordType, Resolver};
use crate::name::DnsName;

/// The most octets of a webhook's URL.
const MAX_OCTETS: usize = 2048;

/// A URL that a webhook may have, as far as that can be told without asking the DNS.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(String);

/// A webhook's URL whose host led to public addresses only, when it was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VettedUrl {
    url: WebhookUrl,
    addresses: Vec<IpAddr>,
}

impl WebhookUrl {
    /// Reads a URL by the rules of the WHATWG, as those who send requests do. `loopback_http` allows http to loopback.
    pub fn parse(text: &str, loopback_http: bool) -> Result<WebhookUrl, InvalidWebhook> {
        if text.len() > MAX_OCTETS {
            return Err(InvalidWebhook::TooLong);
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(InvalidWebhook::NotUrl);
        }
        let url = Url::parse(text).map_err(|_| InvalidWebhook::NotUrl)?;
        let loopback = loopback_http && is_loopback(&url);
        if url.scheme() != "https" && !(loopback && url.scheme() == "http") {
            return Err(InvalidWebhook::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidWebhook::UserInfo);
        }
        match url.host() {
            None => return Err(InvalidWebhook::NotUrl),
            Some(Host::Ipv4(address)) if !loopback && !is_public(address.into()) => {
                return Err(InvalidWebhook::Special(address.into()));
            }
            Some(Host::Ipv6(address)) if !loopback && !is_public(address.into()) => {
                return Err(InvalidWebhook::Special(address.into()));
            }
            Some(Host::Domain(name)) if !loopback => check_host(name)?,
            Some(_) => {}
        }
        let mut url = url;
        url.set_fragment(None);
        Ok(WebhookUrl(url.into()))
    }

    /// A URL that was parsed before it was stored.
    pub(crate) fn stored(text: String) -> WebhookUrl {
        WebhookUrl(text)
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Looks its host up, and refuses it if that leads to an address which is not public.
    ///
    /// When the DNS is in temporary trouble it is let through, without addresses: who connects looks again.
    pub fn vet(self, resolver: &dyn Resolver) -> Result<VettedUrl, InvalidWebhook> {
        let url = Url::parse(&self.0).map_err(|_| InvalidWebhook::NotUrl)?;
        let name = match url.host() {
            Some(Host::Domain(name)) if !is_loopback(&url) => DnsName::from_answer(name),
            Some(Host::Ipv4(address)) => return Ok(VettedUrl { url: self, addresses: vec![address.into()] }),
            Some(Host::Ipv6(address)) => return Ok(VettedUrl { url: self, addresses: vec![address.into()] }),
            _ => return Ok(VettedUrl { url: self, addresses: Vec::new() }),
        };
        let questions = [RecordType::A, RecordType::Aaaa].map(|kind| Question::new(name.clone(), kind));
        let outcomes: Vec<Outcome> =
            resolver.lookup_all(&questions).into_iter().map(|answer| answer.outcome).collect();
        let addresses: Vec<IpAddr> = outcomes.iter().flat_map(Outcome::records).filter_map(address).collect();
        if let Some(special) = addresses.iter().find(|address| !is_public(**address)) {
            return Err(InvalidWebhook::Special(*special));
        }
        if addresses.is_empty() && !outcomes.iter().any(Outcome::is_temporary) {
            return Err(InvalidWebhook::Unresolvable);
        }
        Ok(VettedUrl { url: self, addresses })
    }
}

impl VettedUrl {
    /// The addresses that its host has, all public; none where the DNS was in temporary trouble.
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    pub(crate) fn into_url(self) -> WebhookUrl {
        self.url
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for WebhookUrl {
    /// Paths and queries of webhooks often carry a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookUrl[redacted]")
    }
}

/// A name that can lead to the public at all: not one of those that a machine or its network keeps for itself.
fn check_host(name: &str) -> Result<(), InvalidWebhook> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let top = name.rsplit('.').next().unwrap_or_default();
    // RFC 6761, RFC 6762, RFC 8375, RFC 9476, and the one that ICANN set aside for private use.
    let special = matches!(
        top,
        "localhost" | "local" | "invalid" | "test" | "onion" | "alt" | "internal" | "lan" | "home"
    ) || name == "home.arpa"
        || name.ends_with(".home.arpa");
    if special || !name.contains('.') || name.parse::<DnsName>().is_err() {
        return Err(InvalidWebhook::PrivateName);
    }
    Ok(())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn address(record: &RecordData) -> Option<IpAddr> {
    match record {
        RecordData::A(address) => Some((*address).into()),
        RecordData::Aaaa(address) => Some((*address).into()),
        _ => None,
    }
}

/// Why a URL cannot be a webhook's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidWebhook {
    /// It is no URL.
    #[error("it is not a URL")]
    NotUrl,
    /// It is too long.
    #[error("it is longer than 2048 octets")]
    TooLong,
    /// It is not https.
    #[error("it is not https")]
    Scheme,
    /// It carries a user name or a password.
    #[error("it has a user name or a password in it")]
    UserInfo,
    /// Its host is, or leads to, an address that is not public.
    #[error("its host leads to {0}, which is not a public address")]
    Special(IpAddr),
    /// Its host is a name that no public DNS has.
    #[error("its host is not a public name")]
    PrivateName,
    /// Its host is not in the DNS.
    #[error("its host does not resolve to an address")]
    Unresolvable,
}

crate::error::invalid_input!(InvalidWebhook, "webhook_url");
