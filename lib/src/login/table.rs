//! The SQL of login links.

use super::LoginLink;
use crate::clock::{CLOCKS_APART, Timestamp};
use crate::db::{ReadTx, WriteTx, named};
use crate::error::Error;
use crate::id::{AccountId, ApiKeyId, DomainId, LoginLinkId};
use crate::secret::{HashedSecret, PlainSecret};

/// What a link is for, and who made it.
pub(super) enum For {
    /// A domain, as its account's operator sees it, or one of its keys.
    Domain {
        domain: DomainId,
        account: AccountId,
        key: Option<ApiKeyId>,
    },
    Account(AccountId),
    Operator,
}

impl For {
    fn columns(&self) -> (Option<DomainId>, Option<AccountId>, Option<ApiKeyId>) {
        match *self {
            For::Domain { domain, account, key } => (Some(domain), Some(account), key),
            For::Account(account) => (None, Some(account), None),
            For::Operator => (None, None, None),
        }
    }
}

/// A link that has not expired.
pub(super) struct Found {
    pub(super) id: LoginLinkId,
    pub(super) made_for: For,
}

pub(super) fn insert(
    tx: &WriteTx<'_>,
    made_for: &For,
    secret: &PlainSecret,
    expires_at: Timestamp,
) -> Result<LoginLink, Error> {
    let created_at = tx.now();
    let (domain, account, key) = made_for.columns();
    let id = tx.insert(
        "INSERT INTO login_link (domain_id, account_id, api_key_id, hash, last4, created_at, expires_at)
         VALUES (:domain, :account, :key, :hash, :last4, :now, :expires)",
        named! {
            ":domain": domain.map(DomainId::number), ":account": account.map(AccountId::number),
            ":key": key.map(ApiKeyId::number), ":hash": secret.hashed().octets(),
            ":last4": secret.last4(), ":now": created_at.millis(), ":expires": expires_at.millis(),
        },
    )?;
    let last4 = secret.last4().to_owned();
    Ok(LoginLink { id: LoginLinkId::new(id), domain, last4, created_at, expires_at })
}

pub(super) fn newest(tx: &ReadTx<'_>, domain: DomainId) -> Result<Option<LoginLinkId>, Error> {
    let newest = "SELECT id FROM login_link WHERE domain_id = ?1 ORDER BY id DESC LIMIT 1";
    tx.one(newest, [domain.number()], |row| row.get(0).map(LoginLinkId::new))
}

pub(super) fn newest_of_account(tx: &ReadTx<'_>, account: AccountId) -> Result<Option<LoginLinkId>, Error> {
    let newest =
        "SELECT id FROM login_link WHERE account_id = ?1 AND domain_id IS NULL ORDER BY id DESC LIMIT 1";
    tx.one(newest, [account.number()], |row| row.get(0).map(LoginLinkId::new))
}

pub(super) fn by_hash(tx: &ReadTx<'_>, hash: &HashedSecret) -> Result<Option<Found>, Error> {
    tx.one(
        "SELECT id, domain_id, account_id, api_key_id FROM login_link WHERE hash = ?1 AND expires_at > ?2 AND created_at <= ?3",
        (hash.octets(), tx.now().millis(), (tx.now() + CLOCKS_APART).millis()),
        |row| {
            let domain = row.get::<_, Option<i64>>(1)?.map(DomainId::new);
            let account = row.get::<_, Option<i64>>(2)?.map(AccountId::new);
            let made_for = match (domain, account) {
                (Some(domain), Some(account)) => {
                    For::Domain { domain, account, key: row.get::<_, Option<i64>>(3)?.map(ApiKeyId::new) }
                }
                (None, Some(account)) => For::Account(account),
                (_, None) => For::Operator,
            };
            Ok(Found { id: LoginLinkId::new(row.get(0)?), made_for })
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

/// Also those that a clock has made which was ahead: of the last ones to expire.
pub(super) fn forget_expired(tx: &WriteTx<'_>, limit: u32) -> Result<usize, Error> {
    tx.run(
        "DELETE FROM login_link WHERE id IN
             (SELECT id FROM (SELECT id FROM login_link WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2) expired
              UNION ALL
              SELECT id FROM (SELECT id, created_at FROM login_link ORDER BY expires_at DESC LIMIT ?2) latest
              WHERE created_at > ?3)",
        (tx.now().millis(), limit, (tx.now() + CLOCKS_APART).millis()),
    )
}
