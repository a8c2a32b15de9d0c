//! Who gets in: a domain's sending tokens, login links for its administrators, and set-up links for whoever enters its records.

use std::time::Duration;

use maud::{Markup, html};
use postroom::db::ReadTx;
use postroom::domain::{Details, Domain};
use postroom::error::{Entity, Error};
use postroom::id::{DomainTokenId, LoginLinkId, SetupLinkId};
use postroom::login;
use postroom::name::DomainName;
use postroom::setup_link::{self, SetupLink};
use postroom::token::{self, DomainToken};

use super::setup_links;
use super::tabs::{self, Tab};
use super::{find, name, see_domain};
use crate::console::form::{Fields, Refused, after, check_sure, is_repeated, submit, sure};
use crate::console::frame::Frame;
use crate::console::listed::Listed;
use crate::console::part::{NOTHING_HERE, exact, pager, shown_once, time};
use crate::console::{login_url, setup_url};
use crate::wire::form::Form;
use crate::wire::http::{Response, StatusCode};
use crate::wire::{Call, Fault, SignedIn};

/// How many tokens stand on a page.
const TOKENS: u32 = 50;
/// The parameter that names the token after which the page begins.
const PAST: &str = "past";

const DAY: Duration = Duration::from_hours(24);

struct Access {
    frame: Frame,
    domain: Details,
    tokens: Vec<DomainToken>,
    listed: Listed,
    has_more: bool,
    newest_token: i64,
    newest_link: i64,
    setup_links: Vec<SetupLink>,
}

impl Access {
    fn read(call: &Call<'_, SignedIn>, listed: Listed) -> Result<Access, Fault> {
        let name = name(call)?;
        let past = listed.get(PAST).and_then(|id| id.parse().ok()).map(DomainTokenId::new);
        Ok(call.read(|tx| {
            let domain = find(tx, &call.caller.acts, &name)?;
            // One more than is shown says whether there is another page, without counting.
            let mut tokens = token::list(tx, &domain, past, TOKENS + 1)?;
            let has_more = tokens.len() > TOKENS as usize;
            tokens.truncate(TOKENS as usize);
            Ok::<_, Error>(Access {
                frame: Frame::of(tx, call)?,
                setup_links: setup_link::list(tx, &domain)?,
                tokens,
                listed,
                has_more,
                newest_token: newest_token(tx, &domain)?,
                newest_link: newest_link(tx, &domain)?,
                domain: domain.into_details(),
            })
        })?)
    }
}

fn newest_token<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>) -> Result<i64, Error> {
    Ok(token::newest(tx, domain)?.map_or(0, DomainTokenId::number))
}

/// The newest login link that nobody has used.
fn newest_link<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>) -> Result<i64, Error> {
    Ok(login::newest(tx, domain)?.map_or(0, LoginLinkId::number))
}

pub(in crate::console) fn show(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    answer(call, StatusCode::OK, None)
}

fn answer(
    call: &Call<'_, SignedIn>,
    status: StatusCode,
    refused: Option<&Refused>,
) -> Result<Response, Fault> {
    let access = Access::read(call, Listed::of(call, refused, &[PAST]))?;
    Ok(tabs::page_with(status, &access.frame, &access.domain, Tab::Access, &content(&access, refused, None)))
}

/// The page with a secret, in the answer to the form that made it.
fn told(call: &Call<'_, SignedIn>, secret: &Markup) -> Result<Response, Fault> {
    let access = Access::read(call, Listed::of(call, None, &[PAST]))?;
    Ok(tabs::page(&access.frame, &access.domain, Tab::Access, &content(&access, None, Some(secret))))
}

