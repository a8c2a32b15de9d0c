//! Many domains from a shell.

use serde_json::{Value, json};

use crate::harness::process::Site;

/// A site with a database that has the account `default`.
fn site() -> Site {
    let site = Site::new();
    assert!(site.serve().stop().success());
    site
}

fn names(domains: &Value) -> Vec<&str> {
    domains.as_array().expect("a list").iter().map(|each| each["domain"].as_str().expect("a name")).collect()
}

#[test]
fn domains_are_created_with_their_keys_and_one_that_is_refused_stops_no_other() {
    let site = site();
    let made = site.json(&["domain", "create", "a.example", "b.example", "--account", "default"]);
    assert_eq!(names(&made), ["a.example", "b.example"]);
    let records = site.json(&["domain", "records", "b.example"]);
    assert!(records.to_string().contains("_domainkey"), "{records}");

    let again = site.run(&["domain", "create", "a.example", "c.example", "--account", "default", "--json"]);
    assert_eq!(again.code, Some(4), "{again:?}");
    assert_eq!(names(&again.json()), ["c.example"]);
    let said: Value = serde_json::from_str(again.stderr.trim()).expect("JSON");
    assert_eq!(said["error"]["code"], "refused", "{said}");
    assert!(said["error"]["message"].as_str().expect("a text").contains("a.example"), "{said}");

    let bad = site.run(&["domain", "create", "d.example", "bad_name", "f.example", "--account", "default"]);
    assert_eq!(bad.code, Some(2), "{bad:?}");
    assert!(bad.stderr.contains("bad_name"), "{bad:?}");
    for name in ["d.example", "f.example"] {
        assert_eq!(site.run(&["domain", "show", name]).code, Some(0), "{name}");
    }
    let none = site.run(&["domain", "create", "a.example", "--account", "default"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(4), ""), "where none is made, nothing is printed");
    assert_eq!(site.run(&["domain", "create", "e.example", "--account", "nobody"]).code, Some(3));
    assert_eq!(site.run(&["domain", "create", "--account", "default"]).code, Some(2));
}

#[test]
fn the_only_account_need_not_be_named_and_one_of_several_must_be() {
    let site = site();
    site.json(&["domain", "create", "a.example"]);
    site.json(&["account", "create", "acme"]);
    let unsaid = site.run(&["domain", "create", "b.example"]);
    assert_eq!(unsaid.code, Some(2), "{unsaid:?}");
    assert!(unsaid.stderr.contains("2 accounts") && unsaid.stderr.contains("--account"), "{unsaid:?}");
    site.json(&["domain", "create", "b.example", "--account", "acme"]);
}

#[test]
fn a_renamed_domain_keeps_its_key_and_wants_its_records_at_the_new_name() {
    let site = site();
    site.json(&["domain", "create", "old.example", "taken.example", "--account", "default"]);
    let dkim = |name: &str| {
        let records = site.json(&["domain", "records", name]);
        let found =
            records.as_array().expect("records").iter().find(|each| each["purpose"] == "dkim").cloned();
        found.unwrap_or_else(|| panic!("no DKIM record: {records}"))["value"].clone()
    };
    let before = dkim("old.example");
    assert_eq!(site.json(&["domain", "rename", "old.example", "new.example"])["domain"], "new.example");
    assert_eq!(dkim("new.example"), before);
    assert_eq!(site.run(&["domain", "rename", "old.example", "x.example"]).code, Some(3));
    let taken = site.run(&["domain", "rename", "new.example", "taken.example"]);
    assert_eq!((taken.code, taken.stderr.as_str()), (Some(4), "postroom: taken.example exists already\n"));
    let same = site.run(&["domain", "rename", "new.example", "new.example"]);
    assert_eq!((same.code, same.stdout.as_str()), (Some(0), "new.example has this name already.\n"));
    assert_eq!(site.run(&["domain", "rename", "new.example", "no domain"]).code, Some(2));
}

#[test]
fn the_records_of_every_domain_of_every_account_are_printed_a_fragment_for_each() {
    let site = site();
    site.json(&["account", "create", "acme"]);
    site.json(&["domain", "create", "a.example", "--account", "default"]);
    site.json(&["domain", "create", "b.example", "--account", "acme"]);
    let all = site.json(&["domain", "records", "--all"]);
    assert_eq!(names(&all), ["a.example", "b.example"]);
    let text = site.run(&["domain", "records", "--all"]).stdout;
    for each in all.as_array().expect("a list") {
        let name = each["domain"].as_str().expect("a name");
        let zone = site.json(&["domain", "records", name, "--zone"])["zone"].clone();
        assert_eq!(each["zone"], zone);
        assert!(text.contains(zone.as_str().expect("a zone").trim_end()), "{text}");
    }
    assert_eq!(site.run(&["domain", "records"]).code, Some(2));
    assert_eq!(site.run(&["domain", "records", "a.example", "--all"]).code, Some(2));
}

#[test]
fn why_a_domain_is_not_active_is_said_with_what_was_found_and_what_to_do() {
    let site =
        Site::new().with("POSTROOM_RESOLVERS", "127.0.0.1:1").with("POSTROOM_DNS_AUTHORITATIVE", "false");
    assert!(site.serve().stop().success());
    site.json(&["domain", "create", "a.example", "--account", "default"]);
    let said = site.run(&["domain", "why", "a.example"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stdout.starts_with("a.example is pending.\nfail: "), "{said:?}");
    let json = site.run(&["domain", "why", "a.example", "--json"]).json();
    assert_eq!(json["status"], "pending");
    assert!(json["reasons"].as_array().is_some_and(|reasons| !reasons.is_empty()), "{json}");
    assert_eq!(site.run(&["domain", "why", "b.example"]).code, Some(3));
}

#[test]
fn a_code_is_explained_and_a_mistyped_one_is_suggested() {
    let site = Site::new();
    let said = site.json(&["finding", "record_missing"]);
    assert_eq!(said["meaning"], json!("There is no such record."));
    assert!(site.run(&["finding", "record_missing"]).stdout.contains("Publish it"));
    assert!(site.run(&["finding", "reverse_missing"]).stdout.contains("name it after the host"));
    let mistyped = site.run(&["finding", "record_mising"]);
    assert_eq!(mistyped.code, Some(3));
    assert!(mistyped.stderr.contains("did you mean record_missing?"), "{mistyped:?}");
    assert!(site.json(&["finding"]).as_array().is_some_and(|all| all.len() > 60));
}
