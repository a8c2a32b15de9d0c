//! When keys and sessions were last used: the App remembers it, and this duty writes it to the database, so that a request that only reads
//! costs no write.

use std::time::Duration;

use super::{Duty, More, one};

pub(super) const DUTY: Duty = Duty {
    name: "uses",
    pause: Duration::from_secs(30),
    threads: one,
    at_end: true,
    work: |tools| tools.app.note_uses().map(|()| More::Later),
};
