//! `postroom account`.

use std::process::ExitCode;

use clap::Subcommand;
use postroom::db::Postroom;
use postroom::error::Error;
use postroom::{account, key};
use serde_json::json;

use super::output::table;
use super::{Context, Failure};
use crate::json::ledger::Ledger;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Create an account, with an API key and the subscription `default` without limits
    ///
    /// The API key is shown only now; the database keeps its hash.
    Create {
        /// What you call it; unique
        name: String,
    },
    /// List the accounts
    List,
    /// Show an account with what it has piled up, and how much it may have
    Show {
        /// Its name
        name: String,
    },
}

pub(super) fn run(context: &mut Context, command: Command) -> Result<ExitCode, Failure> {
    let postroom = context.open()?;
    match command {
        Command::Create { name } => {
            postroom.write(|tx| {
                let account = account::create(tx, &name)?;
                let (_, secret) = key::create(tx, account.id, None)?;
                let json = json!({
                    "account": { "id": account.id.number(), "name": account.name },
                    "api_key": secret.reveal(),
                });
                context.output.print_secret(&json, || {
                    format!(
                        "Account {} ({}). Its API key, shown this once:\n\n    {}\n",
                        account.id,
                        account.name,
                        secret.reveal()
                    )
                })
            })?;
        }
        Command::List => {
            let accounts = postroom.read(account::list)?;
            let json = accounts.iter().map(|account| {
                json!({
                    "id": account.id.number(), "name": account.name,
                    "created_at": account.created_at.to_string(),
                })
            });
            context.output.print(&json.collect(), || {
                let rows: Vec<_> = accounts
                    .iter()
                    .map(|a| vec![a.id.to_string(), a.name.clone(), a.created_at.to_string()])
                    .collect();
                table(&["ID", "NAME", "CREATED"], &rows)
            })?;
        }
        Command::Show { name } => show(context, &postroom, &name)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn show(context: &Context, postroom: &Postroom, name: &str) -> Result<(), Failure> {
    let (account, trusted, ledger) = postroom.read(|tx| {
        let account = account::find(tx, name)?;
        let (trusted, ledger) = (account::is_trusted(tx, account.id)?, Ledger::of(tx, account.id)?);
        Ok::<_, Error>((account, trusted, ledger))
    })?;
    let json = json!({
        "account": { "id": account.id.number(), "name": account.name, "trusted": trusted },
        "limits": ledger.json(),
    });
    context.output.print(&json, || {
        let trust = if trusted { "trusted" } else { "a tenant" };
        let lines = ledger
            .lines()
            .map(|(name, used, most)| vec![name.to_owned(), used.to_string(), most.to_string()]);
        let limits = table(&["LIMIT", "USED", "MOST"], &lines.collect::<Vec<_>>());
        format!("Account {} ({}), {trust}, made {}\n\n{limits}", account.id, account.name, account.created_at)
    })
}
