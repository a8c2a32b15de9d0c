//! The page of an account: its plans, its API keys, and login links for its administrators.

use std::time::Duration;

use postroom::id::DomainId;

use crate::harness::app::{Key, TestApp};

fn world() -> (TestApp, Key, String) {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "example.com");
    let session = app.session(key.account);
    (app, key, session)
}

#[test]
fn an_api_key_is_made_with_its_limits_and_a_reload_makes_no_second_one() {
    let (app, key, session) = world();
    let form = "description=Scripts&scopes=domains:read&scopes=tokens:write&domains=example.com&networks=127.0.0.0/8\
                &expires_at=2027-01-31&after=1";
    let made = app.visit(&session, "POST /console/account/keys", form);
    assert_eq!(made.status, 200, "{}", made.text());
    let secret = made
        .text()
        .split("pra_")
        .nth(1)
        .map(|rest| format!("pra_{}", &rest[..33]))
        .expect("the key is shown");
    let call = |line: &str| app.send(line, &[("MailPace-Organization-Token", &secret)], b"").status;
    assert_eq!((call("GET /api/v1/domains/1"), call("POST /api/v1/domains/1/verify")), (200, 403));
    let again = app.visit(&session, "POST /console/account/keys", form);
    assert_eq!((again.status, again.header("location")), (303, Some("/console/account")));
    let page = app.visit(&session, "GET /console/account", "").text().to_owned();
    assert!(
        page.contains("Scripts") && page.contains("tokens:write") && page.contains("127.0.0.0/8"),
        "{page}"
    );
    assert!(!page.contains(&secret), "{page}");
    for (form, error) in [
        ("scopes=nothing", "create-scopes-error"),
        ("networks=here", "create-networks-error"),
        ("expires_at=soon", "create-expires_at-error"),
        ("domains=other.example", "create-domains-error"),
    ] {
        let bad = app.visit(&session, "POST /console/account/keys", form);
        assert_eq!(bad.status, 422, "{form}");
        assert!(bad.text().contains(error), "{form}: {}", bad.text());
    }
    assert_eq!(
        app.visit(&app.domain_session(&key.operator(), DomainId::new(1)), "GET /console/account", "").status,
        404
    );
}

#[test]
fn a_session_gives_no_lasting_way_in_when_it_is_older_than_15_minutes() {
    let (app, first, session) = world();
    let other = app.key_of(first.account).id;
    app.clock.advance(Duration::from_mins(16));
    let page = app.visit(&session, "GET /console/account", "");
    assert!(
        !page.text().contains("Make the key") && !page.text().contains("Rotate the secret"),
        "{}",
        page.text()
    );
    assert!(page.text().contains("more than 15 minutes ago"));
    for (line, form) in [
        ("POST /console/account/keys".to_owned(), "description=late"),
        (format!("POST /console/account/keys/{other}/rotate"), "grace=0"),
        ("POST /console/account/links".to_owned(), ""),
    ] {
        let refused = app.visit(&session, &line, form);
        assert_eq!(refused.status, 422, "{line}");
        assert!(!refused.text().contains("pra_"), "{line}");
    }
    let sure = app.visit(&session, &format!("POST /console/account/keys/{other}/revoke"), "sure=yes");
    assert_eq!(sure.status, 303, "to take a way in away is open to every session");
}

#[test]
fn an_api_key_is_rotated_and_revoked() {
    let (app, first, session) = world();
    let other = app.key_of(first.account);
    let key = other.id;
    let after = &other.secret[other.secret.len() - 4..];
    let form = format!("grace=0&after={after}");
    let made = app.visit(&session, &format!("POST /console/account/keys/{key}/rotate"), &form);
    assert_eq!(made.status, 200, "{}", made.text());
    assert!(made.text().contains("pra_"));
    assert_eq!(app.call(&other, "GET /api/v1/domains").status, 401, "the secret before is void at once");
    assert_eq!(app.visit(&session, &format!("POST /console/account/keys/{key}/rotate"), &form).status, 303);
    assert_eq!(
        app.visit(&session, &format!("POST /console/account/keys/{key}/rotate"), "grace=99999999").status,
        422
    );
    let unsure = app.visit(&session, &format!("POST /console/account/keys/{key}/revoke"), "");
    assert!(unsure.status == 422 && unsure.text().contains("Set the mark first"), "{}", unsure.text());
    let revoked = app.visit(&session, &format!("POST /console/account/keys/{key}/revoke"), "sure=yes");
    assert_eq!((revoked.status, revoked.header("location")), (303, Some("/console/account")));
    assert_eq!(
        app.visit(&session, &format!("POST /console/account/keys/{key}/revoke"), "sure=yes").status,
        404
    );
    let stranger = app.account("stranger");
    let key = stranger.id;
    assert_eq!(
        app.visit(&session, &format!("POST /console/account/keys/{key}/revoke"), "sure=yes").status,
        404
    );
}

#[test]
fn a_login_link_to_the_account_is_made_on_its_page() {
    let (app, key, session) = world();
    app.advance_minutes(16);
    let stale = app.visit(&session, "POST /console/account/links", "");
    assert!(stale.status == 422 && stale.text().contains("Sign in anew first"), "{}", stale.text());
    let session = app.session(key.account);
    let made = app.visit(&session, "POST /console/account/links", "");
    assert_eq!(made.status, 200);
    assert_eq!(made.text().matches("/console/login?link=prl_").count(), 1, "{}", made.text());
    assert!(app.actions(key.account).contains(&"login_link.created acme".to_owned()));
}

