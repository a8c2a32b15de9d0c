//! The SQL of the audit log.

use super::{Actor, Change, Event, Recorded, Search, change};
use crate::clock::Timestamp;
use crate::db::{ReadTx, Row, ToValue, WriteTx, moment, named, parsed};
use crate::error::Error;
use crate::id::{AccountId, DomainId, EventId};

pub(super) fn insert(
    tx: &WriteTx<'_>,
    account: Option<AccountId>,
    actor: &Actor,
    change: &Change,
) -> Result<(), Error> {
    tx.put(
        // The row also has the sentence, for a version that does not know the change.
        "INSERT INTO event (at, account_id, actor, action, subject, detail, domain_id, data)
         VALUES (:at, :account, :actor, :action, :subject, :detail, :domain, :data)",
        named! {
            ":at": tx.now().millis(), ":account": account.map(AccountId::number), ":actor": actor.to_string(),
            ":action": change.action(), ":subject": change.subject(), ":detail": change.to_string(),
            ":domain": change.domain_id().map(DomainId::number), ":data": change.store(),
        },
    )?;
    Ok(())
}

pub(super) fn newest(tx: &ReadTx<'_>, search: &Search<'_>, limit: u32) -> Result<Vec<Event>, Error> {
    let (sql, params) = query(search, limit);
    tx.all(&sql, params, event)
}

pub(super) fn after(
    tx: &ReadTx<'_>,
    search: &Search<'_>,
    row: EventId,
    limit: u32,
) -> Result<Vec<Event>, Error> {
    let (mut conditions, mut params) = conditions(&Search { before: None, ..*search });
    conditions.push("id > ?");
    params.push(Box::new(row.number()));
    params.push(Box::new(limit));
    let sql = format!("SELECT * FROM event WHERE {} ORDER BY id LIMIT ?", conditions.join(" AND "));
    tx.all(&sql, params, event)
}

/// The newest rows of an account. It is a range of pairs, for else PostgreSQL may walk the rows of all accounts from the newest on, until it
/// has met enough of this one's; only one index has the pairs in order.
const NEWEST_OF_ACCOUNT: &str =
    "SELECT * FROM event WHERE (account_id, id) >= (?1, 0) AND (account_id, id) < (?1 + 1, 0)
                                 ORDER BY account_id DESC, id DESC LIMIT ?2";

/// The statement for the newest rows of a search.
fn query(search: &Search<'_>, limit: u32) -> (String, Vec<Box<dyn ToValue>>) {
    if let Search {
        account: Some(account),
        domain: None,
        action: None,
        since: None,
        until: None,
        before: None,
    } = *search
    {
        return (NEWEST_OF_ACCOUNT.to_owned(), vec![Box::new(account.number()), Box::new(limit)]);
    }
    let (conditions, mut params) = conditions(search);
    params.push(Box::new(limit));
    let conditions =
        if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) };
    (format!("SELECT * FROM event {conditions} ORDER BY id DESC LIMIT ?"), params)
}

/// The id of the first row of a time or later; past all of them if there is none.
macro_rules! first_since {
    () => {
        "coalesce((SELECT e.id FROM event e WHERE e.at >= ? ORDER BY e.at, e.id LIMIT 1), 9223372036854775807)"
    };
}

/// The conditions of a search that are set and no others, so that each can use its index.
fn conditions(search: &Search<'_>) -> (Vec<&'static str>, Vec<Box<dyn ToValue>>) {
    let mut conditions: Vec<&'static str> = Vec::new();
    let mut params: Vec<Box<dyn ToValue>> = Vec::new();
    if let Some(account) = search.account {
        // What stands of a domain is little beside what stands of an account, so that only the indexes of the domain are to be used: a sign
        // before a column, or nothing behind it, keeps SQLite from using another one.
        conditions.push(if search.domain.is_some() { "+account_id = ?" } else { "account_id = ?" });
        params.push(Box::new(account.number()));
    }
    if let Some(domain) = search.domain {
        conditions.push("(subject = ? OR domain_id = (SELECT domain.id FROM domain WHERE domain.name = ?))");
        params.push(Box::new(domain.to_string()));
        params.push(Box::new(domain.to_string()));
    }
    if let Some(action) = search.action {
        let family = Change::ALL.iter().find(|(name, family)| *name == action && name != family);
        conditions.push(if search.domain.is_some() { "action || '' = ?" } else { "action = ?" });
        params.push(Box::new(family.map_or(action, |(_, family)| family).to_owned()));
        if family.is_some() {
            conditions.push("substr(data, 1, length(?)) = ?");
            let prefix = change::prefix(action);
            params.push(Box::new(prefix.clone()));
            params.push(Box::new(prefix));
        }
    }
    // The index by time leads to the first row of then, and the ids go on from there.
    if let Some(since) = search.since {
        conditions.push(concat!("id >= ", first_since!()));
        params.push(Box::new(since.millis()));
    }
    if let Some(until) = search.until {
        conditions.push(concat!("id < ", first_since!()));
        params.push(Box::new(until.millis()));
    }
    if let Some(before) = search.before {
        conditions.push("id < ?");
        params.push(Box::new(before.number()));
    }
    (conditions, params)
}

