//! The SQL of lists.

use std::fmt::Write;
use std::net::IpAddr;

use super::{Item, ListEntry, ListKind, Scope, Tier, key};
use crate::address::decomposed;
use crate::db::{ReadTx, Row, ToValue, Value, WriteTx, moment, named, parsed};
use crate::domain::Domain;
use crate::error::Error;
use crate::id::{DomainId, ListEntryId};

/// The column on which an entry of this scope hangs, and its value.
fn owner(scope: &Scope<'_, '_>) -> (&'static str, i64) {
    match scope {
        Scope::Account(caller) => ("account_id", caller.account().number()),
        Scope::Domain(domain) => ("domain_id", domain.id.number()),
        Scope::Recipient(_, recipient) => ("recipient_id", recipient.id.number()),
    }
}

/// How many entries the list has.
pub(super) fn size<'t>(tx: &ReadTx<'t>, scope: &Scope<'_, 't>, list: ListKind) -> Result<u64, Error> {
    let (_, owner) = owner(scope);
    let entries = tx.one(
        "SELECT entries FROM list_size WHERE tier = ?1 AND owner_id = ?2 AND action = ?3",
        (scope.tier().as_str(), owner, list.as_str()),
        |row| row.get::<_, i64>(0),
    )?;
    Ok(entries.and_then(|entries| u64::try_from(entries).ok()).unwrap_or(0))
}

/// A new entry; none if it is there already.
pub(super) fn insert<'t>(
    tx: &WriteTx<'t>,
    scope: &Scope<'_, 't>,
    list: ListKind,
    item: &Item,
) -> Result<Option<ListEntry>, Error> {
    let (column, owner) = owner(scope);
    let made = tx.one(
        &format!(
            "INSERT INTO list_entry ({column}, action, type, item, shown, created_at)
             VALUES (:owner, :action, :type, :item, :shown, :now) ON CONFLICT DO NOTHING RETURNING *"
        ),
        named! {
            ":owner": owner, ":action": list.as_str(), ":type": item.kind().as_str(), ":item": item.key(),
            ":shown": item.given(), ":now": tx.now().millis(),
        },
        entry,
    )?;
    if let (Some(_), Some((family, length))) = (&made, key::block(item.key())) {
        tx.run(
            &format!(
                "INSERT INTO list_block_length ({column}, family, length, entries) VALUES (?1, ?2, ?3, 1)
                 ON CONFLICT ({column}, family, length) WHERE {column} IS NOT NULL
                 DO UPDATE SET entries = list_block_length.entries + 1"
            ),
            (owner, family, length),
        )?;
    }
    Ok(made)
}

pub(super) fn delete<'t>(
    tx: &WriteTx<'t>,
    scope: &Scope<'_, 't>,
    list: ListKind,
    item: &str,
) -> Result<Option<ListEntry>, Error> {
    let (column, owner) = owner(scope);
    let gone = tx.one(
        &format!("DELETE FROM list_entry WHERE {column} = ?1 AND item = ?2 AND action = ?3 RETURNING *"),
        (owner, item, list.as_str()),
        entry,
    )?;
    if let (Some(_), Some((family, length))) = (&gone, key::block(item)) {
        let row = format!("{column} = ?1 AND family = ?2 AND length = ?3");
        let less = format!("UPDATE list_block_length SET entries = entries - 1 WHERE {row}");
        tx.run(&less, (owner, family, length))?;
        let none = format!("DELETE FROM list_block_length WHERE {row} AND entries = 0");
        tx.run(&none, (owner, family, length))?;
    }
    Ok(gone)
}

pub(super) fn delete_all(tx: &WriteTx<'_>, domain: DomainId) -> Result<(), Error> {
    // The counts go first. Else each entry would be subtracted from its list's.
    tx.run("DELETE FROM list_size WHERE tier = 'domain' AND owner_id = ?1", [domain.number()])?;
    tx.run("DELETE FROM list_entry WHERE domain_id = ?1", [domain.number()])?;
    tx.run("DELETE FROM list_block_length WHERE domain_id = ?1", [domain.number()])?;
    Ok(())
}

