//! Long lists: they stand on several pages, none of which is large, and what is done on one of them leads back to it.

use std::fmt::Write as _;

use postroom::id::DomainId;
use postroom::mail::Folder;
use postroom::recipient;
use postroom::report::{self, NewReport, ReportKind};
use postroom::{domain, key, token};

use crate::harness::app::{Key, TestApp};
use crate::harness::mail;

const DOMAIN: &str = "/console/domains/example.com";

fn world() -> (TestApp, Key, String) {
    let app = TestApp::new().with_mail();
    let key = app.account("acme");
    app.domain(&key, "example.com");
    let session = app.session(key.account);
    (app, key, session)
}

fn page(app: &TestApp, session: &str, path: &str) -> String {
    // A browser keeps the fragment to itself.
    let sent = path.split('#').next().unwrap();
    let reply = app.visit(session, &format!("GET {sent}"), "");
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    assert!(reply.text().len() < 100_000, "{path} has {} octets", reply.text().len());
    reply.text().to_owned()
}

/// Where the first link of this relation leads, if there is one.
fn link(text: &str, relation: &str) -> Option<String> {
    let rest = text.split(&format!("rel=\"{relation}\" href=\"")).nth(1)?;
    rest.split('"').next().map(|path| path.replace("&amp;", "&"))
}

/// How often `what` stands on the page at `path` and on those that follow.
fn counted(app: &TestApp, session: &str, path: &str, what: &str) -> Vec<usize> {
    let (mut at, mut counts) = (Some(path.to_owned()), Vec::new());
    while let Some(path) = at {
        let text = page(app, session, &path);
        counts.push(text.matches(what).count());
        at = link(&text, "next");
    }
    counts
}

#[test]
fn keys_tokens_and_entries_stand_on_several_pages_of_less_than_100_kb() {
    let (app, key, session) = world();
    app.postroom
        .write(|tx| {
            let domain = key.own(tx, DomainId::new(1))?;
            (0..119).try_for_each(|_| {
                key::create(tx, key.account, None)?;
                token::create(tx, &key.operator(), &domain, None).map(drop)
            })
        })
        .unwrap();
    assert_eq!(counted(&app, &session, "/console/account", ">Rotate the secret<"), [50, 50, 20]);
    assert_eq!(counted(&app, &session, &format!("{DOMAIN}/access"), ">Rename<"), [50, 50, 19]);
    let lines = (0..90).fold(String::new(), |mut lines, number| {
        write!(lines, "somebody-{number}@a-long-name.example.net%0A").unwrap();
        lines
    });
    for (tier, list) in
        [("domain", "blocklist"), ("domain", "safelist"), ("account", "blocklist"), ("account", "safelist")]
    {
        let form = format!("tier={tier}&list={list}&items={lines}");
        assert_eq!(app.visit(&session, &format!("POST {DOMAIN}/lists/add"), &form).status, 303);
    }
    // The first list that goes on is the domain's safelist; the others stand there with their first 40 each time.
    let (mut at, mut counts) = (format!("{DOMAIN}/lists"), Vec::new());
    for _ in 0..3 {
        let text = page(&app, &session, &at);
        counts.push(text.matches("name=\"item\"").count());
        at = link(&text, "next").unwrap();
        let is_first = at.starts_with(&format!("{DOMAIN}/lists?from=domain-safelist."))
            && at.ends_with("#domain-safelist");
        assert!(is_first || counts.len() == 3, "{at}");
    }
    assert_eq!(counts, [160, 160, 130]);
}

#[test]
fn a_key_that_is_limited_to_many_domains_names_twenty_of_them() {
    let (app, key, session) = world();
    let mut names: Vec<String> = (10..33).map(|number| format!("d{number}.example")).collect();
    for name in &names {
        app.domain(&key, name);
    }
    let form = |names: &[String]| format!("description=Narrow&domains={}", names.join("%0A"));
    for some in [&names[..], &names[..20]] {
        assert_eq!(app.visit(&session, "POST /console/account/keys", &form(some)).status, 200);
    }
    let text = page(&app, &session, "/console/account");
    names.truncate(20);
    assert!(text.contains(&format!("only with {}</div>", names.join(", "))), "{text}");
    assert!(text.contains(&format!("only with {}, and more</div>", names.join(", "))), "{text}");
}

