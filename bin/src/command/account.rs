//! `postroom account`.

use std::process::ExitCode;

use clap::Subcommand;
use postroom::{account, key};
use serde_json::json;

use super::output::table;
use super::{Context, Failure};

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
    }
    Ok(ExitCode::SUCCESS)
}
