//! When the proof of a name is lost, so that a fresh challenge of another account takes the name.

mod table;

use super::{needs_proof, table as names};
use crate::db::{ReadTx, WriteTx};
use crate::domain::{Holder, holder};
use crate::error::Error;
use crate::id::DomainId;
use crate::name::DomainName;

/// Whether the records of a domain, by which a holder's name is proved, are lost for good.
pub(super) fn is_lost(tx: &ReadTx<'_>, holder: &Holder<'_>, domain: DomainId) -> Result<bool, Error> {
    table::is_lost(tx, domain, !needs_proof(tx, holder.account)?)
}

/// Notes whether the challenge of another account that has proved the name is missed, while that of a claim to it is there.
pub(crate) fn note_rival(tx: &WriteTx<'_>, name: &DomainName, is_missed: bool) -> Result<(), Error> {
    match holder::at(tx, name)? {
        Some(holder) if holder.alias.is_none() => {
            let is_import_proof = !needs_proof(tx, holder.account)?;
            table::note_challenge(tx, holder.id, is_missed, is_import_proof)
        }
        Some(_) if is_missed => table::miss_alias(tx, name),
        Some(_) => names::prove_alias(tx, name),
        None => Ok(()),
    }
}
