//! The audit log: who changed what, and when; written in the transaction of the change itself.
//!
//! What happened is a [`Change`]. Everything else is made from it: the row, the sentence for people, the data for programs,
//! and what a filter looks at. A row is read back as the [`Change`] that it was written from.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::event::{self, Search};
//!
//! let newest = postroom.read(|tx| event::newest(tx, &Search::default(), 1))?;
//! assert_eq!(newest[0].action(), "domain.created");
//! assert!(newest[0].detail().is_some_and(|sentence| sentence.contains("example.com")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod actor;
mod change;
mod table;

use crate::clock::Timestamp;
use crate::db::{Postroom, ReadTx, WriteTx};
use crate::error::Error;
use crate::id::{AccountId, DomainId, EventId};
use crate::name::DomainName;

pub use actor::Actor;
pub use change::{Change, Datum, DomainRef, InvalidLoss, KeyRef, ListOwner, Loss};

/// How many rows are deleted in one transaction.
const FORGOTTEN_AT_ONCE: u32 = 500;

/// A row of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id; later events have larger ones.
    pub id: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// The account that it happened to.
    pub account: Option<AccountId>,
    /// Who did it.
    pub actor: Actor,
    /// What happened.
    pub change: Recorded,
}

/// What a row of the audit log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// A change that this version knows.
    Change(Box<Change>),
    /// The text of a row that an older or a newer version wrote.
    Text {
        /// What was done, `noun.verb`.
        action: String,
        /// What it was done to.
        subject: String,
        /// What else is worth knowing.
        detail: Option<String>,
    },
}

impl Event {
    /// What was done, `noun.verb`.
    pub fn action(&self) -> &str {
        match &self.change {
            Recorded::Change(change) => change.action(),
            Recorded::Text { action, .. } => action,
        }
    }

    /// What it was done to: the name of a domain or an account, the number of a key or a report, an address.
    pub fn subject(&self) -> String {
        match &self.change {
            Recorded::Change(change) => change.subject(),
            Recorded::Text { subject, .. } => subject.clone(),
        }
    }

    /// The sentence for people. For a row of an older version, its stored detail, if it has one.
    pub fn detail(&self) -> Option<String> {
        match &self.change {
            Recorded::Change(change) => Some(change.to_string()),
            Recorded::Text { detail, .. } => detail.clone(),
        }
    }

    /// The change, if this version knows it.
    pub fn change(&self) -> Option<&Change> {
        match &self.change {
            Recorded::Change(change) => Some(change),
            Recorded::Text { .. } => None,
        }
    }
}

impl WriteTx<'_> {
    /// Writes to the audit log of `account` that `actor` made this change, now.
    pub(crate) fn tell(&self, actor: &Actor, account: AccountId, change: &Change) -> Result<(), Error> {
        table::insert(self, Some(account), actor, change)
    }

    /// Writes it to the log of `account`, or where there is none, to the operator's own.
    pub(crate) fn tell_if_any(
        &self,
        actor: &Actor,
        account: Option<AccountId>,
        change: &Change,
    ) -> Result<(), Error> {
        table::insert(self, account, actor, change)
    }
}

/// Which rows of the audit log are wanted: those that meet every condition that is set.
#[derive(Clone, Copy, Debug, Default)]
pub struct Search<'a> {
    /// What happened to this account.
    pub account: Option<AccountId>,
    /// What happened to the domain of this name: also what happened to it under another name, and to a domain that had the
    /// name before.
    pub domain: Option<&'a DomainName>,
    /// An action such as `domain.changed`, or the name of one change such as `domain.label_changed`.
    pub action: Option<&'a str>,
    /// Written then or later.
    pub since: Option<Timestamp>,
    /// Written before then.
    pub until: Option<Timestamp>,
    /// Older than this row.
    pub before: Option<EventId>,
}

/// The newest `limit` of these rows, the newest first. For the operator: it also shows what other accounts did to a domain.
pub fn newest(tx: &ReadTx<'_>, search: &Search<'_>, limit: u32) -> Result<Vec<Event>, Error> {
    table::newest(tx, search, limit)
}

/// Deletes at most `most` rows of the audit log that are too old, and returns how many it deleted: none as long as the clock is
/// not believed. A background thread calls it.
pub fn forget_old(tx: &WriteTx<'_>, most: u32) -> Result<usize, Error> {
    tx.expire(|| table::delete_before(tx, tx.now() - tx.settings().keep_events_for, most))
}

/// Deletes the oldest rows of each account that has more than [`Settings::most_events`](crate::settings::Settings::most_events), a few in
/// each transaction, and returns how many it deleted. A background thread calls it. It reads an index of the whole log, so not often.
pub fn forget_surplus(postroom: &Postroom) -> Result<usize, Error> {
    let most = postroom.settings().most_events;
    let mut deleted = 0;
    for (account, mut surplus) in postroom.read(|tx| table::surplus(tx, most))? {
        while surplus > 0 {
            let some = surplus.min(FORGOTTEN_AT_ONCE);
            deleted += postroom.write(|tx| table::delete_oldest(tx, account, some))?;
            surplus -= some;
        }
    }
    Ok(deleted)
}

/// When the oldest row was written that there is of this account.
pub fn oldest(tx: &ReadTx<'_>, account: AccountId) -> Result<Option<Timestamp>, Error> {
    table::oldest(tx, account)
}

/// The next `limit` of these rows after one, the oldest first: for who follows the log. [`Search::before`] is not looked at.
pub fn after(tx: &ReadTx<'_>, search: &Search<'_>, row: EventId, limit: u32) -> Result<Vec<Event>, Error> {
    table::after(tx, search, row, limit)
}

/// What happened to a domain while it was this account's: see [`domain::timeline`](crate::domain::timeline).
pub(crate) fn timeline(
    tx: &ReadTx<'_>,
    account: AccountId,
    domain: DomainId,
    before: Option<EventId>,
    limit: u32,
) -> Result<Vec<Event>, Error> {
    table::timeline(tx, account, domain, before, limit)
}
