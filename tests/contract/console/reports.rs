//! Reported messages, and what is told of a message that might come.

use postroom::id::DomainId;
use postroom::inbound::{self, Downstream, InboundChange};
use postroom::list::{self, ListKind, Scope};
use postroom::mail;
use postroom::report::{self, NewReport, ReportKind};

use crate::harness::app::{Key, TestApp};

const MESSAGE: &[u8] =
    b"From: Jo <jo@b.example>\r\nSubject: =?utf-8?q?=3Cscript=3Ealert(1)=3C/script=3E?=\r\n\
    X-Markup: <img src=x onerror=alert(1)>\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n\
    <p>Win <script>alert(1)</script><img src=\"https://evil.example/pixel\"> now</p>\r\n";

fn world() -> (TestApp, Key, String) {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "example.com");
    app.domain(&key, "example.org");
    let session = app.session(key.account);
    (app, key, session)
}

fn file(app: &TestApp, key: &Key, recipient: &str) -> i64 {
    let new = NewReport {
        recipient: Some(recipient),
        sender: Some("<b>jo@b.example"),
        ..NewReport::of(ReportKind::FalseNegative, MESSAGE)
    };
    app.postroom.write(|tx| report::file(tx, &key.operator(), &new)).unwrap().id.number()
}

#[test]
fn a_reported_message_is_shown_as_text_and_nothing_of_it_is_markup() {
    let (app, key, session) = world();
    let (own, other) = (file(&app, &key, "jo@example.com"), file(&app, &key, "jo@example.org"));
    let list = app.visit(&session, "GET /console/domains/example.com/reports", "").text().to_owned();
    assert!(list.contains(&format!("Report {own}")) && !list.contains(&format!("Report {other}")), "{list}");
    assert!(list.contains("&lt;b&gt;jo@b.example"), "{list}");
    let (name, report) = ("example.com", own);
    let page = app.visit(&session, &format!("GET /console/domains/{name}/reports/{report}"), "");
    let text = page.text();
    assert_eq!(page.status, 200);
    assert!(text.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "the subject, decoded: {text}");
    assert!(text.contains("&lt;img src=x onerror=alert(1)&gt;"), "a field: {text}");
    assert!(
        !text.contains("<script>alert") && !text.contains("<img") && !text.contains("src=\"https"),
        "{text}"
    );
    let raw = app.visit(&session, &format!("GET /console/domains/example.com/reports/{own}?raw=1"), "");
    assert_eq!(raw.body, MESSAGE, "octet for octet");
    assert_eq!(raw.header("content-type"), Some("application/octet-stream"));
    assert!(raw.header("content-disposition").unwrap().starts_with("attachment"));
    for line in [
        format!("GET /console/domains/example.com/reports/{other}"),
        "GET /console/domains/example.com/reports/999".to_owned(),
        "GET /console/domains/example.com/reports/x".to_owned(),
    ] {
        assert_eq!(app.visit(&session, &line, "").status, 404, "{line}");
    }
}

#[test]
fn reports_from_before_a_domain_was_the_accounts_are_not_its() {
    let (app, key, session) = world();
    file(&app, &key, "jo@example.com");
    app.visit(&session, "POST /console/domains/example.com/delete", "confirm=example.com");
    app.advance(1);
    app.domain(&key, "example.com");
    let session = app.session(key.account);
    let list = app.visit(&session, "GET /console/domains/example.com/reports", "").text().to_owned();
    assert!(list.contains("There is none."), "{list}");
}

#[test]
fn the_way_of_a_message_is_told_step_by_step() {
    let (app, key, session) = world();
    let tell = |query: &str| {
        let page = app.visit(&session, &format!("GET /console/domains/example.com/mail?{query}"), "");
        page.text()
            .split("<div role=\"status\"><ol>")
            .nth(1)
            .map(|rest| rest.split("</ol>").next().unwrap().to_owned())
    };
    assert_eq!(tell(""), None);
    let stored = tell("test=jo@example.com").unwrap();
    assert!(
        stored.contains("It is for the mailbox jo@example.com.") && stored.contains("It is stored."),
        "{stored}"
    );
    app.postroom
        .write(|tx| {
            let domain = key.own(tx, DomainId::new(1))?;
            let item = "spam@b.example".parse().unwrap();
            list::add(tx, &key.operator(), &Scope::Domain(&domain), ListKind::Blocklist, &item).map(drop)
        })
        .unwrap();
    let blocked = tell("test=jo@example.com&sender=spam@b.example").unwrap();
    assert!(
        blocked.contains("It is refused, by “spam@b.example” in the blocklist of the domain."),
        "{blocked}"
    );
    assert!(!blocked.contains("It is stored"), "{blocked}");
    let sender = "ann@a.example".parse().unwrap();
    let path = app.postroom.write(|tx| mail::keep_return_path(tx, DomainId::new(1), &sender)).unwrap();
    let encoded = path.to_string().replace('=', "%3D");
    let back = tell(&format!("test={encoded}")).unwrap();
    assert!(back.contains("goes back to ann@a.example"), "{back}");
    let refused = tell(&format!("test={encoded}&sender=bob@b.example")).unwrap();
    assert!(refused.contains("It is refused: this address takes delivery reports alone"), "{refused}");
    let servers = InboundChange {
        downstream: Some(vec![Downstream {
            priority: 1,
            weight: 1,
            port: 25,
            target: "mx.downstream.net".to_owned(),
        }]),
        ..InboundChange::default()
    };
    app.postroom
        .write(|tx| {
            let domain = key.own(tx, DomainId::new(1))?;
            inbound::change(tx, &key.operator(), &domain, &servers)
        })
        .unwrap();
    let onward = tell("test=jo@example.com").unwrap();
    assert!(onward.contains("It goes on to mx.downstream.net:25."), "{onward}");
    assert!(tell("test=jo@example.org").unwrap().contains("This is no address at example.com"));
    assert!(tell("test=jo@example.com&ip=here").unwrap().contains("The IP address is none."));
    assert!(tell("test=%3Cb%3E").unwrap().starts_with("<li>"));
}

#[test]
fn records_are_downloaded_in_the_form_of_each_tool() {
    let (app, _, session) = world();
    for (format, name, text) in [
        ("bind", "example.com.zone", "IN MX 10"),
        ("octodns", "example.com.yaml", "type: MX"),
        ("dnscontrol", "example.com.js", "D_EXTEND("),
        ("terraform", "example.com.tf", "resource \"dns_mx_record_set\""),
    ] {
        let line = format!("GET /console/domains/example.com/zone?format={format}");
        let reply = app.visit(&session, &line, "");
        let told = format!("attachment; filename=\"{name}\"");
        assert_eq!((reply.status, reply.header("content-disposition")), (200, Some(told.as_str())));
        assert!(reply.text().contains(text), "{}", reply.text());
    }
    assert_eq!(app.visit(&session, "GET /console/domains/example.com/zone?format=x", "").status, 404);
}
