//! Which key signs for a domain, or why none does; why a domain is not active; and the status that follows from both.
//!
//! One pure function, `assess`, finds out all three from a domain's records and those of its authority. So a
//! status and its reasons cannot differ: a domain is active exactly when no reason is of [`Severity::Fail`].
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::signing;
//!
//! let assessment = postroom.read(|tx| signing::find(tx, &domain::find(tx, &caller, id)?))?;
//! assert!(!assessment.signing.signs());
//! println!("{}", assessment.reason().map_or("it is active", |reason| &reason.text));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod assess;
mod sender;
mod setting;
mod status;
mod table;
mod trust;

use std::collections::HashMap;
use std::fmt;

use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::ReadTx;
use crate::domain::{Details, Domain};
use crate::error::{Entity, Error};
use crate::id::{AccountId, DomainId};
use crate::name::{DomainName, Selector};
use crate::ownership::{self, Held};
use crate::record::kind::OF_SIGNING_KEYS;
use crate::record::{self, Purpose, Record, RecordStatus};

use assess::Acts;
pub use sender::{NotTheirs, SignFor, check_sender};
pub use setting::follow_setting;
pub use status::status_after;
pub(crate) use status::{FOLLOWED_AT_ONCE, follow, follow_alone, follow_proof, prove};
pub use trust::{Untrusted, distrust, trust};

/// Which keys sign for a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signing {
    /// The domain whose keys sign, or would sign: itself, or its authority.
    pub by: DomainName,
    /// The selectors under which they sign, the oldest key first; none if no key signs.
    pub selectors: Vec<Selector>,
    /// Since when one of them has signed.
    pub since: Option<Timestamp>,
    /// Why no key signs, where none does.
    pub reason: Option<Unsigned>,
}

impl Signing {
    /// Whether a key signs.
    pub fn signs(&self) -> bool {
        self.reason.is_none()
    }
}

/// Why no key signs for a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    /// The kind of reason.
    pub code: UnsignedCode,
    /// The sentence for a person.
    pub text: String,
}

/// The kinds of reasons for which no key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsignedCode {
    /// The domain has no DKIM key.
    NoKey,
    /// Its keys are all switched off.
    NoActiveKey,
    /// It has a key, whose record was never seen.
    NotSeen,
    /// The keys of another domain are to sign, and none of those does.
    AuthorityHasNone,
    /// Its account has not proved that the domain is its own.
    Unproved,
}

impl UnsignedCode {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            UnsignedCode::NoKey => "no_key",
            UnsignedCode::NoActiveKey => "no_active_key",
            UnsignedCode::NotSeen => "not_seen",
            UnsignedCode::AuthorityHasNone => "authority_has_none",
            UnsignedCode::Unproved => "unproved",
        }
    }
}

/// Something that keeps a domain from being active, or that its owner should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// A stable code: that of a finding, of [`UnsignedCode`], or one of `record_pending`, `record_failed`,
    /// `marked_manually`, `left_out`, `selector_not_seen`, `nothing_required`.
    pub code: String,
    /// The sentence for a person.
    pub text: String,
    /// Whether it keeps the domain from being active.
    pub severity: Severity,
    /// The kind of record that it is about.
    pub record: Option<Purpose>,
}

/// Whether a reason keeps a domain from being active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It does.
    Fail,
    /// It does not, and its owner should know.
    Warn,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Fail => "fail",
            Severity::Warn => "warn",
        })
    }
}

/// Which keys sign for a domain, and the reasons of its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// Which keys sign.
    pub signing: Signing,
    /// Whether one of those keys was seen in the DNS, and not only marked so: what mail is signed with can be verified.
    pub dkim_verified: bool,
    /// The reasons: none of them is of [`Severity::Fail`] exactly when the domain is active.
    pub reasons: Vec<Reason>,
    /// How the records that the domain needs stand.
    required: Vec<RecordStatus>,
}

impl Assessment {
    /// The first reason why the domain is not active; none if it is.
    pub fn reason(&self) -> Option<&Reason> {
        self.reasons.iter().find(|reason| reason.severity == Severity::Fail)
    }

    /// The first reason why DKIM keeps the domain from being active.
    pub fn dkim_reason(&self) -> Option<&Reason> {
        let is_dkim = |reason: &&Reason| reason.record == Some(OF_SIGNING_KEYS);
        let mut fails = self.reasons.iter().filter(|reason| reason.severity == Severity::Fail);
        fails.find(is_dkim).or_else(|| self.reasons.iter().find(is_dkim))
    }
}

/// What is known of one domain.
pub fn find<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>) -> Result<Assessment, Error> {
    // It is read anew, for something may have changed it since.
    let domain = table::one(tx, domain.id)?.ok_or(Error::NotFound(Entity::Domain))?;
    assessed(tx, &[&domain])?.pop().ok_or(Error::NotFound(Entity::Domain))
}

/// What is known of each of these domains, in their order: four statements at most, however many. Nothing has changed them since they
/// were read.
pub fn list<'t>(tx: &ReadTx<'t>, domains: &[Domain<'t>]) -> Result<Vec<Assessment>, Error> {
    assessed(tx, &domains.iter().map(Domain::details).collect::<Vec<_>>())
}

/// Foresees what [`assessed`] reads of domains whose own keys sign for them.
pub(crate) fn foresee(tx: &ReadTx<'_>, caller: &Caller, ids: &[DomainId]) {
    let _ = table::records_of(tx, ids);
    let _ = ownership::needs_proof(tx, caller.account());
}

/// Foresees what is read of the records of a domain and of what they count.
pub(crate) fn foresee_records(tx: &ReadTx<'_>, account: AccountId, id: DomainId) {
    let _ = record::table::all(tx, id);
    let _ = ownership::needs_proof(tx, account);
}

/// What is known of each of these domains, in their order, as they stand now.
pub(crate) fn assessed(tx: &ReadTx<'_>, domains: &[&Details]) -> Result<Vec<Assessment>, Error> {
    let authorities: Vec<DomainId> = domains.iter().filter_map(|domain| domain.authority).collect();
    let ids: Vec<DomainId> =
        domains.iter().map(|domain| domain.id).chain(authorities.iter().copied()).collect();
    let authorities = table::authorities(tx, &authorities)?;
    let mut records: HashMap<DomainId, Vec<Record>> = HashMap::with_capacity(ids.len());
    for record in table::records_of(tx, &ids)? {
        records.entry(record.domain).or_default().push(record);
    }
    let authority = |domain: &Details| domain.authority.and_then(|id| authorities.get(&id));
    // An authority is a domain of the same account.
    let own = domains.iter().copied().map(Held::from);
    let above = domains.iter().copied().filter_map(|domain| {
        let (name, proved_at) = authority(domain)?;
        Some(Held { account: domain.account, name, proved_at: *proved_at })
    });
    let acts = ownership::acting(tx, &own.chain(above).collect::<Vec<_>>())?;
    let (own, above) = acts.split_at(domains.len());
    let mut above = above.iter().copied();
    let assess = |(domain, own): (&&Details, &bool)| {
        let authority = authority(domain).map(|(name, _)| name);
        let acts = Acts { own: *own, authority: authority.and_then(|_| above.next()).unwrap_or(*own) };
        assess::assess(domain, authority, acts, &records, tx.settings())
    };
    Ok(domains.iter().zip(own).map(assess).collect())
}
