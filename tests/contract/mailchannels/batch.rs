//! Bulk: provision and deprovision.

use postroom::dns::RecordData;

use super::*;

const LINE: &str = "POST /inbound/v1/domains/batch?subscriptionHandle=default";

fn codes(outcome: &Value) -> Vec<(String, u64)> {
    let items = outcome.as_array().unwrap().iter();
    items
        .map(|item| {
            let name = item["domain"]["domain"].as_str().or(item["domain"].as_str()).unwrap().to_owned();
            (name, item["code"].as_u64().unwrap())
        })
        .collect()
}

#[test]
fn a_thousand_domains_are_provisioned_in_the_order_given_and_one_bad_item_spoils_no_other() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&app.account("other"), "taken.example");
    let mut items: Vec<Value> = (0..1000).map(|n| json!({ "domain": format!("d{n}.example") })).collect();
    items[7] = json!({ "domain": "bad name" });
    items[8] = json!("no object");
    items[9] = json!({ "domain": "taken.example" });
    items[10] = json!({ "domain": "d0.example" });
    items[11] = json!({ "domain": "good.example", "settings": { "abusePolicy": "eat" } });
    items[12] = json!({
        "domain": "full.example", "downstreamAddress": [server(1, "mx.example.net")], "aliases": ["alias.example"],
        "admins": ["jo@full.example"], "settings": { "abusePolicy": "flag" },
    });
    let body = json!({ "domains": items });
    let reply = with(&app, &key, LINE, &body);
    assert_eq!(reply.status, 200, "{reply:?}");
    let outcome = reply.json();
    let successes = codes(&outcome["successes"]);
    assert_eq!(successes.len(), 996);
    assert!(successes.iter().all(|(_, code)| *code == 201));
    let order: Vec<&str> = successes.iter().map(|(name, _)| name.as_str()).collect();
    let asked = items.iter().filter_map(|item| item["domain"].as_str());
    let asked: Vec<&str> =
        asked.filter(|name| !["bad name", "taken.example", "good.example"].contains(name)).collect();
    assert_eq!(order, asked, "as they were given");
    assert_eq!(
        codes(&outcome["errors"]),
        [
            ("bad name".into(), 400),
            ("no object".into(), 400),
            ("taken.example".into(), 409),
            ("good.example".into(), 400)
        ]
    );
    let comment = |list: &str, name: &str| {
        let mut items = outcome[list].as_array().unwrap().iter();
        let found = items.rfind(|item| item["domain"]["domain"] == name).unwrap();
        found["comment"].as_str().unwrap_or_default().to_owned()
    };
    assert!(comment("errors", "bad name").starts_with("item 8: "));
    assert!(comment("successes", "d0.example").contains("item 1"), "{}", comment("successes", "d0.example"));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM domain WHERE account_id = 1"), 995);
    let full = call(&app, &key, "GET /inbound/v1/domains/full.example").json();
    assert_eq!(
        (&full["aliases"], &full["settings"]["abusePolicy"]),
        (&json!(["alias.example"]), &json!("flag"))
    );
    // The same again: all are there.
    let again = with(&app, &key, LINE, &body).json();
    assert_eq!(again["successes"].as_array().unwrap().len(), 996);
    assert!(again["successes"][0]["comment"].as_str().unwrap().contains("already"));
}

#[test]
fn a_request_is_refused_as_a_whole_where_that_is_asked() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.postroom
        .write(|tx| {
            let limits = postroom::subscription::Limits { max_domains: Some(2), max_recipients: None };
            postroom::subscription::create(tx, key.account, "two", limits)
        })
        .unwrap();
    let items = |count: usize| json!({ "domains": (0..count).map(|n| json!({"domain": format!("d{n}.example")})).collect::<Vec<_>>() });
    let before = app.dump();
    refuses(
        &with(&app, &key, "POST /inbound/v1/domains/batch?subscriptionHandle=two", &items(3)),
        403,
        "limit",
    );
    refuses(
        &with(&app, &key, "POST /inbound/v1/domains/batch?subscriptionHandle=gold", &items(1)),
        403,
        "subscription",
    );
    let handleless = "POST /inbound/v1/domains/batch";
    refuses(&with(&app, &key, handleless, &items(1)), 400, "subscriptionHandle");
    refuses(&with(&app, &key, LINE, &items(1001)), 400, "1000");
    refuses(&with(&app, &key, LINE, &json!({})), 400, "domains");
    refuses(&with(&app, &key, LINE, &json!({ "domains": {} })), 400, "domains");
    refuses(&with(&app, &key, LINE, &json!([])), 400, "object");
    assert_eq!(app.dump(), before);
    let none = with(&app, &key, LINE, &json!({ "domains": [] }));
    none.is(200, &json!({ "successes": [], "errors": [] }));
    assert_eq!(
        with(&app, &key, "POST /inbound/v1/domains/batch?subscriptionHandle=two", &items(2)).status,
        200
    );
}

