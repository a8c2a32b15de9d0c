//! Makes a backup when the newest one is old enough, and deletes those that are too many.

use std::time::Duration;

use postroom::error::Error;
use tracing::{error, info, warn};

use super::{Duty, More, Tools, one};

pub(super) const DUTY: Duty =
    Duty { name: "backups", pause: Duration::from_mins(1), threads: one, at_end: false, work };

/// A backup that fails is tried again after the pause: nothing of the server depends on it but the operator's peace.
fn work(tools: &Tools) -> Result<More, Error> {
    let Some(plan) = &tools.backups else { return Ok(More::Later) };
    let now = tools.postroom.now();
    let since_1970 = Duration::from_millis(now.millis().unsigned_abs());
    match plan.backups.newest() {
        Ok(newest) => {
            if let Some(made) = newest {
                tools.metrics.note_backup(i64::try_from(made.as_secs()).unwrap_or_default());
            }
            if newest.is_some_and(|made| since_1970.saturating_sub(made) < plan.every) {
                return Ok(More::Later);
            }
        }
        Err(error) => {
            tools.metrics.count_backup_failure();
            error!(%error, "the folder of the backups cannot be read");
            return Ok(More::Later);
        }
    }
    match plan.backups.make(now) {
        Ok(file) => {
            tools.metrics.note_backup(now.millis() / 1000);
            info!(file = %file.display(), "a backup is made");
        }
        Err(error) => {
            tools.metrics.count_backup_failure();
            error!(%error, "no backup could be made");
            return Ok(More::Later);
        }
    }
    match plan.backups.delete_older(plan.keep) {
        Ok(deleted) => {
            deleted.iter().for_each(|file| info!(file = %file.display(), "an old backup is deleted"))
        }
        Err(error) => warn!(%error, "an old backup could not be deleted"),
    }
    Ok(More::Later)
}
