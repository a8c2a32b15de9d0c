//! Whose a name is: what an unproved name may not do, what proves it, and to whom it goes.

mod acting;
mod at_once;
mod limits;
mod moving;
mod proof;

use postroom::account::Caller;
use postroom::cap::Caps;
use postroom::claim::{self, ClaimOutcome, ClaimState};
use postroom::dkim::{self, KeyPair, Source, pool};
use postroom::dns::{Answer, Outcome, Question, RecordData, Resolver};
use postroom::domain;
use postroom::error::{Entity, Error};
use postroom::id::DomainId;
use postroom::inbound;
use postroom::key;
use postroom::keyring;
use postroom::list::{self, ListKind, ListOutcome, ListQuery, Scope};
use postroom::mail;
use postroom::name::{DnsName, DomainName};
use postroom::page::Page;
use postroom::provision::{self, NewDomain};
use postroom::rotation;
use postroom::route::{self, RouteDecision};
use postroom::secret::{PlainSecret, SecretKind};
use postroom::session;
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
