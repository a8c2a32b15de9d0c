//! Settings and downstream addresses.

use postroom::dns::{Outcome, RecordData, RecordType};

use super::*;

#[test]
fn settings_change_by_what_is_sent_and_null_is_nothing_said() {
    let (app, key) = start();
    let domain = DOMAIN;
    let set = |body: Value| with(&app, &key, &format!("PUT /inbound/v1/domains/{domain}/settings"), &body);
    let first = set(json!({
        "abusePolicy": "quarantine", "abusePolicyOverride": false, "spamHeaderName": "X-Spam", "spamHeaderValue": "yes",
        "admins": ["jo@example.com"], "aliases": ["example.org"], "downstreamAddresses": [server(1, "mx.example.net")],
    }));
    assert_eq!(first.status, 200, "{first:?}");
    let second = set(json!({ "abusePolicy": "block", "spamHeaderName": null })).json();
    assert_eq!(
        second["settings"],
        json!({ "abusePolicy": "block", "abusePolicyOverride": false, "spamHeaderName": null, "spamHeaderValue": "yes" })
    );
    assert_eq!(
        (&second["admins"], &second["aliases"]),
        (&json!(["jo@example.com"]), &json!(["example.org"]))
    );
    let shown = call(&app, &key, &format!("GET /inbound/v1/domains/{domain}/settings")).json();
    assert_eq!(
        shown,
        json!({
            "abusePolicy": "block", "abusePolicyOverride": false, "spamHeaderName": null, "spamHeaderValue": "yes",
            "admins": ["jo@example.com"], "downstreamAddresses": [server(1, "mx.example.net")], "aliases": ["example.org"],
        })
    );
    let cleared = set(json!({ "admins": [], "aliases": [], "downstreamAddresses": [] })).json();
    assert_eq!((&cleared["admins"], &cleared["downstreamAddresses"]), (&json!([]), &json!([])));
    assert_eq!(set(json!({})).status, 200, "nothing changes");
}

