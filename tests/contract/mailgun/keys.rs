//! `/v1/dkim/keys` and `/v4/domains/{name}/keys`: create, list, activate, deactivate, delete.

use postroom::dkim::PublicKey;
use serde_json::json;

use super::*;

#[test]
fn a_new_key_is_inactive_and_shown_with_the_record_to_publish() {
    let (app, key) = start();
    let made = make(&app, &key, DOMAIN, "s1");
    let fields: Vec<&String> = made.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["signing_domain", "selector", "bits", "dns_record"]);
    assert_eq!((made["signing_domain"].as_str(), made["selector"].as_str()), (Some(DOMAIN), Some("s1")));
    assert_eq!(made["bits"], 2048);
    let record = &made["dns_record"];
    let fields: Vec<&String> = record.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["is_active", "cached", "name", "record_type", "valid", "manual", "value"]);
    assert_eq!(
        (&record["is_active"], &record["cached"], &record["valid"]),
        (&json!(false), &json!([]), &json!("unknown"))
    );
    assert_eq!(record["name"], "s1._domainkey.example.com");
    assert_eq!(record["record_type"], "TXT");
    let value = record["value"].as_str().unwrap();
    assert!(value.starts_with("k=rsa; p="), "{value}");
    assert!(value.parse::<PublicKey>().is_ok());
    assert_eq!(keys_of(&app, &key, DOMAIN).len(), 2, "beside the domain's first");
}

#[test]
fn a_key_that_takes_the_first_ones_selector_before_that_is_made_is_the_first() {
    let (app, key) = start();
    let body = json!({"domain": "late.example", "subscriptionHandle": "default"}).to_string();
    let headers = [("X-API-Key", &*key.secret), ("Content-Type", "application/json")];
    assert_eq!(app.send("POST /inbound/v1/domains", &headers, body.as_bytes()).status, 201);
    assert_eq!(keys_of(&app, &key, "late.example").len(), 0);
    make(&app, &key, "late.example", "pr1");
    assert_eq!(keys_of(&app, &key, "late.example").len(), 1);
    let starts: i64 = app.value("SELECT starts_itself FROM dkim_key ORDER BY id DESC LIMIT 1");
    assert_eq!(starts, 1, "it signs when its record is first seen right");
    // Another selector is beside the first key.
    let body = json!({"domain": "later.example", "subscriptionHandle": "default"}).to_string();
    assert_eq!(app.send("POST /inbound/v1/domains", &headers, body.as_bytes()).status, 201);
    make(&app, &key, "later.example", "s1");
    assert_eq!(keys_of(&app, &key, "later.example").len(), 2);
}

#[test]
fn bits_are_1024_or_2048_and_nothing_else() {
    let (app, key) = start();
    let with = |selector: &str, bits: &str| {
        let fields = [("signing_domain", DOMAIN), ("selector", selector), ("bits", bits)];
        call_form(&app, &key, "POST /v1/dkim/keys", &fields)
    };
    assert_eq!(with("a", "1024").json()["bits"], 1024);
    assert_eq!(with("b", "2048").json()["bits"], 2048);
    for bad in ["512", "4096", "0", "-1", "two", "2048.0"] {
        with("c", bad).is(400, &message("bits must be 1024 or 2048"));
    }
}

