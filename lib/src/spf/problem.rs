//! What stops an evaluation, with where it happened, in words for a person.

use std::fmt;

use super::record::{InvalidTerm, Qualifier};
use super::{MOST_LOOKUPS, MOST_NAMES, MOST_VOID_LOOKUPS, SpfResult};
use crate::dns::{Outcome, Question};
use crate::name::DnsName;

/// A term, by the domain whose record has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The domain.
    pub domain: DnsName,
    /// The term as it is written there.
    pub term: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.term, self.domain)
    }
}

/// Which term decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// The qualifier of the outermost term, which is the result.
    pub qualifier: Qualifier,
    /// The terms from the outermost `include` to the one that matched; only that one if there was no include.
    pub path: Vec<Place>,
}

impl Matched {
    /// How many includes deep the term stands that matched: 0 in the domain's own record, or one it redirects to.
    pub fn depth(&self) -> usize {
        self.path.len().saturating_sub(1)
    }
}

/// `include:a.example at example.com > ip4:192.0.2.1 at a.example`.
impl fmt::Display for Matched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, place) in self.path.iter().enumerate() {
            if index > 0 {
                f.write_str(" > ")?;
            }
            place.fmt(f)?;
        }
        Ok(())
    }
}

/// What stopped an evaluation. The words are a sentence without its full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpfProblem {
    /// More than ten terms that ask the DNS (RFC 7208 section 4.6.4).
    #[error("{at} is the term that asks the DNS once more than the {MOST_LOOKUPS} times that are allowed")]
    TooManyLookups {
        /// The eleventh.
        at: Place,
    },
    /// More than two look-ups that found nothing (RFC 7208 section 4.6.4).
    #[error("{at} asks for {question}, and is the {}rd to find nothing where {MOST_VOID_LOOKUPS} may", MOST_VOID_LOOKUPS + 1)]
    TooManyVoidLookups {
        /// The third.
        at: Place,
        /// What it asked for.
        question: Question,
    },
    /// A term that breaks the grammar, anywhere in a record (RFC 7208 section 4.6).
    #[error("the SPF record of {domain} is invalid: {error}")]
    Syntax {
        /// The domain whose record it is.
        domain: DnsName,
        /// Which term, and why.
        error: InvalidTerm,
    },
    /// More than one SPF record (RFC 7208 section 4.5).
    #[error("{domain} has {count} SPF records, and may have one")]
    MultipleRecords {
        /// The domain.
        domain: DnsName,
        /// How many it has.
        count: usize,
    },
    /// An include of, or a redirect to, a domain without an SPF record (RFC 7208 sections 5.2 and 6.1).
    #[error("{at} leads to {target}, which has no SPF record")]
    NoRecord {
        /// The include or redirect.
        at: Place,
        /// The domain without a record.
        target: DnsName,
    },
    /// An include or redirect that leads back to a record that is being evaluated.
    #[error("{at} leads back to {target}, from which it came")]
    Loop {
        /// The include or redirect.
        at: Place,
        /// Where it leads back to.
        target: DnsName,
    },
    /// An include or redirect whose expansion is no domain (RFC 7208 sections 4.3 and 6.1).
    #[error("{at} leads to \"{target}\", which is no domain name")]
    MalformedTarget {
        /// The include or redirect.
        at: Place,
        /// What it expanded to.
        target: String,
    },
    /// An `mx` with more than ten mail hosts (RFC 7208 section 4.6.4).
    #[error("{at} leads to {count} mail hosts, and may lead to {MOST_NAMES}")]
    TooManyMailHosts {
        /// The mechanism.
        at: Place,
        /// How many MX records there are.
        count: usize,
    },
    /// The DNS could not be asked, or its aliases lead nowhere.
    #[error("{question} could not be looked up")]
    Lookup {
        /// What was asked.
        question: Question,
        /// What came instead of an answer. [`Outcome::CnameLoop`] will not go away by itself.
        outcome: Outcome,
    },
}

impl SpfProblem {
    /// The result that it makes of the evaluation: `temperror` for a look-up, `permerror` for all else.
    pub fn result(&self) -> SpfResult {
        if matches!(self, SpfProblem::Lookup { .. }) { SpfResult::TempError } else { SpfResult::PermError }
    }

    /// Whether it says something about a server or a moment only, so that nothing follows from it.
    pub fn is_temporary(&self) -> bool {
        matches!(self, SpfProblem::Lookup { outcome, .. } if outcome.is_temporary())
    }
}
