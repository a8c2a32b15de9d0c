//! `postroom bridge` behind a spam filter, and `postroom quarantine` and `explain`.

use serde_json::json;

use crate::harness::bridge::{Bridged, start_at};
use crate::harness::process::Site;
use crate::harness::receiver::{MailServer, Webhook};

const MARKED: &str = "Received: from c.example (unknown [192.0.2.7])\n\tby mx.example.net (Postfix) with ESMTP id 4X\n\
    X-Spam: Yes\nFrom: Jo <jo@b.example>\nSubject: Buy\n\nHello\n";

/// Domains with each policy, and one that follows the operator's.
fn start() -> Bridged {
    let site = Site::new().with("POSTROOM_WEBHOOKS_LOOPBACK_HTTP", "true");
    let site = site.with("POSTROOM_BRIDGE_SPAM_HEADER", "X-Spam: yes");
    let site = site.with("POSTROOM_EGRESS_ALLOW", "127.0.0.0/8");
    let site = site.with("POSTROOM_INBOUND_ABUSE_POLICY", "quarantine");
    let dir = site.file("sockets");
    let it = start_at(site, dir, "0");
    let domain = |name: &str, settings: &serde_json::Value| json!({ "domain": name, "settings": settings });
    let batch = json!({ "domains": [
        domain("block.example", &json!({ "abusePolicy": "block", "abusePolicyOverride": true })),
        domain("flag.example", &json!({ "abusePolicy": "flag", "spamHeaderName": "X-Junk", "spamHeaderValue": "1" })),
        domain("keep.example", &json!({ "abusePolicy": "quarantine" })),
        domain("usual.example", &json!({ "abusePolicy": "block", "abusePolicyOverride": false })),
    ] });
    let made = it.server.client().post("/inbound/v1/domains/batch?subscriptionHandle=default", &batch);
    assert!(made.status < 300, "{made:?}");
    it
}

/// What the milter says at the end of a message from outside.
fn filtered(it: &Bridged, recipients: &[&str], fields: &[(&str, &str)]) -> Vec<(char, String)> {
    let mut milter = it.milter();
    assert_eq!(milter.ask('M', b"<a@b.example>\0").0, 'c');
    for recipient in recipients {
        assert_eq!(milter.ask('R', format!("<{recipient}>\0").as_bytes()).0, 'c');
    }
    milter.end(fields)
}

const FIELDS: [(&str, &str); 2] = [("X-Spam", "Yes"), ("From", "Jo <jo@b.example>")];

#[test]
fn what_a_filter_marked_is_refused_flagged_or_held_back_as_each_domain_says() {
    let it = start();
    let refused = filtered(&it, &["jo@block.example"], &FIELDS);
    assert_eq!(refused, [('y', "550 5.7.1 The message was taken for spam\0".to_owned())]);
    let flagged = filtered(&it, &["jo@flag.example", "bo@flag.example"], &FIELDS);
    assert_eq!(flagged, [('i', "\0\0\0\0X-Junk\0 1\0".to_owned()), ('c', String::new())]);
    let taken = [('c', String::new())];
    for recipients in [&["jo@block.example", "jo@keep.example"][..], &["jo@flag.example", "jo@usual.example"]]
    {
        assert_eq!(filtered(&it, recipients, &FIELDS), taken, "{recipients:?}");
    }
    assert_eq!(filtered(&it, &["jo@block.example"], &[("X-Spam", "No"), FIELDS[1]]), taken);
    assert_eq!(filtered(&it, &["jo@block.example"], &[("X-Other", "Yes"), FIELDS[1]]), taken);

    let all = ["jo@block.example", "jo@flag.example", "jo@keep.example", "jo@usual.example"];
    let replies = it.deliver("a@b.example", &all, MARKED);
    assert!(replies.iter().all(|reply| reply.starts_with("250")), "{replies:?}");
    let text = |place: &str| std::fs::read_to_string(&it.stored(place)[0]).unwrap();
    assert!(
        text("flag.example/jo")
            .starts_with("Return-Path: <a@b.example>\nDelivered-To: jo@flag.example\nX-Junk: 1\n")
    );
    for place in ["block.example/jo/.Blocked", "keep.example/jo/.Quarantine", "usual.example/jo/.Quarantine"]
    {
        assert!(!text(place).contains("X-Junk"), "{place}");
    }
    // Nobody's mail is held back whom a safelist trusts, or who is not filtered.
    it.site.json(&["list", "add", "--domain", "keep.example", "safelist", "b.example"]);
    it.deliver("b@b.example", &["jo@keep.example"], MARKED);
    assert_eq!(it.stored("keep.example/jo").len(), 1);
    let client = it.server.client();
    let user = "/inbound/v1/users?email_address=bo@block.example&admin=false&filter=false";
    let saved = client.send("PUT", user, Some("{}")).unwrap();
    assert!(saved.status < 300, "{saved:?}");
    assert_eq!(filtered(&it, &["bo@block.example"], &FIELDS), taken);
}

