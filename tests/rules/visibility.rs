//! Who sees a domain, through each of the library's ways to one.

use postroom::account::Caller;
use postroom::domain::{self, Details, Order};
use postroom::error::{Entity, Error};
use postroom::id::{ApiKeyId, DomainId};
use postroom::overview;
use postroom::page::{Direction, Page};
use postroom::secret::{PlainSecret, SecretKind};
use postroom::{key, provision, verify};

use crate::harness::app::{Key, TestApp};

/// The caller that a key makes.
fn caller(app: &TestApp, key: &Key) -> Caller {
    let secret = PlainSecret::parse(SecretKind::AccountKey, &key.secret).unwrap();
    app.postroom.read(|tx| key::authenticate(tx, &secret)).unwrap().unwrap()
}

/// Whether each way to the domain with this id lets the caller see it; they must agree.
#[track_caller]
fn sees(app: &TestApp, caller: &Caller, id: i64) -> bool {
    let (id, page) = (DomainId::new(id), Page { limit: 200, offset: 0 });
    let name = app.value::<String>(&format!("SELECT name FROM domain WHERE id = {id}")).parse().unwrap();
    let ways = app
        .postroom
        .read(|tx| {
            let mut ways = vec![
                domain::find(tx, caller, id).is_ok(),
                domain::find_named(tx, caller, &name).is_ok(),
                overview::find(tx, caller, id).is_ok(),
                verify::plan(tx, caller, id).is_ok(),
            ];
            for order in [Order::Created, Order::Id, Order::Label] {
                for direction in [Direction::Ascending, Direction::Descending] {
                    let listed = domain::list(tx, caller, order, direction, page)?;
                    ways.push(listed.iter().any(|domain| domain.id == id));
                    let listed = overview::list(tx, caller, order, direction, page)?;
                    ways.push(listed.iter().any(|overview| overview.domain.id == id));
                }
            }
            Ok::<_, Error>(ways)
        })
        .unwrap();
    assert!(ways.iter().all(|way| *way == ways[0]), "{ways:?}");
    ways[0]
}

fn find(app: &TestApp, key: &Key, id: i64) -> Details {
    app.details(key, DomainId::new(id))
}

fn tie(app: &TestApp, key: &Key, id: i64, to: Option<ApiKeyId>) -> Result<Details, Error> {
    app.postroom.write(|tx| domain::associate(tx, &key.operator(), &key.own(tx, DomainId::new(id))?, to))
}

#[test]
fn a_domain_is_there_for_the_keys_of_its_account_and_its_operator() {
    let app = TestApp::new();
    let (mine, theirs) = (app.account("mine"), app.account("theirs"));
    let other_key = app.key_of(mine.account);
    let id = app.domain(&mine, "example.com");
    assert!(sees(&app, &caller(&app, &mine), id));
    assert!(sees(&app, &caller(&app, &other_key), id));
    assert!(sees(&app, &mine.operator(), id));
    assert!(!sees(&app, &caller(&app, &theirs), id));
    assert!(!sees(&app, &theirs.operator(), id));
}

#[test]
fn a_domain_that_is_tied_is_there_for_its_key_and_the_operator() {
    let app = TestApp::new();
    let (mine, theirs) = (app.account("mine"), app.account("theirs"));
    let other_key = app.key_of(mine.account);
    let id = app.domain(&mine, "example.com");
    assert_eq!(tie(&app, &mine, id, Some(mine.id)).unwrap().tied_to, Some(mine.id));
    assert!(sees(&app, &caller(&app, &mine), id));
    assert!(!sees(&app, &caller(&app, &other_key), id));
    assert!(sees(&app, &mine.operator(), id));
    assert!(!sees(&app, &theirs.operator(), id));
    tie(&app, &mine, id, None).unwrap();
    assert!(sees(&app, &caller(&app, &other_key), id));
}

