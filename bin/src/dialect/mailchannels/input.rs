//! Inputs: bodies and their parts, flags and numbers of the query, the domain in the path.

use std::borrow::Cow;

use postroom::access::{KeyScope, Need};
use postroom::account::Caller;
use postroom::address::{EmailAddress, InvalidAddress};
use postroom::db::ReadTx;
use postroom::domain::Domain;
use postroom::error::{Entity, Error};
use postroom::inbound::{self, Downstream, Filtering, InboundChange, NameStanding};
use postroom::name::{DomainName, InvalidName};

use crate::json::explained::DOWNSTREAM;
use crate::wire::json::{Json, Members, Object};
use crate::wire::shape::{MAYBE_TEXT, Member, Shape, TEXTS, may};
use crate::wire::{Call, Fault, json_body};

/// What [`filtering`] reads.
pub(super) const SETTINGS: &[Member] = &[
    may("abusePolicy", Shape::Maybe(&super::shape::POLICY)),
    may("abusePolicyOverride", Shape::Maybe(&Shape::Flag)),
    may("spamHeaderName", MAYBE_TEXT),
    may("spamHeaderValue", MAYBE_TEXT),
];
/// What [`sections`] reads.
pub(super) const SECTIONS: &[Member] = &[
    may("admins", Shape::Maybe(&TEXTS)),
    may("downstreamAddresses", Shape::Maybe(&Shape::List(&DOWNSTREAM))),
    may("downstreamAddress", Shape::Maybe(&Shape::List(&DOWNSTREAM))),
    may("aliases", Shape::Maybe(&TEXTS)),
];

/// The members that the routes read, on every level of their bodies.
pub(super) const FIELDS: &[&str] = &[
    "abusePolicy",
    "abusePolicyOverride",
    "admin",
    "admins",
    "aliases",
    "apiKey",
    "blacklist",
    "blocklist",
    "domain",
    "domains",
    "downstreamAddress",
    "downstreamAddresses",
    "ehlo",
    "filter",
    "item",
    "list_entries",
    "mailFrom",
    "messageContent",
    "name",
    "port",
    "priority",
    "rcptTo",
    "records",
    "safelist",
    "sendingHostInformation",
    "settings",
    "smtpEnvelopeInformation",
    "spamHeaderName",
    "spamHeaderValue",
    "subscriptionHandle",
    "target",
    "weight",
    "whitelist",
];
/// The most items of a list that are read: many times what any list may have.
const MOST_ITEMS: usize = 10_000;

/// The object that a body must be.
pub(super) fn object<'a>(call: &'a Call<'_>) -> Result<Members<'a>, Fault> {
    match json_body(call.request)? {
        Some(Json::Object(body)) => Ok(body.members(FIELDS)),
        Some(_) => Err(Fault::Json("it must be an object".to_owned())),
        None => Err(Fault::Json("it is empty".to_owned())),
    }
}

/// A flag of the query; left out, it is false.
pub(super) fn flag(call: &Call<'_>, name: &'static str) -> Result<bool, Fault> {
    Ok(optional_flag(call, name)?.unwrap_or(false))
}

/// A flag of the query, if it is there.
pub(super) fn optional_flag(call: &Call<'_>, name: &'static str) -> Result<Option<bool>, Fault> {
    match call.query(name).as_deref() {
        None => Ok(None),
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(_) => Err(Fault::input(name, "must be true or false")),
    }
}

/// A number of the query, within bounds.
pub(super) fn number(
    call: &Call<'_>,
    name: &'static str,
    usual: u32,
    least: u32,
    most: u32,
) -> Result<u32, Fault> {
    let Some(text) = call.query(name) else { return Ok(usual) };
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| Fault::input(name, format_args!("must be an integer from {least} to {most}")))
}

/// A domain name in a text.
pub(super) fn name(text: &str, field: &'static str) -> Result<DomainName, Fault> {
    text.trim()
        .parse()
        .map_err(|reason: InvalidName| Fault::input(field, format_args!("is no domain name: {reason}")))
}

/// The domain in the path, for a caller that may work on it: 403 tells of one that is tied to another key of its account,
/// and of an alias.
pub(super) fn path_domain<'t>(call: &Call<'_>, tx: &ReadTx<'t>) -> Result<Domain<'t>, Fault> {
    domain_of(&call.caller, tx, &path_name(call, "domain")?)
}

/// The domain of this name, for a caller that may work on it: 403 tells of one that is tied to another key of its account, and
/// of an alias.
pub(super) fn domain_of<'t>(
    caller: &Caller,
    tx: &ReadTx<'t>,
    name: &DomainName,
) -> Result<Domain<'t>, Fault> {
    match inbound::standing(tx, caller, name)? {
        NameStanding::Domain(domain) => Ok(*domain),
        NameStanding::Tied => Err(Fault::Denied("the domain is associated with another API key".into())),
        NameStanding::Alias => Err(Fault::Denied("the name is an alias; use that of its domain".into())),
        NameStanding::Unknown => Err(Fault::Library(Error::NotFound(Entity::Domain))),
    }
}

/// A name in the path; what is none is bad input here, as the published file has it.
pub(super) fn path_name(call: &Call<'_>, param: &'static str) -> Result<DomainName, Fault> {
    name(call.param(param), param)
}

/// The address in the path.
pub(super) fn path_address(call: &Call<'_>) -> Result<EmailAddress, Fault> {
    parse_address(call.param("email"), "email")
}

pub(super) fn parse_address(text: &str, field: &'static str) -> Result<EmailAddress, Fault> {
    text.trim()
        .parse()
        .map_err(|reason: InvalidAddress| Fault::input(field, format_args!("is no address: {reason}")))
}

