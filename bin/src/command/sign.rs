//! `postroom sign`: a step in a mail server's pipe, whose exit codes are those of sysexits.h.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use postroom::account;
use postroom::address::EmailAddress;
use postroom::db::ReadTx;
use postroom::dkim::{self, InvalidMessage, Message, SignatureHeader};
use postroom::name::DomainName;
use postroom::secret::{PlainSecret, SecretKind};
use postroom::signing::{NotTheirs, SignFor, check_sender};

use super::output::{check_open, printable};
use super::{Context, Failure};

/// `EX_DATAERR`: the message is at fault, and a mail server gives it back.
const DATA_ERROR: u8 = 65;
/// `EX_TEMPFAIL`: a mail server keeps the message and tries again.
pub(super) const TRY_AGAIN: u8 = 75;

/// Sign a message with its domain's active DKIM keys: from stdin to stdout, for a mail server's pipe
///
/// A DKIM-Signature for each active key stands on top of what comes out; the rest is as it came, also how its lines
/// end. The From field says which domain signs. Say who sends, by --account, --sender or --token-file: then each address
/// in the From field must be at a domain of that sender, exactly. Without one of them only domains of trusted accounts
/// are signed for, and your mail server must check who may send for which of those.
///
/// Exits 0 when the message is signed. One that cannot be signed comes out as it came, with exit 0 and a line on
/// stderr, unless --require is given. Exits 75 with nothing on stdout when the database or the settings fail: the mail
/// server keeps the message.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The domain that signs, whatever the From field says
    #[arg(long, value_name = "NAME", conflicts_with = "who")]
    domain: Option<DomainName>,
    #[command(flatten)]
    who: Who,
    /// Let nothing through unsigned: exit 75 without an active key of its domain or for a sender whose domain it is not, 65 when the message is malformed or
    /// its From field names no mail domain
    #[arg(long)]
    require: bool,
}

/// Who sends the message.
#[derive(clap::Args)]
#[group(id = "who", multiple = false)]
struct Who {
    /// Somebody who may send for each domain of this account
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Somebody who may send for this address's domain: the envelope sender, after your mail server has checked it
    #[arg(long, value_name = "ADDRESS")]
    sender: Option<String>,
    /// Whoever has the domain token in this file
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// Why a message has no signature.
enum Unsigned {
    Malformed(InvalidMessage),
    /// What was given as the sender names none.
    NoSender(&'static str),
    NotTheirs(NotTheirs),
    NoKey(DomainName),
}

/// A [`Failure`] of this command means that the message is to be tried again.
pub(super) fn run(context: &mut Context, args: &Args) -> Result<ExitCode, Failure> {
    check_open()?;
    let mut octets = Vec::new();
    io::stdin()
        .read_to_end(&mut octets)
        .map_err(|error| Failure::wrong(format!("the message cannot be read: {error}")))?;
    let signed = match Message::parse(&octets) {
        Ok(message) => signatures(context, args, &message)?.map(|headers| (message.line_end(), headers)),
        Err(reason) => Err(Unsigned::Malformed(reason)),
    };
    let top: String = match signed {
        Ok((line_end, headers)) => headers.iter().map(|header| header.text(line_end)).collect(),
        Err(unsigned) => {
            let (text, code) = match unsigned {
                Unsigned::Malformed(reason) => (format!("the message is not signed: {reason}"), DATA_ERROR),
                Unsigned::NoSender(reason) => (format!("the message is not signed: {reason}"), TRY_AGAIN),
                Unsigned::NotTheirs(reason) => (format!("the message is not signed: {reason}"), TRY_AGAIN),
                Unsigned::NoKey(name) => {
                    (format!("the message is not signed: {name} has no active DKIM key"), TRY_AGAIN)
                }
            };
            // Where even this cannot be written the message still goes its way.
            let _ = writeln!(io::stderr(), "postroom: {}", printable(&text));
            if args.require {
                return Ok(ExitCode::from(code));
            }
            String::new()
        }
    };
    // Whole before its first octet is out: what fails before leaves nothing behind.
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(top.as_bytes()).and_then(|()| stdout.write_all(&octets));
    written
        .and_then(|()| stdout.flush())
        .map_err(|error| Failure::wrong(format!("the message cannot be written: {error}")))?;
    Ok(ExitCode::SUCCESS)
}

fn signatures(
    context: &mut Context,
    args: &Args,
    message: &Message<'_>,
) -> Result<Result<Vec<SignatureHeader>, Unsigned>, Failure> {
    let authors = match &args.domain {
        Some(name) => Ok(vec![name.clone()]),
        None if args.who.is_said() => message.author_domains(),
        None => message.author_domain().map(|first| vec![first]),
    };
    let authors = match authors {
        Ok(authors) => authors,
        Err(reason) => return Ok(Err(Unsigned::Malformed(reason))),
    };
    let Some(from) = authors.first().cloned() else {
        return Ok(Err(Unsigned::Malformed(InvalidMessage::Author)));
    };
    let postroom = context.open()?;
    let found = postroom.read(|tx| {
        let sender = match args.who.sender(tx)? {
            Ok(sender) => sender,
            Err(reason) => return Ok(Err(Unsigned::NoSender(reason))),
        };
        if let Err(refusal) = check_sender(tx, &sender, &authors)? {
            return Ok(Err(Unsigned::NotTheirs(refusal)));
        }
        Ok::<_, Failure>(Ok((dkim::signing_keys(tx, &from)?, tx.now())))
    })?;
    let (keys, now) = match found {
        Ok(found) => found,
        Err(unsigned) => return Ok(Err(unsigned)),
    };
    if keys.is_empty() {
        return Ok(Err(Unsigned::NoKey(from)));
    }
    Ok(Ok(dkim::sign_with(&keys, message, now)?))
}

impl Who {
    /// Whether anybody is named.
    fn is_said(&self) -> bool {
        self.account.is_some() || self.sender.is_some() || self.token_file.is_some()
    }

    /// The sender that is named. What a sender has written, such as an envelope sender, can name none, and a message is not kept
    /// for that; a wrong account or an unreadable file is the operator's mistake.
    fn sender(&self, tx: &ReadTx<'_>) -> Result<Result<SignFor, &'static str>, Failure> {
        if let Some(name) = &self.account {
            return Ok(Ok(SignFor::Account(account::find(tx, name)?.id)));
        }
        if let Some(text) = &self.sender {
            let address = text.parse::<EmailAddress>();
            let domain = address.map(|address| SignFor::Domain(address.domain().clone()));
            return Ok(domain.map_err(|_| "its sender is no address at a mail domain"));
        }
        let Some(file) = &self.token_file else { return Ok(Ok(SignFor::Trusted)) };
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::wrong(format!("the token cannot be read: {error}")))?;
        let token = PlainSecret::parse(SecretKind::DomainToken, text.trim());
        Ok(token.map(SignFor::Token).map_err(|_| "the token file holds no domain token"))
    }
}
