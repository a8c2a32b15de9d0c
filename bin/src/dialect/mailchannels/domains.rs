//! One domain: provision, show, settings, downstream addresses, its key, deprovision; and the list of them.

use std::collections::HashSet;

use postroom::account::Caller;
use postroom::db::WriteTx;
use postroom::domain::{self, Domain};
use postroom::error::Error;
use postroom::inbound::{self, Downstream, Inbound, InboundChange, NameStanding};
use postroom::key;
use postroom::name::DomainName;
use postroom::page::Page;
use postroom::provision::{self, NewDomain};
use postroom::secret::{PlainSecret, SecretKind};
use postroom::signing;
use postroom::subscription;
use serde_json::json;

use super::input::{SECTIONS, SETTINGS};
use super::input::{
    filtering, flag, list as list_of, name, number, object, one_downstream, path_domain, sections, text,
    whole,
};
use super::shape::{ALL_SETTINGS, DOMAIN, RECORDS};
use super::shape::{Handles, domain_json, downstream_json, settings_json};
use crate::json::explained::DOWNSTREAM;
use crate::wire::Contract;
use crate::wire::http::{Body, HeaderMap, Response, StatusCode};
use crate::wire::json::{Json, Members};
use crate::wire::shape::{COUNT, MAYBE_TEXT, Member, NAME, Shape, TEXT, has, may};
use crate::wire::{Call, Fault, LookingCall, by_ids};

/// The handle of a subscription.
pub(super) const HANDLE: Shape = Shape::Text { format: "", least: 1, example: "default" };
/// What [`Flags`] reads, of the query.
const FLAGS: &[Member] =
    &[may("associate-key", Shape::Flag), may("overwrite", Shape::Flag), may("subscriptionHandle", HANDLE)];
const WISHED: &[Member] =
    &[has("domain", NAME), may("settings", Shape::Maybe(&Shape::object("SettingsInput", &[SETTINGS])))];
/// What [`Wish`] reads.
pub(super) const WISH: Shape = Shape::object("DomainInput", &[WISHED, SECTIONS]);
const LIMIT: Shape = Shape::object("SubscriptionLimit", &[&[has("featureHandle", TEXT), has("value", TEXT)]]);
const PLAN: Shape = Shape::object("Plan", &[&[has("handle", TEXT), has("name", TEXT)]]);
const SUBSCRIPTION: Shape = Shape::object(
    "Subscription",
    &[&[
        has("handle", TEXT),
        has("active", Shape::Flag),
        has("plan", PLAN),
        has("limits", Shape::List(&LIMIT)),
        has("activeAccountsCount", COUNT),
    ]],
);
pub(super) const SUBSCRIPTIONS: Contract =
    Contract::new("Lists the account's subscriptions").answers(200, &Shape::List(&SUBSCRIPTION));
pub(super) const LIST: Contract = Contract::new("Lists domains")
    .query(&[
        may("domains", TEXT).text("names, with commas between them"),
        may("limit", Shape::Integer { least: 0, most: 5000 }),
        may("offset", PLACE),
    ])
    .answers(200, &Shape::object("Domains", &[&[has("domains", Shape::List(&DOMAIN)), has("total", COUNT)]]));
const PLACE: Shape = Shape::Integer { least: 0, most: 2_147_483_647 };
pub(super) const PROVISION: Contract = Contract::new("Provisions a domain")
    .query(FLAGS)
    .takes(&Shape::object(
        "ProvisionInput",
        &[
            WISHED,
            SECTIONS,
            &[may("subscriptionHandle", MAYBE_TEXT)
                .text("here or in the query; an empty one is as if it were left out")],
        ],
    ))
    .answers(201, &DOMAIN)
    .answers(200, &DOMAIN);
pub(super) const SHOW: Contract = Contract::new("Shows a domain").answers(200, &DOMAIN);
pub(super) const DEPROVISION: Contract = Contract::new("Deprovisions a domain").nothing(204);
pub(super) const SETTINGS_SHOWN: Contract =
    Contract::new("Shows a domain's settings").answers(200, &ALL_SETTINGS);
