//! `postroom alias`: names whose mail is treated as a domain's.

use std::process::ExitCode;

use clap::Subcommand;
use postroom::error::Error;
use postroom::{account, claim, inbound};
use serde_json::json;

use super::ask::Consent;
use super::named::{find, parse};
use super::output::printable;
use super::{Context, Failure};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Have mail for another name be treated as a domain's
    Add {
        /// The domain
        domain: String,
        /// The other name
        alias: String,
    },
    /// List the aliases of a domain
    List {
        /// The domain
        domain: String,
    },
    /// Take an alias away from a domain; asks first
    Remove {
        /// The domain
        domain: String,
        /// The alias
        alias: String,
        #[command(flatten)]
        consent: Consent,
    },
}

pub(super) fn run(context: &mut Context, command: Command) -> Result<ExitCode, Failure> {
    let postroom = context.open()?;
    match command {
        Command::Add { domain, alias } => {
            let (domain, alias) = (parse(&domain)?, parse(&alias)?);
            if alias == domain {
                return Err(Failure::input(format!(
                    "{alias} is the domain itself; an alias is another name"
                )));
            }
            let (acts, account) = postroom.write(|tx| {
                let (caller, found) = find(tx, &domain)?;
                inbound::add_alias(tx, &caller, &found, &alias)?;
                let acts = claim::find(tx, &caller, &alias)?.acts;
                Ok::<_, Error>((acts, account::own(tx, &caller)?.name))
            })?;
            let json = json!({ "domain": domain.as_str(), "alias": alias.as_str() });
            context.output.print(&json, || {
                let unproved = format!(
                    "\nIts account has not proved it, so it takes no mail yet: postroom claim verify {alias} --account {}",
                    printable(&account)
                );
                format!("{alias} is an alias of {domain} now.{}", if acts { "" } else { &unproved })
            })?;
        }
        Command::List { domain } => {
            let domain = parse(&domain)?;
            let aliases = postroom.read(|tx| inbound::find(tx, &find(tx, &domain)?.1))?.aliases;
            context.output.print_list(aliases.iter().map(|alias| alias.as_str().into()), || {
                aliases.iter().flat_map(|alias| [alias.as_str(), "\n"]).collect()
            })?;
        }
        Command::Remove { domain, alias, consent } => {
            let (domain, alias) = (parse(&domain)?, parse(&alias)?);
            postroom.read(|tx| find(tx, &domain).map(drop))?;
            let question = format!("Take the alias {alias} away from {domain}? Its mail is refused then.");
            consent.ask(&question, alias.as_str())?;
            postroom.write(|tx| {
                let (caller, found) = find(tx, &domain)?;
                inbound::remove_alias(tx, &caller, &found, &alias)
            })?;
            let json = json!({ "domain": domain.as_str(), "removed": alias.as_str() });
            context.output.print(&json, || format!("{alias} is no alias of {domain} any more."))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
