//! Bodies, times and counts.

use std::time::Instant;

use super::*;

fn post(path: &str, octets: usize) -> Vec<u8> {
    let body = "b".repeat(octets);
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {octets}\r\n\r\n{body}").into_bytes()
}

#[test]
fn a_body_may_be_as_long_as_its_route_takes() {
    let server = Server::start();
    assert_eq!(statuses(&server.ask(&post("/", BODY_LIMIT))), [200]);
    assert_eq!(statuses(&server.ask(&post("/batch", 10 * BODY_LIMIT))), [200]);
    let refused = server.ask(&post("/", BODY_LIMIT + 1));
    assert_eq!((refused[0].status, refused[0].body.as_str()), (413, "Echo: too large"));
    assert!(refused[0].head.contains("connection: close"));
}

#[test]
fn a_body_too_large_is_answered_though_the_client_goes_on_sending() {
    let server = Server::start();
    assert_eq!(statuses(&server.ask(&post("/", 3_000_000))), [413]);
}

#[test]
fn chunks_count_toward_the_limit_as_they_come() {
    let server = Server::start();
    let head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("64\r\n{}\r\n", "b".repeat(100));
    let within = format!("{head}{}0\r\n\r\n", chunk.repeat(10));
    assert_eq!(statuses(&server.ask(within.as_bytes())), [200]);
    // Without an end: it is answered when the limit is passed, not when the body is over.
    assert_eq!(statuses(&server.ask(format!("{head}{}", chunk.repeat(11)).as_bytes())), [413]);
}

