//! Sessions: who is signed in to the console, as what, and until when.
//!
//! A session begins when somebody uses a login link ([`sign_in`]), and may do what that link is for: one domain, one account,
//! or all accounts; or with a password or a passkey ([`administrator`](crate::administrator)). It ends after [`IDLE`] without a request, [`LIFE`] after it began, when somebody ends it ([`end`]), and
//! with what its link would end with: when its domain is deleted, renamed or given to another account, when the API key that
//! made the link is revoked or expires, or does not see the domain any more.
//!
//! The secret of a session is in the browser alone; the database has its hash, so sessions outlive a restart.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::login;
//! use postroom::session::{self, Browser};
//!
//! let (_, link) = postroom.write(|tx| login::create_for_account(tx, &caller))?;
//! let browser = Browser { agent: Some("a browser"), address: "192.0.2.7".parse()? };
//! let signed_in = postroom.write(|tx| session::sign_in(tx, &link, browser, None))?;
//! let (session, _secret) = signed_in.ok_or("the link is fresh")?;
//! assert_eq!(session.caller().map(|caller| caller.account()), Some(caller.account()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod table;

use std::net::IpAddr;
use std::time::Duration;

use crate::account::{self, Caller};
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::domain::{self, Domain};
use crate::error::{Entity, Error};
use crate::event::{Actor, Change};
use crate::id::{AccountId, AdministratorId, ApiKeyId, DomainId, LoginLinkId, SessionId};
use crate::key;
use crate::login::{self, Opens};
use crate::secret::{PlainSecret, SecretKind};
use crate::word::words;

/// After so long without a request a session is over.
pub const IDLE: Duration = Duration::from_mins(30);
/// After so long a session is over, however busy it is.
pub const LIFE: Duration = Duration::from_hours(12);
/// The most characters that are kept of what a browser calls itself.
const MOST_AGENT_CHARS: usize = 255;
/// How many sessions that are over are deleted when a new one begins: more than one, so that their number cannot grow.
const FORGOTTEN_AT_ONCE: u32 = 4;
/// The most sessions at once of the administrators of a domain, of those of an account, or of the operator: the oldest ends
/// when one more begins.
const MOST_AT_ONCE: u32 = 100;

words! {
    /// As what somebody is signed in. A later role may do all that an earlier one may.
    #[derive(PartialOrd, Ord)]
    pub enum Role {
        /// The administrator of one domain.
        Domain = "domain",
        /// An administrator of one account.
        Account = "account",
        /// The operator, for all accounts.
        Operator = "operator",
    }
    else InvalidRole
}

/// A word that is no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a role is domain, account or operator")]
pub struct InvalidRole;

/// Somebody who is signed in to the console, without the secret of the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleSession {
    /// Its id.
    pub id: SessionId,
    /// As what.
    pub role: Role,
    /// The domain of its administrator.
    pub domain: Option<DomainId>,
    /// The account; for the operator the one that was last opened, and none before.
    pub account: Option<AccountId>,
    /// The login link that was used, if one was.
    pub link: Option<LoginLinkId>,
    /// Who signed in with a password or a passkey, if somebody did.
    pub administrator: Option<AdministratorId>,
    /// Whether that was with a passkey.
    pub by_passkey: bool,
    /// What the browser calls itself.
    pub agent: Option<String>,
    /// The address from which the person signed in.
    pub address: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the minute or so.
    pub used_at: Timestamp,
    /// When it ends, however busy it is.
    pub expires_at: Timestamp,
    /// The key that made the link.
    invited_by: Option<ApiKeyId>,
}

impl ConsoleSession {
    /// Who calls in this session. None for the operator before an account is opened.
    pub fn caller(&self) -> Option<Caller> {
        let account = self.account?;
        match (self.role, self.domain) {
            (Role::Operator, _) => Some(Caller::operator(account)),
            (Role::Account, _) => Some(Caller::account_administrator(account, self.actor())),
            (Role::Domain, Some(domain)) => {
                Some(Caller::domain_administrator(account, domain, self.link?, self.invited_by))
            }
            (Role::Domain, None) => None,
        }
    }

    /// Who acts, as the audit log names them.
    pub(crate) fn actor(&self) -> Actor {
        match (self.role, self.administrator, self.link) {
            (Role::Operator, ..) | (_, None, None) => Actor::Operator,
            (_, Some(administrator), _) => Actor::Administrator(administrator),
            (_, None, Some(link)) => Actor::LoginLink(link),
        }
    }
}

/// From where somebody signs in.
#[derive(Clone, Copy, Debug)]
pub struct Browser<'a> {
    /// What it calls itself.
    pub agent: Option<&'a str>,
    /// Its address.
    pub address: IpAddr,
}

/// Uses a login link up and begins a session. The secret of the session is returned only here. None if the link is not valid
/// (any more).
///
/// `earlier` is the secret of the session that the same browser has: it ends.
pub fn sign_in(
    tx: &WriteTx<'_>,
    link: &PlainSecret,
    browser: Browser<'_>,
    earlier: Option<&PlainSecret>,
) -> Result<Option<(ConsoleSession, PlainSecret)>, Error> {
    let Some(way) = login::take(tx, link)? else { return Ok(None) };
    let (role, domain, account) = match &way.opens {
        Opens::Domain(domain) => (Role::Domain, Some(domain.id), Some(domain.account)),
        Opens::Account(account) => (Role::Account, None, Some(account.id)),
        Opens::Operator => (Role::Operator, None, None),
    };
    let came = Came::Link(way.link, way.key);
    begin(tx, role, (domain, account), came, browser, earlier).map(Some)
}

