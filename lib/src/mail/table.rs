//! The SQL of who an address is.

use crate::db::{ReadTx, named, parsed};
use crate::domain::Holder;
use crate::domain::holder::{self, OF_ALIAS};
use crate::error::Error;
use crate::id::DomainTokenId;
use crate::inbound::{self, Downstream};
use crate::name::DomainName;
use crate::route::Recipients;

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
             EXISTS (SELECT 1 FROM recipient WHERE domain_id = d.id AND local = :whole) AS is_whole,
             EXISTS (SELECT 1 FROM recipient WHERE domain_id = d.id AND local = :bare) AS is_bare, {OF_ALIAS}
         FROM domain d LEFT JOIN route r ON r.domain_id = d.id LEFT JOIN alias v ON v.name = :name WHERE d.id = {ID}"
    );
    tx.one(&sql, named! { ":name": name.as_str(), ":whole": whole, ":bare": bare }, |row| {
        Ok(Found {
            holder: holder::of_row_by_name(row)?,
            recipients: parsed(row, "recipients")?,
            catch_all: row.get::<_, Option<String>>("catch_all")?.map(|local| local.to_lowercase()),
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
