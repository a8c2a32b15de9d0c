//! The SQL of API keys.

use std::collections::{BTreeMap, BTreeSet};

use super::{ApiKey, KeyLimits, rights};
use crate::access::{KeyScopes, Network};
use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::{Params, ReadTx, Row, WriteTx, moment, moment_if_any, named};
use crate::error::{Entity, Error, StoreError, StoreTrouble};
use crate::id::{AccountId, ApiKeyId, DomainId};
use crate::page::Page;
use crate::secret::{HashedSecret, PlainSecret};

pub(super) fn insert(
    tx: &WriteTx<'_>,
    account: AccountId,
    secret: &PlainSecret,
    description: Option<String>,
    limits: KeyLimits,
) -> Result<ApiKey, Error> {
    let created_at = tx.now();
    let networks = limits.networks.iter().map(Network::to_string).collect::<Vec<_>>().join(" ");
    let id = tx.insert(
        "INSERT INTO api_key (account_id, hash, last4, description, created_at, expires_at, networks, scopes,
                              is_of_domains)
         VALUES (:account, :hash, :last4, :description, :now, :expires, nullif(:networks, ''), :scopes, :is_of_domains)",
        named! {
            ":account": account.number(), ":hash": secret.hashed().octets(), ":last4": secret.last4(),
            ":description": description, ":now": created_at.millis(),
            ":expires": limits.expires_at.map(Timestamp::millis), ":networks": networks,
            ":scopes": limits.scopes.as_ref().map(KeyScopes::store), ":is_of_domains": limits.domains.is_some(),
        },
    )?;
    for domain in limits.domains.iter().flatten() {
        tx.run("INSERT INTO api_key_domain (api_key_id, domain_id) VALUES (?1, ?2)", (id, domain.number()))?;
    }
    Ok(ApiKey {
        id: ApiKeyId::new(id),
        account,
        last4: secret.last4().to_owned(),
        description,
        created_at,
        last_used_at: None,
        revoked_at: None,
        limits,
    })
}

/// Two statements, however many keys.
pub(super) fn all(tx: &ReadTx<'_>, account: Option<AccountId>) -> Result<Vec<ApiKey>, Error> {
    // Two texts each, for an index serves `account_id = ?1` alone.
    match account.map(AccountId::number) {
        Some(account) => with_domains(
            tx,
            tx.all("SELECT * FROM api_key WHERE account_id = ?1 ORDER BY id", [account], api_key)?,
            "SELECT d.api_key_id, d.domain_id FROM api_key k JOIN api_key_domain d ON d.api_key_id = k.id
             WHERE k.account_id = ?1",
            [account],
        ),
        None => with_domains(
            tx,
            tx.all("SELECT * FROM api_key ORDER BY id", [], api_key)?,
            "SELECT api_key_id, domain_id FROM api_key_domain",
            [],
        ),
    }
}

pub(super) fn newest(tx: &ReadTx<'_>, account: AccountId) -> Result<Option<ApiKeyId>, Error> {
    let newest = "SELECT id FROM api_key WHERE account_id = ?1 ORDER BY id DESC LIMIT 1";
    tx.one(newest, [account.number()], |row| Ok(ApiKeyId::new(row.get(0)?)))
}

/// The keys of an account that are not revoked. Two statements, however many keys.
pub(super) fn unrevoked(tx: &ReadTx<'_>, account: AccountId) -> Result<Vec<ApiKey>, Error> {
    let keys = "SELECT * FROM api_key WHERE account_id = ?1 AND revoked_at IS NULL ORDER BY id";
    with_domains(
        tx,
        tx.all(keys, [account.number()], api_key)?,
        "SELECT d.api_key_id, d.domain_id FROM api_key k JOIN api_key_domain d ON d.api_key_id = k.id
         WHERE k.account_id = ?1 AND k.revoked_at IS NULL",
        [account.number()],
    )
}

