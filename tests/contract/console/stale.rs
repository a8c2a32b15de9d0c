//! Forms that do not belong to the session or the account as it is now.

use postroom::session::Role;
use postroom_server::console::SURFACE;

use crate::harness::app::{Key, Reply, TestApp};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
/// What a browser says of a form of our own pages.
const OURS: (&str, &str) = ("Sec-Fetch-Site", "same-origin");

fn world() -> (TestApp, Key, Key) {
    let app = TestApp::new();
    let (acme, beta) = (app.account("acme"), app.account("beta"));
    app.domain(&acme, "example.com");
    app.domain(&beta, "example.org");
    (app, acme, beta)
}

fn send(app: &TestApp, session: &str, line: &str, more: &[(&str, &str)], form: &str) -> Reply {
    let cookie = format!("__Host-postroom={session}");
    let headers = [&[FORM, ("Cookie", cookie.as_str())], more].concat();
    app.send(line, &headers, form.as_bytes())
}

fn open(app: &TestApp, session: &str, key: &Key) {
    let opened = app.visit(session, "POST /console/accounts/open", &format!("account={}", key.account));
    assert_eq!(opened.status, 303, "{}", opened.text());
}

#[test]
fn a_form_acts_only_in_the_account_whose_page_carried_it() {
    let (app, acme, beta) = world();
    let session = app.operator_session();
    open(&app, &session, &acme);
    let page = app.visit(&session, "GET /console/account", "").text().to_owned();
    let token = app.form_token(&session);
    assert!(page.contains(&format!("name=\"form_token\" value=\"{token}\"")), "{page}");
    open(&app, &session, &beta);
    let before = app.dump();
    for route in SURFACE.routes.iter().filter(|route| route.method == "POST" && !route.is_open()) {
        if ["/console/accounts", "/console/sessions", "/console/sign-out", "/console/password"]
            .iter()
            .any(|desk| route.path.starts_with(desk))
        {
            continue;
        }
        assert!(route.role <= Role::Operator);
        let path = route.path.replace("{name}", "example.org");
        let reply =
            send(&app, &session, &format!("POST {path}"), &[], &format!("form_token={token}&sure=yes"));
        assert_eq!(reply.status, 403, "{path}: {}", reply.text());
        assert!(reply.text().contains("opened another account"), "{}", reply.text());
    }
    assert_eq!(app.dump(), before);
    let line = "POST /console/account/links";
    let made = app.visit(&session, line, "");
    assert!(
        made.status == 200 && made.text().contains("The login link to the account beta is made"),
        "{}",
        made.text()
    );
}

#[test]
fn what_is_done_in_no_account_is_done_by_the_form_of_a_page_of_any() {
    let (app, acme, beta) = world();
    let session = app.operator_session();
    let tokens = [app.form_token(&session), {
        open(&app, &session, &acme);
        app.form_token(&session)
    }];
    open(&app, &session, &beta);
    for token in tokens {
        let form = format!("form_token={token}&account={}", acme.account);
        assert_eq!(send(&app, &session, "POST /console/accounts/open", &[], &form).status, 303);
    }
    let other = app.form_token(&app.operator_session());
    let form = format!("form_token={other}&account={}", beta.account);
    assert_eq!(send(&app, &session, "POST /console/accounts/open", &[], &form).status, 403);
}

