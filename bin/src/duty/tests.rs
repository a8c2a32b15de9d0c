//! Tests of the loop, with duties that are made for them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use super::*;

/// Longer than any test may take.
const EVER: Duration = Duration::from_hours(1);
const SOON: Duration = Duration::from_secs(20);

/// A duty reports here that it works, and may then wait until the test lets it go on.
struct Probe {
    says: Mutex<Sender<&'static str>>,
    may_go_on: Mutex<Receiver<()>>,
    times: AtomicU32,
}

impl Probe {
    fn say(&self, what: &'static str) {
        // Nobody receives from a duty that was left behind.
        let _ = self.says.lock().unwrap().send(what);
    }
}

fn probe() -> (Probe, Receiver<&'static str>, Sender<()>) {
    let ((says, heard), (go_on, may_go_on)) = (channel(), channel());
    let probe =
        Probe { says: Mutex::new(says), may_go_on: Mutex::new(may_go_on), times: AtomicU32::default() };
    (probe, heard, go_on)
}

const fn duty(name: &'static str, pause: Duration, work: fn(&Probe) -> Result<More, Error>) -> Duty<Probe> {
    Duty { name, pause, threads: |_| 1, at_end: false, work }
}

#[test]
fn a_duty_works_until_there_is_nothing_more_and_then_pauses() {
    static TABLE: &[Duty<Probe>] = &[duty("four", EVER, |probe| {
        probe.say("piece");
        Ok(More::if_any(probe.times.fetch_add(1, SeqCst) < 3))
    })];
    let (probe, heard, _go_on) = probe();
    let duties = Duties::start(TABLE, probe).unwrap();
    (0..4).for_each(|_| assert_eq!(heard.recv_timeout(SOON), Ok("piece")));
    assert!(heard.recv_timeout(Duration::from_millis(200)).is_err(), "it pauses");
    let started = Instant::now();
    duties.stop(EVER);
    assert!(started.elapsed() < SOON, "a stop ends a pause");
    assert!(heard.recv().is_err(), "and the duty's thread with all that it has");
}

#[test]
fn a_duty_with_a_short_pause_comes_back() {
    static TABLE: &[Duty<Probe>] = &[duty("again", Duration::from_millis(1), |probe| {
        probe.say("piece");
        Ok(More::Later)
    })];
    let (probe, heard, _go_on) = probe();
    let duties = Duties::start(TABLE, probe).unwrap();
    (0..5).for_each(|_| assert_eq!(heard.recv_timeout(SOON), Ok("piece")));
    duties.stop(EVER);
}

#[test]
fn a_panic_and_an_error_in_one_duty_end_no_other() {
    static TABLE: &[Duty<Probe>] = &[
        duty("panics", Duration::ZERO, |probe| {
            probe.say("panics");
            panic!("on purpose");
        }),
        duty("fails", Duration::ZERO, |probe| {
            probe.say("fails");
            Err(Error::invalid("test", "on purpose"))
        }),
        duty("works", Duration::from_millis(1), |probe| {
            probe.say("works");
            Ok(More::Later)
        }),
    ];
    let (probe, heard, _go_on) = probe();
    let duties = Duties::start(TABLE, probe).unwrap();
    let mut counts = std::collections::BTreeMap::new();
    while counts.get("works").is_none_or(|times| *times < 20) || counts.len() < 3 {
        *counts.entry(heard.recv_timeout(SOON).unwrap()).or_insert(0) += 1;
    }
    // A duty that fails waits before the next attempt, and does not spin.
    assert_eq!((counts["panics"], counts["fails"]), (1, 1));
    let started = Instant::now();
    duties.stop(EVER);
    assert!(started.elapsed() < SOON, "its thread is there, and hears the stop");
}

#[test]
fn a_stop_waits_for_the_work_in_hand() {
    static TABLE: &[Duty<Probe>] = &[duty("held", EVER, |probe| {
        probe.say("begun");
        probe.may_go_on.lock().unwrap().recv().ok();
        probe.say("done");
        Ok(More::Now)
    })];
    let (probe, heard, go_on) = probe();
    let duties = Duties::start(TABLE, probe).unwrap();
    assert_eq!(heard.recv_timeout(SOON), Ok("begun"));
    std::thread::scope(|scope| {
        let stopping = scope.spawn(|| duties.stop(EVER));
        std::thread::sleep(Duration::from_millis(50));
        assert!(!stopping.is_finished());
        go_on.send(()).unwrap();
    });
    assert_eq!(heard.iter().collect::<Vec<_>>(), ["done"], "no further piece is begun");
}

#[test]
fn what_takes_longer_than_the_grace_is_left_behind() {
    static TABLE: &[Duty<Probe>] = &[duty("long", EVER, |probe| {
        probe.say("begun");
        probe.may_go_on.lock().unwrap().recv().ok();
        Ok(More::Later)
    })];
    let (probe, heard, go_on) = probe();
    let duties = Duties::start(TABLE, probe).unwrap();
    assert_eq!(heard.recv_timeout(SOON), Ok("begun"));
    let started = Instant::now();
    duties.stop(Duration::from_millis(50));
    assert!(started.elapsed() >= Duration::from_millis(50) && started.elapsed() < SOON);
    go_on.send(()).unwrap();
}

#[test]
fn what_is_to_be_done_at_the_end_is_done_once_more() {
    static TABLE: &[Duty<Probe>] = &[Duty {
        at_end: true,
        ..duty("noting", EVER, |probe| {
            probe.say("noted");
            Ok(More::Later)
        })
    }];
    let (probe, heard, _go_on) = probe();
    let duties = Duties::start(TABLE, probe).unwrap();
    assert_eq!(heard.recv_timeout(SOON), Ok("noted"));
    duties.stop(EVER);
    assert_eq!(heard.iter().collect::<Vec<_>>(), ["noted"]);
}

#[test]
fn a_duty_has_as_many_threads_as_it_has_long_work_at_once_and_no_more_than_it_may_have() {
    static TABLE: &[Duty<Probe>] = &[
        Duty {
            threads: |_| 3,
            ..duty("three", Duration::from_millis(1), |probe| {
                if probe.times.fetch_add(1, SeqCst) >= 4 {
                    return Ok(More::Later);
                }
                call_another();
                probe.say("three");
                probe.may_go_on.lock().unwrap().recv().ok();
                Ok(More::Now)
            })
        },
        Duty {
            threads: |_| 0,
            ..duty("none", EVER, |probe| {
                probe.say("none");
                Ok(More::Later)
            })
        },
    ];
    let (probe, heard, go_on) = probe();
    let duties = Duties::start(TABLE, probe).unwrap();
    (0..3).for_each(|_| assert_eq!(heard.recv_timeout(SOON), Ok("three")));
    assert!(heard.recv_timeout(Duration::from_millis(200)).is_err(), "three are enough");
    go_on.send(()).unwrap();
    assert_eq!(heard.recv_timeout(SOON), Ok("three"), "whoever is done takes the next");
    drop(go_on);
    duties.stop(EVER);
    assert!(heard.recv().is_err());
}

#[test]
fn the_names_of_the_duties_are_their_own() {
    for duty in DUTIES {
        assert_eq!(DUTIES.iter().filter(|other| other.name == duty.name).count(), 1, "{}", duty.name);
        // Linux keeps 15 octets of a thread's name.
        assert!("duty-".len() + duty.name.len() <= 15, "{}", duty.name);
    }
}
