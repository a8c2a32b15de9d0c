//! The isolation matrix: every route of every surface, with every foreign identity.
//!
//! It is made from the route tables, so that a new route is in it without a word here; one with a parameter
//! that nobody here knows fails [`fill`], which says what to do. What a foreign identity is answered must be,
//! to the byte, what it is answered in a twin of the world in which the domain never was, and what it is
//! answered for an id that never was; and nothing in the database may change. A surface that takes its credential in a form, and a
//! route that is open to everybody, stand in the matrix like the others.

use std::collections::BTreeMap;
use std::time::Duration;

use postroom::access::{KeyScope, KeyScopes, Need};
use postroom::clock::Clock;
use postroom::domain;
use postroom::error::Error;
use postroom::id::DomainId;
use postroom::key::KeyRequest;
use postroom::login;
use postroom::mail::Folder;
use postroom::report;
use postroom::secret::{PlainSecret, SecretKind};
use postroom::session::Role;
use postroom::setup_link;
use postroom::webhook::call::CallOutcome;
use postroom_server::app::SURFACES;
use postroom_server::console::asset_path;
use postroom_server::wire::{Auth, Route, Surface};
use serde_json::{Value, json};

use crate::harness::app::{Key, Reply, TestApp, credential};
use crate::harness::mail;

/// An id that no row has.
const NEVER: i64 = 987_654_321;
/// A name that no domain has.
const NEVER_NAME: &str = "never.example";
/// The id of a message of the victim's that is held back, and of a delivery.
const HELD: &str = "msg_abcdefghijklmnopqrstuvwxyz";
/// The page of a login link.
const LOGIN: &str = "/console/login";

/// Whether the credential of a page is a link: the page asks for it in its query, and its form in the body.
fn is_by_link(path: &str) -> bool {
    path == LOGIN || path.starts_with("/setup")
}
/// The field of a form that carries a login link.
const LINK_FIELD: &str = "link";
/// The end user whose domains all are.
pub(super) const USER: &str = "user_123";

/// What stands in a path, a query or a body of whom a request is about.
#[derive(Clone, Copy)]
pub(super) struct Ids {
    pub(super) domain: i64,
    pub(super) name: &'static str,
    token: i64,
    record: i64,
    setup_link: i64,
    report: i64,
    /// A session of the domain's administrator.
    session: i64,
}

pub(super) const NEVER_IDS: Ids = Ids {
    domain: NEVER,
    name: NEVER_NAME,
    token: NEVER,
    record: NEVER,
    setup_link: NEVER,
    report: NEVER,
    session: NEVER,
};

/// Whoever may not see the domain.
struct Foreigner {
    who: &'static str,
    secret: Option<String>,
    user: &'static str,
    /// A domain that it may see, or one that never was.
    own: Ids,
}

/// A world with an owner, and with or without the domain that is not to be seen.
pub(super) struct World {
    pub(super) app: TestApp,
    /// The key to which the domain is tied.
    pub(super) owner: Key,
    /// Another key of the same account, and a domain that it may see.
    pub(super) sibling: Key,
    /// A key of another account, and a domain of its own.
    stranger: Key,
    revoked: Key,
    expired: Key,
    /// A key of the owner's account that may be used from other networks than the test's.
    elsewhere: Key,
    /// Another key of the same account that may only read.
    reader: Key,
    /// A key of the same account that is limited to another domain.
    narrow: Key,
    domain_token: String,
    /// A login link of the victim's domain, and one that was used.
    link: String,
    used_link: String,
    /// A set-up link of the victim's domain.
    setup_link: String,
    pub(super) victim: Ids,
    /// Sessions in the console: of the owner's administrator, of the operator, and of those who may not see the domain.
    owner_session: String,
    operator_session: String,
    stranger_session: String,
    sibling_session: String,
    orphan_session: String,
    ended_session: String,
    idle_session: String,
    /// Domains that the sibling and the stranger may see.
    siblings: Ids,
    strangers: Ids,
}

