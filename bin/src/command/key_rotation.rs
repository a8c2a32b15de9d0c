//! `postroom key-rotation`: as the operator, for whichever account owns the domain.

use std::fmt::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use postroom::dkim::pool;
use postroom::domain::Details;
use postroom::error::Error;
use postroom::keyring::{self, KeyEntry};
use postroom::rotation::{self, RotationView, Stage};

use super::named::{find, parse};
use super::{Context, Failure, rotations};
use crate::json::key::rotation_json;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a new key; it signs in the place of the current one as soon as its record is right
    Start {
        /// The domain
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        name: Option<String>,
        /// Of every domain that has a key that signs and no rotation under way
        #[arg(long)]
        all: bool,
    },
    /// Show how far a rotation is, and which record can be removed from the DNS
    Status {
        /// The domain
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        name: Option<String>,
        /// Of every domain, a line for each
        #[arg(long)]
        all: bool,
    },
    /// End a rotation whose new key still waits for its record
    Abort {
        /// The domain
        name: String,
    },
    /// Rotate the key automatically every so many days; 0 ends that
    #[command(allow_missing_positional = true)]
    Every {
        /// The domain
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        name: Option<String>,
        /// Of every domain that has keys of its own
        #[arg(long)]
        all: bool,
        /// Days from one to the next, 5 to 36500; 0 for none
        #[arg(value_parser = clap::value_parser!(u32).range(..=36_500))]
        days: u32,
    },
    /// Make keys that stand in your own zone: the domain publishes two CNAMEs, once and for all
    Delegate {
        /// The domain
        name: String,
    },
}

pub(super) fn run(context: &mut Context, command: &Command) -> Result<ExitCode, Failure> {
    let postroom = context.open()?;
    // What the background thread of a server would do; without one this is who does it.
    rotation::keep(&postroom)?;
    let name = match command {
        Command::Start { name: None, .. } => return rotations::start(context, &postroom),
        Command::Status { name: None, .. } => return rotations::status(context, &postroom),
        Command::Every { name: None, days, .. } => return rotations::set_interval(context, &postroom, *days),
        Command::Start { name: Some(name), .. }
        | Command::Status { name: Some(name), .. }
        | Command::Every { name: Some(name), .. }
        | Command::Abort { name }
        | Command::Delegate { name } => parse(name)?,
    };
    let source = match command {
        Command::Start { .. } => {
            let supply = postroom.read(|tx| rotation::supply(tx, &find(tx, &name)?.1))?;
            Some(supply.source()?)
        }
        _ => None,
    };
    let (domain, status, entries) = pool::write(&postroom, |tx| {
        let (caller, domain) = find(tx, &name)?;
        match (command, &source) {
            (Command::Start { .. }, Some(source)) => rotation::start(tx, &caller, &domain, source)?,
            (Command::Abort { .. }, _) => rotation::abort(tx, &caller, &domain)?,
            (Command::Every { days, .. }, _) => {
                rotation::set_interval(tx, &caller, &domain, rotations::interval(*days))?
            }
            (Command::Delegate { .. }, _) => rotation::delegate(tx, &caller, &domain)?,
            _ => rotation::status(tx, &domain)?,
        };
        let status = rotation::status(tx, &domain)?;
        let entries = keyring::of_domain(tx, &domain)?;
        Ok::<_, Error>((domain.into_details(), status, entries))
    })?;
    let keep = postroom.settings().keep_retired_for;
    context
        .output
        .print(&rotation_json(&domain, &status, keep), || told(&domain, &status, &entries, keep))?;
    Ok(ExitCode::SUCCESS)
}

/// The stage in a sentence, and what there is to do.
fn told(domain: &Details, status: &RotationView, entries: &[KeyEntry], keep: Duration) -> String {
    let mut text = match status.stage {
        Stage::Idle => format!("{}: no rotation is under way.\n", domain.name),
        Stage::Waiting { since } => format!(
            "{}: a new key waits for its record since {since}; it signs when that is right everywhere.\n",
            domain.name
        ),
        Stage::Keeping { until } => {
            format!("{}: the new key signs; keep the record of the old one until {until}.\n", domain.name)
        }
        Stage::Done => format!("{}: rotated; the record of the old key can be removed.\n", domain.name),
    };
    let waiting = status.rotation.under_way.as_ref().map(|under_way| under_way.key);
    // Writing to a String cannot fail.
    for entry in entries {
        let key = &entry.key;
        let is_wanted = Some(key.id) == waiting || (key.delegated_to.is_some() && waiting.is_some());
        if is_wanted {
            let record = match &key.delegated_to {
                Some(target) => format!("CNAME {target}."),
                None => format!("TXT {}", key.public.record_value()),
            };
            let _ =
                write!(text, "\nPublish, if it is not there yet:\n    {} {record}\n", entry.record_name());
            if let Some(problem) = &entry.problem {
                let _ = writeln!(text, "    {}", super::output::printable(&problem.text));
            }
        } else if key.is_active() {
            let _ = writeln!(text, "signs: {}", key.selector);
        } else if key.released_at.is_some() {
            let _ = writeln!(text, "safe to remove from the DNS: {}", entry.record_name());
        } else if let Some(until) = status.kept_until(key, keep) {
            let _ = writeln!(text, "keep until {until}: {}", entry.record_name());
        }
    }
    if let (Some(every), Some(next)) = (status.rotation.every, status.rotation.next_at) {
        let _ = writeln!(text, "automatically every {} days, next at {next}", every.as_secs() / 86_400);
    }
    text
}
