//! The SQL of webhook keys.

use crate::db::{ReadTx, SealedColumn, WriteTx};
use crate::error::Error;
use crate::id::DomainId;

/// The private keys of webhooks.
pub(crate) const SEALED: SealedColumn = SealedColumn {
    table: "webhook_key",
    column: "sealed",
    identity: |row| Ok(super::identity(DomainId::new(row.get("domain_id")?))),
};

pub(super) fn insert(
    tx: &WriteTx<'_>,
    domain: DomainId,
    public: &[u8; 32],
    sealed: &[u8],
) -> Result<(), Error> {
    tx.run(
        "INSERT INTO webhook_key (domain_id, public_key, sealed) VALUES (?1, ?2, ?3)",
        (domain.number(), public.as_slice(), sealed),
    )?;
    Ok(())
}

pub(super) fn sealed(tx: &ReadTx<'_>, domain: DomainId) -> Result<Option<Vec<u8>>, Error> {
    tx.one("SELECT sealed FROM webhook_key WHERE domain_id = ?1", [domain.number()], |row| row.get(0))
}
