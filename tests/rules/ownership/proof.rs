//! What proves a name, and what does not.

use super::*;

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
    let why = app.postroom.read(|tx| signing::find(tx, &tenant.own(tx, id)?)).unwrap().reasons;
    assert!(
        why.iter().any(|reason| reason.code == "unproved" && reason.text.contains("wildcard")),
        "{why:?}"
    );
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

/// What the server at the target of an alias may say: one thing of the challenge, and another of any name beside it.
struct TwoFaced<'a>(&'a dyn Resolver);

impl Resolver for TwoFaced<'_> {
    fn lookup(&self, question: &Question) -> Answer {
        let answer = self.0.lookup(question);
        if question.name.as_str().contains("-probe") {
            return Answer { outcome: Outcome::NxDomain { remaining: None }, ..answer };
        }
        answer
    }
}

#[test]
fn whoever_runs_the_target_of_a_wildcards_alias_proves_nothing() {
    let app = TestApp::new();
    let tenant = app.tenant("tenant");
    let id = create(&app, &tenant, "example.com").unwrap();
    let challenge = claim_of(&app, &tenant, "example.com").challenge;
    app.dns.set("*.example.com", vec![RecordData::Cname("t.attacker.example".parse().unwrap())]);
    app.dns.set("t.attacker.example", vec![txt(&challenge.value), txt(&app.key_record("example.com"))]);
    let target = TwoFaced(&*app.dns);
    let seen = claim::verify(&app.postroom, &tenant.operator(), &name("example.com"), &target).unwrap();
    assert_eq!(seen.outcome, ClaimOutcome::NotYet);
    verify::check(&app.postroom, &tenant.operator(), id, &target).unwrap();
    assert!(!acts(&app, &tenant, "example.com"));
    // An alias that the owner has made for the very name is theirs.
    app.dns.clear("*.example.com");
    app.dns.set(
        "_postroom-challenge.example.com",
        vec![RecordData::Cname("t.attacker.example".parse().unwrap())],
    );
    let seen = claim::verify(&app.postroom, &tenant.operator(), &name("example.com"), &target).unwrap();
    assert_eq!(seen.outcome, ClaimOutcome::Proved);
}

#[test]
fn a_selector_that_leads_to_somebody_else_lets_them_sign_and_proves_nothing() {
    let app = TestApp::new();
    let tenant = app.tenant("tenant");
    let id = create(&app, &tenant, "news.example.com").unwrap();
    let record = txt(&app.key_record("news.example.com"));
    // An alias that was made for a provider, which is gone or has another customer now.
    for target in ["pr1.dkim.provider.example", "example.net"] {
        app.dns.set("pr1._domainkey.news.example.com", vec![RecordData::Cname(target.parse().unwrap())]);
        app.dns.set(target, vec![record.clone()]);
        check(&app, &tenant, id);
        assert!(!acts(&app, &tenant, "news.example.com"), "{target}");
    }
    // One that leads to another name of what was registered is its owner's.
    app.dns
        .set("pr1._domainkey.news.example.com", vec![RecordData::Cname("keys.example.com".parse().unwrap())]);
    app.dns.set("keys.example.com", vec![record]);
    check(&app, &tenant, id);
    assert!(acts(&app, &tenant, "news.example.com"));
}

