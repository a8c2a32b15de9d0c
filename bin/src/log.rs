//! The log: lines to stderr, which never delay the thread that logs.
//!
//! Stderr can be a file on a full disk, or a pipe whose reader is slow or gone. A thread that logs puts the line into a queue
//! and goes on; one thread writes the queue. That thread rests between two writes, so that a busy server wakes it a hundred times a
//! second and not once a line. A line that finds no room, or cannot be written, is dropped and counted, and the log says the number
//! as soon as it can be written again.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::writer::OptionalWriter;

/// The most lines that may wait to be written.
const MOST_LINES: usize = 8192;
const MOST_OCTETS: usize = 4 * 1024 * 1024;
/// How long lines gather while many are logged.
const REST: Duration = Duration::from_millis(10);
/// How long after a failure the next attempt is made.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// The log of this process.
static LOG: LazyLock<Arc<Log>> = LazyLock::new(Arc::default);

/// Lines on their way to stderr. Before [`start`](Log::start) the thread that logs writes each line itself.
#[derive(Default)]
struct Log {
    queue: Mutex<Queue>,
    changed: Condvar,
}

/// A line that waits.
struct Line {
    octets: Vec<u8>,
    /// How many dropped lines it reports; 0 for every other line.
    tells_of: u64,
}

thread_local! {
    /// How many dropped lines are reported by the line that this thread logs now.
    static TELLS_OF: Cell<u64> = const { Cell::new(0) };
}

/// What the thread does that writes the lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Writer {
    /// There is none.
    #[default]
    None,
    /// It waits for a line.
    Waiting,
    /// It lets lines gather.
    Resting,
    /// It is writing one.
    Writing,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<Line>,
    octets: usize,
    /// Who writes them.
    writer: Writer,
    /// Whether somebody waits until all is written.
    hurried: bool,
    /// How many lines were dropped and not yet reported.
    untold: u64,
    dropped: u64,
}

/// Starts the thread that writes the log from now on. It fails if the system refuses the thread.
pub fn start() -> io::Result<()> {
    LOG.start(io::stderr())
}

/// How many lines were dropped since the process began.
pub fn dropped_lines() -> u64 {
    LOG.queue().dropped
}

/// Waits until all is written, but no longer than this.
pub fn flush(most: Duration) {
    LOG.flush(most);
}

/// What the subscriber writes lines to.
pub fn writer() -> Lines {
    Lines(Arc::clone(&LOG))
}

impl Log {
    fn start(self: &Arc<Self>, to: impl Write + Send + 'static) -> io::Result<()> {
        self.queue().writer = Writer::Resting;
        let log = Arc::clone(self);
        let spawned = thread::Builder::new().name("postroom-log".to_owned()).spawn(move || log.work(to));
        if spawned.is_err() {
            self.queue().writer = Writer::None;
        }
        spawned.map(drop)
    }

    fn add(&self, line: &[u8]) {
        let mut queue = self.queue();
        if queue.writer == Writer::None {
            drop(queue);
            // If stderr fails, there is no place left to report it.
            let _ = io::stderr().write_all(line);
            return;
        }
        let line = Line { octets: line.to_owned(), tells_of: TELLS_OF.get() };
        if line.tells_of > 0 {
            // It goes to the front of the queue, so that a failed write does not cost another line.
            queue.octets += line.octets.len();
            queue.lines.push_front(line);
        } else if queue.lines.len() >= MOST_LINES || queue.octets + line.octets.len() > MOST_OCTETS {
            queue.count(&line);
        } else {
            queue.octets += line.octets.len();
            queue.lines.push_back(line);
        }
        let is_waiting = queue.writer == Writer::Waiting;
        drop(queue);
        if is_waiting {
            self.changed.notify_all();
        }
    }

    /// Writes line by line, for as long as the process lives.
    fn work(&self, mut to: impl Write) {
        // Whether a line was written in part.
        let mut is_torn = false;
        loop {
            self.tell_of_dropped();
            let line = self.next();
            let written = write_line(&mut to, &line.octets, &mut is_torn);
            let mut queue = self.queue();
            queue.writer = Writer::Resting;
            if written.is_err() {
                queue.count(&line);
            }
            let is_awaited = queue.hurried && queue.lines.is_empty();
            drop(queue);
            if is_awaited {
                self.changed.notify_all();
            }
            if written.is_err() {
                thread::sleep(TRY_AGAIN_AFTER);
            }
        }
    }

    /// Logs a line about the dropped lines, in the same format as every other line.
    fn tell_of_dropped(&self) {
        let untold = std::mem::take(&mut self.queue().untold);
        if untold > 0 {
            TELLS_OF.set(untold);
            tracing::error!("{untold} log lines were dropped");
            TELLS_OF.set(0);
        }
    }

