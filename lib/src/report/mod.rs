//! Reports of misclassified messages: each message is kept whole with its envelope, for the operator, for a limited time.
//!
//! A report belongs to the account that filed it. If the recipient's domain is the caller's, the report also names the
//! domain. A recipient at somebody else's domain, at an unknown domain, or none at all is no reason to refuse the report, and
//! all three look the same. A report does not change when its domain is renamed, transferred or deleted.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::report::{self, NewReport, ReportKind};
//!
//! let message = b"From: a@example.org\r\n\r\nHello\r\n";
//! let filed = postroom.write(|tx| {
//!     report::file(tx, &caller, &NewReport::of(ReportKind::FalsePositive, message))
//! })?;
//! assert_eq!(postroom.read(|tx| report::message(tx, &filed))?, message);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod mbox;
mod message;
mod reading;
mod table;

use crate::account::Caller;
use crate::address::EmailAddress;
use crate::cap::Cap;
use crate::clock::Timestamp;
use crate::db::{Postroom, ReadTx, WriteTx};
use crate::domain::Domain;
use crate::error::{Entity, Error};
use crate::event::Change;
use crate::id::{AccountId, ApiKeyId, ReportId};
use crate::ledger;
use crate::name::DomainName;
use crate::page::Page;
use crate::recipient;
use crate::word::words;

pub use message::InvalidReportMessage;
pub use reading::{Readable, is_unseen, readable};

/// The most octets of a part of an envelope: a command line of SMTP (RFC 5321 section 4.5.3.1.4).
const MAX_ENVELOPE_OCTETS: usize = 512;
/// How many reports are deleted in one transaction: their messages are overwritten, and each may be large.
const DELETED_AT_ONCE: u32 = 10;

words! {
    /// What was wrong with how a message was treated.
    pub enum ReportKind {
        /// The message was treated as junk, and is not junk.
        FalsePositive = "false_positive",
        /// The message was not treated as junk, and is junk.
        FalseNegative = "false_negative",
    }
    else InvalidReportKind
}

/// A word that is no kind of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a report's kind is false_positive or false_negative")]
pub struct InvalidReportKind;

/// A message to report, with the known parts of its envelope. They are kept as given, because junk often comes from malformed
/// addresses.
#[derive(Clone, Copy)]
pub struct NewReport<'a> {
    /// What was wrong.
    pub kind: ReportKind,
    /// The whole message, unaltered.
    pub message: &'a [u8],
    /// What the client said in HELO or EHLO.
    pub helo: Option<&'a str>,
    /// The reverse-path; an empty one is the null reverse-path of bounces.
    pub sender: Option<&'a str>,
    /// The forward-path.
    pub recipient: Option<&'a str>,
    /// The host that sent it, by name or address.
    pub client: Option<&'a str>,
}

impl<'a> NewReport<'a> {
    /// A message of which no envelope is known.
    pub fn of(kind: ReportKind, message: &'a [u8]) -> NewReport<'a> {
        NewReport { kind, message, helo: None, sender: None, recipient: None, client: None }
    }
}

/// A report, without its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its id.
    pub id: ReportId,
    /// The account that filed it.
    pub account: AccountId,
    /// The key with which it was filed; the operator has none.
    pub key: Option<ApiKeyId>,
    /// What was wrong.
    pub kind: ReportKind,
    /// The recipient's domain, if it was the caller's.
    pub domain: Option<DomainName>,
    /// What the client said in HELO or EHLO.
    pub helo: Option<String>,
    /// The reverse-path; empty for the null reverse-path.
    pub sender: Option<String>,
    /// The forward-path.
    pub recipient: Option<String>,
    /// The host that sent it.
    pub client: Option<String>,
    /// How long its message is.
    pub octets: u64,
    /// When it was filed.
    pub filed_at: Timestamp,
}

/// Which reports.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selection {
    /// Of this account alone.
    pub account: Option<AccountId>,
    /// Filed then or later.
    pub since: Option<Timestamp>,
}