fn content(access: &Access, refused: Option<&Refused>, secret: Option<&Markup>) -> Markup {
    let (frame, name) = (&access.frame, access.domain.name.as_str());
    let fields = Fields::of("token", &["name"], refused);
    let at = |listed: &Listed| frame.to_domain(name, &format!("/access{}", listed.query()));
    let is_first = access.listed.get(PAST).is_none();
    let next = access.tokens.last().filter(|_| access.has_more);
    html! {
        @if let Some(secret) = secret { (secret) }
        section.card {
            h2 { "Sending tokens" }
            p { "With a token a mail server or a program sends mail from " (name) ". User name: " (name) " (or any address at it). Password: the token. \
                 Server and port: ask the operator." }
            (Fields::of("revoke", &[], refused).top())
            @if access.tokens.is_empty() { p { @if is_first { "There is none yet." } @else { (NOTHING_HERE) } } } @else { (table(access, refused)) }
            (pager((!is_first).then(|| at(&access.listed.without(PAST))), next.map(|last| at(&access.listed.with(PAST, last.id)))))
            (frame.form(&frame.to_domain(name, "/tokens"), &html! {
                (fields.top())
                (after(access.newest_token))
                div.row {
                    (fields.text("name", "Name (optional)", "", "What it is for, such as the printer."))
                    button.primary { "Make a token" }
                }
            }))
        }
        section.card {
            h2 { "Login links" }
            p { "A login link signs one person in as an administrator of " (name) " alone, once, for a few minutes. Nothing else of the account can be seen by it." }
            (frame.form(&frame.to_domain(name, "/links"), &html! { (after(access.newest_link)) button { "Make a login link" } }))
        }
        (setup_links::section(frame, &access.domain, &access.setup_links, refused))
    }
}