#[test]
fn many_domains_are_shown_before_they_are_made_and_bad_lines_do_not_stop_good_ones() {
    let (app, _, session) = world();
    assert_eq!(app.visit(&session, "GET /console/domains/bulk", "").status, 200);
    let lines = "lines=Domain%2CLabel%0Aone.example%2CFirst%0Anot+a+name%0Aexample.com%0AONE.example%0A%0Atwo.example";
    let before = app.dump();
    let preview = app.visit(&session, "POST /console/domains/bulk", lines);
    assert_eq!(preview.status, 200);
    let text = preview.text();
    assert!(text.contains("Make 2 domains") && text.contains("It is here already."), "{text}");
    assert!(text.contains("It stands above already.") && text.contains("not a name"), "{text}");
    assert_eq!(app.dump(), before, "nothing is made before that is confirmed");
    let confirmed = "confirm=yes&lines=one.example%2CFirst%0Aexample.com%2C%0Atwo.example%2C";
    let made = app.visit(&session, "POST /console/domains/bulk", confirmed);
    assert!(
        made.text().contains("2 domains made") && made.text().contains("It is here already."),
        "{}",
        made.text()
    );
    let again = app.visit(&session, "POST /console/domains/bulk", confirmed).text().to_owned();
    assert!(again.contains("No domain was made.") && !again.contains("made in the background"), "{again}");
    assert_eq!(again.matches("It is here already.").count(), 3, "{again}");
    for name in ["one.example", "two.example"] {
        assert_eq!(app.visit(&session, &format!("GET /console/domains/{name}"), "").status, 200);
    }
    let empty = app.visit(&session, "POST /console/domains/bulk", "lines=");
    assert_eq!(empty.status, 422);
    assert!(empty.text().contains("bulk-lines-error"), "{}", empty.text());
}

#[test]
fn what_would_be_made_of_a_thousand_lines_has_less_than_100_kb() {
    let (app, _, session) = world();
    let line = |number: usize| match number % 3 {
        0 => format!("not a name {number}"),
        _ => format!("customer-{number}.example"),
    };
    let form: String =
        form_urlencoded::byte_serialize((1..=1000).map(line).collect::<Vec<_>>().join("\n").as_bytes())
            .collect();
    let preview = app.visit(&session, "POST /console/domains/bulk", &format!("lines={form}"));
    let text = preview.text();
    assert_eq!((preview.status, text.matches("<tr>").count()), (200, 201));
    assert!(text.len() < 100_000, "{}", text.len());
    assert!(text.contains("Make 667 domains") && text.contains("567 more domains to be made."), "{text}");
    assert!(text.contains("233 more lines left out.") && text.contains("customer-1000.example"), "{text}");
}

#[test]
fn usage_shows_how_full_the_plans_are_and_what_the_account_has() {
    let (app, key, session) = world();
    app.token(&key, 1);
    let page = app.visit(&session, "GET /console/account/usage", "").text().to_owned();
    assert!(page.contains("Sending tokens") && page.contains("aria-label=\"Sending tokens\""), "{page}");
    assert!(page.contains("no limit") && page.contains("The audit log is kept for"), "{page}");
    let tokens = page.split("Sending tokens").nth(1).unwrap();
    assert!(tokens.contains(">1</td>"), "{tokens}");
}

#[test]
fn the_domains_that_are_tied_to_a_key_stand_beside_it() {
    let (app, key, session) = world();
    app.postroom
        .write(|tx| {
            let domain = key.own(tx, DomainId::new(1))?;
            postroom::domain::associate(tx, &key.operator(), &domain, Some(key.id))
        })
        .unwrap();
    let page = app.visit(&session, "GET /console/account", "").text().to_owned();
    assert!(page.contains("alone sees <a href=\"/console/domains/example.com\">example.com</a>"), "{page}");
}

#[test]
fn the_audit_log_is_filtered_by_time_and_downloaded() {
    let (app, key, session) = world();
    app.advance(48);
    let session = {
        app.visit(&session, "POST /console/sign-out", "");
        app.session(key.account)
    };
    app.visit(&session, "POST /console/domains", "domain=late.example");
    let rows = |query: &str| {
        let page = app.visit(&session, &format!("GET /console/log{query}"), "");
        assert_eq!(page.status, 200);
        let text = page.text();
        (text.contains("Domain example.com created"), text.contains("Domain late.example created"))
    };
    assert_eq!(rows(""), (true, true));
    assert_eq!(rows("?until=2026-11-21"), (true, false));
    assert_eq!(rows("?since=2026-11-22"), (false, true));
    assert_eq!(rows("?since=2026-11-21&until=2026-11-23&action=domain.created"), (true, true));
    assert_eq!(rows("?since=2027-01-01"), (false, false));
    assert_eq!(rows("?since=soon"), (false, false));
    let page = app.visit(&session, "GET /console/log?since=soon", "").text().to_owned();
    assert!(page.contains("id=\"since-error\""), "{page}");

    let csv = app.visit(&session, "GET /console/log/export?format=csv&action=domain.created", "");
    let lines: Vec<&str> = csv.text().lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, "id,at,actor,action,subject,detail"));
    assert!(lines[1].contains(",domain.created,late.example,"), "the newest first: {lines:?}");
    let jsonl = app.visit(&session, "GET /console/log/export?format=jsonl", "");
    assert_eq!(jsonl.header("content-type"), Some("application/jsonl"));
    let rows: Vec<serde_json::Value> =
        jsonl.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), app.events(key.account).len());
    assert_eq!(rows[0]["subject"], "late.example");
    let stranger = app.account("stranger");
    let theirs = app.session(stranger.account);
    let other = app.visit(&theirs, "GET /console/log/export?format=jsonl&domain=example.com", "");
    assert!(!other.text().contains("domain.created"), "{}", other.text());
}
