//! `postroom key`.

use std::process::ExitCode;

use clap::Subcommand;
use postroom::clock::Timestamp;
use postroom::error::{Entity, Error};
use postroom::id::ApiKeyId;
use postroom::{account, key};
use serde_json::json;

use super::ask::Consent;
use super::output::table;
use super::{Context, Failure};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Create an API key of an account; it is shown only now
    Create {
        /// The account's name
        #[arg(long)]
        account: String,
        /// What the key is for
        #[arg(long)]
        description: Option<String>,
    },
    /// List the API keys, revoked ones too, by their last four characters
    List {
        /// Those of one account only
        #[arg(long)]
        account: Option<String>,
    },
    /// Revoke an API key at once and for good; asks first. The account's other keys can use the domains tied to it
    Revoke {
        /// Its id, as `key list` shows it
        id: i64,
        #[command(flatten)]
        consent: Consent,
    },
}

pub(super) fn run(context: &mut Context, command: Command) -> Result<ExitCode, Failure> {
    let postroom = context.open()?;
    match command {
        Command::Create { account, description } => {
            postroom.write(|tx| {
                let account = account::find(tx, &account)?;
                let (made, secret) = key::create(tx, account.id, description.as_deref())?;
                let json = json!({ "id": made.id.number(), "api_key": secret.reveal() });
                context.output.print_secret(&json, || {
                    format!("API key {}, shown this once:\n\n    {}\n", made.id, secret.reveal())
                })
            })?;
        }
        Command::List { account } => {
            let keys = postroom.read(|tx| {
                let account = account.map(|name| account::find(tx, &name)).transpose()?;
                key::list(tx, account.map(|account| account.id))
            })?;
            let json = keys.iter().map(|key| {
                json!({
                    "id": key.id.number(), "account_id": key.account.number(), "last4": key.last4,
                    "description": key.description, "created_at": key.created_at.to_string(),
                    "last_used_at": text(key.last_used_at), "revoked_at": text(key.revoked_at),
                })
            });
            context.output.print(&json.collect(), || {
                let rows: Vec<_> = keys
                    .iter()
                    .map(|key| {
                        vec![
                            key.id.to_string(),
                            key.account.to_string(),
                            format!("…{}", key.last4),
                            key.description.clone().unwrap_or_default(),
                            text(key.last_used_at).unwrap_or_else(|| "never".to_owned()),
                            text(key.revoked_at).unwrap_or_default(),
                        ]
                    })
                    .collect();
                table(&["ID", "ACCOUNT", "KEY", "DESCRIPTION", "LAST USED", "REVOKED"], &rows)
            })?;
        }
        Command::Revoke { id, consent } => {
            let id = ApiKeyId::new(id);
            let found = postroom.read(|tx| key::list(tx, None))?.into_iter().find(|key| key.id == id);
            let found = found.ok_or(Error::NotFound(Entity::ApiKey))?;
            let question = format!("Revoke API key {id} (…{}) for good?", found.last4);
            consent.ask(&question, &id.to_string())?;
            let revoked = postroom.write(|tx| key::revoke(tx, id))?;
            let json = json!({ "id": revoked.id.number(), "revoked_at": text(revoked.revoked_at) });
            context
                .output
                .print(&json, || format!("API key {} (…{}) is revoked.", revoked.id, revoked.last4))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn text(moment: Option<Timestamp>) -> Option<String> {
    moment.map(|at| at.to_string())
}
