//! What cannot be undone: another name, another account, the end. Each is confirmed by typing the domain's name.

use maud::{Markup, html};
use postroom::account;
use postroom::dkim::pool;
use postroom::domain::{self, Details};
use postroom::error::{Entity, Error};
use postroom::name::{DomainName, InvalidName};
use postroom::session::Role;

use super::tabs::{self, Tab};
use super::{find, name, see_domain};
use crate::console::form::{Fields, Refused, submit};
use crate::console::frame::{Frame, base_path, see};
use crate::wire::form::Form;
use crate::wire::http::{Response, StatusCode};
use crate::wire::{Call, Fault, SignedIn};

pub(in crate::console) fn show(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    answer(call, StatusCode::OK, None)
}

fn answer(
    call: &Call<'_, SignedIn>,
    status: StatusCode,
    refused: Option<&Refused>,
) -> Result<Response, Fault> {
    let name = name(call)?;
    let (frame, domain) = call.read(|tx| {
        let domain = find(tx, &call.caller.acts, &name)?.into_details();
        Ok::<_, Error>((Frame::of(tx, call)?, domain))
    })?;
    let content = html! {
        (rename_form(&frame, &domain, refused))
        @if frame.is_for(Role::Operator) { (transfer_form(&frame, &domain, refused)) }
        (delete_form(&frame, &domain, refused))
    };
    Ok(tabs::page_with(status, &frame, &domain, Tab::Danger, &content))
}

fn confirm(fields: &Fields<'_>, name: &str) -> Markup {
    fields.needed("confirm", &format!("Type {name} to confirm"), "", "")
}

fn rename_form(frame: &Frame, domain: &Details, refused: Option<&Refused>) -> Markup {
    let (name, fields) = (domain.name.as_str(), Fields::of("rename", &["name", "confirm"], refused));
    html! {
        section.card {
            h2 { "Rename" }
            p { "Its keys and tokens stay. Its records are made anew, and none of them is verified of the new name. Login links and the sessions of its administrators end." }
            (frame.form(&frame.to_domain(name, "/rename"), &html! {
                (fields.top())
                div.row { (fields.needed("name", "New name", "", "")) (confirm(&fields, name)) }
                button.danger { "Rename the domain" }
            }))
        }
    }
}

fn transfer_form(frame: &Frame, domain: &Details, refused: Option<&Refused>) -> Markup {
    let (name, fields) = (domain.name.as_str(), Fields::of("transfer", &["account", "confirm"], refused));
    html! {
        section.card {
            h2 { "Give to another account" }
            p { "Its keys and records go along, and it gets a new key. Its tokens are revoked. What is set of incoming mail does not: its route, aliases, recipients and lists." }
            (frame.form(&frame.to_domain(name, "/transfer"), &html! {
                (fields.top())
                div.row { (fields.needed("account", "Name of the other account", "", "")) (confirm(&fields, name)) }
                button.danger { "Give the domain away" }
            }))
        }
    }
}

fn delete_form(frame: &Frame, domain: &Details, refused: Option<&Refused>) -> Markup {
    let (name, fields) = (domain.name.as_str(), Fields::of("delete", &["confirm"], refused));
    html! {
        section.card {
            h2 { "Delete" }
            p { "The domain ends with its keys, tokens, recipients and lists. Nothing of it can be brought back." }
            (frame.form(&frame.to_domain(name, "/delete"), &html! {
                (fields.top())
                (confirm(&fields, name))
                button.danger { "Delete the domain" }
            }))
        }
    }
}

/// The name must be typed whole.
fn check_confirmed(form: &Form, name: &DomainName) -> Result<(), Error> {
    let typed = form.get("confirm").unwrap_or_default().trim();
    if typed.parse::<DomainName>().is_ok_and(|typed| typed == *name) {
        Ok(())
    } else {
        Err(Error::invalid("confirm", format_args!("this is not {name}")))
    }
}

pub(in crate::console) fn rename(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    submit(call, answer, ("rename", "name"), |form| {
        let acts = &call.caller.acts;
        call.read(|tx| find(tx, acts, &name).map(drop))?;
        check_confirmed(form, &name)?;
        let new = form.get("name").unwrap_or_default().trim();
        let new: DomainName = new.parse().map_err(|e: InvalidName| Error::invalid("name", e))?;
        call.write(|tx| domain::rename(tx, acts, &find(tx, acts, &name)?, &new).map(drop))?;
        Ok(see_domain(call, &new, ""))
    })
}

pub(in crate::console) fn transfer(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    submit(call, answer, ("transfer", "account"), |form| {
        let acts = &call.caller.acts;
        call.read(|tx| find(tx, acts, &name).map(drop))?;
        check_confirmed(form, &name)?;
        let to = form.get("account").unwrap_or_default().trim();
        pool::write(*call.session, |tx| {
            let to = account::find(tx, to).map_err(|error| match error {
                Error::NotFound(Entity::Account) => {
                    Error::invalid("account", "there is no account of this name")
                }
                other => other,
            })?;
            domain::transfer(tx, acts, &find(tx, acts, &name)?, to.id).map(drop)
        })?;
        Ok(see(&format!("{}/console/domains", base_path(call.base_url))))
    })
}

pub(in crate::console) fn delete(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    submit(call, answer, ("delete", "confirm"), |form| {
        let acts = &call.caller.acts;
        call.read(|tx| find(tx, acts, &name).map(drop))?;
        check_confirmed(form, &name)?;
        call.write(|tx| domain::delete(tx, acts, &find(tx, acts, &name)?))?;
        Ok(see(&format!("{}/console/domains", base_path(call.base_url))))
    })
}
