//! Our judgements beside those of independent implementations, over seeded mutations of a right zone.
//!
//! The cases go to `judge.py`, which has four receivers of mail verify a signed message, pyspf check an address that our
//! mechanism covers, and checkdmarc read the DMARC record. Who is right where they differ stands in `explained.tsv`, with
//! the section of the RFC; what is not explained there fails the test, and so does a line that explains nothing.
//!
//! The receivers are `OpenDKIM`, rspamd, `Mail::DKIM` and dkimpy. What `OpenDKIM` or rspamd does not verify must fail; what only
//! another one does not verify must be warned of; what all of them verify must not fail.

pub(crate) mod dice;
mod dkim;
mod dmarc;
mod draft;
mod senders;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

use postroom::dns::{RecordData, ScriptedResolver, TxtData};
use postroom::name::{DnsName, DomainName};
use postroom::spf::{self, Query};
use postroom::verify::{self, Expectation};
use serde_json::{Value, json};

use crate::rules::findings::following::follow;
use dice::Dice;

/// How many cases of each kind.
const DKIM: usize = 6_000;
const SPF: usize = 4_000;
const DMARC: usize = 4_000;
const SEED: u64 = 7208;
/// Another seed, for a run by hand.
const OTHER_SEED: &str = "POSTROOM_SEED";
/// So many cases of a disagreement that is not explained are shown.
const MOST_EXAMPLES: usize = 5;
/// From where our servers send: the mechanism that we ask for covers these two.
const HOSTS: [&str; 2] = ["192.0.2.10", "2001:db8::10"];
const EXPLAINED: &str = include_str!("explained.tsv");

fn seed() -> u64 {
    std::env::var(OTHER_SEED).map_or(SEED, |seed| seed.parse().unwrap())
}

/// A zone with something wrong in it, or with nothing.
#[derive(Clone)]
struct Case {
    kind: &'static str,
    expected: Expectation,
    /// The key that is asked for, or the policy.
    key: Option<&'static str>,
    mutations: Vec<&'static str>,
    records: Vec<(String, RecordData)>,
}

impl Case {
    fn new(kind: &'static str, expected: Expectation, mutations: Vec<&'static str>) -> Case {
        Case { kind, expected, key: None, mutations, records: Vec::new() }
    }

    fn txt(&mut self, name: &str, strings: Vec<Vec<u8>>) {
        self.records.push((name.to_owned(), RecordData::Txt(TxtData::new(strings))));
    }

    fn address(&mut self, name: &str, address: &str) {
        let record = match address.parse().unwrap() {
            IpAddr::V4(ip) => RecordData::A(ip),
            IpAddr::V6(ip) => RecordData::Aaaa(ip),
        };
        self.records.push((name.to_owned(), record));
    }

    fn mail_host(&mut self, name: &str, host: &str) {
        let exchange = host.parse::<DnsName>().unwrap();
        self.records.push((name.to_owned(), RecordData::Mx { preference: 10, exchange }));
    }

    fn reverse(&mut self, name: &str, host: &str) {
        self.records.push((name.to_owned(), RecordData::Ptr(host.parse().unwrap())));
    }

    fn zone(&self) -> ScriptedResolver {
        let add =
            |dns: ScriptedResolver, (name, record): &(String, RecordData)| dns.record(name, record.clone());
        self.records.iter().fold(ScriptedResolver::new(), add)
    }

    /// What we say of it.
    fn ours(&self) -> Said {
        let domain: DomainName = "example.com".parse().unwrap();
        let dns = self.zone();
        let looks = verify::look(&domain, std::slice::from_ref(&self.expected), &dns);
        let finding = &looks[0].finding;
        let word = finding.verdict.as_str();
        let why = finding.code.map_or(word.to_owned(), |code| format!("{word} {}", code.as_str()));
        let check = |host: &str| {
            let query = Query::new(host.parse().unwrap(), "jo@example.com", "mail.example.net");
            spf::check_host(&dns, &query).result.as_str().to_owned()
        };
        let hosts = if self.kind == "spf" { HOSTS.map(check).to_vec() } else { Vec::new() };
        Said { works: finding.verdict.passes(), why, hosts }
    }

