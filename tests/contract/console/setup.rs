//! The set-up page, and the links that open it.

use std::time::Duration;

use postroom::dns::{Outcome, RecordData, RecordType};
use postroom::id::DomainId;
use postroom::secret::{PlainSecret, SecretKind};
use postroom::{domain, provision, setup_link};

use crate::harness::app::{Key, Reply, TestApp};

pub(super) const NAME: &str = "example.com";
pub(super) const DAY: Duration = Duration::from_hours(24);
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

pub(super) fn world() -> (TestApp, Key) {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, NAME);
    (app, key)
}

pub(super) fn link(app: &TestApp, key: &Key) -> PlainSecret {
    let made = app.postroom.write(|tx| {
        let domain = key.own(tx, DomainId::new(1))?;
        setup_link::create(tx, &key.operator(), &domain, 30 * DAY)
    });
    made.unwrap().1
}

pub(super) fn open(app: &TestApp, secret: &PlainSecret, accept: &str) -> Reply {
    app.send(&format!("GET /setup?link={}", secret.reveal()), &[("Accept-Language", accept)], b"")
}

pub(super) fn check(app: &TestApp, secret: &PlainSecret) -> Reply {
    app.send("POST /setup/check", &[FORM], format!("link={}&lang=en", secret.reveal()).as_bytes())
}

/// The page of a link that opens nothing.
fn is_dead(app: &TestApp, secret: &PlainSecret) -> bool {
    let never = PlainSecret::generate(SecretKind::SetupLink).unwrap();
    let [reply, of_none] = [secret, &never].map(|secret| open(app, secret, "en").visible());
    reply.0 == 404 && reply == of_none && check(app, secret).status == 404
}

fn mx(preference: u16, exchange: &str) -> RecordData {
    RecordData::Mx { preference, exchange: exchange.parse().unwrap() }
}

/// The part of the page that shows the record with this title.
pub(super) fn card<'a>(reply: &'a Reply, title: &str) -> &'a str {
    let mut cards =
        reply.text().split("<article").skip(1).map(|card| card.split("</article>").next().unwrap());
    cards.find(|card| card.contains(title)).unwrap_or_else(|| panic!("{title}: {}", reply.text()))
}

/// What a card has to copy into the field of this name.
fn copied<'a>(card: &'a str, field: &str) -> Vec<&'a str> {
    let start = format!("data-copy=\"{field}, ");
    card.split(&start)
        .skip(1)
        .map(|rest| rest.split('>').nth(1).unwrap().split('<').next().unwrap())
        .collect()
}

/// What stands beside this word in a card.
fn beside<'a>(card: &'a str, word: &str) -> Vec<&'a str> {
    let term = format!("<dt>{word}</dt>");
    let rows = card.split(&term).skip(1);
    rows.map(|row| row.split("</code>").next().unwrap().rsplit('>').next().unwrap()).collect()
}

#[test]
fn the_page_has_the_records_and_the_sender_in_the_language_that_is_asked_for() {
    let (app, key) = world();
    let secret = link(&app, &key);
    for (accept, language, title) in [
        ("en", "en", "DNS records for example.com"),
        ("de-CH, en;q=0.5", "de", "DNS-Einträge für example.com"),
        ("fr", "fr", "Enregistrements DNS de example.com"),
        ("es", "es", "Registros DNS de example.com"),
        ("ja", "en", "DNS records for example.com"),
    ] {
        let page = open(&app, &secret, accept);
        let text = page.text();
        assert_eq!(page.status, 200, "{text}");
        assert!(text.contains(&format!("<html lang=\"{language}\">")), "{accept}: {text}");
        assert_eq!(text.matches("<h1>").count(), 1);
        assert!(text.contains(&format!("<h1>{title}</h1>")), "{accept}: {text}");
        assert!(
            text.contains("acme") && text.contains("pr1._domainkey.example.com") && text.contains("v=DKIM1")
        );
        assert!(text.len() < 100_000);
    }
    let chosen =
        app.send(&format!("GET /setup?link={}&lang=es", secret.reveal()), &[("Accept-Language", "de")], b"");
    assert!(chosen.text().contains("<html lang=\"es\">"));
    let zone = app.send(&format!("GET /setup/zone?link={}", secret.reveal()), &[], b"");
    assert!(zone.text().contains("pr1._domainkey.example.com. 3600 IN TXT"), "{}", zone.text());
}

