//! The SQL of claims: the domains and aliases that an account holds, and its claims to names that it does not hold.

use super::ClaimState;
use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::{ReadTx, Row, ToValue, moment, moment_if_any, parsed};
use crate::domain::visibility::{Scope, visible, visible_claim};
use crate::error::Error;
use crate::id::{AccountId, DomainId};
use crate::name::DomainName;
use crate::ownership::Loss;
use crate::page::Page;

/// A claim as it is stored, in whichever table.
pub(super) struct Stored {
    pub(super) account: AccountId,
    pub(super) name: DomainName,
    /// The domain of which the name is an alias, or is to be one, and when that was proved.
    pub(super) of: Option<(DomainId, DomainName, Option<Timestamp>)>,
    pub(super) state: ClaimState,
    pub(super) proved_at: Option<Timestamp>,
    pub(super) claimed_at: Timestamp,
    pub(super) loss: Option<Loss>,
    /// Whether another account has the name of a claim that contends, and when that account has proved it.
    pub(super) is_held: bool,
    pub(super) others_proved_at: Option<Timestamp>,
}

pub(super) fn find(tx: &ReadTx<'_>, caller: &Caller, name: &DomainName) -> Result<Option<Stored>, Error> {
    let sql = find_sql(caller);
    tx.one(&sql, Scope::of(caller).with(&[(":name", &name.as_str())]).as_slice(), stored)
}

/// A page of the claims that the caller may see, by their names.
pub(super) fn page(tx: &ReadTx<'_>, caller: &Caller, page: Page) -> Result<Vec<Stored>, Error> {
    let (limit, offset) = (page.sql_limit(), page.sql_offset());
    let most = limit.saturating_add(offset);
    let more: [(&'static str, &dyn ToValue); 3] =
        [(":limit", &limit), (":offset", &offset), (":most", &most)];
    tx.all(&page_sql(caller), Scope::of(caller).with(&more).as_slice(), stored)
}

/// A page of the claims to names that the account does not hold, by their names.
pub(super) fn not_held(tx: &ReadTx<'_>, caller: &Caller, page: Page) -> Result<Vec<Stored>, Error> {
    let sql = not_held_sql(caller);
    let (limit, offset) = (page.sql_limit(), page.sql_offset());
    tx.all(&sql, Scope::of(caller).with(&[(":limit", &limit), (":offset", &offset)]).as_slice(), stored)
}

fn not_held_sql(caller: &Caller) -> String {
    let (visible, page) = (visible_claim(caller), "ORDER BY c.name LIMIT :limit OFFSET :offset");
    format!("{} ORDER BY page.name", claims(&format!("{visible} {page}")))
}

fn find_sql(caller: &Caller) -> String {
    union(caller, |name| format!("AND {name} = :name"))
}

/// Of each kind no more rows are read than may be on the page: an index has each kind in order.
fn page_sql(caller: &Caller) -> String {
    let sql = union(caller, |name| format!("ORDER BY {name} LIMIT :most"));
    format!("{sql} ORDER BY name LIMIT :limit OFFSET :offset")
}

/// Domains, aliases, and claims to names that the account does not hold: of each kind those that `some` chooses by its column of names.
fn union(caller: &Caller, some: impl Fn(&str) -> String) -> String {
    let visible = visible(caller);
    let [domain, alias, claim] = ["d.name", "a.name", "c.name"].map(some);
    let claims = claims(&format!("{} {claim}", visible_claim(caller)));
    format!(
        "SELECT * FROM (SELECT d.account_id, d.name, CAST(NULL AS BIGINT) AS of_id, CAST(NULL AS TEXT) AS of_name,
             CAST(NULL AS BIGINT) AS of_proved_at, 'holds' AS state, d.proved_at, d.claimed_at, CAST(NULL AS TEXT) AS lost_to, 0 AS is_held,
             CAST(NULL AS BIGINT) AS others_proved_at
         FROM domain d WHERE {visible} {domain}) page
         UNION ALL
         SELECT * FROM (SELECT d.account_id, a.name, d.id, d.name AS of_name, d.proved_at AS of_proved_at, 'holds' AS state, a.proved_at, a.claimed_at,
             CAST(NULL AS TEXT) AS lost_to, 0 AS is_held, CAST(NULL AS BIGINT) AS others_proved_at
         FROM alias a JOIN domain d ON d.id = a.domain_id WHERE a.account_id = :account AND {visible} {alias}) page
         UNION ALL
         {claims}"
    )
}

/// Claims to names that the account does not hold: those that a condition chooses.
fn claims(chosen: &str) -> String {
    format!(
        "SELECT page.account_id, page.name, o.id AS of_id, o.name AS of_name, o.proved_at AS of_proved_at,
             CASE WHEN page.lost_at IS NULL THEN 'contends' ELSE 'lost' END AS state, page.proved_at, page.claimed_at, page.lost_to,
             CASE WHEN h.id IS NOT NULL OR v.id IS NOT NULL THEN 1 ELSE 0 END AS is_held, coalesce(h.proved_at, v.proved_at) AS others_proved_at
         FROM (SELECT * FROM claim c WHERE {chosen}) page LEFT JOIN domain o ON o.id = page.of_domain_id LEFT JOIN domain h ON h.name = page.name
             LEFT JOIN alias v ON v.name = page.name"
    )
}

fn stored(row: &Row<'_>) -> Result<Stored, Error> {
    let of = match row.get::<_, Option<i64>>("of_id")? {
        Some(id) => {
            let name = DomainName::stored(row.get("of_name")?);
            Some((DomainId::new(id), name, moment_if_any(row, "of_proved_at")?))
        }
        None => None,
    };
    let loss = match row.get::<_, Option<String>>("lost_to")? {
        Some(_) => Some(parsed(row, "lost_to")?),
        None => None,
    };
    Ok(Stored {
        account: AccountId::new(row.get("account_id")?),
        name: DomainName::stored(row.get("name")?),
        of,
        state: parsed(row, "state")?,
        proved_at: moment_if_any(row, "proved_at")?,
        claimed_at: moment(row, "claimed_at")?,
        loss,
        is_held: row.get("is_held")?,
        others_proved_at: moment_if_any(row, "others_proved_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Postroom;
    use crate::domain::visibility::{assert_scans_nothing, callers};

    #[test]
    fn claims_are_found_and_listed_without_reading_what_other_accounts_claim() {
        let postroom = Postroom::open_temporary().unwrap();
        for (who, caller) in callers() {
            let scope = Scope::of(&caller);
            let found = scope.with(&[(":name", &"example.com")]);
            assert_scans_nothing(&postroom, who, &find_sql(&caller), &found);
            let page = scope.with(&[(":limit", &10_i64), (":offset", &0_i64)]);
            let page_of_all = scope.with(&[(":limit", &10_i64), (":offset", &0_i64), (":most", &10_i64)]);
            assert_scans_nothing(&postroom, who, &page_sql(&caller), &page_of_all);
            assert_scans_nothing(&postroom, who, &not_held_sql(&caller), &page);
        }
    }
}