#[test]
fn what_is_missing_is_named_and_what_is_wrong_too() {
    let (app, key) = start();
    let with = |fields: &[(&str, &str)]| call_form(&app, &key, "POST /v1/dkim/keys", fields);
    with(&[("signing_domain", DOMAIN)]).is(400, &message("Missing mandatory parameter: selector"));
    with(&[("selector", "s1")]).is(400, &message("Missing mandatory parameter: signing_domain"));
    with(&[("signing_domain", ""), ("selector", "s1")])
        .is(400, &message("Missing mandatory parameter: signing_domain"));
    with(&[("signing_domain", "other.example"), ("selector", "s1")]).is(404, &message("Domain not found"));
    for selector in ["s 1", "-s", "s_1", ".", "a..b", &"x".repeat(64)] {
        let reply = with(&[("signing_domain", DOMAIN), ("selector", selector)]);
        assert!(reply.status == 400 && reply.text().contains("selector"), "{selector}: {reply:?}");
    }
    let reply = with(&[("signing_domain", "not a name"), ("selector", "s1")]);
    assert!(reply.status == 400 && reply.text().contains("signing_domain"), "{reply:?}");
    // Each of its labels is short enough, the name of its record is not.
    let long = ["x".repeat(63), "x".repeat(63), "x".repeat(63), "x".repeat(40)].join(".");
    let reply = with(&[("signing_domain", DOMAIN), ("selector", &long)]);
    assert!(reply.status == 400 && reply.text().contains("longer"), "{reply:?}");
    assert_eq!(keys_of(&app, &key, DOMAIN).len(), 1);
}

#[test]
fn a_selector_is_taken_once_in_any_case_and_a_domain_has_ten_keys() {
    let (app, key) = start();
    make(&app, &key, DOMAIN, "s1");
    for again in ["s1", "S1"] {
        let fields = [("signing_domain", DOMAIN), ("selector", again)];
        call_form(&app, &key, "POST /v1/dkim/keys", &fields)
            .is(400, &message("failed to create domain key: duplicate key"));
    }
    (2..10).for_each(|n| drop(make(&app, &key, DOMAIN, &format!("s{n}"))));
    let one_more = [("signing_domain", DOMAIN), ("selector", "s10")];
    let refused = call_form(&app, &key, "POST /v1/dkim/keys", &one_more);
    assert!(refused.status == 400 && refused.text().contains("10"), "{refused:?}");
    assert_eq!(keys_of(&app, &key, DOMAIN).len(), 10);
}

#[test]
fn a_key_is_activated_only_while_the_dns_is_right() {
    let (app, key) = start();
    let made = make(&app, &key, DOMAIN, "s1");
    let (name, selector) = (DOMAIN, "s1");
    let activate = || call(&app, &key, &format!("PUT /v4/domains/{name}/keys/{selector}/activate"));
    let refused = activate();
    let text = refused.json()["message"].as_str().unwrap().to_owned();
    assert_eq!(refused.status, 400, "{text}");
    assert!(text.starts_with("failed to activate domain key: TXT s1._domainkey.example.com:"), "{text}");
    let shown = key_of(&app, &key, DOMAIN, "s1");
    assert_eq!(shown["dns_record"]["valid"], "invalid");

    publish_key(&app, &made);
    let body = json!({
        "message": "domain key activated", "authority": DOMAIN, "selector": "s1", "active": true,
    });
    activate().is(200, &body);
    activate().is(200, &body);
    let shown = key_of(&app, &key, DOMAIN, "s1");
    let record = &shown["dns_record"];
    assert_eq!((&record["is_active"], &record["valid"]), (&json!(true), &json!("valid")));
    assert_eq!(record["cached"], json!([record["value"]]), "what was seen, whole");
    let events = app.actions(key.account);
    let activations = events.iter().filter(|event| event.starts_with("dkim_key.activated")).count();
    assert_eq!(activations, 1, "{events:?}");
}

#[test]
fn a_key_is_deactivated_also_the_last_one_and_several_may_be_active() {
    let (app, key) = start();
    activate_first(&app, &key, DOMAIN);
    publish_key(&app, &make(&app, &key, DOMAIN, "s1"));
    assert_eq!(call(&app, &key, "PUT /v4/domains/example.com/keys/s1/activate").status, 200);
    let active =
        || keys_of(&app, &key, DOMAIN).iter().filter(|k| k["dns_record"]["is_active"] == true).count();
    assert_eq!(active(), 2);
    let name = DOMAIN;
    for (selector, left) in [("pr1", 1), ("s1", 0), ("s1", 0)] {
        let body = json!({
            "message": "domain key deactivated", "authority": DOMAIN, "selector": selector, "active": false,
        });
        call(&app, &key, &format!("PUT /v4/domains/{name}/keys/{selector}/deactivate")).is(200, &body);
        assert_eq!(active(), left);
    }
}

