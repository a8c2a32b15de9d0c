//! Scouts: a page is fetched from the vetted address alone, without redirects and not without end; a mail host is listened to, and
//! told no more than a greeting.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use postroom::advisory::{Https, Smtp, WebPage};
use postroom::egress::{EgressPolicy, VettedAddresses};
use postroom::name::DnsName;
use postroom_server::scout::{MailScout, WebScout};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};
use ureq::tls::{Certificate, RootCerts};

const HOST: &str = "mta-sts.example.com";
const PATH: &str = "/.well-known/mta-sts.txt";

fn host() -> DnsName {
    HOST.parse().unwrap()
}

/// This machine, as if the operator allowed it.
fn here() -> VettedAddresses {
    let policy = EgressPolicy::allowing(vec!["127.0.0.0/8".parse().unwrap()]);
    policy.vet(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]).unwrap()
}

/// What a scout gets from a web server with a certificate for `name` that answers so, and the request that it sent.
fn fetch(name: &str, answer: &'static [u8], most: usize) -> (Result<WebPage, String>, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server: JoinHandle<String> = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let connection = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        let mut head = String::new();
        let mut octet = [0];
        // A client that does not trust the certificate says nothing.
        while !head.ends_with("\r\n\r\n") && stream.read_exact(&mut octet).is_ok() {
            head.push(char::from(octet[0]));
        }
        let _ = stream.write_all(answer);
        stream.conn.send_close_notify();
        let _ = stream.flush();
        head
    });
    let roots = RootCerts::Specific(Arc::new(vec![Certificate::from_der(cert.der()).to_owned()]));
    let fetched = WebScout::trusting(roots, port).fetch(&host(), PATH, &here(), most);
    (fetched, server.join().unwrap())
}

#[test]
fn a_page_is_fetched_from_the_vetted_address_by_the_name_of_its_host() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 14\r\n\r\nversion: STSv1";
    let (page, asked) = fetch(HOST, answer, 1000);
    let page = page.unwrap();
    assert_eq!((page.status, page.media_type.as_deref()), (200, Some("text/plain")));
    assert_eq!(page.body, b"version: STSv1");
    let asked = asked.to_ascii_lowercase();
    assert!(asked.starts_with(&format!("get {PATH} http/1.1\r\n")), "{asked}");
    assert!(asked.contains(&format!("\r\nhost: {HOST}")), "{asked}");
    assert!(!asked.contains("cookie") && !asked.contains("authorization"), "{asked}");
}

#[test]
fn a_redirect_is_an_answer_and_not_followed() {
    let answer = b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(fetch(HOST, answer, 1000).0.unwrap().status, 302);
}

#[test]
fn no_more_is_read_than_was_asked_for() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n01234567890123456789";
    assert_eq!(fetch(HOST, answer, 7).0.unwrap().body, b"0123456");
}

#[test]
fn a_certificate_of_another_host_is_refused() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let (page, asked) = fetch("other.example.com", answer, 1000);
    assert!(page.unwrap_err().contains("certificate"), "the reason is said");
    assert_eq!(asked, "", "and nothing was asked");
}

#[test]
fn a_web_server_that_is_not_there_is_told() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refused = WebScout::trusting(RootCerts::WebPki, port).fetch(&host(), PATH, &here(), 1000);
    assert!(refused.unwrap_err().contains("cannot be reached"));
}

/// What a scout hears from a mail host that says these things in turn, and what it said.
fn greet(says: &'static [&'static [u8]]) -> (Result<postroom::advisory::SmtpHost, String>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = String::new();
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        for text in says {
            // A scout that has had enough goes away.
            let _ = stream.write_all(text);
            let _ = lines.read_line(&mut heard);
        }
        drop(lines);
        heard
    });
    let scout = MailScout::named(&"mx.mail.example.net".parse().unwrap()).at_port(port);
    (scout.greet(&host(), &here()), server.join().unwrap())
}

#[test]
fn a_mail_host_that_offers_starttls_is_told_from_one_that_does_not() {
    let (greeted, heard) = greet(&[b"220-mx\r\n220 ready\r\n", b"250-mx\r\n250-SIZE 1\r\n250 starttls\r\n"]);
    assert!(greeted.unwrap().starttls);
    assert_eq!(heard, "EHLO mx.mail.example.net\r\nQUIT\r\n");
    let (greeted, _) = greet(&[b"220 mx\r\n", b"250-mx\r\n250 XSTARTTLS\r\n"]);
    assert!(!greeted.unwrap().starttls);
}

#[test]
fn a_mail_host_that_refuses_or_breaks_off_is_told() {
    assert!(greet(&[b"554 no\r\n"]).0.unwrap_err().contains("refusal"));
    assert!(greet(&[b"\xff\xfe"]).0.is_err());
    let long: &'static [&'static [u8]] = vec![vec![b'a'; 40_000].leak() as &[u8]].leak();
    assert!(greet(long).0.is_err(), "a line without an end");
}
