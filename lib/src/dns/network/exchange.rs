//! One question put to one server, and its reply.
//!
//! hickory's client does the work: a random id, source port and letter case (0x20) that the reply must
//! match (RFC 5452), retransmission, and the parsing of hostile octets. Here is what it leaves to its
//! caller: a reply cut short is fetched over TCP (RFC 7766 section 5), as is one that UDP garbled or whose
//! letter case a server did not keep; a server that does not know EDNS is asked without (RFC 6891 section
//! 7). The whole is over at the given instant.

use std::io;
use std::net::SocketAddr;

use hickory_resolver::net::NetError;
use hickory_resolver::net::tcp::TcpClientStream;
use hickory_resolver::net::udp::UdpClientStream;
use hickory_resolver::net::xfer::{DnsHandle, DnsRequestSender, FirstAnswer};
use hickory_resolver::proto::op::{DnsRequest, DnsRequestOptions, Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType as WireType};
use tokio::time::{Instant, timeout_at};

use super::Asking;
use super::socket::Sockets;
use crate::dns::{NotAsked, Outcome, SendingBudget};

/// How often a question goes out over UDP while no reply comes.
const UDP_ATTEMPTS: u8 = 3;
/// Of the time there is, the part after which the question is sent again.
const RESEND_AFTER: u32 = 4;

/// What is asked of a server.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) name: Name,
    pub(super) wire_type: WireType,
    pub(super) of: Whom,
}

/// What kind of server is asked.
#[derive(Clone)]
pub(super) enum Whom {
    /// A recursive resolver, which finds out itself (RD).
    Recursive,
    /// A recursive resolver that is to say whether it has validated its answer by DNSSEC (DO, RFC 3225).
    Validating,
    /// A recursive resolver that is to pass on what it cannot validate as well (CD, RFC 4035 section 3.2.2).
    NotValidating,
    /// A name server of a zone, which says what it has. No more is sent to it than this budget has.
    NameServer(SendingBudget),
}

/// Why there is no reply.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    Timeout,
    Malformed(String),
    Unreachable(String),
    /// The budget has nothing left for this server.
    Spent,
}

impl From<Trouble> for Outcome {
    fn from(trouble: Trouble) -> Outcome {
        match trouble {
            Trouble::Timeout => Outcome::Timeout,
            Trouble::Malformed(detail) => Outcome::Malformed { detail },
            Trouble::Unreachable(detail) => Outcome::Unreachable { detail },
            Trouble::Spent => Outcome::NotAsked { why: NotAsked::Spent },
        }
    }
}

impl Asking {
    /// The reply of `server`, to this question for sure, and whole.
    pub(super) async fn ask(
        &self,
        server: SocketAddr,
        ask: &Ask,
        until: Instant,
    ) -> Result<Message, Trouble> {
        let places = match ask.of {
            Whom::Recursive | Whom::Validating | Whom::NotValidating => &self.recursive,
            Whom::NameServer(_) => &self.authoritative,
        };
        // Held until the reply is here.
        let _place = timeout_at(until, places.take()).await.map_err(|_| Trouble::Timeout)?;
        let reply = exchange(server, ask, true, until).await?;
        match reply.metadata.response_code {
            ResponseCode::FormErr | ResponseCode::NotImp | ResponseCode::BADVERS => {
                // The first reply stands if it was not for EDNS.
                Ok(exchange(server, ask, false, until).await.unwrap_or(reply))
            }
            _ => Ok(reply),
        }
    }
}

