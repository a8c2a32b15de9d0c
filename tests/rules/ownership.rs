//! Whose a name is: what an unproved name may not do, what proves it, and to whom it goes.

use postroom::cap::Caps;
use postroom::claim::{self, ClaimOutcome, ClaimState};
use postroom::dkim::{self, KeyPair, Source, pool};
use postroom::dns::RecordData;
use postroom::domain;
use postroom::error::{Entity, Error};
use postroom::id::DomainId;
use postroom::inbound;
use postroom::keyring;
use postroom::list::{self, ListKind, ListOutcome, ListQuery, Scope};
use postroom::mail;
use postroom::name::{DnsName, DomainName};
use postroom::page::Page;
use postroom::provision::{self, NewDomain};
use postroom::rotation;
use postroom::route::{self, RouteDecision};
use postroom::secret::{PlainSecret, SecretKind};
use postroom::settings::{RequireProof, Settings};
use postroom::signing::{self, SignFor, UnsignedCode, check_sender};
use postroom::{ownership, token, verify};

use crate::harness::app::{Key, TestApp, settings, txt};

const HOURS_OF_A_WEEK: u64 = 7 * 24;

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

/// Makes a domain, with its key.
fn create(app: &TestApp, key: &Key, text: &str) -> Result<DomainId, Error> {
    pool::write(&*app.postroom, |tx| {
        let domain = provision::create(tx, &key.operator(), &NewDomain::named(&name(text)))?;
        provision::equip(tx, &domain)?;
        Ok(domain.id)
    })
}

fn claimed(app: &TestApp, key: &Key, text: &str) -> claim::NameClaim {
    app.postroom.write(|tx| claim::create(tx, &key.operator(), &name(text), None)).unwrap().0
}

fn claim_of(app: &TestApp, key: &Key, text: &str) -> claim::NameClaim {
    app.postroom.read(|tx| claim::find(tx, &key.operator(), &name(text))).unwrap()
}

fn verified(app: &TestApp, key: &Key, text: &str) -> claim::VerifiedClaim {
    claim::verify(&app.postroom, &key.operator(), &name(text), &*app.dns).unwrap()
}

/// Has the account prove a name of its own by its challenge.
fn prove(app: &TestApp, key: &Key, text: &str) {
    app.publish_challenge(key, text);
    let verified = verified(app, key, text);
    assert_eq!(
        (verified.outcome, verified.claim.state),
        (ClaimOutcome::Proved, ClaimState::Holds),
        "{verified:?}"
    );
}

fn acts(app: &TestApp, key: &Key, text: &str) -> bool {
    claim_of(app, key, text).acts
}

fn route_of(app: &TestApp, address: &str) -> RouteDecision {
    app.postroom.read(|tx| route::decide(tx, &address.parse().unwrap())).unwrap()
}

fn check(app: &TestApp, key: &Key, id: DomainId) {
    verify::check(&app.postroom, &key.operator(), id, &*app.dns).unwrap();
}

fn rename(app: &TestApp, key: &Key, id: DomainId, to: &str) -> Result<(), Error> {
    app.postroom.write(|tx| {
        let domain = key.own(tx, id)?;
        provision::rename(tx, &key.operator(), &domain, &name(to)).map(drop)
    })
}

fn is_taken<T>(result: Result<T, Error>) -> bool {
    matches!(result.err(), Some(Error::Taken { .. }))
}

