//! Passkeys, by the library: what makes one, what signs in with one, and what does not.

use std::time::Duration;

use postroom::Caller;
use postroom::administrator::passkey::{
    self, Entered, Left, MOST_PASSKEYS, NewPasskey, Offer, Passkey, PasskeyProof, RelyingParty,
};
use postroom::administrator::{self, HashedPassword, SignInName};
use postroom::error::{Entity, Error};
use postroom::login;
use postroom::secret::PlainSecret;
use postroom::session::{self, Browser, ConsoleSession};

use crate::harness::app::{Key, PASSWORD, TestApp};
use crate::harness::authenticator::{Answer, Device, client_data};

const ORIGIN: &str = "https://desk.example.net";
/// The flags of an authenticator.
const PRESENT: u8 = 1;
const VERIFIED: u8 = 1 << 2;
const MAY_BE_COPIED: u8 = 1 << 3;
const COPIED: u8 = 1 << 4;

struct World {
    app: TestApp,
    key: Key,
    party: RelyingParty,
}

fn browser() -> Browser<'static> {
    Browser { agent: None, address: "192.0.2.7".parse().unwrap() }
}

impl World {
    fn new() -> World {
        let app = TestApp::new();
        let key = app.account("acme");
        World { app, key, party: RelyingParty::of(ORIGIN).unwrap() }
    }

    /// Lets a millisecond pass: of one millisecond there is one challenge that is good for a passkey.
    fn tick(&self) {
        self.app.clock.advance(Duration::from_millis(1));
    }

    fn link_session(&self) -> ConsoleSession {
        let operator = Caller::operator(self.key.account);
        let link = self.app.postroom.write(|tx| login::create_for_account(tx, &operator)).unwrap().1;
        self.app.postroom.write(|tx| session::sign_in(tx, &link, browser(), None)).unwrap().unwrap().0
    }

    fn offer(&self, by: &ConsoleSession, name: &str) -> Offer {
        self.app.postroom.write(|tx| passkey::begin(tx, by, name)).unwrap()
    }

    fn another(&self, by: &ConsoleSession) -> Result<Option<Offer>, Error> {
        self.app.postroom.write(|tx| passkey::begin_another(tx, by, None))
    }

    fn add(&self, by: &ConsoleSession, offer: &Offer, made: &(String, Vec<u8>)) -> Result<Passkey, Error> {
        let client = client_data(&made.0);
        let new = NewPasskey {
            administrator: offer.administrator,
            label: " my laptop ",
            client: &client,
            attestation: &made.1,
        };
        self.app.postroom.write(|tx| passkey::add(tx, by, &self.party, &new))
    }

    /// Somebody of this name with a passkey on this device.
    fn with_passkey(&self, name: &str) -> (Device, Passkey) {
        let (by, mut device) = (self.link_session(), Device::at(ORIGIN));
        let offer = self.offer(&by, name);
        let made = device.make(&offer.challenge, &offer.user_handle);
        let passkey = self.add(&by, &offer, &made).unwrap();
        (device, passkey)
    }

    fn challenge(&self) -> Vec<u8> {
        self.tick();
        self.app.postroom.read(passkey::challenge).unwrap()
    }

    fn known(&self, bound: &[u8], answer: &Answer) -> Result<PasskeyProof, Error> {
        let client = client_data(&answer.client);
        self.app.postroom.read(|tx| passkey::known(tx, &self.party, bound, &answer.assertion(&client)))
    }

    fn enter(&self, proof: &PasskeyProof) -> Entered {
        self.app.postroom.write(|tx| passkey::enter(tx, proof, browser(), None)).unwrap()
    }

    fn sign_in(&self, device: &mut Device) -> Result<(ConsoleSession, PlainSecret), String> {
        let challenge = self.challenge();
        let answer = device.answer(&challenge);
        let proof = self.known(&challenge, &answer).map_err(|refused| refused.to_string())?;
        match self.enter(&proof) {
            Entered::In(begun) => Ok(*begun),
            Entered::Refused(refusal) => Err(refusal.to_string()),
        }
    }

