//! A route in our own JSON.

use crate::wire::shape::{MAYBE_TEXT, NAME, Shape, has};
use postroom::domain::Details;
use postroom::route::Route;
use postroom::webhook::WebhookUrl;
use serde_json::{Value, json};

/// What [`parts_json`] writes.
pub(crate) const ROUTE: Shape = Shape::object(
    "Route",
    &[&[
        has("mode", MODE),
        has("webhook_url", MAYBE_TEXT),
        has("has_webhook_secret", Shape::Flag),
        has("forward_to", MAYBE_TEXT),
        has("recipients", RECIPIENTS),
        has("catch_all", MAYBE_TEXT),
    ]],
);
/// How mail is routed.
pub(crate) const MODE: Shape = Shape::Word(&["store", "webhook", "webhook_then_store", "forward_email"]);
/// Which recipients there are.
pub(crate) const RECIPIENTS: Shape = Shape::Word(&["any", "known"]);
/// What [`route_json`] writes.
pub(crate) const DOMAIN_ROUTE: Shape =
    Shape::object("DomainRoute", &[&[has("domain", NAME), has("route", ROUTE)]]);

/// A domain's route, under its name.
pub fn route_json(domain: &Details, route: &Route) -> Value {
    json!({ "domain": domain.name.as_str(), "route": parts_json(route) })
}

/// What a route consists of, without the webhook's secret.
pub fn parts_json(route: &Route) -> Value {
    json!({
        "mode": route.mode.as_str(),
        "webhook_url": route.webhook_url.as_ref().map(WebhookUrl::as_str),
        "has_webhook_secret": route.has_webhook_secret,
        "forward_to": route.forward_to.as_ref().map(ToString::to_string),
        "recipients": route.recipients.as_str(),
        "catch_all": route.catch_all.as_ref().map(ToString::to_string),
    })
}
