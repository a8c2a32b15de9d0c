//! The API keys of the caller's account.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use postroom::access::{KeyScope, KeyScopes, Network};
use postroom::account::Caller;
use postroom::clock::Timestamp;
use postroom::db::ReadTx;
use postroom::domain;
use postroom::error::{Entity, Error};
use postroom::id::{ApiKeyId, DomainId};
use postroom::key::{self, ApiKey, KeyRequest, MAX_DOMAINS, MAX_NETWORKS};
use postroom::name::DomainName;
use postroom::secret::PlainSecret;
use serde_json::{Value, json};

use super::unusable;
use crate::json::api_key::api_key_json;
use crate::json::api_key::{MADE, SCOPE, SHOWN};
use crate::wire::Contract;
use crate::wire::http::{Response, StatusCode};
use crate::wire::json::{Json, Members, Object};
use crate::wire::shape::{ID, MAYBE_TEXT, MAYBE_TIME, Member, Shape, TEXTS, has, may};
use crate::wire::{Call, Fault, json_body};

const EXPIRY: &str = "must be a date, or a time of RFC 3339, no later than 9999-12-30";
const LONGEST_GRACE_MINUTES: u64 = key::LONGEST_GRACE.as_secs() / 60;
const WISHES: &[Member] = &[
    may("description", MAYBE_TEXT),
    may("expires_at", MAYBE_TIME),
    may("networks", Shape::Maybe(&TEXTS)).text("CIDR blocks that it may be used from"),
    may("scopes", Shape::Maybe(&Shape::List(&SCOPE))).text("null for all"),
    may("domains", Shape::Maybe(&TEXTS)).text("names of domains; null for all"),
];
pub(super) const LIST: Contract = Contract::new("Lists the keys of the account")
    .answers(200, &Shape::object("ApiKeys", &[&[has("keys", Shape::List(&SHOWN))]]));
pub(super) const CREATE: Contract =
    Contract::new("Makes a key; what is left out is inherited from the calling key")
        .may_take(&Shape::closed("ApiKeyInput", &[WISHES]))
        .answers(201, &MADE);
pub(super) const ROTATE: Contract = Contract::new("Gives the calling key a new secret")
    .may_take(&Shape::closed(
        "RotateInput",
        &[&[may("grace_minutes", Shape::Integer { least: 0, most: LONGEST_GRACE_MINUTES.cast_signed() })
            .text("how long the old secret lives on")]],
    ))
    .answers(200, &MADE);
pub(super) const REVOKE: Contract = Contract::new("Revokes a key")
    .answers(200, &Shape::object("RevokedKey", &[&[has("id", ID), has("revoked_at", MAYBE_TIME)]]));

pub(super) fn list(call: &Call<'_>) -> Result<Response, Fault> {
    let (keys, mut names) =
        call.read(|tx| Ok::<_, Error>((key::list_for(tx, &call.caller)?, names(tx, &call.caller)?)))?;
    let mut left = keys.into_iter();
    call.listed("{\"keys\":[", "]}", move |_, most| {
        let some = left.by_ref().take(most);
        let shown: Vec<Value> =
            some.map(|key| api_key_json(&key, &names.remove(&key.id).unwrap_or_default())).collect();
        Ok(Some(shown).filter(|shown| !shown.is_empty()))
    })
}

pub(super) fn create(call: &Call<'_>) -> Result<Response, Fault> {
    let body = object(call, &["description", "expires_at", "networks", "scopes", "domains"])?;
    let description = match body.get("description") {
        None | Some(Json::Null) => None,
        Some(Json::String(text)) => Some(text),
        Some(_) => return Err(Fault::input("description", "must be a text")),
    };
    let wish = Wish::read(&body)?;
    let made = call.write(|tx| {
        let domains = match &wish.domains {
            None => None,
            Some(None) => Some(None),
            Some(Some(names)) => Some(Some(ids(tx, &call.caller, names)?)),
        };
        let request = KeyRequest {
            expires_at: wish.expires_at,
            networks: wish.networks.clone(),
            scopes: wish.scopes.clone(),
            domains,
        };
        let (key, secret) = key::create_for(tx, &call.caller, description.as_deref(), request)?;
        with_secret(tx, &call.caller, &key, &secret)
    })?;
    Ok(Response::json(StatusCode::CREATED, &made))
}

pub(super) fn rotate(call: &Call<'_>) -> Result<Response, Fault> {
    let body = object(call, &["grace_minutes"])?;
    let grace = match body.get("grace_minutes") {
        None => key::USUAL_GRACE,
        Some(value) => {
            let most = LONGEST_GRACE_MINUTES;
            let minutes = value.as_u64().filter(|minutes| *minutes <= most);
            let reason = format!("must be a whole number of minutes, {most} at most");
            Duration::from_secs(60 * minutes.ok_or_else(|| Fault::input("grace_minutes", reason))?)
        }
    };
    let own = call.caller.key().ok_or(Fault::CredentialMissing)?;
    let rotated = call.write(|tx| {
        let (key, secret) = key::rotate(tx, &call.caller, own, grace)?;
        with_secret(tx, &call.caller, &key, &secret)
    })?;
    Ok(Response::json(StatusCode::OK, &rotated))
}

