//! `/v3/domains/{name}/dkim_authority` and `dkim_selector`.

use super::*;

const CHILD: &str = "news.example.com";

fn with_child() -> (TestApp, Key) {
    let (app, key) = start();
    app.domain(&key, CHILD);
    (app, key)
}

#[track_caller]
fn set(app: &TestApp, key: &Key, name: &str, own: &str) -> Value {
    let fields = [("self", own)];
    let line = format!("PUT /v3/domains/{name}/dkim_authority");
    let reply = call_form(app, key, &line, if own.is_empty() { &[] } else { &fields });
    assert_eq!(reply.status, 200, "{reply:?}");
    let json = reply.json();
    let has = if json["changed"] == true { "has been" } else { "has not been" };
    assert_eq!(json["message"], format!("Domain DKIM authority {has} changed"));
    json
}

fn types(reply: &Value) -> Vec<(String, String)> {
    let records = reply["sending_dns_records"].as_array().unwrap().iter();
    records
        .map(|record| {
            let text = |field: &str| record[field].as_str().unwrap().to_owned();
            (text("record_type"), text("name"))
        })
        .collect()
}

#[test]
fn the_root_domain_takes_over_and_gives_back() {
    let (app, key) = with_child();
    let own =
        [("TXT", CHILD), ("TXT", "pr1._domainkey.news.example.com"), ("CNAME", "mailer.news.example.com")];
    let own: Vec<(String, String)> = own.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec();
    let unchanged = set(&app, &key, CHILD, "true");
    assert_eq!((unchanged["changed"].as_bool(), types(&unchanged)), (Some(false), own.clone()));
    // Left out, it is false.
    let given = set(&app, &key, CHILD, "");
    assert_eq!(given["changed"], true);
    assert_eq!(
        types(&given),
        [own[0].clone(), own[2].clone()],
        "another domain's keys sign: none of its own"
    );
    assert_eq!(set(&app, &key, CHILD, "no")["changed"], false);
    let back = set(&app, &key, CHILD, "1");
    assert_eq!((back["changed"].as_bool(), types(&back)), (Some(true), own));
    let events = app.actions(key.account);
    assert_eq!(events.iter().filter(|event| event.starts_with("domain.authority_changed")).count(), 2);
}

#[test]
fn where_nothing_is_registered_above_nothing_changes() {
    let (app, key) = with_child();
    assert_eq!(set(&app, &key, DOMAIN, "false")["changed"], false);
    // Another account's parent is none.
    let other = app.account("other");
    app.domain(&other, "sub.news.example.com");
    assert_eq!(set(&app, &other, "sub.news.example.com", "false")["changed"], false);
    let bad = call_form(&app, &key, "PUT /v3/domains/news.example.com/dkim_authority", &[("self", "maybe")]);
    bad.is(400, &message("self must be true or false"));
    call(&app, &key, "PUT /v3/domains/other.example/dkim_authority").is(404, &message("Domain not found"));
}

#[test]
fn the_authority_of_others_cannot_be_deleted_nor_renamed_in_any_dialect() {
    let (app, key) = with_child();
    set(&app, &key, CHILD, "false");
    let id: i64 = app.value("SELECT id FROM domain WHERE name = 'example.com'");
    app.sql().execute("UPDATE domain SET user_id = 'user_123'", []).unwrap();
    let delete =
        || app.v2_with(&key, "POST /v2/domains/delete", &json!({"domain": DOMAIN, "user_id": "user_123"}));
    let refused = delete();
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(refused.text().contains(CHILD), "it says for which: {refused:?}");
    let renamed = app.call_with(
        &key,
        &format!("PATCH /api/v1/domains/{id}"),
        &json!({"domain": {"url": "new.example"}}),
    );
    assert_eq!(renamed.status, 409, "{renamed:?}");
    set(&app, &key, CHILD, "true");
    assert_eq!(delete().status, 200);
    assert_eq!(keys_of(&app, &key, CHILD).len(), 1);
}

