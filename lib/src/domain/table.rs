//! The SQL of domains, over those that the visibility rule lets through.

use std::collections::BTreeSet;

use super::visibility::{Scope, number, visible};
use super::{Details, Domain, DomainStatus};
use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::{Checksum, Params, ReadTx, Row, WriteTx, moment, moment_if_any, named, parsed};
use crate::error::{Entity, Error};
use crate::id::{AccountId, ApiKeyId, DomainId, SubscriptionId};
use crate::name::{DnsName, DomainName};
use crate::tag::Tag;

/// Selects the ids of the list that is bound to `:ids`. The text stays the same, however many there are: a statement is prepared once.
pub(crate) const THOSE: &str = "SELECT CAST(value AS BIGINT) FROM json_each(:ids)";

/// Ids as the list that [`THOSE`] reads, in JSON.
pub(crate) fn those(ids: &[DomainId]) -> String {
    numbers(ids.iter().map(|id| id.number()))
}

/// The numbers of ids of any kind as the list that [`THOSE`] reads.
pub(crate) fn numbers(all: impl Iterator<Item = i64>) -> String {
    let numbers: Vec<String> = all.map(|number| number.to_string()).collect();
    format!("[{}]", numbers.join(","))
}

pub(crate) fn by_id<'t>(tx: &ReadTx<'t>, caller: &Caller, id: DomainId) -> Result<Option<Domain<'t>>, Error> {
    let found = tx.one(
        &format!("SELECT d.* FROM domain d WHERE d.id = :id AND {}", visible(caller)),
        Scope::of(caller).with(&[(":id", &id.number())]).as_slice(),
        details,
    )?;
    found.map(|details| Domain::seen(tx, caller, details)).transpose()
}

pub(crate) fn by_name<'t>(
    tx: &ReadTx<'t>,
    caller: &Caller,
    name: &DomainName,
) -> Result<Option<Domain<'t>>, Error> {
    let found = tx.one(
        &format!("SELECT d.* FROM domain d WHERE d.name = :name AND {}", visible(caller)),
        Scope::of(caller).with(&[(":name", &name.as_str())]).as_slice(),
        details,
    )?;
    found.map(|details| Domain::seen(tx, caller, details)).transpose()
}

/// Those of these names that are domains which the caller may see.
pub(super) fn by_names<'t>(
    tx: &ReadTx<'t>,
    caller: &Caller,
    names: &[DomainName],
) -> Result<Vec<Domain<'t>>, Error> {
    // Names have letters, digits, dots and hyphens only, so that each is a JSON string as it is.
    // One that is asked for twice is found once.
    let texts: Vec<&str> =
        names.iter().map(DomainName::as_str).collect::<BTreeSet<_>>().into_iter().collect();
    let list = if texts.is_empty() { "[]".to_owned() } else { format!("[\"{}\"]", texts.join("\",\"")) };
    several(
        tx,
        caller,
        &format!(
            "SELECT d.* FROM json_each(:names) n JOIN domain d ON d.name = n.value WHERE {}",
            visible(caller)
        ),
        Scope::of(caller).with(&[(":names", &list.as_str())]).as_slice(),
    )
}

/// The domains that `sql` finds for this caller, with all of their columns.
pub(super) fn several<'t>(
    tx: &ReadTx<'t>,
    caller: &Caller,
    sql: &str,
    params: impl Params,
) -> Result<Vec<Domain<'t>>, Error> {
    let found = tx.all_once(sql, params, "id", details)?;
    found.into_iter().map(|details| Domain::seen(tx, caller, details)).collect()
}

/// Ids for so many new domains, which are put in before more are asked for.
pub(crate) fn next_ids(tx: &WriteTx<'_>, count: usize) -> Result<Vec<DomainId>, Error> {
    Ok(tx.next_ids("domain", count)?.into_iter().map(DomainId::new).collect())
}

