//! Signing is a state: no domain is active while nothing signs, and no status is without its reason, the same everywhere.

mod by_chance;
mod which_key;

use postroom::account::Caller;
use postroom::dkim::{self, DkimKey, Source};
use postroom::domain::{self, Details, Domain, DomainStatus};
use postroom::error::{Entity, Error};
use postroom::keyring;
use postroom::name::Selector;
use postroom::record::{self, Purpose, RecordStatus};
use postroom::signing::{self, Assessment, Severity};
use postroom::verify;
use serde_json::json;

use crate::harness::app::{Key, TestApp, basic, txt};

const PARENT: &str = "example.com";
const CHILD: &str = "news.example.com";

fn start(names: &[&str]) -> (TestApp, Key) {
    let app = TestApp::new();
    let key = app.account("acme");
    for name in names {
        app.domain(&key, name);
        app.publish_all(name);
    }
    (app, key)
}

fn details(app: &TestApp, key: &Key, name: &str) -> Details {
    let name = name.parse().unwrap();
    app.postroom.read(|tx| domain::find_named(tx, &key.operator(), &name).map(Domain::into_details)).unwrap()
}

fn assessment(app: &TestApp, key: &Key, name: &str) -> Assessment {
    let id = details(app, key, name).id;
    app.postroom.read(|tx| signing::find(tx, &key.own(tx, id)?)).unwrap()
}

fn check(app: &TestApp, key: &Key, name: &str) {
    let id = details(app, key, name).id;
    verify::check(&app.postroom, &key.operator(), id, &*app.dns).unwrap();
}

fn selector(text: &str) -> Selector {
    text.parse().unwrap()
}

fn keys(app: &TestApp, key: &Key, name: &str) -> Vec<DkimKey> {
    let id = details(app, key, name).id;
    app.postroom.read(|tx| dkim::list(tx, &key.own(tx, id)?)).unwrap()
}

fn deactivate(app: &TestApp, key: &Key, name: &str, of: &str) {
    let id = details(app, key, name).id;
    app.postroom
        .write(|tx| keyring::deactivate(tx, &key.operator(), &key.own(tx, id)?, &selector(of)))
        .unwrap();
}

fn set_authority(app: &TestApp, caller: &Caller, name: &str, own: bool) -> Result<bool, Error> {
    let name = name.parse().unwrap();
    app.postroom.write(|tx| {
        let domain = domain::find_named(tx, caller, &name)?;
        keyring::set_authority(tx, caller, &domain, own).map(|(_, changed)| changed)
    })
}

/// The code of the reason for which nothing signs, and the status.
fn state(app: &TestApp, key: &Key, name: &str) -> (&'static str, DomainStatus) {
    let signing = assessment(app, key, name).signing;
    (signing.reason.map_or("signs", |why| why.code.as_str()), details(app, key, name).status)
}

/// How many signatures mail from this domain gets, and under which selectors.
fn signed_under(app: &TestApp, name: &str) -> Vec<String> {
    let message = format!("From: a@{name}\r\n\r\nhello\r\n");
    let name = name.parse().unwrap();
    let headers = app.postroom.read(|tx| dkim::sign(tx, &name, message.as_bytes())).unwrap();
    let texts = headers.iter().map(|header| header.text(dkim::LineEnd::CrLf));
    texts.map(|text| text.split(" s=").nth(1).unwrap().split(';').next().unwrap().to_owned()).collect()
}

#[test]
fn a_domain_whose_last_key_is_deactivated_is_not_active_and_neither_are_those_it_signs_for() {
    let (app, key) = start(&[PARENT, CHILD]);
    check(&app, &key, PARENT);
    assert!(set_authority(&app, &key.operator(), CHILD, false).unwrap());
    check(&app, &key, CHILD);
    assert_eq!(state(&app, &key, CHILD), ("signs", DomainStatus::Active));
    assert_eq!(assessment(&app, &key, CHILD).signing.by.as_str(), PARENT);

    deactivate(&app, &key, PARENT, "pr1");
    assert_eq!(state(&app, &key, PARENT), ("no_active_key", DomainStatus::Pending));
    assert_eq!(
        state(&app, &key, CHILD),
        ("authority_has_none", DomainStatus::Pending),
        "in that transaction"
    );
}

