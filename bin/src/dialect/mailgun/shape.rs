//! What replies look like.

use postroom::db::ReadTx;
use postroom::dkim::PublicKey;
use postroom::domain::{self, Domain, DomainStatus};
use postroom::error::Error;
use postroom::keyring::{DnsState, KeyEntry};
use postroom::record::{self, Purpose, Record};
use postroom::signing::{self, Assessment};
use serde_json::{Value, json};

use crate::json::signing::ASSESSMENT;
use crate::json::signing::add_assessment;
use crate::wire::shape::{COUNT, Member, NAME, SELECTOR, Shape, TEXT, TEXTS, has, may};

const VALID: Shape = Shape::Word(&["unknown", "valid", "invalid"]);
const PUBLISHED: &[Member] = &[
    has("is_active", Shape::Flag),
    has("cached", TEXTS),
    has("name", NAME),
    has("record_type", Shape::Word(&["TXT", "CNAME", "MX"])),
    has("valid", VALID),
    has("manual", Shape::Flag),
    has("value", TEXT),
];
/// What [`key_json`] writes.
pub(super) const KEY: Shape = Shape::object(
    "DomainKey",
    &[&[
        has("signing_domain", NAME),
        has("selector", SELECTOR),
        has("bits", COUNT),
        has("dns_record", Shape::object("KeyRecord", &[PUBLISHED])),
    ]],
);
const RECORD: Shape =
    Shape::object("DnsRecord", &[PUBLISHED, &[may("priority", TEXT).text("a number, of MX alone")]]);
/// The records to publish.
pub(super) const RECORDS: Shape = Shape::List(&RECORD);
/// What [`domain_json`] writes.
pub(super) const DOMAIN: Shape = Shape::object(
    "Domain",
    &[
        &[
            has("id", TEXT),
            has("name", NAME),
            has("state", Shape::Word(&["active", "unverified"])),
            has("type", TEXT),
            has("created_at", TEXT),
            has("is_disabled", Shape::Flag),
            has("require_tls", Shape::Flag),
            has("skip_verification", Shape::Flag),
            has("smtp_login", TEXT),
            has("spam_action", TEXT),
            has("wildcard", Shape::Flag),
            has("web_prefix", TEXT),
            has("web_scheme", TEXT),
        ],
        ASSESSMENT,
    ],
);
const DETAILS: &[Member] =
    &[has("domain", DOMAIN), has("receiving_dns_records", RECORDS), has("sending_dns_records", RECORDS)];
/// What [`Details::json`] writes.
pub(super) const WHOLE: Shape = Shape::object("DomainWithRecords", &[DETAILS]);
/// A domain with its records, and a message.
pub(super) const TOLD: Shape = Shape::object("VerifiedDomain", &[DETAILS, &[has("message", TEXT)]]);

/// A key: `{"signing_domain","selector","bits","dns_record"}`.
pub(super) fn key_json(entry: &KeyEntry) -> Value {
    let (record_type, value) = match &entry.key.delegated_to {
        Some(target) => ("CNAME", target.to_string()),
        None => ("TXT", key_value(&entry.key.public)),
    };
    json!({
        "signing_domain": entry.signing_domain.as_str(),
        "selector": entry.key.selector.as_str(),
        "bits": entry.key.bits,
        "dns_record": {
            "is_active": entry.key.is_active(),
            "cached": entry.observed.iter().collect::<Vec<_>>(),
            "name": entry.record_name().as_str(),
            "record_type": record_type,
            "valid": word(entry.dns_state()),
            "manual": entry.standing.pinned,
            "value": value,
        },
    })
}

/// The value of a key's record as this dialect shows it: without the version, which may be left out (RFC 6376 section
/// 3.6.1).
fn key_value(public: &PublicKey) -> String {
    let value = public.record_value();
    value.strip_prefix("v=DKIM1; ").map_or(value.clone(), str::to_owned)
}

fn word(state: DnsState) -> &'static str {
    match state {
        DnsState::Unknown => "unknown",
        DnsState::Valid => "valid",
        DnsState::Invalid => "invalid",
    }
}

/// A domain with its records.
pub(super) struct Details {
    pub(super) domain: domain::Details,
    records: Vec<Record>,
    assessment: Assessment,
}

impl Details {
    pub(super) fn of<'t>(tx: &ReadTx<'t>, domain: Domain<'t>) -> Result<Details, Error> {
        let records = record::list(tx, &domain)?;
        let assessment = signing::find(tx, &domain)?;
        Ok(Details { domain: domain.into_details(), records, assessment })
    }

    /// What the domain must publish to send: SPF, its own keys, the return path.
    pub(super) fn sending(&self) -> Value {
        self.json_of(&[Purpose::Spf, Purpose::Dkim, Purpose::ReturnPath])
    }

    /// What it must publish to receive.
    pub(super) fn receiving(&self) -> Value {
        self.json_of(&[Purpose::Mx])
    }

    /// `{"domain","receiving_dns_records","sending_dns_records"}`.
    pub(super) fn json(&self) -> Value {
        json!({
            "domain": domain_json(&self.domain, &self.assessment),
            "receiving_dns_records": self.receiving(),
            "sending_dns_records": self.sending(),
        })
    }

    fn json_of(&self, purposes: &[Purpose]) -> Value {
        let records = self.records.iter().filter(|record| purposes.contains(&record.purpose));
        records.map(|record| record_json(&self.domain, record)).collect()
    }
}

fn record_json(domain: &domain::Details, record: &Record) -> Value {
    let value = match &record.dkim_key {
        Some(key) if key.delegated_to.is_none() => key_value(&key.public),
        _ => record.value.clone(),
    };
    let state = DnsState::of(&record.standing);
    let mut shown = json!({
        "is_active": record.dkim_key.as_ref().map_or(state == DnsState::Valid, record::PublishedKey::is_active),
        "cached": record.observed.iter().collect::<Vec<_>>(),
        "name": record.name(domain).as_str(),
        "record_type": record.record_type().to_string(),
        "valid": word(state),
        "manual": record.standing.pinned,
        "value": value,
    });
    // Clients of this interface read it as a text.
    if let (Some(priority), Some(fields)) = (record.priority, shown.as_object_mut()) {
        fields.insert("priority".to_owned(), json!(priority.to_string()));
    }
    shown
}

/// A domain without its records. What Postroom has no word on is what Mailgun makes of a new domain.
pub(super) fn domain_json(domain: &domain::Details, assessment: &Assessment) -> Value {
    let state = match domain.status {
        DomainStatus::Active => "active",
        DomainStatus::Pending | DomainStatus::Failed => "unverified",
    };
    let mut shown = json!({
        "id": format!("{:024x}", domain.id.number()),
        "name": domain.name.as_str(),
        "state": state,
        "type": "custom",
        "created_at": http_date(domain),
        "is_disabled": false,
        "require_tls": false,
        "skip_verification": false,
        "smtp_login": format!("postmaster@{}", domain.name),
        "spam_action": "disabled",
        "wildcard": false,
        "web_prefix": "email",
        "web_scheme": "https",
    });
    add_assessment(&mut shown, assessment);
    shown
}

/// `Wed, 10 Jul 2013 19:26:52 GMT`, as RFC 9110 section 5.6.7 has it.
fn http_date(domain: &domain::Details) -> String {
    let millis = u64::try_from(domain.created_at.millis()).unwrap_or(0);
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + std::time::Duration::from_millis(millis))
}