#[test]
fn nothing_acts_for_an_unproved_name_of_a_tenant() {
    let app = TestApp::new();
    let key = app.tenant("tenant");
    let id = create(&app, &key, "example.com").unwrap();
    let (token_id, secret) = app
        .postroom
        .write(|tx| {
            let domain = key.own(tx, id)?;
            inbound::add_alias(tx, &key.operator(), &domain, &name("example.org"))?;
            list::add(
                tx,
                &key.operator(),
                &Scope::Domain(&domain),
                ListKind::Blocklist,
                &"spam.example".parse()?,
            )?;
            token::create(tx, &key.operator(), &domain, None).map(|(token, secret)| (token.id, secret))
        })
        .unwrap();
    app.first_key_signs();
    let facts = || {
        let from = name("example.com");
        let login = mail::SenderLogin { token: token_id, domain: from.clone() };
        app.postroom
            .read(|tx| {
                let query = ListQuery::parse("jo@example.com", Some("x@spam.example"), None, None).unwrap();
                let domain = key.own(tx, id)?;
                Ok::<_, Error>([
                    matches!(route::decide(tx, &"jo@example.com".parse()?)?, RouteDecision::Known { .. }),
                    matches!(route::decide(tx, &"jo@example.org".parse()?)?, RouteDecision::Known { .. }),
                    mail::mailbox(tx, &"jo@example.com".parse()?)?.is_some(),
                    mail::is_ours(tx, &name("example.com"))?,
                    mail::is_ours(tx, &name("example.org"))?,
                    mail::log_in(tx, "example.com", secret.reveal())?.is_some(),
                    mail::still_holds(tx, &login)?,
                    token::authenticate(
                        tx,
                        &PlainSecret::parse(SecretKind::DomainToken, secret.reveal()).unwrap(),
                    )?
                    .is_some(),
                    !dkim::signing_keys(tx, &from)?.is_empty(),
                    check_sender(tx, &SignFor::Account(key.account), std::slice::from_ref(&from))?.is_ok(),
                    check_sender(tx, &SignFor::Domain(from.clone()), std::slice::from_ref(&from))?.is_ok(),
                    list::verdict(tx, &domain, &query)?.outcome == ListOutcome::Blocked,
                    signing::find(tx, &domain)?.signing.signs(),
                    claim::find(tx, &key.operator(), &from)?.acts,
                ])
            })
            .unwrap()
    };
    assert_eq!(facts(), [false; 14]);
    prove(&app, &key, "example.com");
    let now = facts();
    // The alias is a claim of its own.
    let of_alias = [1, 4];
    assert!(now.iter().enumerate().all(|(at, acts)| *acts != of_alias.contains(&at)), "{now:?}");
    prove(&app, &key, "example.org");
    assert_eq!(facts(), [true; 14]);
    signing::set_trust(&app.postroom, "tenant", true).unwrap();
    assert_eq!(facts(), [true; 14]);
}

#[test]
fn names_of_a_trusted_account_act_at_once_and_what_is_required_can_be_set() {
    for (required, of_trusted, of_tenant) in [
        (RequireProof::Tenants, true, false),
        (RequireProof::Always, false, false),
        (RequireProof::Never, true, true),
    ] {
        let app = TestApp::with(Settings { require_proof: required, ..settings() }, 8);
        let (own, tenant) = (app.account("own"), app.tenant("tenant"));
        create(&app, &own, "own.example").unwrap();
        create(&app, &tenant, "theirs.example").unwrap();
        let seen = (acts(&app, &own, "own.example"), acts(&app, &tenant, "theirs.example"));
        assert_eq!(seen, (of_trusted, of_tenant), "{required:?}");
    }
}

#[test]
fn a_squatters_alias_takes_no_mail_and_the_name_goes_to_its_owner() {
    // One proved domain was enough for an alias of anybody's name.
    let app = TestApp::new();
    let (squatter, owner) = (app.tenant("squatter"), app.tenant("owner"));
    let id = create(&app, &squatter, "squatter.example").unwrap();
    prove(&app, &squatter, "squatter.example");
    app.postroom
        .write(|tx| inbound::add_alias(tx, &squatter.operator(), &squatter.own(tx, id)?, &name("gmail.com")))
        .unwrap();
    assert_eq!(route_of(&app, "ceo@gmail.com"), RouteDecision::UnknownDomain);
    assert!(is_taken(create(&app, &owner, "gmail.com")));
    let contends = claimed(&app, &owner, "gmail.com");
    assert_eq!((contends.state, contends.reason.unwrap().code), (ClaimState::Contends, "held_by_another"));
    prove(&app, &owner, "gmail.com");
    let RouteDecision::Known { domain, .. } = route_of(&app, "ceo@gmail.com") else { panic!("it is there") };
    assert_eq!(app.details(&owner, domain).name, name("gmail.com"));
    let lost = claim_of(&app, &squatter, "gmail.com");
    assert_eq!((lost.state, lost.reason.unwrap().code), (ClaimState::Lost, "lost_to_proof"));
}

