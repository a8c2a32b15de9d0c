//! `postroom domain`: as the operator, for whichever account owns the domain.

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use postroom::account;
use postroom::claim;
use postroom::db::Postroom;
use postroom::dkim::pool;
use postroom::domain::{Details, DomainStatus};
use postroom::error::Error;
use postroom::name::Selector;
use postroom::page::Page;
use postroom::provision;
use postroom::record::{self, Record, zone_fragment};
use postroom::signing::{self, Assessment, Signing};
use postroom::verify::schedule;
use serde_json::json;
use tracing::warn;

use super::ask::Consent;
use super::named::{find, parse};
use super::output::table;
use super::{Context, Failure, advise, check_all, fleet, fleet_table, verify};
use crate::json::domain::{domain_json, whole_domain_json};
use crate::json::record::record_json;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Create domains for an account, each with its DKIM key; one that is refused stops no other
    Create {
        /// The domains
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// The account's name [default: the only account]
        #[arg(long)]
        account: Option<String>,
    },
    /// Give a domain another name; it keeps its keys and tokens, and its records must be published anew
    Rename {
        /// The domain
        old: String,
        /// Its new name
        new: String,
    },
    /// Say why a domain is not active and what to do, from what the last checks found; exits 1 if it is not
    Why {
        /// The domain
        name: String,
    },
    /// List domains, the newest first: their status with its reason, the keys that sign, and when these are rotated next
    List {
        /// The account's name [default: every account]
        #[arg(long)]
        account: Option<String>,
        /// Those with this status only: pending, active or failed
        #[arg(long, value_parser = status)]
        status: Option<DomainStatus>,
        /// At most so many of an account [default: all]
        #[arg(long, value_name = "N")]
        limit: Option<u32>,
        /// After so many of an account
        #[arg(long, value_name = "N", default_value_t = 0)]
        offset: u64,
    },
    /// Show a domain and the state of its records
    Show {
        /// The domain
        name: String,
    },
    /// Print the records that the domain's owner must publish
    Records {
        /// The domain
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        name: Option<String>,
        /// As a fragment of a BIND zone file
        #[arg(long)]
        zone: bool,
        /// Of every domain, as one fragment of a BIND zone file for each
        #[arg(long)]
        all: bool,
    },
    /// Look at the DNS now and say what is right and what to change; exits 1 when a record is wrong or cannot be told now
    Verify {
        /// The domain
        name: String,
    },
    /// Look at what else helps the domain's mail to arrive: names of the sending addresses, MTA-STS, DNSSEC and the like
    Advise {
        /// The domain
        name: String,
        /// Connect to port 25 of its mail hosts as well [default: as advice.smtp says]
        #[arg(long)]
        smtp: bool,
    },
    /// Look at the DNS again and again until every record passes, and say what has changed
    Watch {
        /// The domain
        name: String,
        /// Seconds between two looks
        #[arg(long, value_name = "SECONDS", default_value_t = 30)]
        every: u32,
    },
    /// Check the domains whose turn it is, now, as the server's schedule does
    Check {
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 1000, conflicts_with = "all")]
        limit: u32,
        /// Every domain, whether it is its turn or not; exits 1 when a record of one is wrong or cannot be told now
        #[arg(long)]
        all: bool,
    },
    /// Delete a domain with its records, keys and tokens; asks first
    Delete {
        /// The domain
        name: String,
        #[command(flatten)]
        consent: Consent,
    },
    /// Hand a domain over to another account, with its records and keys; its tokens are revoked, and it gets a new key
    Transfer {
        /// The domain
        name: String,
        /// The other account's name
        #[arg(long, value_name = "ACCOUNT")]
        to: String,
    },
}

