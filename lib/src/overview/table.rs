//! The SQL of overviews: what is joined to a domain, over the ids that the visibility rule lets through.

use std::sync::LazyLock;

use crate::account::Caller;
use crate::db::{self, ReadTx};
use crate::dkim::PublicKey;
use crate::dkim::table::{CURRENT_FIRST, check_joined, delegated_to, public_key};
use crate::domain::details::in_order;
use crate::domain::listing::{page_of_ids, sorting};
use crate::domain::table::{THOSE, details, those};
use crate::domain::visibility::{Scope, visible};
use crate::domain::{Details, Order};
use crate::error::Error;
use crate::id::DomainId;
use crate::name::Selector;
use crate::page::{Direction, Page};
use crate::webhook::{self, WebhookPublicKey};

/// A domain with what is joined to it.
pub(super) struct Row {
    pub(super) domain: Details,
    pub(super) dkim: Option<(Selector, PublicKey)>,
    pub(super) return_path_verified: bool,
    pub(super) webhook_public_key: Option<WebhookPublicKey>,
}

const COLUMNS: &str = "d.*, k.selector, k.algorithm, k.public_key, k.delegated_to, k.domain_id AS key_domain,
    k.checksum AS key_checksum, w.public_key AS webhook_public_key, w.checksum AS webhook_checksum,
    EXISTS (SELECT 1 FROM record r WHERE r.domain_id = d.id AND r.purpose = 'return_path'
            AND r.status = 'verified') AS return_path_verified";

static JOINS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "LEFT JOIN webhook_key w ON w.domain_id = d.id
         LEFT JOIN dkim_key k
             ON k.id = (SELECT id FROM dkim_key WHERE domain_id = d.id AND d.authority_id IS NULL
                     ORDER BY {CURRENT_FIRST} LIMIT 1)"
    )
});

pub(super) fn by_id(tx: &ReadTx<'_>, caller: &Caller, id: DomainId) -> Result<Option<Row>, Error> {
    tx.one(
        &format!("SELECT {COLUMNS} FROM domain d {} WHERE d.id = :id AND {}", *JOINS, visible(caller)),
        Scope::of(caller).with(&[(":id", &id.number())]).as_slice(),
        overview,
    )
}

pub(super) fn page(
    tx: &ReadTx<'_>,
    caller: &Caller,
    order: Order,
    direction: Direction,
    page: Page,
) -> Result<Vec<Row>, Error> {
    let (ids, sorting) = (page_of_ids(caller, order, direction), sorting(order, direction));
    tx.all_once(
        &format!(
            "SELECT {COLUMNS} FROM ({ids}) page JOIN domain d ON d.id = page.id {} ORDER BY {sorting}",
            *JOINS
        ),
        Scope::of_page(tx, caller)?
            .with(&[(":limit", &page.sql_limit()), (":offset", &page.sql_offset())])
            .as_slice(),
        "id",
        overview,
    )
}

pub(super) fn some(tx: &ReadTx<'_>, caller: &Caller, ids: &[DomainId]) -> Result<Vec<Row>, Error> {
    let visible = visible(caller);
    let mut found = tx.all(
        &format!("SELECT {COLUMNS} FROM domain d {} WHERE d.id IN ({THOSE}) AND {visible}", *JOINS),
        Scope::of(caller).with(&[(":ids", &those(ids))]).as_slice(),
        overview,
    )?;
    in_order(&mut found, ids, |row| row.domain.id);
    Ok(found)
}

fn overview(row: &db::Row<'_>) -> Result<Row, Error> {
    let selector = row.get::<_, Option<_>>("selector")?.map(Selector::stored);
    let dkim = selector.map(|selector| public_key(row).map(|public| (selector, public))).transpose()?;
    if let Some((selector, public)) = &dkim {
        check_joined(row, selector, public, delegated_to(row)?.as_ref())?;
    }
    let domain = details(row)?;
    let webhook_key: Option<[u8; 32]> = row.get("webhook_public_key")?;
    if let Some(public) = &webhook_key {
        let what = format_args!("the webhook key of the domain {}", domain.id);
        webhook::table::checksum(domain.id, public).check(row, "webhook_checksum", what)?;
    }
    Ok(Row {
        domain,
        dkim,
        return_path_verified: row.get("return_path_verified")?,
        webhook_public_key: webhook_key.map(WebhookPublicKey::stored),
    })
}
