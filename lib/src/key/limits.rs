//! What an API key is limited to, and whether one key reaches further than another.

use std::collections::BTreeSet;

use crate::access::{KeyScopes, Network};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::DomainId;

/// The most networks of one key.
pub const MAX_NETWORKS: usize = 100;
/// The most domains that one key can be limited to.
pub const MAX_DOMAINS: usize = 1000;

/// What an API key is limited to; the default is no limit at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyLimits {
    /// From when on it opens nothing.
    pub expires_at: Option<Timestamp>,
    /// From where it may be used; from everywhere if there are none.
    pub networks: Vec<Network>,
    /// What it may do.
    pub scopes: Option<KeyScopes>,
    /// The domains that are there for it, of those of its account.
    pub domains: Option<BTreeSet<DomainId>>,
}

/// The limits that somebody asks for a new key. What is left out, `None`, is as with the key that asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRequest {
    /// From when on it opens nothing; `Some(None)` is never.
    pub expires_at: Option<Option<Timestamp>>,
    /// From where it may be used; an empty list is everywhere.
    pub networks: Option<Vec<Network>>,
    /// What it may do; `Some(None)` is everything.
    pub scopes: Option<Option<KeyScopes>>,
    /// The domains that are there for it; `Some(None)` is all of its account.
    pub domains: Option<Option<BTreeSet<DomainId>>>,
}

impl KeyLimits {
    /// The limits of a key that is asked for with a key that has these ones.
    pub(super) fn for_request(&self, request: KeyRequest) -> Result<KeyLimits, Error> {
        let own = self.clone();
        let wanted = KeyLimits {
            expires_at: request.expires_at.unwrap_or(own.expires_at),
            networks: request.networks.unwrap_or(own.networks),
            scopes: request.scopes.unwrap_or(own.scopes),
            domains: request.domains.unwrap_or(own.domains),
        };
        match self.narrower_than(&wanted) {
            Some(field) => Err(Error::Wider { field }),
            None => Ok(wanted),
        }
    }

    /// Whether a key with these limits may do all that one with the other limits may.
    pub(super) fn cover(&self, other: &KeyLimits) -> bool {
        self.narrower_than(other).is_none()
    }

    /// By which limit a key with the other limits reaches further than one with these.
    fn narrower_than(&self, other: &KeyLimits) -> Option<&'static str> {
        let outlives = match (self.expires_at, other.expires_at) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(own), Some(others)) => others > own,
        };
        let is_covered = |network: &Network| self.networks.iter().any(|own| own.covers(network));
        let leaves = !self.networks.is_empty()
            && (other.networks.is_empty() || !other.networks.iter().all(is_covered));
        let does_more = match (&self.scopes, &other.scopes) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(own), Some(others)) => !own.cover(others),
        };
        let sees_more = match (&self.domains, &other.domains) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(own), Some(others)) => !others.is_subset(own),
        };
        [("expires_at", outlives), ("networks", leaves), ("scopes", does_more), ("domains", sees_more)]
            .into_iter()
            .find_map(|(field, is_wider)| is_wider.then_some(field))
    }

    /// Refuses limits that no key can have.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), Error> {
        if self.expires_at.is_some_and(|at| at <= now) {
            return Err(Error::invalid("expires_at", "it has passed already"));
        }
        if self.networks.len() > MAX_NETWORKS {
            return Err(Error::invalid("networks", format!("there are more than {MAX_NETWORKS}")));
        }
        match &self.domains {
            Some(domains) if domains.is_empty() => Err(Error::invalid("domains", "there is none in it")),
            Some(domains) if domains.len() > MAX_DOMAINS => {
                Err(Error::invalid("domains", format!("there are more than {MAX_DOMAINS}")))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::KeyScope;

    fn limited() -> KeyLimits {
        KeyLimits {
            expires_at: Some(Timestamp::from_millis(1000)),
            networks: vec!["10.0.0.0/8".parse().unwrap()],
            scopes: KeyScopes::new([KeyScope::ReadAll, KeyScope::TokensWrite]),
            domains: Some([1, 2].map(DomainId::new).into()),
        }
    }

    #[test]
    fn what_a_request_leaves_out_is_inherited_and_nothing_in_it_may_be_wider() {
        let own = limited();
        assert_eq!(own.for_request(KeyRequest::default()).unwrap(), own);
        let narrower = KeyRequest {
            expires_at: Some(Some(Timestamp::from_millis(999))),
            networks: Some(vec!["10.1.0.0/16".parse().unwrap()]),
            scopes: Some(KeyScopes::new([KeyScope::DomainsRead])),
            domains: Some(Some([2].map(DomainId::new).into())),
        };
        assert!(own.cover(&own.for_request(narrower.clone()).unwrap()));
        assert!(KeyLimits::default().for_request(narrower).is_ok());
        let is_wider = |request: KeyRequest| match own.for_request(request) {
            Err(Error::Wider { field }) => field,
            other => panic!("{other:?}"),
        };
        let none = KeyRequest::default;
        for expires_at in [None, Some(Timestamp::from_millis(1001))] {
            assert_eq!(is_wider(KeyRequest { expires_at: Some(expires_at), ..none() }), "expires_at");
        }
        for networks in [vec![], vec!["11.0.0.0/16".parse().unwrap()], vec!["10.0.0.0/7".parse().unwrap()]] {
            assert_eq!(is_wider(KeyRequest { networks: Some(networks), ..none() }), "networks");
        }
        for scopes in [None, KeyScopes::new([KeyScope::KeysWrite])] {
            assert_eq!(is_wider(KeyRequest { scopes: Some(scopes), ..none() }), "scopes");
        }
        for domains in [None, Some([2, 3].map(DomainId::new).into())] {
            assert_eq!(is_wider(KeyRequest { domains: Some(domains), ..none() }), "domains");
        }
    }
}
