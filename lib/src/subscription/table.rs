//! The SQL of subscriptions.

use super::{Limits, Subscription};
use crate::db::{ReadTx, Row, WriteTx, moment, named};
use crate::error::Error;
use crate::id::{AccountId, SubscriptionId};

pub(super) fn insert(
    tx: &WriteTx<'_>,
    account: AccountId,
    handle: &str,
    limits: Limits,
) -> Result<Subscription, Error> {
    let created_at = tx.now();
    let id = tx.insert(
        "INSERT INTO subscription (account_id, handle, max_domains, max_recipients, created_at)
         VALUES (:account, :handle, :max_domains, :max_recipients, :now)",
        named! {
            ":account": account.number(), ":handle": handle, ":max_domains": limits.max_domains,
            ":max_recipients": limits.max_recipients, ":now": created_at.millis(),
        },
    )?;
    Ok(Subscription { id: SubscriptionId::new(id), account, handle: handle.to_owned(), limits, created_at })
}

pub(super) fn by_handle(
    tx: &ReadTx<'_>,
    account: AccountId,
    handle: &str,
) -> Result<Option<Subscription>, Error> {
    tx.one(
        "SELECT * FROM subscription WHERE account_id = ?1 AND handle = ?2",
        (account.number(), handle),
        subscription,
    )
}

pub(super) fn is_account(tx: &ReadTx<'_>, id: AccountId) -> Result<bool, Error> {
    Ok(tx.one("SELECT 1 FROM account WHERE id = ?1", [id.number()], |_| Ok(()))?.is_some())
}

pub(super) fn by_id(tx: &ReadTx<'_>, id: SubscriptionId) -> Result<Option<Subscription>, Error> {
    tx.one("SELECT * FROM subscription WHERE id = ?1", [id.number()], subscription)
}

pub(super) fn all(tx: &ReadTx<'_>, account: Option<AccountId>) -> Result<Vec<Subscription>, Error> {
    match account {
        Some(account) => tx.all(
            "SELECT * FROM subscription WHERE account_id = ?1 ORDER BY id",
            [account.number()],
            subscription,
        ),
        None => tx.all("SELECT * FROM subscription ORDER BY id", [], subscription),
    }
}

/// By the total that is kept.
pub(super) fn has_fewer_domains(tx: &ReadTx<'_>, id: SubscriptionId, most: u32) -> Result<bool, Error> {
    let count = tx.one(
        "SELECT coalesce(sum(t.domains), 0) FROM domain_total t JOIN subscription s ON s.account_id = t.account_id
         WHERE s.id = ?1 AND t.subscription_id = s.id",
        [id.number()],
        |row| row.get::<_, i64>(0),
    )?;
    Ok(count.is_some_and(|count| count < i64::from(most)))
}

/// Counts no further than the limit, over the recipients that are protected; and nothing, where the whole account has fewer recipients.
pub(super) fn has_fewer_recipients(tx: &ReadTx<'_>, id: SubscriptionId, most: u32) -> Result<bool, Error> {
    let of_account = "SELECT l.recipients FROM subscription s JOIN ledger l ON l.account_id = s.account_id WHERE s.id = ?1";
    let of_account = tx.one(of_account, [id.number()], |row| row.get::<_, i64>(0))?;
    if of_account.is_some_and(|recipients| recipients < i64::from(most)) {
        return Ok(true);
    }
    let count = tx.one(
        "SELECT count(*) FROM (SELECT 1 FROM domain d JOIN recipient r ON r.domain_id = d.id AND r.is_filtered = 1
                               WHERE d.subscription_id = ?1 LIMIT ?2) counted",
        (id.number(), most),
        |row| row.get::<_, u32>(0),
    )?;
    Ok(count.is_some_and(|count| count < most))
}

fn subscription(row: &Row<'_>) -> Result<Subscription, Error> {
    Ok(Subscription {
        id: SubscriptionId::new(row.get("id")?),
        account: AccountId::new(row.get("account_id")?),
        handle: row.get("handle")?,
        limits: Limits { max_domains: row.get("max_domains")?, max_recipients: row.get("max_recipients")? },
        created_at: moment(row, "created_at")?,
    })
}
