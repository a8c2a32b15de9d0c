//! Set-up links: who has sent them, when they end, and what they let somebody do how often.

use postroom::dns::{Outcome, RecordType};
use postroom::id::DomainId;
use postroom::{domain, setup_link};

use super::setup::{DAY, NAME, card, check, link, open, world};
use crate::harness::app::TestApp;

#[test]
fn a_link_that_ended_with_its_key_is_neither_listed_nor_counted() {
    let (app, key) = world();
    let id = DomainId::new(1);
    let maker = app.key_of(key.account);
    for _ in 0..setup_link::MOST_OF_DOMAIN {
        let caller = app.caller(&maker);
        app.postroom.write(|tx| setup_link::create(tx, &caller, &key.own(tx, id)?, DAY)).unwrap();
    }
    let listed = || app.postroom.read(|tx| setup_link::list(tx, &key.own(tx, id)?)).unwrap().len();
    assert_eq!(listed(), 20);
    // Tied to another key, the domain is not there for the one that made the links.
    app.postroom.write(|tx| domain::associate(tx, &key.operator(), &key.own(tx, id)?, Some(key.id))).unwrap();
    assert_eq!(listed(), 0);
    app.postroom.write(|tx| domain::associate(tx, &key.operator(), &key.own(tx, id)?, None)).unwrap();
    assert_eq!(listed(), 20);
    app.revoke(&maker);
    assert_eq!(listed(), 0);
    let session = app.session(key.account);
    let page = app.visit(&session, "GET /console/domains/example.com/access", "").text().to_owned();
    assert!(!page.contains("the link that ends with"), "{page}");
    link(&app, &key);
    assert_eq!(listed(), 1);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM setup_link"), 1, "no more rows than links pile up");
}

#[test]
fn a_look_that_a_clock_noted_which_was_ahead_is_not_waited_for() {
    let (app, key) = world();
    let secret = link(&app, &key);
    let right = app.postroom.now();
    app.clock.set(right + DAY);
    assert!(!check(&app, &secret).text().contains("Try again in 20 seconds"));
    app.clock.set(right);
    app.postroom.keep_time().unwrap();
    assert!(!check(&app, &secret).text().contains("Try again in 20 seconds"));
    assert!(check(&app, &secret).text().contains("Try again in 20 seconds"));
}

#[test]
fn the_page_of_the_first_account_says_that_the_operator_has_sent_it() {
    let app = TestApp::new().at("https://desk.example.net");
    let key = app.account("default");
    app.domain(&key, NAME);
    let secret = link(&app, &key);
    for (language, sentence) in [
        ("en", "The operator of desk.example.net has sent you this page. It shows"),
        ("de", "Der Betreiber von desk.example.net hat Ihnen diese Seite geschickt. Sie zeigt"),
        ("fr", "L’exploitant de desk.example.net vous a envoyé cette page. Elle montre"),
        ("es", "El operador de desk.example.net le ha enviado esta página. Muestra"),
    ] {
        let text = open(&app, &secret, language).text().to_owned();
        assert!(text.contains(sentence) && !text.contains("default"), "{language}: {text}");
    }
}

#[test]
fn whoever_enters_records_is_not_pointed_to_a_setting_of_the_server() {
    let (app, key) = world();
    let secret = link(&app, &key);
    app.publish_all(NAME);
    app.dns.set_outcome(NAME, RecordType::Mx, Outcome::Unreachable { detail: String::new() });
    let page = check(&app, &secret);
    let mx = card(&page, "Incoming mail");
    assert!(mx.contains("If it stays, ask the operator of this mail system."), "{mx}");
    for code in postroom::verify::Code::ALL {
        assert!(!code.mend().contains("dns.resolvers"), "{code:?}");
    }
}
