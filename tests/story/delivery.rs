//! `postroom bridge`: messages as a mail server hands them over, and where they arrive.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::bridge::{Bridged, start_at};
use crate::harness::postfix::Postfix;
use crate::harness::process::{Site, until};
use crate::harness::receiver::{Answer, MailServer, Webhook};

const MESSAGE: &str = "Received: from c.example (unknown [192.0.2.7])\n\tby mx.example.net (Postfix) with ESMTP id 4X\n\
    From: Jo <jo@b.example>\nSubject: =?utf-8?q?H=C3=A4?=\nMessage-ID: <1@b.example>\n\nHello\n.\n..dots\n";

/// A bridge that may post to this machine, and forwards to this port of it.
fn start(submit: u16) -> Bridged {
    let site = Site::new().with("POSTROOM_WEBHOOKS_LOOPBACK_HTTP", "true");
    let site = site.with("POSTROOM_BRIDGE_SUBMIT", &format!("127.0.0.1:{submit}"));
    let site = site.with("POSTROOM_RESOLVERS", "127.0.0.1:9");
    let dir = site.file("sockets");
    start_at(site, dir, "0")
}

/// The message with the dots of SMTP, as a conversation sends it.
fn dotted(message: &str) -> String {
    message.replace("\n.", "\n..")
}

fn deliver(it: &Bridged, sender: &str, recipients: &[&str]) -> Vec<String> {
    it.deliver(sender, recipients, &dotted(MESSAGE))
}

fn route(it: &Bridged, domain: &str, arguments: &[&str]) {
    it.site.json(&[&["route", "set", domain], arguments].concat());
}

#[test]
fn a_message_is_stored_once_in_the_mailbox_of_its_recipient() {
    let mut it = start(9);
    let recipients = ["Jo+x@example.com", "bo@example.com", "jo@never.example", "no address"];
    for _ in 0..2 {
        let replies = deliver(&it, "a@b.example", &recipients);
        assert_eq!(replies.len(), 2, "{replies:?}");
        assert!(replies.iter().all(|reply| reply.starts_with("250 2.0.0 msg_")), "{replies:?}");
        it.restart();
    }
    let stored = it.stored("example.com/jo");
    assert_eq!((stored.len(), it.stored("example.com/bo").len()), (1, 1));
    let text = std::fs::read_to_string(&stored[0]).unwrap();
    assert_eq!(text, format!("Return-Path: <a@b.example>\nDelivered-To: Jo+x@example.com\n{MESSAGE}"));
    let cur = stored[0].to_str().unwrap().replace("/new/", "/cur/") + ":2,S";
    std::fs::rename(&stored[0], cur).unwrap();
    assert!(deliver(&it, "a@b.example", &recipients[..1])[0].starts_with("250"));
    assert!(it.stored("example.com/jo").is_empty(), "it was read, and does not come again");
    assert!(deliver(&it, "", &recipients[..1])[0].starts_with("250"));
    assert_eq!(it.stored("example.com/jo").len(), 1, "another sender makes another message");
}

#[test]
fn what_a_list_blocks_for_one_of_several_is_kept_apart_whatever_the_route() {
    let it = start(9);
    let hook = Webhook::new();
    route(&it, "example.com", &["--mode", "webhook", "--webhook-url", &hook.url()]);
    it.site.json(&["list", "add", "--domain", "example.com", "blocklist", "b.example"]);
    assert!(deliver(&it, "x@c.example", &["jo@example.com"])[0].starts_with("250"));
    assert_eq!(it.stored("example.com/jo/.Blocked").len(), 1);
    assert!(hook.posts().is_empty());
    // The client that the mail server saw is on a safelist, which decides first.
    it.site.json(&["list", "add", "--domain", "example.com", "safelist", "192.0.2.7"]);
    assert!(deliver(&it, "x@c.example", &["jo@example.com"])[0].starts_with("250"));
    let body: Value = serde_json::from_slice(&hook.posts()[0].body).unwrap();
    assert_eq!(body["data"]["verdict"], "safe");
}

