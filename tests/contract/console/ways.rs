//! Ways back: from an address of a form to its page, from signing in to where one was, and all of them where a proxy puts the console
//! below a path.

use postroom::clock::Clock;
use postroom::secret::{PlainSecret, SecretKind};
use postroom_server::console::SURFACE;

use crate::harness::app::{Key, PASSWORD, Reply, TestApp};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn world() -> (TestApp, Key) {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "example.com");
    (app, key)
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[test]
fn the_page_that_says_how_to_sign_in_leads_back_to_the_page_that_was_asked_for() {
    let app = world().0.at("https://desk.example.net");
    for (line, back) in [
        ("GET /console", "/console"),
        ("GET /console/domains?q=a&page=2", "/console/domains?q=a&page=2"),
        ("POST /console/domains/example.com/mail/route", "/console/domains/example.com/mail"),
        ("POST /console/account/keys", "/console/account"),
    ] {
        let reply = app.send(line, &[FORM], b"");
        assert_eq!(reply.status, 401);
        let link = format!("href=\"/console/sign-in?back={}\"", encoded(back));
        assert!(reply.text().contains(&link), "{line}: {}", reply.text());
        let page = app.send(&format!("GET /console/sign-in?back={}", encoded(back)), &[], b"");
        let field = format!("name=\"back\" value=\"{}\"", back.replace('&', "&amp;"));
        assert_eq!(
            page.text().matches(&field).count(),
            2,
            "for a passkey and for a password: {}",
            page.text()
        );
    }
}

#[test]
fn signing_in_leads_back_and_never_to_another_place_than_a_page_of_the_console() {
    let (app, key) = world();
    let session = app.session(key.account);
    let (totp, _) = app.give_password(&session, "jo");
    let enter = |back: &str| {
        // A code works once.
        app.clock.advance(std::time::Duration::from_mins(1));
        let code = totp.code(app.clock.now()).unwrap();
        let form = format!("name=jo@acme&password={}&code={code}&back={}", encoded(PASSWORD), encoded(back));
        let reply = app.send("POST /console/sign-in", &[FORM], form.as_bytes());
        assert_eq!(reply.status, 303, "{}", reply.text());
        reply.header("location").unwrap().to_owned()
    };
    assert_eq!(enter("/console/domains?q=a&page=2"), "/console/domains?q=a&page=2");
    for evil in
        ["//evil.example", "https://evil.example/console", "/\\evil.example", "/console/../x", "/setup", ""]
    {
        assert_eq!(enter(evil), "/console", "{evil}");
    }
    let wrong =
        app.send("POST /console/sign-in", &[FORM], b"name=jo&password=x&code=1&back=%2Fconsole%2Flog");
    assert!(
        wrong.status == 422 && wrong.text().contains("name=\"back\" value=\"/console/log\""),
        "{}",
        wrong.text()
    );
    let page = app.send("GET /console/sign-in?back=%2F%2Fevil.example", &[], b"");
    assert!(!page.text().contains("evil"), "{}", page.text());
}

#[test]
fn an_address_that_takes_only_forms_leads_to_their_page() {
    let (app, key) = world();
    let session = app.session(key.account);
    let is_page = |path: &str| SURFACE.routes.iter().any(|route| route.path == path && route.method == "GET");
    for route in SURFACE.routes.iter().filter(|route| route.method == "POST" && !is_page(route.path)) {
        let (name, selector) = ("example.com", "pr1");
        let path = route.path.replace("{name}", name).replace("{selector}", selector).replace(['{', '}'], "");
        let reply = app.visit(&session, &format!("GET {path}"), "");
        assert_eq!(reply.status, 303, "{path}: {}", reply.text());
        let page = reply.header("location").unwrap();
        let shown = app.visit(&session, &format!("GET {page}"), "").status;
        let is_for_others = page.starts_with("/setup") || page == "/console/accounts";
        assert_eq!(shown, if is_for_others { 404 } else { 200 }, "{path}: {page}");
    }
    let deleted = app.visit(&session, "DELETE /console/domains/chosen", "");
    assert_eq!((deleted.status, deleted.header("allow")), (405, Some("POST")));
}

