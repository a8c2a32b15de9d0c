//! `postroom explain`: what would become of a message, from here to the mailbox.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use postroom::address::EmailAddress;
use postroom::db::ReadTx;
use postroom::error::Error;
use postroom::list::{Field, ListOutcome, Sender};
use postroom::mail::{self, Addressee, Arrival, Explained, ExplainedAddress, Head, NotTaken, Treatment};
use postroom::name::DomainName;
use postroom::recipient;
use postroom::route::Mode;

use super::named::parse;
use super::output::printable;
use super::{Context, Exit, Failure};
use crate::json::explained::{explained_json, treatment};

/// Say what would become of a message: domain, mailbox, lists, route, signing, DNS and the last changes
#[derive(clap::Args)]
pub(super) struct Args {
    /// The recipient's address, or a domain
    address: String,
    /// A file with the message, whose From field and Received field are looked at
    message: Option<PathBuf>,
    /// The sender of the envelope
    #[arg(long)]
    sender: Option<String>,
    /// The address in the From field
    #[arg(long)]
    from: Option<String>,
    /// The address of the client that delivers it
    #[arg(long)]
    ip: Option<std::net::IpAddr>,
}

/// Exits 1 if mail for the address, or for the domain, would not be taken now.
pub(super) fn run(context: &mut Context, args: &Args) -> Result<ExitCode, Failure> {
    let (name, address) = asked(&args.address)?;
    let arrival = arrival(context, args)?;
    let postroom = context.open()?;
    let explained = postroom.read(|tx| explain(tx, &name, address.as_ref(), &arrival))?;
    context.output.print(&explained_json(&explained), || told(&explained))?;
    let is_taken = explained.address.as_ref().is_none_or(|it| it.not_taken.is_none());
    Ok(if explained.acts && is_taken { ExitCode::SUCCESS } else { Exit::Wrong.into() })
}

fn asked(text: &str) -> Result<(DomainName, Option<EmailAddress>), Failure> {
    if !text.contains('@') {
        return Ok((parse(text)?, None));
    }
    let address = text.parse::<EmailAddress>();
    let address =
        address.map_err(|e| Failure::input(format!("\"{}\" is no address: {e}", printable(text))))?;
    Ok((address.domain().clone(), Some(address)))
}

/// The message of the file, and what the command line says beside it.
fn arrival(context: &Context, args: &Args) -> Result<Arrival, Failure> {
    let octets = match &args.message {
        Some(file) => std::fs::read(file).map_err(|error| {
            Failure::new(Exit::NotThere, format!("{} cannot be read: {error}", file.display()))
        })?,
        None => Vec::new(),
    };
    let head = Head::read(&octets);
    let sender = args.sender.as_deref().and_then(Sender::parse);
    let authors = args.from.as_ref().map_or_else(|| head.authors(), |from| Sender::authors([from]));
    let mark = context.config.spam_header()?.filter(|(name, value)| head.has(name, value));
    Ok(Arrival {
        sender,
        authors,
        client: args.ip.or_else(|| head.client()),
        spam: mark.map(|_| context.config.abuse_policy()).transpose()?,
        is_released: false,
    })
}

fn explain(
    tx: &ReadTx<'_>,
    name: &DomainName,
    address: Option<&EmailAddress>,
    arrival: &Arrival,
) -> Result<Explained, Error> {
    let caller = recipient::operator_of(tx, name)?;
    mail::explain(tx, &caller, name, address.map(|address| (address, arrival)))
}