#[test]
fn a_grandchild_has_the_authority_that_its_parent_has() {
    let (app, key) = with_child();
    app.domain(&key, "eu.news.example.com");
    set(&app, &key, "eu.news.example.com", "false");
    let authority = |name: &str| {
        app.value::<Option<i64>>(&format!("SELECT authority_id FROM domain WHERE name = '{name}'"))
    };
    let id = |name: &str| app.value::<i64>(&format!("SELECT id FROM domain WHERE name = '{name}'"));
    assert_eq!(authority("eu.news.example.com"), Some(id(CHILD)));
    set(&app, &key, CHILD, "false");
    assert_eq!(authority("eu.news.example.com"), Some(id(DOMAIN)), "it goes along");
    set(&app, &key, "eu.news.example.com", "true");
    set(&app, &key, "eu.news.example.com", "false");
    assert_eq!(authority("eu.news.example.com"), Some(id(DOMAIN)), "the authority of its parent");
}

#[test]
fn a_selector_is_renamed_with_its_pair_and_looked_at_anew() {
    let (app, key) = start();
    activate_first(&app, &key, DOMAIN);
    let before = key_of(&app, &key, DOMAIN, "pr1");
    let name = DOMAIN;
    let rename = |fields: &[(&str, &str)]| {
        call_form(&app, &key, &format!("PUT /v3/domains/{name}/dkim_selector"), fields)
    };
    rename(&[]).is(200, &message("DKIM selector changed"));
    assert_eq!(key_of(&app, &key, DOMAIN, "pr1"), before, "left out, nothing changes");
    rename(&[("dkim_selector", "S2027")]).is(200, &message("DKIM selector changed"));
    let after = key_of(&app, &key, DOMAIN, "s2027");
    assert_eq!(after["dns_record"]["value"], before["dns_record"]["value"]);
    assert_eq!(after["dns_record"]["valid"], "unknown");
    assert_eq!(after["dns_record"]["cached"], json!([]));
    assert_eq!(after["dns_record"]["name"], "s2027._domainkey.example.com");
    assert_eq!(after["dns_record"]["is_active"], true, "it stays the current one");
    // What a client of this interface says for nothing.
    rename(&[("dkim_selector", "undefined")]).is(200, &message("DKIM selector changed"));
    assert_eq!(key_of(&app, &key, DOMAIN, "s2027"), after);
    make(&app, &key, DOMAIN, "taken");
    let refused = rename(&[("dkim_selector", "taken")]);
    assert!(refused.status == 400 && refused.text().contains("another key"), "{refused:?}");
    let bad = rename(&[("dkim_selector", "a b")]);
    assert!(bad.status == 400 && bad.text().contains("dkim_selector"), "{bad:?}");
    call_form(&app, &key, "PUT /v3/domains/other.example/dkim_selector", &[("dkim_selector", "x")])
        .is(404, &message("Domain not found"));
}

#[test]
fn a_domain_with_anothers_keys_is_active_when_those_are_right() {
    let (app, key) = with_child();
    app.publish_all(CHILD);
    app.dns.set("pr1._domainkey.news.example.com", vec![]);
    let verify = |name: &str| call(&app, &key, &format!("PUT /v4/domains/{name}/verify")).json();
    assert_eq!(verify(CHILD)["domain"]["state"], "unverified", "its own key is not published");
    set(&app, &key, CHILD, "false");
    assert_eq!(verify(CHILD)["domain"]["state"], "unverified", "the other's key is not known to be right");
    app.publish_all(DOMAIN);
    assert_eq!(verify(DOMAIN)["domain"]["state"], "active");
    assert_eq!(verify(CHILD)["domain"]["state"], "active");
}

#[test]
fn what_a_client_sends_for_nothing_is_nothing() {
    let (app, key) = with_child();
    assert_eq!(set(&app, &key, CHILD, "undefined")["changed"], true, "as false, which it is when left out");
}

#[test]
fn a_selector_that_does_not_fit_is_refused_by_the_name_of_its_parameter() {
    let (app, key) = start();
    let name = format!("{0}.{0}.{0}.example", "d".repeat(60));
    app.domain(&key, &name);
    let fields = [("dkim_selector", "s".repeat(63))];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let refused = call_form(&app, &key, &format!("PUT /v3/domains/{name}/dkim_selector"), &fields);
    let text = refused.json()["message"].as_str().unwrap().to_owned();
    assert!(refused.status == 400 && text.starts_with("dkim_selector is not usable: "), "{refused:?}");
}
