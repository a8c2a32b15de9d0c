//! The audit log: who did what to what, and when; written in the transaction of the change itself.

mod table;

use std::fmt;

use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::error::Error;
use crate::id::{AccountId, ApiKeyId, EventId, LoginLinkId};

/// Who made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Actor {
    /// Whoever holds an API key.
    Key(ApiKeyId),
    /// The operator, on the command line or as an embedder.
    Operator,
    /// The schedule of checks.
    Schedule,
    /// Whoever opened a login link.
    LoginLink(LoginLinkId),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::Key(id) => write!(f, "key:{id}"),
            Actor::Operator => f.write_str("operator"),
            Actor::Schedule => f.write_str("schedule"),
            Actor::LoginLink(id) => write!(f, "login_link:{id}"),
        }
    }
}

/// What was done. The text is what stands in the log, `noun.verb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each says itself what was done")]
pub enum Action {
    AccountCreated,
    KeyCreated,
    KeyRevoked,
    SubscriptionCreated,
    DomainCreated,
    DomainChanged,
    DomainRenamed,
    DomainDeleted,
    DomainGaveWay,
    DomainTransferred,
    DomainStatusChanged,
    RecordStatusChanged,
    RecordMarked,
    RouteChanged,
    AuthorityChanged,
    InboundChanged,
    DkimKeyCreated,
    DkimKeyImported,
    DkimKeyActivated,
    DkimKeyDeactivated,
    DkimKeyRenamed,
    DkimKeyDeleted,
    DkimKeyReleased,
    RotationStarted,
    RotationAborted,
    RotationChanged,
    TokenCreated,
    TokenChanged,
    TokenRevoked,
    LoginLinkCreated,
    LoginLinkUsed,
    ReportFiled,
    RecipientCreated,
    RecipientChanged,
    ListEntryAdded,
    ListEntryRemoved,
}

impl Action {
    /// The text in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::AccountCreated => "account.created",
            Action::KeyCreated => "key.created",
            Action::KeyRevoked => "key.revoked",
            Action::SubscriptionCreated => "subscription.created",
            Action::DomainCreated => "domain.created",
            Action::DomainChanged => "domain.changed",
            Action::DomainRenamed => "domain.renamed",
            Action::DomainDeleted => "domain.deleted",
            Action::DomainGaveWay => "domain.gave_way",
            Action::DomainTransferred => "domain.transferred",
            Action::DomainStatusChanged => "domain.status_changed",
            Action::RecordStatusChanged => "record.status_changed",
            Action::RecordMarked => "record.marked",
            Action::RouteChanged => "route.changed",
            Action::AuthorityChanged => "domain.authority_changed",
            Action::InboundChanged => "domain.inbound_changed",
            Action::DkimKeyCreated => "dkim_key.created",
            Action::DkimKeyImported => "dkim_key.imported",
            Action::DkimKeyActivated => "dkim_key.activated",
            Action::DkimKeyDeactivated => "dkim_key.deactivated",
            Action::DkimKeyRenamed => "dkim_key.renamed",
            Action::DkimKeyDeleted => "dkim_key.deleted",
            Action::DkimKeyReleased => "dkim_key.released",
            Action::RotationStarted => "rotation.started",
            Action::RotationAborted => "rotation.aborted",
            Action::RotationChanged => "rotation.changed",
            Action::TokenCreated => "token.created",
            Action::TokenChanged => "token.changed",
            Action::TokenRevoked => "token.revoked",
            Action::LoginLinkCreated => "login_link.created",
            Action::LoginLinkUsed => "login_link.used",
            Action::ReportFiled => "report.filed",
            Action::RecipientCreated => "recipient.created",
            Action::RecipientChanged => "recipient.changed",
            Action::ListEntryAdded => "list_entry.added",
            Action::ListEntryRemoved => "list_entry.removed",
        }
    }
}

/// A row of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id; later events have larger ones.
    pub id: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// The account that it happened to.
    pub account: Option<AccountId>,
    /// Who did it: `operator`, `schedule`, or `key:` or `login_link:` and an id.
    pub actor: String,
    /// What was done, `noun.verb`.
    pub action: String,
    /// What it was done to: a domain's name, a key's id.
    pub subject: String,
    /// What else is worth knowing, never a secret.
    pub detail: Option<String>,
}

/// Writes a row, now.
pub(crate) fn write(
    tx: &WriteTx<'_>,
    account: AccountId,
    actor: Actor,
    action: Action,
    subject: impl fmt::Display,
    detail: Option<&str>,
) -> Result<(), Error> {
    table::insert(tx, account, &actor.to_string(), action.as_str(), &subject.to_string(), detail)
}

/// The newest `limit` rows, of one account or of all, the newest first.
pub fn newest(tx: &ReadTx<'_>, account: Option<AccountId>, limit: u32) -> Result<Vec<Event>, Error> {
    table::newest(tx, account, limit)
}
