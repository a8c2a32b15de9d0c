//! A name server for tests: a closure that is given each request, over UDP and TCP on one port.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;

use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CNAME, NS, NULL, SOA, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType as WireType};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Via {
    Udp,
    Tcp,
}

pub(super) enum Reply {
    Message(Message),
    /// One datagram each; over TCP one message each.
    Octets(Vec<Vec<u8>>),
    Silence,
}

/// A request as a server reads it: the name in lower case.
pub(super) struct Request {
    pub(super) message: Message,
    pub(super) name: String,
    pub(super) wire_type: WireType,
    pub(super) via: Via,
}

impl Request {
    /// A reply without records, which repeats the question letter for letter.
    pub(super) fn reply(&self) -> Message {
        let mut reply = Message::response(self.message.id, OpCode::Query);
        reply.metadata.recursion_desired = self.message.recursion_desired;
        reply.metadata.recursion_available = true;
        reply.add_queries(self.message.queries.clone());
        reply
    }

    pub(super) fn found(&self, records: Vec<Record>) -> Reply {
        let mut reply = self.reply();
        reply.add_answers(records);
        Reply::Message(reply)
    }

    pub(super) fn code(&self, code: ResponseCode) -> Reply {
        let mut reply = self.reply();
        reply.metadata.response_code = code;
        Reply::Message(reply)
    }

    /// NXDOMAIN or NODATA with the zone's SOA: TTL 3600, minimum 60.
    pub(super) fn negative(&self, code: ResponseCode, zone: &str) -> Reply {
        let mut reply = self.reply();
        reply.metadata.response_code = code;
        reply.add_authority(soa(zone, 3600, 60));
        Reply::Message(reply)
    }
}

impl Reply {
    /// Sets the flag of an authoritative answer.
    pub(super) fn authoritative(self) -> Reply {
        match self {
            Reply::Message(mut message) => {
                message.metadata.authoritative = true;
                Reply::Message(message)
            }
            other => other,
        }
    }
}

pub(super) type Seen = Arc<Mutex<Vec<(Via, Message)>>>;

/// A server at a free port of 127.0.0.1.
pub(super) fn play(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> SocketAddr {
    play_at(IpAddr::V4(Ipv4Addr::LOCALHOST), 0, true, answer).0
}

/// A server at a free port of 127.0.0.1 that does not answer over TCP.
pub(super) fn play_udp(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> SocketAddr {
    play_at(IpAddr::V4(Ipv4Addr::LOCALHOST), 0, false, answer).0
}

/// A server at this address, and what it is asked. Its threads end with the process.
pub(super) fn play_at(
    ip: IpAddr,
    port: u16,
    tcp: bool,
    answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
) -> (SocketAddr, Seen) {
    let seen = Seen::default();
    let (udp, listener) = bind(ip, port, tcp);
    let address = udp.local_addr().unwrap();
    let answer = Arc::new(answer);
    if let Some(listener) = listener {
        let (seen, answer) = (seen.clone(), answer.clone());
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (seen, answer) = (seen.clone(), answer.clone());
                thread::spawn(move || serve(connection, &seen, &*answer));
            }
        });
    }
    let asked = seen.clone();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((octets, client)) = udp.recv_from(&mut buffer) {
            for reply in answers(&buffer[..octets], Via::Udp, &asked, &*answer) {
                _ = udp.send_to(&reply, client);
            }
        }
    });
    (address, seen)
}

fn bind(ip: IpAddr, port: u16, tcp: bool) -> (UdpSocket, Option<TcpListener>) {
    loop {
        // A client's socket of another test may have a given port for a moment.
        let Ok(udp) = UdpSocket::bind((ip, port)) else {
            thread::sleep(std::time::Duration::from_millis(10));
            continue;
        };
        match tcp.then(|| TcpListener::bind(udp.local_addr().unwrap())) {
            None => return (udp, None),
            Some(Ok(listener)) => return (udp, Some(listener)),
            Some(Err(_)) => {}
        }
    }
}

fn serve(mut connection: TcpStream, seen: &Seen, answer: &dyn Fn(&Request) -> Reply) {
    let mut length = [0; 2];
    while connection.read_exact(&mut length).is_ok() {
        let mut request = vec![0; usize::from(u16::from_be_bytes(length))];
        connection.read_exact(&mut request).unwrap();
        for reply in answers(&request, Via::Tcp, seen, answer) {
            let length = u16::try_from(reply.len()).unwrap().to_be_bytes();
            _ = connection.write_all(&[&length, reply.as_slice()].concat());
        }
    }
}

fn answers(request: &[u8], via: Via, seen: &Seen, answer: &dyn Fn(&Request) -> Reply) -> Vec<Vec<u8>> {
    let message = Message::from_vec(request).unwrap();
    seen.lock().unwrap().push((via, message.clone()));
    let query = &message.queries[0];
    let name = query.name().to_ascii().to_ascii_lowercase().trim_end_matches('.').to_owned();
    let request = Request { name, wire_type: query.query_type(), message, via };
    match answer(&request) {
        Reply::Message(message) => vec![message.to_vec().unwrap()],
        Reply::Octets(octets) => octets,
        Reply::Silence => vec![],
    }
}

pub(super) fn name(text: &str) -> Name {
    Name::from_ascii(format!("{text}.")).unwrap()
}

fn record(owner: &str, data: RData) -> Record {
    Record::from_rdata(name(owner), 300, data)
}

pub(super) fn txt(owner: &str, strings: &[&[u8]]) -> Record {
    record(owner, RData::TXT(TXT::from_bytes(strings.to_vec())))
}

pub(super) fn cname(owner: &str, target: &str) -> Record {
    record(owner, RData::CNAME(CNAME(name(target))))
}

pub(super) fn ns(owner: &str, server: &str) -> Record {
    record(owner, RData::NS(NS(name(server))))
}

pub(super) fn a(owner: &str, address: &str) -> Record {
    record(owner, RData::A(A(address.parse().unwrap())))
}

/// A record of a type that hickory passes on as it is.
pub(super) fn unknown(owner: &str, code: WireType, octets: &[u8]) -> Record {
    record(owner, RData::Unknown { code, rdata: NULL::with(octets.to_vec()) })
}

pub(super) fn soa(zone: &str, ttl: u32, minimum: u32) -> Record {
    let soa = SOA::new(name("ns1.example.test"), name("hostmaster.example.test"), 1, 2, 3, 4, minimum);
    Record::from_rdata(name(zone), ttl, RData::SOA(soa))
}
