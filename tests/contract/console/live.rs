//! What a page learns while it is open.

use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use postroom::dns::{Answer, Question, Resolver, ScriptedResolver};
use postroom::id::DomainId;
use postroom::{provision, setup_link};
use postroom_server::wire::Events;
use postroom_server::wire::http::{Body, HeaderMap, HeaderName, HeaderValue, Method, Request};

use crate::harness::app::{Key, TestApp, settings};

const PAGE: &str = "/console/domains/example.com/live";

fn world() -> (TestApp, Key) {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "example.com");
    (app, key)
}

/// The stream at this address, for whoever has this session.
fn listen(app: &TestApp, session: Option<&str>, path: &str, query: Option<String>) -> Events {
    let mut headers = HeaderMap::new();
    if let Some(session) = session {
        let cookie = format!("{}={session}", postroom_server::console::COOKIE);
        headers.insert(HeaderName::from_static("cookie"), HeaderValue::from_str(&cookie).unwrap());
    }
    let request = Request {
        method: Method::GET,
        path: path.to_owned(),
        query,
        headers,
        body: Ok(Vec::new()),
        peer: [127, 0, 0, 1].into(),
    };
    let answer = app.app.answer(&request);
    assert_eq!(answer.status, 200);
    let Body::Events(events) = answer.body else { panic!("{:?}", answer.body) };
    events
}

fn next(events: &mut Events) -> String {
    String::from_utf8(events.look().unwrap()).unwrap()
}

#[test]
fn a_stream_says_so_when_a_check_has_written_something_down() {
    let (app, key) = world();
    let session = app.session(key.account);
    let reply = app.visit(&session, &"GET /console/domains/{name}/live".replace("{name}", "example.com"), "");
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-accel-buffering", "no"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{name}");
    }
    let mut events = listen(&app, Some(&session), PAGE, None);
    let first = next(&mut events);
    let state = first.strip_prefix("event: state\ndata: ").unwrap().trim_end().to_owned();
    let shown = app.visit(&session, "GET /console/domains/example.com", "");
    assert!(shown.text().contains(&format!("data-revision=\"{state}\"")), "{}", shown.text());
    assert_eq!(next(&mut events), "", "nothing happened");
    app.publish_all("example.com");
    assert_eq!(app.visit(&session, "POST /console/domains/example.com/check", "").status, 200);
    let changed = next(&mut events);
    assert!(changed.starts_with("event: state\n") && changed != first, "{changed}");
    assert_eq!(next(&mut events), "");
}

#[test]
fn a_stream_ends_with_the_session_and_with_what_it_shows() {
    let (app, key) = world();
    let id = DomainId::new(1);
    let (first, second) = (app.session(key.account), app.domain_session(&key.operator(), id));
    let mut streams = [&first, &second].map(|session| listen(&app, Some(session), PAGE, None));
    for stream in &mut streams {
        next(stream);
    }
    assert_eq!(app.visit(&first, "POST /console/sign-out", "").status, 200);
    let [ended, other] = &mut streams;
    assert!(ended.look().is_none(), "signed out");
    assert_eq!(next(other), "");
    app.postroom
        .write(|tx| {
            let domain = key.own(tx, id)?;
            provision::delete(tx, &key.operator(), &domain)
        })
        .unwrap();
    assert!(other.look().is_none(), "the domain is gone");

    app.domain(&key, "example.com");
    let idle = app.session(key.account);
    let mut stream = listen(&app, Some(&idle), PAGE, None);
    next(&mut stream);
    app.clock.advance(postroom::session::IDLE);
    assert!(stream.look().is_none(), "to follow a page is not to use it");
}

#[test]
fn a_set_up_page_follows_its_domain_until_the_link_is_revoked() {
    let (app, key) = world();
    let (link, secret) = app
        .postroom
        .write(|tx| {
            let domain = key.own(tx, DomainId::new(1))?;
            setup_link::create(tx, &key.operator(), &domain, Duration::from_hours(1))
        })
        .unwrap();
    let query = format!("link={}&lang=de", secret.reveal());
    let mut events = listen(&app, None, "/setup/live", Some(query.clone()));
    let first = next(&mut events);
    app.publish_all("example.com");
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    assert_eq!(app.send("POST /setup/check", &form, query.as_bytes()).status, 200);
    assert_ne!(next(&mut events), first);
    app.postroom
        .write(|tx| {
            let domain = key.own(tx, DomainId::new(1))?;
            setup_link::revoke(tx, &key.operator(), &domain, link.id)
        })
        .unwrap();
    assert!(events.look().is_none());
    assert_eq!(app.send(&format!("GET /setup/live?{query}"), &[], b"").status, 404);
}

/// A DNS that answers nothing until it is let.
struct Held(Arc<ScriptedResolver>, Mutex<bool>, Condvar);

impl Resolver for Held {
    fn lookup(&self, question: &Question) -> Answer {
        drop(self.2.wait_while(self.1.lock().unwrap(), |is_held| *is_held).unwrap());
        self.0.lookup(question)
    }
}

#[test]
fn a_stream_tells_how_far_a_check_is() {
    let dns = Arc::new(ScriptedResolver::new().a("mx.mail.example.net", [192, 0, 2, 25].into()));
    let held = Arc::new(Held(dns.clone(), Mutex::new(true), Condvar::new()));
    let app = TestApp::asking(held.clone(), dns, settings(), 4);
    let key = app.account("acme");
    app.domain(&key, "example.com");
    app.publish_all("example.com");
    let session = app.session(key.account);
    let mut events = listen(&app, Some(&session), PAGE, None);
    next(&mut events);
    let until = |events: &mut Events, text: &str| {
        let begun = Instant::now();
        while !next(events).contains(text) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{text}");
            thread::sleep(Duration::from_millis(5));
        }
    };
    thread::scope(|scope| {
        let check = scope.spawn(|| app.visit(&session, "POST /console/domains/example.com/check", ""));
        until(&mut events, "event: looking\ndata: 0 ");
        *held.1.lock().unwrap() = false;
        held.2.notify_all();
        assert_eq!(check.join().unwrap().status, 200);
    });
    until(&mut events, "event: looking\ndata:\n\n");
}
