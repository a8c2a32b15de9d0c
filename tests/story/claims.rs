//! Accounts and claims on the command line: trusted accounts and tenants, names that are claimed, proved and freed.

use serde_json::{Value, json};

use crate::harness::process::Site;

/// A database with a server's first account, and no server on it.
fn site() -> Site {
    let site =
        Site::new().with("POSTROOM_RESOLVERS", "127.0.0.1:1").with("POSTROOM_DNS_AUTHORITATIVE", "false");
    assert!(site.serve().stop().success());
    site
}

#[test]
fn the_first_account_is_trusted_and_the_next_one_a_tenant_until_the_operator_says_otherwise() {
    let site = site();
    let trusted = |name: &str| site.json(&["account", "show", name])["account"]["trusted"].clone();
    assert_eq!(trusted("default"), true);
    let made = site.json(&["account", "create", "tenant"]);
    assert_eq!((&made["account"]["trusted"], trusted("tenant")), (&json!(false), json!(false)));
    assert_eq!(site.json(&["account", "create", "own", "--trusted"])["account"]["trusted"], true);
    site.json(&["domain", "create", "theirs.example", "--account", "tenant"]);
    let tried = || site.run(&["route", "test", "jo@theirs.example"]).code;
    assert_eq!(tried(), Some(1), "it is not here");
    assert_eq!(site.json(&["account", "trust", "tenant"])["account"]["trusted"], true);
    assert_eq!(tried(), Some(0));
    assert_eq!(site.json(&["account", "distrust", "tenant"])["unproved"], 1);
    assert_eq!(tried(), Some(1));
    let shown = site.json(&["account", "show", "tenant"]);
    assert_eq!(shown["limits"]["unproved_claims"], json!({ "used": 1, "most": 1000 }));
    assert!(site.json(&["account", "show", "default"])["limits"].get("unproved_claims").is_none());
    assert!(site.run(&["account", "list"]).stdout.contains("a tenant"));
    for command in ["show", "trust", "distrust"] {
        assert_eq!(site.run(&["account", command, "nobody"]).code, Some(3), "{command}");
    }
}

#[test]
fn what_does_not_act_yet_is_said_with_the_record_and_the_command_that_prove_it_and_to_tenants_alone() {
    let site = site();
    site.json(&["account", "create", "one"]);
    let made = site.run(&["claim", "create", "held.example", "--account", "one"]).stdout;
    assert!(
        made.starts_with(
            "The account one has the domain held.example, but it does not act yet: publish this record"
        ) && made.contains("`postroom claim verify held.example --account one`")
            && made.contains("_postroom-challenge.held.example. TXT"),
        "{made}"
    );
    let theirs = site.run(&["alias", "add", "held.example", "alias.example"]).stdout;
    assert!(theirs.contains("postroom claim verify alias.example --account one"), "{theirs}");
    site.json(&["domain", "create", "own.example", "--account", "default"]);
    let own = site.run(&["alias", "add", "own.example", "other.example"]).stdout;
    assert_eq!(own, "other.example is an alias of own.example now.\n");
}

#[test]
fn a_claim_is_made_listed_looked_for_and_freed() {
    let site = site();
    site.json(&["account", "create", "one"]);
    site.json(&["account", "create", "two"]);
    let held = site.json(&["claim", "create", "example.com", "--account", "one"]);
    assert_eq!((&held["state"], &held["acts"]), (&json!("holds"), &json!(false)));
    let contends = site.json(&["claim", "create", "example.com", "--account", "two"]);
    assert_eq!(contends["state"], "contends");
    assert_ne!(held["challenge"]["value"], contends["challenge"]["value"]);
    let text = site.run(&["claim", "create", "example.com", "--account", "two"]).stdout;
    let record = contends["challenge"]["value"].as_str().expect("a value");
    assert!(text.contains("_postroom-challenge.example.com. TXT") && text.contains(record), "{text}");
    site.json(&["claim", "create", "example.org", "--account", "one", "--alias-of", "example.com"]);
    let whose = site.json(&["domain", "show", "example.org"]);
    assert_eq!((&whose["alias"], &whose["of"]), (&json!("example.org"), &json!("example.com")));
    let all = site.json(&["claim", "list"]);
    let names: Vec<&Value> = all.as_array().expect("claims").iter().map(|claim| &claim["name"]).collect();
    assert_eq!(names, ["example.com", "example.org", "example.com"]);
    // No resolver answers here.
    let looked = site.run(&["claim", "verify", "example.com", "--account", "two", "--json"]);
    assert_eq!((looked.code, &looked.json()["outcome"]), (Some(1), &json!("not_yet")));
    assert_eq!(site.run(&["claim", "free", "example.com"]).code, Some(4), "there is nobody to ask");
    let freed = site.json(&["claim", "free", "example.com", "--yes"]);
    assert_eq!(freed["freed"], "example.com");
    assert_eq!(site.json(&["claim", "list", "--account", "one"])[0]["reason"]["code"], "freed");
    assert_eq!(site.json(&["claim", "list", "--account", "two"])[0]["reason"]["code"], "free");
    for (arguments, code) in [
        (&["free", "example.com", "--yes"][..], 3),
        (&["create", "not a name", "--account", "one"], 2),
        (&["create", "example.com", "--account", "nobody"], 3),
        (&["create", "mx.example.net", "--account", "one"], 4),
        (&["verify", "never.example", "--account", "one"], 3),
    ] {
        assert_eq!(site.run(&[&["claim"], arguments].concat()).code, Some(code), "{arguments:?}");
    }
}