/// How somebody came in.
#[derive(Clone, Copy)]
pub(crate) enum Came {
    /// By a link, which this key made.
    Link(LoginLinkId, Option<ApiKeyId>),
    /// With a password.
    Password(AdministratorId),
    /// With a passkey.
    Passkey(AdministratorId),
}

/// Begins a session of somebody who was let in.
pub(crate) fn begin(
    tx: &WriteTx<'_>,
    role: Role,
    (domain, account): (Option<DomainId>, Option<AccountId>),
    came: Came,
    browser: Browser<'_>,
    earlier: Option<&PlainSecret>,
) -> Result<(ConsoleSession, PlainSecret), Error> {
    if let Some(earlier) = earlier {
        table::delete_by_hash(tx, &earlier.hashed())?;
    }
    table::forget_over(tx, FORGOTTEN_AT_ONCE)?;
    let (link, invited_by, administrator) = match came {
        Came::Link(link, key) => (Some(link), key, None),
        Came::Password(administrator) | Came::Passkey(administrator) => (None, None, Some(administrator)),
    };
    let secret = PlainSecret::generate(SecretKind::Session)?;
    let agent: Option<String> = browser
        .agent
        .map(|agent| agent.chars().filter(|c| !c.is_control()).take(MOST_AGENT_CHARS).collect())
        .filter(|agent: &String| !agent.is_empty());
    let (created_at, address) = (tx.now(), browser.address.to_string());
    let mut session = ConsoleSession {
        id: SessionId::new(0),
        role,
        domain,
        account,
        link,
        administrator,
        by_passkey: matches!(came, Came::Passkey(_)),
        agent,
        address,
        created_at,
        used_at: created_at,
        expires_at: created_at + LIFE,
        invited_by,
    };
    session.id = table::insert(tx, &session, &secret)?;
    table::keep_newest(tx, &session, MOST_AT_ONCE)?;
    Ok((session, secret))
}

/// The session with this secret. None if there is none (any more).
pub fn find(tx: &ReadTx<'_>, secret: &PlainSecret) -> Result<Option<ConsoleSession>, Error> {
    let Some(session) = table::by_hash(tx, &secret.hashed(), tx.now() - IDLE)? else { return Ok(None) };
    Ok(stands(tx, &session)?.then_some(session))
}

/// Whether what the session is for is still there, as whoever made its link sees it.
fn stands(tx: &ReadTx<'_>, session: &ConsoleSession) -> Result<bool, Error> {
    let (Some(account), Some(id)) = (session.account, session.domain) else { return Ok(true) };
    let Some(maker) = key::maker(tx, account, session.invited_by)? else { return Ok(false) };
    match domain::find(tx, &maker, id) {
        Ok(_) => Ok(true),
        Err(Error::NotFound(Entity::Domain)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The sessions that whoever has this one may end, the newest first: those of the same domain, those within the same account,
/// or the operator's own.
pub fn list(tx: &ReadTx<'_>, session: &ConsoleSession) -> Result<Vec<ConsoleSession>, Error> {
    table::beside(tx, session, tx.now() - IDLE, MOST_AT_ONCE)
}

/// Ends a session: the caller's own, or another one that [`list`] shows.
pub fn end(tx: &WriteTx<'_>, by: &ConsoleSession, id: SessionId) -> Result<(), Error> {
    let all = list(tx, by)?;
    let ended = all.iter().find(|session| session.id == id).ok_or(Error::NotFound(Entity::Session))?;
    table::delete(tx, id)?;
    tx.tell_if_any(
        &by.actor(),
        ended.account,
        &Change::SessionEnded { session: id, role: ended.role.as_str().to_owned() },
    )
}

/// Opens an account for the operator: what the session does from now on it does within that account.
///
/// `NotFound` if there is no such account, or the session is not the operator's.
pub fn open_account(tx: &WriteTx<'_>, by: &ConsoleSession, id: AccountId) -> Result<ConsoleSession, Error> {
    if by.role != Role::Operator {
        return Err(Error::NotFound(Entity::Account));
    }
    let account = account::by_id(tx, id)?;
    table::set_account(tx, by.id, id)?;
    tx.tell(&Actor::Operator, id, &Change::AccountOpened { account: account.name, session: by.id })?;
    Ok(ConsoleSession { account: Some(id), ..by.clone() })
}

/// Notes when sessions were last used. Meant to be called now and then with what has come together.
pub fn note_uses(tx: &WriteTx<'_>, uses: &[(SessionId, Timestamp)]) -> Result<(), Error> {
    uses.iter().try_for_each(|&(session, at)| table::note_use(tx, session, at))
}

/// Deletes at most `limit` sessions whose time is over, and returns how many it deleted. A background thread calls it.
pub fn forget_over(tx: &WriteTx<'_>, limit: u32) -> Result<usize, Error> {
    table::forget_over(tx, limit)
}

/// Ends every session of somebody who signed in with a password or a passkey, but this one.
pub(crate) fn end_others_of(tx: &WriteTx<'_>, of: AdministratorId, kept: SessionId) -> Result<(), Error> {
    table::delete_others_of(tx, of, kept)
}

/// Ends every session of the domain's administrators.
pub(crate) fn withdraw<'t>(tx: &WriteTx<'t>, domain: &Domain<'t>) -> Result<(), Error> {
    table::delete_of_domain(tx, domain.id)
}