#[test]
fn an_item_that_names_another_subscription_than_the_request_is_an_error_of_its_own() {
    let app = TestApp::new();
    let key = app.account("acme");
    let item = |name: &str, handle: Value| json!({"domain": name, "subscriptionHandle": handle});
    let items = [
        item("same.example", json!("default")),
        item("other.example", json!("gold")),
        item("none.example", json!(null)),
        item("odd.example", json!(7)),
    ];
    let reply = with(&app, &key, LINE, &json!({ "domains": items }));
    assert_eq!(reply.status, 200, "{reply:?}");
    let outcome = reply.json();
    let made = outcome["successes"].as_array().unwrap().iter().map(|item| &item["domain"]["domain"]);
    assert_eq!(made.collect::<Vec<_>>(), ["same.example", "none.example"]);
    for (error, name) in outcome["errors"].as_array().unwrap().iter().zip(["other.example", "odd.example"]) {
        assert_eq!((&error["domain"]["domain"], &error["code"]), (&json!(name), &json!(400)), "{error}");
        assert!(error["comment"].as_str().unwrap().contains("subscriptionHandle"), "{error}");
    }
    assert_eq!(outcome["errors"].as_array().unwrap().len(), 2);
}

#[test]
fn domains_are_deprovisioned_together_by_either_route() {
    let app = TestApp::new();
    let key = app.account("acme");
    let sibling = app.key_of(key.account);
    app.domain(&app.account("other"), "other.example");
    for line in ["POST /inbound/v1/domains/batch/deprovision", "DELETE /inbound/v1/domains/batch"] {
        for name in ["a.example", "b.example"] {
            provision(&app, &key, name);
        }
        let tied = json!({"domain": "tied.example", "subscriptionHandle": "default"});
        with(&app, &sibling, "POST /inbound/v1/domains?associate-key=true", &tied);
        let body = json!({ "domains": ["b.example", "never.example", "other.example", "tied.example", {"domain": "A.example"}, 7, "b.example"] });
        let reply = with(&app, &key, line, &body);
        assert_eq!(reply.status, 200, "{reply:?}");
        let outcome = reply.json();
        assert_eq!(codes(&outcome["successes"]), [("b.example".into(), 204), ("A.example".into(), 204)]);
        assert_eq!(
            codes(&outcome["errors"]),
            [
                ("never.example".into(), 404),
                ("other.example".into(), 404),
                ("tied.example".into(), 403),
                (String::new(), 400),
                ("b.example".into(), 404)
            ]
        );
    }
    refuses(
        &with(&app, &key, "DELETE /inbound/v1/domains/batch", &json!({ "domains": vec!["x.example"; 1001] })),
        400,
        "1000",
    );
}

#[test]
fn a_downstream_host_is_looked_up_and_vetted_also_where_a_domain_is_provisioned() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.dns.set("inside.example.org", vec![RecordData::A([10, 0, 0, 7].into())]);
    app.dns.set("mx.example.org", vec![RecordData::A([93, 184, 215, 14].into())]);
    let domain = |name: &str, target: &str| json!({ "domain": name, "subscriptionHandle": "default", "downstreamAddresses": [server(1, target)] });
    let before = app.dump();
    let one = |target: &str| with(&app, &key, "POST /inbound/v1/domains", &domain(DOMAIN, target));
    refuses(&one("inside.example.org"), 400, "leads to 10.0.0.7, which is not a public address");
    refuses(&one("127.0.0.1"), 400, "not a public address");
    assert_eq!(app.dump(), before);
    assert_eq!(one("mx.example.org.").status, 201);
    let items = json!({ "domains": [
        domain("a.example", "mx.example.org"), domain("b.example", "INSIDE.example.org."),
        domain("c.example", "127.0.0.1"), domain("d.example", "not-there.example.org"),
    ] });
    let outcome =
        with(&app, &key, "POST /inbound/v1/domains/batch?subscriptionHandle=default", &items).json();
    assert_eq!(codes(&outcome["successes"]), [("a.example".into(), 201), ("d.example".into(), 201)]);
    assert_eq!(codes(&outcome["errors"]), [("b.example".into(), 400), ("c.example".into(), 400)]);
    let comment = outcome["errors"][0]["comment"].as_str().unwrap();
    assert!(comment.contains("leads to 10.0.0.7"), "{comment}");
    assert_eq!(app.value::<i64>("SELECT count(*) FROM domain"), 3);
}