pub(super) const SET_SETTINGS: Contract =
    Contract::new("Changes a domain's settings; what is left out stays")
        .takes(&Shape::object("SettingsChange", &[SETTINGS, SECTIONS]))
        .answers(200, &DOMAIN);
pub(super) const DOWNSTREAM_SHOWN: Contract =
    Contract::new("Lists the servers to which a domain's mail is delivered")
        .query(&[may("limit", Shape::Integer { least: 1, most: 2_147_483_647 }), may("offset", PLACE)])
        .answers(200, &RECORDS);
pub(super) const SET_DOWNSTREAM: Contract =
    Contract::new("Sets the servers to which a domain's mail is delivered")
        .takes(&Shape::object("DownstreamInput", &[&[has("records", Shape::List(&DOWNSTREAM))]]))
        .answers(201, &RECORDS);
pub(super) const SET_KEY: Contract = Contract::new("Ties a domain to an API key, or to none")
    .takes(&Shape::object("KeyInput", &[&[has("apiKey", Shape::Maybe(&SOME_KEY)).text("null for none")]]))
    .nothing(204);
const SOME_KEY: Shape = Shape::Text { format: "", least: 1, example: "pra_…" };

/// A status and nothing more.
pub(super) fn empty(status: StatusCode) -> Response {
    Response { status, headers: HeaderMap::new(), body: Body::EMPTY }
}

pub(super) fn subscriptions(call: &Call<'_>) -> Result<Response, Fault> {
    let (found, used) = call.read(|tx| {
        let found = subscription::list(tx, Some(call.caller.account()))?;
        Ok::<_, Error>((found, domain::count_by_subscription(tx, &call.caller)?))
    })?;
    let used = |id| used.iter().find(|(of, _)| *of == id).map_or(0, |(_, count)| *count);
    let limit = |handle: &str, most: Option<u32>| {
        most.map(|most| json!({ "featureHandle": handle, "value": most.to_string() }))
    };
    let shown = found.iter().map(|subscription| {
        let limits = [
            limit("domains", subscription.limits.max_domains),
            limit("protected-addresses", subscription.limits.max_recipients),
        ];
        json!({
            "handle": subscription.handle,
            "active": true,
            "plan": { "handle": subscription.handle, "name": subscription.handle },
            "limits": limits.into_iter().flatten().collect::<Vec<_>>(),
            "activeAccountsCount": used(subscription.id),
        })
    });
    Ok(Response::json(StatusCode::OK, &shown.collect::<Vec<_>>()))
}

pub(super) fn list(call: &Call<'_>) -> Result<Response, Fault> {
    let page = Page {
        limit: number(call, "limit", 10, 0, 5000)?,
        offset: number(call, "offset", 0, 0, i32::MAX.unsigned_abs())?.into(),
    };
    let asked = call.queries("domains");
    let names = asked.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|text| !text.is_empty());
    let names = names.map(|text| name(text, "domains")).collect::<Result<Vec<_>, _>>()?;
    let names = if names.is_empty() { None } else { Some(names.as_slice()) };
    let caller = call.caller.clone();
    let (handles, (ids, total)) =
        call.read(|tx| Ok::<_, Error>((Handles::of(tx, &caller)?, inbound::ids(tx, &caller, names, page)?)))?;
    call.listed(
        "{\"domains\":[",
        format!("],\"total\":{total}}}"),
        by_ids(ids, move |tx, ids| {
            let domains = domain::some(tx, &caller, ids)?;
            let found = inbound::find_each(tx, &domains)?.into_iter().zip(signing::list(tx, &domains)?);
            let shown = domains.iter().zip(found);
            Ok(shown
                .map(|(domain, (inbound, assessment))| handles.json(domain, &inbound, &assessment))
                .collect())
        }),
    )
}

