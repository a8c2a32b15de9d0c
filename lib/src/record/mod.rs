//! Records: what a domain's owner must publish in the DNS, and what was last seen of it.
//!
//! They are made with the domain from the operator's settings, and each keeps its id for life. What was
//! asked of the owner stays as it was asked, also when the settings change; a DKIM record follows its key.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::record::{self, Purpose};
//!
//! let records = postroom.read(|tx| record::list(tx, &domain::find(tx, &caller, id)?))?;
//! let spf = records.iter().find(|record| record.purpose == Purpose::Spf).ok_or("every domain has one")?;
//! assert_eq!(spf.value, "v=spf1 mx ~all");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod action;
pub(crate) mod finding;
mod group;
pub(crate) mod kind;
mod publish;
pub(crate) mod table;
mod zone;

use std::collections::HashMap;
use std::time::Duration;

use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::dkim::{DkimKey, PublicKey, life};
use crate::dns::RecordType;
use crate::domain::{Details, Domain};
use crate::error::Error;
use crate::id::{DkimKeyId, DomainId, RecordId};
use crate::name::{DnsName, Selector};
use crate::word::words;

use kind::Seed;

pub use kind::{InvalidPurpose, Purpose, RETURN_PATH_HOST};
pub use publish::{Format, InvalidFormat, ZoneRecords, by_zone};
pub use zone::{strings, zone_fragment};

words! {
    /// How a record stands.
    #[derive(Hash)]
    pub enum RecordStatus {
        /// Not seen right yet.
        Pending = "pending",
        /// Seen right, and not lost since.
        Verified = "verified",
        /// Was verified, and is lost for good.
        Failed = "failed",
        /// Left out, by the operator's word.
        Disabled = "disabled",
    }
    else InvalidRecordStatus
}

/// A word that names no status of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not one of the known words")]
pub struct InvalidRecordStatus;

/// What was wrong at the last check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A stable code, such as `record_missing`.
    pub code: String,
    /// The sentence for a person.
    pub text: String,
    /// The one thing to do, if it is something to enter at a DNS provider's form.
    pub action: Option<finding::Action>,
}

/// How a record stands, and how it came to: what the state machine of checks works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The status.
    pub status: RecordStatus,
    /// Set by the operator's word; checks leave it alone.
    pub pinned: bool,
    /// Definitive failures in a row since it was last seen right.
    pub failures: u32,
    /// The first of them.
    pub failing_since: Option<Timestamp>,
    /// For so long of the time since then it is known to have failed.
    pub failing_for: Duration,
    /// When it was last checked, if that found a definitive failure.
    pub failed_at: Option<Timestamp>,
}

impl Standing {
    /// How a record stands that has no failure behind it.
    pub fn new(status: RecordStatus) -> Standing {
        Standing {
            status,
            pinned: false,
            failures: 0,
            failing_since: None,
            failing_for: Duration::ZERO,
            failed_at: None,
        }
    }
}

/// The key that a DKIM record publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedKey {
    /// Its id.
    pub id: DkimKeyId,
    /// Its public half.
    pub public: PublicKey,
    /// Its selector.
    pub selector: Selector,
    /// The name under which it signs, where its record has not been seen under its selector yet.
    pub published_as: Option<Selector>,
    /// Since when it signs; none while it does not.
    pub activated_at: Option<Timestamp>,
    /// Whether it signs as soon as a check has seen its record right.
    pub starts_itself: bool,
    /// Since when another key signs in its place.
    pub retired_at: Option<Timestamp>,
    /// Whether a check has ever seen its record right, under whatever selector.
    pub seen: bool,
    /// Since when it is released after a rotation: its record may go from the DNS.
    pub released_at: Option<Timestamp>,
    /// The name in the operator's zone that has its record: what is published is a CNAME to that.
    pub delegated_to: Option<DnsName>,
    /// Whether its private half was brought from elsewhere, where somebody else may have it.
    pub imported: bool,
}

impl PublishedKey {
    /// Whether it signs.
    pub fn is_active(&self) -> bool {
        self.activated_at.is_some()
    }
}

