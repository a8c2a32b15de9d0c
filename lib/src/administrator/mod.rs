//! People who sign in to the console without a link: administrators of accounts, and the operator.
//!
//! Somebody who is signed in by a link chooses a name and a password ([`begin`]), gets the key of the one-time codes, and shows
//! with a first code that it works ([`confirm`]). From then on they need no link. A code that was taken is not taken again; a
//! recovery code stands in for one, once. In place of a password, or beside it, they have passkeys: [`passkey`].
//!
//! Who does not know that there is such a name learns it neither from an answer nor from the time that it takes: [`known`] finds
//! somebody whoever is asked for, and [`SigningIn::check`] works as long for nobody.

pub mod passkey;
mod password;
mod table;
mod totp;

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::account;
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::error::{Entity, Error};
use crate::event::Change;
use crate::id::{AccountId, AdministratorId};
use crate::secret::PlainSecret;
use crate::session::{self, Browser, Came, ConsoleSession, Role};

pub use password::{HashedPassword, LEAST_CHARS, MOST_CHARS};
pub use totp::{RecoveryCode, TotpKey};

pub(crate) use table::SEALED;

/// The most administrators of one account, and of the operator.
pub const MOST: u32 = 20;
/// How long somebody has until the first code.
const CONFIRM_WITHIN: Duration = Duration::from_hours(1);
/// Whoever came by a link makes an administrator so soon after that, and no later.
pub const FRESH: Duration = Duration::from_mins(15);
/// The most characters of a name.
const MOST_NAME_CHARS: usize = 64;

/// Somebody with a password or passkeys, without them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Administrator {
    /// Their id.
    pub id: AdministratorId,
    /// The account; none for the operator.
    pub account: Option<AccountId>,
    /// The name, without that of the account.
    pub name: String,
    /// Whether there is a password whose first code was seen.
    pub has_password: bool,
    /// How many passkeys there are.
    pub passkeys: u64,
    /// When there was a first way in. Before, nobody signs in.
    pub confirmed_at: Option<Timestamp>,
    /// When they last signed in.
    pub used_at: Option<Timestamp>,
    /// When they were made.
    pub created_at: Timestamp,
}

/// What somebody signs in as: `jo@acme` for an administrator of the account acme, `jo` for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInName {
    name: String,
    account: Option<String>,
}

impl SignInName {
    /// Reads one. Whatever is no name names nobody.
    pub fn of(text: &str) -> SignInName {
        // No name has a NUL, and PostgreSQL refuses a text with one.
        let text = if text.contains('\0') { "" } else { text.trim() };
        match text.split_once('@') {
            Some((name, account)) => {
                SignInName { name: name.to_lowercase(), account: Some(account.to_owned()) }
            }
            None => SignInName { name: text.to_lowercase(), account: None },
        }
    }
}

impl fmt::Display for SignInName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.account.as_ref().map_or(Ok(()), |account| write!(f, "@{account}"))
    }
}

/// Under which name an administrator signs in.
pub fn sign_in_name(tx: &ReadTx<'_>, of: &Administrator) -> Result<SignInName, Error> {
    let account = of.account.map(|id| account::by_id(tx, id)).transpose()?;
    Ok(SignInName { name: of.name.clone(), account: account.map(|account| account.name) })
}

/// Makes somebody who can sign in once [`confirm`] has seen a first code. The key of the codes is returned only here.
///
/// Whoever has passkeys and no password, and asks in a session of their own, gets the password themselves, whatever the name.
///
/// `NotFound` if whoever asks is the administrator of one domain, `Conflict` if the name is another one's in the same account, `Limit` if there
/// are [`MOST`], `Invalid` for a bad name, and where whoever asks came by a link that is not fresh.
pub fn begin(
    tx: &WriteTx<'_>,
    by: &ConsoleSession,
    name: &str,
    password: &HashedPassword,
) -> Result<(Administrator, TotpKey), Error> {
    check_fresh(tx, by)?;
    let id = match own(tx, by)?.filter(|own| !own.has_password) {
        Some(own) => own.id,
        None => make(tx, by, name)?,
    };
    let key = TotpKey::generate()?;
    let sealed = tx.master_key().seal(&identity(id), key.octets())?;
    table::begin_password(tx, id, password, &sealed)?;
    let made = table::by_id(tx, id)?.ok_or(Error::NotFound(Entity::Administrator))?;
    Ok((made.administrator, key))
}