pub(super) fn provision(call: &LookingCall<'_>) -> Result<Response, Fault> {
    let (body, flags) = (object(call)?, Flags::read(call)?);
    let queried = call.query("subscriptionHandle");
    let handle = match (&queried, body.get("subscriptionHandle")) {
        (Some(handle), None | Some(Json::Null)) => handle.into(),
        (Some(handle), Some(Json::String(own))) if own.is_empty() || own == *handle => handle.into(),
        (Some(_), Some(Json::String(_))) => {
            return Err(Fault::input("subscriptionHandle", "must be the same in the body and in the query"));
        }
        _ => text(&body, "subscriptionHandle")?,
    };
    let wish = Wish::read(&call.caller, &body)?;
    inbound::check_downstream(call.resolver, &call.settings().egress, wish.downstream())?;
    let (made, shown) = call.write(|tx| {
        let Provisioned { made, domain, .. } = wish.provision(call, tx, &handle, flags)?;
        Ok::<_, Fault>((made, domain_json(tx, &call.caller, &domain)?))
    })?;
    let status = if made { StatusCode::CREATED } else { StatusCode::OK };
    Ok(Response::json(status, &shown))
}

pub(super) fn show(call: &Call<'_>) -> Result<Response, Fault> {
    let shown = call.read(|tx| {
        let domain = path_domain(call, tx)?;
        Ok::<_, Fault>(domain_json(tx, &call.caller, &domain)?)
    })?;
    Ok(Response::json(StatusCode::OK, &shown))
}

pub(super) fn deprovision(call: &Call<'_>) -> Result<Response, Fault> {
    call.write(|tx| {
        let domain = path_domain(call, tx)?;
        provision::delete(tx, &call.caller, &domain).map_err(Fault::from)
    })?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// All settings of a domain beside each other, as they are set.
pub(super) fn settings(call: &Call<'_>) -> Result<Response, Fault> {
    let found = call.read(|tx| {
        let domain = path_domain(call, tx)?;
        inbound::find(tx, &domain).map_err(Fault::from)
    })?;
    let mut shown = settings_json(&found.filtering);
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("admins".to_owned(), found.admins.iter().map(ToString::to_string).collect());
        fields.insert("downstreamAddresses".to_owned(), downstream_json(&found.downstream));
        fields.insert("aliases".to_owned(), found.aliases.iter().map(ToString::to_string).collect());
    }
    Ok(Response::json(StatusCode::OK, &shown))
}

pub(super) fn set_settings(call: &LookingCall<'_>) -> Result<Response, Fault> {
    let body = object(call)?;
    let lists = sections(&call.caller, &body)?;
    look_at_downstream(call, lists.downstream.as_deref().unwrap_or_default())?;
    let shown = call.write(|tx| {
        let domain = path_domain(call, tx)?;
        let was = inbound::find(tx, &domain)?.filtering;
        let filtering = filtering(&body, was.clone())?;
        let filtering = Some(filtering).filter(|filtering| *filtering != was);
        inbound::change(tx, &call.caller, &domain, &InboundChange { filtering, ..lists.clone() })?;
        Ok::<_, Fault>(domain_json(tx, &call.caller, &domain)?)
    })?;
    Ok(Response::json(StatusCode::OK, &shown))
}

pub(super) fn downstream(call: &Call<'_>) -> Result<Response, Fault> {
    let limit = number(call, "limit", 10, 1, i32::MAX.unsigned_abs())? as usize;
    let offset = number(call, "offset", 0, 0, i32::MAX.unsigned_abs())? as usize;
    let found = call.read(|tx| {
        let domain = path_domain(call, tx)?;
        inbound::find(tx, &domain).map_err(Fault::from)
    })?;
    let page: Vec<_> = found.downstream.into_iter().skip(offset).take(limit).collect();
    Ok(Response::json(StatusCode::OK, &json!({ "records": downstream_json(&page) })))
}

pub(super) fn set_downstream(call: &LookingCall<'_>) -> Result<Response, Fault> {
    let body = object(call)?;
    let records = list_of(body.get("records").as_ref(), "records", one_downstream)?;
    let records = records.ok_or_else(|| Fault::input("records", "is required"))?;
    look_at_downstream(call, &records).map_err(of_records)?;
    let change = InboundChange { downstream: Some(records), ..InboundChange::default() };
    let found = call.write(|tx| {
        let domain = path_domain(call, tx)?;
        inbound::change(tx, &call.caller, &domain, &change).map_err(|error| of_records(error.into()))?;
        inbound::find(tx, &domain).map_err(Fault::from)
    })?;
    Ok(Response::json(StatusCode::CREATED, &json!({ "records": downstream_json(&found.downstream) })))
}