impl World {
    pub(super) fn new(with_victim: bool) -> World {
        // At a name: at an address there are no passkeys.
        let app = TestApp::new().with_mail().at("http://localhost:8025");
        let owner = app.account("owner");
        let sibling = app.key_of(owner.account);
        let stranger = app.account("stranger");
        let revoked = app.key_of(owner.account);
        app.revoke(&revoked);
        let strangers = made(&app, &stranger, "strangers.example");
        let siblings = made(&app, &owner, "siblings.example");
        let soon = app.clock.now() + Duration::from_millis(1);
        let limited = |request| app.limited_key(owner.account, request);
        let expired = limited(KeyRequest { expires_at: Some(Some(soon)), ..KeyRequest::default() });
        let networks = Some(vec!["192.0.2.0/24".parse().unwrap(), "::/0".parse().unwrap()]);
        let elsewhere = limited(KeyRequest { networks, ..KeyRequest::default() });
        let scopes = Some(KeyScopes::new([KeyScope::ReadAll]));
        let reader = limited(KeyRequest { scopes, ..KeyRequest::default() });
        let domains = Some(Some([DomainId::new(siblings.domain)].into()));
        let narrow = limited(KeyRequest { domains, ..KeyRequest::default() });
        app.clock.advance(Duration::from_millis(1));
        let idle_session = app.session(owner.account);
        app.clock.advance(Duration::from_mins(30));
        let owner_session = app.session(owner.account);
        let ended_session = app.session(owner.account);
        assert_eq!(app.visit(&ended_session, "POST /console/sign-out", "").status, 200);
        let (stranger_session, operator_session) = (app.session(stranger.account), app.operator_session());
        app.visit(&operator_session, "POST /console/accounts/open", &format!("account={}", owner.account));
        let sibling_session = app.domain_session(&owner.operator(), DomainId::new(siblings.domain));
        // By a link of a key that was revoked when the link had been used.
        let gone = app.key_of(owner.account);
        let orphan_session = app.domain_session(&app.caller(&gone), DomainId::new(siblings.domain));
        app.revoke(&gone);
        let mut victim = Ids {
            domain: siblings.domain + 1,
            name: "victim.example",
            token: 1,
            record: 11,
            setup_link: 1,
            report: 1,
            session: NEVER,
        };
        let unknown = |kind| PlainSecret::generate(kind).unwrap().reveal().to_owned();
        let mut domain_token = unknown(SecretKind::DomainToken);
        let mut setup_link = unknown(SecretKind::SetupLink);
        let (mut link, mut used_link) = (unknown(SecretKind::LoginLink), unknown(SecretKind::LoginLink));
        if with_victim {
            let there = made(&app, &owner, victim.name);
            assert_eq!(
                (there.domain, there.record),
                (victim.domain, victim.record),
                "the twins have the same ids"
            );
            (victim.token, domain_token) = app.token(&owner, victim.domain);
            assert_eq!(victim.token, 1);
            app.postroom
                .write(|tx| {
                    let domain = domain::find(tx, &owner.operator(), DomainId::new(victim.domain))?;
                    domain::associate(tx, &owner.operator(), &domain, Some(owner.id))
                })
                .unwrap();
            (link, used_link, setup_link) = app
                .postroom
                .write(|tx| {
                    let domain = domain::find(tx, &owner.operator(), DomainId::new(victim.domain))?;
                    let (_, used) = login::create(tx, &owner.operator(), &domain)?;
                    login::consume(tx, &used)?;
                    let (_, link) = login::create(tx, &owner.operator(), &domain)?;
                    let (made, setup) =
                        setup_link::create(tx, &owner.operator(), &domain, Duration::from_hours(1))?;
                    assert_eq!(made.id.number(), victim.setup_link);
                    Ok::<_, Error>([link, used, setup].map(|secret| secret.reveal().to_owned()).into())
                })
                .unwrap();
            app.domain_session(&owner.operator(), DomainId::new(victim.domain));
            victim.session = app.value("SELECT max(id) FROM session");
        }
        file_report(&app, &owner, &victim, with_victim);
        World {
            app,
            owner,
            sibling,
            stranger,
            revoked,
            expired,
            elsewhere,
            reader,
            narrow,
            domain_token,
            link,
            used_link,
            setup_link,
            victim,
            owner_session,
            operator_session,
            stranger_session,
            sibling_session,
            orphan_session,
            ended_session,
            idle_session,
            siblings,
            strangers,
        }
    }

