//! The types of settings: how each is read from text, and what an error tells the operator to write instead.

use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;

use http::Uri;
use postroom::address::EmailAddress;
use postroom::egress::Network;
use postroom::inbound::AbusePolicy;
use postroom::name::{DnsName, Selector};
use postroom::settings::{DmarcPolicy, RequireProof, SpfMechanism};

use crate::listen::MemoryMib;

/// A type that a setting can have.
pub trait Setting: Sized + 'static {
    /// Reads the text of a value; the error says what it should be.
    fn read(text: &str) -> Result<Self, String>;
}

/// Types whose own errors say what is wrong.
macro_rules! parsed {
    ($($type:ty),*) => {$(
        impl Setting for $type {
            fn read(text: &str) -> Result<Self, String> {
                text.parse().map_err(|reason: <$type as FromStr>::Err| reason.to_string())
            }
        }
    )*};
}
parsed!(
    AbusePolicy,
    AtOnce,
    BaseUrl,
    Delimiters,
    DmarcPolicy,
    DnsName,
    EmailAddress,
    GroupName,
    HeaderField,
    HostAndPort,
    Loopback,
    MemoryMib,
    MessageMib,
    Network,
    RequireProof,
    Selector,
    Server,
    SpfMechanism
);

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl Setting for $type {
            fn read(text: &str) -> Result<Self, String> {
                let wanted = || format!("give a whole number from {} to {}", <$type>::MIN, <$type>::MAX);
                text.parse().map_err(|_| wanted())
            }
        }
    )*};
}
numbers!(u16, u32, NonZeroU16, NonZeroU32);

impl Setting for NonZeroUsize {
    fn read(text: &str) -> Result<NonZeroUsize, String> {
        // The number is read as `NonZeroU32`, so that its range does not depend on the machine.
        NonZeroU32::read(text).and_then(|number| NonZeroUsize::try_from(number).map_err(|e| e.to_string()))
    }
}

impl Setting for bool {
    fn read(text: &str) -> Result<bool, String> {
        text.parse().map_err(|_| "give true or false".to_owned())
    }
}

impl Setting for PathBuf {
    fn read(text: &str) -> Result<PathBuf, String> {
        if text.is_empty() { Err("give the path of a file".to_owned()) } else { Ok(text.into()) }
    }
}

impl Setting for IpAddr {
    fn read(text: &str) -> Result<IpAddr, String> {
        text.parse().map_err(|_| "give an IP address, such as 192.0.2.25".to_owned())
    }
}

impl Setting for SocketAddr {
    fn read(text: &str) -> Result<SocketAddr, String> {
        text.parse().map_err(|_| "give an IP address and a port, such as 127.0.0.1:8025".to_owned())
    }
}

/// An address of this machine that no other reaches, and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loopback(pub(super) SocketAddr);

impl FromStr for Loopback {
    type Err = String;

    fn from_str(text: &str) -> Result<Loopback, String> {
        let address = SocketAddr::read(text)?;
        let is_loopback = address.ip().to_canonical().is_loopback();
        is_loopback.then_some(Loopback(address)).ok_or_else(|| {
            "private keys are given out there: give an address that no other machine reaches, such as 127.0.0.1:8026"
                .to_owned()
        })
    }
}

/// The base URL that clients use: http or https, a host, and perhaps a port and a path; held without a last slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its host; none if that is an IP address.
    pub fn host(&self) -> Option<DnsName> {
        let url: Uri = self.0.parse().ok()?;
        let host = url.host()?;
        host.parse::<IpAddr>().is_err().then(|| host.parse().ok()).flatten()
    }
}

impl FromStr for BaseUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<BaseUrl, &'static str> {
        const WANTED: &str =
            "give a URL with http:// or https:// and a host, such as https://desk.example.net";
        let url: Uri = text.parse().map_err(|_| WANTED)?;
        let has_host = url.host().is_some_and(|host| !host.is_empty());
        if !matches!(url.scheme_str(), Some("http" | "https")) || !has_host {
            return Err(WANTED);
        }
        if url.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("give it without a user name and a password");
        }
        if url.query().is_some() || text.contains('#') {
            return Err("give it without a query and a fragment");
        }
        Ok(BaseUrl(text.trim_end_matches('/').to_owned()))
    }
}

/// A resolver's address: with a port, or without one for port 53.
pub(super) struct Server(pub(super) SocketAddr);

impl FromStr for Server {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Server, &'static str> {
        let address: Result<SocketAddr, _> =
            text.parse().or_else(|_| text.parse().map(|ip| SocketAddr::new(ip, 53)));
        let address = address.ok().filter(|address| address.port() > 0);
        address.map(Server).ok_or("a resolver is an IP address, with or without a port: 127.0.0.1:5353")
    }
}

/// The octets of so many MiB as one message may have.
pub(super) struct MessageMib(pub(super) u64);

impl FromStr for MessageMib {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<MessageMib, &'static str> {
        let mib = text.parse().ok().filter(|mib| (1..=100).contains(mib));
        mib.map(|mib: u64| MessageMib(mib * 1024 * 1024)).ok_or("a message has 1 to 100 MiB")
    }
}

/// How many at a time.
pub(super) struct AtOnce(pub(super) usize);

impl FromStr for AtOnce {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<AtOnce, &'static str> {
        let number = text.parse().ok().filter(|number| (1..=16).contains(number));
        number.map(AtOnce).ok_or("give a whole number from 1 to 16")
    }
}

/// A host, by its name or address, and a port.
pub(super) struct HostAndPort(pub(super) String);

impl FromStr for HostAndPort {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<HostAndPort, &'static str> {
        let parts = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
        let is_one = parts.is_some_and(|(host, port)| !host.is_empty() && !host.contains(' ') && port > 0);
        is_one.then(|| HostAndPort(text.to_owned())).ok_or("give a host and a port, such as 127.0.0.1:25")
    }
}

/// A header field, `Name: value`.
pub(super) struct HeaderField(pub(super) String, pub(super) String);

impl FromStr for HeaderField {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<HeaderField, &'static str> {
        let parts = text.split_once(':').map(|(name, value)| (name.trim(), value.trim()));
        let is_one = |(name, value): &(&str, &str)| {
            let is_shown = !value.is_empty() && !value.chars().any(char::is_control);
            !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_graphic()) && is_shown
        };
        let (name, value) = parts.filter(is_one).ok_or("give a header field, such as X-Spam: Yes")?;
        Ok(HeaderField(name.to_owned(), value.to_owned()))
    }
}

/// The characters that begin the tag of an address; none if there are no tags.
pub(super) struct Delimiters(pub(super) String);

impl FromStr for Delimiters {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Delimiters, &'static str> {
        // What a local part can have without quotes (RFC 5321 section 4.1.2), but letters and digits, which every name has.
        let is_one = |c: char| "!#$%&'*+-/=?^_`{|}~.".contains(c);
        text.chars()
            .all(is_one)
            .then(|| Delimiters(text.to_owned()))
            .ok_or("give characters such as + and -, or nothing")
    }
}

/// A group of the system's, by its name.
pub(super) struct GroupName(pub(super) String);

impl FromStr for GroupName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<GroupName, &'static str> {
        // A colon would end the name in group(5).
        let is_one =
            !text.is_empty() && !text.contains(|c: char| c == ':' || c.is_whitespace() || c.is_control());
        is_one.then(|| GroupName(text.to_owned())).ok_or("give the name of a group")
    }
}
