//! Where a webhook may be: https, at an address that the egress policy admits, without credentials in the URL.
//!
//! Twice is looked: when it is saved, by [`WebhookUrl::vet`], and again by whoever connects, by
//! [`WebhookUrl::addresses_now`], who must connect to the very address that was let through (a name can change its addresses
//! between the two).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::dns::{Resolver, vet_hosts};
use crate::egress::{EgressPolicy, Network, NotAdmitted, VettedAddresses};
use crate::name::DnsName;

/// The most octets of a webhook's URL.
const MAX_OCTETS: usize = 2048;

/// What a webhook may lead to.
#[derive(Clone, Copy, Debug)]
pub struct WebhookRules<'a> {
    /// Which addresses may be reached.
    pub policy: &'a EgressPolicy,
    /// Whether it may be http to this machine itself.
    pub loopback_http: bool,
}

impl WebhookRules<'_> {
    fn allow_loopback(self, url: &Url) -> bool {
        self.loopback_http && is_loopback(url)
    }
}

/// A URL that a webhook may have, as far as that can be told without asking the DNS.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(String);

/// A webhook's URL whose host led to no address that may not be reached, when it was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VettedUrl {
    url: WebhookUrl,
    addresses: Option<VettedAddresses>,
}

impl WebhookUrl {
    /// Reads a URL by the rules of the WHATWG, as those who send requests do.
    pub fn parse(text: &str, rules: WebhookRules<'_>) -> Result<WebhookUrl, InvalidWebhook> {
        if text.len() > MAX_OCTETS {
            return Err(InvalidWebhook::TooLong);
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(InvalidWebhook::NotUrl);
        }
        let url = Url::parse(text).map_err(|_| InvalidWebhook::NotUrl)?;
        let loopback = rules.allow_loopback(&url);
        if url.scheme() != "https" && !(loopback && url.scheme() == "http") {
            return Err(InvalidWebhook::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidWebhook::UserInfo);
        }
        if url.port() == Some(0) {
            return Err(InvalidWebhook::Port);
        }
        match url.host() {
            None => return Err(InvalidWebhook::NotUrl),
            Some(Host::Ipv4(address)) if !loopback && !rules.policy.admits(address.into()) => {
                return Err(InvalidWebhook::Special(address.into()));
            }
            Some(Host::Ipv6(address)) if !loopback && !rules.policy.admits(address.into()) => {
                return Err(InvalidWebhook::Special(address.into()));
            }
            Some(Host::Domain(name)) if !loopback => {
                if !rules.policy.admits_name(name) {
                    return Err(InvalidWebhook::PrivateName);
                }
            }
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

    /// Looks its host up, and refuses it if that leads to an address that may not be reached.
    ///
    /// When the DNS is in temporary trouble it is let through, without addresses: who connects looks again.
    pub fn vet(self, resolver: &dyn Resolver, rules: WebhookRules<'_>) -> Result<VettedUrl, InvalidWebhook> {
        let addresses = self.look_up(resolver, rules)?;
        Ok(VettedUrl { url: self, addresses })
    }

    /// The addresses that its host has now, by the rules of now: for whoever connects, who connects to one of them and follows
    /// no redirect.
    pub fn addresses_now(
        &self,
        resolver: &dyn Resolver,
        rules: WebhookRules<'_>,
    ) -> Result<VettedAddresses, InvalidWebhook> {
        WebhookUrl::parse(&self.0, rules)?.look_up(resolver, rules)?.ok_or(InvalidWebhook::NotNow)
    }

    fn look_up(
        &self,
        resolver: &dyn Resolver,
        rules: WebhookRules<'_>,
    ) -> Result<Option<VettedAddresses>, InvalidWebhook> {
        let url = Url::parse(&self.0).map_err(|_| InvalidWebhook::NotUrl)?;
        let addresses = match url.host() {
            // Nobody is asked where localhost is.
            Some(Host::Domain(_)) if rules.allow_loopback(&url) => {
                vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
            }
            Some(Host::Ipv4(address)) => vec![address.into()],
            Some(Host::Ipv6(address)) => vec![address.into()],
            Some(Host::Domain(name)) => {
                let vetted = vet_hosts(resolver, rules.policy, &[DnsName::from_answer(name)]).pop();
                return Ok(vetted.ok_or(InvalidWebhook::NotUrl)??);
            }
            None => return Err(InvalidWebhook::NotUrl),
        };
        let loopback = EgressPolicy::allowing(addresses.iter().copied().map(Network::of).collect());
        let policy = if rules.allow_loopback(&url) { &loopback } else { rules.policy };
        Ok(Some(policy.vet(addresses)?))
    }
}

impl VettedUrl {
    /// The addresses that its host has, each of which may be reached; none where the DNS was in temporary trouble.
    pub fn addresses(&self) -> Option<&VettedAddresses> {
        self.addresses.as_ref()
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

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
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
    /// It has the port 0, at which nobody listens.
    #[error("its port is 0, at which nobody listens")]
    Port,
    /// Its host is, or leads to, an address that is not public.
    #[error("its host leads to {0}, which is not a public address")]
    Special(IpAddr),
    /// Its host is a name that no public DNS has.
    #[error("its host is not a public name")]
    PrivateName,
    /// Its host is not in the DNS.
    #[error("its host does not resolve to an address")]
    Unresolvable,
    /// Its host could not be looked up: [`WebhookUrl::addresses_now`].
    #[error("its host cannot be looked up now")]
    NotNow,
}

impl From<NotAdmitted> for InvalidWebhook {
    fn from(reason: NotAdmitted) -> InvalidWebhook {
        match reason {
            NotAdmitted::Special(address) => InvalidWebhook::Special(address),
            NotAdmitted::NoAddress => InvalidWebhook::Unresolvable,
        }
    }
}

crate::error::invalid_input!(InvalidWebhook, "webhook_url");
