//! `postroom account`.

use std::process::ExitCode;

use clap::Subcommand;
use postroom::account::{self, Account, Caller};
use postroom::db::Postroom;
use postroom::error::Error;
use postroom::signing::{self, Untrusted};
use postroom::{domain, key};
use serde_json::{Value, json};

use super::output::{Made, table};
use super::{Context, Failure};
use crate::json::ledger::Ledger;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Create an account, with an API key and the subscription `default` without limits
    ///
    /// The API key is shown only now; the database keeps its hash. An account is a tenant: its domains and aliases take no
    /// mail, send none and are signed for by nobody until they are proved in the DNS. The first account of a database is trusted.
    Create {
        /// What you call it; unique
        name: String,
        /// It is one of your own: its names need no proof
        #[arg(long)]
        trusted: bool,
    },
    /// List the accounts
    List,
    /// Show an account: whether it is trusted, what it has piled up, and how much it may have
    Show {
        /// Its name
        name: String,
    },
    /// Trust an account: its names act without proof
    Trust {
        /// Its name
        name: String,
    },
    /// Make an account a tenant: its names act only when they are proved
    Distrust {
        /// Its name
        name: String,
    },
}

pub(super) fn run(context: &mut Context, command: Command) -> Result<ExitCode, Failure> {
    let postroom = context.open()?;
    match command {
        Command::Create { name, trusted } => {
            context.output.print_made(&postroom, |tx| {
                let account =
                    if trusted { account::create_trusted(tx, &name)? } else { account::create(tx, &name)? };
                let (_, secret) = key::create(tx, account.id, None)?;
                let json = json!({ "account": account_json(&account), "api_key": secret.reveal() });
                let text = format!(
                    "Account {} ({}), {}. Its API key, shown this once:\n\n    {}\n",
                    account.id,
                    account.name,
                    kind(&account),
                    secret.reveal()
                );
                Ok(Made::with_secret(json, text))
            })?;
        }
        Command::List => {
            let accounts = postroom.read(account::list)?;
            let json = accounts.iter().map(|account| {
                let mut shown = account_json(account);
                if let Some(fields) = shown.as_object_mut() {
                    fields.insert("created_at".to_owned(), account.created_at.to_string().into());
                }
                shown
            });
            context.output.print(&json.collect(), || {
                let row = |a: &Account| {
                    vec![a.id.to_string(), a.name.clone(), kind(a).to_owned(), a.created_at.to_string()]
                };
                table(&["ID", "NAME", "KIND", "CREATED"], &accounts.iter().map(row).collect::<Vec<_>>())
            })?;
        }
        Command::Show { name } => show(context, &postroom, &name)?,
        Command::Trust { name } => {
            let trusted = signing::trust(&postroom, &name)?;
            show_trust(context, &trusted)?;
        }
        Command::Distrust { name } => {
            let distrusted = signing::distrust(&postroom, &name)?;
            show_trust(context, &distrusted)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(context: &Context, postroom: &Postroom, name: &str) -> Result<(), Failure> {
    let (account, domains, ledger) = postroom.read(|tx| {
        let account = account::find(tx, name)?;
        let domains = domain::count(tx, &Caller::operator(account.id))?;
        let ledger = Ledger::of(tx, account.id)?;
        Ok::<_, Error>((account, domains, ledger))
    })?;
    let json = json!({
        "account": account_json(&account),
        "created_at": account.created_at.to_string(),
        "domains": domains,
        "limits": ledger.json(),
    });
    context.output.print(&json, || {
        let lines = ledger.lines().map(|(name, used, most)| {
            vec![
                name.to_owned(),
                used.as_null().map_or_else(|| used.to_string(), |()| "-".to_owned()),
                most.to_string(),
            ]
        });
        let limits = table(&["LIMIT", "USED", "MOST"], &lines.collect::<Vec<_>>());
        format!(
            "Account {} ({}), {}, created {}\ndomains: {domains}\n\n{limits}",
            account.id,
            account.name,
            kind(&account),
            account.created_at
        )
    })
}

fn show_trust(context: &Context, (account, left): &(Account, Untrusted)) -> Result<(), Failure> {
    let name = &account.name;
    let json = json!({ "account": account_json(account), "unproved": left.unproved });
    context.output.print(&json, || {
        if account.trust.is_given() {
            format!("Account {name} is trusted: its names act without proof.")
        } else {
            format!(
                "Account {name} is a tenant: its names act when they are proved. The DNS has not shown {} of its domains to be \
                 its own.",
                left.unproved
            )
        }
    })
}

fn account_json(account: &Account) -> Value {
    json!({ "id": account.id.number(), "name": account.name, "trusted": account.trust.is_given() })
}

fn kind(account: &Account) -> &'static str {
    if account.trust.is_given() { "trusted" } else { "a tenant" }
}
