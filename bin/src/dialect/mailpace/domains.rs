//! `/api/v1/domains`: list, show, create, update, verify.

use postroom::clock::Timestamp;
use postroom::dkim::pool;
use postroom::domain::{self, Order};
use postroom::error::Entity;
use postroom::id::DomainId;
use postroom::name::DomainName;
use postroom::overview::{self, Overview};
use postroom::page::{Direction, Page};
use postroom::provision::{self, NewDomain};
use postroom::record::Purpose;
use postroom::verify::{Checked, Code, check};
use serde::{Serialize, Serializer};
use serde_json::{Map, json};

use super::{Text, capitalised, input, path_id};
use crate::json::Shown;
use crate::json::signing::{ASSESSMENT, AssessmentJson};
use crate::wire::Contract;
use crate::wire::http::{Response, StatusCode};
use crate::wire::shape::{ID, MAYBE_TEXT, NAME, Shape, TEXT, TIME, has, may};
use crate::wire::{Call, Fault, LookingCall, OF_SOME_DOMAINS, by_ids, takes_json};

/// What [`Domain`] is written as.
const DOMAIN: Shape = Shape::object(
    "Domain",
    &[
        &[
            has("id", ID),
            has("name", MAYBE_TEXT).text("what people call it"),
            has("url", NAME).text("its name in the DNS"),
            has("dkim_selector", MAYBE_TEXT),
            has("dkim_string", MAYBE_TEXT),
            has("dkim_verified", Shape::Flag),
            has("advanced_verified", Shape::Flag),
            has("webhook_public_key", MAYBE_TEXT),
            has("created_at", TIME),
            has("modified_at", TIME),
        ],
        ASSESSMENT,
    ],
);
const NAMED: Shape = Shape::object("DomainInput", &[&[has("url", NAME), may("name", MAYBE_TEXT)]]);
const NEW: Shape = Shape::Either(&[
    &Shape::object("WrappedDomainInput", &[&[has("domain", NAMED)]]),
    &NAMED,
    &Shape::object("FlatDomainInput", &[&[has("name", NAME).text("its name in the DNS")]]),
]);
const CHANGES: Shape = Shape::object("DomainChange", &[&[may("url", NAME), may("name", MAYBE_TEXT)]]);
const CHANGE: Shape =
    Shape::Either(&[&Shape::object("WrappedDomainChange", &[&[has("domain", CHANGES)]]), &CHANGES]);
pub(super) const LIST: Contract = Contract::new("Lists domains")
    .query(&[
        may("limit", Shape::Integer { least: 1, most: i64::MAX }).text("200 at most; 50 if it is left out"),
        may("offset", Shape::Integer { least: 0, most: i64::MAX }),
        may("sort", Shape::Word(&["created_at", "id", "name"])),
        may("direction", Shape::Word(&["desc", "asc"])),
    ])
    .answers(200, &Shape::List(&DOMAIN));
pub(super) const SHOW: Contract = Contract::new("Shows a domain").answers(200, &DOMAIN);
pub(super) const CREATE: Contract = Contract::new("Makes a domain").takes(&NEW).answers(201, &DOMAIN);
pub(super) const UPDATE: Contract =
    Contract::new("Changes a domain; what is left out stays").may_take(&CHANGE).answers(200, &DOMAIN);
pub(super) const VERIFY: Contract = Contract::new("Checks a domain's records now").answers(
    200,
    &Shape::object(
        "Verification",
        &[&[
            has("dkim_verified", Shape::Flag),
            has("advance_verified", Shape::Flag),
            has("errors", Shape::Map(&TEXT)),
        ]],
    ),
);

/// How MailPace begins what it says of a record that is not right.
const NO_DKIM: &str = "No matching DKIM key found";
const NO_RETURN_PATH: &str = "No CNAME keys found";

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 200;

/// A domain as MailPace shows it.
#[derive(Serialize)]
struct Domain<'a> {
    id: i64,
    name: Option<&'a str>,
    url: &'a str,
    dkim_selector: Option<&'a str>,
    dkim_string: Option<String>,
    dkim_verified: bool,
    advanced_verified: bool,
    webhook_public_key: Option<String>,
    created_at: Shown<Timestamp>,
    modified_at: Shown<Timestamp>,
    #[serde(flatten)]
    assessment: AssessmentJson<'a>,
}

