//! Proof: whether the DNS shows that the account owns the name. It does by the record of a DKIM key, which nobody else has to
//! publish, or by the challenge of the account's claim.
//!
//! A DKIM record is no proof where the operator's own zone answers it, for then its owner did not publish it. Neither is a record
//! that a wildcard makes: whoever made the wildcard did not mean this account. Nor is one at the end of an alias that leads out of the
//! registered domain: it lets another one sign, and no more. Nor is that of a key which a tenant has imported:
//! whoever had the key before, such as a former provider, could import it as well, and its record is there already.

use super::look::{LOOK_FOR, look_by};
use super::{ChallengeExpectation, Code, Expectation, Finding, Look, Plan, Verdict, View, judge, wildcard};
use crate::db::ReadTx;
use crate::dns::{self, Answer, Deadline, Resolver};
use crate::domain::Domain;
use crate::error::Error;
use crate::name::{DnsName, DomainName};
use crate::ownership::{self, BY_CHALLENGE, Challenge};
use crate::record::Record;

/// What would prove that an account owns a name.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    challenge: ChallengeExpectation,
    /// The operator's zone of delegated keys.
    zone: Option<DnsName>,
    /// Whether the record of an imported key proves the name.
    is_import_proof: bool,
}

impl Wanted {
    /// What would prove a domain; none if it is proved.
    pub(super) fn of<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>) -> Result<Option<Wanted>, Error> {
        if domain.proved_at.is_some() {
            return Ok(None);
        }
        let challenge = ownership::challenge(tx, domain.account, &domain.name, domain.claimed_at)?;
        let zone = tx.settings().delegation_zone.clone();
        let is_import_proof = !ownership::needs_proof(tx, domain.account)?;
        Ok(Some(Wanted { challenge: ChallengeExpectation { challenge }, zone, is_import_proof }))
    }
}

/// By what the DNS shows that an account owns a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofBy {
    /// The record of a DKIM key of the account.
    DkimRecord,
    /// The challenge of the account's claim.
    Challenge,
}

impl ProofBy {
    /// The words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            ProofBy::DkimRecord => "DKIM record",
            ProofBy::Challenge => BY_CHALLENGE,
        }
    }
}

/// What was seen of a plan's records, and whether it proves that the account owns the name.
///
/// Only [`Plan::look`] makes one.
#[derive(Clone, Debug)]
pub struct Seen {
    pub(super) looks: Vec<Look>,
    pub(super) proof: Option<ProofBy>,
    /// What was seen of the challenge, where it was looked for.
    pub(crate) challenge: Option<(Expectation, Look)>,
}

impl Seen {
    /// What was seen of each record of the plan, in their order.
    pub fn looks(&self) -> &[Look] {
        &self.looks
    }
}

impl Plan {
    /// Asks the DNS for the plan's records; and, while it is not known that the account owns the name, for what would prove
    /// it. Call it outside any transaction.
    pub fn look(&self, resolver: &dyn Resolver) -> Seen {
        self.seek(resolver, false)
    }

    /// Looks as [`Plan::look`] does, for somebody who waits for the challenge: what is wrong with it is explained.
    pub(crate) fn look_closely(&self, resolver: &dyn Resolver) -> Seen {
        self.seek(resolver, true)
    }

    fn seek(&self, resolver: &dyn Resolver, closely: bool) -> Seen {
        let resolver = &Deadline::new(resolver, LOOK_FOR);
        let looks = look_by(&self.domain.name, &self.expected, resolver);
        let Some(wanted) = &self.proof else { return Seen { looks, proof: None, challenge: None } };
        let registered = self.domain.name.registered();
        let proves = |(record, look): &(&Record, &Look)| {
            wanted.is_proof(record, look) && is_answered_within(&registered, look)
        };
        let mut dkim = self.records.iter().zip(&looks).filter(proves);
        if dkim.any(|(_, look)| is_made(look, resolver)) {
            return Seen { looks, proof: Some(ProofBy::DkimRecord), challenge: None };
        }
        let expected = Expectation::Challenge(wanted.challenge.clone());
        let (look, is_seen) = if closely {
            look_closely(&self.domain.name, &expected, resolver)
        } else {
            look_quietly(&expected, resolver)
        };
        Seen { looks, proof: is_seen.then_some(ProofBy::Challenge), challenge: Some((expected, look)) }
    }
}

