//! The SQL of set-up links.

use super::SetupLink;
use crate::clock::{CLOCKS_APART, Timestamp};
use crate::db::{ReadTx, Row, WriteTx, moment, moment_if_any, named};
use crate::error::Error;
use crate::id::{AccountId, ApiKeyId, DomainId, SetupLinkId};
use crate::secret::{HashedSecret, PlainSecret};

/// Within which account a link was made, and with which key.
pub(super) struct MadeBy {
    pub(super) account: AccountId,
    pub(super) key: Option<ApiKeyId>,
}

const COLUMNS: &str = "id, domain_id, last4, created_at, expires_at, looked_at, account_id, api_key_id";

fn link(row: &Row<'_>) -> Result<SetupLink, Error> {
    Ok(SetupLink {
        id: SetupLinkId::new(row.get("id")?),
        domain: DomainId::new(row.get("domain_id")?),
        last4: row.get("last4")?,
        created_at: moment(row, "created_at")?,
        expires_at: moment(row, "expires_at")?,
        looked_at: moment_if_any(row, "looked_at")?,
    })
}

fn link_and_maker(row: &Row<'_>) -> Result<(SetupLink, MadeBy), Error> {
    let account = AccountId::new(row.get("account_id")?);
    let key = row.get::<_, Option<i64>>("api_key_id")?.map(ApiKeyId::new);
    Ok((link(row)?, MadeBy { account, key }))
}

pub(super) fn insert(
    tx: &WriteTx<'_>,
    domain: DomainId,
    made_by: &MadeBy,
    secret: &PlainSecret,
    expires_at: Timestamp,
) -> Result<SetupLink, Error> {
    let created_at = tx.now();
    let id = tx.insert(
        "INSERT INTO setup_link (domain_id, account_id, api_key_id, hash, last4, created_at, expires_at)
         VALUES (:domain, :account, :key, :hash, :last4, :now, :expires)",
        named! {
            ":domain": domain.number(), ":account": made_by.account.number(),
            ":key": made_by.key.map(ApiKeyId::number), ":hash": secret.hashed().octets(),
            ":last4": secret.last4(), ":now": created_at.millis(), ":expires": expires_at.millis(),
        },
    )?;
    let last4 = secret.last4().to_owned();
    Ok(SetupLink { id: SetupLinkId::new(id), domain, last4, created_at, expires_at, looked_at: None })
}

pub(super) fn of_domain(tx: &ReadTx<'_>, domain: DomainId) -> Result<Vec<(SetupLink, MadeBy)>, Error> {
    tx.all(
        &format!("SELECT {COLUMNS} FROM setup_link WHERE domain_id = :domain AND expires_at > :now AND created_at <= :soon ORDER BY id DESC"),
        named! { ":domain": domain.number(), ":now": tx.now().millis(), ":soon": (tx.now() + CLOCKS_APART).millis() },
        link_and_maker,
    )
}

pub(super) fn by_hash(tx: &ReadTx<'_>, hash: &HashedSecret) -> Result<Option<(SetupLink, MadeBy)>, Error> {
    tx.one(
        &format!("SELECT {COLUMNS} FROM setup_link WHERE hash = :hash AND expires_at > :now AND created_at <= :soon"),
        named! { ":hash": hash.octets(), ":now": tx.now().millis(), ":soon": (tx.now() + CLOCKS_APART).millis() },
        link_and_maker,
    )
}

/// Whether the look was noted: not where the last one was after `since`, unless a clock noted it which was ahead.
pub(super) fn note_look(
    tx: &WriteTx<'_>,
    link: SetupLinkId,
    now: Timestamp,
    since: Timestamp,
) -> Result<bool, Error> {
    let noted = tx.run(
        "UPDATE setup_link SET looked_at = :now WHERE id = :id AND (looked_at IS NULL OR looked_at <= :since OR looked_at > :soon)",
        named! {
            ":now": now.millis(), ":id": link.number(), ":since": since.millis(), ":soon": (now + CLOCKS_APART).millis(),
        },
    )?;
    Ok(noted == 1)
}

pub(super) fn delete(tx: &WriteTx<'_>, domain: DomainId, link: SetupLinkId) -> Result<bool, Error> {
    let deleted = tx.run(
        "DELETE FROM setup_link WHERE id = :id AND domain_id = :domain",
        named! { ":id": link.number(), ":domain": domain.number() },
    )?;
    Ok(deleted == 1)
}

pub(super) fn delete_all(tx: &WriteTx<'_>, domain: DomainId) -> Result<(), Error> {
    tx.run("DELETE FROM setup_link WHERE domain_id = :domain", named! { ":domain": domain.number() })?;
    Ok(())
}

/// Also those that a clock has made which was ahead: of the last ones to expire.
pub(super) fn forget_expired(tx: &WriteTx<'_>, limit: u32) -> Result<usize, Error> {
    tx.run(
        "DELETE FROM setup_link WHERE id IN
             (SELECT id FROM (SELECT id FROM setup_link WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit) expired
              UNION ALL
              SELECT id FROM (SELECT id, created_at FROM setup_link ORDER BY expires_at DESC LIMIT :limit) latest
              WHERE created_at > :soon)",
        named! { ":now": tx.now().millis(), ":limit": limit, ":soon": (tx.now() + CLOCKS_APART).millis() },
    )
}
