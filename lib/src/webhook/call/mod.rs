//! Calls of webhooks: what became of each delivery that was posted, without its message.
//!
//! A delivery that is tried again and again has one row, with the number of its attempts and the outcome of the last. The newest
//! [`MOST_OF_ACCOUNT`] of an account are kept, for [`KEPT_FOR`].
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use std::time::Duration;
//! use postroom::webhook::call::{self, CallOutcome, WebhookCall};
//!
//! let made = [WebhookCall {
//!     domain: id,
//!     delivery: "msg_a".to_owned(),
//!     recipient: "Jo@example.com".to_owned(),
//!     mailbox: "jo@example.com".parse()?,
//!     is_kept: false,
//!     outcome: CallOutcome::Answered(204),
//!     took: Duration::from_millis(12),
//!     at: postroom.now(),
//! }];
//! postroom.write(|tx| call::record(tx, &made))?;
//! let found = postroom.read(|tx| call::list(tx, &domain::find(tx, &caller, id)?, call::Which::All, None, 10))?;
//! assert!(found[0].outcome.is_taken());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod table;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::address::EmailAddress;
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::domain::{self, Domain};
use crate::error::Error;
use crate::id::DomainId;

/// How many of the newest deliveries of an account are kept.
pub const MOST_OF_ACCOUNT: u32 = 10_000;
/// How long a delivery is kept after its last call.
pub const KEPT_FOR: Duration = Duration::from_hours(24 * 30);
/// The most characters of a recipient and of a reason that are kept.
const MOST_CHARS: usize = 320;
/// How many rows beyond the most of an account are deleted at a time.
const FORGOTTEN_AT_ONCE: u32 = 1_000;

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// The webhook answered with this status.
    Answered(u16),
    /// It did not answer, for this reason.
    Unanswered(String),
}

impl CallOutcome {
    /// Whether the webhook has taken the delivery: it answered with a status from 200 to 299.
    pub fn is_taken(&self) -> bool {
        matches!(self, CallOutcome::Answered(200..300))
    }
}

/// A call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookCall {
    /// The domain whose route has the webhook.
    pub domain: DomainId,
    /// The id of the delivery.
    pub delivery: String,
    /// The recipient, as the client gave it.
    pub recipient: String,
    /// The mailbox.
    pub mailbox: EmailAddress,
    /// Whether the message is kept in the mailbox as well.
    pub is_kept: bool,
    /// How the call ended.
    pub outcome: CallOutcome,
    /// How long it took.
    pub took: Duration,
    /// When it was made.
    pub at: Timestamp,
}

/// A delivery, by its calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Where it stands in a list.
    pub cursor: CallCursor,
    /// Its id.
    pub delivery: String,
    /// The recipient, as the client gave it.
    pub recipient: String,
    /// The mailbox.
    pub mailbox: EmailAddress,
    /// Whether the message was kept in the mailbox as well.
    pub is_kept: bool,
    /// How the last call ended.
    pub outcome: CallOutcome,
    /// How long it took.
    pub took: Duration,
    /// How many calls there were.
    pub attempts: u32,
    /// When the first was made.
    pub first_at: Timestamp,
    /// When the last was made.
    pub last_at: Timestamp,
}

/// The place of a delivery in a list: what is listed after it is older.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallCursor {
    at: Timestamp,
    id: i64,
}

impl fmt::Display for CallCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.at.millis(), self.id)
    }
}

impl FromStr for CallCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<CallCursor, InvalidCursor> {
        let (at, id) = text.split_once('-').ok_or(InvalidCursor)?;
        let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number >= 0).ok_or(InvalidCursor);
        Ok(CallCursor { at: Timestamp::from_millis(number(at)?), id: number(id)? })
    }
}

/// A text that is no place in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no place in the list: take one from an earlier answer")]
pub struct InvalidCursor;

/// Writes calls down. A domain that is gone is passed over.
pub fn record(tx: &WriteTx<'_>, calls: &[WebhookCall]) -> Result<(), Error> {
    let mut accounts = BTreeSet::new();
    for call in calls {
        let Some(holder) = domain::holder::by_id(tx, call.domain)? else { continue };
        table::save(tx, holder.account, call)?;
        accounts.insert(holder.account);
    }
    accounts
        .into_iter()
        .try_for_each(|account| table::keep_newest(tx, account, MOST_OF_ACCOUNT, FORGOTTEN_AT_ONCE))
}

/// Which deliveries are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Every one.
    All,
    /// Those that the webhook has not taken.
    Failed,
}

/// At most `limit` deliveries of a domain, the newest first; those after a place in the list, if there is one.
pub fn list<'t>(
    tx: &ReadTx<'t>,
    domain: &Domain<'t>,
    which: Which,
    after: Option<CallCursor>,
    limit: u32,
) -> Result<Vec<Posted>, Error> {
    table::of_domain(tx, domain.id, which, after, limit)
}

/// The delivery of a domain with this id.
pub fn find<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>, delivery: &str) -> Result<Option<Posted>, Error> {
    table::by_delivery(tx, domain.id, delivery)
}

/// Deletes at most `most` deliveries whose last call is too long ago, and returns how many it deleted: none as long as the clock is
/// not steady.
pub fn forget_old(tx: &WriteTx<'_>, most: u32) -> Result<usize, Error> {
    tx.expire(|| table::delete_before(tx, tx.now() - KEPT_FOR, most))
}

/// Forgets what was posted for a domain, which goes to another account.
pub(crate) fn clear<'t>(tx: &WriteTx<'t>, domain: &Domain<'t>) -> Result<(), Error> {
    table::clear(tx, domain.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written() {
        let cursor = CallCursor { at: Timestamp::from_millis(1_795_255_200_120), id: 7 };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for bad in ["", "-", "1", "1-", "-1-2", "1--2", "1-2-3", "x-1", "99999999999999999999-1"] {
            assert_eq!(bad.parse::<CallCursor>(), Err(InvalidCursor), "{bad}");
        }
    }
}
