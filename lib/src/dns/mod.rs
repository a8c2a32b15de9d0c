//! Questions to the DNS, and its answers.
//!
//! A [`Resolver`] is asked [`Question`]s. [`Resolver::lookup`] returns one [`Answer`]. [`Resolver::look`] returns one
//! [`Sighting`] for each question: the answers of every server that can know, side by side, so that a difference between a
//! cache and the zone's own name servers can be seen and shown. Two resolvers are here: `NetworkResolver` asks real
//! servers (feature `dns`), [`ScriptedResolver`] answers from a script, for tests.
//!
//! An [`Outcome`] distinguishes the cases that must be judged differently. That a name does not exist (NXDOMAIN), that it has
//! no record of the type (NODATA) and that its aliases lead nowhere are facts about the zone. SERVFAIL, REFUSED, silence and
//! nonsense are facts about a server at a moment: [`Outcome::is_temporary`] is true for them, and nothing may be concluded
//! from them.
//!
//! An alias is followed through at most [`MAX_CHAIN`] CNAME records, and the names on the way are kept in
//! [`Answer::chain`]. Only records owned by the name at the end of the chain count, whatever else a server
//! puts into its answer; they are sorted and without duplicates (RFC 2181 section 5), so that two answers
//! are equal when they say the same.
//!
//! Nothing here is asynchronous for the caller, and nothing here judges.
//!
//! ```
//! use postroom::dns::{Question, RecordType, Resolver, ScriptedResolver};
//!
//! let dns = ScriptedResolver::new().txt("example.com", &["v=spf1 mx ~all"]);
//! let question = Question { name: "example.com".parse()?, record_type: RecordType::Txt };
//! let answer = dns.lookup(&question);
//! assert_eq!(answer.outcome.records().len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg_attr(
    not(any(feature = "dns", test)),
    expect(dead_code, reason = "only what asks the network sends anything")
)]
mod budget;
mod deadline;
mod hosts;
mod memo;
#[cfg(feature = "dns")]
mod network;
mod outside;
mod record;
mod scripted;

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::name::DnsName;

pub use self::budget::SendingBudget;
pub(crate) use self::budget::{MOST_CONNECTIONS, MOST_DATAGRAMS};
pub use self::deadline::{Deadline, MOST_QUESTIONS};
pub(crate) use self::hosts::vet_hosts;
pub use self::memo::Memo;
#[cfg(feature = "dns")]
pub use self::network::{DnsSettings, InvalidResolver, NetworkResolver};
pub use self::outside::Outside;
pub use self::record::{RecordData, RecordType, TxtData};
pub use self::scripted::ScriptedResolver;

/// The most CNAME records that are followed from a question to its records. A longer chain counts as a loop.
pub const MAX_CHAIN: usize = 8;

/// Who can be asked. Every call returns within the resolver's own time limit, and never panics.
pub trait Resolver: Send + Sync {
    /// One answer, from the first recursive resolver that has one.
    fn lookup(&self, question: &Question) -> Answer;

    /// The answers of all servers that can know: each recursive resolver, then each name server of the zone.
    ///
    /// There is one sighting for each question, in the order of the questions.
    fn look(&self, questions: &[Question]) -> Vec<Sighting> {
        questions
            .iter()
            .map(|question| Sighting { question: question.clone(), answers: vec![self.lookup(question)] })
            .collect()
    }

    /// Looks as [`look`](Resolver::look) does, and sends no more than `budget` to the name servers of zones. All the looks of one
    /// verification share one budget.
    fn look_within(&self, questions: &[Question], _budget: &SendingBudget) -> Vec<Sighting> {
        self.look(questions)
    }

    /// Whether the recursive resolver says that it has validated its answer by DNSSEC. None where that cannot be told, because
    /// none answers or none is asked. It is the resolver's word: whoever can change what it sends can change that.
    fn validates(&self, _question: &Question) -> Option<bool> {
        None
    }

    /// One answer, from the first recursive resolver that has one, also where DNSSEC does not validate it: what a zone whose
    /// signatures are broken says of itself. Nothing may be concluded from it but what is broken there.
    fn lookup_unvalidated(&self, question: &Question) -> Answer {
        self.lookup(question)
    }

    /// One answer for each question, in the order of the questions. A resolver that can asks them in parallel.
    fn lookup_all(&self, questions: &[Question]) -> Vec<Answer> {
        questions.iter().map(|question| self.lookup(question)).collect()
    }
}

/// A name and the type of record that is wanted there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// The name that is asked for.
    pub name: DnsName,
    /// The type that is asked for.
    pub record_type: RecordType,
}

