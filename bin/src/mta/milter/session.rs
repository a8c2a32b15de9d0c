//! What a connection has said so far, and what is answered.

use std::net::IpAddr;
use std::sync::Arc;

use postroom::address::EmailAddress;
use postroom::db::ReadTx;
use postroom::dkim::{self, InvalidMessage, LineEnd, Message, SignatureHeader};
use postroom::error::Error;
use postroom::id::DomainTokenId;
use postroom::inbound::AbusePolicy;
use postroom::list::{MOST_AUTHORS, Sender, Tier};
use postroom::mail::{self, Arrival, Head, SenderLogin, Treatment};
use tracing::{error, info};

use super::packet::{number, texts, write};
use super::verdict::{Refusal, blocking_tier, judgement, judgements, refusal, takes_reports};
use crate::delivery::{Deliverer, HeldOctets, LONG_HEADER, MANY_AUTHORS, NoRoom, REPORTS_ALONE, SPAM};

/// The version of the protocol, the actions and the steps that are asked for, by their numbers in libmilter's `mfdef.h`.
const VERSION: u32 = 6;
const ADD_HEADERS: u32 = 0x1;
const NO_HELO: u32 = 0x2;
const NO_REPLY_TO_HEADERS: u32 = 0x80;
const NO_UNKNOWN: u32 = 0x100;
const SKIP: u32 = 0x400;
const NO_REPLY_TO_END_OF_HEADERS: u32 = 0x4_0000;
const LEADING_SPACE: u32 = 0x10_0000;
/// The most recipients of a message that are remembered; Postfix takes 1000.
const MOST_RECIPIENTS: usize = 10_000;
/// The most octets of a header section: some less than what is searched of it when the message is delivered, for its trace fields and signatures are
/// added after this.
const MAX_HEADER_OCTETS: usize = Head::MAX_OCTETS - 16 * 1024;

const CONTINUE: u8 = b'c';
const TRY_AGAIN: &str = "451 4.7.1 Service unavailable - try again later";
const NO_ADDRESS: &str = "550 5.1.3 The recipient is not written as local-part@domain";
const NOT_YOURS: &str =
    "550 5.7.1 Every address in the From field must be at the domain that you are logged in for";

/// One message, from MAIL on.
#[derive(Default)]
struct Envelope {
    login: Option<SenderLogin>,
    sender: Option<Sender>,
    /// The sender as MAIL has it.
    said: String,
    recipients: Vec<Option<EmailAddress>>,
    /// How long its header section is.
    header_octets: usize,
    /// The values of its From fields.
    from: Vec<String>,
    /// What is done with it where a domain says nothing, if a filter marked it as spam.
    spam: Option<AbusePolicy>,
    /// The message with CRLF, if it is to be signed.
    message: HeldOctets,
    /// Why not all of it is here; none if it is.
    no_room: Option<NoRoom>,
    /// Whether a header field has a line in it that does not continue it: some would take that for another field, or for the body.
    is_torn: bool,
}

/// A connection.
pub(super) struct Session {
    deliverer: Arc<Deliverer>,
    require_dkim: bool,
    has_leading_space: bool,
    client: Option<IpAddr>,
    /// Who is logged in, as the mail server's macros said of the next MAIL.
    login: Option<String>,
    /// The sender of the next MAIL and the recipient of the next RCPT, as the mail server understands them.
    sender: Option<String>,
    recipient: Option<String>,
    envelope: Option<Envelope>,
}

