//! The operator's page: all accounts, of which one at a time is open.

use maud::html;
use postroom::account;
use postroom::error::{Entity, Error};
use postroom::id::AccountId;
use postroom::session::{self, Role};

use super::back::{self, BACK};
use super::domain;
use super::frame::{Frame, Part, base_path, see};
use super::part::{Tone, pill, time};
use crate::wire::form::Form;
use crate::wire::http::{Response, StatusCode};
use crate::wire::{Call, Fault, SignedIn};

pub(super) fn show(call: &Call<'_, SignedIn<()>>) -> Result<Response, Fault> {
    let (frame, accounts) = call.read(|tx| Ok::<_, Error>((Frame::of(tx, call)?, account::list(tx)?)))?;
    let content = html! {
        div.head { h1 { "All accounts" } }
        p { "Open an account to see its domains and to act in it. The account's audit log shows that you have opened it, and \
             names you as the operator in what you do." }
        div.card {
            table.table {
                caption.visually-hidden { "Accounts" }
                thead { tr { th scope="col" { "Account" } th scope="col" { "Created" } th scope="col" { span.visually-hidden { "Open" } } } }
                tbody {
                    @for account in &accounts {
                        tr {
                            td { span.name { (account.name) } " "
                                 @if frame.session.account == Some(account.id) { (pill(Tone::Good, "Open")) } }
                            td data-label="Created" { (time(account.created_at, frame.now)) }
                            td {
                                (frame.form(&frame.to("/accounts/open"), &html! {
                                    input type="hidden" name="account" value=(account.id);
                                    button.slight { "Open" span.visually-hidden { " " (account.name) } }
                                }))
                            }
                        }
                    }
                }
            }
            @if accounts.is_empty() { p { "There is no account yet. Create one with " code { "postroom account create NAME" } "." } }
        }
    };
    Ok(frame.page(Part::Accounts, "All accounts", &[], &content))
}

pub(super) fn open_account(call: &Call<'_, SignedIn<()>>) -> Result<Response, Fault> {
    let form = Form::read(call.request)?;
    let id = form.get("account").and_then(|id| id.parse().ok()).map(AccountId::new);
    let id = id.ok_or(Error::NotFound(Entity::Account))?;
    call.write(|tx| session::open_account(tx, &call.caller.session, id))?;
    let place = form.get(BACK).and_then(back::checked).unwrap_or("/console");
    Ok(see(&format!("{}{place}", base_path(call.base_url))))
}

/// Says to the operator, and to nobody else, in which account a domain is that is not in the open one.
pub(crate) fn elsewhere(call: &Call<'_, SignedIn>, fault: Fault) -> Result<Response, Fault> {
    let is_lost = matches!(fault, Fault::Library(Error::NotFound(Entity::Domain)));
    if !is_lost || call.caller.session.role != Role::Operator {
        return Err(fault);
    }
    let Ok(name) = domain::name(call) else { return Err(fault) };
    let found = call.read(|tx| {
        let holder = match postroom::domain::operator_of(tx, &name) {
            Ok(caller) if caller.account() != call.caller.acts.account() => {
                account::by_id(tx, caller.account())?
            }
            Ok(_) | Err(Error::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok::<_, Error>(Some((Frame::of(tx, call)?, holder)))
    })?;
    let Some((frame, holder)) = found else { return Err(fault) };
    let title = format!("{name} is in another account");
    let content = html! {
        div.head { h1 { (title) } }
        section.card {
            p { "Not in " strong { (frame.account().unwrap_or_default()) } ", the account that is open. Nothing was changed." }
            (frame.form(&frame.to("/accounts/open"), &html! {
                input type="hidden" name="account" value=(holder.id);
                input type="hidden" name=(BACK) value=(back::page_of(&call.request.path));
                button.primary { "Open " (holder.name) }
            }))
        }
    };
    Ok(frame.page_with(StatusCode::NOT_FOUND, Part::Domains, &title, &[], &content))
}