#[test]
fn a_webhook_is_told_of_a_message_and_can_prove_who_told_it() {
    let it = start(9);
    let hook = Webhook::new();
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let client = it.server.client();
    let made = client.post("/v2/domain", &json!({"domain": "hooks.example", "user_id": "u"}));
    assert!(made.status < 300, "{made:?}");
    let change = json!({
        "user_id": "u", "forward_mode": "webhook", "webhook_url": hook.url(), "webhook_secret": secret,
    });
    let changed = client.send("PUT", "/v2/domains/hooks.example/route", Some(&change.to_string())).unwrap();
    assert_eq!(changed.status, 200, "{changed:?}");
    for _ in 0..2 {
        assert!(deliver(&it, "a@b.example", &["Jo+x@hooks.example"])[0].starts_with("250"));
    }
    let posts = hook.posts();
    assert_eq!(posts.len(), 2);
    let post = &posts[0];
    assert_eq!(post.field("webhook-id"), posts[1].field("webhook-id"), "the same message has the same id");
    assert_eq!(post.field("content-type"), "application/json");
    let body: Value = serde_json::from_slice(&post.body).unwrap();
    let raw = MESSAGE.replace('\n', "\r\n");
    assert_eq!(body["type"], "email.received");
    assert_eq!(
        body["data"],
        json!({
            "id": post.field("webhook-id"), "domain": "hooks.example", "recipient": "Jo+x@hooks.example",
            "mailbox": "jo@hooks.example", "sender": "a@b.example", "header_from": "jo@b.example", "subject": "H\u{e4}",
            "message_id": "<1@b.example>", "size": raw.len(), "verdict": "none", "raw": STANDARD.encode(&raw),
        })
    );
    let signatures: Vec<&str> = post.field("webhook-signature").split(' ').collect();
    assert!(signatures[0].starts_with("v1,") && signatures[1].starts_with("v1a,"), "{signatures:?}");
    let signed =
        [format!("{}.{}.", post.field("webhook-id"), post.field("webhook-timestamp")).as_bytes(), &post.body]
            .concat();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &STANDARD.decode(&secret[6..]).unwrap());
    let tag = STANDARD.decode(&signatures[0][3..]).unwrap();
    assert!(ring::hmac::verify(&key, &signed, &tag).is_ok());
    let db = Connection::open(it.site.db()).unwrap();
    let sql = "SELECT public_key FROM webhook_key k JOIN domain d ON d.id = k.domain_id WHERE d.name = 'hooks.example'";
    let public: Vec<u8> = db.query_row(sql, [], |row| row.get(0)).unwrap();
    let public = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, public);
    for (octets, signature) in
        [(&signed, &signatures[1][4..]), (&post.body, post.field("x-mailpace-signature"))]
    {
        assert!(public.verify(octets, &STANDARD.decode(signature).unwrap()).is_ok());
    }
    let log = it.bridge.stderr.now();
    assert!(!log.contains("t0ken") && !log.contains(secret), "{log}");
}

#[test]
fn what_a_webhook_answers_decides_whether_mail_is_tried_again() {
    let it = start(9);
    let hook = Webhook::new();
    let other = Webhook::new();
    route(&it, "example.com", &["--mode", "webhook", "--webhook-url", &hook.url()]);
    let reply = |answer: Answer| {
        hook.answers(answer);
        deliver(&it, "a@b.example", &["jo@example.com"]).remove(0)
    };
    let elsewhere = format!("HTTP/1.1 307 X\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", other.url());
    for (answer, wanted) in [
        (Answer::status(200), "250 2.0.0"),
        (Answer::status(406), "550 5.7.1"),
        (Answer::status(410), "550 5.7.1"),
        (Answer::status(404), "451 4.4.1"),
        (Answer::status(503), "451 4.4.1"),
        (Answer::Head(elsewhere), "451 4.4.1"),
        (Answer::status(204), "250 2.0.0"),
        (Answer::Head("SSH-2.0\r\n\r\n".into()), "451 4.4.1"),
        (Answer::Head(format!("HTTP/1.1 200 X\r\nX: {}\r\n\r\n", "x".repeat(99_999))), "451 4.4.1"),
        (Answer::Hang(Duration::ZERO), "451 4.4.1"),
        (Answer::status(202), "250 2.0.0"),
    ] {
        let said = reply(answer.clone());
        assert!(said.starts_with(wanted), "{answer:?}: {said}");
    }
    assert!(other.posts().is_empty(), "no redirect is followed");
    // Five failures in a row, and it is left alone for a while.
    for _ in 0..5 {
        assert!(reply(Answer::status(500)).starts_with("451 4.4.1"));
    }
    let before = hook.posts().len();
    assert!(reply(Answer::status(200)).starts_with("451 4.3.2"));
    assert_eq!(hook.posts().len(), before);
}