#[test]
fn what_is_held_back_is_listed_shown_and_delivered_as_the_route_says() {
    let it = start();
    let hook = Webhook::new();
    it.site.json(&["route", "set", "keep.example", "--mode", "webhook", "--webhook-url", &hook.url()]);
    it.deliver("a@b.example", &["Jo+x@keep.example"], MARKED);
    assert!(hook.posts().is_empty());
    let listed = it.site.json(&["quarantine", "list", "jo@keep.example"]);
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        listed,
        json!([{
            "id": id, "recipient": "Jo+x@keep.example", "sender": "a@b.example", "header_from": "jo@b.example",
            "subject": "Buy", "message_id": null,
        }])
    );
    let people = it.site.run(&["quarantine", "list", "jo@keep.example"]).stdout;
    assert!(people.contains(&id) && people.contains("Buy"), "{people}");
    let shown = it.site.run(&["quarantine", "show", "jo@keep.example", &id]);
    assert!(shown.stdout.ends_with(MARKED), "{shown:?}");
    hook.answers(crate::harness::receiver::Answer::status(500));
    let busy = it.site.run(&["quarantine", "release", "jo@keep.example", &id]);
    assert_eq!(busy.code, Some(5), "{busy:?}");
    hook.answers(crate::harness::receiver::Answer::status(200));
    it.site.json(&["quarantine", "release", "jo@keep.example", &id]);
    let body: serde_json::Value = serde_json::from_slice(&hook.posts()[1].body).unwrap();
    assert_eq!((&body["data"]["recipient"], &body["data"]["id"]), (&json!("Jo+x@keep.example"), &json!(id)));
    assert_eq!(it.site.json(&["quarantine", "list", "jo@keep.example"]), json!([]));
    for wrong in
        [["quarantine", "show", "jo@keep.example", &id], ["quarantine", "release", "jo@keep.example", &id]]
    {
        assert_eq!(it.site.run(&wrong).code, Some(3), "{wrong:?}");
    }
    assert_eq!(it.site.run(&["quarantine", "list", "jo@never.example"]).code, Some(3));
}

#[test]
fn a_message_that_two_release_at_once_is_delivered_once() {
    let it = start();
    let hook = Webhook::new();
    it.site.json(&["route", "set", "keep.example", "--mode", "webhook", "--webhook-url", &hook.url()]);
    for round in 1..=3 {
        it.deliver("a@b.example", &["jo@keep.example"], &MARKED.replace("Hello", &format!("Hello {round}")));
        let id =
            it.site.json(&["quarantine", "list", "jo@keep.example"])[0]["id"].as_str().unwrap().to_owned();
        let release = || it.site.run(&["quarantine", "release", "jo@keep.example", &id]).code;
        let codes = std::thread::scope(|scope| {
            let [one, other] = [scope.spawn(release), scope.spawn(release)];
            [one.join().unwrap(), other.join().unwrap()]
        });
        assert!(codes == [Some(0), Some(3)] || codes == [Some(3), Some(0)], "{codes:?}");
        assert_eq!(hook.posts().len(), round);
    }
}