/// A text that must be there.
pub(super) fn text<'a>(object: &Members<'a>, field: &'static str) -> Result<Cow<'a, str>, Fault> {
    match object.get(field) {
        None | Some(Json::Null) => Err(Fault::input(field, "is required")),
        Some(Json::String(text)) if text.trim().is_empty() => Err(Fault::input(field, "is empty")),
        Some(Json::String(text)) => Ok(text),
        Some(_) => Err(Fault::input(field, "must be a string")),
    }
}

/// The four kinds of settings, of an object that has some of them beside each other.
///
/// `Denied` if it names downstream servers and the caller's key lacks the scope `routes:write`, which the routes that read this do not all need.
pub(super) fn sections(caller: &Caller, object: &Members<'_>) -> Result<InboundChange, Fault> {
    // One item of a batch, and the published file, call it in the singular.
    let [downstream, in_the_singular] = ["downstreamAddresses", "downstreamAddress"]
        .map(|name| list(object.get(name).as_ref(), "downstreamAddresses", one_downstream));
    let downstream = downstream?.or(in_the_singular?);
    let need = Need::Write(KeyScope::RoutesWrite);
    if downstream.is_some() && !caller.may(need) {
        let reason = format!("this API key cannot set downstreamAddresses: it lacks the scope {need}");
        return Err(Fault::Denied(reason.into()));
    }
    Ok(InboundChange {
        filtering: None,
        admins: list(object.get("admins").as_ref(), "admins", address)?,
        downstream,
        aliases: list(object.get("aliases").as_ref(), "aliases", alias)?,
    })
}

/// What `settings` says over what was; what is left out stays, and null is nothing said.
pub(super) fn filtering(settings: &Members<'_>, was: Filtering) -> Result<Filtering, Fault> {
    let text = |field: &'static str, was: Option<String>| match settings.get(field) {
        None => Ok(was),
        Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.into_owned())),
        Some(_) => Err(Fault::input(field, "must be a string")),
    };
    let policy = match settings.get("abusePolicy") {
        None => was.policy,
        Some(Json::Null) => None,
        Some(value) => {
            let policy = value.as_str().and_then(|word| word.parse().ok());
            Some(policy.ok_or_else(|| Fault::input("abusePolicy", "must be block, flag or quarantine"))?)
        }
    };
    let overrides = match settings.get("abusePolicyOverride") {
        None => was.overrides,
        Some(Json::Null) => None,
        Some(Json::Bool(overrides)) => Some(overrides),
        Some(_) => return Err(Fault::input("abusePolicyOverride", "must be true or false")),
    };
    Ok(Filtering {
        policy,
        overrides,
        header_name: text("spamHeaderName", was.header_name)?,
        header_value: text("spamHeaderValue", was.header_value)?,
    })
}

/// The settings of a domain that is provisioned: `settings` as a whole, and what stands beside it.
pub(super) fn whole(caller: &Caller, object: &Members<'_>) -> Result<InboundChange, Fault> {
    let filtering = match object.get("settings") {
        None | Some(Json::Null) => None,
        Some(Json::Object(settings)) => Some(filtering(&settings.members(FIELDS), Filtering::default())?),
        Some(_) => return Err(Fault::input("settings", "must be an object")),
    };
    Ok(InboundChange { filtering, ..sections(caller, object)? })
}

/// A list of a body, each item read.
pub(super) fn list<T>(
    value: Option<&Json<'_>>,
    field: &'static str,
    read: impl Fn(&Json<'_>) -> Result<T, Fault>,
) -> Result<Option<Vec<T>>, Fault> {
    let items = match value {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::Array(items)) => items,
        Some(_) => return Err(Fault::input(field, "must be an array")),
    };
    let mut all = Vec::new();
    items.each(|item| {
        if all.len() == MOST_ITEMS {
            return Err(Fault::input(field, format_args!("has more than {MOST_ITEMS} items")));
        }
        all.push(read(&item)?);
        Ok(())
    })?;
    Ok(Some(all))
}

fn address(value: &Json<'_>) -> Result<EmailAddress, Fault> {
    let text = value.as_str().ok_or_else(|| Fault::input("admins", "must be an array of strings"))?;
    parse_address(text, "admins")
}

fn alias(value: &Json<'_>) -> Result<DomainName, Fault> {
    name(value.as_str().ok_or_else(|| Fault::input("aliases", "must be an array of strings"))?, "aliases")
}

/// One downstream address.
pub(super) fn one_downstream(value: &Json<'_>) -> Result<Downstream, Fault> {
    const FIELD: &str = "downstreamAddresses";
    let members = if let Json::Object(object) = value { *object } else { Object::EMPTY }.members(FIELDS);
    let number = |field: &'static str| {
        let number = members.get(field).and_then(|number| u16::try_from(number.as_u64()?).ok());
        number.ok_or_else(|| Fault::input(FIELD, format_args!("needs a {field} from 0 to 65535 in each")))
    };
    let target = members.get("target");
    let target = target.as_ref().and_then(Json::as_str).filter(|text| (1..=255).contains(&text.len()));
    let target =
        target.ok_or_else(|| Fault::input(FIELD, "needs a target of 1 to 255 characters in each"))?;
    Ok(Downstream {
        priority: number("priority")?,
        weight: number("weight")?,
        port: number("port")?,
        target: target.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use crate::wire::shape::names_in_bodies;

    #[test]
    fn the_members_that_are_read_are_those_that_are_described() {
        let read = super::FIELDS.iter().copied().collect();
        assert_eq!(names_in_bodies(crate::dialect::mailchannels::DIALECT.routes), read);
    }
}