/// A page of the keys of an account that are not revoked, the newest first. Two statements, however many keys.
pub(super) fn page(tx: &ReadTx<'_>, account: AccountId, page: Page) -> Result<Vec<ApiKey>, Error> {
    const IDS: &str = "SELECT id FROM api_key WHERE account_id = ?1 AND revoked_at IS NULL ORDER BY id DESC LIMIT ?2 OFFSET ?3";
    let params = (account.number(), page.sql_limit(), page.sql_offset());
    with_domains(
        tx,
        tx.all(
            &format!("SELECT k.* FROM ({IDS}) page JOIN api_key k ON k.id = page.id ORDER BY k.id DESC"),
            params,
            api_key,
        )?,
        &format!(
            "SELECT d.api_key_id, d.domain_id FROM ({IDS}) page JOIN api_key_domain d ON d.api_key_id = page.id"
        ),
        params,
    )
}

/// A key of this account that is not revoked.
pub(super) fn by_id(tx: &ReadTx<'_>, account: AccountId, id: ApiKeyId) -> Result<Option<ApiKey>, Error> {
    let found = tx.one(
        "SELECT * FROM api_key WHERE id = ?1 AND account_id = ?2 AND revoked_at IS NULL",
        (id.number(), account.number()),
        api_key,
    )?;
    whole(tx, id, found)
}

/// A key of any account.
pub(super) fn of_any(tx: &ReadTx<'_>, id: ApiKeyId) -> Result<Option<ApiKey>, Error> {
    let found = tx.one("SELECT * FROM api_key WHERE id = ?1", [id.number()], api_key)?;
    whole(tx, id, found)
}

/// A key that was found, with the domains to which it is limited.
fn whole(tx: &ReadTx<'_>, id: ApiKeyId, found: Option<ApiKey>) -> Result<Option<ApiKey>, Error> {
    let domains = "SELECT api_key_id, domain_id FROM api_key_domain WHERE api_key_id = ?1";
    Ok(with_domains(tx, found.into_iter().collect(), domains, [id.number()])?.pop())
}

fn with_domains(
    tx: &ReadTx<'_>,
    mut keys: Vec<ApiKey>,
    sql: &str,
    params: impl Params,
) -> Result<Vec<ApiKey>, Error> {
    let mut domains: BTreeMap<i64, BTreeSet<DomainId>> = BTreeMap::new();
    for (key, domain) in tx.all(sql, params, |row| Ok((row.get(0)?, DomainId::new(row.get(1)?))))? {
        domains.entry(key).or_default().insert(domain);
    }
    for key in &mut keys {
        if let Some(own) = &mut key.limits.domains {
            *own = domains.remove(&key.id.number()).unwrap_or_default();
        }
    }
    Ok(keys)
}

/// How many revoked keys of an account are kept, until they go with the audit log.
const MOST_REVOKED: u32 = 1_000;

pub(super) fn revoke(tx: &WriteTx<'_>, id: ApiKeyId) -> Result<Option<ApiKey>, Error> {
    let key = tx.one(
        "UPDATE api_key SET revoked_at = ?2, old_hash = NULL, old_hash_until = NULL
         WHERE id = ?1 AND revoked_at IS NULL RETURNING *",
        (id.number(), tx.now().millis()),
        api_key,
    )?;
    if key.is_some() {
        tx.run("UPDATE domain SET api_key_id = NULL WHERE api_key_id = ?1", [id.number()])?;
        tx.run("DELETE FROM api_key_domain WHERE api_key_id = ?1", [id.number()])?;
    }
    if let Some(key) = &key {
        // Those beside the newest, some at a time.
        tx.put(
            "DELETE FROM api_key WHERE id IN (
                 SELECT id FROM api_key WHERE account_id = ?1 AND revoked_at IS NOT NULL ORDER BY id DESC LIMIT 100 OFFSET ?2)",
            (key.account.number(), MOST_REVOKED),
        )?;
    }
    Ok(key)
}

pub(super) fn delete_revoked_before(tx: &WriteTx<'_>, before: Timestamp, most: u32) -> Result<usize, Error> {
    tx.run(
        "DELETE FROM api_key WHERE id IN
             (SELECT id FROM api_key WHERE revoked_at < ?1 ORDER BY revoked_at LIMIT ?2)",
        (before.millis(), most),
    )
}

pub(super) fn count_tied(tx: &ReadTx<'_>, id: ApiKeyId) -> Result<i64, Error> {
    let count = "SELECT count(*) FROM domain WHERE api_key_id = ?1";
    Ok(tx.one(count, [id.number()], |row| row.get(0))?.unwrap_or(0))
}