#[test]
fn a_reload_of_what_the_set_up_page_answers_keeps_the_link_and_the_language() {
    let (app, key) = world();
    let made = app.postroom.write(|tx| {
        let domain = key.own(tx, postroom::id::DomainId::new(1))?;
        postroom::setup_link::create(tx, &key.operator(), &domain, postroom::setup_link::BETWEEN_LOOKS * 1000)
    });
    let secret = made.unwrap().1;
    let place = format!("link={}&lang=de", secret.reveal());
    let page = app.send(&format!("GET /setup?{place}"), &[], b"").text().to_owned();
    let action = format!("action=\"/setup/check?{}\"", place.replace('&', "&amp;"));
    assert!(page.contains(&action), "{page}");
    let checked = app.send(&format!("POST /setup/check?{place}"), &[FORM], place.as_bytes());
    assert!(checked.status == 200 && checked.text().contains("lang=\"de\""), "{}", checked.text());
    let reloaded = app.send(&format!("GET /setup/check?{place}"), &[], b"");
    assert_eq!(
        (reloaded.status, reloaded.header("location")),
        (303, Some(format!("/setup?{place}").as_str()))
    );
}

/// Every address in a page of ours.
fn addresses(reply: &Reply) -> Vec<String> {
    let text = reply.text();
    let all = ["href=\"", "src=\"", "action=\""].map(|attribute| text.split(attribute).skip(1));
    all.into_iter().flatten().map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[test]
fn below_a_path_every_address_of_every_page_that_says_what_went_wrong_has_the_path() {
    let (app, key) = world();
    let app = app.at("https://host.example/desk");
    let session = app.session(key.account);
    let operator = app.operator_session();
    let never = PlainSecret::generate(SecretKind::SetupLink).unwrap();
    let ours = [FORM, ("Sec-Fetch-Site", "same-origin")];
    let cookie = format!("__Host-postroom={session}");
    let ours_signed_in = [ours[0], ours[1], ("Cookie", cookie.as_str())];
    for (what, reply) in [
        ("nobody", app.send("GET /console/domains", &[], b"")),
        ("no page", app.visit(&session, "GET /console/nowhere", "")),
        ("no domain", app.visit(&session, "GET /console/domains/never.example", "")),
        ("no method", app.send("DELETE /console/login", &[], b"")),
        ("no link", app.send("GET /console/login?link=x", &[], b"")),
        ("no set-up link", app.send(&format!("GET /setup?link={}", never.reveal()), &[], b"")),
        ("another site", app.send("POST /console/login", &[FORM, ("Origin", "https://evil.example")], b"")),
        ("stale", app.send("POST /console/domains", &[FORM, ours_signed_in[2]], b"domain=a.example")),
        ("given back", app.send("POST /console/domains", &ours_signed_in, b"domain=a.example")),
        ("no passkey", app.send("POST /console/sign-in/passkey", &ours, b"")),
        ("sign in", app.send("GET /console/sign-in", &[], b"")),
    ] {
        assert!(reply.status == 200 || reply.status >= 400, "{what}");
        let found = addresses(&reply);
        assert!(
            found.iter().any(|address| address.starts_with("/desk/console/assets/")),
            "{what}: {found:?}"
        );
        for address in found.iter().filter(|address| !address.starts_with(['#', '?'])) {
            assert!(address.starts_with("/desk/"), "{what}: {address}");
        }
    }
    let closed = app.visit(&operator, "GET /console", "");
    assert_eq!(closed.header("location"), Some("/desk/console/accounts"));
    let reloaded = app.visit(&session, "GET /console/domains/chosen", "");
    assert_eq!(reloaded.header("location"), Some("/desk/console/domains"));
}
