//! `GET /v2/domains/{domain}/info` and `GET /v2/domains/{domain}/dns`.

use serde_json::{Value, json};

use super::{DOMAIN, DOMAIN_KEYS, error, info, keys, record, start};
use crate::harness::app::txt;
use crate::harness::v2::USER;

#[test]
fn dns_is_info_without_route_and_mx() {
    let (app, key) = start();
    let domain = DOMAIN;
    let details = info(&app, &key, domain);
    let reply = app.v2(&key, &format!("GET /v2/domains/{domain}/dns?user_id={USER}"));
    reply.is(200, &json!({"domain": details["domain"], "dns": details["dns"]}));
    assert_eq!(keys(&reply.json()), ["domain", "dns"]);
}

#[test]
fn every_object_has_the_keys_of_the_contract_in_their_order() {
    let (app, key) = start();
    let details = info(&app, &key, DOMAIN);
    assert_eq!(keys(&details), ["domain", "dns", "route", "mx"]);
    assert_eq!(keys(&details["domain"]), DOMAIN_KEYS);
    let route = [
        "domain",
        "forward_mode",
        "webhook_url",
        "has_webhook_secret",
        "forward_to_email",
        "recipients",
        "catch_all",
    ];
    assert_eq!(keys(&details["route"]), route);
    assert_eq!(keys(&details["mx"]), ["host", "priority"]);
    for each in details["dns"].as_array().unwrap() {
        let record = [
            "id",
            "record_type",
            "host",
            "expected_value",
            "priority",
            "status",
            "observed_value",
            "checked_at",
            "override",
            "problem",
        ];
        assert_eq!(keys(each), record);
    }
}

#[test]
fn a_record_shows_what_was_seen_when_and_what_was_wrong_with_it() {
    let (app, key) = start();
    app.publish_all(DOMAIN);
    app.dns.set("_dmarc.customer.com", vec![txt("v=DMARC1; p=nonsense")]);
    app.dns.clear("mailer.customer.com");
    app.advance(1);
    let verify = format!("POST /v2/domains/{DOMAIN}/dns/verify");
    assert_eq!(app.v2_with(&key, &verify, &json!({"user_id": USER})).status, 200);
    let details = info(&app, &key, DOMAIN);
    let mx = record(&details, "MX", "@");
    assert_eq!((&mx["status"], &mx["problem"]), (&json!("verified"), &Value::Null));
    assert_eq!(mx["observed_value"], "10 mx.mail.example.net.");
    assert_eq!(mx["checked_at"], "2026-11-21T11:00:00.120Z");
    let dmarc = record(&details, "TXT", "_dmarc");
    assert_eq!((&dmarc["status"], &dmarc["override"]), (&json!("pending"), &json!(false)));
    assert_eq!(dmarc["observed_value"], "v=DMARC1; p=nonsense");
    assert_eq!(keys(&dmarc["problem"]), ["code", "text"]);
    assert_eq!(dmarc["problem"]["code"], "dmarc_syntax");
    assert!(dmarc["problem"]["text"].as_str().unwrap().starts_with("TXT _dmarc.customer.com: "));
    let path = record(&details, "CNAME", "mailer");
    assert_eq!((&path["observed_value"], &path["problem"]["code"]), (&Value::Null, &json!("record_missing")));
}

#[test]
fn the_domain_in_the_path_is_read_in_any_spelling() {
    let (app, key) = start();
    app.v2_domain(&key, "bücher.example", USER);
    for (spelling, held) in [
        ("customer.com", "customer.com"),
        ("CUSTOMER.Com", "customer.com"),
        ("customer.com.", "customer.com"),
        ("customer%2Ecom", "customer.com"),
        ("b%C3%BCcher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ] {
        assert_eq!(info(&app, &key, spelling)["domain"]["domain"], held);
    }
}

#[test]
fn what_is_no_domain_is_404_like_a_domain_that_never_was() {
    let (app, key) = start();
    for odd in ["1", "never.example", "localhost", "a_b.com", "%00", "%FF", "..", "co.uk", "*", "%20", "'"] {
        for route in ["info", "dns"] {
            let reply = app.v2(&key, &format!("GET /v2/domains/{odd}/{route}?user_id={USER}"));
            reply.is(404, &error("there is no such domain"));
        }
    }
}

#[test]
fn a_domain_without_an_mx_record_of_ours_still_shows() {
    let (app, key) = start();
    app.sql().execute("DELETE FROM record WHERE purpose = 'mx'", []).unwrap();
    assert_eq!(info(&app, &key, DOMAIN)["mx"], Value::Null);
}