    /// What `judge.py` has to know of it.
    fn told(&self) -> Value {
        let record = |(name, record): &(String, RecordData)| match record {
            RecordData::Txt(text) => {
                let octet = |octet: &u8| format!("{octet:02x}");
                let hex = |string: &Vec<u8>| string.iter().map(octet).collect::<Vec<_>>().concat();
                json!([name, "TXT", text.strings().iter().map(hex).collect::<Vec<_>>()])
            }
            RecordData::Mx { preference, exchange } => json!([name, "MX", [preference, exchange.as_str()]]),
            record => json!([name, record.record_type().to_string(), record.to_string()]),
        };
        let records: Vec<Value> = self.records.iter().map(record).collect();
        json!({"kind": self.kind, "key": self.key, "records": records, "hosts": HOSTS})
    }
}

/// What somebody says of a case.
struct Said {
    works: bool,
    /// With us the verdict and the code.
    why: String,
    /// The results of SPF for each of [`HOSTS`].
    hosts: Vec<String>,
}

/// A line of `explained.tsv`: which disagreements it explains.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Explanation {
    kind: String,
    ours: String,
    theirs: String,
    /// The mutation that must be among those of the case; `*` is any.
    mutation: String,
}

/// The explanations, and what they may not be without: a reason and a source.
fn explanations() -> Vec<Explanation> {
    let lines = EXPLAINED.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let explanation = |line: &str| {
        let fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
        let [kind, ours, theirs, mutation, reason, source] =
            fields.try_into().unwrap_or_else(|_| panic!("{line}"));
        assert!(!reason.is_empty() && source.contains("RFC"), "{line}");
        // What is verified, and does not work for others, is explained for one mutation at a time.
        assert!(mutation != "*" || !(ours.starts_with("pass") || ours.starts_with("warn")), "{line}");
        Explanation { kind, ours, theirs, mutation }
    };
    lines.map(explanation).collect()
}

#[test]
#[cfg_attr(
    not(feature = "system-tests"),
    ignore = "needs Python: tests/differential/run makes its environment"
)]
fn independent_implementations_agree_but_where_it_is_explained() {
    let mut dice = Dice::new(seed());
    let mut cases: Vec<Case> = (0..DKIM).map(|_| dkim::case(&mut dice)).collect();
    cases.extend((0..SPF).flat_map(|_| senders::cases(&mut dice)));
    cases.extend((0..DMARC).map(|_| dmarc::case(&mut dice)));
    let folder = tempfile::tempdir().unwrap();
    let (asked, answered) = (folder.path().join("cases.jsonl"), folder.path().join("verdicts.jsonl"));
    let lines: Vec<String> = cases.iter().map(|case| case.told().to_string()).collect();
    fs::write(&asked, lines.join("\n")).unwrap();
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/differential/run");
    let mut judge = Command::new("bash")
        .args([run.as_path(), Path::new(env!("CARGO_TARGET_TMPDIR")), &asked, &answered])
        .spawn()
        .unwrap();
    let ours: Vec<Said> = cases.iter().map(Case::ours).collect();
    assert!(judge.wait().unwrap().success(), "tests/differential/run failed");
    let theirs = fs::read_to_string(&answered).unwrap();
    let said = |line: &str| {
        let (works, why, hosts) =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Said { works, why, hosts }
    };
    let theirs: Vec<Said> = theirs.lines().map(said).collect();
    assert_eq!(theirs.len(), cases.len());
    compare(&cases, &ours, &theirs);
}

/// How many cases of each kind are mended.
const MENDED: usize = 1_500;