#[test]
fn with_webhook_then_store_the_answer_of_the_webhook_does_not_matter() {
    let it = start(9);
    let hook = Webhook::new();
    route(&it, "example.com", &["--mode", "webhook_then_store", "--webhook-url", &hook.url()]);
    for (answer, posts) in [(Answer::status(200), 1), (Answer::status(500), 2), (Answer::status(410), 3)] {
        hook.answers(answer);
        assert!(deliver(&it, "a@b.example", &["jo@example.com"])[0].starts_with("250"));
        assert_eq!((it.stored("example.com/jo").len(), hook.posts().len()), (1, posts));
    }
}

#[test]
fn a_webhook_at_an_address_that_may_not_be_reached_is_not_called() {
    let it = start(9);
    let hook = Webhook::new();
    route(&it, "example.com", &["--mode", "webhook", "--webhook-url", &hook.url()]);
    let db = Connection::open(it.site.db()).unwrap();
    let others = format!("https://10.0.0.1:{}/in?token=t0ken", hook.port);
    assert_eq!(db.execute("UPDATE route SET webhook_url = ?1", [others]), Ok(1));
    let said = deliver(&it, "a@b.example", &["jo@example.com"]).remove(0);
    assert!(said.starts_with("451 4.4.1"), "{said}");
    assert!(!said.contains("t0ken") && !it.bridge.stderr.now().contains("t0ken"));
}

#[test]
fn forwarded_mail_has_a_sender_at_the_domain_and_what_comes_back_to_it_goes_to_the_first_sender() {
    let mail = MailServer::new();
    let it = start(mail.port);
    route(&it, "example.com", &["--mode", "forward_email", "--forward-to", "ops@else.example"]);
    let replies = deliver(&it, "Jo@b.example", &["jo@example.com"]);
    assert_eq!(replies, ["250 2.0.0 queued as X"]);
    let taken = mail.taken();
    let sender =
        taken[0].commands[1].strip_prefix("MAIL FROM:<").unwrap().split('>').next().unwrap().to_owned();
    assert!(sender.starts_with("SRS0=") && sender.ends_with("=b.example=Jo@example.com"), "{sender}");
    assert_eq!(taken[0].commands[2], "RCPT TO:<ops@else.example>");
    assert_eq!(taken[0].text, format!("Delivered-To: jo@example.com\n{MESSAGE}"));

    // A report of a failure, to the return path, as Postfix writes it and as it asks the map.
    for path in [sender.clone(), sender.to_lowercase()] {
        assert_eq!(it.map(&format!("recipient {path}")), "4:OK 1,");
        assert_eq!(deliver(&it, "", &[&path]), ["250 2.0.0 queued as X"]);
        let back = mail.taken().pop().unwrap();
        assert_eq!(back.commands[1], "MAIL FROM:<>");
        assert!(back.commands[2].eq_ignore_ascii_case("RCPT TO:<jo@b.example>"), "{back:?}");
    }
    // It is there for reports, and nobody else's way to the first sender.
    assert!(deliver(&it, "a@b.example", &[&sender])[0].starts_with("550 5.7.1"));
    let mut milter = it.milter();
    for (from, reply) in [("<>", 'c'), ("<a@b.example>", 'y')] {
        assert_eq!(milter.ask('M', format!("{from}\0").as_bytes()).0, 'c');
        let said = milter.ask('R', format!("<{sender}>\0").as_bytes());
        assert!(said.0 == reply && (reply == 'c' || said.1.starts_with("550 5.7.1")), "{from}: {said:?}");
        // One of another server is that server's.
        assert_eq!(milter.ask('R', b"<SRS0=aaaaaaaa=123=b.example=jo@far.example>\0").0, 'c');
    }
    for forged in [sender.replace("=Jo@", "=bo@"), "SRS0=aaaaaaaa=123=b.example=jo@example.com".to_owned()] {
        assert_eq!(it.map(&format!("recipient {forged}")), "9:NOTFOUND ,", "{forged}");
        assert!(deliver(&it, "", &[&forged])[0].starts_with("550 5.1.1"));
    }
    // The null sender stays, and what was here before does not go in a circle.
    assert_eq!(deliver(&it, "", &["jo@example.com"]), ["250 2.0.0 queued as X"]);
    assert_eq!(mail.taken().pop().unwrap().commands[1], "MAIL FROM:<>");
    let circle = format!("Delivered-To: JO@example.com\n{}", dotted(MESSAGE));
    assert!(it.deliver("a@b.example", &["jo@example.com"], &circle)[0].starts_with("554 5.4.6"));
    // A sender for which an address has no room comes back too.
    let long = format!("{}@b.example", "a".repeat(60));
    deliver(&it, &long, &["jo@example.com"]);
    let sent = mail.taken().pop().unwrap().commands[1].clone();
    let path = sent.strip_prefix("MAIL FROM:<").unwrap().split('>').next().unwrap();
    assert!(path.split('@').next().unwrap().len() <= 64 && path.contains("=id="), "{path}");
    assert_eq!(deliver(&it, "", &[path]), ["250 2.0.0 queued as X"]);
    assert_eq!(mail.taken().pop().unwrap().commands[2], format!("RCPT TO:<{long}>"));
    for (reply, wanted) in
        [("550 5.1.1 no", "550 5.1.1 no"), ("421 4.3.2 bye", "451 4.3.2 bye"), ("x", "451 4.4.2")]
    {
        mail.replies(reply);
        assert!(deliver(&it, "a@b.example", &["jo@example.com"])[0].starts_with(wanted), "{reply}");
    }
}

