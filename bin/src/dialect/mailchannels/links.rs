//! Login links, one and many.

use postroom::login;
use serde_json::json;

use super::batch::{LINKS, NAMES};
use super::batch::{each_of, items};
use super::input::{domain_of, path_domain};
use crate::console::login_url;
use crate::wire::Contract;
use crate::wire::http::{Method, Response, StatusCode};
use crate::wire::shape::{Shape, TEXT, has};
use crate::wire::{Call, Fault};

pub(super) const CREATE: Contract = Contract::new("Makes a link by which a domain's administrator signs in")
    .answers(200, &Shape::object("LoginLink", &[&[has("loginLink", TEXT)]]));
pub(super) const CREATE_MANY: Contract =
    Contract::new("Makes up to a thousand links, with an outcome for each")
        .takes(&NAMES)
        .answers(200, &LINKS);

pub(super) fn create(call: &Call<'_>) -> Result<Response, Fault> {
    if call.request.method == Method::HEAD {
        // It would make a link that nobody gets to see.
        return Err(Fault::Method("GET".to_owned()));
    }
    let secret = call.write(|tx| {
        let domain = path_domain(call, tx)?;
        Ok::<_, Fault>(login::create(tx, &call.caller, &domain)?.1)
    })?;
    Ok(Response::json(StatusCode::OK, &json!({ "loginLink": login_url(call.base_url, &secret) })))
}

pub(super) fn create_many(call: &Call<'_>) -> Result<Response, Fault> {
    let items = items(call)?;
    if items.is_empty() {
        return Err(Fault::input("domains", "is empty"));
    }
    each_of(call, &items, |tx, name| {
        let domain = domain_of(&call.caller, tx, name)?;
        let (_, secret) = login::create(tx, &call.caller, &domain)?;
        Ok(json!({ "code": 200, "loginLink": login_url(call.base_url, &secret) }))
    })
}
