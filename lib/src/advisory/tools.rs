//! Tools: what a look at the world beside the DNS needs. The library opens no connection itself.

use crate::clock::Timestamp;
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
    /// The time, by which certificates are valid or not.
    pub now: Timestamp,
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
    /// How the mail host greets on port 25, at one of these addresses and no other: they were vetted. If it offers TLS, the
    /// certificate is had a look at, whatever it is. No mail is sent. Why the host does not greet is said in words.
    fn greet(&self, host: &DnsName, addresses: &VettedAddresses) -> Result<SmtpHost, String>;
}

/// How a mail host greets: what becomes of STARTTLS there (RFC 3207).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SmtpHost {
    /// It does not offer it.
    Plain,
    /// It offers it, and then there is no encrypted connection. Why is said in words.
    Broken(String),
    /// There is an encrypted connection, with these certificates.
    Encrypted(Presented),
}

/// The certificates that a host presents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// The host's own.
    pub own: Certificate,
    /// The further ones that it sends, as they come.
    pub above: Vec<Certificate>,
    /// The names in its own certificate: the DNS names of its `subjectAltName` (RFC 6125), as they stand there.
    pub names: Vec<String>,
    /// From when on its own certificate is valid.
    pub from: Timestamp,
    /// Until when it is.
    pub until: Timestamp,
    /// Whether an authority that the public trusts vouches for it, its names and its time aside.
    pub trust: Vouching,
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The whole of it (DER).
    pub whole: Vec<u8>,
    /// Its `SubjectPublicKeyInfo` (DER).
    pub key: Vec<u8>,
    /// Whether it has signed the host's own certificate, by way of the others if need be.
    pub vouches: bool,
}

/// Who vouches for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vouching {
    /// An authority that the public trusts.
    Public,
    /// It itself.
    SelfSigned,
    /// Somebody whose own certificate the host does not send.
    Incomplete,
    /// Nobody whom the public trusts.
    Unknown,
}