#[test]
fn a_name_below_a_proved_domain_of_another_account_is_taken_and_its_own_challenge_proves_it() {
    // The very name that the owner was told to point at the operator.
    let app = TestApp::new();
    let (owner, other) = (app.tenant("owner"), app.tenant("other"));
    create(&app, &owner, "acorp.com").unwrap();
    prove(&app, &owner, "acorp.com");
    assert!(is_taken(create(&app, &other, "mailer.acorp.com")));
    let spare = create(&app, &other, "spare.example").unwrap();
    assert!(is_taken(rename(&app, &other, spare, "mailer.acorp.com")));
    let alias = name("mailer.acorp.com");
    let made =
        app.postroom.write(|tx| inbound::add_alias(tx, &other.operator(), &other.own(tx, spare)?, &alias));
    assert!(is_taken(made));
    let contends = claimed(&app, &other, "mailer.acorp.com");
    assert_eq!((contends.state, contends.reason.unwrap().code), (ClaimState::Contends, "below_anothers"));
    assert_eq!(verified(&app, &other, "mailer.acorp.com").outcome, ClaimOutcome::NotYet);
    prove(&app, &other, "mailer.acorp.com");
    assert!(acts(&app, &other, "mailer.acorp.com"));
    // And what lies below that is the other account's now.
    assert!(is_taken(create(&app, &owner, "x.mailer.acorp.com")));
}

#[test]
fn a_proved_domain_proves_what_its_account_has_below_it_for_as_long_as_it_is_there() {
    let app = TestApp::new();
    let (owner, squatter) = (app.tenant("owner"), app.tenant("squatter"));
    create(&app, &squatter, "news.acorp.com").unwrap();
    let parent = create(&app, &owner, "acorp.com").unwrap();
    let child = create(&app, &owner, "shop.acorp.com").unwrap();
    assert!(!acts(&app, &owner, "shop.acorp.com"));
    prove(&app, &owner, "acorp.com");
    assert!(acts(&app, &owner, "shop.acorp.com"));
    assert!(!acts(&app, &squatter, "news.acorp.com"));
    // Proof beats time, also by way of the parent.
    create(&app, &owner, "news.acorp.com").unwrap();
    assert_eq!(claim_of(&app, &squatter, "news.acorp.com").state, ClaimState::Lost);
    app.publish_all("shop.acorp.com");
    check(&app, &owner, child);
    app.sql().execute("UPDATE domain SET proved_at = NULL WHERE name = 'shop.acorp.com'", []).unwrap();
    assert!(acts(&app, &owner, "shop.acorp.com"));
    assert_eq!(app.details(&owner, child).status, domain::DomainStatus::Active);
    app.postroom.write(|tx| provision::delete(tx, &owner.operator(), &owner.own(tx, parent)?)).unwrap();
    assert!(!acts(&app, &owner, "shop.acorp.com"));
    assert_eq!(app.details(&owner, child).status, domain::DomainStatus::Pending, "and its status follows");
    let why = app.postroom.read(|tx| signing::find(tx, &owner.own(tx, child)?)).unwrap();
    assert_eq!(why.signing.reason.unwrap().code, UnsignedCode::Unproved);
}

