//! Stopping, and not starting.

use std::net::TcpListener;
use std::time::Instant;

use super::*;

#[test]
fn a_stop_lets_running_requests_finish_and_closes_idle_connections() {
    let mut server = Server::with(loopback(), Deadlines { idle: ms(60_000), ..quick() });
    let mut fresh = server.connect();
    let mut idle = server.connect();
    send(&mut idle, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(one(&mut idle).status, 200);
    let mut busy = server.connect();
    send(&mut busy, b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n");
    thread::sleep(ms(200));

    let begun = Instant::now();
    server.stop.stop();
    assert!(all(&mut fresh).is_empty());
    assert!(all(&mut idle).is_empty());
    assert!(begun.elapsed() < ms(250), "idle ones close at once");
    let last = replies(&all(&mut busy));
    assert_eq!(statuses(&last), [200]);
    assert!(last[0].head.contains("connection: close"), "{}", last[0].head);
    server.ended().expect("a clean end");
    assert!(TcpStream::connect(server.address).is_err(), "nothing listens any more");
}

#[test]
fn a_stop_waits_no_longer_than_the_grace() {
    let mut server = Server::with(Settings { grace: ms(100), ..loopback() }, quick());
    let mut busy = server.connect();
    send(&mut busy, b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    thread::sleep(ms(100));
    let begun = Instant::now();
    server.stop.stop();
    server.ended().expect("a clean end");
    assert!(begun.elapsed() < ms(400));
}

#[test]
fn a_stop_gives_up_a_body_that_drips_and_a_client_that_goes_on_after_its_answer() {
    let slow = Deadlines { body: ms(60_000), linger: ms(60_000), ..quick() };
    let mut server = Server::with(Settings { grace: ms(60_000), ..loopback() }, slow);
    let mut dripping = server.connect();
    send(&mut dripping, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\nb");
    let mut refused = server.connect();
    send(&mut refused, b"POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\nb");
    assert_eq!(one(&mut refused).status, 401);
    thread::sleep(ms(100));
    let begun = Instant::now();
    server.stop.stop();
    assert_eq!(replies(&all(&mut dripping))[0].body, "Echo: incomplete");
    server.ended().expect("a clean end");
    assert!(begun.elapsed() < ms(2000), "{:?}", begun.elapsed());
}

#[test]
fn a_stop_has_the_writes_that_wait_refused() {
    let mut server = Server::start();
    let mut streams: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut stream = server.connect();
            send(&mut stream, b"DELETE /slow HTTP/1.1\r\nHost: x\r\n\r\n");
            stream
        })
        .collect();
    thread::sleep(ms(200));
    server.stop.stop();
    let statuses: Vec<u16> = streams.iter_mut().map(|stream| replies(&all(stream))[0].status).collect();
    let (begun, waiting): (Vec<u16>, Vec<u16>) = statuses.iter().partition(|status| **status == 200);
    assert!(!begun.is_empty(), "{statuses:?}");
    assert!(waiting.len() >= 10 && waiting.iter().all(|status| *status == 503), "{statuses:?}");
    server.ended().expect("a clean end");
}

#[test]
fn a_stop_waits_for_an_answer_whose_client_is_gone() {
    let mut server = Server::start();
    let mut gone = server.connect();
    send(&mut gone, b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    thread::sleep(ms(100));
    drop(gone);
    let begun = Instant::now();
    server.stop.stop();
    server.ended().expect("a clean end");
    assert!(begun.elapsed() >= ms(300));
}

#[test]
fn a_stop_before_the_run_ends_it() {
    let listener = Listener::bind(loopback()).expect("a free port");
    listener.stop_handle().stop();
    listener.run(Arc::new(Echo)).expect("a clean end");
}

#[test]
fn an_address_in_use_is_said_with_what_to_do() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = taken.local_addr().expect("an address");
    let error = Listener::bind(Settings::at(address)).expect_err("it is taken");
    assert!(matches!(error, ListenError::InUse { .. }));
    assert_eq!(
        error.to_string(),
        format!("{address} is in use by another process; choose another with --listen")
    );
    let elsewhere = Settings::at("192.0.2.1:8025".parse().expect("an address"));
    assert!(matches!(Listener::bind(elsewhere), Err(ListenError::NotHere { .. })));
}
