//! Passkeys: ways in that ask for neither a password nor a code (W3C Web Authentication Level 3).
//!
//! A browser makes a passkey on somebody's device, and the database has its public half. To add one is two steps: [`begin`] or
//! [`begin_another`] makes an [`Offer`], the browser makes a passkey of it, and [`add`] takes that. To sign in is two as well: [`challenge`], and
//! then [`known`] with what the browser answers, whose proof [`enter`] uses up. Only passkeys that name their owner themselves are
//! asked for, so nobody types a name, and only those whose device checks who uses it: by a PIN, a fingerprint or a face.
//!
//! Attestation is not asked for: whose make an authenticator is decides nothing here.
//!
//! The library reads no JSON: whoever calls reads what the browser says of the page ([`ClientData`]).

mod authenticator;
mod challenge;
mod client;
mod party;
mod public_key;
mod sign_in;
mod table;

use super::{
    Administrator, Proof, SignInName, accept, check_fresh, is_fresh, own, sign_in_name, unconfirmed,
};
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::error::{Entity, Error};
use crate::event::Change;
use crate::id::{AdministratorId, PasskeyId};
use crate::secret::fill_random;
use crate::session::{self, ConsoleSession};

use self::authenticator::AuthenticatorData;
use self::client::Ceremony;
use self::public_key::VerifyingKey;

pub use self::challenge::CHALLENGE_LIFE;
pub use self::client::{ClientData, PasskeyRefusal};
pub use self::party::{NoRelyingParty, RelyingParty};
pub use self::public_key::ALGORITHMS;
pub use self::sign_in::{Assertion, Entered, PasskeyProof, challenge, enter, known};

/// The most passkeys of one administrator.
pub const MOST_PASSKEYS: u32 = 10;
/// The most characters of a passkey's name.
pub const MOST_LABEL_CHARS: usize = 64;

/// A passkey, without its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// Its id.
    pub id: PasskeyId,
    /// Whose it is.
    pub administrator: AdministratorId,
    /// What its owner calls it.
    pub name: String,
    /// When somebody last signed in with it.
    pub used_at: Option<Timestamp>,
    /// When it was added.
    pub created_at: Timestamp,
}

/// A row, with what only this module sees.
struct Kept {
    passkey: Passkey,
    public_key: Vec<u8>,
    may_be_copied: bool,
    last_challenge: Timestamp,
    user_handle: Option<[u8; 32]>,
}

/// What a browser is given to make a passkey of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// For whom.
    pub administrator: AdministratorId,
    /// As what they sign in: what their device shows beside the passkey.
    pub name: SignInName,
    /// By what the device knows them. It says nothing of them.
    pub user_handle: [u8; 32],
    /// What the browser repeats, so that what it makes is good for this offer alone.
    pub challenge: Vec<u8>,
    /// The ids of the passkeys that they have: no device makes a second one.
    pub known: Vec<Vec<u8>>,
}

/// A passkey that a browser has made.
#[derive(Clone, Debug)]
pub struct NewPasskey<'a> {
    /// Whose offer it was made of.
    pub administrator: AdministratorId,
    /// What its owner calls it.
    pub label: &'a str,
    /// What the browser says of the page.
    pub client: &'a ClientData,
    /// The attestation object.
    pub attestation: &'a [u8],
}

/// What was left when a passkey was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Another way in. The owner's other sessions have ended.
    AnotherWay,
    /// None: the administrator is gone, with every session.
    Nothing,
}

/// Makes somebody of this name who signs in with a passkey once [`add`] has taken it, and makes the offer of it.
///
/// Errors are those of [`administrator::begin`](super::begin).
pub fn begin(tx: &WriteTx<'_>, by: &ConsoleSession, name: &str) -> Result<Offer, Error> {
    check_fresh(tx, by)?;
    let id = super::make(tx, by, name)?;
    let made = super::table::by_id(tx, id)?.ok_or(Error::NotFound(Entity::Administrator))?;
    offer(tx, by, &made.administrator)
}

