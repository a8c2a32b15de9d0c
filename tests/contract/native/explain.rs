//! `/postroom/v1/domains/{name}/explain`.

use postroom::list::{self, ListKind, Scope};

use super::bearer;
use crate::harness::app::TestApp;

#[test]
fn what_would_become_of_a_message_is_explained_to_whose_domain_it_is() {
    let app = TestApp::new();
    let (key, other) = (app.account("acme"), app.account("other"));
    app.domain(&key, "example.com");
    let name = "example.com";
    let ask = |query: &str| bearer(&app, &key, &format!("GET /postroom/v1/domains/{name}/explain{query}"));
    let whole = ask("").json();
    assert_eq!((&whole["domain"]["domain"], &whole["acts"]), (&"example.com".into(), &true.into()));
    assert_eq!((&whole["address"], &whole["route"]["mode"]), (&serde_json::Value::Null, &"store".into()));
    assert_eq!(whole["domain"]["signing"]["state"], "none");
    assert_eq!(whole["changes"].as_array().unwrap().last().unwrap()["action"], "domain.created");
    let of_one = ask("?address=Jo%2Bx@example.com&sender=a@b.example&from=c@b.example&ip=192.0.2.7").json();
    assert_eq!(of_one["address"]["mailbox"], "jo@example.com");
    assert_eq!(of_one["address"]["lists"]["outcome"], "none");
    assert_eq!(of_one["address"]["refused"], serde_json::Value::Null);
    let caller = key.operator();
    let blocked = "a@b.example".parse().unwrap();
    app.postroom
        .write(|tx| list::add(tx, &caller, &Scope::Account(&caller), ListKind::Blocklist, &blocked).map(drop))
        .unwrap();
    assert_eq!(ask("?address=jo@example.com&sender=a@b.example").json()["address"]["refused"], "blocked");
    for empty in ["?ip=&sender=", "?address=&ip="] {
        assert_eq!(ask(empty).json(), whole, "an empty parameter is as one that is left out");
    }
    for wrong in ["?address=jo", "?address=jo@other.example", "?address=jo@example.com&ip=x"] {
        assert_eq!(ask(wrong).status, 400, "{wrong}");
    }
    assert_eq!(bearer(&app, &other, &format!("GET /postroom/v1/domains/{name}/explain")).status, 404);
}
