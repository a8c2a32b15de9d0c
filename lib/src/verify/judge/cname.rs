//! Judging a CNAME (RFC 1034 section 3.6.2): the exact target, nothing else.

use crate::dns::{Answer, Outcome, RecordData};
use crate::name::DnsName;

use super::{Code, Expectation, Finding, Verdict, asked, missing};

/// Judges a definite answer to the question for the CNAME.
pub(super) fn judge(expected: &Expectation, target: &DnsName, seen: &Answer) -> Finding {
    let Outcome::Found { records, .. } = &seen.outcome else {
        return missing(expected, seen);
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
        [] => missing(expected, seen),
        [only] if *only == target => {
            Finding::pass(format!("{}: leads to {target}, as wanted.", asked(expected)), shown)
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
