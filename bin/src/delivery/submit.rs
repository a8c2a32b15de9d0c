//! The client's side of SMTP: a message for one recipient goes to a mail server, and the server's reply comes back (RFC 5321).

use std::io::{self, BufWriter, Read as _, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::{Found, take};
use crate::scout::limited::Limited;

/// How long a server may take to be reached; for all that is said before the message, in which some wait on purpose; and to reply to the
/// whole message. However it splits its octets, no part lasts longer.
///
/// RFC 5321 section 4.5.3.2.6 asks for ten minutes for the last one, because a server that is not waited for gets the message twice. But
/// the mail server whose message it is waits ten minutes itself (Postfix's `lmtp_data_done_timeout`), for all that is done here.
const CONNECTING: Duration = Duration::from_secs(10);
const OPENING: Duration = Duration::from_secs(40);
const TAKING: Duration = Duration::from_mins(5);
/// How long it may take to read this many octets of a message, beside ten seconds for all.
const READING: Duration = Duration::from_secs(1);
const OCTETS_READ: usize = 128 * 1024;
/// The most octets of a reply with all of its lines.
pub const MAX_REPLY_OCTETS: usize = 16 * 1024;

/// A message under way to one recipient.
#[derive(Clone, Copy)]
pub(crate) struct Sending<'a> {
    /// What this machine calls itself.
    pub(crate) helo: &'a str,
    /// Empty for `<>`.
    pub(crate) sender: &'a str,
    pub(crate) recipient: &'a str,
    pub(crate) is_8bit: bool,
    pub(crate) is_utf8: bool,
    /// Header fields above the others, each with CR and LF at its end.
    pub(crate) top: &'a str,
    pub(crate) message: &'a [u8],
}

/// A server's reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its three digits.
    pub code: u16,
    /// Its lines, without the code.
    pub lines: Vec<String>,
}

/// Why a message is not sent, as far as it is known.
#[derive(Debug)]
pub(crate) enum NotSent {
    /// No server has it, so another one may get it.
    Kept(io::Error),
    /// A server got all of it, and did not say what became of it. It may have it: another one that got it would make two of it.
    InDoubt(io::Error),
}

impl From<io::Error> for NotSent {
    fn from(error: io::Error) -> NotSent {
        NotSent::Kept(error)
    }
}

