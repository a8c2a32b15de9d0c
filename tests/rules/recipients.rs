//! Recipients through the library: who is one, whose mail is filtered, and within which limit.

use postroom::domain::Details;
use postroom::error::{Entity, Error};
use postroom::id::DomainId;
use postroom::list::{self, ListKind, Scope};
use postroom::page::Page;
use postroom::provision;
use postroom::recipient::{self, FilterMode, FilterRequest, Recipient};

use crate::harness::app::{Key, TestApp};

fn start() -> (TestApp, Key, Details) {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let domain = app.details(&key, DomainId::new(id));
    (app, key, domain)
}

fn protect(app: &TestApp, most: u32) {
    app.sql().execute("UPDATE subscription SET max_recipients = ?1", [most]).unwrap();
}

fn save(
    app: &TestApp,
    key: &Key,
    address: &str,
    filter: Option<FilterRequest>,
) -> Result<(Recipient, bool), Error> {
    let address = address.parse().unwrap();
    app.postroom.write(|tx| recipient::save(tx, &key.operator(), &address, false, filter))
}

#[test]
fn an_address_is_one_recipient_without_regard_to_case_and_shown_as_first_given() {
    let (app, key, domain) = start();
    let (first, created) = save(&app, &key, "Jo+X@Example.com", None).unwrap();
    assert!(created && !first.is_admin && first.filter == FilterMode::Filtered);
    assert_eq!(first.address.to_string(), "Jo+X@example.com");
    let (again, created) = save(&app, &key, "\"jo+x\"@EXAMPLE.com.", None).unwrap();
    assert_eq!((&again, created), (&first, false));
    assert!(save(&app, &key, "jo@example.com", None).unwrap().1, "a + makes another address");
    let all = app
        .postroom
        .read(|tx| recipient::list(tx, &key.own(tx, domain.id)?, Page { limit: 1, offset: 0 }))
        .unwrap();
    assert_eq!(all, [save(&app, &key, "jo@example.com", None).unwrap().0]);
    let made = app.actions(key.account).into_iter().filter(|line| line.starts_with("recipient."));
    assert_eq!(
        made.collect::<Vec<_>>(),
        ["recipient.created Jo+X@example.com", "recipient.created jo@example.com"]
    );
}

#[test]
fn filters_are_granted_within_the_subscriptions_limit() {
    use FilterMode::{Filtered, Unfiltered};
    use FilterRequest::{Compute, Off, On};
    let (app, key, domain) = start();
    app.domain(&key, "example.org");
    protect(&app, 2);
    let filter = |address: &str, request| save(&app, &key, address, request).map(|(saved, _)| saved.filter);
    let limit = |result| matches!(result, Err(Error::Limit { what: Entity::Subscription, most: 2 }));
    assert_eq!(filter("a@example.com", Some(On)).unwrap(), Filtered);
    assert_eq!(filter("b@example.org", Some(Compute)).unwrap(), Filtered, "it counts over all domains");
    assert_eq!(filter("c@example.com", Some(Compute)).unwrap(), Unfiltered);
    assert_eq!(filter("d@example.com", None).unwrap(), Unfiltered, "nothing asked for is compute");
    let before = app.dump();
    assert!(limit(filter("e@example.com", Some(On))) && limit(filter("c@example.com", Some(On))));
    assert_eq!(app.dump(), before, "what is refused leaves nothing");
    assert_eq!(filter("a@example.com", Some(On)).unwrap(), Filtered, "it has its place already");
    assert_eq!(filter("a@example.com", Some(Off)).unwrap(), Unfiltered);
    assert_eq!(filter("c@example.com", Some(On)).unwrap(), Filtered);
    let address = "a@example.com".parse().unwrap();
    let changed = app.postroom.write(|tx| {
        let found = recipient::find(tx, &key.own(tx, domain.id)?, &address)?;
        recipient::update(tx, &key.operator(), &key.own(tx, domain.id)?, &found, Some(true), None)
    });
    let changed = changed.unwrap();
    assert!(changed.is_admin && changed.filter == Unfiltered);
    protect(&app, 0);
    assert_eq!(filter("c@example.com", None).unwrap(), Filtered, "what was granted stays");
}

#[test]
fn an_address_at_a_domain_of_nobodys_or_anothers_is_at_no_domain() {
    let (app, key, _) = start();
    let other = app.account("other");
    for (key, address) in
        [(&key, "jo@never.example"), (&key, "jo@sub.example.com"), (&other, "jo@example.com")]
    {
        assert!(matches!(save(&app, key, address, None), Err(Error::NotFound(Entity::Domain))), "{address}");
    }
}

#[test]
fn recipients_and_lists_go_with_their_domain_and_do_not_change_hands() {
    for is_transfer in [true, false] {
        let (app, key, domain) = start();
        let other = app.account("other");
        let jo = save(&app, &key, "jo@example.com", None).unwrap().0;
        app.postroom
            .write(|tx| {
                let caller = key.operator();
                let domain = key.own(tx, domain.id)?;
                for scope in [Scope::Recipient(&domain, &jo), Scope::Domain(&domain)] {
                    list::add(tx, &caller, &scope, ListKind::Blocklist, &"192.0.2.0/24".parse().unwrap())?;
                }
                if is_transfer {
                    provision::transfer(tx, &caller, &domain, other.account).map(drop)
                } else {
                    provision::delete(tx, &caller, &domain)
                }
            })
            .unwrap();
        for table in ["recipient", "list_entry", "list_block_length"] {
            assert_eq!(
                app.value::<i64>(&format!("SELECT count(*) FROM {table}")),
                0,
                "{table} {is_transfer}"
            );
        }
    }
}

#[test]
fn a_recipient_at_another_domain_than_the_one_that_is_shown_for_it_has_no_lists() {
    let (app, key, domain) = start();
    let stranger = app.account("other");
    let theirs = DomainId::new(app.domain(&stranger, "other.example"));
    let jo = save(&app, &key, "jo@example.com", None).unwrap().0;
    let item = "192.0.2.1".parse().unwrap();
    let before = app.dump();
    let refused: Result<(), Error> = app.postroom.write(|tx| {
        let (own, caller) = (stranger.own(tx, theirs)?, stranger.operator());
        let scope = Scope::Recipient(&own, &jo);
        let is_refused = |error: Error| matches!(error, Error::NotFound(Entity::Recipient));
        assert!(is_refused(list::remove(tx, &caller, &scope, ListKind::Blocklist, &item).unwrap_err()));
        assert!(is_refused(list::entries(tx, &scope, ListKind::Blocklist, None, 10).unwrap_err()));
        list::add(tx, &caller, &scope, ListKind::Blocklist, &item).map(drop)
    });
    assert!(matches!(refused, Err(Error::NotFound(Entity::Recipient))));
    assert_eq!(app.dump(), before);
    let listed = app.postroom.write(|tx| {
        let own = key.own(tx, domain.id)?;
        list::add(tx, &key.operator(), &Scope::Recipient(&own, &jo), ListKind::Blocklist, &item)
    });
    assert!(listed.unwrap().is_new);
}