#[test]
fn a_dkim_record_that_is_marked_verified_and_was_never_seen_makes_nothing_active() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, PARENT);
    let id = details(&app, &key, PARENT).id;
    app.postroom
        .write(|tx| {
            let domain = key.own(tx, id)?;
            record::list(tx, &domain)?.iter().try_for_each(|record| {
                verify::mark(tx, &key.operator(), &domain, record.id, RecordStatus::Verified, None)
            })
        })
        .unwrap();
    assert_eq!(state(&app, &key, PARENT), ("not_seen", DomainStatus::Pending));
    assert!(!assessment(&app, &key, PARENT).dkim_verified);
    check(&app, &key, PARENT);
    let reply = app.call(&key, &format!("POST /api/v1/domains/{id}/verify")).json();
    assert_eq!(reply["dkim_verified"], false, "{reply}");
    assert!(reply["errors"]["dkim"].is_string(), "{reply}");
}

#[test]
fn a_key_that_signed_and_was_switched_off_stays_switched_off_whatever_is_said_of_its_record() {
    let (app, key) = start(&[PARENT]);
    let id = details(&app, &key, PARENT).id;
    assert_eq!(state(&app, &key, PARENT).0, "not_seen");
    check(&app, &key, PARENT);
    assert_eq!(state(&app, &key, PARENT), ("signs", DomainStatus::Active));
    deactivate(&app, &key, PARENT, "pr1");
    assert_eq!(state(&app, &key, PARENT).0, "no_active_key");
    let mark = |word| {
        app.postroom
            .write(|tx| {
                let domain = key.own(tx, id)?;
                let records = record::list(tx, &domain)?;
                let of_key = records.iter().find(|record| record.dkim_key.is_some()).unwrap().id;
                verify::mark(tx, &key.operator(), &domain, of_key, word, None)
            })
            .unwrap();
    };
    for word in [RecordStatus::Verified, RecordStatus::Failed, RecordStatus::Pending] {
        mark(word);
        assert_eq!(state(&app, &key, PARENT).0, "no_active_key", "{word}");
    }
    app.postroom
        .write(|tx| keyring::rename_selector(tx, &key.operator(), &key.own(tx, id)?, &selector("new")))
        .unwrap();
    assert_eq!(state(&app, &key, PARENT).0, "no_active_key");
}

#[test]
fn the_reason_of_a_domain_whose_key_record_is_wrong_says_what_is_wrong() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, PARENT);
    app.publish_all(PARENT);
    app.dns.set(&format!("pr1._domainkey.{PARENT}"), vec![txt("v=DKIM1; p=")]);
    check(&app, &key, PARENT);
    assert_eq!(state(&app, &key, PARENT), ("not_seen", DomainStatus::Pending));
    let assessment = assessment(&app, &key, PARENT);
    let reason = &assessment.reasons[0];
    assert_eq!(reason.code, "dkim_revoked", "{}", reason.text);
    assert!(reason.text.contains("signs yet; TXT pr1._domainkey"), "{}", reason.text);
}

#[test]
fn a_key_that_is_made_after_the_last_one_was_deleted_makes_nothing_active_before_it_signs() {
    let (app, key) = start(&[PARENT]);
    check(&app, &key, PARENT);
    deactivate(&app, &key, PARENT, "pr1");
    let id = details(&app, &key, PARENT).id;
    let caller = key.operator();
    app.postroom.write(|tx| keyring::delete(tx, &caller, &key.own(tx, id)?, &selector("pr1"))).unwrap();
    assert_eq!(state(&app, &key, PARENT), ("no_key", DomainStatus::Pending));
    let made = app
        .postroom
        .write(|tx| keyring::create(tx, &caller, &key.own(tx, id)?, &selector("s2"), &Source::Pool));
    assert_eq!(state(&app, &key, PARENT), ("not_seen", DomainStatus::Pending));
    let made = made.unwrap();
    app.dns.set(made.record_name().as_str(), vec![txt(&made.key.public.record_value())]);
    check(&app, &key, PARENT);
    assert_eq!(state(&app, &key, PARENT), ("no_active_key", DomainStatus::Pending), "seen, and not active");
    keyring::activate(&app.postroom, &caller, id, &selector("s2"), &*app.dns).unwrap();
    assert_eq!(state(&app, &key, PARENT), ("signs", DomainStatus::Active));
}

