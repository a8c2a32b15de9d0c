//! Whose keys sign for a domain: its own, or those of the registered domain above it.

use crate::account::Caller;
use crate::db::{ReadTx, WriteTx};
use crate::domain::{self, Domain, Holder, holder, table};
use crate::error::Error;
use crate::event::Change;
use crate::{ownership, record, signing, verify};

/// Has the domain's own keys sign for it, or those that sign for the nearest of the caller's domains above it that
/// [act](ownership::acts). Where there is none above it, its own go on.
///
/// A key of its own signs again at once if its record was looked for lately, and otherwise as soon as that is seen.
///
/// Returns the domain, and whether that was a change. Domains for which its keys have signed go along to its authority; `InUse`
/// if the caller may not see one of those.
pub fn set_authority<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    own: bool,
) -> Result<(Domain<'t>, bool), Error> {
    let authority = match above(tx, caller, domain)? {
        _ if own => None,
        Some(authority) => Some(authority),
        None => return Ok((domain.clone(), false)),
    };
    if authority.as_ref().map(|authority| authority.id) == domain.authority {
        return Ok((domain.clone(), false));
    }
    domain::check_signs_for_own(tx, caller, domain)?;
    let changed = table::set_authority(tx, domain, authority.as_ref().map(|authority| authority.id))?;
    if let Some(authority) = &authority {
        // No authority has another one, so that whose keys sign is one step away.
        table::hand_on_authority(tx, domain.id, Some(authority.id))?;
        // Those that went along rest on its keys from now on.
        signing::follow(tx, caller.actor(), authority.id)?;
    } else {
        // Their owner was not asked to keep their records.
        record::suspend_unseen(tx, caller, &changed)?;
        table::set_next_check(tx, domain.id, tx.now() + domain::FIRST_CHECK_AFTER, 0)?;
    }
    let authority = authority.map(|authority| authority.name);
    let change = Change::AuthorityChanged { domain: domain.into(), authority };
    tx.tell(caller.actor(), domain.account, &change)?;
    verify::follow_keys(tx, caller, &changed)?;
    Ok((domain::find(tx, caller, domain.id)?, true))
}

/// The authority of the nearest of the caller's domains above this one that act.
fn above<'t>(tx: &ReadTx<'t>, caller: &Caller, domain: &Domain<'t>) -> Result<Option<Holder<'t>>, Error> {
    let mut name = domain.name.parent();
    while let Some(parent) = name {
        if let Some(found) = table::by_name(tx, caller, &parent)?
            && ownership::acts(tx, &found.holder())?
        {
            let other = holder::authority_of(tx, found.authority)?;
            return Ok(Some(other.unwrap_or_else(|| found.holder())));
        }
        name = parent.parent();
    }
    Ok(None)
}