#[test]
fn what_came_with_smtputf8_is_released_with_it() {
    let mail = MailServer::new();
    let it = start().restart_with("POSTROOM_BRIDGE_SUBMIT", &format!("127.0.0.1:{}", mail.port));
    it.site.json(&[
        "route",
        "set",
        "keep.example",
        "--mode",
        "forward_email",
        "--forward-to",
        "ops@else.example",
    ]);
    let utf8 = MARKED.replace("with ESMTP", "with UTF8SMTP").replace("Buy", "K\u{e4}ufe");
    for (message, parameters) in [(MARKED, ""), (&utf8, " BODY=8BITMIME SMTPUTF8")] {
        it.deliver("a@b.example", &["jo@keep.example"], message);
        let listed = it.site.json(&["quarantine", "list", "jo@keep.example"]);
        it.site.json(&["quarantine", "release", "jo@keep.example", listed[0]["id"].as_str().unwrap()]);
        let sent = mail.taken().pop().unwrap();
        assert!(sent.commands[1].ends_with(&format!(">{parameters}")), "{sent:?}");
    }
}

#[test]
fn explain_says_what_would_become_of_a_message_from_here_to_the_mailbox() {
    let it = start();
    it.site.json(&["list", "add", "--domain", "keep.example", "blocklist", "junk.example"]);
    let file = it.site.file("mail.eml");
    std::fs::write(&file, MARKED).unwrap();
    let file = file.to_str().unwrap();
    let explained = it.site.run(&["explain", "Jo+x@keep.example", file]);
    assert_eq!(explained.code, Some(0), "{explained:?}");
    for part in [
        "keep.example takes mail and sends it",
        "jo@keep.example is the mailbox of Jo+x@keep.example",
        "no list says anything of it",
        "a filter marked it; policy: quarantine",
        "store: it is stored in the mailbox",
        "what it sends is not signed",
        "mx @: pending",
        "domain keep.example created",
    ] {
        assert!(explained.stdout.contains(part), "{part}: {}", explained.stdout);
    }
    let blocked = it.site.run(&["explain", "jo@keep.example", "--sender", "x@junk.example", "--json"]).json();
    assert_eq!(blocked["address"]["lists"]["outcome"], "blocked");
    assert_eq!(blocked["address"]["mailbox"], "jo@keep.example");
    it.site.json(&["route", "set", "keep.example", "--recipients", "known"]);
    let unknown = it.site.run(&["explain", "jo@keep.example"]);
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(unknown.stdout.contains("jo@keep.example is unknown: mail for it is refused"), "{unknown:?}");
    assert_eq!(it.site.run(&["explain", "keep.example"]).code, Some(0));
    assert_eq!(it.site.run(&["explain", "never.example"]).code, Some(3));
    assert_eq!(it.site.run(&["explain", "no@"]).code, Some(2));
}