/// A new domain of the caller's account and user, tied to no key; `covered` where it lies below a name that the account has proved.
pub(crate) fn insert<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    new: Details,
    covered: bool,
) -> Result<Domain<'t>, Error> {
    tx.put(
        "INSERT INTO domain (id, account_id, subscription_id, name, label, user_id, organization_id, status, next_check_at,
                             checks, wants_key, claimed_at, held_since, covered, created_at, updated_at, checksum)
         VALUES (:id, :account, :subscription, :name, :label, :user, :organization, :status, :next,
                 :checks, :wants_key, :claimed, :held, :covered, :created, :updated, :checksum)",
        named! {
            ":id": new.id.number(), ":account": new.account.number(), ":subscription": new.subscription.number(),
            ":name": new.name.as_str(), ":label": new.label,
            ":user": new.user.as_ref().map(Tag::as_str), ":organization": new.organization.as_ref().map(Tag::as_str),
            ":status": new.status.as_str(), ":next": new.next_check_at.millis(), ":checks": new.checks,
            ":wants_key": new.wants_key, ":claimed": new.claimed_at.millis(), ":held": new.held_since.millis(), ":covered": covered,
            ":created": new.created_at.millis(), ":updated": new.updated_at.millis(),
            ":checksum": checksum(new.id, new.account, &new.name),
        },
    )?;
    // The rule lets it through.
    Domain::seen(tx, caller, new)
}

pub(crate) fn delete(tx: &WriteTx<'_>, id: DomainId) -> Result<(), Error> {
    tx.run("DELETE FROM domain WHERE id = ?1", [id.number()])?;
    Ok(())
}

/// The key that alone may see the domain, if it is tied to one.
pub(crate) fn tied_to(tx: &ReadTx<'_>, id: DomainId) -> Result<Option<ApiKeyId>, Error> {
    let sql = "SELECT api_key_id FROM domain WHERE id = ?1 AND api_key_id IS NOT NULL";
    tx.one(sql, [id.number()], |row| row.get(0).map(ApiKeyId::new))
}

/// Notes that the domain is its account's, as the DNS has shown. What was known before stays.
pub(crate) fn prove(tx: &WriteTx<'_>, id: DomainId) -> Result<(), Error> {
    tx.run(
        "UPDATE domain SET proved_at = coalesce(proved_at, ?2), updated_at = ?2 WHERE id = ?1",
        (id.number(), tx.now().millis()),
    )?;
    Ok(())
}

/// Notes that the domain has its first DKIM key. Returns whether it was still to get it.
pub(crate) fn stop_waiting_for_key(tx: &WriteTx<'_>, id: DomainId) -> Result<bool, Error> {
    Ok(tx.run("UPDATE domain SET wants_key = 0 WHERE id = ?1 AND wants_key = 1", [id.number()])? > 0)
}

/// Gives a domain that has no user one.
pub(crate) fn adopt<'t>(
    tx: &WriteTx<'t>,
    domain: &Domain<'t>,
    user: &Tag,
    organization: Option<&Tag>,
) -> Result<Domain<'t>, Error> {
    change(
        tx,
        domain,
        "UPDATE domain SET user_id = ?2, organization_id = ?3, updated_at = ?4
         WHERE id = ?1 AND user_id IS NULL RETURNING *",
        (domain.id.number(), user.as_str(), organization.map(Tag::as_str), tx.now().millis()),
    )
}

pub(super) fn set_label<'t>(
    tx: &WriteTx<'t>,
    domain: &Domain<'t>,
    label: Option<&str>,
) -> Result<Domain<'t>, Error> {
    change(
        tx,
        domain,
        "UPDATE domain SET label = ?2, updated_at = ?3 WHERE id = ?1 RETURNING *",
        (domain.id.number(), label, tx.now().millis()),
    )
}

/// A name that a domain takes.
pub(crate) struct NewClaim<'a> {
    pub(crate) name: &'a DomainName,
    /// Since when the account's claim to it counts.
    pub(crate) claimed_at: Timestamp,
    /// Whether it lies below a name that the account has proved.
    pub(crate) covered: bool,
}

/// Another name, with everything that was proved of the old one forgotten. Its status follows from its new records.
pub(crate) fn rename<'t>(
    tx: &WriteTx<'t>,
    domain: &Domain<'t>,
    claim: &NewClaim<'_>,
    next_check_at: Timestamp,
) -> Result<Domain<'t>, Error> {
    change(
        tx, domain,
        "UPDATE domain SET name = ?2, proved_at = NULL, missed_at = NULL, authority_id = NULL, claimed_at = ?5, held_since = ?3, updated_at = ?3,
             checks = 0, name_servers = NULL, next_check_at = ?4, covered = ?6, checksum = ?7
         WHERE id = ?1 RETURNING *",
        (
            domain.id.number(),
            claim.name.as_str(),
            tx.now().millis(),
            next_check_at.millis(),
            claim.claimed_at.millis(),
            claim.covered,
            checksum(domain.id, domain.account, claim.name),
        ),
    )
}

