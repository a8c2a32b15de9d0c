//! The account, with what it has piled up.

use postroom::cap::{Cap, Caps};
use postroom::settings::Settings;
use serde_json::json;

use super::bearer;
use crate::harness::app::{TestApp, settings};

#[test]
fn an_account_sees_what_it_has_and_what_it_may_have_by_the_names_of_the_settings() {
    let caps = Caps { tokens: 1, ..Caps::default() };
    let app = TestApp::with(Settings { caps, ..settings() }, 4);
    let key = app.account("acme");
    app.domain(&key, "example.com");
    app.token(&key, 1);
    let other = app.account("other");
    app.domain(&other, "other.example");
    app.token(&other, 2);
    let shown = bearer(&app, &key, "GET /postroom/v1/account").json();
    assert_eq!(shown["account"], json!({ "name": "acme", "trusted": true }));
    let limits = &shown["limits"];
    assert_eq!(limits["tokens"], json!({ "used": 1, "most": 1 }));
    assert_eq!(limits["kept_answer_mib"], json!({ "used": 0, "most": 64 }));
    assert!(limits.get("unproved_claims").is_none(), "there is no limit for a trusted account");
    assert_eq!(limits["reports.account_mib"], json!({ "used": 0, "most": 1024 }));
    assert_eq!(limits["audit.keep_days"], json!({ "used": 0, "most": 365 }));
    for cap in Cap::ALL.into_iter().filter(|cap| *cap != Cap::UnprovedClaims) {
        let used = &limits[cap.name()]["used"];
        // The bridge counts its deliveries, and the server does not know of them.
        assert!(if cap == Cap::Deliveries { used.is_null() } else { used.is_number() }, "{cap:?}");
        assert!(limits[cap.name()]["most"].is_number(), "{cap:?}");
    }
}
