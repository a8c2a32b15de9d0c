//! What is piled up, what is locked, and what was dropped: shown by commands beside a server.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, chown};

use serde_json::json;

use crate::harness::process::{Running, Site};

/// A site with a database, and no server.
fn with_database() -> Site {
    let site = Site::new();
    assert!(site.serve().stop().success());
    site
}

#[test]
fn an_account_is_shown_with_what_it_has_piled_up_and_how_much_it_may() {
    let site = Site::new().with("POSTROOM_LIMITS_TOKENS", &2).with("POSTROOM_LIMITS_KEPT_ANSWER_MIB", &1);
    let server = site.serve();
    let client = server.client();
    client.create_domain("example.com");
    let made = client.post("/api/v1/domains/1/api_tokens", &json!({}));
    assert_eq!(made.status, 201, "{made:?}");
    let shown = site.json(&["account", "show", "default"]);
    assert_eq!(shown["account"]["name"], "default");
    assert_eq!(shown["limits"]["tokens"], json!({ "used": 1, "most": 2 }));
    assert_eq!(shown["limits"]["kept_answer_mib"]["most"], 1);
    assert_eq!(shown["limits"]["audit.keep_days"], json!({ "used": 0, "most": 365 }));
    let text = site.run(&["account", "show", "default"]);
    assert!(text.stdout.lines().any(|line| line.split_whitespace().eq(["tokens", "1", "2"])), "{text:?}");
    assert_eq!(site.run(&["account", "show", "nobody"]).code, Some(3));
    assert_eq!(client.post("/api/v1/domains/1/api_tokens", &json!({})).status, 201);
    let refused = client.post("/api/v1/domains/1/api_tokens", &json!({}));
    assert_eq!(refused.status, 422, "{refused:?}");
}

#[test]
fn a_command_that_waits_for_another_one_to_open_the_database_says_so() {
    let site = with_database();
    let lock = File::options().write(true).open(site.file("postroom.db.open")).expect("a file");
    lock.lock().expect("a lock");
    let mut waiting = Running::start(&mut site.command(&["account", "list"]));
    waiting.stderr.wait_for("is opening");
    assert!(waiting.ended().is_none(), "it waits");
    lock.unlock().expect("a lock");
    assert!(waiting.wait().success());
}

#[test]
fn a_lock_that_root_makes_belongs_to_whom_the_database_belongs() {
    const SERVICE: u32 = 12_345;
    let site = with_database();
    if fs::metadata(site.db()).expect("a file").uid() != 0 {
        // Only root can give files away.
        return;
    }
    chown(site.db(), Some(SERVICE), Some(SERVICE)).expect("root");
    for suffix in ["open", "lock"] {
        fs::remove_file(site.file(&format!("postroom.db.{suffix}"))).expect("a file");
    }
    assert_eq!(site.run(&["account", "list"]).code, Some(0));
    site.run(&["doctor"]);
    for suffix in ["open", "lock"] {
        let owner = fs::metadata(site.file(&format!("postroom.db.{suffix}"))).expect("a file").uid();
        assert_eq!(owner, SERVICE, "{suffix}");
    }
}

#[test]
fn doctor_shows_dropped_log_lines_and_the_size_of_the_write_ahead_log() {
    let site = with_database();
    let found = |what: &str| {
        let checks = site.run(&["doctor", "--json"]).json();
        let mut checks = checks.as_array().expect("checks").clone().into_iter();
        checks.find(|check| check["text"].as_str().is_some_and(|text| text.contains(what)))
    };
    assert!(found("log lines").is_none(), "a server that has dropped none says nothing");
    assert!(found("the write-ahead log has").is_some_and(|check| check["state"] == "ok"));
    fs::write(site.file("postroom.db.lock"), "12 log lines were dropped").expect("a file");
    let check = found("12 log lines were dropped").expect("a check");
    assert_eq!((&check["check"], &check["state"]), (&json!("log"), &json!("warn")));
}

/// Gives the files of the database other names, or their own back.
fn rename(site: &Site, from: &str, to: &str) {
    for suffix in ["", "-wal", "-shm"] {
        fs::rename(site.file(&format!("{from}{suffix}")), site.file(&format!("{to}{suffix}")))
            .expect("a file");
    }
}

#[test]
fn a_change_is_refused_while_the_database_is_not_where_it_was_opened() {
    let site = Site::new();
    let server = site.serve();
    let client = server.client();
    client.create_domain("before.example");
    let create = |name: &str| client.post("/api/v1/domains", &json!({ "domain": { "url": name } })).status;
    rename(&site, "postroom.db", "moved.db");
    assert_eq!(create("gone.example"), 503);
    let health = client.get("/healthz");
    assert_eq!((health.status, &health.json["status"]), (503, &json!("database file gone")));
    fs::copy(site.file("moved.db"), site.db()).expect("to copy");
    assert_eq!(create("replaced.example"), 503, "it would go into a file that nobody finds again");
    server.process.stderr.wait_for("the database is gone");
    fs::remove_file(site.db()).expect("a file");
    rename(&site, "moved.db", "postroom.db");
    assert_eq!((create("after.example"), client.get("/healthz").status), (201, 200));
    let said = server.process.stderr.wait_for("back in its place");
    assert_eq!(said.matches("the database is gone").count(), 1, "{said}");
    assert!(server.stop().success());
    let domains = site.json(&["domain", "list"]).to_string();
    for (name, is_there) in [("before", true), ("after", true), ("gone", false), ("replaced", false)] {
        assert_eq!(domains.contains(&format!("\"{name}.example\"")), is_there, "{name}: {domains}");
    }
}

#[test]
fn a_new_database_beside_an_old_master_key_is_told_of() {
    let site = Site::new();
    let server = site.serve();
    let said = server.process.stderr.clone();
    assert!(server.stop().success());
    assert!(!said.whole().contains("if you had a database"), "the first start makes both");
    for file in ["postroom.db", "postroom.db-wal", "postroom.db-shm"] {
        let _ = fs::remove_file(site.file(file));
    }
    let warned = |site: &Site| {
        let checks = site.run(&["doctor", "--json"]).json();
        let checks = checks.as_array().expect("checks").clone();
        checks.iter().any(|check| {
            check["state"] == "warn"
                && check["text"].as_str().expect("a text").contains("if you had a database")
        })
    };
    assert!(warned(&site), "the file is missing");
    File::create(site.db()).expect("a file");
    assert!(warned(&site), "the file is empty");
    let server = site.serve();
    server.process.stderr.wait_for("if you had a database");
    assert!(server.stop().success());
    assert!(!warned(&site), "it is in use");
}