#[test]
fn the_page_names_the_provider_and_its_fields() {
    let (app, key) = world();
    let secret = link(&app, &key);
    assert!(!open(&app, &secret, "en").text().contains("The DNS is at"));
    let at = |servers: &str| {
        app.sql().execute("UPDATE domain SET name_servers = ?1", [servers.to_owned()]).unwrap();
    };
    at("amy.ns.cloudflare.com bob.ns.cloudflare.com");
    let text = open(&app, &secret, "en").text().to_owned();
    assert!(text.contains("The DNS is at Cloudflare") && text.contains("<dt>Name</dt>"), "{text}");
    assert!(
        text.contains("<dt>Value (“Content”)</dt>")
            && text.contains("For example.com itself the name is “@”.")
    );
    at("ns-1.awsdns-01.com ns-2.awsdns-02.net");
    let text = open(&app, &secret, "de").text().to_owned();
    assert!(
        text.contains("Das DNS liegt bei Amazon Route 53") && text.contains("<dt>Name (“Record name”)</dt>")
    );
    assert!(
        text.contains("<span class=\"soft\">(leer lassen)</span>")
            && text.contains("<p lang=\"en\">Put the value")
    );
}

#[test]
fn nothing_else_of_the_account_is_on_the_page() {
    let (app, key) = world();
    app.domain(&key, "secret-project.example");
    app.postroom
        .write(|tx| {
            let domain = key.own(tx, DomainId::new(1))?;
            domain::set_label(tx, &key.operator(), &domain, Some("the label")).map(drop)
        })
        .unwrap();
    let text = open(&app, &link(&app, &key), "en").text().to_owned();
    for hidden in ["secret-project", "the label", "/console/domains", "/console/account"] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
    // It opens no page of the console and no route, and a login link does not open it.
    let secret = link(&app, &key);
    let cookie = format!("{}={}", postroom_server::console::COOKIE, secret.reveal());
    assert_eq!(app.send("GET /console", &[("Cookie", &cookie)], b"").status, 401);
    assert_eq!(app.send(&format!("GET /console/login?link={}", secret.reveal()), &[], b"").status, 404);
    let bearer = format!("Bearer {}", secret.reveal());
    assert_eq!(app.send("GET /postroom/v1/account", &[("Authorization", &bearer)], b"").status, 401);
}

#[test]
fn a_check_by_the_link_writes_down_what_it_finds_and_says_what_to_do() {
    let (app, key) = world();
    let secret = link(&app, &key);
    app.dns.set(NAME, vec![RecordData::A([192, 0, 2, 1].into())]);
    let checked = check(&app, &secret);
    assert_eq!(checked.status, 200, "{}", checked.text());
    assert!(
        checked.text().contains("There is no such record.") && checked.text().contains("Add this record")
    );
    app.publish_all(NAME);
    app.clock.advance(setup_link::BETWEEN_LOOKS);
    let checked = check(&app, &secret);
    assert!(checked.text().contains("Everything is entered"), "{}", checked.text());
    assert_eq!(app.details(&key, DomainId::new(1)).status.as_str(), "active");
}

#[test]
fn a_link_has_the_dns_asked_once_in_a_while_and_another_link_does_not_wait_for_it() {
    let (app, key) = world();
    let (one, other) = (link(&app, &key), link(&app, &key));
    assert!(!check(&app, &one).text().contains("Try again in 20 seconds"));
    let asked = app.dns.asked().len();
    assert!(check(&app, &one).text().contains("Try again in 20 seconds"));
    assert_eq!(app.dns.asked().len(), asked, "nothing was asked");
    assert!(!check(&app, &other).text().contains("Try again in 20 seconds"));
    app.clock.advance(setup_link::BETWEEN_LOOKS);
    assert!(!check(&app, &one).text().contains("Try again in 20 seconds"));
}

