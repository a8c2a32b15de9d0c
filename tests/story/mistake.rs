//! The mistakes that people make with their zones, each published for real and named by its own code.

use serde_json::Value;

use super::verify::{find, fragment, site_asking, verify};
use crate::harness::dns::{Memory, Nsd, Unbound};

const DKIM: &str = "pr1._domainkey.example.com.";
const RETURN_PATH: &str = "mailer.example.com.";

/// What goes wrong, for whom, and how it is told.
struct Mistake {
    record: &'static str,
    zone: String,
    code: &'static str,
    /// What the sentence must name, for a person to act on it.
    names: &'static str,
}

fn mistake(record: &'static str, zone: String, code: &'static str, names: &'static str) -> Mistake {
    Mistake { record, zone, code, names }
}

/// The records as they should be, a line each, and what to make of them.
struct Right {
    dkim: String,
    return_path: String,
    value: String,
}

impl Right {
    fn dkim_as(&self, line: &str) -> String {
        format!("{}\n{line}\n", self.return_path)
    }

    fn dkim_value(&self, value: &str) -> String {
        self.dkim_as(&format!("{DKIM} IN TXT {}", strings(value)))
    }

    fn return_path_as(&self, line: &str) -> String {
        format!("{}\n{line}\n", self.dkim)
    }
}

/// A value as a zone file has it.
fn strings(value: &str) -> String {
    let pieces = value.as_bytes().chunks(200).map(String::from_utf8_lossy);
    let quoted = pieces.map(|piece| format!("\"{}\"", piece.replace('\\', "\\\\").replace('"', "\\\"")));
    quoted.collect::<Vec<_>>().join(" ")
}

fn in_the_dkim_record(right: &Right, another_key: &str) -> Vec<Mistake> {
    let at = |name: &str| right.dkim_as(&right.dkim.replacen(DKIM, name, 1));
    let value = right.value.as_str();
    let dkim = |zone, code, names| mistake("dkim", zone, code, names);
    vec![
        dkim(right.dkim_as(""), "record_missing", "publish it"),
        dkim(
            at("pr1._domainkey.example.com.example.com."),
            "record_at_doubled_name",
            "enter pr1._domainkey as",
        ),
        dkim(at("pr1.domainkey.example.com."), "record_missing_underscore", "underscore"),
        dkim(at("example.com."), "record_at_apex", "enter pr1._domainkey as"),
        dkim(at("pr1._domainkey.www.example.com."), "record_at_www", "without www"),
        dkim(right.dkim_as("*.example.com. IN TXT \"v=spf1 -all\""), "record_from_wildcard", "wildcard"),
        dkim(right.dkim_value(&format!("\"{value}\"")), "quotes_in_value", "without them"),
        dkim(right.dkim_value(&value.replace(';', "\\;")), "escaped_semicolons", "without backslashes"),
        dkim(
            right.dkim_value(value.get(..255).expect("a long value")),
            "value_truncated_at_255",
            "whole value",
        ),
        dkim(right.dkim_value(&value.to_lowercase()), "value_lowercased", "capital letters"),
        dkim(right.dkim_value(another_key), "dkim_key_mismatch", "another key"),
        dkim(right.dkim_value("v=DKIM1; k=rsa; p="), "dkim_revoked", "revokes"),
        dkim(right.dkim_value(&value.replace("k=rsa", "k=ed25519")), "dkim_wrong_algorithm", "ed25519"),
        dkim(
            right.dkim_as(&format!("{}\n{DKIM} IN TXT \"site-verification=1\"", right.dkim)),
            "dkim_multiple",
            "2 TXT records",
        ),
        dkim(
            right.dkim_as(&format!("{DKIM} IN CNAME a.example.com.\na IN CNAME b\nb IN CNAME a")),
            "cname_loop",
            "circle",
        ),
    ]
}

fn in_the_return_path(right: &Right) -> Vec<Mistake> {
    let at = |name: &str| right.return_path_as(&right.return_path.replacen(RETURN_PATH, name, 1));
    let path = |zone, code, names| mistake("return_path", zone, code, names);
    let record = |data: &str| right.return_path_as(&format!("{RETURN_PATH} IN {data}"));
    vec![
        path(right.return_path_as(""), "record_missing", "return-path.example.net"),
        path(record("CNAME elsewhere.example.net."), "cname_wrong_target", "elsewhere.example.net"),
        path(record("A 192.0.2.7"), "cname_proxied_or_flattened", "192.0.2.7"),
        path(record("AAAA 2001:db8::7"), "cname_proxied_or_flattened", "2001:db8::7"),
        path(record("TXT \"return-path.example.net\""), "wrong_type", "CNAME"),
        path(at("mailer.example.com.example.com."), "record_at_doubled_name", "enter mailer as"),
        path(at("mailer.www.example.com."), "record_at_www", "without www"),
    ]
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd and unbound: tests/run installs them")]
fn each_mistake_in_a_zone_is_named_by_its_own_code() {
    let nsd = Nsd::start("example.com");
    nsd.publish("");
    let unbound = Unbound::start(&nsd, Memory::None);
    let site = site_asking(&unbound.address());
    let server = site.serve();
    let value =
        server.client().create_domain("example.com")["dkim_string"].as_str().expect("a value").to_owned();
    let other =
        server.client().create_domain("example.org")["dkim_string"].as_str().expect("a value").to_owned();
    assert!(server.stop().success());
    let lines = fragment(&site, "example.com");
    let line = |name: &str| {
        let found = lines.lines().find(|line| line.starts_with(name));
        found.unwrap_or_else(|| panic!("no {name} in {lines}")).to_owned()
    };
    let right = Right { dkim: line(DKIM), return_path: line(RETURN_PATH), value };

    for mistake in in_the_dkim_record(&right, &other).into_iter().chain(in_the_return_path(&right)) {
        nsd.publish(&mistake.zone);
        let finished = verify(&site, "example.com");
        assert_eq!(finished.code, Some(1), "{}: {finished:?}", mistake.code);
        let json = finished.json();
        let finding = find(&json["records"], mistake.record);
        assert_eq!(
            (&finding["code"], &finding["verdict"]),
            (&mistake.code.into(), &"fail".into()),
            "{finding}"
        );
        let text = finding["text"].as_str().expect("a sentence");
        assert!(text.contains(mistake.names) && text.ends_with('.'), "{}: {text}", mistake.code);
        the_other_record_is_well(&json["records"], mistake.record);
    }
    // What was wrong so often is right as soon as it is right.
    nsd.publish(&lines);
    assert_eq!(verify(&site, "example.com").code, Some(0));
}

fn the_other_record_is_well(findings: &Value, record: &str) {
    let other = find(findings, if record == "dkim" { "return_path" } else { "dkim" });
    assert_eq!((&other["verdict"], &other["code"]), (&"pass".into(), &Value::Null), "{other}");
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd and unbound: tests/run installs them")]
fn a_domain_that_is_not_registered_is_told_apart_from_one_without_records() {
    let nsd = Nsd::start("example.com");
    nsd.publish("");
    let unbound = Unbound::start(&nsd, Memory::None);
    let site = site_asking(&unbound.address());
    site.serve().client().create_domain("example.org");
    let finished = verify(&site, "example.org");
    assert_eq!(finished.code, Some(1));
    for purpose in ["dkim", "return_path"] {
        assert_eq!(find(&finished.json()["records"], purpose)["code"], "domain_nxdomain");
    }
}
