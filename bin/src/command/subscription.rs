//! `postroom subscription`.

use std::process::ExitCode;

use clap::Subcommand;
use postroom::account;
use postroom::subscription::{self, Limits};
use serde_json::json;

use super::output::table;
use super::{Context, Failure};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Create a subscription of an account
    Create {
        /// The account's name
        #[arg(long)]
        account: String,
        /// What the account calls it; unique within the account
        #[arg(long)]
        handle: String,
        /// The most domains [default: no limit]
        #[arg(long, value_name = "N")]
        max_domains: Option<u32>,
        /// The most protected recipients [default: no limit]
        #[arg(long, value_name = "N")]
        max_recipients: Option<u32>,
    },
    /// List the subscriptions
    List {
        /// Those of one account only
        #[arg(long)]
        account: Option<String>,
    },
}

pub(super) fn run(context: &mut Context, command: Command) -> Result<ExitCode, Failure> {
    let postroom = context.open()?;
    let shown = |s: &subscription::Subscription| {
        json!({
            "id": s.id.number(), "account_id": s.account.number(), "handle": s.handle,
            "max_domains": s.limits.max_domains, "max_recipients": s.limits.max_recipients,
            "created_at": s.created_at.to_string(),
        })
    };
    match command {
        Command::Create { account, handle, max_domains, max_recipients } => {
            let made = postroom.write(|tx| {
                let account = account::find(tx, &account)?;
                subscription::create(tx, account.id, &handle, Limits { max_domains, max_recipients })
            })?;
            context.output.print(&shown(&made), || format!("Subscription {} ({}).", made.id, made.handle))?;
        }
        Command::List { account } => {
            let found = postroom.read(|tx| {
                let account = account.map(|name| account::find(tx, &name)).transpose()?;
                subscription::list(tx, account.map(|account| account.id))
            })?;
            context.output.print(&found.iter().map(shown).collect(), || {
                let limit = |most: Option<u32>| most.map_or("no limit".to_owned(), |most| most.to_string());
                let rows: Vec<_> = found
                    .iter()
                    .map(|s| {
                        vec![
                            s.id.to_string(),
                            s.account.to_string(),
                            s.handle.clone(),
                            limit(s.limits.max_domains),
                            limit(s.limits.max_recipients),
                        ]
                    })
                    .collect();
                table(&["ID", "ACCOUNT", "HANDLE", "DOMAINS", "RECIPIENTS"], &rows)
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
