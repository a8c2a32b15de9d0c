//! What became of a message that was held back, for the audit log.

use crate::account::Caller;
use crate::address::EmailAddress;
use crate::db::WriteTx;
use crate::domain;
use crate::error::{Entity, Error};
use crate::event::{Actor, Change};
use crate::id::DomainId;

/// What somebody did with a message that was held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldFate {
    /// It was delivered.
    Released,
    /// It was deleted.
    Deleted,
}

/// Writes to the audit log who let a message of this mailbox through, or deleted it. Without a caller it was the operator.
///
/// `NotFound` if the domain is gone, or not the caller's.
pub fn note_held(
    tx: &WriteTx<'_>,
    caller: Option<&Caller>,
    domain: DomainId,
    mailbox: &EmailAddress,
    message: &str,
    fate: HeldFate,
) -> Result<(), Error> {
    let holder = domain::holder::by_id(tx, domain)?;
    let is_own = |account| caller.is_none_or(|caller| caller.account() == account);
    let holder = holder.filter(|holder| is_own(holder.account)).ok_or(Error::NotFound(Entity::Domain))?;
    let (domain, mailbox, message) = ((&holder).into(), mailbox.clone(), message.to_owned());
    let change = match fate {
        HeldFate::Released => Change::MessageReleased { domain, mailbox, message },
        HeldFate::Deleted => Change::MessageDeleted { domain, mailbox, message },
    };
    tx.tell(caller.map_or(&Actor::Operator, Caller::actor), holder.account, &change)
}
