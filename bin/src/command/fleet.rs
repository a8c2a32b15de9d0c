//! What an operator of many domains does in a shell: create them, rename one, print all records, ask why one is not active.

use std::fmt::Write;
use std::process::ExitCode;

use postroom::account::{self, Caller};
use postroom::advisory::AdviceCode;
use postroom::db::Postroom;
use postroom::dkim::pool;
use postroom::domain::{self, Order};
use postroom::error::Error;
use postroom::page::{Direction, Page};
use postroom::record::{self, Record, zone_fragment};
use postroom::signing;
use postroom::verify::Code;
use serde_json::json;
use tracing::warn;

use super::failure::complain;
use super::named::{self, find, parse};
use super::output::printable;
use super::{Context, Exit, Failure};
use crate::json::domain::{domain_json, whole_domain_json};
use crate::json::record::record_json;

/// Creates domains, each in a transaction of its own: one that cannot be created stops no other.
pub(super) fn create(
    context: &Context,
    postroom: &Postroom,
    names: &[String],
    account: Option<&str>,
) -> Result<ExitCode, Failure> {
    let account = postroom.read(|tx| named::account(tx, account))?;
    let caller = Caller::operator(account.id);
    context.unusable_hosts.iter().for_each(|host| warn!("{host}"));
    let mut created = Vec::new();
    let mut first = None;
    for name in names {
        match create_one(postroom, &caller, name) {
            Ok(domain) => created.push(domain),
            Err(failure) => {
                let exit = failure.exit();
                let text = format!("{}: {}", printable(name), failure.text());
                complain(exit, &text, context.output.json);
                first.get_or_insert(exit);
                // The disk or the database: the next one would fare no better.
                if !matches!(exit, Exit::Refused | Exit::Input) {
                    break;
                }
            }
        }
    }
    if created.is_empty() && !context.output.json {
        return Ok(first.map_or(ExitCode::SUCCESS, Exit::into));
    }
    context.output.print(&created.iter().map(domain_json).collect(), || {
        let lines = created.iter().map(|domain| format!("{} is created.\n", domain.name));
        let hint = created.first().map_or(String::new(), |domain| {
            format!("Its owner must publish what `postroom domain records {}` prints.\n", domain.name)
        });
        lines.collect::<String>() + if created.len() == 1 { &hint } else { "" }
    })?;
    Ok(first.map_or(ExitCode::SUCCESS, Exit::into))
}

/// Creates a domain with its DKIM key, so that its records are complete at once.
fn create_one(postroom: &Postroom, caller: &Caller, name: &str) -> Result<domain::Details, Failure> {
    let name = parse(name)?;
    let new = domain::NewDomain::named(&name);
    Ok(pool::write(postroom, |tx| {
        let domain = domain::create(tx, caller, &new)?;
        if domain.wants_key {
            domain::equip(tx, &domain)?;
        }
        Ok(domain.into_details())
    })?)
}

