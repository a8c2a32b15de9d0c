//! The SQL of claims: the domains and aliases that an account holds, and its claims to names that it does not hold.

use super::ClaimState;
use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::{ReadTx, Row, moment, moment_if_any, parsed};
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
    let sql = page_sql(caller);
    let (limit, offset) = (page.sql_limit(), page.sql_offset());
    tx.all(&sql, Scope::of(caller).with(&[(":limit", &limit), (":offset", &offset)]).as_slice(), stored)
}

/// A page of the claims to names that the account does not hold, by their names.
pub(super) fn not_held(tx: &ReadTx<'_>, caller: &Caller, page: Page) -> Result<Vec<Stored>, Error> {
    let sql = not_held_sql(caller);
    let (limit, offset) = (page.sql_limit(), page.sql_offset());
    tx.all(&sql, Scope::of(caller).with(&[(":limit", &limit), (":offset", &offset)]).as_slice(), stored)
}

fn not_held_sql(caller: &Caller) -> String {
    format!("{} ORDER BY c.name LIMIT :limit OFFSET :offset", claims(caller, ""))
}

fn find_sql(caller: &Caller) -> String {
    union(caller, ["AND d.name = :name", "AND a.name = :name", "AND c.name = :name"])
}

fn page_sql(caller: &Caller) -> String {
    format!("{} ORDER BY name LIMIT :limit OFFSET :offset", union(caller, [""; 3]))
}

/// Domains, aliases, and claims to names that the account does not hold, each with a condition.
fn union(caller: &Caller, conditions: [&str; 3]) -> String {
    let visible = visible(caller);
    let [domain, alias, claim] = conditions;
    let claims = claims(caller, claim);
    format!(
        "SELECT d.account_id, d.name, CAST(NULL AS BIGINT) AS of_id, CAST(NULL AS TEXT) AS of_name, CAST(NULL AS BIGINT) AS of_proved_at, 'holds' AS state,
             d.proved_at, d.claimed_at, CAST(NULL AS TEXT) AS lost_to, 0 AS is_held, CAST(NULL AS BIGINT) AS others_proved_at
         FROM domain d WHERE {visible} {domain}
         UNION ALL
         SELECT d.account_id, a.name, d.id, d.name, d.proved_at, 'holds', a.proved_at, a.claimed_at, NULL, 0, NULL
         FROM domain d JOIN alias a ON a.domain_id = d.id WHERE {visible} {alias}
         UNION ALL
         {claims}"
    )
}

/// Claims to names that the account does not hold, with a condition.
fn claims(caller: &Caller, condition: &str) -> String {
    let visible_claim = visible_claim(caller);
    format!(
        "SELECT c.account_id, c.name, o.id AS of_id, o.name AS of_name, o.proved_at AS of_proved_at,
             CASE WHEN c.lost_at IS NULL THEN 'contends' ELSE 'lost' END AS state, c.proved_at, c.claimed_at, c.lost_to,
             CASE WHEN h.id IS NOT NULL OR v.id IS NOT NULL THEN 1 ELSE 0 END AS is_held, coalesce(h.proved_at, v.proved_at) AS others_proved_at
         FROM claim c LEFT JOIN domain o ON o.id = c.of_domain_id LEFT JOIN domain h ON h.name = c.name
             LEFT JOIN alias v ON v.name = c.name
         WHERE {visible_claim} {condition}"
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
            assert_scans_nothing(&postroom, who, &page_sql(&caller), &page);
            assert_scans_nothing(&postroom, who, &not_held_sql(&caller), &page);
        }
    }
}
