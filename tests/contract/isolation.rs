//! The isolation matrix: every route of every dialect, with every foreign identity.
//!
//! It is made from the route tables, so that a new route is in it without a word here; one with a parameter
//! that nobody here knows fails [`fill`], which says what to do. What a foreign identity is answered must be,
//! to the byte, what it is answered in a twin of the world in which the domain never was, and what it is
//! answered for an id that never was; and nothing in the database may change.

use postroom::domain;
use postroom::id::DomainId;
use postroom::secret::{PlainSecret, SecretKind};
use postroom_server::app::DIALECTS;
use postroom_server::dialect::{Auth, Dialect, Route};

use crate::harness::app::{Key, Reply, TestApp};

/// An id that no row has.
const NEVER: i64 = 987_654_321;
/// What a thief would send: it has something for every route that writes.
const BODY: &str = r#"{"domain":{"name":"stolen"},"api_token":{"name":"stolen"}}"#;

/// The ids that stand in a path.
#[derive(Clone, Copy)]
struct Ids {
    domain: i64,
    token: i64,
}

/// A world with an owner, and with or without the domain that is not to be seen.
struct World {
    app: TestApp,
    /// The key to which the domain is tied.
    owner: Key,
    /// Another key of the same account, and a domain that it may see.
    sibling: Key,
    /// A key of another account, and a domain of its own.
    stranger: Key,
    revoked: Key,
    domain_token: String,
    victim: Ids,
    /// Domains that the sibling and the stranger may see.
    siblings_domain: i64,
    strangers_domain: i64,
}

impl World {
    fn new(with_victim: bool) -> World {
        let app = TestApp::new();
        let owner = app.account("owner");
        let sibling = app.key_of(owner.account);
        let stranger = app.account("stranger");
        let revoked = app.key_of(owner.account);
        app.revoke(&revoked);
        let strangers_domain = app.domain(&stranger, "strangers.example");
        let siblings_domain = app.domain(&owner, "siblings.example");
        let mut victim = Ids { domain: siblings_domain + 1, token: 1 };
        let mut domain_token = PlainSecret::generate(SecretKind::DomainToken).unwrap().reveal().to_owned();
        if with_victim {
            victim.domain = app.domain(&owner, "victim.example");
            let made = app.token(&owner, victim.domain);
            (victim.token, domain_token) = made;
            app.postroom
                .write(|tx| {
                    let domain = domain::find(tx, &owner.operator(), DomainId::new(victim.domain))?;
                    domain::associate(tx, &owner.operator(), &domain, Some(owner.id))
                })
                .unwrap();
        }
        assert_eq!((victim.domain, victim.token), (siblings_domain + 1, 1), "the twins have the same ids");
        World {
            app,
            owner,
            sibling,
            stranger,
            revoked,
            domain_token,
            victim,
            siblings_domain,
            strangers_domain,
        }
    }

    /// Everybody who may not see the domain, by the secret that they bring, and a domain that they may see.
    fn foreigners(&self) -> Vec<(&'static str, Option<String>, i64)> {
        let mut mistyped = self.owner.secret.clone();
        let last = if mistyped.pop() == Some('0') { '1' } else { '0' };
        mistyped.push(last);
        let unknown = PlainSecret::generate(SecretKind::AccountKey).unwrap().reveal().to_owned();
        vec![
            ("nobody", None, NEVER),
            ("garbage", Some("garbage".to_owned()), NEVER),
            ("a wrong checksum", Some(mistyped), NEVER),
            ("a key that never was", Some(unknown), NEVER),
            ("a revoked key", Some(self.revoked.secret.clone()), NEVER),
            ("a domain token", Some(self.domain_token.clone()), NEVER),
            ("a key of another account", Some(self.stranger.secret.clone()), self.strangers_domain),
            ("another key of the same account", Some(self.sibling.secret.clone()), self.siblings_domain),
        ]
    }

