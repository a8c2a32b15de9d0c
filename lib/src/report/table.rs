//! The SQL of reports. Only two statements touch the messages: the one that keeps one, and the one that reads one.

use super::{NewReport, Report, Selection};
use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::{ReadTx, Row, WriteTx, moment, named, parsed};
use crate::domain::Details;
use crate::error::Error;
use crate::id::{AccountId, ApiKeyId, ReportId};
use crate::name::DomainName;
use crate::page::Page;

/// The envelope, each part as it can stand on one line.
pub(super) struct Envelope<'a> {
    pub(super) helo: Option<&'a str>,
    pub(super) sender: Option<&'a str>,
    pub(super) recipient: Option<&'a str>,
    pub(super) client: Option<&'a str>,
}

pub(super) fn insert(
    tx: &WriteTx<'_>,
    caller: &Caller,
    new: &NewReport<'_>,
    envelope: &Envelope<'_>,
    domain: Option<DomainName>,
) -> Result<Report, Error> {
    let filed_at = tx.now();
    let octets = new.message.len() as u64;
    let id = tx.insert(
        "INSERT INTO report (account_id, api_key_id, kind, domain, helo, sender, recipient, client, octets, filed_at)
         VALUES (:account, :key, :kind, :domain, :helo, :sender, :recipient, :client, :octets, :now)",
        named! {
            ":account": caller.account().number(), ":key": caller.key().map(ApiKeyId::number),
            ":kind": new.kind.as_str(), ":domain": domain.as_ref().map(DomainName::as_str),
            ":helo": envelope.helo, ":sender": envelope.sender, ":recipient": envelope.recipient,
            ":client": envelope.client, ":octets": i64::try_from(octets).unwrap_or(i64::MAX),
            ":now": filed_at.millis(),
        },
    )?;
    tx.run("INSERT INTO report_message (report_id, octets) VALUES (?1, ?2)", (id, new.message))?;
    Ok(Report {
        id: ReportId::new(id),
        account: caller.account(),
        key: caller.key(),
        kind: new.kind,
        domain,
        helo: envelope.helo.map(str::to_owned),
        sender: envelope.sender.map(str::to_owned),
        recipient: envelope.recipient.map(str::to_owned),
        client: envelope.client.map(str::to_owned),
        octets,
        filed_at,
    })
}

pub(super) fn by_id(tx: &ReadTx<'_>, id: ReportId) -> Result<Option<Report>, Error> {
    tx.one("SELECT * FROM report WHERE id = ?1", [id.number()], report)
}

pub(super) fn message(tx: &ReadTx<'_>, id: ReportId) -> Result<Option<Vec<u8>>, Error> {
    tx.one("SELECT octets FROM report_message WHERE report_id = ?1", [id.number()], |row| row.get(0))
}

pub(super) fn page(tx: &ReadTx<'_>, selection: &Selection, page: Page) -> Result<Vec<Report>, Error> {
    tx.all(
        &format!(
            "SELECT * FROM report WHERE {} ORDER BY id DESC LIMIT :limit OFFSET :offset",
            selected(selection)
        ),
        named! {
            ":account": selection.account.map(AccountId::number), ":since": since(selection),
            ":limit": page.sql_limit(), ":offset": page.sql_offset(),
        },
        report,
    )
}

pub(super) fn of_domain(
    tx: &ReadTx<'_>,
    domain: &Details,
    before: i64,
    limit: u32,
) -> Result<Vec<Report>, Error> {
    tx.all(
        "SELECT * FROM report WHERE account_id = :account AND id < :before AND domain = :domain AND filed_at >= :since
         ORDER BY id DESC LIMIT :limit",
        named! {
            ":account": domain.account.number(), ":before": before, ":domain": domain.name.as_str(),
            ":since": domain.held_since.millis(), ":limit": limit,
        },
        report,
    )
}

pub(super) fn next(
    tx: &ReadTx<'_>,
    selection: &Selection,
    after: Option<ReportId>,
) -> Result<Option<Report>, Error> {
    tx.one(
        &format!("SELECT * FROM report WHERE {} AND id > :after ORDER BY id LIMIT 1", selected(selection)),
        named! {
            ":account": selection.account.map(AccountId::number), ":since": since(selection),
            ":after": after.map_or(0, ReportId::number),
        },
        report,
    )
}

pub(super) fn delete_before(tx: &WriteTx<'_>, before: Timestamp, limit: u32) -> Result<usize, Error> {
    tx.run(
        "DELETE FROM report WHERE id IN
             (SELECT id FROM report WHERE filed_at < ?1 ORDER BY filed_at LIMIT ?2)",
        (before.millis(), limit),
    )
}

/// Two texts, for an index serves `account_id = :account` and not `:account IS NULL OR …`.
fn selected(selection: &Selection) -> &'static str {
    if selection.account.is_some() {
        "account_id = :account AND filed_at >= :since"
    } else {
        "CAST(:account AS BIGINT) IS NULL AND filed_at >= :since"
    }
}

fn since(selection: &Selection) -> i64 {
    selection.since.map_or(i64::MIN, Timestamp::millis)
}

fn report(row: &Row<'_>) -> Result<Report, Error> {
    Ok(Report {
        id: ReportId::new(row.get("id")?),
        account: AccountId::new(row.get("account_id")?),
        key: row.get::<_, Option<i64>>("api_key_id")?.map(ApiKeyId::new),
        kind: parsed(row, "kind")?,
        domain: row.get::<_, Option<String>>("domain")?.map(DomainName::stored),
        helo: row.get("helo")?,
        sender: row.get("sender")?,
        recipient: row.get("recipient")?,
        client: row.get("client")?,
        octets: row.get::<_, i64>("octets")?.unsigned_abs(),
        filed_at: moment(row, "filed_at")?,
    })
}
