//! Routes through the library: what becomes of a message, and what a route must have.

use postroom::address::EmailAddress;
use postroom::dns::ScriptedResolver;
use postroom::domain::{self, Details};
use postroom::egress::EgressPolicy;
use postroom::error::Error;
use postroom::id::DomainId;
use postroom::mail::{self, Arrival};
use postroom::provision;
use postroom::route::{self, Mode, Patch, Route, RouteChange, RouteDecision};
use postroom::webhook::{VettedUrl, WebhookRules, WebhookUrl};

use crate::harness::app::{Key, TestApp};

const MODES: [Mode; 4] = [Mode::Store, Mode::Webhook, Mode::WebhookThenStore, Mode::ForwardEmail];

fn start() -> (TestApp, Key, Details) {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let domain = app.details(&key, DomainId::new(id));
    (app, key, domain)
}

fn url(path: &str) -> VettedUrl {
    let dns = ScriptedResolver::new();
    let rules = WebhookRules { policy: &EgressPolicy::default(), loopback_http: false };
    WebhookUrl::parse(&format!("https://93.184.215.14/{path}"), rules).unwrap().vet(&dns, rules).unwrap()
}

fn address(text: &str) -> EmailAddress {
    text.parse().unwrap()
}

#[expect(clippy::needless_pass_by_value, reason = "callers make it for this call alone")]
fn update(app: &TestApp, key: &Key, domain: &Details, change: RouteChange) -> Result<Route, Error> {
    app.postroom.write(|tx| route::update(tx, &key.operator(), &key.own(tx, domain.id)?, change.clone()))
}

fn decide(app: &TestApp, recipient: &str) -> RouteDecision {
    app.postroom.read(|tx| route::decide(tx, &address(recipient))).unwrap()
}

#[test]
fn a_new_domains_mail_is_kept_whatever_stands_before_the_at() {
    let (app, _, domain) = start();
    for recipient in [
        "jo@example.com",
        "JO+tag@EXAMPLE.com",
        "\"a b\"@example.com",
        "postmaster@example.com.",
        "ü@example.com",
    ] {
        let decision = decide(&app, recipient);
        assert_eq!(
            decision,
            RouteDecision::Known { domain: domain.id, route: Route::default() },
            "{recipient}"
        );
    }
    assert_eq!(Route::default().mode, Mode::Store);
}

#[test]
fn a_domain_that_is_not_ours_is_unknown_above_below_and_beside_ours() {
    let (app, key, domain) = start();
    for recipient in
        ["jo@example.org", "jo@mail.example.com", "jo@example.com.example.org", "jo@xexample.com"]
    {
        assert_eq!(decide(&app, recipient), RouteDecision::UnknownDomain, "{recipient}");
    }
    app.postroom.write(|tx| provision::delete(tx, &key.operator(), &key.own(tx, domain.id)?)).unwrap();
    assert_eq!(decide(&app, "jo@example.com"), RouteDecision::UnknownDomain);
}

#[test]
fn a_name_in_another_script_is_the_same_domain() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "bücher.example");
    for recipient in ["jo@bücher.example", "jo@xn--bcher-kva.example", "jo@BÜCHER.example"] {
        assert_ne!(decide(&app, recipient), RouteDecision::UnknownDomain, "{recipient}");
    }
}

#[test]
fn a_decision_follows_the_route_of_whichever_account_or_user() {
    let (app, key, domain) = start();
    let other = app.account("other");
    app.v2_domain(&other, "theirs.example", "user_123");
    let change = RouteChange {
        mode: Some(Mode::WebhookThenStore),
        webhook_url: Patch::Set(url("in")),
        webhook_secret: Patch::Set("s3cret".to_owned()),
        forward_to: Patch::Set(address("inbox@example.org")),
        ..RouteChange::default()
    };
    let route = update(&app, &key, &domain, change).unwrap();
    assert_eq!(
        decide(&app, "jo@example.com"),
        RouteDecision::Known { domain: domain.id, route: route.clone() }
    );
    assert_eq!(route.webhook_url.as_ref().map(WebhookUrl::as_str), Some("https://93.184.215.14/in"));
    assert!(route.has_webhook_secret && route.forward_to == Some(address("inbox@example.org")));
    let theirs = decide(&app, "jo@theirs.example");
    assert!(
        matches!(theirs, RouteDecision::Known { route, .. } if route == Route::default()),
        "each its own"
    );
    assert!(
        !format!("{route:?}").contains("93.184"),
        "a URL may hold a token, and is not printed for debugging"
    );
}

