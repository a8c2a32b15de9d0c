//! Scouts: a page is fetched from the vetted address alone, without redirects and not without end; a mail host is listened to, and
//! told no more than a greeting.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use postroom::advisory::{
    self, AdviceCode, Https, Presented, Smtp, SmtpHost, Subject, Topic, Vouching, WebPage,
};
use postroom::dns::{RecordData, RecordType, ScriptedResolver};
use postroom::egress::{EgressPolicy, VettedAddresses};
use postroom::name::DnsName;
use postroom_server::scout::{MailScout, Scouts, WebScout};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedKey, DnType, IsCa, Issuer, KeyPair, PublicKeyData,
    generate_simple_self_signed,
};
use sha2::{Digest, Sha256, Sha512};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use ureq::tls::{Certificate, RootCerts};

use crate::harness::postfix::Postfix;

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

/// The scout, at this port, trusting these authorities.
fn scout(port: u16, roots: &[CertificateDer<'static>]) -> MailScout {
    let mut trusted = RootCertStore::empty();
    for root in roots {
        trusted.add(root.clone()).unwrap();
    }
    MailScout::named(&"mx.mail.example.net".parse().unwrap()).at_port(port, trusted)
}

/// What a scout hears from a mail host that says these things in turn, and what it said.
fn greet(says: &'static [&'static [u8]]) -> (Result<SmtpHost, String>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = String::new();
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        for text in says {
            // A scout that has had enough goes away.
            let _ = stream.write_all(text);
            let mut line = Vec::new();
            let _ = lines.read_until(b'\n', &mut line);
            heard += &String::from_utf8_lossy(&line);
        }
        drop(lines);
        heard
    });
    (scout(port, &[]).greet(&host(), &here()), server.join().unwrap())
}

#[test]
fn a_mail_host_without_starttls_is_told_and_hears_no_more_than_a_greeting() {
    let (greeted, heard) = greet(&[b"220-mx\r\n220 ready\r\n", b"250-mx\r\n250 XSTARTTLS\r\n"]);
    assert_eq!(greeted, Ok(SmtpHost::Plain));
    assert_eq!(heard, "EHLO mx.mail.example.net\r\nQUIT\r\n");
}

#[test]
fn a_mail_host_that_refuses_or_breaks_off_is_told() {
    assert!(greet(&[b"554 no\r\n"]).0.unwrap_err().contains("refusal"));
    assert!(greet(&[b"\xff\xfe"]).0.is_err());
    let long: &'static [&'static [u8]] = vec![vec![b'a'; 80_000].leak() as &[u8]].leak();
    assert!(greet(long).0.is_err(), "a line without an end");
}

#[test]
fn an_offer_of_starttls_that_comes_to_nothing_is_told() {
    let offer = b"250-mx\r\n250 starttls\r\n";
    for (answer, then, why) in [
        (&b"454 not now\r\n"[..], &b""[..], "454 not now"),
        (b"220 go\r\n250 injected\r\n", b"", "unencrypted"),
        (b"220 go\r\n", b"no TLS at all\r\n", "not TLS"),
        (b"220 go\r\n", b"\x15\x03\x03\x00\x02\x02\x28", "HandshakeFailure"),
        (b"220 go\r\n", b"", "breaks off"),
    ] {
        let says: Vec<&'static [u8]> = vec![b"220 mx\r\n", offer, answer, then];
        match greet(says.leak()).0 {
            Ok(SmtpHost::Broken(told)) => assert!(told.contains(why), "{told}, not {why}"),
            other => panic!("{why}: {other:?}"),
        }
    }
}

/// An authority, and the certificates that it signs.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority");
        let key = KeyPair::generate().unwrap();
        let made = params.self_signed(&key).unwrap();
        let (certificate, pem) = (made.der().clone(), made.pem());
        Authority { issuer: Issuer::new(params, key), certificate, pem }
    }

    /// A certificate for this name until that year, with its key: in DER and in PEM.
    fn sign(&self, name: &str, until: i32) -> Signed {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let made = params.signed_by(&key, &self.issuer).unwrap();
        Signed {
            certificate: made.der().clone(),
            key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            pem: format!("{}{}", key.serialize_pem(), made.pem()),
            public: key.subject_public_key_info(),
        }
    }
}

struct Signed {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    pem: String,
    public: Vec<u8>,
}

