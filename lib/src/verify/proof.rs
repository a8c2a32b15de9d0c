//! Proof: whether the DNS shows that the account owns the name. It does by the record of a DKIM key, which nobody else has to
//! publish, or by the challenge of the account's claim.
//!
//! A DKIM record is no proof where the operator's own zone answers it, for then its owner did not publish it. Neither is a record
//! that a wildcard makes: whoever made the wildcard did not mean this account.

use super::{ChallengeExpectation, Expectation, Finding, Look, Plan, look, wildcard};
use crate::db::ReadTx;
use crate::dns::{self, Answer, Deadline, Resolver};
use crate::domain::Domain;
use crate::error::Error;
use crate::name::DnsName;
use crate::ownership::{self, BY_CHALLENGE, Challenge};
use crate::record::Record;
use crate::verify::judge;

use super::look::LOOK_FOR;

/// What would prove that an account owns a name.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    challenge: ChallengeExpectation,
    /// The operator's zone of delegated keys.
    zone: Option<DnsName>,
}

impl Wanted {
    /// What would prove a domain; none if it is proved.
    pub(super) fn of<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>) -> Result<Option<Wanted>, Error> {
        if domain.proved_at.is_some() {
            return Ok(None);
        }
        let challenge = ownership::challenge(tx, domain.account, &domain.name, domain.claimed_at)?;
        let zone = tx.settings().delegation_zone.clone();
        Ok(Some(Wanted { challenge: ChallengeExpectation { challenge }, zone }))
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
        let looks = look(&self.domain.name, &self.expected, resolver);
        let proof = self.proof.as_ref().and_then(|wanted| {
            let resolver = &Deadline::new(resolver, LOOK_FOR);
            let dkim = self.records.iter().zip(&looks).find(|(record, look)| wanted.is_proof(record, look));
            let by_dkim = dkim.is_some_and(|(_, look)| is_made(look, resolver));
            if by_dkim {
                return Some(ProofBy::DkimRecord);
            }
            // As often as the records, and no more than one question, for most claims have no challenge in the DNS.
            is_challenge_seen(&wanted.challenge, resolver).then_some(ProofBy::Challenge)
        });
        Seen { looks, proof }
    }
}

impl Wanted {
    /// Whether a record proves the name, if it is not made by a wildcard.
    fn is_proof(&self, record: &Record, look: &Look) -> bool {
        let is_own = record.dkim_key.as_ref().is_some_and(|key| key.delegated_to.is_none());
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

/// Whether somebody has made a record for the very name that was looked at.
fn is_made(look: &Look, resolver: &dyn Resolver) -> bool {
    let answers: Vec<&Answer> = look.views.iter().map(|view| &view.answer).collect();
    !wildcard::makes(&look.question, &answers, resolver)
}

/// Whether the challenge is there: one question, and a second one if it is.
fn is_challenge_seen(challenge: &ChallengeExpectation, resolver: &dyn Resolver) -> bool {
    let expected = Expectation::Challenge(challenge.clone());
    let sightings = resolver.look(&[expected.question()]);
    sightings.into_iter().map(dns::Sighting::outside).any(|sighting| {
        let answers: Vec<&Answer> = sighting.answers.iter().collect();
        judge::sighting(&expected, &sighting).verdict.passes()
            && !wildcard::makes(&sighting.question, &answers, resolver)
    })
}

/// Looks for a challenge, for somebody who waits for it: what was found, with the mistakes that people make, and whether it
/// proves the claim. Call it outside any transaction.
pub(crate) fn look_for_challenge(
    domain: &crate::name::DomainName,
    challenge: &Challenge,
    resolver: &dyn Resolver,
) -> (Expectation, Look, bool) {
    let expected = Expectation::Challenge(ChallengeExpectation { challenge: challenge.clone() });
    let mut looks = look(domain, std::slice::from_ref(&expected), resolver);
    let Some(mut look) = looks.pop() else {
        let text = "nothing was looked at".to_owned();
        let finding = Finding::of(super::Verdict::Temporary, super::Code::Timeout, text, None);
        let look = Look { question: expected.question(), finding, views: Vec::new(), inside: None };
        return (expected, look, false);
    };
    let passes = look.finding.verdict.passes();
    let is_proved = passes && is_made(&look, &Deadline::new(resolver, LOOK_FOR));
    if passes && !is_proved {
        look.finding = wildcard::finding(&expected, &look.finding);
    }
    (expected, look, is_proved)
}
