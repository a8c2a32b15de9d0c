//! A DNS server that has the five records of any domain below `example.com`, after a delay.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The types that are answered: A, NS, CNAME, SOA, MX, TXT.
const KINDS: [u16; 6] = [1, 2, 5, 6, 15, 16];

/// A server on a free port of the loopback. It ends with the process.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

/// A reply, to whom, and when it is due.
type Due = (Vec<u8>, SocketAddr, Instant);

impl Server {
    pub(crate) fn start(key: &'static str, delay: Duration) -> Server {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (address, asked) = (socket.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let (to_send, due) = channel::<Due>();
        let sender = socket.try_clone().unwrap();
        if !delay.is_zero() {
            thread::spawn(move || send_when_due(&sender, &due));
        }
        let count = asked.clone();
        thread::spawn(move || {
            let mut buffer = [0; 1500];
            while let Ok((length, client)) = socket.recv_from(&mut buffer) {
                count.fetch_add(1, Ordering::Relaxed);
                let reply = reply(&buffer[..length], key);
                if delay.is_zero() {
                    _ = socket.send_to(&reply, client);
                } else {
                    _ = to_send.send((reply, client, Instant::now() + delay));
                }
            }
        });
        Server { address, asked }
    }

    /// How many questions came so far.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

/// All are due in the order in which they came.
fn send_when_due(socket: &UdpSocket, due: &Receiver<Due>) {
    let mut waiting: VecDeque<Due> = VecDeque::new();
    loop {
        let wait = waiting
            .front()
            .map_or(Duration::from_hours(1), |(_, _, at)| at.saturating_duration_since(Instant::now()));
        match due.recv_timeout(wait) {
            Ok(one) => waiting.push_back(one),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        while waiting.front().is_some_and(|(_, _, at)| *at <= Instant::now()) {
            let Some((reply, client, _)) = waiting.pop_front() else { break };
            _ = socket.send_to(&reply, client);
        }
    }
}

/// The reply, with authority: one server is resolver and name server here.
fn reply(request: &[u8], key: &str) -> Vec<u8> {
    let (mut at, mut labels) = (12, Vec::new());
    while request[at] != 0 {
        let length = usize::from(request[at]);
        labels.push(request[at + 1..=at + length].to_ascii_lowercase());
        at += length + 1;
    }
    let kind = u16::from_be_bytes([request[at + 1], request[at + 2]]);
    let name = String::from_utf8(labels.join(&b'.')).unwrap();
    let answer = data(&name, kind, key);
    let count = u8::from(answer.is_some());
    let is_negative = answer.is_none() && KINDS.contains(&kind);
    let mut reply = request[..2].to_vec();
    reply.extend([0x85, 0x80, 0, 1, 0, count, 0, u8::from(is_negative), 0, 0]);
    reply.extend(&request[12..at + 5]);
    let mut put = |owner: &[u8], kind: u16, data: &[u8]| {
        reply.extend(owner);
        reply.extend([kind.to_be_bytes(), 1_u16.to_be_bytes(), [0, 0], [1, 44]].concat());
        reply.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        reply.extend(data);
    };
    match answer {
        Some(data) => put(&[0xc0, 12], kind, &data),
        None if is_negative => put(&wire("example.com"), 6, &soa()),
        None => {}
    }
    reply
}

/// What stands in the record of this type at this name.
fn data(name: &str, kind: u16, key: &str) -> Option<Vec<u8>> {
    let text = |text: &str| Some([&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat());
    match (kind, name) {
        (1, "mx.example.net" | "ns1.example.com") => Some(vec![127, 0, 0, 1]),
        (2, "example.com") => Some(wire("ns1.example.com")),
        (6, "example.com") => Some(soa()),
        (5, name) if name.starts_with("mailer.") => Some(wire("bounce.example.net")),
        (15, name) if name.starts_with('d') => Some([vec![0, 10], wire("mx.example.net")].concat()),
        (16, name) if name.starts_with("pr1.") => text(key),
        (16, name) if name.starts_with("_dmarc.") => text("v=DMARC1; p=none"),
        (16, name) if name.starts_with('d') => text("v=spf1 ip4:192.0.2.1 ~all"),
        _ => None,
    }
}

fn soa() -> Vec<u8> {
    [wire("ns1.example.com"), wire("hostmaster.example.com"), vec![0; 20]].concat()
}

fn wire(name: &str) -> Vec<u8> {
    let labels =
        name.split('.').map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat());
    labels.chain([vec![0]]).flatten().collect()
}
