//! Taking connections: the loop that must not end, and the way from a socket to its first request.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, warn};

use super::capacity::{Place, Places};
use super::connection::{self, Desk};
use super::patience::Patience;
use super::proxy::TrustedProxies;
use super::tls::Tls;
use super::{Settings, stopped};

/// The pause after a failed accept; it doubles while they go on failing.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often a log line about that is worth writing.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(10);

/// The socket that listens, and the places for who comes.
pub(super) struct Acceptor {
    socket: TcpListener,
    places: Arc<Places>,
    /// They have as many places as there are.
    proxies: TrustedProxies,
    /// Accepted, and waiting for a place.
    waiting: Option<(TcpStream, IpAddr)>,
    pause: Duration,
    warned: Option<Instant>,
}

impl Acceptor {
    pub(super) fn new(socket: std::net::TcpListener, settings: &Settings) -> io::Result<Acceptor> {
        Ok(Acceptor {
            socket: TcpListener::from_std(socket)?,
            places: Arc::new(Places::new(settings.connections, settings.per_address)),
            proxies: settings.trusted_proxies.clone(),
            waiting: None,
            pause: FIRST_PAUSE,
            warned: None,
        })
    }

    /// The next connection, with its peer and its place. It never gives up, and nothing is lost if it is
    /// dropped while it waits.
    pub(super) async fn next(&mut self) -> (TcpStream, IpAddr, Place) {
        loop {
            if self.waiting.is_some() {
                let Some(permit) = self.places.free().await else {
                    return std::future::pending().await;
                };
                if let Some((stream, peer)) = self.waiting.take() {
                    return (stream, peer, Arc::clone(&self.places).give(permit, peer));
                }
            }
            match self.socket.accept().await {
                Ok((stream, peer)) => {
                    self.pause = FIRST_PAUSE;
                    let peer = peer.ip().to_canonical();
                    if self.proxies.trust(peer) || self.places.has_room_for(peer) {
                        self.waiting = Some((stream, peer));
                    } else {
                        debug!(%peer, "closed a connection: its address has its share");
                    }
                }
                // The client is gone already: accept(2) tells of it, and the next may be well.
                Err(error) if is_of_one_connection(&error) => {
                    debug!(%error, "a connection ended in the queue");
                }
                Err(error) => self.pause_for(&error).await,
            }
        }
    }

    /// Out of file descriptors or memory, as a rule. Those come back when connections end, and until then
    /// accept(2) fails at once each time: without a pause this would be a loop at full speed.
    async fn pause_for(&mut self, error: &io::Error) {
        if self.warned.is_none_or(|warned| warned.elapsed() > BETWEEN_WARNINGS) {
            self.warned = Some(Instant::now());
            warn!(%error, "cannot take connections; trying again until it works");
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

/// Serves one connection to its end, after its TLS handshake if there is TLS.
pub(super) async fn connect(stream: TcpStream, tls: Option<Arc<Tls>>, desk: Desk) {
    // Nagle's algorithm holds back the end of a response until the peer, which delays its ACKs, has
    // acknowledged the beginning: 40 ms for nothing.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(peer = %desk.peer, %error, "no TCP_NODELAY");
    }
    let stream = Patience::new(stream, desk.deadlines.write);
    let Some(tls) = tls else {
        return connection::serve(stream, desk).await;
    };
    let mut stop = desk.stop.clone();
    let handshake = timeout(desk.deadlines.handshake, tls.acceptor().accept(stream));
    let shaken = tokio::select! {
        shaken = handshake => shaken,
        () = desk.seat.is_needed() => return,
        () = stopped(&mut stop) => return,
    };
    match shaken {
        Ok(Ok(stream)) => connection::serve(stream, desk).await,
        Ok(Err(error)) => debug!(peer = %desk.peer, %error, "no TLS handshake"),
        Err(_) => debug!(peer = %desk.peer, "the TLS handshake took too long"),
    }
}
