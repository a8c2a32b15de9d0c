//! What was posted to a domain's webhook, and how that ended.

use postroom::domain;
use postroom::webhook::call::{self, CallCursor, InvalidCursor};
use serde_json::{Value, json};

use super::claims::number;
use super::domains::name;
use crate::json::delivery::{SHOWN, delivery_json};
use crate::wire::Contract;
use crate::wire::http::{Response, StatusCode};
use crate::wire::shape::{MAYBE_TEXT, NAME, Shape, TEXT, has, may};
use crate::wire::{Call, Fault};

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1000;

pub(super) const LIST: Contract =
    Contract::new("Lists what was posted to a domain's webhook, the newest first")
        .query(&[
            may("failed", Shape::Word(&["true", "false"])).text("only what the webhook has not taken"),
            may("limit", Shape::Integer { least: 1, most: 1000 }),
            may("after", TEXT).text("the next of an earlier answer"),
        ])
        .answers(
            200,
            &Shape::object(
                "Deliveries",
                &[&[
                    has("domain", NAME),
                    has("deliveries", Shape::List(&SHOWN)),
                    has("next", MAYBE_TEXT).text("where the list goes on, if it does"),
                ]],
            ),
        );

pub(super) fn list(call: &Call<'_>) -> Result<Response, Fault> {
    let name = name(call)?;
    let which = match call.query("failed").as_deref() {
        None | Some("false") => call::Which::All,
        Some("true") => call::Which::Failed,
        Some(_) => return Err(Fault::input("failed", "must be true or false")),
    };
    let limit = number(call, "limit")?.map_or(DEFAULT_LIMIT, |limit| limit.clamp(1, MAX_LIMIT));
    let after = call.query("after").map(|text| text.parse::<CallCursor>()).transpose();
    let after =
        after.map_err(|error: InvalidCursor| Fault::input("after", format_args!("is refused: {error}")))?;
    let mut posted = call.read(|tx| {
        let domain = domain::find_named(tx, &call.caller, &name)?;
        call::list(tx, &domain, which, after, limit + 1)
    })?;
    let has_more = posted.len() > limit as usize;
    posted.truncate(limit as usize);
    let next = posted.last().filter(|_| has_more).map(|last| last.cursor.to_string());
    let deliveries: Vec<Value> = posted.iter().map(delivery_json).collect();
    let body = json!({ "domain": name.as_str(), "deliveries": deliveries, "next": next });
    Ok(Response::json(StatusCode::OK, &body))
}
