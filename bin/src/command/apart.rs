//! What is served beside the rest, on an address of its own and in threads of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tracing::{info, warn};

use super::Failure;
use crate::listen::{Answer, Listener, Settings, StopHandle};
use crate::watch::{MetricsPage, Watched};

/// A listener in a thread of its own. It ends at a signal, as the process does, or when it is told to.
pub(super) struct Apart {
    pub(super) address: SocketAddr,
    stop: StopHandle,
    thread: JoinHandle<()>,
}

impl Apart {
    /// Serves `page`; `what` is for the log.
    pub(super) fn serve(
        settings: Settings,
        page: Arc<dyn Answer>,
        what: &'static str,
    ) -> Result<Apart, Failure> {
        let listener = Listener::bind(settings)?;
        let (address, stop) = (listener.local_addr(), listener.stop_handle());
        let run = move || {
            if let Err(error) = listener.run(page) {
                warn!(%error, "{what} are not served any more");
            }
        };
        let started = thread::Builder::new().name(format!("postroom-{what}")).spawn(run);
        let thread = started.map_err(|error| Failure::wrong(format!("no thread for the {what}: {error}")))?;
        Ok(Apart { address, stop, thread })
    }

    /// Waits until the requests in hand are answered, and takes no more.
    pub(super) fn end(self) {
        self.stop.stop();
        // A panic there is logged where it happens.
        let _ = self.thread.join();
    }
}

/// Serves metrics at an address.
pub(super) fn serve_metrics(address: SocketAddr, watched: Arc<dyn Watched>) -> Result<Apart, Failure> {
    let served = Apart::serve(Settings::at(address), Arc::new(MetricsPage(watched)), "metrics")?;
    info!(address = %served.address, "the metrics are at /metrics");
    Ok(served)
}
