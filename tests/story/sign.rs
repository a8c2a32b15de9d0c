//! `postroom sign` as a mail server's pipe runs it, beside the server.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use postroom::db::{Options, Postroom};
use postroom::domain;
use postroom::id::DomainId;
use postroom::settings::Settings;
use postroom::token;
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

/// The secret of a new token of the server's first domain.
fn token(site: &Site, domain: &str) -> String {
    let conn = Connection::open(site.db()).expect("a database");
    let id: i64 = conn
        .query_row("SELECT id FROM domain WHERE name = ?1", [domain], |row| row.get(0))
        .expect("the domain");
    drop(conn);
    let options = Options::new(Settings::for_server(&"mail.example.net".parse().expect("a name")));
    let postroom = Postroom::open(site.db(), options).expect("a database");
    let (_, secret) = postroom
        .write(|tx| {
            let name = domain.parse().expect("a name");
            let caller = domain::operator_of(tx, &name)?;
            token::create(tx, &caller, &domain::find(tx, &caller, DomainId::new(id))?, None)
        })
        .expect("a token");
    secret.reveal().to_owned()
}

/// Two tenants, each with a domain whose key signs.
fn two_tenants(site: &Site) {
    let server = site.serve();
    server.client().create_domain("one.example");
    server.client().create_domain("two.example");
    assert!(server.stop().success());
    assert!(site.command(&["account", "create", "tenant-two"]).output().expect("to run").status.success());
    let transfer = ["domain", "transfer", "two.example", "--to", "tenant-two"];
    assert!(site.command(&transfer).output().expect("to run").status.success());
    let conn = Connection::open(site.db()).expect("a database");
    assert_eq!(
        conn.execute("UPDATE dkim_key SET activated_at = 1", ()),
        Ok(3),
        "a domain that changes hands has a new key"
    );
}

#[test]
fn one_of_two_tenants_is_never_signed_as_the_other() {
    let site = Site::new();
    two_tenants(&site);
    let from = |address: &str| format!("From: Jo <{address}>\nSubject: Keys\n\nThis is signed.\n");
    let file = site.file("token");
    fs::write(&file, format!("{}\n", token(&site, "two.example"))).expect("to write");
    let file = file.to_str().expect("UTF-8");
    for binding in [["--account", "tenant-two"], ["--sender", "al@two.example"], ["--token-file", file]] {
        let (code, out, err) = sign(&site, &[&binding[..], &["--require"]].concat(), from("jo@two.example"));
        assert_eq!((code, err.as_str()), (Some(0), ""), "{binding:?}");
        assert!(out.starts_with("DKIM-Signature: ") && out.contains("d=two.example;"), "{binding:?}: {out}");
        for foreign in [
            from("jo@one.example"),
            from("jo@sub.two.example"),
            from("jo@two.example>, Al <al@one.example"),
            from("jo@one.example>, Al <al@two.example"),
        ] {
            passes(&sign(&site, &binding, &foreign), &foreign, "the sender may not send for");
            refuses(&sign(&site, &[&binding[..], &["--require"]].concat(), &foreign), 75);
        }
    }
    // What a sender wrote can name nobody; the message is not kept for that.
    let own = from("jo@two.example");
    passes(&sign(&site, &["--sender", ""], &own), &own, "no address at a mail domain");
    // A wrong account, two bindings or an unreadable file are the operator's mistakes.
    for mistake in [
        &["--account", "nobody"][..],
        &["--account", "tenant-two", "--sender", "al@two.example"],
        &["--token-file", "none"],
        &["--domain", "two.example", "--account", "tenant-two"],
    ] {
        let (code, out, err) = sign(&site, mistake, &own);
        assert_eq!((code, out.as_str()), (Some(75), ""), "{mistake:?}: {err}");
    }
    // A token that was revoked signs nothing.
    let conn = Connection::open(site.db()).expect("a database");
    assert_eq!(conn.execute("UPDATE domain_token SET revoked_at = 1", ()), Ok(1));
    passes(&sign(&site, &["--token-file", file], &own), &own, "not a live domain token");
}

#[test]
fn the_script_for_postfix_in_the_pages_signs_one_tenant_and_not_the_other() {
    let site = Site::new();
    two_tenants(&site);
    let page = include_str!("../../docs/operate/signing.md");
    let script =
        page.split("```sh no-test\n").find(|part| part.starts_with("#!/bin/sh")).expect("the script");
    let script = script.split("```").next().expect("its end");
    let program = site.command(&[]).get_program().to_str().expect("UTF-8").to_owned();
    let (sent, sendmail) = (site.file("sent.eml"), site.file("sendmail"));
    fs::write(&sendmail, format!("#!/bin/sh\ncat >{}\n", sent.display())).expect("to write");
    let script = script
        .replace("/usr/local/bin/postroom ", &format!("{program} "))
        .replace("/var/lib/postroom/postroom.db", &site.db().display().to_string())
        .replace("/usr/sbin/sendmail", &format!("sh {}", sendmail.display()));
    let file = site.file("postroom-sign");
    fs::write(&file, script).expect("to write");
    for (sender, domain, is_signed) in [
        ("jo@two.example", "two.example", true),
        ("jo@two.example", "one.example", false),
        ("", "two.example", false),
    ] {
        let message = MESSAGE.replace("example.com", domain);
        let eml = site.file("message.eml");
        fs::write(&eml, &message).expect("to write");
        let mut shell = Command::new("sh");
        shell.arg(&file).args(["-f", sender, "--", "al@example.net"]);
        let done = shell.stdin(File::open(eml).expect("to read")).output().expect("to run");
        assert!(done.status.success(), "{done:?}");
        let out = fs::read_to_string(&sent).expect("what was sent");
        assert!(out.ends_with(&message), "{out}");
        assert_eq!(out.starts_with("DKIM-Signature: "), is_signed, "{sender} as {domain}: {done:?}");
    }
}
