//! What the operator's monitoring reads: counters of requests, and gauges of what is in the database and on the disk, in
//! Prometheus' text format. They are served on a listen address of their own (`metrics.listen`), never beside the dialects.
//!
//! The labels are `surface`, `route`, `status`, `state` and `code`; none of them has a value that a client chooses. The bridge to the mail
//! server is a process of its own, with its own counters and address (`bridge.metrics`); its labels are `mode`, `outcome` and `tier`.

mod bridge;
mod gather;
mod page;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use postroom::db::Postroom;
use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry, TextEncoder};

pub use bridge::{BridgeMetrics, Login, Outcome};
pub use page::{MetricsPage, Watched};

use crate::listen::LanesView;

/// The bounds of the histogram of requests, in seconds: from a read in memory to a look at the DNS with its deadline.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 20.0];

/// Pieces of background work that failed in this process.
static DUTY_FAILURES: AtomicU64 = AtomicU64::new(0);

/// Counts a piece of background work that failed.
pub fn count_duty_failure() {
    DUTY_FAILURES.fetch_add(1, Ordering::Relaxed);
}

/// What is counted while the server runs.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    backup_failures: IntCounter,
    /// The seconds since 1970 of the last backup; 0 before the first.
    backup: AtomicI64,
}

impl Metrics {
    /// Counters that all stand at 0.
    ///
    /// An error says that two of them have the same name, which a test would see.
    pub fn new() -> Result<Metrics, prometheus::Error> {
        let labels = ["surface", "route", "status"];
        let requests = IntCounterVec::new(
            Opts::new(
                "postroom_requests_total",
                "Requests that were answered, by surface, route and status.",
            ),
            &labels,
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new(
                "postroom_request_duration_seconds",
                "Time from the head of a request to its answer, by surface and route.",
            )
            .buckets(SECONDS.to_vec()),
            &labels[..2],
        )?;
        let backup_failures =
            IntCounter::new("postroom_backup_failures_total", "Scheduled backups that failed.")?;
        let registry = Registry::new();
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(backup_failures.clone()))?;
        Ok(Metrics { registry, requests, seconds, backup_failures, backup: AtomicI64::new(0) })
    }

    /// Counts a request that was answered. `route` is the path of its route with its parameters' names; empty if there is
    /// none.
    pub fn count_request(&self, surface: &str, route: &str, status: u16, took: Duration) {
        let route = if route.is_empty() { "none" } else { route };
        self.requests.with_label_values(&[surface, route, &status.to_string()]).inc();
        self.seconds.with_label_values(&[surface, route]).observe(took.as_secs_f64());
    }

    /// Notes when the last backup was made, in seconds since 1970.
    pub fn note_backup(&self, at: i64) {
        self.backup.store(at, Ordering::Relaxed);
    }

    /// Counts a scheduled backup that failed.
    pub fn count_backup_failure(&self) {
        self.backup_failures.inc();
    }
}

/// Everything that is shown: the counters, and what is looked at when it is asked for.
pub struct Watch {
    metrics: Arc<Metrics>,
    postroom: Arc<Postroom>,
    database: PathBuf,
    lanes: Option<LanesView>,
}

impl Watch {
    /// The counters, the database to look at, and the lanes of the listener.
    pub fn new(metrics: Arc<Metrics>, postroom: Arc<Postroom>, lanes: Option<LanesView>) -> Watch {
        let database = postroom.file().to_owned();
        Watch { metrics, postroom, database, lanes }
    }

    /// All of it in Prometheus' text format.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let mut families = self.metrics.registry.gather();
        let now = Registry::new();
        gather::database(&now, &self.postroom, &self.database)?;
        gather::process(&now, self.lanes.as_ref(), self.metrics.backup.load(Ordering::Relaxed))?;
        families.extend(now.gather());
        TextEncoder::new().encode_to_string(&families)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_surface_route_and_status() {
        let metrics = Arc::new(Metrics::new().unwrap());
        metrics.count_request("native", "/postroom/v1/domains/{name}", 200, Duration::from_millis(3));
        metrics.count_request("native", "/postroom/v1/domains/{name}", 200, Duration::from_millis(3));
        metrics.count_request("native", "", 404, Duration::ZERO);
        let watch = Watch::new(metrics, Arc::new(Postroom::open_temporary().unwrap()), None);
        let text = watch.text().unwrap();
        for line in [
            "postroom_requests_total{route=\"/postroom/v1/domains/{name}\",status=\"200\",surface=\"native\"} 2",
            "postroom_requests_total{route=\"none\",status=\"404\",surface=\"native\"} 1",
            "postroom_domains{state=\"active\"} 0",
            "postroom_up 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in:\n{text}");
        }
    }
}
