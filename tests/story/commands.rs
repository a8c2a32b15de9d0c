//! The commands beside a running server: what one does, the other sees at once.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::dns::Silence;
use crate::harness::process::{Site, text};

#[test]
fn a_key_made_beside_the_server_works_at_once_and_a_revoked_one_no_more() {
    let site = Site::new();
    let server = site.serve();
    let made = site.json(&["key", "create", "--account", "default", "--description", "for the test"]);
    let client = server.client().with_key(made["api_key"].as_str().expect("a key"));
    assert_eq!(client.get("/api/v1/domains").status, 200);
    let id = made["id"].to_string();
    let revoked = site.json(&["key", "revoke", &id, "--yes"]);
    assert!(revoked["revoked_at"].is_string(), "{revoked}");
    let reply = client.get("/api/v1/domains");
    assert_eq!((reply.status, reply.json), (401, json!({ "error": "Invalid API Token" })));
    assert_eq!(server.client().get("/api/v1/domains").status, 200, "the other key goes on");

    let keys = site.json(&["key", "list", "--account", "default"]);
    let listed: Vec<_> = keys
        .as_array()
        .expect("keys")
        .iter()
        .map(|key| (&key["id"], key["revoked_at"].is_string()))
        .collect();
    assert_eq!(listed.len(), 2, "{keys}");
    assert!(listed.contains(&(&made["id"], true)));
    let secret = made["api_key"].as_str().expect("a key");
    assert!(
        !keys.to_string().contains(secret)
            && secret.ends_with(keys[1]["last4"].as_str().expect("four characters"))
    );
    assert!(site.run(&["key", "list"]).stdout.contains("for the test"));
    assert_eq!(site.run(&["key", "revoke", "99"]).code, Some(3));
}

#[test]
fn accounts_and_their_domains_are_kept_apart_on_the_server_and_seen_together_by_the_operator() {
    let site = Site::new();
    let server = site.serve();
    let made = site.json(&["account", "create", "acme"]);
    let acme = server.client().with_key(made["api_key"].as_str().expect("a key"));
    let (first, second) = (server.client().create_domain("example.com"), acme.create_domain("example.org"));
    assert_eq!(acme.get(&format!("/api/v1/domains/{}", first["id"])).status, 404);

    let again = site.run(&["account", "create", "acme"]);
    assert_eq!((again.code, again.stdout.as_str()), (Some(4), ""), "{again:?}");
    assert!(again.stderr.starts_with("postroom: ") && again.stderr.lines().count() == 1, "{again:?}");

    let accounts = site.json(&["account", "list"]);
    let names: Vec<&Value> =
        accounts.as_array().expect("accounts").iter().map(|account| &account["name"]).collect();
    assert_eq!(names, ["default", "acme"]);
    let of = |arguments: &[&str]| {
        let domains = site.json(arguments);
        let mut ids: Vec<Value> =
            domains.as_array().expect("domains").iter().map(|d| d["id"].clone()).collect();
        ids.sort_by_key(Value::as_i64);
        ids
    };
    assert_eq!(of(&["domain", "list"]), [first["id"].clone(), second["id"].clone()]);
    assert_eq!(of(&["domain", "list", "--account", "acme"]), [second["id"].clone()]);
    let text = site.run(&["domain", "list"]).stdout;
    assert!(
        text.starts_with("ID ") && text.contains("example.com") && text.contains("example.org"),
        "{text}"
    );
}

#[test]
fn a_subscription_has_its_limits_and_its_handle_is_unique_within_its_account() {
    let site = Site::new();
    let _server = site.serve();
    let create =
        ["subscription", "create", "--account", "default", "--handle", "small", "--max-domains", "2"];
    let made = site.json(&create);
    assert_eq!(
        (&made["handle"], &made["max_domains"], &made["max_recipients"]),
        (&json!("small"), &json!(2), &Value::Null)
    );
    assert_eq!(site.run(&create).code, Some(4));
    let all = site.json(&["subscription", "list", "--account", "default"]);
    assert_eq!(all.as_array().map(Vec::len), Some(2), "and `default`: {all}");
    let text = site.run(&["subscription", "list"]).stdout;
    assert!(text.contains("no limit") && text.contains("small"), "{text}");
    assert_eq!(site.run(&["subscription", "list", "--account", "nobody"]).code, Some(3));
}