/// Keeps a report.
///
/// Fails with `Invalid` for `message` if it is not a message (see [`InvalidReportMessage`]) or too large, and for a part of
/// the envelope that is longer than SMTP allows or has control characters; with `Cap` if the account's reports already fill
/// its room.
pub fn file(tx: &WriteTx<'_>, caller: &Caller, new: &NewReport<'_>) -> Result<Report, Error> {
    let settings = tx.settings();
    let octets = new.message.len() as u64;
    if octets > settings.max_report_octets {
        let reason = format!("it is larger than {} octets", settings.max_report_octets);
        return Err(Error::Invalid { field: "message", reason });
    }
    message::check(new.message).map_err(|reason| Error::invalid("message", reason))?;
    let recipient = path("recipient", new.recipient)?;
    let envelope = table::Envelope {
        helo: line("helo", new.helo)?,
        sender: path("sender", new.sender)?,
        recipient,
        client: line("client", new.client)?,
    };
    ledger::make_room(tx, caller.account(), Cap::Reports, octets)?;
    let domain = envelope.recipient.map(|recipient| own_domain(tx, caller, recipient)).transpose()?.flatten();
    let report = table::insert(tx, caller, new, &envelope, domain)?;
    let change = Change::ReportFiled {
        report: report.id,
        kind: report.kind.to_string(),
        domain: report.domain.clone(),
    };
    tx.tell(caller.actor(), report.account, &change)?;
    Ok(report)
}

/// A page of reports, the newest first.
pub fn list(tx: &ReadTx<'_>, selection: &Selection, page: Page) -> Result<Vec<Report>, Error> {
    table::page(tx, selection, page)
}

/// The report with this id, whoever filed it: for the operator.
pub fn find(tx: &ReadTx<'_>, id: ReportId) -> Result<Report, Error> {
    table::by_id(tx, id)?.ok_or(Error::NotFound(Entity::Report))
}

/// The message of a report, octet for octet.
pub fn message(tx: &ReadTx<'_>, report: &Report) -> Result<Vec<u8>, Error> {
    table::message(tx, report.id)?.ok_or(Error::NotFound(Entity::Report))
}

/// The reports of messages to a domain, filed since it is its account's: the newest first, or the newest before one.
pub fn of_domain<'t>(
    tx: &ReadTx<'t>,
    domain: &Domain<'t>,
    before: Option<ReportId>,
    limit: u32,
) -> Result<Vec<Report>, Error> {
    table::of_domain(tx, domain, before.map_or(i64::MAX, ReportId::number), limit)
}

/// One of the reports that [`of_domain`] lists.
pub fn find_of<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>, id: ReportId) -> Result<Report, Error> {
    let just_after = ReportId::new(id.number().saturating_add(1));
    let found = of_domain(tx, domain, Some(just_after), 1)?.into_iter().find(|report| report.id == id);
    found.ok_or(Error::NotFound(Entity::Report))
}

/// The first of the selected reports that was filed after this one, or the first of all. An export goes from one to the next
/// with it, so it keeps no transaction open and no more than one message in memory.
pub fn next(
    tx: &ReadTx<'_>,
    selection: &Selection,
    after: Option<ReportId>,
) -> Result<Option<Report>, Error> {
    table::next(tx, selection, after)
}

/// Deletes reports that are too old, a few in each transaction, and returns how many it deleted: none as long as the clock is
/// not believed. A background thread calls
/// it; without one, a command that shows reports does.
pub fn expire(postroom: &Postroom) -> Result<usize, Error> {
    let mut deleted = 0;
    loop {
        let now = postroom.write(|tx| {
            let before = tx.now() - tx.settings().keep_reports_for;
            tx.expire(|| table::delete_before(tx, before, DELETED_AT_ONCE))
        })?;
        deleted += now;
        if now < DELETED_AT_ONCE as usize {
            return Ok(deleted);
        }
    }
}

/// The recipient's domain, if the caller sees it: of an alias, the one to which it leads.
fn own_domain(tx: &ReadTx<'_>, caller: &Caller, recipient: &str) -> Result<Option<DomainName>, Error> {
    let Ok(address) = recipient.parse::<EmailAddress>() else { return Ok(None) };
    match recipient::domain_of(tx, caller, address.domain()) {
        Ok(domain) => Ok(Some(domain.into_details().name)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A path without its angle brackets.
fn path<'a>(field: &'static str, text: Option<&'a str>) -> Result<Option<&'a str>, Error> {
    let bare = |text: &'a str| text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
    Ok(line(field, text)?.map(bare))
}

/// A part of an envelope as it can stand on one line.
fn line<'a>(field: &'static str, text: Option<&'a str>) -> Result<Option<&'a str>, Error> {
    let Some(text) = text.map(str::trim) else { return Ok(None) };
    if text.len() > MAX_ENVELOPE_OCTETS {
        return Err(Error::invalid(field, format_args!("it is longer than {MAX_ENVELOPE_OCTETS} octets")));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::invalid(field, "it has a control character, such as a line break"));
    }
    Ok(Some(text))
}
