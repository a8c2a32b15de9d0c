//! What the pages say: that it is true, and that whoever reads it can do what it says.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postroom::event::Event;
use postroom::id::DomainId;
use postroom::{inbound, webhook};

use crate::harness::app::{Key, TestApp};

const DOMAIN: &str = "/console/domains/example.com";

fn world() -> (TestApp, Key, String) {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "example.com");
    let session = app.session(key.account);
    (app, key, session)
}

fn page(app: &TestApp, session: &str, path: &str) -> String {
    let reply = app.visit(session, &format!("GET {path}"), "");
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    reply.text().to_owned()
}

#[test]
fn the_policy_that_the_page_says_to_hold_is_the_one_that_holds() {
    let (app, key, session) = world();
    let page = || page(&app, &session, &format!("{DOMAIN}/mail"));
    let kept = || {
        let found = app.postroom.read(|tx| inbound::find(tx, &key.own(tx, DomainId::new(1))?));
        found.unwrap().filtering.overrides
    };
    let save = |form: &str| {
        let saved = app.visit(&session, &format!("POST {DOMAIN}/mail/filtering"), form);
        assert_eq!(saved.status, 303, "{form}: {}", saved.text());
    };
    let first = page();
    assert!(
        first.contains(">Which policy holds</label>") && first.contains(">As the server has it<"),
        "{first}"
    );
    assert!(first.contains("<option value=\"\" selected>This domain's (default)</option>"), "{first}");
    save("policy=block&overrides=no");
    assert_eq!(kept(), Some(false), "the operator's policy holds");
    assert!(page().contains("<option value=\"no\" selected>The server's</option>"), "{}", page());
    let said: String = app.events(key.account).iter().filter_map(Event::detail).collect();
    assert!(said.contains("the server's policy holds instead"), "{said}");
    save("policy=block&overrides=yes");
    assert!(page().contains("<option value=\"yes\" selected>This domain's (default)</option>"), "{}", page());
    save("policy=block&overrides=");
    assert_eq!(kept(), None);
}

#[test]
fn the_key_that_signs_what_is_posted_stands_on_the_page_of_the_webhook() {
    let (app, key, session) = world();
    let public = app.postroom.read(|tx| webhook::public_key(tx, &key.own(tx, DomainId::new(1))?)).unwrap();
    let native = app.call(&key, "GET /api/v1/domains/1").json();
    assert_eq!(native["webhook_public_key"], public.base64());
    let text = page(&app, &session, &format!("{DOMAIN}/mail"));
    assert!(text.contains(&format!(">{}</code>", public.base64())), "{text}");
}

#[test]
fn whoever_may_claim_a_taken_name_is_led_there_and_others_are_told_whom_to_ask() {
    let (app, key, session) = world();
    app.domain(&app.account("beta"), "beta.example");
    let administrator = app.domain_session(&key.operator(), DomainId::new(1));
    let alias = |session: &str| {
        let refused = app.visit(session, &format!("POST {DOMAIN}/mail/alias"), "alias=beta.example");
        assert_eq!(refused.status, 422, "{}", refused.text());
        refused.text().to_owned()
    };
    let text = alias(&session);
    assert!(text.contains(">beta.example is taken by another account"), "{text}");
    assert!(text.contains("<a href=\"/console/claims#claim\">Claim it</a>"), "{text}");
    let text = alias(&administrator);
    assert!(text.contains("ask an administrator of your account to claim it."), "{text}");
    assert!(!text.contains("/console/claims"), "{text}");
}

#[test]
fn an_action_that_there_is_not_shows_no_event() {
    let (app, _, session) = world();
    let text = page(&app, &session, "/console/log?action=bogus");
    assert!(text.contains("id=\"action-error\">There is no such action.<"), "{text}");
    assert!(!text.contains("Domain example.com created"), "{text}");
    assert!(
        page(&app, &session, "/console/log?action=domain.created").contains("Domain example.com created")
    );
    let file = app.visit(&session, "GET /console/log/export?format=csv&action=bogus", "");
    assert_eq!(file.text().lines().count(), 1, "{}", file.text());
}

#[test]
fn a_key_is_imported_in_each_form_that_the_page_names() {
    let (app, _, session) = world();
    // An Ed25519 key of PKCS #8 (RFC 8410 section 7).
    let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let pem = STANDARD.encode([&head[..], &[7; 32]].concat());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----\n");
    let pem: String = form_urlencoded::byte_serialize(pem.as_bytes()).collect();
    let made = app.visit(&session, &format!("POST {DOMAIN}/keys/import"), &format!("selector=ed&pem={pem}"));
    assert_eq!(made.status, 303, "{}", made.text());
    let text = page(&app, &session, &format!("{DOMAIN}/keys"));
    assert!(
        text.contains("<code>ed</code>") && text.contains("RSA of 1024 or 2048 bits, or Ed25519"),
        "{text}"
    );
}

#[test]
fn problems_are_chosen_by_what_they_mean_in_the_groups_of_the_documentation() {
    let (app, _, session) = world();
    let text = page(&app, &session, "/console/domains?problem=spf_plus_all");
    let spf = text.split("<optgroup label=\"SPF\">").nth(1).unwrap().split("</optgroup>").next().unwrap();
    assert!(
        spf.contains("<option value=\"spf_plus_all\" selected>The SPF record lets everybody send.</option>"),
        "{spf}"
    );
    assert_eq!(text.matches("<optgroup").count(), 8);
    assert!(text.len() < 50_000, "{}", text.len());
}

#[test]
fn a_domains_administrator_reads_what_a_token_is_for_and_how_to_enter_it() {
    let (app, key, _) = world();
    let session = app.domain_session(&key.operator(), DomainId::new(1));
    let text = page(&app, &session, &format!("{DOMAIN}/access"));
    assert!(text.contains("User name: example.com (or any address at it). Password: the token."), "{text}");
    assert!(page(&app, &session, "/console/help").contains("must prove the name before the domain acts"));
    let text = page(&app, &session, &format!("{DOMAIN}/recipients"));
    assert!(text.contains("Kept for clients of the inbound API; nobody signs in by it."), "{text}");
    let text = page(&app, &session, DOMAIN);
    assert!(text.contains(">Zone file (BIND)</a>") && !text.contains("?format=bind"), "{text}");
}
