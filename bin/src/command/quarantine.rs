//! `postroom quarantine`: what a spam filter's verdict holds back.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use postroom::address::EmailAddress;
use postroom::mail::{self, HeldFate, Mailbox};
use serde_json::{Value, json};

use super::bridge::deliverer;
use super::output::{printable, table, write};
use super::{Context, Exit, Failure};
use crate::delivery::{Deliverer, Quarantine, Quarantined};

#[derive(Subcommand)]
pub(super) enum Command {
    /// List what is held back for a mailbox
    List {
        /// The address of the mailbox
        address: EmailAddress,
    },
    /// Print a message that is held back
    Show {
        /// The address of the mailbox
        address: EmailAddress,
        /// The message, by the id that `list` prints
        id: String,
    },
    /// Deliver a message that is held back, as the domain's route says
    Release {
        /// The address of the mailbox
        address: EmailAddress,
        /// The message, by the id that `list` prints
        id: String,
    },
}

pub(super) fn run(context: &mut Context, command: &Command) -> Result<ExitCode, Failure> {
    let postroom = Arc::new(context.open()?);
    let resolver = Arc::new(context.resolver()?);
    let deliverer = deliverer(context, postroom, resolver)?;
    match command {
        Command::List { address } => {
            let held = of(&deliverer, address)?.list().map_err(|error| unreadable(&error))?;
            let json: Value = held.iter().map(held_json).collect();
            context.output.print(&json, || {
                let text = |it: &Option<String>| printable(it.as_deref().unwrap_or_default());
                let row = |it: &Quarantined| {
                    let sender = printable(&it.sender);
                    vec![it.id.clone(), sender, text(&it.summary.header_from), text(&it.summary.subject)]
                };
                table(&["ID", "SENDER", "FROM", "SUBJECT"], &held.iter().map(row).collect::<Vec<_>>())
            })?;
        }
        Command::Show { address, id } => {
            let held = find(&of(&deliverer, address)?, id)?;
            let text = held.text().map_err(|error| unreadable(&error))?;
            write(&text)?;
        }
        Command::Release { address, id } => {
            let (mailbox, quarantine) = mailbox_of(&deliverer, address)?;
            let held = find(&quarantine, id)?;
            let released = quarantine.release(&held);
            deliverer.calls.write(&deliverer.postroom);
            let reply = released.map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => gone(id),
                _ => unreadable(&error),
            })?;
            if !reply.starts_with('2') {
                let code = if reply.starts_with('4') { Exit::Busy } else { Exit::Refused };
                return Err(Failure::new(code, format!("{id} is still held back: {reply}")));
            }
            let (domain, address) = (mailbox.domain, &mailbox.address);
            deliverer
                .postroom
                .write(|tx| mail::note_held(tx, None, domain, address, id, HeldFate::Released))?;
            context.output.print(&json!({ "released": id }), || format!("{id} is delivered\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn of<'a>(deliverer: &'a Deliverer, address: &EmailAddress) -> Result<Quarantine<'a>, Failure> {
    mailbox_of(deliverer, address).map(|(_, quarantine)| quarantine)
}

fn mailbox_of<'a>(
    deliverer: &'a Deliverer,
    address: &EmailAddress,
) -> Result<(Mailbox, Quarantine<'a>), Failure> {
    let mailbox = deliverer.postroom.read(|tx| mail::mailbox(tx, address))?;
    let mailbox =
        mailbox.ok_or_else(|| Failure::new(Exit::NotThere, format!("there is no mailbox {address}")))?;
    let quarantine = Quarantine::of(deliverer, &mailbox.address);
    Ok((mailbox, quarantine))
}

fn find(quarantine: &Quarantine<'_>, id: &str) -> Result<Quarantined, Failure> {
    let held = quarantine.find(id).map_err(|error| unreadable(&error))?;
    held.ok_or_else(|| gone(id))
}

fn gone(id: &str) -> Failure {
    Failure::new(Exit::NotThere, format!("no message {} is held back for this mailbox", printable(id)))
}

fn unreadable(error: &io::Error) -> Failure {
    Failure::wrong(format!("the mailbox cannot be read: {error}"))
}

fn held_json(it: &Quarantined) -> Value {
    json!({
        "id": it.id, "recipient": it.recipient, "sender": it.sender, "header_from": it.summary.header_from,
        "subject": it.summary.subject, "message_id": it.summary.message_id,
    })
}
