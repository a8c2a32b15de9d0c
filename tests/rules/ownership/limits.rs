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
    let unproved = || app.postroom.read(|tx| ownership::count_unproved(tx, tenant.account)).unwrap();
    let shop = create(&app, &tenant, "shop.example.com").unwrap();
    create(&app, &tenant, "other.example").unwrap();
    app.postroom
        .write(|tx| {
            inbound::add_alias(tx, &tenant.operator(), &tenant.own(tx, shop)?, &name("store.example.com"))
        })
        .unwrap();
    create(&app, &tenant, "example.com").unwrap();
    assert_eq!(unproved(), 4);
    prove(&app, &tenant, "example.com");
    assert_eq!(unproved(), 1, "other.example alone");
}