#[test]
fn a_key_that_is_not_there_is_not_found_and_neither_is_one_of_no_domain() {
    let (app, key) = start();
    let missing = message("domain key not found");
    for path in
        ["example.com/keys/nope", "other.example/keys/pr1", "not%20a%20name/keys/pr1", "example.com/keys/a_b"]
    {
        for what in ["activate", "deactivate"] {
            call(&app, &key, &format!("PUT /v4/domains/{path}/{what}")).is(404, &missing);
        }
    }
    call(&app, &key, "DELETE /v1/dkim/keys?signing_domain=example.com&selector=nope").is(404, &missing);
    call(&app, &key, "DELETE /v1/dkim/keys?signing_domain=other.example&selector=pr1").is(404, &missing);
    call(&app, &key, "GET /v4/domains/other.example/keys").is(200, &json!({ "items": [] }));
    call(&app, &key, "GET /v4/domains/%00/keys").is(200, &json!({ "items": [] }));
}

#[test]
fn inactive_keys_delete_freely_and_the_last_active_one_does_not() {
    let (app, key) = start();
    activate_first(&app, &key, DOMAIN);
    make(&app, &key, DOMAIN, "s1");
    let delete = |selector: &str| {
        call(&app, &key, &format!("DELETE /v1/dkim/keys?signing_domain={DOMAIN}&selector={selector}"))
    };
    let last = message("cannot delete domain key: must have at least one active domain key");
    delete("pr1").is(400, &last);
    delete("s1").is(200, &message("success"));
    let again = make(&app, &key, DOMAIN, "s2");
    publish_key(&app, &again);
    assert_eq!(call(&app, &key, "PUT /v4/domains/example.com/keys/s2/activate").status, 200);
    delete("pr1").is(200, &message("success"));
    delete("s2").is(400, &last);
    call(&app, &key, "DELETE /v1/dkim/keys?signing_domain=example.com")
        .is(400, &message("Missing mandatory parameter: selector"));
    call(&app, &key, "DELETE /v1/dkim/keys?selector=s2")
        .is(400, &message("Missing mandatory parameter: signing_domain"));
    assert_eq!(keys_of(&app, &key, DOMAIN).len(), 1);
}

#[test]
fn the_private_half_is_in_no_reply() {
    let (app, key) = start();
    make(&app, &key, DOMAIN, "s1");
    activate_first(&app, &key, DOMAIN);
    for line in ["GET /v1/dkim/keys", "GET /v4/domains/example.com/keys", "GET /v4/domains/example.com"] {
        let text = call(&app, &key, line).text().to_lowercase();
        assert!(!text.contains("private") && !text.contains("sealed"), "{line}: {text}");
    }
}

#[test]
fn a_damaged_key_is_left_out_and_can_be_deleted_and_the_others_can_be_used() {
    let (app, key) = start();
    activate_first(&app, &key, DOMAIN);
    for selector in ["s1", "s2", "s3"] {
        make(&app, &key, DOMAIN, selector);
    }
    app.sql()
        .execute("UPDATE dkim_key SET checksum = zeroblob(8) WHERE selector IN ('s1', 's2')", [])
        .unwrap();
    let state = || call(&app, &key, "GET /v4/domains/example.com").json()["domain"]["state"].clone();
    let selectors = |shown: &[Value]| -> Vec<String> {
        shown.iter().map(|key| key["selector"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(selectors(&keys_of(&app, &key, DOMAIN)), ["pr1", "s3"]);
    for selector in ["s1", "s2"] {
        let line = format!("DELETE /v1/dkim/keys?signing_domain={DOMAIN}&selector={selector}");
        let deleted = call(&app, &key, &line);
        assert_eq!(deleted.status, 200, "{selector}: {deleted:?}");
    }
    assert_eq!(state(), "unverified", "of its records that of the key alone was seen");
    let again = call(&app, &key, "PUT /v4/domains/example.com/keys/s3/deactivate");
    assert_eq!(again.status, 200, "{again:?}");
}
