//! The return path: a CNAME below the domain, by which bounces come back (RFC 1034 section 3.6.2). Its target must be exact.

use super::mangling::{is_with_domain, with_domain};
use super::sentence::{asked, missing};
use super::{Expectation, Expected, Need, RecordKind, Seed};
use crate::dns::{Answer, Outcome, RecordData, RecordType};
use crate::name::DnsName;
use crate::record::finding::{Code, Finding, Verdict};

/// The host of the return path's CNAME, below the domain.
pub const RETURN_PATH_HOST: &str = "mailer";

pub(super) const KIND: RecordKind = RecordKind {
    word: "return_path",
    record_type: RecordType::Cname,
    seed: |settings| Seed::One {
        host: RETURN_PATH_HOST,
        value: settings.return_path_host.as_str().to_owned(),
        priority: None,
    },
    need: Need::IfSet(|settings| settings.return_path_required),
    // The target is the same for every account.
    is_proof: false,
    expect: |wish| {
        let target = DnsName::from_answer(&wish.record.value);
        Some(Expectation::Cname(CnameExpectation { name: wish.name.clone(), target }))
    },
};

/// A CNAME with exactly this target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CnameExpectation {
    /// Where it must be.
    pub name: DnsName,
    /// Where it must lead.
    pub target: DnsName,
}

impl Expected for CnameExpectation {
    fn name(&self) -> &DnsName {
        &self.name
    }

    fn record_type(&self) -> RecordType {
        RecordType::Cname
    }

    fn wanted(&self) -> String {
        format!("{}.", self.target)
    }

    fn judge(&self, seen: &Answer) -> Finding {
        judge(self, seen)
    }
}

fn judge(expected: &CnameExpectation, seen: &Answer) -> Finding {
    let target = &expected.target;
    let Outcome::Found { records, .. } = &seen.outcome else {
        return missing(expected);
    };
    let targets: Vec<&DnsName> = records
        .iter()
        .filter_map(|record| match record {
            RecordData::Cname(name) => Some(name),
            _ => None,
        })
        .collect();
    let shown = targets.iter().map(|name| format!("{name}.")).collect::<Vec<_>>().join(", ");
    match targets.as_slice() {
        [] => missing(expected),
        [only] if *only == target => {
            Finding::pass(format!("{}: leads to {target}, as wanted.", asked(expected)), shown)
        }
        [only] if is_with_domain(only, target, &expected.name) => {
            let flaw = with_domain(only, target);
            let text = format!(
                "{}: leads to {shown}: {}; wanted is \"{target}.\"; {}.",
                asked(expected),
                flaw.what,
                flaw.mend
            );
            Finding::of(Verdict::Fail, flaw.code, text, Some(shown))
        }
        _ => {
            let text = format!(
                "{}: leads to {shown}; wanted is \"{target}.\"; change its target to that.",
                asked(expected)
            );
            Finding::of(Verdict::Fail, Code::CnameWrongTarget, text, Some(shown))
        }
    }
}