/// A fault of the servers, by the name that they have in the body of this route.
fn of_records(fault: Fault) -> Fault {
    match fault {
        Fault::Library(Error::Invalid { field: "downstream_address", reason }) => {
            Fault::input("records", format_args!("is not usable: {reason}"))
        }
        other => other,
    }
}

/// Whether mail may be sent to these servers, as far as the DNS says now.
fn look_at_downstream(call: &LookingCall<'_>, servers: &[Downstream]) -> Result<(), Fault> {
    // Before anything is looked up for somebody whose domain it is not.
    call.read(|tx| path_domain(call, tx).map(drop))?;
    Ok(inbound::check_downstream(call.resolver, &call.settings().egress, servers)?)
}

pub(super) fn set_key(call: &Call<'_>) -> Result<Response, Fault> {
    let body = object(call)?;
    let secret = match body.get("apiKey") {
        Some(Json::Null) => None,
        _ => Some(text(&body, "apiKey")?),
    };
    let unknown = || Fault::input("apiKey", "is no API key of this account");
    let secret = secret.map(|text| PlainSecret::parse(SecretKind::AccountKey, &text)).transpose();
    let secret = secret.map_err(|_| unknown())?;
    call.write(|tx| {
        let domain = path_domain(call, tx)?;
        let key = match &secret {
            None => None,
            Some(secret) => {
                let named = key::named(tx, secret)?.filter(|(account, _)| *account == domain.account);
                Some(named.ok_or_else(unknown)?.1)
            }
        };
        domain::associate(tx, &call.caller, &domain, key).map_err(Fault::from)
    })?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// What a request that provisions says of all its domains.
#[derive(Clone, Copy)]
pub(super) struct Flags {
    associate: bool,
    overwrite: bool,
}

impl Flags {
    pub(super) fn read(call: &Call<'_>) -> Result<Flags, Fault> {
        Ok(Flags { associate: flag(call, "associate-key")?, overwrite: flag(call, "overwrite")? })
    }
}

/// A domain that is to be provisioned.
pub(super) struct Wish {
    name: DomainName,
    change: InboundChange,
}

/// A domain that was asked for.
pub(super) struct Provisioned<'t> {
    /// Whether it was made, and not there before.
    pub(super) made: bool,
    pub(super) domain: Domain<'t>,
    /// What could not be set of it, and why.
    pub(super) left: Option<String>,
}

/// How many rows a new domain has at first: itself, its webhook key, its records, and what the history tells of it.
const ROWS: usize = 8;

impl Wish {
    pub(super) fn read(caller: &Caller, object: &Members<'_>) -> Result<Wish, Fault> {
        Ok(Wish { name: name(&text(object, "domain")?, "domain")?, change: whole(caller, object)? })
    }

    pub(super) fn name(&self) -> &DomainName {
        &self.name
    }

    /// The servers to which its mail is to be delivered.
    pub(super) fn downstream(&self) -> &[Downstream] {
        self.change.downstream.as_deref().unwrap_or_default()
    }

    /// About how many rows are written for it: those of each new domain, and one for each thing of which it lists many.
    pub(super) fn rows(&self) -> usize {
        let InboundChange { admins, downstream, aliases, .. } = &self.change;
        let listed = [
            admins.as_ref().map(Vec::len),
            downstream.as_ref().map(Vec::len),
            aliases.as_ref().map(Vec::len),
        ];
        ROWS + listed.into_iter().flatten().sum::<usize>()
    }