pub(super) fn page<'t>(
    tx: &ReadTx<'t>,
    scope: &Scope<'_, 't>,
    list: ListKind,
    after: Option<ListEntryId>,
    limit: u32,
) -> Result<Vec<ListEntry>, Error> {
    let (column, owner) = owner(scope);
    tx.all(
        &format!(
            "SELECT * FROM list_entry WHERE {column} = ?1 AND action = ?2 AND id > ?3 ORDER BY id LIMIT ?4"
        ),
        (owner, list.as_str(), after.map_or(0, ListEntryId::number), limit),
        entry,
    )
}

/// The entries of one scope with one of these keys, or of a block in which the first `most` bits of `ip` lie.
pub(super) fn matching<'t>(
    tx: &ReadTx<'t>,
    scope: &Scope<'_, 't>,
    list: ListKind,
    keys: &[String],
    block: Option<(IpAddr, u8)>,
) -> Result<Vec<ListEntry>, Error> {
    let (column, owner) = owner(scope);
    let bits = block.map(|(ip, _)| key::of_bits(ip));
    let family = block.map(|(ip, _)| key::family(ip));
    let most = block.map_or(0, |(_, most)| most);
    let sql = format!(
        "WITH wanted (item) AS (VALUES {})
         SELECT e.* FROM wanted w CROSS JOIN list_entry e
         WHERE e.{column} = ?1 AND e.item = w.item AND e.action = ?2
         UNION ALL
         SELECT e.* FROM list_block_length b CROSS JOIN list_entry e
         WHERE b.{column} = ?1 AND b.family = ?3 AND b.length <= ?4
           AND e.{column} = ?1 AND e.item = substr(?5, 1, CAST(2 + b.length AS INT)) AND e.action = ?2",
        places(6, keys.len())
    );
    let list = list.as_str();
    let own: [&dyn ToValue; 5] = [&owner, &list, &family, &most, &bits];
    let keys = padded(keys).map(|key| key as &dyn ToValue);
    tx.all(&sql, own.into_iter().chain(keys).collect::<Vec<_>>(), entry)
}

/// Every entry, of whichever tier, that has one of these keys or is a block in which `ip` lies.
///
/// One statement, which probes the index of each tier once for every key and every length of block in use there: its cost
/// does not grow with the entries. `CROSS JOIN` fixes the order of the loops; SQLite, which counts no rows, would
/// sometimes begin with all entries.
pub(super) fn verdict<'t>(
    tx: &ReadTx<'t>,
    domain: &Domain<'t>,
    local: &str,
    keys: &[String],
    ip: Option<IpAddr>,
) -> Result<Vec<(Tier, ListEntry)>, Error> {
    let (account, domain) = (domain.account.number(), domain.id.number());
    let bits = ip.map(key::of_bits);
    let family = ip.map(key::family);
    let apart = decomposed(local);
    let own: [&dyn ToValue; 6] = [&account, &domain, &local, &apart, &bits, &family];
    let own = own.into_iter().take(if ip.is_some() { 6 } else { 4 });
    let keys_at = if ip.is_some() { 7 } else { 5 };
    let keys_given = padded(keys).map(|key| key as &dyn ToValue);
    tx.all(
        &verdict_sql(keys_at, keys.len(), ip.is_some()),
        own.chain(keys_given).collect::<Vec<_>>(),
        |row| {
            let tier = match row.get("tier")? {
                3 => Tier::Recipient,
                2 => Tier::Domain,
                _ => Tier::Account,
            };
            Ok((tier, entry(row)?))
        },
    )
}

const COLUMNS: &str = "e.id, e.action, e.type, e.item, e.shown, e.created_at";