#[test]
fn the_operators_own_names_are_refused_to_tenants() {
    let zone = Some("dkim.hoster.net".parse().unwrap());
    let app = TestApp::with(Settings { delegation_zone: zone, ..settings() }, 8);
    let (tenant, own) = (app.tenant("tenant"), app.account("own"));
    let id = create(&app, &tenant, "tenant.example").unwrap();
    for text in ["mail.example.net", "example.net", "mx.mail.example.net", "hoster.net", "1.dkim.hoster.net"]
    {
        let refused = |result: Result<(), Error>| matches!(result, Err(Error::NotClaimable { .. }));
        assert!(refused(create(&app, &tenant, text).map(drop)), "{text}");
        assert!(refused(rename(&app, &tenant, id, text)), "{text}");
        let made =
            app.postroom.write(|tx| claim::create(tx, &tenant.operator(), &name(text), None).map(drop));
        assert!(refused(made), "{text}");
        let alias = app
            .postroom
            .write(|tx| inbound::add_alias(tx, &tenant.operator(), &tenant.own(tx, id)?, &name(text)));
        assert!(refused(alias), "{text}");
    }
    assert!(create(&app, &own, "example.net").is_ok());
    assert!(create(&app, &tenant, "customer.hoster.net").is_ok());
}

#[test]
fn a_record_that_the_operators_own_zone_answers_proves_nothing() {
    let zone = Some("dkim.hoster.net".parse::<DnsName>().unwrap());
    let app = TestApp::with(Settings { delegation_zone: zone, ..settings() }, 8);
    let tenant = app.tenant("tenant");
    let id = create(&app, &tenant, "example.com").unwrap();
    // By a delegated key.
    app.postroom
        .write(|tx| rotation::delegate(tx, &tenant.operator(), &tenant.own(tx, id)?).map(drop))
        .unwrap();
    let keys = app.postroom.read(|tx| dkim::list(tx, &tenant.own(tx, id)?)).unwrap();
    let delegated = keys.iter().find(|key| key.selector.as_str() == "pdk1").unwrap();
    let target = delegated.delegated_to.clone().unwrap();
    app.dns.set("pdk1._domainkey.example.com", vec![RecordData::Cname(target.clone())]);
    app.dns.set(target.as_str(), vec![txt(&delegated.public.record_value())]);
    check(&app, &tenant, id);
    assert!(!acts(&app, &tenant, "example.com"));
    let zone = app.postroom.read(|tx| rotation::delegated_zone(tx, &[])).unwrap();
    assert!(!zone.contains("pdk1"), "nor is it in the zone: {zone}");
    // By an alias of another key's name in that zone.
    let own = keys.iter().find(|key| key.selector.as_str() == "pr1").unwrap();
    app.dns.set("pr1._domainkey.example.com", vec![RecordData::Cname("x.dkim.hoster.net".parse().unwrap())]);
    app.dns.set("x.dkim.hoster.net", vec![txt(&own.public.record_value())]);
    check(&app, &tenant, id);
    assert!(!acts(&app, &tenant, "example.com"));
    prove(&app, &tenant, "example.com");
    let zone = app.postroom.read(|tx| rotation::delegated_zone(tx, &[])).unwrap();
    assert!(zone.contains("pdk1"), "{zone}");
}

#[test]
fn neither_a_wildcard_nor_a_manual_mark_is_proof() {
    let app = TestApp::new();
    let tenant = app.tenant("tenant");
    let id = create(&app, &tenant, "example.com").unwrap();
    let record = txt(&app.key_record("example.com"));
    app.dns.set("*._domainkey.example.com", vec![record.clone()]);
    check(&app, &tenant, id);
    assert!(!acts(&app, &tenant, "example.com"));
    let challenge = claim_of(&app, &tenant, "example.com").challenge;
    app.dns.set("*.example.com", vec![txt(&challenge.value)]);
    let seen = verified(&app, &tenant, "example.com");
    assert_eq!(seen.outcome, ClaimOutcome::NotYet);
    assert_eq!(seen.seen[0].1.finding.code.unwrap().as_str(), "record_from_wildcard");
    app.dns.clear("*.example.com");
    app.dns.clear("*._domainkey.example.com");
    app.postroom
        .write(|tx| {
            let domain = tenant.own(tx, id)?;
            for record in postroom::record::list(tx, &domain)? {
                let word = postroom::record::RecordStatus::Verified;
                verify::mark(tx, &tenant.operator(), &domain, record.id, word, None)?;
            }
            Ok::<_, Error>(())
        })
        .unwrap();
    check(&app, &tenant, id);
    assert!(!acts(&app, &tenant, "example.com"));
    app.dns.set("pr1._domainkey.example.com", vec![record]);
    check(&app, &tenant, id);
    assert!(acts(&app, &tenant, "example.com"), "a record of its own is proof");
}