fn told(it: &Explained) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let mut line = |what: &str, says: &str| _ = writeln!(text, "{what:<10} {}", printable(says));
    let name = &it.domain.name;
    let takes = if it.acts { "takes mail and sends it" } else { "is not proved yet, so it takes no mail" };
    line("domain", &format!("{name} {takes}; it is {}", it.domain.status.as_str()));
    if mail::needs_a_labels(name) {
        line("name", &format!("Postfix takes mail for it only where a sender writes it as {name}"));
    }
    let goes_on = it.route.mode == Mode::Store && !it.downstream.is_empty();
    if let Some(address) = &it.address {
        line("mailbox", &mailbox(address));
        if let Some(lists) = lists(address) {
            line("lists", &lists);
        }
        if let Some(spam) = address.judged.as_ref().and_then(|(judged, ..)| judged.spam.as_ref()) {
            line("spam", &format!("a filter marked it; policy: {}", policy(spam, goes_on)));
        }
        if let Some(refused) = refused(address, goes_on) {
            line("refused", &refused);
        }
    }
    if it.address.as_ref().is_none_or(|it| it.not_taken.is_none()) {
        line("route", &route(it));
    }
    let signing = &it.assessment.signing;
    line(
        "signing",
        &match &signing.reason {
            None => {
                let selectors: Vec<&str> =
                    signing.selectors.iter().map(postroom::name::Selector::as_str).collect();
                format!("{} of {} signs what it sends", selectors.join(", "), signing.by)
            }
            Some(reason) => format!("what it sends is not signed: {}", reason.text),
        },
    );
    for record in &it.records {
        line(
            "DNS",
            &format!("{} {}: {}", record.purpose.as_str(), record.host, record.standing.status.as_str()),
        );
    }
    for reason in &it.assessment.reasons {
        line("reason", &reason.text);
    }
    for change in &it.changes {
        line("change", &format!("{} {}", change.at, change.detail().unwrap_or_default()));
    }
    text
}

fn mailbox(it: &ExplainedAddress) -> String {
    match &it.addressee {
        Some(Addressee::Mailbox(mailbox)) => format!("{} is the mailbox of {}", mailbox.address, it.address),
        Some(Addressee::ReturnPath { sender, .. }) => {
            format!("{} is a return path: delivery reports for it go back to {sender}", it.address)
        }
        None => format!("{} is unknown: mail for it is refused", it.address),
    }
}

/// What is done with spam. Mail that goes on to other servers is not delivered here, so nothing holds it back.
fn policy(spam: &Treatment, goes_on: bool) -> String {
    let word = treatment(spam);
    match spam {
        Treatment::Quarantine if goes_on => format!("{word}, which does not hold for mail that goes on"),
        Treatment::Quarantine => format!("{word}, until somebody releases it from the folder .Quarantine"),
        _ => word.to_owned(),
    }
}

/// Why it is refused; none if it is taken.
fn refused(it: &ExplainedAddress, goes_on: bool) -> Option<String> {
    let why = match it.not_taken? {
        NotTaken::Unknown => "550: the address is unknown",
        NotTaken::HasSender => "550: a return path takes delivery reports alone, which have no sender",
        NotTaken::Blocked => "550: a list blocks it",
        NotTaken::Spam => "550: a filter took it for spam",
    };
    let because = it.judged.as_ref().and_then(|(_, _, explained)| explained.verdict.because.as_ref());
    let is_by_author = because.is_none_or(|because| because.fields == [Field::HeaderFrom]);
    // What is decided at the end of a message is decided for all of its recipients (RFC 5321 section 4.2.5).
    let is_kept = matches!(it.addressee, Some(Addressee::Mailbox(_))) && is_by_author && !goes_on;
    let kept =
        if is_kept { "; if others take the message, this copy is kept in the folder .Blocked" } else { "" };
    Some(format!("{why}{kept}"))
}

fn lists(it: &ExplainedAddress) -> Option<String> {
    let (_, _, explanation) = it.judged.as_ref()?;
    let says = match explanation.verdict.outcome {
        ListOutcome::Safe => "safe",
        ListOutcome::Blocked => "blocked",
        ListOutcome::None => return Some("no list says anything of it".to_owned()),
    };
    let because = explanation.verdict.because.as_ref()?;
    let entry = &because.entry;
    Some(format!("{says}, by {} on the {}'s {}", entry.item.given(), because.tier, entry.list))
}

fn route(it: &Explained) -> String {
    let kept = match it.downstream.first() {
        Some(server) => format!("it goes on to {}:{}", server.target, server.port),
        None => "it is stored in the mailbox".to_owned(),
    };
    match it.route.mode {
        Mode::Store => format!("store: {kept}"),
        Mode::Webhook => "webhook: it is posted to the webhook".to_owned(),
        Mode::WebhookThenStore => "webhook_then_store: it is stored, and posted to the webhook".to_owned(),
        Mode::ForwardEmail => match &it.route.forward_to {
            Some(to) if *to.domain() == it.domain.name => {
                format!("forward_email: all mail of the domain is stored in the mailbox {to}")
            }
            Some(to) => format!("forward_email: it is sent on to {to}"),
            // No operation leaves that behind.
            None => format!("forward_email: no address is set; {kept}"),
        },
    }
}
