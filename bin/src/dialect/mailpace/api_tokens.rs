//! `/api/v1/domains/{id}/api_tokens`: list, show, create, update, revoke.

use postroom::domain;
use postroom::error::Entity;
use postroom::id::DomainTokenId;
use postroom::secret::PlainSecret;
use postroom::token::{self, DomainToken};
use serde::Serialize;
use serde_json::json;

use super::domains::{accept, domain_id};
use super::{Text, input, path_id};
use crate::wire::Contract;
use crate::wire::http::{Response, StatusCode};
use crate::wire::shape::{ID, MAYBE_TEXT, MAYBE_TIME, Shape, TEXT, TIME, has, may};
use crate::wire::{Call, Fault};

/// What [`ApiToken`] is written as.
const API_TOKEN: Shape = Shape::object(
    "ApiToken",
    &[&[
        has("id", ID),
        has("name", MAYBE_TEXT),
        has("token", MAYBE_TEXT).text("the secret, in the answer to the creation alone"),
        has("created_at", TIME),
        has("modified_at", TIME),
        has("last_used_at", MAYBE_TIME),
        has("revoked_at", MAYBE_TIME),
    ]],
);
const NAMED: Shape = Shape::object("ApiTokenInput", &[&[may("name", MAYBE_TEXT)]]);
const INPUT: Shape =
    Shape::Either(&[&Shape::object("WrappedApiTokenInput", &[&[has("api_token", NAMED)]]), &NAMED]);
pub(super) const LIST: Contract =
    Contract::new("Lists a domain's tokens").answers(200, &Shape::List(&API_TOKEN));
pub(super) const SHOW: Contract = Contract::new("Shows a token").answers(200, &API_TOKEN);
pub(super) const CREATE: Contract = Contract::new("Makes a token").may_take(&INPUT).answers(201, &API_TOKEN);
pub(super) const UPDATE: Contract =
    Contract::new("Renames a token").may_take(&INPUT).answers(200, &API_TOKEN);
pub(super) const REVOKE: Contract =
    Contract::new("Revokes a token").answers(200, &Shape::object("Message", &[&[has("message", TEXT)]]));

/// A token as MailPace shows it; its secret stands in the reply to its creation and nowhere else.
#[derive(Serialize)]
struct ApiToken<'a> {
    id: i64,
    name: Option<&'a str>,
    token: Option<&'a str>,
    created_at: String,
    modified_at: String,
    last_used_at: Option<String>,
    /// A revoked token is not shown at all.
    revoked_at: Option<String>,
}

impl<'a> ApiToken<'a> {
    fn new(token: &'a DomainToken, secret: Option<&'a PlainSecret>) -> ApiToken<'a> {
        ApiToken {
            id: token.id.number(),
            name: token.name.as_deref(),
            token: secret.map(PlainSecret::reveal),
            created_at: token.created_at.to_string(),
            modified_at: token.updated_at.to_string(),
            last_used_at: token.last_used_at.map(|at| at.to_string()),
            revoked_at: None,
        }
    }
}

pub(super) fn list(call: &Call<'_>) -> Result<Response, Fault> {
    accept(call)?;
    let id = domain_id(call)?;
    let (caller, mut after) = (call.caller.clone(), None);
    call.listed("[", "]", move |tx, most| {
        let domain = domain::find(tx, &caller, id)?;
        let tokens = token::list(tx, &domain, after, u32::try_from(most).unwrap_or(u32::MAX))?;
        let Some(last) = tokens.last() else { return Ok(None) };
        after = Some(last.id);
        Ok(Some(tokens.iter().map(|token| json!(ApiToken::new(token, None))).collect()))
    })
}

pub(super) fn show(call: &Call<'_>) -> Result<Response, Fault> {
    accept(call)?;
    let (id, token) = (domain_id(call)?, token_id(call)?);
    let found = call.read(|tx| token::find(tx, &domain::find(tx, &call.caller, id)?, token))?;
    Ok(Response::json(StatusCode::OK, &ApiToken::new(&found, None)))
}

pub(super) fn create(call: &Call<'_>) -> Result<Response, Fault> {
    let id = domain_id(call)?;
    let name = input(call, "api_token")?.text("name")?.value();
    let (made, secret) = call.write(|tx| {
        let domain = domain::find(tx, &call.caller, id)?;
        token::create(tx, &call.caller, &domain, name.as_deref())
    })?;
    Ok(Response::json(StatusCode::CREATED, &ApiToken::new(&made, Some(&secret))))
}

pub(super) fn update(call: &Call<'_>) -> Result<Response, Fault> {
    let (id, token) = (domain_id(call)?, token_id(call)?);
    let name = input(call, "api_token")?.text("name")?;
    let changed = call.write(|tx| {
        let domain = domain::find(tx, &call.caller, id)?;
        match &name {
            Text::Absent => token::find(tx, &domain, token),
            Text::Null => token::rename(tx, &call.caller, &domain, token, None),
            Text::Is(name) => token::rename(tx, &call.caller, &domain, token, Some(name)),
        }
    })?;
    Ok(Response::json(StatusCode::OK, &ApiToken::new(&changed, None)))
}

pub(super) fn revoke(call: &Call<'_>) -> Result<Response, Fault> {
    accept(call)?;
    let (id, token) = (domain_id(call)?, token_id(call)?);
    call.write(|tx| {
        let domain = domain::find(tx, &call.caller, id)?;
        token::revoke(tx, &call.caller, &domain, token)
    })?;
    Ok(Response::json(StatusCode::OK, &json!({ "message": "API token revoked" })))
}

fn token_id(call: &Call<'_>) -> Result<DomainTokenId, Fault> {
    path_id(call, "token_id", Entity::DomainToken).map(DomainTokenId::new)
}
