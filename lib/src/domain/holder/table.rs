//! The SQL of domains of whichever account.

use std::marker::PhantomData;

use super::{HeldAlias, Holder};
use crate::clock::Timestamp;
use crate::db::{Params, ReadTx, Row, WriteTx, moment, moment_if_any, named};
use crate::error::Error;
use crate::id::{AccountId, DomainId};
use crate::name::DomainName;

pub(crate) fn named<'t>(tx: &ReadTx<'t>, name: &DomainName) -> Result<Option<Holder<'t>>, Error> {
    one(tx, "SELECT * FROM domain WHERE name = ?1", [name.as_str()])
}

pub(crate) fn by_id<'t>(tx: &ReadTx<'t>, id: DomainId) -> Result<Option<Holder<'t>>, Error> {
    one(tx, "SELECT * FROM domain WHERE id = ?1", [id.number()])
}

/// The domain of which this name is an alias.
pub(crate) fn by_alias<'t>(tx: &ReadTx<'t>, name: &DomainName) -> Result<Option<Holder<'t>>, Error> {
    let sql =
        format!("SELECT d.*, {OF_ALIAS} FROM alias v JOIN domain d ON d.id = v.domain_id WHERE v.name = ?1");
    tx.one(&sql, [name.as_str()], of_row_by_name)
}

/// The domain of this name, or of which it is an alias, whoever's it is: for mail that comes in, and for conflicts.
pub(crate) fn at<'t>(tx: &ReadTx<'t>, name: &DomainName) -> Result<Option<Holder<'t>>, Error> {
    match named(tx, name)? {
        Some(holder) => Ok(Some(holder)),
        None => by_alias(tx, name),
    }
}

/// The first, by name, of the domains for which this one is the authority.
pub(crate) fn dependent<'t>(tx: &ReadTx<'t>, id: DomainId) -> Result<Option<Holder<'t>>, Error> {
    one(tx, "SELECT * FROM domain WHERE authority_id = ?1 ORDER BY name LIMIT 1", [id.number()])
}

/// Those that are still to be given their first DKIM key: the first of each account, of the accounts after this one.
///
/// It goes from account to account in the index, and reads none of the domains that wait behind an account's first one.
pub(crate) fn wanting_key<'t>(
    tx: &ReadTx<'t>,
    after: AccountId,
    limit: u32,
) -> Result<Vec<Holder<'t>>, Error> {
    all(
        tx,
        "WITH RECURSIVE waiting (account_id) AS (
             SELECT min(account_id) FROM domain WHERE wants_key = 1 AND account_id > :after
             UNION ALL
             SELECT (SELECT min(account_id) FROM domain WHERE wants_key = 1 AND account_id > w.account_id)
             FROM waiting w WHERE w.account_id IS NOT NULL)
         SELECT d.* FROM waiting w CROSS JOIN domain d
         WHERE d.id = (SELECT min(id) FROM domain WHERE wants_key = 1 AND account_id = w.account_id) LIMIT :limit",
        named! { ":after": after.number(), ":limit": limit },
    )
}

/// Accounts after this one that have a domain whose check is due.
pub(crate) fn accounts_with_due(
    tx: &ReadTx<'_>,
    after: AccountId,
    limit: usize,
) -> Result<Vec<AccountId>, Error> {
    tx.all(
        "SELECT a.id FROM account a WHERE a.id > :after
             AND EXISTS (SELECT 1 FROM domain d WHERE d.account_id = a.id AND d.next_check_at <= :now)
         ORDER BY a.id LIMIT :limit",
        named! { ":after": after.number(), ":now": tx.now().millis(), ":limit": i64::try_from(limit).unwrap_or(i64::MAX) },
        |row| row.get(0).map(AccountId::new),
    )
}

/// The one of this account whose check is due for the longest time, put off until `lease`.
pub(crate) fn lend_due<'t>(
    tx: &WriteTx<'t>,
    account: AccountId,
    lease: Timestamp,
) -> Result<Option<Holder<'t>>, Error> {
    one(
        tx,
        "UPDATE domain SET next_check_at = :lease WHERE id =
             (SELECT id FROM domain WHERE account_id = :account AND next_check_at <= :now
              ORDER BY next_check_at LIMIT 1)
         RETURNING *",
        named! { ":account": account.number(), ":lease": lease.millis(), ":now": tx.now().millis() },
    )
}

/// The first domain that `sql` finds, with all of its columns.
pub(crate) fn one<'t>(tx: &ReadTx<'t>, sql: &str, params: impl Params) -> Result<Option<Holder<'t>>, Error> {
    tx.one(sql, params, of_row)
}

/// The domains that `sql` finds, with all of their columns.
pub(crate) fn all<'t>(tx: &ReadTx<'t>, sql: &str, params: impl Params) -> Result<Vec<Holder<'t>>, Error> {
    tx.all(sql, params, of_row)
}

/// The columns of the alias `v` by which a domain was found.
pub(crate) const OF_ALIAS: &str =
    "v.name AS alias_name, v.proved_at AS alias_proved_at, v.claimed_at AS alias_claimed_at,
    v.missed_at AS alias_missed_at";

/// A holder from a row with all columns of a domain and [`OF_ALIAS`], which are null where its own name was asked for.
pub(crate) fn of_row_by_name<'t>(row: &Row<'_>) -> Result<Holder<'t>, Error> {
    let alias = match row.get::<_, Option<String>>("alias_name")? {
        None => None,
        Some(name) => Some(HeldAlias {
            name: DomainName::stored(name),
            proved_at: moment_if_any(row, "alias_proved_at")?,
            claimed_at: moment(row, "alias_claimed_at")?,
            missed_at: moment_if_any(row, "alias_missed_at")?,
        }),
    };
    Ok(Holder { alias, ..of_row(row)? })
}

/// A holder from a row with all columns of a domain, in whichever transaction: who reads the row says in which.
pub(crate) fn of_row<'t>(row: &Row<'_>) -> Result<Holder<'t>, Error> {
    Ok(Holder {
        id: DomainId::new(row.get("id")?),
        account: AccountId::new(row.get("account_id")?),
        name: DomainName::stored(row.get("name")?),
        authority: row.get::<_, Option<i64>>("authority_id")?.map(DomainId::new),
        proved_at: moment_if_any(row, "proved_at")?,
        claimed_at: moment(row, "claimed_at")?,
        alias: None,
        within: PhantomData,
    })
}
