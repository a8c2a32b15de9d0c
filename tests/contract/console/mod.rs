//! The console's pages, through the App in process.

mod account;
mod claims;
mod deliveries;
mod domains;
mod lengths;
mod live;
mod pages;
mod passkeys;
mod passwords;
mod quarantine;
mod reports;
mod sessions;
mod setup;
mod setup_links;
mod several;
mod speed;
mod stale;
mod ways;
mod wording;

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use postroom::domain;
use postroom::id::DomainId;
use postroom::login;
use postroom::secret::{PlainSecret, SecretKind};
use postroom_server::console::login_url;
use postroom_server::wire::http::BodyFault;

use crate::harness::app::{Key, Reply, TestApp};

const BASE: &str = "https://desk.example.net";

fn world() -> (TestApp, Key, PlainSecret) {
    let app = TestApp::new().at(BASE);
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let secret = link(&app, &key, id);
    (app, key, secret)
}

fn link(app: &TestApp, key: &Key, id: i64) -> PlainSecret {
    let made = app.postroom.write(|tx| {
        let domain = domain::find(tx, &key.operator(), DomainId::new(id))?;
        login::create(tx, &key.operator(), &domain)
    });
    made.unwrap().1
}

/// The path and query of a link's address.
fn target(secret: &PlainSecret) -> String {
    login_url(BASE, secret).strip_prefix(BASE).unwrap().to_owned()
}

fn open(app: &TestApp, secret: &PlainSecret) -> Reply {
    app.send(&format!("GET {}", target(secret)), &[], b"")
}

fn press(app: &TestApp, secret: &PlainSecret, headers: &[(&str, &str)]) -> Reply {
    let headers = [&[("Content-Type", "application/x-www-form-urlencoded")], headers].concat();
    app.send("POST /console/login", &headers, format!("link={}", secret.reveal()).as_bytes())
}

/// What a link says that opens nothing.
fn dead(app: &TestApp) -> (u16, Vec<(String, String)>, String) {
    let never = PlainSecret::generate(SecretKind::LoginLink).unwrap();
    let reply = open(app, &never);
    assert_eq!(reply.status, 404);
    assert!(reply.text().contains("This link does not work"), "{reply:?}");
    reply.visible()
}

#[test]
fn get_shows_a_button_and_uses_nothing_up_and_post_signs_in_once() {
    let (app, _, secret) = world();
    let before = app.dump();
    for _ in 0..3 {
        let page = open(&app, &secret);
        assert_eq!(page.status, 200);
        assert!(page.text().contains(">Sign in to example.com</button>"), "{}", page.text());
        assert!(page.text().contains(&format!("value=\"{}\"", secret.reveal())));
    }
    let head = app.send(&format!("HEAD {}", target(&secret)), &[], b"");
    assert_eq!(head.visible(), open(&app, &secret).visible());
    assert_eq!(app.dump(), before, "a look changes nothing");

    let page = press(&app, &secret, &[]);
    assert_eq!((page.status, page.header("location")), (303, Some("/console")));
    assert!(!page.text().contains("prl_"), "what follows holds no secret of a link");
    let cookie = page.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-postroom=prs_"), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=43200; Secure; HttpOnly; SameSite=Lax"), "{cookie}");
    assert_eq!(press(&app, &secret, &[]).visible(), dead(&app));
    assert_eq!(open(&app, &secret).visible(), dead(&app));
}

