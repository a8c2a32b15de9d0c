//! The gate under hyper: it reads each head itself, and lets a head through only if it can be read in one way.
//!
//! A [`Gate`] wraps the stream of a connection. hyper reads from it as from the stream, but between messages
//! the gate holds the octets back until a head is whole, and gives it to [`head::judge`]. Then it passes on
//! that head and as many octets as its Content-Length says, and the next head is looked at after them; with
//! chunks it passes everything on from there, and the connection ends with the response, so that no octet
//! after them is ever taken for a head.
//!
//! A bad head never reaches hyper. In its place goes [`SUBSTITUTE`], and the refusal is laid into the
//! [`Exchange`] for the service to find. So hyper writes it after the responses that come before it, and
//! nothing that a client can send looks like it.
//!
//! The gate also enforces two time limits: how long a connection may be idle, and how long a head may take. And it hands out
//! one message at a time: no head is looked at while the last is being answered, or while the peer leaves the responses
//! lying. Pipelined requests wait in the socket, where they cost the client, not us.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::Deadlines;
use super::exchange::Exchange;
use super::head::{self, Framing, Refusal, Scanner};
use crate::wire::http::StatusCode;

/// What hyper reads in place of a refused head; the answer to HEAD has no body, so its method is kept.
const SUBSTITUTE: [&[u8]; 2] =
    [b"GET / HTTP/1.1\r\nHost: refused\r\n\r\n", b"HEAD / HTTP/1.1\r\nHost: refused\r\n\r\n"];
/// How much is read at once.
const READ_OCTETS: usize = 8 * 1024;

/// A stream whose request heads are judged before they are read.
pub(super) struct Gate<S> {
    stream: S,
    exchange: Arc<Exchange>,
    deadlines: Deadlines,
    timer: Pin<Box<Sleep>>,
    phase: Phase,
    /// Read from the stream, not yet passed on: at most a head and one read.
    held: Vec<u8>,
    /// Whether the last attempt to write found the peer taking nothing.
    write_blocked: bool,
}

