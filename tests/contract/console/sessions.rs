//! Sessions: how they begin and end, what a form needs, and what each role sees.

use std::time::Duration;

use postroom::domain;
use postroom::id::DomainId;
use postroom::login;
use postroom::provision;
use postroom::secret::PlainSecret;

use crate::harness::app::{Key, TestApp};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn world() -> (TestApp, Key) {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "example.com");
    app.domain(&key, "example.org");
    (app, key)
}

fn account_link(app: &TestApp, key: &Key) -> PlainSecret {
    app.postroom.write(|tx| login::create_for_account(tx, &key.operator())).unwrap().1
}

#[test]
fn the_bare_address_leads_to_the_console_which_says_how_to_get_in() {
    let (app, _) = world();
    let lead = app.send("GET /", &[], b"");
    assert_eq!((lead.status, lead.header("location")), (303, Some("/console")));
    let page = app.send("GET /console", &[], b"");
    assert_eq!(page.status, 401);
    assert_eq!(
        page.header("www-authenticate"),
        Some("Cookie realm=\"postroom\", cookie-name=\"__Host-postroom\"")
    );
    assert!(page.text().contains("postroom login-link --operator"), "{}", page.text());
}

#[test]
fn the_stylesheet_and_the_script_are_kept_under_an_address_with_their_version() {
    let app = TestApp::new();
    for (file, kind) in
        [("console.css", "text/css; charset=utf-8"), ("console.js", "text/javascript; charset=utf-8")]
    {
        let path = postroom_server::console::asset_path(file);
        let reply = app.send(&format!("GET {path}"), &[], b"");
        assert_eq!((reply.status, reply.header("content-type")), (200, Some(kind)));
        assert_eq!(reply.header("cache-control"), Some("public, max-age=31536000, immutable"));
    }
    for (version, file) in [("00000000", "console.css"), ("0", "../console.css")] {
        let line = format!("GET /console/assets/{version}/{file}");
        assert_eq!(app.send(&line, &[], b"").status, 404, "{line}");
    }
    let _ = "GET /console/assets/{version}/{file}";
}

#[test]
fn a_session_ends_after_half_an_hour_without_use_and_after_twelve_hours_with_it() {
    let (app, key) = world();
    let session = app.session(key.account);
    let status = || app.visit(&session, "GET /console", "").status;
    app.clock.advance(Duration::from_mins(29));
    assert_eq!(status(), 200);
    app.app.note_uses().unwrap();
    app.clock.advance(Duration::from_mins(29));
    assert_eq!(status(), 200, "it was used in between");
    app.app.note_uses().unwrap();
    for _ in 0..22 {
        app.clock.advance(Duration::from_mins(29));
        assert_eq!(status(), 200);
        app.app.note_uses().unwrap();
    }
    app.clock.advance(Duration::from_mins(25));
    assert_eq!(status(), 401, "twelve hours are over");
    let idle = app.session(key.account);
    app.clock.advance(Duration::from_mins(30));
    assert_eq!(app.visit(&idle, "GET /console", "").status, 401);
}

#[test]
fn a_use_that_cannot_be_written_is_written_the_next_time() {
    let (app, key) = world();
    let session = app.session(key.account);
    let status = || app.visit(&session, "GET /console", "").status;
    app.clock.advance(Duration::from_mins(29));
    assert_eq!((status(), app.call(&key, "GET /api/v1/domains").status), (200, 200));
    // No write can begin within another one of the same thread.
    assert!(app.postroom.write(|_| app.app.note_uses()).is_err());
    app.app.note_uses().unwrap();
    app.clock.advance(Duration::from_mins(29));
    assert_eq!(status(), 200);
    let used = format!("SELECT count(*) FROM api_key WHERE id = {} AND last_used_at IS NOT NULL", key.id);
    assert_eq!(app.value::<i64>(&used), 1);
}

#[test]
fn a_session_outlives_a_restart() {
    let (app, key) = world();
    let session = app.session(key.account);
    let secret = PlainSecret::parse(postroom::secret::SecretKind::Session, &session).unwrap();
    let reopened = app.reopened();
    let found = reopened.read(|tx| postroom::session::find(tx, &secret)).unwrap();
    assert_eq!(found.unwrap().account, Some(key.account));
}

#[test]
fn signing_in_again_in_the_same_browser_ends_the_session_before() {
    let (app, key) = world();
    let before = app.session(key.account);
    let other = app.session(key.account);
    let cookie = format!("__Host-postroom={before}");
    let body = format!("link={}", account_link(&app, &key).reveal());
    let reply = app.send("POST /console/login", &[FORM, ("Cookie", &cookie)], body.as_bytes());
    assert_eq!(reply.status, 303);
    assert_eq!(app.visit(&before, "GET /console", "").status, 401);
    assert_eq!(app.visit(&other, "GET /console", "").status, 200, "another browser's goes on");
}