#[test]
fn a_selector_that_is_renamed_goes_on_signing_under_the_published_name_until_the_new_one_is_seen() {
    let (app, key) = start(&[PARENT]);
    check(&app, &key, PARENT);
    let id = details(&app, &key, PARENT).id;
    let caller = key.operator();
    let rename = |to: &str| {
        app.postroom
            .write(|tx| keyring::rename_selector(tx, &caller, &key.own(tx, id)?, &selector(to)))
            .unwrap()
    };
    rename("new");
    assert_eq!(signed_under(&app, PARENT), ["pr1"]);
    let found = assessment(&app, &key, PARENT);
    assert_eq!(found.signing.selectors, [selector("pr1")]);
    assert_eq!((details(&app, &key, PARENT).status, found.dkim_verified), (DomainStatus::Active, true));
    let warned: Vec<_> = found.reasons.iter().map(|reason| (reason.code.as_str(), reason.severity)).collect();
    assert_eq!(warned, [("selector_not_seen", Severity::Warn)]);
    check(&app, &key, PARENT);
    assert_eq!(details(&app, &key, PARENT).status, DomainStatus::Active, "not there yet");
    // Nobody else's record can come to stand at the name under which it signs.
    let taken = app.postroom.write(|tx| {
        keyring::create(tx, &caller, &key.own(tx, id)?, &selector("pr1"), &Source::Pool).map(drop)
    });
    assert!(matches!(taken, Err(Error::Conflict(Entity::DkimKey))), "{taken:?}");
    rename("newer");
    assert_eq!(signed_under(&app, PARENT), ["pr1"]);
    let made = keys(&app, &key, PARENT).remove(0);
    app.dns.set("newer._domainkey.example.com", vec![txt(&made.public.record_value())]);
    check(&app, &key, PARENT);
    assert_eq!(signed_under(&app, PARENT), ["newer"]);
    assert!(assessment(&app, &key, PARENT).reasons.is_empty());
}

#[test]
fn a_domain_that_its_authority_signs_for_is_verified_and_says_by_whom() {
    let (app, key) = start(&[PARENT, CHILD]);
    check(&app, &key, PARENT);
    assert!(set_authority(&app, &key.operator(), CHILD, false).unwrap());
    let id = details(&app, &key, CHILD).id;
    let reply = app.call(&key, &format!("POST /api/v1/domains/{id}/verify"));
    reply.is(200, &json!({"dkim_verified": true, "advance_verified": true, "errors": {}}));
    let shown = app.call(&key, &format!("GET /api/v1/domains/{id}")).json();
    assert_eq!((&shown["dkim_verified"], &shown["signing"]["by"]), (&json!(true), &json!(PARENT)));

    deactivate(&app, &key, PARENT, "pr1");
    let reply = app.call(&key, &format!("POST /api/v1/domains/{id}/verify")).json();
    assert_eq!(reply["dkim_verified"], false);
    assert!(reply["errors"]["dkim"].as_str().unwrap().contains("the keys of example.com"), "{reply}");
}

