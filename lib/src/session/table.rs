//! The SQL of sessions.

use super::{ConsoleSession, Role};
use crate::clock::{CLOCKS_APART, Timestamp};
use crate::db::{ReadTx, Row, WriteTx, named};
use crate::error::Error;
use crate::id::{AccountId, AdministratorId, ApiKeyId, DomainId, LoginLinkId, SessionId};
use crate::secret::{HashedSecret, PlainSecret};

const COLUMNS: &str = "id, domain_id, account_id, link_id, api_key_id, agent, address, created_at, used_at, expires_at, role, administrator_id, by_passkey";

/// The id that the row got.
pub(super) fn insert(
    tx: &WriteTx<'_>,
    session: &ConsoleSession,
    secret: &PlainSecret,
) -> Result<SessionId, Error> {
    let id = tx.insert(
        "INSERT INTO session (role, domain_id, account_id, link_id, api_key_id, administrator_id, hash, agent, address,
                              created_at, used_at, expires_at, by_passkey)
         VALUES (:role, :domain, :account, :link, :key, :administrator, :hash, :agent, :address, :created, :used, :expires,
                 :by_passkey)",
        named! {
            ":role": session.role.as_str(), ":domain": session.domain.map(DomainId::number),
            ":account": session.account.map(AccountId::number), ":link": session.link.map(LoginLinkId::number),
            ":administrator": session.administrator.map(AdministratorId::number),
            ":key": session.invited_by.map(ApiKeyId::number), ":hash": secret.hashed().octets(),
            ":agent": session.agent, ":address": session.address, ":created": session.created_at.millis(),
            ":used": session.used_at.millis(), ":expires": session.expires_at.millis(),
            ":by_passkey": session.by_passkey,
        },
    )?;
    Ok(SessionId::new(id))
}

pub(super) fn by_hash(
    tx: &ReadTx<'_>,
    hash: &HashedSecret,
    used_after: Timestamp,
) -> Result<Option<ConsoleSession>, Error> {
    tx.one(
        &format!(
            "SELECT {COLUMNS} FROM session WHERE hash = :hash AND expires_at > :now AND used_at > :used_after
             AND created_at <= :soon"
        ),
        named! {
            ":hash": hash.octets(), ":now": tx.now().millis(), ":used_after": used_after.millis(),
            ":soon": (tx.now() + CLOCKS_APART).millis(),
        },
        session,
    )
}

/// The sessions that have in common with this one what it is for.
pub(super) fn beside(
    tx: &ReadTx<'_>,
    own: &ConsoleSession,
    used_after: Timestamp,
    limit: u32,
) -> Result<Vec<ConsoleSession>, Error> {
    let (those, of) = those(own);
    tx.all(
        &format!(
            "SELECT {COLUMNS} FROM session WHERE {those} AND expires_at > :now AND used_at > :used_after
             AND created_at <= :soon ORDER BY id DESC LIMIT :limit"
        ),
        named! {
            ":of": of, ":now": tx.now().millis(), ":used_after": used_after.millis(), ":limit": limit,
            ":soon": (tx.now() + CLOCKS_APART).millis(),
        },
        session,
    )
}

pub(super) fn delete(tx: &WriteTx<'_>, id: SessionId) -> Result<(), Error> {
    tx.run("DELETE FROM session WHERE id = ?1", [id.number()])?;
    Ok(())
}

pub(super) fn delete_by_hash(tx: &WriteTx<'_>, hash: &HashedSecret) -> Result<(), Error> {
    tx.run("DELETE FROM session WHERE hash = ?1", [hash.octets()])?;
    Ok(())
}

pub(super) fn delete_of_domain(tx: &WriteTx<'_>, domain: DomainId) -> Result<(), Error> {
    tx.run("DELETE FROM session WHERE domain_id = ?1", [domain.number()])?;
    Ok(())
}

pub(super) fn delete_others_of(tx: &WriteTx<'_>, of: AdministratorId, kept: SessionId) -> Result<(), Error> {
    tx.run("DELETE FROM session WHERE administrator_id = ?1 AND id <> ?2", (of.number(), kept.number()))?;
    Ok(())
}

pub(super) fn set_account(tx: &WriteTx<'_>, id: SessionId, account: AccountId) -> Result<(), Error> {
    tx.run("UPDATE session SET account_id = ?2 WHERE id = ?1", (id.number(), account.number()))?;
    Ok(())
}

pub(super) fn note_use(tx: &WriteTx<'_>, id: SessionId, at: Timestamp) -> Result<(), Error> {
    tx.run("UPDATE session SET used_at = max(used_at, ?2) WHERE id = ?1", (id.number(), at.millis()))?;
    Ok(())
}

/// Deletes all but the newest `most` that have in common with this one what it is for.
pub(super) fn keep_newest(tx: &WriteTx<'_>, own: &ConsoleSession, most: u32) -> Result<(), Error> {
    let (those, of) = those(own);
    tx.run(
        &format!(
            "DELETE FROM session WHERE id IN
                 (SELECT id FROM session WHERE {those} AND role = :role ORDER BY id DESC LIMIT 9223372036854775807 OFFSET :most)"
        ),
        named! { ":of": of, ":role": own.role.as_str(), ":most": most },
    )?;
    Ok(())
}

/// Also those that a clock has begun which was ahead, when the clock is believed: of the last ones to end.
pub(super) fn forget_over(tx: &WriteTx<'_>, limit: u32) -> Result<usize, Error> {
    let soon = if tx.may_expire() { (tx.now() + CLOCKS_APART).millis() } else { i64::MAX };
    tx.run(
        "DELETE FROM session WHERE id IN
             (SELECT id FROM (SELECT id FROM session WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2) expired
              UNION ALL
              SELECT id FROM (SELECT id, created_at FROM session ORDER BY expires_at DESC LIMIT ?2) latest
              WHERE created_at > ?3)",
        (tx.now().millis(), limit, soon),
    )
}

/// The condition for the sessions that have in common with this one what it is for; an index serves each, and the operator's
/// are few.
fn those(own: &ConsoleSession) -> (&'static str, Option<i64>) {
    match own.role {
        Role::Domain => ("domain_id = :of", own.domain.map(DomainId::number)),
        Role::Account => ("account_id = :of AND role <> 'operator'", own.account.map(AccountId::number)),
        Role::Operator => ("role = 'operator' AND CAST(:of AS BIGINT) IS NULL", None),
    }
}

fn session(row: &Row<'_>) -> Result<ConsoleSession, Error> {
    Ok(ConsoleSession {
        id: SessionId::new(row.get(0)?),
        domain: row.get::<_, Option<i64>>(1)?.map(DomainId::new),
        account: row.get::<_, Option<i64>>(2)?.map(AccountId::new),
        link: row.get::<_, Option<i64>>(3)?.map(LoginLinkId::new),
        administrator: row.get::<_, Option<i64>>(11)?.map(AdministratorId::new),
        by_passkey: row.get(12)?,
        invited_by: row.get::<_, Option<i64>>(4)?.map(ApiKeyId::new),
        agent: row.get(5)?,
        address: row.get(6)?,
        created_at: Timestamp::from_millis(row.get(7)?),
        used_at: Timestamp::from_millis(row.get(8)?),
        expires_at: Timestamp::from_millis(row.get(9)?),
        role: crate::db::parsed(row, "role")?,
    })
}