#[test]
fn a_domain_is_shown_transferred_and_deleted_and_the_server_follows() {
    let site = Site::new();
    let server = site.serve();
    let made = site.json(&["account", "create", "acme"]);
    let (client, acme) =
        (server.client(), server.client().with_key(made["api_key"].as_str().expect("a key")));
    let domain = client.create_domain("example.com");
    let path = format!("/api/v1/domains/{}", domain["id"]);

    // Names are read as everywhere: any case, a last dot.
    let shown = site.json(&["domain", "show", "EXAMPLE.com."]);
    assert_eq!((&shown["domain"], &shown["status"]), (&json!("example.com"), &json!("pending")));
    assert_eq!(shown["records"].as_array().map(Vec::len), Some(5), "{shown}");
    let text = site.run(&["domain", "show", "example.com"]).stdout;
    assert!(text.contains("example.com is pending") && text.contains("pr1._domainkey.example.com"), "{text}");

    let records = site.json(&["domain", "records", "example.com"]);
    let values: Vec<&Value> =
        records.as_array().expect("records").iter().map(|record| &record["value"]).collect();
    assert!(values.contains(&&domain["dkim_string"]) && values.contains(&&json!("return-path.example.net")));
    assert!(site.run(&["domain", "records", "example.com"]).stdout.starts_with("HOST"));

    let handed = site.run(&["domain", "transfer", "example.com", "--to", "acme"]).stdout;
    assert!(handed.contains("Its tokens and links are revoked, and it has a new DKIM key"), "{handed}");
    assert_eq!((client.get(&path).status, acme.get(&path).status), (404, 200));
    let selectors = |domain: &Value| {
        let records = domain["records"].as_array().expect("records").iter();
        records
            .filter(|record| record["purpose"] == "dkim")
            .map(|record| record["value"].clone())
            .collect::<Vec<_>>()
    };
    let keys = selectors(&site.json(&["domain", "show", "example.com"]));
    assert_eq!(
        (keys.len(), &keys[0]),
        (2, &domain["dkim_string"]),
        "its key goes with it, and it has a new one"
    );
    assert_eq!(site.json(&["domain", "delete", "example.com", "--yes"]), json!({ "deleted": "example.com" }));
    assert_eq!(acme.get(&path).status, 404);

    for (arguments, code) in
        [(&["show", "example.com"][..], 3), (&["show", "not a domain"], 2), (&["delete", "example.com"], 3)]
    {
        let finished = site.run(&[&["domain"], arguments].concat());
        assert_eq!((finished.code, finished.stdout.as_str()), (Some(code), ""), "{arguments:?}");
        assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
    }
}

#[test]
fn the_audit_log_tells_who_did_what_and_no_secret() {
    let site = Site::new();
    let server = site.serve();
    server.client().create_domain("example.com");
    let token = server.client().post("/api/v1/domains/1/api_tokens", &json!({})).json["token"].clone();
    site.json(&["domain", "delete", "example.com", "--yes"]);
    let audit = site.json(&["audit"]);
    let done: Vec<_> =
        audit.as_array().expect("rows").iter().map(|row| (&row["action"], &row["actor"])).collect();
    assert_eq!(done[0], (&json!("domain.deleted"), &json!("operator")), "the newest first: {audit}");
    assert!(done.contains(&(&json!("domain.created"), &json!("key:1"))), "{audit}");
    assert!(done.contains(&(&json!("token.created"), &json!("key:1"))), "{audit}");
    let text = site.run(&["audit", "--account", "default", "--limit", "2"]).stdout;
    assert_eq!(text.lines().count(), 3, "two and their headings: {text}");
    let mistyped = site.run(&["audit", "--action", "domain.creatd"]);
    assert_eq!(mistyped.code, Some(2), "{mistyped:?}");
    assert!(mistyped.stderr.contains("did you mean domain.created?"), "{mistyped:?}");
    assert!(mistyped.stderr.contains("the actions are account.created, "), "{mistyped:?}");
    for secret in [token.as_str().expect("a token"), server.key.as_deref().expect("a key")] {
        assert!(!audit.to_string().contains(secret));
    }
}

#[test]
fn more_rows_of_the_audit_log_than_are_read_at_once_come_whole_and_in_order() {
    let site = Site::new();
    assert!(site.serve().stop().success());
    let conn = Connection::open(site.db()).expect("a database");
    let copies = "INSERT INTO event (at, account_id, actor, action, subject)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
         SELECT i, NULL, 'operator', 'account.created', 'n' || i FROM n";
    conn.execute(copies, []).expect("rows");
    let audit = site.json(&["audit", "--limit", "1100"]);
    let ids: Vec<i64> = audit.as_array().expect("rows").iter().filter_map(|row| row["id"].as_i64()).collect();
    assert_eq!(ids.len(), 1100);
    assert!(ids.is_sorted_by(|a, b| *a == b + 1), "the newest first, and none is left out");
    assert_eq!(site.run(&["audit", "--limit", "700"]).stdout.lines().count(), 701);
}

/// What `doctor` says of one thing.
fn state<'a>(said: &'a Value, check: &str) -> &'a str {
    let found = said.as_array().expect("checks").iter().find(|each| each["check"] == check);
    found.unwrap_or_else(|| panic!("no {check}: {said}"))["state"].as_str().expect("a state")
}

