//! `postroom list`: add, remove, show, explain.

use serde_json::json;

use crate::harness::process::Site;

#[test]
fn lists_are_written_shown_and_explained() {
    let site = Site::new();
    let server = site.serve();
    server.client().create_domain("example.com");
    let list = |arguments: &[&str]| site.run(&[&["list"], arguments].concat());

    let added = list(&["add", "--domain", "example.com", "safelist", ".sender.example", "192.0.2.0/24"]);
    assert_eq!(
        added.stdout,
        ".sender.example (domain) is on the safelist\n192.0.2.0/24 (ip_address) is on the safelist\n"
    );
    let added = list(&["add", "--domain", "EXAMPLE.com", "blocklist", "jo@sender.example"]);
    assert_eq!(
        added.stdout,
        "jo@sender.example (email_address) is on the blocklist, but .sender.example on the safelist overrules it\n"
    );
    let added = list(&["add", "--recipient", "al@example.com", "blocklist", "sender.example"]);
    assert_eq!(added.stdout, "sender.example (domain) is on the blocklist\n");

    let explained = list(&[
        "explain",
        "--recipient",
        "AL@example.com",
        "--sender",
        "<jo@sender.example>",
        "--ip",
        "192.0.2.9",
    ]);
    assert_eq!(
        explained.stdout,
        "AL@example.com: blocked, by sender.example on the recipient's blocklist, which matches the envelope sender\n\
         \x20 overruled: .sender.example on the domain's safelist, which matches the envelope sender\n\
         \x20 overruled: 192.0.2.0/24 on the domain's safelist, which matches the client\n\
         \x20 agrees: jo@sender.example on the domain's blocklist, which matches the envelope sender\n"
    );
    let json =
        site.json(&["list", "explain", "--recipient", "b@example.com", "--from", "x@y.sender.example"]);
    assert_eq!((&json["outcome"], &json["because"]["fields"]), (&json!("safe"), &json!(["header_from"])));
    let none = list(&["explain", "--recipient", "b@example.com"]);
    assert_eq!(none.stdout, "b@example.com: no list says anything of it\n");

    let shown = site.json(&["list", "show", "--domain", "example.com"]);
    let items: Vec<_> = shown.as_array().expect("rows").iter().map(|entry| entry["item"].clone()).collect();
    assert_eq!(items, [".sender.example", "192.0.2.0/24", "jo@sender.example"]);
    assert!(list(&["show", "--recipient", "al@example.com", "blocklist"]).stdout.contains("sender.example"));
    let off = ["remove", "--recipient", "al@example.com", "blocklist", "SENDER.example."];
    assert_eq!((list(&off).code, list(&off).code), (Some(0), Some(3)));
    let audit = site.json(&["audit"]).to_string();
    assert!(audit.contains("list_entry.added") && audit.contains("list_entry.removed"), "{audit}");
}

#[test]
fn what_cannot_be_listed_says_what_to_do() {
    let site = Site::new();
    let server = site.serve();
    server.client().create_domain("example.com");
    for (arguments, code, words) in [
        (&["add", "--domain", "example.com", "blocklist", "192.0.2.1/24"][..], 2, "give 192.0.2.0/24"),
        (&["add", "--domain", "example.com", "greylist", "a.example"], 2, "safelist or blocklist"),
        (&["add", "blocklist", "a.example"], 2, "--account"),
        (&["add", "--domain", "never.example", "blocklist", "a.example"], 3, "no such domain"),
        (&["add", "--recipient", "jo", "blocklist", "a.example"], 2, "no address"),
        (&["show", "--account", "nobody"], 3, "no such account"),
        (&["explain", "--recipient", "jo@never.example"], 3, "no such domain"),
        (&["explain", "--recipient", "jo@example.com", "--ip", "x"], 2, "--ip is no IP address"),
    ] {
        let finished = site.run(&[&["list"], arguments].concat());
        assert_eq!(finished.code, Some(code), "{arguments:?}: {finished:?}");
        assert!(finished.stdout.is_empty() && finished.stderr.contains(words), "{words}: {finished:?}");
    }
}
