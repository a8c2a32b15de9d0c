//! A server that does what a closure says, octet by octet: no library of ours or of others comes between.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

pub(super) const TXT: u16 = 16;
pub(super) const CNAME: u16 = 5;
/// The name at which what is asked for must be.
pub(super) const NAME: &str = "_dmarc.example.com";

/// A record as it stands in a message.
pub(super) struct Written {
    pub(super) owner: Vec<u8>,
    pub(super) kind: u16,
    pub(super) ttl: u32,
    pub(super) data: Vec<u8>,
}

/// A question as it came, and what is needed to answer it.
pub(super) struct Asked {
    /// The message.
    octets: Vec<u8>,
    /// Where the question ends in it.
    pub(super) end: usize,
    /// The type that is asked for.
    pub(super) kind: u16,
    pub(super) over_tcp: bool,
}

/// What a server does.
pub(super) enum Act {
    /// One datagram each; over TCP one message each.
    Send(Vec<Vec<u8>>),
    /// Nothing, and over TCP it closes.
    Nothing,
    /// Over TCP: the length of a message, half of it, and the end.
    Half(Vec<u8>),
}

impl Asked {
    fn read(octets: &[u8], over_tcp: bool) -> Asked {
        let mut at = 12;
        while octets[at] != 0 {
            at += usize::from(octets[at]) + 1;
        }
        let kind = u16::from_be_bytes([octets[at + 1], octets[at + 2]]);
        Asked { octets: octets.to_vec(), end: at + 5, kind, over_tcp }
    }

    /// A reply with these flags, answers and additional records.
    pub(super) fn reply(&self, flags: u16, answers: &[Written], additional: &[Written]) -> Vec<u8> {
        let count = |records: &[Written]| u16::try_from(records.len()).unwrap();
        let mut reply = self.octets[..2].to_vec();
        for number in [0x8180 | flags, 1, count(answers), 0, count(additional)] {
            reply.extend(number.to_be_bytes());
        }
        reply.extend(&self.octets[12..self.end]);
        for Written { owner, kind, ttl, data } in answers.iter().chain(additional) {
            reply.extend(owner);
            reply.extend([kind.to_be_bytes(), 1_u16.to_be_bytes()].concat());
            reply.extend(ttl.to_be_bytes());
            reply.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            reply.extend(data);
        }
        reply
    }

    pub(super) fn found(&self, answers: &[Written]) -> Act {
        let reply = self.reply(0, answers, &[]);
        if reply.len() > 1200 && !self.over_tcp {
            return Act::Send(vec![self.reply(0x0200, &[], &[])]);
        }
        Act::Send(vec![reply])
    }
}

/// A name as it stands in a message.
pub(super) fn wire(name: &str) -> Vec<u8> {
    let labels =
        name.split('.').map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat());
    labels.chain([vec![0]]).flatten().collect()
}

pub(super) fn record(owner: &str, kind: u16, data: Vec<u8>) -> Written {
    Written { owner: wire(owner), kind, ttl: 300, data }
}

/// A TXT record at the name that is asked for, of these strings.
pub(super) fn txt(strings: &[&[u8]]) -> Written {
    let string = |octets: &&[u8]| [&[u8::try_from(octets.len()).unwrap()], *octets].concat();
    record(NAME, TXT, strings.iter().flat_map(string).collect())
}

pub(super) fn cname(owner: &str, target: &str) -> Written {
    record(owner, CNAME, wire(target))
}

/// Starts a server at a free port of the loopback, on UDP and where wanted TCP. It ends with the process.
pub(super) fn play(tcp: bool, behaviour: impl Fn(&Asked) -> Act + Send + Sync + 'static) -> SocketAddr {
    let behaviour = Arc::new(behaviour);
    let (udp, listener) = loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        match tcp.then(|| TcpListener::bind(udp.local_addr().unwrap())).transpose() {
            Ok(listener) => break (udp, listener),
            Err(_) => thread::sleep(Duration::from_millis(5)),
        }
    };
    let address = udp.local_addr().unwrap();
    if let Some(listener) = listener {
        let behaviour = behaviour.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let behaviour = behaviour.clone();
                thread::spawn(move || serve(connection, &*behaviour));
            }
        });
    }
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, client)) = udp.recv_from(&mut buffer) {
            if let Act::Send(replies) = behaviour(&Asked::read(&buffer[..length], false)) {
                for reply in replies {
                    _ = udp.send_to(&reply, client);
                }
            }
        }
    });
    address
}

fn serve(mut connection: TcpStream, behaviour: &dyn Fn(&Asked) -> Act) {
    let mut length = [0; 2];
    while connection.read_exact(&mut length).is_ok() {
        let mut request = vec![0; usize::from(u16::from_be_bytes(length))];
        if connection.read_exact(&mut request).is_err() {
            return;
        }
        let framed = |reply: &[u8]| [&u16::try_from(reply.len()).unwrap().to_be_bytes(), reply].concat();
        match behaviour(&Asked::read(&request, true)) {
            Act::Send(replies) => replies.iter().for_each(|reply| _ = connection.write_all(&framed(reply))),
            Act::Half(reply) => {
                _ = connection.write_all(&framed(&reply)[..reply.len() / 2]);
                return;
            }
            Act::Nothing => return,
        }
    }
}
