//! How rates are measured and kept: by which clock, and for whom.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use governor::RateLimiter;
use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use postroom::clock::Clock;

use super::Fault;

/// The most addresses whose failures are counted at a time, so that many addresses cannot fill the memory.
pub(super) const MOST_ADDRESSES: usize = 65_536;

/// Counts for each key, and refuses what comes too early.
pub(super) type Limiter<K> = RateLimiter<K, HashMapStateStore<K>, Ticks, NoOpMiddleware<Duration>>;

/// Counts one request or failure of `key`, or returns the fault with the number of whole seconds to wait.
pub(super) fn check<K: Clone + Eq + std::hash::Hash>(limiter: &Limiter<K>, key: &K) -> Result<(), Fault> {
    limiter.check_key(key).map_err(|early| {
        let wait = early.wait_time_from(limiter.clock().now());
        let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Fault::RateLimited(u32::try_from(whole.max(1)).unwrap_or(u32::MAX))
    })
}

/// The clock that rates are measured by. It never goes back, even when the machine's time of day does.
#[derive(Clone)]
pub struct Ticks(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Ticks {
    /// Measures by this clock, for tests that move it themselves.
    pub fn of(clock: Arc<dyn Clock>) -> Ticks {
        let start = clock.now();
        Ticks(Arc::new(move || clock.now().since(start)))
    }
}

impl Default for Ticks {
    /// Measures by the machine's monotonic clock.
    fn default() -> Ticks {
        let start = Instant::now();
        Ticks(Arc::new(move || start.elapsed()))
    }
}

impl governor::clock::Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        (self.0)()
    }
}

/// The network that counts as one client: the address itself in IPv4, its /64 in IPv6, because one host usually has a whole /64.
pub(crate) fn share_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// The network whose failures are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Site(IpAddr);

impl Site {
    pub(super) fn of(peer: IpAddr) -> Site {
        Site(share_of(peer))
    }
}
