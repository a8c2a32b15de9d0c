//! Listening to a mail host: its greeting, what it offers on EHLO (RFC 5321 section 4.1.1.1), and the certificate that it shows
//! after STARTTLS (RFC 3207). No mail is sent.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use postroom::advisory::{Smtp, SmtpHost};
use postroom::egress::VettedAddresses;
use postroom::name::DnsName;
use tokio_rustls::rustls::RootCertStore;

use super::certificate;
use super::limited::Limited;

/// How long one connection may take until it stands.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// How long a mail host may take for all that it says; some wait on purpose before they greet.
const PATIENCE: Duration = Duration::from_secs(6);
/// So many addresses of a host are tried.
const MOST_ADDRESSES: usize = 2;
/// The most octets that are read of what it says, with its certificates.
const MOST_OCTETS: u64 = 64 * 1024;
/// The port of mail (RFC 5321 section 4.5.4.2).
const PORT: u16 = 25;

/// Listens to mail hosts, under this name.
#[derive(Debug)]
pub struct MailScout {
    name: String,
    port: u16,
    roots: RootCertStore,
}

impl MailScout {
    /// One that names itself so in EHLO, and trusts the authorities that browsers trust.
    pub fn named(name: &DnsName) -> MailScout {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        MailScout { name: name.to_string(), port: PORT, roots }
    }

    /// This scout, connecting to another port than 25 and trusting these authorities: for tests.
    #[must_use]
    pub fn at_port(self, port: u16, roots: RootCertStore) -> MailScout {
        MailScout { port, roots, ..self }
    }
}

impl Smtp for MailScout {
    fn greet(&self, host: &DnsName, addresses: &VettedAddresses) -> Result<SmtpHost, String> {
        let mut why = "it does not answer".to_owned();
        for ip in addresses.iter().take(MOST_ADDRESSES) {
            match TcpStream::connect_timeout(&SocketAddr::new(ip, self.port), CONNECT_WITHIN) {
                Ok(stream) => {
                    let stream = Limited { stream, until: Instant::now() + PATIENCE, left: MOST_OCTETS };
                    return self.listen(host, stream);
                }
                Err(error) => why = format!("it cannot be reached at {ip} ({})", error.kind()),
            }
        }
        Err(why)
    }
}

impl MailScout {
    fn listen(&self, host: &DnsName, stream: Limited) -> Result<SmtpHost, String> {
        let broken = |error: io::Error| format!("it breaks off ({})", error.kind());
        let mut lines = BufReader::new(stream);
        let greeting = reply(&mut lines).map_err(broken)?;
        if !greeting.first().is_some_and(|line| line.starts_with("220")) {
            return Err("it greets with a refusal".to_owned());
        }
        let offers = said(&mut lines, &format!("EHLO {}", self.name)).map_err(broken)?;
        let is_offer =
            |line: &String| line.get(4..).is_some_and(|word| word.trim().eq_ignore_ascii_case("STARTTLS"));
        if !offers.iter().any(is_offer) {
            // Whether it hears that does not matter.
            let _ = lines.get_mut().write_all(b"QUIT\r\n");
            return Ok(SmtpHost::Plain);
        }
        let begins = match said(&mut lines, "STARTTLS") {
            Ok(begins) => begins,
            Err(error) => return Ok(SmtpHost::Broken(broken(error))),
        };
        if !begins.first().is_some_and(|line| line.starts_with("220")) {
            let what = begins.concat();
            return Ok(SmtpHost::Broken(format!("it answers \"{}\" to STARTTLS", what.trim())));
        }
        // What came before the encryption must not count as said within it (RFC 3207 section 6).
        if !lines.buffer().is_empty() {
            return Ok(SmtpHost::Broken("it goes on unencrypted after STARTTLS".to_owned()));
        }
        let presented = certificate::presented(host, lines.get_mut(), &self.roots);
        Ok(presented.map_or_else(SmtpHost::Broken, SmtpHost::Encrypted))
    }
}

/// The reply to a command.
fn said(lines: &mut BufReader<Limited>, command: &str) -> io::Result<Vec<String>> {
    lines.get_mut().write_all(format!("{command}\r\n").as_bytes())?;
    reply(lines)
}

/// The lines of one reply: the last one has a space after its code, the others a hyphen (RFC 5321 section 4.2.1).
fn reply(lines: &mut impl BufRead) -> io::Result<Vec<String>> {
    let mut read = Vec::new();
    loop {
        let mut line = Vec::new();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        let goes_on = line.as_bytes().get(3) == Some(&b'-');
        read.push(line);
        if !goes_on {
            return Ok(read);
        }
    }
}
