//! The SQL of the audit log.

use rusqlite::{Row, named_params};

use super::Event;
use crate::db::{ReadTx, WriteTx, moment};
use crate::error::Error;
use crate::id::{AccountId, EventId};

pub(super) fn insert(
    tx: &WriteTx<'_>,
    account: AccountId,
    actor: &str,
    action: &str,
    subject: &str,
    detail: Option<&str>,
) -> Result<(), Error> {
    tx.run(
        "INSERT INTO event (at, account_id, actor, action, subject, detail)
         VALUES (:at, :account, :actor, :action, :subject, :detail)",
        named_params! {
            ":at": tx.now().millis(), ":account": account.number(), ":actor": actor,
            ":action": action, ":subject": subject, ":detail": detail,
        },
    )?;
    Ok(())
}

pub(super) fn newest(tx: &ReadTx<'_>, account: Option<AccountId>, limit: u32) -> Result<Vec<Event>, Error> {
    match account {
        Some(account) => tx.all(
            "SELECT * FROM event WHERE account_id = ?1 ORDER BY id DESC LIMIT ?2",
            (account.number(), limit),
            event,
        ),
        None => tx.all("SELECT * FROM event ORDER BY id DESC LIMIT ?1", [limit], event),
    }
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        id: EventId::new(row.get("id")?),
        at: moment(row, "at")?,
        account: row.get::<_, Option<i64>>("account_id")?.map(AccountId::new),
        actor: row.get("actor")?,
        action: row.get("action")?,
        subject: row.get("subject")?,
        detail: row.get("detail")?,
    })
}
