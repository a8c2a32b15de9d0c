//! What can go wrong, in terms of the domain model. The error text of SQLite stays inside [`StoreError`].
//!
//! ```
//! # let postroom = postroom::Postroom::open_temporary()?;
//! use postroom::error::{Entity, Error};
//! use postroom::account;
//!
//! let missing = postroom.read(|tx| account::find(tx, "nobody"));
//! assert!(matches!(missing, Err(Error::NotFound(Entity::Account))));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;

use crate::cap::Cap;

/// A thing that was asked for, or that prevents an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Entity {
    /// An account.
    Account,
    /// An API key of an account.
    ApiKey,
    /// A subscription of an account.
    Subscription,
    /// A domain.
    Domain,
    /// A DNS record of a domain.
    Record,
    /// An alias of a domain.
    Alias,
    /// A claim to a name.
    Claim,
    /// A DKIM key of a domain.
    DkimKey,
    /// A sending token of a domain.
    DomainToken,
    /// A report of a misclassified message.
    Report,
    /// A recipient at a domain.
    Recipient,
    /// An entry of a safelist or blocklist.
    ListEntry,
    /// A session in the console.
    Session,
    /// A link to the page with a domain's records.
    SetupLink,
    /// Somebody who signs in with a password.
    Administrator,
    /// A passkey of theirs.
    Passkey,
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Entity::Account => "account",
            Entity::ApiKey => "API key",
            Entity::Subscription => "subscription",
            Entity::Domain => "domain",
            Entity::Record => "record",
            Entity::Alias => "alias",
            Entity::Claim => "claim",
            Entity::DkimKey => "DKIM key",
            Entity::DomainToken => "domain token",
            Entity::Report => "report",
            Entity::Recipient => "recipient",
            Entity::ListEntry => "list entry",
            Entity::Session => "session",
            Entity::SetupLink => "set-up link",
            Entity::Administrator => "administrator",
            Entity::Passkey => "passkey",
        })
    }
}

/// Why an operation failed. It changed nothing, but after [`Error::Store`] only if the transaction ends with the error. What operations before
/// it did in the same transaction stays, unless that ends with the error, or it was done in the same [part](crate::db::WriteTx::part).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An input breaks a rule: which input of the operation, and the rule in words.
    #[error("{field} is not usable: {reason}")]
    Invalid {
        /// The input, by the name the library gives it.
        field: &'static str,
        /// A sentence of its own, with the input as "it" or not: "it is empty".
        reason: String,
    },
    /// The thing does not exist, or this caller may not see it: the error does not show which.
    #[error("there is no such {0}")]
    NotFound(Entity),
    /// Such a thing exists already.
    #[error("this {0} exists already")]
    Conflict(Entity),
    /// Another account has the name, or has proved a name above it. A claim can contend for it, and proves it:
    /// see [`claim`](crate::claim).
    #[error("{name} is taken by another account; if it is yours, claim it and prove it")]
    Taken {
        /// The name.
        name: String,
    },
    /// The name is no tenant's to have: it is the operator's, or no name at all.
    #[error("this name cannot be claimed: {reason}")]
    NotClaimable {
        /// A sentence of its own: "it is reserved".
        reason: String,
    },
    /// A limit of a subscription is reached.
    #[error("the limit of {most} is reached for this {what}")]
    Limit {
        /// What the limit counts.
        what: Entity,
        /// The limit.
        most: u64,
    },
    /// The account has as much of something as it may have.
    #[error("{} is reached: there are at most {}", cap.setting(), cap.so_many(*most))]
    Cap {
        /// Of what.
        cap: Cap,
        /// How much it may have: a number, or octets.
        most: u64,
    },
    /// Something else depends on the thing, so it cannot be removed. The reason says what depends on it, and what to do
    /// first.
    #[error("this {what} is in use: {reason}")]
    InUse {
        /// The thing that was to be removed.
        what: Entity,
        /// A sentence of its own: "it is the authority of others".
        reason: String,
    },
    /// An API key would reach further than the one that asks for it; by which of its limits.
    #[error("{field} would reach further than the API key that asks")]
    Wider {
        /// The limit, by the name the library gives it; `id` if the key as a whole does.
        field: &'static str,
    },
    /// The operation needs a DKIM key, and no spare pair is ready. [`dkim::pool::write`](crate::dkim::pool::write) makes a
    /// pair outside the transaction and repeats the operation.
    #[error("no spare DKIM key is ready")]
    NoSpareKey,
    /// The database failed.
    #[error("the database could not do this: {0}")]
    Store(#[from] StoreError),
}

impl Error {
    /// Whether something that is stored is damaged. What else there is can be read.
    pub fn is_damage(&self) -> bool {
        matches!(self, Error::Store(error) if error.trouble() == StoreTrouble::Damaged)
    }

    /// An input that breaks a rule.
    pub fn invalid(field: &'static str, reason: impl fmt::Display) -> Error {
        Error::Invalid { field, reason: reason.to_string() }
    }
}

/// Makes `?` turn a parse error into an [`Error::Invalid`] of this field. Code that has another name for the input calls
/// [`Error::invalid`].
macro_rules! invalid_input {
    ($reason:ty, $field:literal) => {
        impl From<$reason> for crate::error::Error {
            fn from(reason: $reason) -> crate::error::Error {
                crate::error::Error::invalid($field, reason)
            }
        }
    };
}
pub(crate) use invalid_input;

/// The kind of a store error, as far as a caller can react to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreTrouble {
    /// No room on the disk; reading goes on.
    Full,
    /// Another process held the write lock for longer than the busy timeout of 5 s.
    Busy,
    /// The database's server does not answer, or refuses the connection. It may come back by itself.
    OutOfReach,
    /// The database's server has no database of that name.
    NoDatabase,
    /// The database's server does not let this user in.
    NotLetIn,
    /// The connection to the database's server was lost while it put a change on disk. Whether it did is not known.
    Unknown,
    /// A sync to disk failed: what is on disk is unknown, and the process should end (nothing more is written).
    SyncFailed,
    /// The database's file was moved away, deleted or replaced while it was open. Nothing is written into it any more.
    Gone,
    /// What stands in the file is not what was stored: a page, a row or a secret is damaged. The rest is served.
    Damaged,
    /// Anything else: an I/O error, a broken invariant.
    Other,
}

/// An error of the store. Its text is for the operator's log, never for a client.
#[derive(Debug)]
pub struct StoreError {
    trouble: StoreTrouble,
    text: String,
}

impl StoreError {
    pub(crate) fn new(trouble: StoreTrouble, text: impl fmt::Display) -> StoreError {
        StoreError { trouble, text: text.to_string() }
    }

    /// What kind of trouble it is.
    pub fn trouble(&self) -> StoreTrouble {
        self.trouble
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for StoreError {}