#[test]
fn a_report_of_a_failure_goes_back_to_every_sender_also_to_one_at_no_mail_domain() {
    let mail = MailServer::new();
    let it = start(mail.port);
    route(&it, "example.com", &["--mode", "forward_email", "--forward-to", "ops@else.example"]);
    for sender in [
        &format!("bounces+1234567-abcd-{}@em.b.example", "u".repeat(50)),
        "news@my_host.b.example",
        "news@co.uk",
        "news@[192.0.2.9]",
        "\"a b\"@[192.0.2.9]",
    ] {
        assert_eq!(deliver(&it, sender, &["jo@example.com"]), ["250 2.0.0 queued as X"], "{sender}");
        let sent = mail.taken().pop().unwrap().commands[1].clone();
        let path = sent.strip_prefix("MAIL FROM:<").unwrap().split('>').next().unwrap();
        assert!(path.starts_with("SRS0=") && path.contains("=id="), "{sender}: {path}");
        assert_eq!(it.map(&format!("recipient {}", path.to_lowercase())), "4:OK 1,");
        assert_eq!(deliver(&it, "", &[path]), ["250 2.0.0 queued as X"], "{sender}");
        assert_eq!(mail.taken().pop().unwrap().commands[2], format!("RCPT TO:<{sender}>"));
    }
    // One that cannot be kept is told at once.
    let endless = format!("{}@b.example", "a".repeat(400));
    assert!(deliver(&it, &endless, &["jo@example.com"])[0].starts_with("550 5.1.7"));
}

#[test]
fn mail_is_put_off_while_the_mail_server_takes_none() {
    let it = start(9);
    route(&it, "example.com", &["--mode", "forward_email", "--forward-to", "ops@else.example"]);
    assert!(deliver(&it, "a@b.example", &["jo@example.com"])[0].starts_with("451 4.4.1"));
}