/// Makes somebody of this name, who has no way in yet.
fn make(tx: &WriteTx<'_>, by: &ConsoleSession, name: &str) -> Result<AdministratorId, Error> {
    let account = scope(by)?;
    let name = parse_name(name)?;
    table::forget_unconfirmed(tx, account, &name, tx.now() - CONFIRM_WITHIN)?;
    if table::by_name(tx, account, &name)?.is_some() {
        return Err(Error::Conflict(Entity::Administrator));
    }
    if table::all(tx, account)?.len() >= MOST as usize {
        return Err(Error::Limit { what: Entity::Administrator, most: MOST.into() });
    }
    table::insert(tx, account, &name)
}

/// Somebody whom whoever has this session is making, and has not confirmed yet.
fn unconfirmed(
    tx: &ReadTx<'_>,
    by: &ConsoleSession,
    id: AdministratorId,
) -> Result<Option<Administrator>, Error> {
    let account = scope(by)?;
    Ok(table::by_id(tx, id)?.map(|found| found.administrator).filter(|it| {
        it.account == account && it.confirmed_at.is_none() && it.created_at > tx.now() - CONFIRM_WITHIN
    }))
}

/// Whether whoever has this session signed in a short while ago.
pub fn is_fresh(tx: &ReadTx<'_>, by: &ConsoleSession) -> bool {
    tx.now().since(by.created_at) <= FRESH
}

/// `Invalid` for `session` if the session began more than 15 minutes ago: for what gives somebody a lasting way in, or takes one away.
pub fn check_fresh(tx: &ReadTx<'_>, by: &ConsoleSession) -> Result<(), Error> {
    if is_fresh(tx, by) {
        return Ok(());
    }
    Err(Error::invalid("session", "sign in anew first: this session began more than 15 minutes ago"))
}

/// Takes the first code of somebody whom [`begin`] made: from now on they can sign in. The recovery codes are returned only here.
///
/// `NotFound` if whoever asks has no such administrator to confirm, `Invalid` for `code` if it is not the right one.
pub fn confirm(
    tx: &WriteTx<'_>,
    by: &ConsoleSession,
    id: AdministratorId,
    code: &str,
) -> Result<Vec<RecoveryCode>, Error> {
    let own = own(tx, by)?.filter(|own| own.id == id && !own.has_password);
    let it = own.map_or_else(|| unconfirmed(tx, by, id), |own| Ok(Some(own)))?;
    let found = if it.is_some() { table::by_id(tx, id)? } else { None };
    let found = found.ok_or(Error::NotFound(Entity::Administrator))?;
    let key = open(tx, &found)?.ok_or(Error::NotFound(Entity::Administrator))?;
    let step = key.check(code, tx.now(), found.last_step);
    let step = step.ok_or_else(|| Error::invalid("code", "this is not the code of this moment"))?;
    table::confirm_password(tx, id, step)?;
    let Administrator { name, account, .. } = found.administrator;
    tx.tell_if_any(&by.actor(), account, &Change::AdministratorAdded { name, administrator: id })?;
    new_codes(tx, id)
}

/// Everybody with a password or passkeys whom whoever has this session may see: those of the account, or the operator's.
pub fn list(tx: &ReadTx<'_>, by: &ConsoleSession) -> Result<Vec<Administrator>, Error> {
    let all = table::all(tx, scope(by)?)?;
    Ok(all.into_iter().filter(|one| one.confirmed_at.is_some()).collect())
}

/// The administrator who has this session, if they signed in with a password or a passkey.
pub fn own(tx: &ReadTx<'_>, by: &ConsoleSession) -> Result<Option<Administrator>, Error> {
    let Some(id) = by.administrator else { return Ok(None) };
    Ok(table::by_id(tx, id)?.map(|found| found.administrator))
}

/// How many recovery codes are left.
pub fn codes_left(tx: &ReadTx<'_>, id: AdministratorId) -> Result<u64, Error> {
    table::count_codes(tx, id)
}

