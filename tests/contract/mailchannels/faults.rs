//! What every route has in common, and whether the service is well.

use super::*;

#[test]
fn without_a_good_key_nothing_is_told() {
    let (app, _) = start();
    for headers in
        [&[][..], &[("X-API-Key", "")], &[("X-API-Key", "garbage")], &[("Authorization", "Bearer x")]]
    {
        let reply = app.send("GET /inbound/v1/domains", headers, b"");
        refuses(&reply, 401, "API");
    }
}

#[test]
fn the_status_needs_no_key_and_has_no_body() {
    let app = TestApp::new();
    for method in ["GET", "HEAD"] {
        let reply = app.send(&format!("{method} /inbound/v1/status"), &[], b"");
        assert_eq!((reply.status, reply.body.len()), (200, 0));
    }
    let reply = app.send("GET /inbound/v1/status", &[("X-API-Key", "garbage")], b"");
    assert_eq!(reply.status, 200);
}

#[test]
fn unknown_paths_methods_and_bodies_are_told_in_this_dialects_shape() {
    let (app, key) = start();
    refuses(&call(&app, &key, "GET /inbound/v1/nothing"), 404, "route");
    refuses(&call(&app, &key, "PATCH /inbound/v1/domains"), 405, "GET, POST");
    let headers = [("X-API-Key", key.secret.as_str()), ("Content-Type", "text/plain")];
    refuses(&app.send("POST /inbound/v1/domains", &headers, b"{}"), 400, "JSON");
    let headers = [("X-API-Key", key.secret.as_str()), ("Content-Type", "application/json")];
    refuses(&app.send("POST /inbound/v1/domains", &headers, b"{"), 400, "JSON");
    refuses(&app.send("POST /inbound/v1/domains", &headers, b""), 400, "empty");
    refuses(&with(&app, &key, "POST /inbound/v1/domains?overwrite=perhaps", &json!({})), 400, "overwrite");
}
