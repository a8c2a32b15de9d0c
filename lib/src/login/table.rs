//! The SQL of login links.

use super::LoginLink;
use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx, named};
use crate::error::Error;
use crate::id::{AccountId, ApiKeyId, DomainId, LoginLinkId};
use crate::secret::{HashedSecret, PlainSecret};

/// A link that has not expired: what it leads to, and who made it.
pub(super) struct Found {
    pub(super) id: LoginLinkId,
    pub(super) domain: DomainId,
    pub(super) account: AccountId,
    /// None if the operator made it.
    pub(super) key: Option<ApiKeyId>,
}

pub(super) fn insert(
    tx: &WriteTx<'_>,
    maker: &Caller,
    domain: DomainId,
    secret: &PlainSecret,
    expires_at: Timestamp,
) -> Result<LoginLink, Error> {
    let created_at = tx.now();
    let id = tx.insert(
        "INSERT INTO login_link (domain_id, account_id, api_key_id, hash, last4, created_at, expires_at)
         VALUES (:domain, :account, :key, :hash, :last4, :now, :expires) RETURNING id",
        named! {
            ":domain": domain.number(), ":account": maker.account().number(),
            ":key": maker.key().map(ApiKeyId::number), ":hash": secret.hashed().octets(),
            ":last4": secret.last4(), ":now": created_at.millis(), ":expires": expires_at.millis(),
        },
    )?;
    let last4 = secret.last4().to_owned();
    Ok(LoginLink { id: LoginLinkId::new(id), domain, last4, created_at, expires_at })
}

pub(super) fn by_hash(tx: &ReadTx<'_>, hash: &HashedSecret) -> Result<Option<Found>, Error> {
    tx.one(
        "SELECT id, domain_id, account_id, api_key_id FROM login_link WHERE hash = ?1 AND expires_at > ?2",
        (hash.octets(), tx.now().millis()),
        |row| {
            Ok(Found {
                id: LoginLinkId::new(row.get(0)?),
                domain: DomainId::new(row.get(1)?),
                account: AccountId::new(row.get(2)?),
                key: row.get::<_, Option<i64>>(3)?.map(ApiKeyId::new),
            })
        },
    )
}

pub(super) fn delete(tx: &WriteTx<'_>, link: LoginLinkId) -> Result<bool, Error> {
    Ok(tx.run("DELETE FROM login_link WHERE id = ?1", [link.number()])? == 1)
}

pub(super) fn delete_all(tx: &WriteTx<'_>, domain: DomainId) -> Result<(), Error> {
    tx.run("DELETE FROM login_link WHERE domain_id = ?1", [domain.number()])?;
    Ok(())
}

pub(super) fn forget_expired(tx: &WriteTx<'_>, limit: u32) -> Result<usize, Error> {
    tx.run(
        "DELETE FROM login_link WHERE id IN
             (SELECT id FROM login_link WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        (tx.now().millis(), limit),
    )
}