#[test]
fn a_route_has_what_its_mode_needs_or_is_refused_by_field_and_mode() {
    for mode in MODES {
        for with_url in [false, true] {
            for with_address in [false, true] {
                let (app, key, domain) = start();
                let change = RouteChange {
                    mode: Some(mode),
                    webhook_url: if with_url { Patch::Set(url("in")) } else { Patch::Keep },
                    webhook_secret: Patch::Keep,
                    forward_to: if with_address {
                        Patch::Set(address("a@example.org"))
                    } else {
                        Patch::Clear
                    },
                    ..RouteChange::default()
                };
                let lacks = match mode {
                    Mode::Webhook | Mode::WebhookThenStore if !with_url => Some("webhook_url"),
                    Mode::ForwardEmail if !with_address => Some("forward_to_email"),
                    _ => None,
                };
                let before = app.dump();
                match (update(&app, &key, &domain, change), lacks) {
                    (Ok(route), None) => assert_eq!(route.mode, mode),
                    (Err(Error::Invalid { field, reason }), Some(lacks)) => {
                        assert_eq!(field, lacks);
                        assert!(reason.starts_with("enter the "), "it says what to do: {reason}");
                        assert!(reason.ends_with(&format!("forward_mode {mode} needs one")), "{reason}");
                        assert_eq!(app.dump(), before);
                    }
                    (outcome, _) => panic!("{mode} {with_url} {with_address}: {outcome:?}"),
                }
            }
        }
    }
}

#[test]
fn a_secret_is_kept_replaced_and_cleared_apart_from_the_rest() {
    let (app, key, domain) = start();
    let secret = |patch| RouteChange { webhook_secret: patch, ..RouteChange::default() };
    let sealed = || app.value::<Option<Vec<u8>>>("SELECT sealed_secret FROM route");
    assert!(update(&app, &key, &domain, secret(Patch::Set("one".into()))).unwrap().has_webhook_secret);
    let first = sealed();
    let moved = RouteChange { webhook_url: Patch::Set(url("other")), ..RouteChange::default() };
    assert!(update(&app, &key, &domain, moved).unwrap().has_webhook_secret);
    assert_eq!(sealed(), first, "another part changed, and this one not");
    update(&app, &key, &domain, secret(Patch::Set("two".into()))).unwrap();
    assert_ne!(sealed(), first);
    for bad in [String::new(), "x".repeat(256)] {
        let before = app.dump();
        let refused = update(&app, &key, &domain, secret(Patch::Set(bad)));
        assert!(matches!(refused, Err(Error::Invalid { field: "webhook_secret", .. })));
        assert_eq!(app.dump(), before);
    }
    assert!(!update(&app, &key, &domain, secret(Patch::Clear)).unwrap().has_webhook_secret);
    assert_eq!(sealed(), None);
}

#[test]
fn a_mode_is_one_of_four_words() {
    for mode in MODES {
        assert_eq!(mode.as_str().parse(), Ok(mode));
    }
    for odd in ["", "Store", "webhook ", "forward", "email", "drop"] {
        assert!(odd.parse::<Mode>().is_err(), "{odd}");
    }
}

#[test]
fn a_domain_that_changes_hands_leaves_its_route_and_its_secret_behind() {
    let (app, key, domain) = start();
    let change = RouteChange {
        mode: Some(Mode::Webhook),
        webhook_url: Patch::Set(url("/hook")),
        webhook_secret: Patch::Set("the old owner's".to_owned()),
        ..RouteChange::default()
    };
    update(&app, &key, &domain, change).unwrap();
    let other = app.account("other");
    let moved = app
        .postroom
        .write(|tx| provision::transfer(tx, &key.operator(), &key.own(tx, domain.id)?, other.account))
        .unwrap();
    let route = app.postroom.read(|tx| route::find(tx, &other.own(tx, moved.id)?)).unwrap();
    assert_eq!(route, Route::default());
    assert_eq!(app.value::<i64>("SELECT count(*) FROM route"), 0, "the sealed secret is gone too");
}

