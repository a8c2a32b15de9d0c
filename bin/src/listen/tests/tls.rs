//! TLS: a request through it, the files read again, and what is wrong with files.

use std::fs;
use std::path::Path;
use std::process::Command;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned, version,
};

use super::*;
use crate::listen::TlsFiles;

/// Writes a new certificate and its key, and returns the certificate to trust.
fn renew(files: &TlsFiles) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["postroom.test".to_owned()]).expect("a certificate");
    fs::write(&files.cert, cert.pem()).expect("to write");
    fs::write(&files.key, signing_key.serialize_pem()).expect("to write");
    cert.der().clone()
}

fn files_in(directory: &Path) -> TlsFiles {
    TlsFiles { cert: directory.join("cert.pem"), key: directory.join("key.pem") }
}

fn over_tls(files: &TlsFiles) -> Settings {
    Settings { tls: Some(files.clone()), ..loopback() }
}

/// A request over TLS to a server that must show `trusted`; with the version that was agreed on.
fn ask(server: &Server, trusted: &CertificateDer<'static>) -> Option<(Vec<Reply>, ProtocolVersion)> {
    ask_with(server, trusted, &[&version::TLS13, &version::TLS12])
}

fn ask_with(
    server: &Server,
    trusted: &CertificateDer<'static>,
    versions: &[&'static tokio_rustls::rustls::SupportedProtocolVersion],
) -> Option<(Vec<Reply>, ProtocolVersion)> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a certificate");
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = ServerName::try_from("postroom.test").expect("a name");
    let client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut stream = StreamOwned::new(client, server.connect());
    stream.write_all(b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\n\r\n").ok()?;
    let octets = all(&mut stream);
    assert_eq!(stream.conn.alpn_protocol(), Some(b"http/1.1".as_slice()));
    Some((replies(&octets), stream.conn.protocol_version()?))
}

#[test]
fn requests_over_tls_pass_the_same_gate() {
    let directory = TempDir::new().expect("a directory");
    let files = files_in(directory.path());
    let trusted = renew(&files);
    let server = Server::with(over_tls(&files), quick());
    let (replies, agreed) = ask(&server, &trusted).expect("a handshake");
    assert_eq!((statuses(&replies), agreed), (vec![200, 400], ProtocolVersion::TLSv1_3));
    let (replies, agreed) = ask_with(&server, &trusted, &[&version::TLS12]).expect("a handshake");
    assert_eq!((statuses(&replies), agreed), (vec![200, 400], ProtocolVersion::TLSv1_2));
}

#[test]
fn a_handshake_that_does_not_come_is_not_waited_for() {
    let directory = TempDir::new().expect("a directory");
    let files = files_in(directory.path());
    renew(&files);
    let server = Server::with(over_tls(&files), quick());
    assert!(all(&mut server.connect()).is_empty());
    let mut plain = server.connect();
    send(&mut plain, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(!all(&mut plain).starts_with(b"HTTP"));
}

#[test]
fn sighup_reads_the_files_again_and_keeps_the_old_ones_if_they_are_bad() {
    let directory = TempDir::new().expect("a directory");
    let files = files_in(directory.path());
    let first = renew(&files);
    let server = Server::with(over_tls(&files), quick());
    assert!(ask(&server, &first).is_some());

    let second = renew(&files);
    hang_up();
    assert!(ask(&server, &second).is_some(), "the new certificate is shown");
    assert!(ask(&server, &first).is_none());

    fs::write(&files.key, "gone wrong").expect("to write");
    hang_up();
    assert!(ask(&server, &second).is_some(), "the last good certificate is kept");
}

/// Sends SIGHUP to this process; every listener of the tests reads its files again, which most have not.
fn hang_up() {
    let pid = std::process::id().to_string();
    assert!(Command::new("sh").args(["-c", "kill -HUP $0", &pid]).status().expect("a shell").success());
    thread::sleep(ms(200));
}

#[test]
fn what_is_wrong_with_the_files_is_said_with_their_names() {
    let directory = TempDir::new().expect("a directory");
    let files = files_in(directory.path());
    let said = |files: &TlsFiles| Listener::bind(over_tls(files)).expect_err("bad files").to_string();
    let (cert, key) = (files.cert.display().to_string(), files.key.display().to_string());

    assert!(said(&files).starts_with(&format!("cannot read {cert}: ")));
    renew(&files);
    let of_another = fs::read(&files.key).expect("to read");
    renew(&files);
    fs::write(&files.key, of_another).expect("to write");
    assert_eq!(
        said(&files),
        format!("the private key in {key} is not that of the first certificate in {cert}")
    );

    renew(&files);
    let swapped = TlsFiles { cert: files.key.clone(), key: files.cert.clone() };
    assert_eq!(said(&swapped), format!("{key} has no certificate"));
    let no_key = TlsFiles { key: files.cert.clone(), ..files.clone() };
    assert_eq!(said(&no_key), format!("{cert} has no private key, or only an encrypted one"));
    fs::write(&files.key, "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n").expect("to write");
    assert!(said(&files).starts_with(&format!("{key} is not sound PEM: ")));
    fs::write(&files.cert, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .expect("to write");
    renew_key(&files);
    assert!(said(&files).contains("cannot be used for TLS"), "{}", said(&files));
}

fn renew_key(files: &TlsFiles) {
    let cert = fs::read(&files.cert).expect("to read");
    renew(files);
    fs::write(&files.cert, cert).expect("to write");
}