fn verdict_sql(keys_at: usize, keys: usize, with_blocks: bool) -> String {
    let mut sql = format!("WITH wanted (item) AS (VALUES {}) ", places(keys_at, keys));
    // Writing to a String cannot fail.
    let _ = write!(
        sql,
        "SELECT 3 AS tier, {COLUMNS} FROM recipient r CROSS JOIN wanted w CROSS JOIN list_entry e
         WHERE r.domain_id = ?2 AND r.local IN (?3, ?4) AND e.recipient_id = r.id AND e.item = w.item
         UNION ALL
         SELECT 2, {COLUMNS} FROM wanted w CROSS JOIN list_entry e WHERE e.domain_id = ?2 AND e.item = w.item
         UNION ALL
         SELECT 1, {COLUMNS} FROM wanted w CROSS JOIN list_entry e WHERE e.account_id = ?1 AND e.item = w.item"
    );
    if with_blocks {
        let _ = write!(
            sql,
            " UNION ALL
             SELECT 3, {COLUMNS} FROM recipient r CROSS JOIN list_block_length b CROSS JOIN list_entry e
             WHERE r.domain_id = ?2 AND r.local IN (?3, ?4) AND b.recipient_id = r.id AND b.family = ?6
               AND e.recipient_id = r.id AND e.item = substr(?5, 1, CAST(2 + b.length AS INT))
             UNION ALL
             SELECT 2, {COLUMNS} FROM list_block_length b CROSS JOIN list_entry e
             WHERE b.domain_id = ?2 AND b.family = ?6
               AND e.domain_id = ?2 AND e.item = substr(?5, 1, CAST(2 + b.length AS INT))
             UNION ALL
             SELECT 1, {COLUMNS} FROM list_block_length b CROSS JOIN list_entry e
             WHERE b.account_id = ?1 AND b.family = ?6
               AND e.account_id = ?1 AND e.item = substr(?5, 1, CAST(2 + b.length AS INT))"
        );
    }
    sql
}

/// How many places a statement has for so many keys: few numbers, so that there are few statements to prepare.
fn room(keys: usize) -> usize {
    match keys {
        0..=16 => keys.max(1),
        more => more.next_power_of_two(),
    }
}

/// `(?6),(?7),…`
fn places(from: usize, keys: usize) -> String {
    let mut text = String::with_capacity(keys * 6);
    for place in from..from + room(keys) {
        let _ = write!(text, "{}(?{place})", if place == from { "" } else { "," });
    }
    text
}

/// The keys, and nulls, which equal nothing, for the places that are left.
fn padded(keys: &[String]) -> impl Iterator<Item = &dyn ToValue> {
    let nulls = room(keys.len()) - keys.len();
    let nothing: &dyn ToValue = &Value::Null;
    keys.iter().map(|key| key as &dyn ToValue).chain(std::iter::repeat_n(nothing, nulls))
}

fn entry(row: &Row<'_>) -> Result<ListEntry, Error> {
    Ok(ListEntry {
        id: ListEntryId::new(row.get("id")?),
        list: parsed(row, "action")?,
        item: Item::stored(parsed(row, "type")?, row.get("shown")?, row.get("item")?),
        created_at: moment(row, "created_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account;
    use crate::db::{Options, Postroom};
    use crate::settings::Settings;

    #[test]
    fn a_verdict_is_answered_by_indexes_alone() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings::for_server(&"mail.example.net".parse().unwrap());
        let postroom = Postroom::open(dir.path().join("postroom.db"), Options::new(settings)).unwrap();
        postroom.write(|tx| account::create(tx, "acme")).unwrap();
        for (keys_at, with_blocks) in [(5, false), (7, true)] {
            let sql = format!("EXPLAIN QUERY PLAN {}", verdict_sql(keys_at, 9, with_blocks));
            let parameters = vec![Value::Null; keys_at - 1 + room(9)];
            let plan: Vec<String> =
                postroom.read(|tx| tx.all(&sql, &parameters, |row| row.get("detail"))).unwrap();
            let searches: Vec<&String> = plan.iter().filter(|step| step.starts_with("SEARCH ")).collect();
            // Each entry by owner and item, each recipient by its address, each length by owner and family.
            assert_eq!(searches.len(), if with_blocks { 4 + 7 } else { 4 }, "{plan:#?}");
            for step in &plan {
                let is_scan =
                    step.starts_with("SCAN ") && *step != "SCAN w" && !step.ends_with("CONSTANT ROWS");
                assert!(!is_scan && !step.contains("TEMP B-TREE"), "{plan:#?}");
            }
            for step in searches {
                let by = ["_id=? AND item=?)", "(domain_id=? AND local=?)", "_id=? AND family=?)"];
                assert!(by.iter().any(|columns| step.ends_with(columns)), "{step}");
            }
        }
    }
}