#[test]
fn a_check_takes_the_challenge_for_proof_as_well() {
    let app = TestApp::new();
    let tenant = app.tenant("tenant");
    let id = create(&app, &tenant, "example.com").unwrap();
    app.publish_challenge(&tenant, "example.com");
    check(&app, &tenant, id);
    assert!(acts(&app, &tenant, "example.com"));
    assert!(app.actions(tenant.account).contains(&"domain.proved example.com".to_owned()));
}

#[test]
fn a_claim_of_seven_days_is_as_old_after_it_was_renamed_away_and_back_or_deleted_and_made_anew() {
    let app = TestApp::new();
    let other = app.tenant("other");
    for (text, by) in [("renamed.example", 0), ("deleted.example", 1), ("alias.example", 2)] {
        let squatter = app.tenant(&format!("squatter {by}"));
        let host = create(&app, &squatter, &format!("host-{by}.example")).unwrap();
        let operator = squatter.operator();
        let alias = |add: bool| {
            let alias = name(text);
            app.postroom.write(|tx| {
                let host = squatter.own(tx, host)?;
                if add {
                    inbound::add_alias(tx, &operator, &host, &alias)
                } else {
                    inbound::remove_alias(tx, &operator, &host, &alias)
                }
            })
        };
        let id = if by == 2 { alias(true).map(|()| host) } else { create(&app, &squatter, text) }.unwrap();
        let value = claim_of(&app, &squatter, text).challenge.value;
        app.advance(6 * 24);
        match by {
            0 => {
                rename(&app, &squatter, id, "elsewhere.example").unwrap();
                rename(&app, &squatter, id, text).unwrap();
            }
            1 => {
                app.postroom.write(|tx| provision::delete(tx, &operator, &squatter.own(tx, id)?)).unwrap();
                create(&app, &squatter, text).unwrap();
            }
            _ => {
                alias(false).unwrap();
                alias(true).unwrap();
            }
        }
        assert_eq!(claim_of(&app, &squatter, text).challenge.value, value, "it is the same claim");
        app.advance(25);
        assert!(create(&app, &other, text).is_ok(), "{text}");
        assert_eq!(claim_of(&app, &squatter, text).reason.unwrap().code, "expired");
    }
}

#[test]
fn a_domain_that_failed_400_days_ago_goes_to_a_fresh_challenge_and_to_nothing_less() {
    let app = TestApp::new();
    let (before, after) = (app.tenant("before"), app.tenant("after"));
    let id = create(&app, &before, "example.com").unwrap();
    app.publish_all("example.com");
    check(&app, &before, id);
    assert_eq!(app.details(&before, id).status, domain::DomainStatus::Active);
    let contends = claimed(&app, &after, "example.com");
    assert_eq!(contends.reason.unwrap().code, "proved_by_another");
    app.publish_challenge(&after, "example.com");
    let early = verified(&app, &after, "example.com");
    assert_eq!(
        (early.outcome, early.claim.state),
        (ClaimOutcome::Proved, ClaimState::Contends),
        "it is proved, and not lost yet"
    );
    for zone in ["example.com", "_dmarc.example.com", "pr1._domainkey.example.com", "mailer.example.com"] {
        app.dns.clear(zone);
    }
    app.dns.clear("_postroom-challenge.example.com");
    for _ in 0..4 {
        app.advance(36);
        check(&app, &before, id);
    }
    assert_eq!(app.details(&before, id).status, domain::DomainStatus::Failed);
    app.advance(400 * 24);
    assert!(is_taken(create(&app, &after, "example.com")));
    assert_eq!(
        verified(&app, &after, "example.com").claim.state,
        ClaimState::Contends,
        "what was seen once is not fresh"
    );
    prove(&app, &after, "example.com");
    let lost = claim_of(&app, &before, "example.com");
    assert_eq!(lost.reason.unwrap().code, "lost_to_fresh_proof");
    let moves = |key: &Key| app.actions(key.account).contains(&"domain.gave_way example.com".to_owned());
    assert!(moves(&before) && moves(&after), "each move is an event in both accounts");
    // A claim that was lost begins anew, with another challenge.
    assert_eq!(verified(&app, &before, "example.com").claim.state, ClaimState::Lost);
    let anew = claimed(&app, &before, "example.com");
    assert_eq!(anew.state, ClaimState::Contends);
}