async fn exchange(server: SocketAddr, ask: &Ask, edns: bool, until: Instant) -> Result<Message, Trouble> {
    let over_udp = over_udp(server, ask, edns, until).await;
    let why_tcp = match over_udp {
        Ok(reply) if !reply.metadata.truncation => return Ok(reply),
        Ok(_) => None,
        // Octets lost on the way look like this as well: the server sent more than we said we take.
        Err(Trouble::Malformed(detail)) => Some(detail),
        Err(trouble) => return Err(trouble),
    };
    match (over_tcp(server, ask, edns, until).await, why_tcp) {
        (Ok(reply), _) => Ok(reply),
        (Err(_), Some(detail)) => Err(Trouble::Malformed(detail)),
        (Err(Trouble::Timeout), None) => Err(Trouble::Unreachable(
            "its answer is too long for UDP, and over TCP it sent none in time".into(),
        )),
        (Err(Trouble::Unreachable(detail)), None) => {
            Err(Trouble::Unreachable(format!("its answer is too long for UDP, and over TCP: {detail}")))
        }
        (Err(trouble), None) => Err(trouble),
    }
}

async fn over_udp(server: SocketAddr, ask: &Ask, edns: bool, until: Instant) -> Result<Message, Trouble> {
    let remaining = until.saturating_duration_since(Instant::now());
    let mut options = options(ask, edns);
    options.case_randomization = true;
    options.retry_interval = remaining / RESEND_AFTER;
    let request = ask.request(options);
    let mut stream = UdpClientStream::builder(server, ask.sockets())
        .with_timeout(Some(remaining))
        .with_max_retries(UDP_ATTEMPTS)
        .build();
    let reply = timeout_at(until, stream.send_message(request).first_answer()).await;
    match reply {
        Ok(Ok(response)) => Ok(Message::clone(&response)),
        Ok(Err(error)) => Err(trouble(&error)),
        Err(_) => Err(Trouble::Timeout),
    }
}

async fn over_tcp(server: SocketAddr, ask: &Ask, edns: bool, until: Instant) -> Result<Message, Trouble> {
    let remaining = until.saturating_duration_since(Instant::now());
    // The connection's task lives as long as this.
    let sockets = ask.sockets();
    let reply = timeout_at(until, async {
        let connection = TcpClientStream::exchange(server, None, remaining, None, sockets.clone()).await?;
        connection.send(ask.request(options(ask, edns))).first_answer().await
    });
    let response = match reply.await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(trouble(&error)),
        Err(_) => return Err(Trouble::Timeout),
    };
    // Over TCP hickory checks the id alone.
    if response.queries != [ask.query()] {
        return Err(Trouble::Malformed("it answered another question over TCP".into()));
    }
    if response.metadata.truncation {
        return Err(Trouble::Malformed("its answer is cut short even over TCP".into()));
    }
    Ok(Message::clone(&response))
}

impl Ask {
    fn query(&self) -> Query {
        Query::query(self.name.clone(), self.wire_type)
    }

    fn request(&self, options: DnsRequestOptions) -> DnsRequest {
        let mut request = DnsRequest::from_query(self.query(), options);
        request.metadata.checking_disabled = matches!(self.of, Whom::NotValidating);
        request
    }

    fn sockets(&self) -> Sockets {
        match &self.of {
            Whom::Recursive | Whom::Validating | Whom::NotValidating => Sockets::default(),
            Whom::NameServer(budget) => Sockets::within(budget.clone()),
        }
    }
}

fn options(ask: &Ask, edns: bool) -> DnsRequestOptions {
    let mut options = DnsRequestOptions::default();
    options.use_edns = edns;
    options.recursion_desired = !matches!(ask.of, Whom::NameServer(_));
    options.edns_set_dnssec_ok = matches!(ask.of, Whom::Validating);
    options
}

fn trouble(error: &NetError) -> Trouble {
    match error {
        NetError::Timeout => Trouble::Timeout,
        NetError::Io(error) if error.kind() == io::ErrorKind::TimedOut => Trouble::Timeout,
        NetError::Io(error) if error.kind() == io::ErrorKind::QuotaExceeded => Trouble::Spent,
        // The kind says it without the system's number for it.
        NetError::Io(error) => Trouble::Unreachable(error.kind().to_string()),
        NetError::QueryCaseMismatch => {
            Trouble::Malformed("it did not keep the letter case of the question".into())
        }
        NetError::Proto(error) => Trouble::Malformed(format!("it cannot be read: {error}")),
        error => Trouble::Unreachable(error.to_string()),
    }
}
