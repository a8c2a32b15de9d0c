//! Which scope each route needs: a page made from the route tables, and keys with scopes at every route.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use postroom::access::{KeyScope, KeyScopes, Need};
use postroom::key::KeyRequest;
use postroom_server::dialect::DIALECTS;
use postroom_server::wire::Auth;

use super::isolation::{USER, World, routes, target};
use crate::harness::app::Key;

fn page() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/dialects/scopes.md"))
}

/// The table of the page, from the route tables.
fn table() -> String {
    let mut text = "| Interface | Route | Scope |\n|---|---|---|\n".to_owned();
    for dialect in DIALECTS {
        for route in dialect.routes {
            let needs = match route.needs {
                None => "no key is needed".to_owned(),
                Some(need) => {
                    let names = need.enough().iter().map(|scope| format!("`{scope}`")).collect::<Vec<_>>();
                    names.join(" or ")
                }
            };
            let whole = if route.is_of_account { "; not for a key of some domains" } else { "" };
            writeln!(text, "| {} | `{} {}` | {needs}{whole} |", dialect.name, route.method, route.path)
                .unwrap();
        }
    }
    text
}

#[test]
fn the_page_of_scopes_says_of_every_route_what_the_route_tables_say() {
    let text = fs::read_to_string(page()).unwrap();
    assert!(
        text.ends_with(&format!("\n\n{}", table())),
        "the table of docs/dialects/scopes.md is not that of the route tables: run `cargo test -p postroom-server --test suite -- \
         --ignored write_the_page_of_scopes`"
    );
}

#[test]
#[ignore = "it writes into the repository; run it by hand when a route was added"]
fn write_the_page_of_scopes() {
    let text = fs::read_to_string(page()).unwrap();
    let head = text.split_once("| Interface |").map_or(text.as_str(), |(head, _)| head);
    fs::write(page(), format!("{}\n\n{}", head.trim_end(), table())).unwrap();
}

#[test]
fn every_route_that_needs_a_key_says_its_scope_and_no_other_does() {
    for (dialect, route) in routes() {
        // A page asks for a session, which has a role and no scopes.
        if matches!(dialect.auth, Auth::Session { .. }) {
            assert!(route.needs.is_none(), "{} {} {}", dialect.name, route.method, route.path);
            continue;
        }
        let is_open = route.is_open();
        assert_eq!(route.needs.is_none(), is_open, "{} {} {}", dialect.name, route.method, route.path);
        // What reads by another method than GET, or writes by GET, is meant so.
        let reads = matches!(route.needs, Some(Need::Read(_)));
        let is_login_link = route.path.ends_with("/login-link");
        assert!(
            is_open || is_login_link || reads == (route.method == "GET"),
            "{} {}",
            route.method,
            route.path
        );
    }
}

#[test]
fn a_key_with_one_scope_is_let_in_where_that_is_enough_and_refused_everywhere_else() {
    let world = World::new(true);
    for scope in KeyScope::ALL {
        let scopes = Some(KeyScopes::new([*scope]));
        let key = world.app.limited_key(world.owner.account, KeyRequest { scopes, ..KeyRequest::default() });
        for (dialect, route) in routes() {
            let Some(need) = route.needs else { continue };
            // For an id that never was: what the key is let in to is answered, and nothing is changed.
            let asked = target(dialect, route, super::isolation::NEVER_IDS, USER);
            let reply = world.send_with(dialect, route.method.as_str(), &asked, Some(&key.secret), &[]);
            let is_refused = reply.status == 403 && reply.text().contains(&format!("lacks the scope {need}"));
            assert_eq!(
                is_refused,
                !need.enough().contains(scope),
                "{scope} {} {}: {reply:?}",
                route.method,
                route.path
            );
        }
    }
}

