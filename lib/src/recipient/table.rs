//! The SQL of recipients.

use super::{FilterMode, Recipient, comparable};
use crate::address::{EmailAddress, decomposed};
use crate::db::{ReadTx, Row, WriteTx, moment, named};
use crate::domain::{Details, Domain};
use crate::error::{Entity, Error};
use crate::id::{DomainId, RecipientId};
use crate::page::Page;

pub(super) fn insert<'t>(
    tx: &WriteTx<'t>,
    domain: &Domain<'t>,
    address: &EmailAddress,
    filter: FilterMode,
    is_admin: bool,
) -> Result<Recipient, Error> {
    tx.one(
        "INSERT INTO recipient (domain_id, local, shown, is_filtered, is_admin, created_at)
         VALUES (:domain, :local, :shown, :filtered, :admin, :now) RETURNING *",
        named! {
            ":domain": domain.id.number(), ":local": comparable(address), ":shown": address.local(),
            ":filtered": filter == FilterMode::Filtered, ":admin": is_admin, ":now": tx.now().millis(),
        },
        |row| recipient(row, domain),
    )?
    .ok_or(Error::NotFound(Entity::Domain))
}

pub(super) fn by_local<'t>(
    tx: &ReadTx<'t>,
    domain: &Domain<'t>,
    local: &str,
) -> Result<Option<Recipient>, Error> {
    tx.one(
        "SELECT * FROM recipient WHERE domain_id = ?1 AND local IN (?2, ?3) ORDER BY id LIMIT 1",
        (domain.id.number(), local, decomposed(local)),
        |row| recipient(row, domain),
    )
}

pub(super) fn page<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>, page: Page) -> Result<Vec<Recipient>, Error> {
    tx.all(
        "SELECT * FROM recipient WHERE domain_id = ?1 ORDER BY local LIMIT ?2 OFFSET ?3",
        (domain.id.number(), page.sql_limit(), page.sql_offset()),
        |row| recipient(row, domain),
    )
}

pub(super) fn update<'t>(
    tx: &WriteTx<'t>,
    domain: &Domain<'t>,
    id: RecipientId,
    filter: FilterMode,
    is_admin: bool,
) -> Result<Option<Recipient>, Error> {
    tx.one(
        "UPDATE recipient SET is_filtered = ?3, is_admin = ?4 WHERE id = ?1 AND domain_id = ?2 RETURNING *",
        (id.number(), domain.id.number(), filter == FilterMode::Filtered, is_admin),
        |row| recipient(row, domain),
    )
}

/// What the recipient lists goes with it.
pub(super) fn delete<'t>(tx: &WriteTx<'t>, domain: &Domain<'t>, id: RecipientId) -> Result<(), Error> {
    tx.run("DELETE FROM recipient WHERE id = ?1 AND domain_id = ?2", (id.number(), domain.id.number()))?;
    Ok(())
}

pub(super) fn delete_all(tx: &WriteTx<'_>, domain: DomainId) -> Result<(), Error> {
    tx.run("DELETE FROM recipient WHERE domain_id = ?1", [domain.number()])?;
    Ok(())
}

fn recipient(row: &Row<'_>, domain: &Details) -> Result<Recipient, Error> {
    let local: String = row.get("shown")?;
    let is_filtered: bool = row.get("is_filtered")?;
    Ok(Recipient {
        id: RecipientId::new(row.get("id")?),
        domain: domain.id,
        address: EmailAddress::stored(format!("{local}@{}", domain.name)),
        filter: if is_filtered { FilterMode::Filtered } else { FilterMode::Unfiltered },
        is_admin: row.get("is_admin")?,
        created_at: moment(row, "created_at")?,
    })
}
