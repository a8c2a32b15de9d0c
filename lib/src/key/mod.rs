//! API keys: the credentials of an account. One key works in every dialect.

mod table;

use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::error::{Entity, Error};
use crate::event::{Actor, Change};
use crate::id::{AccountId, ApiKeyId};
use crate::label;
use crate::secret::{PlainSecret, SecretKind};

/// An API key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// The account that it opens.
    pub account: AccountId,
    /// The last four characters of its secret.
    pub last4: String,
    /// What it is for, in its owner's words.
    pub description: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute or so.
    pub last_used_at: Option<Timestamp>,
    /// Since when it opens nothing.
    pub revoked_at: Option<Timestamp>,
}

/// Makes a key of `account`. The secret is returned this once, and only its hash is kept.
pub fn create(
    tx: &WriteTx<'_>,
    account: AccountId,
    description: Option<&str>,
) -> Result<(ApiKey, PlainSecret), Error> {
    let description = label::parse_optional("description", description)?;
    let secret = PlainSecret::generate(SecretKind::AccountKey)?;
    let key = table::insert(tx, account, &secret, description)?;
    let change = Change::ApiKeyCreated { key: key.id, description: key.description.clone() };
    tx.tell(&Actor::Operator, account, &change)?;
    Ok((key, secret))
}

/// The keys of one account, or of all, revoked ones too, the oldest first.
pub fn list(tx: &ReadTx<'_>, account: Option<AccountId>) -> Result<Vec<ApiKey>, Error> {
    table::all(tx, account)
}

/// Revokes a key, from now on and for good; domains that are tied to it become free for all keys of its account.
pub fn revoke(tx: &WriteTx<'_>, id: ApiKeyId) -> Result<ApiKey, Error> {
    let key = table::revoke(tx, id)?.ok_or(Error::NotFound(Entity::ApiKey))?;
    let change = Change::ApiKeyRevoked { key: key.id, description: key.description.clone() };
    tx.tell(&Actor::Operator, key.account, &change)?;
    Ok(key)
}

/// Who calls with this secret; none if it opens nothing, or nothing any more.
pub fn authenticate(tx: &ReadTx<'_>, secret: &PlainSecret) -> Result<Option<Caller>, Error> {
    let found = table::by_hash(tx, &secret.hashed())?;
    Ok(found.map(|(key, account)| Caller::key_holder(account, key)))
}

/// Notes when keys were last used. Meant to be called now and then with what has come together.
pub fn note_uses(tx: &WriteTx<'_>, uses: &[(ApiKeyId, Timestamp)]) -> Result<(), Error> {
    uses.iter().try_for_each(|&(key, at)| table::note_use(tx, key, at))
}
