//! The published test suite of RFC 7208, whole: see `tests/fixtures/spf/README.md`.

use std::fs;
use std::path::Path;

use saphyr::{LoadableYamlNode, Yaml};

use super::super::target::Target;
use super::super::*;
use crate::dns::{Outcome, RecordData, RecordType, ScriptedResolver};
use crate::name::DnsName;

/// The number of cases in the suite: a fixture that lost some must not pass.
const CASES: usize = 203;
/// Every type that is asked for; a name that times out does so for each.
const TYPES: [RecordType; 5] =
    [RecordType::A, RecordType::Aaaa, RecordType::Mx, RecordType::Ptr, RecordType::Txt];

#[test]
fn every_case_of_the_published_suite_passes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/spf/rfc7208-tests.yml");
    let text = fs::read_to_string(path).unwrap();
    let scenarios = Yaml::load_from_str(&text).unwrap();
    let mut cases = 0;
    let mut failures = Vec::new();
    for scenario in &scenarios {
        let dns = resolver(&scenario["zonedata"]);
        for (name, case) in scenario["tests"].as_mapping().unwrap() {
            cases += 1;
            if let Err(what) = run(&dns, case) {
                failures.push(format!("{}: {what}", name.as_str().unwrap()));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {cases} fail:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(cases, CASES);
}

fn run(dns: &ScriptedResolver, case: &Yaml<'_>) -> Result<(), String> {
    let field = |name: &str| case[name].as_str().unwrap();
    let query = Query::new(field("host").parse().unwrap(), field("mailfrom"), field("helo"));
    let evaluation = check_host(dns, &query);
    let accepted = strings(&case["result"]);
    if !accepted.contains(&evaluation.result.as_str()) {
        return Err(format!("{} instead of {accepted:?}: {evaluation:?}", evaluation.result));
    }
    // What else an evaluation says must fit its result.
    let is_error = matches!(evaluation.result, SpfResult::TempError | SpfResult::PermError);
    if evaluation.problem.is_some() != is_error || (is_error && evaluation.matched.is_some()) {
        return Err(format!("an account that does not fit: {evaluation:?}"));
    }
    if let Some(explanation) = case.as_mapping_get("explanation").and_then(Yaml::as_str) {
        // The suite's word for a receiver's own explanation.
        let seen = evaluation.explanation.as_deref().unwrap_or("DEFAULT");
        if seen != explanation {
            return Err(format!("explained by {seen:?} instead of {explanation:?}"));
        }
    }
    Ok(())
}

/// One string, or several in a list.
fn strings<'a>(value: &'a Yaml<'_>) -> Vec<&'a str> {
    match value.as_sequence() {
        Some(list) => list.iter().map(|each| each.as_str().unwrap()).collect(),
        None => vec![value.as_str().unwrap()],
    }
}

/// The zone of a scenario. A record of the old type SPF is a TXT record where the name has no entry for TXT.
fn resolver(zone: &Yaml<'_>) -> ScriptedResolver {
    let mut dns = ScriptedResolver::new();
    for (owner, entries) in zone.as_mapping().unwrap() {
        // As in a query: `Target` writes octets that no host has as answers do.
        let owner = Target::of(owner.as_str().unwrap()).unwrap().name;
        let owner = owner.as_str();
        let entries = entries.as_sequence().unwrap();
        let has_txt = entries.iter().any(|entry| entry.as_mapping_get("TXT").is_some());
        let mut present = Vec::new();
        for entry in entries {
            let Some(records) = entry.as_mapping() else { continue };
            for (kind, value) in records {
                let Some(record) = record(kind.as_str().unwrap(), value, has_txt) else { continue };
                present.push(record.record_type());
                dns = dns.record(owner, record);
            }
        }
        if entries.iter().any(|entry| entry.as_str() == Some("TIMEOUT")) {
            for record_type in TYPES.into_iter().filter(|record_type| !present.contains(record_type)) {
                dns = dns.answer(owner, record_type, Outcome::Timeout);
            }
        }
    }
    dns
}

fn record(kind: &str, value: &Yaml<'_>, has_txt: bool) -> Option<RecordData> {
    let name = |value: &Yaml<'_>| match value.as_str().unwrap() {
        "" => DnsName::from_answer("."),
        text => Target::of(text).unwrap().name,
    };
    match kind {
        "SPF" if has_txt => None,
        "TXT" if value.as_str() == Some("NONE") => None,
        "SPF" | "TXT" => Some(RecordData::txt(&strings(value))),
        "A" => Some(RecordData::A(value.as_str().unwrap().parse().unwrap())),
        "AAAA" => Some(RecordData::Aaaa(value.as_str().unwrap().parse().unwrap())),
        "CNAME" => Some(RecordData::Cname(name(value))),
        "PTR" => Some(RecordData::Ptr(name(value))),
        "MX" => Some(RecordData::Mx {
            preference: value[0].as_integer().unwrap().try_into().unwrap(),
            exchange: name(&value[1]),
        }),
        other => panic!("the suite has a record of the type {other}"),
    }
}
