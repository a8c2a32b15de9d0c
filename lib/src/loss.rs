//! How an account loses a name: its domain goes with all that hangs on it, or its alias goes, and what is left is a claim that
//! says so.

use crate::account::Caller;
use crate::db::{ReadTx, WriteTx};
use crate::dkim::life;
use crate::domain::{self, Holder};
use crate::error::{Entity, Error};
use crate::event::{Actor, Change};
use crate::id::{AccountId, DomainId};
use crate::name::DomainName;
use crate::ownership::table::{self, Lost};
use crate::ownership::{self, Loss, Shown, Way};
use crate::{record, signing};

/// Takes the name by which a holder was found away from it.
pub(crate) fn lose(tx: &WriteTx<'_>, actor: &Actor, holder: &Holder<'_>, loss: Loss) -> Result<(), Error> {
    let tied_to = domain::table::tied_to(tx, holder.id)?;
    let reason = Some(loss);
    let domain = holder.into();
    let (name, of, claimed_at, change) = if let Some(alias) = &holder.alias {
        table::delete_alias(tx, &alias.name)?;
        let change = Change::AliasGaveWay { domain, alias: alias.name.clone(), reason };
        (&alias.name, Some(holder.id), alias.claimed_at, change)
    } else {
        // What its keys signed for is signed for by nobody until its owner says so.
        let left_alone = domain::table::hand_on_authority(tx, holder.id, None)?;
        for key in life::suspend_unseen_of(tx, &left_alone)? {
            record::table::reset_key(tx, key.id)?;
        }
        // Each is checked soon, and follows then at the latest.
        let mut now = left_alone.into_iter().take(signing::FOLLOWED_AT_ONCE);
        now.try_for_each(|id| signing::follow(tx, actor, id).map(drop))?;
        domain::table::delete(tx, holder.id)?;
        signing::follow_proof(tx, actor, holder.account, &holder.name)?;
        (&holder.name, None, holder.claimed_at, Change::DomainGaveWay { domain, reason })
    };
    table::note_loss(tx, &Lost { account: holder.account, name, of, tied_to, claimed_at, loss })?;
    tx.tell(actor, holder.account, &change)
}

/// Makes way for the caller's account where it wants a name, as [`check_way`] and [`take`] do.
pub(crate) fn make_way(
    tx: &WriteTx<'_>,
    caller: &Caller,
    name: &DomainName,
    shown: Shown,
    instead_of: Option<DomainId>,
) -> Result<(), Error> {
    let gives_way = check_way(tx, caller, name, shown, instead_of)?;
    take(tx, caller.account(), name, gives_way)
}

/// Checks that the caller's account may have a name, and returns the claim of another account that loses the name then, if there is one. A domain
/// that is renamed, `instead_of` whose name it wants it, does not count twice.
///
/// `Conflict(Domain)` if the account has the name itself, `Taken` if another one has it, or has proved a name above it, and where that is
/// a domain of the account which the caller does not see. `NotClaimable` and `Limit` as of a tenant's claims.
pub(crate) fn check_way<'t>(
    tx: &ReadTx<'t>,
    caller: &Caller,
    name: &DomainName,
    shown: Shown,
    instead_of: Option<DomainId>,
) -> Result<Option<(Holder<'t>, Loss)>, Error> {
    let account = caller.account();
    let way = ownership::way(tx, caller, name, shown)?;
    if let Way::Own = way {
        return Err(Error::Conflict(Entity::Domain));
    }
    ownership::check_claimable(tx, account, name, shown, instead_of)?;
    match way {
        Way::Free => Ok(None),
        Way::Own | Way::Blocked => Err(Error::Taken { name: name.to_string() }),
        Way::Takes(holder, loss) => Ok(Some((holder, loss))),
    }
}

/// Takes a name from the claim that yields the name to `account`, if there is one. Whoever calls has nothing left to refuse: the other
/// account's domain is gone.
pub(crate) fn take(
    tx: &WriteTx<'_>,
    account: AccountId,
    name: &DomainName,
    gives_way: Option<(Holder<'_>, Loss)>,
) -> Result<(), Error> {
    let Some((holder, loss)) = gives_way else { return Ok(()) };
    lose(tx, &Actor::Operator, &holder, loss)?;
    tx.tell(&Actor::Operator, account, &Change::DomainClaimed { name: name.clone(), reason: Some(loss) })
}
