//! An account's page: its API keys, and login links for its administrators.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use maud::{Markup, html};
use postroom::access::{InvalidNetwork, KeyScope, KeyScopes, Network};
use postroom::account::{self, Caller};
use postroom::administrator;
use postroom::clock::Timestamp;
use postroom::db::ReadTx;
use postroom::domain;
use postroom::error::{Entity, Error};
use postroom::id::{ApiKeyId, DomainId, LoginLinkId};
use postroom::key::{self, ApiKey, KeyRequest};
use postroom::login;
use postroom::name::{DomainName, InvalidName};
use postroom::page::Page;

use super::{Tab, tabs};
use crate::console::form::{Fields, Refused, after, check_sure, is_repeated, submit, sure};
use crate::console::frame::{Frame, Part, base_path, see};
use crate::console::listed::{Listed, PAGE};
use crate::console::login_url;
use crate::console::part::{NOTHING_HERE, exact, pager, shown_once, time};
use crate::wire::form::Form;
use crate::wire::http::{Response, StatusCode};
use crate::wire::{Call, Fault, SignedIn};

/// How many keys stand on a page.
const ON_A_PAGE: u32 = 50;
/// How many of the domains that are tied to a key are named.
const MOST_TIED: u32 = 5;
/// How many of the domains that a key is limited to are named.
const MOST_LIMITED: u32 = 20;

struct Account {
    frame: Frame,
    keys: Vec<ApiKey>,
    listed: Listed,
    has_more: bool,
    /// The domains that keys are limited to, some of each.
    domains: BTreeMap<ApiKeyId, Vec<DomainName>>,
    /// The domains that are tied to keys, some of each.
    tied: BTreeMap<ApiKeyId, Vec<DomainName>>,
    newest: i64,
    newest_link: i64,
    /// Whether whoever looks signed in a short while ago.
    is_fresh: bool,
}

impl Account {
    fn read(call: &Call<'_, SignedIn>, listed: Listed) -> Result<Account, Error> {
        let acts = &call.caller.acts;
        call.read(|tx| {
            // One more than is shown says whether there is another page, without counting.
            let page = Page { limit: ON_A_PAGE + 1, offset: (listed.page() - 1) * u64::from(ON_A_PAGE) };
            let mut keys = key::page_for(tx, acts, page)?;
            let has_more = keys.len() > ON_A_PAGE as usize;
            keys.truncate(ON_A_PAGE as usize);
            let ids: Vec<ApiKeyId> = keys.iter().map(|key| key.id).collect();
            let mut domains: BTreeMap<ApiKeyId, Vec<DomainName>> = BTreeMap::new();
            for (key, name) in domain::first_limits_of_keys(tx, acts, &ids, MOST_LIMITED)? {
                domains.entry(key).or_default().push(name);
            }
            Ok(Account {
                frame: Frame::of(tx, call)?,
                newest: newest(tx, acts)?,
                newest_link: newest_link(tx, acts)?,
                is_fresh: administrator::is_fresh(tx, &call.caller.session),
                tied: domain::tied_to_keys(tx, acts, &ids, MOST_TIED)?.into_iter().collect(),
                keys,
                listed,
                has_more,
                domains,
            })
        })
    }
}

/// The newest key, revoked or not.
fn newest(tx: &ReadTx<'_>, acts: &Caller) -> Result<i64, Error> {
    Ok(key::newest(tx, acts.account())?.map_or(0, ApiKeyId::number))
}

/// The newest login link to the account that nobody has used.
fn newest_link(tx: &ReadTx<'_>, acts: &Caller) -> Result<i64, Error> {
    Ok(login::newest_for_account(tx, acts)?.map_or(0, LoginLinkId::number))
}

pub(in crate::console) fn show(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    answer(call, StatusCode::OK, None, None)
}

