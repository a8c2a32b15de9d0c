//! API keys in our own JSON.

use crate::wire::shape::{ID, MAYBE_TEXT, MAYBE_TIME, Member, Shape, TEXT, TEXTS, TIME, has};
use postroom::access::{KeyScope, Network};
use postroom::key::ApiKey;
use postroom::name::DomainName;
use serde_json::{Value, json};

/// The words for scopes.
pub(crate) const SCOPE: Shape = Shape::Words(|| KeyScope::ALL.iter().map(|scope| scope.as_str()).collect());
/// What [`api_key_json`] writes.
pub(crate) const API_KEY: &[Member] = &[
    has("id", ID),
    has("description", MAYBE_TEXT),
    has("last4", TEXT),
    has("created_at", TIME),
    has("last_used_at", MAYBE_TIME),
    has("expires_at", MAYBE_TIME),
    has("networks", TEXTS),
    has("scopes", Shape::Maybe(&Shape::List(&SCOPE))).text("null for all"),
    has("domains", Shape::Maybe(&TEXTS)).text("null for all"),
];
/// An API key without its secret.
pub(crate) const SHOWN: Shape = Shape::object("ApiKey", &[API_KEY]);
/// An API key with its secret.
pub(crate) const MADE: Shape =
    Shape::object("NewApiKey", &[API_KEY, &[has("api_key", TEXT).text("shown this once")]]);

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
