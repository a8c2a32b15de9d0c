//! Webhook addresses as `PUT /v2/domains/{domain}/route` takes them: the host is looked up when it is saved.

use postroom::dns::{Outcome, RecordData, RecordType};
use postroom_server::wire::Switches;
use serde_json::{Value, json};

use super::{DOMAIN, error, info, refuses, start};
use crate::harness::app::{Key, Reply, TestApp};
use crate::harness::v2::USER;

const HOST: &str = "hooks.example.com";

fn put(app: &TestApp, key: &Key, url: &Value) -> Reply {
    let body = json!({"user_id": USER, "forward_mode": "webhook", "webhook_url": url});
    app.v2_with(key, &format!("PUT /v2/domains/{DOMAIN}/route"), &body)
}

fn address(text: &str) -> RecordData {
    match text.parse().unwrap() {
        std::net::IpAddr::V4(address) => RecordData::A(address),
        std::net::IpAddr::V6(address) => RecordData::Aaaa(address),
    }
}

#[test]
fn a_url_that_breaks_the_policy_is_400_naming_the_field_and_the_rule() {
    let (app, key) = start();
    let before = app.dump();
    for (url, words) in [
        (json!(""), "not a URL"),
        (json!("hooks.example.com"), "not a URL"),
        (json!("http://hooks.example.com/"), "not https"),
        (json!("ftp://hooks.example.com/"), "not https"),
        (json!("https://user:pass@hooks.example.com/"), "user name or a password"),
        (json!("https://hooks.example.com:0/in"), "port is 0"),
        (json!("https://127.0.0.1/"), "127.0.0.1, which is not a public address"),
        (json!("http://127.0.0.1/"), "not https"),
        (json!("https://[::ffff:10.0.0.1]/"), "not a public address"),
        (json!("https://localhost/"), "not a public name"),
        (json!(format!("https://hooks.example.com/{}", "x".repeat(2048))), "longer than 2048"),
        (json!(5), "must be a string"),
        (json!([URL_LIKE]), "must be a string"),
    ] {
        refuses(&put(&app, &key, &url), "webhook_url", &[words]);
    }
    assert_eq!(app.dump(), before);
    assert!(app.dns.asked().is_empty(), "none of them is looked up");
}

const URL_LIKE: &str = "https://hooks.example.com/";

#[test]
fn a_host_that_leads_to_a_special_address_is_400() {
    for addresses in [
        &["10.0.0.1"][..],
        &["169.254.169.254"],
        &["::1"],
        &["fd00::1"],
        &["::ffff:127.0.0.1"],
        &["93.184.215.14", "192.168.0.1"],
        &["93.184.215.14", "fe80::1"],
    ] {
        let (app, key) = start();
        app.dns.set(HOST, addresses.iter().map(|text| address(text)).collect());
        let before = app.dump();
        refuses(&put(&app, &key, &json!(URL_LIKE)), "webhook_url", &["not a public address"]);
        assert_eq!(app.dump(), before, "{addresses:?}");
    }
}

#[test]
fn an_alias_of_an_inner_host_is_400() {
    let (app, key) = start();
    app.dns.set(HOST, vec![RecordData::Cname("db.inside.example".parse().unwrap())]);
    app.dns.set("db.inside.example", vec![address("10.1.2.3")]);
    refuses(&put(&app, &key, &json!(URL_LIKE)), "webhook_url", &["10.1.2.3"]);
}

#[test]
fn a_host_without_an_address_is_400_saying_so() {
    let (app, key) = start();
    let unresolvable = ["does not resolve to an address"];
    refuses(&put(&app, &key, &json!(URL_LIKE)), "webhook_url", &unresolvable);
    app.dns.set(HOST, vec![RecordData::txt(&["there, with no address"])]);
    refuses(&put(&app, &key, &json!(URL_LIKE)), "webhook_url", &unresolvable);
    app.dns.set_outcome(HOST, RecordType::A, Outcome::CnameLoop);
    refuses(&put(&app, &key, &json!(URL_LIKE)), "webhook_url", &unresolvable);
}

#[test]
fn a_host_that_cannot_be_looked_up_now_is_saved() {
    for outcome in [
        Outcome::Timeout,
        Outcome::ServFail { detail: String::new() },
        Outcome::Refused { detail: String::new() },
        Outcome::Unreachable { detail: String::new() },
    ] {
        let (app, key) = start();
        app.dns.set_outcome(HOST, RecordType::A, outcome.clone());
        app.dns.set_outcome(HOST, RecordType::Aaaa, outcome);
        assert_eq!(put(&app, &key, &json!(URL_LIKE)).status, 200);
        assert_eq!(info(&app, &key, DOMAIN)["route"]["webhook_url"], URL_LIKE);
    }
    // What is known already counts, though the rest is not.
    let (app, key) = start();
    app.dns.set(HOST, vec![address("10.0.0.1")]);
    app.dns.set_outcome(HOST, RecordType::Aaaa, Outcome::Timeout);
    refuses(&put(&app, &key, &json!(URL_LIKE)), "webhook_url", &["10.0.0.1"]);
}

#[test]
fn a_public_host_is_saved_as_it_was_read() {
    let (app, key) = start();
    app.dns.set(HOST, vec![address("93.184.215.14"), address("2a00:1450:4001:82a::200e")]);
    for (url, held) in [
        ("https://hooks.example.com", "https://hooks.example.com/"),
        ("HTTPS://Hooks.Example.COM:443/In?a=B", "https://hooks.example.com/In?a=B"),
        ("https://hooks.example.com:8443/in#part", "https://hooks.example.com:8443/in"),
        ("https://93.184.215.14/", "https://93.184.215.14/"),
    ] {
        assert_eq!(put(&app, &key, &json!(url)).json()["route"]["webhook_url"], held);
    }
}

#[test]
fn loopback_is_for_where_the_operator_allows_it() {
    let loopback =
        ["http://127.0.0.1:9000/in", "http://localhost/in", "http://[::1]/in", "https://127.8.8.8/in"];
    let (app, key) = start();
    for url in loopback {
        refuses(&put(&app, &key, &json!(url)), "webhook_url", &[]);
    }
    let app = app.switched(Switches { loopback_webhooks: true, ..Switches::default() });
    for url in loopback {
        assert_eq!(put(&app, &key, &json!(url)).json()["route"]["webhook_url"], url);
    }
    for url in ["http://10.0.0.1/", "https://10.0.0.1/", "http://hooks.example.com/", "http://u@127.0.0.1/"] {
        refuses(&put(&app, &key, &json!(url)), "webhook_url", &[]);
    }
}

#[test]
fn nothing_is_looked_up_for_whoever_may_not_see_the_domain() {
    let (app, key) = start();
    let stranger = app.account("other");
    let body = json!({"user_id": USER, "forward_mode": "webhook", "webhook_url": URL_LIKE});
    let line = format!("PUT /v2/domains/{DOMAIN}/route");
    app.v2_with(&stranger, &line, &body).is(404, &error("there is no such domain"));
    let another = json!({"user_id": "another", "webhook_url": URL_LIKE});
    app.v2_with(&key, &line, &another).is(404, &error("there is no such domain"));
    assert!(app.dns.asked().is_empty());
}
