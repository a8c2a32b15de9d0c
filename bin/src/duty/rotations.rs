//! The steps of rotations, as they come due. A step waits for what the checks see, which are minutes or hours apart.

use std::time::Duration;

use postroom::rotation;

use super::{Duty, More, at_one_server, one};

pub(super) const DUTY: Duty = Duty {
    name: "rotations",
    pause: Duration::from_secs(5),
    threads: one,
    at_end: false,
    work: |tools| at_one_server(tools, "rotations", || rotation::keep(&tools.postroom).map(|_| More::Later)),
};
