//! `postroom bridge`: its sockets as a mail server asks them, and a real Postfix that does.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection;

use crate::harness::bridge::{Bridged, Milter, start, start_at, verdict};
use crate::harness::postfix::Postfix;
use crate::harness::process::{Running, Site, until};

fn plain(identity: &str, name: &str, password: &str) -> String {
    STANDARD.encode(format!("{identity}\0{name}\0{password}"))
}

#[test]
fn the_map_knows_domains_recipients_and_where_mail_goes_on_to() {
    let it = start();
    it.site.json(&["route", "set", "example.com", "--recipients", "known", "--catch-all", ""]);
    for (request, answer) in [
        ("domain example.com", "4:OK 1,"),
        ("domain EXAMPLE.com", "4:OK 1,"),
        ("domain never.example", "9:NOTFOUND ,"),
        ("domain not a name", "9:NOTFOUND ,"),
        ("recipient postmaster@example.com", "4:OK 1,"),
        ("recipient jo@example.com", "9:NOTFOUND ,"),
        ("recipient *", "9:NOTFOUND ,"),
        ("transport jo@example.com", "9:NOTFOUND ,"),
        ("transport *", "9:NOTFOUND ,"),
        ("nothing jo@example.com", "16:PERM no such map,"),
        ("", "16:PERM no such map,"),
    ] {
        assert_eq!(it.map(request), answer, "{request}");
    }
    // Nothing is cached: what is set now holds for the next question.
    it.site.json(&["route", "set", "example.com", "--recipients", "any"]);
    assert_eq!(it.map("recipient jo@example.com"), "4:OK 1,");
    let mut broken = it.connect("map");
    broken.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(broken.read(&mut [0; 9]).unwrap(), 0, "it is closed");
}

#[test]
fn a_broken_database_is_trouble_and_never_an_unknown_recipient() {
    let it = start();
    Connection::open(it.site.db()).unwrap().execute_batch("ALTER TABLE alias RENAME TO gone").unwrap();
    for map in ["domain never.example", "recipient jo@never.example", "transport jo@never.example"] {
        assert!(it.map(map).contains("TEMP "), "{map}: {}", it.map(map));
    }
}

#[test]
fn the_policy_lets_a_safelist_go_before_other_peoples_blocklists() {
    let it = start();
    it.site.json(&["list", "add", "--domain", "example.com", "safelist", "friend.example"]);
    it.site.json(&["list", "add", "--domain", "example.com", "safelist", "192.0.2.7"]);
    let mut stream = it.connect("policy");
    let mut ask = |sender: &str, recipient: &str, client: &str| {
        let lines = format!(
            "request=smtpd_access_policy\nsender={sender}\nrecipient={recipient}\nclient_address={client}\n\n"
        );
        stream.write_all(lines.as_bytes()).unwrap();
        let mut answer = vec![0; 100];
        let octets = stream.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..octets]).into_owned()
    };
    assert_eq!(ask("a@friend.example", "Jo+x@example.com", "192.0.2.1"), "action=OK\n\n");
    assert_eq!(ask("", "jo@example.com", "192.0.2.7"), "action=OK\n\n");
    assert_eq!(ask("a@b.example", "jo@example.com", "192.0.2.1"), "action=DUNNO\n\n");
    assert_eq!(ask("a@friend.example", "jo@never.example", "192.0.2.7"), "action=DUNNO\n\n");
    Connection::open(it.site.db()).unwrap().execute_batch("ALTER TABLE alias RENAME TO gone").unwrap();
    assert!(ask("a@friend.example", "jo@alias.example", "x").starts_with("action=DEFER_IF_REJECT "));
}