impl<'a> From<&'a Overview> for Domain<'a> {
    fn from(overview: &'a Overview) -> Domain<'a> {
        let domain = &overview.domain;
        Domain {
            id: domain.id.number(),
            name: domain.label.as_deref(),
            url: domain.name.as_str(),
            dkim_selector: overview.dkim.as_ref().map(|(selector, _)| selector.as_str()),
            dkim_string: overview.dkim.as_ref().map(|(_, key)| key.record_value()),
            dkim_verified: overview.assessment.dkim_verified,
            advanced_verified: overview.return_path_verified,
            webhook_public_key: overview.webhook_public_key.map(|key| key.base64()),
            created_at: Shown(domain.created_at),
            modified_at: Shown(domain.updated_at),
            assessment: AssessmentJson::from(&overview.assessment),
        }
    }
}

/// A domain of a list, written as [`Domain`].
struct Listed(Overview);

impl Serialize for Listed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Domain::from(&self.0).serialize(serializer)
    }
}

pub(super) fn list(call: &Call<'_>) -> Result<Response, Fault> {
    accept(call)?;
    let page = Page { limit: limit(call)?, offset: offset(call)? };
    let (order, direction) = (order(call)?, direction(call)?);
    let caller = call.caller.clone();
    let ids = call.read(|tx| domain::ids(tx, &caller, order, direction, page))?;
    call.listed(
        "[",
        "]",
        by_ids(ids, move |tx, ids| Ok(overview::some(tx, &caller, ids)?.into_iter().map(Listed).collect())),
    )
}

pub(super) fn show(call: &Call<'_>) -> Result<Response, Fault> {
    accept(call)?;
    let id = domain_id(call)?;
    let found = call.read(|tx| overview::find(tx, &call.caller, id))?;
    Ok(Response::json(StatusCode::OK, &Domain::from(&found)))
}

pub(super) fn create(call: &Call<'_>) -> Result<Response, Fault> {
    let body = input(call, "domain")?;
    let (url, label) = (body.text("url")?, body.text("name")?.value());
    let (url, label) = match url {
        // The launch post's flat body has the domain in `name`.
        Text::Absent if !body.wrapped => (label, None),
        url => (url.value(), label),
    };
    let name = domain_name(url.as_deref())?;
    let made = pool::write(*call.session, |tx| {
        let new = NewDomain { label: label.as_deref(), ..NewDomain::named(&name) };
        let domain = provision::create(tx, &call.caller, &new)?;
        // The answer has the key.
        provision::equip(tx, &domain)?;
        overview::find(tx, &call.caller, domain.id)
    })?;
    Ok(Response::json(StatusCode::CREATED, &Domain::from(&made)))
}

pub(super) fn update(call: &Call<'_>) -> Result<Response, Fault> {
    let id = domain_id(call)?;
    let body = input(call, "domain")?;
    let label = body.text("name")?;
    let name = match body.text("url")? {
        Text::Absent => None,
        url => Some(domain_name(url.value().as_deref())?),
    };
    let changed = call.write(|tx| {
        let mut domain = domain::find(tx, &call.caller, id)?;
        match &label {
            Text::Absent => {}
            Text::Null => domain = domain::set_label(tx, &call.caller, &domain, None)?,
            Text::Is(label) => domain = domain::set_label(tx, &call.caller, &domain, Some(label))?,
        }
        if let Some(name) = name.as_ref().filter(|name| **name != domain.name) {
            if call.caller.is_of_domains() {
                return Err(Fault::of_key(OF_SOME_DOMAINS));
            }
            provision::rename(tx, &call.caller, &domain, name)?;
        }
        Ok(overview::find(tx, &call.caller, id)?)
    })?;
    Ok(Response::json(StatusCode::OK, &Domain::from(&changed)))
}

