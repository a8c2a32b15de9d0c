//! Many requests at once, over connections that are kept.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Connection, Question};
use crate::table::{Table, ratio};
use crate::{Extent, Running};

/// How long one question is asked, before it is the other's turn.
const SLICE: Duration = Duration::from_millis(500);

/// Requests in a second over so many connections: of `/healthz`, and of one domain.
pub(crate) fn measure(
    table: &mut Table,
    extent: Extent,
    many: &Running,
    connections: usize,
) -> Result<(), Box<dyn Error>> {
    let questions = [Question::health(), many.get("/api/v1/domains/90000")];
    let mut answered = [0, 0];
    for _ in 0..extent.slices {
        for (question, answered) in questions.iter().zip(&mut answered) {
            *answered += for_a_while(many.server.address, question, connections)?;
        }
    }
    let [health, found] = answered
        .map(|answered| SLICE * u32::try_from(extent.slices).unwrap_or(u32::MAX) / u32::max(answered, 1));
    for (what, each) in [("GET /healthz", health), ("GET by id", found)] {
        let row = format!("{what}, {connections} connections");
        let measured = format!("{:.0} in a second", 1.0 / each.as_secs_f64());
        table.row(&row, "", &measured, &ratio(each, health));
    }
    Ok(())
}

/// How many answers come within [`SLICE`].
fn for_a_while(address: SocketAddr, question: &Question, connections: usize) -> io::Result<u32> {
    on_each(address, connections, |connection| {
        let end = Instant::now() + SLICE;
        let mut answered = 0;
        while Instant::now() < end {
            connection.time(question)?;
            answered += 1;
        }
        Ok(answered)
    })
}

/// Asks so many times in all, and waits for every answer.
pub(crate) fn all_at_once(
    address: SocketAddr,
    question: &Question,
    connections: usize,
    times: usize,
) -> io::Result<u32> {
    on_each(address, connections, |connection| {
        (0..times.div_ceil(connections)).try_fold(0, |done, _| connection.time(question).map(|_| done + 1))
    })
}

/// Does `work` on so many connections, all at the same time.
fn on_each(
    address: SocketAddr,
    connections: usize,
    work: impl Fn(&mut Connection) -> io::Result<u32> + Sync,
) -> io::Result<u32> {
    let opened = (0..connections).map(|_| Connection::open(address)).collect::<io::Result<Vec<_>>>()?;
    let start = Barrier::new(connections);
    thread::scope(|scope| {
        let threads: Vec<_> = opened
            .into_iter()
            .map(|mut connection| {
                let (start, work) = (&start, &work);
                scope.spawn(move || {
                    start.wait();
                    work(&mut connection)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("a client panicked"))))
            .sum()
    })
}
