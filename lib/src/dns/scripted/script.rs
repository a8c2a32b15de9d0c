//! What a script says of a name: the rules of the DNS, over a few records.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::dns::{Outcome, RecordData, RecordType};
use crate::name::DnsName;

/// The TTL of every scripted record.
const TTL: Duration = Duration::from_mins(5);
/// How long a scripted absence may be remembered.
const REMAINING: Option<Duration> = Some(Duration::from_mins(1));

/// What one server is scripted to say.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) records: BTreeMap<DnsName, Vec<RecordData>>,
    /// The flag: whether the name exists by it.
    pub(super) outcomes: BTreeMap<(DnsName, RecordType), (Outcome, bool)>,
}

/// What there is at `name`, or the target of its alias. The first script that has anything there decides.
pub(super) fn step(
    scripts: &[&Script],
    name: &DnsName,
    record_type: RecordType,
    validating: bool,
) -> (Outcome, Option<DnsName>) {
    let exists = |name: &DnsName| scripts.iter().any(|script| script.has(name));
    let name_exists = exists(name);
    let wildcard = if name_exists { None } else { wildcard(name, exists) };
    for owner in [Some(name), wildcard.as_ref()].into_iter().flatten() {
        for script in scripts {
            if let Some(step) = script.step(owner, record_type, validating) {
                return step;
            }
        }
    }
    if name_exists || wildcard.is_some() {
        (Outcome::NoData { remaining: REMAINING }, None)
    } else {
        (Outcome::NxDomain { remaining: REMAINING }, None)
    }
}

/// The wildcard that answers for `name`: the `*` below its closest encloser (RFC 4592 section 3.3.1).
fn wildcard(name: &DnsName, exists: impl Fn(&DnsName) -> bool) -> Option<DnsName> {
    let mut above = name.parent();
    while let Some(encloser) = above {
        let wildcard = DnsName::from_answer(&format!("*.{encloser}"));
        if exists(&wildcard) {
            return Some(wildcard);
        }
        if exists(&encloser) {
            return None;
        }
        above = encloser.parent();
    }
    None
}

impl Script {
    /// Forgets what is at `owner` of this type.
    pub(super) fn remove(&mut self, owner: &DnsName, record_type: RecordType) {
        self.outcomes.remove(&(owner.clone(), record_type));
        if let Some(records) = self.records.get_mut(owner) {
            records.retain(|record| record.record_type() != record_type);
        }
    }

    /// Whether `name` exists: it has something, or a name below it has.
    fn has(&self, name: &DnsName) -> bool {
        let with_records =
            self.records.iter().filter(|(_, records)| !records.is_empty()).map(|(owner, _)| owner);
        let with_outcomes =
            self.outcomes.iter().filter(|(_, (_, exists))| *exists).map(|((owner, _), _)| owner);
        with_records.chain(with_outcomes).any(|owner| owner.is_within(name))
    }

    /// The outcome for this type at `owner`, or the target of the alias there, if either is scripted here.
    fn step(
        &self,
        owner: &DnsName,
        record_type: RecordType,
        validating: bool,
    ) -> Option<(Outcome, Option<DnsName>)> {
        if let Some((outcome, _)) = self.outcomes.get(&(owner.clone(), record_type))
            && (validating || !outcome.is_dnssec_failure())
        {
            return Some((outcome.clone(), None));
        }
        let records = self.records.get(owner)?;
        let wanted: Vec<RecordData> =
            records.iter().filter(|record| record.record_type() == record_type).cloned().collect();
        if !wanted.is_empty() {
            return Some((Outcome::of_records(wanted, TTL), None));
        }
        records.iter().find_map(|record| match record {
            RecordData::Cname(target) => {
                Some((Outcome::NoData { remaining: REMAINING }, Some(target.clone())))
            }
            _ => None,
        })
    }
}
