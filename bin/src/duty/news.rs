//! Logs each change of a domain's status with its reason, whoever caused it: the schedule, a request, a command.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use postroom::account::Caller;
use postroom::db::{Postroom, ReadTx};
use postroom::domain;
use postroom::error::Error;
use postroom::event::{self, Change, Event, Search};
use postroom::id::EventId;
use postroom::signing;
use tracing::{error, info, warn};

use super::{Duty, More, Tools, one};

/// The action of the rows that are logged.
const ACTION: &str = "domain.status_changed";
/// How many rows are read at once.
const AT_ONCE: u32 = 100;

pub(super) const DUTY: Duty = Duty {
    name: "news",
    pause: Duration::from_secs(1),
    threads: one,
    // What the last work of the others changed is logged as well.
    at_end: true,
    work,
};

/// Up to which row of the audit log everything is logged.
#[derive(Debug)]
pub struct News(Mutex<EventId>);

impl News {
    /// News from now on.
    pub fn from_now(postroom: &Postroom) -> Result<News, Error> {
        let newest = match postroom.read(|tx| event::newest(tx, &Search::default(), 1)) {
            // Nothing is logged then, and the server serves what is sound.
            Err(error) if error.is_damage() => EventId::new(i64::MAX),
            newest => newest?.first().map_or(EventId::new(0), |event| event.id),
        };
        Ok(News(Mutex::new(newest)))
    }
}

fn work(tools: &Tools) -> Result<More, Error> {
    let mut last = tools.news.0.lock().unwrap_or_else(PoisonError::into_inner);
    let search = Search { action: Some(ACTION), ..Search::default() };
    let told = tools.postroom.read(|tx| {
        let events = event::after(tx, &search, *last, AT_ONCE)?;
        events.into_iter().map(|event| Ok((reason(tx, &event)?, event))).collect::<Result<Vec<_>, Error>>()
    })?;
    let is_full = told.len() == AT_ONCE as usize;
    for (reason, event) in told {
        *last = event.id;
        log(&event, reason.as_deref());
    }
    Ok(More::if_any(is_full))
}

/// Why the domain is not active now; none if it is, or if it is gone.
fn reason(tx: &ReadTx<'_>, event: &Event) -> Result<Option<String>, Error> {
    let (Some(account), Some(Change::DomainStatusChanged { domain, .. })) = (event.account, event.change())
    else {
        return Ok(None);
    };
    let found = domain::find(tx, &Caller::operator(account), domain.id);
    match found.and_then(|domain| signing::find(tx, &domain)) {
        Ok(status) => Ok(status.reason().map(|reason| reason.text.clone())),
        Err(Error::NotFound(_)) => Ok(None),
        // The status is told without the reason, and those that follow as well.
        Err(error) if error.is_damage() => {
            error!(%error, domain = domain.id.number(), "why a domain's status has changed cannot be told, because it is damaged");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn log(event: &Event, reason: Option<&str>) {
    let Some(Change::DomainStatusChanged { domain, from, to }) = event.change() else { return };
    let account = event.account.map(postroom::id::AccountId::number);
    let name = domain.name.as_str();
    if to == "failed" {
        warn!(domain = name, account, from, to, reason, "a domain has failed");
    } else {
        info!(domain = name, account, from, to, reason, "a domain's status has changed");
    }
}
