//! The page of an account: its plans, its API keys, and login links for its administrators.

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
    assert!(!page.contains(&secret) && page.contains("1 domain"), "{page}");
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
    let revoked = app.visit(&session, &format!("POST /console/account/keys/{key}/revoke"), "");
    assert_eq!((revoked.status, revoked.header("location")), (303, Some("/console/account")));
    assert_eq!(app.visit(&session, &format!("POST /console/account/keys/{key}/revoke"), "").status, 404);
    let stranger = app.account("stranger");
    let key = stranger.id;
    assert_eq!(app.visit(&session, &format!("POST /console/account/keys/{key}/revoke"), "").status, 404);
}

#[test]
fn a_login_link_to_the_account_is_made_on_its_page() {
    let (app, key, session) = world();
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
        made.text().contains("2 domains made") && made.text().contains("exists already"),
        "{}",
        made.text()
    );
    for name in ["one.example", "two.example"] {
        assert_eq!(app.visit(&session, &format!("GET /console/domains/{name}"), "").status, 200);
    }
    let empty = app.visit(&session, "POST /console/domains/bulk", "lines=");
    assert_eq!(empty.status, 422);
    assert!(empty.text().contains("bulk-lines-error"), "{}", empty.text());
}
