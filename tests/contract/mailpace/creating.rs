//! `POST /api/v1/domains`: which names are taken, which are refused, and whose claim gives way.

use postroom::subscription::{self, Limits};
use serde_json::{Value, json};

use super::invalid;
use crate::harness::app::{Key, Reply, TestApp};

fn create(app: &TestApp, key: &Key, url: &Value) -> Reply {
    app.call_with(key, "POST /api/v1/domains", &json!({"domain": {"url": url}}))
}

/// Whether the name is another account's, which this interface says with the way to claim it.
fn is_taken(reply: &Reply) -> bool {
    let errors = reply.json()["errors"]["url"].clone();
    let names_the_way = errors[1].as_str().is_some_and(|text| text.contains("POST /postroom/v1/claims"));
    (reply.status, &errors[0]) == (422, &json!("has already been taken")) && names_the_way
}

#[test]
fn a_name_in_any_spelling_is_held_in_lower_case_a_labels() {
    let app = TestApp::new();
    let key = app.account("acme");
    for (url, held) in [
        ("Example.COM", "example.com"),
        ("example.org.", "example.org"),
        ("  example.net  ", "example.net"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.de", "xn--bcher-kva.de"),
        ("xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
        ("mail.example.co.uk", "mail.example.co.uk"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("example。info", "example.info"),
    ] {
        let reply = create(&app, &key, &json!(url));
        assert_eq!((reply.status, &reply.json()["url"]), (201, &json!(held)), "{url}");
    }
}

#[test]
fn a_url_that_is_no_mail_domain_is_422_naming_it_and_leaves_nothing() {
    let app = TestApp::new();
    let key = app.account("acme");
    let before = app.dump();
    let long = format!("{}com", "abcdefg.".repeat(31));
    for (url, word) in [
        ("192.0.2.1", "IP address"),
        ("2001:db8::1", "more than a domain name"),
        ("[2001:db8::1]", "more than a domain name"),
        ("co.uk", "public suffix"),
        ("github.io", "public suffix"),
        ("*.example.com", "wildcard"),
        ("localhost", "one label"),
        ("com", "one label"),
        (&long, "longer than 230"),
        (&"a".repeat(100_000), "longer than 230"),
        (&format!("{}.com", "a".repeat(64)), "63 octets"),
        ("a_b.example.com", "underscore"),
        ("_dmarc.example.com", "underscore"),
        ("https://example.com", "enter the name alone"),
        ("http://example.com/", "enter the name alone"),
        ("example.com:25", "enter the name alone"),
        ("example.com/path", "enter the name alone"),
        ("jo@example.com", "enter the name alone"),
        ("exa mple.com", "character"),
        ("a..example.com", "empty label"),
        (".example.com", "empty label"),
        ("example.com..", "empty label"),
        ("-a.example.com", "hyphen"),
        ("a-.example.com", "hyphen"),
        ("example.com\u{0}", ""),
        ("exa\u{0}mple.com", ""),
        ("\u{202e}example.com", ""),
        ("xn--\u{fffd}.com", ""),
        ("xn--a.example.com", ""),
        ("'; DROP TABLE domain;--", ""),
    ] {
        let reply = create(&app, &key, &json!(url));
        assert_eq!(reply.status, 422, "{url:.60}");
        let errors = reply.json()["errors"]["url"].clone();
        assert_eq!(errors[0], "is invalid", "{url:.60}");
        assert!(errors[1].as_str().is_some_and(|text| text.contains(word)), "{url:.60}: {errors}");
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn a_url_that_is_missing_or_empty_is_422_cant_be_blank() {
    let app = TestApp::new();
    let key = app.account("acme");
    let before = app.dump();
    for body in [
        json!({}),
        json!({"domain": {}}),
        json!({"domain": {"name": "example.com"}}),
        json!({"domain": {"url": null}}),
        json!({"domain": {"url": ""}}),
        json!({"domain": {"url": "   "}}),
        json!({"url": null, "name": "example.com"}),
        json!({"domain": {}, "url": "example.com"}),
    ] {
        app.call_with(&key, "POST /api/v1/domains", &body).is(422, &invalid("url", "can't be blank"));
    }
    app.call(&key, "POST /api/v1/domains").is(422, &invalid("url", "can't be blank"));
    assert_eq!(app.dump(), before);
}

#[test]
fn a_url_of_another_type_is_422_must_be_a_string() {
    let app = TestApp::new();
    let key = app.account("acme");
    let before = app.dump();
    for url in [json!(5), json!(1.5), json!(true), json!(["example.com"]), json!({"a": "example.com"})] {
        create(&app, &key, &url).is(422, &invalid("url", "must be a string"));
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn a_flat_body_is_taken_too() {
    let app = TestApp::new();
    let key = app.account("acme");
    for (body, url, name) in [
        (json!({"url": "one.example"}), "one.example", json!(null)),
        (json!({"url": "two.example", "name": "Two"}), "two.example", json!("Two")),
        (json!({"name": "three.example"}), "three.example", json!(null)),
    ] {
        let reply = app.call_with(&key, "POST /api/v1/domains", &body);
        let made = reply.json();
        assert_eq!((reply.status, &made["url"], &made["name"]), (201, &json!(url), &name), "{body}");
    }
}

#[test]
fn a_name_that_is_taken_is_422_has_already_been_taken() {
    let app = TestApp::new();
    let (key, other) = (app.account("acme"), app.account("other"));
    app.domain(&key, "example.com");
    let before = app.dump();
    for spelling in ["example.com", "EXAMPLE.com."] {
        create(&app, &key, &json!(spelling)).is(422, &invalid("url", "has already been taken"));
        assert!(is_taken(&create(&app, &other, &json!(spelling))), "{spelling}");
    }
    assert_eq!(app.dump(), before, "a refused creation leaves no row, no event and takes no spare key");
}

#[test]
fn one_of_two_creations_at_once_wins() {
    let app = TestApp::new();
    let (key, other) = (app.account("acme"), app.account("other"));
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = [&key, &other, &key, &other]
            .map(|caller| {
                let app = &app;
                scope.spawn(move || create(app, caller, &json!("example.com")).status)
            })
            .into_iter()
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 422].contains(status)), "{statuses:?}");
}

#[test]
fn an_unproved_claim_gives_way_after_7_days_and_both_accounts_can_read_it() {
    let app = TestApp::new();
    let (first, second) = (app.tenant("first"), app.tenant("second"));
    let lost = app.domain(&first, "example.com");
    app.advance(7 * 24);
    // Exactly 7 days are not more than 7 days.
    assert!(is_taken(&create(&app, &second, &json!("example.com"))));
    app.clock.advance(std::time::Duration::from_millis(1));
    assert_eq!(create(&app, &second, &json!("example.com")).status, 201);
    app.call(&first, &format!("GET /api/v1/domains/{lost}")).is(404, &json!({"error": "Domain not found"}));
    let gave_way = |key: &Key| {
        let events = app.events(key.account);
        events.into_iter().find(|event| event.action() == "domain.gave_way").unwrap()
    };
    let (lost, won) = (gave_way(&first), gave_way(&second));
    assert_eq!((lost.subject().as_str(), won.subject().as_str()), ("example.com", "example.com"));
    assert_eq!(
        lost.detail().unwrap(),
        "domain example.com claimed by another account because it was never verified"
    );
    assert!(won.detail().unwrap().contains("another account"));
    assert!(app.actions(second.account).contains(&"domain.created example.com".to_owned()));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM domain"), 1);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM dkim_key"), 1, "nothing hangs on the lost one");
}

#[test]
fn an_unproved_claim_holds_for_6_days() {
    let app = TestApp::new();
    let (first, second) = (app.tenant("first"), app.tenant("second"));
    let id = app.domain(&first, "example.com");
    app.advance(6 * 24);
    let before = app.dump();
    assert!(is_taken(&create(&app, &second, &json!("example.com"))));
    assert_eq!(app.dump(), before);
    assert_eq!(app.call(&first, &format!("GET /api/v1/domains/{id}")).status, 200);
}

#[test]
fn an_expired_claim_never_gives_way_to_its_own_account() {
    let app = TestApp::new();
    let key = app.tenant("acme");
    app.domain(&key, "example.com");
    app.advance(8 * 24);
    create(&app, &key, &json!("example.com")).is(422, &invalid("url", "has already been taken"));
}

#[test]
fn a_claim_that_was_verified_once_never_gives_way_to_a_creation() {
    let app = TestApp::new();
    let (first, second) = (app.tenant("first"), app.tenant("second"));
    let id = app.domain(&first, "example.com");
    app.publish(&first, id);
    assert_eq!(app.call(&first, &format!("POST /api/v1/domains/{id}/verify")).status, 200);
    app.dns.clear("pr1._domainkey.example.com");
    app.dns.clear("mailer.example.com");
    for _ in 0..4 {
        app.advance(100);
        app.call(&first, &format!("POST /api/v1/domains/{id}/verify"));
    }
    let shown = app.call(&first, &format!("GET /api/v1/domains/{id}")).json();
    assert_eq!(shown["dkim_verified"], json!(false), "it is lost by now");
    assert!(is_taken(&create(&app, &second, &json!("example.com"))));
}

#[test]
fn a_full_subscription_is_422_and_an_expired_claim_of_another_account_stays() {
    let app = TestApp::new();
    let (first, second) = (app.tenant("first"), app.tenant("second"));
    app.domain(&first, "claimed.example");
    app.domain(&second, "one.example");
    app.sql()
        .execute("UPDATE subscription SET max_domains = 1 WHERE account_id = ?1", [second.account.number()])
        .unwrap();
    app.advance(8 * 24);
    let before = app.dump();
    for url in ["two.example", "claimed.example"] {
        let reply = create(&app, &second, &json!(url));
        assert_eq!(reply.status, 422);
        assert!(reply.json()["errors"]["url"][0].as_str().unwrap().contains("allows 1 domains"), "{reply:?}");
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn the_default_subscription_alone_counts() {
    let app = TestApp::new();
    let key = app.account("acme");
    let limits = Limits { max_domains: Some(0), max_recipients: None };
    app.postroom.write(|tx| subscription::create(tx, key.account, "none", limits)).unwrap();
    assert_eq!(create(&app, &key, &json!("example.com")).status, 201);
}