/// What a scout that trusts `roots` sees of a mail host with these certificates.
fn see(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    roots: &[CertificateDer<'static>],
) -> Presented {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        for text in ["220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n", "220 go\r\n"] {
            stream.write_all(text.as_bytes()).unwrap();
            if !text.contains("go") {
                lines.read_line(&mut String::new()).unwrap();
            }
        }
        let mut tls = StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream);
        let mut after = Vec::new();
        let _ = tls.read_to_end(&mut after);
        after
    });
    let heard = scout(port, roots).greet(&host(), &here());
    assert_eq!(server.join().unwrap(), b"", "nothing is said within");
    match heard {
        Ok(SmtpHost::Encrypted(presented)) => presented,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_certificate_is_seen_with_its_names_its_time_and_who_vouches_for_it() {
    let (known, unknown) = (Authority::new(), Authority::new());
    let roots = [known.certificate.clone()];
    let seen = |by: &Authority, with: &[&CertificateDer<'static>]| {
        let Signed { certificate, key, public, .. } = by.sign(HOST, 2100);
        let chain: Vec<_> = [&certificate].into_iter().chain(with.iter().copied()).cloned().collect();
        let presented = see(chain, key, &roots);
        assert_eq!((&presented.own.whole, &presented.own.key), (&certificate.to_vec(), &public));
        presented
    };
    let right = seen(&known, &[&known.certificate]);
    assert_eq!((right.trust, right.names.as_slice()), (Vouching::Public, &[HOST.to_owned()][..]));
    assert_eq!((&right.from.to_string()[..10], &right.until.to_string()[..10]), ("2020-01-01", "2100-01-01"));
    assert!(right.above[0].vouches);
    assert_eq!(seen(&known, &[]).trust, Vouching::Public, "an authority that is trusted need not be sent");
    assert_eq!(seen(&unknown, &[]).trust, Vouching::Incomplete);
    let stranger = seen(&unknown, &[&unknown.certificate, &known.certificate]);
    assert_eq!(stranger.trust, Vouching::Unknown);
    assert_eq!(stranger.above.iter().map(|above| above.vouches).collect::<Vec<_>>(), [true, false]);
    let ended = known.sign(HOST, 2021);
    let ended = see(vec![ended.certificate], ended.key, &roots);
    assert_eq!((ended.trust, &ended.until.to_string()[..10]), (Vouching::Public, "2021-01-01"));
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([HOST.to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    assert_eq!(see(vec![cert.der().clone()], key, &roots).trust, Vouching::SelfSigned);
}

/// What there is to say of the mail host and of its TLSA record.
fn advise(port: u16, roots: &[CertificateDer<'static>], tlsa: &RecordData) -> Vec<(&'static str, String)> {
    let name = format!("_25._tcp.{HOST}");
    let dns = ScriptedResolver::new()
        .mx("example.com", 10, HOST)
        .a(HOST, Ipv4Addr::LOCALHOST)
        .record(&name, tlsa.clone())
        .validated(&name, RecordType::Tlsa);
    let subject =
        Subject { domain: "example.com".parse().unwrap(), mx_host: host(), sending: Vec::new(), rua: None };
    let scouts = Scouts { https: None, smtp: Some(scout(port, roots)) };
    let egress = EgressPolicy::allowing(vec!["127.0.0.0/8".parse().unwrap()]);
    let now = "2026-11-21T00:00:00.000Z".parse().unwrap();
    let advice = advisory::look(&subject, &scouts.tools(&dns, &egress, now));
    let of_hosts = advice.into_iter().filter(|(topic, _)| matches!(topic, Topic::MailHosts | Topic::Tlsa));
    of_hosts.map(|(_, advice)| (advice.code.map_or("-", AdviceCode::as_str), advice.text)).collect()
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs Postfix")]
fn a_real_postfix_is_judged_by_its_certificate() {
    let (known, other) = (Authority::new(), Authority::new());
    let roots = [known.certificate.clone()];
    let tlsa = |usage, selector, matching, data: &[u8]| {
        let data = match matching {
            0 => data.to_vec(),
            1 => Sha256::digest(data).to_vec(),
            _ => Sha512::digest(data).to_vec(),
        };
        RecordData::Tlsa { usage, selector, matching, data }
    };
    let nothing = tlsa(3, 1, 1, b"another key");
    let postfix = |signed: &Signed, above: &str, level: &str| {
        let postfix = Postfix::new();
        let file = postfix.sockets().parent().unwrap().with_file_name("chain.pem");
        fs::write(&file, format!("{}{above}", signed.pem)).unwrap();
        postfix.start(&format!(
            "smtpd_tls_chain_files = {}\nsmtpd_tls_security_level = {level}",
            file.display()
        ));
        postfix
    };
    let codes = |postfix: &Postfix, tlsa: &RecordData| {
        let said = advise(postfix.port, &roots, tlsa);
        said.iter().map(|(code, _)| *code).collect::<Vec<_>>()
    };

    let right = known.sign(HOST, 2100);
    let server = postfix(&right, "", "may");
    let (whole, key) = (right.certificate.as_ref(), right.public.as_slice());
    for (selector, data) in [(0, whole), (1, key)] {
        for matching in 0..3 {
            assert_eq!(
                codes(&server, &tlsa(3, selector, matching, data)),
                ["-", "-"],
                "3 {selector} {matching}"
            );
        }
    }
    assert_eq!(codes(&server, &nothing), ["-", "tlsa_mismatch"]);
    assert_eq!(
        codes(&server, &tlsa(2, 0, 1, known.certificate.as_ref())),
        ["-", "tlsa_mismatch"],
        "it is not sent"
    );
    assert_eq!(codes(&server, &tlsa(2, 0, 0, known.certificate.as_ref())), ["-", "-"], "it need not be sent");
    drop(server);

    let private = other.sign(HOST, 2100);
    let server = postfix(&private, &other.pem, "may");
    assert_eq!(codes(&server, &nothing), ["certificate_untrusted", "tlsa_mismatch"]);
    assert_eq!(codes(&server, &tlsa(2, 0, 1, other.certificate.as_ref())), ["-", "-"], "DANE vouches for it");
    drop(server);

    let server = postfix(&known.sign("www.example.com", 2100), "", "may");
    assert_eq!(codes(&server, &nothing), ["certificate_wrong_name", "tlsa_mismatch"]);
    drop(server);
    let ended = known.sign(HOST, 2026);
    let server = postfix(&ended, "", "may");
    assert_eq!(codes(&server, &nothing), ["certificate_expired", "tlsa_mismatch"]);
    assert_eq!(codes(&server, &tlsa(3, 1, 1, &ended.public)), ["-", "-"], "its time does not matter to DANE");
    drop(server);
    let server = postfix(&right, "", "none");
    assert_eq!(codes(&server, &nothing), ["smtp_no_starttls", "tlsa_without_tls"]);
}
