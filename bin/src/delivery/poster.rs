//! Posts to webhooks: to an address that was vetted at this moment, without redirects, and with an end.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use postroom::dns::Resolver;
use postroom::egress::EgressPolicy;
use postroom::webhook::{WebhookRules, WebhookUrl};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver as HostResolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

/// How long a post may take, with everything that belongs to it.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most octets of an answer's head; its body is not read at all.
const MAX_HEAD_OCTETS: usize = 16 * 1024;
/// The most addresses of a host that are tried.
const MOST_ADDRESSES: usize = 4;

/// A client that posts.
pub struct Poster {
    agent: Agent,
}

impl Poster {
    /// Finds hosts by this resolver, and connects to what the policy admits; if `loopback_http` says so, also to this machine.
    pub fn new(resolver: Arc<dyn Resolver>, policy: EgressPolicy, loopback_http: bool) -> Poster {
        let config = Agent::config_builder()
            // Neither a redirect nor a proxy that the environment names: the connection goes to the host that was vetted.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .max_response_header_size(MAX_HEAD_OCTETS)
            .max_idle_connections(0)
            .user_agent(concat!("Postroom/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .build();
        let vetted = Vetted { resolver, policy, loopback_http };
        Poster { agent: Agent::with_parts(config, DefaultConnector::new(), vetted) }
    }

    /// Posts a body with these header fields. Returns the status of the answer.
    pub fn post(&self, url: &WebhookUrl, fields: &[(&str, String)], body: &[u8]) -> Result<u16, Unanswered> {
        let mut request = self.agent.post(url.as_str());
        for (name, value) in fields {
            request = request.header(*name, value);
        }
        request.send(body).map(|answer| answer.status().as_u16()).map_err(Unanswered)
    }
}

/// Why a post was not answered. It never shows the URL, which may hold a token.
#[derive(Debug)]
pub struct Unanswered(Error);

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Error::Timeout(_) => f.write_str("it did not answer in time"),
            Error::HostNotFound => f.write_str("its host has no address that may be reached now"),
            Error::Io(error) => write!(f, "the connection failed: {}", error.kind()),
            Error::ConnectionFailed => f.write_str("it takes no connection"),
            Error::Rustls(error) => write!(f, "its TLS failed: {error}"),
            Error::Tls(reason) => write!(f, "its TLS failed: {reason}"),
            _ => f.write_str("its answer could not be understood"),
        }
    }
}

/// Looks hosts up, and lets through what may be reached.
struct Vetted {
    resolver: Arc<dyn Resolver>,
    policy: EgressPolicy,
    loopback_http: bool,
}

impl fmt::Debug for Vetted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vetted")
    }
}

impl HostResolver for Vetted {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let rules = WebhookRules { policy: &self.policy, loopback_http: self.loopback_http };
        let refused = |reason| Error::Io(io::Error::new(io::ErrorKind::AddrNotAvailable, reason));
        let url = WebhookUrl::parse(&uri.to_string(), rules).map_err(refused)?;
        let vetted = url.addresses_now(&*self.resolver, rules).map_err(|_| Error::HostNotFound)?;
        let usual = if uri.scheme_str() == Some("http") { 80 } else { 443 };
        let port = uri.port_u16().unwrap_or(usual);
        let mut addresses = self.empty();
        vetted.iter().take(MOST_ADDRESSES).for_each(|address| addresses.push((address, port).into()));
        Ok(addresses)
    }
}
