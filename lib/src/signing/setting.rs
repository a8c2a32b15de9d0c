//! What follows when the operator changes whose names need proof, and what is left of other changes that concern many domains.

use super::{follow, table};
use crate::db::{Postroom, WriteTx};
use crate::error::{Entity, Error};
use crate::event::Actor;
use crate::id::DomainId;

/// The setting whose value is noted.
const NAME: &str = "ownership.require_proof";

/// Has [`follow_setting`] go over the unproved domains from this one on, and over those from an earlier one if it is to do that already.
pub(super) fn follow_from(tx: &WriteTx<'_>, first: DomainId) -> Result<(), Error> {
    let value = tx.settings().require_proof.as_str();
    let before = DomainId::new(first.number() - 1);
    let up_to = match table::applied(tx, NAME)? {
        Some(applied) if applied.value == value => applied.up_to.map_or(before, |up_to| up_to.min(before)),
        // It begins with the first domain of all.
        _ => return Ok(()),
    };
    table::note_applied(tx, NAME, value, Some(up_to))
}

/// Brings the statuses of at most `limit` unproved domains to what follows from
/// [`Settings::require_proof`](crate::settings::Settings::require_proof), if that was another one before. Returns whether there
/// may be more to do.
///
/// How far it is done is noted in the database, so that it goes on after a restart. A background thread calls it.
pub fn follow_setting(postroom: &Postroom, limit: u32) -> Result<bool, Error> {
    let (after, some) = postroom.read(|tx| {
        let value = tx.settings().require_proof.as_str();
        let after = match table::applied(tx, NAME)? {
            Some(applied) if applied.value == value => applied.up_to,
            _ => Some(DomainId::new(0)),
        };
        let some = after.map(|after| table::unproved_after(tx, after, limit)).transpose()?;
        Ok::<_, Error>((after, some.unwrap_or_default()))
    })?;
    if after.is_none() {
        return Ok(false);
    }
    postroom.write(|tx| {
        for id in &some {
            match follow(tx, &Actor::Schedule, *id) {
                // Deleted since.
                Ok(_) | Err(Error::NotFound(Entity::Domain)) => {}
                Err(error) => return Err(error),
            }
        }
        table::note_applied(tx, NAME, tx.settings().require_proof.as_str(), some.last().copied())
    })?;
    Ok(!some.is_empty())
}