    fn last_event(&self) -> (String, String) {
        let event = self.app.events(self.key.account).pop().unwrap();
        (event.action().to_owned(), event.change().unwrap().to_string())
    }
}

fn refused<T: std::fmt::Debug>(result: Result<T, Error>, part: &str) {
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Invalid { field: "passkey", .. }), "{error}");
    assert!(error.to_string().contains(part), "{error}");
}

#[test]
fn somebody_with_a_passkey_alone_signs_in_without_a_name_and_needs_no_password() {
    let world = World::new();
    let (mut device, passkey) = world.with_passkey("Jo");
    assert_eq!((passkey.name.as_str(), passkey.used_at), ("my laptop", None));
    let (session, secret) = world.sign_in(&mut device).unwrap();
    assert_eq!(
        (session.administrator, session.account),
        (Some(passkey.administrator), Some(world.key.account))
    );
    assert!(session.by_passkey && session.link.is_none());
    world
        .app
        .postroom
        .read(|tx| {
            assert_eq!(session::find(tx, &secret)?.as_ref(), Some(&session));
            let own = administrator::own(tx, &session)?.unwrap();
            assert_eq!((own.name.as_str(), own.has_password, own.passkeys), ("jo", false, 1));
            assert!(own.confirmed_at.is_some() && own.used_at.is_some());
            assert!(passkey::list(tx, &session)?[0].used_at.is_some());
            // The name is known, and no password fits it.
            assert!(administrator::known(tx, &SignInName::of("jo@acme"))?.check("", "")?.is_none());
            Ok::<_, Error>(())
        })
        .unwrap();
    assert_eq!(world.app.actions(world.key.account).last().unwrap(), "passkey.used 1");
    assert!(world.sign_in(&mut device).is_ok(), "and once more, by an authenticator that does not count");
}

#[test]
fn a_passkey_of_another_page_or_for_another_question_is_not_added() {
    let world = World::new();
    let by = world.link_session();
    for (part, spoil) in [
        (
            "another site than https://desk.example.net",
            (|device| device.origin = "https://evil.example".to_owned()) as fn(&mut Device),
        ),
        ("another site than", |device| device.origin = "http://desk.example.net".to_owned()),
        ("another site than", |device| device.origin = "https://desk.example.net:8443".to_owned()),
        ("for another site", |device| device.party = "example.net".to_owned()),
        ("did not check", |device| device.flags = PRESENT),
        ("did not check", |device| device.flags = VERIFIED),
        ("cannot be read", |device| device.flags = PRESENT | VERIFIED | COPIED),
        ("another question", |device| device.kind = Some("webauthn.get")),
        ("frame", |device| device.more = ",\"crossOrigin\":true"),
        ("frame", |device| device.more = ",\"topOrigin\":\"https://evil.example\""),
    ] {
        let mut device = Device::at(ORIGIN);
        spoil(&mut device);
        let offer = world.offer(&by, "jo");
        refused(world.add(&by, &offer, &device.make(&offer.challenge, &offer.user_handle)), part);
    }
    let (offer, mut device) = (world.offer(&by, "jo"), Device::at(ORIGIN));
    let (client, object) = device.make(&offer.challenge, &offer.user_handle);
    refused(world.add(&by, &offer, &(client.clone(), object[..60].to_vec())), "cannot be read");
    let at = object.windows(3).position(|three| three == b"\x03\x26\x20").unwrap();
    // P-384 in place of P-256.
    let mut curve = object.clone();
    curve[at + 3] = 2;
    refused(world.add(&by, &offer, &(client.clone(), curve)), "kind of key");
    assert!(world.add(&by, &offer, &(client, object)).is_ok(), "the offer is still good");
}

