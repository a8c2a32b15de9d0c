//! `postroom audit`.

use std::process::ExitCode;

use postroom::{account, event};
use serde_json::json;

use super::output::table;
use super::{Context, Failure};

#[derive(clap::Args)]
pub(super) struct Args {
    /// What happened to one account only
    #[arg(long)]
    account: Option<String>,
    /// At most so many rows
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<ExitCode, Failure> {
    let postroom = context.open()?;
    let events = postroom.read(|tx| {
        let account = args.account.as_deref().map(|name| account::find(tx, name)).transpose()?;
        event::newest(tx, account.map(|account| account.id), args.limit)
    })?;
    let json = events.iter().map(|event| {
        json!({
            "id": event.id.number(), "at": event.at.to_string(),
            "account_id": event.account.map(postroom::id::AccountId::number), "actor": event.actor,
            "action": event.action, "subject": event.subject, "detail": event.detail,
        })
    });
    context.output.print(&json.collect(), || {
        let rows: Vec<_> = events
            .iter()
            .map(|event| {
                vec![
                    event.at.to_string(),
                    event.account.map(|id| id.to_string()).unwrap_or_default(),
                    event.actor.clone(),
                    event.action.clone(),
                    event.subject.clone(),
                    event.detail.clone().unwrap_or_default(),
                ]
            })
            .collect();
        table(&["AT", "ACCOUNT", "ACTOR", "ACTION", "SUBJECT", "DETAIL"], &rows)
    })?;
    Ok(ExitCode::SUCCESS)
}
