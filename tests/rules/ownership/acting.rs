//! What an unproved name may not do, and who needs proof.

use super::*;

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
    signing::trust(&app.postroom, "tenant").unwrap();
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
fn an_account_that_is_trusted_no_more_has_domains_that_say_why_they_are_not_active() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = create(&app, &key, "example.com").unwrap();
    app.publish_all("example.com");
    // Active by what is seen, and proved by it: forget that.
    check(&app, &key, id);
    app.sql().execute("UPDATE domain SET proved_at = NULL", []).unwrap();
    let (_, left) = signing::distrust(&app.postroom, "acme").unwrap();
    assert_eq!(left.unproved, 1);
    let details = app.details(&key, id);
    assert_eq!(details.status, domain::DomainStatus::Pending);
    let why = app.postroom.read(|tx| signing::find(tx, &key.own(tx, id)?)).unwrap();
    assert_eq!(why.reason().unwrap().code, "unproved");
    check(&app, &key, id);
    assert_eq!(app.details(&key, id).status, domain::DomainStatus::Active, "the next check proves it");
}

#[test]
fn statuses_follow_the_setting_of_who_needs_proof_without_a_check() {
    let app = TestApp::new();
    let key = app.account("own");
    let ids: Vec<DomainId> = ["a.example", "b.example", "c.example"]
        .map(|text| {
            let id = create(&app, &key, text).unwrap();
            app.publish_all(text);
            check(&app, &key, id);
            id
        })
        .to_vec();
    // Active without proof, as in a database of before.
    app.sql().execute("UPDATE domain SET proved_at = NULL", []).unwrap();
    let statuses =
        || -> Vec<String> { ids.iter().map(|id| app.details(&key, *id).status.to_string()).collect() };
    let with = |required: RequireProof| {
        let settings = Settings { require_proof: required, ..settings() };
        crate::harness::app::open(&app.file(), settings, app.clock.clone(), 0)
    };
    while signing::follow_setting(&app.postroom, 2).unwrap() {}
    assert_eq!(statuses(), ["active"; 3]);
    let begun = with(RequireProof::Always);
    assert!(signing::follow_setting(&begun, 1).unwrap());
    assert_eq!(statuses(), ["pending", "active", "active"], "so many at a time");
    drop(begun);
    let went_on = with(RequireProof::Always);
    assert!(signing::follow_setting(&went_on, 1).unwrap());
    assert_eq!(statuses(), ["pending", "pending", "active"], "a restart goes on where it was");
    while signing::follow_setting(&went_on, 1).unwrap() {}
    assert_eq!(statuses(), ["pending"; 3]);
    let why = went_on.read(|tx| signing::find(tx, &key.own(tx, ids[2])?)).unwrap();
    assert_eq!(why.reason().unwrap().code, "unproved");
    let rows = || app.dump()["event"].len();
    let before = rows();
    assert!(!signing::follow_setting(&went_on, 1).unwrap());
    assert_eq!(rows(), before);
    drop(went_on);
    let never = with(RequireProof::Never);
    while signing::follow_setting(&never, 2).unwrap() {}
    assert_eq!(statuses(), ["active"; 3]);
}

#[test]
fn lists_say_nothing_of_mail_to_an_alias_that_is_not_proved() {
    let app = TestApp::new();
    let tenant = app.tenant("tenant");
    let id = create(&app, &tenant, "example.com").unwrap();
    prove(&app, &tenant, "example.com");
    let caller = tenant.operator();
    app.postroom
        .write(|tx| {
            inbound::add_alias(tx, &caller, &tenant.own(tx, id)?, &name("alias.example"))?;
            let scope = Scope::Account(&caller);
            list::add(tx, &caller, &scope, ListKind::Blocklist, &"a@b.example".parse().unwrap())
        })
        .unwrap();
    let outcome = |recipient: &str| {
        let query = ListQuery::parse(recipient, Some("a@b.example"), None, None).unwrap();
        app.postroom.read(|tx| list::verdict(tx, &tenant.own(tx, id)?, &query)).unwrap().outcome
    };
    assert_eq!(outcome("jo@example.com"), ListOutcome::Blocked);
    assert_eq!(outcome("jo@alias.example"), ListOutcome::None);
    prove(&app, &tenant, "alias.example");
    assert_eq!(outcome("jo@alias.example"), ListOutcome::Blocked);
}