/// Makes an offer of another passkey to whoever has this session. None if the proof does not hold any more.
///
/// Whoever has a password shows it by the proof. Whoever has none must have signed in a short while ago. `NotFound` in a session that
/// began with a link, `Limit` if there are [`MOST_PASSKEYS`].
pub fn begin_another(
    tx: &WriteTx<'_>,
    by: &ConsoleSession,
    proof: Option<&Proof>,
) -> Result<Option<Offer>, Error> {
    let Some(own) = shown(tx, by, proof)? else { return Ok(None) };
    check_room(tx, own.id)?;
    offer(tx, by, &own).map(Some)
}

/// Takes a passkey that a browser has made of an offer: from now on its owner signs in with it.
///
/// `NotFound` if whoever has this session was made no such offer, `Invalid` for `label` and for `passkey`, whose reason is a
/// [`PasskeyRefusal`], `Conflict` if there is such a passkey already.
pub fn add(
    tx: &WriteTx<'_>,
    by: &ConsoleSession,
    party: &RelyingParty,
    new: &NewPasskey<'_>,
) -> Result<Passkey, Error> {
    let name = parse_label(new.label)?;
    let owner = own(tx, by)?.filter(|own| own.id == new.administrator);
    let owner = owner.map_or_else(|| unconfirmed(tx, by, new.administrator), |own| Ok(Some(own)))?;
    let owner = owner.ok_or(Error::NotFound(Entity::Administrator))?;
    check_room(tx, owner.id)?;
    // Section 7.1, by its steps. 7 to 11: what the browser says of the page; 8, the challenge, is the offer's own.
    let challenge = new.client.check(Ceremony::Create, party)?;
    let made_at = challenge::check(tx, &purpose(by, owner.id), &challenge)??;
    if !table::take_challenge(tx, owner.id, made_at)? {
        return Err(PasskeyRefusal::Used.into());
    }
    // 13: the authenticator data in the attestation object.
    let data = authenticator::data_in(new.attestation).and_then(AuthenticatorData::parse);
    let data = data.ok_or(PasskeyRefusal::Malformed)?;
    // 14 to 18: the relying party, and the flags.
    client::check_data(&data, party)?;
    // 19: the algorithm. 20 to 24, extensions and the attestation, ask for nothing here.
    let made = data.made.as_ref().ok_or(PasskeyRefusal::Malformed)?;
    VerifyingKey::parse(made.public_key).ok_or(PasskeyRefusal::Algorithm)?;
    // 25 and 26: the length of the id, which the reading has checked, and that nobody has it.
    let row = table::NewRow {
        administrator: owner.id,
        name: &name,
        credential: made.credential,
        public_key: made.public_key,
        sign_count: data.sign_count,
        may_be_copied: data.may_be_copied(),
    };
    let id = table::insert(tx, &row)?.ok_or(Error::Conflict(Entity::Passkey))?;
    super::table::confirm(tx, owner.id)?;
    let change =
        Change::PasskeyAdded { passkey: id, label: name.clone(), administrator: owner.id, name: owner.name };
    tx.tell_if_any(&by.actor(), owner.account, &change)?;
    Ok(Passkey { id, administrator: owner.id, name, used_at: None, created_at: tx.now() })
}

/// The passkeys of whoever has this session, the oldest first.
pub fn list(tx: &ReadTx<'_>, by: &ConsoleSession) -> Result<Vec<Passkey>, Error> {
    own(tx, by)?.map_or_else(|| Ok(Vec::new()), |own| table::of(tx, own.id))
}

/// Gives one of one's own passkeys another name.
pub fn rename(tx: &WriteTx<'_>, by: &ConsoleSession, id: PasskeyId, name: &str) -> Result<(), Error> {
    let (owner, passkey) = find(tx, by, id)?;
    let label = parse_label(name)?;
    if label == passkey.name {
        return Ok(());
    }
    table::rename(tx, id, &label)?;
    let change =
        Change::PasskeyRenamed { passkey: id, label, administrator: owner.id, name: owner.name.clone() };
    tx.tell_if_any(&by.actor(), owner.account, &change)
}

