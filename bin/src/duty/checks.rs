//! The schedule of checks: each thread checks one domain at a time, the next one that is due. There are as many threads as
//! domains are being checked, and one more that looks for the next.
//!
//! If a stop leaves a check behind before it has written its outcome, the domain is due again when its lease ends.

use std::time::Duration;

use postroom::verify::schedule;

use super::{Duty, More, call_another};

pub(super) const DUTY: Duty = Duty {
    name: "checks",
    pause: Duration::from_secs(1),
    threads: |tools| tools.checks_at_once,
    at_end: false,
    work: |tools| {
        let checked =
            schedule::run_turn(&tools.postroom, &*tools.resolver, tools.checks_at_once, call_another);
        checked.map(More::if_any)
    },
};
