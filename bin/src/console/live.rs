//! What a page of a domain learns while it is open: how far a check is, and that the domain has changed.

use std::hash::{DefaultHasher, Hash, Hasher};

use postroom::clock::Timestamp;
use postroom::domain::Details;
use postroom::session;

use super::domain::{find, name};
use super::session::cookie_of;
use crate::wire::http::Response;
use crate::wire::{Call, Fault, Following, Seen, SignedIn};

/// A word that differs where a check has written something down, or something of the domain has changed.
pub(super) fn revision(domain: &Details) -> String {
    let mut hash = DefaultHasher::new();
    (domain.id.number(), domain.status.as_str(), domain.checks).hash(&mut hash);
    for at in [Some(domain.next_check_at), Some(domain.updated_at), domain.proved_at] {
        at.map(Timestamp::millis).hash(&mut hash);
    }
    format!("{:x}", hash.finish())
}

/// Follows a domain for as long as the session lasts that asks, and sees it.
pub(super) fn follow(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    let secret = cookie_of(call.request).ok_or(Fault::CredentialMissing)?;
    let follower = Following { account: call.caller.acts.account(), link: None };
    call.live(follower, move |tx| {
        let session = session::find(tx, &secret)?.ok_or(Fault::CredentialInvalid)?;
        let acts = session.caller().ok_or(Fault::CredentialInvalid)?;
        let domain = find(tx, &acts, &name)?;
        Ok(Seen { domain: domain.id, state: revision(&domain) })
    })
}
