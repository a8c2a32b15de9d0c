//! Records that a wildcard makes (RFC 4592): the answer for a name that nobody made a record for.

use super::{Code, Expectation, Finding, Verdict};
use crate::dns::{Answer, Question, RecordData, Resolver};
use crate::name::DnsName;
use crate::record::kind;
use crate::secret::fill_random;

/// Whether a name beside the one that was asked for, which nobody has made, has a record that these answers have. Where that
/// cannot be told now, it is taken to be so.
///
/// A wildcard's alias leads to one target from every name, and a DNAME (RFC 6672) to names that differ as those do that were asked
/// for. Where such an alias led to these answers, what stands at its ends is for its target to say, which may answer each question
/// differently; so it is not compared. Nor is it where the answers themselves were led to different names, as by a wildcard
/// whose targets take turns.
pub(super) fn makes(question: &Question, answers: &[&Answer], resolver: &dyn Resolver) -> bool {
    let Some(sibling) = random_sibling(&question.name) else { return true };
    let beside = resolver.lookup(&Question::new(sibling.clone(), question.record_type));
    if beside.outcome.is_temporary() {
        return true;
    }
    if let Some(target) = beside.chain.first() {
        let mut targets = answers.iter().filter_map(|answer| answer.chain.first()).peekable();
        let one = targets.peek().copied();
        if targets
            .any(|made| Some(made) != one || is_alike(question.name.as_str(), made, sibling.as_str(), target))
        {
            return true;
        }
    }
    let found: Vec<&RecordData> = answers.iter().flat_map(|answer| answer.outcome.records()).collect();
    beside.outcome.records().iter().any(|record| found.contains(&record))
}

/// Whether one wildcard, or one DNAME, may have made both of these aliases.
fn is_alike(name: &str, target: &DnsName, sibling: &str, beside: &DnsName) -> bool {
    // What stands behind the first label of a target, if it has kept that of its owner.
    let behind = |owner: &str, target: &str| {
        let label = owner.split('.').next().unwrap_or_default();
        target.strip_prefix(label).and_then(|rest| rest.strip_prefix('.')).map(str::to_owned)
    };
    let mapped = behind(name, target.as_str());
    target == beside || (mapped.is_some() && mapped == behind(sibling, beside.as_str()))
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
    use crate::dns::{Outcome, RecordType};

    /// A zone that answers each name with an alias made from its first label.
    struct Aliases(fn(&str) -> &'static str);

    impl Resolver for Aliases {
        fn lookup(&self, question: &Question) -> Answer {
            let label = question.name.as_str().split('.').next().unwrap_or_default().to_owned();
            let target = (self.0)(&label).replace('#', &label);
            let txt =
                Outcome::Found { records: vec![RecordData::txt(&[&target])], ttl: std::time::Duration::ZERO };
            Answer { server: "zone".into(), chain: vec![DnsName::from_answer(&target)], outcome: txt }
        }
    }

    #[test]
    fn an_alias_beside_a_wildcard_is_its_owners_unless_that_or_a_dname_may_have_made_it() {
        const OURS: &str = "_challenge";
        let question = Question::new(DnsName::from_answer("_challenge.example.com"), RecordType::Txt);
        for (what, zone, made) in [
            ("one wildcard", Aliases(|_| "web.example.net"), true),
            ("a DNAME", Aliases(|_| "#.example.net"), true),
            ("a DNAME further above", Aliases(|_| "#.example.example.net"), true),
            (
                "an alias of its own",
                Aliases(|label| if label == OURS { "shop.example.org" } else { "web.example.net" }),
                false,
            ),
            (
                "an alias of its own, beside a DNAME",
                Aliases(|label| if label == OURS { "#.example.org" } else { "#.example.net" }),
                false,
            ),
        ] {
            let answer = zone.lookup(&question);
            assert_eq!(makes(&question, &[&answer], &zone), made, "{what}");
        }
        // A wildcard whose targets take turns.
        let zone = Aliases(|label| if label == OURS { "a.example.net" } else { "b.example.net" });
        let turned = Answer { chain: vec![DnsName::from_answer("b.example.net")], ..zone.lookup(&question) };
        assert!(makes(&question, &[&zone.lookup(&question), &turned], &zone));
    }

    #[test]
    fn the_longest_domain_has_a_name_beside_that_of_its_key() {
        let label = "a".repeat(63);
        let domain = format!("{label}.{label}.{label}.{}.test", "d".repeat(230 - 3 * 64 - 5));
        assert_eq!(domain.len(), 230);
        assert!(random_sibling(&DnsName::from_answer(&format!("pr1._domainkey.{domain}"))).is_some());
    }
}
