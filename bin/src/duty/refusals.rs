//! Writes to the audit log which API keys were refused for want of a scope, so that whoever is refused does not wait for the disk.

use std::time::Duration;

use super::{Duty, More, one};

pub(super) const DUTY: Duty = Duty {
    name: "refusals",
    pause: Duration::from_secs(1),
    threads: one,
    at_end: true,
    work: |tools| tools.app.note_refusals().map(|()| More::Later),
};