#[test]
fn every_page_has_these_header_fields_and_no_others() {
    let (app, _, secret) = world();
    let replies = [
        ("GET the button", open(&app, &secret)),
        ("no link", app.send("GET /console/login", &[], b"")),
        ("another site", press(&app, &secret, &[("Origin", "https://evil.example")])),
        ("nobody", app.send("GET /console", &[], b"")),
        ("no page", app.send("GET /console/nowhere", &[], b"")),
        ("no page below", app.send("GET /console/../console/x", &[], b"")),
        ("too large", app.send_body("POST /console/login", &[], Err(BodyFault::TooLarge))),
        ("broken off", app.send_body("POST /console/login", &[], Err(BodyFault::Incomplete))),
        ("method", app.send("DELETE /console/login", &[], b"")),
    ];
    let statuses: Vec<u16> = replies.iter().map(|(_, reply)| reply.status).collect();
    assert_eq!(statuses, [200, 404, 403, 401, 404, 404, 413, 400, 405]);
    for (what, reply) in &replies {
        let mut headers = reply.visible().1;
        if reply.status == 405 {
            let allow = ("allow".to_owned(), "GET, POST, HEAD".to_owned());
            assert!(headers.contains(&allow));
            headers.retain(|field| *field != allow);
        }
        if reply.status == 401 {
            headers.retain(|(name, _)| name != "www-authenticate");
        }
        let expected = [
            ("cache-control", "no-store"),
            (
                "content-security-policy",
                "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                 form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
            ),
            ("content-type", "text/html; charset=utf-8"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(headers, expected, "{what}");
        // What the policy forbids is not there either.
        for forbidden in ["<script>", "<style", " style=", " onclick", "http://", "https://", "<img"] {
            assert!(!reply.text().contains(forbidden), "{what}: {forbidden}");
        }
    }
}

#[test]
fn expired_used_mistyped_and_foreign_secrets_are_told_the_same() {
    let (app, key, secret) = world();
    let domain_token = app.token(&key, 1).1;
    let mut mistyped = secret.reveal().to_owned();
    let last = if mistyped.pop() == Some('0') { '1' } else { '0' };
    mistyped.push(last);
    let dead = dead(&app);
    for text in ["", "garbage", &mistyped, &secret.reveal()[..52], &key.secret, &domain_token] {
        assert_eq!(app.send(&format!("GET /console/login?link={text}"), &[], b"").visible(), dead, "{text}");
        let body = format!("link={text}");
        assert_eq!(app.send("POST /console/login", &[], body.as_bytes()).visible(), dead, "{text}");
    }
    // Twice is no link, and the query is no form.
    let twice = format!("link={0}&link={0}", secret.reveal());
    assert_eq!(app.send("POST /console/login", &[], twice.as_bytes()).visible(), dead);
    let line = format!("POST {}", target(&secret));
    assert_eq!(app.send(&line, &[], b"").visible(), dead);
    app.clock.advance(Duration::from_mins(15));
    assert_eq!(open(&app, &secret).visible(), dead);
    assert_eq!(press(&app, &secret, &[]).visible(), dead);
}

#[test]
fn a_mistyped_secret_is_refused_without_the_database() {
    let (app, _, secret) = world();
    app.postroom.close();
    assert_eq!(open(&app, &secret).status, 500, "a right one is looked up");
    let mut mistyped = secret.reveal().to_owned();
    let last = if mistyped.pop() == Some('0') { '1' } else { '0' };
    mistyped.push(last);
    assert_eq!(app.send(&format!("GET /console/login?link={mistyped}"), &[], b"").status, 404);
    let body = format!("link={mistyped}");
    assert_eq!(app.send("POST /console/login", &[], body.as_bytes()).status, 404);
}

#[test]
fn a_form_of_another_site_signs_nobody_in() {
    let (app, _, secret) = world();
    for fields in [
        &[("Origin", "https://evil.example")][..],
        &[("Origin", "http://desk.example.net")],
        &[("Origin", "https://desk.example.net.evil.example")],
        &[("Origin", "null")],
        &[("Origin", "null"), ("Sec-Fetch-Site", "none")],
        &[("Origin", "null"), ("Sec-Fetch-Site", "cross-site")],
        &[("Origin", "https://desk.example.net"), ("Sec-Fetch-Site", "same-site")],
        &[("Sec-Fetch-Site", "cross-site")],
    ] {
        assert_eq!(press(&app, &secret, fields).status, 403, "{fields:?}");
    }
    assert_eq!(open(&app, &secret).status, 200, "the link is whole");
}

#[test]
fn a_browsers_own_form_signs_in_however_much_it_tells() {
    let (app, key, _) = world();
    for fields in [
        // What a browser sends from a page with `no-referrer`.
        &[("Origin", "null"), ("Sec-Fetch-Site", "same-origin")][..],
        &[("Origin", "https://desk.example.net"), ("Sec-Fetch-Site", "same-origin")],
        &[("Origin", "https://DESK.example.net:443")],
        &[("Sec-Fetch-Site", "none")],
        &[],
    ] {
        let secret = link(&app, &key, 1);
        assert_eq!(press(&app, &secret, fields).status, 303, "{fields:?}");
    }
}

#[test]
fn of_two_who_press_the_button_at_once_one_is_signed_in() {
    let (app, key, _) = world();
    for _ in 0..10 {
        let secret = link(&app, &key, 1);
        let barrier = Barrier::new(2);
        let one = || {
            barrier.wait();
            press(&app, &secret, &[]).status
        };
        let mut statuses = thread::scope(|scope| {
            let both = [scope.spawn(one), scope.spawn(one)];
            both.map(|thread| thread.join().unwrap())
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 404]);
    }
}

#[test]
fn an_api_key_opens_no_page_and_a_link_no_route() {
    let (app, key, secret) = world();
    let with_key = [("MailPace-Organization-Token", key.secret.as_str())];
    assert_eq!(app.send("GET /console/login", &with_key, b"").status, 404);
    let with_link = [("MailPace-Organization-Token", secret.reveal())];
    assert_eq!(app.send("GET /api/v1/domains", &with_link, b"").status, 401);
    assert_eq!(
        app.send("GET /consolelogin", &[], b"").header("content-type"),
        Some("application/json; charset=utf-8")
    );
}