fn answer(
    call: &Call<'_, SignedIn>,
    status: StatusCode,
    refused: Option<&Refused>,
    secret: Option<&Markup>,
) -> Result<Response, Fault> {
    let account = Account::read(call, Listed::of(call, refused, &[PAGE]))?;
    let frame = &account.frame;
    let content = html! {
        div.head { h1 { "Account" } }
        (tabs(frame, Tab::Keys))
        @if let Some(secret) = secret { (secret) }
        (keys(&account, refused))
        (create_form(&account, refused))
        section.card {
            h2 { "Administrators" }
            p { "A login link signs one person in as an administrator of this account, once, for a few minutes. Who is signed in stands on the page "
                a href=(frame.to("/sessions")) { "Sessions" } "." }
            (Fields::of("link", &[], refused).top())
            @if account.is_fresh {
                (frame.form(&frame.to("/account/links"), &html! { (after(account.newest_link)) button { "Make a login link" } }))
            } @else {
                (sign_in_anew())
            }
        }
    };
    Ok(frame.page_with(status, Part::Account, "Account", &[], &content))
}

fn keys(account: &Account, refused: Option<&Refused>) -> Markup {
    let fields = Fields::of("key", &[], refused);
    let page = account.listed.page();
    let at = |page: u64| account.frame.to(&format!("/account{}", account.listed.with(PAGE, page).query()));
    html! {
        section.card {
            h2 { "API keys" }
            (fields.top())
            @if account.keys.is_empty() { p { @if page > 1 { (NOTHING_HERE) } @else { "There is none." } } } @else {
                table.table {
                    caption.visually-hidden { "API keys" }
                    thead { tr { th scope="col" { "Key" } th scope="col" { "May" } th scope="col" { "Last used" } th scope="col" { "Expires" } th scope="col" { span.visually-hidden { "Change" } } } }
                    tbody { @for key in &account.keys { (row(account, key, refused)) } }
                }
            }
            (pager((page > 1).then(|| at(page - 1)), account.has_more.then(|| at(page + 1))))
        }
    }
}

fn row(account: &Account, key: &ApiKey, refused: Option<&Refused>) -> Markup {
    let frame = &account.frame;
    let path = |verb: &str| frame.to(&format!("/account/keys/{}/{verb}", key.id));
    let name = key.description.clone().unwrap_or_else(|| format!("Key {}", key.id));
    let limits = &key.limits;
    let fields = Fields::of_row("rotate", key.id, &["grace"], refused);
    html! {
        tr {
            td { span.name { (name) } div.small.soft { "ends with " code { (key.last4) } ", made " (time(key.created_at, frame.now)) } }
            td data-label="May" {
                @match &limits.scopes { None => "do everything", Some(scopes) => { @for scope in scopes.iter() { code { (scope) } " " } } }
                @if limits.domains.is_some() {
                    div.small { "only with " @match account.domains.get(&key.id) {
                        None => "domains that are gone",
                        Some(names) => {
                            @for (at, name) in names.iter().take(MOST_LIMITED as usize).enumerate() { @if at > 0 { ", " } (name) }
                            @if names.len() > MOST_LIMITED as usize { ", and more" }
                        }
                    } }
                }
                @if let Some(tied) = account.tied.get(&key.id).filter(|tied| !tied.is_empty()) {
                    div.small { "alone sees "
                        @for (at, name) in tied.iter().take(MOST_TIED as usize).enumerate() {
                            @if at > 0 { ", " } a href=(frame.to_domain(name.as_str(), "")) { (name) }
                        }
                        @if tied.len() > MOST_TIED as usize { ", and more" } }
                }
                @if !limits.networks.is_empty() { div.small { "from " @for network in &limits.networks { code { (network) } " " } } }
            }
            td data-label="Last used" { @match key.last_used_at { Some(at) => (time(at, frame.now)), None => "never" } }
            td data-label="Expires" { @match limits.expires_at { Some(at) => (time(at, frame.now)), None => "never" } }
            td {
                details open[fields.is_refused()] {
                    summary { "Change" span.visually-hidden { " " (name) } }
                    @if !account.is_fresh { (sign_in_anew()) } @else { (frame.form(&path("rotate"), &html! {
                        (fields.top())
                        (fields.row())
                        (after(&key.last4))
                        (account.listed.field())
                        div.row {
                            (fields.input("number", "grace", "Minutes for which the secret before still works", "60", "", true))
                            button.slight { "Rotate the secret" }
                        }
                    })) }
                    (frame.form(&path("revoke"), &html! {
                        (account.listed.field())
                        (sure("Whatever has it is refused from then on", "Revoke it for good"))
                    }))
                }
            }
        }
    }
}

