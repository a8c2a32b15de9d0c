//! Which names count as unproved: those that lie below a name that their account has proved do not. Whether one does is written down,
//! and found out anew when it changes who has proved a name above it.

use super::proved_above;
use super::table::{self, Names, Unproved};
use crate::account;
use crate::db::{ReadTx, WriteTx};
use crate::error::Error;
use crate::id::{AccountId, DomainId};
use crate::name::DomainName;

/// Whether a name of an account lies below one that it has proved, `besides` one of its domains.
pub(crate) fn is_covered(
    tx: &ReadTx<'_>,
    account: AccountId,
    name: &DomainName,
    besides: Option<DomainId>,
) -> Result<bool, Error> {
    let above: Vec<DomainName> = name.ancestors().collect();
    let names: Vec<&str> = above.iter().map(DomainName::as_str).collect();
    if names.is_empty() {
        return Ok(false);
    }
    let mut proved = table::proved(tx, &names)?;
    proved.retain(|(_, above)| Some(above.domain) != besides);
    let nearest = above.iter().find_map(|name| proved.iter().find(|(proved, _)| proved == name));
    Ok(nearest.is_some_and(|(_, above)| above.account == account))
}

/// Notes of the unproved names of an account below this one anew whether they lie below one that it has proved, after a change of who
/// has proved this one: those that do, do not count as unproved. Only a tenant's are counted.
///
/// That is done for its aliases and for `most` of its domains. Returns the first domain that is left.
pub(crate) fn cover_below(
    tx: &WriteTx<'_>,
    account: AccountId,
    name: &DomainName,
    most: usize,
) -> Result<Option<DomainId>, Error> {
    if account::is_trusted(tx, account)? {
        return Ok(None);
    }
    let below = format!(".{name}");
    note_cover(tx, Names::Aliases, &table::unproved_aliases(tx, account, &below)?)?;
    let mut domains = table::unproved_below(tx, account, &below, most.saturating_add(1))?;
    let left = if domains.len() > most { domains.pop().map(|(id, _)| id) } else { None };
    let domains: Vec<Unproved> = domains.into_iter().map(|(_, domain)| domain).collect();
    note_cover(tx, Names::Domains, &domains)?;
    Ok(left)
}

/// Notes the same anew of those of these domains that are not proved, whoever's they are.
pub(crate) fn cover_each(tx: &WriteTx<'_>, domains: &[DomainId]) -> Result<(), Error> {
    note_cover(tx, Names::Domains, &table::unproved_of(tx, domains)?)
}

/// Notes the same anew of all unproved aliases of an account.
pub(crate) fn cover_aliases(tx: &WriteTx<'_>, account: AccountId) -> Result<(), Error> {
    note_cover(tx, Names::Aliases, &table::unproved_aliases(tx, account, "")?)
}

/// Writes down where it has changed whether an unproved name is covered.
fn note_cover(tx: &WriteTx<'_>, names: Names, unproved: &[Unproved]) -> Result<(), Error> {
    let above = proved_above(tx, unproved.iter().map(|it| &it.name))?;
    let is_covered = |it: &Unproved| above.get(&it.name).is_some_and(|above| above.account == it.account);
    for covered in [true, false] {
        let changed = unproved.iter().filter(|it| it.covered != covered && is_covered(it) == covered);
        table::set_covered(tx, names, &changed.map(|it| it.name.as_str()).collect::<Vec<_>>(), covered)?;
    }
    Ok(())
}