#[test]
fn a_check_that_another_site_sends_is_refused() {
    let (app, key) = world();
    let body = format!("link={}", link(&app, &key).reveal());
    let headers = [FORM, ("Origin", "https://elsewhere.example")];
    assert_eq!(app.send("POST /setup/check", &headers, body.as_bytes()).status, 403);
}

#[test]
fn a_link_ends_when_it_expires_is_revoked_or_its_domain_or_key_is_gone() {
    let (app, key) = world();
    let id = DomainId::new(1);
    let write = |work: &dyn Fn(&postroom::db::WriteTx<'_>) -> Result<(), postroom::Error>| {
        app.postroom.write(|tx| work(tx)).unwrap();
    };
    let expired = link(&app, &key);
    assert!(!is_dead(&app, &expired));
    app.clock.advance(30 * DAY);
    assert!(is_dead(&app, &expired));

    let revoked = link(&app, &key);
    write(&|tx| {
        let domain = key.own(tx, id)?;
        let links = setup_link::list(tx, &domain)?;
        setup_link::revoke(tx, &key.operator(), &domain, links[0].id)
    });
    assert!(is_dead(&app, &revoked));

    let maker = app.key_of(key.account);
    let by_key = app.postroom.write(|tx| {
        let domain = key.own(tx, id)?;
        setup_link::create(tx, &app.caller(&maker), &domain, DAY)
    });
    let by_key = by_key.unwrap().1;
    assert!(!is_dead(&app, &by_key));
    app.revoke(&maker);
    assert!(is_dead(&app, &by_key));

    let renamed = link(&app, &key);
    write(&|tx| {
        provision::rename(tx, &key.operator(), &key.own(tx, id)?, &"example.net".parse().unwrap()).map(drop)
    });
    assert!(is_dead(&app, &renamed));

    let moved = link(&app, &key);
    let buyer = app.account("buyer");
    write(&|tx| provision::transfer(tx, &key.operator(), &key.own(tx, id)?, buyer.account).map(drop));
    assert!(is_dead(&app, &moved));

    let deleted = link(&app, &buyer);
    write(&|tx| provision::delete(tx, &buyer.operator(), &buyer.own(tx, id)?));
    assert!(is_dead(&app, &deleted));
}

#[test]
fn the_page_of_a_dead_link_is_in_the_language_of_whoever_opens_it() {
    let (app, _) = world();
    let never = PlainSecret::generate(SecretKind::SetupLink).unwrap();
    let page = open(&app, &never, "de");
    assert_eq!(page.status, 404);
    assert!(
        page.text().contains("Dieser Link funktioniert nicht") && page.text().contains("<html lang=\"de\">")
    );
    assert_eq!(app.send("GET /setup", &[], b"").status, 404);
    assert_eq!(app.send("GET /setup?link=%00&lang=%00", &[], b"").status, 404);
    let twice = format!("GET /setup?link={0}&link={0}", never.reveal());
    assert_eq!(app.send(&twice, &[], b"").status, 404);
}

