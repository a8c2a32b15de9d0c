//! The SQL of domains, and the visibility rule.

use rusqlite::{Row, ToSql, named_params};

use super::{Domain, Order, Status};
use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx, moment, moment_if_any, parsed};
use crate::error::{Entity, Error};
use crate::id::{AccountId, ApiKeyId, DomainId, SubscriptionId};
use crate::name::DomainName;
use crate::page::{Direction, Page};
use crate::tag::Tag;

/// The visibility rule, over a `domain` called `d`. It stands here and nowhere else.
///
/// `:key` is null for the operator and the schedule, who see also what is tied to a key; `:user` is null for who
/// acts on behalf of no end user. [`Scope`] binds the three.
pub(crate) fn visible(caller: &Caller) -> &'static str {
    // Two texts, for an index serves `user_id = :user` and not `:user IS NULL OR …`.
    if caller.user().is_some() {
        "d.account_id = :account AND d.user_id = :user
             AND (:key IS NULL OR d.api_key_id IS NULL OR d.api_key_id = :key)"
    } else {
        "d.account_id = :account AND :user IS NULL
             AND (:key IS NULL OR d.api_key_id IS NULL OR d.api_key_id = :key)"
    }
}

/// The parameters of [`visible`], and those of the query around it.
pub(crate) struct Scope<'a> {
    account: i64,
    key: Option<i64>,
    user: Option<&'a str>,
}

impl<'a> Scope<'a> {
    pub(crate) fn of(caller: &'a Caller) -> Scope<'a> {
        Scope {
            account: caller.account().number(),
            key: number(caller.key()),
            user: caller.user().map(Tag::as_str),
        }
    }

    /// The scope of `caller` for a page of a list. Where no domain of the account is tied to a key, the rule need not look
    /// at keys, and a page is skipped a third faster without that column.
    pub(crate) fn of_page(tx: &ReadTx<'_>, caller: &'a Caller) -> Result<Scope<'a>, Error> {
        let mut scope = Scope::of(caller);
        if scope.key.is_some() && !is_any_tied(tx, caller.account())? {
            scope.key = None;
        }
        Ok(scope)
    }

    /// The scope's parameters followed by `more`.
    pub(crate) fn with<'b>(
        &'b self,
        more: &[(&'static str, &'b dyn ToSql)],
    ) -> Vec<(&'static str, &'b dyn ToSql)> {
        let own: [(&'static str, &dyn ToSql); 3] =
            [(":account", &self.account), (":key", &self.key), (":user", &self.user)];
        own.into_iter().chain(more.iter().copied()).collect()
    }
}

/// What to sort by. For each there is an index that covers the rule too, so that skipping reads no rows.
pub(crate) fn sorting(order: Order, direction: Direction) -> &'static str {
    match (order, direction) {
        (Order::Created, Direction::Ascending) => "d.created_at, d.id",
        (Order::Created, Direction::Descending) => "d.created_at DESC, d.id DESC",
        (Order::Id, Direction::Ascending) => "d.id",
        (Order::Id, Direction::Descending) => "d.id DESC",
        (Order::Label, Direction::Ascending) => "d.label IS NULL, d.label, d.id",
        (Order::Label, Direction::Descending) => "d.label IS NULL, d.label DESC, d.id DESC",
    }
}

/// The ids on the page of `:limit` after `:offset`.
pub(crate) fn page_of_ids(caller: &Caller, order: Order, direction: Direction) -> String {
    let (visible, sorting) = (visible(caller), sorting(order, direction));
    format!("SELECT d.id FROM domain d WHERE {visible} ORDER BY {sorting} LIMIT :limit OFFSET :offset")
}

pub(crate) fn by_id(tx: &ReadTx<'_>, caller: &Caller, id: DomainId) -> Result<Option<Domain>, Error> {
    tx.one(
        &format!("SELECT d.* FROM domain d WHERE d.id = :id AND {}", visible(caller)),
        Scope::of(caller).with(&[(":id", &id.number())]).as_slice(),
        domain,
    )
}

pub(crate) fn by_name(tx: &ReadTx<'_>, caller: &Caller, name: &DomainName) -> Result<Option<Domain>, Error> {
    tx.one(
        &format!("SELECT d.* FROM domain d WHERE d.name = :name AND {}", visible(caller)),
        Scope::of(caller).with(&[(":name", &name.as_str())]).as_slice(),
        domain,
    )
}