#[test]
fn mail_for_downstream_servers_goes_to_the_first_that_takes_it() {
    let mail = MailServer::new();
    let site = Site::new().with("POSTROOM_EGRESS_ALLOW", "127.0.0.0/8");
    let dir = site.file("sockets");
    let it = start_at(site, dir, "0");
    let batch = json!({"domains": [{"domain": "down.example", "downstreamAddresses": [
        {"priority": 20, "weight": 1, "port": mail.port, "target": "127.0.0.1"},
        {"priority": 10, "weight": 1, "port": 1025, "target": "127.0.0.9"},
    ]}]});
    let made = it.server.client().post("/inbound/v1/domains/batch?subscriptionHandle=default", &batch);
    assert!(made.status < 300, "{made:?}");
    assert_eq!(deliver(&it, "a@b.example", &["jo@down.example"]), ["250 2.0.0 queued as X"]);
    let taken = mail.taken();
    assert_eq!(taken.len(), 1);
    let taken = &taken[0];
    assert_eq!(taken.commands[1..3], ["MAIL FROM:<a@b.example>", "RCPT TO:<jo@down.example>"]);
    assert_eq!(taken.text, MESSAGE);
}

#[test]
fn a_server_that_had_the_message_and_does_not_say_what_it_did_is_the_last_that_gets_it() {
    let (first, second) = (MailServer::new(), MailServer::new());
    let site = Site::new().with("POSTROOM_EGRESS_ALLOW", "127.0.0.0/8");
    let dir = site.file("sockets");
    let it = start_at(site, dir, "0");
    let batch = json!({"domains": [{"domain": "down.example", "downstreamAddresses": [
        {"priority": 10, "weight": 1, "port": first.port, "target": "127.0.0.1"},
        {"priority": 20, "weight": 1, "port": second.port, "target": "127.0.0.1"},
    ]}]});
    let made = it.server.client().post("/inbound/v1/domains/batch?subscriptionHandle=default", &batch);
    assert!(made.status < 300, "{made:?}");
    for reply in ["x", "354 more of it"] {
        first.replies(reply);
        assert!(deliver(&it, "a@b.example", &["jo@down.example"])[0].starts_with("451 4.4.2"), "{reply}");
    }
    first.replies("550 5.1.1 nobody");
    assert_eq!(deliver(&it, "a@b.example", &["jo@down.example"]), ["550 5.1.1 nobody"]);
    assert_eq!((first.taken().len(), second.taken().len()), (3, 0));
}

#[test]
fn a_dead_webhook_delays_nobody_elses_mail() {
    let it = start(9);
    it.server.client().create_domain("other.example");
    let hook = Webhook::new();
    hook.answers(Answer::Hang(Duration::from_mins(1)));
    route(&it, "example.com", &["--mode", "webhook", "--webhook-url", &hook.url()]);
    let began = Instant::now();
    std::thread::scope(|scope| {
        // As many connections as Postfix opens by itself.
        for at in 0..20 {
            let it = &it;
            scope.spawn(move || {
                for more in 0..3 {
                    let said = deliver(it, &format!("a{at}.{more}@b.example"), &["jo@example.com"]).remove(0);
                    assert!(said.starts_with("451"), "{said}");
                    // One that was called has waited long enough.
                    if said.starts_with("451 4.4.1") {
                        break;
                    }
                }
            });
        }
        until("as many are called as may be at once", || (hook.posts().len() == 4).then_some(()));
        let other = Instant::now();
        assert!(deliver(&it, "a@b.example", &["jo@other.example"])[0].starts_with("250"));
        let both = deliver(&it, "a@c.example", &["jo@example.com", "jo@other.example"]);
        assert!(both[0].starts_with("451 4.3.2") && both[1].starts_with("250"), "{both:?}");
        assert!(other.elapsed() < Duration::from_secs(3), "{:?}", other.elapsed());
        assert_eq!(it.map("domain other.example"), "4:OK 1,");
    });
    assert!(began.elapsed() < Duration::from_secs(45), "{:?}", began.elapsed());
    assert_eq!(hook.posts().len(), 4, "four at a time");
}

