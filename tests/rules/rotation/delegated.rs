//! Delegated keys: pairs that take turns in the operator's zone.

use postroom::dns::{Outcome, RecordData, RecordType};
use postroom::domain;
use postroom::rotation;
use postroom::verify;

use super::{Desk, NAME, with_zone};
use crate::harness::app::{TestApp, settings, txt};

#[test]
fn delegated_keys_take_turns_and_the_domains_owner_never_acts_again() {
    let desk = Desk::new(with_zone());
    desk.delegate().unwrap();
    desk.publish_zone();
    desk.verify();
    desk.keep();
    assert_eq!(desk.active(), ["pdk1"], "the first takes over from the key before");
    let mut owners = desk
        .app
        .postroom
        .read(|tx| postroom::record::list(tx, &desk.key.own(tx, desk.domain().id)?))
        .unwrap();
    owners.retain(|record| record.dkim_key.is_some() && record.host != "pr1._domainkey");
    let asked: Vec<(String, String)> =
        owners.iter().map(|record| (record.record_type().to_string(), record.value.clone())).collect();
    for (turn, (now, before)) in
        [("pdk2", "pdk1"), ("pdk1", "pdk2"), ("pdk2", "pdk1")].into_iter().enumerate()
    {
        let old = desk.key(before).public;
        desk.start().unwrap();
        desk.verify();
        assert_eq!(desk.keep(), 1, "turn {turn}: its record stands in the zone already");
        assert_eq!(desk.active(), [now]);
        let early = desk.start().unwrap_err().to_string();
        assert!(early.contains("kept"), "{early}");
        desk.app.advance(7 * 24);
        assert!(desk.keep() >= 1);
        assert!(turn > 0 || desk.key(before).public == old || desk.key(before).retired_at.is_none());
        desk.publish_zone();
        desk.verify();
    }
    let mut later = desk
        .app
        .postroom
        .read(|tx| postroom::record::list(tx, &desk.key.own(tx, desk.domain().id)?))
        .unwrap();
    later.retain(|record| record.dkim_key.is_some() && record.host != "pr1._domainkey");
    let mut still: Vec<(String, String)> =
        later.iter().map(|record| (record.record_type().to_string(), record.value.clone())).collect();
    still.sort();
    let mut asked = asked;
    asked.sort();
    assert_eq!(still, asked, "the owner's two CNAMEs are what they were");
    assert_eq!(desk.domain().status, domain::DomainStatus::Active);
}

#[test]
fn a_delegated_key_whose_record_was_seen_once_signs_only_when_it_is_seen_again() {
    let desk = Desk::new(with_zone());
    desk.delegate().unwrap();
    desk.publish_zone();
    desk.verify();
    desk.keep();
    assert_eq!(desk.active(), ["pdk1"]);
    desk.app.dns.set_outcome("pdk2._domainkey.example.com", RecordType::Txt, Outcome::Timeout);
    desk.start().unwrap();
    desk.verify();
    desk.keep();
    assert_eq!(desk.active(), ["pdk1"], "nobody could see the record of the new one");
    desk.app.dns.clear("pdk2._domainkey.example.com");
    desk.publish_zone();
    desk.verify();
    desk.keep();
    assert_eq!(desk.active(), ["pdk2"]);
}

#[test]
fn a_domain_that_does_not_sign_yet_signs_with_its_delegated_key_alone() {
    let app = TestApp::with(with_zone(), 40);
    let key = app.account("acme");
    app.domain(&key, NAME);
    app.publish_all(NAME);
    let desk = Desk { app, key };
    desk.delegate().unwrap();
    desk.publish_zone();
    desk.verify();
    assert_eq!(desk.active(), ["pdk1"]);
}

#[test]
fn the_operators_zone_has_every_delegated_key_and_nothing_is_delegated_without_one() {
    let desk = Desk::new(settings());
    let domain = desk.domain();
    let refused = desk
        .app
        .postroom
        .write(|tx| rotation::delegate(tx, &desk.key.operator(), &desk.key.own(tx, domain.id)?));
    assert!(refused.unwrap_err().to_string().contains("no zone"));
    assert!(desk.app.postroom.read(|tx| rotation::delegated_zone(tx, &[])).is_err());

    let desk = Desk::new(with_zone());
    let domain = desk.domain();
    desk.delegate().unwrap();
    let fragment = desk.app.postroom.read(|tx| rotation::delegated_zone(tx, &[])).unwrap();
    assert_eq!(fragment.lines().filter(|line| line.contains(" IN TXT ")).count(), 2, "{fragment}");
    assert!(!fragment.contains(" SOA "));
    let servers = ["ns1.example.net".parse().unwrap(), "ns2.example.net".parse().unwrap()];
    let whole = desk.app.postroom.read(|tx| rotation::delegated_zone(tx, &servers)).unwrap();
    assert!(whole.contains("IN SOA ns1.example.net. ") && whole.matches(" IN NS ").count() == 2, "{whole}");
    assert!(
        whole.contains(&format!("pdk1._domainkey.{}.dkim.mail.example.net. 300 IN TXT", domain.id)),
        "{whole}"
    );
}

