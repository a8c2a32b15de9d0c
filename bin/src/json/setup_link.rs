//! Set-up links, in JSON, without their secrets.

use postroom::setup_link::SetupLink;
use serde_json::{Value, json};

/// A link as it is listed.
pub fn setup_link_json(link: &SetupLink) -> Value {
    json!({
        "id": link.id.number(),
        "last4": link.last4,
        "created_at": link.created_at.to_string(),
        "expires_at": link.expires_at.to_string(),
        "looked_at": link.looked_at.map(|at| at.to_string()),
    })
}
