//! Following the advice: what each finding's action says is done to the zone of its case, and it is looked at again.

use postroom::dns::{Question, RecordData, RecordType, Resolver, ScriptedResolver, TxtData};
use postroom::name::{DnsName, DomainName};
use postroom::verify::{self, Act, Action, Code, Expectation, Finding};

use super::CASES;
use super::mistakes::differs;
use super::runner::zone;

/// The most steps until a record passes.
const MOST_STEPS: usize = 2;
/// What the domain's owner cannot mend at the record, or what passes by itself: each with who can.
pub(super) const NOT_BY_ENTERING: &[(Code, &str)] = &[
    (Code::DomainNxdomain, "the domain must be registered first"),
    (Code::DelegationElsewhere, "the record goes to the name servers that the registrar has"),
    (Code::Propagating, "time"),
    (Code::StaleCached, "a resolver's cache is no part of the zone"),
    (Code::NegativeCached, "time"),
    (Code::NameserversDisagree, "the DNS provider brings the zone to all servers"),
    (Code::DnssecBogus, "the DNS provider signs anew"),
    (Code::Servfail, "the DNS provider, or time"),
    (Code::Refused, "the DNS provider, or time"),
    (Code::Timeout, "the DNS provider, or time"),
    (Code::Unreachable, "the operator of this mail system, or time"),
    (Code::MalformedAnswer, "the DNS provider, or time"),
    (Code::MxCname, "the operator of this mail system"),
];

#[test]
fn a_failing_record_passes_after_its_advice_was_followed_twice_at_most() {
    let mut left = Vec::new();
    for case in CASES.iter().filter(|case| !case.shows.finding.verdict.passes()) {
        if NOT_BY_ENTERING.iter().any(|(code, _)| *code == case.code) {
            continue;
        }
        let (domain, expected, dns) = zone(case, "shows");
        if let Err(why) = follow(&domain, &expected, &dns) {
            left.push(format!("{}: {why}", case.code.as_str()));
        }
    }
    assert!(left.is_empty(), "{left:#?}");
}

#[test]
fn the_sentence_and_the_action_of_a_case_say_the_same() {
    for finding in CASES.iter().flat_map(|case| [&case.shows.finding, &case.near.finding]) {
        let action = finding.action.as_ref().unwrap();
        assert_eq!(differs(&finding.text, action), None, "{}", finding.text);
    }
}

/// Does what the actions say until the record passes.
pub(crate) fn follow(
    domain: &DomainName,
    expected: &Expectation,
    dns: &ScriptedResolver,
) -> Result<(), String> {
    let mut told = Vec::new();
    for _ in 0..=MOST_STEPS {
        let look = verify::look(domain, std::slice::from_ref(expected), dns).swap_remove(0);
        let Finding { verdict, action, text, .. } = look.finding;
        if verdict.passes() {
            return Ok(());
        }
        let action = action.unwrap();
        told.push(format!("{text} {action:?}"));
        apply(dns, &action);
    }
    Err(told.join(" then "))
}

/// What a person does at the DNS provider's form.
fn apply(dns: &ScriptedResolver, action: &Action) {
    let at = |record_type| {
        let answer = dns.lookup(&Question::new(action.name.clone(), record_type));
        if answer.chain.is_empty() { answer.outcome.records().to_vec() } else { Vec::new() }
    };
    let from: Vec<&str> = action.from.iter().flat_map(|from| from.split('\n')).collect();
    let mut records: Vec<RecordData> = match (action.act, action.record_type) {
        // An alias stands alone.
        (_, RecordType::Cname) => Vec::new(),
        (Act::Add, _) => at(action.record_type),
        _ => at(action.record_type)
            .into_iter()
            .filter(|record| !from.contains(&entered(record).as_str()))
            .collect(),
    };
    records.extend(action.to.as_deref().map(|to| match action.record_type {
        RecordType::Cname => RecordData::Cname(DnsName::from_answer(to)),
        RecordType::Mx => {
            let (preference, exchange) = to.split_once(' ').unwrap();
            RecordData::Mx {
                preference: preference.parse().unwrap(),
                exchange: DnsName::from_answer(exchange),
            }
        }
        _ => RecordData::Txt(TxtData::new(to.as_bytes().chunks(255).map(<[u8]>::to_vec).collect())),
    }));
    dns.set(action.name.as_str(), records);
}

fn entered(record: &RecordData) -> String {
    match record {
        RecordData::Txt(text) => text.readable(),
        RecordData::Mx { preference, exchange } => format!("{preference} {exchange}."),
        other => other.to_string(),
    }
}
