//! The pages themselves: what stands on them, what a form answers, and that nothing of others' making becomes markup.

use postroom::dns::RecordData;
use postroom::domain;
use postroom::id::DomainId;

use crate::harness::app::{Key, Reply, TestApp};

const MARKUP: &str = "<script>alert(1)</script>\"'><img src=x>";

fn world() -> (TestApp, Key, String) {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "example.com");
    let session = app.session(key.account);
    (app, key, session)
}

/// What every page has.
#[track_caller]
fn is_whole(reply: &Reply) -> String {
    let text = reply.text().to_owned();
    assert!(text.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{text}");
    assert_eq!(text.matches("<h1").count(), 1, "{text}");
    assert_eq!(text.matches("<main").count(), 1);
    assert!(text.contains("<a class=\"skip\" href=\"#content\">"), "the first stop skips to the content");
    assert!(text.contains(" · Postroom</title>"));
    assert!(text.len() < 100_000, "{}", text.len());
    text
}

#[test]
fn every_page_has_a_title_one_heading_and_the_way_to_its_content() {
    let (app, _, session) = world();
    let mut titles = std::collections::BTreeSet::new();
    let name = "example.com";
    for line in [
        "GET /console".to_owned(),
        "GET /console/domains".to_owned(),
        format!("GET /console/domains/{name}"),
        format!("GET /console/domains/{name}/advice"),
        format!("GET /console/domains/{name}/log"),
        format!("GET /console/domains/{name}/reports"),
        "GET /console/claims".to_owned(),
        format!("GET /console/claims/{name}"),
        "GET /console/account".to_owned(),
        "GET /console/account/usage".to_owned(),
        "GET /console/password".to_owned(),
        "GET /console/log".to_owned(),
        "GET /console/help".to_owned(),
        "GET /console/sessions".to_owned(),
    ] {
        let reply = app.visit(&session, &line, "");
        assert_eq!(reply.status, 200, "{line}");
        let text = is_whole(&reply);
        let title = text.split("<title>").nth(1).unwrap().split("</title>").next().unwrap().to_owned();
        assert!(titles.insert(title), "{line} has the title of another page");
    }
    let code = "record_missing";
    is_whole(&app.visit(&session, &format!("GET /console/help/{code}"), ""));
    assert_eq!(app.visit(&session, "GET /console/help/no_such_code", "").status, 404);
}

#[test]
fn a_domain_is_added_by_a_form_and_bad_input_is_shown_again_with_a_sentence() {
    let (app, key, session) = world();
    let made = app.visit(&session, "POST /console/domains", "domain=Shop.Example.ORG&label=Shop");
    assert_eq!((made.status, made.header("location")), (303, Some("/console/domains/shop.example.org")));
    let last = app.events(key.account).pop().unwrap();
    assert_eq!((last.action(), last.subject().as_str()), ("domain.created", "shop.example.org"));
    let bad = app.visit(&session, "POST /console/domains", "domain=not+a+domain&label=Mine");
    assert_eq!(bad.status, 422);
    let text = is_whole(&bad);
    assert!(text.contains("value=\"not a domain\"") && text.contains("value=\"Mine\""), "{text}");
    assert!(text.contains("aria-invalid=\"true\"") && text.contains("id=\"add-domain-error\""), "{text}");
    let taken = app.visit(&session, "POST /console/domains", "domain=example.com");
    assert_eq!(taken.status, 422);
    let own = "You have this domain already. <a href=\"/console/domains/example.com\">Open it</a>";
    assert!(taken.text().contains(own), "{}", taken.text());
}

#[test]
fn domains_are_found_by_a_part_of_their_name_or_label_and_by_status() {
    let (app, _, session) = world();
    for (name, label) in [("shop.example.org", "Bakery"), ("news.example.net", "")] {
        app.visit(&session, "POST /console/domains", &format!("domain={name}&label={label}"));
    }
    let names = |query: &str| {
        let page = app.visit(&session, &format!("GET /console/domains{query}"), "").text().to_owned();
        ["example.com", "shop.example.org", "news.example.net"]
            .map(|name| page.contains(&format!("domains/{name}\"")))
    };
    assert_eq!(names(""), [true, true, true]);
    assert_eq!(names("?q=SHOP"), [false, true, false]);
    assert_eq!(names("?q=bakery"), [false, true, false]);
    assert_eq!(names("?q=example&status=pending&order=newest"), [true, true, true]);
    assert_eq!(names("?status=active"), [false, false, false]);
    assert_eq!(names("?q=%25"), [false, false, false], "a sign of a pattern is a sign");
    assert_eq!(names("?page=2"), [false, false, false]);
    assert_eq!(names("?page=99999999999999999999&order=x&status=x"), [true, true, true]);
}

#[test]
fn a_check_shows_what_was_found_and_what_to_do() {
    let (app, key, session) = world();
    let name = "example.com";
    let page = app.visit(&session, &format!("GET /console/domains/{name}"), "").text().to_owned();
    assert!(page.contains("Why example.com is not active yet") && page.contains("pr1._domainkey"), "{page}");
    // The domain is there, and none of its records.
    app.dns.set(name, vec![RecordData::A([192, 0, 2, 1].into())]);
    let checked = app.visit(&session, &format!("POST /console/domains/{name}/check"), "");
    assert_eq!(checked.status, 200);
    let text = is_whole(&checked);
    assert!(text.contains("Add this record") && text.contains("What each server said"), "{text}");
    app.publish_all("example.com");
    let checked = app.visit(&session, &format!("POST /console/domains/{name}/check"), "").text().to_owned();
    assert!(checked.contains("example.com is active"), "{checked}");
    assert_eq!(app.details(&key, DomainId::new(1)).status.as_str(), "active");
    let zone = app.visit(&session, &format!("GET /console/domains/{name}/zone"), "");
    assert_eq!(zone.header("content-type"), Some("text/dns"));
    assert!(zone.text().contains("pr1._domainkey.example.com. 3600 IN TXT"));
}

/// What a page tells to enter: the fields below its heading.
fn entry(text: &str, heading: &str) -> String {
    let part = text.split(heading).nth(1).unwrap_or_else(|| panic!("no {heading}: {text}"));
    part.split("</dl>").next().unwrap().to_owned()
}

#[test]
fn what_to_enter_stands_on_the_page_as_fields_until_the_next_check() {
    let (app, _, session) = world();
    let name = "example.com";
    let below = "<script>alert(1)</script>";
    app.publish_all(name);
    app.dns.set(&format!("_dmarc.{name}"), vec![RecordData::txt(&["v=DMARC1; p=monitor"])]);
    app.dns.set(
        name,
        vec![RecordData::txt(&["v=spf1 mx:", below, " ~all"]), RecordData::A([192, 0, 2, 1].into())],
    );
    let checked = app.visit(&session, &format!("POST /console/domains/{name}/check"), "").text().to_owned();
    let stored = app.visit(&session, &format!("GET /console/domains/{name}"), "");
    let stored = is_whole(&stored);
    for heading in ["Change it to this", "Add this record"] {
        assert_eq!(entry(&stored, heading), entry(&checked, heading), "as it was said at the check");
    }
    let mut cards = stored.split("<article ").skip(1);
    let dmarc = cards.find(|card| card.contains("p=monitor")).unwrap();
    let fields = entry(dmarc, "Change it to this");
    assert!(fields.contains("v=DMARC1; p=monitor") && fields.contains("v=DMARC1; p=none"), "{fields}");
    assert!(!stored.contains("<script>"), "{stored}");
    app.publish_all(name);
    app.visit(&session, &format!("POST /console/domains/{name}/check"), "");
    let stored = app.visit(&session, &format!("GET /console/domains/{name}"), "").text().to_owned();
    assert!(!stored.contains("Change it to this") && !stored.contains("Add this record"), "{stored}");
}

#[test]
fn advice_is_looked_at_when_the_button_is_pressed_and_nothing_is_stored() {
    let (app, _, session) = world();
    let name = "example.com";
    let before = (app.dump(), app.dns.asked().len());
    let plain = is_whole(&app.visit(&session, &format!("GET /console/domains/{name}/advice"), ""));
    assert!(plain.contains("Look now</button>") && plain.contains("MTA-STS"), "{plain}");
    assert_eq!(app.dns.asked().len(), before.1, "the page alone asks nobody");
    let text = "<img src=x>".to_owned() + &"a".repeat(20);
    app.dns.set("_mta-sts.example.com", vec![RecordData::txt(&["v=STSv1; id=", &text])]);
    let looked = is_whole(&app.visit(&session, &format!("POST /console/domains/{name}/advice"), ""));
    assert!(
        looked.contains("Look again</button>") && looked.contains("TXT _mta-sts.example.com"),
        "{looked}"
    );
    assert!(looked.contains("/help/mta_sts_syntax\"") && !looked.contains("<img"), "{looked}");
    // What to enter is there as fields.
    let fields = entry(&looked, "Add this record");
    assert!(fields.contains(">PTR<") && fields.contains("mx.mail.example.net."), "{fields}");
    assert_eq!(app.dump(), before.0, "nothing is stored");
    assert!(app.dns.asked().len() > before.1);
    is_whole(&app.visit(&session, "GET /console/help/mta_sts_syntax", ""));
    let other = app.visit(&session, "POST /console/domains/example.org/advice", "");
    assert_eq!(other.status, 404);
}

#[test]
fn nothing_that_people_enter_becomes_markup() {
    let (app, key, session) = world();
    let write = app.postroom.write(|tx| {
        let domain = key.own(tx, DomainId::new(1))?;
        domain::set_label(tx, &key.operator(), &domain, Some(MARKUP)).map(drop)
    });
    write.unwrap();
    let form: String = form_urlencoded::byte_serialize(MARKUP.as_bytes()).collect();
    for reply in [
        app.visit(&session, "GET /console", ""),
        app.visit(&session, "GET /console/log", ""),
        app.visit(&session, &format!("GET /console/log?domain={form}&action={form}"), ""),
        app.visit(&session, &format!("GET /console/domains?q={form}"), ""),
        app.visit(&session, "GET /console/domains", ""),
        app.visit(&session, "GET /console/domains/example.com", ""),
        app.visit(&session, "GET /console/domains/example.com/log", ""),
        app.visit(&session, "POST /console/domains", &format!("domain={form}&label={form}")),
        app.visit(&session, "POST /console/sessions/end", &format!("session={form}")),
    ] {
        let text = reply.text();
        assert!(!text.contains("<script>") && !text.contains("<img"), "{text}");
    }
}

#[test]
fn the_overview_draws_the_checks_and_changes_of_a_month_with_a_table_behind_each() {
    let (app, _, session) = world();
    app.publish_all("example.com");
    app.visit(&session, "POST /console/domains/example.com/check", "");
    app.visit(&session, "POST /console/domains/example.com/check", "");
    let text = is_whole(&app.visit(&session, "GET /console", ""));
    assert!(text.contains("aria-label=\"Checks: 2 in 30 days, 2 at most on one\""), "{text}");
    assert!(text.contains("aria-label=\"Changes of status: 1 in 30 days, 1 at most on one\""), "{text}");
    let table = text.split("<caption class=\"visually-hidden\">Checks</caption>").nth(1).unwrap();
    assert!(
        table.contains("<td>2026-11-21</td><td class=\"number\" data-label=\"Checks\">2</td>"),
        "{table}"
    );
}

#[test]
fn the_provider_is_told_from_the_name_servers_that_a_check_saw() {
    let (app, _, session) = world();
    let page =
        |name: &str| app.visit(&session, &format!("GET /console/domains/{name}"), "").text().to_owned();
    assert!(!page("example.com").contains("The DNS is at"));
    app.sql()
        .execute("UPDATE domain SET name_servers = 'amy.ns.cloudflare.com bob.ns.cloudflare.com'", [])
        .unwrap();
    let told = page("example.com");
    assert!(told.contains("The DNS is at Cloudflare") && told.contains("<dt>Content</dt>"), "{told}");
    app.sql()
        .execute("UPDATE domain SET name_servers = 'ns-1.awsdns-01.com ns-2.awsdns-02.net'", [])
        .unwrap();
    let told = page("example.com");
    assert!(told.contains("<dt>Record name</dt><dd><span class=\"soft\">(leave it empty)</span>"), "{told}");
    app.visit(&session, "POST /console/domains", "domain=mail.example.org");
    let below = page("mail.example.org");
    assert!(below.contains(">pr1._domainkey.mail</code>") && below.contains(">mail</code>"), "{below}");
}

#[test]
fn an_active_domain_says_which_record_a_rotation_waits_for() {
    let (app, _, session) = world();
    let (name, page) = ("example.com", "GET /console/domains/example.com");
    app.publish_all(name);
    app.visit(&session, &format!("POST /console/domains/{name}/check"), "");
    assert!(!app.visit(&session, page, "").text().contains("A rotation is under way"));
    app.visit(&session, &format!("POST /console/domains/{name}/rotation"), "");
    let text = app.visit(&session, page, "").text().to_owned();
    let selector = app.value::<String>("SELECT selector FROM dkim_key ORDER BY id DESC LIMIT 1");
    let sentence =
        format!("Publish the record of the new key: <code>{selector}._domainkey.example.com</code>.");
    assert!(text.contains("example.com is active") && text.contains(&sentence), "{text}");
}
