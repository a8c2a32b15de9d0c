//! Login links and reports.

use super::*;

#[test]
fn a_login_link_leads_to_the_console_once() {
    let (app, key) = start();
    let domain = DOMAIN;
    let made = call(&app, &key, &format!("GET /inbound/v1/domains/{domain}/login-link"));
    assert_eq!(made.status, 200, "{made:?}");
    let link = made.json()["loginLink"].as_str().unwrap().to_owned();
    let path = link.strip_prefix("http://127.0.0.1:8025").expect("the base URL").to_owned();
    let page = app.send(&format!("GET {path}"), &[], b"");
    assert!(page.status == 200 && page.text().contains("example.com"), "{page:?}");
    refuses(&call(&app, &app.account("other"), "GET /inbound/v1/domains/example.com/login-link"), 404, "");
    call(&app, &key, "POST /inbound/v1/domains/example.com/alias/example.org");
    refuses(&call(&app, &key, "GET /inbound/v1/domains/example.org/login-link"), 403, "alias");
}

#[test]
fn login_links_are_made_together_with_an_outcome_an_item() {
    let (app, key) = start();
    app.domain(&app.account("other"), "other.example");
    let body = json!({ "domains": [{"domain": "Example.com"}, {"domain": "other.example"}, {"domain": "a b"}, {}, {"domain": "example.com"}] });
    let reply = with(&app, &key, "POST /inbound/v1/domains/batch/login-link", &body).json();
    let successes = reply["successes"].as_array().unwrap();
    assert_eq!(
        (successes.len(), &successes[0]["domain"], &successes[0]["code"]),
        (2, &json!("Example.com"), &json!(200))
    );
    assert_ne!(successes[0]["loginLink"], successes[1]["loginLink"]);
    let errors: Vec<u64> =
        reply["errors"].as_array().unwrap().iter().map(|item| item["code"].as_u64().unwrap()).collect();
    assert_eq!(errors, [404, 400, 400]);
    for (bad, words) in [
        (json!({ "domains": [] }), "empty"),
        (json!({}), "domains"),
        (json!({ "domains": vec![json!({"domain": "a.example"}); 1001] }), "1000"),
    ] {
        refuses(&with(&app, &key, "POST /inbound/v1/domains/batch/login-link", &bad), 400, words);
    }
}

#[test]
fn a_report_is_kept_whole_with_its_envelope() {
    let (app, key) = start();
    let message = "From: Grüße <a@b.example>\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\nSubject: x\r\n\r\nFrom here\r\n";
    let body = json!({
        "messageContent": message,
        "smtpEnvelopeInformation": {"ehlo": "mx.example.net", "mailFrom": "a@b.example", "rcptTo": "jo@example.com"},
        "sendingHostInformation": {"name": "mx.example.net"},
    });
    let filed = with(&app, &key, "POST /inbound/v1/report?report_type=false_positive", &body);
    assert_eq!((filed.status, filed.body.len()), (204, 0), "{filed:?}");
    let bare = json!({ "messageContent": message });
    assert_eq!(with(&app, &key, "POST /inbound/v1/report?report_type=false_negative", &bare).status, 204);
    app.postroom
        .read(|tx| {
            let page = postroom::page::Page { limit: 10, offset: 0 };
            let all = postroom::report::list(tx, &postroom::report::Selection::default(), page)?;
            assert_eq!(all.len(), 2);
            let whole = all.iter().find(|report| report.recipient.is_some()).unwrap();
            assert_eq!(
                (whole.helo.as_deref(), whole.sender.as_deref()),
                (Some("mx.example.net"), Some("a@b.example"))
            );
            assert_eq!(whole.domain.as_ref().map(ToString::to_string).as_deref(), Some("example.com"));
            assert_eq!(postroom::report::message(tx, whole)?, message.as_bytes());
            Ok::<_, postroom::error::Error>(())
        })
        .unwrap();
    for (query, body, words) in [
        ("report_type=spam", bare.clone(), "report_type"),
        ("", bare.clone(), "report_type"),
        ("report_type=false_positive", json!({}), "messageContent"),
        (
            "report_type=false_positive",
            json!({ "messageContent": message, "sendingHostInformation": { "name": "x".repeat(513) } }),
            "sendingHostInformation.name",
        ),
        ("report_type=false_positive", json!({"messageContent": "no message"}), "messageContent"),
        ("report_type=false_positive", json!({"messageContent": 7}), "messageContent"),
        (
            "report_type=false_positive",
            json!({"messageContent": message, "smtpEnvelopeInformation": 7}),
            "smtpEnvelopeInformation",
        ),
    ] {
        refuses(&with(&app, &key, &format!("POST /inbound/v1/report?{query}"), &body), 400, words);
    }
}

#[test]
fn links_to_as_many_domains_as_a_request_has_are_made_again_while_the_first_are_unused() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "host.example");
    app.domains_below(&key, "host.example", 1000);
    let items: Vec<Value> = (0..1000).map(|n| json!({ "domain": format!("n{n}.host.example") })).collect();
    for _ in 0..2 {
        let made =
            with(&app, &key, "POST /inbound/v1/domains/batch/login-link", &json!({ "domains": items }));
        assert_eq!(made.json()["successes"].as_array().map(Vec::len), Some(1000));
    }
}