#[test]
fn a_page_beyond_the_last_one_says_so_and_leads_back() {
    let (app, _, session) = world();
    for path in [
        "/console/domains?page=2".to_owned(),
        "/console/claims?page=2".to_owned(),
        "/console/account?page=2".to_owned(),
        "/console/log?before=1".to_owned(),
        format!("{DOMAIN}/recipients?page=3"),
        format!("{DOMAIN}/quarantine?page=2"),
        format!("{DOMAIN}/log?before=1"),
        format!("{DOMAIN}/reports?before=1"),
        format!("{DOMAIN}/access?past=1"),
        format!("{DOMAIN}/lists?from=domain-safelist.1"),
    ] {
        let text = page(&app, &session, &path);
        assert!(text.contains("Nothing on this page."), "{path}: {text}");
        assert!(link(&text, "prev").is_some() && link(&text, "next").is_none(), "{path}: {text}");
    }
}

#[test]
fn a_log_or_a_list_of_reports_that_just_fills_its_page_offers_no_other_one() {
    let (app, key, session) = world();
    let id = DomainId::new(1);
    let log = format!("{DOMAIN}/log");
    let rows = |text: &str| text.split("<ol class=\"log\">").nth(1).unwrap().matches("<li>").count();
    let mut number = rows(&page(&app, &session, &log));
    while number < 50 {
        assert!(link(&page(&app, &session, &log), "next").is_none(), "{number}");
        let label = format!("number {number}");
        app.postroom
            .write(|tx| domain::set_label(tx, &key.operator(), &key.own(tx, id)?, Some(&label)).map(drop))
            .unwrap();
        number += 1;
    }
    let full = page(&app, &session, &log);
    assert_eq!((rows(&full), link(&full, "next")), (50, None));
    app.postroom
        .write(|tx| domain::set_label(tx, &key.operator(), &key.own(tx, id)?, None).map(drop))
        .unwrap();
    let first = page(&app, &session, &log);
    assert_eq!(rows(&first), 50);
    assert_eq!(rows(&page(&app, &session, &link(&first, "next").unwrap())), 1);

    let file = |number: u32| {
        let text = format!("From: a@b.example\r\nSubject: {number}\r\n\r\nx\r\n");
        let new = NewReport {
            recipient: Some("jo@example.com"),
            ..NewReport::of(ReportKind::FalseNegative, text.as_bytes())
        };
        app.postroom.write(|tx| report::file(tx, &key.operator(), &new)).unwrap();
    };
    (0..50).for_each(file);
    assert!(link(&page(&app, &session, &format!("{DOMAIN}/reports")), "next").is_none());
    file(50);
    assert_eq!(counted(&app, &session, &format!("{DOMAIN}/reports"), "name=\"").len(), 2);
}

