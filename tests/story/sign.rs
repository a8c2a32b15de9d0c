//! `postroom sign` as a mail server's pipe runs it, beside the server.

use std::fs::{self, File};
use std::path::Path;

use rusqlite::Connection;

use crate::harness::process::Site;

const MESSAGE: &str =
    "From: Jo <jo@example.com>\nTo: Al <al@example.net>\nSubject: Keys\n\nThis is signed.\n";

/// What came out of a pipe: exit code, stdout, stderr.
type Signed = (Option<i32>, String, String);

/// Runs `postroom sign` with a message on its stdin.
fn sign(site: &Site, arguments: &[&str], message: impl AsRef<[u8]>) -> Signed {
    let file = site.file("message.eml");
    fs::write(&file, message).expect("to write");
    let mut command = site.command(&[&["sign"], arguments].concat());
    let output = command.stdin(File::open(file).expect("to read")).output().expect("to run");
    let text = |octets: Vec<u8>| String::from_utf8(octets).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Has the domain's keys sign, as they do once their records have been seen.
fn activate(db: &Path) {
    let conn = Connection::open(db).expect("a database");
    assert_eq!(conn.execute("UPDATE dkim_key SET activated_at = 1", ()), Ok(1));
}

/// The message as it came, with one line on stderr that says why.
fn passes(signed: &Signed, message: &str, why: &str) {
    assert_eq!((signed.0, signed.1.as_str()), (Some(0), message), "{signed:?}");
    assert!(
        signed.2.starts_with("postroom: the message is not signed: ") && signed.2.contains(why),
        "{signed:?}"
    );
    assert_eq!(signed.2.lines().count(), 1, "{signed:?}");
}

/// Nothing came out, and one line on stderr.
fn refuses(signed: &Signed, code: i32) {
    assert_eq!((signed.0, signed.1.as_str(), signed.2.lines().count()), (Some(code), "", 1), "{signed:?}");
    assert!(signed.2.starts_with("postroom: "), "{signed:?}");
}

#[test]
fn a_message_is_signed_in_a_pipe_beside_the_server_and_passes_until_its_key_is_active() {
    let site = Site::new();
    let server = site.serve();
    passes(&sign(&site, &[], MESSAGE), MESSAGE, "example.com has no active DKIM key");
    server.client().create_domain("example.com");
    passes(&sign(&site, &[], MESSAGE), MESSAGE, "example.com has no active DKIM key");
    refuses(&sign(&site, &["--require"], MESSAGE), 75);
    activate(&site.db());

    for line_end in ["\n", "\r\n"] {
        let message = MESSAGE.replace('\n', line_end);
        let (code, out, err) = sign(&site, &["--require"], &message);
        assert_eq!((code, err.as_str()), (Some(0), ""));
        let header = out.strip_suffix(&message).unwrap_or_else(|| panic!("another message: {out}"));
        assert!(header.starts_with("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com;"));
        assert!(header.contains(" s=pr1;") && header.contains("h=From:From:") && header.ends_with(line_end));
        assert_eq!(header.matches('\r').count(), header.matches("\r\n").count());
        assert_eq!(header.matches('\n').count(), header.matches(line_end).count());
    }
    // The From field says whose it is, unless the command line does.
    let of_another = MESSAGE.replace("jo@example.com", "jo@example.org");
    passes(&sign(&site, &[], &of_another), &of_another, "example.org has no active DKIM key");
    assert!(sign(&site, &["--domain", "example.com"], &of_another).1.contains("d=example.com;"));
    // The server goes on with the same database.
    assert_eq!(server.client().get("/api/v1/domains").status, 200);
    assert!(server.stop().success());
    assert!(sign(&site, &[], MESSAGE).1.starts_with("DKIM-Signature: "), "and without it");
}

#[test]
fn a_malformed_message_passes_or_is_given_back_and_is_never_half_signed() {
    let site = Site::new();
    let server = site.serve();
    server.client().create_domain("example.com");
    activate(&site.db());
    for (message, why) in [
        ("", "no From field"),
        ("To: al@example.net\n\nx\n", "no From field"),
        ("From: jo@example.com\nFrom: al@example.com\n\nx\n", "2 From fields"),
        ("From: jo@example.com\nnothing\n\nx\n", "line 2 "),
        ("From: root@localhost\n\nx\n", "no address at a mail domain"),
    ] {
        passes(&sign(&site, &[], message), message, why);
        refuses(&sign(&site, &["--require"], message), 65);
    }
}

#[test]
fn trouble_with_the_database_or_the_settings_keeps_the_message_for_later() {
    let site = Site::new();
    refuses(&sign(&site, &[], MESSAGE), 75);
    assert!(!site.db().exists(), "sign makes nothing");
    let server = site.serve();
    server.client().create_domain("example.com");
    activate(&site.db());
    assert!(server.stop().success());
    refuses(&sign(&site, &["--config", "none.toml"], MESSAGE), 75);
    for mistake in [&["--requier"][..], &["--domain", "none"], &["--log", "loud"]] {
        let (code, out, err) = sign(&site, mistake, MESSAGE);
        assert_eq!((code, out.as_str()), (Some(75), ""), "{mistake:?}: {err}");
    }

    let sealed = Connection::open(site.db()).expect("a database");
    sealed.execute("UPDATE dkim_key SET sealed = zeroblob(100)", ()).expect("SQL");
    drop(sealed);
    refuses(&sign(&site, &[], MESSAGE), 75);
    fs::rename(site.file("postroom.db.key"), site.file("elsewhere")).expect("to rename");
    refuses(&sign(&site, &[], MESSAGE), 75);
    fs::write(site.db(), "no database at all").expect("to write");
    refuses(&sign(&site, &[], MESSAGE), 75);
}