pub(super) fn revoke(call: &Call<'_>) -> Result<Response, Fault> {
    let id = call.param("id").parse().map_err(|_| Error::NotFound(Entity::ApiKey))?;
    let key = call.write(|tx| key::revoke_for(tx, &call.caller, ApiKeyId::new(id)))?;
    let revoked_at = key.revoked_at.map(|at| at.to_string());
    Ok(Response::json(StatusCode::OK, &json!({ "id": key.id.number(), "revoked_at": revoked_at })))
}

/// What a request says of the limits of a new key.
#[expect(clippy::option_option, reason = "what is left out, null and a value are three things on the wire")]
struct Wish {
    expires_at: Option<Option<Timestamp>>,
    networks: Option<Vec<Network>>,
    scopes: Option<Option<KeyScopes>>,
    domains: Option<Option<Vec<String>>>,
}

impl Wish {
    fn read(body: &Members<'_>) -> Result<Wish, Fault> {
        let expires_at = match body.get("expires_at") {
            None => None,
            Some(Json::Null) => Some(None),
            Some(value) => {
                let at = value.as_str().and_then(|text| text.parse().ok());
                Some(Some(at.ok_or_else(|| Fault::input("expires_at", EXPIRY))?))
            }
        };
        let networks = match texts(body, "networks", MAX_NETWORKS)? {
            None => None,
            Some(None) => Some(Vec::new()),
            Some(Some(texts)) => Some(each(&texts, "networks")?),
        };
        let scopes = match texts(body, "scopes", KeyScope::ALL.len())? {
            None => None,
            Some(None) => Some(None),
            Some(Some(texts)) => {
                let scopes = KeyScopes::new(each::<KeyScope>(&texts, "scopes")?);
                let none = || Fault::input("scopes", "must name one at least, or be null for all");
                Some(Some(scopes.ok_or_else(none)?))
            }
        };
        Ok(Wish { expires_at, networks, scopes, domains: texts(body, "domains", MAX_DOMAINS)? })
    }
}

/// The values in these texts; the fault names the first that is none.
fn each<T: FromStr<Err: Display>>(texts: &[String], field: &'static str) -> Result<Vec<T>, Fault> {
    texts.iter().map(|text| text.parse().map_err(|reason| unusable(field, text, reason))).collect()
}

/// A member that is a list of texts, null, or left out.
#[expect(clippy::option_option, reason = "what is left out, null and a value are three things on the wire")]
fn texts(body: &Members<'_>, field: &'static str, most: usize) -> Result<Option<Option<Vec<String>>>, Fault> {
    let too_many = || Fault::input(field, format!("must be a list of {most} texts at most"));
    let items = match body.get(field) {
        None => return Ok(None),
        Some(Json::Null) => return Ok(Some(None)),
        Some(Json::Array(items)) => items,
        Some(_) => return Err(too_many()),
    };
    let mut texts = Vec::new();
    items.each(|item| {
        if texts.len() == most {
            return Err(too_many());
        }
        let Json::String(text) = item else { return Err(Fault::input(field, "must be a list of texts")) };
        texts.push(text.into_owned());
        Ok(())
    })?;
    Ok(Some(Some(texts)))
}

/// The domains with these names, all of which must be there for the caller.
fn ids(tx: &ReadTx<'_>, caller: &Caller, names: &[String]) -> Result<BTreeSet<DomainId>, Fault> {
    // To a key that is limited to some domains a name that is not among them reaches further, whoever has it.
    let unknown = || {
        Fault::Library(if caller.is_of_domains() {
            Error::Wider { field: "domains" }
        } else {
            Error::NotFound(Entity::Domain)
        })
    };
    let names: BTreeSet<DomainName> =
        names.iter().map(|name| name.parse().map_err(|_| unknown())).collect::<Result<_, _>>()?;
    let names: Vec<DomainName> = names.into_iter().collect();
    let found = domain::find_all_named(tx, caller, &names)?;
    if found.len() < names.len() {
        return Err(unknown());
    }
    if let Some(tied) = found.iter().find(|domain| domain.tied_to.is_some()) {
        let reason = format!("cannot have {}, which is tied to one key alone", tied.name);
        return Err(Fault::input("domains", reason));
    }
    Ok(found.iter().map(|domain| domain.id).collect())
}

/// The names of the domains that keys are limited to.
fn names(tx: &ReadTx<'_>, caller: &Caller) -> Result<BTreeMap<ApiKeyId, Vec<DomainName>>, Error> {
    let mut names: BTreeMap<ApiKeyId, Vec<DomainName>> = BTreeMap::new();
    for (key, name) in domain::limits_of_keys(tx, caller)? {
        names.entry(key).or_default().push(name);
    }
    Ok(names)
}

/// A key with its secret, which is shown this once.
fn with_secret(tx: &ReadTx<'_>, caller: &Caller, key: &ApiKey, secret: &PlainSecret) -> Result<Value, Fault> {
    let domains = domain::limits_of_key(tx, caller, key.id)?;
    let mut shown = api_key_json(key, &domains);
    if let Some(members) = shown.as_object_mut() {
        members.insert("api_key".to_owned(), secret.reveal().into());
    }
    Ok(shown)
}

/// A body that is an object with these members alone; without one, it is an empty one. A limit whose name is misspelt would make a key that may
/// do everything.
fn object<'a>(call: &'a Call<'_>, fields: &'static [&'static str]) -> Result<Members<'a>, Fault> {
    match json_body(call.request)? {
        None => Ok(Object::EMPTY.members(fields)),
        Some(Json::Object(object)) => object.only(fields).map_err(Fault::Json),
        Some(_) => Err(Fault::Json("it must be an object".to_owned())),
    }
}