#[test]
fn a_refusal_is_written_to_the_audit_log_once_a_minute_for_each_reason() {
    let world = World::new(false);
    let scopes = Some(KeyScopes::new([KeyScope::ReadAll]));
    let key = world.app.limited_key(world.owner.account, KeyRequest { scopes, ..KeyRequest::default() });
    let refused = || {
        world.app.app.note_refusals().unwrap();
        let events = world.app.events(world.owner.account);
        let refused = events.iter().filter(|event| event.action() == "key.refused");
        refused.map(|event| event.detail().unwrap()).collect::<Vec<_>>()
    };
    for _ in 0..3 {
        assert_eq!(world.app.call(&key, "POST /api/v1/domains").status, 403);
    }
    let told =
        format!("API key {} refused at POST /api/v1/domains: it lacks the scope domains:write", key.id);
    assert_eq!(refused(), [told.as_str()]);
    assert_eq!(world.app.call(&key, "POST /api/v1/domains/7/api_tokens").status, 403);
    assert_eq!(refused().len(), 2);
    world.app.clock.advance(std::time::Duration::from_mins(1));
    world.app.app.forget().unwrap();
    assert_eq!(world.app.call(&key, "POST /api/v1/domains").status, 403);
    assert_eq!(refused().len(), 3);
}

#[test]
fn a_refusal_that_cannot_be_written_to_the_audit_log_is_written_the_next_time() {
    let world = World::new(false);
    let scopes = Some(KeyScopes::new([KeyScope::ReadAll]));
    let key = world.app.limited_key(world.owner.account, KeyRequest { scopes, ..KeyRequest::default() });
    for path in ["/api/v1/domains", "/api/v1/domains/7/api_tokens"] {
        assert_eq!(world.app.call(&key, &format!("POST {path}")).status, 403);
        // No write can begin within another one of the same thread.
        assert!(world.app.postroom.write(|_| world.app.app.note_refusals()).is_err());
    }
    world.app.app.note_refusals().unwrap();
    let told = world.app.actions(world.owner.account);
    assert_eq!(told.iter().filter(|action| action.contains("key.refused")).count(), 2, "{told:?}");
}

#[test]
fn where_mail_is_delivered_is_set_by_no_key_without_the_scope_for_routes() {
    let world = World::new(false);
    let key = |scopes: &[KeyScope]| {
        let scopes = Some(KeyScopes::new(scopes.iter().copied()));
        world.app.limited_key(world.owner.account, KeyRequest { scopes, ..KeyRequest::default() })
    };
    let (narrow, wide) =
        (key(&[KeyScope::DomainsWrite]), key(&[KeyScope::DomainsWrite, KeyScope::RoutesWrite]));
    let servers = r#"[{"priority":1,"weight":1,"port":25,"target":"8.8.8.8"}]"#;
    let name = "scoped.example";
    let item = format!(r#"{{"domain":"{name}","downstreamAddresses":{servers}}}"#);
    let settings = format!(r#"{{"downstreamAddresses":{servers}}}"#);
    let send = |key: &Key, line: &str, body: &str| {
        world.app.send(
            line,
            &[("X-API-Key", &key.secret), ("Content-Type", "application/json")],
            body.as_bytes(),
        )
    };
    assert_eq!(send(&narrow, "POST /inbound/v1/domains?subscriptionHandle=default", &item).status, 403);
    let batch = send(
        &narrow,
        "POST /inbound/v1/domains/batch?subscriptionHandle=default",
        &format!(r#"{{"domains":[{item}]}}"#),
    );
    assert!(batch.text().contains("lacks the scope routes:write"), "{}", batch.text());
    assert_eq!(
        send(
            &narrow,
            "POST /inbound/v1/domains?subscriptionHandle=default",
            &format!(r#"{{"domain":"{name}"}}"#)
        )
        .status,
        201
    );
    let line = format!("PUT /inbound/v1/domains/{name}/settings");
    assert_eq!(send(&narrow, &line, &settings).status, 403);
    assert_eq!(send(&narrow, &line, r#"{"admins":["jo@admin.example"]}"#).status, 200);
    assert_eq!(send(&wide, &line, &settings).status, 200);
}
