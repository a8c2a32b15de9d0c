//! Streams of events.

use std::time::Instant;

use super::*;

fn listen(server: &Server, fields: &str) -> TcpStream {
    let mut stream = server.connect();
    send(&mut stream, format!("GET /live HTTP/1.1\r\nHost: x\r\n{fields}\r\n").as_bytes());
    stream
}

/// Reads on until this text is there.
fn until(stream: &mut TcpStream, text: &str) -> String {
    let (mut octets, mut octet) = (Vec::new(), [0]);
    while !String::from_utf8_lossy(&octets).contains(text) {
        stream.read_exact(&mut octet).expect("the stream goes on");
        octets.push(octet[0]);
    }
    String::from_utf8(octets).expect("text")
}

#[test]
fn an_event_is_sent_when_it_happens_and_the_connection_goes_on_after_the_last() {
    let server = Server::start();
    let begun = Instant::now();
    let mut stream = listen(&server, "looks: 5\r\n");
    let first = until(&mut stream, "data: 1");
    assert!(first.starts_with("HTTP/1.1 200") && first.contains("chunked"), "{first}");
    assert!(begun.elapsed() < ms(45), "the first look is at once");
    until(&mut stream, "data: 3");
    assert!(begun.elapsed() >= ms(100));
    until(&mut stream, "data: 5");
    until(&mut stream, "\r\n0\r\n\r\n");
    send(&mut stream, b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(one(&mut stream).body.contains("/next"));
}

#[test]
fn a_stream_takes_no_thread_and_more_than_an_accounts_share_are_refused() {
    let server = Server::start();
    let mut open: Vec<TcpStream> = (0..16).map(|_| listen(&server, "")).collect();
    for stream in &mut open {
        until(stream, "data: 1");
    }
    let mut late = listen(&server, "");
    let refused = one(&mut late);
    assert_eq!((refused.status, refused.body.as_str()), (503, "the server is full; try again in 10 s"));
    let mut other = listen(&server, "account: 2\r\n");
    until(&mut other, "data: 1");
    let reads = server.ask(b"GET /read HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(statuses(&reads), [200], "all of them read while the streams wait");
    // A client who is gone is noticed by what is sent to it.
    drop(open.pop());
    let begun = Instant::now();
    while one_or_event(&server) == 503 {
        assert!(begun.elapsed() < ms(5000), "its place is free again");
        thread::sleep(ms(50));
    }
}

fn one_or_event(server: &Server) -> u16 {
    let mut stream = listen(server, "");
    let head = until(&mut stream, "\r\n\r\n");
    head[9..12].parse().expect("a status")
}

#[test]
fn a_stream_ends_when_its_time_is_over_and_a_silent_one_shows_that_it_lives() {
    let server = Server::with(loopback(), Deadlines { stream: ms(300), ..quick() });
    let begun = Instant::now();
    let mut stream = listen(&server, "");
    until(&mut stream, "\r\n0\r\n\r\n");
    assert!((ms(250)..ms(2000)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
}

#[test]
fn a_stop_ends_streams_at_once() {
    let slow = Deadlines { look: ms(60_000), ..quick() };
    let mut server = Server::with(loopback(), slow);
    let mut stream = listen(&server, "");
    until(&mut stream, "data: 1");
    let begun = Instant::now();
    server.stop.stop();
    until(&mut stream, "\r\n0\r\n\r\n");
    server.ended().expect("a clean end");
    assert!(begun.elapsed() < ms(250), "{:?}", begun.elapsed());
}
