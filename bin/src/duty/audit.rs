//! Deletes the oldest rows of an account's audit log where it has too many, so that one account cannot fill the disk.

use std::time::Duration;

use postroom::event;

use super::{Duty, More, at_one_server, one};

pub(super) const DUTY: Duty = Duty {
    name: "audit",
    pause: Duration::from_hours(1),
    threads: one,
    at_end: false,
    work: |tools| {
        at_one_server(tools, "audit", || event::forget_surplus(&tools.postroom).map(|_| More::Later))
    },
};
