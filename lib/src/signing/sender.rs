//! Who sends a message, and so for which domains it may be signed.

use crate::account;
use crate::db::ReadTx;
use crate::domain::holder;
use crate::error::Error;
use crate::id::AccountId;
use crate::name::DomainName;
use crate::ownership;
use crate::secret::PlainSecret;
use crate::token;

/// Who sends a message, as the mail server knows it.
#[derive(Debug)]
pub enum SignFor {
    /// Somebody who may send for each domain of this account.
    Account(AccountId),
    /// Somebody who may send for this domain, such as that of an envelope sender that was checked.
    Domain(DomainName),
    /// Whoever has this domain token.
    Token(PlainSecret),
    /// Somebody who may send for the domains of every account that is trusted.
    Trusted,
}

/// A domain that a sender may not send for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTheirs {
    /// The domain is not one of the sender's.
    #[error("the sender may not send for {0}")]
    Domain(DomainName),
    /// The account of the domain has not proved that it is its own.
    #[error("{0} is not proved by its account, so that nothing is signed for it")]
    Unproved(DomainName),
    /// The token opens no domain.
    #[error("the token is not a live domain token")]
    Token,
    /// The domain is of an account that must say who sends.
    #[error(
        "{0} is not a domain of a trusted account; name the sender with --account, --sender or --token-file"
    )]
    NotTrusted(DomainName),
}

/// Whether a message from addresses at these domains may be signed for the sender: each must be exactly one of the sender's
/// domains, and neither an alias of one nor a name below it.
pub fn check_sender(
    tx: &ReadTx<'_>,
    sender: &SignFor,
    from: &[DomainName],
) -> Result<Result<(), NotTheirs>, Error> {
    let theirs = match sender {
        SignFor::Domain(name) => Some(name.clone()),
        SignFor::Token(secret) => match token::authenticate(tx, secret)? {
            Some((id, _)) => holder::by_id(tx, id)?.map(|holder| holder.name),
            None => return Ok(Err(NotTheirs::Token)),
        },
        SignFor::Account(_) | SignFor::Trusted => None,
    };
    for name in from {
        let holder = || holder::named(tx, name);
        let refusal = match sender {
            _ if !may_act(tx, name)? => Some(NotTheirs::Unproved(name.clone())),
            SignFor::Domain(_) | SignFor::Token(_) => {
                (theirs.as_ref() != Some(name)).then(|| NotTheirs::Domain(name.clone()))
            }
            SignFor::Account(account) => {
                let is_theirs = holder()?.is_some_and(|holder| holder.account == *account);
                (!is_theirs).then(|| NotTheirs::Domain(name.clone()))
            }
            // A name that nobody has here has no key, and that is said of it.
            SignFor::Trusted => match holder()? {
                Some(holder) if !account::is_trusted(tx, holder.account)? => {
                    Some(NotTheirs::NotTrusted(name.clone()))
                }
                _ => None,
            },
        };
        if let Some(refusal) = refusal {
            return Ok(Err(refusal));
        }
    }
    Ok(Ok(()))
}

/// Whether the name acts. One that nobody has here has no key either, and that is said of it elsewhere.
fn may_act(tx: &ReadTx<'_>, name: &DomainName) -> Result<bool, Error> {
    match holder::named(tx, name)? {
        Some(holder) => ownership::acts(tx, &holder),
        None => Ok(true),
    }
}