fn table(access: &Access, refused: Option<&Refused>) -> Markup {
    let frame = &access.frame;
    html! {
        table.table {
            caption.visually-hidden { "Sending tokens" }
            thead { tr { th scope="col" { "Token" } th scope="col" { "Made" } th scope="col" { "Last used" } th scope="col" { span.visually-hidden { "Change" } } } }
            tbody {
                @for token in &access.tokens {
                    @let path = |verb: &str| frame.to_domain(access.domain.name.as_str(), &format!("/tokens/{}/{verb}", token.id));
                    @let shown = token.name.clone().unwrap_or_else(|| format!("Token {}", token.id));
                    tr {
                        td { span.name { (shown) } div.small.soft { "ends with " code { (token.last4) } } }
                        td data-label="Made" { (time(token.created_at, frame.now)) }
                        td data-label="Last used" { @match token.last_used_at { Some(at) => (time(at, frame.now)), None => "never" } }
                        td {
                            @let fields = Fields::of_row("rename", token.id, &["name"], refused);
                            details open[fields.is_refused()] {
                                summary { "Change" span.visually-hidden { " " (shown) } }
                                (frame.form(&path("rename"), &html! {
                                    (fields.top())
                                    (fields.row())
                                    (access.listed.field())
                                    div.row {
                                        (fields.text("name", "Name", token.name.as_deref().unwrap_or_default(), ""))
                                        button.slight { "Rename" }
                                    }
                                }))
                                (frame.form(&path("revoke"), &html! {
                                    (access.listed.field())
                                    (sure("Whatever has it sends no more", "Revoke it for good"))
                                }))
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(in crate::console) fn create_token(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    submit(call, answer, ("token", "name"), |form| {
        let acts = &call.caller.acts;
        let made = call.write(|tx| {
            let domain = find(tx, acts, &name)?;
            if is_repeated(form, newest_token(tx, &domain)?) {
                return Ok::<_, Error>(None);
            }
            token::create(tx, acts, &domain, form.get("name")).map(Some)
        })?;
        match made {
            Some((_, secret)) => told(
                call,
                &shown_once(
                    "The token is made",
                    "the token",
                    secret.reveal(),
                    "Its user name is the domain's name, or any address at it.",
                ),
            ),
            // It was sent before: what it made is in the list.
            None => Ok(see_domain(call, &name, "/access")),
        }
    })
}

/// The part of the list of tokens from which the form was sent.
fn back(call: &Call<'_, SignedIn>, form: &Form, name: &DomainName) -> Response {
    see_domain(call, name, &format!("/access{}", Listed::of_form(form, &[PAST]).query()))
}

pub(in crate::console) fn rename_token(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let (name, id) = (name(call)?, token_id(call)?);
    submit(call, answer, ("rename", "name"), |form| {
        let acts = &call.caller.acts;
        call.write(|tx| token::rename(tx, acts, &find(tx, acts, &name)?, id, form.get("name")).map(drop))?;
        Ok(back(call, form, &name))
    })
}

pub(in crate::console) fn revoke_token(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let (name, id) = (name(call)?, token_id(call)?);
    submit(call, answer, ("revoke", "name"), |form| {
        let acts = &call.caller.acts;
        check_sure(form)?;
        call.write(|tx| token::revoke(tx, acts, &find(tx, acts, &name)?, id).map(drop))?;
        Ok(back(call, form, &name))
    })
}

/// Makes a login link to the domain.
pub(in crate::console) fn create_link(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    let form = Form::read(call.request)?;
    let acts = &call.caller.acts;
    let made = call.write(|tx| {
        let domain = find(tx, acts, &name)?;
        if is_repeated(&form, newest_link(tx, &domain)?) {
            return Ok::<_, Error>(None);
        }
        login::create(tx, acts, &domain).map(Some)
    })?;
    let Some((link, secret)) = made else { return Ok(see_domain(call, &name, "/access")) };
    let after = format!("It works once, until {}. Send it to one person.", exact(link.expires_at));
    told(
        call,
        &shown_once("The login link is made", "the login link", &login_url(call.base_url, &secret), &after),
    )
}

/// Makes a set-up link.
pub(in crate::console) fn create_setup_link(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    submit(call, answer, ("setup", "days"), |form| {
        let days = form
            .get("days")
            .and_then(|days| days.parse().ok())
            .filter(|days| setup_links::DAYS.contains(days));
        let days = days.ok_or_else(|| {
            Fault::Library(Error::Invalid {
                field: "days",
                reason: "choose one of the lengths of time".to_owned(),
            })
        })?;
        let acts = &call.caller.acts;
        let made = call.write(|tx| {
            let domain = find(tx, acts, &name)?;
            if is_repeated(form, setup_links::newest(&setup_link::list(tx, &domain)?)) {
                return Ok::<_, Error>(None);
            }
            setup_link::create(tx, acts, &domain, DAY * days).map(Some)
        });
        let made = made.map_err(|error| match error {
            Error::Limit { most, .. } => Error::invalid(
                "link",
                format_args!("a domain has {most} set-up links at most; revoke one first"),
            ),
            other => other,
        })?;
        let Some((link, secret)) = made else { return Ok(see_domain(call, &name, "/access")) };
        let after =
            format!("It works until {}. Send it to whoever enters the records.", exact(link.expires_at));
        let url = setup_url(call.base_url, &secret);
        told(call, &shown_once("The set-up link is made", "the set-up link", &url, &after))
    })
}

pub(in crate::console) fn revoke_setup_link(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    let id = call.param("link_id").parse().map(SetupLinkId::new);
    let id = id.map_err(|_| Fault::Library(Error::NotFound(Entity::SetupLink)))?;
    submit(call, answer, ("revoke-setup", "link"), |form| {
        let acts = &call.caller.acts;
        check_sure(form)?;
        call.write(|tx| setup_link::revoke(tx, acts, &find(tx, acts, &name)?, id))?;
        Ok(see_domain(call, &name, "/access"))
    })
}

fn token_id(call: &Call<'_, SignedIn>) -> Result<DomainTokenId, Fault> {
    let id = call.param("token_id").parse().map(DomainTokenId::new);
    id.map_err(|_| Fault::Library(Error::NotFound(Entity::DomainToken)))
}
