//! `postroom audit`.

use std::collections::BTreeSet;
use std::iter;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use postroom::account;
use postroom::db::Postroom;
use postroom::error::Error;
use postroom::event::{self, Change, Event, Search};
use postroom::id::EventId;
use postroom::name::DomainName;

use super::output::{printable, table, write};
use super::{Context, Failure};
use crate::config::suggestion;
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
    if let Some(action) = &args.action {
        check_action(action)?;
    }
    let postroom = context.open()?;
    let account = match args.account.as_deref() {
        Some(name) => Some(postroom.read(|tx| account::find(tx, name))?.id),
        None => None,
    };
    let search =
        Search { account, domain: args.domain.as_ref(), action: args.action.as_deref(), ..Search::default() };
    if args.follow {
        return follow(&postroom, &search);
    }
    // As JSON only some rows are in memory at a time; the columns of a table are as wide as the widest of all.
    let mut failed = None;
    let mut pages = Pages { postroom: &postroom, search, left: args.limit };
    let rows = iter::from_fn(|| pages.next().map_err(|error| failed = Some(error)).ok().flatten()).flatten();
    if context.output.json {
        context.output.print_list(rows.map(|event| event_json(&event)), String::new)?;
    } else {
        let rows: Vec<_> = rows.map(|event| row(&event)).collect();
        write(table(&["AT", "ACCOUNT", "ACTOR", "ACTION", "SUBJECT", "DETAIL"], &rows).as_bytes())?;
    }
    failed.map_or(Ok(ExitCode::SUCCESS), |error| Err(error.into()))
}

/// The newest rows of a search, in pieces.
struct Pages<'a> {
    postroom: &'a Postroom,
    search: Search<'a>,
    /// How many rows are still wanted.
    left: u32,
}

impl Pages<'_> {
    /// The next piece; none after the last one.
    fn next(&mut self) -> Result<Option<Vec<Event>>, Error> {
        let most = self.left.min(ROWS_AT_ONCE);
        let events = self.postroom.read(|tx| event::newest(tx, &self.search, most))?;
        let Some(oldest) = events.last() else { return Ok(None) };
        self.search.before = Some(oldest.id);
        self.left -= most;
        Ok(Some(events))
    }
}

/// A row of the table.
fn row(event: &Event) -> Vec<String> {
    vec![
        event.at.to_string(),
        event.account.map(|id| id.to_string()).unwrap_or_default(),
        event.actor.to_string(),
        event.action().to_owned(),
        event.subject(),
        event.detail().unwrap_or_default(),
    ]
}

/// Refuses a text that names neither an action nor a change.
fn check_action(text: &str) -> Result<(), Failure> {
    if Change::ALL.iter().any(|(name, action)| [*name, *action].contains(&text)) {
        return Ok(());
    }
    let near = suggestion(text, Change::ALL.iter().flat_map(|(name, action)| [*name, *action]));
    let actions: BTreeSet<&str> = Change::ALL.iter().map(|(_, action)| *action).collect();
    let actions = actions.into_iter().collect::<Vec<_>>().join(", ");
    let text = printable(text);
    Err(Failure::input(format!("there is no action \"{text}\"{near}; the actions are {actions}")))
}

/// Prints each new row as it is written, until nobody reads any more.
fn follow(postroom: &Postroom, search: &Search<'_>) -> Result<ExitCode, Failure> {
    let newest = postroom.read(|tx| event::newest(tx, &Search::default(), 1))?;
    let mut last = newest.first().map_or(EventId::new(0), |event| event.id);
    loop {
        let events = postroom.read(|tx| event::after(tx, search, last, ROWS_AT_ONCE))?;
        for event in &events {
            last = event.id;
            write(format!("{}\n", event_json(event)).as_bytes())?;
        }
        if events.len() < ROWS_AT_ONCE as usize {
            thread::sleep(LOOK_AGAIN_AFTER);
        }
    }
}