pub(super) fn verify(call: &LookingCall<'_>) -> Result<Response, Fault> {
    accept(call)?;
    let id = domain_id(call)?;
    let checked = check(call.postroom, &call.caller, id, call.resolver)?;
    // The booleans are what is kept; the errors are what is seen now.
    let kept = call.read(|tx| overview::find(tx, &call.caller, id))?;
    let key_host = kept.dkim.as_ref().map(|(selector, _)| selector.host());
    let mut errors = Map::new();
    for each in checked.iter().filter(|each| !each.finding.verdict.passes()) {
        let (field, seeds_text) = match each.record.purpose {
            Purpose::ReturnPath => ("advance_verified", NO_RETURN_PATH),
            Purpose::Dkim if Some(&each.record.host) == key_host.as_ref() => ("dkim", NO_DKIM),
            // The reply has no place for the others.
            _ => continue,
        };
        errors.insert(field.to_owned(), error_text(seeds_text, each).into());
    }
    // An empty object means that all is well, so that what is not is named.
    if !kept.assessment.dkim_verified && !errors.contains_key("dkim") {
        let why = kept.assessment.dkim_reason().map_or("it was not verified", |reason| &reason.text);
        let is_seen = checked
            .iter()
            .any(|each| Some(&each.record.host) == key_host.as_ref() && each.finding.verdict.passes());
        let text = if is_seen { capitalised(why) } else { format!("{NO_DKIM}: {why}") };
        errors.insert("dkim".to_owned(), text.into());
    }
    if !kept.return_path_verified && !errors.contains_key("advance_verified") {
        let record = checked.iter().find(|each| each.record.purpose == Purpose::ReturnPath);
        let status = record.map(|each| each.record.standing.status);
        let why = status.map_or_else(
            || NO_RETURN_PATH.to_owned(),
            |status| {
                format!("{NO_RETURN_PATH}: the record was marked {status} manually; checks do not change it")
            },
        );
        errors.insert("advance_verified".to_owned(), why.into());
    }
    let body = json!({
        "dkim_verified": kept.assessment.dkim_verified,
        "advance_verified": kept.return_path_verified,
        "errors": errors,
    });
    Ok(Response::json(StatusCode::OK, &body))
}

/// MailPace's own words, and after them what is known beyond.
fn error_text(known: &str, checked: &Checked) -> String {
    match checked.finding.code {
        Some(Code::RecordMissing) => known.to_owned(),
        _ => format!("{known}: {}", checked.finding.text),
    }
}

pub(super) fn domain_id(call: &Call<'_>) -> Result<DomainId, Fault> {
    path_id(call, "id", Entity::Domain).map(DomainId::new)
}

pub(super) fn accept(call: &Call<'_>) -> Result<(), Fault> {
    if takes_json(call.request) {
        Ok(())
    } else {
        Err(Fault::Format("Invalid request format or content type".into()))
    }
}

fn domain_name(url: Option<&str>) -> Result<DomainName, Fault> {
    let url = url.map(str::trim).filter(|url| !url.is_empty());
    let url = url.ok_or_else(|| Fault::input("url", "can't be blank"))?;
    url.parse().map_err(|reason: postroom::name::InvalidName| Fault::Input {
        field: "url",
        reason: "is invalid".to_owned(),
        detail: Some(reason.to_string()),
    })
}

fn limit(call: &Call<'_>) -> Result<u32, Fault> {
    let Some(text) = call.query("limit") else {
        return Ok(DEFAULT_LIMIT);
    };
    match number(&text) {
        Some(number) if number > 0 => Ok(u32::try_from(number).unwrap_or(u32::MAX).min(MAX_LIMIT)),
        _ => Err(Fault::input("limit", "must be a positive integer")),
    }
}

fn offset(call: &Call<'_>) -> Result<u64, Fault> {
    let Some(text) = call.query("offset") else {
        return Ok(0);
    };
    number(&text).ok_or_else(|| Fault::input("offset", "must be an integer, 0 or more"))
}

/// Digits of any length; past 2^64 the largest number there is.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|octet| octet.is_ascii_digit()).then(|| text.parse().unwrap_or(u64::MAX))
}

fn order(call: &Call<'_>) -> Result<Order, Fault> {
    match call.query("sort").as_deref() {
        None | Some("" | "created_at") => Ok(Order::Created),
        Some("id") => Ok(Order::Id),
        Some("name") => Ok(Order::Label),
        Some(_) => Err(Fault::input("sort", "must be created_at, id or name")),
    }
}

fn direction(call: &Call<'_>) -> Result<Direction, Fault> {
    match call.query("direction").as_deref() {
        None | Some("" | "desc") => Ok(Direction::Descending),
        Some("asc") => Ok(Direction::Ascending),
        Some(_) => Err(Fault::input("direction", "must be asc or desc")),
    }
}