/// Another secret; the one before counts until then, or not at all any more.
pub(super) fn rotate(
    tx: &WriteTx<'_>,
    account: AccountId,
    id: ApiKeyId,
    secret: &PlainSecret,
    until: Option<Timestamp>,
) -> Result<(), Error> {
    let changed = tx.run(
        "UPDATE api_key SET hash = :hash, last4 = :last4, old_hash_until = :until,
             old_hash = CASE WHEN CAST(:until AS BIGINT) IS NULL THEN NULL ELSE hash END
         WHERE id = :id AND account_id = :account AND revoked_at IS NULL",
        named! {
            ":id": id.number(), ":account": account.number(), ":hash": secret.hashed().octets(),
            ":last4": secret.last4(), ":until": until.map(Timestamp::millis),
        },
    )?;
    if changed == 1 { Ok(()) } else { Err(Error::NotFound(Entity::ApiKey)) }
}

/// Who calls with a secret, and from where that may be.
type Holder = (Caller, Vec<Network>);

pub(super) fn by_hash(tx: &ReadTx<'_>, hash: &HashedSecret) -> Result<Option<Holder>, Error> {
    let live = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?2)";
    let current = format!("SELECT *, 0 AS is_superseded FROM api_key WHERE hash = ?1 AND {live}");
    let params = (hash.octets(), tx.now().millis());
    if let Some(found) = tx.one(&current, params, holder)? {
        return Ok(Some(found));
    }
    let before = format!(
        "SELECT *, 1 AS is_superseded FROM api_key WHERE old_hash = ?1 AND old_hash_until > ?2 AND {live}"
    );
    tx.one(&before, params, holder)
}

pub(super) fn live(tx: &ReadTx<'_>, account: AccountId, id: ApiKeyId) -> Result<Option<Caller>, Error> {
    let found = tx.one(
        "SELECT *, 0 AS is_superseded FROM api_key
         WHERE id = ?1 AND account_id = ?2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?3)",
        (id.number(), account.number(), tx.now().millis()),
        holder,
    )?;
    Ok(found.map(|(caller, _)| caller))
}

pub(super) fn note_use(tx: &WriteTx<'_>, key: ApiKeyId, at: Timestamp) -> Result<(), Error> {
    tx.run(
        "UPDATE api_key SET last_used_at = max(coalesce(last_used_at, 0), ?2) WHERE id = ?1",
        (key.number(), at.millis()),
    )?;
    Ok(())
}

fn holder(row: &Row<'_>) -> Result<Holder, Error> {
    let scopes: Option<String> = row.get("scopes")?;
    let rights = rights(scopes.as_deref(), row.get("is_of_domains")?, row.get("is_superseded")?);
    let (account, key) = (AccountId::new(row.get("account_id")?), ApiKeyId::new(row.get("id")?));
    Ok((Caller::key_holder(account, key, rights), networks(row)?))
}

fn networks(row: &Row<'_>) -> Result<Vec<Network>, Error> {
    let text: Option<String> = row.get("networks")?;
    let parse = |word: &str| word.parse().map_err(|e| StoreError::new(StoreTrouble::Other, e).into());
    text.iter().flat_map(|text| text.split(' ')).map(parse).collect()
}

fn api_key(row: &Row<'_>) -> Result<ApiKey, Error> {
    let scopes: Option<String> = row.get("scopes")?;
    Ok(ApiKey {
        id: ApiKeyId::new(row.get("id")?),
        account: AccountId::new(row.get("account_id")?),
        last4: row.get("last4")?,
        description: row.get("description")?,
        created_at: moment(row, "created_at")?,
        last_used_at: moment_if_any(row, "last_used_at")?,
        revoked_at: moment_if_any(row, "revoked_at")?,
        limits: KeyLimits {
            expires_at: moment_if_any(row, "expires_at")?,
            networks: networks(row)?,
            scopes: scopes.as_deref().map(KeyScopes::stored),
            domains: row.get::<_, bool>("is_of_domains")?.then(BTreeSet::new),
        },
    })
}