#[test]
fn explain_exits_1_for_a_message_that_is_refused_and_says_so() {
    let it = start();
    let servers = json!([{ "priority": 1, "weight": 1, "port": 25, "target": "127.0.0.1" }]);
    let batch = json!({ "domains": [{ "domain": "down.example", "downstreamAddresses": servers }] });
    let made = it.server.client().post("/inbound/v1/domains/batch?subscriptionHandle=default", &batch);
    assert!(made.status < 300, "{made:?}");
    it.site.json(&["list", "add", "--account", "default", "blocklist", "bad.example"]);
    let file = it.site.file("mail.eml");
    std::fs::write(&file, MARKED).unwrap();
    let file = file.to_str().unwrap();
    let kept = "this copy is kept in the folder .Blocked";
    for (arguments, says, is_kept) in [
        (&["jo@down.example", "--sender", "spam@bad.example"][..], "a list blocks it", false),
        (&["jo@down.example", "--from", "spam@bad.example"], "a list blocks it", false),
        (&["jo@example.com", "--sender", "spam@bad.example"], "a list blocks it", false),
        (&["jo@example.com", "--from", "spam@bad.example"], "a list blocks it", true),
        (&["jo@block.example", file], "a filter took it for spam", true),
    ] {
        let said = it.site.run(&[&["explain"], arguments].concat());
        assert_eq!(said.code, Some(1), "{arguments:?}: {said:?}");
        assert!(said.stdout.contains(&format!("550: {says}")), "{arguments:?}: {said:?}");
        assert_eq!(said.stdout.contains(kept), is_kept, "{arguments:?}: {said:?}");
        assert!(!said.stdout.contains("route "), "{arguments:?}: {said:?}");
    }
    let said = it.site.run(&["explain", "jo@down.example", "--sender", "a@ok.example"]);
    assert!(said.code == Some(0) && said.stdout.contains("it goes on to 127.0.0.1:25"), "{said:?}");
    let said = it.site.run(&["explain", "jo@down.example", file]);
    assert!(said.code == Some(0) && said.stdout.contains("does not hold for mail that goes on"), "{said:?}");
    // A way back is there for reports alone.
    let mail = MailServer::new();
    let it = it.restart_with("POSTROOM_BRIDGE_SUBMIT", &format!("127.0.0.1:{}", mail.port));
    it.site.json(&[
        "route",
        "set",
        "example.com",
        "--mode",
        "forward_email",
        "--forward-to",
        "ops@else.example",
    ]);
    it.deliver("a@b.example", &["jo@example.com"], "From: a@b.example\n\nHello\n");
    let sent = mail.taken().pop().unwrap().commands[1].clone();
    let path = sent.strip_prefix("MAIL FROM:<").unwrap().split('>').next().unwrap();
    let said = it.site.run(&["explain", path]);
    assert!(said.code == Some(0) && said.stdout.contains("go back to a@b.example"), "{said:?}");
    let said = it.site.run(&["explain", path, "--sender", "x@y.example"]);
    assert!(said.code == Some(1) && said.stdout.contains("takes delivery reports alone"), "{said:?}");
    // Postfix makes another name of this one before it asks for it.
    it.server.client().create_domain("stra\u{df}e.example");
    let said = it.site.run(&["explain", "jo@stra\u{df}e.example"]);
    assert!(said.stdout.contains("only where a sender writes it as xn--strae-oqa.example"), "{said:?}");
}

#[test]
fn one_more_recipient_gets_nobody_past_a_list_whose_mail_goes_straight_on_to_other_servers() {
    let it = start();
    let servers = json!([{ "priority": 1, "weight": 1, "port": 25, "target": "127.0.0.1" }]);
    let settings = json!({ "abusePolicy": "block" });
    let batch = json!({ "domains": [
        { "domain": "down.example", "downstreamAddresses": servers, "settings": settings },
    ] });
    let made = it.server.client().post("/inbound/v1/domains/batch?subscriptionHandle=default", &batch);
    assert!(made.status < 300, "{made:?}");
    it.site.json(&["list", "add", "--domain", "down.example", "blocklist", "bad.example"]);
    it.site.json(&["list", "add", "--domain", "keep.example", "blocklist", "bad.example"]);
    let both = ["jo@down.example", "jo@flag.example"];
    for from in
        ["a@bad.example", "a@bad.example (Jo)", "Group: a@bad.example;", "a@ok.example, a@bad.example"]
    {
        let said = filtered(&it, &both, &[("From", from)]);
        assert!(said[0].0 == 'y' && said[0].1.contains("blocked by the domain's list"), "{from}: {said:?}");
    }
    let said = filtered(&it, &both, &[("From", "b@ok.example"), ("From", "a@bad.example")]);
    assert!(said[0].0 == 'y', "two fields: {said:?}");
    let said = filtered(&it, &both, &FIELDS);
    assert_eq!(said, [('y', "550 5.7.1 The message was taken for spam\0".to_owned())]);
    // What is delivered here is held back for those who do not want it, and the others get it.
    let said = filtered(&it, &["jo@keep.example", "jo@flag.example"], &[("From", "a@bad.example")]);
    assert_eq!(said, [('c', String::new())]);
}

