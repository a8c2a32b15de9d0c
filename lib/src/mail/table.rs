//! The SQL of who an address is.

use super::return_path::FirstSender;
use crate::address::{comparable_local, decomposed};
use crate::clock::Timestamp;
use crate::db::{ReadTx, SealedColumn, WriteTx, named, parsed};
use crate::domain::Holder;
use crate::domain::holder::{self, OF_ALIAS};
use crate::error::Error;
use crate::id::{DomainId, DomainTokenId};
use crate::inbound::{self, Downstream};
use crate::name::DomainName;
use crate::route::Recipients;

/// The key of return paths.
pub(crate) const SEALED: SealedColumn = SealedColumn {
    table: "return_path_key",
    row: "id",
    column: "sealed",
    identity: |_| Ok(super::KEY_IDENTITY.to_owned()),
};

/// The id of the domain of the name `:name`, or of which that is an alias.
const ID: &str =
    "coalesce((SELECT id FROM domain WHERE name = :name), (SELECT domain_id FROM alias WHERE name = :name))";

/// A domain, and what is known of one address at it.
pub(super) struct Found<'t> {
    pub(super) holder: Holder<'t>,
    pub(super) recipients: Recipients,
    pub(super) catch_all: Option<String>,
    pub(super) whole: bool,
    pub(super) bare: bool,
}

pub(super) fn find<'t>(
    tx: &ReadTx<'t>,
    name: &DomainName,
    whole: &str,
    bare: &str,
) -> Result<Option<Found<'t>>, Error> {
    let sql = format!(
        "SELECT d.*, coalesce(r.recipients, 'any') AS recipients, r.catch_all,
             EXISTS (SELECT 1 FROM recipient WHERE domain_id = d.id AND local IN (:whole, :whole_apart)) AS is_whole,
             EXISTS (SELECT 1 FROM recipient WHERE domain_id = d.id AND local IN (:bare, :bare_apart)) AS is_bare, {OF_ALIAS}
         FROM domain d LEFT JOIN route r ON r.domain_id = d.id LEFT JOIN alias v ON v.name = :name WHERE d.id = {ID}"
    );
    let (whole_apart, bare_apart) = (decomposed(whole), decomposed(bare));
    let parameters: [(&str, &str); 5] = [
        (":name", name.as_str()),
        (":whole", whole),
        (":whole_apart", &whole_apart),
        (":bare", bare),
        (":bare_apart", &bare_apart),
    ];
    tx.one(&sql, parameters.as_slice(), |row| {
        Ok(Found {
            holder: holder::of_row_by_name(row)?,
            recipients: parsed(row, "recipients")?,
            catch_all: row.get::<_, Option<String>>("catch_all")?.map(|local| comparable_local(&local)),
            whole: row.get("is_whole")?,
            bare: row.get("is_bare")?,
        })
    })
}

pub(super) fn holder_of_token<'t>(
    tx: &ReadTx<'t>,
    token: DomainTokenId,
) -> Result<Option<Holder<'t>>, Error> {
    let sql = "SELECT d.* FROM domain_token t JOIN domain d ON d.id = t.domain_id
               WHERE t.id = ?1 AND t.revoked_at IS NULL";
    holder::one(tx, sql, [token.number()])
}

pub(super) fn onward(tx: &ReadTx<'_>, name: &DomainName) -> Result<Vec<Downstream>, Error> {
    let sql = format!(
        "SELECT s.* FROM downstream_address s LEFT JOIN route r ON r.domain_id = s.domain_id
         WHERE s.domain_id = {ID} AND coalesce(r.mode, 'store') = 'store'
         ORDER BY s.priority, s.weight DESC, s.id"
    );
    tx.all(&sql, named! { ":name": name.as_str() }, inbound::downstream_of)
}

pub(super) fn path_key(tx: &ReadTx<'_>) -> Result<Option<Vec<u8>>, Error> {
    tx.one("SELECT sealed FROM return_path_key WHERE id = 1", [], |row| row.get(0))
}

pub(super) fn insert_path_key(tx: &WriteTx<'_>, sealed: &[u8]) -> Result<(), Error> {
    let sql = "INSERT INTO return_path_key (id, sealed) VALUES (1, :sealed)";
    tx.run(sql, named! { ":sealed": sealed })?;
    Ok(())
}

/// The sender that a domain keeps under this key.
pub(super) fn kept_sender(
    tx: &ReadTx<'_>,
    domain: DomainId,
    key: &str,
) -> Result<Option<FirstSender>, Error> {
    let sql = "SELECT sender FROM return_path WHERE domain_id = :domain AND key = :key";
    tx.one(sql, named! { ":domain": domain.number(), ":key": key }, |row| row.get(0).map(FirstSender::stored))
}

pub(super) fn is_kept_since(
    tx: &ReadTx<'_>,
    domain: DomainId,
    key: &str,
    since: Timestamp,
) -> Result<bool, Error> {
    let sql =
        "SELECT count(*) FROM return_path WHERE domain_id = :domain AND key = :key AND used_at >= :since";
    let count =
        tx.one(sql, named! { ":domain": domain.number(), ":key": key, ":since": since.millis() }, |row| {
            row.get::<_, i64>(0)
        })?;
    Ok(count.unwrap_or(0) > 0)
}

pub(super) fn keep_sender(
    tx: &WriteTx<'_>,
    domain: DomainId,
    key: &str,
    sender: &FirstSender,
) -> Result<(), Error> {
    tx.run(
        "INSERT INTO return_path (domain_id, key, sender, used_at) VALUES (:domain, :key, :sender, :now)
         ON CONFLICT (domain_id, key) DO UPDATE SET used_at = :now",
        named! {
            ":domain": domain.number(), ":key": key, ":sender": sender.as_str(), ":now": tx.now().millis(),
        },
    )?;
    Ok(())
}

/// Forgets some senders whose return paths nobody may use any more.
pub(super) fn forget_senders(tx: &WriteTx<'_>, before: Timestamp) -> Result<(), Error> {
    tx.run(
        "DELETE FROM return_path WHERE id IN
             (SELECT id FROM return_path WHERE used_at < :before ORDER BY used_at LIMIT 100)",
        named! { ":before": before.millis() },
    )?;
    Ok(())
}

/// Forgets the oldest sender of a domain that keeps more than so many. One is added at a time.
pub(super) fn make_room(tx: &WriteTx<'_>, domain: DomainId, most: u32) -> Result<(), Error> {
    tx.run(
        "DELETE FROM return_path WHERE id IN (SELECT id FROM return_path WHERE domain_id = :domain
             ORDER BY used_at DESC, id DESC LIMIT 1 OFFSET :most)",
        named! { ":domain": domain.number(), ":most": most },
    )?;
    Ok(())
}