#[test]
fn commands_out_of_order_and_octets_that_are_none_are_refused_and_the_next_message_is_taken() {
    let it = start(9);
    let mut lmtp = it.lmtp();
    for (command, reply) in [
        ("DATA", "503 5.5.1"),
        ("RCPT TO:<jo@example.com>", "503 5.5.1"),
        ("EHLO x", "500 5.5.1"),
        ("MAIL FROM:jo@example.com", "501 5.5.4"),
        ("MAIL FROM:<a@b.example> SIZE=99999999999", "552 5.3.4"),
        ("MAIL FROM:<a@b.example> AUTH=<>", "555 5.5.4"),
        ("MAIL FROM:<a@b.example> BODY=8BITMIME SIZE=10", "250 2.1.0"),
        ("MAIL FROM:<a@b.example>", "503 5.5.1"),
        ("DATA", "503 5.5.1"),
        ("RCPT TO:<jo@[192.0.2.1]>", "550 5.1.3"),
        ("RCPT TO:<jo@never.example>", "550 5.1.1"),
        ("RSET", "250"),
        ("VRFY jo", "252"),
        ("NOOP", "250"),
        ("\u{0}", "500 5.5.2"),
    ] {
        let said = lmtp.say(command);
        assert!(said.starts_with(reply), "{command}: {said}");
    }
    // Everything at once, with a message that has octets of all kinds in it.
    lmtp.write(b"MAIL FROM:<>\r\nRCPT TO:<jo@example.com>\r\nDATA\r\nFrom: a\0\xff\r\n\r\na\n.\r\nb\r\n.\r\nNOOP\r\n");
    let replies: Vec<String> = (0..5).map(|_| lmtp.reply()).collect();
    assert!(replies[3].starts_with("250 2.0.0 msg_") && replies[4].starts_with("250"), "{replies:?}");
    let stored = std::fs::read(&it.stored("example.com/jo")[0]).unwrap();
    assert!(stored.ends_with(b"\nFrom: a\0\xff\n\na\n.\nb\n"), "{}", String::from_utf8_lossy(&stored));
    assert!(lmtp.say("QUIT").starts_with("221"));
    let mut long = it.lmtp();
    long.write(&[b'x'; 5000]);
    assert!(it.lmtp().say("NOOP").starts_with("250"));
    let names: BTreeSet<_> = ["map", "auth", "milter", "lmtp"].into();
    assert!(names.iter().all(|name| it.dir.join(name).exists()));
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs Postfix and swaks: tests/run installs them")]
fn a_real_postfix_delivers_to_a_mailbox_a_webhook_and_another_address_and_takes_bounces_back() {
    let postfix = Postfix::new();
    let site = Site::new().with("POSTROOM_WEBHOOKS_LOOPBACK_HTTP", "true");
    let site = site.with("POSTROOM_BRIDGE_SUBMIT", &format!("127.0.0.1:{}", postfix.port));
    let it = start_at(site, postfix.sockets(), "postfix");
    let hook = Webhook::new();
    for name in ["hook.example", "forward.example"] {
        it.server.client().create_domain(name);
    }
    route(&it, "hook.example", &["--mode", "webhook", "--webhook-url", &hook.url()]);
    route(&it, "forward.example", &["--mode", "forward_email", "--forward-to", "ops@else.example"]);
    postfix.start(&it.site.run(&["bridge", "conf", "postfix"]).stdout);
    let send = |from: &str, to: &str, body: &str| {
        let sent = postfix.swaks(&["--from", from, "--to", to, "--body", body]);
        assert_eq!(sent.code, Some(0), "{sent:?}\n{}", postfix.log());
    };
    send("a@b.example", "Jo+x@example.com,jo@hook.example,jo@forward.example", "one\n.\nend of one");
    let stored = until("it is stored", || it.stored("example.com/jo").pop());
    let text = std::fs::read_to_string(stored).unwrap();
    assert!(text.starts_with("Return-Path: <a@b.example>\nDelivered-To: Jo+x@example.com\n"), "{text}");
    assert!(text.contains("\none\n.\nend of one\n"), "{text}");
    let post = until("it is posted", || hook.posts().pop());
    let body: Value = serde_json::from_slice(&post.body).unwrap();
    let raw = STANDARD.decode(body["data"]["raw"].as_str().unwrap()).unwrap();
    assert!(String::from_utf8(raw).unwrap().contains("\r\none\r\n.\r\nend of one\r\n"));
    let forwarded = postfix.delivered("Delivered-To: jo@forward.example");
    let path = forwarded
        .lines()
        .find_map(|line| line.strip_prefix("X-Mail-Args: <"))
        .unwrap_or_else(|| panic!("{forwarded}"));
    let path = path.split('>').next().unwrap();
    assert!(path.starts_with("SRS0=") && path.ends_with("=b.example=a@forward.example"), "{path}");
    assert!(forwarded.contains("X-Rcpt-Args: <ops@else.example>"), "{forwarded}");
    send("<>", path, "it could not be delivered");
    assert!(postfix.delivered("it could not be delivered").contains("X-Rcpt-Args: <a@b.example>"));
    send("news@[192.0.2.9]", "jo@forward.example", "from a literal");
    let forwarded = postfix.delivered("from a literal");
    let kept = forwarded.split("X-Mail-Args: <").nth(1).and_then(|rest| rest.split('>').next()).unwrap();
    assert!(kept.contains("=id="), "{forwarded}");
    send("<>", kept, "the literal is gone");
    assert!(postfix.delivered("the literal is gone").contains("X-Rcpt-Args: <news@[192.0.2.9]>"));
    // Lines are not broken on their way out and in, so that signatures hold.
    let line = "w".repeat(2500);
    send("a@b.example", "bo@example.com,jo@forward.example", &line);
    let stored = until("it is stored", || it.stored("example.com/bo").pop());
    assert!(std::fs::read_to_string(stored).unwrap().lines().any(|each| each == line));
    let forwarded = postfix.delivered(&line);
    assert!(forwarded.lines().any(|each| each == line), "{forwarded}");
    // The longest sender that Postfix takes stops nobody's mail.
    let sender = format!("{}@b.example", "a".repeat(2010));
    send(&sender, "long@example.com", "long");
    until("it is stored", || it.stored("example.com/long").pop());
    let relayed = postfix.swaks(&["--from", "spam@b.example", "--to", path]);
    assert!(relayed.code != Some(0) && relayed.stdout.contains("550 5.7.1"), "{relayed:?}");
    let forged = path.replace("=a@", "=b@");
    let refused = postfix.swaks(&["--from", "<>", "--to", &forged]);
    assert!(refused.code != Some(0) && refused.stdout.contains("550 5.1.1"), "{refused:?}");
}

#[test]
fn what_became_of_a_post_is_written_down_and_mail_goes_on_where_that_is_refused() {
    let it = start(9);
    let hook = Webhook::new();
    route(&it, "example.com", &["--mode", "webhook", "--webhook-url", &hook.url()]);
    assert!(deliver(&it, "a@b.example", &["jo@example.com"])[0].starts_with("250"));
    hook.answers(Answer::status(500));
    for _ in 0..3 {
        assert!(deliver(&it, "c@b.example", &["jo@example.com"])[0].starts_with("451"));
    }
    let db = Connection::open(it.site.db()).unwrap();
    let rows = || {
        let sql =
            "SELECT delivery, recipient, is_kept, is_taken, status, attempts FROM webhook_call ORDER BY id";
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| {
            let text = |at| row.get::<_, String>(at);
            let numbers: [i64; 4] = [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?];
            Ok((text(0)?, text(1)?, numbers))
        });
        rows.unwrap().map(Result::unwrap).collect::<Vec<_>>()
    };
    let all = until("the calls are written down", || {
        let all = rows();
        (all.len() == 2 && all[1].2[3] == 3).then_some(all)
    });
    assert_eq!(all[0].0, hook.posts()[0].field("webhook-id"));
    assert_eq!((&*all[0].1, all[0].2), ("jo@example.com", [0, 1, 204, 1]));
    assert_eq!(all[1].2, [0, 0, 500, 3], "one row, however often the mail server tries");

    db.execute_batch("CREATE TRIGGER no BEFORE INSERT ON webhook_call BEGIN SELECT RAISE(ABORT, 'no'); END")
        .unwrap();
    hook.answers(Answer::status(204));
    assert!(deliver(&it, "d@b.example", &["jo@example.com"])[0].starts_with("250"));
    it.bridge.stderr.wait_for("calls of webhooks are not in the list of deliveries");
    assert_eq!(rows().len(), 2);
}
