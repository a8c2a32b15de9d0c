//! DKIM keys made ahead: the first key of each domain that waits for one, and the pool of spare pairs.

use std::time::Duration;

use postroom::dkim::pool;
use postroom::provision;

use super::{Duty, More, at_one_server, one};

/// How many domains get their first key in one transaction.
const EQUIP_AT_ONCE: u32 = 16;

pub(super) const DUTY: Duty = Duty {
    name: "keys",
    pause: Duration::from_millis(500),
    threads: one,
    at_end: false,
    work: |tools| {
        at_one_server(tools, "keys", || {
            let waiting = provision::equip_some(&tools.postroom, EQUIP_AT_ONCE)?;
            Ok(More::if_any(pool::fill(&tools.postroom)? || waiting))
        })
    },
};
