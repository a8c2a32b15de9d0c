//! What a passkey is bound to: the console's origin, and its host as the relying party's id.

use url::{Host, Url};

/// The console as browsers know it.
///
/// Made from the URL that people open it by. A browser uses a passkey on pages of the host that it was made for, and nowhere else.
///
/// ```
/// use postroom::administrator::passkey::RelyingParty;
///
/// let party = RelyingParty::of("https://desk.example.net/mail")?;
/// assert_eq!((party.origin(), party.id()), ("https://desk.example.net", "desk.example.net"));
/// assert!(RelyingParty::of("http://localhost:8025").is_ok());
/// assert!(RelyingParty::of("https://192.0.2.7").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    origin: String,
    id: String,
}

/// Why there are no passkeys for a console at this URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoRelyingParty {
    /// Its host is an IP address, and the id of a relying party is a name (W3C Web Authentication Level 3, section 5.1.2).
    #[error("browsers bind a passkey to a name, and this console is reached at the IP address {0}")]
    Address(String),
    /// It is reached without TLS, and not on this machine. Browsers have passkeys in secure contexts alone.
    #[error("browsers use passkeys over HTTPS alone, and this console is reached over HTTP")]
    Insecure,
    /// The text is no URL with a host.
    #[error("the console's own URL has no host")]
    NoHost,
}

impl RelyingParty {
    /// The relying party of a console at this URL.
    pub fn of(url: &str) -> Result<RelyingParty, NoRelyingParty> {
        let url = Url::parse(url).map_err(|_| NoRelyingParty::NoHost)?;
        let id = match url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(address) => return Err(NoRelyingParty::Address(address.to_string())),
            None => return Err(NoRelyingParty::NoHost),
        };
        let is_here = id == "localhost" || id.ends_with(".localhost");
        if url.scheme() != "https" && !is_here {
            return Err(NoRelyingParty::Insecure);
        }
        Ok(RelyingParty { origin: url.origin().ascii_serialization(), id })
    }

    /// Scheme, host and port, as a browser writes them.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The host alone.
    pub fn id(&self) -> &str {
        &self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_at_a_name_has_passkeys_and_one_at_an_address_or_without_tls_has_none() {
        for (url, origin, id) in [
            ("https://Desk.Example.net:443/below/", "https://desk.example.net", "desk.example.net"),
            ("https://desk.example.net:8443", "https://desk.example.net:8443", "desk.example.net"),
            ("http://localhost:8025", "http://localhost:8025", "localhost"),
            ("https://bücher.example", "https://xn--bcher-kva.example", "xn--bcher-kva.example"),
        ] {
            let party = RelyingParty::of(url).unwrap();
            assert_eq!((party.origin(), party.id()), (origin, id), "{url}");
        }
        for (url, why) in [
            ("http://127.0.0.1:8025", NoRelyingParty::Address("127.0.0.1".to_owned())),
            ("https://[::1]", NoRelyingParty::Address("[::1]".to_owned())),
            ("http://desk.example.net", NoRelyingParty::Insecure),
            ("desk.example.net", NoRelyingParty::NoHost),
            ("", NoRelyingParty::NoHost),
        ] {
            assert_eq!(RelyingParty::of(url), Err(why), "{url}");
        }
    }
}