#[test]
fn a_domain_is_tied_to_a_live_key_of_its_own_account_alone() {
    let app = TestApp::new();
    let (mine, theirs) = (app.account("mine"), app.account("theirs"));
    let revoked = app.key_of(mine.account);
    app.revoke(&revoked);
    let id = app.domain(&mine, "example.com");
    let before = app.dump();
    for key in [theirs.id, revoked.id, ApiKeyId::new(4711)] {
        let refused = tie(&app, &mine, id, Some(key)).unwrap_err();
        assert!(matches!(refused, Error::NotFound(Entity::ApiKey)), "{refused}");
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn a_transfer_hands_the_domain_over_and_unties_it() {
    let app = TestApp::new();
    let (mine, theirs) = (app.account("mine"), app.account("theirs"));
    let id = app.domain(&mine, "example.com");
    tie(&app, &mine, id, Some(mine.id)).unwrap();
    let domain = find(&app, &mine, id);
    app.postroom
        .write(|tx| {
            provision::transfer(tx, &mine.operator(), &mine.own(tx, domain.id)?, theirs.account).map(drop)
        })
        .unwrap();
    assert!(!sees(&app, &caller(&app, &mine), id) && !sees(&app, &mine.operator(), id));
    assert!(sees(&app, &caller(&app, &theirs), id));
    for key in [&mine, &theirs] {
        assert!(app.actions(key.account).contains(&"domain.transferred example.com".to_owned()));
    }
}

#[test]
fn a_domain_that_is_handed_over_is_no_users_until_its_new_account_names_one() {
    let app = TestApp::new();
    let (mine, theirs) = (app.account("mine"), app.account("theirs"));
    app.v2_domain(&mine, "example.com", "1");
    let domain = find(&app, &mine, 1);
    app.postroom
        .write(|tx| {
            provision::transfer(tx, &mine.operator(), &mine.own(tx, domain.id)?, theirs.account).map(drop)
        })
        .unwrap();
    let moved = find(&app, &theirs, 1);
    assert_eq!((moved.user, moved.organization), (None, None), "their user 1 is somebody else");
    assert_eq!(app.v2(&theirs, "GET /v2/domains/example.com/info?user_id=1").status, 404);
    assert_eq!(app.v2_domain(&theirs, "example.com", "2")["domain"]["user_id"], "2", "it can be adopted");
}

#[test]
fn a_plan_that_was_made_is_not_settled_by_who_may_not_see_the_domain_any_more() {
    let app = TestApp::new();
    let (mine, theirs) = (app.account("mine"), app.account("theirs"));
    let id = app.domain(&mine, "example.com");
    app.publish(&mine, id);
    let caller = caller(&app, &mine);
    let plan = app.postroom.read(|tx| verify::plan(tx, &caller, DomainId::new(id))).unwrap();
    let looks = plan.look(&*app.dns);
    let domain = find(&app, &mine, id);
    app.postroom
        .write(|tx| {
            provision::transfer(tx, &mine.operator(), &mine.own(tx, domain.id)?, theirs.account).map(drop)
        })
        .unwrap();
    let before = app.dump();
    let settled = app.postroom.write(|tx| verify::settle(tx, &caller, &plan, &looks));
    assert!(matches!(settled, Err(Error::NotFound(Entity::Domain))));
    assert_eq!(app.dump(), before);
}

#[test]
fn a_plan_for_an_old_name_settles_nothing_of_the_new_one() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    app.publish_all("example.com");
    let plan = app.postroom.read(|tx| verify::plan(tx, &key.operator(), DomainId::new(id))).unwrap();
    let looks = plan.look(&*app.dns);
    assert!(looks.looks().iter().all(|look| look.finding.verdict.passes()));
    let domain = find(&app, &key, id);
    let name = "example.org".parse().unwrap();
    app.postroom
        .write(|tx| provision::rename(tx, &key.operator(), &key.own(tx, domain.id)?, &name).map(drop))
        .unwrap();
    let settled = app.postroom.write(|tx| verify::settle(tx, &key.operator(), &plan, &looks)).unwrap();
    assert!(settled.is_empty(), "{settled:?}");
    assert_eq!(app.value::<i64>("SELECT count(*) FROM record WHERE status <> 'pending'"), 0);
    assert_eq!(app.value::<Option<i64>>("SELECT proved_at FROM domain"), None);
}

#[test]
fn a_key_that_is_limited_to_a_domain_does_not_see_it_again_after_the_domain_has_been_another_accounts() {
    let app = TestApp::new();
    let (owner, other) = (app.account("acme"), app.account("other"));
    let id = app.domain(&owner, "example.com");
    let request = key::KeyRequest { domains: Some(Some([DomainId::new(id)].into())), ..Default::default() };
    let limited = app.limited_key(owner.account, request);
    assert!(sees(&app, &caller(&app, &limited), id));
    for (from, to) in [(&owner, &other), (&other, &owner)] {
        app.postroom
            .write(|tx| {
                let domain = domain::find(tx, &from.operator(), DomainId::new(id))?;
                provision::transfer(tx, &from.operator(), &domain, to.account).map(drop)
            })
            .unwrap();
    }
    assert!(sees(&app, &caller(&app, &owner), id));
    assert!(!sees(&app, &caller(&app, &limited), id));
}

/// The total that each caller is told is the number of domains on its list, and by subscription they add up to it.
#[track_caller]
fn totals_are_right(app: &TestApp, callers: &[Caller]) -> Vec<u64> {
    let page = Page { limit: 200, offset: 0 };
    let totals = callers.iter().map(|caller| {
        let told = app.postroom.read(|tx| {
            let listed = domain::list(tx, caller, Order::Id, Direction::Ascending, page)?;
            let by_subscription = domain::count_by_subscription(tx, caller)?;
            Ok::<_, Error>((domain::count(tx, caller)?, listed.len(), by_subscription))
        });
        let (total, listed, by_subscription) = told.unwrap();
        assert_eq!(total, listed as u64, "{caller:?}");
        assert_eq!(total, by_subscription.iter().map(|(_, count)| count).sum::<u64>(), "{caller:?}");
        total
    });
    totals.collect()
}

#[test]
fn a_total_is_what_a_caller_sees_whatever_happens_to_the_domains() {
    let app = TestApp::new();
    let (mine, theirs) = (app.account("mine"), app.account("theirs"));
    let other = app.key_of(mine.account);
    let callers = [
        caller(&app, &mine),
        caller(&app, &other),
        mine.operator(),
        theirs.operator(),
        mine.operator().for_user("user_1".parse().unwrap()),
    ];
    let ids: Vec<i64> = (1..=4).map(|number| app.domain(&mine, &format!("d{number}.example"))).collect();
    assert_eq!(totals_are_right(&app, &callers), [4, 4, 4, 0, 0]);
    tie(&app, &mine, ids[0], Some(mine.id)).unwrap();
    tie(&app, &mine, ids[1], Some(other.id)).unwrap();
    assert_eq!(totals_are_right(&app, &callers), [3, 3, 4, 0, 0]);
    tie(&app, &mine, ids[0], None).unwrap();
    assert_eq!(totals_are_right(&app, &callers), [3, 4, 4, 0, 0]);
    // A key that is revoked ties nothing any more.
    app.postroom.write(|tx| key::revoke(tx, other.id)).unwrap();
    assert_eq!(totals_are_right(&app, &callers[..1]), [4]);
    app.postroom
        .write(|tx| {
            provision::transfer(tx, &mine.operator(), &mine.own(tx, DomainId::new(ids[2]))?, theirs.account)
        })
        .unwrap();
    assert_eq!(totals_are_right(&app, &callers[2..]), [3, 1, 0]);
    app.postroom
        .write(|tx| provision::delete(tx, &mine.operator(), &mine.own(tx, DomainId::new(ids[3]))?))
        .unwrap();
    // What is undone counts for nothing.
    let undone: Result<(), Error> = app.postroom.write(|tx| {
        provision::delete(tx, &mine.operator(), &mine.own(tx, DomainId::new(ids[0]))?)?;
        Err(Error::NotFound(Entity::Domain))
    });
    assert!(undone.is_err());
    assert_eq!(totals_are_right(&app, &callers[2..]), [2, 1, 0]);
}