#[test]
fn a_batch_for_which_a_tenant_has_no_room_is_refused_as_a_whole_and_one_that_needs_none_is_done() {
    use postroom::cap::Caps;
    use postroom::settings::Settings;
    let caps = Caps { unproved_claims: 3, ..Caps::default() };
    let settings = Settings { caps, ..crate::harness::app::settings() };
    let app = TestApp::with(settings, 8);
    let key = app.tenant("tenant");
    app.domain(&app.account("other"), "taken.example");
    let items = |names: &[&str]| {
        let items: Vec<Value> = names.iter().map(|name| json!({ "domain": name })).collect();
        with(&app, &key, LINE, &json!({ "domains": items }))
    };
    let before = app.dump();
    refuses(&items(&["a.example", "b.example", "c.example", "d.example"]), 403, "limits.unproved_claims");
    assert_eq!(app.dump(), before, "nothing is begun that cannot be finished");
    // Neither what another account has needs room, nor what comes twice.
    let full = items(&["a.example", "b.example", "taken.example", "c.example", "a.example"]);
    assert_eq!((full.status, codes(&full.json()["successes"]).len()), (200, 4), "{full:?}");
    let again = items(&["taken.example", "a.example", "b.example"]);
    assert_eq!((again.status, codes(&again.json()["successes"]).len()), (200, 2), "{again:?}");
    refuses(&items(&["a.example", "d.example"]), 403, "limits.unproved_claims");
    // What lies below a name that was proved needs none either.
    app.publish_challenge(&key, "a.example");
    let id: i64 = app.value("SELECT id FROM domain WHERE name = 'a.example'");
    app.call(&key, &format!("POST /api/v1/domains/{id}/verify"));
    let below = items(&["x.a.example", "y.a.example", "z.a.example"]);
    assert_eq!((below.status, codes(&below.json()["successes"]).len()), (200, 3), "{below:?}");
}

#[test]
fn a_limit_that_is_reached_on_the_way_is_the_outcome_of_its_item() {
    let app = TestApp::with(
        postroom::settings::Settings {
            caps: postroom::cap::Caps { unproved_claims: 2, ..Default::default() },
            ..crate::harness::app::settings()
        },
        8,
    );
    let key = app.tenant("tenant");
    // The aliases, of which each is a claim of its own, take the room that the names before them left.
    let items = json!([
        { "domain": "a.example", "aliases": ["alias.example"] }, { "domain": "b.example" }, { "domain": "a.example" },
    ]);
    let reply = with(&app, &key, LINE, &json!({ "domains": items }));
    assert_eq!(reply.status, 200, "{reply:?}");
    let outcome = reply.json();
    assert_eq!(codes(&outcome["errors"]).len(), 1, "{outcome}");
    assert_eq!(codes(&outcome["errors"])[0].1, 409, "{outcome}");
    assert_eq!(codes(&outcome["successes"]).len(), 2, "{outcome}");
}

#[test]
fn an_item_does_not_take_the_name_that_an_earlier_one_wants_as_an_alias() {
    let app = TestApp::new();
    let key = app.account("acme");
    let items = json!([{ "domain": "a.example", "aliases": ["b.example"] }, { "domain": "b.example" }]);
    let outcome = with(&app, &key, LINE, &json!({ "domains": items })).json();
    assert_eq!(codes(&outcome["successes"]), [("a.example".into(), 201)], "{outcome}");
    assert_eq!(outcome["successes"][0]["domain"]["aliases"], json!(["b.example"]));
    assert_eq!(codes(&outcome["errors"]), [("b.example".into(), 409)], "{outcome}");
}

#[test]
fn an_alias_that_is_refused_is_named_and_an_item_made_after_one_that_failed_is_no_repeat() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "there.example");
    let wish = |aliases: Value| json!({ "domain": "a.example", "aliases": aliases });
    let items = [wish(json!(["free.example", "there.example"])), wish(json!([]))];
    let outcome = with(&app, &key, LINE, &json!({ "domains": items })).json();
    let comment = outcome["errors"][0]["comment"].as_str().unwrap();
    assert!(comment.contains("there.example already"), "{outcome}");
    assert_eq!(outcome["successes"][0].get("comment"), None, "{outcome}");
}
