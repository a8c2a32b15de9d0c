//! The SQL of the visibility rule.

use crate::db::ReadTx;
use crate::error::Error;
use crate::id::AccountId;

/// Whether the domain `d` is among those that the key `:key` is limited to.
macro_rules! listed {
    () => {
        "d.id IN (SELECT l.domain_id FROM api_key_domain l WHERE l.api_key_id = :key)"
    };
}
pub(super) use listed;

/// Whether a domain of the account is tied to a key.
pub(super) fn is_any_tied(tx: &ReadTx<'_>, account: AccountId) -> Result<bool, Error> {
    let tied = "SELECT 1 FROM domain_total WHERE account_id = ?1 AND api_key_id <> 0 AND domains > 0 LIMIT 1";
    Ok(tx.one(tied, [account.number()], |_| Ok(()))?.is_some())
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::account::{Caller, Rights};
    use crate::db::{Postroom, ToValue};
    use crate::domain::visibility::{Scope, visible, visible_total};
    use crate::id::{AccountId, ApiKeyId, DomainId, LoginLinkId};
    use crate::tag::Tag;

    /// A caller of each kind for which the rule has a text of its own.
    pub(crate) fn callers() -> Vec<(&'static str, Caller)> {
        let account = AccountId::new(1);
        let key = |is_of_domains| {
            Caller::key_holder(account, ApiKeyId::new(1), Rights { is_of_domains, ..Rights::default() })
        };
        let user: Tag = "user_123".parse().unwrap();
        let (domain, link) = (DomainId::new(1), LoginLinkId::new(1));
        vec![
            ("the operator", Caller::operator(account)),
            ("a key", key(false)),
            ("a key for an end user", key(false).for_user(user.clone())),
            ("a key of some domains", key(true)),
            ("a key of some domains for an end user", key(true).for_user(user)),
            (
                "the administrator of one domain",
                Caller::domain_administrator(account, domain, link, Some(ApiKeyId::new(1))),
            ),
        ]
    }

    /// Asserts that a statement reads no row that it does not find by an index: nothing of it grows with what others have.
    #[track_caller]
    pub(crate) fn assert_scans_nothing(
        postroom: &Postroom,
        who: &str,
        sql: &str,
        params: &[(&'static str, &dyn ToValue)],
    ) {
        let explain = format!("EXPLAIN QUERY PLAN {sql}");
        let plan: Vec<String> =
            postroom.read(|tx| tx.all(&explain, params, |row| row.get("detail"))).unwrap();
        assert!(plan.iter().any(|step| step.starts_with("SEARCH")), "{who}: {sql}: {plan:?}");
        for step in &plan {
            // A list that the statement is given, and what another part of it has found.
            let may_scan = ["VIRTUAL TABLE", "CONSTANT ROW", "(subquery", "SCAN page"];
            let scans = step.starts_with("SCAN") && !may_scan.iter().any(|what| step.contains(what));
            assert!(!scans, "{who}: {sql}: {plan:?}");
            // An index may be searched by a status alone, which others' rows have as well.
            let found_by = [
                "account_id=?",
                "rowid=?",
                "name=?",
                "id=?",
                "authority_id=?",
                "domain_id=?",
                "api_key_id=?",
            ];
            let is_own = !step.starts_with("SEARCH") || found_by.iter().any(|column| step.contains(column));
            assert!(is_own, "{who}: {sql}: {plan:?}");
        }
    }

    #[test]
    fn the_totals_of_an_account_are_shown_to_none_who_sees_only_some_of_its_domains() {
        let counted: Vec<&str> = callers()
            .iter()
            .filter(|(_, caller)| visible_total(caller).is_some())
            .map(|(who, _)| *who)
            .collect();
        assert_eq!(counted, ["the operator", "a key"]);
    }

    #[test]
    fn no_text_of_the_rule_has_a_statement_read_what_other_accounts_have() {
        let postroom = Postroom::open_temporary().unwrap();
        for (who, caller) in callers() {
            let visible = visible(&caller);
            let scope = Scope::of(&caller);
            let (id, name, names, status) = (1_i64, "example.com", "[\"example.com\"]", "active");
            for (sql, more) in [
                ("SELECT d.* FROM domain d WHERE {visible}", None),
                ("SELECT count(*), d.status FROM domain d WHERE {visible} GROUP BY d.status", None),
                ("SELECT d.* FROM domain d WHERE {visible} ORDER BY d.created_at LIMIT 10", None),
                (
                    "SELECT d.* FROM domain d WHERE d.id = :id AND {visible}",
                    Some((":id", &id as &dyn ToValue)),
                ),
                ("SELECT d.* FROM domain d WHERE d.id IN (1, 2, 3) AND {visible}", None),
                ("SELECT d.* FROM domain d WHERE d.name = :name AND {visible}", Some((":name", &name))),
                (
                    "SELECT d.* FROM json_each(:names) n JOIN domain d ON d.name = n.value WHERE {visible}",
                    Some((":names", &names)),
                ),
                (
                    "SELECT d.* FROM domain d WHERE {visible} AND d.status = :status",
                    Some((":status", &status)),
                ),
                (
                    "SELECT count(*) FROM domain d WHERE d.authority_id = :id AND ({visible}) IS NOT TRUE",
                    Some((":id", &id)),
                ),
                ("SELECT k.id FROM domain d JOIN dkim_key k ON k.domain_id = d.id WHERE {visible}", None),
            ] {
                let sql = sql.replace("{visible}", visible);
                assert_scans_nothing(&postroom, who, &sql, &scope.with(more.as_slice()));
            }
            if let Some(visible) = visible_total(&caller) {
                let sql = format!("SELECT sum(t.domains) FROM domain_total t WHERE {visible}");
                assert_scans_nothing(&postroom, who, &sql, &scope.with(&[]));
            }
        }
    }
}
