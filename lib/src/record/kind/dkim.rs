//! DKIM: the record of a key that signs (RFC 6376 section 3.6.1, RFC 8301). The key itself, or a CNAME to the operator's
//! zone, which has it.

use super::sentence::{Flaw, asked, flaw, missing, spoilt};
use super::tags::squeezed;
use super::{Expectation, Expected, Need, RecordKind, Seed, key_record, mangling};
use crate::dkim::PublicKey;
use crate::dns::{Answer, Outcome, RecordData, RecordType, TxtData};
use crate::name::{DnsName, Selector};
use crate::record::PublishedKey;
use crate::record::finding::{Action, Code, Finding, Verdict};

pub(super) const KIND: RecordKind = RecordKind {
    word: "dkim",
    record_type: RecordType::Txt,
    seed: |_| Seed::EachKey,
    need: Need::OfSigningKeys,
    // No other account, and nobody before, had this key to publish.
    is_proof: true,
    expect: |wish| {
        let PublishedKey { id, public: key, delegated_to, .. } = wish.record.dkim_key.clone()?;
        let others = wish.keys.iter().filter(|other| other.id != id);
        let others = others.map(|other| (other.selector.clone(), other.public.clone())).collect();
        let key = DkimExpectation { name: wish.name.clone(), key, others };
        Some(match delegated_to {
            Some(target) => Expectation::DelegatedDkim(DelegatedDkimExpectation { target, key }),
            None => Expectation::Dkim(key),
        })
    },
};

/// How long a record may be that is told whole where it is right: one with the longest key is shorter.
const MOST_OCTETS_SEEN: usize = 1024;

/// A DKIM key record with this key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkimExpectation {
    /// Where it must be: `selector._domainkey.domain`.
    pub name: DnsName,
    /// The key that it must publish.
    pub key: PublicKey,
    /// Other keys of the same domain, for telling a mix-up from a mistake.
    pub others: Vec<(Selector, PublicKey)>,
}

impl Expected for DkimExpectation {
    fn name(&self) -> &DnsName {
        &self.name
    }

    fn record_type(&self) -> RecordType {
        RecordType::Txt
    }

    fn wanted(&self) -> String {
        self.key.record_value()
    }

    /// Where the right record is among several, the others go.
    fn action(&self, answer: &Answer, finding: &Finding) -> Option<Action> {
        if finding.code != Some(Code::DkimMultiple) || !answer.chain.is_empty() {
            return None;
        }
        let texts = answer.outcome.records().iter().filter_map(|record| match record {
            RecordData::Txt(text) => Some(text),
            _ => None,
        });
        let (right, wrong): (Vec<&TxtData>, Vec<&TxtData>) =
            texts.partition(|text| judge_octets(self, &text.joined()).is_ok());
        let others = right.iter().skip(1).chain(&wrong).map(|text| text.readable()).collect::<Vec<_>>();
        // Records that read the same cannot be told apart in a form, so all of them go, and one is entered.
        let right = right.first().filter(|right| !others.contains(&right.readable()));
        right.map(|_| Action::delete(self.name.clone(), RecordType::Txt, &others))
    }

    fn judge(&self, seen: &Answer) -> Finding {
        judge(self, seen)
    }
}

/// A CNAME to a name in the operator's zone, which has the key record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegatedDkimExpectation {
    /// Where it must lead.
    pub target: DnsName,
    /// What must come back by it.
    pub key: DkimExpectation,
}

impl Expected for DelegatedDkimExpectation {
    fn name(&self) -> &DnsName {
        &self.key.name
    }

    fn record_type(&self) -> RecordType {
        // The answer has the CNAME on its way to the key.
        RecordType::Txt
    }

    fn wanted(&self) -> String {
        format!("CNAME {}.", self.target)
    }

    fn entry(&self) -> (RecordType, String) {
        (RecordType::Cname, format!("{}.", self.target))
    }

    fn judge(&self, seen: &Answer) -> Finding {
        judge_delegated(self, seen)
    }
}

