//! Brings the statuses of domains to what follows from `ownership.require_proof`, after the operator has changed that.

use std::time::Duration;

use postroom::signing;

use super::{Duty, More, at_one_server, one};

/// How many domains are brought up to date in one transaction: others need not wait for long.
const AT_ONCE: u32 = 50;

pub(super) const DUTY: Duty = Duty {
    name: "proofs",
    pause: Duration::from_mins(1),
    threads: one,
    at_end: false,
    work: |tools| {
        at_one_server(tools, "proofs", || signing::follow_setting(&tools.postroom, AT_ONCE).map(More::if_any))
    },
};