/// A record of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: RecordId,
    /// The domain whose record it is.
    pub domain: DomainId,
    /// What it is for.
    pub purpose: Purpose,
    /// The key that it publishes.
    pub dkim_key: Option<PublishedKey>,
    /// Its name, relative to the domain; `@` is the domain itself.
    pub host: String,
    /// What it must say: a target without its last dot, or the whole text.
    pub value: String,
    /// The preference of an MX record.
    pub priority: Option<u16>,
    /// How it stands.
    pub standing: Standing,
    /// When it was last looked for.
    pub checked_at: Option<Timestamp>,
    /// What was seen then.
    pub observed: Option<String>,
    /// What was wrong with that.
    pub problem: Option<Problem>,
}

impl Record {
    /// The type of the record that its owner publishes.
    pub fn record_type(&self) -> RecordType {
        match &self.dkim_key {
            Some(PublishedKey { delegated_to: Some(_), .. }) => RecordType::Cname,
            _ => self.purpose.record_type(),
        }
    }

    /// The name at which it is published.
    pub fn name(&self, domain: &Details) -> DnsName {
        domain.name.record(&self.host)
    }
}

/// Makes the records of a new or renamed domain, all pending.
pub(crate) fn seed<'t>(tx: &WriteTx<'t>, domain: &Domain<'t>, keys: &[DkimKey]) -> Result<(), Error> {
    for purpose in Purpose::ALL {
        match (purpose.kind().seed)(tx.settings()) {
            Seed::One { host, value, priority } => {
                table::insert(tx, domain.id, purpose, host, &value, priority)?;
            }
            Seed::EachKey => keys.iter().try_for_each(|key| table::insert_dkim(tx, domain.id, key.id))?,
        }
    }
    Ok(())
}

/// Forgets the records of a domain.
pub(crate) fn clear<'t>(tx: &WriteTx<'t>, domain: &Domain<'t>) -> Result<(), Error> {
    table::delete_all(tx, domain.id)
}

/// The records that a domain's owner must publish, in the order in which they were made.
///
/// Those of keys that were released after a rotation are not among them; and where another domain's keys sign for this
/// one, its own keys' are not.
pub fn list<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>) -> Result<Vec<Record>, Error> {
    let mut records = every(tx, domain)?;
    records.retain(|record| is_asked(domain, record));
    Ok(records)
}

/// For each of the domains the records that [`list`] returns: one statement, however many domains there are.
pub fn list_each<'t>(tx: &ReadTx<'t>, domains: &[Domain<'t>]) -> Result<Vec<Vec<Record>>, Error> {
    let ids: Vec<DomainId> = domains.iter().map(|domain| domain.id).collect();
    let mut records: HashMap<DomainId, Vec<Record>> = HashMap::new();
    for record in table::each(tx, &ids)? {
        records.entry(record.domain).or_default().push(record);
    }
    let of = |domain: &Domain<'t>| {
        let mut records = records.remove(&domain.id).unwrap_or_default();
        records.retain(|record| is_asked(domain, record));
        records
    };
    Ok(domains.iter().map(of).collect())
}

/// Whether the domain's owner must publish the record.
fn is_asked(domain: &Details, record: &Record) -> bool {
    record.dkim_key.as_ref().is_none_or(|key| domain.authority.is_none() && key.released_at.is_none())
}

/// Every record of a domain, also those of keys that nobody needs to publish.
pub(crate) fn every<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>) -> Result<Vec<Record>, Error> {
    table::all(tx, domain.id)
}

/// Has those keys of a domain not sign whose records nobody has looked for lately, because the keys of another domain have signed for
/// it, and forgets what was seen of these records.
pub(crate) fn suspend_unseen<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
) -> Result<(), Error> {
    life::suspend_unseen(tx, caller, domain)?.iter().try_for_each(|key| table::reset_key(tx, key.id))
}

/// Makes the record of a new key.
pub(crate) fn add_key(tx: &WriteTx<'_>, key: &DkimKey) -> Result<(), Error> {
    table::insert_dkim(tx, key.domain, key.id)
}