#[test]
fn links_are_made_listed_and_revoked_on_the_domains_page() {
    let (app, key) = world();
    let (name, link_id) = (NAME, 1);
    let session = app.session(key.account);
    let of_domain = app.domain_session(&key.operator(), DomainId::new(1));
    for session in [&session, &of_domain] {
        let made = app.visit(session, &format!("POST /console/domains/{name}/setup-links"), "days=7");
        assert_eq!(made.status, 200, "{}", made.text());
        assert_eq!(made.text().matches("/setup?link=pru_").count(), 1, "{}", made.text());
    }
    let refused = app.visit(&session, &format!("POST /console/domains/{name}/setup-links"), "days=4000");
    assert_eq!(refused.status, 422);
    let revoke = |form: &str| {
        app.visit(&session, &format!("POST /console/domains/{name}/setup-links/{link_id}/revoke"), form)
    };
    let unmarked = revoke("");
    assert!(unmarked.status == 422 && unmarked.text().contains("Set the mark first"), "{}", unmarked.text());
    let last4 = app.value::<String>("SELECT last4 FROM setup_link WHERE id = 1");
    assert!(unmarked.text().contains(&format!(" the link that ends with {last4}<")), "{}", unmarked.text());
    assert_eq!(revoke("sure=yes").status, 303);
    assert_eq!(revoke("sure=yes").status, 404);
    assert_eq!(app.visit(&session, "POST /console/domains/example.com/setup-links/x/revoke", "").status, 404);
    let actions = app.actions(key.account);
    for action in ["setup_link.created example.com", "setup_link.revoked example.com"] {
        assert!(actions.contains(&action.to_owned()), "{actions:?}");
    }
}

#[test]
fn a_domain_has_twenty_links_at_a_time() {
    let (app, key) = world();
    for _ in 0..setup_link::MOST_OF_DOMAIN {
        link(&app, &key);
    }
    let session = app.session(key.account);
    let refused = app.visit(&session, "POST /console/domains/example.com/setup-links", "days=7");
    assert_eq!(refused.status, 422, "{}", refused.text());
    let sentence =
        "role=\"alert\" tabindex=\"-1\" autofocus>A domain has 20 set-up links at most; revoke one first.<";
    assert!(refused.text().contains(sentence), "{}", refused.text());
}

#[test]
fn the_name_of_an_account_does_not_become_markup() {
    let app = TestApp::new();
    let key = app.account("<script>alert(1)</script>");
    app.domain(&key, NAME);
    let text = open(&app, &link(&app, &key), "en").text().to_owned();
    assert!(text.contains("&lt;script&gt;") && !text.contains("<script>alert"), "{text}");
}

#[test]
fn a_record_with_other_senders_is_to_be_changed_to_one_value_alone_also_when_the_page_is_opened_again() {
    let (app, key) = world();
    let secret = link(&app, &key);
    app.publish_all(NAME);
    let others = "v=spf1 ip4:192.0.2.7 -all";
    app.dns.set(NAME, vec![RecordData::A([192, 0, 2, 1].into()), RecordData::txt(&[others])]);
    let records =
        app.postroom.read(|tx| postroom::record::list(tx, &key.own(tx, DomainId::new(1))?)).unwrap();
    let own = &records.iter().find(|record| record.purpose.as_str() == "spf").unwrap().value;
    for (when, reply) in [("checked", check(&app, &secret)), ("opened again", open(&app, &secret, "en"))] {
        let card = card(&reply, "Who may send (SPF)");
        let values = copied(card, "Value");
        let [value] = values[..] else { panic!("{when}: {values:?} of {card}") };
        assert!(value.contains("ip4:192.0.2.7") && value != own.as_str(), "{when}: {value}");
        assert!(!card.contains(&format!(">{own}<")), "{when}: {card}");
    }
}

#[test]
fn what_is_read_aloud_says_for_how_long_to_wait_and_a_long_value_stands_in_parts() {
    let (app, key) = world();
    let secret = link(&app, &key);
    check(&app, &secret);
    let waiting = check(&app, &secret);
    assert!(
        waiting.text().contains("data-said=\"The DNS was asked just now. Try again in 20 seconds.\""),
        "{}",
        waiting.text()
    );
    assert!(
        waiting.text().contains("<dt>In parts</dt>") && waiting.text().matches("<dt>Value</dt>").count() > 0
    );
}

#[test]
fn a_domain_below_another_has_names_for_the_zone_of_the_registered_one() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "news.shop.example.com");
    let secret = link(&app, &key);
    let page = open(&app, &secret, "en");
    assert_eq!(copied(card(&page, "Incoming mail"), "Name"), ["news.shop"]);
    assert_eq!(copied(card(&page, "forged mail"), "Name"), ["_dmarc.news.shop"]);
    assert_eq!(copied(card(&page, "The key that signs"), "Name"), ["pr1._domainkey.news.shop"]);
    app.sql().execute("UPDATE domain SET name_servers = ?1", ["amy.ns.cloudflare.com".to_owned()]).unwrap();
    let page = open(&app, &secret, "en");
    assert!(page.text().contains("For example.com itself the name is “@”."), "{}", page.text());
    assert_eq!(copied(card(&page, "Incoming mail"), "Name"), ["news.shop"]);
}