#[test]
fn a_mutation_that_fails_passes_after_its_advice_was_followed_twice_at_most() {
    let mut dice = Dice::new(seed() + 1);
    let mut cases: Vec<Case> = (0..MENDED).map(|_| dkim::case(&mut dice)).collect();
    cases.extend((0..MENDED / 2).flat_map(|_| senders::cases(&mut dice)));
    cases.extend((0..MENDED).map(|_| dmarc::case(&mut dice)));
    let domain: DomainName = "example.com".parse().unwrap();
    let mut left = Vec::new();
    for case in &cases {
        if let Err(why) = follow(&domain, &case.expected, &case.zone()) {
            let seen: Vec<String> = case.records.iter().take(2).map(|(_, record)| whole(record)).collect();
            left.push(format!("{} {:?} {seen:?}: {why}", case.kind, case.mutations));
        }
    }
    let shown: Vec<&String> = left.iter().take(MOST_EXAMPLES).collect();
    assert!(left.is_empty(), "{} of {}: {shown:#?}", left.len(), cases.len());
}

/// Fails for what is not explained, and for explanations of nothing.
fn compare(cases: &[Case], ours: &[Said], theirs: &[Said]) {
    let explanations = explanations();
    let mut used = BTreeSet::new();
    let mut unexplained: BTreeMap<String, (usize, Vec<String>)> = BTreeMap::new();
    let mut counts: BTreeMap<(&str, bool, bool), usize> = BTreeMap::new();
    let mut hosts_differ = 0;
    for ((case, we), they) in cases.iter().zip(ours).zip(theirs) {
        *counts.entry((case.kind, we.works, they.works)).or_default() += 1;
        let of_hosts = we.hosts.iter().zip(&they.hosts).filter(|(we, they)| we != they);
        let mut differ: Vec<(String, &str)> =
            of_hosts.map(|(we, they)| (format!("check_host {we}"), they.as_str())).collect();
        hosts_differ += differ.len();
        if !agree(case, we, they) {
            differ.push((we.why.clone(), &they.why));
        }
        for (ours, theirs) in differ {
            let explains = |line: &&Explanation| {
                let mutation = line.mutation.as_str();
                (line.kind.as_str(), line.ours.as_str(), line.theirs.as_str())
                    == (case.kind, ours.as_str(), theirs)
                    && (mutation == "*" || case.mutations.contains(&mutation))
            };
            let mut lines = explanations.iter().filter(explains).peekable();
            if lines.peek().is_none() {
                let seen: Vec<String> =
                    case.records.iter().take(2).map(|(_, record)| whole(record)).collect();
                let entry = unexplained.entry(format!("{}\t{ours}\t{theirs}", case.kind)).or_default();
                entry.0 += 1;
                if entry.1.len() < MOST_EXAMPLES {
                    entry.1.push(format!("{:?} {seen:?}", case.mutations));
                }
            }
            used.extend(lines);
        }
    }
    for ((kind, we, they), count) in counts {
        println!("{kind}: {count} where we say {we} and they say {they}");
    }
    println!("spf: {hosts_differ} results of single hosts differ");
    assert!(unexplained.is_empty(), "not explained: {unexplained:#?}");
    if seed() != SEED {
        return;
    }
    let idle: Vec<&Explanation> = explanations.iter().filter(|line| !used.contains(line)).collect();
    assert!(idle.is_empty(), "these explain nothing: {idle:#?}");
}

/// Whether two verdicts come to the same. A key record that one of the receivers refuses is not just right.
fn agree(case: &Case, we: &Said, they: &Said) -> bool {
    let is_warned = || we.why == "warn works_at_some_receivers";
    we.works == they.works && (case.kind != "dkim" || !we.works || they.why == "verified" || is_warned())
}

/// A record with all of its value.
fn whole(record: &RecordData) -> String {
    match record {
        RecordData::Txt(text) => text.joined().escape_ascii().to_string(),
        record => record.to_string(),
    }
}