const TIMELINE: &str = "SELECT * FROM event WHERE domain_id = ?1 AND account_id = ?2 AND id < ?3
                        ORDER BY id DESC LIMIT ?4";

pub(super) fn timeline(
    tx: &ReadTx<'_>,
    account: AccountId,
    domain: DomainId,
    before: Option<EventId>,
    limit: u32,
) -> Result<Vec<Event>, Error> {
    let before = before.map_or(i64::MAX, EventId::number);
    tx.all(TIMELINE, (domain.number(), account.number(), before, limit), event)
}

pub(super) fn delete_before(tx: &WriteTx<'_>, before: Timestamp, most: u32) -> Result<usize, Error> {
    tx.run(
        "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE at < ?1 ORDER BY at LIMIT ?2)",
        (before.millis(), most),
    )
}

/// The accounts that have more than `most` rows, and by how many.
pub(super) fn surplus(tx: &ReadTx<'_>, most: u32) -> Result<Vec<(AccountId, u32)>, Error> {
    tx.all(SURPLUS, [most], |row| {
        Ok((AccountId::new(row.get(0)?), u32::try_from(row.get::<_, i64>(1)?).unwrap_or(u32::MAX)))
    })
}

const SURPLUS: &str = "SELECT account_id, count(*) - ?1 FROM event WHERE account_id IS NOT NULL
                       GROUP BY account_id HAVING count(*) > ?1";

pub(super) fn delete_oldest(tx: &WriteTx<'_>, account: AccountId, most: u32) -> Result<usize, Error> {
    tx.run(
        "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE account_id = ?1 ORDER BY id LIMIT ?2)",
        (account.number(), most),
    )
}

pub(super) fn oldest(tx: &ReadTx<'_>, account: AccountId) -> Result<Option<Timestamp>, Error> {
    let sql = "SELECT at FROM event WHERE account_id = ?1 ORDER BY id LIMIT 1";
    tx.one(sql, [account.number()], |row| row.get(0).map(Timestamp::from_millis))
}

fn event(row: &Row<'_>) -> Result<Event, Error> {
    let data: Option<String> = row.get("data")?;
    let change = match data.as_deref().and_then(Change::parse) {
        Some(change) => Recorded::Change(Box::new(change)),
        None => Recorded::Text {
            action: row.get("action")?,
            subject: row.get("subject")?,
            detail: row.get("detail")?,
        },
    };
    Ok(Event {
        id: EventId::new(row.get("id")?),
        at: moment(row, "at")?,
        account: row.get::<_, Option<i64>>("account_id")?.map(AccountId::new),
        actor: parsed(row, "actor")?,
        change,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{Options, Postroom};
    use crate::settings::Settings;

    #[test]
    fn each_condition_uses_its_index_and_nothing_is_sorted_that_stands_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings::for_server(&"mail.example.net".parse().unwrap());
        let postroom = Postroom::open(dir.path().join("postroom.db"), Options::new(settings)).unwrap();
        let explain = |sql: &str, params: Vec<Box<dyn ToValue>>| {
            let sql = format!("EXPLAIN QUERY PLAN {sql}");
            let steps = postroom.read(|tx| tx.all(&sql, params, |row| row.get::<_, String>("detail")));
            steps.unwrap().join("; ")
        };
        let plan = |search: &Search<'_>| {
            let (sql, params) = query(search, 10);
            explain(&sql, params)
        };
        let domain = "example.com".parse().unwrap();
        let account = Some(AccountId::new(1));
        let newest = plan(&Search { account, ..Search::default() });
        assert!(
            newest.contains("SEARCH event USING INDEX event_by_account") && !newest.contains("TEMP"),
            "{newest}"
        );
        let now = Some(Timestamp::from_millis(1));
        let by_time = plan(&Search { account, since: now, until: now, ..Search::default() });
        assert!(by_time.contains("event_by_account (account_id=? AND id>? AND id<?)"), "{by_time}");
        assert!(by_time.contains("event_by_time") && !by_time.contains("TEMP"), "{by_time}");
        for action in ["domain.created", "domain.tied"] {
            let by_action = plan(&Search { account, action: Some(action), ..Search::default() });
            assert!(by_action.contains("event_by_action (account_id=? AND action=?)"), "{by_action}");
            assert!(!by_action.contains("TEMP"), "{by_action}");
        }
        for (account, action) in [(None, None), (account, None), (account, Some("domain.created"))] {
            let by_domain = plan(&Search { account, action, domain: Some(&domain), ..Search::default() });
            assert!(
                by_domain.contains("event_by_subject") && by_domain.contains("event_by_domain"),
                "{by_domain}"
            );
        }
        assert!(!plan(&Search::default()).contains("TEMP"));
        let timeline = explain(TIMELINE, vec![Box::new(1), Box::new(1), Box::new(9), Box::new(10)]);
        assert!(timeline.contains("event_by_domain") && !timeline.contains("TEMP"), "{timeline}");
        let surplus = explain(SURPLUS, vec![Box::new(1)]);
        assert!(
            surplus.contains("COVERING INDEX event_by_account") && !surplus.contains("TEMP"),
            "{surplus}"
        );
    }
}
