//! The status of a domain: what follows from how the records that it needs stand, written down where it changes.

use super::{assessed, setting, table};
use crate::db::WriteTx;
use crate::domain::{self, Details, Domain, DomainStatus};
use crate::error::{Entity, Error};
use crate::event::{Actor, Change};
use crate::history::{self, Counted};
use crate::id::{AccountId, DomainId};
use crate::name::DomainName;
use crate::ownership;
use crate::record::RecordStatus;

/// How many domains follow a change of another one's, in the transaction of that change.
pub(crate) const FOLLOWED_AT_ONCE: usize = 200;

/// How a domain stands whose required records stand like this, pinned or not.
pub fn status_after(was: DomainStatus, required: &[RecordStatus]) -> DomainStatus {
    let counted = || required.iter().filter(|status| **status != RecordStatus::Disabled);
    let complete = counted().next().is_some() && counted().all(|status| *status == RecordStatus::Verified);
    let any_failed = counted().any(|status| *status == RecordStatus::Failed);
    match was {
        _ if complete => DomainStatus::Active,
        // Only what was active can fail; it stays failed until the record is back.
        DomainStatus::Active | DomainStatus::Failed if any_failed => DomainStatus::Failed,
        _ => DomainStatus::Pending,
    }
}

/// Brings the status of a domain, and of those that its keys sign for, to what their records and keys say. Returns the
/// domain's own. Of those that its keys sign for, 200 follow at once, and the others at their next checks.
///
/// Whatever changes a record, a key or an authority calls this in the same transaction, so that no domain is active while
/// nothing signs for it.
pub(crate) fn follow(tx: &WriteTx<'_>, actor: &Actor, id: DomainId) -> Result<DomainStatus, Error> {
    let mut domains = table::with_dependents(tx, id, FOLLOWED_AT_ONCE + 1)?;
    if domains.len() > FOLLOWED_AT_ONCE + 1 {
        // The others would keep everybody else from writing for too long. Each follows at its next check, which comes soon.
        domain::table::check_dependents_by(tx, id, tx.now())?;
        domains.truncate(FOLLOWED_AT_ONCE + 1);
    }
    follow_each(tx, actor, id, &domains)
}

/// Brings the status of a domain to what its records say, where nothing has changed on which those rest that its keys sign for: there may
/// be thousands of them.
pub(crate) fn follow_alone(tx: &WriteTx<'_>, actor: &Actor, id: DomainId) -> Result<DomainStatus, Error> {
    follow_each(tx, actor, id, table::one(tx, id)?.as_slice())
}

/// Brings the statuses of these domains to what their records and keys say. Returns that of the one with this id.
fn follow_each(
    tx: &WriteTx<'_>,
    actor: &Actor,
    id: DomainId,
    domains: &[Details],
) -> Result<DomainStatus, Error> {
    let domains: Vec<&Details> = domains.iter().collect();
    let mut own = None;
    for (domain, assessment) in domains.iter().copied().zip(assessed(tx, &domains)?) {
        let status = status_after(domain.status, &assessment.required);
        if domain.id == id {
            own = Some(status);
        }
        if status == domain.status {
            continue;
        }
        domain::table::set_status(tx, domain.id, status)?;
        let change = Change::DomainStatusChanged {
            domain: domain.into(),
            from: domain.status.to_string(),
            to: status.to_string(),
        };
        tx.tell(actor, domain.account, &change)?;
        let became = match status {
            DomainStatus::Active => Counted::Active,
            DomainStatus::Pending => Counted::Pending,
            DomainStatus::Failed => Counted::Failed,
        };
        history::note(tx, domain.account, became)?;
    }
    own.ok_or(Error::NotFound(Entity::Domain))
}

/// Brings the domains below a name, and whether they count as unproved, to what follows from a change of who has proved it: those of the
/// account whose proof it was or is, and those of the account that has proved the nearest name above it.
pub(crate) fn follow_proof(
    tx: &WriteTx<'_>,
    actor: &Actor,
    account: AccountId,
    name: &DomainName,
) -> Result<(), Error> {
    follow_below(tx, actor, account, name)?;
    match ownership::nearest_proved(tx, name)? {
        Some(above) if above.account != account => follow_below(tx, actor, above.account, name),
        _ => Ok(()),
    }
}

fn follow_below(tx: &WriteTx<'_>, actor: &Actor, account: AccountId, name: &DomainName) -> Result<(), Error> {
    if let Some(first) = ownership::cover_below(tx, account, name, FOLLOWED_AT_ONCE)? {
        setting::follow_from(tx, first)?;
    }
    if !ownership::needs_proof(tx, account)? {
        return Ok(());
    }
    let below = ownership::table::resting_below(tx, account, name)?;
    let (now, later) = below.split_at(below.len().min(FOLLOWED_AT_ONCE));
    now.iter().try_for_each(|id| follow(tx, actor, *id).map(drop))?;
    // The others would keep everybody else from writing for too long. Whether a name acts is found out whenever it is asked, and so their
    // statuses may follow somewhat later.
    later.first().map_or(Ok(()), |first| setting::follow_from(tx, *first))
}

/// Notes that the DNS has shown that a domain is its account's, if that was not known: from now on its names act.
pub(crate) fn prove<'t>(tx: &WriteTx<'t>, actor: &Actor, domain: &Domain<'t>, by: &str) -> Result<(), Error> {
    if domain.proved_at.is_some() {
        return Ok(());
    }
    domain::table::prove(tx, domain.id)?;
    tx.tell(actor, domain.account, &Change::DomainProved { domain: domain.into(), by: by.to_owned() })?;
    follow(tx, actor, domain.id)?;
    follow_proof(tx, actor, domain.account, &domain.name)
}