#[test]
fn doctor_exits_0_while_nothing_fails_and_1_when_something_does() {
    // Unreachable is told at once, and as a failure.
    let nobody =
        { std::net::UdpSocket::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address") };
    let site = Site::new().with("POSTROOM_RESOLVERS", &nobody);
    let before = site.run(&["doctor", "--json"]);
    assert_eq!(state(&before.json(), "database"), "warn", "it is not there yet");
    assert!(!site.db().exists(), "doctor makes nothing");
    assert_eq!((before.code, state(&before.json(), "resolver")), (Some(1), "fail"));

    let server = site.serve();
    let beside = site.run(&["doctor", "--json"]).json();
    assert_eq!(
        (state(&beside, "database"), state(&beside, "master key"), state(&beside, "settings")),
        ("ok", "ok", "ok")
    );
    assert!(beside.to_string().contains("a server has this database"), "{beside}");
    assert!(server.stop().success());
    let alone = site.run(&["doctor"]);
    assert!(alone.stdout.contains("no server has this database now"), "{alone:?}");
    let known = ["ok ", "warn ", "fail "];
    assert!(alone.stdout.lines().all(|line| known.iter().any(|word| line.starts_with(word))), "{alone:?}");
}

#[test]
fn advice_is_printed_for_people_and_as_json_and_only_of_a_domain_that_is_there() {
    let nobody =
        { std::net::UdpSocket::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address") };
    let site = Site::new().with("POSTROOM_RESOLVERS", &nobody);
    let server = site.serve();
    server.client().create_domain("example.com");
    assert!(server.stop().success());
    let told = site.run(&["domain", "advise", "example.com"]);
    assert_eq!(told.code, Some(0), "advice is no failure: {told:?}");
    assert!(told.stdout.contains("UNKNOWN dnssec [not_looked_up]"), "{told:?}");
    let json = site.json(&["domain", "advise", "example.com"]);
    assert_eq!(json["domain"], "example.com");
    let advice = json["advice"].as_array().expect("advice");
    assert!(advice.iter().all(|each| each["grade"] == "unknown"), "{json}");
    assert_eq!(site.run(&["domain", "advise", "elsewhere.example"]).code, Some(3));
}

#[test]
fn doctor_finds_a_damaged_database_a_lost_key_and_a_silent_resolver() {
    let silence = Silence::start();
    let site = Site::new()
        .with("POSTROOM_RESOLVERS", &silence.address())
        .with("POSTROOM_DNS_AUTHORITATIVE", "false");
    let server = site.serve();
    server.client().create_domain("example.com");
    assert!(server.stop().success());
    // A row that hangs on nothing is damage that only a look at every row finds.
    let conn = Connection::open(site.db()).expect("a database");
    conn.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM account").expect("SQL");
    drop(conn);
    let said = site.run(&["doctor", "--json"]);
    assert_eq!(
        (said.code, state(&said.json(), "database"), state(&said.json(), "resolver")),
        (Some(1), "fail", "fail")
    );
    std::fs::remove_file(site.file("postroom.db.key")).expect("to remove");
    let said = site.run(&["doctor", "--json"]);
    assert_eq!((said.code, state(&said.json(), "database")), (Some(1), "fail"));
    assert!(said.stdout.contains(text(&site.file("postroom.db.key")).rsplit('/').next().expect("a name")));
}

#[test]
fn a_key_is_made_with_limits_listed_with_them_and_rotated() {
    let site = Site::new();
    let server = site.serve();
    server.client().create_domain("example.com");
    let limits =
        ["--expires", "90d", "--network", "127.0.0.0/8", "--scope", "*:read", "--domain", "example.com"];
    let made = site.json(&[&["key", "create", "--account", "default"][..], &limits].concat());
    let first = server.client().with_key(made["api_key"].as_str().unwrap());
    assert_eq!(first.get("/api/v1/domains").status, 200);
    assert_eq!(first.post("/api/v1/domains", &json!({ "domain": { "url": "more.example" } })).status, 403);
    let listed = site.json(&["key", "list"])[1].clone();
    assert_eq!(
        (&listed["networks"], &listed["scopes"], &listed["domains"]),
        (&json!(["127.0.0.0/8"]), &json!(["*:read"]), &json!(["example.com"]))
    );
    assert!(listed["expires_at"].is_string());
    let rotated = site.json(&["key", "rotate", &made["id"].to_string(), "--grace", "0"]);
    assert_eq!(first.get("/api/v1/domains").status, 401);
    let second = server.client().with_key(rotated["api_key"].as_str().unwrap());
    assert_eq!(second.get("/api/v1/domains").status, 200);
    for bad in
        [["--expires", "90"], ["--network", "127.0.0.1/8"], ["--scope", "all"], ["--domain", "never.example"]]
    {
        let finished = site.run(&[&["key", "create", "--account", "default"][..], &bad].concat());
        assert!([2, 3].contains(&finished.code.unwrap()), "{bad:?}");
        let lists_scopes = finished.stderr.contains("the scopes are *:read, domains:read, domains:write, ");
        assert_eq!(lists_scopes, bad[0] == "--scope", "{finished:?}");
    }
}

#[test]
fn the_master_key_is_replaced_beside_a_running_server() {
    let site = Site::new();
    let server = site.serve();
    server.client().create_domain("example.com");
    for name in ["two.example", "three.example"] {
        let told = site.json(&["rotate-master-key"]);
        assert_eq!(told["old_key_removed"], true, "{told}");
        // The server opens what was sealed anew, and seals with the new key.
        server.client().create_domain(name);
    }
}
