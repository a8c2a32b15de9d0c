//! The input and the result of an evaluation.

use std::net::IpAddr;

use super::SpfResult;
use super::problem::{Matched, SpfProblem};
use crate::name::DnsName;

/// What stands for a local part where there is none (RFC 7208 section 4.3).
const POSTMASTER: &str = "postmaster";
/// What stands for a name that is not known (RFC 7208 section 7.3).
pub(super) const UNKNOWN: &str = "unknown";

/// A client, and what it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The client's address. An IPv6 one that holds an IPv4 one counts as that (RFC 7208 section 5).
    pub ip: IpAddr,
    /// The reverse-path of `MAIL FROM`, without brackets; empty where it is `<>`, and HELO's name is checked.
    pub sender: String,
    /// The name in HELO or EHLO.
    pub helo: String,
    /// The name of the receiver, for explanations.
    pub receiver: String,
    /// The moment in seconds since 1970, for explanations.
    pub time: u64,
}

impl Query {
    /// A client that sends from this mailbox. The receiver is unknown, the time is nought.
    pub fn new(ip: IpAddr, sender: &str, helo: &str) -> Query {
        Query { ip, sender: sender.to_owned(), helo: helo.to_owned(), receiver: UNKNOWN.to_owned(), time: 0 }
    }

    /// A client that sends from the postmaster of this domain, and names itself so.
    pub fn of_domain(ip: IpAddr, domain: &DnsName) -> Query {
        Query::new(ip, &format!("{POSTMASTER}@{domain}"), domain.as_str())
    }

    /// The local part and the domain that are checked (RFC 7208 sections 2.4 and 4.3).
    pub(super) fn parts(&self) -> (&str, &str) {
        match self.sender.rsplit_once('@') {
            Some(("", domain)) => (POSTMASTER, domain),
            Some(parts) => parts,
            None if self.sender.is_empty() => (POSTMASTER, &self.helo),
            None => (POSTMASTER, &self.sender),
        }
    }
}

/// What an evaluation came to, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// The result.
    pub result: SpfResult,
    /// How many terms asked the DNS: ten are allowed, and the eleventh ended it.
    pub lookups: usize,
    /// How many look-ups found nothing: two are allowed, and the third ended it.
    pub void_lookups: usize,
    /// The term that decided. `None` if no term matched, or after an error.
    pub matched: Option<Matched>,
    /// The problem that ended the evaluation in an error, if one did.
    pub problem: Option<SpfProblem>,
    /// The domain's own words on a fail, if it has some that can be shown (RFC 7208 section 6.2): printable ASCII.
    pub explanation: Option<String>,
}
