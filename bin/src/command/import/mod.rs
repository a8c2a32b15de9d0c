//! `postroom import`: moving in from files and from other services.
//!
//! A source is read into items, one a domain or an alias, or the reason why one is none. Then the same is done with each,
//! wherever it came from: what is there already is left alone, so that an import that broke off is run again.

mod api;
mod csv;
mod item;
mod keyfile;
mod opendkim;
mod rspamd;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use postroom::account::Caller;
use postroom::db::Postroom;
use serde_json::{Value, json};

use super::output::{Output, printable, write};
use super::{Context, Exit, Failure, named, progress, whole};
use item::{Import, Outcome, Read};

/// How many items are worked on side by side: much of the time of one is spent with the DNS.
const AT_ONCE: usize = 8;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Import domains from a CSV file, whose first line names its columns: domain, label, user_id, organization_id, alias_of
    Csv {
        /// The file
        file: PathBuf,
        #[command(flatten)]
        how: How,
    },
    /// Import domains with their keys from the tables of OpenDKIM
    Opendkim {
        /// The KeyTable
        key_table: PathBuf,
        /// The SigningTable
        signing_table: PathBuf,
        #[command(flatten)]
        how: How,
    },
    /// Import domains with their keys from a folder of rspamd's: files DOMAIN.SELECTOR.key
    Rspamd {
        /// The folder, such as /var/lib/rspamd/dkim
        folder: PathBuf,
        #[command(flatten)]
        how: How,
    },
    /// Import the domains that Mailgun's list of domains names
    Mailgun(Service),
    /// Import the domains that MailPace's list of domains names
    Mailpace(Service),
    /// Import the domains and aliases that MailChannels' list of domains names
    Mailchannels(Service),
    /// Take what `postroom export` wrote into an empty database, which is made if it is not there
    Postroom {
        /// The export
        file: PathBuf,
        /// A file with the passphrase of the export in its first line
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
}

/// For whom, and whether at all.
#[derive(Args)]
pub(super) struct How {
    /// The account that gets the domains [default: the only account]
    #[arg(long)]
    account: Option<String>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// A service's list, in a file or where the service has it.
#[derive(Args)]
pub(super) struct Service {
    /// A file with the JSON of the list, or the URL of the list call
    #[arg(value_name = "FILE|URL")]
    source: String,
    /// A file with the API key, for a URL
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    how: How,
}

pub(super) fn run(context: &mut Context, command: &Command) -> Result<ExitCode, Failure> {
    let (items, how) = match command {
        Command::Csv { file, how } => (csv::read(file)?, how),
        Command::Opendkim { key_table, signing_table, how } => {
            (opendkim::read(key_table, signing_table)?, how)
        }
        Command::Rspamd { folder, how } => (rspamd::read(folder)?, how),
        Command::Mailgun(service) => (api::read(api::Kind::Mailgun, service)?, &service.how),
        Command::Mailpace(service) => (api::read(api::Kind::Mailpace, service)?, &service.how),
        Command::Postroom { file, passphrase_file } => {
            return whole::import(context, file, passphrase_file.as_deref());
        }
        Command::Mailchannels(service) => (api::read(api::Kind::Mailchannels, service)?, &service.how),
    };
    let postroom = context.open()?;
    take_in(context, &postroom, &items, how)
}

/// Does what is to be done with each item, or says what that would be.
fn take_in(context: &Context, postroom: &Postroom, items: &[Read], how: &How) -> Result<ExitCode, Failure> {
    let caller = Caller::operator(postroom.read(|tx| named::account(tx, how.account.as_deref()))?.id);
    let import = Import::new(postroom, caller, context.resolver()?);
    let work = |read: &&Read| match &read.item {
        Err(reason) => Outcome::Refused(reason.clone()),
        Ok(item) if how.dry_run => item.plan(&import),
        Ok(item) => item.take_in(&import),
    };
    let mut report = Report::of(context.output, how.dry_run);
    // An alias needs its domain first.
    let (domains, aliases): (Vec<&Read>, Vec<&Read>) = items.iter().partition(|read| !read.is_alias());
    for items in [domains, aliases] {
        progress::each_told("importing", &items, AT_ONCE, work, |read, outcome| report.tell(read, &outcome));
    }
    report.end(import.unasked())
}

/// What is said of an import while it lasts: a line for each item, so that one which is broken off has said what it did.
struct Report {
    output: Output,
    dry_run: bool,
    done: usize,
    there: usize,
    refused: usize,
    /// Why the output cannot be written. The import goes on without it.
    unwritten: Option<Failure>,
}

impl Report {
    fn of(output: Output, dry_run: bool) -> Report {
        Report { output, dry_run, done: 0, there: 0, refused: 0, unwritten: None }
    }

    fn tell(&mut self, read: &Read, outcome: &Outcome) {
        let is_first = self.done + self.there + self.refused == 0;
        match outcome {
            Outcome::Imported(_) => self.done += 1,
            Outcome::There(_) => self.there += 1,
            Outcome::Refused(_) => self.refused += 1,
        }
        self.write(&if self.output.json {
            format!("{}{}", if is_first { "[" } else { ",\n" }, line_json(read, outcome))
        } else {
            let (word, width) = match outcome {
                Outcome::Imported(_) if self.dry_run => ("would import", 12),
                _ => (outcome.word(), if self.dry_run { 12 } else { 8 }),
            };
            format!("{word:<width$} {}: {}\n", printable(&read.what), printable(&outcome.text()))
        });
    }

    fn write(&mut self, text: &str) {
        if self.unwritten.is_none() {
            self.unwritten = write(text.as_bytes()).err();
        }
    }

    /// Says how much there was of what. For `unasked` keys the DNS was not asked.
    fn end(mut self, unasked: usize) -> Result<ExitCode, Failure> {
        let (done, there, refused) = (self.done, self.there, self.refused);
        if self.output.json {
            self.write(if done + there + refused == 0 { "[]\n" } else { "]\n" });
        } else {
            let verb = if self.dry_run { "would be imported" } else { "imported" };
            self.write(&format!("\n{done} {verb}, {there} there already, {refused} refused.\n"));
            if unasked > 0 {
                self.write(&format!(
                    "The DNS did not answer many times in a row, so it was not asked for {unasked} keys. A server looks for their \
                     records by itself.\n"
                ));
            }
        }
        match self.unwritten {
            Some(failure) => Err(failure),
            None if refused == 0 => Ok(ExitCode::SUCCESS),
            None => Ok(Exit::Input.into()),
        }
    }
}

fn line_json(read: &Read, outcome: &Outcome) -> Value {
    json!({ "item": read.what, "outcome": outcome.word(), "text": outcome.text() })
}
