//! Signing in with a password and a one-time code: how one gets there, and what does not let anybody in.

use postroom::clock::Clock;
use postroom::id::DomainId;
use totp_rs::{Builder, Secret, Totp};

use crate::harness::app::{Key, PASSWORD, Reply, TestApp};

fn world() -> (TestApp, Key, String) {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "example.com");
    let session = app.session(key.account);
    (app, key, session)
}

/// The session that an answer begins.
fn cookie(reply: &Reply) -> String {
    assert_eq!(reply.status, 303, "{}", reply.text());
    reply.header("set-cookie").unwrap().split(['=', ';']).nth(1).unwrap().to_owned()
}

fn now(app: &TestApp) -> u64 {
    u64::try_from(app.clock.now().millis() / 1000).unwrap()
}

#[test]
fn a_form_without_anything_lets_nobody_in() {
    let (app, ..) = world();
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    assert_eq!(app.send("POST /console/sign-in", &headers, b"").status, 422);
    for name in ["a%00b", "a@b%00"] {
        let form = format!("name={name}&password=x&code=1");
        assert_eq!(app.send("POST /console/sign-in", &headers, form.as_bytes()).status, 422, "{name}");
    }
    let elsewhere = [headers[0], ("Origin", "https://evil.example")];
    assert_eq!(app.send("POST /console/sign-in", &elsewhere, b"name=jo").status, 403);
}