#[test]
fn the_priority_of_an_mx_record_stands_in_its_own_field_alone_and_a_host_has_no_dot() {
    let (app, key) = world();
    let secret = link(&app, &key);
    app.publish_all(NAME);
    app.dns.set(NAME, vec![mx(1, "aspmx.example.org")]);
    app.dns.set("mailer.example.com", vec![RecordData::Cname("elsewhere.example.org".parse().unwrap())]);
    let host = app.value::<String>("SELECT value FROM record WHERE purpose = 'mx'");
    let target = app.value::<String>("SELECT value FROM record WHERE purpose = 'return_path'");
    for (when, page) in [("checked", check(&app, &secret)), ("opened again", open(&app, &secret, "en"))] {
        let mx = card(&page, "Incoming mail");
        assert!(mx.contains("Change it to this"), "{when}: {mx}");
        assert_eq!(copied(mx, "Value"), [host.as_str(), host.as_str()], "{when}: {mx}");
        assert_eq!(beside(mx, "Priority"), ["10", "10"], "{when}: {mx}");
        let bounces = card(&page, "Where bounces go");
        assert_eq!(copied(bounces, "Value"), [target.as_str(), target.as_str()], "{when}: {bounces}");
    }
    let console = app.visit(&app.session(key.account), "GET /console/domains/example.com", "");
    let mx = card(&console, ">MX<");
    assert_eq!(beside(mx, "Priority"), ["10", "10"], "{mx}");
    assert_eq!(beside(mx, "Value"), [host.as_str(), host.as_str()], "{mx}");
}

#[test]
fn a_form_that_adds_the_domain_to_a_target_is_given_the_dot_that_keeps_it_from_that() {
    let (app, key) = world();
    let secret = link(&app, &key);
    app.publish_all(NAME);
    let host = app.value::<String>("SELECT value FROM record WHERE purpose = 'mx'");
    app.dns.set(NAME, vec![mx(10, &format!("{host}.{NAME}"))]);
    let page = check(&app, &secret);
    let mx = card(&page, "Incoming mail");
    assert_eq!(copied(mx, "Value"), [host.clone(), format!("{host}.")], "{mx}");
}

#[test]
fn a_check_that_could_not_tell_calls_no_record_wrong() {
    let (app, key) = world();
    let secret = link(&app, &key);
    app.publish_all(NAME);
    let failed = || Outcome::ServFail { detail: String::new() };
    for record_type in [RecordType::Mx, RecordType::Txt] {
        app.dns.set_outcome(NAME, record_type, failed());
    }
    let checked = check(&app, &secret);
    let console = app.visit(&app.session(key.account), "GET /console/domains/example.com", "");
    for card in [card(&checked, "Incoming mail"), card(&console, ">MX<")] {
        assert!(card.contains("Not seen yet") && card.contains("finding wait"), "{card}");
        assert!(!card.contains("Not right yet"), "{card}");
    }
}

#[test]
fn where_the_domain_itself_is_an_alias_its_record_is_added_and_not_changed() {
    let (app, key) = world();
    let secret = link(&app, &key);
    app.publish_all(NAME);
    app.dns.set(NAME, vec![RecordData::Cname("shops.example.org".parse().unwrap())]);
    app.dns.set("shops.example.org", vec![RecordData::A([192, 0, 2, 80].into())]);
    let page = check(&app, &secret);
    for title in ["Incoming mail", "Who may send (SPF)"] {
        let card = card(&page, title);
        assert!(card.contains("Add this record") && !card.contains("<dt>Now</dt>"), "{card}");
    }
}
