//! `postroom key-rotation … --all`: the rotations of the whole fleet.

use std::process::ExitCode;
use std::time::Duration;

use postroom::account::{self, Caller};
use postroom::db::{Postroom, ReadTx};
use postroom::dkim::pool;
use postroom::domain::{self, Details, Order};
use postroom::error::Error;
use postroom::name::Selector;
use postroom::page::{Direction, Page};
use postroom::rotation::{self, RotationView, Stage};

use super::failure::complain;
use super::output::table;
use super::{Context, Exit, Failure, progress};
use crate::json::key::rotation_json;

/// How many keys are made side by side.
const AT_ONCE: usize = 4;

/// Where a domain's rotation stands.
struct Standing {
    caller: Caller,
    domain: Details,
    status: RotationView,
}

impl Standing {
    /// Whether a rotation can begin now.
    fn is_ready(&self) -> bool {
        let signs = self.status.keys.iter().any(postroom::dkim::DkimKey::is_active);
        signs && self.domain.authority.is_none() && !matches!(self.status.stage, Stage::Waiting { .. })
    }
}

fn every(tx: &ReadTx<'_>) -> Result<Vec<Standing>, Error> {
    let mut all = Vec::new();
    for account in account::list(tx)? {
        let caller = Caller::operator(account.id);
        let page = Page { limit: u32::MAX, offset: 0 };
        for domain in domain::list(tx, &caller, Order::Id, Direction::Ascending, page)? {
            let status = rotation::status(tx, &domain)?;
            all.push(Standing { caller: caller.clone(), domain: domain.into_details(), status });
        }
    }
    Ok(all)
}

/// A line for each domain.
pub(super) fn status(context: &Context, postroom: &Postroom) -> Result<ExitCode, Failure> {
    let all = postroom.read(every)?;
    let keep = postroom.settings().keep_retired_for;
    context.output.print_list(
        all.iter().map(|each| rotation_json(&each.domain, &each.status, keep)),
        || {
            let rows: Vec<_> = all.iter().map(|each| row(each, keep)).collect();
            table(&["DOMAIN", "SIGNS WITH", "ROTATION", "EVERY", "NEXT"], &rows)
        },
    )?;
    Ok(ExitCode::SUCCESS)
}

fn row(each: &Standing, keep: Duration) -> Vec<String> {
    let status = &each.status;
    let active: Vec<&str> =
        status.keys.iter().filter(|key| key.is_active()).map(|key| key.selector.as_str()).collect();
    let new = status.rotation.under_way.as_ref().and_then(|under_way| status.key(under_way.key));
    let stage = match status.stage {
        Stage::Idle => "-".to_owned(),
        Stage::Waiting { since } => {
            let new = new.map_or("a new key", |key| Selector::as_str(&key.selector));
            format!("{new} waits for its record since {since}")
        }
        Stage::Keeping { until } => format!("keep the old record until {until}"),
        Stage::Done => {
            let old = status.keys.iter().filter(|key| status.kept_until(key, keep).is_none());
            let old: Vec<&str> =
                old.filter(|key| key.released_at.is_some()).map(|key| key.selector.as_str()).collect();
            format!("done; safe to remove: {}", old.join(","))
        }
    };
    let every = status.rotation.every.map(|every| format!("{} days", every.as_secs() / 86_400));
    let next = status.rotation.next_at.map(|at| at.to_string());
    vec![
        each.domain.name.to_string(),
        if active.is_empty() { "-".to_owned() } else { active.join(",") },
        stage,
        every.unwrap_or_else(|| "-".to_owned()),
        next.unwrap_or_else(|| "-".to_owned()),
    ]
}

/// Begins a rotation of each domain of which one can begin; one that is refused stops no other.
pub(super) fn start(context: &Context, postroom: &Postroom) -> Result<ExitCode, Failure> {
    let ready: Vec<Standing> = postroom.read(every)?.into_iter().filter(Standing::is_ready).collect();
    let begun = progress::each("rotating", &ready, AT_ONCE, |each| start_one(postroom, each));
    let (started, exit) = sorted(context, ready, begun);
    let keep = postroom.settings().keep_retired_for;
    let json = started.iter().map(|(domain, status)| rotation_json(domain, status, keep));
    context.output.print_list(json, || {
        let lines =
            started.iter().map(|(domain, _)| format!("{}: a new key waits for its record\n", domain.name));
        let hint = "`postroom domain records --all` prints what to publish.\n";
        format!("{}{} rotations begun. {hint}", lines.collect::<String>(), started.len())
    })?;
    Ok(exit)
}

/// The time from one automatic rotation to the next; none for 0 days.
pub(super) fn interval(days: u32) -> Option<Duration> {
    (days > 0).then(|| Duration::from_hours(24 * u64::from(days)))
}

/// Sets for each domain with keys of its own how often they are rotated; one that is refused stops no other.
pub(super) fn set_interval(context: &Context, postroom: &Postroom, days: u32) -> Result<ExitCode, Failure> {
    let own: Vec<Standing> =
        postroom.read(every)?.into_iter().filter(|each| each.domain.authority.is_none()).collect();
    let set = progress::each("setting", &own, AT_ONCE, |each| {
        pool::write(postroom, |tx| {
            let domain = domain::find(tx, &each.caller, each.domain.id)?;
            rotation::set_interval(tx, &each.caller, &domain, interval(days))?;
            rotation::status(tx, &domain)
        })
    });
    let (done, exit) = sorted(context, own, set);
    let keep = postroom.settings().keep_retired_for;
    let json = done.iter().map(|(domain, status)| rotation_json(domain, status, keep));
    context.output.print_list(json, || match days {
        0 => format!("The keys of {} domains are not rotated automatically.\n", done.len()),
        days => format!("The keys of {} domains are rotated every {days} days.\n", done.len()),
    })?;
    Ok(exit)
}

/// What was done, after a complaint of each domain that was refused; and the exit code of the first of those.
fn sorted(
    context: &Context,
    all: Vec<Standing>,
    done: Vec<Result<RotationView, Error>>,
) -> (Vec<(Details, RotationView)>, ExitCode) {
    let (mut successes, mut first) = (Vec::new(), None);
    for (each, done) in all.into_iter().zip(done) {
        match done {
            Ok(status) => successes.push((each.domain, status)),
            Err(error) => {
                let failure = Failure::from(error);
                let text = format!("{}: {}", each.domain.name, failure.text());
                complain(failure.exit(), &text, context.output.json);
                first.get_or_insert(failure.exit());
            }
        }
    }
    (successes, first.map_or(ExitCode::SUCCESS, Exit::into))
}

fn start_one(postroom: &Postroom, each: &Standing) -> Result<RotationView, Error> {
    let supply =
        postroom.read(|tx| rotation::supply(tx, &domain::find(tx, &each.caller, each.domain.id)?))?;
    let source = supply.source()?;
    pool::write(postroom, |tx| {
        let domain = domain::find(tx, &each.caller, each.domain.id)?;
        rotation::start(tx, &each.caller, &domain, &source)
    })
}