#[test]
fn what_was_typed_is_given_back_and_can_be_sent_again() {
    let (app, acme, _) = world();
    let session = app.session(acme.account);
    let line = "POST /console/domains/example.com/mail/label";
    let reply = send(&app, &session, line, &[OURS], "form_token=1-old&after=7&label=%22Shop%22+%26+more");
    let text = reply.text();
    assert_eq!(reply.status, 403, "{text}");
    let token = app.form_token(&session);
    assert!(
        text.contains("<form method=\"post\" action=\"/console/domains/example.com/mail/label\">"),
        "{text}"
    );
    assert!(text.contains("name=\"label\" value=\"&quot;Shop&quot; &amp; more\""), "{text}");
    assert!(
        text.contains(&format!("name=\"form_token\" value=\"{token}\"")) && !text.contains("1-old"),
        "{text}"
    );
    assert!(text.contains("name=\"after\" value=\"7\"") && !text.contains("<span>7</span>"), "{text}");
    assert!(!text.contains("the account"), "whoever has one account alone is not asked in which: {text}");
    let again = format!("form_token={token}&label=%22Shop%22+%26+more");
    assert_eq!(send(&app, &session, line, &[OURS], &again).status, 303);
    // Who may not send the form is given nothing back.
    let never = send(&app, &session, "POST /console/accounts/open", &[OURS], "form_token=1-old&account=1");
    assert_eq!(never.status, 404);
}

#[test]
fn the_operator_is_told_in_which_account_the_form_would_act() {
    let (app, acme, beta) = world();
    let session = app.operator_session();
    let give_back = |token: &str| {
        let form = format!("form_token={token}&domain=shop.example");
        send(&app, &session, "POST /console/domains", &[OURS], &form).text().to_owned()
    };
    let closed = give_back("0-old");
    assert!(closed.contains("No account is open now") && !closed.contains("Send it again"), "{closed}");
    assert!(closed.contains("<span>shop.example</span>"), "{closed}");
    open(&app, &session, &acme);
    let token = app.form_token(&session);
    open(&app, &session, &beta);
    let opened = give_back(&token);
    assert!(opened.contains("in the account <strong>beta</strong>, which is open now"), "{opened}");
    assert!(opened.contains("Send it again, in beta</button>"), "{opened}");
}

#[test]
fn no_secret_is_given_back_but_those_that_people_type_are_asked_for_again() {
    let (app, acme, _) = world();
    let session = app.session(acme.account);
    app.give_password(&session, "jo");
    let mut names: Vec<String> =
        ["form_token", "link", "pem", "code", "current", "client", "attestation", "data", "signature"]
            .map(str::to_owned)
            .into();
    for page in ["/console/sign-in", "/console/password", "/console/domains/example.com/mail"] {
        let text = app.visit(&session, &format!("GET {page}"), "").text().to_owned();
        for input in text.split("<input type=\"password\"").skip(1) {
            names.push(input.split("name=\"").nth(1).unwrap().split('"').next().unwrap().to_owned());
        }
    }
    for name in ["password", "repeated", "webhook_secret"] {
        assert!(names.iter().any(|known| known == name), "{names:?}");
    }
    for name in &names {
        let form = format!("{name}=hush-hush&label=Shop");
        let reply = send(&app, &session, "POST /console/domains/example.com/mail/label", &[OURS], &form);
        assert_eq!(reply.status, 403, "{}", reply.text());
        assert!(reply.text().contains("value=\"Shop\"") && !reply.text().contains("hush-hush"), "{name}");
    }
    let form = "pem=hush&webhook_secret=hush&current=&mode=webhook";
    let text =
        send(&app, &session, "POST /console/domains/example.com/mail/route", &[OURS], form).text().to_owned();
    assert!(
        text.contains("<input type=\"password\" id=\"again-webhook_secret\" name=\"webhook_secret\""),
        "{text}"
    );
    assert!(
        text.contains("<textarea id=\"again-pem\" name=\"pem\"") && !text.contains("again-current"),
        "{text}"
    );
}

#[test]
fn nothing_is_given_back_that_may_be_of_another_sites_making() {
    let (app, acme, _) = world();
    let session = app.session(acme.account);
    let line = "POST /console/domains/example.com/mail/label";
    for (more, status) in
        [(&[][..], 403), (&[("Origin", "https://evil.example")], 403), (&[("Origin", "null")], 403)]
    {
        let reply = send(&app, &session, line, more, "label=stolen");
        assert_eq!(reply.status, status);
        assert!(!reply.text().contains("stolen"), "{more:?}: {}", reply.text());
    }
}
