//! Passkeys: how one gets there, and what lets nobody in.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postroom::clock::Clock;
use postroom::id::DomainId;

use crate::harness::app::{Key, PASSWORD, Reply, TestApp, credential};
use crate::harness::authenticator::{Answer, Device};

const ORIGIN: &str = "https://desk.example.net";
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn world() -> (TestApp, Key, String) {
    let app = TestApp::new().at(ORIGIN);
    let key = app.account("acme");
    app.domain(&key, "example.com");
    let session = app.session(key.account);
    (app, key, session)
}

/// The session that an answer begins.
fn cookie(reply: &Reply) -> String {
    assert_eq!(reply.status, 303, "{}", reply.text());
    reply.header("set-cookie").unwrap().split(['=', ';']).nth(1).unwrap().to_owned()
}

/// What an attribute of the page's first form with it says.
fn attribute(page: &str, name: &str) -> String {
    let rest = page.split_once(&format!(" {name}=\"")).unwrap_or_else(|| panic!("no {name}: {page}")).1;
    rest.split('"').next().unwrap().to_owned()
}

fn decoded(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Has the browser make a passkey of the page that offers one, and sends what it makes.
fn make(app: &TestApp, session: &str, device: &mut Device, offered: &Reply) -> Reply {
    assert_eq!(offered.status, 200, "{}", offered.text());
    let page = offered.text();
    let (challenge, owner) =
        (decoded(&attribute(page, "data-challenge")), decoded(&attribute(page, "data-user")));
    let id = page.split("name=\"administrator\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let (client, object) = device.make(&challenge, &owner);
    let form = format!(
        "administrator={id}&label=laptop&client={}&attestation={}",
        URL_SAFE_NO_PAD.encode(client),
        URL_SAFE_NO_PAD.encode(object)
    );
    app.visit(session, "POST /console/password/passkeys/add", &form)
}

/// Somebody who is signed in by a link adds a first passkey.
fn set_up(app: &TestApp, session: &str, name: &str) -> Device {
    let mut device = Device::at(ORIGIN);
    let offered = app.visit(session, "POST /console/password/passkeys", &format!("name={name}&label=laptop"));
    let added = make(app, session, &mut device, &offered);
    assert!(added.status == 200 && added.text().contains("is added"), "{}", added.text());
    device
}

/// A challenge, and the cookie that binds it to the browser.
fn ask(app: &TestApp) -> (Vec<u8>, String) {
    app.clock.advance(Duration::from_millis(1));
    let asked = app.send("POST /console/sign-in/challenge", &[("Origin", ORIGIN)], b"");
    assert_eq!((asked.status, asked.header("cache-control")), (200, Some("no-store")));
    let set = asked.header("set-cookie").unwrap();
    assert!(
        set.starts_with("__Host-postroom-challenge=") && set.contains("HttpOnly") && set.contains("Secure"),
        "{set}"
    );
    assert!(set.contains("SameSite=Strict") && set.contains("Max-Age=300"), "{set}");
    (decoded(asked.text()), set.split(';').next().unwrap().to_owned())
}

fn send(app: &TestApp, bound: &str, answer: &Answer) -> Reply {
    let headers = [FORM, ("Origin", ORIGIN), ("Cookie", bound)];
    app.send("POST /console/sign-in/passkey", &headers, answer.form().as_bytes())
}

fn enter(app: &TestApp, device: &mut Device) -> Reply {
    let (challenge, bound) = ask(app);
    send(app, &bound, &device.answer(&challenge))
}

#[test]
fn somebody_adds_a_passkey_by_a_link_and_signs_in_with_it_alone() {
    let (app, key, session) = world();
    let page = app.visit(&session, "GET /console/password", "").text().to_owned();
    assert!(page.contains("Adding a passkey needs JavaScript"), "{page}");
    let offered = app.visit(&session, "POST /console/password/passkeys", "name=Jo&label=laptop");
    let text = offered.text();
    assert_eq!(attribute(text, "data-party"), "desk.example.net");
    assert_eq!(attribute(text, "data-name"), "jo@acme");
    assert_eq!(attribute(text, "data-algorithms"), "-7 -8 -257");
    let mut device = Device::at(ORIGIN);
    let added = make(&app, &session, &mut device, &offered);
    assert!(added.status == 200 && added.text().contains("is added"), "{}", added.text());
    let page = app.send("GET /console/sign-in", &[], b"").text().to_owned();
    assert!(
        page.contains("data-passkey=\"get\"") && page.contains("data-ask=\"/console/sign-in/challenge\""),
        "{page}"
    );
    let entered = enter(&app, &mut device);
    assert_eq!(entered.header("location"), Some("/console"));
    let own = cookie(&entered);
    assert_eq!(app.visit(&own, "GET /console/domains", "").status, 200);
    let page = app.visit(&own, "GET /console/password", "").text().to_owned();
    assert!(page.contains("jo@acme") && page.contains("This is your last way in"), "{page}");
    assert!(!page.contains("recovery code"), "{page}");
    assert!(app.visit(&own, "GET /console/sessions", "").text().contains("With a passkey"));
    app.visit(&own, "POST /console/domains", "domain=new.example");
    assert_eq!(app.events(key.account).pop().unwrap().actor.to_string(), "administrator:1");
    let actions = app.actions(key.account);
    assert!(
        actions.contains(&"passkey.added 1".to_owned()) && actions.contains(&"passkey.used 1".to_owned())
    );
}

#[test]
fn whatever_is_wrong_nobody_is_let_in_and_nothing_changes() {
    let (app, _, session) = world();
    let mut device = set_up(&app, &session, "jo");
    let (challenge, bound) = ask(&app);
    let right = device.answer(&challenge).form();
    let before = app.dump();
    let post = |headers: &[(&str, &str)], body: &str| {
        app.send("POST /console/sign-in/passkey", &[&[FORM], headers].concat(), body.as_bytes())
    };
    let cookie = ("Cookie", bound.as_str());
    for (headers, body, status) in [
        (vec![cookie, ("Origin", "https://evil.example")], right.clone(), 403),
        (vec![cookie, ("Sec-Fetch-Site", "cross-site")], right.clone(), 403),
        (vec![], right.clone(), 422),
        (vec![("Cookie", "__Host-postroom-challenge=AAAA")], right.clone(), 422),
        (vec![("Cookie", "__Host-postroom-challenge=!")], right.clone(), 422),
        (vec![cookie], String::new(), 422),
        (vec![cookie], right.replace("client=", "client=AAAA"), 422),
        (vec![cookie], right.replace("signature=", "signature=AAAA"), 422),
        (vec![cookie], right.replace("credential=", "credential=AAAA"), 422),
        (vec![cookie], right.split("&owner").next().unwrap().to_owned(), 422),
    ] {
        let reply = post(&headers, &body);
        assert_eq!(reply.status, status, "{headers:?} {body}: {}", reply.text());
        assert!(reply.header("set-cookie").is_none());
    }
    let other = ask(&app).1;
    assert_eq!(post(&[("Cookie", &other)], &right).status, 422, "another browser's");
    device.origin = "https://evil.example".to_owned();
    let refused = send(&app, &bound, &device.answer(&challenge));
    assert!(refused.status == 422 && refused.text().contains("another site"), "{}", refused.text());
    assert_eq!(app.dump(), before);
    let elsewhere = [("Origin", "https://evil.example")];
    assert_eq!(app.send("POST /console/sign-in/challenge", &elsewhere, b"").status, 403);
    assert_eq!(post(&[cookie], &right).status, 303, "the right one lets in");
    let again = post(&[cookie], &right);
    assert!(again.status == 422 && again.text().contains("sent already"), "{}", again.text());
}

#[test]
fn a_stranger_who_fails_without_end_locks_nobody_out() {
    let (app, _, session) = world();
    let mut device = set_up(&app, &session, "jo");
    let app = app.limited(1000);
    let mut other = Device::at(ORIGIN);
    (other.credential, other.owner) = (device.credential.clone(), device.owner.clone());
    let statuses: Vec<u16> = (0..12).map(|_| enter(&app, &mut other).status).collect();
    assert_eq!(statuses, [422, 422, 422, 422, 422, 422, 422, 422, 422, 422, 429, 429]);
    assert_eq!(enter(&app, &mut device).status, 303, "whoever has the passkey is let in");
}

#[test]
fn passkeys_are_added_renamed_and_removed_with_the_password_of_whoever_has_one() {
    let (app, key, session) = world();
    let (totp, _) = app.give_password(&session, "jo");
    let code = || {
        app.advance_minutes(1);
        totp.code(app.clock.now()).unwrap()
    };
    let own = cookie(&app.enter("jo@acme", PASSWORD, &code()));
    app.advance_minutes(20);
    let page = app.visit(&own, "GET /console/password", "").text().to_owned();
    assert!(page.contains("id=\"add-current\"") && page.contains("You have none yet"), "{page}");
    let offer = |current: &str, code: &str, label: &str| {
        let form = format!("label={label}&current={current}&code={code}");
        app.visit(&own, "POST /console/password/passkeys", &form)
    };
    let wrong = offer("not+this+one", &code(), "laptop");
    assert!(wrong.status == 422 && wrong.text().contains("add-current-error"), "{}", wrong.text());
    let nameless = offer("four+words+in+a+row", &code(), "+");
    assert!(nameless.status == 422 && nameless.text().contains("add-label-error"), "{}", nameless.text());
    let mut device = Device::at(ORIGIN);
    let added = make(&app, &own, &mut device, &offer("four+words+in+a+row", &code(), "laptop"));
    assert!(added.status == 200 && added.text().contains("Last used"), "{}", added.text());
    let rename = |form: &str| app.visit(&own, "POST /console/password/passkeys/rename", form);
    assert!(rename("passkey=1&label=b%C3%BCro+%3Cb%3E").text().contains("büro &lt;b&gt;"));
    assert!(rename("passkey=1&label=").text().contains("rename-label-error"));
    assert_eq!((rename("label=x").status, rename("passkey=9&label=x").status), (422, 404));
    let by_passkey = cookie(&enter(&app, &mut device));
    let remove =
        |session: &str, form: &str| app.visit(session, "POST /console/password/passkeys/remove", form);
    let without = remove(&by_passkey, "passkey=1&sure=yes");
    assert!(without.status == 422 && without.text().contains("remove-current-error"), "{}", without.text());
    let removed = remove(&own, &format!("passkey=1&current=four+words+in+a+row&code={}", code()));
    assert!(removed.status == 200 && removed.text().contains("is removed"), "{}", removed.text());
    assert_eq!(app.visit(&by_passkey, "GET /console", "").status, 401, "their other sessions end");
    let refused = enter(&app, &mut device);
    assert!(refused.status == 422 && refused.text().contains("does not know"), "{}", refused.text());
    let actions = app.actions(key.account);
    assert!(actions.contains(&"passkey.removed 1".to_owned()), "{actions:?}");
}

#[test]
fn the_last_way_in_is_removed_by_whoever_is_sure_and_a_link_leads_back() {
    let (app, key, session) = world();
    let mut device = set_up(&app, &session, "jo");
    let own = cookie(&enter(&app, &mut device));
    let remove = |form: &str| app.visit(&own, "POST /console/password/passkeys/remove", form);
    let unsure = remove("passkey=1");
    assert!(unsure.status == 422 && unsure.text().contains("say that you are sure"), "{}", unsure.text());
    let removed = remove("passkey=1&sure=yes");
    assert!(removed.status == 200 && removed.text().contains("postroom login-link"), "{}", removed.text());
    assert_eq!(app.visit(&own, "GET /console", "").status, 401);
    assert_eq!(enter(&app, &mut device).status, 422);
    set_up(&app, &app.session(key.account), "jo");
}

#[test]
fn a_passkey_is_its_owners_alone() {
    let (app, key, session) = world();
    let mut device = set_up(&app, &session, "jo");
    let ann = set_up(&app, &session, "ann").credential;
    let own = cookie(&enter(&app, &mut device));
    let stranger = app.account("stranger");
    let domain = app.domain_session(&key.operator(), DomainId::new(1));
    let before = app.dump();
    for session in [session, app.session(stranger.account), domain, app.operator_session()] {
        for (line, form) in [
            ("POST /console/password/passkeys/rename", "passkey=1&label=stolen"),
            ("POST /console/password/passkeys/remove", "passkey=1&sure=yes"),
        ] {
            assert_eq!(app.visit(&session, line, form).status, 404, "{line}");
        }
    }
    for form in ["passkey=2&label=stolen", "passkey=2&sure=yes"] {
        let line = if form.contains("sure") { "remove" } else { "rename" };
        assert_eq!(app.visit(&own, &format!("POST /console/password/passkeys/{line}"), form).status, 404);
    }
    let mut after = app.dump();
    after.insert("session".to_owned(), before["session"].clone());
    for table in ["passkey", "administrator"] {
        assert_eq!(after[table], before[table], "{table}");
    }
    device.credential = ann;
    assert_eq!(enter(&app, &mut device).status, 422, "with somebody else's id");
    // A form without the session's token.
    let (name, value) = credential(postroom_server::console::SURFACE.auth, &own).unwrap();
    for path in ["passkeys", "passkeys/add", "passkeys/rename", "passkeys/remove"] {
        let line = format!("POST /console/password/{path}");
        let headers = [FORM, (name, value.as_str())];
        assert_eq!(app.send(&line, &headers, b"passkey=1&label=x&sure=yes").status, 403, "{path}");
        let elsewhere = [FORM, (name, value.as_str()), ("Origin", "https://evil.example")];
        assert_eq!(app.send(&line, &elsewhere, b"passkey=1").status, 403, "{path}");
    }
}

#[test]
fn what_a_browser_made_wrongly_is_not_added() {
    let (app, _, session) = world();
    let offer = || app.visit(&session, "POST /console/password/passkeys", "name=jo&label=laptop");
    let mut device = Device::at(ORIGIN);
    device.flags = 1;
    let unverified = make(&app, &session, &mut device, &offer());
    assert!(
        unverified.status == 422 && unverified.text().contains("did not check who"),
        "{}",
        unverified.text()
    );
    let empty = app.visit(&session, "POST /console/password/passkeys/add", "administrator=1&label=laptop");
    assert!(empty.status == 422 && empty.text().contains("cannot be read"), "{}", empty.text());
    assert_eq!(app.value::<i64>("SELECT count(*) FROM passkey"), 0);
    let other = app.session(app.account("other").account);
    let taken = make(&app, &other, &mut Device::at(ORIGIN), &offer());
    assert_eq!(taken.status, 404, "another account's offer");
    app.advance_minutes(16);
    let late = offer();
    assert!(late.status == 422 && late.text().contains("Open a new login link"), "{}", late.text());
}

#[test]
fn the_operator_signs_in_with_a_passkey_to_all_accounts() {
    let (app, ..) = world();
    let mut device = set_up(&app, &app.operator_session(), "root");
    let entered = enter(&app, &mut device);
    assert_eq!(entered.header("location"), Some("/console/accounts"));
    assert_eq!(app.visit(&cookie(&entered), "GET /console/accounts", "").status, 200);
}

#[test]
fn a_console_at_an_address_says_why_it_has_no_passkeys() {
    for (url, why) in [
        ("http://127.0.0.1:8025", "this console is reached at the IP address 127.0.0.1"),
        ("http://desk.example.net", "over HTTPS alone"),
    ] {
        let app = TestApp::new().at(url);
        let session = app.session(app.account("acme").account);
        let page = app.visit(&session, "GET /console/password", "");
        assert!(page.status == 200 && page.text().contains(why), "{}", page.text());
        assert!(!page.text().contains("data-passkeys"));
        assert!(!app.send("GET /console/sign-in", &[], b"").text().contains("passkey"));
        for line in ["POST /console/sign-in/challenge", "POST /console/sign-in/passkey"] {
            assert_eq!(app.send(line, &[FORM], b"").status, 404);
        }
        let offered = app.visit(&session, "POST /console/password/passkeys", "name=jo&label=laptop");
        assert_eq!(offered.status, 404);
    }
}

#[test]
fn a_password_is_added_to_a_passkey_under_the_same_name() {
    let (app, _, session) = world();
    let mut device = set_up(&app, &session, "jo");
    let own = cookie(&enter(&app, &mut device));
    let page = app.visit(&own, "GET /console/password", "").text().to_owned();
    assert!(page.contains("id=\"begin-password\"") && !page.contains("id=\"begin-name\""), "{page}");
    let (totp, _) = app.give_password(&own, "jo");
    app.advance_minutes(1);
    assert_eq!(app.enter("jo@acme", PASSWORD, &totp.code(app.clock.now()).unwrap()).status, 303);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM administrator"), 1);
    let page = app.visit(&own, "GET /console/password", "").text().to_owned();
    assert!(page.contains("a password, 1 passkey"), "{page}");
}
