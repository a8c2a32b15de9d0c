//! Records that a wildcard makes (RFC 4592): the answer for a name that nobody made a record for.

use super::{Code, Expectation, Finding, Verdict};
use crate::dns::{Answer, Question, RecordData, Resolver};
use crate::name::DnsName;
use crate::record::kind;
use crate::secret::fill_random;

/// Whether a name beside the one that was asked for, which nobody has made, has a record that these answers have. Where that
/// cannot be told now, it is taken to be so.
///
/// Where an alias led to these answers, and one leads on from the name beside it as well, a wildcard (or a DNAME, RFC 6672) may have made
/// both, also where their targets differ, for those of a wildcard may take turns: what stands at their ends is for the targets to say, which
/// may answer each question differently.
pub(super) fn makes(question: &Question, answers: &[&Answer], resolver: &dyn Resolver) -> bool {
    let Some(sibling) = random_sibling(&question.name) else { return true };
    let beside = resolver.lookup(&Question::new(sibling, question.record_type));
    if beside.outcome.is_temporary() {
        return true;
    }
    if !beside.chain.is_empty() && answers.iter().any(|answer| !answer.chain.is_empty()) {
        return true;
    }
    let found: Vec<&RecordData> = answers.iter().flat_map(|answer| answer.outcome.records()).collect();
    beside.outcome.records().iter().any(|record| found.contains(&record))
}

/// The finding for a record that would be right, were it not made by a wildcard.
pub(super) fn finding(expected: &Expectation, was: &Finding) -> Finding {
    let question = expected.question();
    let seen = was.seen.clone().unwrap_or_default();
    let text = format!(
        "{} {}: the answer \"{seen}\" comes from a wildcard, as names beside it that nobody made have it too; wanted is \
         \"{}\"; make a record for this very name.",
        question.record_type,
        question.name,
        kind::shown(&expected.wanted())
    );
    Finding::of(Verdict::Fail, Code::RecordFromWildcard, text, Some(seen))
}

/// A name beside this one that nobody has made.
pub(super) fn random_sibling(name: &DnsName) -> Option<DnsName> {
    // Short enough for each name that is asked for: below the longest domain it replaces one of three letters before `_domainkey`.
    let mut octets = [0_u8; 5];
    // Without random numbers the name is still one that nobody has made.
    let _ = fill_random(&mut octets);
    let label: String = octets.iter().map(|octet| char::from(b'a' + octet % 26)).collect();
    name.parent().and_then(|parent| parent.child(&format!("{label}-probe")).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_domain_has_a_name_beside_that_of_its_key() {
        let label = "a".repeat(63);
        let domain = format!("{label}.{label}.{label}.{}.test", "d".repeat(230 - 3 * 64 - 5));
        assert_eq!(domain.len(), 230);
        assert!(random_sibling(&DnsName::from_answer(&format!("pr1._domainkey.{domain}"))).is_some());
    }
}
