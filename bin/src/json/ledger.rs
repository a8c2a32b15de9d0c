//! What an account has piled up, in our own JSON.

use std::time::Duration;

use crate::wire::shape::{Shape, has};
use postroom::cap::Cap;
use postroom::clock::Timestamp;
use postroom::db::ReadTx;
use postroom::error::Error;
use postroom::id::AccountId;
use postroom::ledger::{self, Usage};
use postroom::{account, event, ownership};
use serde_json::{Map, Value, json};

/// What [`Ledger::json`] writes.
pub(crate) const LEDGER: Shape = Shape::Map(&Shape::object(
    "Usage",
    &[&[has("used", Shape::Maybe(&Shape::Number)), has("most", Shape::Number)]],
));

const MIB: u64 = 1024 * 1024;
const DAY: Duration = Duration::from_hours(24);
/// The setting that says how long the audit log is kept.
const KEEP_DAYS: &str = "audit.keep_days";

/// How much an account has of everything that has a cap, and how far back its audit log goes.
pub struct Ledger {
    usage: Vec<Usage>,
    oldest_event: Option<Timestamp>,
    keep_events_for: Duration,
    now: Timestamp,
}

impl Ledger {
    /// Reads it.
    pub fn of(tx: &ReadTx<'_>, account: AccountId) -> Result<Ledger, Error> {
        let mut usage = ledger::usage(tx, account)?;
        // A trusted account may have any number of them.
        if !account::is_trusted(tx, account)? {
            let cap = Cap::UnprovedClaims;
            let used = ownership::count_unproved(tx, account)?;
            usage.push(Usage { cap, used: Some(used), most: tx.settings().caps.most(cap) });
        }
        Ok(Ledger {
            usage,
            oldest_event: event::oldest(tx, account)?,
            keep_events_for: tx.settings().keep_events_for,
            now: tx.now(),
        })
    }

    /// `{"tokens":{"used":3,"most":10000}, …}`, each by the name of its setting without `limits.`, and in its unit.
    pub fn json(&self) -> Map<String, Value> {
        self.lines()
            .map(|(name, used, most)| (name.to_owned(), json!({ "used": used, "most": most })))
            .collect()
    }

    /// The name, how much is used (null where only a bridge knows), and how much there may be.
    pub fn lines(&self) -> impl Iterator<Item = (&'static str, Value, Value)> {
        let caps = self.usage.iter().map(|Usage { cap, used, most }| {
            (cap.name(), used.map_or(Value::Null, |used| amount(*cap, used)), amount(*cap, *most))
        });
        let age = self.oldest_event.map_or(Duration::ZERO, |oldest| self.now.since(oldest));
        let days = |span: Duration| Value::from(span.as_secs() / DAY.as_secs());
        caps.chain([(KEEP_DAYS, days(age), days(self.keep_events_for))])
    }
}

/// A number, or MiB to three decimals, rounded up so that something is never shown as nothing.
fn amount(cap: Cap, amount: u64) -> Value {
    if !cap.is_of_octets() {
        return amount.into();
    }
    if amount.is_multiple_of(MIB) {
        return (amount / MIB).into();
    }
    let thousandths = amount.saturating_mul(1000).div_ceil(MIB);
    format!("{}.{:03}", thousandths / 1000, thousandths % 1000).parse::<f64>().unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_shown_in_mib_and_never_as_nothing() {
        let shown = |octets| amount(Cap::Reports, octets).to_string();
        assert_eq!(
            [0, 1, MIB / 2, MIB, 64 * MIB, MIB + 1].map(shown),
            ["0", "0.001", "0.5", "1", "64", "1.001"]
        );
        assert_eq!(amount(Cap::Tokens, 7).to_string(), "7");
    }
}
