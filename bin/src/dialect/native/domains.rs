//! A domain's DNS: looked at, verified, as a zone fragment.

use postroom::advisory::{self, Subject};
use postroom::domain::{self, Domain};
use postroom::error::{Entity, Error};
use postroom::id::DomainId;
use postroom::inbound;
use postroom::name::DomainName;
use postroom::record::{self, zone_fragment};
use postroom::signing;
use postroom::verify::{self, Checked, Look};

use crate::json::advice::advice_json;
use crate::json::domain::whole_domain_json;
use crate::json::finding::checked_json;
use crate::json::{advice, domain as shown, finding};
use crate::wire::Contract;
use crate::wire::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use crate::wire::{Call, Fault, LookingCall};

pub(super) const SHOW: Contract =
    Contract::new("Shows a domain with its records").answers(200, &shown::WHOLE_DOMAIN);
pub(super) const DNS: Contract =
    Contract::new("Tells what every server says of a domain's records now").answers(200, &finding::CHECKED);
pub(super) const ADVISE: Contract =
    Contract::new("Tells what else would help a domain's mail to arrive").answers(200, &advice::ADVICE);
pub(super) const VERIFY: Contract =
    Contract::new("Checks a domain's records now").answers(200, &finding::CHECKED);
pub(super) const ZONE: Contract =
    Contract::new("Gives a domain's records as a fragment of a zone file").text(200, "text/dns");

/// The whole domain: its records, which keys sign for it, and why it is not active.
pub(super) fn show(call: &Call<'_>) -> Result<Response, Fault> {
    let name = name(call)?;
    let shown = call.read(|tx| {
        let domain = inbound::domain_named(tx, &call.caller, &name)?;
        let (records, assessment) = (record::list(tx, &domain)?, signing::find(tx, &domain)?);
        Ok::<_, Error>(whole_domain_json(&domain, &records, &assessment))
    })?;
    Ok(Response::json(StatusCode::OK, &shown))
}

/// What every server says now; nothing is written down.
pub(super) fn dns(call: &LookingCall<'_>) -> Result<Response, Fault> {
    let id = domain_id(call)?;
    let plan = call.read(|tx| verify::plan(tx, &call.caller, id))?;
    let looks = verify::look(&plan.domain().name, plan.expected(), call.resolver);
    let seen = plan.records().iter().zip(looks);
    let seen: Vec<Checked> = seen
        .map(|(record, Look { finding, views, .. })| Checked {
            record: record.clone(),
            finding,
            views,
            inside: None,
        })
        .collect();
    Ok(Response::json(StatusCode::OK, &checked_json(plan.domain(), &seen)))
}

/// What else would help the domain's mail to arrive; nothing is written down.
pub(super) fn advise(call: &LookingCall<'_>) -> Result<Response, Fault> {
    let name = name(call)?;
    call.read(|tx| inbound::domain_named(tx, &call.caller, &name).map(drop))?;
    let settings = call.settings();
    let subject = Subject::new(name.clone(), settings);
    let advice =
        advisory::look(&subject, &call.scouts.tools(call.resolver, &settings.egress, call.postroom.now()));
    Ok(Response::json(StatusCode::OK, &advice_json(&name, &advice)))
}

/// What every server says now, which is written down, with the statuses that follow from it.
pub(super) fn verify(call: &LookingCall<'_>) -> Result<Response, Fault> {
    let id = domain_id(call)?;
    let checked = verify::check(call.postroom, &call.caller, id, call.resolver)?;
    let domain = call.read(|tx| domain::find(tx, &call.caller, id).map(Domain::into_details))?;
    Ok(Response::json(StatusCode::OK, &checked_json(&domain, &checked)))
}

/// The records to publish, as a fragment of a zone file (RFC 1035 section 5).
pub(super) fn zone(call: &Call<'_>) -> Result<Response, Fault> {
    let name = name(call)?;
    let zone = call.read(|tx| {
        let domain = inbound::domain_named(tx, &call.caller, &name)?;
        let records = record::list(tx, &domain)?;
        Ok::<_, Error>(zone_fragment(&domain, &records))
    })?;
    // The media type of zone files (RFC 4027).
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("text/dns"))]);
    Ok(Response { status: StatusCode::OK, headers, body: zone.into() })
}

/// The id of the domain in the path, for what finds it again in a transaction of its own.
pub(super) fn domain_id(call: &Call<'_>) -> Result<DomainId, Fault> {
    let name = name(call)?;
    Ok(call.read(|tx| Ok::<_, Error>(inbound::domain_named(tx, &call.caller, &name)?.id))?)
}

/// The domain in the path; what is no name names no domain.
pub(super) fn name(call: &Call<'_>) -> Result<DomainName, Fault> {
    call.param("name").parse().map_err(|_| Fault::Library(Error::NotFound(Entity::Domain)))
}