    fn next(&self) -> Line {
        let mut queue = self.queue();
        if queue.lines.is_empty() {
            let rested = self.changed.wait_timeout_while(queue, REST, |queue| !queue.hurried);
            queue = rested.unwrap_or_else(PoisonError::into_inner).0;
        }
        loop {
            if let Some(line) = queue.lines.pop_front() {
                queue.octets -= line.octets.len();
                queue.writer = Writer::Writing;
                return line;
            }
            queue.writer = Writer::Waiting;
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn flush(&self, most: Duration) {
        let mut queue = self.queue();
        if queue.writer != Writer::None {
            queue.hurried = true;
            self.changed.notify_all();
            // Lines that are not written by then are lost with the process.
            let waited = self.changed.wait_timeout_while(queue, most, |queue| {
                queue.writer == Writer::Writing || !queue.lines.is_empty()
            });
            waited.unwrap_or_else(PoisonError::into_inner).0.hurried = false;
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Counts a line that is not written. If it reported dropped lines, those must be reported again.
    fn count(&mut self, line: &Line) {
        if line.tells_of > 0 {
            self.untold += line.tells_of;
        } else {
            self.untold += 1;
            self.dropped += 1;
        }
    }
}

/// Writes a line whole, on a line of its own.
fn write_line(to: &mut impl Write, line: &[u8], is_torn: &mut bool) -> io::Result<()> {
    if *is_torn {
        to.write_all(b"\n")?;
        *is_torn = false;
    }
    let mut rest = line;
    while !rest.is_empty() {
        match to.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                *is_torn = rest.len() < line.len();
                return Err(error);
            }
        }
    }
    Ok(())
}

/// The log as the subscriber writes to it, a whole line at a time.
pub struct Lines(Arc<Log>);

impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = OptionalWriter<&'a Lines>;

    fn make_writer(&'a self) -> OptionalWriter<&'a Lines> {
        OptionalWriter::some(self)
    }

    /// The resolver warns of each datagram that does not answer its question, and a hostile name server sends as many as it likes: only its
    /// errors are written.
    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> OptionalWriter<&'a Lines> {
        let is_of_resolver = meta.target().starts_with("hickory");
        if is_of_resolver && *meta.level() != Level::ERROR {
            OptionalWriter::none()
        } else {
            self.make_writer()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    /// Something to write to, each of whose writes waits for what is to become of it.
    struct Script {
        outcomes: Receiver<io::Result<usize>>,
        written: Sender<String>,
    }

    impl Write for Script {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            let count = self.outcomes.recv().unwrap_or(Ok(usize::MAX))?.min(octets.len());
            let _ = self.written.send(String::from_utf8_lossy(&octets[..count]).into_owned());
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn full() -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    #[test]
    fn a_line_that_is_cut_short_is_ended_before_the_next_begins() {
        let ((tell, outcomes), (written, said)) = (channel(), channel());
        let mut script = Script { outcomes, written };
        let mut is_torn = false;
        for outcome in [Ok(3), full(), full(), Ok(9), Ok(9)] {
            tell.send(outcome).unwrap();
        }
        assert!(write_line(&mut script, b"first\n", &mut is_torn).is_err());
        assert!(write_line(&mut script, b"lost\n", &mut is_torn).is_err());
        assert!(write_line(&mut script, b"last\n", &mut is_torn).is_ok());
        assert_eq!(said.try_iter().collect::<Vec<_>>(), ["fir", "\n", "last\n"]);
    }

    #[test]
    fn nobody_waits_for_a_log_that_is_stuck_and_what_finds_no_room_is_counted() {
        let log = Arc::new(Log::default());
        let ((tell, outcomes), (written, said)) = (channel(), channel());
        log.start(Script { outcomes, written }).expect("a thread");
        (0..MOST_LINES + 10).for_each(|number| log.add(format!("{number}\n").as_bytes()));
        let dropped = log.queue().dropped;
        // The thread may hold one line beside the queue.
        assert!((9..=10).contains(&dropped), "{dropped}");
        log.flush(Duration::from_millis(10));
        drop(tell);
        assert_eq!(said.recv_timeout(SOON).unwrap(), "0\n");
        log.flush(SOON);
        assert_eq!(said.try_iter().count(), MOST_LINES + 10 - usize::try_from(dropped).unwrap() - 1);
    }

    #[test]
    fn a_line_that_comes_while_the_thread_rests_is_written_when_it_has_rested() {
        let log = Arc::new(Log::default());
        let ((tell, outcomes), (written, said)) = (channel(), channel());
        drop(tell);
        log.start(Script { outcomes, written }).expect("a thread");
        for line in ["first\n", "second\n", "third\n"] {
            log.add(line.as_bytes());
            assert_eq!(said.recv_timeout(SOON).unwrap(), line);
        }
        // It rests now, and waits without an end after that.
        thread::sleep(REST * 3);
        log.add(b"last\n");
        assert_eq!(said.recv_timeout(SOON).unwrap(), "last\n");
    }

    #[test]
    fn what_a_lost_notice_told_of_is_told_again() {
        let mut queue = Queue::default();
        queue.count(&Line { octets: Vec::new(), tells_of: 0 });
        queue.count(&Line { octets: Vec::new(), tells_of: 0 });
        let untold = std::mem::take(&mut queue.untold);
        queue.count(&Line { octets: Vec::new(), tells_of: untold });
        assert_eq!((queue.untold, queue.dropped), (2, 2));
    }
}
