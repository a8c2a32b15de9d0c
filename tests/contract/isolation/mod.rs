//! The isolation matrix: every route of every surface, with every foreign identity.
//!
//! It is made from the route tables, so that a new route is in it without a word here; one with a parameter
//! that nobody here knows fails [`fill`], which says what to do. What a foreign identity is answered must be,
//! to the byte, what it is answered in a twin of the world in which the domain never was, and what it is
//! answered for an id that never was; and nothing in the database may change. A surface that takes its credential in a form, and a
//! route that is open to everybody, stand in the matrix like the others.

mod target;
mod world;

use std::collections::BTreeMap;

use postroom::access::Need;
use postroom::domain;
use postroom::id::DomainId;
use postroom::session::Role;
use postroom_server::app::SURFACES;
use postroom_server::wire::{Auth, Route, Surface};

use crate::harness::app::Reply;

use target::{Ids, NEVER};
pub(super) use target::{NEVER_IDS, Target, USER, target};
pub(super) use world::World;
use world::{Foreigner, LOGIN, is_by_link};

pub(super) fn routes() -> impl Iterator<Item = (&'static Surface, &'static Route)> {
    SURFACES.iter().flat_map(|surface| surface.routes.iter().map(move |route| (*surface, route)))
}

fn needs_key(route: &Route) -> bool {
    !route.is_open()
}

/// What a foreigner asks for: the victim's ids, and below a domain of its own something of the victim's; each with
/// what never was in its place.
fn cases(route: &Route, victim: Ids, own: Ids) -> Vec<(Ids, Ids)> {
    let mut cases = vec![(victim, NEVER_IDS)];
    if route.path.contains("{token_id}") {
        cases.push((Ids { token: victim.token, ..own }, Ids { token: NEVER, ..own }));
    }
    if route.path.contains("{link_id}") {
        cases.push((Ids { setup_link: victim.setup_link, ..own }, Ids { setup_link: NEVER, ..own }));
    }
    if route.path.ends_with("/dns/mark") {
        cases.push((Ids { record: victim.record, ..own }, Ids { record: NEVER, ..own }));
    }
    cases
}

#[test]
fn a_foreign_identity_is_answered_as_if_the_domain_never_was() {
    let (world, twin) = (World::new(true), World::new(false));
    let before = without_refusals(world.app.dump());
    let mut cells: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (dialect, route) in routes() {
        for (foreigner, in_twin) in world.foreigners(dialect).into_iter().zip(twin.foreigners(dialect)) {
            let Foreigner { who, secret, user, own } = foreigner;
            let methods = [route.method.as_str(), "HEAD"];
            for (ids, unknown) in cases(route, world.victim, own) {
                for method in &methods[..if route.method == "GET" { 2 } else { 1 }] {
                    let asked = target(dialect, route, ids, user);
                    let reply = world.send(dialect, method, &asked, secret.as_deref());
                    let told = format!("{} {method} {}: {who}", dialect.name, asked.path);
                    let twins = twin.send(dialect, method, &asked, in_twin.secret.as_deref());
                    if own.domain == NEVER && needs_key(route) {
                        assert_eq!(reply.status, 401, "{told}");
                    }
                    if is_by_link(route.path) {
                        assert_eq!(reply.status, 404, "{told}");
                    }
                    let only_reads = who.ends_with("only reads");
                    if only_reads && matches!(route.needs, Some(Need::Write(_))) {
                        assert_eq!(reply.status, 403, "{told}");
                        assert!(reply.text().contains("lacks the scope"), "{told}: {}", reply.text());
                    }
                    *cells.entry((dialect.name, who)).or_default() += 1;
                    // That interface tells an account's other keys that the domain is one's alone, and nothing more.
                    if dialect.name == "mailchannels"
                        && who.starts_with("another key")
                        && ["{domain}", "{email}", "/inbound/v1/users"]
                            .iter()
                            .any(|part| route.path.contains(part))
                    {
                        // A link is made by GET alone.
                        let is_link = *method == "HEAD" && route.path.ends_with("/login-link") && !only_reads;
                        assert_eq!(reply.status, if is_link { 405 } else { 403 }, "{told}");
                        assert!(!reply.text().contains("victim.example"), "{told}");
                        continue;
                    }
                    // What an account has is counted whole, whichever of its keys asks.
                    if route.path == "/postroom/v1/account" && who.starts_with("another key") {
                        assert_eq!(reply.status, twins.status, "{told}");
                        assert!(!reply.text().contains("victim.example"), "{told}");
                        continue;
                    }
                    // No two challenges are the same, whoever asks.
                    if route.path == "/console/sign-in/challenge" {
                        assert_eq!((reply.status, twins.status), (200, 200), "{told}");
                        continue;
                    }
                    assert_eq!(without_keys(&reply), without_keys(&twins), "{told}, beside the twin");
                    let never = target(dialect, route, unknown, user);
                    let never = world.send(dialect, method, &never, secret.as_deref());
                    let shown = without_way_back(&reply);
                    assert_eq!(shown, without_way_back(&never), "{told}, beside an id that never was");
                    assert!(!shown.2.contains("victim.example"), "{told}");
                }
            }
        }
        let after = without_refusals(world.app.dump());
        assert_eq!(after, before, "{} {} changed something", route.method, route.path);
    }
    let identities = SURFACES.iter().map(|surface| match surface.name {
        "lifecycle" => 15,
        "console" => 19,
        _ => 13,
    });
    assert_eq!(cells.len(), identities.sum::<usize>(), "every identity in every surface: {cells:?}");
    for ((dialect, who), count) in cells {
        let routes = routes().filter(|(own, _)| own.name == dialect).count();
        assert!(count >= routes, "{dialect} {who}: {count} cells for {routes} routes");
    }
}