/// Judges the TXT records at the key's name.
fn judge(expected: &DkimExpectation, seen: &Answer) -> Finding {
    let key = expected;
    let Outcome::Found { records, .. } = &seen.outcome else {
        return missing(expected);
    };
    let texts: Vec<&TxtData> = records
        .iter()
        .filter_map(|record| match record {
            RecordData::Txt(text) => Some(text),
            _ => None,
        })
        .collect();
    match texts.as_slice() {
        [] => missing(expected),
        [only] => match judge_octets(key, &only.joined()) {
            Ok(None) => {
                let text = format!("{}: publishes the key, as wanted.", asked(expected));
                // Whole, for programs that compare it with what they have published.
                let is_short = only.joined().len() <= MOST_OCTETS_SEEN;
                Finding::pass(text, if is_short { only.readable() } else { only.shown() })
            }
            Ok(Some(flaw)) => spoilt(expected, Verdict::Warn, &flaw, only, &expected.wanted()),
            Err(flaw) => spoilt(expected, Verdict::Fail, &flaw, only, &expected.wanted()),
        },
        // Which of several a verifier takes is undefined (RFC 6376 section 3.6.2.2).
        [first, ..] => {
            if let Some([piece, ..]) = in_order(key, &texts).as_deref() {
                let what = format!("the value was cut into {} pieces, each a record of its own", texts.len());
                let mend = "delete these records, and enter the whole value as one";
                let cut = flaw(Code::ValueInTwoRecords, what, mend);
                return spoilt(expected, Verdict::Fail, &cut, piece, &expected.wanted());
            }
            let what = format!("there are {} TXT records where there must be one", texts.len());
            let many = flaw(Code::DkimMultiple, what, "delete all but the one that is wanted");
            // What is shown is one to delete.
            let superfluous = texts.iter().find(|text| judge_octets(key, &text.joined()).is_err());
            spoilt(expected, Verdict::Fail, &many, superfluous.unwrap_or(first), &expected.wanted())
        }
    }
}

/// The records in the order in which they are the pieces of the one that is wanted, if they are: two or three.
fn in_order<'a>(key: &DkimExpectation, texts: &[&'a TxtData]) -> Option<Vec<&'a TxtData>> {
    let orders: Vec<Vec<&TxtData>> = match texts {
        [a, b] => vec![vec![a, b], vec![b, a]],
        [a, b, c] => [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]]
            .map(|order| order.map(|text| *text).to_vec())
            .to_vec(),
        _ => Vec::new(),
    };
    let is_wrong = |text: &&TxtData| judge_octets(key, &text.joined()).is_err();
    if !texts.iter().all(is_wrong) {
        return None;
    }
    orders.into_iter().find(|order| {
        let whole: Vec<u8> = order.iter().flat_map(|text| text.joined()).collect();
        judge_octets(key, &whole).is_ok()
    })
}

/// Judges the TXT records at the key's name, which are to come by a CNAME from the target.
fn judge_delegated(expected: &DelegatedDkimExpectation, seen: &Answer) -> Finding {
    let target = &expected.target;
    // What comes by the right alias is judged for itself, and is for the owner of that zone to mend.
    let direct = judge(&expected.key, seen);
    if seen.chain.contains(target) {
        return direct;
    }
    let asked = asked(expected);
    match seen.chain.first() {
        Some(other) if !direct.verdict.passes() => {
            let text = format!(
                "{asked}: it is an alias of {other}; wanted is an alias of \"{target}.\"; change its target to that."
            );
            Finding::of(Verdict::Fail, Code::CnameWrongTarget, text, Some(format!("{other}.")))
        }
        None if matches!(seen.outcome, Outcome::Found { .. }) || direct.verdict.passes() => {
            let verdict = if direct.verdict.passes() { Verdict::Warn } else { Verdict::Fail };
            let text = format!(
                "{asked}: there is a record where an alias was asked for, and it will not follow the next key; replace \
                 it with a CNAME whose target is \"{target}.\"."
            );
            Finding::of(verdict, Code::CnameProxiedOrFlattened, text, direct.seen)
        }
        Some(_) => direct,
        None => missing(expected),
    }
}

/// Whether a record publishes the key. Of one that does not, how its value was spoiled says more than what it lacks.
fn judge_octets(key: &DkimExpectation, octets: &[u8]) -> Result<Option<Flaw>, Flaw> {
    let text = String::from_utf8_lossy(octets);
    let spoiled = |wanted: &str| without_tags(&text, wanted).or_else(|| mangling::of(&text, wanted));
    key_record::judge(key, &text).map_err(|flaw| spoiled(&key.key.record_value()).unwrap_or(flaw))
}

/// The key as a file has it, in place of the value of a record.
fn without_tags(text: &str, wanted: &str) -> Option<Flaw> {
    if text.contains("BEGIN PUBLIC KEY") {
        let what = "the lines BEGIN PUBLIC KEY and END PUBLIC KEY of a key file stand in it";
        return Some(flaw(Code::DkimSyntax, what, "enter the value that is wanted, without those lines"));
    }
    let (tags, key) = wanted.rsplit_once("p=")?;
    (squeezed(text) == key).then(|| {
        let what = format!("the key is there without the tags before it, {tags}p=");
        flaw(Code::DkimSyntax, what, "enter the value that is wanted, with these tags")
    })
}
