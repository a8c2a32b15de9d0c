//! The list of domains: filters and order, and what is done with several domains at once.

use postroom::clock::Clock;
use postroom::dns::RecordData;
use postroom::domain;
use postroom::id::DomainId;

use crate::harness::app::{Key, TestApp};

fn world() -> (TestApp, Key, String) {
    let app = TestApp::new();
    let key = app.account("acme");
    for name in ["example.com", "bakery.example", "shop.example.org"] {
        app.domain(&key, name);
    }
    let session = app.session(key.account);
    (app, key, session)
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Which of the domains a list has, in its order.
fn order(app: &TestApp, session: &str, query: &str) -> Vec<String> {
    let page = app.visit(session, &format!("GET /console/domains{query}"), "");
    assert_eq!(page.status, 200, "{query}");
    let rows = page.text().split("name=\"chosen\" value=\"").skip(1);
    rows.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

fn active(app: &TestApp, session: &str, name: &str) {
    app.publish_all(name);
    assert_eq!(app.visit(session, &format!("POST /console/domains/{name}/check"), "").status, 200);
}

#[test]
fn the_list_is_filtered_by_problem_and_sorted_by_status() {
    let (app, _, session) = world();
    active(&app, &session, "example.com");
    app.dns.set("bakery.example", vec![RecordData::A([192, 0, 2, 1].into())]);
    app.visit(&session, "POST /console/domains/bakery.example/check", "");
    assert_eq!(order(&app, &session, "?problem=record_missing"), ["bakery.example"]);
    assert_eq!(order(&app, &session, "?problem=record_missing&status=active"), [""; 0]);
    assert_eq!(order(&app, &session, "?problem=record_missing&q=bakery&order=newest"), ["bakery.example"]);
    assert_eq!(
        order(&app, &session, "?problem=nothing"),
        ["bakery.example", "example.com", "shop.example.org"]
    );
    assert_eq!(order(&app, &session, "?order=status"), ["shop.example.org", "bakery.example", "example.com"]);
    let page = app.visit(&session, "GET /console/domains", "").text().to_owned();
    assert!(page.contains("DKIM: not seen"), "why, in a phrase: {page}");
    assert!(page.contains("<code>pr1</code>"), "the key that signs: {page}");
}

#[test]
fn chosen_domains_are_checked_as_soon_as_their_turn_comes_and_the_list_follows() {
    let (app, key, session) = world();
    let next = |id| app.details(&key, DomainId::new(id)).next_check_at;
    let later = next(1);
    assert!(later > app.clock.now());
    let list = "q=&status=&problem=&order=-name&page=1";
    let form = format!(
        "chosen=example.com&chosen=shop.example.org&chosen=never.example&what=check&list={}",
        encoded(list)
    );
    let sent = app.visit(&session, "POST /console/domains/chosen", &form);
    assert_eq!(
        (sent.status, sent.header("location")),
        (303, Some(format!("/console/domains?{list}").as_str()))
    );
    assert_eq!((next(1), next(2), next(3)), (app.clock.now(), later, app.clock.now()));
    let page = app.visit(&session, "GET /console/domains", "").text().to_owned();
    assert_eq!(page.matches("Being checked").count(), 2, "{page}");
    assert!(page.contains("data-follow=\"/console/domains?"), "{page}");
    let none = app.visit(&session, "POST /console/domains/chosen", "what=check");
    assert!(
        none.status == 422 && none.text().contains("Choose at least one domain first."),
        "{}",
        none.text()
    );
}

#[test]
fn chosen_domains_are_exported_and_so_is_the_whole_list() {
    let (app, key, session) = world();
    let write = app.postroom.write(|tx| {
        let domain = key.own(tx, DomainId::new(2))?;
        domain::set_label(tx, &key.operator(), &domain, Some("=1+1, \"Bakery\"")).map(drop)
    });
    write.unwrap();
    let export = |format: &str| {
        let form = format!("chosen=example.com&chosen=bakery.example&what=export&format={format}");
        let reply = app.visit(&session, "POST /console/domains/chosen", &form);
        assert_eq!(reply.status, 200, "{format}");
        let told = reply.header("content-disposition").unwrap().to_owned();
        assert!(told.starts_with("attachment; filename="), "{told}");
        reply.text().to_owned()
    };
    for (format, text) in [
        ("bind", "bakery.example. 3600 IN MX"),
        ("octodns", "type: MX"),
        ("dnscontrol", "D_EXTEND(\"example.com\""),
        ("terraform", "resource \"dns_mx_record_set\""),
    ] {
        assert!(export(format).contains(text), "{format}");
    }
    let sheet = export("csv");
    assert_eq!(sheet.lines().count(), 3, "{sheet}");
    assert!(
        sheet.contains("bakery.example,\"'=1+1, \"\"Bakery\"\"\",pending,"),
        "no cell is a formula: {sheet}"
    );
    let whole = app.visit(&session, "GET /console/domains/export?q=example&order=-name", "");
    assert_eq!(whole.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    let names: Vec<&str> = whole.text().lines().map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(names, ["domain", "shop.example.org", "example.com", "bakery.example"]);
    let empty = app.visit(&session, "GET /console/domains/export?q=nothing", "");
    assert_eq!(empty.text().lines().count(), 1, "{}", empty.text());
}

#[test]
fn chosen_domains_are_deleted_once_the_words_are_typed() {
    let (app, key, session) = world();
    let chosen = "chosen=example.com&chosen=bakery.example&what=delete";
    let before = app.dump();
    let asked = app.visit(&session, "POST /console/domains/chosen", chosen);
    assert_eq!(asked.status, 200);
    assert!(
        asked.text().contains("Delete 2 domains?") && asked.text().contains("“delete 2”"),
        "{}",
        asked.text()
    );
    // The page and a refusal lead back to the list as it was.
    let list = "q=example&status=&problem=&order=-name&page=1";
    let from_list = format!("{chosen}&list={}", encoded(list));
    let asked = app.visit(&session, "POST /console/domains/chosen", &from_list).text().to_owned();
    let there = list.replace('&', "&amp;");
    assert!(asked.contains(&format!("href=\"/console/domains?{there}\">Keep them")), "{asked}");
    for (line, form) in
        [("POST /console/domains/chosen", "what=delete"), ("POST /console/domains", "domain=-")]
    {
        let refused = app.visit(&session, line, &format!("{form}&list={}", encoded(list)));
        assert_eq!(refused.status, 422);
        assert!(refused.text().contains("<option value=\"-name\" selected>"), "{}", refused.text());
        assert!(refused.text().contains(&format!("name=\"list\" value=\"{there}\"")), "{}", refused.text());
    }
    let elsewhere = format!("{chosen}&list={}", encoded("//evil.example?order=\"><script>"));
    assert!(!app.visit(&session, "POST /console/domains/chosen", &elsewhere).text().contains("evil"));
    let wrong = app.visit(&session, "POST /console/domains/chosen", &format!("{chosen}&confirm=delete+3"));
    assert!(wrong.status == 422 && wrong.text().contains("These are not the words."), "{}", wrong.text());
    assert_eq!(app.dump(), before, "nothing was deleted yet");
    let done = app.visit(&session, "POST /console/domains/chosen", &format!("{chosen}&confirm=delete+2"));
    assert_eq!(done.status, 200);
    let left = order(&app, &session, "");
    assert!(done.text().contains("2 domains deleted"), "{}", done.text());
    assert_eq!(left, ["shop.example.org"]);
    assert!(app.actions(key.account).contains(&"domain.deleted bakery.example".to_owned()));
}
