//! What a start is refused for: each time one line that says what is wrong with what, and its exit code.

use std::fs;
use std::net::TcpListener;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rusqlite::Connection;

use crate::harness::process::{Site, text};

/// Has `arguments` refused with this exit code, in one line that has all of `words`.
fn refused(site: &Site, arguments: &[&str], code: i32, words: &[&str]) {
    let finished = site.run(arguments);
    assert_eq!(finished.code, Some(code), "{arguments:?}: {finished:?}");
    assert_eq!(finished.stdout, "", "{arguments:?}");
    let line = finished.stderr.strip_suffix('\n').expect("a line");
    assert!(line.starts_with("postroom: ") && !line.contains('\n'), "one line: {line}");
    for word in words {
        assert!(line.contains(word), "\"{word}\" is missing in: {line}");
    }
}

const SERVE: &[&str] = &["serve", "--listen", "127.0.0.1:0"];

/// A site that has a database with an account, a domain and a key.
fn used_site() -> Site {
    let site = Site::new();
    let server = site.serve();
    server.client().create_domain("example.com");
    assert!(server.stop().success());
    site
}

#[test]
fn a_database_is_not_served_with_a_master_key_that_is_missing_foreign_damaged_or_open_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let site = used_site();
    let key = site.file("postroom.db.key");
    let own = fs::read(&key).expect("a key");

    let other = used_site();
    fs::copy(other.file("postroom.db.key"), &key).expect("to copy");
    refused(&site, SERVE, 4, &["postroom.db.key is not the master key", "--master-key-file"]);
    // The commands beside the server refuse as well.
    refused(&site, &["domain", "list"], 4, &["is not the master key"]);

    fs::remove_file(&key).expect("to remove");
    refused(&site, SERVE, 3, &["sealed with a master key that is not at", "postroom.db.key"]);
    assert!(!key.exists(), "no new key takes the place of the one that is missing");

    fs::write(&key, "not a key").expect("to write");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("to set");
    refused(&site, SERVE, 1, &["postroom.db.key"]);

    fs::write(&key, &own).expect("to write");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("to set");
    refused(&site, SERVE, 1, &["postroom.db.key", "chmod 600"]);

    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("to set");
    assert!(site.serve().stop().success(), "with its own key it is served again");
}

#[test]
fn a_file_that_is_no_database_of_ours_is_refused_and_left_as_it_is() {
    let site = used_site();
    let db = site.db();
    let sql = |sql: &str| Connection::open(&db).and_then(|c| c.execute_batch(sql)).expect("SQL");

    sql("PRAGMA user_version = 999");
    refused(&site, SERVE, 2, &["schema version 999", "this Postroom knows", "newer"]);
    let told = site.run(SERVE).stderr;
    let known = told.split("knows ").nth(1).and_then(|rest| rest.split(';').next()).expect("a version");
    sql(&format!("PRAGMA user_version = {known}"));
    assert!(site.serve().stop().success(), "nothing was changed");

    let foreign = site.file("foreign.db");
    Connection::open(&foreign).and_then(|c| c.execute_batch("CREATE TABLE t (x)")).expect("SQL");
    let before = fs::read(&foreign).expect("to read");
    refused(
        &site,
        &["serve", "--db", text(&foreign)],
        2,
        &["foreign.db is another program's database", "--db"],
    );
    assert!(before == fs::read(&foreign).expect("to read"), "another program's file is not written to");

    let junk = site.file("junk.db");
    fs::write(&junk, "no database at all\n".repeat(500)).expect("to write");
    refused(&site, &["serve", "--db", text(&junk)], 1, &["junk.db is not a database, or is damaged"]);

    let mut octets = fs::read(&db).expect("to read");
    octets.iter_mut().skip(100).take(3000).for_each(|octet| *octet = 0x5A);
    fs::write(&db, octets).expect("to write");
    refused(&site, SERVE, 1, &["postroom.db", "damaged", "restore a backup"]);
}

#[test]
fn a_path_where_no_database_can_be_is_refused() {
    let site = Site::new();
    fs::create_dir(site.file("directory.db")).expect("to make");
    refused(&site, &["serve", "--db", "directory.db"], 1, &["directory.db", "directory"]);
    refused(&site, &["serve", "--db", "missing/postroom.db"], 3, &["missing/postroom.db", "No such file"]);
    // Nobody may make files there, not even root.
    refused(&site, &["serve", "--db", "/sys/postroom.db"], 1, &["/sys/postroom.db", "cannot be opened"]);
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    refused(&Site::new(), &["serve", "--listen", &address], 4, &[&address, "in use", "--listen"]);
    refused(
        &Site::new(),
        &["serve", "--listen", "192.0.2.1:80"],
        2,
        &["192.0.2.1:80", "not an address of this machine"],
    );
}

