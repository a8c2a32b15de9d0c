//! The SQL of lists of domains, over those that the visibility rule lets through.

use super::{DomainSearch, Order};
use crate::account::Caller;
use crate::db::{ReadTx, ToValue, parsed};
use crate::domain::details::in_order;
use crate::domain::table::{THOSE, numbers, several, those};
use crate::domain::visibility::{Scope, visible, visible_total};
use crate::domain::{Domain, DomainStatus};
use crate::error::Error;
use crate::id::{ApiKeyId, DomainId, SubscriptionId};
use crate::name::DomainName;
use crate::page::{Direction, Page};

/// The ids on the page of `:limit` after `:offset`.
pub(crate) fn page_of_ids(caller: &Caller, order: Order, direction: Direction) -> String {
    let (visible, sorting) = (visible(caller), sorting(order, direction));
    format!("SELECT d.id FROM domain d WHERE {visible} ORDER BY {sorting} LIMIT :limit OFFSET :offset")
}

pub(super) fn page<'t>(
    tx: &ReadTx<'t>,
    caller: &Caller,
    order: Order,
    direction: Direction,
    page: Page,
) -> Result<Vec<Domain<'t>>, Error> {
    let (ids, sorting) = (page_of_ids(caller, order, direction), sorting(order, direction));
    several(
        tx,
        caller,
        &format!("SELECT d.* FROM ({ids}) page JOIN domain d ON d.id = page.id ORDER BY {sorting}"),
        Scope::of_page(tx, caller)?
            .with(&[(":limit", &page.sql_limit()), (":offset", &page.sql_offset())])
            .as_slice(),
    )
}

pub(super) fn ids(
    tx: &ReadTx<'_>,
    caller: &Caller,
    order: Order,
    direction: Direction,
    page: Page,
) -> Result<Vec<DomainId>, Error> {
    tx.all_once(
        &page_of_ids(caller, order, direction),
        Scope::of_page(tx, caller)?
            .with(&[(":limit", &page.sql_limit()), (":offset", &page.sql_offset())])
            .as_slice(),
        "id",
        |row| row.get(0).map(DomainId::new),
    )
}

pub(super) fn some<'t>(tx: &ReadTx<'t>, caller: &Caller, ids: &[DomainId]) -> Result<Vec<Domain<'t>>, Error> {
    let mut found = several(
        tx,
        caller,
        &format!("SELECT d.* FROM domain d WHERE d.id IN ({THOSE}) AND {}", visible(caller)),
        Scope::of(caller).with(&[(":ids", &those(ids))]).as_slice(),
    )?;
    in_order(&mut found, ids, |domain| domain.id);
    Ok(found)
}

/// The domains of an end user, or those that a key is limited to, are counted; of the others the total is kept.
pub(super) fn count(tx: &ReadTx<'_>, caller: &Caller) -> Result<u64, Error> {
    let sql = match visible_total(caller) {
        Some(visible) => format!("SELECT coalesce(sum(t.domains), 0) FROM domain_total t WHERE {visible}"),
        None => format!("SELECT count(*) FROM domain d WHERE {}", visible(caller)),
    };
    let count = tx.one(&sql, Scope::of(caller).with(&[]).as_slice(), |row| row.get::<_, i64>(0))?;
    Ok(count.unwrap_or(0).unsigned_abs())
}

pub(super) fn count_by_subscription(
    tx: &ReadTx<'_>,
    caller: &Caller,
) -> Result<Vec<(SubscriptionId, u64)>, Error> {
    let sql = match visible_total(caller) {
        Some(visible) => format!(
            "SELECT t.subscription_id, sum(t.domains) FROM domain_total t WHERE {visible} AND t.domains > 0
             GROUP BY t.subscription_id"
        ),
        None => format!(
            "SELECT d.subscription_id, count(*) FROM domain d WHERE {} GROUP BY d.subscription_id",
            visible(caller)
        ),
    };
    tx.all(&sql, Scope::of(caller).with(&[]).as_slice(), |row| {
        Ok((SubscriptionId::new(row.get(0)?), row.get::<_, i64>(1)?.unsigned_abs()))
    })
}

pub(super) fn with_status<'t>(
    tx: &ReadTx<'t>,
    caller: &Caller,
    status: DomainStatus,
    page: Page,
) -> Result<Vec<Domain<'t>>, Error> {
    let visible = visible(caller);
    several(
        tx,
        caller,
        &format!(
            "SELECT d.* FROM domain d WHERE {visible} AND d.status = :status
             ORDER BY d.created_at DESC, d.id DESC LIMIT :limit OFFSET :offset"
        ),
        Scope::of_page(tx, caller)?
            .with(&[
                (":status", &status.as_str()),
                (":limit", &page.sql_limit()),
                (":offset", &page.sql_offset()),
            ])
            .as_slice(),
    )
}