/// Takes somebody's ways in away, the password and every passkey: they cannot sign in any more, and their sessions end.
///
/// `Invalid` for `session` if the session of whoever asks began more than 15 minutes ago: nobody is put out by whoever finds a screen
/// unlocked.
pub fn remove(tx: &WriteTx<'_>, by: &ConsoleSession, id: AdministratorId) -> Result<(), Error> {
    let all = list(tx, by)?;
    let found = all.iter().find(|one| one.id == id).ok_or(Error::NotFound(Entity::Administrator))?;
    check_fresh(tx, by)?;
    table::delete(tx, id)?;
    let change = Change::AdministratorRemoved { name: found.name.clone(), administrator: id };
    tx.tell_if_any(&by.actor(), found.account, &change)
}

/// What is known of whoever signs in: of somebody, or of nobody.
pub struct SigningIn {
    found: Option<Found>,
    key: TotpKey,
    codes: Vec<[u8; 32]>,
    now: Timestamp,
}

/// A row, with what only this module sees.
struct Found {
    administrator: Administrator,
    password: Option<String>,
    sealed_totp: Option<Vec<u8>>,
    last_step: u64,
}

/// What shows that somebody is who they say. Made by [`SigningIn::check`] alone.
pub struct Proof {
    id: AdministratorId,
    by: ProofBy,
}

enum ProofBy {
    Step(u64),
    Code([u8; 32]),
}

/// What is known of somebody by their name. For a name that is nobody's there is something as well, which nothing fits.
pub fn known(tx: &ReadTx<'_>, name: &SignInName) -> Result<SigningIn, Error> {
    let account = match &name.account {
        None => Some(None),
        Some(account) => match account::find(tx, account) {
            Ok(account) => Some(Some(account.id)),
            Err(Error::NotFound(_) | Error::Invalid { .. }) => None,
            Err(error) => return Err(error),
        },
    };
    let found = match account {
        Some(account) => table::by_name(tx, account, &name.name)?,
        None => None,
    };
    known_of(tx, found)
}

/// What is known of whoever has this session, if they signed in with a password.
pub fn known_by_session(tx: &ReadTx<'_>, by: &ConsoleSession) -> Result<SigningIn, Error> {
    let found = by.administrator.map(|id| table::by_id(tx, id)).transpose()?.flatten();
    known_of(tx, found)
}

fn known_of(tx: &ReadTx<'_>, found: Option<Found>) -> Result<SigningIn, Error> {
    let found = found.filter(|found| found.administrator.has_password);
    let key = found.as_ref().map(|found| open(tx, found)).transpose()?.flatten();
    let key = key.map_or_else(TotpKey::generate, Ok)?;
    let codes = found.as_ref().map(|found| table::codes(tx, found.administrator.id)).transpose()?;
    Ok(SigningIn { found, key, codes: codes.unwrap_or_default(), now: tx.now() })
}

impl SigningIn {
    /// Whether this password and this code are theirs. It takes tens of milliseconds and some memory: call it outside any
    /// transaction, and not from many threads.
    pub fn check(&self, password: &str, code: &str) -> Result<Option<Proof>, Error> {
        // All of it is looked at, whatever was wrong before.
        let stored = self.found.as_ref().and_then(|found| found.password.as_deref());
        let is_right = password::matches(stored, password)?;
        let last_step = self.found.as_ref().map_or(0, |found| found.last_step);
        let step = self.key.check(code, self.now, last_step);
        let id = self.found.as_ref().map_or(AdministratorId::new(0), |found| found.administrator.id);
        let hash = RecoveryCode::hash(id, code);
        let is_recovery = self.codes.iter().fold(false, |any, known| any | totp::are_equal(known, &hash));
        let by = step.map(ProofBy::Step).or(is_recovery.then_some(ProofBy::Code(hash)));
        let is_somebody = self.found.is_some();
        Ok(by.filter(|_| is_right && is_somebody).map(|by| Proof { id, by }))
    }
}

/// Uses the code of a proof up. None if somebody else was faster, or the administrator is gone.
fn accept(tx: &WriteTx<'_>, proof: &Proof) -> Result<Option<Administrator>, Error> {
    let is_first = match &proof.by {
        ProofBy::Step(step) => table::take_step(tx, proof.id, *step)?,
        ProofBy::Code(hash) => table::take_code(tx, proof.id, hash)?,
    };
    if !is_first {
        return Ok(None);
    }
    Ok(table::by_id(tx, proof.id)?.map(|found| found.administrator))
}