#[test]
fn a_second_server_on_a_file_is_refused_until_the_first_has_ended() {
    let site = Site::new();
    let mut first = site.serve();
    refused(&site, SERVE, 4, &["postroom.db is served by another postroom process", "--db"]);
    assert_eq!(first.client().get("/healthz").status, 200, "the first goes on");
    first.process.kill();
    assert!(site.serve().stop().success(), "a killed server leaves no claim behind");
}

#[test]
fn a_configuration_that_says_nothing_known_is_refused_with_file_and_key() {
    let site = Site::new();
    let file = site.file("postroom.toml");
    // Without --listen, which would come before the file's word on it.
    let config = ["serve", "--config", text(&file)];
    refused(&site, &config, 3, &["postroom.toml", "cannot be read"]);
    for (toml, words) in [
        ("[mx]\nhots = \"mx.example.net\"\n", &["postroom.toml", "mx.hots", "serve --help"][..]),
        ("[mx\nhost = 1\n", &["postroom.toml", "is not TOML", "line 1"]),
        ("[mx]\npriority = 70000\n", &["postroom.toml: mx.priority", "70000"]),
        ("listen = \"8025\"\n", &["postroom.toml: listen", "8025"]),
        (
            "[dns]\nresolvers = [\"127.0.0.1\", \"dns.example\"]\n",
            &["dns.resolvers", "dns.example", "IP address"],
        ),
        ("[tls]\ncert = \"cert.pem\"\n", &["tls.cert", "tls.key"]),
        ("mx = 5\n", &["postroom.toml", "mx"]),
    ] {
        fs::write(&file, toml).expect("to write");
        refused(&site, &config, 2, words);
    }
    assert!(!site.db().exists(), "what is refused leaves nothing behind");
}

#[test]
fn a_variable_with_a_value_that_will_not_do_is_named() {
    for (variable, value) in [
        ("POSTROOM_LISTEN", "localhost"),
        ("POSTROOM_RESOLVERS", "127.0.0.1,two"),
        ("POSTROOM_RESOLVERS", "127.0.0.1:0"),
        ("POSTROOM_DNS_AUTHORITATIVE", "perhaps"),
        ("POSTROOM_MX_PRIORITY", "-1"),
        ("POSTROOM_MX_HOST", "mx..example.net"),
        ("POSTROOM_SPF_MECHANISM", "+all"),
        ("POSTROOM_DMARC_POLICY", "strict"),
        ("POSTROOM_DKIM_SELECTOR", "a_b!"),
        ("POSTROOM_CONNECTIONS_PER_ADDRESS", "many"),
        ("POSTROOM_SCHEDULE_AT_ONCE", "few"),
        ("POSTROOM_DNS_MARK", "perhaps"),
        ("POSTROOM_SENDING_ADDRESSES", "mail.example.net"),
        ("POSTROOM_TRUSTED_PROXIES", "abc def"),
        ("POSTROOM_ADVICE_SMTP", "maybe"),
        ("POSTROOM_ADVICE_HTTPS", "5"),
        ("POSTROOM_INBOUND_ABUSE_POLICY", "zzz"),
        ("POSTROOM_BRIDGE_SUBMIT", "x"),
        ("POSTROOM_BRIDGE_WEBHOOKS_AT_ONCE", "99"),
        ("POSTROOM_BRIDGE_DELIMITER", "a"),
        ("POSTROOM_BRIDGE_SPAM_HEADER", "X-Spam"),
        ("POSTROOM_BRIDGE_MAIL_DIR", ""),
        ("POSTROOM_WRITE_QUEUE", "0"),
    ] {
        let site = Site::new().with(variable, value);
        for command in [&["serve"][..], &["bridge"], &["config", "check"], &["domain", "list"]] {
            refused(&site, command, 2, &[variable]);
        }
        assert!(!site.db().exists(), "{variable}");
    }
}

#[test]
fn tls_files_that_cannot_be_used_are_named() {
    let site = Site::new();
    let pair = || {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        (cert.pem(), signing_key.serialize_pem())
    };
    let (cert, key) = (site.file("cert.pem"), site.file("key.pem"));
    let tls = ["serve", "--listen", "127.0.0.1:0", "--tls-cert", text(&cert), "--tls-key", text(&key)];
    refused(&site, &tls, 3, &["cert.pem", "No such file"]);
    fs::write(&cert, pair().0).expect("to write");
    refused(&site, &tls, 3, &["key.pem", "No such file"]);
    fs::write(&key, pair().1).expect("to write");
    refused(&site, &tls, 2, &["key.pem is not that of the first certificate in", "cert.pem"]);
    fs::write(&key, "no key").expect("to write");
    refused(&site, &tls, 2, &["key.pem has no private key"]);
    fs::write(&cert, "").expect("to write");
    refused(&site, &tls, 2, &["cert.pem has no certificate"]);
}