#[test]
fn a_domain_token_is_a_password_until_it_is_revoked() {
    let mut it = start();
    it.server.client().create_domain("other.example");
    let (id, secret) = it.token("example.com");
    let ok = format!("OK\t1\tuser={id}@example.com\n");
    let auth = |name: &str, password: &str| {
        it.auth(&format!("AUTH\t1\tPLAIN\tservice=smtp\tresp={}\n", plain("", name, password)))
    };
    assert_eq!(auth("example.com", &secret), ok);
    assert_eq!(auth("jo@Example.com", &secret), ok);
    for (name, password) in [
        ("other.example", &*secret),
        ("example.com", "x"),
        ("example.com", it.server.key.as_deref().unwrap()),
    ] {
        assert_eq!(auth(name, password), format!("FAIL\t1\tuser={name}\n"));
    }
    let others = plain("other.example", "example.com", &secret);
    assert_eq!(it.auth(&format!("AUTH\t1\tPLAIN\tresp={others}\n")), "FAIL\t1\n");
    let steps = format!(
        "AUTH\t1\tLOGIN\tservice=smtp\nCONT\t1\t{}\nCONT\t1\t{}\n",
        STANDARD.encode("example.com"),
        STANDARD.encode(&secret)
    );
    assert_eq!(it.auth(&steps), format!("CONT\t1\tVXNlcm5hbWU6\nCONT\t1\tUGFzc3dvcmQ6\n{ok}"));
    assert_eq!(
        it.auth(&format!("AUTH\t1\tPLAIN\nCONT\t1\t{}\n", plain("", "example.com", &secret))),
        format!("CONT\t1\t\n{ok}")
    );
    for broken in ["CONT\t9\tYQ==\n", "AUTH\tx\n"] {
        assert_eq!(it.auth(broken), "", "{broken}: the connection ends");
    }
    it.revoke(id);
    assert_eq!(auth("example.com", &secret), "FAIL\t1\tuser=example.com\n");
    it.bridge.signal("TERM");
    assert_eq!(it.bridge.wait().code(), Some(0));
    let log = it.bridge.stderr.whole();
    assert!(!log.contains(&secret) && !log.contains("pra_"), "{log}");
    let db = Connection::open(it.site.db()).unwrap();
    let used: i64 =
        db.query_row("SELECT last_used_at FROM domain_token WHERE id = ?1", [id], |row| row.get(0)).unwrap();
    assert!(used > 1, "its last use is written down at the end");
}

