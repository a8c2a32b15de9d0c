//! The SQL of proofs that are lost.

use crate::db::{ReadTx, WriteTx, named};
use crate::error::Error;
use crate::id::DomainId;
use crate::name::DomainName;

/// The record of a DKIM key that signs for the domain `:domain`, seen right. That of an imported key counts only if it is a proof.
const DKIM_SEEN: &str = "SELECT 1 FROM domain d JOIN record r ON r.domain_id = coalesce(d.authority_id, d.id)
         JOIN dkim_key k ON k.id = r.dkim_key_id
     WHERE d.id = :domain AND r.purpose = 'dkim' AND r.status = 'verified' AND r.pinned = 0 AND (k.imported = 0 OR :import_proof)";

/// Whether the records of a domain are lost for good: none of a DKIM key that signs for it is seen any more, and one of its
/// records has failed so often and for so long that it counts as lost; or its challenge has not been there for as long, while another
/// account's was. What a person has marked says nothing of that, and nor does the return path, which a domain may do without.
///
/// Without the challenges an account would have a name for ever that deletes its keys: its other records are those of every account here.
pub(super) fn is_lost(tx: &ReadTx<'_>, domain: DomainId, is_import_proof: bool) -> Result<bool, Error> {
    let loss = tx.settings().loss;
    let found = tx.one(
        &format!(
            "SELECT NOT EXISTS ({DKIM_SEEN})
                AND (EXISTS (SELECT 1 FROM record r
                             WHERE r.domain_id = :domain AND r.pinned = 0 AND r.purpose != 'return_path'
                                 AND (r.status = 'failed' OR (r.failures >= :failures AND r.failing_for >= :span)))
                     OR EXISTS (SELECT 1 FROM domain d WHERE d.id = :domain AND d.missed_at <= :now - :span))"
        ),
        named! {
            ":domain": domain.number(), ":failures": loss.failures, ":import_proof": is_import_proof, ":now": tx.now().millis(),
            ":span": i64::try_from(loss.span.as_millis()).unwrap_or(i64::MAX),
        },
        |row| row.get(0),
    )?;
    Ok(found.unwrap_or(false))
}

/// The challenge of this proved domain was looked for, because another account's was seen. While the record of a key of its own is seen,
/// its challenge is not needed.
pub(super) fn note_challenge(
    tx: &WriteTx<'_>,
    domain: DomainId,
    is_missed: bool,
    is_import_proof: bool,
) -> Result<(), Error> {
    tx.run(
        &format!(
            "UPDATE domain SET missed_at = CASE WHEN NOT :missed OR EXISTS ({DKIM_SEEN}) THEN NULL ELSE coalesce(missed_at, :now) END
             WHERE id = :domain"
        ),
        named! {
            ":domain": domain.number(), ":missed": is_missed, ":import_proof": is_import_proof, ":now": tx.now().millis(),
        },
    )?;
    Ok(())
}

/// The challenge of this alias was not seen, while another account's was.
pub(super) fn miss_alias(tx: &WriteTx<'_>, alias: &DomainName) -> Result<(), Error> {
    tx.run(
        "UPDATE alias SET missed_at = coalesce(missed_at, :now) WHERE name = :name",
        named! { ":name": alias.as_str(), ":now": tx.now().millis() },
    )?;
    Ok(())
}
