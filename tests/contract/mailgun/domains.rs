//! `GET /v4/domains` and `GET /v4/domains/{name}`, `PUT /v4/domains/{name}/verify`.

use super::*;

#[test]
fn domains_are_listed_with_their_number_newest_first() {
    let app = TestApp::new();
    let key = app.account("acme");
    for n in 0..5 {
        app.domain(&key, &format!("d{n}.example"));
        app.clock.advance(std::time::Duration::from_secs(1));
    }
    app.domain(&app.account("other"), "other.example");
    let list = |query: &str| call(&app, &key, &format!("GET /v4/domains{query}")).json();
    let names = |list: &Value| -> Vec<String> {
        list["items"].as_array().unwrap().iter().map(|d| d["name"].as_str().unwrap().to_owned()).collect()
    };
    let all = list("");
    assert_eq!(all["total_count"], 5);
    assert_eq!(names(&all), ["d4.example", "d3.example", "d2.example", "d1.example", "d0.example"]);
    let some = list("?limit=2&skip=3");
    assert_eq!(
        (some["total_count"].as_i64(), names(&some)),
        (Some(5), vec!["d1.example".into(), "d0.example".into()])
    );
    for odd in ["?limit=0", "?limit=", "?skip=x", "?limit=x"] {
        assert_eq!(names(&list(odd)).len(), 5, "{odd}");
    }
    for far in ["99", "18446744073709551616"] {
        assert!(names(&list(&format!("?skip={far}"))).is_empty(), "{far}");
    }
    assert_eq!(call(&app, &key, "GET /v4/domains").status, 200);
}

#[test]
fn a_list_has_the_domains_of_one_state_if_it_is_asked_for() {
    let app = TestApp::new();
    let key = app.account("acme");
    for n in 0..5 {
        app.domain(&key, &format!("d{n}.example"));
        app.clock.advance(std::time::Duration::from_secs(1));
    }
    for name in ["d1.example", "d3.example"] {
        app.publish_all(name);
        call(&app, &key, &format!("PUT /v4/domains/{name}/verify"));
    }
    let list = |query: &str| {
        let list = call(&app, &key, &format!("GET /v4/domains?{query}")).json();
        let names = list["items"].as_array().unwrap().iter().map(|d| d["name"].as_str().unwrap().to_owned());
        (list["total_count"].as_u64().unwrap(), names.collect::<Vec<_>>().join(" "))
    };
    assert_eq!(list("state=active"), (2, "d3.example d1.example".to_owned()));
    assert_eq!(list("state=unverified"), (3, "d4.example d2.example d0.example".to_owned()));
    assert_eq!(list("state=unverified&skip=1&limit=1"), (3, "d2.example".to_owned()));
    assert_eq!(list("state=active&skip=2"), (2, String::new()));
    assert_eq!(list("state=disabled"), (0, String::new()));
    assert_eq!(list("state=").0, 5);
    let odd = call(&app, &key, "GET /v4/domains?state=odd");
    odd.is(400, &message("state must be active, unverified or disabled"));
}

#[test]
fn a_domain_is_shown_with_its_records() {
    let (app, key) = start();
    let name = DOMAIN;
    let shown = call(&app, &key, &format!("GET /v4/domains/{name}")).json();
    let domain = &shown["domain"];
    assert_eq!((domain["name"].as_str(), domain["state"].as_str()), (Some(DOMAIN), Some("unverified")));
    assert_eq!(domain["created_at"], "Sat, 21 Nov 2026 10:00:00 GMT");
    assert!(domain["id"].is_string() && domain["type"] == "custom" && domain["is_disabled"] == false);
    let receiving = &shown["receiving_dns_records"][0];
    assert_eq!((receiving["record_type"].as_str(), receiving["priority"].as_str()), (Some("MX"), Some("10")));
    let sending = shown["sending_dns_records"].as_array().unwrap();
    let kinds: Vec<&str> = sending.iter().map(|record| record["record_type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["TXT", "TXT", "CNAME"]);
    for record in sending {
        assert!(record["is_active"].is_boolean() && record["cached"].is_array(), "{record}");
        assert_eq!(record["valid"], "unknown");
        assert!(record.get("priority").is_none());
    }
    let older = call(&app, &key, &format!("GET /v3/domains/{name}"));
    assert_eq!(older.json(), shown);
    assert_eq!(call(&app, &key, "GET /v3/domains").json()["total_count"], 1);
    call(&app, &key, "GET /v4/domains/other.example").is(404, &message("Domain not found"));
}

#[test]
fn verify_looks_now_and_shows_what_came_of_it() {
    let (app, key) = start();
    let name = DOMAIN;
    app.publish_all(DOMAIN);
    let verified = call(&app, &key, &format!("PUT /v4/domains/{name}/verify")).json();
    assert_eq!(verified["message"], "Domain DNS records have been updated");
    assert_eq!(verified["domain"]["state"], "active");
    let sending = verified["sending_dns_records"].as_array().unwrap().iter();
    let valid: Vec<&str> = sending.map(|record| record["valid"].as_str().unwrap()).collect();
    assert_eq!(valid, ["valid", "valid", "valid"]);
    let again = call(&app, &key, &format!("PUT /v3/domains/{name}/verify")).json();
    assert_eq!(again["domain"], verified["domain"]);
    call(&app, &key, "PUT /v4/domains/other.example/verify").is(404, &message("Domain not found"));
}