#[test]
fn an_offer_is_for_one_session_and_one_person_and_good_once_for_five_minutes() {
    let world = World::new();
    let (by, other, mut device) = (world.link_session(), world.link_session(), Device::at(ORIGIN));
    let offer = world.offer(&by, "jo");
    let made = device.make(&offer.challenge, &offer.user_handle);
    refused(world.add(&other, &offer, &made), "does not belong");
    let anns = world.offer(&by, "ann");
    refused(world.add(&by, &anns, &made), "does not belong");
    for bad in [Vec::new(), vec![0; 64], world.challenge(), offer.challenge[..40].to_vec()] {
        refused(world.add(&by, &offer, &device.make(&bad, &offer.user_handle)), "does not belong");
    }
    world.app.clock.advance(Duration::from_secs(301));
    refused(world.add(&by, &offer, &made), "longer than 5 minutes");
    let offer = world.offer(&by, "jo");
    let made = device.make(&offer.challenge, &offer.user_handle);
    let passkey = world.add(&by, &offer, &made).unwrap();
    let again = world.add(&by, &offer, &made);
    assert!(matches!(again, Err(Error::NotFound(Entity::Administrator))), "{again:?}");
    // In a session of one's own, also after it was removed.
    let (own, _) = world.sign_in(&mut device).unwrap();
    let (second, mut phone) = (world.another(&own).unwrap().unwrap(), Device::at(ORIGIN));
    assert_eq!((second.administrator, second.user_handle), (passkey.administrator, offer.user_handle));
    assert_eq!(second.known, [device.credential.clone()]);
    let made = phone.make(&second.challenge, &second.user_handle);
    let added = world.add(&own, &second, &made).unwrap();
    refused(world.add(&own, &second, &made), "sent already");
    let removed = world.app.postroom.write(|tx| passkey::remove(tx, &own, added.id, None, false)).unwrap();
    assert_eq!(removed, Some(Left::AnotherWay));
    refused(world.add(&own, &second, &made), "sent already");
    world.tick();
    let third = world.another(&own).unwrap().unwrap();
    let same = world.add(&own, &third, &device.make(&third.challenge, &third.user_handle));
    assert!(matches!(same, Err(Error::Conflict(Entity::Passkey))), "{same:?}");
}

#[test]
fn whatever_is_wrong_with_an_answer_signs_nobody_in() {
    let world = World::new();
    let (mut device, _) = world.with_passkey("jo");
    let (mut anns, _) = world.with_passkey("ann");
    let spoiled = |device: &mut Device, part: &str, spoil: fn(&mut Device)| {
        let kept = (device.origin.clone(), device.party.clone(), device.flags);
        spoil(device);
        let challenge = world.challenge();
        refused(world.known(&challenge, &device.answer(&challenge)), part);
        (device.origin, device.party, device.flags) = kept;
        (device.kind, device.more) = (None, "");
    };
    spoiled(&mut device, "another site than", |device| device.origin = "https://evil.example".to_owned());
    spoiled(&mut device, "for another site", |device| device.party = "evil.example".to_owned());
    spoiled(&mut device, "did not check", |device| device.flags = PRESENT);
    spoiled(&mut device, "did not check", |device| device.flags = VERIFIED);
    spoiled(&mut device, "cannot be read", |device| device.flags |= MAY_BE_COPIED);
    spoiled(&mut device, "another question", |device| device.kind = Some("webauthn.create"));
    spoiled(&mut device, "frame", |device| device.more = ",\"crossOrigin\":true");
    let challenge = world.challenge();
    let anns_answer = anns.answer(&challenge);
    for (part, change) in [
        (
            "signature",
            (|answer, anns| answer.signature.clone_from(&anns.signature)) as fn(&mut Answer, &Answer),
        ),
        ("signature", |answer, _| answer.signature.clear()),
        ("signature", |answer, _| answer.data[36] += 1),
        ("signature", |answer, _| answer.client = answer.client.replace('}', " }")),
        ("signature", |answer, anns| {
            answer.credential.clone_from(&anns.credential);
            answer.owner.clone_from(&anns.owner);
        }),
        ("does not know", |answer, anns| answer.owner.clone_from(&anns.owner)),
        ("does not know", |answer, _| answer.owner.clear()),
        ("does not know", |answer, _| answer.credential.push(0)),
        ("cannot be read", |answer, _| answer.data.truncate(36)),
    ] {
        let mut answer = device.answer(&challenge);
        change(&mut answer, &anns_answer);
        refused(world.known(&challenge, &answer), part);
    }
    assert!(world.known(&challenge, &device.answer(&challenge)).is_ok(), "and the right one does");
}

