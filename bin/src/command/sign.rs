//! `postroom sign`: a step in a mail server's pipe, whose exit codes are those of sysexits.h.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use postroom::dkim::{self, InvalidMessage, Message, SignatureHeader};
use postroom::error::Error;
use postroom::name::DomainName;

use super::output::printable;
use super::{Context, Failure};

/// `EX_DATAERR`: the message is at fault, and a mail server gives it back.
const DATA_ERROR: u8 = 65;
/// `EX_TEMPFAIL`: a mail server keeps the message and tries again.
pub(super) const TRY_AGAIN: u8 = 75;

/// Sign a message with its domain's active DKIM keys: from stdin to stdout, for a mail server's pipe
///
/// A DKIM-Signature for each active key stands on top of what comes out; the rest is as it came, also how its lines
/// end. The From field says which domain signs: sign only what your mail server has taken from somebody who may send
/// for that domain.
///
/// Exits 0 when the message is signed. One that cannot be signed comes out as it came, with exit 0 and a line on
/// stderr, unless --require is given. Exits 75 with nothing on stdout when the database or the settings fail: the mail
/// server keeps the message.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The domain that signs, whatever the From field says
    #[arg(long, value_name = "NAME")]
    domain: Option<DomainName>,
    /// Let nothing through unsigned: exit 75 without an active key of its domain, 65 when the message is malformed or
    /// its From field names no mail domain
    #[arg(long)]
    require: bool,
}

/// Why a message has no signature.
enum Unsigned {
    Malformed(InvalidMessage),
    NoKey(DomainName),
}

/// A [`Failure`] of this command means that the message is to be tried again.
pub(super) fn run(context: &mut Context, args: &Args) -> Result<ExitCode, Failure> {
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
    let from = match &args.domain {
        Some(name) => name.clone(),
        None => match message.author_domain() {
            Ok(name) => name,
            Err(reason) => return Ok(Err(Unsigned::Malformed(reason))),
        },
    };
    let postroom = context.open()?;
    let (keys, now) = postroom.read(|tx| Ok::<_, Error>((dkim::signing_keys(tx, &from)?, tx.now())))?;
    if keys.is_empty() {
        return Ok(Err(Unsigned::NoKey(from)));
    }
    Ok(Ok(dkim::sign_with(&keys, message, now)?))
}
