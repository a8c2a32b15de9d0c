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

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use postroom::account::Caller;
use postroom::db::Postroom;
use postroom::name::DomainName;
use serde_json::{Value, json};

use super::output::printable;
use super::{Context, Exit, Failure, named, progress, whole};
use item::{Item, Outcome, Read};
use keyfile::Keys;

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
    let resolver = context.resolver()?;
    // An alias needs its domain first.
    let (domains, aliases): (Vec<&Read>, Vec<&Read>) = items.iter().partition(|read| !read.is_alias());
    // Of several with one name the first is done, and the others find it there.
    let mut planned: HashMap<&DomainName, &Item> = HashMap::new();
    for item in domains.iter().chain(&aliases).filter_map(|read| read.item.as_ref().ok()) {
        planned.entry(&item.name).or_insert(item);
    }
    let keys = Keys::default();
    let work = |read: &&Read| match &read.item {
        Err(reason) => Outcome::Refused(reason.clone()),
        Ok(item) if how.dry_run => item.plan(postroom, &caller, &keys, &planned),
        Ok(item) => item.take_in(postroom, &caller, &resolver, &keys),
    };
    let mut outcomes = progress::each("importing", &domains, AT_ONCE, work);
    outcomes.extend(progress::each("importing", &aliases, AT_ONCE, work));
    let all: Vec<(&Read, Outcome)> = domains.into_iter().chain(aliases).zip(outcomes).collect();
    report(context, &all, how.dry_run)
}

fn report(context: &Context, all: &[(&Read, Outcome)], dry_run: bool) -> Result<ExitCode, Failure> {
    let count = |wanted: fn(&Outcome) -> bool| all.iter().filter(|(_, outcome)| wanted(outcome)).count();
    let refused = count(|outcome| matches!(outcome, Outcome::Refused(_)));
    let there = count(|outcome| matches!(outcome, Outcome::There));
    let done = all.len() - refused - there;
    context.output.print_list(all.iter().map(|(read, outcome)| line_json(read, outcome)), || {
        let line = |(read, outcome): &(&Read, Outcome)| {
            format!("{:<8} {}: {}\n", outcome.word(), printable(&read.what), printable(&outcome.text()))
        };
        let lines: String = all.iter().map(line).collect();
        let verb = if dry_run { "would be imported" } else { "imported" };
        format!("{lines}\n{done} {verb}, {there} there already, {refused} refused.\n")
    })?;
    Ok(if refused == 0 { ExitCode::SUCCESS } else { Exit::Input.into() })
}

fn line_json(read: &Read, outcome: &Outcome) -> Value {
    json!({ "item": read.what, "outcome": outcome.word(), "text": outcome.text() })
}
