//! Signals: SIGTERM and SIGINT end the server when all that was asked is answered, SIGHUP has the TLS files read again.

use std::net::TcpStream;
use std::thread;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::json;

use super::verify::site_asking;
use crate::harness::client::Client;
use crate::harness::dns::Silence;
use crate::harness::process::{PATIENCE, Running, Site, text, until};

/// Stops a server by `signal` while it verifies, which the silent resolver draws out for seconds.
fn stop_while_it_verifies(signal: &str) {
    let silence = Silence::start();
    let site = site_asking(&silence.address());
    let mut server = site.serve();
    let client = server.client();
    let domain = client.create_domain("example.com");

    let asked = thread::spawn({
        let client = client.clone();
        move || client.send("POST", "/api/v1/domains/1/verify", None)
    });
    silence.wait_for_a_question();
    server.process.signal(signal);
    server.process.stderr.wait_for("stopping");
    let address = server.address().to_owned();
    until("nobody is let in any more", || TcpStream::connect(&address).is_err().then_some(()));

    let reply = asked.join().expect("no panic").expect("an answer");
    assert_eq!((reply.status, &reply.json["dkim_verified"]), (200, &json!(false)), "{reply:?}");
    assert!(
        reply.json["errors"]["dkim"].as_str().is_some_and(|text| text.contains("did not answer in time"))
    );
    assert_eq!(server.process.wait().code(), Some(0), "{}", server.process.stderr.whole());

    // Closed, SQLite has moved everything into the one file.
    assert!(!site.file("postroom.db-wal").exists(), "the database was not closed");
    let conn = rusqlite::Connection::open(site.db()).expect("a database");
    let checked: i64 = conn
        .query_row("SELECT count(*) FROM record WHERE checked_at IS NOT NULL", [], |row| row.get(0))
        .expect("a count");
    assert_eq!(checked, 5, "what the request found was written down");
    let restarted = site.serve();
    let again = Client::new(&restarted.url, server.key.as_deref().expect("a key"));
    assert_eq!(again.get("/api/v1/domains/1").json["url"], domain["url"]);
}

#[test]
fn the_database_is_closed_also_while_a_spare_key_is_being_made() {
    let site = Site::new().with("POSTROOM_DKIM_SPARE_KEYS", "100");
    assert!(site.serve().stop().success());
    let left = site.file("postroom.db-wal").metadata().map_or(0, |wal| wal.len());
    assert_eq!(left, 0, "octets that are not in the database's file");
}

#[test]
fn sigterm_has_the_request_in_hand_answered_and_the_database_closed() {
    stop_while_it_verifies("TERM");
}

#[test]
fn sigint_has_the_request_in_hand_answered_and_the_database_closed() {
    stop_while_it_verifies("INT");
}

#[test]
fn a_signal_is_taken_from_the_moment_on_at_which_the_server_says_where_it_is() {
    let site = Site::new();
    for attempt in 0..25 {
        let mut server = Running::start(&mut site.command(&["serve", "--listen", "127.0.0.1:0"]));
        server.stdout.wait_for("http://");
        server.signal("TERM");
        let status = server.wait();
        assert_eq!(status.code(), Some(0), "attempt {attempt}: {status}");
    }
}

#[test]
fn a_second_sigterm_does_without_the_answers() {
    let silence = Silence::start();
    let site = site_asking(&silence.address());
    let mut server = site.serve();
    let client = server.client();
    client.create_domain("example.com");
    let asked = thread::spawn(move || client.send("POST", "/api/v1/domains/1/verify", None));
    silence.wait_for_a_question();
    let started = std::time::Instant::now();
    server.process.signal("TERM");
    server.process.stderr.wait_for("stopping");
    server.process.signal("TERM");
    assert_eq!(server.process.wait().code(), Some(0));
    assert!(started.elapsed() < PATIENCE / 20, "it waited {:?} all the same", started.elapsed());
    assert!(asked.join().expect("no panic").is_err());
}

#[test]
fn the_last_use_of_a_key_is_written_down_before_the_end() {
    let site = Site::new();
    let server = site.serve();
    assert_eq!(server.client().get("/api/v1/domains").status, 200);
    assert!(server.stop().success());
    assert!(site.json(&["key", "list"])[0]["last_used_at"].is_string());
}

#[test]
fn sighup_has_the_tls_files_read_again() {
    let site = Site::new();
    let (cert, key) = (site.file("cert.pem"), site.file("key.pem"));
    let renew = || {
        let made = generate_simple_self_signed(["127.0.0.1".to_owned()]);
        let CertifiedKey { cert: certificate, signing_key } = made.expect("a certificate");
        std::fs::write(&cert, certificate.pem()).expect("to write");
        std::fs::write(&key, signing_key.serialize_pem()).expect("to write");
        certificate.der().to_vec()
    };
    let first = renew();
    let server = site.serve_with(&["--tls-cert", text(&cert), "--tls-key", text(&key)]);
    assert!(server.url.starts_with("https://"), "{}", server.url);
    let works_with = |certificate: &[u8]| {
        Client::trusting(&server.url, certificate)
            .send("GET", "/healthz", None)
            .is_ok_and(|reply| reply.status == 200)
    };
    assert!(works_with(&first));

    let second = renew();
    assert!(works_with(&first) && !works_with(&second), "new files are not read without being asked for");
    server.process.signal("HUP");
    server.process.stderr.wait_for("the TLS files are read again");
    assert!(works_with(&second) && !works_with(&first));

    std::fs::write(&key, "gone wrong").expect("to write");
    server.process.signal("HUP");
    server.process.stderr.wait_for("the TLS files stay as they were");
    assert!(works_with(&second), "bad files do not end a server that runs");
}

#[test]
fn sighup_without_tls_ends_nothing() {
    let site = Site::new();
    let server = site.serve();
    assert_eq!(server.client().get("/healthz").status, 200);
    server.process.signal("HUP");
    server.process.stderr.wait_for("no TLS files");
    assert_eq!(server.client().get("/healthz").status, 200);
}
