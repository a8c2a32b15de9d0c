//! An HTTP client that does next to nothing, so that what is measured is the server.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// A request, ready to be sent, and the status that it must be answered with.
#[derive(Clone)]
pub(crate) struct Question {
    octets: Vec<u8>,
    status: &'static [u8],
}

impl Question {
    /// `GET /healthz`.
    pub(crate) fn health() -> Question {
        Question { octets: b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), status: b"200" }
    }

    /// A GET with the key in the place of each dialect.
    pub(crate) fn get(target: &str, key: &str) -> Question {
        let basic = STANDARD.encode(format!("api:{key}"));
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\nMailPace-Organization-Token: {key}\r\nX-API-Key: {key}\r\n\
             Authorization: Basic {basic}\r\n\r\n"
        );
        Question { octets: head.into_bytes(), status: b"200" }
    }

    /// An authenticated POST that creates something.
    pub(crate) fn post(target: &str, key: &str, body: &str) -> Question {
        let request = format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\nMailPace-Organization-Token: {key}\r\n\
             X-API-Key: {key}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Question { octets: request.into_bytes(), status: b"201" }
    }

    /// The same where it is answered by 200.
    pub(crate) fn post_many(target: &str, key: &str, body: &str) -> Question {
        Question { status: b"200", ..Question::post(target, key, body) }
    }
}

/// A connection that is kept.
pub(crate) struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
    chunk: Box<[u8]>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        Ok(Connection { stream, answer: Vec::new(), chunk: vec![0; 64 * 1024].into() })
    }

    /// How long it takes from the request's first octet to the answer's last. Another status than the one
    /// expected is an error: what is refused is quick.
    pub(crate) fn time(&mut self, question: &Question) -> io::Result<Duration> {
        let started = Instant::now();
        self.stream.write_all(&question.octets)?;
        self.answer.clear();
        let mut whole = None;
        while !is_whole(&self.answer, whole) {
            let count = self.stream.read(&mut self.chunk)?;
            if count == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.answer.extend_from_slice(self.chunk.get(..count).unwrap_or_default());
            whole = whole.or_else(|| length(&self.answer));
        }
        let time = started.elapsed();
        if self.answer.get(9..12) == Some(question.status) {
            Ok(time)
        } else {
            Err(io::Error::other(String::from_utf8_lossy(&self.answer).into_owned()))
        }
    }
}

/// Whether all of an answer is there: one of this length, or one in chunks (RFC 9112 section 7.1), which ends with an empty one.
fn is_whole(answer: &[u8], length: Option<usize>) -> bool {
    length.map_or_else(|| answer.ends_with(b"\r\n0\r\n\r\n"), |length| answer.len() >= length)
}

/// How long an answer is in all, as soon as its head is there and says it.
fn length(answer: &[u8]) -> Option<usize> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = str::from_utf8(answer.get(..end)?).ok()?;
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let (_, length) = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?;
    Some(end + length.trim().parse::<usize>().ok()?)
}