pub(super) fn page(
    tx: &ReadTx<'_>,
    caller: &Caller,
    order: Order,
    direction: Direction,
    page: Page,
) -> Result<Vec<Domain>, Error> {
    let (ids, sorting) = (page_of_ids(caller, order, direction), sorting(order, direction));
    tx.all(
        &format!("SELECT d.* FROM ({ids}) page JOIN domain d ON d.id = page.id ORDER BY {sorting}"),
        Scope::of_page(tx, caller)?
            .with(&[(":limit", &page.sql_limit()), (":offset", &page.sql_offset())])
            .as_slice(),
        domain,
    )
}

pub(super) fn count(tx: &ReadTx<'_>, caller: &Caller) -> Result<u64, Error> {
    let count = tx.one(
        &format!("SELECT count(*) FROM domain d WHERE {}", visible(caller)),
        Scope::of_page(tx, caller)?.with(&[]).as_slice(),
        |row| row.get::<_, i64>(0),
    )?;
    Ok(count.unwrap_or(0).unsigned_abs())
}

pub(super) fn count_by_subscription(
    tx: &ReadTx<'_>,
    caller: &Caller,
) -> Result<Vec<(SubscriptionId, u64)>, Error> {
    tx.all(
        &format!(
            "SELECT d.subscription_id, count(*) FROM domain d WHERE {} GROUP BY d.subscription_id",
            visible(caller)
        ),
        Scope::of(caller).with(&[]).as_slice(),
        |row| Ok((SubscriptionId::new(row.get(0)?), row.get::<_, i64>(1)?.unsigned_abs())),
    )
}

pub(super) fn with_status(
    tx: &ReadTx<'_>,
    caller: &Caller,
    status: Status,
    page: Page,
) -> Result<Vec<Domain>, Error> {
    let visible = visible(caller);
    tx.all(
        &format!(
            "SELECT d.* FROM domain d WHERE {visible} AND d.status = :status
             ORDER BY d.created_at DESC, d.id DESC LIMIT :limit OFFSET :offset"
        ),
        Scope::of_page(tx, caller)?
            .with(&[
                (":status", &status.as_str()),
                (":limit", &page.sql_limit()),
                (":offset", &page.sql_offset()),
            ])
            .as_slice(),
        domain,
    )
}

/// The domain of this name, whoever's it is: for deciding a conflict, never for showing.
pub(crate) fn anybodys(tx: &ReadTx<'_>, name: &DomainName) -> Result<Option<Domain>, Error> {
    tx.one("SELECT * FROM domain WHERE name = ?1", [name.as_str()], domain)
}

pub(super) fn owner(tx: &ReadTx<'_>, name: &DomainName) -> Result<Option<AccountId>, Error> {
    tx.one("SELECT account_id FROM domain WHERE name = ?1", [name.as_str()], |row| {
        row.get(0).map(AccountId::new)
    })
}

/// A new domain's columns that are not made here.
pub(crate) struct NewRow<'a> {
    pub(crate) account: AccountId,
    pub(crate) subscription: SubscriptionId,
    pub(crate) name: &'a DomainName,
    pub(crate) label: Option<&'a str>,
    pub(crate) user: Option<&'a Tag>,
    pub(crate) organization: Option<&'a Tag>,
    pub(crate) next_check_at: Timestamp,
    pub(crate) wants_key: bool,
}

pub(crate) fn insert(tx: &WriteTx<'_>, new: &NewRow<'_>) -> Result<Domain, Error> {
    one_changed(tx.one(
        "INSERT INTO domain (account_id, subscription_id, name, label, user_id, organization_id, next_check_at,
                             wants_key, claimed_at, created_at, updated_at)
         VALUES (:account, :subscription, :name, :label, :user, :organization, :next, :wants_key, :now, :now, :now)
         RETURNING *",
        named_params! {
            ":account": new.account.number(), ":subscription": new.subscription.number(),
            ":name": new.name.as_str(), ":label": new.label,
            ":user": new.user.map(Tag::as_str), ":organization": new.organization.map(Tag::as_str),
            ":next": new.next_check_at.millis(), ":wants_key": new.wants_key, ":now": tx.now().millis(),
        },
        domain,
    ))
}

pub(crate) fn delete(tx: &WriteTx<'_>, id: DomainId) -> Result<(), Error> {
    tx.run("DELETE FROM domain WHERE id = ?1", [id.number()])?;
    Ok(())
}

/// Domains of any account that are still to be given their first DKIM key.
pub(crate) fn wanting_key(tx: &ReadTx<'_>, limit: u32) -> Result<Vec<Domain>, Error> {
    tx.all("SELECT * FROM domain WHERE wants_key = 1 ORDER BY id LIMIT ?1", [limit], domain)
}

