//! Signing in with a passkey.

use super::authenticator::AuthenticatorData;
use super::challenge::{check, make};
use super::client::{Ceremony, check_data};
use super::public_key::VerifyingKey;
use super::{ClientData, PasskeyRefusal, RelyingParty, table};
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::error::Error;
use crate::event::{Actor, Change};
use crate::id::{AdministratorId, PasskeyId};
use crate::secret::PlainSecret;
use crate::session::{Browser, Came, ConsoleSession};

/// For what the challenge of a sign-in is.
const PURPOSE: &str = "challenge of a sign-in with a passkey";

/// What a browser answers to a challenge.
#[derive(Clone, Debug)]
pub struct Assertion<'a> {
    /// The id by which the authenticator knows the passkey.
    pub credential: &'a [u8],
    /// What the browser says of the page.
    pub client: &'a ClientData,
    /// The authenticator data.
    pub data: &'a [u8],
    /// The signature of the data and of the client data's hash.
    pub signature: &'a [u8],
    /// By what the authenticator knows the owner.
    pub user_handle: &'a [u8],
}

/// What shows that somebody has a passkey. Made by [`known`] alone.
#[derive(Debug)]
pub struct PasskeyProof {
    pub(super) passkey: PasskeyId,
    pub(super) administrator: AdministratorId,
    pub(super) challenge_made_at: Timestamp,
    pub(super) sign_count: u32,
}

impl PasskeyProof {
    /// The passkey that it is by.
    pub fn passkey(&self) -> PasskeyId {
        self.passkey
    }
}

/// What became of a proof.
#[derive(Debug)]
pub enum Entered {
    /// A session has begun. Its secret is returned only here.
    In(Box<(ConsoleSession, PlainSecret)>),
    /// The proof is not good any more.
    Refused(PasskeyRefusal),
}

/// A new challenge for a sign-in. Whoever asks binds it to the browser, and gives it to [`known`] as `bound`.
pub fn challenge(tx: &ReadTx<'_>) -> Result<Vec<u8>, Error> {
    make(tx, PURPOSE)
}

/// What an answer proves to the challenge that is bound to the same browser. It writes nothing, so that a stranger takes no lock.
///
/// `Invalid` for `passkey`, whose reason is a [`PasskeyRefusal`].
pub fn known(
    tx: &ReadTx<'_>,
    party: &RelyingParty,
    bound: &[u8],
    answer: &Assertion<'_>,
) -> Result<PasskeyProof, Error> {
    // Section 7.2, by its steps. 6: whose the passkey is. Its authenticator names the owner as well, for no name was typed.
    let kept = table::by_credential(tx, answer.credential)?.ok_or(PasskeyRefusal::Unknown)?;
    if kept.user_handle.as_ref().is_none_or(|handle| handle.as_slice() != answer.user_handle) {
        return Err(PasskeyRefusal::Unknown.into());
    }
    // 10 to 14: what the browser says of the page. Its challenge is the one that is bound to the browser, and is still good.
    let said = answer.client.check(Ceremony::Get, party)?;
    if said != bound {
        return Err(PasskeyRefusal::Challenge.into());
    }
    let challenge_made_at = check(tx, PURPOSE, bound)??;
    if challenge_made_at <= kept.last_challenge {
        return Err(PasskeyRefusal::Used.into());
    }
    // 15 to 19: the relying party, and the flags. Whether a passkey may be copied never changes.
    let data = AuthenticatorData::parse(answer.data).ok_or(PasskeyRefusal::Malformed)?;
    check_data(&data, party)?;
    if data.may_be_copied() != kept.may_be_copied {
        return Err(PasskeyRefusal::Malformed.into());
    }
    // 20 and 21: the signature.
    let key = VerifyingKey::parse(&kept.public_key).ok_or(PasskeyRefusal::Algorithm)?;
    if !key.is_signed(&[answer.data, &answer.client.hash].concat(), answer.signature) {
        return Err(PasskeyRefusal::Signature.into());
    }
    Ok(PasskeyProof {
        passkey: kept.passkey.id,
        administrator: kept.passkey.administrator,
        challenge_made_at,
        sign_count: data.sign_count,
    })
}

/// Begins a session of whoever has a passkey, and notes its use.
///
/// Refused are a proof that was used meanwhile, and one whose count of signatures is not above the one before (section 7.2, step 22):
/// the audit log then says so. `earlier` is the secret of the session that the same browser has: it ends.
pub fn enter(
    tx: &WriteTx<'_>,
    proof: &PasskeyProof,
    browser: Browser<'_>,
    earlier: Option<&PlainSecret>,
) -> Result<Entered, Error> {
    let of = table::of(tx, proof.administrator)?.into_iter().find(|passkey| passkey.id == proof.passkey);
    let found = super::super::table::by_id(tx, proof.administrator)?;
    let (Some(passkey), Some(found)) = (of, found) else {
        return Ok(Entered::Refused(PasskeyRefusal::Unknown));
    };
    let (id, it) = (passkey.id, found.administrator);
    let (label, administrator, name) = (passkey.name, it.id, it.name.clone());
    if !table::note_use(tx, proof)? {
        let kept = table::standing(tx, id)?;
        if kept.is_none_or(|(last, _)| last >= proof.challenge_made_at) {
            return Ok(Entered::Refused(PasskeyRefusal::Used));
        }
        let kept = kept.map_or(0, |(_, count)| count);
        let change =
            Change::PasskeyRefused { passkey: id, label, administrator, name, kept, came: proof.sign_count };
        let actor = if it.account.is_some() { Actor::Administrator(it.id) } else { Actor::Operator };
        tx.tell_if_any(&actor, it.account, &change)?;
        return Ok(Entered::Refused(PasskeyRefusal::CountBack));
    }
    let (session, secret) = super::super::let_in(tx, &it, Came::Passkey(it.id), browser, earlier)?;
    let change = Change::PasskeyUsed { passkey: id, label, administrator, name };
    tx.tell_if_any(&session.actor(), it.account, &change)?;
    Ok(Entered::In(Box::new((session, secret))))
}
