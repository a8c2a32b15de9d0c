//! `/postroom/v1/domains/{name}/dns`, `…/verify` and `…/zone`.

use postroom::dns::Outcome;
use serde_json::{Value, json};

use super::{bearer, record};
use crate::harness::app::TestApp;

#[test]
fn a_look_tells_each_finding_with_what_every_server_said_and_writes_nothing() {
    let (app, name) = (TestApp::new(), "example.com");
    let key = app.account("acme");
    let id = app.domain(&key, name);
    app.publish(&key, id);
    let before = app.dump();
    let reply = bearer(&app, &key, &format!("GET /postroom/v1/domains/{name}/dns"));
    assert_eq!(reply.status, 200);
    let seen = reply.json();
    assert_eq!(seen["domain"], "example.com");
    assert_eq!(seen["status"], "pending", "looking changes nothing");
    let dkim = record(&seen, "dkim");
    assert_eq!((&dkim["name"], &dkim["type"]), (&json!("pr1._domainkey.example.com"), &json!("TXT")));
    assert_eq!(
        (&dkim["verdict"], &dkim["code"], &dkim["checked_at"]),
        (&json!("pass"), &Value::Null, &Value::Null)
    );
    let server = &dkim["servers"][0];
    assert_eq!((&server["outcome"], &server["verdict"]), (&json!("found"), &json!("pass")));
    assert_eq!(server["authoritative"], false);
    assert!(server["records"][0].as_str().unwrap().starts_with("v=DKIM1; k=rsa; p="), "{server}");
    assert!(server["remaining_seconds"].is_u64());
    assert_eq!(app.dump(), before);
}

#[test]
fn advice_is_told_by_topic_and_writes_nothing() {
    let (app, name) = (TestApp::new(), "example.com");
    let key = app.account("acme");
    app.domain(&key, name);
    let before = app.dump();
    let reply = bearer(&app, &key, &format!("GET /postroom/v1/domains/{name}/advice"));
    assert_eq!(reply.status, 200);
    let told = reply.json();
    assert_eq!(told["domain"], "example.com");
    let advice = told["advice"].as_array().unwrap();
    let of = |topic: &str| advice.iter().find(|each| each["topic"] == topic).unwrap();
    let reverse = of("reverse_dns");
    assert_eq!((&reverse["grade"], &reverse["code"]), (&json!("improve"), &json!("reverse_missing")));
    assert_eq!(reverse["name"], "25.2.0.192.in-addr.arpa");
    assert!(reverse["text"].as_str().unwrap().starts_with("192.0.2.25 has no name"), "{reverse}");
    assert_eq!(
        reverse["action"],
        json!({"do": "add", "name": "25.2.0.192.in-addr.arpa", "type": "PTR", "from": null, "to": "mx.mail.example.net."})
    );
    assert_eq!(of("mta_sts")["code"], "mta_sts_missing");
    assert_eq!(of("mta_sts")["action"], Value::Null);
    assert_eq!(app.dump(), before);
    let stranger = app.account("other");
    let foreign = bearer(&app, &stranger, &format!("GET /postroom/v1/domains/{name}/advice"));
    let nowhere = bearer(&app, &stranger, "GET /postroom/v1/domains/nowhere.example/advice");
    assert_eq!((foreign.status, &foreign.body), (404, &nowhere.body));
}

#[test]
fn verifying_writes_down_what_follows() {
    let (app, name) = (TestApp::new(), "example.com");
    let key = app.account("acme");
    let id = app.domain(&key, name);
    let reply = bearer(&app, &key, &format!("POST /postroom/v1/domains/{name}/verify"));
    let missing = record(&reply.json(), "dkim");
    assert_eq!((&missing["verdict"], &missing["status"]), (&json!("fail"), &json!("pending")));
    assert!(missing["failing_since"].is_string(), "{missing}");
    app.publish(&key, id);
    let seen = bearer(&app, &key, &format!("POST /postroom/v1/domains/{name}/verify")).json();
    let dkim = record(&seen, "dkim");
    assert_eq!((&dkim["verdict"], &dkim["status"]), (&json!("pass"), &json!("verified")), "{dkim}");
    assert!(dkim["checked_at"].is_string());
    assert_eq!(dkim["failing_since"], Value::Null);
}

#[test]
fn what_is_temporary_is_told_and_changes_nothing() {
    let (app, name) = (TestApp::new(), "example.com");
    let key = app.account("acme");
    app.domain(&key, name);
    app.dns.set_outcome("pr1._domainkey.example.com", postroom::dns::RecordType::Txt, Outcome::Timeout);
    let seen = bearer(&app, &key, &format!("POST /postroom/v1/domains/{name}/verify")).json();
    let dkim = record(&seen, "dkim");
    assert_eq!((&dkim["verdict"], &dkim["code"]), (&json!("temporary"), &json!("timeout")));
    assert_eq!((&dkim["status"], &dkim["servers"][0]["outcome"]), (&json!("pending"), &json!("timeout")));
}

#[test]
fn a_zone_is_a_fragment_of_a_zone_file() {
    let (app, name) = (TestApp::new(), "Example.COM.");
    let key = app.account("acme");
    app.domain(&key, "example.com");
    let reply = bearer(&app, &key, &format!("GET /postroom/v1/domains/{name}/zone"));
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/dns")));
    for line in [
        "example.com. 3600 IN MX 10 ",
        "_dmarc.example.com. 3600 IN TXT \"v=DMARC1; p=none\"",
        "mailer.example.com. 3600 IN CNAME ",
    ] {
        assert!(reply.text().contains(line), "{line}: {}", reply.text());
    }
}
