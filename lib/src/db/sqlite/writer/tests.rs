use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

const SOON: Duration = Duration::from_secs(20);

/// A file with an empty table of numbers, its writer, and another connection to it.
struct Numbers {
    _folder: tempfile::TempDir,
    writer: Writer,
    reader: Mutex<Connection>,
}

impl Numbers {
    fn new() -> Numbers {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("numbers.db");
        std::fs::File::create(&file).unwrap();
        let conn = Connection::open(&file).unwrap();
        conn.raw().pragma_update(None, "journal_mode", "WAL").unwrap();
        conn.batch("CREATE TABLE number (value INTEGER PRIMARY KEY) STRICT").unwrap();
        Numbers {
            writer: Writer::new(conn),
            reader: Mutex::new(Connection::open(&file).unwrap()),
            _folder: folder,
        }
    }

    fn on_disk(&self) -> Vec<i64> {
        locked(&self.reader).all("SELECT value FROM number ORDER BY value", [], |row| row.get(0)).unwrap()
    }

    fn wait_until_waiting(&self, count: usize) {
        let started = Instant::now();
        while self.writer.line.waiting() < count {
            assert!(started.elapsed() < SOON, "nobody waits");
            thread::yield_now();
        }
    }

    /// Writes a number in a turn, says so, and ends the turn when it is told to.
    fn write(&self, value: i64, is_done: bool, said: &Sender<i64>, go: &Receiver<()>) -> Result<(), Error> {
        let turn = self.writer.turn()?;
        turn.conn()?.run("INSERT INTO number (value) VALUES (?1)", [value])?;
        said.send(value).unwrap();
        go.recv_timeout(SOON).unwrap();
        turn.end(is_done)
    }
}

#[test]
fn a_thread_that_comes_back_at_once_waits_for_those_that_came_meanwhile() {
    let line = Line::default();
    let first = line.wait();
    let (say, said) = channel();
    thread::scope(|scope| {
        for (before, name) in ["second", "third"].into_iter().enumerate() {
            let (line, say) = (&line, say.clone());
            scope.spawn(move || {
                let _place = line.wait();
                say.send(name).unwrap();
            });
            while line.waiting() == before {
                thread::sleep(Duration::from_millis(1));
            }
        }
        drop(first);
        let _again = line.wait();
        say.send("again").unwrap();
    });
    assert_eq!(said.try_iter().collect::<Vec<_>>(), ["second", "third", "again"]);
}

#[test]
fn writers_who_wait_share_one_commit_and_each_waits_for_it() {
    let numbers = Numbers::new();
    let ((say, said), (done, is_done)) = (channel(), channel());
    thread::scope(|scope| {
        let mut go = Vec::new();
        for value in 1..=3 {
            let (let_go, wait) = channel();
            go.push(let_go);
            let (numbers, say, done) = (&numbers, say.clone(), done.clone());
            scope.spawn(move || {
                done.send((value, numbers.write(value, true, &say, &wait).is_ok())).unwrap();
            });
            if value == 1 {
                assert_eq!(said.recv_timeout(SOON), Ok(1));
            } else {
                numbers.wait_until_waiting(usize::try_from(value).unwrap() - 1);
            }
        }
        go[0].send(()).unwrap();
        let second = usize::try_from(said.recv_timeout(SOON).unwrap()).unwrap();
        assert!(numbers.on_disk().is_empty() && is_done.try_recv().is_err(), "the first one waits");
        go[second - 1].send(()).unwrap();
        let third = usize::try_from(said.recv_timeout(SOON).unwrap()).unwrap();
        assert!(numbers.on_disk().is_empty() && is_done.try_recv().is_err(), "the second one waits too");
        go[third - 1].send(()).unwrap();
        let mut ended: Vec<_> = (0..3).map(|_| is_done.recv_timeout(SOON).unwrap()).collect();
        ended.sort_unstable();
        assert_eq!(ended, [(1, true), (2, true), (3, true)]);
        assert_eq!(numbers.on_disk(), [1, 2, 3]);
    });
}

/// What is on disk after three writers of one group, of whom the one with this number does not end well.
fn on_disk_without(place: usize, end_badly: impl Fn(Turn<'_>) + Sync) -> Vec<i64> {
    let numbers = Numbers::new();
    let (say, said) = channel();
    thread::scope(|scope| {
        let first = numbers.writer.turn().unwrap();
        for _ in 2..=3 {
            let (numbers, say, end_badly) = (&numbers, say.clone(), &end_badly);
            scope.spawn(move || {
                let turn = numbers.writer.turn().unwrap();
                let conn = turn.conn().unwrap();
                let seen: i64 =
                    conn.one("SELECT count(*) FROM number", [], |row| row.get(0)).unwrap().unwrap();
                conn.run("INSERT INTO number (value) VALUES (?1)", [seen + 10]).unwrap();
                let number =
                    conn.all("SELECT value FROM number", [], |row| row.get::<_, i64>(0)).unwrap().len();
                say.send(number).unwrap();
                if place > 1 && number == place { end_badly(turn) } else { turn.end(true).unwrap() }
            });
        }
        numbers.wait_until_waiting(2);
        first.conn().unwrap().run("INSERT INTO number (value) VALUES (1)", []).unwrap();
        if place == 1 { end_badly(first) } else { first.end(true).unwrap() }
    });
    drop(said);
    numbers.on_disk()
}

#[test]
fn an_error_in_a_group_undoes_its_own_part_alone_and_later_members_see_the_earlier_ones() {
    assert_eq!(on_disk_without(4, |_| ()), [1, 11, 12]);
    let fail = |turn: Turn<'_>| turn.end(false).unwrap();
    assert_eq!(on_disk_without(1, fail), [10, 11]);
    assert_eq!(on_disk_without(3, fail), [1, 11]);
}

#[test]
fn a_panic_in_a_group_undoes_its_own_part_alone() {
    let panics = |turn: Turn<'_>| {
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _turn = turn;
            panic!("asked to")
        }));
        assert!(panicked.is_err());
    };
    assert_eq!(on_disk_without(1, panics), [10, 11]);
    assert_eq!(on_disk_without(3, panics), [1, 11]);
}

#[test]
fn a_group_whose_transaction_was_ended_by_sqlite_fails_as_a_whole_and_the_next_writer_begins_anew() {
    let numbers = Numbers::new();
    thread::scope(|scope| {
        let first = numbers.writer.turn().unwrap();
        let second = scope.spawn(|| {
            let turn = numbers.writer.turn().unwrap();
            turn.conn().unwrap().batch("ROLLBACK").unwrap();
            turn.end(true).is_err()
        });
        numbers.wait_until_waiting(1);
        first.conn().unwrap().run("INSERT INTO number (value) VALUES (1)", []).unwrap();
        assert!(first.end(true).is_err(), "what it wrote is undone");
        assert!(second.join().unwrap());
    });
    let next = numbers.writer.turn().unwrap();
    next.conn().unwrap().run("INSERT INTO number (value) VALUES (2)", []).unwrap();
    next.end(true).unwrap();
    assert_eq!(numbers.on_disk(), [2]);
}

#[test]
fn closing_ends_a_group_that_waits_for_its_commit() {
    let numbers = Numbers::new();
    thread::scope(|scope| {
        let first = numbers.writer.turn().unwrap();
        first.conn().unwrap().run("INSERT INTO number (value) VALUES (1)", []).unwrap();
        scope.spawn(|| numbers.writer.close());
        numbers.wait_until_waiting(1);
        first.end(true).unwrap();
    });
    assert!(numbers.writer.turn().is_err());
    assert_eq!(numbers.on_disk(), [1]);
}