impl Question {
    /// A question for the records of `record_type` at `name`.
    pub fn new(name: DnsName, record_type: RecordType) -> Question {
        Question { name, record_type }
    }

    /// A question for the names that an address belongs to (RFC 1035 section 3.5, RFC 3596 section 2.5).
    pub fn reverse(address: IpAddr) -> Question {
        let name = match address {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                format!("{d}.{c}.{b}.{a}.in-addr.arpa")
            }
            IpAddr::V6(address) => {
                let nibbles = address
                    .octets()
                    .into_iter()
                    .rev()
                    .map(|octet| format!("{:x}.{:x}.", octet & 15, octet >> 4));
                nibbles.collect::<String>() + "ip6.arpa"
            }
        };
        Question::new(DnsName::from_answer(&name), RecordType::Ptr)
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.record_type)
    }
}

/// What all servers said to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// What was asked.
    pub question: Question,
    /// One answer from each server, those of recursive resolvers first. It is never empty.
    pub answers: Vec<Answer>,
}

impl Sighting {
    /// The answers of the zone's own name servers.
    pub fn authoritative(&self) -> impl Iterator<Item = &Answer> {
        self.answers.iter().filter(|answer| answer.server.is_authoritative())
    }

    /// The answers of recursive resolvers.
    pub fn recursive(&self) -> impl Iterator<Item = &Answer> {
        self.answers.iter().filter(|answer| !answer.server.is_authoritative())
    }
}

/// What one server said to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Who said it.
    pub server: Server,
    /// The targets of the CNAME records that led from the question's name to the outcome's, in order.
    pub chain: Vec<DnsName>,
    /// What was found at the end of the chain.
    pub outcome: Outcome,
}

impl Answer {
    /// Whether a name server of the zone would not answer for it: a lame delegation (RFC 1912 section 2.8).
    pub(crate) fn is_lame(&self) -> bool {
        self.server.is_authoritative() && matches!(self.outcome, Outcome::Refused { .. })
    }
}

/// Who gave an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Server {
    /// A recursive resolver, which may answer from its cache.
    Recursive(SocketAddr),
    /// A name server of the zone, asked without recursion. If an alias led into another zone, a recursive resolver was asked
    /// for the rest.
    Authoritative {
        /// The name in the zone's NS record.
        name: DnsName,
        /// Which of its addresses was asked.
        address: SocketAddr,
    },
    /// A name server of the zone at an address that is not public. It was asked because the operator allows its network.
    /// Only the operator may see what it answered: see [`Sighting::outside`].
    Inside {
        /// The name in the zone's NS record.
        name: DnsName,
        /// Which of its addresses was asked.
        address: SocketAddr,
    },
    /// A script, with its name.
    Scripted(String),
}

impl Server {
    /// Whether it is one of the zone's own name servers.
    pub fn is_authoritative(&self) -> bool {
        self.name_server().is_some()
    }

    /// The name and the address of a name server of the zone.
    pub fn name_server(&self) -> Option<(&DnsName, SocketAddr)> {
        match self {
            Server::Authoritative { name, address } | Server::Inside { name, address } => {
                Some((name, *address))
            }
            Server::Recursive(_) | Server::Scripted(_) => None,
        }
    }
}

impl From<&str> for Server {
    fn from(name: &str) -> Server {
        Server::Scripted(name.to_owned())
    }
}

/// `127.0.0.1:5353`, or `ns1.example.com (192.0.2.1)` with the port only where it is not 53.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Server::Recursive(address) => address.fmt(f),
            Server::Authoritative { name, address } | Server::Inside { name, address } => {
                if address.port() == 53 {
                    write!(f, "{name} ({})", address.ip())
                } else {
                    write!(f, "{name} ({address})")
                }
            }
            Server::Scripted(name) => f.write_str(name),
        }
    }
}

/// Why a server was not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAsked {
    /// Its address is not public, and in no network that the operator allows.
    NotPublic,
    /// The verification has sent it all that one address gets; or it has made all the
    /// look-ups that one verification makes: [`MOST_QUESTIONS`].
    Spent,
}