/// Begins a session of whoever has proved who they are. The secret of the session is returned only here. None if the code was used
/// meanwhile.
///
/// `earlier` is the secret of the session that the same browser has: it ends.
pub fn enter(
    tx: &WriteTx<'_>,
    proof: &Proof,
    browser: Browser<'_>,
    earlier: Option<&PlainSecret>,
) -> Result<Option<(ConsoleSession, PlainSecret)>, Error> {
    let Some(it) = accept(tx, proof)? else { return Ok(None) };
    let (session, secret) = let_in(tx, &it, Came::Password(it.id), browser, earlier)?;
    let by_code = matches!(proof.by, ProofBy::Code(_));
    let change = Change::AdministratorSignedIn { name: it.name, administrator: it.id, by_code };
    tx.tell_if_any(&session.actor(), it.account, &change)?;
    Ok(Some((session, secret)))
}

/// Begins a session of somebody who has shown who they are.
fn let_in(
    tx: &WriteTx<'_>,
    it: &Administrator,
    came: Came,
    browser: Browser<'_>,
    earlier: Option<&PlainSecret>,
) -> Result<(ConsoleSession, PlainSecret), Error> {
    table::note_use(tx, it.id)?;
    let role = if it.account.is_some() { Role::Account } else { Role::Operator };
    session::begin(tx, role, (None, it.account), came, browser, earlier)
}

/// Gives whoever has proved who they are another password; their other sessions end. Returns whether the proof still holds.
pub fn set_password(
    tx: &WriteTx<'_>,
    by: &ConsoleSession,
    proof: &Proof,
    new: &HashedPassword,
) -> Result<bool, Error> {
    let Some(it) = accept(tx, proof)?.filter(|it| by.administrator == Some(it.id)) else { return Ok(false) };
    table::set_password(tx, it.id, new)?;
    session::end_others_of(tx, it.id, by.id)?;
    changed(tx, by, it, "password")?;
    Ok(true)
}

/// Makes new recovery codes for whoever has proved who they are; those before are void. None if the proof does not hold any more.
pub fn renew_codes(
    tx: &WriteTx<'_>,
    by: &ConsoleSession,
    proof: &Proof,
) -> Result<Option<Vec<RecoveryCode>>, Error> {
    let Some(it) = accept(tx, proof)?.filter(|it| by.administrator == Some(it.id)) else { return Ok(None) };
    let id = it.id;
    changed(tx, by, it, "recovery codes")?;
    new_codes(tx, id).map(Some)
}

fn changed(tx: &WriteTx<'_>, by: &ConsoleSession, it: Administrator, what: &str) -> Result<(), Error> {
    let change = Change::AdministratorChanged { name: it.name, administrator: it.id, what: what.to_owned() };
    tx.tell_if_any(&by.actor(), it.account, &change)
}

fn new_codes(tx: &WriteTx<'_>, id: AdministratorId) -> Result<Vec<RecoveryCode>, Error> {
    table::delete_codes(tx, id)?;
    let codes = RecoveryCode::generate_all()?;
    codes.iter().try_for_each(|code| table::insert_code(tx, id, &RecoveryCode::hash(id, code.reveal())))?;
    Ok(codes)
}

/// Whose administrators somebody may see and make: those of the account, or with none the operator's.
fn scope(by: &ConsoleSession) -> Result<Option<AccountId>, Error> {
    match by.role {
        Role::Domain => Err(Error::NotFound(Entity::Administrator)),
        Role::Account => Ok(by.account),
        Role::Operator => Ok(None),
    }
}

/// The key of somebody's codes, if they have a password.
fn open(tx: &ReadTx<'_>, found: &Found) -> Result<Option<TotpKey>, Error> {
    let Some(sealed) = &found.sealed_totp else { return Ok(None) };
    let octets: Zeroizing<Vec<u8>> = tx.master_key().open(&identity(found.administrator.id), sealed)?;
    Ok(Some(TotpKey::stored(octets)))
}

/// For what the key of the codes is sealed.
fn identity(id: AdministratorId) -> String {
    format!("one-time codes of administrator {id}")
}

fn parse_name(text: &str) -> Result<String, Error> {
    let name = text.trim().to_lowercase();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
    if name.is_empty() || name.chars().count() > MOST_NAME_CHARS || !name.chars().all(is_plain) {
        let reason = "it must have 1 to 64 letters, digits, dots, hyphens or underscores, and no @";
        return Err(Error::invalid("name", reason));
    }
    Ok(name)
}