#[test]
fn an_alias_or_a_new_name_that_closes_a_circle_of_forwards_is_refused() {
    let app = TestApp::new();
    let key = app.account("acme");
    let make = |name: &str, to: &str| {
        let id = DomainId::new(app.domain(&key, name));
        let forward = RouteChange {
            mode: Some(Mode::ForwardEmail),
            forward_to: Patch::Set(to.parse().unwrap()),
            ..RouteChange::default()
        };
        app.postroom
            .write(|tx| route::update(tx, &key.operator(), &key.own(tx, id)?, forward.clone()).map(drop))
            .unwrap();
        id
    };
    // What two.example forwards to is nobody's here, until a name of one.example's leads there.
    let one = make("one.example", "jo@two.example");
    make("two.example", "jo@later.example");
    let before = app.dump();
    let alias = app.postroom.write(|tx| {
        postroom::inbound::add_alias(tx, &key.operator(), &key.own(tx, one)?, &"later.example".parse()?)
    });
    let all = app.postroom.write(|tx| {
        let aliases = Some(vec!["later.example".parse()?]);
        let change = postroom::inbound::InboundChange { aliases, ..Default::default() };
        postroom::inbound::change(tx, &key.operator(), &key.own(tx, one)?, &change)
    });
    let renamed = app.postroom.write(|tx| {
        let domain = key.own(tx, one)?;
        provision::rename(tx, &key.operator(), &domain, &"later.example".parse()?).map(drop)
    });
    for refused in [alias, all, renamed] {
        let Err(Error::Invalid { reason, .. }) = refused else { panic!("{refused:?}") };
        assert!(reason.contains("jo@two.example"), "{reason}");
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn routes_of_other_accounts_and_of_names_that_do_not_act_refuse_no_forward_and_are_not_shown_by_it() {
    let app = TestApp::new();
    let forward = |key: &Key, name: &str, to: &str| {
        let id = match app
            .postroom
            .read(|tx| domain::find_named(tx, &key.operator(), &name.parse()?).map(|it| it.id))
        {
            Ok(id) => id,
            Err(_) => DomainId::new(app.domain(key, name)),
        };
        let change = RouteChange {
            mode: Some(Mode::ForwardEmail),
            forward_to: Patch::Set(to.parse().unwrap()),
            ..RouteChange::default()
        };
        app.postroom
            .write(|tx| route::update(tx, &key.operator(), &key.own(tx, id)?, change.clone()).map(drop))
    };
    let (squatter, key, other) = (app.tenant("squatter"), app.account("acme"), app.account("other"));
    // A chain of names that nobody has proved, longer than any that is followed.
    forward(&squatter, "free.example", "jo@link0.example").unwrap();
    for at in 0..36 {
        forward(&squatter, &format!("link{at}.example"), &format!("jo@link{}.example", at + 1)).unwrap();
    }
    forward(&key, "one.example", "jo@free.example").unwrap();
    // Where another account forwards its mail is nobody else's to know.
    forward(&other, "secret.example", "jo@one.example").unwrap();
    forward(&key, "one.example", "jo@secret.example").unwrap();
    // A circle of the account's own is still one.
    forward(&key, "two.example", "jo@one.example").unwrap();
    assert!(matches!(forward(&key, "one.example", "jo@two.example"), Err(Error::Invalid { .. })));
}

#[test]
fn mail_that_is_forwarded_to_the_domain_itself_is_kept_in_that_mailbox() {
    let (app, key, domain) = start();
    let change = RouteChange {
        mode: Some(Mode::ForwardEmail),
        forward_to: Patch::Set("inbox@example.com".parse().unwrap()),
        ..RouteChange::default()
    };
    update(&app, &key, &domain, change).unwrap();
    for recipient in ["jo@example.com", "inbox@example.com"] {
        let to = recipient.parse().unwrap();
        let delivery = app.postroom.read(|tx| mail::deliver(tx, &to, &Arrival::default())).unwrap().unwrap();
        assert_eq!(
            (delivery.mailbox.to_string().as_str(), delivery.way.as_str()),
            ("inbox@example.com", "store")
        );
    }
}
