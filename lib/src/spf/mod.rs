//! SPF: who may send for a domain, by RFC 7208.
//!
//! [`check_host`] is the function of RFC 7208 section 4: what a receiver makes of a client's address, a sender
//! and a HELO name, with an account of how it came to that: which term matched through which includes, how many
//! of the ten look-ups it took, what stopped it. [`reaches`] asks of a domain's records, without any client,
//! whether a mechanism in them is reached, and what walking all of them costs; [`passing`](fn@passing), whether all
//! whom it matches pass. [`merge`] puts mechanisms into a record that is there already.
//!
//! All of it is pure but for the [`Resolver`](crate::dns::Resolver) it is given, and takes any octets for a
//! record. Both walks ask the DNS no more than section 4.6.4 lets them: ten terms, ten names a term, two look-ups
//! that find nothing.
//!
//! Where the RFC leaves a choice:
//! - A target name that cannot be a name (an empty label, one of 64 octets) does not match; for `include` and
//!   `redirect` it is an error (sections 4.8, 6.1).
//! - Void look-ups are counted by the query, as pyspf and `Mail::SPF` do: the target of `a`, `exists` and `mx`, the
//!   mail hosts, and the reverse name of `ptr` and `%{p}`; not the names found there, over which the domain has no
//!   say.
//! - `%{p}` counts as one look-up, the first time it is needed (section 4.6.4).
//! - A circle of CNAME records is an error of the DNS, as resolvers make it one: `temperror`.
//! - `%{c}`, `%{r}` and `%{t}` are errors in an unknown modifier too (section 7.2).
//!
//! ```
//! use postroom::dns::ScriptedResolver;
//! use postroom::spf::{self, Query, SpfResult};
//!
//! let dns = ScriptedResolver::new()
//!     .txt("example.com", &["v=spf1 include:spf.example.net -all"])
//!     .txt("spf.example.net", &["v=spf1 ip4:192.0.2.0/24 -all"]);
//! let query = Query::new("192.0.2.7".parse()?, "jo@example.com", "mail.example.net");
//! let evaluation = spf::check_host(&dns, &query);
//! assert_eq!(evaluation.result, SpfResult::Pass);
//! assert_eq!(evaluation.lookups, 1);
//! # Ok::<(), std::net::AddrParseError>(())
//! ```

mod addresses;
mod check;
mod coverage;
mod evaluation;
mod hosts;
mod lookup;
mod macros;
mod merge;
mod problem;
mod record;
mod repair;
mod same_term;
mod target;
mod walk;
#[cfg(test)]
mod tests;

use std::fmt;

pub use self::check::check_host;
pub use self::coverage::{Passing, Refuser, passing};
pub use self::evaluation::{Evaluation, Query};
pub use self::macros::{InvalidMacro, MacroString};
pub use self::merge::merge;
pub(crate) use self::merge::merge_repaired;
pub use self::problem::{Matched, Place, SpfProblem};
pub use self::record::{Directive, Fault, InvalidTerm, Mechanism, Prefixes, Qualifier, SpfRecord};
pub(crate) use self::record::{is_spf, mistaken_modifiers};
pub(crate) use self::repair::{Dropped, Repaired, glued, is_meant_as_spf, spaced};
pub use self::walk::{MechanismStanding, Reach, reaches};

/// The most terms of one evaluation that ask the DNS (RFC 7208 section 4.6.4).
pub const MOST_LOOKUPS: usize = 10;
/// The most look-ups of one evaluation that find nothing (RFC 7208 section 4.6.4).
pub const MOST_VOID_LOOKUPS: usize = 2;
/// The most mail hosts of an `mx`, and names of a `ptr`, whose addresses are looked up (RFC 7208 section 4.6.4).
pub const MOST_NAMES: usize = 10;

/// What an evaluation comes to (RFC 7208 section 2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpfResult {
    /// There is no SPF record, or no domain to have one.
    None,
    /// The domain does not say.
    Neutral,
    /// The client may send for the domain.
    Pass,
    /// It may not.
    Fail,
    /// It probably may not.
    SoftFail,
    /// The DNS failed; another time the result may be another.
    TempError,
    /// The domain's records cannot be made sense of.
    PermError,
}

impl SpfResult {
    /// The word for it in `Received-SPF` and `Authentication-Results` (RFC 7208 section 9).
    pub fn as_str(self) -> &'static str {
        match self {
            SpfResult::None => "none",
            SpfResult::Neutral => "neutral",
            SpfResult::Pass => "pass",
            SpfResult::Fail => "fail",
            SpfResult::SoftFail => "softfail",
            SpfResult::TempError => "temperror",
            SpfResult::PermError => "permerror",
        }
    }
}

impl fmt::Display for SpfResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<Qualifier> for SpfResult {
    fn from(qualifier: Qualifier) -> SpfResult {
        match qualifier {
            Qualifier::Pass => SpfResult::Pass,
            Qualifier::Fail => SpfResult::Fail,
            Qualifier::SoftFail => SpfResult::SoftFail,
            Qualifier::Neutral => SpfResult::Neutral,
        }
    }
}
