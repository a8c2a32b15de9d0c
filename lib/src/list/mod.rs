//! Safelists and blocklists, in three tiers: of an account, of one of its domains, of one of its recipients.
//!
//! [`verdict`] returns what the lists say of a message; [`explain`] also says why. The rules, with examples, are in
//! `docs/lists.md`.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::list::{self, ListKind, ListOutcome, ListQuery, Scope};
//!
//! postroom.write(|tx| {
//!     let domain = domain::find(tx, &caller, id)?;
//!     list::add(tx, &caller, &Scope::Domain(&domain), ListKind::Blocklist, &".junk.example".parse()?)
//! })?;
//! let query = ListQuery::parse("jo@example.com", Some("x@mail.junk.example"), None, None)?;
//! let explained = postroom.read(|tx| list::explain_for(tx, &caller, &query))?;
//! assert_eq!(explained.verdict.outcome, ListOutcome::Blocked);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod item;
mod key;
mod sender;
mod table;
mod verdict;

use std::fmt;

use crate::account::Caller;
use crate::address::decomposed;
use crate::cap::Cap;
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::domain::Domain;
use crate::error::{Entity, Error};
use crate::event::{Change, ListOwner};
use crate::id::ListEntryId;
use crate::ledger;
use crate::recipient::Recipient;
use crate::word::words;

pub use item::{InvalidItem, InvalidItemKind, Item, ItemKind};
#[cfg(feature = "messages")]
pub(crate) use sender::first_author;
pub use sender::{MOST_AUTHORS, Sender};
pub use verdict::{
    Because, Explanation, Field, InvalidListQuery, ListOutcome, ListQuery, ListVerdict, explain, explain_for,
    verdict,
};

words! {
    /// Which list: what becomes of the mail that an entry matches. The first decides before the second.
    #[derive(PartialOrd, Ord)]
    pub enum ListKind {
        /// It is let through.
        Safelist = "safelist",
        /// It is refused.
        Blocklist = "blocklist",
    }
    else InvalidListKind
}

/// A word that is no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a list is safelist or blocklist")]
pub struct InvalidListKind;

/// Whose list it is. The later variants decide before the earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// An account's: for every recipient at every domain of it.
    Account,
    /// A domain's: for every recipient at it.
    Domain,
    /// A recipient's: for that one.
    Recipient,
}

impl Tier {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Tier::Account => "account",
            Tier::Domain => "domain",
            Tier::Recipient => "recipient",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whose lists an operation changes. Each variant takes a value that proves that the caller may do so.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a, 't> {
    /// The lists of the caller's account.
    Account(&'a Caller),
    /// The lists of a domain.
    Domain(&'a Domain<'t>),
    /// The lists of a recipient at a domain.
    Recipient(&'a Domain<'t>, &'a Recipient),
}

impl Scope<'_, '_> {
    /// Which of the three it is.
    pub fn tier(&self) -> Tier {
        match self {
            Scope::Account(_) => Tier::Account,
            Scope::Domain(_) => Tier::Domain,
            Scope::Recipient(..) => Tier::Recipient,
        }
    }
}

impl Scope<'_, '_> {
    /// Fails with `NotFound` if the recipient is at another domain than the one that was given as proof.
    fn check(&self) -> Result<(), Error> {
        match self {
            Scope::Recipient(domain, recipient) if recipient.domain != domain.id => {
                Err(Error::NotFound(Entity::Recipient))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Account(caller) => write!(f, "account:{}", caller.account()),
            Scope::Domain(domain) => domain.name.fmt(f),
            Scope::Recipient(_, recipient) => recipient.address.fmt(f),
        }
    }
}

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// Its id.
    pub id: ListEntryId,
    /// The list in which it stands.
    pub list: ListKind,
    /// What it matches.
    pub item: Item,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What came of adding an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The entry, as it stands now.
    pub entry: ListEntry,
    /// Whether it was not there before.
    pub is_new: bool,
    /// An entry of the same tier that matches everything that this one matches and decides before it, so that this one never
    /// decides. Entries of a nearer tier are not compared.
    pub overruled_by: Option<ListEntry>,
}

/// Puts an item on a list. If the item is there already, in whatever spelling, the entry stays as it is.
///
/// `Cap` if the list has as many entries as a list may have.
pub fn add<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    scope: &Scope<'_, 't>,
    list: ListKind,
    item: &Item,
) -> Result<Added, Error> {
    scope.check()?;
    if let Err(full) = ledger::check(tx, Cap::ListEntries, table::size(tx, scope, list)?, 1)
        && table::matching(tx, scope, list, &[item.key().to_owned()], None)?.is_empty()
    {
        return Err(full);
    }
    let new = table::insert(tx, scope, list, item)?;
    let is_new = new.is_some();
    let entry = if let Some(entry) = new {
        let (list, item) = (list.to_string(), entry.item.to_string());
        let change = Change::ListEntryAdded { owner: owner(scope), entry: entry.id, list, item };
        tx.tell(caller.actor(), caller.account(), &change)?;
        Some(entry)
    } else {
        table::matching(tx, scope, list, &[item.key().to_owned()], None)?.into_iter().next()
    };
    let entry = entry.ok_or(Error::NotFound(Entity::ListEntry))?;
    let overruled_by = match list {
        ListKind::Safelist => None,
        ListKind::Blocklist => {
            let (keys, block) = item.covered_by();
            table::matching(tx, scope, ListKind::Safelist, &keys, block)?.into_iter().next()
        }
    };
    Ok(Added { entry, is_new, overruled_by })
}

/// Removes an item from a list, in whatever spelling. Returns whether it was there.
pub fn remove<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    scope: &Scope<'_, 't>,
    list: ListKind,
    item: &Item,
) -> Result<bool, Error> {
    scope.check()?;
    let gone = match table::delete(tx, scope, list, item.key())? {
        None if !item.key().is_ascii() => table::delete(tx, scope, list, &decomposed(item.key()))?,
        gone => gone,
    };
    let Some(gone) = gone else { return Ok(false) };
    let (list, item) = (list.to_string(), gone.item.to_string());
    let change = Change::ListEntryRemoved { owner: owner(scope), entry: gone.id, list, item };
    tx.tell(caller.actor(), caller.account(), &change)?;
    Ok(true)
}

/// At most `limit` entries of a list, in the order in which they were made: the first ones, or the first after an entry.
pub fn entries<'t>(
    tx: &ReadTx<'t>,
    scope: &Scope<'_, 't>,
    list: ListKind,
    after: Option<ListEntryId>,
    limit: u32,
) -> Result<Vec<ListEntry>, Error> {
    scope.check()?;
    table::page(tx, scope, list, after, limit)
}

/// Forgets the domain's own lists.
pub(crate) fn clear<'t>(tx: &WriteTx<'t>, domain: &Domain<'t>) -> Result<(), Error> {
    table::delete_all(tx, domain.id)
}

/// Whose list it is, as the audit log has it.
fn owner(scope: &Scope<'_, '_>) -> ListOwner {
    match scope {
        Scope::Account(caller) => ListOwner::Account(caller.account()),
        Scope::Domain(domain) => ListOwner::Domain((*domain).into()),
        Scope::Recipient(_, recipient) => {
            ListOwner::Recipient { domain: recipient.domain, address: recipient.address.clone() }
        }
    }
}