impl Reply {
    /// Whether what was asked for is done. A code from 300 on asks for more, which only DATA has (RFC 5321 section 4.2.1).
    fn is_done(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// A reply that refuses is the answer for the recipient; none other than these has a meaning here.
    fn refusal(self) -> io::Result<Reply> {
        if self.code >= 400 { Ok(self) } else { Err(self.unexpected()) }
    }

    fn unexpected(&self) -> io::Error {
        io::Error::other(format!("it replied {}", self.line()))
    }

    fn offers(&self, extension: &str) -> bool {
        self.lines
            .iter()
            .any(|line| line.split(' ').next().is_some_and(|word| word.eq_ignore_ascii_case(extension)))
    }

    /// It in one line. 421, by which a server ends a conversation, is about that conversation alone.
    pub(crate) fn line(&self) -> String {
        let code = if self.code == 421 { 451 } else { self.code };
        format!("{code} {}", self.lines.join(" ")).trim_end().chars().filter(|c| !c.is_control()).collect()
    }
}

/// Reads the reply at the start of `octets` (RFC 5321 section 4.2).
pub fn read_reply(octets: &[u8]) -> Found<Reply> {
    let (mut used, mut lines) = (0, Vec::new());
    while let Some(end) = octets.get(used..).and_then(|rest| rest.iter().position(|octet| *octet == b'\n')) {
        let line = octets.get(used..used + end).unwrap_or_default();
        used += end + 1;
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
        let digits = line.get(..3).filter(|digits| digits.bytes().all(|octet| octet.is_ascii_digit()));
        let (Some(code), Some(text)) = (digits.and_then(|digits| digits.parse().ok()), line.get(3..)) else {
            return Found::Broken;
        };
        if !(200..600).contains(&code) {
            return Found::Broken;
        }
        let (is_last, text) = match text.strip_prefix('-') {
            Some(text) => (false, text),
            None => (true, text.strip_prefix(' ').unwrap_or(text)),
        };
        lines.push(text.to_owned());
        if is_last {
            return Found::Whole(Reply { code, lines }, used);
        }
        if used > MAX_REPLY_OCTETS {
            return Found::Broken;
        }
    }
    if octets.len() > MAX_REPLY_OCTETS { Found::Broken } else { Found::Part }
}

/// Sends a message to the first of these addresses that lets it begin, of those that are tried before `end`. The reply is the one that
/// decided: to the whole message, or to what was refused before it.
pub(crate) fn send(addresses: &[SocketAddr], sending: &Sending<'_>, end: Instant) -> Result<Reply, NotSent> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "it has no address");
    for address in addresses {
        if Instant::now() >= end {
            return Err(NotSent::Kept(io::ErrorKind::TimedOut.into()));
        }
        let sent =
            TcpStream::connect_timeout(address, CONNECTING).map_err(NotSent::Kept).and_then(|stream| {
                let stream = Limited { stream, until: Instant::now() + OPENING, left: u64::MAX };
                Conversation { stream, input: Vec::new() }.send(sending)
            });
        match sent {
            Err(NotSent::Kept(error)) => last = error,
            decided => return decided,
        }
    }
    Err(NotSent::Kept(last))
}

struct Conversation {
    stream: Limited,
    input: Vec<u8>,
}

impl Conversation {
    fn send(mut self, sending: &Sending<'_>) -> Result<Reply, NotSent> {
        self.stream.stream.set_nodelay(true)?;
        let offered = self.open(sending.helo)?;
        let needs_utf8 = !sending.sender.is_ascii() || !sending.recipient.is_ascii();
        if needs_utf8 && !offered.offers("SMTPUTF8") {
            let lines = vec!["5.6.7 The next mail server takes no address with UTF-8".to_owned()];
            return Ok(Reply { code: 550, lines });
        }
        let has_8bit = sending.is_8bit && offered.offers("8BITMIME");
        let body = if has_8bit { " BODY=8BITMIME" } else { "" };
        let has_utf8 = (sending.is_utf8 || needs_utf8) && offered.offers("SMTPUTF8");
        let utf8 = if has_utf8 { " SMTPUTF8" } else { "" };
        for command in [
            format!("MAIL FROM:<{}>{body}{utf8}", sending.sender),
            format!("RCPT TO:<{}>", sending.recipient),
        ] {
            let reply = self.ask(&command)?;
            if !reply.is_done() {
                return Ok(reply.refusal()?);
            }
        }
        let reply = self.ask("DATA")?;
        if !(300..400).contains(&reply.code) {
            return Ok(reply.refusal()?);
        }
        let pieces = u32::try_from(sending.message.len() / OCTETS_READ).unwrap_or(u32::MAX);
        self.stream.until = Instant::now() + READING * pieces.saturating_add(10);
        let mut writer = BufWriter::new(&mut self.stream);
        // The dot at its end waits in the buffer: until that is written, no server has the message.
        write_message(&mut writer, &[sending.top.as_bytes(), sending.message])?;
        let written = writer.flush();
        drop(writer);
        self.stream.until = Instant::now() + TAKING;
        let reply = written.and_then(|()| self.reply()).map_err(NotSent::InDoubt)?;
        // The message is with the server or it is not, however the conversation ends.
        let _ = self.stream.write_all(b"QUIT\r\n");
        if reply.is_done() { Ok(reply) } else { reply.refusal().map_err(NotSent::InDoubt) }
    }