/// A problem that so few domains have is looked for first; of another one a page is soon full.
const RARE: u32 = 20_000;
const RARE_PROBLEM: &str = " AND d.id IN (SELECT r.domain_id FROM record r WHERE r.problem_code = :problem)";
const USUAL_PROBLEM: &str =
    " AND EXISTS (SELECT 1 FROM record r WHERE r.domain_id = d.id AND r.problem_code = :problem)";

fn is_rare(tx: &ReadTx<'_>, problem: &str) -> Result<bool, Error> {
    let sql = "SELECT count(*) FROM (SELECT 1 FROM record WHERE problem_code = ?1 LIMIT ?2) few";
    let count = tx.one(sql, (problem, RARE), |row| row.get::<_, i64>(0))?.unwrap_or(0);
    Ok(count < i64::from(RARE))
}

/// Names and labels have fewer octets. `LIKE` takes no pattern of any length.
const LONGEST_TEXT: usize = 2000;

/// What `LIKE` takes for a text that stands anywhere. It does not regard the case of ASCII letters.
fn pattern(text: &str) -> String {
    format!("%{}%", literal(text))
}

/// The text alone, whatever `%` and `_` it has itself.
fn literal(text: &str) -> String {
    text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_")
}

/// What `LIKE` takes for a text in a name, which has A-labels. In an A-label the ASCII letters stand first, in their order, and then
/// what tells the others (RFC 3492 section 3.1): so those of a part of it stand together, too.
fn pattern_of_name(text: &str) -> String {
    if text.is_ascii() {
        return pattern(text);
    }
    let (text, _) = idna::domain_to_unicode(text);
    let labels = text.split('.').map(|label| {
        let ascii = literal(&label.chars().filter(char::is_ascii).collect::<String>());
        if label.is_ascii() { ascii } else { format!("xn--%{ascii}%") }
    });
    format!("%{}%", labels.collect::<Vec<_>>().join("."))
}

/// A search by text looks through the index `domain_by_name`, which has all columns that it needs, and no rows.
pub(super) fn search<'t>(
    tx: &ReadTx<'t>,
    caller: &Caller,
    search: &DomainSearch<'_>,
    order: Order,
    direction: Direction,
    page: Page,
) -> Result<Vec<Domain<'t>>, Error> {
    // No name and no label has a NUL, and PostgreSQL refuses a text with one.
    if search.text.is_some_and(|text| text.len() > LONGEST_TEXT || text.contains('\0')) {
        return Ok(Vec::new());
    }
    let (visible, sorting) = (visible(caller), sorting(order, direction));
    let (limit, offset, text) = (page.sql_limit(), page.sql_offset(), search.text.map(pattern));
    let name = search.text.map(pattern_of_name);
    let status = search.status.map(DomainStatus::as_str);
    let mut more: Vec<(&'static str, &dyn ToValue)> = vec![(":limit", &limit), (":offset", &offset)];
    let (mut index, mut conditions) = ("", String::new());
    if let (Some(text), Some(name)) = (&text, &name) {
        more.extend([(":text", text as &dyn ToValue), (":name", name)]);
        index = if caller.only().is_some() { "" } else { "INDEXED BY domain_by_name" };
        conditions += r" AND (d.name LIKE :name ESCAPE '\' OR d.label LIKE :text ESCAPE '\')";
    }
    if let Some(status) = &status {
        more.push((":status", status));
        conditions += " AND d.status = :status";
    }
    if let Some(problem) = &search.problem {
        more.push((":problem", problem));
        conditions += if is_rare(tx, problem)? { RARE_PROBLEM } else { USUAL_PROBLEM };
    }
    several(
        tx,
        caller,
        &format!(
            "SELECT d.* FROM (SELECT d.id FROM domain d {index} WHERE {visible}{conditions}
                              ORDER BY {sorting} LIMIT :limit OFFSET :offset) page
             JOIN domain d ON d.id = page.id ORDER BY {sorting}"
        ),
        Scope::of_page(tx, caller)?.with(&more).as_slice(),
    )
}

