//! The SQL of the totals.

use crate::db::WriteTx;
use crate::domain::DomainStatus;
use crate::error::Error;
use crate::id::{AccountId, SubscriptionId};

pub(super) fn add_new(
    tx: &WriteTx<'_>,
    account: AccountId,
    subscription: SubscriptionId,
    number: u32,
) -> Result<(), Error> {
    tx.put(
        "INSERT INTO domain_total AS t (account_id, subscription_id, api_key_id, domains) VALUES (?1, ?2, 0, ?3)
         ON CONFLICT (account_id, subscription_id, api_key_id) DO UPDATE SET domains = t.domains + excluded.domains",
        (account.number(), subscription.number(), number),
    )?;
    tx.put(
        "INSERT INTO status_total AS t (account_id, api_key_id, status, domains) VALUES (?1, 0, ?2, ?3)
         ON CONFLICT (account_id, api_key_id, status) DO UPDATE SET domains = t.domains + excluded.domains",
        (account.number(), DomainStatus::Pending.as_str(), number),
    )
}

pub(super) fn add_all(tx: &WriteTx<'_>) -> Result<(), Error> {
    tx.put(
        "INSERT INTO domain_total (account_id, subscription_id, api_key_id, domains)
         SELECT account_id, subscription_id, coalesce(api_key_id, 0), count(*) FROM domain GROUP BY 1, 2, 3",
        [],
    )?;
    tx.put(
        "INSERT INTO status_total (account_id, api_key_id, status, domains)
         SELECT account_id, coalesce(api_key_id, 0), status, count(*) FROM domain GROUP BY 1, 2, 3",
        [],
    )
}
