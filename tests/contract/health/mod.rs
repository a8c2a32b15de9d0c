//! `/healthz` and `/readyz`, through the App in process.

use serde_json::json;

use crate::harness::app::TestApp;

#[test]
fn healthz_needs_no_key_and_says_ok() {
    let app = TestApp::new();
    app.send("GET /healthz", &[], b"").is(200, &json!({"status": "ok"}));
    app.send("HEAD /healthz", &[], b"").is(200, &json!({"status": "ok"}));
    let reply = app.send("POST /healthz", &[], b"");
    assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD")));
}

#[test]
fn readyz_needs_no_key_and_says_when_the_database_cannot_be_read() {
    let app = TestApp::new();
    app.send("GET /readyz", &[], b"").is(200, &json!({"status": "ok"}));
    app.postroom.close();
    app.send("GET /readyz", &[], b"").is(503, &json!({"status": "database unreadable"}));
}

#[test]
fn healthz_says_when_the_database_cannot_be_read() {
    let app = TestApp::new();
    app.postroom.close();
    app.send("GET /healthz", &[], b"").is(503, &json!({"status": "database unreadable"}));
}

#[test]
fn healthz_waits_for_no_writer_and_no_rate() {
    let app = TestApp::new().limited(1);
    let key = app.account("acme");
    assert_eq!(app.call(&key, "GET /api/v1/domains").status, 200);
    assert_eq!(app.call(&key, "GET /api/v1/domains").status, 429);
    let answered = app.postroom.write(|_| {
        let replies = (0..500).map(|_| app.send("GET /healthz", &[], b"").status);
        Ok::<_, postroom::error::Error>(replies.collect::<Vec<_>>())
    });
    assert!(answered.unwrap().iter().all(|status| *status == 200));
}