/// What was found at the end of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// There are records of the type that was asked for.
    Found {
        /// Sorted, without duplicates, never empty.
        records: Vec<RecordData>,
        /// How long this server, or a cache that asked it, may repeat this answer: the least TTL of the records.
        ttl: Duration,
    },
    /// The name exists, without a record of this type (NODATA, RFC 2308 section 2.2).
    NoData {
        /// How long a cache may repeat this answer, if it carried the zone's SOA (RFC 2308 section 5).
        remaining: Option<Duration>,
    },
    /// The name does not exist, nor any below it (NXDOMAIN, RFC 2308 section 2.1, RFC 8020).
    NxDomain {
        /// As in [`Outcome::NoData`].
        remaining: Option<Duration>,
    },
    /// The CNAME records lead back to a name already seen, or on past [`MAX_CHAIN`] of them.
    CnameLoop,
    /// The server could not find out (SERVFAIL, or a response code that means as much).
    ServFail {
        /// Its extended errors (RFC 8914) in words, or empty.
        detail: String,
    },
    /// The server refused to answer (REFUSED), or does not serve the zone: a lame name server.
    Refused {
        /// Its extended errors (RFC 8914) or our own words on what it did, or empty.
        detail: String,
    },
    /// No answer came in time.
    Timeout,
    /// The reply was not an answer to the question.
    Malformed {
        /// What was wrong with it.
        detail: String,
    },
    /// The server was not asked: what leaves the machine is limited.
    NotAsked {
        /// By what.
        why: NotAsked,
    },
    /// The server could not be reached: connection refused, no route, or TCP shut where it was needed.
    Unreachable {
        /// What the network said.
        detail: String,
    },
}

impl Outcome {
    /// `records` as a found outcome, without duplicates; [`Outcome::NoData`] if there are none.
    ///
    /// They are sorted, except the names of an address: SPF takes the first ten of those, in the order of the reply (RFC 7208
    /// section 5.5).
    pub fn of_records(mut records: Vec<RecordData>, ttl: Duration) -> Outcome {
        if !records.iter().all(|record| matches!(record, RecordData::Ptr(_))) {
            records.sort();
        }
        let mut seen = BTreeSet::new();
        records.retain(|record| seen.insert(record.clone()));
        if records.is_empty() { Outcome::NoData { remaining: None } } else { Outcome::Found { records, ttl } }
    }

    /// The records found, or none.
    pub fn records(&self) -> &[RecordData] {
        match self {
            Outcome::Found { records, .. } => records,
            _ => &[],
        }
    }

    /// Whether this says something about the server or the moment only, and nothing about the zone.
    pub fn is_temporary(&self) -> bool {
        match self {
            Outcome::ServFail { .. }
            | Outcome::Refused { .. }
            | Outcome::Timeout
            | Outcome::Malformed { .. }
            | Outcome::NotAsked { .. }
            | Outcome::Unreachable { .. } => true,
            Outcome::Found { .. }
            | Outcome::NoData { .. }
            | Outcome::NxDomain { .. }
            | Outcome::CnameLoop => false,
        }
    }

    /// Whether the server failed because signatures did not validate, by its own extended errors.
    ///
    /// Such a detail starts with `DNSSEC` in this library's words, whatever text a server adds.
    pub fn is_dnssec_failure(&self) -> bool {
        matches!(self, Outcome::ServFail { detail } if detail.starts_with("DNSSEC"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_shown_as_a_person_would_name_it() {
        let name: DnsName = "ns1.example.com".parse().unwrap();
        let at = |text: &str| Server::Authoritative { name: name.clone(), address: text.parse().unwrap() };
        assert_eq!(Server::Recursive("127.0.0.1:5353".parse().unwrap()).to_string(), "127.0.0.1:5353");
        assert_eq!(at("192.0.2.1:53").to_string(), "ns1.example.com (192.0.2.1)");
        assert_eq!(at("192.0.2.1:5300").to_string(), "ns1.example.com (192.0.2.1:5300)");
        assert_eq!(at("[2001:db8::1]:53").to_string(), "ns1.example.com (2001:db8::1)");
    }

    #[test]
    fn an_address_is_asked_for_backwards() {
        let name = |text: &str| Question::reverse(text.parse().unwrap()).to_string();
        assert_eq!(name("192.0.2.25"), "25.2.0.192.in-addr.arpa PTR");
        let v6 = name("2001:db8::25");
        assert!(v6.starts_with("5.2.0.0.0.") && v6.ends_with(".8.b.d.0.1.0.0.2.ip6.arpa PTR"), "{v6}");
    }

    #[test]
    fn records_are_held_sorted_and_once() {
        let ttl = Duration::from_mins(1);
        let one = Outcome::of_records(vec![RecordData::txt(&["b"]), RecordData::txt(&["a"])], ttl);
        let other = Outcome::of_records(
            vec![RecordData::txt(&["a"]), RecordData::txt(&["b"]), RecordData::txt(&["a"])],
            ttl,
        );
        assert_eq!(one, other);
        assert_eq!(one.records().len(), 2);
        assert_eq!(Outcome::of_records(vec![], ttl), Outcome::NoData { remaining: None });
    }
}
