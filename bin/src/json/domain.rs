//! Domains, in JSON.

use postroom::domain::Details;
use serde_json::{Value, json};

/// A domain.
pub fn domain_json(domain: &Details) -> Value {
    json!({
        "id": domain.id.number(), "account_id": domain.account.number(), "domain": domain.name.as_str(),
        "label": domain.label, "status": domain.status.as_str(),
        "created_at": domain.created_at.to_string(), "updated_at": domain.updated_at.to_string(),
    })
}
