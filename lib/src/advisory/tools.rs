//! Tools: what a look at the world beside the DNS needs. The library opens no connection itself.

use crate::dns::Resolver;
use crate::egress::{EgressPolicy, VettedAddresses};
use crate::name::DnsName;

/// With what is looked.
#[derive(Clone, Copy)]
pub struct Tools<'a> {
    /// The DNS.
    pub resolver: &'a dyn Resolver,
    /// Which addresses may be connected to.
    pub egress: &'a EgressPolicy,
    /// Fetches pages; without it no page is fetched.
    pub https: Option<&'a dyn Https>,
    /// Talks to mail hosts; without it nobody connects to them.
    pub smtp: Option<&'a dyn Smtp>,
}

/// Fetches pages of hosts that a domain's owner names.
pub trait Https: Send + Sync {
    /// What `https://host/path` says, at one of these addresses and no other: they were vetted. The certificate must be valid for
    /// the host, no redirect is followed, and no more than `most` octets are read. Why there is no answer is said in words.
    fn fetch(
        &self,
        host: &DnsName,
        path: &str,
        addresses: &VettedAddresses,
        most: usize,
    ) -> Result<WebPage, String>;
}

/// What a web server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebPage {
    /// The status code.
    pub status: u16,
    /// The media type, without parameters.
    pub media_type: Option<String>,
    /// The body, or its first octets.
    pub body: Vec<u8>,
}

/// Talks to mail hosts that a domain's MX records name.
pub trait Smtp: Send + Sync {
    /// How the mail host greets on port 25, at one of these addresses and no other: they were vetted. Nothing is sent but the
    /// greeting. Why it does not is said in words.
    fn greet(&self, host: &DnsName, addresses: &VettedAddresses) -> Result<SmtpHost, String>;
}

/// How a mail host greets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmtpHost {
    /// Whether it offers STARTTLS (RFC 3207).
    pub starttls: bool,
}
