//! Whether a recursive resolver validates DNSSEC.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// Set in a query, it asks a resolver to say whether it validates; set in the reply, it says so (RFC 6840 section 5.7).
const AUTHENTIC_DATA: u8 = 0x20;
/// RD, in the octet before.
const RECURSION_DESIRED: u8 = 0x01;
const REPLY: u8 = 0x80;

/// Whether the resolver says of the root's SOA, which is signed, that it was validated.
///
/// An error says that no answer came within `patience`. This asks the network: call it outside any transaction.
pub fn validates(resolver: SocketAddr, patience: Duration) -> io::Result<bool> {
    let own = if resolver.is_ipv4() {
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))
    } else {
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))
    };
    let socket = UdpSocket::bind(own)?;
    socket.set_read_timeout(Some(patience))?;
    // Only datagrams of this address are received.
    socket.connect(resolver)?;
    let mut id = [0; 2];
    getrandom::fill(&mut id).map_err(io::Error::other)?;
    let query = [
        id[0],
        id[1],
        RECURSION_DESIRED,
        AUTHENTIC_DATA,
        0,
        1,
        0,
        0,
        0,
        0,
        0,
        0, // One question:
        0,
        0,
        6,
        0,
        1, // the root, SOA, IN.
    ];
    socket.send(&query)?;
    let mut reply = [0; 512];
    let length = socket.recv(&mut reply)?;
    match reply.get(..length) {
        Some([first, second, flags, more, ..]) if [*first, *second] == id && flags & REPLY != 0 => {
            Ok(more & AUTHENTIC_DATA != 0)
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "the reply is not an answer to the question")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A resolver that answers one query with this octet of flags.
    fn answering(flags: u8) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut query = [0; 64];
            let (length, from) = socket.recv_from(&mut query).unwrap();
            query[2] |= REPLY;
            query[3] = flags;
            socket.send_to(&query[..length], from).unwrap();
        });
        address
    }

    #[test]
    fn a_resolver_validates_if_it_says_so_of_a_signed_zone() {
        let patience = Duration::from_secs(5);
        assert!(validates(answering(0x80 | AUTHENTIC_DATA), patience).unwrap());
        assert!(!validates(answering(0x80), patience).unwrap());
    }

    #[test]
    fn silence_is_an_error() {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap();
        assert!(validates(address, Duration::from_millis(50)).is_err());
    }
}
