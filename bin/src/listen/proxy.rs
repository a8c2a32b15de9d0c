//! The address of the client, where a proxy that the operator trusts passes its requests on.
//!
//! Anybody can write these header fields, so they count only on a connection from a trusted proxy, and from the right: each
//! proxy adds the address that it sees at the right end. What stands left of the first address that is no trusted proxy was
//! written by a client.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};
use postroom::network::Network;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The networks of the proxies whose word is taken.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<Network>);

impl TrustedProxies {
    /// Takes the word of the proxies in these networks.
    pub fn new(networks: Vec<Network>) -> TrustedProxies {
        TrustedProxies(networks)
    }

    /// Whether the proxy at this address is trusted.
    pub(super) fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Who sent a request with this head that came from `peer`.
    ///
    /// A proxy sets one of the two fields, and may pass the other one on as the client wrote it. Where both are there and
    /// say two things it is not known which is the client's, and the request counts as the proxy's own.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trust(peer) {
            return peer;
        }
        let said = |name: HeaderName, split: fn(&str) -> Vec<Option<IpAddr>>| {
            let values: Vec<_> = headers.get_all(name).iter().map(|value| value.to_str().ok()).collect();
            let read = |value: Option<&str>| value.map_or_else(|| vec![None], split);
            (!values.is_empty())
                .then(|| self.first_client(peer, &values.iter().copied().flat_map(read).collect::<Vec<_>>()))
        };
        match (said(X_FORWARDED_FOR, x_forwarded_for), said(FORWARDED, forwarded)) {
            (Some(one), Some(other)) if one != other => peer,
            (Some(client), _) | (None, Some(client)) => client,
            (None, None) => peer,
        }
    }

    /// The first address from the right that is no trusted proxy. An element without an address ends the search: the last
    /// proxy before it is the client then.
    fn first_client(&self, peer: IpAddr, elements: &[Option<IpAddr>]) -> IpAddr {
        let mut client = peer;
        for element in elements.iter().rev() {
            let Some(address) = element else { break };
            client = *address;
            if !self.trust(client) {
                break;
            }
        }
        client
    }
}

/// The elements of an `X-Forwarded-For` field, `None` for what is no address.
fn x_forwarded_for(value: &str) -> Vec<Option<IpAddr>> {
    value.split(',').map(|element| address(element.trim())).collect()
}

/// The `for` of each element of a `Forwarded` field (RFC 7239 section 4), `None` where there is none or it is no address.
fn forwarded(value: &str) -> Vec<Option<IpAddr>> {
    let of_element = |element: &str| {
        let mut pairs = outside_quotes(element, ';').into_iter().filter_map(|pair| pair.split_once('='));
        let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
        address(node.trim().trim_matches('"'))
    };
    outside_quotes(value, ',').into_iter().map(of_element).collect()
}

/// Splits at a separator that does not stand in a quoted string.
fn outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    text.split(|c: char| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match c {
            '\\' if is_quoted && !was_escaped => is_escaped = true,
            '"' if !was_escaped => is_quoted = !is_quoted,
            _ => {}
        }
        c == separator && !is_quoted
    })
    .collect()
}

/// An address, with or without a port; one of IPv6 in brackets or without.
fn address(text: &str) -> Option<IpAddr> {
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(in_brackets).or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, fields: &[(HeaderName, &str)]) -> String {
        let networks = ["10.0.0.0/8", "::1"].iter().filter_map(|network| network.parse().ok()).collect();
        let headers = fields.iter().filter_map(|(name, value)| Some((name.clone(), value.parse().ok()?)));
        let peer = peer.parse().unwrap_or(IpAddr::from([0, 0, 0, 0]));
        TrustedProxies::new(networks).client(peer, &headers.collect()).to_string()
    }

    #[test]
    fn nobody_but_a_trusted_proxy_says_who_the_client_is() {
        assert_eq!(client("192.0.2.1", &[(X_FORWARDED_FOR, "198.51.100.7")]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &[(X_FORWARDED_FOR, "198.51.100.7")]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn what_the_client_wrote_itself_does_not_count() {
        assert_eq!(client("10.0.0.1", &[(X_FORWARDED_FOR, "127.0.0.1, 198.51.100.7")]), "198.51.100.7");
        assert_eq!(
            client("10.0.0.1", &[(X_FORWARDED_FOR, "127.0.0.1, 198.51.100.7, 10.9.9.9")]),
            "198.51.100.7"
        );
        let both = [(X_FORWARDED_FOR, "198.51.100.7"), (FORWARDED, "for=203.0.113.9")];
        assert_eq!(client("10.0.0.1", &both), "10.0.0.1");
    }

    #[test]
    fn forwarded_is_read_with_quotes_ports_and_brackets() {
        let says = |value| client("::1", &[(FORWARDED, value)]);
        assert_eq!(says(r#"for=192.0.2.43, for="[2001:db8:cafe::17]:4711""#), "2001:db8:cafe::17");
        assert_eq!(says(r#"By=203.0.113.43;FOR="192.0.2.60:80";proto=http"#), "192.0.2.60");
        assert_eq!(says(r#"for="a\",b", for=_hidden"#), "::1");
        assert_eq!(says("for=unknown"), "::1");
        assert_eq!(says(r#"for="192.0.2.1"#), "192.0.2.1");
    }

    #[test]
    fn an_element_without_an_address_ends_the_search() {
        assert_eq!(client("10.0.0.1", &[(X_FORWARDED_FOR, "198.51.100.7, nonsense, 10.0.0.2")]), "10.0.0.2");
        assert_eq!(client("10.0.0.1", &[(X_FORWARDED_FOR, "")]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[(X_FORWARDED_FOR, "::ffff:192.0.2.9")]), "192.0.2.9");
    }
}