#[test]
fn a_body_that_breaks_off_or_stays_out_is_incomplete() {
    let server = Server::start();
    let mut stream = server.connect();
    send(&mut stream, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf");
    half_close(&stream);
    assert_eq!(replies(&all(&mut stream))[0].body, "Echo: incomplete");

    let begun = Instant::now();
    let late = server.ask(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf");
    assert_eq!((late.len(), late[0].body.as_str()), (1, "Echo: incomplete"));
    assert!(begun.elapsed() >= ms(500) && begun.elapsed() < ms(3000));
}

#[test]
fn expect_is_met_for_a_body_that_is_taken_and_only_then() {
    let server = Server::start();
    let mut stream = server.connect();
    send(&mut stream, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(one(&mut stream).status, 100);
    send(&mut stream, b"hi");
    assert_eq!(one(&mut stream).body, "POST / hi");
    // The connection goes on.
    send(&mut stream, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(statuses(&replies(&all(&mut stream))), [413]);
}

#[test]
fn a_client_that_has_nothing_more_to_send_still_gets_its_answer() {
    let server = Server::start();
    let mut stream = server.connect();
    send(&mut stream, b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    half_close(&stream);
    assert_eq!(replies(&all(&mut stream))[0].body, "slow");
}

#[test]
fn an_idle_connection_closes_without_a_word() {
    let server = Server::start();
    let begun = Instant::now();
    assert!(server.ask(b"").is_empty());
    assert!(begun.elapsed() >= ms(400) && begun.elapsed() < ms(3000));
}

#[test]
fn a_slow_answer_is_no_idleness() {
    let server = Server::start();
    let raw = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(statuses(&server.ask(&[raw.as_slice(), raw].concat())), [200, 200]);
}

#[test]
fn a_head_that_drips_in_too_slowly_gets_408() {
    let server = Server::start();
    let mut stream = server.connect();
    for octet in b"GET / HTTP/1.1\r\nHost: x".chunks(1) {
        send(&mut stream, octet);
        thread::sleep(ms(30));
    }
    let replies = replies(&all(&mut stream));
    assert_eq!(statuses(&replies), [408]);
    assert!(replies[0].head.contains("connection: close"));
}

#[test]
fn a_head_that_breaks_off_gets_400() {
    let server = Server::start();
    let mut stream = server.connect();
    send(&mut stream, b"GET / HTTP/1.1\r\nHost: x\r\n");
    half_close(&stream);
    assert_eq!(statuses(&replies(&all(&mut stream))), [400]);
}

#[test]
fn a_peer_that_takes_nothing_is_let_go_and_others_are_served() {
    let server = Server::start();
    let mut greedy = server.connect();
    // More requests than fit the buffers of both ends, and none of the responses read.
    let begun = Instant::now();
    let asked = b"GET /lots HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
    send(&mut greedy, &asked);
    assert_eq!(statuses(&server.ask(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")), [200]);
    thread::sleep(ms(1500).saturating_sub(begun.elapsed()));
    let mut taken = Vec::new();
    let _ = greedy.read_to_end(&mut taken);
    assert!(taken.len() < 20 << 20, "it was closed before the first response was through");
}

#[test]
fn an_address_has_its_share_of_connections() {
    let server =
        Server::with(Settings { per_address: 3, ..loopback() }, Deadlines { idle: ms(60_000), ..quick() });
    let mut held: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for stream in &mut held {
        send(stream, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(one(stream).status, 200);
    }
    assert!(server.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").is_empty(), "the fourth is closed");
    drop(held);
    thread::sleep(ms(200));
    let raw = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(statuses(&server.ask(raw)), [200], "the places are free again");
}

#[test]
fn when_all_places_are_taken_an_idle_connection_makes_room_and_one_at_work_does_not() {
    let patient = Deadlines { idle: ms(60_000), ..quick() };
    let server = Server::with(Settings { connections: 2, ..loopback() }, patient);
    let (mut idle, mut busy) = (server.connect(), server.connect());
    send(&mut idle, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(one(&mut idle).status, 200);
    send(&mut busy, b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    thread::sleep(ms(100));
    let begun = Instant::now();
    let raw = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(statuses(&server.ask(raw)), [200]);
    assert!(begun.elapsed() < ms(2000), "it did not wait for the idle one to end by itself");
    assert!(all(&mut idle).is_empty());
    assert_eq!(one(&mut busy).body, "slow");
}

#[test]
fn a_request_that_is_refused_by_its_head_has_none_of_its_body_read() {
    let server = Server::start();
    let mut stream = server.connect();
    send(
        &mut stream,
        b"POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\nExpect: 100-continue\r\n\r\n",
    );
    let refused = replies(&all(&mut stream));
    assert_eq!(statuses(&refused), [401]);
    assert!(refused[0].head.contains("connection: close"));
    // Without a body the connection goes on.
    let twice = b"GET /refused HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2);
    assert_eq!(statuses(&server.ask(&twice)), [401, 401]);
}

#[test]
fn an_account_that_has_its_share_of_the_memory_is_told_to_come_again_and_others_are_served() {
    let server =
        Server::with(Settings { memory: 40_000, ..loopback() }, Deadlines { body: ms(5000), ..quick() });
    // A quarter is 10,000, and 5,000 octets of a body take all of it.
    let head = b"POST /batch HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n";
    let mut first = server.connect();
    send(&mut first, head);
    thread::sleep(ms(100));
    let refused = server.ask(&post("/batch", 10));
    assert_eq!((refused[0].status, refused[0].body.as_str()), (503, "Echo: no room"));
    let others = "POST / HTTP/1.1\r\nHost: x\r\nAccount: 2\r\nContent-Length: 2\r\n\r\nhi";
    assert_eq!(statuses(&server.ask(others.as_bytes())), [200]);
    send(&mut first, &[b'b'; 5000]);
    assert_eq!(one(&mut first).status, 200);
    assert_eq!(statuses(&server.ask(&post("/batch", 10))), [200], "what was taken is given back");
}

#[test]
fn one_account_s_writes_wait_in_a_queue_of_their_own_and_past_it_are_refused_at_once() {
    let server = Server::with(Settings { write_queue: 1, ..loopback() }, quick());
    let slow = b"DELETE /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut held: Vec<TcpStream> = Vec::new();
    for _ in 0..2 {
        held.push(server.connect());
        send(held.last_mut().unwrap(), slow);
        thread::sleep(ms(100));
    }
    let begun = Instant::now();
    assert_eq!(statuses(&server.ask(slow)), [503]);
    let other = b"DELETE / HTTP/1.1\r\nHost: x\r\nAccount: 2\r\nConnection: close\r\n\r\n";
    assert_eq!(statuses(&server.ask(other)), [200], "another account's turn comes");
    let read = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(statuses(&server.ask(read)), [200], "reads have a lane of their own");
    assert!(begun.elapsed() < ms(250), "nobody waited");
    for mut stream in held {
        assert_eq!(statuses(&replies(&all(&mut stream))), [200]);
    }
}

#[test]
fn a_panic_is_answered_and_the_server_goes_on() {
    let server = Server::start();
    let replies = server.ask(b"GET /panic HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(statuses(&replies), [500, 200]);
    assert_eq!(replies[0].body, r#"{"error":"internal error"}"#);
}

#[test]
fn sixty_four_clients_that_come_at_once_are_all_answered() {
    let server = Server::start();
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                let mut stream = server.connect();
                for _ in 0..20 {
                    send(&mut stream, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
                    assert_eq!(one(&mut stream).status, 200);
                }
            });
        }
    });
}