#[test]
fn of_many_names_below_a_proved_one_the_later_ones_follow_its_end_in_the_background() {
    let app = TestApp::new();
    let tenant = app.tenant("tenant");
    let id = create(&app, &tenant, "example.com").unwrap();
    prove(&app, &tenant, "example.com");
    let follow = || while signing::follow_setting(&app.postroom, 50).unwrap() {};
    follow();
    app.domains_below(&tenant, "example.com", 250);
    app.sql().execute("UPDATE domain SET status = 'active'", []).unwrap();
    app.postroom.write(|tx| provision::delete(tx, &tenant.operator(), &tenant.own(tx, id)?)).unwrap();
    let active = || app.value::<i64>("SELECT count(*) FROM domain WHERE status = 'active'");
    assert_eq!(active(), 50, "one change writes 200 at most");
    follow();
    assert_eq!(active(), 0);
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
fn the_record_of_an_imported_key_proves_nothing_for_a_tenant_and_its_challenge_does() {
    // Whoever had the key before could import it as well, and its record is in the DNS already.
    let app = TestApp::new();
    let (former_provider, own) = (app.tenant("former provider"), app.account("own"));
    let pair = || Source::Pair(KeyPair::import(include_bytes!("../../fixtures/pem/002-2048.pem")).unwrap());
    let record = txt(&KeyPair::import(include_bytes!("../../fixtures/pem/002-2048.pem"))
        .unwrap()
        .public()
        .record_value());
    let mut ids = Vec::new();
    for (key, text) in [(&former_provider, "example.com"), (&own, "example.org")] {
        let id = create(&app, key, text).unwrap();
        app.dns.set(&format!("old._domainkey.{text}"), vec![record.clone()]);
        app.postroom
            .write(|tx| {
                let domain = key.own(tx, id)?;
                keyring::delete(tx, &key.operator(), &domain, &"pr1".parse()?)?;
                keyring::create(tx, &key.operator(), &domain, &"old".parse()?, &pair()).map(drop)
            })
            .unwrap();
        check(&app, key, id);
        keyring::activate(&app.postroom, &key.operator(), id, &"old".parse().unwrap(), &*app.dns).unwrap();
        ids.push(id);
    }
    assert!(!acts(&app, &former_provider, "example.com"));
    assert!(claim_of(&app, &own, "example.org").proved_at.is_some(), "a trusted account's is proof");
    let why = app.postroom.read(|tx| signing::find(tx, &former_provider.own(tx, ids[0])?)).unwrap();
    let reason = why.signing.reason.unwrap();
    assert_eq!(reason.code, UnsignedCode::Unproved);
    assert!(reason.text.contains("challenge") && reason.text.contains("imported key"), "{}", reason.text);
    let claim = claim_of(&app, &former_provider, "example.com").reason.unwrap();
    assert!(claim.text.contains("made here"), "{}", claim.text);
    // The record of a key that was made here is proof beside it, and so is the challenge.
    let made = app
        .postroom
        .write(|tx| {
            let domain = former_provider.own(tx, ids[0])?;
            keyring::create(tx, &former_provider.operator(), &domain, &"new".parse()?, &Source::Pool)
        })
        .unwrap();
    app.dns.set("new._domainkey.example.com", vec![txt(&made.key.public.record_value())]);
    check(&app, &former_provider, ids[0]);
    assert!(acts(&app, &former_provider, "example.com"));
    let imported = create(&app, &former_provider, "example.net.example").unwrap();
    prove(&app, &former_provider, "example.net.example");
    assert!(app.details(&former_provider, imported).proved_at.is_some());
}

#[test]
fn a_domain_that_proves_one_which_is_tied_to_another_key_stays_as_it_is() {
    let app = TestApp::new();
    let tenant = app.tenant("tenant");
    let other = app.key_of(tenant.account);
    let parent = create(&app, &tenant, "example.com").unwrap();
    let leaf = create(&app, &tenant, "shop.example.com").unwrap();
    prove(&app, &tenant, "example.com");
    app.postroom
        .write(|tx| {
            domain::associate(tx, &tenant.operator(), &tenant.own(tx, leaf)?, Some(other.id)).map(drop)
        })
        .unwrap();
    let caller = app.caller(&tenant);
    let before = app.dump();
    let in_use = |result: Result<(), Error>| match result {
        Err(Error::InUse { reason, .. }) => reason.contains("1 domain ") && !reason.contains("shop"),
        other => panic!("{other:?}"),
    };
    let delete = |caller: &Caller| {
        app.postroom.write(|tx| provision::delete(tx, caller, &domain::find(tx, caller, parent)?))
    };
    assert!(in_use(delete(&caller)));
    assert!(in_use(app.postroom.write(|tx| {
        provision::rename(tx, &caller, &domain::find(tx, &caller, parent)?, &name("example.org")).map(drop)
    })));
    assert!(in_use(app.postroom.write(|tx| claim::delete(tx, &caller, &name("example.com")))));
    assert_eq!(app.dump(), before);
    assert!(acts(&app, &tenant, "shop.example.com"));
    delete(&tenant.operator()).unwrap();
    assert!(!acts(&app, &tenant, "shop.example.com"), "the operator can");
}

#[test]
fn a_domain_of_a_trusted_account_proves_nothing_that_hinders_another_key_below_it() {
    let app = TestApp::new();
    let trusted = app.account("own");
    let other = app.key_of(trusted.account);
    let parent = create(&app, &trusted, "example.com").unwrap();
    let leaf = create(&app, &trusted, "shop.example.com").unwrap();
    prove(&app, &trusted, "example.com");
    let caller = app.caller(&trusted);
    app.postroom
        .write(|tx| {
            domain::associate(tx, &trusted.operator(), &trusted.own(tx, leaf)?, Some(other.id))?;
            provision::delete(tx, &caller, &domain::find(tx, &caller, parent)?)
        })
        .unwrap();
    assert!(acts(&app, &trusted, "shop.example.com"));
}
