//! API keys and domain tokens: what opens what, until when, and what is kept of the secrets.

use std::time::Duration;

use postroom::account::Caller;
use postroom::domain;
use postroom::error::{Entity, Error};
use postroom::id::{AccountId, ApiKeyId, DomainId};
use postroom::provision::{self, NewDomain};
use postroom::secret::{PlainSecret, SecretKind};
use postroom::{key, token};

use crate::harness::app::{START_MILLIS, TestApp};

fn opens(app: &TestApp, secret: &str) -> Option<ApiKeyId> {
    let secret = PlainSecret::parse(SecretKind::AccountKey, secret).unwrap();
    app.postroom.read(|tx| key::authenticate(tx, &secret)).unwrap().and_then(|caller| caller.key())
}

#[test]
fn a_key_opens_its_account_until_it_is_revoked() {
    let app = TestApp::new();
    let (key, other) = (app.account("acme"), app.account("other"));
    assert_eq!(opens(&app, &key.secret), Some(key.id));
    app.revoke(&key);
    assert_eq!(opens(&app, &key.secret), None);
    assert_eq!(opens(&app, &other.secret), Some(other.id));
}

#[test]
fn a_key_is_revoked_once_and_stays_in_the_list() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.advance(1);
    app.revoke(&key);
    app.advance(1);
    let again = app.postroom.write(|tx| key::revoke(tx, key.id));
    assert!(matches!(again, Err(Error::NotFound(Entity::ApiKey))));
    let listed = app.postroom.read(|tx| key::list(tx, Some(key.account))).unwrap();
    let revoked_at = listed[0].revoked_at.map(postroom::clock::Timestamp::millis);
    assert_eq!((listed.len(), revoked_at), (1, Some(START_MILLIS + 3_600_000)));
}

#[test]
fn revoking_a_key_frees_its_domains_in_the_same_transaction() {
    let app = TestApp::new();
    let (key, other) = (app.account("acme"), app.account("other"));
    let sibling = app.key_of(key.account);
    let tied = [app.domain(&key, "one.example"), app.domain(&key, "two.example")];
    let elsewhere = app.domain(&other, "other.example");
    for (holder, id) in [(&key, tied[0]), (&key, tied[1]), (&other, elsewhere)] {
        app.postroom
            .write(|tx| {
                let domain = domain::find(tx, &holder.operator(), DomainId::new(id))?;
                domain::associate(tx, &holder.operator(), &domain, Some(holder.id))
            })
            .unwrap();
    }
    let before = app.dump();
    let undone: Result<(), Error> = app.postroom.write(|tx| {
        key::revoke(tx, key.id)?;
        Err(Error::NotFound(Entity::ApiKey))
    });
    assert!(undone.is_err());
    assert_eq!(app.dump(), before, "a revocation that is undone frees nothing");
    app.revoke(&key);
    for id in tied {
        assert_eq!(app.call(&sibling, &format!("GET /api/v1/domains/{id}")).status, 200);
    }
    assert_eq!(
        app.value::<i64>("SELECT count(*) FROM domain WHERE api_key_id IS NOT NULL"),
        1,
        "the other's"
    );
}

#[test]
fn the_last_use_never_goes_back() {
    let app = TestApp::new();
    let key = app.account("acme");
    let now = app.postroom.now();
    let note = |at| app.postroom.write(|tx| key::note_uses(tx, &[(key.id, at)])).unwrap();
    let last = || app.postroom.read(|tx| key::list(tx, None)).unwrap()[0].last_used_at;
    assert_eq!(last(), None);
    note(now + Duration::from_mins(1));
    note(now);
    assert_eq!(last(), Some(now + Duration::from_mins(1)));
}

#[test]
fn of_a_key_and_a_token_only_a_hash_and_four_characters_are_kept() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let (_, token) = app.token(&key, id);
    let rows: Vec<String> = app.dump().into_values().flatten().collect();
    for secret in [&key.secret, &token] {
        let last4 = &secret[secret.len() - 4..];
        assert!(rows.iter().any(|row| row.contains(&format!("Text(\"{last4}\")"))));
        assert!(!rows.iter().any(|row| row.contains(&secret[..12])));
    }
    // Nor is any of it in the file's free pages or its log.
    for file in ["postroom.db", "postroom.db-wal"] {
        let octets = std::fs::read(app.file().with_file_name(file)).unwrap_or_default();
        for secret in [&key.secret, &token] {
            assert!(!octets.windows(12).any(|window| window == &secret.as_bytes()[..12]), "{file}");
        }
    }
}

#[test]
fn a_token_opens_its_domain_alone_and_ends_with_it() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let (_, secret) = app.token(&key, id);
    let secret = PlainSecret::parse(SecretKind::DomainToken, &secret).unwrap();
    let opened = || app.postroom.read(|tx| token::authenticate(tx, &secret)).unwrap();
    assert_eq!(opened().map(|(domain, _)| domain), Some(DomainId::new(id)));
    app.postroom
        .write(|tx| {
            let domain = domain::find(tx, &key.operator(), DomainId::new(id))?;
            provision::delete(tx, &key.operator(), &domain)
        })
        .unwrap();
    assert_eq!(opened(), None);
    for table in ["domain", "record", "dkim_key", "webhook_key", "domain_token"] {
        assert_eq!(app.value::<i64>(&format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
}

#[test]
fn no_two_secrets_are_alike() {
    let app = TestApp::new();
    let key = app.account("acme");
    let other = app.key_of(key.account);
    let id = app.domain(&key, "example.com");
    let ((_, one), (_, two)) = (app.token(&key, id), app.token(&key, id));
    assert!(key.secret != other.secret && one != two);
}

#[test]
fn what_is_asked_of_an_account_that_is_not_there_says_that() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = DomainId::new(app.domain(&key, "example.com"));
    let nobody = AccountId::new(99);
    let name = "example.org".parse().unwrap();
    let refused = app
        .postroom
        .write(|tx| {
            let caller = key.operator();
            Ok::<_, Error>([
                key::create(tx, nobody, None).err(),
                provision::transfer(tx, &caller, &key.own(tx, id)?, nobody).err(),
                provision::create(tx, &Caller::operator(nobody), &NewDomain::named(&name)).err(),
            ])
        })
        .unwrap();
    for error in refused {
        assert!(matches!(error, Some(Error::NotFound(Entity::Account))), "{error:?}");
    }
    let handle = app.postroom.read(|tx| postroom::subscription::find(tx, key.account, "none"));
    assert!(matches!(handle, Err(Error::NotFound(Entity::Subscription))), "{handle:?}");
}
