//! Paging through `GET /v1/dkim/keys`.

use super::*;

/// What a link leads to in this process.
fn line(link: &Value) -> String {
    format!("GET {}", link.as_str().unwrap().strip_prefix("http://127.0.0.1:8025").unwrap())
}

fn names(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|item| {
            format!("{}.{}", item["selector"].as_str().unwrap(), item["signing_domain"].as_str().unwrap())
        })
        .collect()
}

/// Three domains with nine keys each.
fn many() -> (TestApp, Key, Vec<String>) {
    let app = TestApp::new();
    let key = app.account("acme");
    let mut all = Vec::new();
    for domain in ["a.example", "b.example", "c.example"] {
        app.domain(&key, domain);
        all.push(format!("pr1.{domain}"));
        for n in 1..9 {
            make(&app, &key, domain, &format!("s{n}"));
            all.push(format!("s{n}.{domain}"));
        }
    }
    (app, key, all)
}

#[test]
fn next_leads_through_every_key_once_and_ends_with_a_page_of_none() {
    let (app, key, all) = many();
    let (mut seen, mut pages) = (Vec::new(), 0);
    let mut page = call(&app, &key, "GET /v1/dkim/keys").json();
    loop {
        let links = page["paging"].as_object().unwrap();
        assert_eq!(links.keys().collect::<Vec<_>>(), ["first", "last", "next", "previous"]);
        assert!(links.values().all(|link| !link.as_str().unwrap().contains("limit")), "{links:?}");
        let here = names(&page);
        if here.is_empty() {
            break;
        }
        assert!(here.len() <= 10, "ten by default");
        seen.extend(here);
        pages += 1;
        assert!(pages < 10, "it ends");
        page = call(&app, &key, &line(&page["paging"]["next"])).json();
    }
    assert_eq!((seen, pages), (all, 3));
    // The page after the end stays there, and leads back.
    let stays = call(&app, &key, &line(&page["paging"]["next"])).json();
    assert!(names(&stays).is_empty());
    assert_eq!(names(&call(&app, &key, &line(&page["paging"]["previous"])).json()).len(), 10);
}

#[test]
fn last_and_previous_lead_back_and_limits_are_the_clients_own() {
    let (app, key, all) = many();
    let first = call(&app, &key, "GET /v1/dkim/keys?limit=4").json();
    let mut page = call(&app, &key, &format!("{}&limit=4", line(&first["paging"]["last"]))).json();
    let mut seen: Vec<String> = Vec::new();
    while !names(&page).is_empty() {
        seen.splice(0..0, names(&page));
        page = call(&app, &key, &format!("{}&limit=4", line(&page["paging"]["previous"]))).json();
        assert!(seen.len() <= all.len());
    }
    assert_eq!(seen, all);
    assert_eq!(names(&call(&app, &key, &line(&page["paging"]["first"])).json()), all[..10]);
    for (limit, count) in [
        ("1", 1),
        ("27", 27),
        ("100", 27),
        ("1000000", 27),
        ("4294967296", 27),
        ("0", 10),
        ("", 10),
        ("x", 10),
        ("-3", 10),
    ] {
        let page = call(&app, &key, &format!("GET /v1/dkim/keys?limit={limit}")).json();
        assert_eq!(names(&page).len(), count, "limit={limit}");
    }
}

#[test]
fn filters_are_kept_by_the_links() {
    let (app, key, _) = many();
    let of_domain = call(&app, &key, "GET /v1/dkim/keys?signing_domain=b.example&limit=5").json();
    assert_eq!(
        names(&of_domain),
        ["pr1.b.example", "s1.b.example", "s2.b.example", "s3.b.example", "s4.b.example"]
    );
    let next = call(&app, &key, &line(&of_domain["paging"]["next"])).json();
    assert_eq!(names(&next), ["s5.b.example", "s6.b.example", "s7.b.example", "s8.b.example"]);
    assert!(names(&call(&app, &key, &line(&next["paging"]["next"])).json()).is_empty());
    let of_selector = call(&app, &key, "GET /v1/dkim/keys?selector=S3").json();
    assert_eq!(names(&of_selector), ["s3.a.example", "s3.b.example", "s3.c.example"]);
    let both = call(&app, &key, "GET /v1/dkim/keys?selector=s3&signing_domain=C.example.").json();
    assert_eq!(names(&both), ["s3.c.example"]);
    for nobodys in ["signing_domain=z.example", "selector=zz", "signing_domain=no%20name", "selector=a_b"] {
        let page = call(&app, &key, &format!("GET /v1/dkim/keys?{nobodys}")).json();
        assert!(names(&page).is_empty(), "{nobodys}");
        assert_eq!(page["paging"].as_object().unwrap().len(), 4);
    }
    // A form of the client's, in the body of a GET.
    let in_body =
        call_form(&app, &key, "GET /v1/dkim/keys", &[("page", ""), ("limit", "2"), ("selector", "s1")]);
    assert_eq!(names(&in_body.json()), ["s1.a.example", "s1.b.example"]);
}

#[test]
fn a_page_that_is_no_token_is_the_first_one() {
    let (app, key, all) = many();
    for odd in ["", "string", "1", "%00", "Zm9v", "YQ", "eyJhIjoxfQ=="] {
        let page = call(&app, &key, &format!("GET /v1/dkim/keys?page={odd}")).json();
        assert_eq!(names(&page), all[..10], "page={odd}");
    }
}

#[test]
fn a_list_goes_on_where_it_was_when_keys_come_and_go() {
    let (app, key, all) = many();
    let first = call(&app, &key, "GET /v1/dkim/keys").json();
    for selector in ["s1", "s2"] {
        call(&app, &key, &format!("DELETE /v1/dkim/keys?signing_domain=a.example&selector={selector}"));
    }
    let next = call(&app, &key, &line(&first["paging"]["next"])).json();
    assert_eq!(names(&next), all[10..20], "nothing is skipped by what went before");
}

#[test]
fn the_links_begin_with_the_configured_base_url() {
    let app = TestApp::new();
    let key = app.account("acme");
    let app = app.at("https://mail.example.net/desk/");
    let page = call(&app, &key, "GET /v1/dkim/keys").json();
    for link in page["paging"].as_object().unwrap().values() {
        assert!(
            link.as_str().unwrap().starts_with("https://mail.example.net/desk/v1/dkim/keys?page="),
            "{link}"
        );
    }
}

#[test]
fn a_list_goes_on_past_a_page_of_which_every_key_is_damaged() {
    let (app, key, all) = many();
    app.sql().execute("UPDATE dkim_key SET bits = bits, checksum = zeroblob(8) WHERE id <= 12", []).unwrap();
    let first = call(&app, &key, "GET /v1/dkim/keys").json();
    assert_eq!(names(&first), Vec::<String>::new());
    let next = call(&app, &key, &line(&first["paging"]["next"])).json();
    assert_eq!(names(&next), all[12..20]);
    let back = call(&app, &key, &line(&next["paging"]["previous"])).json();
    assert_eq!(back["paging"]["next"], first["paging"]["next"], "to the page of the damaged ones");
}
