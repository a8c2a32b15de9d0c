//! Raw octets over a socket against a listener, with deadlines of fractions of a second.

mod answers;
mod heads;
mod limits;
mod live;
mod stop;
mod tls;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use postroom::id::AccountId;

use super::{Admission, Answer, Deadlines, Entry, Lane, ListenError, Listener, Settings, StopHandle};
use crate::wire::http::{
    Body, BodyFault, HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode,
};
use crate::wire::{Events, Following, Pieces};

/// What [`Echo`] takes as a body.
const BODY_LIMIT: usize = 1000;

/// Says back what it was asked, and misbehaves where the path says so.
struct Echo;

impl Answer for Echo {
    fn enter(self: Arc<Self>, mut request: Request) -> Entry {
        if request.path == "/refused" {
            let headers = HeaderMap::new();
            return Entry::Answered(Response {
                status: StatusCode::UNAUTHORIZED,
                headers,
                body: Body::EMPTY,
            });
        }
        let account = request.header("account").and_then(|number| number.parse().ok()).unwrap_or(1);
        Entry::Admitted(Admission {
            lane: if request.method == Method::GET { Lane::Reads } else { Lane::Writes },
            account: (account > 0).then(|| AccountId::new(account)),
            body_limit: if request.path == "/batch" { 10 * BODY_LIMIT } else { BODY_LIMIT },
            answer: Box::new(move |body| {
                request.body = body;
                Echo::answer(request)
            }),
            render: Arc::new(|fault| Response {
                status: StatusCode::SERVICE_UNAVAILABLE,
                headers: HeaderMap::new(),
                body: fault.to_string().into(),
            }),
        })
    }
}

impl Echo {
    fn answer(request: Request) -> Response {
        let Request { method, path, query, body, headers: headers_in, .. } = request;
        let mut headers = HeaderMap::new();
        let (status, said) = match (path.as_str(), body) {
            (_, Err(BodyFault::TooLarge)) => (413, "Echo: too large".to_owned()),
            (_, Err(BodyFault::Incomplete)) => (400, "Echo: incomplete".to_owned()),
            (_, Err(BodyFault::NoRoom)) => (503, "Echo: no room".to_owned()),
            ("/panic", _) => panic!("asked to"),
            ("/slow", Ok(_)) => {
                thread::sleep(ms(500));
                (200, "slow".to_owned())
            }
            ("/pieces", Ok(_)) => return in_pieces(),
            ("/live", Ok(_)) => return live(&headers_in),
            ("/lots", Ok(_)) => (200, "x".repeat(20 << 20)),
            ("/empty", Ok(_)) => (204, String::new()),
            ("/own-framing", Ok(_)) => {
                headers.insert(HeaderName::from_static("content-length"), HeaderValue::from_static("3"));
                headers
                    .insert(HeaderName::from_static("transfer-encoding"), HeaderValue::from_static("gzip"));
                (200, "longer than three".to_owned())
            }
            _ if method == Method::CONNECT || method == Method::TRACE => (405, "no".to_owned()),
            (path, Ok(body)) => {
                let query = query.map(|query| format!("?{query}")).unwrap_or_default();
                (200, format!("{method} {path}{query} {}", String::from_utf8_lossy(&body)))
            }
        };
        Response { status: StatusCode::from_u16(status).expect("a status"), headers, body: said.into() }
    }
}

/// Six hundred pieces of 32 KiB, many more than sockets hold.
fn in_pieces() -> Response {
    let mut made = 0;
    let pieces = Pieces::new(move || {
        made += 1;
        MADE.fetch_add(1, Ordering::SeqCst);
        Ok((made <= 600).then(|| vec![b'p'; 32 * 1024]))
    });
    Response { status: StatusCode::OK, headers: HeaderMap::new(), body: Body::Pieces(pieces) }
}

