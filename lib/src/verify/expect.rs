//! What is expected of the DNS, in the terms in which it is judged.

use crate::dkim::{DkimKey, PublicKey};
use crate::dns::Question;
use crate::domain::Domain;
use crate::name::{DnsName, Selector};
use crate::record::{Purpose, Record};

/// What a record must be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expectation {
    /// A DKIM key record.
    Dkim(DkimExpectation),
    /// A CNAME with exactly this target.
    Cname {
        /// Where it must be.
        name: DnsName,
        /// Where it must lead.
        target: DnsName,
    },
}

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

impl Expectation {
    /// What is expected of this record of `domain`, whose keys are `keys`; none if it is not judged.
    pub(super) fn of(domain: &Domain, record: &Record, keys: &[DkimKey]) -> Option<Expectation> {
        let name = record.name(domain);
        match record.purpose {
            Purpose::Dkim => {
                let (id, key) = record.dkim_key.clone()?;
                let others = keys.iter().filter(|other| other.id != id);
                let others = others.map(|other| (other.selector.clone(), other.public.clone())).collect();
                Some(Expectation::Dkim(DkimExpectation { name, key, others }))
            }
            Purpose::ReturnPath => {
                Some(Expectation::Cname { name, target: DnsName::from_answer(&record.value) })
            }
            Purpose::Mx | Purpose::Spf | Purpose::Dmarc => None,
        }
    }

    /// Where the record must be.
    pub fn name(&self) -> &DnsName {
        match self {
            Expectation::Dkim(dkim) => &dkim.name,
            Expectation::Cname { name, .. } => name,
        }
    }

    /// What to ask the DNS.
    pub fn question(&self) -> Question {
        use crate::dns::RecordType;
        let record_type = match self {
            Expectation::Dkim(_) => RecordType::Txt,
            Expectation::Cname { .. } => RecordType::Cname,
        };
        Question::new(self.name().clone(), record_type)
    }

    /// What the record must say, in short.
    pub fn wanted(&self) -> String {
        match self {
            Expectation::Dkim(dkim) => dkim.key.record_value(),
            Expectation::Cname { target, .. } => format!("{target}."),
        }
    }
}