/// Removes one of one's own passkeys. None if the proof does not hold any more.
///
/// The proof is asked for as for [`begin_another`]. Where nothing would be left to sign in with, the administrator is removed as well; that
/// needs `is_sure`, and is `Invalid` for `sure` without it.
pub fn remove(
    tx: &WriteTx<'_>,
    by: &ConsoleSession,
    id: PasskeyId,
    proof: Option<&Proof>,
    is_sure: bool,
) -> Result<Option<Left>, Error> {
    let (_, passkey) = find(tx, by, id)?;
    let Some(owner) = shown(tx, by, proof)? else { return Ok(None) };
    let is_last = !owner.has_password && owner.passkeys == 1;
    if is_last && !is_sure {
        let reason = "this is your last way in: say that you are sure, for without it you need a login link";
        return Err(Error::invalid("sure", reason));
    }
    let removed = Change::PasskeyRemoved {
        passkey: id,
        label: passkey.name,
        administrator: owner.id,
        name: owner.name.clone(),
    };
    tx.tell_if_any(&by.actor(), owner.account, &removed)?;
    if is_last {
        super::remove(tx, by, owner.id)?;
        return Ok(Some(Left::Nothing));
    }
    table::delete(tx, id)?;
    session::end_others_of(tx, owner.id, by.id)?;
    Ok(Some(Left::AnotherWay))
}

/// Whether whoever has this session shows a password before they add or remove a passkey, or must have signed in a short while ago.
pub fn needs_password(own: &Administrator) -> bool {
    own.has_password
}

/// Whether whoever has this session may add or remove passkeys now, as far as that depends on when they signed in.
pub fn is_open(tx: &ReadTx<'_>, by: &ConsoleSession, own: Option<&Administrator>) -> bool {
    own.is_some_and(needs_password) || is_fresh(tx, by)
}

/// The administrator who has this session and has shown who they are. None if the proof does not hold any more.
fn shown(
    tx: &WriteTx<'_>,
    by: &ConsoleSession,
    proof: Option<&Proof>,
) -> Result<Option<Administrator>, Error> {
    let own = own(tx, by)?.ok_or(Error::NotFound(Entity::Administrator))?;
    if !own.has_password {
        check_fresh(tx, by)?;
        return Ok(Some(own));
    }
    let Some(proof) = proof else { return Ok(None) };
    Ok(accept(tx, proof)?.filter(|it| it.id == own.id))
}

fn find(tx: &ReadTx<'_>, by: &ConsoleSession, id: PasskeyId) -> Result<(Administrator, Passkey), Error> {
    let owner = own(tx, by)?.ok_or(Error::NotFound(Entity::Passkey))?;
    let passkey = table::of(tx, owner.id)?.into_iter().find(|passkey| passkey.id == id);
    Ok((owner, passkey.ok_or(Error::NotFound(Entity::Passkey))?))
}

fn check_room(tx: &ReadTx<'_>, id: AdministratorId) -> Result<(), Error> {
    if table::of(tx, id)?.len() >= MOST_PASSKEYS as usize {
        return Err(Error::Limit { what: Entity::Passkey, most: MOST_PASSKEYS.into() });
    }
    Ok(())
}

fn offer(tx: &WriteTx<'_>, by: &ConsoleSession, to: &Administrator) -> Result<Offer, Error> {
    let user_handle = if let Some(handle) = table::user_handle(tx, to.id)? {
        handle
    } else {
        let mut made = [0; 32];
        fill_random(&mut made)?;
        table::set_user_handle(tx, to.id, &made)?;
        made
    };
    Ok(Offer {
        administrator: to.id,
        name: sign_in_name(tx, to)?,
        user_handle,
        challenge: challenge::make(tx, &purpose(by, to.id))?,
        known: table::credentials_of(tx, to.id)?,
    })
}

/// For what the challenge of an offer is: whoever has not got this session cannot use it, nor for anybody else.
fn purpose(by: &ConsoleSession, to: AdministratorId) -> String {
    format!("challenge of a passkey for administrator {to} in session {}", by.id)
}

/// What somebody calls a passkey, without spaces around it.
pub fn parse_label(text: &str) -> Result<String, Error> {
    let label = text.trim();
    if label.is_empty() || label.chars().count() > MOST_LABEL_CHARS || label.chars().any(char::is_control) {
        return Err(Error::invalid("label", "it must have 1 to 64 characters, and no control characters"));
    }
    Ok(label.to_owned())
}