#[test]
fn a_list_holds_for_the_address_that_the_mail_server_understands_however_the_client_writes_it() {
    let it = start();
    let servers = json!([{ "priority": 1, "weight": 1, "port": 25, "target": "127.0.0.1" }]);
    let batch = json!({ "domains": [
        { "domain": "down.example", "downstreamAddresses": servers, "settings": { "abusePolicy": "block" } },
    ] });
    let made = it.server.client().post("/inbound/v1/domains/batch?subscriptionHandle=default", &batch);
    assert!(made.status < 300, "{made:?}");
    it.site.json(&["list", "add", "--domain", "down.example", "blocklist", "bad.example"]);
    let mut milter = it.milter();
    let mut asked = |sender: (&str, &str), recipient: (&str, &str), fields: &[(&str, &str)]| {
        milter.tell('A', b"");
        let macros = |letter: char, name: &str, value: &str| format!("{letter}{{{name}}}\0{value}\0");
        milter.tell('D', macros('M', "mail_addr", sender.1).as_bytes());
        assert_eq!(milter.ask('M', format!("{}\0", sender.0).as_bytes()).0, 'c');
        milter.tell('D', macros('R', "rcpt_addr", recipient.1).as_bytes());
        match milter.ask('R', format!("{}\0", recipient.0).as_bytes()) {
            (_, said) if fields.is_empty() => said,
            _ => milter.end(fields).pop().unwrap().1,
        }
    };
    let (jo, ok) = ("jo@down.example", ("<a@ok.example>", "a@ok.example"));
    let bad = ("<spam@bad.example>", "spam@bad.example");
    for written in [
        "<down.example!jo>",
        "<@x.example:jo@down.example>",
        "<jo(c)@down.example>",
        "<jo%down.example@localhost>",
    ] {
        let said = asked(bad, (written, jo), &[]);
        assert!(said.contains("<spam@bad.example>: blocked by the domain's list"), "{written}: {said}");
        assert!(asked(ok, (written, jo), &FIELDS).contains("taken for spam"), "{written}");
        assert_eq!(asked(ok, (written, jo), &[("From", "b@b.example")]), "", "{written}");
    }
    for written in ["<bad.example!spam>", "<spam%bad.example>", "<spam(c)@bad.example>"] {
        let said = asked((written, "spam@bad.example"), ("<jo@down.example>", jo), &[]);
        assert!(said.contains("blocked by the domain's list"), "{written}: {said}");
    }
    // A server that does not say what it understands has its clients write addresses plainly.
    let mut milter = it.milter();
    for (written, reply) in [("<down.example!jo>", 'y'), ("<jo(c)@down.example>", 'y'), ("<postmaster>", 'c')]
    {
        assert_eq!(milter.ask('M', b"<a@ok.example>\0").0, 'c');
        assert_eq!(milter.ask('R', format!("{written}\0").as_bytes()).0, reply, "{written}");
    }
}

#[test]
fn the_lists_of_recipients_here_hold_for_who_is_logged_in_too() {
    let it = start();
    let (token, _) = it.token("example.com");
    it.site.json(&["list", "add", "--domain", "keep.example", "blocklist", "jo@example.com"]);
    let mut milter = it.milter();
    let mut begin = |sender: &str| {
        milter.tell('D', format!("M{{auth_authen}}\0{token}@example.com\0").as_bytes());
        assert_eq!(milter.ask('M', format!("<{sender}>\0").as_bytes()).0, 'c');
        milter.ask('R', b"<jo@keep.example>\0")
    };
    let said = begin("jo@example.com");
    assert!(said.0 == 'y' && said.1.contains("blocked by the domain's list"), "{said:?}");
    assert_eq!(begin("bo@example.com").0, 'c');
    let said = milter.end(&[("From", "jo@example.com")]);
    assert!(said[0].0 == 'y' && said[0].1.starts_with("550 5.7.1 <jo@example.com>: blocked"), "{said:?}");
}