fn create_form(account: &Account, refused: Option<&Refused>) -> Markup {
    let fields =
        Fields::of("create", &["description", "expires_at", "networks", "domains", "scopes"], refused);
    html! {
        section.card {
            h2 { "Make an API key" }
            @if !account.is_fresh { (sign_in_anew()) } @else { (account.frame.form(&account.frame.to("/account/keys"), &html! {
                (fields.top())
                (after(account.newest))
                (fields.text("description", "What it is for", "", ""))
                details open[fields.is_wrong(&["scopes", "expires_at", "networks", "domains"])] {
                    summary { "Limit what it may do" }
                    (fields.field("scopes", "Scopes", "Without a mark it may do everything.", |control| html! {
                        div id=(control.id) role="group" aria-describedby=[control.described] {
                            @for scope in KeyScope::ALL { (fields.mark("scopes", scope.as_str(), scope.as_str(), false)) }
                        }
                    }))
                    (fields.text("expires_at", "Expires at (optional)", "", "A date such as 2027-01-31, when its first minute begins in UTC, or a time of RFC 3339."))
                    (fields.lines("networks", "Networks, one a line (optional)", "", "Such as 192.0.2.0/24. It works from there alone."))
                    (fields.lines("domains", "Domains, one a line (optional)", "", "No other domain is there for it."))
                }
                button.primary { "Make the key" }
            })) }
        }
    }
}

/// What stands in place of a form for what gives somebody a lasting way in, where the session is too old for that.
fn sign_in_anew() -> Markup {
    html! { p { strong { "This session began more than 15 minutes ago. Sign in again, and come back here." } } }
}

/// The page on which the form stood.
fn here(call: &Call<'_, SignedIn>, form: &Form) -> Response {
    see(&format!("{}/console/account{}", base_path(call.base_url), Listed::of_form(form, &[PAGE]).query()))
}

/// The page again, with what was not accepted.
fn again(
    call: &Call<'_, SignedIn>,
    status: StatusCode,
    refused: Option<&Refused>,
) -> Result<Response, Fault> {
    answer(call, status, refused, None)
}

pub(in crate::console) fn create(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    submit(call, again, ("create", "description"), |form| {
        let acts = &call.caller.acts;
        let wish = Wish::of(form)?;
        let made = call.write(|tx| {
            // A key is a lasting way in.
            administrator::check_fresh(tx, &call.caller.session)?;
            if is_repeated(form, newest(tx, acts)?) {
                return Ok::<_, Error>(None);
            }
            let domains = match &wish.domains {
                None => None,
                Some(names) => {
                    let find = |name: &DomainName| match domain::find_named(tx, acts, name) {
                        Err(Error::NotFound(_)) => {
                            Err(Error::invalid("domains", format_args!("{name} is not here")))
                        }
                        found => Ok(found?.id),
                    };
                    Some(Some(names.iter().map(find).collect::<Result<BTreeSet<DomainId>, _>>()?))
                }
            };
            let request = KeyRequest {
                expires_at: wish.expires_at.map(Some),
                networks: (!wish.networks.is_empty()).then(|| wish.networks.clone()),
                scopes: wish.scopes.clone().map(Some),
                domains,
            };
            key::create_for(tx, acts, form.get("description"), request).map(Some)
        })?;
        match made {
            Some((_, secret)) => {
                let told = shown_once("The API key is made", "the API key", secret.reveal(), "");
                answer(call, StatusCode::OK, None, Some(&told))
            }
            // It was sent before: what it made is in the list.
            None => Ok(here(call, form)),
        }
    })
}

/// The limits of a new key, as the form has them.
struct Wish {
    expires_at: Option<Timestamp>,
    networks: Vec<Network>,
    scopes: Option<KeyScopes>,
    domains: Option<Vec<DomainName>>,
}

