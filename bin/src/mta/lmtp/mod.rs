//! The socket `lmtp`: the mail server hands messages over, and is told for each recipient what became of it (RFC 2033).
//!
//! The mail server's queue is the only queue. 250 is said when a message is on disk, or its receiver has it; 4xx leaves it with the
//! mail server, which tries again and in the end tells the sender; 5xx tells the sender now.

pub mod command;
pub mod data;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use postroom::address::EmailAddress;
use postroom::mail::{self, Addressee};
use tracing::error;

use self::command::{Command, LongLine, read};
use self::data::Data;
use super::{Found, Protocol, Step, take};
use crate::delivery::{Deliverer, Envelope, MAX_MESSAGE_OCTETS, REPORTS_ALONE, Recipient};

/// The most recipients of a message.
const MOST_RECIPIENTS: usize = 1000;

const TROUBLE: &str = "451 4.3.0 The database could not be asked; try again later";
const PANICKED: &str = "451 4.3.0 Something went wrong here; try again later";
const OUT_OF_ORDER: &str = "503 5.5.1 That is out of order";
const OK: &str = "250 2.0.0 OK";

/// A connection that takes messages.
pub struct Lmtp {
    deliverer: Arc<Deliverer>,
    has_begun: bool,
    envelope: Option<Envelope>,
    /// The message, from DATA on.
    data: Option<Data>,
    /// A line that is too long, until its end.
    long_line: Option<LongLine>,
}

impl Lmtp {
    /// Hands messages to this deliverer.
    pub fn new(deliverer: Arc<Deliverer>) -> Lmtp {
        Lmtp { deliverer, has_begun: false, envelope: None, data: None, long_line: None }
    }

    /// The reply to a command.
    fn answer(&mut self, command: Command<'_>) -> String {
        match command {
            Command::Lhlo => {
                (self.has_begun, self.envelope) = (true, None);
                return format!(
                    "250-localhost\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n\
                     250 SIZE {MAX_MESSAGE_OCTETS}"
                );
            }
            Command::Mail { .. } if !self.has_begun || self.envelope.is_some() => OUT_OF_ORDER,
            Command::Mail { size, .. } if size.is_some_and(|size| size > MAX_MESSAGE_OCTETS as u64) => {
                "552 5.3.4 The message is too large"
            }
            Command::Mail { sender, is_8bit, is_utf8, .. } => {
                let sender = sender.to_owned();
                self.envelope = Some(Envelope { sender, is_8bit, is_utf8, recipients: Vec::new() });
                "250 2.1.0 OK"
            }
            Command::Rcpt(recipient) => self.recipient(recipient),
            Command::Data => match &self.envelope {
                Some(envelope) if !envelope.recipients.is_empty() => {
                    self.data = Some(Data::default());
                    "354 End it with a dot on a line by itself"
                }
                _ => "503 5.5.1 There is no recipient",
            },
            Command::Rset => {
                self.envelope = None;
                OK
            }
            Command::Noop | Command::Quit => OK,
            Command::Vrfy => "252 2.5.0 Send mail to find out",
            Command::Refused(reply) => reply,
        }
        .to_owned()
    }

    fn recipient(&mut self, text: &str) -> &'static str {
        let Some(envelope) = &mut self.envelope else { return OUT_OF_ORDER };
        if envelope.recipients.len() >= MOST_RECIPIENTS {
            return "452 4.5.3 Too many recipients";
        }
        let Ok(address) = text.parse::<EmailAddress>() else {
            return "550 5.1.3 The recipient is no address at a mail domain";
        };
        match self.deliverer.postroom.read(|tx| mail::addressee(tx, &address)) {
            Ok(Some(Addressee::ReturnPath { .. })) if !envelope.sender.is_empty() => REPORTS_ALONE,
            Ok(Some(_)) => {
                envelope.recipients.push(Recipient { text: text.to_owned(), address });
                "250 2.1.5 OK"
            }
            Ok(None) => "550 5.1.1 There is no such recipient",
            Err(trouble) => {
                error!(%trouble, "a recipient could not be looked up; the mail server tries again");
                TROUBLE
            }
        }
    }

    /// The replies to a whole message: one for each recipient, in their order (RFC 2033 section 4.2).
    fn deliver(&mut self, data: &Data) -> String {
        let Some(envelope) = self.envelope.take() else { return line(OUT_OF_ORDER) };
        let all = |reply: &str| line(reply).repeat(envelope.recipients.len());
        if let Some(no_room) = data.no_room {
            return all(no_room.reply());
        }
        let deliver = || self.deliverer.deliver(&envelope, data.message());
        match catch(deliver) {
            Some(replies) => replies.iter().map(|reply| line(reply)).collect(),
            None => all(PANICKED),
        }
    }
}

/// What `work` comes to; none if it panics, which the log says. A mail server that gets no reply puts off all mail that goes this way, so
/// one message that something trips over must not end the conversation.
fn catch<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

fn line(reply: &str) -> String {
    format!("{reply}\r\n")
}

impl Protocol for Lmtp {
    fn greeting(&mut self) -> Vec<u8> {
        line("220 localhost LMTP Postroom").into_bytes()
    }

    fn step(&mut self, input: &mut Vec<u8>) -> Step {
        if let Some(mut data) = self.data.take() {
            if data.take(input) {
                return Step::Answer(self.deliver(&data).into_bytes());
            }
            self.data = Some(data);
            return Step::More;
        }
        if let Some(mut long) = self.long_line.take() {
            return match long.skip(input) {
                Found::Whole(reply, _) => Step::Answer(line(reply).into_bytes()),
                Found::Part => {
                    self.long_line = Some(long);
                    Step::More
                }
                Found::Broken => Step::Close,
            };
        }
        let (answer, used, is_end) = match read(input) {
            Found::Part => return Step::More,
            Found::Broken => {
                self.long_line = Some(LongLine::beginning(input));
                return self.step(input);
            }
            Found::Whole(command, used) => {
                let answer = catch(|| self.answer(command)).unwrap_or_else(|| PANICKED.to_owned());
                (answer, used, command == Command::Quit)
            }
        };
        take(input, used);
        if is_end {
            Step::Last(line("221 2.0.0 Bye").into_bytes())
        } else {
            Step::Answer(line(&answer).into_bytes())
        }
    }

    fn is_idle(&self) -> bool {
        self.envelope.is_none() && self.data.is_none()
    }
}