impl Session {
    pub(super) fn new(deliverer: Arc<Deliverer>, require_dkim: bool) -> Session {
        Session {
            deliverer,
            require_dkim,
            has_leading_space: false,
            client: None,
            login: None,
            sender: None,
            recipient: None,
            envelope: None,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.envelope.is_none()
    }

    /// The packets that answer a command; none ends the conversation.
    pub(super) fn answer(&mut self, command: u8, data: &[u8]) -> Option<Vec<u8>> {
        let nothing = Some(Vec::new());
        match command {
            b'O' => return self.negotiate(data),
            b'D' => {
                self.macros(data);
                return nothing;
            }
            b'C' => {
                self.client = client(data);
                self.login = None;
            }
            b'M' => return Some(self.mail(data)),
            b'R' => return Some(self.recipient(data)),
            b'L' => {
                self.header(data);
                return nothing;
            }
            b'N' => {
                self.body(b"\r\n");
                return nothing;
            }
            b'B' if self.envelope.as_ref().is_none_or(|it| it.login.is_none()) => {
                return Some(write(b's', b""));
            }
            b'B' => self.body(data),
            b'E' => {
                self.body(data);
                return Some(self.end());
            }
            b'A' => {
                self.envelope = None;
                return nothing;
            }
            b'K' => {
                (self.envelope, self.client, self.login) = (None, None, None);
                return nothing;
            }
            b'H' | b'T' | b'U' => {}
            _ => return None,
        }
        Some(write(CONTINUE, b""))
    }

    /// What cannot do without is offered by every server of this version, so a server that does not offer it is left.
    fn negotiate(&mut self, data: &[u8]) -> Option<Vec<u8>> {
        let (version, actions, steps) = (number(data, 0)?, number(data, 4)?, number(data, 8)?);
        let needed = NO_REPLY_TO_HEADERS | NO_REPLY_TO_END_OF_HEADERS | SKIP;
        if version < VERSION || actions & ADD_HEADERS == 0 || steps & needed != needed {
            error!(
                version,
                actions, steps, "the mail server does not speak version 6 of the milter protocol"
            );
            return None;
        }
        self.has_leading_space = steps & LEADING_SPACE != 0;
        let steps = steps & (needed | NO_HELO | NO_UNKNOWN | LEADING_SPACE);
        let words = [VERSION, ADD_HEADERS, steps].map(u32::to_be_bytes).concat();
        Some(write(b'O', &words))
    }

    /// Of all macros the login is needed, which comes with MAIL, and the addresses.
    ///
    /// A mail server rewrites addresses before it decides where mail goes, and MAIL and RCPT come as the client wrote them:
    /// `<down.example!jo>` and `<@relay.example:jo@down.example>` are both mail for `jo@down.example`.
    fn macros(&mut self, data: &[u8]) {
        let Some((command @ (b'M' | b'R'), data)) = data.split_first() else { return };
        let texts: Vec<&[u8]> = texts(data).collect();
        let (mut login, mut address) = (None, None);
        for pair in texts.chunks_exact(2) {
            let [name, value] = pair else { continue };
            let value = || Some(String::from_utf8_lossy(value).into_owned());
            match *name {
                b"{auth_authen}" | b"auth_authen" => {
                    login = value().filter(|login| !login.is_empty()).or(login);
                }
                b"{mail_addr}" | b"mail_addr" if *command == b'M' => address = value(),
                b"{rcpt_addr}" | b"rcpt_addr" if *command == b'R' => address = value(),
                _ => {}
            }
        }
        if *command == b'M' {
            (self.login, self.sender) = (login, address);
        } else {
            self.recipient = address;
        }
    }

    fn mail(&mut self, data: &[u8]) -> Vec<u8> {
        let sender = path(data);
        let understood = self.sender.take();
        let listed = Sender::parse(understood.as_ref().unwrap_or(&sender));
        let mut envelope = Envelope { sender: listed, said: sender.clone(), ..Envelope::default() };
        if let Some(login) = self.login.take() {
            let holds = login_of(&login).map(|login| {
                self.deliverer.postroom.read(|tx| mail::still_holds(tx, &login)).map(|holds| (login, holds))
            });
            let login = match holds {
                Some(Ok((login, true))) => login,
                Some(Err(trouble)) => return try_again(&trouble),
                _ => return refuse("535 5.7.8 This token does not open anything any more"),
            };
            let is_own = sender.parse::<EmailAddress>().is_ok_and(|sender| *sender.domain() == login.domain);
            if !sender.is_empty() && !is_own {
                let domain = &login.domain;
                return refuse(&format!(
                    "553 5.7.1 You are logged in for {domain}, and may not send as others"
                ));
            }
            envelope.login = Some(login);
        }
        self.envelope = Some(envelope);
        write(CONTINUE, b"")
    }

    fn recipient(&mut self, data: &[u8]) -> Vec<u8> {
        let (client, understood) = (self.client, self.recipient.take());
        let Some(envelope) = &mut self.envelope else { return write(CONTINUE, b"") };
        if envelope.recipients.len() >= MOST_RECIPIENTS {
            return refuse("452 4.5.3 Too many recipients");
        }
        let address = match &understood {
            Some(recipient) => recipient.parse::<EmailAddress>().ok(),
            None => match path(data).parse() {
                Ok(address) => Some(address),
                // Nobody knows where the mail server sends it, so nobody's lists could be asked. Without a domain it stays on its own machine.
                Err(_) if path(data).contains(['@', '!', '%']) => return refuse(NO_ADDRESS),
                Err(_) => None,
            },
        };
        let sender = envelope.sender.clone();
        let arrival = Arrival { sender, client, ..Arrival::default() };
        let judged = self.deliverer.postroom.read(|tx| {
            let Some(address) = &address else { return Ok((false, None)) };
            Ok::<_, Error>((takes_reports(tx, address)?, judgement(tx, address, &arrival)?))
        });
        let blocked = judged.map(|(is_path, judged)| (is_path, judged.as_ref().and_then(blocking_tier)));
        match blocked {
            Ok((true, _)) if !envelope.said.is_empty() => refuse(REPORTS_ALONE),
            Ok((_, None)) => {
                envelope.recipients.push(address);
                write(CONTINUE, b"")
            }
            Ok((_, Some(tier))) => {
                let whom = match &envelope.sender {
                    Some(_) => shown("The sender", &envelope.said),
                    None => "The client".to_owned(),
                };
                self.refuse_blocked(&whom, tier)
            }
            Err(trouble) => try_again(&trouble),
        }
    }

    fn header(&mut self, data: &[u8]) {
        let has_leading_space = self.has_leading_space;
        let Some(envelope) = &mut self.envelope else { return };
        let mut texts = texts(data);
        let (name, value) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
        envelope.header_octets =
            envelope.header_octets.saturating_add(name.len() + value.len() + b": \r\n".len());
        if envelope.header_octets > MAX_HEADER_OCTETS {
            return;
        }
        if name.trim_ascii().eq_ignore_ascii_case(b"from") {
            envelope.from.push(String::from_utf8_lossy(value).into_owned());
        }
        if let Some(mark) = self.deliverer.spam_mark.as_ref().filter(|mark| mark.is(name, value)) {
            envelope.spam = Some(mark.usual);
        }
        let mut lines = value.split(|octet| *octet == b'\n').skip(1);
        envelope.is_torn |= lines.any(|line| !line.starts_with(b" ") && !line.starts_with(b"\t"));
        let mut field = [name, if has_leading_space { b":" } else { b": " }].concat();
        for (at, octet) in value.iter().enumerate() {
            // Lines end with LF here, with CRLF on the network.
            if *octet == b'\n' && at.checked_sub(1).and_then(|at| value.get(at)) != Some(&b'\r') {
                field.push(b'\r');
            }
            field.push(*octet);
        }
        field.extend_from_slice(b"\r\n");
        self.body(&field);
    }

    /// Keeps a part of the message, if it is to be signed.
    fn body(&mut self, octets: &[u8]) {
        if let Some(envelope) = &mut self.envelope
            && envelope.login.is_some()
            && envelope.no_room.is_none()
        {
            envelope.no_room = envelope.message.add(octets).err();
            if envelope.no_room.is_some() {
                envelope.message = HeldOctets::default();
            }
        }
    }

    fn end(&mut self) -> Vec<u8> {
        let Some(envelope) = self.envelope.take() else { return write(CONTINUE, b"") };
        let authors = Sender::authors(&envelope.from);
        if envelope.header_octets > MAX_HEADER_OCTETS {
            return refuse(LONG_HEADER);
        }
        if authors.len() > MOST_AUTHORS {
            return refuse(MANY_AUTHORS);
        }
        let (sender, client, spam) = (envelope.sender.clone(), self.client, envelope.spam);
        let arrival = Arrival { sender, authors, client, spam, is_released: false };
        let answered = match &envelope.login {
            Some(login) => self.send(login, &envelope, &arrival),
            None => self.deliverer.postroom.read(|tx| self.receive(tx, &envelope, &arrival)),
        };
        answered.unwrap_or_else(|trouble| try_again(&trouble))
    }

    /// Signs what an authenticated sender sends, if it is from its domain. The lists of recipients here hold for it as for any other mail: else
    /// it would be taken, and nobody would see it.
    fn send(&self, login: &SenderLogin, envelope: &Envelope, arrival: &Arrival) -> Result<Vec<u8>, Error> {
        if let Some(no_room) = envelope.no_room {
            return Ok(refuse(no_room.reply()));
        }
        if envelope.is_torn {
            return Ok(refuse("550 5.7.1 A header field has a line that does not continue it"));
        }
        let message = match Message::parse(envelope.message.octets()) {
            Ok(message) => message,
            Err(reason) => return Ok(refuse(&format!("550 5.7.1 The message cannot be signed: {reason}"))),
        };
        let authors = message.author_domains();
        if let Err(reason @ InvalidMessage::NotUtf8) = authors {
            return Ok(refuse(&format!("550 5.6.0 The message cannot be signed: {reason}")));
        }
        if !authors.is_ok_and(|authors| authors.iter().all(|domain| *domain == login.domain)) {
            return Ok(refuse(NOT_YOURS));
        }
        let (holds, refusal, keys) = self.deliverer.postroom.read(|tx| {
            let all = judgements(tx, &envelope.recipients, arrival)?;
            let refusal = refusal(tx, &envelope.recipients, arrival, &all)?;
            Ok::<_, Error>((mail::still_holds(tx, login)?, refusal, dkim::signing_keys(tx, &login.domain)?))
        })?;
        if !holds {
            return Ok(refuse("535 5.7.8 This token does not open anything any more"));
        }
        if let Some(refusal) = refusal {
            return Ok(self.refuse(refusal, arrival));
        }
        if keys.is_empty() && self.require_dkim {
            return Ok(refuse("451 4.7.1 The domain has no active DKIM key"));
        }
        let headers = dkim::sign_with(&keys, &message, self.deliverer.postroom.now())?;
        let mut packets: Vec<u8> = headers.iter().flat_map(|header| self.insert(header)).collect();
        packets.extend(write(CONTINUE, b""));
        Ok(packets)
    }

    /// Decides about a whole message that nobody here sent. It is flagged if everyone's is to be, in the same way; else each recipient's
    /// lists and policy are carried out when it is delivered.
    fn receive(&self, tx: &ReadTx<'_>, envelope: &Envelope, arrival: &Arrival) -> Result<Vec<u8>, Error> {
        let all = judgements(tx, &envelope.recipients, arrival)?;
        if let Some(refusal) = refusal(tx, &envelope.recipients, arrival, &all)? {
            return Ok(self.refuse(refusal, arrival));
        }
        let Some(Some(first)) = all.first() else { return Ok(write(CONTINUE, b"")) };
        let is_for_all = all.iter().all(|it| it.as_ref().is_some_and(|it| it.spam == first.spam));
        Ok(match &first.spam {
            Some(Treatment::Flag { name, value }) if is_for_all => {
                [self.insert_field(name, &format!(" {value}")), write(CONTINUE, b"")].concat()
            }
            _ => write(CONTINUE, b""),
        })
    }

    fn refuse(&self, refusal: Refusal, arrival: &Arrival) -> Vec<u8> {
        match refusal {
            Refusal::Blocked(tier) => {
                let whom = match &*arrival.authors {
                    [author] => shown("The author", &author.to_string()),
                    _ => "An author".to_owned(),
                };
                self.refuse_blocked(&whom, tier)
            }
            Refusal::Spam => refuse(SPAM),
        }
    }

    fn refuse_blocked(&self, whom: &str, tier: Tier) -> Vec<u8> {
        info!(%tier, "a message was refused, as a list says");
        self.deliverer.metrics.count_refusal(tier);
        refuse(&format!("550 5.7.1 {whom}: blocked by the {tier}'s list"))
    }

    fn insert(&self, header: &SignatureHeader) -> Vec<u8> {
        let text = header.text(LineEnd::Lf);
        let (name, value) = text.trim_end().split_once(':').unwrap_or((&text, ""));
        self.insert_field(name, value)
    }

    /// Puts a field above all others.
    fn insert_field(&self, name: &str, value: &str) -> Vec<u8> {
        let value = if self.has_leading_space { value } else { value.trim_start() };
        let data = [&0_u32.to_be_bytes()[..], name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat();
        write(b'i', &data)
    }
}

/// An address as a reply can have it, which is ASCII and one line (RFC 5321 section 4.2); what it is the address of, where it cannot be shown.
fn shown(whose: &str, address: &str) -> String {
    let is_plain = address.len() <= 254 && address.bytes().all(|octet| octet.is_ascii_graphic());
    if is_plain { format!("<{address}>") } else { whose.to_owned() }
}

/// What is said when the database is in trouble.
fn try_again(trouble: &Error) -> Vec<u8> {
    error!(%trouble, "a message could not be decided on; the mail server tries again");
    refuse(TRY_AGAIN)
}

fn refuse(reply: &str) -> Vec<u8> {
    // A percent sign is doubled in a reply.
    write(b'y', &[reply.replace('%', "%%").as_bytes(), b"\0"].concat())
}

/// The address in the first text of MAIL or RCPT, without its angle brackets.
fn path(data: &[u8]) -> String {
    let text = String::from_utf8_lossy(texts(data).next().unwrap_or_default()).into_owned();
    let bare = text.trim();
    bare.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(bare).to_owned()
}

/// The address of the client: its name, NUL, a letter for the family, two octets of the port, the address, NUL.
fn client(data: &[u8]) -> Option<IpAddr> {
    let name = data.iter().position(|octet| *octet == 0)?;
    let address = data.get(name + 4..)?;
    let text = std::str::from_utf8(texts(address).next()?).ok()?;
    text.strip_prefix("IPv6:").unwrap_or(text).parse().ok()
}

/// `TOKEN_ID@DOMAIN`, which is what the socket `auth` calls a sender.
fn login_of(text: &str) -> Option<SenderLogin> {
    let (token, domain) = text.split_once('@')?;
    Some(SenderLogin { token: DomainTokenId::new(token.parse().ok()?), domain: domain.parse().ok()? })
}
