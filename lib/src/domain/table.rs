//! The SQL of domains, and the visibility rule.

use rusqlite::{Row, named_params};

use super::{Domain, Order};
use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx, moment, moment_if_any, parsed};
use crate::error::{Entity, Error};
use crate::id::{AccountId, ApiKeyId, DomainId, SubscriptionId};
use crate::name::DomainName;
use crate::page::{Direction, Page};

/// The visibility rule, over a `domain` called `d`, `:account` and `:key`. It stands here and nowhere else.
/// `:key` is null for the operator alone, who sees also what is tied to a key.
pub(crate) const VISIBLE: &str =
    "d.account_id = :account AND (:key IS NULL OR d.api_key_id IS NULL OR d.api_key_id = :key)";

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
pub(crate) fn page_of_ids(order: Order, direction: Direction) -> String {
    let sorting = sorting(order, direction);
    format!("SELECT d.id FROM domain d WHERE {VISIBLE} ORDER BY {sorting} LIMIT :limit OFFSET :offset")
}

pub(super) fn by_id(tx: &ReadTx<'_>, caller: &Caller, id: DomainId) -> Result<Option<Domain>, Error> {
    tx.one(
        &format!("SELECT d.* FROM domain d WHERE d.id = :id AND {VISIBLE}"),
        named_params! { ":id": id.number(), ":account": caller.account.number(), ":key": number(caller.key) },
        domain,
    )
}

pub(super) fn by_name(tx: &ReadTx<'_>, caller: &Caller, name: &DomainName) -> Result<Option<Domain>, Error> {
    tx.one(
        &format!("SELECT d.* FROM domain d WHERE d.name = :name AND {VISIBLE}"),
        named_params! { ":name": name.as_str(), ":account": caller.account.number(), ":key": number(caller.key) },
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
    let (ids, sorting) = (page_of_ids(order, direction), sorting(order, direction));
    tx.all(
        &format!("SELECT d.* FROM ({ids}) page JOIN domain d ON d.id = page.id ORDER BY {sorting}"),
        named_params! {
            ":account": caller.account.number(), ":key": number(caller.key),
            ":limit": page.sql_limit(), ":offset": page.sql_offset(),
        },
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
}

pub(crate) fn insert(tx: &WriteTx<'_>, new: &NewRow<'_>) -> Result<Domain, Error> {
    one_changed(tx.one(
        "INSERT INTO domain (account_id, subscription_id, name, label, claimed_at, created_at, updated_at)
         VALUES (:account, :subscription, :name, :label, :now, :now, :now) RETURNING *",
        named_params! {
            ":account": new.account.number(), ":subscription": new.subscription.number(),
            ":name": new.name.as_str(), ":label": new.label, ":now": tx.now().millis(),
        },
        domain,
    ))
}

pub(crate) fn delete(tx: &WriteTx<'_>, id: DomainId) -> Result<(), Error> {
    tx.run("DELETE FROM domain WHERE id = ?1", [id.number()])?;
    Ok(())
}

pub(super) fn set_label(tx: &WriteTx<'_>, id: DomainId, label: Option<&str>) -> Result<Domain, Error> {
    one_changed(tx.one(
        "UPDATE domain SET label = ?2, updated_at = ?3 WHERE id = ?1 RETURNING *",
        (id.number(), label, tx.now().millis()),
        domain,
    ))
}

/// Another name, with everything that was proved of the old one forgotten.
pub(crate) fn rename(tx: &WriteTx<'_>, id: DomainId, name: &DomainName) -> Result<Domain, Error> {
    one_changed(tx.one(
        "UPDATE domain SET name = ?2, status = 'pending', proved_at = NULL, claimed_at = ?3, updated_at = ?3
         WHERE id = ?1 RETURNING *",
        (id.number(), name.as_str(), tx.now().millis()),
        domain,
    ))
}

/// Another owner; no key of the old one's stays tied.
pub(crate) fn transfer(
    tx: &WriteTx<'_>,
    id: DomainId,
    account: AccountId,
    subscription: SubscriptionId,
) -> Result<Domain, Error> {
    one_changed(tx.one(
        "UPDATE domain SET account_id = ?2, subscription_id = ?3, api_key_id = NULL, claimed_at = ?4, updated_at = ?4
         WHERE id = ?1 RETURNING *",
        (id.number(), account.number(), subscription.number(), tx.now().millis()),
        domain,
    ))
}

pub(crate) fn set_status(
    tx: &WriteTx<'_>,
    id: DomainId,
    status: super::Status,
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

pub(super) fn is_live_key_of(tx: &ReadTx<'_>, account: AccountId, key: ApiKeyId) -> Result<bool, Error> {
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
        name: DomainName::stored(row.get("name")?),
        label: row.get("label")?,
        status: parsed(row, "status")?,
        proved_at: moment_if_any(row, "proved_at")?,
        claimed_at: moment(row, "claimed_at")?,
        created_at: moment(row, "created_at")?,
        updated_at: moment(row, "updated_at")?,
    })
}