#[test]
fn an_alias_whose_challenge_is_gone_for_72_hours_goes_to_a_fresh_one() {
    let app = TestApp::new();
    let (before, after) = (app.tenant("before"), app.tenant("after"));
    let id = create(&app, &before, "host.example").unwrap();
    prove(&app, &before, "host.example");
    let alias = name("alias.example");
    app.postroom
        .write(|tx| inbound::add_alias(tx, &before.operator(), &before.own(tx, id)?, &alias))
        .unwrap();
    prove(&app, &before, "alias.example");
    claimed(&app, &after, "alias.example");
    // Both challenges are there: it stays.
    let both: Vec<RecordData> =
        [&before, &after].map(|key| txt(&claim_of(&app, key, "alias.example").challenge.value)).to_vec();
    app.dns.set("_postroom-challenge.alias.example", both);
    assert_eq!(verified(&app, &after, "alias.example").claim.state, ClaimState::Contends);
    app.advance(100);
    assert_eq!(verified(&app, &after, "alias.example").claim.state, ClaimState::Contends);
    app.publish_challenge(&after, "alias.example");
    assert_eq!(verified(&app, &after, "alias.example").claim.state, ClaimState::Contends);
    app.advance(71);
    assert_eq!(verified(&app, &after, "alias.example").claim.state, ClaimState::Contends);
    app.advance(1);
    prove(&app, &after, "alias.example");
    assert_eq!(claim_of(&app, &before, "alias.example").state, ClaimState::Lost);
    assert!(claim_of(&app, &before, "alias.example").of.is_some());
}

#[test]
fn a_claim_that_wins_has_a_domain_with_records_and_a_key_of_its_own() {
    let app = TestApp::new();
    let (before, after) = (app.tenant("before"), app.tenant("after"));
    let id = create(&app, &before, "example.com").unwrap();
    let token =
        app.postroom.write(|tx| token::create(tx, &before.operator(), &before.own(tx, id)?, None)).unwrap();
    let old = app.key_record("example.com");
    crate::harness::app::add_other_pair(&app.postroom);
    app.sql().execute("DELETE FROM spare_key WHERE id < (SELECT max(id) FROM spare_key)", []).unwrap();
    claimed(&app, &after, "example.com");
    prove(&app, &after, "example.com");
    assert_ne!(app.key_record("example.com"), old);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM domain WHERE name = 'example.com'"), 1);
    assert!(app.postroom.read(|tx| token::authenticate(tx, &token.1)).unwrap().is_none());
    let gone = app.postroom.read(|tx| before.own(tx, id).map(drop));
    assert!(matches!(gone, Err(Error::NotFound(Entity::Domain))));
}

