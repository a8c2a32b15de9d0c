//! What is expected of the DNS, in the terms in which it is judged.

use std::net::IpAddr;

use crate::dkim::{DkimKey, PublicKey};
use crate::dns::Question;
use crate::domain::Details;
use crate::name::{DnsName, Selector};
use crate::record::{PublishedKey, Purpose, Record};
use crate::settings::{DmarcPolicy, Settings};

/// What a record must be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expectation {
    /// A DKIM key record.
    Dkim(DkimExpectation),
    /// A CNAME to a name in the operator's zone, which has the key record.
    DelegatedDkim {
        /// Where it must lead.
        target: DnsName,
        /// What must come back by it.
        key: DkimExpectation,
    },
    /// A CNAME with exactly this target.
    Cname {
        /// Where it must be.
        name: DnsName,
        /// Where it must lead.
        target: DnsName,
    },
    /// MX records of which ours is the most preferred.
    Mx {
        /// The domain.
        name: DnsName,
        /// Our host.
        host: DnsName,
        /// The preference that was asked for.
        priority: u16,
    },
    /// One SPF record that lets our servers send.
    Spf {
        /// The domain.
        name: DnsName,
        /// What it must have, each of them.
        mechanisms: Vec<String>,
        /// The addresses that it must pass, each of them; where there are any, they decide.
        addresses: Vec<IpAddr>,
        /// The record that a domain without one publishes.
        whole: String,
    },
    /// One DMARC record.
    Dmarc {
        /// Where it must be: `_dmarc.domain`.
        name: DnsName,
        /// The policy that it must have at least.
        policy: DmarcPolicy,
        /// The record that a domain without one publishes.
        whole: String,
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
    pub(super) fn of(
        domain: &Details,
        record: &Record,
        keys: &[DkimKey],
        settings: &Settings,
    ) -> Option<Expectation> {
        let name = record.name(domain);
        match record.purpose {
            Purpose::Dkim => {
                let PublishedKey { id, public: key, delegated_to, .. } = record.dkim_key.clone()?;
                let others = keys.iter().filter(|other| other.id != id);
                let others = others.map(|other| (other.selector.clone(), other.public.clone())).collect();
                let key = DkimExpectation { name, key, others };
                Some(match delegated_to {
                    Some(target) => Expectation::DelegatedDkim { target, key },
                    None => Expectation::Dkim(key),
                })
            }
            Purpose::ReturnPath => {
                Some(Expectation::Cname { name, target: DnsName::from_answer(&record.value) })
            }
            Purpose::Mx => Some(Expectation::Mx {
                name,
                host: DnsName::from_answer(&record.value),
                priority: record.priority.unwrap_or_default(),
            }),
            Purpose::Spf => Some(Expectation::Spf {
                name,
                mechanisms: mechanisms(&record.value),
                addresses: settings.sending_addresses.clone(),
                whole: record.value.clone(),
            }),
            Purpose::Dmarc => {
                Some(Expectation::Dmarc { name, policy: policy(&record.value), whole: record.value.clone() })
            }
        }
    }

    /// Where the record must be.
    pub fn name(&self) -> &DnsName {
        match self {
            Expectation::Dkim(key) | Expectation::DelegatedDkim { key, .. } => &key.name,
            Expectation::Cname { name, .. }
            | Expectation::Mx { name, .. }
            | Expectation::Spf { name, .. }
            | Expectation::Dmarc { name, .. } => name,
        }
    }

    /// What to ask the DNS.
    pub fn question(&self) -> Question {
        use crate::dns::RecordType;
        let record_type = match self {
            Expectation::Dkim(_)
            | Expectation::DelegatedDkim { .. }
            | Expectation::Spf { .. }
            | Expectation::Dmarc { .. } => RecordType::Txt,
            Expectation::Cname { .. } => RecordType::Cname,
            Expectation::Mx { .. } => RecordType::Mx,
        };
        Question::new(self.name().clone(), record_type)
    }

    /// What the record must say, in short.
    pub fn wanted(&self) -> String {
        match self {
            Expectation::Dkim(dkim) => dkim.key.record_value(),
            Expectation::DelegatedDkim { target, .. } => format!("CNAME {target}."),
            Expectation::Cname { target, .. } => format!("{target}."),
            Expectation::Mx { host, priority, .. } => format!("{priority} {host}."),
            Expectation::Spf { whole, .. } | Expectation::Dmarc { whole, .. } => whole.clone(),
        }
    }
}

/// What a record that we asked for lets send: its terms but the version and `all`.
fn mechanisms(record: &str) -> Vec<String> {
    let is_all = |term: &str| term.trim_start_matches(['+', '-', '~', '?']).eq_ignore_ascii_case("all");
    let terms = record.split(' ').skip(1).filter(|term| !term.is_empty() && !is_all(term));
    terms.map(str::to_owned).collect()
}

/// The policy in a record that we asked for.
fn policy(record: &str) -> DmarcPolicy {
    let tag = record.split(';').find_map(|tag| tag.trim().strip_prefix("p="));
    tag.and_then(|word| word.parse().ok()).unwrap_or(DmarcPolicy::None)
}