pub(crate) fn has_key(tx: &WriteTx<'_>, id: DomainId) -> Result<(), Error> {
    tx.run("UPDATE domain SET wants_key = 0 WHERE id = ?1", [id.number()])?;
    Ok(())
}

/// Gives a domain that has no user one.
pub(crate) fn adopt(
    tx: &WriteTx<'_>,
    id: DomainId,
    user: &Tag,
    organization: Option<&Tag>,
) -> Result<Domain, Error> {
    one_changed(tx.one(
        "UPDATE domain SET user_id = ?2, organization_id = ?3, updated_at = ?4
         WHERE id = ?1 AND user_id IS NULL RETURNING *",
        (id.number(), user.as_str(), organization.map(Tag::as_str), tx.now().millis()),
        domain,
    ))
}

pub(super) fn set_label(tx: &WriteTx<'_>, id: DomainId, label: Option<&str>) -> Result<Domain, Error> {
    one_changed(tx.one(
        "UPDATE domain SET label = ?2, updated_at = ?3 WHERE id = ?1 RETURNING *",
        (id.number(), label, tx.now().millis()),
        domain,
    ))
}

/// Another name, with everything that was proved of the old one forgotten.
pub(crate) fn rename(
    tx: &WriteTx<'_>,
    id: DomainId,
    name: &DomainName,
    next_check_at: Timestamp,
) -> Result<Domain, Error> {
    one_changed(tx.one(
        "UPDATE domain SET name = ?2, status = 'pending', proved_at = NULL, authority_id = NULL, claimed_at = ?3, updated_at = ?3,
             checks = 0, next_check_at = ?4
         WHERE id = ?1 RETURNING *",
        (id.number(), name.as_str(), tx.now().millis(), next_check_at.millis()),
        domain,
    ))
}

/// The domain with this id, whoever's it is: for the authority of one that was read by the rule.
pub(crate) fn authority(tx: &ReadTx<'_>, id: DomainId) -> Result<Option<Domain>, Error> {
    tx.one("SELECT * FROM domain WHERE id = ?1", [id.number()], domain)
}

/// The first, by name, of the domains for which this one is the authority.
pub(crate) fn dependent(tx: &ReadTx<'_>, id: DomainId) -> Result<Option<Domain>, Error> {
    tx.one("SELECT * FROM domain WHERE authority_id = ?1 ORDER BY name LIMIT 1", [id.number()], domain)
}

/// Gives the domain this authority, or itself.
pub(crate) fn set_authority(
    tx: &WriteTx<'_>,
    id: DomainId,
    authority: Option<DomainId>,
) -> Result<Domain, Error> {
    one_changed(tx.one(
        "UPDATE domain SET authority_id = ?2, updated_at = ?3 WHERE id = ?1 RETURNING *",
        (id.number(), authority.map(DomainId::number), tx.now().millis()),
        domain,
    ))
}

/// Has the domains for which this one is the authority checked by then.
pub(crate) fn check_dependents_by(tx: &WriteTx<'_>, id: DomainId, then: Timestamp) -> Result<(), Error> {
    tx.run(
        "UPDATE domain SET next_check_at = ?2 WHERE authority_id = ?1 AND next_check_at > ?2",
        (id.number(), then.millis()),
    )?;
    Ok(())
}

/// Gives all for which `from` is the authority another one: `to`, or themselves.
pub(crate) fn hand_on_authority(tx: &WriteTx<'_>, from: DomainId, to: Option<DomainId>) -> Result<(), Error> {
    tx.run(
        "UPDATE domain SET authority_id = ?2, updated_at = ?3, next_check_at = ?3 WHERE authority_id = ?1",
        (from.number(), to.map(DomainId::number), tx.now().millis()),
    )?;
    Ok(())
}

/// Another owner; no key of the old one's stays tied, and its users and their groups mean nothing to the new one.
pub(crate) fn transfer(
    tx: &WriteTx<'_>,
    id: DomainId,
    account: AccountId,
    subscription: SubscriptionId,
) -> Result<Domain, Error> {
    one_changed(tx.one(
        "UPDATE domain SET account_id = ?2, subscription_id = ?3, api_key_id = NULL, user_id = NULL,
             organization_id = NULL, authority_id = NULL, claimed_at = ?4, updated_at = ?4
         WHERE id = ?1 RETURNING *",
        (id.number(), account.number(), subscription.number(), tx.now().millis()),
        domain,
    ))
}

