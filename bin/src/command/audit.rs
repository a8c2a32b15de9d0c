//! `postroom audit`.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use postroom::account;
use postroom::db::Postroom;
use postroom::event::{self, Search};
use postroom::id::EventId;
use postroom::name::DomainName;

use super::output::{table, write};
use super::{Context, Failure};
use crate::json::event::event_json;

/// How many rows are read at once.
const ROWS_AT_ONCE: u32 = 500;
/// How long `--follow` waits before it looks for new rows.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(500);

#[derive(clap::Args)]
pub(super) struct Args {
    /// What happened to one account only
    #[arg(long)]
    account: Option<String>,
    /// What happened to one domain only, under its earlier names as well
    #[arg(long, value_name = "NAME")]
    domain: Option<DomainName>,
    /// One action only, such as `domain.changed`, or one change, such as `domain.label_changed`
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Go on with each new row as it is written, as JSON, one object a line
    #[arg(long, conflicts_with = "limit")]
    follow: bool,
    /// At most so many rows
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<ExitCode, Failure> {
    let postroom = context.open()?;
    if args.follow {
        return follow(&postroom, args);
    }
    let events = postroom.read(|tx| {
        let account = args.account.as_deref().map(|name| account::find(tx, name)).transpose()?;
        let search = Search {
            account: account.map(|account| account.id),
            domain: args.domain.as_ref(),
            action: args.action.as_deref(),
            ..Search::default()
        };
        event::newest(tx, &search, args.limit)
    })?;
    context.output.print(&events.iter().map(event_json).collect(), || {
        let rows: Vec<_> = events
            .iter()
            .map(|event| {
                vec![
                    event.at.to_string(),
                    event.account.map(|id| id.to_string()).unwrap_or_default(),
                    event.actor.to_string(),
                    event.action().to_owned(),
                    event.subject(),
                    event.detail().unwrap_or_default(),
                ]
            })
            .collect();
        table(&["AT", "ACCOUNT", "ACTOR", "ACTION", "SUBJECT", "DETAIL"], &rows)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Prints each new row as it is written, until nobody reads any more.
fn follow(postroom: &Postroom, args: &Args) -> Result<ExitCode, Failure> {
    let account = match args.account.as_deref() {
        Some(name) => Some(postroom.read(|tx| account::find(tx, name))?.id),
        None => None,
    };
    let search =
        Search { account, domain: args.domain.as_ref(), action: args.action.as_deref(), ..Search::default() };
    let newest = postroom.read(|tx| event::newest(tx, &Search::default(), 1))?;
    let mut last = newest.first().map_or(EventId::new(0), |event| event.id);
    loop {
        let events = postroom.read(|tx| event::after(tx, &search, last, ROWS_AT_ONCE))?;
        for event in &events {
            last = event.id;
            write(format!("{}\n", event_json(event)).as_bytes())?;
        }
        if events.len() < ROWS_AT_ONCE as usize {
            thread::sleep(LOOK_AGAIN_AFTER);
        }
    }
}