/// Every other look finds something; there are as many looks as the request says.
fn live(asked: &HeaderMap) -> Response {
    let number =
        |name, usual| asked.get(name).and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(usual);
    let (account, most) = (number("account", 1), number("looks", i64::MAX));
    let mut looks = 0;
    let events = Events::new(Following { account: AccountId::new(account), link: None }, move || {
        looks += 1;
        (looks <= most).then(|| if looks % 2 == 1 { format!("data: {looks}\n\n").into() } else { Vec::new() })
    });
    Response { status: StatusCode::OK, headers: HeaderMap::new(), body: Body::Events(events) }
}

/// How many pieces were made.
static MADE: AtomicUsize = AtomicUsize::new(0);

struct Server {
    address: SocketAddr,
    stop: StopHandle,
    thread: Option<JoinHandle<Result<(), ListenError>>>,
}

impl Server {
    fn start() -> Server {
        Server::with(loopback(), quick())
    }

    fn with(settings: Settings, deadlines: Deadlines) -> Server {
        let mut listener = Listener::bind(settings).expect("a free port");
        listener.front.deadlines = deadlines;
        let (address, stop) = (listener.local_addr(), listener.stop_handle());
        let thread = Some(thread::spawn(move || listener.run(Arc::new(Echo)).map(|_| ())));
        Server { address, stop, thread }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(ms(10_000))).expect("a timeout");
        stream
    }

    /// All that comes back for these octets, until the server closes.
    fn ask(&self, raw: &[u8]) -> Vec<Reply> {
        let mut stream = self.connect();
        send(&mut stream, raw);
        replies(&all(&mut stream))
    }

    fn ended(&mut self) -> Result<(), ListenError> {
        self.thread.take().expect("not ended before").join().expect("no panic")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

/// A response, taken apart as far as a test needs it.
#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: String,
}

fn loopback() -> Settings {
    Settings { grace: ms(3000), ..Settings::at((Ipv4Addr::LOCALHOST, 0).into()) }
}

fn quick() -> Deadlines {
    Deadlines {
        idle: ms(500),
        head: ms(500),
        body: ms(500),
        write: ms(500),
        handshake: ms(500),
        linger: ms(300),
        unfinished: ms(300),
        look: ms(50),
        stream: ms(60_000),
    }
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Sends what the server takes; it may close while there is more.
fn send(stream: &mut TcpStream, raw: &[u8]) {
    let _ = stream.write_all(raw);
}

fn all(stream: &mut impl Read) -> Vec<u8> {
    let mut octets = Vec::new();
    // A reset ends a connection as well as its end does.
    if let Err(error) = stream.read_to_end(&mut octets) {
        assert_ne!(
            error.kind(),
            std::io::ErrorKind::WouldBlock,
            "the connection stays open after {octets:?}"
        );
    }
    octets
}

/// Reads one response and no octet more.
fn one(stream: &mut impl Read) -> Reply {
    let mut octets = Vec::new();
    let mut octet = [0];
    loop {
        stream.read_exact(&mut octet).expect("a whole response");
        octets.push(octet[0]);
        if octets.ends_with(b"\r\n\r\n") {
            let mut reply = replies(&octets).remove(0);
            let mut body = vec![0; length(&reply.head)];
            stream.read_exact(&mut body).expect("a whole body");
            reply.body = String::from_utf8(body).expect("text");
            return reply;
        }
    }
}

fn replies(octets: &[u8]) -> Vec<Reply> {
    let text = String::from_utf8_lossy(octets);
    let mut rest = text.as_ref();
    let mut replies = Vec::new();
    while let Some((head, after)) = rest.split_once("\r\n\r\n") {
        let status = head.get(9..12).and_then(|status| status.parse().ok()).expect("a status line");
        let (body, next) = after.split_at(length(head).min(after.len()));
        replies.push(Reply { status, head: head.to_ascii_lowercase(), body: body.to_owned() });
        rest = next;
    }
    assert_eq!(rest, "", "only responses come back");
    replies
}

fn length(head: &str) -> usize {
    head.to_ascii_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ").and_then(|length| length.parse().ok()))
        .unwrap_or(0)
}

fn statuses(replies: &[Reply]) -> Vec<u16> {
    replies.iter().map(|reply| reply.status).collect()
}

fn half_close(stream: &TcpStream) {
    stream.shutdown(Shutdown::Write).expect("to shut");
}