#[test]
fn a_delegated_key_must_come_by_its_alias() {
    let desk = Desk::new(with_zone());
    let domain = desk.domain();
    desk.delegate().unwrap();
    desk.publish_zone();
    let finding = || {
        let checked =
            verify::check(&desk.app.postroom, &desk.key.operator(), domain.id, &*desk.app.dns).unwrap();
        let found = checked.into_iter().find(|checked| checked.record.host == "pdk1._domainkey").unwrap();
        (found.finding.verdict, found.finding.code.map(verify::Code::as_str), found.finding.text)
    };
    assert_eq!(finding().0, verify::Verdict::Pass, "{:?}", finding());
    // The key itself, pasted: it works, until the next turn.
    let value = desk.key("pdk1").public.record_value();
    desk.app.dns.set("pdk1._domainkey.example.com", vec![txt(&value)]);
    let (verdict, code, text) = finding();
    assert_eq!((verdict, code), (verify::Verdict::Warn, Some("cname_proxied_or_flattened")), "{text}");
    desk.app.dns.set("pdk1._domainkey.example.com", vec![txt("v=DKIM1; p=")]);
    assert_eq!(finding().0, verify::Verdict::Fail);
    // An alias of another domain's.
    let wrong = RecordData::Cname("pdk1._domainkey.77.dkim.mail.example.net".parse().unwrap());
    desk.app.dns.set("pdk1._domainkey.example.com", vec![wrong]);
    let (verdict, code, text) = finding();
    assert_eq!((verdict, code), (verify::Verdict::Fail, Some("cname_wrong_target")), "{text}");
    desk.app.dns.set("pdk1._domainkey.example.com", vec![]);
    let (verdict, code, text) = finding();
    assert_eq!((verdict, code), (verify::Verdict::Fail, Some("record_missing")), "{text}");
    assert!(text.contains("CNAME pdk1._domainkey."), "{text}");
}

#[test]
fn a_delegated_key_that_takes_turns_with_one_that_signs_is_not_deleted_and_a_missing_one_is_made_anew() {
    let desk = Desk::new(with_zone());
    let (domain, caller) = (desk.domain(), desk.key.operator());
    let delete = |text: &str| {
        desk.app.postroom.write(|tx| {
            postroom::keyring::delete(tx, &caller, &desk.key.own(tx, domain.id)?, &text.parse().unwrap())
        })
    };
    desk.delegate().unwrap();
    desk.publish_zone();
    desk.verify();
    desk.keep();
    let refused = delete("pdk2").unwrap_err().to_string();
    assert!(refused.contains("it takes turns with pdk1"), "{refused}");
    // As an earlier version did.
    let spares = || desk.app.value::<i64>("SELECT count(*) FROM spare_key");
    desk.app.sql().execute("DELETE FROM dkim_key WHERE selector = 'pdk2'", []).unwrap();
    let refused = desk.start().unwrap_err().to_string();
    assert!(refused.contains("delegate the domain's keys again"), "{refused}");
    let before = spares();
    let again = desk.delegate().unwrap();
    assert_eq!((again.stage, again.keys.len(), spares()), (desk.stage(), 3, before - 1), "{again:?}");
    assert_eq!(desk.delegate().unwrap().keys.len(), 3);
    desk.publish_zone();
    desk.start().unwrap();
    desk.verify();
    desk.keep();
    assert_eq!(desk.active(), ["pdk2"]);
    // A domain that gives its delegated keys up has none of them sign first.
    desk.app
        .postroom
        .write(|tx| {
            let own = desk.key.own(tx, domain.id)?;
            postroom::keyring::deactivate(tx, &caller, &own, &"pdk2".parse().unwrap())
        })
        .unwrap();
    delete("pdk1").unwrap();
    delete("pdk2").unwrap();
}
