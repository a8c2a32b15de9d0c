//! Users: the recipients at a domain.

use postroom::list::{self, Item, ListKind, Scope};
use postroom::recipient::{self, FilterMode, FilterRequest, Recipient};
use serde_json::{Value, json};

use super::input::{FIELDS, domain_of, list as list_of, object, optional_flag, parse_address, path_address};
use super::lists::{both_of_user, parse_item};
use crate::wire::Contract;
use crate::wire::http::{Response, StatusCode};
use crate::wire::json::{Json, Members};
use crate::wire::shape::{ADDRESS, Member, Shape, TEXTS, has, may};
use crate::wire::{Call, Fault, json_body};

const USER: &[Member] = &[
    has("email_address", ADDRESS),
    has("roles", Shape::List(&Shape::Word(&["admin", "user"]))),
    has("filter", Shape::Flag),
];
/// What [`user_json`] writes.
const RECIPIENT: Shape = Shape::object("User", &[USER]);
const SAVED: Shape = Shape::object(
    "SavedUser",
    &[&[has("recipient", RECIPIENT), has("list_entries", Shape::List(&super::lists::ENTRY))]],
);
const FILTER: Shape = Shape::Word(&["true", "false", "compute"]);
const WANTED: Shape = Shape::object(
    "ListEntries",
    &[&[
        may("safelist", Shape::Maybe(&TEXTS)),
        may("whitelist", Shape::Maybe(&TEXTS)).text("an older name of safelist"),
        may("blocklist", Shape::Maybe(&TEXTS)),
        may("blacklist", Shape::Maybe(&TEXTS)).text("an older name of blocklist"),
    ]],
);
pub(super) const SAVE: Contract = Contract::new("Makes a user, or finds it")
    .query(&[has("email_address", ADDRESS), has("admin", Shape::Flag), may("filter", FILTER)])
    .may_take(&Shape::Maybe(&Shape::object("UserInput", &[&[may("list_entries", Shape::Maybe(&WANTED))]])))
    .answers(201, &SAVED)
    .answers(200, &SAVED);
pub(super) const SET_SETTINGS: Contract = Contract::new("Changes a user's settings; what is left out stays")
    .takes(&Shape::object(
        "UserSettings",
        &[&[
            may("filter", Shape::Maybe(&Shape::Either(&[&Shape::Flag, &FILTER]))),
            may("admin", Shape::Maybe(&Shape::Flag)),
        ]],
    ))
    .answers(200, &RECIPIENT);

/// The most list entries that a user is made with.
const MOST_ENTRIES: usize = 1000;

pub(super) fn save(call: &Call<'_>) -> Result<Response, Fault> {
    let address = call.query("email_address").filter(|text| !text.trim().is_empty());
    let address = address.ok_or_else(|| Fault::input("email_address", "is required, in the query"))?;
    let address = parse_address(&address, "email_address")?;
    let admin = optional_flag(call, "admin")?;
    let admin = admin.ok_or_else(|| Fault::input("admin", "is required, in the query"))?;
    let filter = call.query("filter").map(|text| filter(&text)).transpose()?;
    let wanted = wanted_entries(call)?;
    let (user, is_new) = call.write(|tx| {
        let domain = domain_of(&call.caller, tx, address.domain())?;
        let (user, is_new) = recipient::save(tx, &call.caller, &address, admin, filter)?;
        let scope = Scope::Recipient(&domain, &user);
        // Of a user that is there the lists stay as they are.
        for (action, item) in wanted.iter().filter(|_| is_new) {
            list::add(tx, &call.caller, &scope, *action, item)?;
        }
        Ok::<_, Fault>((user.clone(), is_new))
    })?;
    let before = format!("{{\"recipient\":{},\"list_entries\":[", user_json(&user));
    let response = both_of_user(call, address, before)?;
    Ok(Response { status: if is_new { StatusCode::CREATED } else { StatusCode::OK }, ..response })
}

pub(super) fn set_settings(call: &Call<'_>) -> Result<Response, Fault> {
    let (address, body) = (path_address(call)?, object(call)?);
    let asked = match body.get("filter") {
        None | Some(Json::Null) => None,
        Some(Json::Bool(true)) => Some(FilterRequest::On),
        Some(Json::Bool(false)) => Some(FilterRequest::Off),
        Some(Json::String(text)) => Some(filter(&text)?),
        Some(_) => return Err(Fault::input("filter", "must be true, false or compute")),
    };
    let admin = match body.get("admin") {
        None | Some(Json::Null) => None,
        Some(Json::Bool(admin)) => Some(admin),
        Some(_) => return Err(Fault::input("admin", "must be true or false")),
    };
    let user = call.write(|tx| {
        let domain = domain_of(&call.caller, tx, address.domain())?;
        let user = recipient::ensure(tx, &call.caller, &domain, &address)?;
        recipient::update(tx, &call.caller, &domain, &user, admin, asked).map_err(Fault::from)
    })?;
    Ok(Response::json(StatusCode::OK, &user_json(&user)))
}

fn filter(text: &str) -> Result<FilterRequest, Fault> {
    match text {
        "true" => Ok(FilterRequest::On),
        "false" => Ok(FilterRequest::Off),
        "compute" => Ok(FilterRequest::Compute),
        _ => Err(Fault::input("filter", "must be true, false or compute")),
    }
}

/// The entries that a new user is to have: `{"list_entries":{"safelist":[…],"blocklist":[…]}}`, also under the older names.
fn wanted_entries(call: &Call<'_>) -> Result<Vec<(ListKind, Item)>, Fault> {
    let body = match json_body(call.request)? {
        None | Some(Json::Null) => return Ok(Vec::new()),
        Some(Json::Object(body)) => body.members(FIELDS),
        Some(_) => return Err(Fault::Json("it must be an object".to_owned())),
    };
    let lists = match body.get("list_entries") {
        None | Some(Json::Null) => return Ok(Vec::new()),
        Some(Json::Object(lists)) => lists.members(FIELDS),
        Some(_) => return Err(Fault::input("list_entries", "must be an object")),
    };
    let mut wanted = Vec::new();
    for (name, action) in [
        ("safelist", ListKind::Safelist),
        ("whitelist", ListKind::Safelist),
        ("blocklist", ListKind::Blocklist),
        ("blacklist", ListKind::Blocklist),
    ] {
        wanted.extend(items(&lists, name)?.into_iter().map(|item| (action, item)));
    }
    if wanted.len() > MOST_ENTRIES {
        return Err(Fault::input("list_entries", format_args!("has more than {MOST_ENTRIES} items")));
    }
    Ok(wanted)
}

fn items(lists: &Members<'_>, name: &'static str) -> Result<Vec<Item>, Fault> {
    let item = |value: &Json<'_>| {
        parse_item(value.as_str().ok_or_else(|| Fault::input(name, "must be an array of strings"))?)
    };
    Ok(list_of(lists.get(name).as_ref(), name, item)?.unwrap_or_default())
}

/// `{"email_address","roles","filter"}`.
fn user_json(user: &Recipient) -> Value {
    json!({
        "email_address": user.address.to_string(),
        "roles": if user.is_admin { &["admin"][..] } else { &["user"] },
        "filter": user.filter == FilterMode::Filtered,
    })
}
