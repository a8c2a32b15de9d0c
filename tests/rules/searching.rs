//! Searching for domains by a text: what stands in a name or a label, on both engines.

use postroom::domain::{self, DomainSearch, Order};
use postroom::id::DomainId;
use postroom::page::{Direction, Page};

use crate::harness::app::{Key, TestApp};

fn found(app: &TestApp, key: &Key, text: &str) -> Vec<String> {
    let search = DomainSearch { text: Some(text), ..DomainSearch::default() };
    let page = Page { limit: 50, offset: 0 };
    let read = app.postroom.read(|tx| {
        domain::search(tx, &key.operator(), &search, Order::Name, Direction::Ascending, page)
            .map(|found| found.into_iter().map(|domain| domain.name.to_string()).collect())
    });
    read.unwrap()
}

#[test]
fn a_search_takes_a_text_as_it_is_written_without_regard_to_the_case_of_its_letters() {
    let app = TestApp::new();
    let key = app.account("acme");
    for (name, label) in [
        ("a.example", None),
        ("b-c.example", Some("100% Wool")),
        ("d.example", Some(r"back\slash_and more")),
        ("e.example.net", Some("MIXED Case")),
    ] {
        let id = DomainId::new(app.domain(&key, name));
        let set = app
            .postroom
            .write(|tx| domain::set_label(tx, &key.operator(), &key.own(tx, id)?, label).map(drop));
        set.unwrap();
    }
    let long = "x".repeat(60_000);
    for (text, expected) in [
        ("example.net", &["e.example.net"][..]),
        ("EXAMPLE.NET", &["e.example.net"]),
        ("mixed c", &["e.example.net"]),
        ("0% w", &["b-c.example"]),
        ("%", &["b-c.example"]),
        ("_", &["d.example"]),
        (r"k\s", &["d.example"]),
        (r"\", &["d.example"]),
        ("a%e", &[]),
        ("a_example", &[]),
        (&long, &[]),
        ("a\0", &[]),
        ("", &["a.example", "b-c.example", "d.example", "e.example.net"]),
    ] {
        assert_eq!(found(&app, &key, text), expected, "{text:.20}");
    }
}

#[test]
fn an_internationalised_name_is_found_as_people_write_it() {
    let app = TestApp::new();
    let key = app.account("acme");
    for name in ["bücher-zwei.example", "mein.übung.example", "books.example"] {
        app.domain(&key, name);
    }
    let labelled = DomainId::new(app.domain(&key, "shop.example"));
    let label = Some("Bücher 100%");
    let set = app
        .postroom
        .write(|tx| domain::set_label(tx, &key.operator(), &key.own(tx, labelled)?, label).map(drop));
    set.unwrap();
    let (zwei, mein) = ("xn--bcher-zwei-9db.example", "mein.xn--bung-zra.example");
    for (text, expected) in [
        ("bücher", &["shop.example", zwei][..]),
        ("BÜCHER-ZWEI.EXAMPLE", &[zwei]),
        ("bu\u{308}cher-z", &[zwei]),
        ("n.übung.ex", &[mein]),
        ("xn--bcher", &[zwei]),
        ("ü", &[mein, "shop.example", zwei]),
        ("ü%", &[]),
        ("bücher.example", &[zwei]),
        ("bächli", &[]),
    ] {
        assert_eq!(found(&app, &key, text), expected, "{text}");
    }
}

#[test]
fn a_domain_that_is_asked_for_twice_by_its_name_is_found_once() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "a.example");
    let names = ["a.example", "none.example", "a.example"].map(|name| name.parse().unwrap());
    let found =
        app.postroom.read(|tx| domain::find_all_named(tx, &key.operator(), &names).map(|found| found.len()));
    assert_eq!(found.unwrap(), 1);
}
