//! A change of the master key that was begun goes on here: a few values are sealed anew in each transaction.

use std::time::Duration;

use postroom::reseal::{self, Progress};

use super::{Duty, More, one};

/// How many values are sealed anew in one transaction: others need not wait for long.
const AT_ONCE: u32 = 100;

pub(super) const DUTY: Duty = Duty {
    name: "seals",
    pause: Duration::from_secs(30),
    threads: one,
    at_end: false,
    work: |tools| {
        let Some(_on_duty) = tools.postroom.take_duty("seals")? else { return Ok(More::Later) };
        let progress = reseal::step(&tools.postroom, AT_ONCE)?;
        match &progress {
            Progress::Finished => {
                tracing::info!("everything is sealed with the new master key; the old one is removed");
            }
            Progress::Damaged(rows) => {
                tracing::warn!(
                    rows = rows.len(),
                    "some sealed values do not open; run postroom rotate-master-key"
                );
            }
            Progress::Idle | Progress::Sealed(_) => {}
        }
        Ok(More::if_any(matches!(progress, Progress::Sealed(_))))
    },
};
