//! What is counted about mail, and written to the audit log now and then: a row for each message would be too many.

use crate::db::WriteTx;
use crate::domain;
use crate::error::Error;
use crate::event::{Actor, Change};
use crate::id::DomainId;

/// What happened to the mail of one domain since it was last written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that were stored.
    pub stored: u64,
    /// Posts to its webhook that were not taken.
    pub posts_failed: u64,
    /// Logins that were refused.
    pub logins_refused: u64,
}

/// Writes these counts of the last `minutes` to the audit log. A domain that is gone is passed over.
pub fn record(tx: &WriteTx<'_>, counts: &[(DomainId, Counts)], minutes: u64) -> Result<(), Error> {
    for (id, counts) in counts {
        let Some(holder) = domain::holder::by_id(tx, *id)? else { continue };
        let domain = || (&holder).into();
        let changes = [
            (counts.stored, Change::MailStored { domain: domain(), messages: counts.stored, minutes }),
            (
                counts.posts_failed,
                Change::WebhookFailed { domain: domain(), posts: counts.posts_failed, minutes },
            ),
            (
                counts.logins_refused,
                Change::TokenRefused { domain: domain(), logins: counts.logins_refused, minutes },
            ),
        ];
        for (_, change) in changes.iter().filter(|(number, _)| *number > 0) {
            tx.tell(&Actor::Bridge, holder.account, change)?;
        }
    }
    Ok(())
}
