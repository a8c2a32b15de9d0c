//! The SQL of routes.

use super::{Route, WebhookUrl};
use crate::address::EmailAddress;
use crate::db::{ReadTx, Row, SealedColumn, WriteTx, named, parsed};
use crate::error::Error;
use crate::id::DomainId;

/// The secrets of webhooks.
pub(crate) const SEALED: SealedColumn = SealedColumn {
    table: "route",
    row: "domain_id",
    column: "sealed_secret",
    identity: |row| Ok(super::identity(DomainId::new(row.get("domain_id")?))),
};

pub(super) fn by_domain(tx: &ReadTx<'_>, domain: DomainId) -> Result<Option<Route>, Error> {
    tx.one(
        "SELECT r.mode, r.webhook_url, r.sealed_secret IS NOT NULL AS has_secret, r.forward_to, r.recipients,
             r.catch_all || '@' || d.name AS catch_all
         FROM route r JOIN domain d ON d.id = r.domain_id WHERE r.domain_id = ?1",
        [domain.number()],
        route,
    )
}

pub(super) fn upsert(tx: &WriteTx<'_>, domain: DomainId, route: &Route) -> Result<(), Error> {
    tx.run(
        "INSERT INTO route (domain_id, mode, webhook_url, forward_to, recipients, catch_all)
         VALUES (:domain, :mode, :webhook_url, :forward_to, :recipients, :catch_all)
         ON CONFLICT (domain_id) DO UPDATE
             SET mode = :mode, webhook_url = :webhook_url, forward_to = :forward_to,
                 recipients = :recipients, catch_all = :catch_all",
        named! {
            ":domain": domain.number(), ":mode": route.mode.as_str(),
            ":webhook_url": route.webhook_url.as_ref().map(WebhookUrl::as_str),
            ":forward_to": route.forward_to.as_ref().map(EmailAddress::to_string),
            ":recipients": route.recipients.as_str(),
            ":catch_all": route.catch_all.as_ref().map(EmailAddress::local),
        },
    )?;
    Ok(())
}

pub(super) fn delete(tx: &WriteTx<'_>, domain: DomainId) -> Result<(), Error> {
    tx.run("DELETE FROM route WHERE domain_id = ?1", [domain.number()])?;
    Ok(())
}

pub(super) fn set_secret(tx: &WriteTx<'_>, domain: DomainId, sealed: Option<&[u8]>) -> Result<(), Error> {
    tx.run("UPDATE route SET sealed_secret = ?2 WHERE domain_id = ?1", (domain.number(), sealed))?;
    Ok(())
}

pub(super) fn sealed_secret(tx: &ReadTx<'_>, domain: DomainId) -> Result<Option<Vec<u8>>, Error> {
    let sql = "SELECT sealed_secret FROM route WHERE domain_id = :domain";
    Ok(tx.one(sql, named! { ":domain": domain.number() }, |row| row.get(0))?.flatten())
}

fn route(row: &Row<'_>) -> Result<Route, Error> {
    Ok(Route {
        mode: parsed(row, "mode")?,
        webhook_url: row.get::<_, Option<_>>("webhook_url")?.map(WebhookUrl::stored),
        has_webhook_secret: row.get("has_secret")?,
        forward_to: row.get::<_, Option<String>>("forward_to")?.map(EmailAddress::stored),
        recipients: parsed(row, "recipients")?,
        catch_all: row.get::<_, Option<String>>("catch_all")?.map(EmailAddress::stored),
    })
}
