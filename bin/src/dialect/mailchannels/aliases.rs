//! Aliases of a domain.

use postroom::inbound;
use serde_json::json;

use super::domains::empty;
use super::input::{path_domain, path_name};
use super::shape::DOMAIN;
use super::shape::domain_json;
use crate::wire::Contract;
use crate::wire::http::{Response, StatusCode};
use crate::wire::shape::{NAME, Shape, has};
use crate::wire::{Call, Fault};

pub(super) const CREATE: Contract = Contract::new("Makes an alias of a domain")
    .answers(200, &Shape::object("MadeAlias", &[&[has("domain", DOMAIN), has("alias", NAME)]]));
pub(super) const DELETE: Contract = Contract::new("Deletes an alias").nothing(204);

pub(super) fn create(call: &Call<'_>) -> Result<Response, Fault> {
    let alias = path_name(call, "alias")?;
    let shown = call.write(|tx| {
        let domain = path_domain(call, tx)?;
        inbound::add_alias(tx, &call.caller, &domain, &alias)?;
        Ok::<_, Fault>(domain_json(tx, &call.caller, &domain)?)
    })?;
    Ok(Response::json(StatusCode::OK, &json!({ "domain": shown, "alias": alias.as_str() })))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Response, Fault> {
    let alias = path_name(call, "alias")?;
    call.write(|tx| {
        let domain = path_domain(call, tx)?;
        inbound::remove_alias(tx, &call.caller, &domain, &alias).map_err(Fault::from)
    })?;
    Ok(empty(StatusCode::NO_CONTENT))
}
