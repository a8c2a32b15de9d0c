//! The SQL of calls of webhooks.

use std::time::Duration;

use super::{CallCursor, CallOutcome, MOST_CHARS, Posted, WebhookCall, Which};
use crate::clock::Timestamp;
use crate::db::{ReadTx, Row, WriteTx, moment, named, parsed};
use crate::error::Error;
use crate::id::{AccountId, DomainId};

const COLUMNS: &str =
    "id, delivery, recipient, mailbox, is_kept, status, reason, millis, attempts, first_at, last_at";

fn posted(row: &Row<'_>) -> Result<Posted, Error> {
    let status = row.get::<_, Option<i64>>("status")?.and_then(|status| u16::try_from(status).ok());
    let reason: Option<String> = row.get("reason")?;
    let last_at = moment(row, "last_at")?;
    Ok(Posted {
        cursor: CallCursor { at: last_at, id: row.get("id")? },
        delivery: row.get("delivery")?,
        recipient: row.get("recipient")?,
        mailbox: parsed(row, "mailbox")?,
        is_kept: row.get::<_, i64>("is_kept")? == 1,
        outcome: status
            .map_or_else(|| CallOutcome::Unanswered(reason.unwrap_or_default()), CallOutcome::Answered),
        took: Duration::from_millis(u64::try_from(row.get::<_, i64>("millis")?).unwrap_or(0)),
        attempts: u32::try_from(row.get::<_, i64>("attempts")?).unwrap_or(u32::MAX),
        first_at: moment(row, "first_at")?,
        last_at,
    })
}

const BEYOND_THE_NEWEST: &str = "DELETE FROM webhook_call WHERE id IN
    (SELECT id FROM webhook_call WHERE account_id = :account ORDER BY last_at DESC, id DESC
     LIMIT :at_once OFFSET :most)";

fn short(text: &str) -> String {
    text.chars().take(MOST_CHARS).collect()
}

/// Writes a call down; one more of a delivery that has a row is counted there.
pub(super) fn save(tx: &WriteTx<'_>, account: AccountId, call: &WebhookCall) -> Result<(), Error> {
    let (status, reason) = match &call.outcome {
        CallOutcome::Answered(status) => (Some(i64::from(*status)), None),
        CallOutcome::Unanswered(reason) => (None, Some(short(reason))),
    };
    tx.run(
        "INSERT INTO webhook_call (domain_id, account_id, delivery, recipient, mailbox, is_kept, is_taken, status, reason,
                                   millis, attempts, first_at, last_at)
         VALUES (:domain, :account, :delivery, :recipient, :mailbox, :is_kept, :is_taken, :status, :reason, :millis, 1, :at, :at)
         ON CONFLICT (domain_id, delivery) DO UPDATE SET attempts = webhook_call.attempts + 1, is_kept = excluded.is_kept,
             is_taken = excluded.is_taken, status = excluded.status, reason = excluded.reason, millis = excluded.millis,
             last_at = excluded.last_at",
        named! {
            ":domain": call.domain.number(), ":account": account.number(), ":delivery": call.delivery,
            ":recipient": short(&call.recipient), ":mailbox": call.mailbox.to_string(), ":is_kept": call.is_kept,
            ":is_taken": call.outcome.is_taken(), ":status": status, ":reason": reason,
            ":millis": i64::try_from(call.took.as_millis()).unwrap_or(i64::MAX), ":at": call.at.millis(),
        },
    )?;
    Ok(())
}

/// Deletes what the account has beyond its newest `most`.
pub(super) fn keep_newest(
    tx: &WriteTx<'_>,
    account: AccountId,
    most: u32,
    at_once: u32,
) -> Result<(), Error> {
    tx.run(BEYOND_THE_NEWEST, named! { ":account": account.number(), ":most": most, ":at_once": at_once })?;
    Ok(())
}

pub(super) fn of_domain(
    tx: &ReadTx<'_>,
    domain: DomainId,
    which: Which,
    after: Option<CallCursor>,
    limit: u32,
) -> Result<Vec<Posted>, Error> {
    // Later than every row.
    let CallCursor { at, id } =
        after.unwrap_or(CallCursor { at: Timestamp::from_millis(i64::MAX), id: i64::MAX });
    tx.all(
        &list(which),
        named! { ":domain": domain.number(), ":at": at.millis(), ":id": id, ":limit": limit },
        posted,
    )
}

fn list(which: Which) -> String {
    let of = match which {
        Which::All => "",
        Which::Failed => "AND is_taken = 0",
    };
    format!(
        "SELECT {COLUMNS} FROM webhook_call
         WHERE domain_id = :domain {of} AND last_at <= :at AND (last_at < :at OR id < :id)
         ORDER BY last_at DESC, id DESC LIMIT :limit"
    )
}

pub(super) fn by_delivery(
    tx: &ReadTx<'_>,
    domain: DomainId,
    delivery: &str,
) -> Result<Option<Posted>, Error> {
    tx.one(
        &format!("SELECT {COLUMNS} FROM webhook_call WHERE domain_id = :domain AND delivery = :delivery"),
        named! { ":domain": domain.number(), ":delivery": delivery },
        posted,
    )
}

pub(super) fn delete_before(tx: &WriteTx<'_>, before: Timestamp, most: u32) -> Result<usize, Error> {
    tx.run(
        "DELETE FROM webhook_call WHERE id IN
             (SELECT id FROM webhook_call WHERE last_at < :before ORDER BY last_at LIMIT :most)",
        named! { ":before": before.millis(), ":most": most },
    )
}

pub(super) fn clear(tx: &WriteTx<'_>, domain: DomainId) -> Result<(), Error> {
    tx.run("DELETE FROM webhook_call WHERE domain_id = :domain", named! { ":domain": domain.number() })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Postroom;

    #[test]
    fn each_list_is_a_walk_along_an_index() {
        let postroom = Postroom::open_temporary().unwrap();
        let plan = |sql: &str| {
            let sql = [":domain", ":account", ":at_once", ":at", ":id", ":limit", ":most"]
                .iter()
                .fold(sql.to_owned(), |sql, name| sql.replace(name, "1"));
            let plan: Vec<String> = postroom
                .read(|tx| tx.all(&format!("EXPLAIN QUERY PLAN {sql}"), [], |row| row.get("detail")))
                .unwrap();
            let plan = plan.join("; ");
            assert!(!plan.contains("SCAN") && !plan.contains("TEMP"), "{plan}");
            plan
        };
        assert!(plan(&list(Which::All)).contains("webhook_call_by_domain (domain_id=? AND last_at<?)"));
        assert!(plan(&list(Which::Failed)).contains("webhook_call_failed (domain_id=? AND last_at<?)"));
        assert!(plan(BEYOND_THE_NEWEST).contains("webhook_call_by_account (account_id=?)"));
    }
}
