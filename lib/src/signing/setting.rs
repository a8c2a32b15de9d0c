//! What follows when the operator changes whose names need proof, and what is left of other changes that concern many domains.

use super::{follow, table};
use crate::db::{Postroom, ReadTx, WriteTx};
use crate::error::{Entity, Error};
use crate::event::Actor;
use crate::id::DomainId;
use crate::ownership;

/// The setting whose value is noted.
const NAME: &str = "ownership.require_proof";

/// Has [`follow_setting`] go over the unproved domains from this one on, and over those from an earlier one if it is to do that already.
pub(super) fn follow_from(tx: &WriteTx<'_>, first: DomainId) -> Result<(), Error> {
    let before = DomainId::new(first.number() - 1);
    let after = followed_up_to(tx)?.map_or(before, |after| after.min(before));
    table::note_applied(tx, NAME, tx.settings().require_proof.as_str(), Some(after))
}

/// After which domain those stand whose statuses do not follow yet; none if all do.
fn followed_up_to(tx: &ReadTx<'_>) -> Result<Option<DomainId>, Error> {
    let value = tx.settings().require_proof.as_str();
    Ok(match table::applied(tx, NAME)? {
        Some(applied) if applied.value == value => applied.up_to,
        _ => Some(DomainId::new(0)),
    })
}

/// Brings at most `limit` unproved domains to what follows from
/// [`Settings::require_proof`](crate::settings::Settings::require_proof), if that was another one before, or from a change of who has proved
/// a name above them. Returns whether there may be more to do.
///
/// How far it is done is noted in the database, so that it goes on after a restart. A background thread calls it.
pub fn follow_setting(postroom: &Postroom, limit: u32) -> Result<bool, Error> {
    let (after, some) = postroom.read(|tx| {
        let after = followed_up_to(tx)?;
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
        ownership::cover_each(tx, &some)?;
        // Another change may have asked for earlier domains meanwhile, which are next then.
        if followed_up_to(tx)? != after {
            return Ok(true);
        }
        table::note_applied(tx, NAME, tx.settings().require_proof.as_str(), some.last().copied())?;
        Ok(!some.is_empty())
    })
}