enum Phase {
    /// Until the last message is answered.
    Between,
    /// Nothing of the next head is there yet.
    Idle,
    /// A head is coming in.
    Head(Scanner),
    /// So many octets of a message are still to be passed on.
    Message(u64),
    /// Everything is passed on: a message in chunks, the last of its connection.
    Chunks,
    /// The substitute is passed on, and then nothing.
    Refused,
    /// The write side is shut, and what still comes in is thrown away.
    Lingering,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Gate<S> {
    pub(super) fn new(stream: S, deadlines: Deadlines, exchange: Arc<Exchange>) -> Gate<S> {
        let timer = Box::pin(tokio::time::sleep(deadlines.idle));
        Gate {
            stream,
            exchange,
            deadlines,
            timer,
            phase: Phase::Between,
            held: Vec::new(),
            write_blocked: false,
        }
    }

    /// Reads some more into `held`; 0 is the end of the stream.
    fn fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut chunk = [0; READ_OCTETS];
        let mut chunk = ReadBuf::new(&mut chunk);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut chunk))?;
        self.held.extend_from_slice(chunk.filled());
        Poll::Ready(Ok(chunk.filled().len()))
    }

    /// Moves what is held to `out`, `most` octets at most, reading if nothing is held.
    fn pass_on(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>, most: u64) -> Poll<io::Result<u64>> {
        if self.held.is_empty() {
            ready!(self.fill(cx))?;
        }
        let room = self.held.len().min(out.remaining());
        let count = usize::try_from(most).map_or(room, |most| room.min(most));
        out.put_slice(self.held.get(..count).unwrap_or_default());
        self.held.drain(..count);
        Poll::Ready(Ok(count as u64))
    }

    fn wait_until(&mut self, deadline: Instant) {
        self.timer.as_mut().reset(deadline);
    }

    /// Reads on until the head is judged: `false` if the connection ended, or idled, before one began.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            if let (Phase::Idle, false) = (&self.phase, self.held.is_empty()) {
                self.wait_until(Instant::now() + self.deadlines.head);
                self.phase = Phase::Head(Scanner::default());
            }
            if let Phase::Head(scanner) = &mut self.phase {
                match scanner.advance(&self.held) {
                    Ok(Some(end)) => {
                        self.open(end);
                        return Poll::Ready(Ok(true));
                    }
                    Ok(None) => {}
                    Err(refusal) => {
                        self.refuse(refusal);
                        return Poll::Ready(Ok(true));
                    }
                }
            }
            let begun = matches!(self.phase, Phase::Head(_));
            let refusal = match self.fill(cx) {
                Poll::Ready(Ok(0)) => Refusal::new(StatusCode::BAD_REQUEST, "the head breaks off"),
                Poll::Ready(Ok(_)) => continue,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    ready!(self.timer.as_mut().poll(cx));
                    Refusal::new(StatusCode::REQUEST_TIMEOUT, "the head did not come in time")
                }
            };
            if begun {
                self.refuse(refusal);
            }
            return Poll::Ready(Ok(begun));
        }
    }

    /// Lets the head in the first `end` octets through, or not.
    fn open(&mut self, end: usize) {
        self.phase = match head::judge(self.held.get(..end).unwrap_or_default()) {
            Ok(Framing::Length(body)) => Phase::Message(body.saturating_add(end as u64)),
            Ok(Framing::Chunked) => Phase::Chunks,
            Err(refusal) => return self.refuse(refusal),
        };
        self.exchange.asked(None);
    }

    fn refuse(&mut self, refusal: Refusal) {
        let of_head = self.held.starts_with(b"HEAD ");
        let [for_others, for_head] = SUBSTITUTE;
        self.held.clear();
        self.held.extend_from_slice(if of_head { for_head } else { for_others });
        self.phase = Phase::Refused;
        self.exchange.asked(Some(refusal));
    }

    /// Notes whether the peer takes what is written, and sets a waiting reader going when it does again.
    fn written<T>(&mut self, result: Poll<T>) -> Poll<T> {
        if std::mem::replace(&mut self.write_blocked, result.is_pending()) && result.is_ready() {
            self.exchange.wake();
        }
        result
    }

    /// Whether the peer may still be sending octets that nobody will read.
    fn leaves_octets_unread(&self) -> bool {
        match self.phase {
            Phase::Between | Phase::Idle => !self.held.is_empty(),
            Phase::Message(left) => left > 0,
            Phase::Head(_) | Phase::Chunks | Phase::Refused | Phase::Lingering => true,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Gate<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let gate = self.get_mut();
        loop {
            match gate.phase {
                Phase::Between if gate.exchange.is_answering() || gate.write_blocked => {
                    gate.exchange.park(cx.waker());
                    return Poll::Pending;
                }
                Phase::Between => {
                    gate.wait_until(Instant::now() + gate.deadlines.idle);
                    gate.phase = Phase::Idle;
                }
                Phase::Idle | Phase::Head(_) => {
                    if !ready!(gate.poll_head(cx))? {
                        return Poll::Ready(Ok(()));
                    }
                }
                Phase::Message(0) => gate.phase = Phase::Between,
                Phase::Message(left) => {
                    let passed = ready!(gate.pass_on(cx, out, left))?;
                    gate.phase = Phase::Message(left.saturating_sub(passed));
                    return Poll::Ready(Ok(()));
                }
                Phase::Chunks => return gate.pass_on(cx, out, u64::MAX).map_ok(drop),
                Phase::Refused if !gate.held.is_empty() => {
                    return gate.pass_on(cx, out, u64::MAX).map_ok(drop);
                }
                Phase::Refused => {
                    gate.exchange.park(cx.waker());
                    return Poll::Pending;
                }
                Phase::Lingering => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Gate<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let gate = self.get_mut();
        let result = Pin::new(&mut gate.stream).poll_write(cx, octets);
        gate.written(result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let gate = self.get_mut();
        let result = Pin::new(&mut gate.stream).poll_write_vectored(cx, octets);
        gate.written(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let gate = self.get_mut();
        let result = Pin::new(&mut gate.stream).poll_flush(cx);
        gate.written(result)
    }

    /// Shuts the write side, and then reads on for a while if the peer may still be sending.
    ///
    /// To close with octets unread is to reset the connection, and a reset can overtake the response on its
    /// way to the peer: RFC 9112 section 9.6 has the server close in these two stages.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let gate = self.get_mut();
        if !matches!(gate.phase, Phase::Lingering) {
            ready!(Pin::new(&mut gate.stream).poll_shutdown(cx))?;
            if !gate.leaves_octets_unread() {
                return Poll::Ready(Ok(()));
            }
            gate.wait_until(Instant::now() + gate.deadlines.linger);
            gate.phase = Phase::Lingering;
            gate.exchange.lingers();
        }
        // The clock is checked in addition to the timer: a peer that floods uses up this task's turn, and tokio then reports
        // the timer as pending.
        while Instant::now() < gate.timer.deadline() {
            gate.held.clear();
            match gate.fill(cx) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(_) => break,
                Poll::Pending => ready!(gate.timer.as_mut().poll(cx)),
            }
        }
        Poll::Ready(Ok(()))
    }
}
