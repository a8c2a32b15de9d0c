//! What is looked at when somebody asks: the database, the disk, the log.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use postroom::census::{self, Census};
use postroom::db::Postroom;
use prometheus::{IntCounter, IntGauge, IntGaugeVec, Opts, Registry};

use super::DUTY_FAILURES;
use crate::listen::LanesView;
use crate::log::dropped_lines;

/// What is in the database and on its disk. If the database cannot be read, `postroom_up` is 0 and its numbers are missing.
pub(super) fn database(
    registry: &Registry,
    postroom: &Postroom,
    database: &Path,
) -> Result<(), prometheus::Error> {
    let census = postroom.read(census::take);
    gauge(registry, "postroom_up", "Whether the database can be read.", census.is_ok().into())?;
    if let Ok(census) = census {
        counted(registry, &census)?;
    }
    let wanted = postroom.settings().spare_keys.into();
    gauge(registry, "postroom_spare_keys_wanted", "Spare key pairs that a full pool holds.", wanted)?;
    if postroom.is_at_hand() { files(registry, database) } else { Ok(()) }
}

/// What the process itself knows.
pub(super) fn process(
    registry: &Registry,
    lanes: Option<&LanesView>,
    backup: i64,
) -> Result<(), prometheus::Error> {
    if let Some(lanes) = lanes {
        let waiting = vector(
            registry,
            "postroom_requests_waiting",
            "Requests that wait for their turn, by lane.",
            "lane",
        )?;
        for (lane, number) in lanes.waiting() {
            waiting.with_label_values(&[lane]).set(i64::try_from(number).unwrap_or(i64::MAX));
        }
    }
    gauge(
        registry,
        "postroom_last_backup_timestamp_seconds",
        "When the last scheduled backup was made, in seconds since 1970; 0 if there is none.",
        backup,
    )?;
    logged(registry)?;
    let failures = IntCounter::new(
        "postroom_duty_failures_total",
        "Pieces of background work that failed; the log says which.",
    )?;
    failures.inc_by(DUTY_FAILURES.load(Ordering::Relaxed));
    registry.register(Box::new(failures))
}

/// What every process of Postroom says of itself.
pub(super) fn logged(registry: &Registry) -> Result<(), prometheus::Error> {
    let dropped =
        IntCounter::new("postroom_log_lines_dropped_total", "Log lines that could not be written.")?;
    dropped.inc_by(dropped_lines());
    registry.register(Box::new(dropped))?;
    let build = vector(registry, "postroom_build_info", "The version of Postroom.", "version")?;
    build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    Ok(())
}

fn counted(registry: &Registry, census: &Census) -> Result<(), prometheus::Error> {
    let domains = vector(registry, "postroom_domains", "Domains, by their status.", "state")?;
    for (status, number) in &census.domains {
        domains.with_label_values(&[status.as_str()]).set(whole(*number));
    }
    let problems = vector(
        registry,
        "postroom_record_problems",
        "Records that were not right at their last check, by the code of the finding.",
        "code",
    )?;
    for (code, number) in &census.problems {
        problems.with_label_values(&[code]).set(whole(*number));
    }
    gauge(
        registry,
        "postroom_checks_overdue",
        "Domains whose check is overdue by more than five minutes.",
        whole(census.overdue),
    )?;
    for (thing, number) in &census.things {
        let name = format!("postroom_{}", thing.as_str());
        let help = format!("The number of {}.", thing.as_str().replace('_', " "));
        gauge(registry, &name, &help, whole(*number))?;
    }
    Ok(())
}

/// The sizes of the database's files, and the room that is left for them.
fn files(registry: &Registry, database: &Path) -> Result<(), prometheus::Error> {
    let size = |file: &Path| fs::metadata(file).map_or(0, |found| found.len());
    gauge(registry, "postroom_database_bytes", "The size of the database file.", whole(size(database)))?;
    let wal = PathBuf::from(format!("{}-wal", database.display()));
    gauge(registry, "postroom_wal_bytes", "The size of the write-ahead log.", whole(size(&wal)))?;
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(found) = rustix::fs::statvfs(folder.unwrap_or(Path::new("."))) {
        let free = found.f_bavail.saturating_mul(found.f_frsize);
        gauge(
            registry,
            "postroom_disk_free_bytes",
            "Free space in the folder of the database.",
            whole(free),
        )?;
    }
    Ok(())
}

pub(super) fn gauge(
    registry: &Registry,
    name: &str,
    help: &str,
    value: i64,
) -> Result<(), prometheus::Error> {
    let gauge = IntGauge::new(name, help)?;
    gauge.set(value);
    registry.register(Box::new(gauge))
}

fn vector(
    registry: &Registry,
    name: &str,
    help: &str,
    label: &str,
) -> Result<IntGaugeVec, prometheus::Error> {
    let vector = IntGaugeVec::new(Opts::new(name, help), &[label])?;
    registry.register(Box::new(vector.clone()))?;
    Ok(vector)
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