    /// Everybody who may not see the domain, by the secret that they bring, and a domain that they may see.
    fn foreigners(&self, dialect: &Surface) -> Vec<Foreigner> {
        let mut mistyped = self.owner.secret.clone();
        let last = if mistyped.pop() == Some('0') { '1' } else { '0' };
        mistyped.push(last);
        let unknown = PlainSecret::generate(SecretKind::AccountKey).unwrap().reveal().to_owned();
        let mut all: Vec<Foreigner> = [
            ("nobody", None, NEVER_IDS),
            ("garbage", Some("garbage".to_owned()), NEVER_IDS),
            ("a wrong checksum", Some(mistyped), NEVER_IDS),
            ("a key that never was", Some(unknown), NEVER_IDS),
            ("a revoked key", Some(self.revoked.secret.clone()), NEVER_IDS),
            ("an expired key", Some(self.expired.secret.clone()), NEVER_IDS),
            ("a key from a wrong network", Some(self.elsewhere.secret.clone()), NEVER_IDS),
            (
                "another key of the same account, which only reads",
                Some(self.reader.secret.clone()),
                self.siblings,
            ),
            ("a key of other domains", Some(self.narrow.secret.clone()), self.siblings),
            ("a domain token", Some(self.domain_token.clone()), NEVER_IDS),
            ("a login link that was used", Some(self.used_link.clone()), NEVER_IDS),
            ("a key of another account", Some(self.stranger.secret.clone()), self.strangers),
            ("another key of the same account", Some(self.sibling.secret.clone()), self.siblings),
        ]
        .into_iter()
        .map(|(who, secret, own)| Foreigner { who, secret, user: USER, own })
        .collect();
        if dialect.name == "console" {
            let unknown = PlainSecret::generate(SecretKind::Session).unwrap().reveal().to_owned();
            for (who, session, own) in [
                ("a session that never was", &unknown, NEVER_IDS),
                ("a session that was ended", &self.ended_session, NEVER_IDS),
                ("a session that was idle for too long", &self.idle_session, NEVER_IDS),
                ("a session by the link of a revoked key", &self.orphan_session, NEVER_IDS),
                ("a session of another account", &self.stranger_session, self.strangers),
                ("a session of another domain of the same account", &self.sibling_session, self.siblings),
            ] {
                all.push(Foreigner { who, secret: Some(session.clone()), user: USER, own });
            }
        }
        // In a dialect that has users, the key alone is not enough.
        if dialect.name == "lifecycle" {
            for (who, user) in
                [("the same key for another user", "another"), ("a user in capitals", "USER_123")]
            {
                let secret = Some(self.owner.secret.clone());
                all.push(Foreigner { who, secret, user, own: self.siblings });
            }
        }
        all
    }

    fn send(&self, dialect: &Surface, method: &str, target: &Target, secret: Option<&str>) -> Reply {
        self.send_with(dialect, method, target, secret, &[])
    }

    /// The same with more header fields.
    pub(super) fn send_with(
        &self,
        dialect: &Surface,
        method: &str,
        target: &Target,
        secret: Option<&str>,
        more: &[(&str, &str)],
    ) -> Reply {
        let is_page = matches!(dialect.auth, Auth::Session { .. });
        let kind = if is_page { "application/x-www-form-urlencoded" } else { "application/json" };
        let mut headers = [&[("Content-Type", kind)], more].concat();
        let (mut line, mut body) = (format!("{method} {}", target.path), target.body.clone());
        let is_by_link = is_by_link(&target.path);
        let field = secret.filter(|_| !is_by_link).and_then(|secret| credential(dialect.auth, secret));
        headers.extend(field.as_ref().map(|(name, value)| (*name, value.as_str())));
        if let (true, Some(secret)) = (is_by_link, secret) {
            let form = format!("{LINK_FIELD}={secret}");
            if method == "POST" { body = form } else { line = format!("{line}?{form}") }
        } else if let (true, Some(secret)) = (is_page && !body.contains("form_token="), secret)
            && PlainSecret::parse(SecretKind::Session, secret).is_ok()
        {
            body = format!("form_token={}&{body}", self.app.form_token(secret));
        }
        self.app.send(&line, &headers, body.as_bytes())
    }
}

/// A domain of [`USER`].
fn made(app: &TestApp, key: &Key, name: &'static str) -> Ids {
    let details = app.v2_domain(key, name, USER);
    let id = |value: &Value| value["id"].as_i64().unwrap();
    let record = id(&details["dns"][0]);
    Ids { domain: id(&details["domain"]), name, record, ..NEVER_IDS }
}

/// Files a report about a message to the victim: in both worlds, for everybody of the account sees how much room is left. Where the
/// victim is there, a message to it is held back, and was posted.
fn file_report(app: &TestApp, owner: &Key, victim: &Ids, is_there: bool) {
    let recipient = format!("jo@{}", victim.name);
    let junk = report::NewReport {
        recipient: Some(&recipient),
        ..report::NewReport::of(report::ReportKind::FalseNegative, b"From: a@b.example\r\n\r\nBuy!\r\n")
    };
    let filed = app.postroom.write(|tx| report::file(tx, &owner.operator(), &junk)).unwrap();
    assert_eq!((filed.id.number(), filed.domain.is_some()), (victim.report, is_there));
    if is_there {
        let text = "From: a@b.example\n\nBuy!\n";
        mail::keep(&app.mail_dir(), &recipient, Folder::Quarantine, HELD, text);
        mail::post(app, DomainId::new(victim.domain), &recipient, HELD, CallOutcome::Answered(500));
    }
}

/// Where a request goes, and with what.
pub(super) struct Target {
    pub(super) path: String,
    pub(super) body: String,
}

/// A request of a route about these ids, as a thief would send it: it has something for every route that writes.
pub(super) fn target(dialect: &Surface, route: &Route, ids: Ids, user: &str) -> Target {
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
