//! `postroom route`: show, set, test.

use serde_json::{Value, json};

use crate::harness::process::Site;

fn route(site: &Site, arguments: &[&str]) -> Value {
    site.json(&[&["route"], arguments].concat())["route"].clone()
}

#[test]
fn a_route_is_shown_set_and_tested_and_the_server_follows() {
    let site = Site::new();
    let server = site.serve();
    let client = server.client();
    let made = client.post("/v2/domain", &json!({"domain": "example.com", "user_id": "user_123"}));
    assert_eq!(made.status, 201, "{made:?}");
    let store = json!({"mode": "store", "webhook_url": null, "has_webhook_secret": false, "forward_to": null,
            "recipients": "any", "catch_all": null});
    assert_eq!(route(&site, &["show", "EXAMPLE.com."]), store);
    assert_eq!(site.run(&["route", "show", "example.com"]).stdout, "example.com: mail is kept\n");

    let forward = ["set", "example.com", "--mode", "forward_email", "--forward-to", "inbox@example.org"];
    assert_eq!(route(&site, &forward)["forward_to"], "inbox@example.org");
    let seen = client.get("/v2/domains/example.com/info?user_id=user_123").json;
    assert_eq!(seen["route"]["forward_mode"], "forward_email");
    // An address needs no look-up, so this needs no DNS.
    let hook = ["set", "example.com", "--mode", "webhook", "--webhook-url", "https://93.184.215.14/in"];
    assert_eq!(route(&site, &hook)["webhook_url"], "https://93.184.215.14/in");
    let cleared = route(&site, &["set", "example.com", "--forward-to", ""]);
    assert_eq!(
        (&cleared["mode"], &cleared["forward_to"]),
        (&json!("webhook"), &Value::Null),
        "the rest stays"
    );

    let tested = site.json(&["route", "test", "jo+tag@example.com"]);
    assert_eq!((&tested["recipient"], &tested["route"]), (&json!("jo+tag@example.com"), &cleared));
    assert_eq!(tested["domain_id"], made.json["domain"]["domain"]["id"]);
    let text = site.run(&["route", "test", "example.com"]).stdout;
    assert_eq!(text, "postmaster@example.com: mail is posted to https://93.184.215.14/in\n");
    let audit = site.json(&["audit"]);
    let changes = audit.as_array().expect("rows").iter().filter(|row| row["action"] == "route.changed");
    assert!(changes.clone().all(|row| row["actor"] == "operator"), "{audit}");
    assert_eq!(changes.count(), 3);
    assert!(!audit.to_string().contains("93.184"), "a URL may hold a token: {audit}");
}

#[test]
fn what_a_route_cannot_be_is_one_line_and_an_exit_code() {
    let site = Site::new();
    let server = site.serve();
    server.client().create_domain("example.com");
    for (arguments, code, words) in [
        (&["set", "example.com", "--mode", "webhook"][..], 2, "--mode webhook needs --webhook-url, the URL"),
        (
            &["set", "example.com", "--mode", "forward_email"],
            2,
            "--mode forward_email needs --forward-to, the address",
        ),
        (&["set", "example.com", "--webhook-url", "https://10.0.0.1/"], 2, "not a public address"),
        (&["set", "example.com", "--webhook-url", "http://127.0.0.1/"], 2, "not https"),
        (&["set", "example.com", "--forward-to", "nobody"], 2, "no @"),
        (&["set", "never.example", "--mode", "store"], 3, "no such domain"),
        (&["show", "never.example"], 3, "no such domain"),
        (&["show", "not a domain"], 2, "no mail domain"),
        (&["test", "jo@@"], 2, "no address"),
    ] {
        let finished = site.run(&[&["route"], arguments].concat());
        assert_eq!(finished.code, Some(code), "{arguments:?}: {finished:?}");
        assert!(finished.stdout.is_empty() && finished.stderr.lines().count() == 1, "{finished:?}");
        assert!(finished.stderr.contains(words), "{words}: {finished:?}");
    }
    let unknown = site.run(&["route", "test", "jo@never.example"]);
    assert_eq!(unknown.code, Some(1));
    assert_eq!(unknown.stdout, "jo@never.example: no domain of this server\n");
    let odd = site.run(&["route", "set", "example.com", "--mode", "drop"]);
    assert_eq!(odd.code, Some(2), "{odd:?}");
    assert_eq!(route(&site, &["show", "example.com"])["mode"], "store");
    let local = site.with("POSTROOM_WEBHOOKS_LOOPBACK_HTTP", "true");
    let set = ["set", "example.com", "--webhook-url", "http://127.0.0.1:9000/in"];
    assert_eq!(route(&local, &set)["webhook_url"], "http://127.0.0.1:9000/in");
}
