//! What was posted to a domain's webhook.

use postroom::id::DomainId;
use postroom::webhook::call::CallOutcome;
use serde_json::{Value, json};

use super::bearer;
use crate::harness::app::TestApp;
use crate::harness::mail;

#[test]
fn deliveries_are_listed_with_their_outcome_and_where_the_list_goes_on() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "example.com");
    let name = "example.com";
    let list = |query: &str| {
        let reply = bearer(&app, &key, &(format!("GET /postroom/v1/domains/{name}/deliveries") + query));
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    };
    assert_eq!(list(""), json!({ "domain": name, "deliveries": [], "next": null }));
    for (id, outcome) in [
        ("msg_a", CallOutcome::Answered(204)),
        ("msg_b", CallOutcome::Answered(500)),
        ("msg_c", CallOutcome::Unanswered("it takes no connection".to_owned())),
    ] {
        app.clock.advance(std::time::Duration::from_secs(1));
        mail::post(&app, DomainId::new(1), "jo@example.com", id, outcome);
    }
    let all = list("?limit=2");
    assert_eq!(
        all["deliveries"][0],
        json!({
            "id": "msg_c", "recipient": "jo@example.com", "mailbox": "jo@example.com", "outcome": "not_reached",
            "status": null, "reason": "it takes no connection", "attempts": 1, "took_ms": 12, "is_kept": true,
            "first_at": "2026-11-21T10:00:03.120Z", "last_at": "2026-11-21T10:00:03.120Z",
        })
    );
    let rest = list(&format!("?limit=2&after={}", all["next"].as_str().unwrap()));
    assert_eq!((&rest["deliveries"][0]["outcome"], &rest["next"]), (&"taken".into(), &Value::Null));
    let failed = list("?failed=true");
    let ids: Vec<&Value> = failed["deliveries"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(ids, ["msg_c", "msg_b"]);
    for query in ["?failed=yes", "?after=x", "?limit=x"] {
        let reply = bearer(&app, &key, &(format!("GET /postroom/v1/domains/{name}/deliveries") + query));
        assert_eq!((reply.status, reply.json()["error"]["code"].as_str()), (400, Some("invalid")), "{query}");
    }
    let never = bearer(&app, &key, "GET /postroom/v1/domains/never.example/deliveries");
    assert_eq!(never.status, 404);
}