impl Wish {
    fn of(form: &Form) -> Result<Wish, Error> {
        let lines = |field: &str| {
            let text = form.get(field).unwrap_or_default().to_owned();
            text.lines()
                .map(|line| line.trim().to_owned())
                .filter(|line| !line.is_empty())
                .collect::<Vec<_>>()
        };
        let expires_at = match form.get("expires_at").unwrap_or_default().trim() {
            "" => None,
            text => Some(
                text.parse()
                    .map_err(|_| Error::invalid("expires_at", "it is no date and no time of RFC 3339"))?,
            ),
        };
        let network = |line: &String| {
            line.parse()
                .map_err(|e: InvalidNetwork| Error::invalid("networks", format_args!("“{line}”: {e}")))
        };
        let name = |line: &String| {
            line.parse().map_err(|e: InvalidName| Error::invalid("domains", format_args!("“{line}”: {e}")))
        };
        let domains = lines("domains").iter().map(name).collect::<Result<Vec<DomainName>, _>>()?;
        let scopes = form.all("scopes").iter().map(|word| word.parse());
        let scopes = scopes.collect::<Result<Vec<KeyScope>, _>>().map_err(|e| Error::invalid("scopes", e))?;
        Ok(Wish {
            expires_at,
            networks: lines("networks").iter().map(network).collect::<Result<_, _>>()?,
            scopes: KeyScopes::new(scopes),
            domains: (!domains.is_empty()).then_some(domains),
        })
    }
}

pub(in crate::console) fn rotate(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let id = key_id(call)?;
    submit(call, again, ("rotate", "grace"), |form| {
        let acts = &call.caller.acts;
        let minutes: u64 = form
            .get("grace")
            .and_then(|minutes| minutes.trim().parse().ok())
            .filter(|minutes| *minutes <= key::LONGEST_GRACE.as_secs() / 60)
            .ok_or_else(|| Error::invalid("grace", "it must be a whole number of minutes, 43200 at most"))?;
        let made = call.write(|tx| {
            administrator::check_fresh(tx, &call.caller.session)?;
            let all = key::list_for(tx, acts)?;
            let found = all.iter().find(|key| key.id == id).ok_or(Error::NotFound(Entity::ApiKey))?;
            if is_repeated(form, &found.last4) {
                return Ok::<_, Error>(None);
            }
            key::rotate(tx, acts, id, Duration::from_secs(60 * minutes)).map(Some)
        })?;
        match made {
            Some((_, secret)) => {
                let told = shown_once("The API key has a new secret", "the API key", secret.reveal(), "");
                answer(call, StatusCode::OK, None, Some(&told))
            }
            None => Ok(here(call, form)),
        }
    })
}

pub(in crate::console) fn revoke(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let id = key_id(call)?;
    submit(call, again, ("key", "key"), |form| {
        check_sure(form)?;
        call.write(|tx| key::revoke_for(tx, &call.caller.acts, id).map(drop))?;
        Ok(here(call, form))
    })
}

/// Makes a login link to the account.
pub(in crate::console) fn create_link(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    submit(call, again, ("link", "session"), |form| {
        let acts = &call.caller.acts;
        let made = call.write(|tx| {
            // Whoever opens it may choose a password, and so stay.
            administrator::check_fresh(tx, &call.caller.session)?;
            if is_repeated(form, newest_link(tx, acts)?) {
                return Ok::<_, Error>(None);
            }
            login::create_for_account(tx, acts).map(Some)
        })?;
        let Some((link, secret)) = made else { return Ok(here(call, form)) };
        let account = call.read(|tx| account::own(tx, acts))?.name;
        let title = format!("The login link to the account {account} is made");
        let after = format!("It works once, until {}. Send it to one person.", exact(link.expires_at));
        let url = login_url(call.base_url, &secret);
        let told = shown_once(&title, "the login link", &url, &after);
        answer(call, StatusCode::OK, None, Some(&told))
    })
}

fn key_id(call: &Call<'_, SignedIn>) -> Result<ApiKeyId, Fault> {
    let id = call.param("key").parse().map(ApiKeyId::new);
    id.map_err(|_| Fault::Library(Error::NotFound(Entity::ApiKey)))
}