/// Gives the domain this authority, or itself.
pub(crate) fn set_authority<'t>(
    tx: &WriteTx<'t>,
    domain: &Domain<'t>,
    authority: Option<DomainId>,
) -> Result<Domain<'t>, Error> {
    change(
        tx,
        domain,
        "UPDATE domain SET authority_id = ?2, updated_at = ?3 WHERE id = ?1 RETURNING *",
        (domain.id.number(), authority.map(DomainId::number), tx.now().millis()),
    )
}

/// Has the domains for which this one is the authority checked by then.
pub(crate) fn check_dependents_by(tx: &WriteTx<'_>, id: DomainId, then: Timestamp) -> Result<(), Error> {
    tx.run(
        "UPDATE domain SET next_check_at = ?2 WHERE authority_id = ?1 AND next_check_at > ?2",
        (id.number(), then.millis()),
    )?;
    Ok(())
}

/// Gives all for which `from` is the authority another one: `to`, or themselves. Returns which those are.
pub(crate) fn hand_on_authority(
    tx: &WriteTx<'_>,
    from: DomainId,
    to: Option<DomainId>,
) -> Result<Vec<DomainId>, Error> {
    tx.all(
        "UPDATE domain SET authority_id = ?2, updated_at = ?3, next_check_at = ?3 WHERE authority_id = ?1
         RETURNING id",
        (from.number(), to.map(DomainId::number), tx.now().millis()),
        |row| row.get(0).map(DomainId::new),
    )
}

/// Keeps the names of the servers of the domain's zone, where they differ from those that are known.
pub(crate) fn set_name_servers(
    tx: &WriteTx<'_>,
    id: DomainId,
    servers: &BTreeSet<&DnsName>,
) -> Result<(), Error> {
    let names: Vec<&str> = servers.iter().map(|name| name.as_str()).collect();
    tx.run(
        "UPDATE domain SET name_servers = :names WHERE id = :id AND (name_servers IS NULL OR name_servers <> :names)",
        named! { ":names": names.join(" "), ":id": id.number() },
    )?;
    Ok(())
}

/// The names of the servers of the domain's zone, as the last check that asked them had them.
pub(super) fn name_servers(tx: &ReadTx<'_>, id: DomainId) -> Result<Vec<String>, Error> {
    let names = tx.one("SELECT name_servers FROM domain WHERE id = ?1", [id.number()], |row| {
        row.get::<_, Option<String>>(0)
    })?;
    Ok(names.flatten().unwrap_or_default().split_whitespace().map(str::to_owned).collect())
}

/// How many domains the keys of this one sign for that the caller may not see.
pub(crate) fn count_hidden_dependents(tx: &ReadTx<'_>, caller: &Caller, id: DomainId) -> Result<u64, Error> {
    let visible = visible(caller);
    let count = tx.one(
        &format!("SELECT count(*) FROM domain d WHERE d.authority_id = :id AND ({visible}) IS NOT TRUE"),
        Scope::of(caller).with(&[(":id", &id.number())]).as_slice(),
        |row| row.get::<_, i64>(0),
    )?;
    Ok(count.unwrap_or(0).unsigned_abs())
}

/// Another owner, by the operator's decision, which stands for its proof; no key of the old one's stays tied, and its users
/// and their groups mean nothing to the new one.
pub(crate) fn transfer<'t>(
    tx: &WriteTx<'t>,
    domain: &Domain<'t>,
    account: AccountId,
    subscription: SubscriptionId,
) -> Result<Details, Error> {
    // Else the old account's limited keys would see it again if it ever came back.
    tx.run("DELETE FROM api_key_domain WHERE domain_id = ?1", [domain.id.number()])?;
    changed(
        tx,
        "UPDATE domain SET account_id = ?2, subscription_id = ?3, api_key_id = NULL, user_id = NULL,
             organization_id = NULL, authority_id = NULL, claimed_at = ?4, held_since = ?4, updated_at = ?4,
             proved_at = coalesce(proved_at, ?4), missed_at = NULL, checksum = ?5
         WHERE id = ?1 RETURNING *",
        (
            domain.id.number(),
            account.number(),
            subscription.number(),
            tx.now().millis(),
            checksum(domain.id, account, &domain.name),
        ),
    )
}

