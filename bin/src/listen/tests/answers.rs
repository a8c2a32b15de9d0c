//! What comes back: refusals, the limits of a head to the octet, order, and the framing of responses.

use super::*;

#[test]
fn a_refusal_says_what_was_wrong_and_closes() {
    let reply = Server::start().ask(b"GET / HTTP/1.1\r\n\r\n").remove(0);
    assert_eq!(reply.body, r#"{"error":"there is no Host"}"#);
    assert!(reply.head.contains("content-type: application/json"), "{}", reply.head);
    assert!(reply.head.contains("connection: close"), "{}", reply.head);
}

#[test]
fn the_refusal_of_head_has_no_body() {
    let server = Server::start();
    let mut stream = server.connect();
    send(&mut stream, b"HEAD / HTTP/1.1\r\n\r\n");
    let octets = all(&mut stream);
    assert!(octets.starts_with(b"HTTP/1.1 400") && octets.ends_with(b"\r\n\r\n"), "{octets:?}");
}

#[test]
fn a_head_may_be_as_long_as_the_limits_and_no_longer() {
    let server = Server::start();
    let line = |octets: usize| {
        let target = "a".repeat(octets - "GET / HTTP/1.1".len());
        server.ask(format!("GET /{target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
    };
    assert_eq!(statuses(&line(8192)), [200]);
    assert_eq!(statuses(&line(8193)), [414]);
    assert_eq!(statuses(&line(100_000)), [414]);

    let head = |octets: usize| {
        let value = "a".repeat(octets - "GET / HTTP/1.1\r\nHost: x\r\nA: \r\n\r\n".len());
        server.ask(format!("GET / HTTP/1.1\r\nHost: x\r\nA: {value}\r\n\r\n").as_bytes())
    };
    assert_eq!(statuses(&head(16384)), [200]);
    assert_eq!(statuses(&head(16385)), [431]);
    assert_eq!(statuses(&head(3_000_000)), [431]);

    let fields = |count: usize| {
        server.ask(format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(count - 1)).as_bytes())
    };
    assert_eq!(statuses(&fields(64)), [200]);
    assert_eq!(statuses(&fields(65)), [431]);
}

#[test]
fn what_the_server_answers_by_itself_is_kept_by_no_cache() {
    let server = Server::start();
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(9000));
    let wide = format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "a".repeat(20_000));
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/9.9\r\nHost: x\r\n\r\n", 505),
        (long.as_str(), 414),
        (wide.as_str(), 431),
    ] {
        let replies = server.ask(request.as_bytes());
        assert_eq!(statuses(&replies), [status]);
        let head = &replies[0].head;
        assert!(
            head.contains("cache-control: no-store") && head.contains("x-content-type-options: nosniff"),
            "{head}"
        );
    }
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let server = Server::start();
    let asked: Vec<_> = (0..500).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: x\r\n\r\n")).collect();
    let replies = server.ask(asked.concat().as_bytes());
    assert_eq!(replies.len(), 500);
    for (n, reply) in replies.iter().enumerate() {
        assert_eq!(reply.body, format!("GET /{n} "));
    }
}

#[test]
fn the_app_sees_the_target_as_it_was_sent() {
    let replies = Server::start().ask(b"GET //a/%2F%zz?b=%20?&c[]=d HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(replies[0].body, "GET //a/%2F%zz?b=%20?&c[]=d ");
}

#[test]
fn head_has_the_length_of_get_and_no_body() {
    let server = Server::start();
    let mut stream = server.connect();
    send(&mut stream, b"HEAD /abc HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let octets = String::from_utf8(all(&mut stream)).expect("text");
    assert!(octets.ends_with("\r\n\r\n") && octets.contains("content-length: 10\r\n"), "{octets}");
}

#[test]
fn an_answer_in_pieces_is_made_as_fast_as_it_is_taken() {
    let server = Server::start();
    let mut stream = server.connect();
    send(&mut stream, b"GET /pieces HTTP/1.0\r\n\r\n");
    // The sockets hold some of them; no more are made than go in there.
    let mut made = 0;
    while made == 0 || made != MADE.load(Ordering::SeqCst) {
        made = MADE.load(Ordering::SeqCst);
        thread::sleep(ms(100));
    }
    assert!(made < 500, "{made} pieces are made, and none is taken");
    let octets = all(&mut stream);
    let head = octets.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    assert_eq!(octets.len() - head, 600 * 32 * 1024);
    assert!(octets[head..].iter().all(|octet| *octet == b'p'));
}

#[test]
fn the_server_frames_the_response_whatever_the_app_says() {
    let server = Server::start();
    let replies =
        server.ask(b"GET /own-framing HTTP/1.1\r\nHost: x\r\n\r\nGET /empty HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(replies[0].body, "longer than three");
    assert!(replies[0].head.contains("date: ") && !replies[0].head.contains("transfer-encoding"));
    assert_eq!(statuses(&replies), [200, 204]);
    assert!(!replies[1].head.contains("content-length"), "{}", replies[1].head);
}
