//! Names that no tenant can have, and how many a tenant may have unproved.

use super::*;

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
    let forgotten = || app.postroom.write(|tx| claim::forget_old(tx, 100)).unwrap();
    assert_eq!(forgotten(), 0, "it is not a week ago");
    app.advance(HOURS_OF_A_WEEK + 1);
    assert!(forgotten() > 0);
    assert!(create(&app, &tenant, "n0.example").is_ok());
}

#[test]
fn a_tenant_at_its_limit_of_unproved_names_renames_one_and_gets_one_that_it_contended_for() {
    let app =
        TestApp::with(Settings { caps: Caps { unproved_claims: 2, ..Caps::default() }, ..settings() }, 20);
    let (tenant, other) = (app.tenant("tenant"), app.tenant("other"));
    let theirs = create(&app, &other, "theirs.example").unwrap();
    let id = create(&app, &tenant, "one.example").unwrap();
    claimed(&app, &tenant, "theirs.example");
    let limit =
        |result: Result<(), Error>| matches!(result, Err(Error::Limit { what: Entity::Claim, most: 2 }));
    let count = || app.postroom.read(|tx| ownership::count_unproved(tx, tenant.account)).unwrap();
    assert!(limit(create(&app, &tenant, "two.example").map(drop)));
    rename(&app, &tenant, id, "other-name.example").unwrap();
    assert_eq!(count(), 2, "it does not count twice");
    // The name for which it contends counts already.
    app.postroom.write(|tx| provision::delete(tx, &other.operator(), &other.own(tx, theirs)?)).unwrap();
    create(&app, &tenant, "theirs.example").unwrap();
    assert_eq!(count(), 2);
    // A proved name does not count, and the one that it is to have instead does.
    prove(&app, &tenant, "other-name.example");
    create(&app, &tenant, "two.example").unwrap();
    assert!(limit(rename(&app, &tenant, id, "three.example")));
}

#[test]
fn an_unproved_name_of_a_trusted_account_expires_only_where_every_account_must_prove() {
    for (required, expires) in [(RequireProof::Tenants, false), (RequireProof::Always, true)] {
        let app = TestApp::with(Settings { require_proof: required, ..settings() }, 4);
        let (trusted, other) = (app.account("own"), app.tenant("other"));
        create(&app, &trusted, "example.com").unwrap();
        assert!(is_taken(create(&app, &other, "example.com")));
        app.advance(HOURS_OF_A_WEEK + 1);
        assert_eq!(create(&app, &other, "example.com").is_ok(), expires, "{required:?}");
        if expires {
            assert_eq!(
                app.postroom.write(|tx| claim::forget_old(tx, 100)).unwrap(),
                0,
                "it was lost just now"
            );
            let reason = claim_of(&app, &trusted, "example.com").reason.unwrap();
            assert!(reason.text.contains("within 7 days"), "{}", reason.text);
        }
    }
}

#[test]
fn what_lies_below_a_name_that_was_proved_later_does_not_count_as_unproved_any_more() {
    let app = TestApp::new();
    let tenant = app.tenant("tenant");
    let shop = create(&app, &tenant, "shop.example.com").unwrap();
    create(&app, &tenant, "other.example").unwrap();
    app.postroom
        .write(|tx| {
            inbound::add_alias(tx, &tenant.operator(), &tenant.own(tx, shop)?, &name("store.example.com"))
        })
        .unwrap();
    create(&app, &tenant, "example.com").unwrap();
    assert_eq!(unproved(&app, &tenant), 4);
    prove(&app, &tenant, "example.com");
    assert_eq!(unproved(&app, &tenant), 1, "other.example alone");
}

fn unproved(app: &TestApp, key: &Key) -> u64 {
    app.postroom.read(|tx| ownership::count_unproved(tx, key.account)).unwrap()
}