#[test]
fn what_is_done_on_a_page_of_a_list_leads_back_to_that_page() {
    let (app, key, session) = world();
    app.postroom
        .write(|tx| {
            let domain = key.own(tx, DomainId::new(1))?;
            (0..101).try_for_each(|number| {
                let address = format!("r{number}@example.com").parse().unwrap();
                recipient::ensure(tx, &key.operator(), &domain, &address).map(drop)
            })
        })
        .unwrap();
    let second = page(&app, &session, &format!("{DOMAIN}/recipients?page=2"));
    assert!(second.contains("name=\"list\" value=\"page=2\""), "{second}");
    let remove = |form: &str| app.visit(&session, &format!("POST {DOMAIN}/recipients/remove"), form);
    let unsure = remove("recipient=r1@example.com&list=page%3D2");
    assert!(unsure.status == 422 && link(unsure.text(), "prev").is_some(), "{}", unsure.text());
    for (list, place) in [
        ("page%3D2", "/recipients?page=2"),
        ("", "/recipients"),
        ("page%3D2%26x%3D//evil.example%250d%250a", "/recipients?page=2"),
        ("//evil.example", "/recipients"),
    ] {
        let done = remove(&format!("recipient=r1@example.com&sure=yes&list={list}"));
        assert_eq!(
            (done.status, done.header("location")),
            (303, Some(format!("{DOMAIN}{place}").as_str())),
            "{list}"
        );
    }

    let junk = "From: a@b.example\nSubject: Hi\n\nHello\n";
    for (mailbox, id) in
        [("jo@example.com", "msg_a"), ("bo@example.com", "msg_b"), ("bo@example.com", "msg_c")]
    {
        mail::keep(&app.mail_dir(), mailbox, Folder::Quarantine, id, junk);
    }
    let filtered = page(&app, &session, &format!("{DOMAIN}/quarantine?mailbox=bo@example.com"));
    let message = filtered.split("<a class=\"name\" href=\"").find(|part| part.contains("msg_b")).unwrap();
    let message = message.split('"').next().unwrap().replace("&amp;", "&");
    let shown = page(&app, &session, &message);
    assert!(shown.contains("name=\"list\" value=\"mailbox=bo%40example.com\""), "{shown}");
    let place = format!("{DOMAIN}/quarantine?mailbox=bo%40example.com");
    assert!(shown.contains(&format!("href=\"{place}\">All that is held back")), "{shown}");
    let form = "mailbox=bo@example.com&list=mailbox%3Dbo%2540example.com";
    for (line, more) in [("msg_b/release", ""), ("msg_c/delete", "&confirm=delete")] {
        let done = app.visit(&session, &format!("POST {DOMAIN}/quarantine/{line}"), &format!("{form}{more}"));
        assert_eq!((done.status, done.header("location")), (303, Some(place.as_str())), "{line}");
    }

    let (made, _) = app.postroom.write(|tx| key::create(tx, key.account, None)).unwrap();
    let revoked = app.visit(
        &session,
        &format!("POST /console/account/keys/{}/revoke", made.id),
        "sure=yes&list=page%3D2",
    );
    assert_eq!(revoked.header("location"), Some("/console/account?page=2"));
    let (token, _) = app.token(&key, 1);
    let revoked =
        app.visit(&session, &format!("POST {DOMAIN}/tokens/{token}/revoke"), "sure=yes&list=past%3D7");
    assert_eq!(revoked.header("location"), Some(format!("{DOMAIN}/access?past=7").as_str()));
}

#[test]
fn what_was_wrong_with_an_entry_of_a_recipients_list_stands_beside_that_list() {
    let (app, _, session) = world();
    let form = "tier=recipient&recipient=jo@example.com&list=blocklist&items=**&from=domain-safelist.7";
    let refused = app.visit(&session, &format!("POST {DOMAIN}/lists/add"), form);
    assert!(
        refused.status == 422 && refused.text().contains("recipient-blocklist-items-error"),
        "{}",
        refused.text()
    );
    let form = form.replace("**", "a@b.example");
    let done = app.visit(&session, &format!("POST {DOMAIN}/lists/add"), &form);
    let place =
        format!("{DOMAIN}/lists?recipient=jo%40example.com&from=domain-safelist.7#recipient-blocklist");
    assert_eq!(done.header("location"), Some(place.as_str()));
}

#[test]
fn a_link_is_not_made_again_when_the_answer_is_reloaded() {
    let (app, key, _) = world();
    app.clock.advance(std::time::Duration::from_mins(1));
    let session = app.session(key.account);
    for (path, form, at, table) in [
        (format!("{DOMAIN}/setup-links"), "days=7", format!("{DOMAIN}/access"), "setup_link"),
        (format!("{DOMAIN}/links"), "", format!("{DOMAIN}/access"), "login_link WHERE domain_id IS NOT NULL"),
        (
            "/console/account/links".to_owned(),
            "",
            "/console/account".to_owned(),
            "login_link WHERE domain_id IS NULL",
        ),
    ] {
        let text = page(&app, &session, &at);
        let own = text.split(&format!("action=\"{path}\"")).nth(1).unwrap().split("</form>").next().unwrap();
        let after = own.split("name=\"after\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let form = format!("{form}&after={after}");
        let made = app.visit(&session, &format!("POST {path}"), &form);
        assert_eq!(made.status, 200, "{path}: {}", made.text());
        let again = app.visit(&session, &format!("POST {path}"), &form);
        assert_eq!((again.status, again.header("location")), (303, Some(at.as_str())), "{path}");
        assert_eq!(app.value::<i64>(&format!("SELECT count(*) FROM {table}")), 1, "{path}");
    }
}