pub(crate) fn set_status(tx: &WriteTx<'_>, id: DomainId, status: DomainStatus) -> Result<(), Error> {
    tx.run(
        "UPDATE domain SET status = ?2, updated_at = ?3 WHERE id = ?1",
        (id.number(), status.as_str(), tx.now().millis()),
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

/// A domain whose check is some time ahead.
pub(crate) struct Ahead {
    pub(crate) domain: DomainId,
    pub(crate) at: Timestamp,
    pub(crate) status: DomainStatus,
    pub(crate) checks: u32,
}

/// Up to a thousand domains whose check comes after `then`, the last ones first: those that come before the one given.
pub(crate) fn far_ahead(
    tx: &ReadTx<'_>,
    then: Timestamp,
    before: Option<(Timestamp, DomainId)>,
) -> Result<Vec<Ahead>, Error> {
    let (at, id) = before.map_or((i64::MAX, i64::MAX), |(at, id)| (at.millis(), id.number()));
    tx.all(
        "SELECT id, next_check_at, status, checks FROM domain
         WHERE next_check_at > ?1 AND next_check_at <= ?2 AND (next_check_at < ?2 OR id < ?3)
         ORDER BY next_check_at DESC, id DESC LIMIT 1000",
        (then.millis(), at, id),
        |row| {
            Ok(Ahead {
                domain: DomainId::new(row.get("id")?),
                at: moment(row, "next_check_at")?,
                status: parsed(row, "status")?,
                checks: row.get("checks")?,
            })
        },
    )
}

pub(crate) fn is_any_due(tx: &ReadTx<'_>) -> Result<bool, Error> {
    let due = "SELECT 1 FROM domain WHERE next_check_at <= ?1 LIMIT 1";
    Ok(tx.one(due, [tx.now().millis()], |_| Ok(()))?.is_some())
}

pub(super) fn tie<'t>(
    tx: &WriteTx<'t>,
    domain: &Domain<'t>,
    key: Option<ApiKeyId>,
) -> Result<Details, Error> {
    changed(
        tx,
        "UPDATE domain SET api_key_id = ?2, updated_at = ?3 WHERE id = ?1 RETURNING *",
        (domain.id.number(), number(key), tx.now().millis()),
    )
}

/// The domain after a change by `sql`, which returns its row.
fn change<'t>(
    tx: &WriteTx<'t>,
    domain: &Domain<'t>,
    sql: &str,
    params: impl Params,
) -> Result<Domain<'t>, Error> {
    changed(tx, sql, params).map(|details| domain.changed(details))
}

/// What a change by `sql` made of a domain that its caller may not see any more.
fn changed(tx: &WriteTx<'_>, sql: &str, params: impl Params) -> Result<Details, Error> {
    tx.one(sql, params, details)?.ok_or(Error::NotFound(Entity::Domain))
}

/// The checksum of whose domain it is, and under which name.
pub(crate) fn checksum(id: DomainId, account: AccountId, name: &DomainName) -> Checksum {
    Checksum::of(&[&id.number(), &account.number(), &name.as_str()])
}

/// What there is to show of a domain, of a row that has all of its columns.
pub(crate) fn details(row: &Row<'_>) -> Result<Details, Error> {
    let details = unchecked(row)?;
    let checksum = checksum(details.id, details.account, &details.name);
    checksum.check(row, "checksum", format_args!("the domain {}", details.id))?;
    Ok(details)
}

/// The checksum of a row that is right, or has none yet.
pub(crate) fn right_checksum(tx: &ReadTx<'_>, id: i64) -> Result<Option<Checksum>, Error> {
    let found = tx.one("SELECT * FROM domain WHERE id = ?1", [id], details)?;
    Ok(found.map(|domain| checksum(domain.id, domain.account, &domain.name)))
}

fn unchecked(row: &Row<'_>) -> Result<Details, Error> {
    Ok(Details {
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
        held_since: moment(row, "held_since")?,
        created_at: moment(row, "created_at")?,
        updated_at: moment(row, "updated_at")?,
    })
}
