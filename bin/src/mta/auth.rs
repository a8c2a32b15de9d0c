//! The socket `auth`: Dovecot's authentication protocol, version 1.2, as Postfix speaks it to check who may send.
//!
//! A domain token is the password; the domain, or any address at it, is the user name. Lines end with LF, and their parts are
//! divided by tabs.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postroom::mail;
use postroom::secret::SecretKind;
use tracing::{error, info};

use super::{Found, Protocol, Step, Uses, take};
use crate::delivery::Deliverer;
use crate::watch::Login;

/// The most octets of a line.
pub const MAX_LINE_OCTETS: usize = 8192;
/// The most authentications that one connection may have begun at a time.
const MOST_BEGUN: usize = 64;

/// A line as a client may send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthLine<'a> {
    /// The version of the protocol that it speaks.
    Version {
        /// Where this differs, the two sides do not understand each other.
        major: u32,
    },
    /// Its process.
    Cpid,
    /// An authentication begins.
    Auth {
        /// Its number.
        id: u32,
        /// How the client authenticates.
        mechanism: &'a str,
        /// What it says at once, in Base64.
        response: Option<&'a str>,
    },
    /// An authentication goes on.
    Cont {
        /// Its number.
        id: u32,
        /// What the client says, in Base64.
        response: &'a str,
    },
    /// Some other command, which a later version may have.
    Other,
}

/// Reads the line at the start of `octets`.
pub fn read(octets: &[u8]) -> Found<AuthLine<'_>> {
    let Some(end) = octets.iter().take(MAX_LINE_OCTETS).position(|octet| *octet == b'\n') else {
        return if octets.len() < MAX_LINE_OCTETS { Found::Part } else { Found::Broken };
    };
    let line = octets.get(..end).and_then(|line| std::str::from_utf8(line).ok()).and_then(parse);
    line.map_or(Found::Broken, |line| Found::Whole(line, end + 1))
}

fn parse(line: &str) -> Option<AuthLine<'_>> {
    let mut parts = line.split('\t');
    Some(match parts.next()? {
        "VERSION" => AuthLine::Version { major: parts.next()?.parse().ok()? },
        "CPID" => AuthLine::Cpid,
        "AUTH" => {
            let (id, mechanism) = (parts.next()?.parse().ok()?, parts.next()?);
            AuthLine::Auth { id, mechanism, response: parts.find_map(|part| part.strip_prefix("resp=")) }
        }
        "CONT" => {
            AuthLine::Cont { id: parts.next()?.parse().ok()?, response: parts.next().unwrap_or_default() }
        }
        _ => AuthLine::Other,
    })
}

/// What an authentication waits for.
enum Awaited {
    /// All of it, by PLAIN.
    Plain,
    /// The user name, by LOGIN.
    Name,
    /// The password, by LOGIN.
    Password { name: String },
}

/// A connection that authenticates senders.
pub struct SenderAuth {
    deliverer: Arc<Deliverer>,
    uses: Arc<Uses>,
    connection: u64,
    /// Whether the client has said which version it speaks.
    has_begun: bool,
    begun: HashMap<u32, Awaited>,
}

impl SenderAuth {
    /// Authenticates with the tokens of the deliverer's database. `connection` tells connections apart.
    pub fn new(deliverer: Arc<Deliverer>, uses: Arc<Uses>, connection: u64) -> SenderAuth {
        SenderAuth { deliverer, uses, connection, has_begun: false, begun: HashMap::new() }
    }

    /// The answer to a line; none ends the conversation.
    fn answer(&mut self, line: &AuthLine<'_>) -> Option<String> {
        match line {
            AuthLine::Version { major } => {
                self.has_begun = true;
                (*major == 1).then(String::new)
            }
            _ if !self.has_begun => None,
            AuthLine::Cpid | AuthLine::Other => Some(String::new()),
            AuthLine::Auth { id, mechanism, response } => {
                if self.begun.len() >= MOST_BEGUN || self.begun.contains_key(id) {
                    return None;
                }
                let awaited = match *mechanism {
                    "PLAIN" => Awaited::Plain,
                    "LOGIN" => Awaited::Name,
                    _ => return Some(format!("FAIL\t{id}\treason=Unsupported authentication mechanism\n")),
                };
                Some(match response {
                    Some(response) => self.go_on(*id, awaited, response),
                    None => self.ask(*id, awaited),
                })
            }
            AuthLine::Cont { id, response } => {
                let awaited = self.begun.remove(id)?;
                Some(self.go_on(*id, awaited, response))
            }
        }
    }

    fn ask(&mut self, id: u32, awaited: Awaited) -> String {
        let prompt = match awaited {
            Awaited::Plain => "",
            Awaited::Name => "Username:",
            Awaited::Password { .. } => "Password:",
        };
        self.begun.insert(id, awaited);
        format!("CONT\t{id}\t{}\n", STANDARD.encode(prompt))
    }