pub(super) fn rename(
    context: &Context,
    postroom: &Postroom,
    old: &str,
    new: &str,
) -> Result<ExitCode, Failure> {
    let (old, new) = (parse(old)?, parse(new)?);
    let renamed = postroom.write(|tx| {
        let (caller, domain) = find(tx, &old)?;
        match domain::rename(tx, &caller, &domain, &new) {
            Ok(renamed) => Ok(renamed.into_details()),
            Err(Error::Conflict(_)) => Err(Failure::new(Exit::Refused, format!("{new} exists already"))),
            Err(error) => Err(error.into()),
        }
    })?;
    context.output.print(&domain_json(&renamed), || {
        if old == new {
            return format!("{new} has this name already.");
        }
        format!("{old} is {new} now. Its owner must publish the records anew: postroom domain records {new}")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Every domain of every account, each with the records that its owner must publish.
pub(super) fn every_domain(postroom: &Postroom) -> Result<Vec<(domain::Details, Vec<Record>)>, Error> {
    postroom.read(|tx| {
        let mut all = Vec::new();
        for account in account::list(tx)? {
            let page = Page { limit: u32::MAX, offset: 0 };
            let caller = Caller::operator(account.id);
            let domains = domain::list(tx, &caller, Order::Id, Direction::Ascending, page)?;
            let records = record::list_each(tx, &domains)?;
            all.extend(domains.into_iter().map(domain::Domain::into_details).zip(records));
        }
        Ok(all)
    })
}

/// Prints the records of every domain, as one fragment of a zone file for each.
pub(super) fn all_records(context: &Context, postroom: &Postroom) -> Result<ExitCode, Failure> {
    context.unusable_hosts.iter().for_each(|host| warn!("{host}"));
    let all = every_domain(postroom)?;
    let json = all.iter().map(|(domain, records)| {
        let shown: Vec<_> = records.iter().map(|record| record_json(domain, record)).collect();
        json!({ "domain": domain.name.as_str(), "records": shown, "zone": zone_fragment(domain, records) })
    });
    context.output.print_list(json, || {
        let fragment = |(domain, records): &(domain::Details, Vec<Record>)| {
            format!("; {}\n{}\n\n", domain.name, zone_fragment(domain, records).trim_end())
        };
        all.iter().map(fragment).collect()
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Says why a domain is not active, from what the last checks found. It exits 1 if the domain is not.
pub(super) fn why(context: &Context, postroom: &Postroom, name: &str) -> Result<ExitCode, Failure> {
    let name = parse(name)?;
    let (domain, records, assessment) = postroom.read(|tx| {
        let (_, domain) = find(tx, &name)?;
        let records = record::list(tx, &domain)?;
        let assessment = signing::find(tx, &domain)?;
        Ok::<_, Error>((domain.into_details(), records, assessment))
    })?;
    context.output.print(&whole_domain_json(&domain, &records, &assessment), || {
        let mut text = format!("{name} is {}.\n", domain.status);
        for reason in &assessment.reasons {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}: {} ({})", reason.severity, printable(&reason.text), reason.code);
        }
        let unsettled = records.iter().filter(|record| record.problem.is_some());
        text.extend(unsettled.map(|record| seen(&domain, record)));
        text
    })?;
    Ok(if assessment.reason().is_none() { ExitCode::SUCCESS } else { Exit::Wrong.into() })
}

/// What the last check found of a record that was not as it must be, and what to do.
fn seen(domain: &domain::Details, record: &Record) -> String {
    let Some(problem) = &record.problem else { return String::new() };
    let mut text = format!("\n{} {}\n", record.record_type(), record.name(domain));
    let mend = Code::ALL.iter().find(|code| code.as_str() == problem.code).map(|code| code.mend());
    for (title, value) in [
        ("found", Some(problem.text.as_str())),
        ("seen", record.observed.as_deref()),
        ("wanted", Some(record.value.as_str())),
        ("to do", mend),
    ] {
        if let Some(value) = value {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {title:<7} {}", printable(value));
        }
    }
    text
}

/// Explain a code of a finding or of advice, such as record_missing: what it says, and what to do
#[derive(clap::Args)]
pub(super) struct FindingArgs {
    /// The code; without it, every code with its meaning
    code: Option<String>,
}

/// `postroom finding`.
pub(super) fn finding(context: &Context, args: &FindingArgs) -> Result<ExitCode, Failure> {
    let findings = Code::ALL.iter().map(|code| (code.as_str(), code.meaning(), code.mend()));
    let advice = AdviceCode::ALL.iter().map(|code| (code.as_str(), code.meaning(), code.mend()));
    let all: Vec<_> = findings.chain(advice).collect();
    let shown = |(code, meaning, to_do): &(&str, &str, &str)| json!({ "code": code, "meaning": meaning, "to_do": to_do });
    let Some(asked) = &args.code else {
        context.output.print_list(all.iter().map(shown), || {
            let lines: Vec<String> =
                all.iter().map(|(code, meaning, _)| format!("{code}: {meaning}\n")).collect();
            lines.concat()
        })?;
        return Ok(ExitCode::SUCCESS);
    };
    let Some(entry @ (code, meaning, to_do)) = all.iter().find(|(code, ..)| code == asked) else {
        let near = crate::config::suggestion(asked, all.iter().map(|(code, ..)| *code));
        let text = format!("there is no finding \"{}\"{near}", printable(asked));
        return Err(Failure::new(Exit::NotThere, text));
    };
    context
        .output
        .print(&shown(entry), || format!("{code}\n  what it says  {meaning}\n  what to do    {to_do}"))?;
    Ok(ExitCode::SUCCESS)
}
