//! Makes a backup when the newest one is old enough, and deletes those that are too many.

use std::time::Duration;

use postroom::clock::Timestamp;
use tracing::{error, info, warn};

use super::{BackupPlan, Duty, More, one};
use crate::watch::Metrics;

pub(super) const DUTY: Duty = Duty {
    name: "backups",
    pause: Duration::from_mins(1),
    threads: one,
    at_end: false,
    // A backup that fails is tried again after the pause: nothing of the server depends on it but the operator's peace.
    work: |tools| {
        if let Some(plan) = &tools.backups {
            let is_right = tools.postroom.time_held_until().is_none();
            back_up_if_due(plan, &tools.metrics, tools.postroom.now(), is_right);
        }
        Ok(More::Later)
    },
};

/// Makes a backup if it is time, and deletes those that are too many if the clock `is_right`: their names are times.
fn back_up_if_due(plan: &BackupPlan, metrics: &Metrics, now: Timestamp, is_right: bool) {
    match plan.backups.newest(now) {
        Ok(newest) => {
            if let Some(made) = newest {
                metrics.note_backup(made.seconds());
            }
            if newest.is_some_and(|made| now.since(made) < plan.every) {
                return;
            }
        }
        Err(error) => {
            metrics.count_backup_failure();
            error!(%error, "the folder of the backups cannot be read");
            return;
        }
    }
    match plan.backups.make(now) {
        Ok(file) => {
            metrics.note_backup(now.seconds());
            info!(file = %file.display(), "a backup is made");
        }
        Err(error) => {
            metrics.count_backup_failure();
            error!(%error, "no backup could be made");
            return;
        }
    }
    if !is_right {
        return;
    }
    match plan.backups.delete_older(plan.keep, now) {
        Ok(deleted) => {
            for file in deleted {
                info!(file = %file.display(), "an old backup is deleted");
            }
        }
        Err(error) => warn!(%error, "an old backup could not be deleted"),
    }
}
