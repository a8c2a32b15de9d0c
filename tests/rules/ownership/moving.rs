//! To whom a name goes, and what becomes of what hung on it.

use super::*;

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
fn an_account_that_deletes_its_keys_keeps_no_name_from_its_owner() {
    let app = TestApp::new();
    let (before, after) = (app.tenant("before"), app.tenant("after"));
    let id = create(&app, &before, "example.com").unwrap();
    app.publish_all("example.com");
    check(&app, &before, id);
    assert!(acts(&app, &before, "example.com"));
    // The owner has gone to another account, which has the same MX, SPF and DMARC records.
    claimed(&app, &after, "example.com");
    app.publish_challenge(&after, "example.com");
    let contends = || {
        check(&app, &before, id);
        verified(&app, &after, "example.com").claim.state == ClaimState::Contends
    };
    assert!(contends());
    app.advance(100);
    assert!(contends(), "the record of its key is seen");
    app.dns.set("pr1._domainkey.example.com", vec![]);
    app.postroom
        .write(|tx| {
            let (domain, selector) = (before.own(tx, id)?, "pr1".parse()?);
            keyring::deactivate(tx, &before.operator(), &domain, &selector)?;
            keyring::delete(tx, &before.operator(), &domain, &selector)
        })
        .unwrap();
    assert!(contends(), "its challenge is missed from now on");
    app.advance(71);
    assert!(contends());
    // With its challenge it begins anew.
    let both = [&before, &after].map(|key| txt(&claim_of(&app, key, "example.com").challenge.value)).to_vec();
    app.dns.set("_postroom-challenge.example.com", both);
    assert!(contends());
    app.publish_challenge(&after, "example.com");
    app.advance(2);
    assert!(contends());
    app.advance(72);
    prove(&app, &after, "example.com");
    assert_eq!(claim_of(&app, &before, "example.com").reason.unwrap().code, "lost_to_fresh_proof");
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
    let pair = Source::Pair(KeyPair::import(include_bytes!("../../fixtures/pem/002-2048.pem")).unwrap());
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

#[test]
fn a_name_that_was_taken_by_its_challenge_is_kept_by_that_same_record() {
    // The challenge was another one afterwards, so that the record which had to stay did not count.
    let app = TestApp::new();
    let (squatter, owner, rival) = (app.tenant("squatter"), app.tenant("owner"), app.tenant("rival"));
    let host = create(&app, &owner, "host.example").unwrap();
    create(&app, &squatter, "alias.example").unwrap();
    let contends = app
        .postroom
        .write(|tx| claim::create(tx, &owner.operator(), &name("alias.example"), Some(&name("host.example"))))
        .unwrap()
        .0;
    app.advance(1);
    prove(&app, &owner, "alias.example");
    let holds = claim_of(&app, &owner, "alias.example");
    assert_eq!(
        (holds.challenge.value.clone(), holds.of),
        (contends.challenge.value, Some(name("host.example")))
    );
    // A rival's challenge beside it changes nothing, however long both are there.
    let theirs = claimed(&app, &rival, "alias.example").challenge.value;
    app.dns.set("_postroom-challenge.alias.example", vec![txt(&holds.challenge.value), txt(&theirs)]);
    for _ in 0..3 {
        assert_eq!(verified(&app, &rival, "alias.example").claim.state, ClaimState::Contends);
        app.advance(100);
    }
    assert_eq!(app.details(&owner, host).name, name("host.example"));
}

#[test]
fn a_name_below_a_proved_alias_of_another_account_is_taken_as_well() {
    let app = TestApp::new();
    let (owner, other) = (app.tenant("owner"), app.tenant("other"));
    let id = create(&app, &owner, "owner.example").unwrap();
    app.postroom
        .write(|tx| inbound::add_alias(tx, &owner.operator(), &owner.own(tx, id)?, &name("alias.example")))
        .unwrap();
    // An alias that is not proved stands in nobody's way.
    let early = create(&app, &other, "early.alias.example").unwrap();
    prove(&app, &owner, "alias.example");
    assert!(is_taken(create(&app, &other, "sub.alias.example")));
    assert!(is_taken(rename(&app, &other, early, "sub.alias.example")));
    let contends = claimed(&app, &other, "sub.alias.example");
    assert_eq!((contends.state, contends.reason.unwrap().code), (ClaimState::Contends, "below_anothers"));
    create(&app, &owner, "own.alias.example").unwrap();
    prove(&app, &other, "sub.alias.example");
    assert!(acts(&app, &other, "sub.alias.example"));
}

#[test]
fn a_claim_below_a_domain_of_ones_own_does_not_say_that_another_account_stands_above() {
    let app = TestApp::new();
    let (owner, other) = (app.tenant("owner"), app.tenant("other"));
    create(&app, &owner, "example.com").unwrap();
    prove(&app, &owner, "example.com");
    claimed(&app, &other, "shop.example.com");
    prove(&app, &other, "shop.example.com");
    let contends = claimed(&app, &owner, "shop.example.com");
    assert_eq!(contends.reason.unwrap().code, "proved_by_another");
    app.postroom.write(|tx| claim::delete(tx, &other.operator(), &name("shop.example.com"))).unwrap();
    assert_eq!(claim_of(&app, &owner, "shop.example.com").reason.unwrap().code, "free");
}

#[test]
fn the_record_of_an_imported_key_keeps_no_name_from_its_next_owner() {
    let app = TestApp::new();
    let (before, after) = (app.tenant("before"), app.tenant("after"));
    let id = create(&app, &before, "example.com").unwrap();
    prove(&app, &before, "example.com");
    // The next owner publishes this key, which somebody has brought along.
    let pair = KeyPair::import(include_bytes!("../../fixtures/pem/002-2048.pem")).unwrap();
    app.dns.set("old._domainkey.example.com", vec![txt(&pair.public().record_value())]);
    let pair = Source::Pair(pair);
    app.postroom
        .write(|tx| {
            let domain = before.own(tx, id)?;
            keyring::create(tx, &before.operator(), &domain, &"old".parse()?, &pair).map(drop)
        })
        .unwrap();
    for _ in 0..4 {
        check(&app, &before, id);
        app.advance(36);
    }
    claimed(&app, &after, "example.com");
    prove(&app, &after, "example.com");
    assert_eq!(claim_of(&app, &before, "example.com").reason.unwrap().code, "lost_to_fresh_proof");
}

#[test]
fn a_transfer_revokes_however_many_tokens_there_are() {
    let app = TestApp::new();
    let (seller, buyer) = (app.account("seller"), app.tenant("buyer"));
    let id = create(&app, &seller, "example.com").unwrap();
    app.postroom
        .write(|tx| {
            let domain = seller.own(tx, id)?;
            (0..250).try_for_each(|_| token::create(tx, &seller.operator(), &domain, None).map(drop))
        })
        .unwrap();
    pool::write(&*app.postroom, |tx| {
        provision::transfer(tx, &seller.operator(), &seller.own(tx, id)?, buyer.account)
    })
    .unwrap();
    assert_eq!(app.value::<i64>("SELECT count(*) FROM domain_token WHERE revoked_at IS NULL"), 0);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM domain_token"), 250);
}

#[test]
fn a_claim_whose_challenge_is_seen_while_another_keeps_the_name_is_proved_once() {
    let app = TestApp::new();
    let (owner, other) = (app.tenant("owner"), app.tenant("other"));
    let id = create(&app, &owner, "example.com").unwrap();
    prove(&app, &owner, "example.com");
    app.publish(&owner, id.number());
    check(&app, &owner, id);
    claimed(&app, &other, "example.com");
    app.publish_challenge(&other, "example.com");
    for _ in 0..2 {
        let seen = verified(&app, &other, "example.com");
        assert_eq!(
            (seen.outcome, seen.claim.state),
            (ClaimOutcome::Proved, ClaimState::Contends),
            "{seen:?}"
        );
    }
    assert!(claim_of(&app, &other, "example.com").proved_at.is_some());
    let actions = app.actions(other.account);
    let proved = actions.iter().filter(|action| action.starts_with("claim.proved ")).count();
    assert_eq!(proved, 1);
}

#[test]
fn the_claims_to_aliases_of_a_domain_do_not_go_to_its_buyer_and_are_over_for_its_seller() {
    let app = TestApp::new();
    let (owner, seller, buyer) = (app.tenant("owner"), app.tenant("seller"), app.tenant("buyer"));
    create(&app, &owner, "held.example").unwrap();
    let id = create(&app, &seller, "example.com").unwrap();
    let (caller, alias) = (seller.operator(), name("held.example"));
    let (claim, _) =
        app.postroom.write(|tx| claim::create(tx, &caller, &alias, Some(&name("example.com")))).unwrap();
    assert_eq!(claim.state, ClaimState::Contends);
    pool::write(&*app.postroom, |tx| provision::transfer(tx, &caller, &seller.own(tx, id)?, buyer.account))
        .unwrap();
    for key in [&seller, &buyer] {
        let found = app.postroom.read(|tx| claim::find(tx, &key.operator(), &alias));
        assert!(matches!(found, Err(Error::NotFound(Entity::Claim))), "{found:?}");
    }
}

#[test]
fn an_expired_name_below_a_proved_one_goes_to_nobody_else_without_a_challenge() {
    let app = TestApp::new();
    let (first, owner, third) = (app.tenant("first"), app.tenant("owner"), app.tenant("third"));
    create(&app, &first, "shop.example.com").unwrap();
    create(&app, &owner, "example.com").unwrap();
    prove(&app, &owner, "example.com");
    app.advance(HOURS_OF_A_WEEK + 1);
    assert!(is_taken(create(&app, &third, "shop.example.com")));
}
