//! What a request of a route is about.

use postroom_server::console::asset_path;
use postroom_server::wire::{Route, Surface};
use serde_json::json;

/// The id of a message of the victim's that is held back, and of a delivery.
pub(super) const HELD: &str = "msg_abcdefghijklmnopqrstuvwxyz";
/// The end user whose domains all are.
pub(crate) const USER: &str = "user_123";
/// An id that no row has.
pub(super) const NEVER: i64 = 987_654_321;

/// A name that no domain has.
pub(super) const NEVER_NAME: &str = "never.example";

/// What stands in a path, a query or a body of whom a request is about.
#[derive(Clone, Copy)]
pub(crate) struct Ids {
    pub domain: i64,
    pub name: &'static str,
    pub token: i64,
    pub record: i64,
    pub setup_link: i64,
    pub report: i64,
    /// A session of the domain's administrator.
    pub session: i64,
}

pub(crate) const NEVER_IDS: Ids = Ids {
    domain: NEVER,
    name: NEVER_NAME,
    token: NEVER,
    record: NEVER,
    setup_link: NEVER,
    report: NEVER,
    session: NEVER,
};

/// Where a request goes, and with what.
pub(crate) struct Target {
    pub path: String,
    pub body: String,
}

/// A request of a route about these ids, as a thief would send it: it has something for every route that writes.
pub(crate) fn target(dialect: &Surface, route: &Route, ids: Ids, user: &str) -> Target {
    let path = fill(route, ids);
    match (dialect.name, route.path) {
        ("lifecycle", _) => {}
        ("health" | "openapi", _) => return Target { path, body: String::new() },
        // Whoever is signed in may sign out, or let somebody in to their own account; nobody does here.
        ("console", "/console/sign-out" | "/console/account/links") => {
            return Target { path, body: "form_token=wrong".to_owned() };
        }
        // With such an `after` no secret is made.
        ("console", _) => {
            let mailbox = format!("mailbox=jo@{}", ids.name);
            let path = if route.method == "GET" && path.contains("/quarantine/") {
                format!("{path}?{mailbox}")
            } else {
                path
            };
            let form = "tier=domain&list=safelist&item=stolen.example&name=stolen&days=7&after=none&sure=yes";
            let chosen = format!("chosen={}&what=delete&confirm=delete+1", ids.name);
            return Target { path, body: format!("session={}&{form}&{chosen}&{mailbox}", ids.session) };
        }
        // The list's links repeat what it was filtered by, whoever's that is.
        ("mailgun", "/v1/dkim/keys") if route.method == "GET" => return Target { path, body: String::new() },
        ("mailchannels", _) => {
            let mut body = json!({ "abusePolicy": "block", "records": [], "apiKey": null, "domains": [] });
            // The account's own lists, and what it reports, are everybody's in it.
            if route.path.contains(['{']) && !route.path.starts_with("/inbound/v1/lists") {
                body["item"] = json!("spam@example.net");
            }
            let query = match route.path {
                "/inbound/v1/users" => format!("?email_address=jo@{}&admin=true", ids.name),
                "/inbound/v1/report" => "?report_type=false_positive".to_owned(),
                of_list if of_list.ends_with("{listname}") && route.method == "DELETE" => {
                    "?item=spam@example.net".to_owned()
                }
                _ => String::new(),
            };
            return Target { path: path + &query, body: body.to_string() };
        }
        ("mailgun", _) => {
            let body = json!({
                "signing_domain": ids.name, "selector": "pr1", "self": "true", "dkim_selector": "stolen",
                "rotation_enabled": "true",
            });
            return Target { path, body: body.to_string() };
        }
        // No key is made that sees the victim, nor one made or rotated here at all.
        ("native", "/postroom/v1/keys") => {
            return Target { path, body: json!({ "domains": [ids.name] }).to_string() };
        }
        ("native", "/postroom/v1/keys/rotate") => {
            return Target { path, body: json!({ "grace_minutes": -1 }).to_string() };
        }
        // Whoever claims a name has a claim of its own then; of what is no name there is none.
        ("native", "/postroom/v1/claims") => {
            return Target { path, body: json!({ "name": "*" }).to_string() };
        }
        ("native", path_of) if path_of.ends_with("/keys") => {
            return Target { path, body: json!({ "selector": "stolen" }).to_string() };
        }
        ("native", "/postroom/v1/explain") => {
            let path = format!("{path}?recipient=jo@{}&sender=thief@stolen.example", ids.name);
            return Target { path, body: String::new() };
        }
        // The lists of its own account are a foreigner's to change; with no item it changes nothing.
        ("native", "/postroom/v1/lists/{list}") => {
            return Target { path, body: json!({ "item": "*" }).to_string() };
        }
        ("native", path_of) if path_of.ends_with("/lists/{list}") => {
            let path = if route.method == "DELETE" { path + "?item=stolen.example" } else { path };
            return Target { path, body: json!({ "item": "stolen.example" }).to_string() };
        }
        ("native", path_of) if path_of.ends_with("/rotation") => {
            return Target { path, body: json!({ "every_days": 9 }).to_string() };
        }
        _ => {
            let body = json!({"domain": {"name": "stolen"}, "api_token": {"name": "stolen"}});
            return Target { path, body: body.to_string() };
        }
    }
    if route.method == "GET" {
        return Target { path: format!("{path}?user_id={user}"), body: String::new() };
    }
    let mut body = json!({"user_id": user, "id": ids.record, "status": "failed", "forward_mode": "store"});
    // That a name is taken is told to whoever asks for it, as everywhere (`creating.rs`); nothing else of it is.
    if route.path != "/v2/domain" {
        body["domain"] = json!(ids.name);
    }
    Target { path, body: body.to_string() }
}

/// The path of a route with these ids in it.
fn fill(route: &Route, ids: Ids) -> String {
    if route.path.contains("{version}") {
        return asset_path("console.css");
    }
    let segments = route.path.split('/').map(|segment| match segment {
        // The keys of an account are its other keys' to revoke; `native/api_keys.rs` tries whose they are not.
        "{id}" if route.path == "/postroom/v1/keys/{id}" => NEVER.to_string(),
        "{id}" => ids.domain.to_string(),
        "{key}" => NEVER.to_string(),
        "{domain}" | "{name}" => ids.name.to_owned(),
        "{file}" => "native.json".to_owned(),
        "{token_id}" => ids.token.to_string(),
        "{report}" => ids.report.to_string(),
        "{message}" | "{delivery}" => HELD.to_owned(),
        "{link_id}" => ids.setup_link.to_string(),
        "{alias}" => "alias.example".to_owned(),
        "{listname}" | "{list}" => "safelist".to_owned(),
        "{email}" | "{address}" => format!("jo@{}", ids.name),
        // A finding's, which is explained to everybody.
        "{code}" => "record_missing".to_owned(),
        // Every domain's first key.
        "{selector}" => "pr1".to_owned(),
        other => {
            assert!(
                !other.contains(['{', '}']),
                "{} {} has the parameter {other}, which tests/contract/isolation/target.rs does not know: give `Ids` and \
                 `fill` what stands there of the victim's, so that the route is in the matrix",
                route.method,
                route.path
            );
            other.to_owned()
        }
    });
    segments.collect::<Vec<_>>().join("/")
}
