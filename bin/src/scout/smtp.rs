//! Listening to a mail host: its greeting, and what it offers on EHLO (RFC 5321 section 4.1.1.1, RFC 3207).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use postroom::advisory::{Smtp, SmtpHost};
use postroom::egress::VettedAddresses;
use postroom::name::DnsName;

/// How long one connection may take until it stands.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// How long a mail host may take for all that it says; some wait on purpose before they greet.
const PATIENCE: Duration = Duration::from_secs(6);
/// So many addresses of a host are tried.
const MOST_ADDRESSES: usize = 2;
/// The most octets that are read of what it says.
const MOST_OCTETS: u64 = 16 * 1024;
/// The port of mail (RFC 5321 section 4.5.4.2).
const PORT: u16 = 25;

/// Listens to mail hosts, under this name.
#[derive(Debug)]
pub struct MailScout {
    name: String,
    port: u16,
}

impl MailScout {
    /// One that names itself so in EHLO.
    pub fn named(name: &DnsName) -> MailScout {
        MailScout { name: name.to_string(), port: PORT }
    }

    /// This scout, connecting to another port than 25: for tests.
    #[must_use]
    pub fn at_port(self, port: u16) -> MailScout {
        MailScout { port, ..self }
    }
}

impl Smtp for MailScout {
    fn greet(&self, _: &DnsName, addresses: &VettedAddresses) -> Result<SmtpHost, String> {
        let mut why = "it does not answer".to_owned();
        for ip in addresses.iter().take(MOST_ADDRESSES) {
            match TcpStream::connect_timeout(&SocketAddr::new(ip, self.port), CONNECT_WITHIN) {
                Ok(stream) => return self.listen(&stream),
                Err(error) => why = format!("it cannot be reached at {ip} ({})", error.kind()),
            }
        }
        Err(why)
    }
}

impl MailScout {
    fn listen(&self, stream: &TcpStream) -> Result<SmtpHost, String> {
        let broken = |error: std::io::Error| format!("it breaks off ({})", error.kind());
        let until = Instant::now() + PATIENCE;
        let mut lines = BufReader::new(stream.take(MOST_OCTETS));
        let greeting = reply(stream, &mut lines, until).map_err(broken)?;
        if !greeting.first().is_some_and(|line| line.starts_with("220")) {
            return Err("it greets with a refusal".to_owned());
        }
        let mut writer = stream;
        writer.write_all(format!("EHLO {}\r\n", self.name).as_bytes()).map_err(broken)?;
        let offers = reply(stream, &mut lines, until).map_err(broken)?;
        // Whether it hears that does not matter.
        let _ = writer.write_all(b"QUIT\r\n");
        let is_offer =
            |line: &String| line.get(4..).is_some_and(|word| word.trim().eq_ignore_ascii_case("STARTTLS"));
        Ok(SmtpHost { starttls: offers.iter().any(is_offer) })
    }
}

/// The lines of one reply: the last one has a space after its code, the others a hyphen (RFC 5321 section 4.2.1).
fn reply(
    stream: &TcpStream,
    lines: &mut impl BufRead,
    until: Instant,
) -> Result<Vec<String>, std::io::Error> {
    let mut read = Vec::new();
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        stream.set_write_timeout(Some(left))?;
        let mut line = Vec::new();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        let goes_on = line.as_bytes().get(3) == Some(&b'-');
        read.push(line);
        if !goes_on {
            return Ok(read);
        }
    }
}
