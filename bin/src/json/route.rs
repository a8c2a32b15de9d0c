//! A route in our own JSON.

use postroom::domain::Details;
use postroom::route::Route;
use postroom::webhook::WebhookUrl;
use serde_json::{Value, json};

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
