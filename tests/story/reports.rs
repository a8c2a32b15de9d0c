//! Reports of misclassified messages, as the operator sees them on the command line.

use postroom::account::{self, Caller};
use postroom::db::{Options, Postroom};
use postroom::error::Error;
use postroom::report::{self, NewReport, ReportKind};
use postroom::settings::Settings;
use serde_json::{Value, json};

use crate::harness::process::Site;

const MESSAGE: &str = "From: Jo <jo@example.org>\r\nSubject: \x1b[2Jwin\r\n\r\nHello\r\nFrom here on\r\n";

/// Files as an embedder does, beside whatever runs.
fn file(site: &Site, account: &str, new: &NewReport<'_>) {
    let settings = Settings::for_server(&"mail.example.net".parse().expect("a name"));
    let postroom = Postroom::open(site.db(), Options::new(settings)).expect("a database");
    let filed = postroom.write(|tx| {
        let caller = Caller::operator(account::find(tx, account)?.id);
        report::file(tx, &caller, new)
    });
    filed.map_err(|error: Error| error.to_string()).expect("to file");
}

#[test]
fn reports_are_listed_shown_and_exported() {
    let site = Site::new();
    let server = site.serve();
    server.client().create_domain("example.com");
    site.json(&["account", "create", "acme"]);
    assert_eq!(site.json(&["report", "list"]), json!([]));
    assert_eq!(site.run(&["report", "export"]).stdout, "");
    let envelope = NewReport {
        sender: Some("jo@example.org"),
        recipient: Some("<ann@example.com>"),
        helo: Some("mail.example.org"),
        ..NewReport::of(ReportKind::FalseNegative, MESSAGE.as_bytes())
    };
    file(&site, "default", &envelope);
    file(&site, "acme", &NewReport::of(ReportKind::FalsePositive, b"From: jo@example.org\n\n\xFF\n"));

    let listed = site.json(&["report", "list"]);
    let ids: Vec<&Value> = listed.as_array().expect("reports").iter().map(|report| &report["id"]).collect();
    assert_eq!(ids, [2, 1]);
    assert_eq!((&listed[1]["kind"], &listed[1]["domain"]), (&json!("false_negative"), &json!("example.com")));
    assert!(listed[1].get("message").is_none());
    let of_acme = site.json(&["report", "list", "--account", "acme"]);
    assert_eq!(of_acme.as_array().map(Vec::len), Some(1));
    let table = site.run(&["report", "list"]).stdout;
    assert!(table.starts_with("ID") && table.contains("ann@example.com"), "{table}");

    let shown = site.run(&["report", "show", "1"]).stdout;
    assert!(
        shown.contains("sender:    jo@example.org") && shown.contains("Subject: \\u{1b}[2Jwin"),
        "{shown}"
    );
    assert!(!shown.contains('\x1b'));
    assert_eq!(site.run(&["report", "show", "1", "--raw"]).stdout, MESSAGE, "octet for octet");
    assert_eq!(site.json(&["report", "show", "1"])["message"], MESSAGE);
    assert_eq!(site.json(&["report", "show", "2"])["message_base64"], "RnJvbTogam9AZXhhbXBsZS5vcmcKCv8K");
    assert_eq!(site.run(&["report", "show", "99"]).code, Some(3));

    let exported = site.run(&["report", "export", "--account", "default"]).stdout;
    assert!(exported.starts_with("From jo@example.org "), "{exported}");
    assert!(exported.ends_with("\n\nHello\n>From here on\n\n"), "{exported}");
    let lines = site.run(&["report", "export", "--json"]).stdout;
    let kinds: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["kind"].clone())
        .collect();
    assert_eq!(kinds, ["false_negative", "false_positive"]);
    assert_eq!(site.run(&["report", "export", "--since", "2999-01-01"]).stdout, "");
    let wrong = site.run(&["report", "export", "--since", "yesterday"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
}
