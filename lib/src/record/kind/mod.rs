//! The kinds of records, one file each: where the record stands, what it says at first, whether a domain needs it, what the
//! DNS must have, and how an answer is judged.
//!
//! Such a file has two parts. Its `KIND` is a value in the table of [`Purpose::kind`]. Its expectation is what the DNS must
//! say of one record, and implements [`Expected`]: pure functions of what is expected and what was seen, but for
//! [`Expected::follow`]. A new kind is a file, a variant of [`Purpose`] and one of [`Expectation`] here, its word in the
//! schema (`migrations`), its codes in `record/finding.rs` and its cases in `tests/fixtures/findings`.

mod challenge;
mod dkim;
mod dmarc;
mod dmarc_above;
mod dmarc_mended;
mod dmarc_report;
mod key_record;
mod mangling;
mod mx;
mod return_path;
mod sentence;
mod spf;
mod tags;

use std::str::FromStr;

use super::Record;
use super::finding::{Action, Code, Finding};
use crate::dkim::DkimKey;
use crate::dns::{Answer, Question, RecordType, Resolver};
use crate::name::{DnsName, DomainName};
use crate::settings::Settings;

pub use self::challenge::ChallengeExpectation;
pub use self::dkim::{DelegatedDkimExpectation, DkimExpectation};
pub use self::dmarc::DmarcExpectation;
pub use self::mx::MxExpectation;
pub use self::return_path::{CnameExpectation, RETURN_PATH_HOST};
pub use self::spf::SpfExpectation;
pub(crate) use dmarc_report::{
    ALLOWED as ALLOWS_REPORTS, is_of_another_organization, permission as report_permission,
};
pub(crate) use sentence::{asked, behind_alias, shown};

/// What a record is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Incoming mail comes here (RFC 5321 section 5.1).
    Mx,
    /// These servers may send (RFC 7208).
    Spf,
    /// What receivers do with mail that fails (RFC 9989).
    Dmarc,
    /// A key that signs (RFC 6376).
    Dkim,
    /// Bounces come back to a name below the domain.
    ReturnPath,
}

impl Purpose {
    /// Every purpose, in the order in which a new domain's records are made.
    pub(crate) const ALL: [Purpose; 5] =
        [Purpose::Mx, Purpose::Spf, Purpose::Dmarc, Purpose::Dkim, Purpose::ReturnPath];

    /// What there is to know of records of this kind.
    pub(crate) fn kind(self) -> &'static RecordKind {
        match self {
            Purpose::Mx => &mx::KIND,
            Purpose::Spf => &spf::KIND,
            Purpose::Dmarc => &dmarc::KIND,
            Purpose::Dkim => &dkim::KIND,
            Purpose::ReturnPath => &return_path::KIND,
        }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        self.kind().word
    }

    /// The type of DNS record that serves it.
    pub fn record_type(self) -> RecordType {
        self.kind().record_type
    }
}

/// What the records of keys that sign are for.
pub(crate) const OF_SIGNING_KEYS: Purpose = Purpose::Dkim;

impl FromStr for Purpose {
    type Err = InvalidPurpose;

    fn from_str(text: &str) -> Result<Purpose, InvalidPurpose> {
        Purpose::ALL.into_iter().find(|purpose| purpose.as_str() == text).ok_or(InvalidPurpose)
    }
}

/// A word that names no purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not one of the known words")]
pub struct InvalidPurpose;

/// What there is to know of a kind of records before anything is looked up.
pub(crate) struct RecordKind {
    /// The word for it, in the database and in replies.
    pub(crate) word: &'static str,
    /// The type of the record that the domain's owner publishes.
    pub(crate) record_type: RecordType,
    /// What a new domain's record says.
    pub(crate) seed: fn(&Settings) -> Seed,
    /// Whether a domain is active only with this record.
    pub(crate) need: Need,
    /// Whether a right record shows that the domain is its account's.
    pub(crate) is_proof: bool,
    /// What the DNS must say of a record of this kind; none if it is not judged.
    pub(crate) expect: fn(&Wish<'_>) -> Option<Expectation>,
}

/// The records of one kind that a new domain begins with.
pub(crate) enum Seed {
    /// One, made from the operator's settings.
    One {
        /// Its name, relative to the domain; `@` is the domain itself.
        host: &'static str,
        /// What it must say: a target without its last dot, or the whole text.
        value: String,
        /// The preference of an MX record.
        priority: Option<u16>,
    },
    /// One for each DKIM key of the domain.
    EachKey,
}

/// Whether a domain is active only with a record.
pub(crate) enum Need {
    /// It is.
    Always,
    /// The operator's settings say.
    IfSet(fn(&Settings) -> bool),
    /// It needs the records of the keys that sign, and not each record of this kind.
    OfSigningKeys,
}

/// A record that was asked of a domain's owner, with what else decides what the DNS must say.
pub(crate) struct Wish<'a> {
    /// The name at which it is published.
    pub(crate) name: DnsName,
    /// The record.
    pub(crate) record: &'a Record,
    /// The DKIM keys of the domain.
    pub(crate) keys: &'a [DkimKey],
    /// The operator's decisions.
    pub(crate) settings: &'a Settings,
}