pub(super) fn run(context: &mut Context, command: Command) -> Result<ExitCode, Failure> {
    let postroom = context.open()?;
    match command {
        Command::List { account, status, limit, offset } => {
            let page = Page { limit: limit.unwrap_or(u32::MAX), offset };
            fleet_table::list(context, &postroom, account.as_deref(), status, page)
        }
        Command::Check { all: true, .. } => check_all::run(context, &postroom),
        Command::Check { limit, .. } => {
            let checked = schedule::run_due(&postroom, &context.resolver()?, limit)?;
            context.output.print(&json!({ "checked": checked }), || {
                format!("{checked} domains were due and are checked.")
            })?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Show { name } => show(context, &postroom, &name),
        Command::Create { names, account } => fleet::create(context, &postroom, &names, account.as_deref()),
        Command::Rename { old, new } => fleet::rename(context, &postroom, &old, &new),
        Command::Why { name } => fleet::why(context, &postroom, &name),
        Command::Records { name: Some(name), zone, .. } => records(context, &postroom, &name, zone),
        Command::Records { name: None, .. } => fleet::all_records(context, &postroom),
        Command::Verify { name } => verify::once(context, &postroom, &name),
        Command::Advise { name, smtp } => advise::run(context, &postroom, &name, smtp),
        Command::Watch { name, every } => {
            verify::watch(context, &postroom, &name, Duration::from_secs(every.max(1).into()))
        }
        Command::Delete { name, consent } => {
            let name = parse(&name)?;
            postroom.read(|tx| find(tx, &name).map(drop))?;
            let question = format!("Delete {name} with its records, DKIM keys and tokens?");
            consent.ask(&question, name.as_str())?;
            postroom.write(|tx| {
                let (caller, domain) = find(tx, &name)?;
                provision::delete(tx, &caller, &domain)
            })?;
            context.output.print(&json!({ "deleted": name.as_str() }), || format!("{name} is deleted."))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Transfer { name, to } => {
            let name = parse(&name)?;
            let moved = pool::write(&postroom, |tx| {
                let (caller, domain) = find(tx, &name)?;
                let account = account::find(tx, &to)?;
                provision::transfer(tx, &caller, &domain, account.id)
            })?;
            context.output.print(&domain_json(&moved), || {
                format!(
                    "{name} belongs to {to} now. Its tokens and links are revoked, and it has a new DKIM key: its owner must publish \
                     what `postroom domain records {name}` prints."
                )
            })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn show(context: &Context, postroom: &Postroom, name: &str) -> Result<ExitCode, Failure> {
    let asked = parse(name)?;
    let whose = postroom.read(|tx| claim::whose(tx, &asked))?;
    if let Some(of) = whose.of {
        let account = whose.account;
        let json = json!({ "alias": asked.as_str(), "of": of.as_str(), "account_id": account.number() });
        context.output.print(&json, || format!("{asked} is an alias of {of}, of account {account}."))?;
        return Ok(ExitCode::SUCCESS);
    }
    let (domain, records, assessment) = read(postroom, name)?;
    let json = whole_domain_json(&domain, &records, &assessment);
    context.output.print(&json, || {
        let rows: Vec<_> = records
            .iter()
            .map(|record| {
                vec![
                    record.name(&domain).to_string(),
                    record.record_type().to_string(),
                    manual(record),
                    record.checked_at.map_or("never".to_owned(), |at| at.to_string()),
                    record.problem.as_ref().map(|problem| problem.code.clone()).unwrap_or_default(),
                ]
            })
            .collect();
        format!(
            "{} is {}; account {}, created {}\n{}{}\n\n{}",
            domain.name,
            domain.status,
            domain.account,
            domain.created_at,
            signing_line(&assessment.signing),
            reason_lines(&assessment),
            table(&["RECORD", "TYPE", "STATUS", "CHECKED", "PROBLEM"], &rows)
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

fn records(context: &Context, postroom: &Postroom, name: &str, zone: bool) -> Result<ExitCode, Failure> {
    let (domain, records, _) = read(postroom, name)?;
    context.unusable_hosts.iter().for_each(|host| warn!("{host}"));
    if zone {
        let zone = zone_fragment(&domain, &records);
        context.output.print(&json!({ "zone": zone }), || zone.clone())?;
        return Ok(ExitCode::SUCCESS);
    }
    let json = records.iter().map(|record| record_json(&domain, record)).collect();
    context.output.print(&json, || {
        let rows: Vec<_> = records
            .iter()
            .map(|record| {
                vec![
                    record.host.clone(),
                    record.record_type().to_string(),
                    record.priority.map(|priority| priority.to_string()).unwrap_or_default(),
                    record.value.clone(),
                ]
            })
            .collect();
        table(&["HOST", "TYPE", "PRIORITY", "VALUE"], &rows)
    })?;
    Ok(ExitCode::SUCCESS)
}

fn read(postroom: &Postroom, name: &str) -> Result<(Details, Vec<Record>, Assessment), Failure> {
    let name = parse(name)?;
    let found = postroom.read(|tx| {
        let (_, domain) = find(tx, &name)?;
        let records = record::list(tx, &domain)?;
        let assessment = signing::find(tx, &domain)?;
        Ok::<_, Error>((domain.into_details(), records, assessment))
    })?;
    Ok(found)
}

/// The status of a record, and whether it is somebody's word.
fn manual(record: &Record) -> String {
    let status = record.standing.status;
    if record.standing.pinned { format!("{status} (manual)") } else { status.to_string() }
}

/// Which keys sign, or why none does.
fn signing_line(signing: &Signing) -> String {
    if let Some(why) = &signing.reason {
        return format!("Mail is not signed: {}.", why.text);
    }
    let selectors: Vec<&str> = signing.selectors.iter().map(Selector::as_str).collect();
    let since = signing.since.map_or(String::new(), |at| format!(" since {at}"));
    format!("Mail is signed by {} with {}{since}.", signing.by, selectors.join(", "))
}

/// A line for each reason of the status that the line on signing has not told.
fn reason_lines(assessment: &Assessment) -> String {
    let told = assessment.signing.reason.as_ref().map(|why| &why.text);
    let rest = assessment.reasons.iter().filter(|reason| Some(&reason.text) != told);
    let lines: Vec<String> = rest.map(|reason| format!("\n{}: {}", reason.severity, reason.text)).collect();
    lines.concat()
}

/// A status as `--status` takes it.
fn status(text: &str) -> Result<DomainStatus, &'static str> {
    text.parse().map_err(|_| "a status is pending, active or failed")
}