    /// Makes those of these domains that can be made at once, and sets what is said of them. `None` stands for each other one, which
    /// [`provision`](Wish::provision) makes, finds or refuses.
    pub(super) fn provision_some<'t>(
        call: &Call<'_>,
        tx: &WriteTx<'t>,
        wishes: &[Option<&Wish>],
        handle: &str,
        flags: Flags,
    ) -> Result<Vec<Option<(Domain<'t>, Inbound)>>, Fault> {
        // What is tied to a key is tied one by one, and so is an alias given.
        let is_plain = |wish: &Wish| {
            !(flags.associate && call.caller.key().is_some())
                && wish.change.aliases.as_ref().is_none_or(Vec::is_empty)
                && wish.change.check(call.settings()).is_ok()
        };
        // A name that an earlier one wants as an alias waits until that one is done.
        let (mut plain, mut wanted) = (Vec::with_capacity(wishes.len()), HashSet::new());
        for wish in wishes {
            plain.push(wish.filter(|wish| is_plain(wish) && !wanted.contains(&wish.name)));
            wanted.extend(wish.iter().flat_map(|wish| wish.change.aliases.iter().flatten()));
        }
        let new = plain.iter().flatten();
        let new = new.map(|wish| NewDomain { subscription: Some(handle), ..NewDomain::named(&wish.name) });
        let new: Vec<NewDomain<'_>> = new.collect();
        let mut made = provision::create_free(tx, &call.caller, &new)?.into_iter();
        let begin = |wish: Option<&Wish>| {
            let Some((wish, domain)) = wish.and_then(|wish| Some((wish, made.next()??))) else {
                return Ok(None);
            };
            let inbound = inbound::begin(tx, &call.caller, &domain, &wish.change)?;
            Ok(Some((domain, inbound)))
        };
        plain.into_iter().map(begin).collect()
    }

    /// Makes the domain, or finds it. What is there already keeps its settings, unless they are to be overwritten.
    pub(super) fn provision<'t>(
        &self,
        call: &Call<'_>,
        tx: &WriteTx<'t>,
        handle: &str,
        flags: Flags,
    ) -> Result<Provisioned<'t>, Fault> {
        let (made, mut domain) = match inbound::standing(tx, &call.caller, &self.name)? {
            NameStanding::Domain(domain) => {
                subscription::find(tx, call.caller.account(), handle)?;
                (false, *domain)
            }
            NameStanding::Tied => {
                return Err(Fault::Denied("the domain is associated with another API key".into()));
            }
            NameStanding::Alias => {
                return Err(Fault::Denied("the name is an alias of another domain".into()));
            }
            NameStanding::Unknown => {
                let new =
                    NewDomain { subscription: Some(handle), key_later: true, ..NewDomain::named(&self.name) };
                (true, provision::create(tx, &call.caller, &new)?)
            }
        };
        let mut left = None;
        if made {
            inbound::change(tx, &call.caller, &domain, &self.change)?;
        } else if flags.overwrite {
            left = self.overwrite(call, tx, &domain)?;
        }
        if flags.associate && domain.tied_to.is_none() && call.caller.key().is_some() {
            domain::associate(tx, &call.caller, &domain, call.caller.key())?;
            domain = domain::find(tx, &call.caller, domain.id)?;
        }
        Ok(Provisioned { made, domain, left })
    }

    /// Sets what is said of a domain that is there. Aliases that cannot be set stay as they were (the published file: "the previous
    /// settings are carried forward"); what is returned says why.
    fn overwrite<'t>(
        &self,
        call: &Call<'_>,
        tx: &WriteTx<'t>,
        domain: &Domain<'t>,
    ) -> Result<Option<String>, Fault> {
        let refused = match tx.part(|| inbound::change(tx, &call.caller, domain, &self.change)) {
            Ok(()) => return Ok(None),
            Err(error @ (Error::Store(_) | Error::Invalid { .. })) => return Err(error.into()),
            Err(error) if self.change.aliases.is_none() => return Err(error.into()),
            Err(refused) => refused,
        };
        let rest = InboundChange { aliases: None, ..self.change.clone() };
        inbound::change(tx, &call.caller, domain, &rest)?;
        Ok(Some(format!("its aliases stay as they were: {refused}")))
    }
}
