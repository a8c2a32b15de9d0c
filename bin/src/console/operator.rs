//! The operator's page: all accounts, of which one at a time is open.

use maud::html;
use postroom::account;
use postroom::error::{Entity, Error};
use postroom::id::AccountId;
use postroom::session;

use super::frame::{Frame, Part, base_path, see};
use super::part::{Tone, pill, time};
use crate::wire::form::Form;
use crate::wire::http::Response;
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
    Ok(see(&format!("{}/console", base_path(call.base_url))))
}
