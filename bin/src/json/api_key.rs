//! API keys in our own JSON.

use postroom::access::{KeyScope, Network};
use postroom::key::ApiKey;
use postroom::name::DomainName;
use serde_json::{Value, json};

/// A key without its secret. `domains` are the names of those that it is limited to, as far as whoever asks may see them.
pub fn api_key_json(key: &ApiKey, domains: &[DomainName]) -> Value {
    let scopes =
        key.limits.scopes.as_ref().map(|scopes| scopes.iter().map(KeyScope::as_str).collect::<Vec<_>>());
    let names = || domains.iter().map(DomainName::as_str).collect::<Vec<_>>();
    json!({
        "id": key.id.number(),
        "description": key.description,
        "last4": key.last4,
        "created_at": key.created_at.to_string(),
        "last_used_at": key.last_used_at.map(|at| at.to_string()),
        "expires_at": key.limits.expires_at.map(|at| at.to_string()),
        "networks": key.limits.networks.iter().map(Network::to_string).collect::<Vec<_>>(),
        "scopes": scopes,
        "domains": key.limits.domains.as_ref().map(|_| names()),
    })
}
