//! The SQL of the ledger: each figure is one row, or a range of an index that has the account alone.

use crate::cap::Cap;
use crate::db::ReadTx;
use crate::error::Error;
use crate::id::AccountId;

/// The statement that finds how much of it the account `?1` has; `?2` is the time. None where this is not in the database.
fn sql(cap: Cap) -> Option<&'static str> {
    Some(match cap {
        Cap::ListEntries => "SELECT max(entries), ?2 FROM list_size WHERE account_id = ?1",
        Cap::Recipients => "SELECT recipients, ?2 FROM ledger WHERE account_id = ?1",
        Cap::Aliases => "SELECT aliases, ?2 FROM ledger WHERE account_id = ?1",
        Cap::Tokens => "SELECT tokens, ?2 FROM ledger WHERE account_id = ?1",
        Cap::Keys => "SELECT count(*), ?2 FROM api_key WHERE account_id = ?1 AND revoked_at IS NULL",
        Cap::KeyDomains => {
            "SELECT count(*), ?2 FROM api_key k CROSS JOIN api_key_domain d
             WHERE k.account_id = ?1 AND k.revoked_at IS NULL AND d.api_key_id = k.id"
        }
        Cap::KeptAnswers => "SELECT answer_octets, ?2 FROM ledger WHERE account_id = ?1",
        Cap::Reports => "SELECT report_octets, ?2 FROM ledger WHERE account_id = ?1",
        // No more than the cap of them.
        Cap::LoginLinks => "SELECT count(*) FROM login_link WHERE account_id = ?1 AND expires_at > ?2",
        // The module of ownership counts claims; a bridge counts its deliveries in memory.
        Cap::UnprovedClaims | Cap::Deliveries => return None,
    })
}

/// How much the account has of it. None where this is not in the database.
pub(super) fn used(tx: &ReadTx<'_>, account: AccountId, cap: Cap) -> Result<Option<u64>, Error> {
    let Some(sql) = sql(cap) else { return Ok(None) };
    let used = tx.one(sql, (account.number(), tx.now().millis()), |row| row.get::<_, Option<i64>>(0))?;
    Ok(Some(used.flatten().and_then(|used| u64::try_from(used).ok()).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Postroom;

    #[test]
    fn each_figure_is_found_by_the_account_and_nothing_is_scanned() {
        let postroom = Postroom::open_temporary().unwrap();
        for cap in Cap::ALL {
            let Some(sql) = sql(cap) else { continue };
            let plan: Vec<String> = postroom
                .read(|tx| tx.all(&format!("EXPLAIN QUERY PLAN {sql}"), (1, 1), |row| row.get("detail")))
                .unwrap();
            let plan = plan.join("; ");
            assert!(plan.starts_with("SEARCH") && !plan.contains("SCAN"), "{cap:?}: {plan}");
            assert!(
                plan.contains("account_id=?") || plan.contains("PRIMARY KEY (rowid=?)"),
                "{cap:?}: {plan}"
            );
            // This index has no revoked keys, so an account that makes and revokes many has to count none of them.
            assert!(cap != Cap::Keys || plan.contains("api_key_unrevoked"), "{plan}");
        }
    }
}