#[test]
fn nothing_changes_a_domain_that_is_tied_to_a_key_that_the_caller_does_not_hold() {
    let (app, key) = start(&[PARENT, "mail.example.com", "a.mail.example.com"]);
    let other = app.key_of(key.account);
    check(&app, &key, "mail.example.com");
    assert!(set_authority(&app, &key.operator(), "a.mail.example.com", false).unwrap());
    let leaf = details(&app, &key, "a.mail.example.com").id;
    app.postroom
        .write(|tx| domain::associate(tx, &key.operator(), &key.own(tx, leaf)?, Some(other.id)).map(drop))
        .unwrap();
    // A second key that could sign, and an end user whose domain it is.
    let record = app
        .postroom
        .write(|tx| {
            let domain = domain::find_named(tx, &key.operator(), &"mail.example.com".parse()?)?;
            keyring::create(tx, &key.operator(), &domain, &selector("second"), &Source::Pool)?;
            let records = record::list(tx, &domain)?;
            Ok::<_, Error>(records.iter().find(|record| record.purpose == Purpose::Dkim).unwrap().id)
        })
        .unwrap();
    app.sql().execute("UPDATE dkim_key SET activated_at = 1 WHERE selector = 'second'", []).unwrap();
    app.sql().execute("UPDATE domain SET user_id = 'user_123' WHERE name = 'mail.example.com'", []).unwrap();
    let before = app.dump();
    let (form, json) = ("application/x-www-form-urlencoded", "application/json");
    let (basic, bearer) = (basic("api", &key.secret), format!("Bearer {}", key.secret));
    let ask = |line: &str, body: &str| {
        let (field, credential, kind) = match line {
            line if line.contains(" /postroom") => ("Authorization", &bearer, json),
            line if line.contains(" /v2") || line.contains(" /inbound") => ("X-API-Key", &key.secret, json),
            _ => ("Authorization", &basic, form),
        };
        app.send(line, &[(field, credential), ("Content-Type", kind)], body.as_bytes())
    };
    let mark =
        |status: &str| json!({"user_id": "user_123", "id": record.number(), "status": status}).to_string();
    for (line, body) in [
        ("PUT /v3/domains/mail.example.com/dkim_authority", "self=false"),
        ("PUT /v4/domains/mail.example.com/keys/pr1/deactivate", ""),
        ("PUT /v4/domains/mail.example.com/keys/second/activate", ""),
        ("PUT /v3/domains/mail.example.com/dkim_selector", "dkim_selector=other"),
        ("DELETE /v1/dkim/keys?signing_domain=mail.example.com&selector=pr1", ""),
        (
            "PUT /v1/dkim_management/domains/mail.example.com/rotation",
            "rotation_enabled=true&rotation_interval=7d",
        ),
        ("POST /v1/dkim_management/domains/mail.example.com/rotate", ""),
        ("POST /postroom/v1/domains/mail.example.com/keys/pr1/deactivate", ""),
        ("POST /postroom/v1/domains/mail.example.com/keys/second/activate", ""),
        ("DELETE /postroom/v1/domains/mail.example.com/keys/pr1", ""),
        ("POST /postroom/v1/domains/mail.example.com/rotation", ""),
        ("PUT /postroom/v1/domains/mail.example.com/rotation", r#"{"every_days":7}"#),
        ("PUT /postroom/v1/domains/mail.example.com/rotation", r#"{"delegated":true}"#),
        ("DELETE /postroom/v1/domains/mail.example.com/rotation", ""),
        ("POST /v2/domains/mail.example.com/dns/mark", &mark("failed")),
        ("POST /v2/domains/mail.example.com/dns/mark", &mark("disabled")),
    ] {
        let reply = ask(line, body);
        assert!(
            (400..500).contains(&reply.status) && reply.text().contains("1 domain "),
            "{line}: {reply:?}"
        );
        assert!(!reply.text().contains("a.mail.example.com"), "it names none: {reply:?}");
        assert_eq!(app.dump(), before, "{line}");
    }
    // What would leave it without the domain whose keys sign for it.
    let id = details(&app, &key, "mail.example.com").id;
    for (line, body) in [
        ("DELETE /inbound/v1/domains/mail.example.com", ""),
        ("DELETE /inbound/v1/domains/batch", r#"{"domains":["mail.example.com"]}"#),
        ("POST /v2/domains/delete", r#"{"user_id":"user_123","domain":"mail.example.com"}"#),
        ("DELETE /postroom/v1/claims/mail.example.com", ""),
    ] {
        let reply = ask(line, body);
        assert!(reply.text().contains("another domain"), "{line}: {reply:?}");
        assert_eq!(app.dump(), before, "{line}");
    }
    let renamed = app.call_with(
        &key,
        &format!("PATCH /api/v1/domains/{id}"),
        &json!({"domain": {"url": "new.example"}}),
    );
    assert!(renamed.status == 409 && renamed.text().contains("another domain"), "{renamed:?}");
    assert_eq!(app.dump(), before);
    // The operator can.
    assert!(set_authority(&app, &key.operator(), "mail.example.com", false).unwrap());
}

#[test]
fn of_many_domains_that_a_key_signs_for_the_later_ones_follow_at_their_next_checks() {
    let (app, key) = start(&[PARENT]);
    check(&app, &key, PARENT);
    app.domains_below(&key, PARENT, 250);
    app.sql()
        .execute(
            "UPDATE domain SET status = 'active', authority_id = 1, next_check_at = 9000000000000 WHERE id > 1",
            [],
        )
        .unwrap();
    deactivate(&app, &key, PARENT, "pr1");
    let count = |condition: &str| app.value::<i64>(&format!("SELECT count(*) FROM domain WHERE {condition}"));
    assert_eq!(count("status = 'active'"), 50, "one change writes 200 at most");
    assert_eq!(count("next_check_at > 8000000000000"), 0, "all are checked soon");
}

#[test]
fn a_batch_deprovisions_parent_and_child_in_either_order() {
    // Names are compared as names, however they are written.
    for order in [
        [PARENT, CHILD],
        [CHILD, PARENT],
        ["EXAMPLE.com.", CHILD],
        [" example.com", "News.example.com."],
        ["example\u{3002}com", CHILD],
    ] {
        let (app, key) = start(&[PARENT, CHILD]);
        assert!(set_authority(&app, &key.operator(), CHILD, false).unwrap());
        let headers = [("X-API-Key", &*key.secret), ("Content-Type", "application/json")];
        let body = json!({"domains": order}).to_string();
        let reply = app.send("DELETE /inbound/v1/domains/batch", &headers, body.as_bytes());
        let told = reply.json();
        let codes: Vec<_> =
            told["successes"].as_array().unwrap().iter().map(|each| &each["domain"]).collect();
        assert_eq!(codes, order, "{told}");
        assert_eq!(app.value::<i64>("SELECT count(*) FROM domain"), 0);
    }
}

#[test]
fn an_alias_of_ones_own_that_is_asked_for_as_a_domain_is_called_an_alias_in_every_dialect() {
    let (app, key) = start(&[PARENT]);
    let inbound = [("X-API-Key", &*key.secret), ("Content-Type", "application/json")];
    let made = app.send("POST /inbound/v1/domains/example.com/alias/alias.example", &inbound, b"");
    assert_eq!(made.status, 200, "{made:?}");
    let bearer = format!("Bearer {}", key.secret);
    let basic = basic("api", &key.secret);
    let v2 = |line: &str, body: &str| {
        let credential =
            if line.contains(" /v2") { ("X-API-Key", &*key.secret) } else { ("Authorization", &*bearer) };
        app.send(line, &[credential, ("Content-Type", "application/json")], body.as_bytes())
    };
    let body = json!({"domain": "alias.example", "subscriptionHandle": "default"}).to_string();
    app.sql().execute("UPDATE domain SET user_id = 'user_123'", []).unwrap();
    let second = app.domain(&key, "second.example");
    // One of a domain that no end user has is called an alias as well; that of another end user's domain is not there.
    let of_nobody = app.send("POST /inbound/v1/domains/second.example/alias/nobodys.example", &inbound, b"");
    assert_eq!(of_nobody.status, 200, "{of_nobody:?}");
    for (user, domain, says) in [
        ("user_123", "nobodys.example", "second.example"),
        ("user_456", "nobodys.example", "second.example"),
        ("user_456", "alias.example", ""),
    ] {
        let body = json!({"user_id": user, "domain": domain}).to_string();
        let made = v2("POST /v2/domain", &body);
        assert!(made.status == 409 && made.text().contains(says), "{made:?}");
        let shown = v2(&format!("GET /v2/domains/{domain}/info?user_id={user}"), "");
        let wanted = if says.is_empty() { 404 } else { 409 };
        assert!(shown.status == wanted && shown.text().contains(says), "{shown:?}");
        assert!(!made.text().contains(PARENT) && !shown.text().contains(PARENT));
    }
    let v2_body = r#"{"user_id":"user_123","domain":"alias.example"}"#;
    let batch = json!({"domains": [{"domain": "alias.example"}]}).to_string();
    let id = details(&app, &key, PARENT).id;
    let replies = [
        app.call_with(&key, "POST /api/v1/domains", &json!({"domain": {"url": "alias.example"}})),
        v2("GET /postroom/v1/domains/alias.example", ""),
        app.send("GET /v3/domains/alias.example", &[("Authorization", &*basic)], b""),
        app.send("GET /v4/domains/alias.example", &[("Authorization", &*basic)], b""),
        app.send("POST /inbound/v1/domains", &inbound, body.as_bytes()),
        app.send("GET /inbound/v1/domains/alias.example", &inbound, b""),
        app.send("DELETE /inbound/v1/domains/alias.example", &inbound, b""),
        app.send("POST /inbound/v1/domains/batch?subscriptionHandle=default", &inbound, batch.as_bytes()),
        app.send("DELETE /inbound/v1/domains/batch", &inbound, batch.as_bytes()),
        app.send("POST /inbound/v1/domains/second.example/alias/alias.example", &inbound, b""),
        app.call_with(
            &key,
            &format!("PATCH /api/v1/domains/{second}"),
            &json!({"domain": {"url": "alias.example"}}),
        ),
        v2("POST /v2/domain", v2_body),
        v2("POST /v2/domains/delete", v2_body),
        v2("GET /v2/domains/alias.example/info?user_id=user_123", ""),
        v2("GET /v2/domains/alias.example/dns?user_id=user_123", ""),
        v2("POST /v2/domains/alias.example/dns/verify", v2_body),
        v2("PUT /v2/domains/alias.example/route", v2_body),
        v2("POST /postroom/v1/domains/alias.example/verify", ""),
        v2("POST /postroom/v1/claims", r#"{"name":"alias.example"}"#),
        app.send("PUT /v4/domains/alias.example/verify", &[("Authorization", &*basic)], b""),
        app.send("PUT /v3/domains/alias.example/dkim_authority", &[("Authorization", &*basic)], b""),
        app.send("GET /v4/domains/alias.example/keys", &[("Authorization", &*basic)], b""),
    ];
    for reply in replies {
        let is_batch = reply.status == 200 && reply.text().contains("\"successes\":[]");
        assert!(is_batch || (400..500).contains(&reply.status), "{reply:?}");
        assert!(reply.text().contains("alias"), "{reply:?}");
    }
    assert!(details(&app, &key, PARENT).id == id);
}
