//! The SQL of keys with what was seen of their records, over the domains that the visibility rule lets through.

use super::{Cursor, Filter, KeyEntry, KeyList, Window};
use crate::account::Caller;
use crate::db::{ReadTx, Row, ToValue, moment_if_any};
use crate::dkim::table::dkim_key;
use crate::domain::table::checksum;
use crate::domain::visibility::{Scope, visible};
use crate::error::Error;
use crate::id::{AccountId, DkimKeyId, DomainId};
use crate::name::{DomainName, Selector};
use crate::record;
use crate::record::kind::OF_SIGNING_KEYS;
use crate::record::table::{problem, standing};

const COLUMNS: &str =
    "k.*, d.name AS domain_name, d.account_id AS domain_account, d.checksum AS domain_checksum, r.checksum AS record_checksum, r.status, r.pinned, r.failures, r.failing_since, r.failing_for, r.failed_at, r.checked_at,
    r.observed, r.problem_code, r.problem_text";
const JOINS: &str = "JOIN dkim_key k ON k.domain_id = d.id JOIN record r ON r.dkim_key_id = k.id";

pub(super) fn list(
    tx: &ReadTx<'_>,
    caller: &Caller,
    filter: &Filter<'_>,
    window: Window,
    limit: u32,
) -> Result<KeyList, Error> {
    let (cursor, is_backward) = match window {
        Window::After(cursor) => (cursor, false),
        Window::Before(cursor) => (cursor, true),
    };
    let mut sql = format!("SELECT {COLUMNS} FROM domain d {JOINS} WHERE {}", visible(caller));
    let mut more: Vec<(&'static str, &dyn ToValue)> = vec![(":limit", &limit)];
    let name = filter.signing_domain.map(DomainName::as_str);
    if let Some(name) = &name {
        sql.push_str(" AND d.name = :name");
        more.push((":name", name));
    }
    let selector = filter.selector.map(Selector::as_str);
    if let Some(selector) = &selector {
        sql.push_str(" AND k.selector = :selector");
        more.push((":selector", selector));
    }
    let place = cursor.map(|cursor| (cursor.domain.number(), cursor.key.number()));
    if let Some((domain, key)) = &place {
        // The first comparison is for the index, which serves no pair over two tables.
        sql.push_str(if is_backward {
            " AND d.id <= :domain AND (d.id < :domain OR k.id < :after)"
        } else {
            " AND d.id >= :domain AND (d.id > :domain OR k.id > :after)"
        });
        more.extend([(":domain", domain as &dyn ToValue), (":after", key)]);
    }
    sql.push_str(if is_backward { " ORDER BY d.id DESC, k.id DESC" } else { " ORDER BY d.id, k.id" });
    sql.push_str(" LIMIT :limit");
    // A key that is damaged is left out here, and refused where it is asked for alone.
    let (mut damaged, mut places) = (Vec::new(), Vec::new());
    let sound = |row: &Row<'_>| {
        let (domain, key) = (DomainId::new(row.get("domain_id")?), DkimKeyId::new(row.get("id")?));
        places.push(Cursor { domain, key });
        match entry(row) {
            Err(error) if error.is_damage() => {
                damaged.push(error);
                Ok(None)
            }
            entry => entry.map(Some),
        }
    };
    let entries = tx.all_once(&sql, Scope::of(caller).with(&more).as_slice(), "id", sound)?;
    let mut entries: Vec<KeyEntry> = entries.into_iter().flatten().collect();
    if is_backward {
        entries.reverse();
        places.reverse();
    }
    let ends = places.first().copied().zip(places.last().copied());
    Ok(KeyList { entries, damaged, ends })
}

pub(super) fn of_domain(tx: &ReadTx<'_>, domain: DomainId) -> Result<Vec<KeyEntry>, Error> {
    tx.all_once(
        &format!("SELECT {COLUMNS} FROM domain d {JOINS} WHERE d.id = ?1 ORDER BY k.id"),
        [domain.number()],
        "id",
        entry,
    )
}

pub(super) fn by_selector(
    tx: &ReadTx<'_>,
    domain: DomainId,
    selector: &Selector,
) -> Result<Option<KeyEntry>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM domain d {JOINS} WHERE d.id = ?1 AND k.selector = ?2");
    tx.one(&sql, (domain.number(), selector.as_str()), entry)
}

fn entry(row: &Row<'_>) -> Result<KeyEntry, Error> {
    let (key, signing_domain) = (dkim_key(row)?, DomainName::stored(row.get("domain_name")?));
    let checksum = checksum(key.domain, AccountId::new(row.get("domain_account")?), &signing_domain);
    checksum.check(row, "domain_checksum", format_args!("the domain {}", key.domain))?;
    // It also says whether an index has led to the record of this key.
    let checksum = record::table::checksum(key.domain, OF_SIGNING_KEYS, Some(key.id), None, None);
    checksum.check(row, "record_checksum", format_args!("the record of the DKIM key {}", key.id))?;
    Ok(KeyEntry {
        signing_domain,
        key,
        standing: standing(row)?,
        checked_at: moment_if_any(row, "checked_at")?,
        observed: row.get("observed")?,
        problem: problem(row)?,
    })
}
