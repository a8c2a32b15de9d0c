//! What clients can do to a server that they can reach, and what they cannot.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::client::{connect, exchange};
use crate::harness::process::{Server, Site, until};

/// A server with a domain, for clients that come from one address in numbers.
fn server_for_many(site: &Site) -> Server {
    let server = site.serve();
    server.client().create_domain("example.com");
    server
}

fn site_for_many() -> Site {
    Site::new().with("POSTROOM_CONNECTIONS_PER_ADDRESS", &1000)
}

#[test]
fn a_server_that_runs_out_of_file_descriptors_serves_again_when_it_has_some() {
    let site = site_for_many();
    let server = Server::start(&mut site.command_with_files(64));
    let client = server.client();
    assert_eq!(client.get("/api/v1/domains").status, 200);
    let held: Vec<TcpStream> = (0..100).map(|_| connect(server.address())).collect();
    let log = server.process.stderr.wait_for("cannot take connections");
    assert_eq!(log.matches("cannot take connections").count(), 1, "once is enough");
    drop(held);
    // Kept connections of this client may have gone with the others: what counts is that new ones are served.
    until("the server serves again", || {
        let reply = client
            .send("POST", "/api/v1/domains", Some(&json!({ "url": "example.com" }).to_string()))
            .ok()?;
        (reply.status == 201).then_some(())
    });
    assert!(server.stop().success());
}

#[test]
fn three_hundred_heads_that_never_end_do_not_keep_good_clients_waiting() {
    let site = site_for_many();
    let server = server_for_many(&site);
    let client = server.client();
    let time = || {
        let started = Instant::now();
        assert_eq!(client.get("/api/v1/domains/1").status, 200);
        started.elapsed()
    };
    let slow: Vec<TcpStream> = (0..300)
        .map(|_| {
            let mut stream = connect(server.address());
            stream.write_all(b"GET /api/v1/domains HTTP/1.1\r\nHost: x\r\nX-Slow").expect("to send");
            stream
        })
        .collect();
    let slowest = (0..50).map(|_| time()).max().expect("some");
    // Far from the five seconds after which the slow ones are sent away, and that is what this tells apart.
    assert!(slowest < Duration::from_secs(2), "a good client waited {slowest:?}");
    let mut first = slow.into_iter().next().expect("one");
    let mut answer = String::new();
    let _ = first.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[test]
fn one_address_gets_its_share_of_connections_and_no_more() {
    let site = Site::new().with("POSTROOM_CONNECTIONS_PER_ADDRESS", &3);
    let server = site.serve();
    // Who is answered has a place for certain; that of an earlier connection may not be free yet.
    let admitted = || {
        let mut stream = connect(server.address());
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").ok()?;
        stream.read_exact(&mut [0; 12]).ok().map(|()| stream)
    };
    let held: Vec<TcpStream> = (0..3).map(|_| until("there is a place", admitted)).collect();
    assert_eq!(exchange(server.address(), b""), "", "the fourth is closed without a word");
    drop(held);
    until("there is a place again", admitted);
}

#[test]
fn an_account_in_a_hurry_is_told_to_wait_and_zero_lets_it_run() {
    for (rate, is_limited) in [("1", true), ("0", false)] {
        let site = Site::new().with("POSTROOM_RATE_LIMIT", rate);
        let server = site.serve();
        let client = server.client();
        let statuses: Vec<u16> = (0..20).map(|_| client.get("/api/v1/domains").status).collect();
        assert_eq!(statuses.first(), Some(&200));
        assert_eq!(statuses.contains(&429), is_limited, "{rate}: {statuses:?}");
        assert_eq!(client.get("/healthz").status, 200);
    }
}

#[test]
fn a_body_of_two_megabytes_is_refused_in_the_shape_of_the_dialect() {
    let site = Site::new();
    let server = server_for_many(&site);
    let client = server.client();
    let body = json!({ "domain": { "url": "x".repeat(2 * 1024 * 1024) } }).to_string();
    for (method, path) in [
        ("POST", "/api/v1/domains"),
        ("PATCH", "/api/v1/domains/1"),
        ("POST", "/api/v1/domains/1/api_tokens"),
    ] {
        let reply = client.send(method, path, Some(&body)).expect("an answer");
        assert_eq!(
            (reply.status, reply.json),
            (413, json!({ "error": "Request body too large" })),
            "{method} {path}"
        );
    }
    assert_eq!(client.get("/api/v1/domains").json.as_array().map(Vec::len), Some(1), "nothing was written");
}

#[test]
fn a_request_with_two_readings_is_refused_and_the_connection_closed() {
    let site = Site::new();
    let server = server_for_many(&site);
    for framing in [
        "Content-Length: 2\r\nTransfer-Encoding: chunked",
        "Content-Length: 2\r\nContent-Length: 3",
        "Content-Length: 2, 3",
        "Content-Length: +2",
        "Transfer-Encoding: chunked, gzip",
        "Content-Length: 2\r\nHost: y",
    ] {
        let request = format!(
            "POST /api/v1/domains HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n{{}}GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        );
        let answer = exchange(server.address(), request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400 "), "{framing}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "what follows is not answered: {answer}");
    }
}

#[test]
fn the_forms_of_a_request_that_every_server_must_take_are_taken() {
    let site = Site::new();
    let server = server_for_many(&site);
    let key = server.key.as_deref().expect("a key");
    let address = server.address();
    for request in [
        format!("GET http://{address}/api/v1/domains/1 HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n"),
        format!("GET HTTP://{address}/api/v1/domains/1 HTTP/1.0\r\n"),
        "GET /api/v1/domains/1 HTTP/1.0\r\n".to_owned(),
        "GET /api/v1/domains/1 HTTP/1.1\r\nHost: localhost:\r\nConnection: close\r\n".to_owned(),
        "GET /%61pi/v1/%64omains/%31 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".to_owned(),
    ] {
        let answer =
            exchange(address, format!("{request}MailPace-Organization-Token: {key}\r\n\r\n").as_bytes());
        assert!(
            answer.starts_with("HTTP/1.1 200 ") || answer.starts_with("HTTP/1.0 200 "),
            "{request}{answer}"
        );
        assert!(answer.contains("example.com"), "{answer}");
    }
}

#[test]
fn json_that_is_none_or_too_deep_is_refused_without_a_panic() {
    let site = Site::new();
    let server = server_for_many(&site);
    let client = server.client();
    let deep = "[".repeat(200_000);
    let nested = format!("{{\"domain\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
    for body in [deep.as_str(), &nested, "{", "\"\\ud800\"", "{\"url\":1e999}", "nul", "\u{feff}{}"] {
        let reply = client.send("POST", "/api/v1/domains", Some(body)).expect("an answer");
        let error = reply.json["error"].as_str().unwrap_or_default();
        assert!(reply.status == 400 && error.starts_with("Invalid JSON: "), "{reply:?}");
    }
    assert!(server.process.stderr.now().lines().all(|line| !line.contains("panicked")));
    assert_eq!(client.get("/healthz").status, 200);
}