#[test]
fn a_domains_session_ends_with_what_its_link_ends_with() {
    let (app, key) = world();
    let id = DomainId::new(1);
    let path = "GET /console/domains/example.com";
    let renamed = app.domain_session(&key.operator(), id);
    assert_eq!(app.visit(&renamed, path, "").status, 200);
    let maker = app.key_of(key.account);
    let by_key = app.domain_session(&app.caller(&maker), id);
    let other = app.key_of(key.account);
    let write = |work: &dyn Fn(&postroom::db::WriteTx<'_>) -> Result<(), postroom::Error>| {
        app.postroom.write(|tx| work(tx)).unwrap();
    };
    write(&|tx| domain::associate(tx, &key.operator(), &key.own(tx, id)?, Some(other.id)).map(drop));
    assert_eq!(app.visit(&by_key, path, "").status, 401, "the link's key does not see the domain any more");
    write(&|tx| domain::associate(tx, &key.operator(), &key.own(tx, id)?, None).map(drop));
    app.revoke(&maker);
    assert_eq!(app.visit(&by_key, path, "").status, 401, "the link's key is revoked");
    write(&|tx| {
        provision::rename(tx, &key.operator(), &key.own(tx, id)?, &"example.net".parse().unwrap()).map(drop)
    });
    assert_eq!(app.visit(&renamed, "GET /console/domains/example.net", "").status, 401);
    let moved = app.domain_session(&key.operator(), id);
    let buyer = app.account("buyer");
    write(&|tx| provision::transfer(tx, &key.operator(), &key.own(tx, id)?, buyer.account).map(drop));
    assert_eq!(app.visit(&moved, "GET /console/domains/example.net", "").status, 401);
    let deleted = app.domain_session(&buyer.operator(), id);
    write(&|tx| provision::delete(tx, &buyer.operator(), &buyer.own(tx, id)?));
    assert_eq!(app.visit(&deleted, "GET /console/domains/example.net", "").status, 401);
}

#[test]
fn a_domains_administrator_sees_that_domain_and_no_page_of_the_account() {
    let (app, key) = world();
    let session = app.domain_session(&key.operator(), DomainId::new(1));
    let lead = app.visit(&session, "GET /console", "");
    assert_eq!((lead.status, lead.header("location")), (303, Some("/console/domains/example.com")));
    let never = app.visit(&session, "GET /console/nowhere", "");
    assert_eq!(never.status, 404);
    for line in [
        "GET /console/domains/example.org",
        "GET /console/domains",
        "POST /console/domains",
        "GET /console/log",
        "GET /console/accounts",
        "POST /console/accounts/open",
        "POST /console/domains/example.org/check",
        "POST /console/domains/example.org/advice",
    ] {
        assert_eq!(
            app.visit(&session, line, "domain=a.example&account=1").visible(),
            never.visible(),
            "{line}"
        );
    }
}

#[test]
fn the_operator_opens_an_account_and_the_account_knows_it() {
    let (app, key) = world();
    let session = app.operator_session();
    let closed = app.visit(&session, "GET /console", "");
    assert_eq!((closed.status, closed.header("location")), (303, Some("/console/accounts")));
    assert!(app.visit(&session, "GET /console/accounts", "").text().contains("acme"));
    let opened = app.visit(&session, "POST /console/accounts/open", &format!("account={}", key.account));
    assert_eq!((opened.status, opened.header("location")), (303, Some("/console")));
    assert_eq!(app.visit(&session, "GET /console/domains/example.com", "").status, 200);
    let last = app.events(key.account).pop().unwrap();
    assert_eq!((last.action(), last.actor.to_string().as_str()), ("account.opened", "operator"));
    assert_eq!(app.visit(&session, "POST /console/accounts/open", "account=99").status, 404);
}

#[test]
fn the_operator_alone_is_told_in_which_account_a_domain_is_and_can_open_that_account() {
    let (app, key) = world();
    let beta = app.account("beta");
    app.domain(&beta, "beta.example");
    let operator = app.operator_session();
    app.visit(&operator, "POST /console/accounts/open", &format!("account={}", key.account));
    let page = app.visit(&operator, "GET /console/domains/beta.example/keys", "");
    let text = page.text();
    assert_eq!(page.status, 404);
    assert!(
        text.contains("Not in <strong>acme</strong>, the account that is open")
            && text.contains(">Open beta<"),
        "{text}"
    );
    let form = format!("account={}&back=%2Fconsole%2Fdomains%2Fbeta.example%2Fkeys", beta.account);
    assert!(text.contains("name=\"back\" value=\"/console/domains/beta.example/keys\""), "{text}");
    let posted = app.visit(&operator, "POST /console/domains/beta.example/mail/label", "label=x");
    assert!(posted.status == 404 && posted.text().contains(">Open beta<"), "{}", posted.text());
    let never = app.visit(&operator, "GET /console/domains/never.example", "");
    assert!(never.status == 404 && never.text().contains("There is no such page"), "{}", never.text());
    let opened = app.visit(&operator, "POST /console/accounts/open", &form);
    assert_eq!((opened.status, opened.header("location")), (303, Some("/console/domains/beta.example/keys")));
    let evil = format!("account={}&back=%2F%2Fevil.example", beta.account);
    assert_eq!(
        app.visit(&operator, "POST /console/accounts/open", &evil).header("location"),
        Some("/console")
    );
    for tenant in [app.session(key.account), app.domain_session(&key.operator(), DomainId::new(1))] {
        let [there, never] = ["beta.example", "never.example"]
            .map(|name| app.visit(&tenant, &format!("GET /console/domains/{name}"), "").visible());
        assert_eq!(there, never);
    }
}

