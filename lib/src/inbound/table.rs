//! The SQL of what is set of incoming mail.

use std::collections::HashMap;

use super::{Downstream, Filtering, Inbound};
use crate::account::Caller;
use crate::address::EmailAddress;
use crate::clock::Timestamp;
use crate::db::{ReadTx, Row, ToValue, WriteTx, named, parsed};
use crate::domain::Details;
use crate::domain::table::{THOSE, those};
use crate::domain::visibility::{Scope, visible};
use crate::error::Error;
use crate::id::DomainId;
use crate::name::DomainName;
use crate::page::Page;

pub(super) fn filtering(tx: &ReadTx<'_>, id: DomainId) -> Result<Option<Filtering>, Error> {
    tx.one("SELECT * FROM filtering WHERE domain_id = ?1", [id.number()], filtering_of)
}

pub(super) fn admins(tx: &ReadTx<'_>, id: DomainId) -> Result<Vec<EmailAddress>, Error> {
    tx.all("SELECT address FROM domain_admin WHERE domain_id = ?1 ORDER BY id", [id.number()], address_of)
}

pub(super) fn downstream(tx: &ReadTx<'_>, id: DomainId) -> Result<Vec<Downstream>, Error> {
    let sql = "SELECT * FROM downstream_address WHERE domain_id = ?1 ORDER BY id";
    tx.all(sql, [id.number()], downstream_of)
}

pub(super) fn aliases(tx: &ReadTx<'_>, id: DomainId) -> Result<Vec<DomainName>, Error> {
    tx.all("SELECT name FROM alias WHERE domain_id = ?1 ORDER BY id", [id.number()], name_of)
}

pub(super) fn set_filtering(tx: &WriteTx<'_>, id: DomainId, filtering: &Filtering) -> Result<(), Error> {
    tx.put(
        "INSERT INTO filtering (domain_id, abuse_policy, policy_overrides, spam_header_name, spam_header_value)
         VALUES (:domain, :policy, :overrides, :name, :value)
         ON CONFLICT (domain_id) DO UPDATE SET abuse_policy = :policy, policy_overrides = :overrides,
             spam_header_name = :name, spam_header_value = :value",
        named! {
            ":domain": id.number(), ":policy": filtering.policy.map(super::AbusePolicy::as_str),
            ":overrides": filtering.overrides, ":name": filtering.header_name, ":value": filtering.header_value,
        },
    )
}

pub(super) fn set_admins(tx: &WriteTx<'_>, id: DomainId, admins: &[EmailAddress]) -> Result<(), Error> {
    tx.put("DELETE FROM domain_admin WHERE domain_id = ?1", [id.number()])?;
    for admin in admins {
        let sql = "INSERT INTO domain_admin (domain_id, address) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        tx.put(sql, (id.number(), admin.to_string()))?;
    }
    Ok(())
}

pub(super) fn set_downstream(tx: &WriteTx<'_>, id: DomainId, downstream: &[Downstream]) -> Result<(), Error> {
    tx.put("DELETE FROM downstream_address WHERE domain_id = ?1", [id.number()])?;
    for each in downstream {
        tx.put(
            "INSERT INTO downstream_address (domain_id, priority, weight, port, target) VALUES (?1, ?2, ?3, ?4, ?5)",
            (id.number(), each.priority, each.weight, each.port, &each.target),
        )?;
    }
    Ok(())
}

pub(super) fn insert_alias(
    tx: &WriteTx<'_>,
    domain: &Details,
    name: &DomainName,
    claimed_at: Timestamp,
    covered: bool,
) -> Result<(), Error> {
    tx.run(
        "INSERT INTO alias (domain_id, account_id, name, claimed_at, covered, created_at)
         VALUES (:domain, :account, :name, :claimed, :covered, :now)",
        named! {
            ":domain": domain.id.number(), ":account": domain.account.number(), ":name": name.as_str(),
            ":claimed": claimed_at.millis(), ":covered": covered, ":now": tx.now().millis(),
        },
    )?;
    Ok(())
}

/// Returns whether there was one.
pub(super) fn delete_alias(tx: &WriteTx<'_>, id: DomainId, name: &DomainName) -> Result<bool, Error> {
    let deleted =
        tx.run("DELETE FROM alias WHERE domain_id = ?1 AND name = ?2", (id.number(), name.as_str()))?;
    Ok(deleted > 0)
}

pub(super) fn clear(tx: &WriteTx<'_>, id: DomainId) -> Result<(), Error> {
    for sql in [
        "DELETE FROM filtering WHERE domain_id = ?1",
        "DELETE FROM domain_admin WHERE domain_id = ?1",
        "DELETE FROM downstream_address WHERE domain_id = ?1",
        "DELETE FROM alias WHERE domain_id = ?1",
    ] {
        tx.run(sql, [id.number()])?;
    }
    Ok(())
}