#[test]
fn what_lay_below_a_proved_name_counts_as_unproved_when_that_name_is_gone() {
    for way in ["deleted", "renamed", "transferred", "lost"] {
        let app = TestApp::new();
        let (tenant, other) = (app.tenant("tenant"), app.tenant("other"));
        let id = create(&app, &tenant, "example.com").unwrap();
        prove(&app, &tenant, "example.com");
        create(&app, &tenant, "shop.example.com").unwrap();
        create(&app, &tenant, "eu.shop.example.com").unwrap();
        let host = create(&app, &tenant, "host.example").unwrap();
        app.postroom
            .write(|tx| {
                let host = tenant.own(tx, host)?;
                inbound::add_alias(tx, &tenant.operator(), &host, &name("alias.example.com"))
            })
            .unwrap();
        assert_eq!(unproved(&app, &tenant), 1, "host.example alone");
        create(&app, &tenant, "in.example.com").unwrap();
        prove(&app, &tenant, "in.example.com");
        create(&app, &tenant, "deep.in.example.com").unwrap();
        let caller = tenant.operator();
        pool::write(&*app.postroom, |tx| match way {
            "deleted" => provision::delete(tx, &caller, &tenant.own(tx, id)?),
            "renamed" => {
                provision::rename(tx, &caller, &tenant.own(tx, id)?, &name("new.example.com")).map(drop)
            }
            "transferred" => provision::transfer(tx, &caller, &tenant.own(tx, id)?, other.account).map(drop),
            _ => claim::free(tx, &name("example.com")).map(drop),
        })
        .unwrap();
        let renamed = u64::from(way == "renamed");
        assert_eq!(unproved(&app, &tenant), 4 + renamed, "{way}: all but what in.example.com proves");
        let count = app
            .value::<i64>("SELECT count(*) FROM domain WHERE name = 'deep.in.example.com' AND covered = 1");
        assert_eq!(count, 1, "{way}");
    }
}

#[test]
fn a_name_that_another_account_proves_in_between_covers_no_more_what_is_below_it() {
    let app = TestApp::new();
    let (tenant, other) = (app.tenant("tenant"), app.tenant("other"));
    create(&app, &tenant, "example.com").unwrap();
    prove(&app, &tenant, "example.com");
    create(&app, &tenant, "eu.shop.example.com").unwrap();
    assert_eq!(unproved(&app, &tenant), 0);
    claimed(&app, &other, "shop.example.com");
    prove(&app, &other, "shop.example.com");
    assert_eq!(unproved(&app, &tenant), 1);
    app.postroom.write(|tx| claim::free(tx, &name("shop.example.com")).map(drop)).unwrap();
    assert_eq!(unproved(&app, &tenant), 0);
}

#[test]
fn a_renamed_domain_does_not_cover_its_own_new_name() {
    let app =
        TestApp::with(Settings { caps: Caps { unproved_claims: 1, ..Caps::default() }, ..settings() }, 20);
    let tenant = app.tenant("tenant");
    let id = create(&app, &tenant, "example.com").unwrap();
    prove(&app, &tenant, "example.com");
    create(&app, &tenant, "one.example").unwrap();
    let refused = rename(&app, &tenant, id, "shop.example.com");
    assert!(matches!(refused, Err(Error::Limit { what: Entity::Claim, most: 1 })), "{refused:?}");
}

#[test]
fn which_names_are_covered_is_found_out_anew_for_an_account_that_is_trusted_no_more() {
    let app = TestApp::new();
    let own = app.account("own");
    let host = create(&app, &own, "host.example").unwrap();
    create(&app, &own, "example.com").unwrap();
    create(&app, &own, "shop.example.com").unwrap();
    app.postroom
        .write(|tx| inbound::add_alias(tx, &own.operator(), &own.own(tx, host)?, &name("alias.example.com")))
        .unwrap();
    prove(&app, &own, "example.com");
    signing::distrust(&app.postroom, "own").unwrap();
    assert_eq!(unproved(&app, &own), 1, "host.example alone");
    signing::trust(&app.postroom, "own").unwrap();
    app.postroom
        .write(|tx| {
            let caller = own.operator();
            provision::delete(tx, &caller, &domain::find_named(tx, &caller, &name("example.com"))?)
        })
        .unwrap();
    signing::distrust(&app.postroom, "own").unwrap();
    assert_eq!(unproved(&app, &own), 3);
}

#[test]
fn of_many_names_below_one_that_is_gone_some_count_at_once_and_the_others_soon() {
    let app = TestApp::new();
    let tenant = app.tenant("tenant");
    let id = create(&app, &tenant, "example.com").unwrap();
    prove(&app, &tenant, "example.com");
    while signing::follow_setting(&app.postroom, 100).unwrap() {}
    app.domains_below(&tenant, "example.com", 250);
    assert_eq!(unproved(&app, &tenant), 0);
    app.postroom.write(|tx| provision::delete(tx, &tenant.operator(), &tenant.own(tx, id)?)).unwrap();
    assert_eq!(unproved(&app, &tenant), 200);
    while signing::follow_setting(&app.postroom, 100).unwrap() {}
    assert_eq!(unproved(&app, &tenant), 250);
}
