//! Set-up links, in JSON, without their secrets.

use postroom::setup_link::SetupLink;
use serde_json::{Value, json};

use crate::wire::shape::{ID, MAYBE_TIME, Member, Shape, TEXT, TIME, URL, has};

const LINK: &[Member] = &[
    has("id", ID),
    has("last4", TEXT).text("the last four characters of its secret"),
    has("created_at", TIME),
    has("expires_at", TIME),
    has("looked_at", MAYBE_TIME).text("when its page was last opened"),
];
/// A link without its address.
pub(crate) const SHOWN: Shape = Shape::object("SetupLink", &[LINK]);
/// A link with its address.
pub(crate) const MADE: Shape =
    Shape::object("NewSetupLink", &[LINK, &[has("url", URL).text("shown this once")]]);

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