/// The names for which a list is asked, as parameters `:n0`, `:n1` …
fn named(names: &[DomainName]) -> (String, Vec<String>) {
    let places: Vec<String> = (0..names.len()).map(|at| format!(":n{at}")).collect();
    let listed = if places.is_empty() { "NULL".to_owned() } else { places.join(", ") };
    (format!("AND d.name IN ({listed})"), places)
}

pub(super) fn count(tx: &ReadTx<'_>, caller: &Caller, names: &[DomainName]) -> Result<u64, Error> {
    let (filter, places) = named(names);
    let sql = format!("SELECT count(*) FROM domain d WHERE {} {filter}", visible(caller));
    let texts: Vec<&str> = names.iter().map(DomainName::as_str).collect();
    let scope = Scope::of_page(tx, caller)?;
    let own = scope.with(&[]);
    let more = places.iter().zip(&texts).map(|(place, text)| (place.as_str(), text as &dyn ToValue));
    let params: Vec<(&str, &dyn ToValue)> = own.into_iter().chain(more).collect();
    Ok(tx.one(&sql, params.as_slice(), |row| row.get::<_, i64>(0))?.unwrap_or(0).unsigned_abs())
}

pub(super) fn ids(
    tx: &ReadTx<'_>,
    caller: &Caller,
    names: Option<&[DomainName]>,
    page: Page,
) -> Result<Vec<DomainId>, Error> {
    let (filter, places) = names.map(named).unwrap_or_default();
    let texts: Vec<&str> = names.unwrap_or_default().iter().map(DomainName::as_str).collect();
    let sql = format!(
        "SELECT d.id FROM domain d WHERE {} {filter} ORDER BY d.id LIMIT :limit OFFSET :offset",
        visible(caller)
    );
    let scope = Scope::of_page(tx, caller)?;
    let (limit, offset) = (page.sql_limit(), page.sql_offset());
    let own = scope.with(&[(":limit", &limit), (":offset", &offset)]);
    let more = places.iter().zip(&texts).map(|(place, text)| (place.as_str(), text as &dyn ToValue));
    let params: Vec<(&str, &dyn ToValue)> = own.into_iter().chain(more).collect();
    tx.all_once(&sql, params.as_slice(), "id", |row| row.get(0).map(DomainId::new))
}

/// What is set of these domains.
pub(super) fn some(tx: &ReadTx<'_>, ids: &[DomainId]) -> Result<HashMap<DomainId, Inbound>, Error> {
    let ids = those(ids);
    let of = |table: &str, sorting: &str| {
        format!("SELECT * FROM {table} WHERE domain_id IN ({THOSE}) ORDER BY {sorting}")
    };
    let mut found: HashMap<DomainId, Inbound> = HashMap::with_capacity(ids.len());
    for (id, filtering) in
        tx.all(&of("filtering", "domain_id"), named! { ":ids": ids }, |row| with_id(row, filtering_of))?
    {
        found.entry(id).or_default().filtering = filtering;
    }
    for (id, admin) in
        tx.all(&of("domain_admin", "id"), named! { ":ids": ids }, |row| with_id(row, address_of))?
    {
        found.entry(id).or_default().admins.push(admin);
    }
    for (id, each) in
        tx.all(&of("downstream_address", "id"), named! { ":ids": ids }, |row| with_id(row, downstream_of))?
    {
        found.entry(id).or_default().downstream.push(each);
    }
    for (id, alias) in tx.all(&of("alias", "id"), named! { ":ids": ids }, |row| with_id(row, name_of))? {
        found.entry(id).or_default().aliases.push(alias);
    }
    Ok(found)
}

fn with_id<T>(
    row: &Row<'_>,
    read: impl FnOnce(&Row<'_>) -> Result<T, Error>,
) -> Result<(DomainId, T), Error> {
    Ok((DomainId::new(row.get("domain_id")?), read(row)?))
}

fn filtering_of(row: &Row<'_>) -> Result<Filtering, Error> {
    let policy = match row.get::<_, Option<String>>("abuse_policy")? {
        Some(_) => Some(parsed(row, "abuse_policy")?),
        None => None,
    };
    Ok(Filtering {
        policy,
        overrides: row.get("policy_overrides")?,
        header_name: row.get("spam_header_name")?,
        header_value: row.get("spam_header_value")?,
    })
}

fn address_of(row: &Row<'_>) -> Result<EmailAddress, Error> {
    row.get("address").map(EmailAddress::stored)
}

pub(crate) fn downstream_of(row: &Row<'_>) -> Result<Downstream, Error> {
    Ok(Downstream {
        priority: row.get("priority")?,
        weight: row.get("weight")?,
        port: row.get("port")?,
        target: row.get("target")?,
    })
}

fn name_of(row: &Row<'_>) -> Result<DomainName, Error> {
    row.get("name").map(DomainName::stored)
}