/// What a refusal for want of a scope writes into the audit log is meant to stay.
fn without_refusals(mut dump: BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    for (table, mark) in [("event", "key.refused"), ("sqlite_sequence", "event")] {
        // The second is SQLite's own.
        if let Some(rows) = dump.get_mut(table) {
            rows.retain(|row| !row.contains(mark));
        }
    }
    dump
}

/// Both worlds have keys of their own making, which no two replies share: what a domain of the caller's shows of
/// them, the challenges of claims, and the ends of the secrets of API keys, are left out of the comparison.
fn without_keys(reply: &Reply) -> (u16, Vec<(String, String)>, String) {
    let marks = [
        ("\"webhook_public_key\":\"", '"'),
        ("\"last4\":\"", '"'),
        ("\"value\":\"postroom-claim=", '"'),
        ("name=\"form_token\" value=\"", '"'),
        ("name=\"after\" value=\"", '"'),
        ("ends with <code>", '<'),
    ];
    without(reply, &marks)
}

/// The page that says how to sign in leads back to the address that was asked for, whatever is there.
fn without_way_back(reply: &Reply) -> (u16, Vec<(String, String)>, String) {
    without(reply, &[("/console/sign-in?back=", '"')])
}

/// A reply without what stands after these texts, up to these ends.
fn without(reply: &Reply, marks: &[(&str, char)]) -> (u16, Vec<(String, String)>, String) {
    let (status, headers, mut text) = reply.visible();
    for &(member, end) in marks {
        let (mut kept, mut rest) = (String::new(), text.as_str());
        while let Some((before, after)) = rest.split_once(member) {
            kept.push_str(before);
            rest = after.split_once(end).map_or("", |(_, rest)| rest);
        }
        kept.push_str(rest);
        text = kept;
    }
    (status, headers, text)
}

#[test]
fn the_owner_is_let_in_by_every_route() {
    // Without this the matrix could hold because nobody is let in at all.
    for (dialect, route) in routes() {
        let world = World::new(true);
        let mut asked = target(dialect, route, world.victim, USER);
        if route.path == "/postroom/v1/keys/{id}" {
            asked.path = format!("/postroom/v1/keys/{}", world.owner.id);
        }
        if ["{alias}", "{listname}"].iter().any(|part| route.path.contains(part)) && route.method == "DELETE"
        {
            world.send(dialect, "POST", &asked, Some(&world.owner.secret));
        }
        match route.path {
            "/console/sign-out" | "/console/account/links" => asked.body = String::new(),
            path if path.contains("{key}") => {
                asked.path = path.replace("{key}", &world.owner.id.to_string());
            }
            "/console/accounts/open" => asked.body = format!("account={}", world.owner.account),
            _ => {}
        }
        let secret = match (dialect.auth, route.path) {
            (_, LOGIN) => &world.link,
            (_, path) if is_by_link(path) => &world.setup_link,
            (Auth::Session { .. }, _) if route.role == Role::Operator => &world.operator_session,
            (Auth::Session { .. }, _) => &world.owner_session,
            _ => &world.owner.secret,
        };
        let reply = world.send(dialect, route.method.as_str(), &asked, Some(secret));
        assert!(![401, 403, 404].contains(&reply.status), "{} {}: {reply:?}", route.method, asked.path);
    }
}

#[test]
fn a_domain_that_is_tied_is_there_for_its_key_and_free_again_for_all() {
    let world = World::new(true);
    let path = format!("GET /api/v1/domains/{}", world.victim.domain);
    assert_eq!(world.app.call(&world.sibling, &path).status, 404);
    assert_eq!(world.app.call(&world.owner, &path).status, 200);
    world
        .app
        .postroom
        .write(|tx| {
            let domain = domain::find(tx, &world.owner.operator(), DomainId::new(world.victim.domain))?;
            domain::associate(tx, &world.owner.operator(), &domain, None)
        })
        .unwrap();
    assert_eq!(world.app.call(&world.sibling, &path).status, 200);
    assert_eq!(world.app.call(&world.stranger, &path).status, 404);
}
