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

/// Those that are still to be given their first DKIM key.
pub(crate) fn wanting_key<'t>(tx: &ReadTx<'t>, limit: u32) -> Result<Vec<Holder<'t>>, Error> {
    all(tx, "SELECT * FROM domain WHERE wants_key = 1 ORDER BY id LIMIT ?1", [limit])
}

/// Those whose check is due, put off until `lease`.
pub(crate) fn lend_due<'t>(tx: &WriteTx<'t>, lease: Timestamp, limit: u32) -> Result<Vec<Holder<'t>>, Error> {
    all(
        tx,
        "UPDATE domain SET next_check_at = :lease WHERE id IN
             (SELECT id FROM domain WHERE next_check_at <= :now ORDER BY next_check_at LIMIT :limit)
         RETURNING *",
        named! { ":lease": lease.millis(), ":now": tx.now().millis(), ":limit": limit },
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
