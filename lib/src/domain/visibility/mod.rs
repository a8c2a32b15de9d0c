//! Who may see a domain: the one rule, and the type that proves that it was asked.

mod table;

use std::marker::PhantomData;
use std::ops::Deref;

use super::{Details, Holder};
use crate::account::Caller;
use crate::db::{ReadTx, ToValue, Within, misled};
use crate::error::Error;
use crate::id::{ApiKeyId, DomainId};
use crate::tag::Tag;

use table::listed;
#[cfg(test)]
pub(crate) use table::tests::{assert_scans_nothing, callers};

/// A mail domain that its caller may see: the proof of that, within the transaction `'t` that read it.
///
/// Only [`find`](super::find) and its like make one, and operations on what hangs on a domain take it. It reads like its
/// [`Details`]; those can be kept when the transaction is over, and the `Domain` cannot, for a key may lose a domain at any
/// time.
///
/// ```compile_fail
/// # fn lost(postroom: &postroom::db::Postroom, caller: &postroom::account::Caller, id: postroom::id::DomainId) {
/// // This does not compile: the domain was read in another transaction than the one that changes it.
/// let domain = postroom.read(|tx| postroom::domain::find(tx, caller, id)).unwrap();
/// postroom.write(|tx| postroom::domain::set_label(tx, caller, &domain, None)).unwrap();
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Domain<'t> {
    details: Details,
    within: Within<'t>,
}

impl<'t> Domain<'t> {
    /// The domain in a row that the rule let through for this caller.
    ///
    /// # Errors
    ///
    /// The row is another account's: a damaged index has led to it.
    pub(super) fn seen(_: &ReadTx<'t>, caller: &Caller, details: Details) -> Result<Domain<'t>, Error> {
        if details.account != caller.account() {
            return Err(misled(&format!("to the domain {}, which is another account's", details.id)));
        }
        Ok(Domain { details, within: PhantomData })
    }

    /// This domain after a change.
    pub(super) fn changed(&self, details: Details) -> Domain<'t> {
        Domain { details, within: self.within }
    }

    /// What there is to show of it.
    pub fn details(&self) -> &Details {
        &self.details
    }

    /// What there is to show of it, to be kept when the transaction is over.
    pub fn into_details(self) -> Details {
        self.details
    }

    /// The domain as one of whichever account.
    pub(crate) fn holder(&self) -> Holder<'t> {
        Holder {
            id: self.id,
            account: self.account,
            name: self.name.clone(),
            authority: self.authority,
            proved_at: self.proved_at,
            claimed_at: self.claimed_at,
            alias: None,
            within: self.within,
        }
    }
}

impl Deref for Domain<'_> {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.details
    }
}

/// The visibility rule, over a `domain` called `d`. It stands here and nowhere else.
///
/// `:key` is null for the operator and the schedule, who see also what is tied to a key; `:user` is null for who
/// acts on behalf of no end user, and `:only` for who is not the administrator of one domain. [`Scope`] binds the four. For a
/// key that is limited to some domains the others are not there.
pub(crate) fn visible(caller: &Caller) -> &'static str {
    // Texts of their own, for an index serves `user_id = :user` and not `:user IS NULL OR …`; nor would one serve a list of
    // domains that may or may not count.
    if caller.only().is_some() {
        return "d.id = :only AND d.account_id = :account AND CAST(:user AS TEXT) IS NULL
                AND (CAST(:key AS BIGINT) IS NULL OR d.api_key_id IS NULL OR d.api_key_id = :key)";
    }
    match (caller.user().is_some(), caller.is_of_domains()) {
        (false, false) => {
            "d.account_id = :account AND CAST(:user AS TEXT) IS NULL AND CAST(:only AS BIGINT) IS NULL
             AND (CAST(:key AS BIGINT) IS NULL OR d.api_key_id IS NULL OR d.api_key_id = :key)"
        }
        (true, false) => {
            "d.account_id = :account AND d.user_id = :user AND CAST(:only AS BIGINT) IS NULL
             AND (CAST(:key AS BIGINT) IS NULL OR d.api_key_id IS NULL OR d.api_key_id = :key)"
        }
        (false, true) => {
            concat!(
                "d.account_id = :account AND CAST(:user AS TEXT) IS NULL AND CAST(:only AS BIGINT) IS NULL
                 AND (d.api_key_id IS NULL OR d.api_key_id = :key) AND ",
                listed!()
            )
        }
        (true, true) => {
            concat!(
                "d.account_id = :account AND d.user_id = :user AND CAST(:only AS BIGINT) IS NULL
                 AND (d.api_key_id IS NULL OR d.api_key_id = :key) AND ",
                listed!()
            )
        }
    }
}

/// The visibility rule over the kept totals, a `domain_total` called `t`; none for a caller whose domains no total counts.
pub(crate) fn visible_total(caller: &Caller) -> Option<&'static str> {
    let is_counted = caller.user().is_none() && caller.only().is_none() && !caller.is_of_domains();
    is_counted.then_some(
        "t.account_id = :account AND CAST(:user AS TEXT) IS NULL AND CAST(:only AS BIGINT) IS NULL AND (CAST(:key AS BIGINT) IS NULL OR t.api_key_id IN (0, :key))",
    )
}

/// The visibility rule over a `claim` called `c`: a name that the account does not hold, or not any more.
pub(crate) fn visible_claim(caller: &Caller) -> &'static str {
    if caller.is_of_domains() {
        // No claim is among the domains that a key is limited to.
        "c.account_id = :account AND CAST(:user AS TEXT) IS NULL AND CAST(:only AS BIGINT) IS NULL AND CAST(:key AS BIGINT) IS NULL"
    } else {
        "c.account_id = :account AND CAST(:user AS TEXT) IS NULL AND CAST(:only AS BIGINT) IS NULL
         AND (CAST(:key AS BIGINT) IS NULL OR c.api_key_id IS NULL OR c.api_key_id = :key)"
    }
}

/// The parameters of [`visible`] and [`visible_claim`], and those of the query around it.
pub(crate) struct Scope<'a> {
    account: i64,
    key: Option<i64>,
    user: Option<&'a str>,
    only: Option<i64>,
}

impl<'a> Scope<'a> {
    pub(crate) fn of(caller: &'a Caller) -> Scope<'a> {
        Scope {
            account: caller.account().number(),
            key: number(caller.sees_as()),
            user: caller.user().map(Tag::as_str),
            only: caller.only().map(DomainId::number),
        }
    }

    /// The parameters for a page of a list. Where no domain of the account is tied to a key, the rule has nothing to say
    /// of keys, and skipping rows is a third faster for not looking at that column.
    pub(crate) fn of_page(tx: &ReadTx<'_>, caller: &'a Caller) -> Result<Scope<'a>, Error> {
        let mut scope = Scope::of(caller);
        if scope.key.is_some() && !caller.is_of_domains() && !table::is_any_tied(tx, caller.account())? {
            scope.key = None;
        }
        Ok(scope)
    }

    /// The scope's parameters followed by `more`.
    pub(crate) fn with<'b>(
        &'b self,
        more: &[(&'static str, &'b dyn ToValue)],
    ) -> Vec<(&'static str, &'b dyn ToValue)> {
        let own: [(&'static str, &dyn ToValue); 4] =
            [(":account", &self.account), (":key", &self.key), (":user", &self.user), (":only", &self.only)];
        own.into_iter().chain(more.iter().copied()).collect()
    }
}

pub(crate) fn number(key: Option<ApiKeyId>) -> Option<i64> {
    key.map(ApiKeyId::number)
}
