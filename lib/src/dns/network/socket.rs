//! Sockets for hickory that are connected to the one server they ask.
//!
//! hickory's own UDP socket is not connected, so a port where nobody listens looks like silence. The kernel reports the
//! closed port (ICMP) to a connected socket, which also receives no datagrams from anyone else (RFC 5452 section 9.1). The
//! random source port is hickory's. TCP, timers and tasks are hickory's as they are.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hickory_resolver::net::runtime::{
    DnsUdpSocket, RuntimeProvider, TokioHandle, TokioRuntimeProvider, TokioTime,
};
use tokio::io::{Interest, ReadBuf};
use tokio::net::UdpSocket;

use crate::dns::SendingBudget;

/// Where hickory gets its sockets. What runs on one for a TCP connection ends when the last clone is dropped.
#[derive(Clone, Default)]
pub(super) struct Sockets {
    runtime: TokioRuntimeProvider,
    /// What may still be sent, if that is limited. Each datagram is counted here, so that nothing that hickory repeats by
    /// itself is left out.
    budget: Option<SendingBudget>,
}

impl Sockets {
    /// Sockets that send no more than `budget`, and fail with [`io::ErrorKind::QuotaExceeded`] then.
    pub(super) fn within(budget: SendingBudget) -> Sockets {
        Sockets { budget: Some(budget), ..Sockets::default() }
    }
}

type Receiving<'f> = Pin<Box<dyn Send + Future<Output = io::Result<(usize, SocketAddr)>> + 'f>>;
type Opening<S> = Pin<Box<dyn Send + Future<Output = io::Result<S>>>>;

impl RuntimeProvider for Sockets {
    type Handle = TokioHandle;
    type Timer = TokioTime;
    type Udp = Connected;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> TokioHandle {
        self.runtime.create_handle()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        local: Option<SocketAddr>,
        limit: Option<Duration>,
    ) -> Opening<Self::Tcp> {
        if self.budget.as_ref().is_some_and(|budget| !budget.take_connection(server.ip())) {
            return Box::pin(async { Err(io::ErrorKind::QuotaExceeded.into()) });
        }
        self.runtime.connect_tcp(server, local, limit)
    }

    fn bind_udp(&self, local: SocketAddr, server: SocketAddr) -> Opening<Connected> {
        let budget = self.budget.clone();
        Box::pin(async move {
            let socket = UdpSocket::bind(local).await?;
            socket.connect(server).await?;
            Ok(Connected { socket, server, budget })
        })
    }
}

/// A UDP socket that talks with `server` alone.
pub(super) struct Connected {
    socket: UdpSocket,
    server: SocketAddr,
    budget: Option<SendingBudget>,
}

impl DnsUdpSocket for Connected {
    type Time = TokioTime;

    fn poll_recv_from(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        let mut buffer = ReadBuf::new(buffer);
        self.socket.poll_recv(context, &mut buffer).map_ok(|()| (buffer.filled().len(), self.server))
    }

    fn recv_from<'s, 'b, 'f>(&'s self, buffer: &'b mut [u8]) -> Receiving<'f>
    where
        's: 'f,
        'b: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            // An error does not make a socket readable, so who polls for reading alone would miss it.
            let receive = || match self.socket.take_error()? {
                Some(error) => Err(error),
                None => self.socket.try_recv(buffer),
            };
            let octets = self.socket.async_io(Interest::READABLE | Interest::ERROR, receive).await?;
            Ok((octets, self.server))
        })
    }

    fn poll_send_to(
        &self,
        context: &mut Context<'_>,
        datagram: &[u8],
        _server: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        let budget = self.budget.as_ref();
        if budget.is_some_and(|budget| !budget.take_datagram(self.server.ip())) {
            return Poll::Ready(Err(io::ErrorKind::QuotaExceeded.into()));
        }
        // Not `send_to`: some systems refuse an address on a connected socket.
        let sent = self.socket.poll_send(context, datagram);
        if let (Some(budget), Poll::Pending) = (budget, &sent) {
            budget.put_datagram_back(self.server.ip());
        }
        sent
    }
}
