//! Safelists and blocklists of the account, of a domain, of a user.

use super::*;

fn entry(action: &str, item: &str, kind: &str) -> Value {
    json!({ "action": action, "item": item, "item_type": kind })
}

#[test]
fn an_entry_is_added_listed_and_removed_at_each_tier() {
    let (app, key) = start();
    let (listname, domain, email) = ("safelist", DOMAIN, "jo@example.com");
    let tiers = [
        (
            format!("GET /inbound/v1/lists/{listname}"),
            format!("POST /inbound/v1/lists/{listname}"),
            format!("DELETE /inbound/v1/lists/{listname}?item=friend@example.net"),
        ),
        (
            format!("GET /inbound/v1/domains/{domain}/lists/{listname}"),
            format!("POST /inbound/v1/domains/{domain}/lists/{listname}"),
            format!("DELETE /inbound/v1/domains/{domain}/lists/{listname}?item=friend@example.net"),
        ),
        (
            format!("GET /inbound/v1/users/{email}/lists/{listname}"),
            format!("POST /inbound/v1/users/{email}/lists/{listname}"),
            format!("DELETE /inbound/v1/users/{email}/lists/{listname}?item=friend@example.net"),
        ),
    ];
    for (tier, (get, post, delete)) in tiers.iter().enumerate() {
        call(&app, &key, get).is(200, &json!([]));
        let expected = entry("safelist", "friend@example.net", "email_address");
        for _ in 0..2 {
            with(&app, &key, post, &json!({ "item": "friend@example.net" })).is(201, &expected);
        }
        call(&app, &key, get).is(200, &json!([expected]));
        let gone = call(&app, &key, delete);
        assert_eq!((gone.status, gone.body.len()), (204, 0));
        call(&app, &key, get).is(200, &json!([]));
        // What is not there is removed from the account's list, and not there on the others.
        assert_eq!(call(&app, &key, delete).status, if tier == 0 { 204 } else { 404 });
        refuses(&with(&app, &key, post, &json!({ "item": "no item" })), 400, "item");
        refuses(&with(&app, &key, post, &json!({})), 400, "item");
        refuses(&call(&app, &key, delete.split('?').next().unwrap()), 400, "item");
        for line in [get, post, delete] {
            refuses(
                &with(&app, &key, &line.replace("safelist", "greylist"), &json!({"item": "a.example"})),
                404,
                "route",
            );
        }
    }
}

#[test]
fn the_kind_of_an_entry_is_found_and_the_older_names_are_the_same_lists() {
    let (app, key) = start();
    for (item, kind) in [
        ("name@example.net", "email_address"),
        ("example.net", "domain"),
        ("192.0.2.1", "ip_address"),
        ("2001:db8::1", "ip_address"),
        ("192.0.2.0/24", "ip_address"),
    ] {
        with(&app, &key, "POST /inbound/v1/lists/blacklist", &json!({ "item": item }))
            .is(201, &entry("blocklist", item, kind));
    }
    let blocked = call(&app, &key, "GET /inbound/v1/lists/blocklist").json();
    assert_eq!(blocked.as_array().unwrap().len(), 5);
    assert_eq!(call(&app, &key, "GET /inbound/v1/lists/blacklist").json(), blocked);
    with(&app, &key, "POST /inbound/v1/lists/whitelist", &json!({ "item": "example.net" }))
        .is(201, &entry("safelist", "example.net", "domain"));
    assert_eq!(call(&app, &key, "GET /inbound/v1/lists/safelist").json().as_array().unwrap().len(), 1);
}

#[test]
fn an_address_in_the_path_is_taken_raw_and_encoded_and_names_its_user() {
    let (app, key) = start();
    with(
        &app,
        &key,
        "POST /inbound/v1/users/jo+x@example.com/lists/safelist",
        &json!({ "item": "example.net" }),
    );
    let encoded = call(&app, &key, "GET /inbound/v1/users/Jo%2Bx%40example.com/lists/safelist").json();
    assert_eq!(encoded.as_array().unwrap().len(), 1);
    for (email, status) in [("jo@never.example", 404), ("nobody", 400), ("jo@", 400), ("@example.com", 400)] {
        refuses(&call(&app, &key, &format!("GET /inbound/v1/users/{email}/lists/safelist")), status, "");
    }
    let other = app.account("other");
    refuses(
        &call(&app, &other, "GET /inbound/v1/users/jo+x@example.com/lists/safelist"),
        404,
        "does not exist",
    );
    call(&app, &key, "POST /inbound/v1/domains/example.com/alias/example.org");
    refuses(&call(&app, &key, "GET /inbound/v1/users/jo@example.org/lists/safelist"), 403, "alias");
}