#[test]
fn a_transfer_ends_what_the_seller_has_and_the_buyer_acts_at_once() {
    let app = TestApp::new();
    let (seller, buyer) = (app.tenant("seller"), app.tenant("buyer"));
    let id = create(&app, &seller, "example.com").unwrap();
    prove(&app, &seller, "example.com");
    let pair = Source::Pair(KeyPair::import(include_bytes!("../fixtures/pem/002-2048.pem")).unwrap());
    let operator = seller.operator();
    let (token, link) = app
        .postroom
        .write(|tx| {
            let domain = seller.own(tx, id)?;
            keyring::create(tx, &operator, &domain, &"brought".parse()?, &pair)?;
            let token = token::create(tx, &operator, &domain, None)?.1;
            Ok::<_, Error>((token, postroom::login::create(tx, &operator, &domain)?.1))
        })
        .unwrap();
    app.sql().execute("UPDATE dkim_key SET activated_at = 1", []).unwrap();
    pool::write(&*app.postroom, |tx| provision::transfer(tx, &operator, &seller.own(tx, id)?, buyer.account))
        .unwrap();
    assert!(acts(&app, &buyer, "example.com"));
    assert!(app.postroom.read(|tx| token::authenticate(tx, &token)).unwrap().is_none());
    assert!(app.postroom.read(|tx| postroom::login::peek(tx, &link)).unwrap().is_none());
    let keys = app.postroom.read(|tx| dkim::list(tx, &buyer.own(tx, id)?)).unwrap();
    let active: Vec<&str> =
        keys.iter().filter(|key| key.is_active()).map(|key| key.selector.as_str()).collect();
    assert_eq!(
        (keys.len(), active),
        (3, vec!["pr1"]),
        "the one that was made here signs on, and there is a new one"
    );
    // The seller's challenge is worth nothing any more.
    app.advance(1);
    let claim = claimed(&app, &seller, "example.com");
    assert_eq!((claim.state, claim.reason.unwrap().code), (ClaimState::Contends, "proved_by_another"));
    assert_eq!(verified(&app, &seller, "example.com").outcome, ClaimOutcome::NotYet);
}

#[test]
fn a_domain_that_was_never_proved_acts_for_its_buyer() {
    let app = TestApp::new();
    let (seller, buyer) = (app.tenant("seller"), app.tenant("buyer"));
    let id = create(&app, &seller, "example.com").unwrap();
    assert!(!acts(&app, &seller, "example.com"));
    pool::write(&*app.postroom, |tx| {
        provision::transfer(tx, &seller.operator(), &seller.own(tx, id)?, buyer.account)
    })
    .unwrap();
    assert!(acts(&app, &buyer, "example.com"), "it is the operator's decision");
}

#[test]
fn a_tenant_has_so_many_unproved_names_and_no_more_until_it_proves_some() {
    let app =
        TestApp::with(Settings { caps: Caps { unproved_claims: 3, ..Caps::default() }, ..settings() }, 20);
    let (tenant, other) = (app.tenant("tenant"), app.tenant("other"));
    create(&app, &other, "theirs.example").unwrap();
    let id = create(&app, &tenant, "one.example").unwrap();
    app.postroom
        .write(|tx| inbound::add_alias(tx, &tenant.operator(), &tenant.own(tx, id)?, &name("two.example")))
        .unwrap();
    claimed(&app, &tenant, "theirs.example");
    let limit =
        |result: Result<(), Error>| matches!(result, Err(Error::Limit { what: Entity::Claim, most: 3 }));
    assert!(limit(create(&app, &tenant, "four.example").map(drop)));
    let claim = |text: &str| {
        app.postroom.write(|tx| claim::create(tx, &tenant.operator(), &name(text), None).map(drop))
    };
    assert!(limit(claim("four.example")));
    // One that contends can be proved at the limit.
    prove(&app, &tenant, "theirs.example");
    create(&app, &tenant, "four.example").unwrap();
    assert!(limit(create(&app, &tenant, "five.example").map(drop)));
    // What a proved name proves does not count.
    for n in 0..5 {
        create(&app, &tenant, &format!("n{n}.theirs.example")).unwrap();
    }
    assert_eq!(app.postroom.read(|tx| ownership::count_unproved(tx, tenant.account)).unwrap(), 3);
    let own = app.account("own");
    for n in 0..5 {
        create(&app, &own, &format!("n{n}.example")).unwrap();
    }
}

