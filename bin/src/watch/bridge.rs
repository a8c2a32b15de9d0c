//! What is counted while the bridge to the mail server runs.

use std::sync::Arc;

use postroom::db::Postroom;
use postroom::list::Tier;
use postroom::mail;
use prometheus::{IntCounterVec, Opts, Registry, TextEncoder};

use super::gather;

/// The ways that mail goes: the routes of domains, what is kept apart, what comes back, and the recipients of whom nothing is known.
const MODES: [&str; 9] = [
    "store",
    "webhook",
    "webhook_then_store",
    "forward_email",
    "onward",
    "return",
    "blocked",
    "quarantine",
    "none",
];

/// A domain of nobody's, for whether it can be asked whose a domain is.
const STRANGER: &str = "postroom-metrics.example";

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Delivered,
    /// It is stored, and its webhook has not taken it.
    NotPosted,
    /// The mail server tries again.
    Deferred,
    /// The sender is told that it failed.
    Refused,
}

impl Outcome {
    const ALL: [Outcome; 4] = [Outcome::Delivered, Outcome::NotPosted, Outcome::Deferred, Outcome::Refused];

    /// The outcome that a reply to the mail server tells of.
    pub fn of_reply(reply: &str) -> Outcome {
        match reply.as_bytes().first() {
            Some(b'2') => Outcome::Delivered,
            Some(b'5') => Outcome::Refused,
            _ => Outcome::Deferred,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Outcome::Delivered => "delivered",
            Outcome::NotPosted => "not_posted",
            Outcome::Deferred => "deferred",
            Outcome::Refused => "refused",
        }
    }
}

/// How an authentication ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// The token is the domain's.
    Accepted,
    /// It is not, or is revoked.
    Refused,
    /// The database could not be asked.
    Deferred,
}

impl Login {
    const ALL: [Login; 3] = [Login::Accepted, Login::Refused, Login::Deferred];

    fn as_str(self) -> &'static str {
        match self {
            Login::Accepted => "accepted",
            Login::Refused => "refused",
            Login::Deferred => "deferred",
        }
    }
}

/// The counters of a bridge, and its database to look at.
pub struct BridgeMetrics {
    postroom: Arc<Postroom>,
    registry: Registry,
    deliveries: IntCounterVec,
    refusals: IntCounterVec,
    logins: IntCounterVec,
}

impl BridgeMetrics {
    /// Counters that all stand at 0.
    ///
    /// An error says that two of them have the same name, which a test would see.
    pub fn new(postroom: Arc<Postroom>) -> Result<BridgeMetrics, prometheus::Error> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let deliveries = counter(
            "postroom_bridge_deliveries_total",
            "Deliveries that were tried, one for each recipient, by mode and outcome.",
            &["mode", "outcome"],
        )?;
        let refusals = counter(
            "postroom_bridge_list_refusals_total",
            "Recipients and messages that were refused because a list blocks the sender, by whose list it is.",
            &["tier"],
        )?;
        let logins =
            counter("postroom_bridge_logins_total", "Logins of senders, by their outcome.", &["outcome"])?;
        // All series are there from the start, so that the first of each is seen to be counted.
        for mode in MODES {
            for outcome in Outcome::ALL {
                deliveries.with_label_values(&[mode, outcome.as_str()]);
            }
        }
        for tier in [Tier::Account, Tier::Domain, Tier::Recipient] {
            refusals.with_label_values(&[tier.as_str()]);
        }
        for login in Login::ALL {
            logins.with_label_values(&[login.as_str()]);
        }
        Ok(BridgeMetrics { postroom, registry, deliveries, refusals, logins })
    }

    /// Counts a delivery that was tried.
    pub fn count_delivery(&self, mode: &str, outcome: Outcome) {
        self.deliveries.with_label_values(&[mode, outcome.as_str()]).inc();
    }

    /// Counts a refusal because of a list.
    pub fn count_refusal(&self, tier: Tier) {
        self.refusals.with_label_values(&[tier.as_str()]).inc();
    }

    /// Counts a login.
    pub fn count_login(&self, login: Login) {
        self.logins.with_label_values(&[login.as_str()]).inc();
    }

    /// All of it in Prometheus' text format.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let mut families = self.registry.gather();
        let now = Registry::new();
        // What every recipient is asked for, of a name that will do.
        let is_up =
            STRANGER.parse().is_ok_and(|name| self.postroom.read(|tx| mail::is_ours(tx, &name)).is_ok());
        gather::gauge(&now, "postroom_bridge_up", "Whether the bridge can read the database.", is_up.into())?;
        gather::logged(&now)?;
        families.extend(now.gather());
        TextEncoder::new().encode_to_string(&families)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_bridge_does_is_counted_from_zero_on() {
        let metrics = BridgeMetrics::new(Arc::new(Postroom::open_temporary().unwrap())).unwrap();
        for reply in ["250 2.0.0 it is stored", "451 4.3.0 later", "451 4.4.1 later", "550 5.7.1 no"] {
            metrics.count_delivery("webhook", Outcome::of_reply(reply));
        }
        metrics.count_refusal(Tier::Domain);
        metrics.count_login(Login::Refused);
        let text = metrics.text().unwrap();
        for line in [
            "postroom_bridge_deliveries_total{mode=\"webhook\",outcome=\"delivered\"} 1",
            "postroom_bridge_deliveries_total{mode=\"webhook\",outcome=\"deferred\"} 2",
            "postroom_bridge_deliveries_total{mode=\"webhook\",outcome=\"refused\"} 1",
            "postroom_bridge_deliveries_total{mode=\"store\",outcome=\"delivered\"} 0",
            "postroom_bridge_list_refusals_total{tier=\"domain\"} 1",
            "postroom_bridge_list_refusals_total{tier=\"account\"} 0",
            "postroom_bridge_logins_total{outcome=\"refused\"} 1",
            "postroom_bridge_up 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in:\n{text}");
        }
    }
}