    /// Begins the conversation, and returns what the server offers. One that refuses says nothing of the recipient: it is no place to send
    /// mail to now.
    fn open(&mut self, helo: &str) -> io::Result<Reply> {
        let greeting = self.reply()?;
        if !greeting.is_done() {
            return Err(greeting.unexpected());
        }
        let offered = self.ask(&format!("EHLO {helo}"))?;
        if offered.is_done() {
            return Ok(offered);
        }
        // An old server that does not know it (RFC 5321 section 3.2), which offers nothing.
        let greeted = self.ask(&format!("HELO {helo}"))?;
        if greeted.is_done() { Ok(Reply { lines: Vec::new(), ..greeted }) } else { Err(greeted.unexpected()) }
    }

    fn ask(&mut self, command: &str) -> io::Result<Reply> {
        self.stream.write_all(format!("{command}\r\n").as_bytes())?;
        self.reply()
    }

    fn reply(&mut self) -> io::Result<Reply> {
        let mut octets = [0; 2048];
        loop {
            match read_reply(&self.input) {
                Found::Whole(reply, used) => {
                    take(&mut self.input, used);
                    return Ok(reply);
                }
                Found::Part => {}
                Found::Broken => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "it does not speak SMTP"));
                }
            }
            match self.stream.read(&mut octets)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => self.input.extend_from_slice(octets.get(..read).unwrap_or_default()),
            }
        }
    }
}