#[test]
fn the_doctor_asks_each_socket_and_says_when_no_bridge_runs() {
    let mut it = start();
    let bridge = |it: &Bridged| {
        let checks = it.site.run(&["doctor", "--json"]).json();
        let checks = checks.as_array().unwrap().iter().filter(|check| check["check"] == "bridge");
        checks.map(|check| check["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(bridge(&it), ["ok"; 5]);
    it.bridge.signal("TERM");
    it.bridge.wait();
    assert_eq!(bridge(&it), ["warn"]);
}

#[test]
fn three_hundred_idle_connections_hold_nobody_up_nor_the_stop() {
    let mut it = start();
    let idle: Vec<UnixStream> = (0..300).map(|_| it.connect("map")).collect();
    let began = Instant::now();
    assert_eq!(it.map("domain example.com"), "4:OK 1,");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let began = Instant::now();
    it.bridge.signal("TERM");
    assert_eq!(it.bridge.wait().code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(!it.dir.join("map").exists());
    drop(idle);
}

#[test]
fn a_second_bridge_is_refused_and_what_a_killed_one_left_is_replaced() {
    let mut it = start();
    let second = it.site.run(&["bridge"]);
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.stderr.contains("another bridge runs"), "{second:?}");
    it.bridge.signal("KILL");
    it.bridge.wait();
    assert!(it.dir.join("map").exists());
    it.bridge = Running::start(&mut it.site.command(&["bridge"]));
    it.bridge.stderr.wait_for("bridging");
    assert_eq!(it.map("domain example.com"), "4:OK 1,");
}

/// A packet of the milter protocol.
fn packet(command: u8, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len() + 1).unwrap();
    [&length.to_be_bytes()[..], &[command], data].concat()
}

#[test]
fn a_milter_client_that_breaks_the_protocol_is_left_and_the_next_one_is_served() {
    let it = start();
    let offer = packet(b'O', &[0, 0, 0, 6, 0, 0, 1, 0xff, 0, 0x1f, 0xff, 0xff]);
    for broken in [
        &b"\0\0\0\0"[..],
        b"\xff\xff\xff\xffB",
        &packet(b'?', b""),
        &packet(b'O', b"\0"),
        &packet(b'O', &[0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0]),
    ] {
        let mut stream = it.connect("milter");
        stream.write_all(broken).unwrap();
        assert_eq!(stream.read(&mut [0; 9]).unwrap(), 0, "{broken:?}");
    }
    let mut stream = it.connect("milter");
    // Commands without their data and out of order, after a good start.
    let odd =
        [b'E', b'B', b'N', b'L', b'R', b'M', b'C', b'D', b'M', b'E'].map(|command| packet(command, b""));
    stream.write_all(&[offer, odd.concat(), packet(b'Q', b"")].concat()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(answer[4], b'O');
    assert_eq!(answer.last(), Some(&b'c'));
}

/// A login, as the mail server passes it on with MAIL, and what is answered to MAIL.
fn mail_as(milter: &mut Milter, token: i64, domain: &str, sender: &str) -> (char, String) {
    milter.tell('D', format!("M{{auth_authen}}\0{token}@{domain}\0").as_bytes());
    milter.ask('M', format!("<{sender}>\0").as_bytes())
}

#[test]
fn a_token_that_is_revoked_sends_nothing_more_also_in_an_open_session() {
    let it = start();
    let (id, _) = it.token("example.com");
    let from = [("From", "jo@example.com")];
    let mut milter = it.milter();
    assert_eq!(mail_as(&mut milter, id, "example.com", "jo@example.com").0, 'c');
    assert_eq!(milter.end(&from), [('c', String::new())], "unsigned, for no key is active");
    assert_eq!(mail_as(&mut milter, id, "example.com", "").0, 'c');
    it.revoke(id);
    let late = milter.end(&from);
    assert!(late[0].0 == 'y' && late[0].1.starts_with("535 5.7.8"), "{late:?}");
    let refused = mail_as(&mut milter, id, "example.com", "jo@example.com");
    assert!(refused.1.starts_with("535 5.7.8"), "{refused:?}");
    for (token, domain) in [(id + 1, "example.com"), (id, "never.example")] {
        assert!(mail_as(&mut milter, token, domain, "").1.starts_with("535 5.7.8"), "{token}@{domain}");
    }
}

#[test]
fn mail_without_an_active_key_is_put_off_if_the_operator_says_so_and_a_key_that_is_switched_off_signs_no_more()
 {
    let site = Site::new().with("POSTROOM_BRIDGE_REQUIRE_DKIM", "true");
    let dir = site.file("sockets");
    let it = start_at(site, dir, "0");
    let (id, _) = it.token("example.com");
    let db = Connection::open(it.site.db()).unwrap();
    let mut milter = it.milter();
    let mut send = || {
        assert_eq!(mail_as(&mut milter, id, "example.com", "jo@example.com").0, 'c');
        milter.end(&[("From", "jo@example.com")])
    };
    assert!(send()[0].1.starts_with("451 4.7.1 The domain has no active DKIM key"));
    for _ in 0..2 {
        db.execute("UPDATE dkim_key SET activated_at = 1", ()).unwrap();
        let signed = send();
        assert!(signed[0].0 == 'i' && signed[0].1.contains("DKIM-Signature\0 v=1;"), "{signed:?}");
        db.execute("UPDATE dkim_key SET activated_at = NULL", ()).unwrap();
        assert!(send()[0].1.starts_with("451 4.7.1"));
    }
}

const EIGHT_BIT: &str =
    "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit";

#[test]
#[cfg_attr(
    not(feature = "system-tests"),
    ignore = "needs Postfix, swaks and Python: tests/run installs them"
)]
fn a_real_postfix_obeys() {
    let postfix = Postfix::new();
    let it = start_at(Site::new(), postfix.sockets(), "postfix");
    it.server.client().create_domain("other.example");
    it.site.json(&["route", "set", "example.com", "--recipients", "known"]);
    it.site.json(&["list", "add", "--domain", "example.com", "blocklist", "junk.example"]);
    let db = Connection::open(it.site.db()).unwrap();
    assert!(db.execute("UPDATE dkim_key SET activated_at = 1", ()).unwrap() > 0);
    let (id, secret) = it.token("example.com");
    let lines = it.site.run(&["bridge", "conf", "postfix"]).stdout;
    postfix.start_with_sink(&format!("{lines}smtp_discard_ehlo_keywords = 8bitmime\n"));
    let refused = |arguments: &[&str], reply: &str| {
        let said = postfix.swaks(arguments);
        assert!(said.code != Some(0) && said.stdout.contains(reply), "{reply}: {said:?}\n{}", postfix.log());
    };
    let to = "postmaster@example.com";
    refused(&["--from", "a@b.example", "--to", "jo@example.com"], "550 5.1.1");
    refused(&["--from", "a@b.example", "--to", "jo@never.example"], "554 5.7.1");
    refused(
        &["--from", "a@junk.example", "--to", to],
        "550 5.7.1 <a@junk.example>: blocked by the domain's list",
    );
    // However the client writes the addresses, Postfix says which they are.
    for written in
        ["example.com!postmaster", "@x.example:postmaster@example.com", "postmaster(c)@example.com"]
    {
        refused(&["--from", "a@junk.example", "--to", written], "blocked by the domain's list");
    }
    refused(&["--from", "junk.example!a", "--to", to], "blocked by the domain's list");
    let junk = ["--from", "a@b.example", "--to", to, "--header", "From: Friend <x@junk.example>"];
    refused(&junk, "550 5.7.1 <x@junk.example>: blocked by the domain's list");

    let login = |more: &[&str]| {
        let mut all =
            vec!["--auth", "PLAIN", "--auth-user", "example.com", "--auth-password", &secret, "--to", to];
        all.extend(more);
        all.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let as_login = |more: &[&str], reply: &str| {
        let all = login(more);
        refused(&all.iter().map(String::as_str).collect::<Vec<_>>(), reply);
    };
    for sender in ["jo@other.example", "jo@sub.example.com", "jo@b.example"] {
        as_login(&["--from", sender], "553 5.7.1");
    }
    for author in [
        "jo@other.example",
        "Jo <jo@example.com>, x@other.example",
        "A: jo@example.com, x@other.example;",
        "jo@example.com <x@other.example>",
        "=?utf-8?q?jo=40example=2Ecom?= <x@other.example>",
        "jo@sub.example.com",
        "undisclosed:;",
    ] {
        as_login(&["--from", "jo@example.com", "--header", &format!("From: {author}")], "550 5.7.1");
    }
    as_login(&["--from", "jo@example.com", "--add-header", "From: x@other.example"], "550 5.7.1");

    let all = login(&["--from", "jo@example.com", "--body", "Hello\n.\n\n-- end"]);
    let sent = postfix.swaks(&all.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(sent.code, Some(0), "{sent:?}\n{}", postfix.log());
    // It is whole when the last line of the message is there.
    let message = postfix.delivered("\n-- end\n");
    let signed = &message[message.find("DKIM-Signature:").unwrap_or_else(|| panic!("{message}"))..];
    let domain = it.server.client().get("/api/v1/domains/1").json;
    let (selector, record) =
        (domain["dkim_selector"].as_str().unwrap(), domain["dkim_string"].as_str().unwrap());
    let verdict = verdict(&it.site, signed, &format!("{selector}._domainkey.example.com"), record);
    assert!(verdict.starts_with("[\"pass\""), "{verdict}: {signed}");

    // For a server that does not offer 8BITMIME the text stays as it was signed.
    let all = login(&[
        "--from",
        "jo@example.com",
        "--to",
        "x@seven.example",
        "--body",
        "Gr\u{fc}\u{df}e",
        "--add-header",
        EIGHT_BIT,
    ]);
    let sent = postfix.swaks(&all.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(sent.code, Some(0), "{sent:?}\n{}", postfix.log());
    let message = postfix.delivered("Gr\u{fc}\u{df}e");
    assert!(message.contains("Content-Transfer-Encoding: 8bit"), "{message}");

    it.revoke(id);
    as_login(&["--from", "jo@example.com"], "535 5.7.8");
    drop(it);
    until("the log is written", || postfix.log().contains("sasl_username").then_some(()));
}

/// A conversation in SMTP.
struct Smtp(BufReader<TcpStream>);

impl Smtp {
    fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "hung up after {reply:?}");
            let is_last = line.get(3..4) != Some("-");
            reply += &line;
            if is_last {
                return reply.trim_end().to_owned();
            }
        }
    }

    fn say(&mut self, command: &str) -> String {
        self.0.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
        self.reply()
    }
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs Postfix: tests/run installs it")]
fn a_real_postfix_refuses_a_token_that_is_revoked_in_an_open_session_and_a_nul_before_a_second_author() {
    let postfix = Postfix::new();
    let it = start_at(Site::new(), postfix.sockets(), "postfix");
    let (id, secret) = it.token("example.com");
    let lines = it.site.run(&["bridge", "conf", "postfix"]).stdout;
    postfix.start_with_sink(&format!("{lines}message_reject_characters = \\0\n"));
    let stream = TcpStream::connect(("127.0.0.1", postfix.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let mut smtp = Smtp(BufReader::new(stream));
    assert!(smtp.reply().starts_with("220"));
    assert!(!smtp.say("EHLO client.example").contains("DSN"));
    let login = format!("AUTH PLAIN {}", plain("", "example.com", &secret));
    assert!(smtp.say(&login).starts_with("235"), "{}", postfix.log());
    let begin = |smtp: &mut Smtp| smtp.say("MAIL FROM:<jo@example.com>");
    let send = |smtp: &mut Smtp, message: &str| {
        assert!(begin(smtp).starts_with("250"), "{}", postfix.log());
        // What asks for no report of a failure is not promised one thing and given another.
        assert!(smtp.say("RCPT TO:<jo@example.com> NOTIFY=NEVER").starts_with('5'));
        assert!(smtp.say("RCPT TO:<jo@example.com>").starts_with("250"));
        assert!(smtp.say("DATA").starts_with("354"));
        smtp.say(&format!("{message}\r\n."))
    };
    assert!(send(&mut smtp, "From: jo@example.com\r\n\r\nHello").starts_with("250"));
    let hidden = send(&mut smtp, "From: jo@example.com\0, boss@other.example\r\n\r\nHello");
    assert!(hidden.starts_with("550 5.7.1"), "{hidden}");
    it.revoke(id);
    let refused = begin(&mut smtp);
    assert!(refused.starts_with("535 5.7.8"), "{refused}\n{}", postfix.log());
    assert!(begin(&mut smtp).starts_with("535 5.7.8"), "it stays so");
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs Postfix: tests/run installs it")]
fn the_doctor_reads_the_configuration_of_a_real_postfix() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = |name: &str| folder.path().join(name);
    let site = Site::new();
    let (main, submission) = (
        site.run(&["bridge", "conf", "postfix"]).stdout,
        site.run(&["bridge", "conf", "postfix", "--master"]).stdout,
    );
    let dir = site.file("sockets");
    let it = start_at(site.with("MAIL_CONFIG", folder.path().to_str().unwrap()), dir, "0");
    let said = |main: &str, master: &str| {
        std::fs::write(file("main.cf"), format!("compatibility_level = 3.6\n{main}")).unwrap();
        std::fs::write(file("master.cf"), format!("smtp inet n - y - - smtpd\n{master}")).unwrap();
        let checks = it.site.run(&["doctor", "--json"]).json();
        let checks = checks.as_array().unwrap().iter().filter(|check| check["check"] == "postfix");
        checks.map(|check| format!("{}: {}", check["state"], check["text"])).collect::<Vec<_>>()
    };
    let all = said(&main, &submission);
    assert!(all.len() == 1 && all[0].starts_with("\"ok\""), "{all:?}");
    let named = main.replace(
        "smtpd_milters = unix:postroom/milter",
        "ours = unix:postroom/milter\nsmtpd_milters = $ours",
    );
    assert_eq!(said(&named, &submission), all, "what a name stands for counts");
    for line in main.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(' ').next().unwrap();
        let without = said(&main.replace(line, ""), &submission);
        let is_told = without.len() == 1 && without[0].starts_with("\"warn\"") && without[0].contains(name);
        assert!(is_told, "{name}: {without:?}");
    }
    for option in
        ["smtpd_milters=", "smtpd_milters=inet:localhost:11332", "receive_override_options=no_milters"]
    {
        let overridden = said(&main, &format!("{submission}  -o {option}\n"));
        let name = option.split('=').next().unwrap();
        assert!(overridden.len() == 1 && overridden[0].contains(name), "{option}: {overridden:?}");
        assert!(overridden[0].contains("submission/inet"), "{overridden:?}");
    }
}