#[test]
fn a_login_link_says_which_session_of_the_browser_it_ends() {
    let (app, key) = world();
    let secret = account_link(&app, &key);
    let open = |session: &str| {
        let cookie = format!("__Host-postroom={session}");
        let line = format!("GET /console/login?link={}", secret.reveal());
        app.send(&line, &[("Cookie", &cookie)], b"").text().to_owned()
    };
    for (session, who) in [
        (app.operator_session(), "Operator"),
        (app.session(key.account), "Account administrator of acme"),
        (app.domain_session(&key.operator(), DomainId::new(1)), "Domain administrator of example.com"),
    ] {
        let text = open(&session);
        assert!(text.contains(&format!("You are signed in as <strong>{who}</strong>; that ends.")), "{text}");
        app.visit(&session, "POST /console/sign-out", "");
        assert!(!open(&session).contains("You are signed in"));
    }
}

#[test]
fn a_form_without_its_sessions_token_or_from_another_origin_changes_nothing() {
    let (app, key) = world();
    let (session, other) = (app.session(key.account), app.session(key.account));
    let token = app.form_token(&other);
    let cookie = format!("__Host-postroom={session}");
    let before = app.dump();
    let send = |more: &[(&str, &str)], form: &str| {
        let headers = [&[FORM, ("Cookie", cookie.as_str())], more].concat();
        app.send("POST /console/domains", &headers, form.as_bytes()).status
    };
    assert_eq!(send(&[], "domain=a.example"), 403);
    assert_eq!(send(&[], "form_token=&domain=a.example"), 403);
    assert_eq!(
        send(&[], &format!("form_token={token}&domain=a.example")),
        403,
        "the token of another session"
    );
    let own = app.form_token(&session);
    let form = format!("form_token={own}&domain=a.example");
    assert_eq!(send(&[("Origin", "https://evil.example")], &form), 403);
    assert_eq!(send(&[("Origin", "null")], &form), 403);
    assert_eq!(send(&[("Sec-Fetch-Site", "cross-site")], &form), 403);
    assert_eq!(app.dump(), before);
    assert_eq!(send(&[("Origin", "null"), ("Sec-Fetch-Site", "same-origin")], &form), 303);
}

#[test]
fn sessions_are_listed_and_ended_within_what_they_are_for() {
    let (app, key) = world();
    let (mine, other) = (app.session(key.account), app.session(key.account));
    let domains = app.domain_session(&key.operator(), DomainId::new(1));
    let stranger = app.session(app.account("stranger").account);
    let page = app.visit(&mine, "GET /console/sessions", "").text().to_owned();
    assert_eq!(page.matches("name=\"session\"").count(), 3, "{page}");
    let page = app.visit(&domains, "GET /console/sessions", "").text().to_owned();
    assert_eq!(
        page.matches("name=\"session\"").count(),
        1,
        "a domain's administrator sees none of the account's"
    );
    assert_eq!(app.visit(&domains, "POST /console/sessions/end", "session=1").status, 404);
    assert_eq!(app.visit(&stranger, "POST /console/sessions/end", "session=1").status, 404);
    assert_eq!(app.visit(&mine, "POST /console/sessions/end", "session=2").status, 303);
    assert_eq!(app.visit(&other, "GET /console", "").status, 401);
    let out = app.visit(&mine, "POST /console/sign-out", "");
    assert_eq!(out.status, 200);
    assert!(out.header("set-cookie").unwrap().starts_with("__Host-postroom=; Path=/; Max-Age=0; "));
    assert_eq!(app.visit(&mine, "GET /console", "").status, 401);
}

#[test]
fn a_page_knows_when_its_session_ends_and_how_to_stay_signed_in() {
    let app = TestApp::new();
    let key = app.account("acme");
    let session = app.session(key.account);
    app.clock.advance(Duration::from_mins(20));
    let page = app.visit(&session, "GET /console", "").text().to_owned();
    // The time of the last use is kept to the minute or so; the session began 20 minutes ago.
    assert!(
        page.contains("hidden data-idle=\"1740\" data-left=\"42000\" data-stay=\"/console/help\""),
        "{page}"
    );
    assert!(page.contains("Stay signed in"), "{page}");
    let stayed = app.visit(&session, "GET /console/help", "");
    assert_eq!(stayed.status, 200);
    assert!(
        !app.send("GET /console", &[], b"").text().contains("Stay signed in"),
        "nobody is signed in there"
    );
}