#[test]
fn what_is_wrong_with_settings_is_named_and_nothing_of_it_is_kept() {
    let (app, key) = start();
    let before = app.dump();
    for (body, word) in [
        (json!({"abusePolicy": "eat"}), "abusePolicy"),
        (json!({"abusePolicy": 1}), "abusePolicy"),
        (json!({"abusePolicyOverride": "yes"}), "abusePolicyOverride"),
        (json!({"spamHeaderName": "X Spam"}), "spamHeaderName"),
        (json!({"spamHeaderName": "X-Spam:"}), "spamHeaderName"),
        (json!({"spamHeaderName": ""}), "spamHeaderName"),
        (json!({"spamHeaderName": "From"}), "From says something else in a message"),
        (json!({"spamHeaderName": "content-type"}), "spamHeaderName"),
        (json!({"spamHeaderValue": "a\r\nBcc: b"}), "spamHeaderValue"),
        (json!({"spamHeaderValue": ""}), "spamHeaderValue"),
        (json!({"admins": ["nobody"]}), "admins"),
        (json!({"admins": "jo@example.com"}), "admins"),
        (json!({"admins": [1]}), "admins"),
        (json!({"aliases": ["a b"]}), "aliases"),
        (json!({"admins": ["jo@example.com"], "aliases": ["example.com"]}), "already"),
        (json!({"downstreamAddresses": [{"priority": 1}]}), "downstreamAddresses"),
        (json!({"downstreamAddresses": [server(1, "")]}), "downstreamAddresses"),
        (json!({"downstreamAddresses": [server(1, "a b")]}), "downstreamAddresses"),
        (json!({"downstreamAddresses": vec![server(1, "mx.example.net"); 11]}), "at most 10"),
        (
            json!({"downstreamAddresses": [{"priority": -1, "weight": 0, "port": 25, "target": "a"}]}),
            "priority",
        ),
        (
            json!({"downstreamAddresses": [{"priority": 1, "weight": 0, "port": 65536, "target": "a"}]}),
            "port",
        ),
        (json!([]), "object"),
    ] {
        let reply = with(&app, &key, "PUT /inbound/v1/domains/example.com/settings", &body);
        let status = if word == "already" { 409 } else { 400 };
        refuses(&reply, status, word);
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn downstream_addresses_are_replaced_as_a_whole_and_come_back_as_they_were_sent() {
    let (app, key) = start();
    let domain = DOMAIN;
    let records =
        json!([server(10, "mx1.example.net."), server(20, "93.184.215.14"), server(10, "MX2.example.net")]);
    let line = format!("PUT /inbound/v1/domains/{domain}/downstream-address");
    let set = with(&app, &key, &line, &json!({ "records": records }));
    assert_eq!((set.status, set.json()), (201, json!({ "records": records })));
    let get = |query: &str| {
        call(&app, &key, &format!("GET /inbound/v1/domains/{domain}/downstream-address{query}"))
    };
    let whole = call(&app, &key, &format!("GET /inbound/v1/domains/{domain}/downstream-address"));
    assert_eq!(whole.json(), json!({ "records": records }));
    assert_eq!(get("?limit=1&offset=1").json()["records"], json!([server(20, "93.184.215.14")]));
    assert_eq!(get("?offset=9").json()["records"], json!([]));
    refuses(&get("?limit=0"), 400, "limit");
    refuses(&get("?offset=-1"), 400, "offset");
    assert_eq!(with(&app, &key, &line, &json!({ "records": [] })).status, 201);
    assert_eq!(get("").json()["records"], json!([]));
    refuses(&with(&app, &key, &line, &json!({})), 400, "records");
    refuses(&with(&app, &key, &line, &json!({ "records": {} })), 400, "records");
    refuses(
        &with(&app, &key, &line, &json!({ "records": [server(1, "127.0.0.1")] })),
        400,
        "records is not usable",
    );
}

#[test]
fn mail_is_sent_to_no_downstream_server_that_is_not_public() {
    let (app, key) = start();
    let domain = DOMAIN;
    app.dns.set("inside.example.org", vec![RecordData::A([10, 0, 0, 7].into())]);
    app.dns.set("metadata.example.org", vec![RecordData::A([169, 254, 169, 254].into())]);
    app.dns.set("mx.example.org", vec![RecordData::A([93, 184, 215, 14].into())]);
    let downstream = format!("PUT /inbound/v1/domains/{domain}/downstream-address");
    let settings = format!("PUT /inbound/v1/domains/{domain}/settings");
    let at = |target: &str, port: u16| json!({ "priority": 1, "weight": 0, "port": port, "target": target });
    let before = app.dump();
    for (target, port, words) in [
        ("127.0.0.1", 6379, "not a public address"),
        ("127.0.0.1", 25, "not a public address"),
        ("[::1]", 25, "not a public address"),
        ("::ffff:10.0.0.1", 25, "not a public address"),
        ("64:ff9b::a00:1", 25, "not a public address"),
        ("192.168.1.1", 25, "not a public address"),
        ("169.254.169.254", 25, "not a public address"),
        ("localhost", 25, "not a public name"),
        ("LOCALHOST.", 25, "not a public name"),
        ("mail.localhost", 25, "not a public name"),
        ("metadata", 25, "not a public name"),
        ("instance-data.ec2.internal", 25, "not a public name"),
        ("metadata.google.internal.", 25, "not a public name"),
        ("inside.example.org", 25, "leads to 10.0.0.7, which is not a public address"),
        ("metadata.example.org.", 25, "leads to 169.254.169.254"),
        ("mx.example.org", 0, "its port takes no mail"),
        ("mx.example.org", 22, "its port takes no mail"),
        ("mx.example.org", 80, "its port takes no mail"),
    ] {
        let records = json!({ "records": [at("mx.example.org", 25), at(target, port)] });
        refuses(&with(&app, &key, &downstream, &records), 400, words);
        let lists = json!({ "downstreamAddresses": [at(target, port)] });
        refuses(&with(&app, &key, &settings, &lists), 400, words);
    }
    assert_eq!(app.dump(), before);
    // What cannot be told now is saved, and checked when mail is sent.
    let trouble = Outcome::ServFail { detail: String::new() };
    app.dns.set_outcome("later.example.org", RecordType::A, trouble);
    for (target, port) in
        [("mx.example.org", 2525), ("mx.example.org", 26), ("later.example.org", 25), ("93.184.215.14", 587)]
    {
        let records = json!({ "records": [at(target, port)] });
        assert_eq!(with(&app, &key, &downstream, &records).status, 201, "{target}");
    }
}
