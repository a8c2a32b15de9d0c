//! What would become of a message.

use std::net::IpAddr;

use postroom::address::EmailAddress;
use postroom::list::Sender;
use postroom::mail::{self, Arrival};

use super::domains::name;
use crate::json::explained::EXPLAINED;
use crate::json::explained::explained_json;
use crate::wire::Contract;
use crate::wire::http::{Response, StatusCode};
use crate::wire::shape::{ADDRESS, TEXT, may};
use crate::wire::{Call, Fault};

pub(super) const SHOW: Contract = Contract::new("Tells what would become of a message")
    .query(&[
        may("address", ADDRESS).text("the recipient, at this domain"),
        may("sender", TEXT).text("the sender of the envelope"),
        may("from", TEXT).text("the author"),
        may("ip", TEXT).text("the address of the client that delivers"),
    ])
    .answers(200, &EXPLAINED);

pub(super) fn show(call: &Call<'_>) -> Result<Response, Fault> {
    let name = name(call)?;
    let address = call.query("address").map(|text| text.parse::<EmailAddress>()).transpose();
    let address = address.map_err(|e| Fault::input("address", format_args!("is not usable: {e}")))?;
    let client = call.query("ip").map(|text| text.parse::<IpAddr>()).transpose();
    let arrival = Arrival {
        sender: call.query("sender").and_then(|text| Sender::parse(&text)),
        authors: Sender::authors(call.query("from")),
        client: client.map_err(|_| Fault::input("ip", "must be an IP address"))?,
        ..Arrival::default()
    };
    let message = address.as_ref().map(|address| (address, &arrival));
    let explained = call.read(|tx| mail::explain(tx, &call.caller, &name, message))?;
    Ok(Response::json(StatusCode::OK, &explained_json(&explained)))
}