#[test]
fn names_that_are_taken_and_given_up_again_and_again_are_remembered_and_no_more_than_so_many() {
    let app =
        TestApp::with(Settings { caps: Caps { unproved_claims: 2, ..Caps::default() }, ..settings() }, 40);
    let tenant = app.tenant("tenant");
    let mut made = 0;
    for n in 0..30 {
        let Ok(id) = create(&app, &tenant, &format!("n{n}.example")) else { break };
        made += 1;
        app.postroom.write(|tx| provision::delete(tx, &tenant.operator(), &tenant.own(tx, id)?)).unwrap();
    }
    assert_eq!(made, 20, "ten times the limit");
    app.advance(HOURS_OF_A_WEEK + 1);
    assert!(app.postroom.write(|tx| claim::forget_old(tx, 100)).unwrap() > 0);
    assert!(create(&app, &tenant, "n0.example").is_ok());
}

#[test]
fn the_operator_frees_any_name_and_its_claim_says_so() {
    let app = TestApp::new();
    let tenant = app.tenant("tenant");
    let id = create(&app, &tenant, "example.com").unwrap();
    prove(&app, &tenant, "example.com");
    app.postroom
        .write(|tx| inbound::add_alias(tx, &tenant.operator(), &tenant.own(tx, id)?, &name("example.org")))
        .unwrap();
    for text in ["example.org", "example.com"] {
        let freed = app.postroom.write(|tx| claim::free(tx, &name(text))).unwrap();
        assert_eq!(freed.account, tenant.account);
    }
    let gone = app.postroom.write(|tx| claim::free(tx, &name("example.com")));
    assert!(matches!(gone, Err(Error::NotFound(Entity::Claim))));
    assert_eq!(claim_of(&app, &tenant, "example.com").reason.unwrap().code, "freed");
    // The alias's claim went with its domain.
    let page = Page { limit: 10, offset: 0 };
    assert_eq!(app.postroom.read(|tx| claim::list(tx, &tenant.operator(), page)).unwrap().len(), 1);
}

#[test]
fn an_account_that_is_trusted_no_more_has_domains_that_say_why_they_are_not_active() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = create(&app, &key, "example.com").unwrap();
    app.publish_all("example.com");
    // Active by what is seen, and proved by it: forget that.
    check(&app, &key, id);
    app.sql().execute("UPDATE domain SET proved_at = NULL", []).unwrap();
    let (_, left) = signing::set_trust(&app.postroom, "acme", false).unwrap();
    assert_eq!(left.unproved, 1);
    let details = app.details(&key, id);
    assert_eq!(details.status, domain::DomainStatus::Pending);
    let why = app.postroom.read(|tx| signing::find(tx, &key.own(tx, id)?)).unwrap();
    assert_eq!(why.reason().unwrap().code, "unproved");
    check(&app, &key, id);
    assert_eq!(app.details(&key, id).status, domain::DomainStatus::Active, "the next check proves it");
}

#[test]
fn a_claim_is_its_accounts_and_no_other_ones() {
    let app = TestApp::new();
    let (one, other) = (app.tenant("one"), app.tenant("other"));
    create(&app, &one, "example.com").unwrap();
    claimed(&app, &other, "example.com");
    let challenge = |key: &Key| claim_of(&app, key, "example.com").challenge.value;
    assert_ne!(challenge(&one), challenge(&other));
    // One account's challenge is nothing to another one.
    app.publish_challenge(&other, "example.com");
    assert_eq!(verified(&app, &one, "example.com").outcome, ClaimOutcome::NotYet);
    let stranger = app.tenant("stranger");
    let found = app.postroom.read(|tx| claim::find(tx, &stranger.operator(), &name("example.com")).map(drop));
    assert!(matches!(found, Err(Error::NotFound(Entity::Claim))));
}
