//! What replies look like.

use postroom::account::Caller;
use postroom::db::ReadTx;
use postroom::domain::{self, Domain};
use postroom::error::Error;
use postroom::inbound;
use postroom::name::DomainName;
use postroom::record::{self, Purpose, Record};
use postroom::route::{self, Route};
use postroom::signing::{self, Assessment};
use postroom::webhook::WebhookUrl;
use serde_json::{Value, json};

use crate::json::signing::add_assessment;
use crate::json::{signing::ASSESSMENT, word};
use crate::wire::shape::{COUNT, ID, MAYBE_TEXT, MAYBE_TIME, Member, NAME, SHORT, Shape, TEXT, TIME, has};

/// What [`domain_json`] writes.
pub(super) const DOMAIN: Shape = Shape::object(
    "Domain",
    &[
        &[
            has("id", ID),
            has("domain", NAME),
            has("status", word::DOMAIN_STATUS),
            has("user_id", MAYBE_TEXT),
            has("organization_id", MAYBE_TEXT),
            has("created_at", TIME),
            has("updated_at", TIME),
        ],
        ASSESSMENT,
    ],
);
const PROBLEM: Shape = Shape::object("RecordProblem", &[&[has("code", TEXT), has("text", TEXT)]]);
const RECORD: Shape = Shape::object(
    "Record",
    &[&[
        has("id", ID),
        has("record_type", Shape::Word(&["TXT", "CNAME", "MX"])),
        has("host", TEXT),
        has("expected_value", TEXT),
        has("priority", Shape::Maybe(&SHORT)),
        has("status", word::RECORD_STATUS),
        has("observed_value", MAYBE_TEXT),
        has("checked_at", MAYBE_TIME),
        has("override", Shape::Flag),
        has("problem", Shape::Maybe(&PROBLEM)),
    ]],
);
const ROUTE: Shape = Shape::object(
    "Route",
    &[&[
        has("domain", NAME),
        has("forward_mode", crate::json::route::MODE),
        has("webhook_url", MAYBE_TEXT),
        has("has_webhook_secret", Shape::Flag),
        has("forward_to_email", MAYBE_TEXT),
        has("recipients", crate::json::route::RECIPIENTS),
        has("catch_all", MAYBE_TEXT),
    ]],
);
const MX: Shape = Shape::object("Mx", &[&[has("host", TEXT), has("priority", Shape::Maybe(&COUNT))]]);
const WITH_DNS: &[Member] = &[has("domain", DOMAIN), has("dns", Shape::List(&RECORD))];
/// A domain and its records.
pub(super) const DNS: Shape = Shape::object("DomainWithRecords", &[WITH_DNS]);
/// What [`Details::json`] writes.
pub(super) const DETAILS: Shape =
    Shape::object("DomainDetails", &[WITH_DNS, &[has("route", ROUTE), has("mx", Shape::Maybe(&MX))]]);

/// A domain with everything that this dialect shows of it: three statements, however many records.
pub(super) struct Details {
    pub(super) domain: domain::Details,
    records: Vec<Record>,
    route: Route,
    assessment: Assessment,
}

impl Details {
    /// Reads the domain of this name.
    pub(super) fn find(tx: &ReadTx<'_>, caller: &Caller, name: &DomainName) -> Result<Details, Error> {
        Details::of(tx, inbound::domain_named(tx, caller, name)?)
    }

    /// Reads what hangs on a domain.
    pub(super) fn of<'t>(tx: &ReadTx<'t>, domain: Domain<'t>) -> Result<Details, Error> {
        let records = record::list(tx, &domain)?;
        let route = route::find(tx, &domain)?;
        let assessment = signing::find(tx, &domain)?;
        Ok(Details { domain: domain.into_details(), records, route, assessment })
    }

    /// `{"domain","dns","route","mx"}`.
    pub(super) fn json(&self) -> Value {
        let mx = self.records.iter().find(|record| record.purpose == Purpose::Mx);
        json!({
            "domain": self.domain_json(),
            "dns": self.dns_json(),
            "route": route_json(&self.domain, &self.route),
            "mx": mx.map(|record| json!({ "host": record.value, "priority": record.priority })),
        })
    }

    /// The domain without what hangs on it.
    pub(super) fn domain_json(&self) -> Value {
        domain_json(&self.domain, &self.assessment)
    }

    /// The records alone.
    pub(super) fn dns_json(&self) -> Value {
        self.records.iter().map(record_json).collect()
    }
}

/// A domain without what hangs on it.
pub(super) fn domain_json(domain: &domain::Details, assessment: &Assessment) -> Value {
    let mut shown = json!({
        "id": domain.id.number(),
        "domain": domain.name.as_str(),
        "status": domain.status.as_str(),
        "user_id": domain.user.as_ref().map(postroom::tag::Tag::as_str),
        "organization_id": domain.organization.as_ref().map(postroom::tag::Tag::as_str),
        "created_at": domain.created_at.to_string(),
        "updated_at": domain.updated_at.to_string(),
    });
    add_assessment(&mut shown, assessment);
    shown
}

fn record_json(record: &Record) -> Value {
    json!({
        "id": record.id.number(),
        "record_type": record.record_type().to_string(),
        "host": record.host,
        "expected_value": record.value,
        "priority": record.priority,
        "status": record.standing.status.as_str(),
        "observed_value": record.observed,
        "checked_at": record.checked_at.map(|at| at.to_string()),
        "override": record.standing.pinned,
        "problem": record.problem.as_ref().map(|problem| json!({ "code": problem.code, "text": problem.text })),
    })
}

fn route_json(domain: &domain::Details, route: &Route) -> Value {
    json!({
        "domain": domain.name.as_str(),
        "forward_mode": route.mode.as_str(),
        "webhook_url": route.webhook_url.as_ref().map(WebhookUrl::as_str),
        "has_webhook_secret": route.has_webhook_secret,
        "forward_to_email": route.forward_to.as_ref().map(ToString::to_string),
        "recipients": route.recipients.as_str(),
        "catch_all": route.catch_all.as_ref().map(ToString::to_string),
    })
}
