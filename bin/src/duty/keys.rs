//! DKIM keys made ahead: the first key of each domain that waits for one, and the pool of spare pairs. Making a pair keeps a
//! processor busy, so there are as many threads as processors, but for one, which is left to the requests.

use std::num::NonZero;
use std::thread;
use std::time::Duration;

use postroom::dkim::pool;
use postroom::provision;

use super::{Duty, More, at_one_server, call_another};

/// How many domains get their first key in one transaction.
const EQUIP_AT_ONCE: u32 = 16;

pub(super) const DUTY: Duty = Duty {
    name: "keys",
    pause: Duration::from_millis(500),
    threads: |_| {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        u32::try_from(processors.saturating_sub(1)).unwrap_or(u32::MAX).max(1)
    },
    at_end: false,
    work: |tools| {
        at_one_server(tools, "keys", || {
            let waiting = provision::equip_some(&tools.postroom, EQUIP_AT_ONCE);
            if tools.postroom.read(pool::has_room)? {
                call_another();
            }
            // Whatever is wrong with a domain that waits, new ones find a spare pair.
            let was_room = pool::fill(&tools.postroom)?;
            Ok(More::if_any(waiting? || was_room))
        })
    },
};
