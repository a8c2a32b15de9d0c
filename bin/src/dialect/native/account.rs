//! The caller's account, with what it has piled up and how much it may have.

use postroom::account;
use postroom::error::Error;
use serde_json::json;

use crate::json::ledger::Ledger;
use crate::wire::Contract;
use crate::wire::http::{Response, StatusCode};
use crate::wire::shape::{Shape, TEXT, has};
use crate::wire::{Call, Fault};

const ACCOUNT: Shape = Shape::object("Account", &[&[has("name", TEXT), has("trusted", Shape::Flag)]]);
pub(super) const SHOW: Contract =
    Contract::new("Shows the account and what it has of what there is a limit for").answers(
        200,
        &Shape::object(
            "AccountWithLimits",
            &[&[
                has("account", ACCOUNT),
                has("limits", crate::json::ledger::LEDGER).text("by the name of the setting; in its unit"),
            ]],
        ),
    );

pub(super) fn show(call: &Call<'_>) -> Result<Response, Fault> {
    let (account, trusted, ledger) = call.read(|tx| {
        let account = account::own(tx, &call.caller)?;
        Ok::<_, Error>((account.name, account::is_trusted(tx, account.id)?, Ledger::of(tx, account.id)?))
    })?;
    let body = json!({ "account": { "name": account, "trusted": trusted }, "limits": ledger.json() });
    Ok(Response::json(StatusCode::OK, &body))
}