/// What the DNS must say of one record, and how what it says is judged.
pub(crate) trait Expected {
    /// Where the record must be.
    fn name(&self) -> &DnsName;

    /// The type of record to ask the DNS for.
    fn record_type(&self) -> RecordType;

    /// What the record must say, in short.
    fn wanted(&self) -> String;

    /// The record to enter: its type, and its whole value.
    fn entry(&self) -> (RecordType, String) {
        (self.record_type(), self.wanted())
    }

    /// What to do about `finding`, which was judged from the definite `answer`, where that is more than to enter
    /// [`entry`](Expected::entry) in place of what is there.
    fn action(&self, _answer: &Answer, _finding: &Finding) -> Option<Action> {
        None
    }

    /// Judges a definite answer: one that says what is there, or that nothing is.
    fn judge(&self, seen: &Answer) -> Finding;

    /// Whether the record stands at the domain itself, and not at a name below it.
    fn is_at_domain(&self) -> bool {
        false
    }

    /// The code of the finding where nothing is there.
    fn missing_code(&self) -> Code {
        Code::RecordMissing
    }

    /// What the record leads to, looked up where each answer leads to the next question: the finding that knows of it, if
    /// that is another one. `finding` was judged from the definite `answer`.
    fn follow(&self, _answer: &Answer, _finding: &Finding, _resolver: &dyn Resolver) -> Option<Finding> {
        None
    }

    /// What else to look up, all at once, to know more than `finding` says, which was judged from the definite `answer`.
    fn questions(&self, _domain: &DomainName, _answer: &Answer, _finding: &Finding) -> Vec<Question> {
        Vec::new()
    }

    /// The finding that knows the answers to [`questions`](Expected::questions), if that is another one.
    fn refine(&self, _finding: &Finding, _seen: &[(&Question, Answer)]) -> Option<Finding> {
        None
    }
}

/// What a record must be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expectation {
    /// A DKIM key record.
    Dkim(DkimExpectation),
    /// A CNAME to a name in the operator's zone, which has the key record.
    DelegatedDkim(DelegatedDkimExpectation),
    /// A CNAME with exactly one target.
    Cname(CnameExpectation),
    /// MX records of which ours is the most preferred.
    Mx(MxExpectation),
    /// One SPF record that lets our servers send.
    Spf(SpfExpectation),
    /// One DMARC record.
    Dmarc(DmarcExpectation),
    /// The challenge of a claim.
    Challenge(ChallengeExpectation),
}

impl Expectation {
    /// What is expected of a record; none if it is not judged.
    pub(crate) fn of(wish: &Wish<'_>) -> Option<Expectation> {
        (wish.record.purpose.kind().expect)(wish)
    }

    /// What its kind says of it.
    pub(crate) fn of_kind(&self) -> &dyn Expected {
        match self {
            Expectation::Dkim(dkim) => dkim,
            Expectation::DelegatedDkim(delegated) => delegated,
            Expectation::Cname(cname) => cname,
            Expectation::Mx(mx) => mx,
            Expectation::Spf(spf) => spf,
            Expectation::Dmarc(dmarc) => dmarc,
            Expectation::Challenge(challenge) => challenge,
        }
    }

    /// Where the record must be.
    pub fn name(&self) -> &DnsName {
        self.of_kind().name()
    }

    /// What to ask the DNS.
    pub fn question(&self) -> Question {
        Question::new(self.name().clone(), self.of_kind().record_type())
    }

    /// What the record must say, in short.
    pub fn wanted(&self) -> String {
        self.of_kind().wanted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_reads_back_from_its_word() {
        for purpose in Purpose::ALL {
            assert_eq!(purpose.as_str().parse(), Ok(purpose));
        }
        assert_eq!("ptr".parse::<Purpose>(), Err(InvalidPurpose));
    }
}