#[test]
fn a_challenge_is_of_one_browser_and_good_once_for_five_minutes() {
    let world = World::new();
    let (mut device, _) = world.with_passkey("jo");
    let (own, others) = (world.challenge(), world.challenge());
    refused(world.known(&others, &device.answer(&own)), "does not belong");
    for bad in [Vec::new(), vec![7; 56], own[..50].to_vec()] {
        refused(world.known(&bad, &device.answer(&bad)), "does not belong");
    }
    let by = world.link_session();
    let offered = world.offer(&by, "ann").challenge;
    refused(world.known(&offered, &device.answer(&offered)), "does not belong");
    let answer = device.answer(&own);
    let (one, other) = (world.known(&own, &answer).unwrap(), world.known(&own, &answer).unwrap());
    assert!(matches!(world.enter(&one), Entered::In(_)));
    assert!(matches!(world.enter(&other), Entered::Refused(_)), "at the same time");
    refused(world.known(&own, &answer), "sent already");
    let late = world.challenge();
    let answer = device.answer(&late);
    world.app.clock.advance(Duration::from_secs(301));
    refused(world.known(&late, &answer), "longer than 5 minutes");
}

#[test]
fn a_count_that_goes_back_is_refused_and_stands_in_the_audit_log() {
    let world = World::new();
    let (mut device, _) = world.with_passkey("jo");
    device.count = 5;
    assert!(world.sign_in(&mut device).is_ok());
    for count in [5, 4, 0] {
        device.count = count;
        let why = world.sign_in(&mut device).unwrap_err();
        assert!(why.contains("may be a copy"), "{why}");
        let (action, text) = world.last_event();
        assert_eq!(action, "passkey.refused");
        assert!(text.contains(&format!("went back from 5 to {count}")), "{text}");
    }
    device.count = 6;
    assert!(world.sign_in(&mut device).is_ok(), "whoever counts on is let in: a stranger locks nobody out");
}

#[test]
fn passkeys_are_added_and_removed_soon_after_signing_in_or_with_the_password() {
    let world = World::new();
    let (mut device, passkey) = world.with_passkey("jo");
    let (own, _) = world.sign_in(&mut device).unwrap();
    let link = world.link_session();
    let by_link = world.another(&link);
    assert!(matches!(by_link, Err(Error::NotFound(Entity::Administrator))), "{by_link:?}");
    world.app.advance_minutes(16);
    let late = world.another(&own);
    assert!(matches!(late, Err(Error::Invalid { field: "session", .. })), "{late:?}");
    let remove = |by: &ConsoleSession, proof: Option<&administrator::Proof>, is_sure| {
        world.app.postroom.write(|tx| passkey::remove(tx, by, passkey.id, proof, is_sure))
    };
    assert!(matches!(remove(&own, None, true), Err(Error::Invalid { field: "session", .. })));
    assert!(matches!(remove(&link, None, true), Err(Error::NotFound(Entity::Passkey))), "nobody else's");
    let (own, _) = world.sign_in(&mut device).unwrap();
    let last = remove(&own, None, false);
    assert!(
        matches!(&last, Err(Error::Invalid { field: "sure", reason }) if reason.contains("last way in")),
        "{last:?}"
    );
    // A password of their own, under the name that they have.
    let hash = HashedPassword::of("jo", PASSWORD).unwrap();
    let totp = world
        .app
        .postroom
        .write(|tx| {
            let (made, totp) = administrator::begin(tx, &own, "ignored", &hash)?;
            assert_eq!((made.id, made.has_password), (passkey.administrator, false), "before the first code");
            administrator::confirm(tx, &own, made.id, &totp.code(tx.now())?)?;
            Ok::<_, Error>(totp)
        })
        .unwrap();
    assert!(matches!(remove(&own, None, true), Ok(None)), "now it is asked for");
    assert!(matches!(world.another(&own), Ok(None)));
    world.app.advance_minutes(20);
    let known = world.app.postroom.read(|tx| administrator::known_by_session(tx, &own)).unwrap();
    let proof =
        known.check(PASSWORD, &totp.code(postroom::clock::Clock::now(&*world.app.clock)).unwrap()).unwrap();
    assert_eq!(remove(&own, proof.as_ref(), false).unwrap(), Some(Left::AnotherWay));
    assert!(world.sign_in(&mut device).unwrap_err().contains("does not know"));
}