    fn go_on(&mut self, id: u32, awaited: Awaited, response: &str) -> String {
        let decoded = STANDARD.decode(response).ok().and_then(|octets| String::from_utf8(octets).ok());
        let Some(text) = decoded else { return format!("FAIL\t{id}\n") };
        match awaited {
            Awaited::Plain => match text.split('\0').collect::<Vec<_>>()[..] {
                // Nobody acts for somebody else (RFC 4616 section 2).
                [identity, name, password] if identity.is_empty() || identity == name => {
                    self.decide(id, name, password)
                }
                _ => format!("FAIL\t{id}\n"),
            },
            Awaited::Name => self.ask(id, Awaited::Password { name: text }),
            Awaited::Password { name } => self.decide(id, &name, &text),
        }
    }

    fn decide(&self, id: u32, name: &str, password: &str) -> String {
        // Whatever a client calls itself must not become a part of the answer; nor does a secret that somebody typed as the name.
        let is_plain =
            name.len() <= 320 && name.chars().all(|c| c.is_ascii_graphic()) && !is_like_secret(name);
        let user = if is_plain { format!("\tuser={name}") } else { String::new() };
        let postroom = &self.deliverer.postroom;
        match postroom.read(|tx| mail::log_in(tx, name, password)) {
            Ok(Some(login)) => {
                self.uses.note(login.token, postroom.now());
                self.deliverer.metrics.count_login(Login::Accepted);
                format!("OK\t{id}\tuser={}@{}\n", login.token, login.domain)
            }
            Ok(None) => {
                info!(user = if is_plain { name } else { "?" }, "a sender was refused");
                self.deliverer.metrics.count_login(Login::Refused);
                self.count_refused(name);
                format!("FAIL\t{id}{user}\n")
            }
            Err(trouble) => {
                error!(%trouble, "a sender could not be authenticated; the client tries again");
                self.deliverer.metrics.count_login(Login::Deferred);
                format!("FAIL\t{id}\ttemp\n")
            }
        }
    }
}

/// Whether a name begins as the secrets of Postroom do.
fn is_like_secret(name: &str) -> bool {
    [SecretKind::DomainToken, SecretKind::AccountKey].iter().any(|kind| name.starts_with(kind.prefix()))
}

impl SenderAuth {
    fn count_refused(&self, name: &str) {
        let domain = name.rsplit_once('@').map_or(name, |(_, domain)| domain).parse();
        // What cannot be looked up now is not counted; it is in the log.
        if let Ok(domain) = domain
            && let Ok(Some(domain)) = self.deliverer.postroom.read(|tx| mail::domain_of(tx, &domain))
        {
            self.deliverer.tally.note(domain, |counts| counts.logins_refused += 1);
        }
    }
}

impl Protocol for SenderAuth {
    fn greeting(&mut self) -> Vec<u8> {
        let mut cookie = [0_u8; 16];
        // The cookie links two connections in Dovecot itself; here nothing rests on it.
        let _ = getrandom::fill(&mut cookie);
        let cookie = u128::from_be_bytes(cookie);
        let (process, connection) = (std::process::id(), self.connection);
        format!(
            "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t{process}\nCUID\t{connection}\n\
             COOKIE\t{cookie:032x}\nDONE\n"
        )
        .into_bytes()
    }

    fn step(&mut self, input: &mut Vec<u8>) -> Step {
        let (answer, used) = match read(input) {
            Found::Part => return Step::More,
            Found::Broken => return Step::Close,
            Found::Whole(line, used) => (self.answer(&line), used),
        };
        // It may hold a password.
        take(input, used).fill(0);
        answer.map_or(Step::Close, |answer| Step::Answer(answer.into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_read_as_postfix_writes_them() {
        for (text, line) in [
            ("VERSION\t1\t1\n", AuthLine::Version { major: 1 }),
            ("CPID\t77\n", AuthLine::Cpid),
            (
                "AUTH\t1\tPLAIN\tservice=smtp\tnologin\tlip=127.0.0.1\tsecured\tresp=AGE=\n",
                AuthLine::Auth { id: 1, mechanism: "PLAIN", response: Some("AGE=") },
            ),
            ("AUTH\t2\tLOGIN\tservice=smtp\n", AuthLine::Auth { id: 2, mechanism: "LOGIN", response: None }),
            ("CONT\t2\tYQ==\n", AuthLine::Cont { id: 2, response: "YQ==" }),
            ("\n", AuthLine::Other),
        ] {
            assert_eq!(read(text.as_bytes()), Found::Whole(line, text.len()));
        }
        for broken in
            [&b"VERSION\n"[..], b"VERSION\tx\n", b"AUTH\t-1\tPLAIN\n", b"AUTH\t1\n", b"CONT\n", b"\xff\n"]
        {
            assert_eq!(read(broken), Found::Broken);
        }
        assert_eq!(read(&[b'a'; MAX_LINE_OCTETS]), Found::Broken);
        assert_eq!(read(&[b'a'; MAX_LINE_OCTETS - 1]), Found::Part);
    }

    proptest! {
        #[test]
        fn any_octets_are_read_and_what_is_cut_is_a_part(octets in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Found::Whole(_, used) = read(&octets) {
                prop_assert_eq!(octets[used - 1], b'\n');
                prop_assert!((0..used).all(|end| read(&octets[..end]) == Found::Part));
            }
        }
    }
}
