//! The SQL of webhook keys.

use crate::db::{Checksum, ReadTx, SealedColumn, WriteTx};
use crate::error::Error;
use crate::id::DomainId;

/// The private keys of webhooks.
pub(crate) const SEALED: SealedColumn = SealedColumn {
    table: "webhook_key",
    row: "domain_id",
    column: "sealed",
    identity: |row| Ok(super::identity(DomainId::new(row.get("domain_id")?))),
};

pub(super) fn insert(
    tx: &WriteTx<'_>,
    domain: DomainId,
    public: &[u8; 32],
    sealed: &[u8],
) -> Result<(), Error> {
    tx.put(
        "INSERT INTO webhook_key (domain_id, public_key, sealed, checksum) VALUES (?1, ?2, ?3, ?4)",
        (domain.number(), public.as_slice(), sealed, checksum(domain, public)),
    )?;
    Ok(())
}

/// The checksum of what is published of a webhook key.
pub(crate) fn checksum(domain: DomainId, public: &[u8; 32]) -> Checksum {
    Checksum::of(&[&domain.number(), &public.as_slice()])
}

/// The public key, and the private one as it is sealed.
pub(super) type KeyPair = ([u8; 32], Vec<u8>);

/// The public key, compared with its checksum, and the private one.
pub(super) fn whole(tx: &ReadTx<'_>, domain: DomainId) -> Result<Option<KeyPair>, Error> {
    let sql = "SELECT public_key, sealed, checksum FROM webhook_key WHERE domain_id = ?1";
    tx.one(sql, [domain.number()], |row| {
        let public = row.get("public_key")?;
        checksum(domain, &public).check(
            row,
            "checksum",
            format_args!("the webhook key of the domain {domain}"),
        )?;
        Ok((public, row.get("sealed")?))
    })
}

pub(super) fn sealed(tx: &ReadTx<'_>, domain: DomainId) -> Result<Option<Vec<u8>>, Error> {
    tx.one("SELECT sealed FROM webhook_key WHERE domain_id = ?1", [domain.number()], |row| row.get(0))
}