impl Wanted {
    /// Whether a record proves the name, if it is not made by a wildcard.
    fn is_proof(&self, record: &Record, look: &Look) -> bool {
        let is_own = record
            .dkim_key
            .as_ref()
            .is_some_and(|key| key.delegated_to.is_none() && (self.is_import_proof || !key.imported));
        is_own
            && record.purpose.kind().is_proof
            && look.finding.verdict.passes()
            && !look.views.iter().any(|view| self.is_of_operator(&view.answer, look))
    }

    /// Whether the operator's own zone answers.
    fn is_of_operator(&self, answer: &Answer, look: &Look) -> bool {
        let Some(zone) = &self.zone else { return false };
        answer.chain.iter().chain([&look.question.name]).any(|name| name.is_within(zone))
    }
}

/// Whether no alias (CNAME) leads out of the domain that was registered. An alias of a selector lets another one sign, such as a provider,
/// and may have been left behind: it does not say that the name is theirs.
fn is_answered_within(registered: &DnsName, look: &Look) -> bool {
    look.views.iter().flat_map(|view| &view.answer.chain).all(|name| name.is_within(registered))
}

/// Whether somebody has made a record for the very name that was looked at.
fn is_made(look: &Look, resolver: &Deadline<'_>) -> bool {
    let answers: Vec<&Answer> = look.views.iter().map(|view| &view.answer).collect();
    !wildcard::makes(&look.question, &answers, resolver)
}

/// Looks whether a challenge is there with one question, and a second one if it is: most claims have none in the DNS.
fn look_quietly(expected: &Expectation, resolver: &Deadline<'_>) -> (Look, bool) {
    let sighting = resolver.look(&[expected.question()]).pop().map(dns::Sighting::outside);
    let answers = sighting.as_ref().map(|sighting| sighting.answers.clone()).unwrap_or_default();
    let finding = sighting.map_or_else(unanswered, |sighting| judge::sighting(expected, &sighting));
    let views = answers.into_iter().map(|answer| View { finding: judge::answer(expected, &answer), answer });
    let look = Look { question: expected.question(), finding, views: views.collect(), inside: None };
    let is_seen = look.finding.verdict.passes() && is_made(&look, resolver);
    (look, is_seen)
}

/// Looks for a challenge, and for the mistakes that people make with it.
fn look_closely(domain: &DomainName, expected: &Expectation, resolver: &Deadline<'_>) -> (Look, bool) {
    let mut look = look_by(domain, std::slice::from_ref(expected), resolver).pop().unwrap_or_else(|| Look {
        question: expected.question(),
        finding: unanswered(),
        views: Vec::new(),
        inside: None,
    });
    let passes = look.finding.verdict.passes();
    let is_seen = passes && is_made(&look, resolver);
    if passes && !is_seen {
        look.finding = wildcard::finding(expected, &look.finding);
    }
    (look, is_seen)
}

/// What is found where nobody was asked.
fn unanswered() -> Finding {
    Finding::of(Verdict::Temporary, Code::Timeout, "no server was asked".to_owned(), None)
}

/// Looks for the challenge of a claim to a name that the account does not hold; and, if it is there, for that of a rival who
/// has the name. Returns what was found, whether that proves the claim, and whether the rival's is definitely not there.
///
/// Call it outside any transaction.
pub(crate) fn look_for_challenge(
    domain: &DomainName,
    challenge: &Challenge,
    rival: Option<&Challenge>,
    resolver: &dyn Resolver,
) -> (Expectation, Look, bool, Option<bool>) {
    let resolver = &Deadline::new(resolver, LOOK_FOR);
    let expected =
        |challenge: &Challenge| Expectation::Challenge(ChallengeExpectation { challenge: challenge.clone() });
    let own = expected(challenge);
    let (look, is_seen) = look_closely(domain, &own, resolver);
    let is_missed = rival.filter(|_| is_seen).map(|rival| {
        let (look, is_seen) = look_quietly(&expected(rival), resolver);
        // What cannot be looked up now counts as there.
        !is_seen && look.finding.verdict == Verdict::Fail
    });
    (own, look, is_seen, is_missed)
}