/// Goes through the pages that give somebody a password, with a program of another hand for the codes.
fn set_up(app: &TestApp, session: &str, name: &str) -> (Totp, Vec<String>) {
    let page = app.visit(session, "GET /console/password", "").text().to_owned();
    assert!(page.contains("Sign in with a password"), "{page}");
    let form = format!("name={name}&password=four+words+in+a+row&repeated=four+words+in+a+row");
    let begun = app.visit(session, "POST /console/password", &form);
    assert_eq!(begun.status, 200, "{}", begun.text());
    let text = begun.text();
    assert!(
        text.contains("<svg class=\"qr\"") && !text.contains("otpauth"),
        "the address is in the picture alone"
    );
    let key = text.split("data-copy=\"the key\">").nth(1).unwrap().split('<').next().unwrap();
    let totp = Builder::new().with_secret(Secret::try_from_base32(key).unwrap()).build().unwrap();
    let id = text.split("name=\"administrator\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let wrong =
        app.visit(session, "POST /console/password/confirm", &format!("administrator={id}&code=000000"));
    assert!(wrong.status == 422 && wrong.text().contains("id=\"code-error\""), "{}", wrong.text());
    assert!(!wrong.text().contains(key), "the key is shown once");
    let code = totp.generate(now(app)).to_string();
    let done =
        app.visit(session, "POST /console/password/confirm", &format!("administrator={id}&code={code}"));
    assert_eq!(done.status, 200, "{}", done.text());
    let list =
        done.text().split("<ul class=\"codes\">").nth(1).unwrap().split("</ul>").next().unwrap().to_owned();
    let codes = list.split("<code>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect();
    (totp, codes)
}

#[test]
fn somebody_chooses_a_password_by_a_link_and_signs_in_with_it_each_morning() {
    let (app, key, session) = world();
    let (totp, codes) = set_up(&app, &session, "Jo.Doe");
    assert_eq!(codes.len(), 10);
    app.advance(16);
    let page = app.send("GET /console/sign-in", &[], b"");
    assert!(page.status == 200 && page.text().contains("autocomplete=\"one-time-code\""), "{}", page.text());
    let code = totp.generate(now(&app)).to_string();
    let entered = app.enter("jo.doe@acme", PASSWORD, &code);
    assert_eq!(entered.header("location"), Some("/console"));
    let own = cookie(&entered);
    assert_eq!(app.visit(&own, "GET /console/domains", "").status, 200);
    let page = app.visit(&own, "GET /console/password", "").text().to_owned();
    assert!(page.contains("jo.doe@acme") && page.contains("10 recovery codes"), "{page}");
    assert_eq!(app.enter("jo.doe@acme", PASSWORD, &code).status, 422, "a code works once");
    let by_code = app.enter("JO.DOE@acme", PASSWORD, &codes[3].to_uppercase().replace('-', " "));
    assert_eq!(by_code.status, 303);
    assert_eq!(app.enter("jo.doe@acme", PASSWORD, &codes[3]).status, 422, "and so does a recovery code");
    app.visit(&own, "POST /console/domains", "domain=new.example");
    let last = app.events(key.account).pop().unwrap();
    assert_eq!(last.actor.to_string(), "administrator:1");
    let sessions = app.visit(&own, "GET /console/sessions", "").text().to_owned();
    assert!(sessions.contains("With a password"), "{sessions}");
}

#[test]
fn whatever_is_wrong_the_answer_is_the_same() {
    let (app, _, session) = world();
    let (totp, _) = app.give_password(&session, "jo");
    app.give_password(&app.operator_session(), "root");
    app.advance_minutes(5);
    let code = totp.code(app.clock.now()).unwrap();
    let answers: Vec<_> = [
        ("jo@acme", "another password", code.as_str()),
        ("jo@acme", PASSWORD, "000000"),
        ("jo@acme", PASSWORD, ""),
        ("jo@acme", "", &code),
        ("jo@other", PASSWORD, &code),
        ("jo", PASSWORD, &code),
        ("nobody@acme", PASSWORD, &code),
        ("root@acme", PASSWORD, &code),
        ("", "", ""),
        ("jo@acme@acme", PASSWORD, &code),
    ]
    .into_iter()
    .map(|(name, password, code)| {
        let before = app.dump();
        let reply = app.enter(name, password, code);
        assert_eq!(reply.status, 422, "{name}");
        assert_eq!(app.dump(), before, "{name}: nothing changes");
        assert!(reply.header("set-cookie").is_none());
        let (status, headers, text) = reply.visible();
        (status, headers, text.replace(&format!("value=\"{name}\""), "value=\"\""))
    })
    .collect();
    assert!(answers.windows(2).all(|two| two[0] == two[1]), "{answers:#?}");
    assert_eq!(app.enter("jo@acme", PASSWORD, &code).status, 303, "the code was not used up");
    let markup = app.enter("<b>\"@acme", PASSWORD, &code);
    assert!(!markup.text().contains("<b>"), "{}", markup.text());
}

#[test]
fn bad_names_and_passwords_are_refused_with_a_sentence_and_a_stale_session_is_sent_back() {
    let (app, _, session) = world();
    for (form, error) in [
        ("name=jo&password=short&repeated=short", "begin-password-error"),
        ("name=jo&password=four+words+in+a+row&repeated=other", "begin-repeated-error"),
        ("name=jo%40acme&password=four+words+in+a+row&repeated=four+words+in+a+row", "begin-name-error"),
        ("name=words&password=four+words+in+a+row&repeated=four+words+in+a+row", "begin-password-error"),
    ] {
        let bad = app.visit(&session, "POST /console/password", form);
        assert!(bad.status == 422 && bad.text().contains(error), "{form}: {}", bad.text());
        assert!(!bad.text().contains("four words in a row"), "what was typed is not shown again");
    }
    app.give_password(&session, "jo");
    let form = "name=jo&password=four+words+in+a+row&repeated=four+words+in+a+row";
    let taken = app.visit(&session, "POST /console/password", form);
    assert!(
        taken.status == 422 && taken.text().contains("This administrator exists already"),
        "{}",
        taken.text()
    );
    app.advance_minutes(16);
    let page = app.visit(&session, "GET /console/password", "").text().to_owned();
    assert!(page.contains("Open a new login link"), "{page}");
    let late = app.visit(&session, "POST /console/password", &form.replace("name=jo", "name=ann"));
    assert!(late.status == 422 && late.text().contains("Open a new login link"), "{}", late.text());
    assert_eq!(app.value::<i64>("SELECT count(*) FROM administrator"), 1, "nobody was made");
}

#[test]
fn a_password_is_changed_with_itself_and_its_other_sessions_end() {
    let (app, _, session) = world();
    let (totp, recovery) = app.give_password(&session, "jo");
    let code = || {
        app.advance_minutes(1);
        totp.code(app.clock.now()).unwrap()
    };
    let (one, other) = (
        cookie(&app.enter("jo@acme", PASSWORD, &code())),
        cookie(&app.enter("jo@acme", PASSWORD, &recovery)),
    );
    let change = |code: &str, current: &str| {
        let form = format!(
            "current={current}&code={code}&password=five+quite+other+words&repeated=five+quite+other+words"
        );
        app.visit(&one, "POST /console/password/change", &form)
    };
    let wrong = change(&code(), "not+this+one");
    assert!(wrong.status == 422 && wrong.text().contains("change-current-error"), "{}", wrong.text());
    let done = change(&code(), "four+words+in+a+row");
    assert!(done.status == 200 && done.text().contains("The password is changed"), "{}", done.text());
    assert_eq!(app.visit(&other, "GET /console", "").status, 401);
    assert_eq!(app.visit(&one, "GET /console", "").status, 200);
    assert_eq!(app.enter("jo@acme", PASSWORD, &code()).status, 422);
    assert_eq!(app.enter("jo@acme", "five quite other words", &code()).status, 303);
    let form = format!("current=five+quite+other+words&code={}", code());
    let renewed = app.visit(&one, "POST /console/password/codes", &form);
    assert_eq!(renewed.text().matches("<li><code>").count(), 10, "{}", renewed.text());
    assert_eq!(
        app.enter("jo@acme", "five quite other words", &recovery).status,
        422,
        "the codes before are void"
    );
}

#[test]
fn a_password_is_taken_away_by_others_of_the_account_and_by_nobody_else() {
    let (app, key, session) = world();
    let (totp, _) = app.give_password(&session, "jo");
    app.advance_minutes(1);
    let own = cookie(&app.enter("jo@acme", PASSWORD, &totp.code(app.clock.now()).unwrap()));
    let stranger = app.account("stranger");
    let domain = app.domain_session(&key.operator(), DomainId::new(1));
    for (session, status) in
        [(app.session(stranger.account), 404), (domain, 404), (app.operator_session(), 404)]
    {
        let removed = app.visit(&session, "POST /console/password/remove", "administrator=1");
        assert_eq!(removed.status, status, "{}", removed.text());
        let confirmed = app.visit(&session, "POST /console/password/confirm", "administrator=1&code=000000");
        assert_eq!(confirmed.status, status);
    }
    assert_eq!(app.visit(&own, "GET /console", "").status, 200);
    app.advance_minutes(16);
    let stale = app.visit(&session, "POST /console/password/remove", "administrator=1");
    assert!(stale.status == 422 && stale.text().contains("Sign in anew first"), "{}", stale.text());
    let session = app.session(key.account);
    let removed = app.visit(&session, "POST /console/password/remove", "administrator=1");
    assert_eq!((removed.status, removed.header("location")), (303, Some("/console/password")));
    assert_eq!(app.visit(&own, "GET /console", "").status, 401, "their session ends");
    app.advance_minutes(1);
    assert_eq!(app.enter("jo@acme", PASSWORD, &totp.code(app.clock.now()).unwrap()).status, 422);
    let actions = app.actions(key.account);
    assert!(actions.contains(&"administrator.removed 1".to_owned()), "{actions:?}");
}

#[test]
fn whoever_takes_their_own_last_way_in_away_is_asked_and_told_how_to_come_back() {
    let (app, key, session) = world();
    let (totp, _) = app.give_password(&session, "jo");
    app.advance_minutes(1);
    let own = cookie(&app.enter("jo@acme", PASSWORD, &totp.code(app.clock.now()).unwrap()));
    let line = "POST /console/password/remove";
    let unsure = app.visit(&own, line, "administrator=1");
    assert!(unsure.status == 422 && unsure.text().contains("Set the mark first"), "{}", unsure.text());
    let removed = app.visit(&own, line, "administrator=1&sure=yes");
    assert!(
        removed.status == 200 && removed.text().contains("Your last way in is removed"),
        "{}",
        removed.text()
    );
    assert_eq!(app.visit(&own, "GET /console", "").status, 401);
    assert!(app.actions(key.account).contains(&"administrator.removed 1".to_owned()));
}

#[test]
fn the_operator_signs_in_with_a_password_to_all_accounts() {
    let (app, _, _) = world();
    let (totp, _) = app.give_password(&app.operator_session(), "root");
    app.advance_minutes(1);
    let entered = app.enter("root", PASSWORD, &totp.code(app.clock.now()).unwrap());
    assert_eq!(entered.header("location"), Some("/console/accounts"));
    let own = cookie(&entered);
    assert_eq!(app.visit(&own, "GET /console/accounts", "").status, 200);
    assert_eq!(app.visit(&own, "GET /console/password", "").status, 200);
}

#[test]
fn guesses_are_limited_for_a_name_and_for_an_address() {
    let (app, key, session) = world();
    let app = app.limited(1000);
    let (totp, _) = app.give_password(&session, "jo");
    app.advance_minutes(1);
    // What cannot be read tries no password, and counts for nobody.
    for _ in 0..20 {
        let odd = app.send("POST /console/sign-in", &[("Content-Type", "text/plain")], b"name=jo@acme");
        assert!((400..429).contains(&odd.status), "{odd:?}");
    }
    let statuses: Vec<u16> = (0..12).map(|_| app.enter("jo@acme", "wrong", "000000").status).collect();
    assert_eq!(statuses, [422, 422, 422, 422, 422, 422, 422, 422, 422, 422, 429, 429]);
    let right = app.enter("jo@acme", PASSWORD, &totp.code(app.clock.now()).unwrap());
    assert!(right.status == 429 && right.header("retry-after").is_some(), "{right:?}");
    // A link is no guess.
    assert_eq!(app.visit(&app.session(key.account), "GET /console", "").status, 200);
    app.advance_minutes(1);
    assert_eq!(app.enter("jo@acme", PASSWORD, &totp.code(app.clock.now()).unwrap()).status, 303);
}
