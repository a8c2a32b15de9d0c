//! Domains, in JSON.

use postroom::domain::Details;
use postroom::record::Record;
use postroom::signing::Assessment;
use serde_json::{Value, json};

use super::record::record_json;
use super::signing::add_assessment;
use super::word::DOMAIN_STATUS;
use crate::wire::shape::{ID, MAYBE_TEXT, Member, NAME, Shape, TIME, has};

/// What [`domain_json`] writes.
const DOMAIN: &[Member] = &[
    has("id", ID),
    has("account_id", ID),
    has("domain", NAME),
    has("label", MAYBE_TEXT),
    has("status", DOMAIN_STATUS),
    has("created_at", TIME),
    has("updated_at", TIME),
];
/// What [`whole_domain_json`] writes.
pub(crate) const WHOLE_DOMAIN: Shape = Shape::object(
    "Domain",
    &[DOMAIN, super::signing::ASSESSMENT, &[has("records", Shape::List(&super::record::RECORD))]],
);

/// A domain.
pub fn domain_json(domain: &Details) -> Value {
    json!({
        "id": domain.id.number(), "account_id": domain.account.number(), "domain": domain.name.as_str(),
        "label": domain.label, "status": domain.status.as_str(),
        "created_at": domain.created_at.to_string(), "updated_at": domain.updated_at.to_string(),
    })
}

/// A domain with its records, which keys sign for it, and the reasons of its status.
pub fn whole_domain_json(domain: &Details, records: &[Record], assessment: &Assessment) -> Value {
    let mut shown = domain_json(domain);
    add_assessment(&mut shown, assessment);
    if let Value::Object(fields) = &mut shown {
        let records = records.iter().map(|record| record_json(domain, record)).collect();
        fields.insert("records".to_owned(), records);
    }
    shown
}