pub(crate) fn set_status(
    tx: &WriteTx<'_>,
    id: DomainId,
    status: Status,
    proved_at: Option<Timestamp>,
) -> Result<(), Error> {
    tx.run(
        "UPDATE domain SET status = ?2, proved_at = ?3, updated_at = ?4 WHERE id = ?1",
        (id.number(), status.as_str(), proved_at.map(Timestamp::millis), tx.now().millis()),
    )?;
    Ok(())
}

/// Something that its status rests on has changed.
pub(crate) fn touch(tx: &WriteTx<'_>, id: DomainId) -> Result<(), Error> {
    tx.run("UPDATE domain SET updated_at = ?2 WHERE id = ?1", (id.number(), tx.now().millis()))?;
    Ok(())
}

pub(crate) fn set_next_check(
    tx: &WriteTx<'_>,
    id: DomainId,
    at: Timestamp,
    checks: u32,
) -> Result<(), Error> {
    tx.run(
        "UPDATE domain SET next_check_at = ?2, checks = ?3 WHERE id = ?1",
        (id.number(), at.millis(), checks),
    )?;
    Ok(())
}

pub(crate) fn is_any_due(tx: &ReadTx<'_>) -> Result<bool, Error> {
    let due = "SELECT 1 FROM domain WHERE next_check_at <= ?1 LIMIT 1";
    Ok(tx.one(due, [tx.now().millis()], |_| Ok(()))?.is_some())
}

/// Domains of any account whose check is due, put off until `lease`.
pub(crate) fn lend_due(
    tx: &WriteTx<'_>,
    lease: Timestamp,
    limit: u32,
) -> Result<Vec<(DomainId, AccountId)>, Error> {
    tx.all(
        "UPDATE domain SET next_check_at = :lease WHERE id IN
             (SELECT id FROM domain WHERE next_check_at <= :now ORDER BY next_check_at LIMIT :limit)
         RETURNING id, account_id",
        named_params! { ":lease": lease.millis(), ":now": tx.now().millis(), ":limit": limit },
        |row| Ok((DomainId::new(row.get(0)?), AccountId::new(row.get(1)?))),
    )
}

fn is_any_tied(tx: &ReadTx<'_>, account: AccountId) -> Result<bool, Error> {
    let tied = "SELECT 1 FROM api_key k JOIN domain d ON d.api_key_id = k.id WHERE k.account_id = ?1 LIMIT 1";
    Ok(tx.one(tied, [account.number()], |_| Ok(()))?.is_some())
}

pub(crate) fn is_live_key_of(tx: &ReadTx<'_>, account: AccountId, key: ApiKeyId) -> Result<bool, Error> {
    let found = tx.one(
        "SELECT 1 FROM api_key WHERE id = ?1 AND account_id = ?2 AND revoked_at IS NULL",
        (key.number(), account.number()),
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

pub(super) fn tie(tx: &WriteTx<'_>, id: DomainId, key: Option<ApiKeyId>) -> Result<Domain, Error> {
    one_changed(tx.one(
        "UPDATE domain SET api_key_id = ?2, updated_at = ?3 WHERE id = ?1 RETURNING *",
        (id.number(), number(key), tx.now().millis()),
        domain,
    ))
}

pub(crate) fn number(key: Option<ApiKeyId>) -> Option<i64> {
    key.map(ApiKeyId::number)
}

/// The row that a change returns: its domain was read in this transaction, or it is gone since.
fn one_changed(row: Result<Option<Domain>, Error>) -> Result<Domain, Error> {
    row?.ok_or(Error::NotFound(Entity::Domain))
}

pub(crate) fn domain(row: &Row<'_>) -> rusqlite::Result<Domain> {
    Ok(Domain {
        id: DomainId::new(row.get("id")?),
        account: AccountId::new(row.get("account_id")?),
        subscription: SubscriptionId::new(row.get("subscription_id")?),
        tied_to: row.get::<_, Option<i64>>("api_key_id")?.map(ApiKeyId::new),
        authority: row.get::<_, Option<i64>>("authority_id")?.map(DomainId::new),
        name: DomainName::stored(row.get("name")?),
        label: row.get("label")?,
        user: row.get::<_, Option<_>>("user_id")?.map(Tag::stored),
        organization: row.get::<_, Option<_>>("organization_id")?.map(Tag::stored),
        status: parsed(row, "status")?,
        wants_key: row.get("wants_key")?,
        proved_at: moment_if_any(row, "proved_at")?,
        checks: row.get("checks")?,
        next_check_at: moment(row, "next_check_at")?,
        claimed_at: moment(row, "claimed_at")?,
        created_at: moment(row, "created_at")?,
        updated_at: moment(row, "updated_at")?,
    })
}