#[test]
fn without_the_last_way_in_the_administrator_is_gone_with_every_session() {
    let world = World::new();
    let (mut device, passkey) = world.with_passkey("jo");
    let (own, secret) = world.sign_in(&mut device).unwrap();
    let left = world.app.postroom.write(|tx| passkey::remove(tx, &own, passkey.id, None, true)).unwrap();
    assert_eq!(left, Some(Left::Nothing));
    assert!(world.app.postroom.read(|tx| session::find(tx, &secret)).unwrap().is_none());
    let actions = world.app.actions(world.key.account);
    assert!(
        actions.ends_with(&["passkey.removed 1".to_owned(), "administrator.removed 1".to_owned()]),
        "{actions:?}"
    );
    let (mut device, _) = world.with_passkey("jo");
    assert!(world.sign_in(&mut device).is_ok(), "the name is free");
}

#[test]
fn an_administrator_has_ten_passkeys_at_most_and_calls_them_what_they_like() {
    let world = World::new();
    let (mut device, passkey) = world.with_passkey("jo");
    let (own, _) = world.sign_in(&mut device).unwrap();
    for number in 2..=MOST_PASSKEYS {
        world.tick();
        let (offer, mut device) = (world.another(&own).unwrap().unwrap(), Device::at(ORIGIN));
        assert_eq!(offer.known.len(), number as usize - 1);
        world.add(&own, &offer, &device.make(&offer.challenge, &offer.user_handle)).unwrap();
    }
    let more = world.another(&own);
    assert!(matches!(more, Err(Error::Limit { what: Entity::Passkey, most: 10 })), "{more:?}");
    let rename = |name: &str| world.app.postroom.write(|tx| passkey::rename(tx, &own, passkey.id, name));
    for bad in ["", "  ", "a\u{7}b", &"x".repeat(65)] {
        assert!(matches!(rename(bad), Err(Error::Invalid { field: "label", .. })), "{bad}");
    }
    rename(" büro ").unwrap();
    assert_eq!(world.app.postroom.read(|tx| passkey::list(tx, &own)).unwrap()[0].name, "büro");
    assert_eq!(world.last_event().0, "passkey.renamed");
}

#[test]
fn passkeys_end_with_their_administrator_and_with_the_account() {
    let world = World::new();
    let (mut device, passkey) = world.with_passkey("jo");
    let (_, secret) = world.sign_in(&mut device).unwrap();
    let by = world.link_session();
    world.app.postroom.write(|tx| administrator::remove(tx, &by, passkey.administrator)).unwrap();
    assert!(world.app.postroom.read(|tx| session::find(tx, &secret)).unwrap().is_none());
    assert!(world.sign_in(&mut device).unwrap_err().contains("does not know"));
    assert_eq!(world.app.value::<i64>("SELECT count(*) FROM passkey"), 0);
}