#[test]
fn a_proof_speaks_for_none_but_those_who_see_the_domain_that_has_it() {
    let app = TestApp::with(settings(), 20);
    let tenant = app.tenant("tenant");
    for text in ["bank.example", "shop.example"] {
        claimed(&app, &tenant, text);
        app.publish_challenge(&tenant, text);
        verified(&app, &tenant, text);
    }
    let find = |text: &str| {
        app.postroom
            .read(|tx| domain::find_named(tx, &tenant.operator(), &name(text)).map(|it| it.id))
            .unwrap()
    };
    let shop = find("shop.example");
    let add = |caller: &Caller, text: &str| {
        app.postroom.write(|tx| inbound::add_alias(tx, caller, &domain::find(tx, caller, shop)?, &name(text)))
    };
    let make = |caller: &Caller, text: &str| {
        app.postroom.write(|tx| provision::create(tx, caller, &NewDomain::named(&name(text))).map(drop))
    };

    // A key of one domain, and that domain's administrator, who are told nothing of the account's other ones.
    let request = key::KeyRequest { domains: Some(Some([shop].into())), ..Default::default() };
    let limited = app.caller(&app.limited_key(tenant.account, request));
    let id = create(&app, &tenant, "third.example").unwrap();
    let secret = app.domain_session(&tenant.operator(), shop);
    let secret = PlainSecret::parse(SecretKind::Session, &secret).unwrap();
    let administrator =
        app.postroom.read(|tx| session::find(tx, &secret)).unwrap().unwrap().caller().unwrap();
    for (caller, own) in [(&limited, "www.shop.example"), (&administrator, "mail.shop.example")] {
        assert!(is_taken(add(caller, "pay.bank.example")));
        assert!(is_taken(add(caller, "bank.example")));
        assert!(is_taken(add(caller, "third.example")));
        let renamed = app.postroom.write(|tx| {
            let domain = domain::find(tx, caller, shop)?;
            provision::rename(tx, caller, &domain, &name("secure.bank.example")).map(drop)
        });
        assert!(matches!(renamed, Err(Error::NotFound(Entity::Domain))), "{renamed:?}");
        add(caller, own).unwrap();
        assert!(acts(&app, &tenant, own));
    }

    // A key that does not see a domain which is tied to another one.
    let (first, second) = (app.key_of(tenant.account), app.key_of(tenant.account));
    let bank = find("bank.example");
    app.postroom
        .write(|tx| {
            domain::associate(tx, &tenant.operator(), &tenant.own(tx, bank)?, Some(first.id)).map(drop)
        })
        .unwrap();
    assert!(is_taken(make(&app.caller(&second), "mail.bank.example")));
    make(&app.caller(&first), "mail.bank.example").unwrap();
    assert!(acts(&app, &tenant, "mail.bank.example"));

    // An end user, below a name that another one has.
    let for_user = |user: &str| tenant.operator().for_user(user.parse().unwrap());
    app.postroom
        .write(|tx| {
            provision::create_or_adopt(tx, &for_user("one"), &NewDomain::named(&name("shop.example")))
                .map(drop)
        })
        .unwrap();
    assert!(is_taken(make(&for_user("two"), "post.shop.example")));
    make(&for_user("one"), "post.shop.example").unwrap();
    // What has no user is there for each of them.
    make(&for_user("two"), "post.bank.example").unwrap();
    assert!(app.postroom.read(|tx| tenant.own(tx, id).map(drop)).is_ok());
}