/// Writes a message with a dot before each dot that begins a line, and the dot that ends it (RFC 5321 section 4.5.2). Each line ends
/// with CR and LF, or a server might find the end of the message in the middle of it.
fn write_message(writer: &mut impl Write, parts: &[&[u8]]) -> io::Result<()> {
    for part in parts {
        for line in part.split_inclusive(|octet| *octet == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.starts_with(b".") {
                writer.write_all(b".")?;
            }
            writer.write_all(line)?;
            writer.write_all(b"\r\n")?;
        }
    }
    writer.write_all(b".\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn replies_are_read_with_all_their_lines() {
        let reply =
            |code, lines: &[&str]| Reply { code, lines: lines.iter().map(|line| (*line).into()).collect() };
        for (text, wanted) in [
            ("250 2.0.0 Ok\r\n", reply(250, &["2.0.0 Ok"])),
            ("250-a\r\n250-SIZE 12\r\n250 c\r\n", reply(250, &["a", "SIZE 12", "c"])),
            ("354\r\n", reply(354, &[""])),
        ] {
            assert_eq!(read_reply(text.as_bytes()), Found::Whole(wanted, text.len()), "{text}");
        }
        for broken in ["HTTP/1.1 400\r\n", "25 x\r\n", "999 x\r\n", "\r\n"] {
            assert_eq!(read_reply(broken.as_bytes()), Found::Broken, "{broken}");
        }
        assert_eq!(read_reply(&vec![b'2'; MAX_REPLY_OCTETS + 1]), Found::Broken);
        assert_eq!(reply(421, &["4.3.2 busy", "go\taway"]).line(), "451 4.3.2 busy goaway");
        assert!(reply(250, &["a", "size 12"]).offers("SIZE"));
    }

    #[test]
    fn a_server_that_drips_its_reply_has_no_more_time_than_one_that_is_silent() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            while stream.write_all(b"2").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let stream = TcpStream::connect(address).unwrap();
        let begun = Instant::now();
        let stream = Limited { stream, until: begun + Duration::from_millis(200), left: u64::MAX };
        let error = Conversation { stream, input: Vec::new() }.reply().unwrap_err();
        let late = [io::ErrorKind::TimedOut, io::ErrorKind::WouldBlock];
        assert!(late.contains(&error.kind()) && begun.elapsed() < Duration::from_secs(5), "{error:?}");
    }

    /// A server that says these lines, the first at once and each other after a line from the client or a whole message, and hangs up.
    fn server(lines: &'static [&'static str]) -> SocketAddr {
        use std::io::{BufRead as _, BufReader};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut input = BufReader::new(stream.try_clone().unwrap()).lines();
            let mut is_data = false;
            for line in lines {
                stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
                while let Some(Ok(said)) = input.next()
                    && is_data
                    && said != "."
                {}
                is_data = line.starts_with("354");
            }
        });
        address
    }

    fn sent(servers: &[&'static [&'static str]]) -> Result<String, NotSent> {
        let addresses: Vec<SocketAddr> = servers.iter().map(|lines| server(lines)).collect();
        let (sender, recipient, message) = ("a@b.example", "jo@example.com", &b"A: b\r\n\r\nx\r\n"[..]);
        let (helo, top, is_8bit, is_utf8) = ("mx.example.net", "", false, false);
        let sending = Sending { helo, sender, recipient, is_8bit, is_utf8, top, message };
        send(&addresses, &sending, Instant::now() + OPENING).map(|reply| reply.line())
    }

    const WELL: &[&str] = &["220 x", "250 x", "250 x", "250 x", "354 x", "250 2.0.0 taken", "221 x"];

    #[test]
    fn a_server_that_does_not_let_mail_begin_is_passed_over() {
        for refuses in [
            &["554 go away"][..],
            &["421 busy"],
            &["354 what"],
            &["220 x", "502 what?", "502 what?"],
            &["220 x", "250 x", "354 what"],
            &["220 x", "250 x", "250 x", "250 x", "250 what"],
            &["220 x", "250 x", "250 x", "250 x"],
        ] {
            assert_eq!(sent(&[refuses, WELL]).unwrap(), "250 2.0.0 taken", "{refuses:?}");
            assert!(matches!(sent(&[refuses]), Err(NotSent::Kept(_))), "{refuses:?}");
        }
        let old = &["220 x", "502 5.5.2 what?", "250 x", "250 x", "250 x", "354 x", "250 old", "221 x"];
        assert_eq!(sent(&[old]).unwrap(), "250 old", "one that knows HELO alone");
    }

    #[test]
    fn what_a_server_says_of_the_recipient_or_the_message_is_said() {
        for says in [
            &["220 x", "250 x", "550 5.7.1 no", "221 x"][..],
            &["220 x", "250 x", "250 x", "550 5.7.1 no", "221 x"],
            &["220 x", "250 x", "250 x", "250 x", "550 5.7.1 no", "221 x"],
            &["220 x", "250 x", "250 x", "250 x", "354 x", "550 5.7.1 no", "221 x"],
        ] {
            assert_eq!(sent(&[says, WELL]).unwrap(), "550 5.7.1 no", "{says:?}");
        }
    }

    #[test]
    fn a_server_that_had_all_of_it_and_does_not_say_so_is_in_doubt() {
        for hangs in [
            &["220 x", "250 x", "250 x", "250 x", "354 x"][..],
            &["220 x", "250 x", "250 x", "250 x", "354 x", "354 what"],
            &["220 x", "250 x", "250 x", "250 x", "354 x", "HTTP/1.1 400"],
        ] {
            assert!(matches!(sent(&[hangs, WELL]), Err(NotSent::InDoubt(_))), "{hangs:?}");
        }
    }

    #[test]
    fn a_message_has_one_end_whatever_is_in_it() {
        let written = |text: &str| {
            let mut octets = Vec::new();
            write_message(&mut octets, &[b"A: b\r\n", text.as_bytes()]).unwrap();
            String::from_utf8(octets).unwrap()
        };
        assert_eq!(written("x\r\n.\r\n..y\r\n"), "A: b\r\nx\r\n..\r\n...y\r\n.\r\n");
        assert_eq!(written("x\n.\ny"), "A: b\r\nx\r\n..\r\ny\r\n.\r\n");
    }

    proptest! {
        #[test]
        fn any_octets_are_read_and_what_is_cut_is_a_part(octets in proptest::collection::vec(any::<u8>(), 0..80), digits in "[2-5][0-9]{2}[ -]") {
            let _ = read_reply(&octets);
            let text = [digits.as_bytes(), &octets].concat();
            if let Found::Whole(_, used) = read_reply(&text) {
                prop_assert!((0..used).all(|end| read_reply(&text[..end]) == Found::Part));
            }
        }
    }
}