/// The domains of an end user, or those that a key is limited to, are counted; of the others the totals are kept.
pub(super) fn count_by_status(tx: &ReadTx<'_>, caller: &Caller) -> Result<Vec<(DomainStatus, u64)>, Error> {
    let sql = match visible_total(caller) {
        Some(visible) => format!(
            "SELECT sum(t.domains), t.status AS status FROM status_total t WHERE {visible} AND t.domains > 0 GROUP BY t.status"
        ),
        None => format!(
            "SELECT count(*), d.status AS status FROM domain d WHERE {} GROUP BY d.status",
            visible(caller)
        ),
    };
    tx.all(&sql, Scope::of(caller).with(&[]).as_slice(), |row| {
        Ok((parsed(row, "status")?, row.get::<_, i64>(0)?.unsigned_abs()))
    })
}

pub(super) fn limits_of_keys(tx: &ReadTx<'_>, caller: &Caller) -> Result<Vec<(ApiKeyId, DomainName)>, Error> {
    tx.all(
        &format!(
            // The few keys first, whatever the planner thinks of them.
            "SELECT k.api_key_id, d.name FROM api_key a CROSS JOIN api_key_domain k CROSS JOIN domain d
             WHERE a.account_id = :account AND a.revoked_at IS NULL AND k.api_key_id = a.id AND d.id = k.domain_id AND {}
             ORDER BY k.api_key_id, d.name",
            visible(caller)
        ),
        Scope::of(caller).with(&[]).as_slice(),
        |row| Ok((ApiKeyId::new(row.get(0)?), DomainName::stored(row.get(1)?))),
    )
}

pub(super) fn first_limits_of_keys(
    tx: &ReadTx<'_>,
    caller: &Caller,
    keys: &[ApiKeyId],
    limit: u32,
) -> Result<Vec<(ApiKeyId, DomainName)>, Error> {
    let keys = numbers(keys.iter().map(|key| key.number()));
    tx.all(
        &format!(
            "SELECT api_key_id, name FROM
                 (SELECT k.api_key_id, d.name, row_number() OVER (PARTITION BY k.api_key_id ORDER BY d.name) AS place
                  FROM api_key_domain k CROSS JOIN domain d
                  WHERE k.api_key_id IN ({THOSE}) AND d.id = k.domain_id AND {}) named
             WHERE place <= :limit ORDER BY api_key_id, name",
            visible(caller)
        ),
        Scope::of(caller).with(&[(":ids", &keys), (":limit", &i64::from(limit))]).as_slice(),
        |row| Ok((ApiKeyId::new(row.get(0)?), DomainName::stored(row.get(1)?))),
    )
}

pub(super) fn limits_of_key(
    tx: &ReadTx<'_>,
    caller: &Caller,
    key: ApiKeyId,
) -> Result<Vec<DomainName>, Error> {
    tx.all(
        &format!(
            "SELECT d.name FROM api_key_domain k CROSS JOIN domain d
             WHERE k.api_key_id = :of AND d.id = k.domain_id AND {} ORDER BY d.name",
            visible(caller)
        ),
        Scope::of(caller).with(&[(":of", &key.number())]).as_slice(),
        |row| row.get(0).map(DomainName::stored),
    )
}

pub(super) fn tied_to(
    tx: &ReadTx<'_>,
    caller: &Caller,
    key: ApiKeyId,
    limit: u32,
) -> Result<Vec<DomainName>, Error> {
    // The index by key leads to them; one that has them in order would be read from its first row to its last.
    let mut names = tx.all(
        &format!(
            "SELECT d.name FROM domain d INDEXED BY domain_by_key WHERE d.api_key_id = :tied AND {} LIMIT :limit",
            visible(caller)
        ),
        Scope::of(caller).with(&[(":tied", &key.number()), (":limit", &i64::from(limit))]).as_slice(),
        |row| row.get(0).map(DomainName::stored),
    )?;
    names.sort();
    Ok(names)
}

/// What to sort by. For each there is an index that covers the rule too, so that skipping reads no rows.
pub(crate) fn sorting(order: Order, direction: Direction) -> &'static str {
    match (order, direction) {
        (Order::Created, Direction::Ascending) => "d.created_at, d.id",
        (Order::Created, Direction::Descending) => "d.created_at DESC, d.id DESC",
        (Order::Id, Direction::Ascending) => "d.id",
        (Order::Id, Direction::Descending) => "d.id DESC",
        (Order::Name, Direction::Ascending) => "d.name",
        (Order::Name, Direction::Descending) => "d.name DESC",
        (Order::Status, Direction::Ascending) => "d.status, d.created_at, d.id",
        (Order::Status, Direction::Descending) => "d.status DESC, d.created_at DESC, d.id DESC",
        (Order::Label, Direction::Ascending) => "d.label IS NULL, d.label, d.id",
        (Order::Label, Direction::Descending) => "d.label IS NULL, d.label DESC, d.id DESC",
    }
}
