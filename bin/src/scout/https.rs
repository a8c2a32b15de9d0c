//! Fetching a page by https.

use std::net::SocketAddr;
use std::time::Duration;

use postroom::advisory::{Https, WebPage};
use postroom::egress::VettedAddresses;
use postroom::name::DnsName;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

/// How long a page may take, with its connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most octets of an answer's head.
const MOST_HEAD_OCTETS: usize = 16 * 1024;
/// So many addresses of a host are tried.
const MOST_ADDRESSES: usize = 4;
/// The port of https.
const PORT: u16 = 443;

/// Fetches pages. It keeps no connection, follows no redirect, and takes no proxy from the environment.
#[derive(Debug)]
pub struct WebScout {
    roots: RootCerts,
    port: u16,
}

impl Default for WebScout {
    /// One that trusts the authorities that browsers trust.
    fn default() -> WebScout {
        WebScout { roots: RootCerts::WebPki, port: PORT }
    }
}

impl WebScout {
    /// One that trusts these authorities, at another port: for tests.
    pub fn trusting(roots: RootCerts, port: u16) -> WebScout {
        WebScout { roots, port }
    }
}

impl Https for WebScout {
    fn fetch(
        &self,
        host: &DnsName,
        path: &str,
        addresses: &VettedAddresses,
        most: usize,
    ) -> Result<WebPage, String> {
        let config = Agent::config_builder()
            .https_only(true)
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .max_response_header_size(MOST_HEAD_OCTETS)
            .timeout_global(Some(PATIENCE))
            .user_agent(concat!("postroom/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(self.roots.clone()).build())
            .build();
        let at = addresses.iter().take(MOST_ADDRESSES).map(|ip| SocketAddr::new(ip, self.port)).collect();
        // The host is looked up no more: it could lead elsewhere by now.
        let agent = Agent::with_parts(config, DefaultConnector::default(), Vetted(at));
        let answer = agent.get(format!("https://{host}{path}")).call().map_err(|error| in_words(&error))?;
        let status = answer.status().as_u16();
        let media_type = answer.body().mime_type().map(str::to_owned);
        let mut body = Vec::new();
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        std::io::Read::read_to_end(
            &mut std::io::Read::take(answer.into_body().into_reader(), most),
            &mut body,
        )
        .map_err(|_| "the answer breaks off".to_owned())?;
        Ok(WebPage { status, media_type, body })
    }
}

/// The addresses of the one host that is asked.
#[derive(Debug)]
struct Vetted(Vec<SocketAddr>);

impl Resolver for Vetted {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let mut addresses = self.empty();
        self.0.iter().for_each(|address| addresses.push(*address));
        Ok(addresses)
    }
}

/// What went wrong, as whoever runs the web server can use it.
fn in_words(error: &Error) -> String {
    match error {
        Error::Timeout(_) => "the web server does not answer in time".to_owned(),
        Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            format!("its certificate is not valid for this host ({error})")
        }
        Error::Io(error) => format!("the web server cannot be reached ({})", error.kind()),
        Error::ConnectionFailed => "the web server cannot be reached".to_owned(),
        error => format!("the web server sends no proper answer ({error})"),
    }
}