    fn send(&self, dialect: &Dialect, method: &str, path: &str, secret: Option<&str>) -> Reply {
        let field = match dialect.auth {
            Auth::Header(names) => names[0],
        };
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend(secret.map(|secret| (field, secret)));
        self.app.send(&format!("{method} {path}"), &headers, BODY.as_bytes())
    }
}

/// The path of a route with these ids in it.
fn fill(route: &Route, ids: Ids) -> String {
    let segments = route.path.split('/').map(|segment| match segment {
        "{id}" => ids.domain.to_string(),
        "{token_id}" => ids.token.to_string(),
        other => {
            assert!(
                !other.contains(['{', '}']),
                "{} {} has the parameter {other}, which tests/contract/isolation.rs does not know: give `Ids` and \
                 `fill` what stands there of the victim's, so that the route is in the matrix",
                route.method,
                route.path
            );
            other.to_owned()
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

fn routes() -> impl Iterator<Item = (&'static Dialect, &'static Route)> {
    DIALECTS.iter().flat_map(|dialect| dialect.routes.iter().map(move |route| (*dialect, route)))
}

#[test]
fn a_foreign_identity_is_answered_as_if_the_domain_never_was() {
    let (world, twin) = (World::new(true), World::new(false));
    let before = world.app.dump();
    let mut cells = 0;
    for (dialect, route) in routes() {
        for ((who, secret, own), (_, twins_secret, _)) in
            world.foreigners().into_iter().zip(twin.foreigners())
        {
            let never = Ids { domain: NEVER, token: NEVER };
            // The victim's ids; and the victim's token below a domain that the foreigner may see.
            let mixed = Ids { domain: own, token: world.victim.token };
            let mixed_never = Ids { domain: own, token: NEVER };
            let mut cases = vec![(world.victim, never)];
            if route.path.contains("{token_id}") {
                cases.push((mixed, mixed_never));
            }
            let methods = [route.method.as_str(), "HEAD"];
            for (ids, unknown) in cases {
                for method in &methods[..if route.method == "GET" { 2 } else { 1 }] {
                    let path = fill(route, ids);
                    let reply = world.send(dialect, method, &path, secret.as_deref());
                    let told = format!("{} {method} {path}: {who}", dialect.name);
                    let in_twin = twin.send(dialect, method, &path, twins_secret.as_deref());
                    if !(own == world.siblings_domain || own == world.strangers_domain) {
                        assert_eq!(reply.status, 401, "{told}");
                    }
                    assert_eq!(without_keys(&reply), without_keys(&in_twin), "{told}, beside the twin");
                    let never_was = world.send(dialect, method, &fill(route, unknown), secret.as_deref());
                    assert_eq!(reply.visible(), never_was.visible(), "{told}, beside an id that never was");
                    assert!(!reply.text().contains("victim.example"), "{told}");
                    cells += 1;
                }
            }
        }
        assert_eq!(world.app.dump(), before, "{} {} changed something", route.method, route.path);
    }
    assert!(cells >= routes().count() * 8, "{cells} cells");
}

/// Both worlds have keys of their own making, which no two replies share: what a domain of the caller's shows of
/// them is left out of the comparison.
fn without_keys(reply: &Reply) -> (u16, Vec<(String, String)>, String) {
    let (status, headers, text) = reply.visible();
    let (mut kept, mut rest) = (String::new(), text.as_str());
    while let Some((before, after)) = rest.split_once("\"webhook_public_key\":\"") {
        kept.push_str(before);
        rest = after.split_once('"').map_or("", |(_, rest)| rest);
    }
    kept.push_str(rest);
    (status, headers, kept)
}

#[test]
fn the_owner_is_let_in_by_every_route() {
    // Without this the matrix could hold because nobody is let in at all.
    for (dialect, route) in routes() {
        let world = World::new(true);
        let path = fill(route, world.victim);
        let reply = world.send(dialect, route.method.as_str(), &path, Some(&world.owner.secret));
        assert!(![401, 403, 404].contains(&reply.status), "{} {path}: {}", route.method, reply.status);
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
