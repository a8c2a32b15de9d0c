use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

const SOON: Duration = Duration::from_secs(10);

fn pool(threads: usize, of_account: usize, waiting: usize) -> Arc<Pool> {
    Pool::start(Rules { name: "postroom-test", threads, of_account, waiting, at_once: of_account })
        .expect("a thread")
}

/// A job that says its name when it begins, and goes on until it is let go.
fn held(name: &'static str, said: &Sender<(&'static str, Turn)>) -> (Job, Sender<()>) {
    let (work, go) = held_work(name, said);
    (Job { share: Share::One, work }, go)
}

type Work = Box<dyn FnOnce(Turn) + Send>;

fn held_work(name: &'static str, said: &Sender<(&'static str, Turn)>) -> (Work, Sender<()>) {
    let (go, wait) = channel::<()>();
    let said = said.clone();
    let work: Work = Box::new(move |turn| {
        said.send((name, turn)).expect("a listener");
        if turn == Turn::Now {
            let _ = wait.recv_timeout(SOON);
        }
    });
    (work, go)
}

fn names(said: &Receiver<(&'static str, Turn)>, count: usize) -> Vec<&'static str> {
    (0..count).map(|_| said.recv_timeout(SOON).expect("a job").0).collect()
}

#[test]
fn the_accounts_take_turns_however_much_one_of_them_asks() {
    let (pool, (say, said)) = (pool(1, 1, 100), channel());
    let mut held_back = Vec::new();
    for (name, number) in [("a1", 1), ("a2", 1), ("a3", 1), ("b1", 2), ("c1", 3), ("b2", 2)] {
        let (job, go) = held(name, &say);
        pool.push(Some(AccountId::new(number)), job);
        held_back.push(go);
        if name == "a1" {
            assert_eq!(names(&said, 1), ["a1"]);
        }
    }
    drop(held_back);
    assert_eq!(names(&said, 5), ["a2", "b1", "c1", "a3", "b2"]);
}

#[test]
fn an_account_with_all_its_threads_leaves_the_others_free() {
    let (pool, (say, said)) = (pool(2, 1, 100), channel());
    let (first, go) = held("first", &say);
    let (second, _go) = held("second", &say);
    let (other, _go) = held("other", &say);
    pool.push(Some(AccountId::new(1)), first);
    pool.push(Some(AccountId::new(1)), second);
    pool.push(Some(AccountId::new(2)), other);
    let mut begun = names(&said, 2);
    begun.sort_unstable();
    assert_eq!(begun, ["first", "other"]);
    drop(go);
    assert_eq!(names(&said, 1), ["second"]);
}

#[test]
fn a_long_piece_of_work_is_its_accounts_only_one_and_takes_no_thread_of_another() {
    let (pool, (say, said)) = (pool(4, 2, 100), channel());
    let (long, go_long) = held_work("long", &say);
    pool.push(Some(AccountId::new(1)), Job { share: Share::Whole, work: long });
    assert_eq!(names(&said, 1), ["long"]);
    let (short, go_short) = held("short", &say);
    let (second, go_second) = held_work("second", &say);
    let (other, _go) = held("other", &say);
    pool.push(Some(AccountId::new(1)), short);
    pool.push(Some(AccountId::new(1)), Job { share: Share::Whole, work: second });
    pool.push(Some(AccountId::new(2)), other);
    assert_eq!(names(&said, 1), ["other"]);
    drop(go_long);
    assert_eq!(names(&said, 1), ["short"]);
    assert!(
        said.recv_timeout(Duration::from_millis(50)).is_err(),
        "the second long one waits for both places"
    );
    drop(go_short);
    assert_eq!(names(&said, 1), ["second"]);
    drop(go_second);
}

#[test]
fn a_full_queue_refuses_the_account_that_filled_it_at_once_and_no_other() {
    let (pool, (say, said)) = (pool(1, 1, 2), channel());
    let (running, _go) = held("running", &say);
    pool.push(Some(AccountId::new(1)), running);
    assert_eq!(names(&said, 1), ["running"]);
    let mut kept = Vec::new();
    for (name, number) in [("waits", 1), ("waits too", 1), ("refused", 1), ("another's", 2)] {
        let (job, go) = held(name, &say);
        pool.push(Some(AccountId::new(number)), job);
        kept.push(go);
    }
    assert_eq!(said.recv_timeout(SOON).unwrap(), ("refused", Turn::Never));
    pool.close();
    let mut left: Vec<_> = (0..3).map(|_| said.recv_timeout(SOON).unwrap()).collect();
    left.sort_unstable_by_key(|(name, _)| *name);
    assert_eq!(left, ["another's", "waits", "waits too"].map(|name| (name, Turn::Never)));
    let (late, _go) = held("late", &say);
    pool.push(Some(AccountId::new(3)), late);
    assert_eq!(said.recv_timeout(SOON).unwrap(), ("late", Turn::Never));
}

#[test]
fn a_panic_costs_its_own_result_alone() {
    let lanes = Lanes::start(10).expect("threads");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let panicked = runtime.block_on(lanes.run(Lane::Writes, None, Share::One, |_| panic!("asked to")));
    assert_eq!(panicked, None::<()>);
    let panicked = runtime.block_on(lanes.run(Lane::Here, None, Share::One, |_| panic!("asked to")));
    assert_eq!(panicked, None::<()>);
    assert_eq!(runtime.block_on(lanes.run(Lane::Writes, None, Share::One, |turn| turn)), Some(Turn::Now));
}
