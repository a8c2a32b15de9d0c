//! An authenticator in software, and the browser in front of it: what they answer to the console's pages, right or wrong.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postroom::administrator::passkey::{self, Assertion, ClientData, Entered, NewPasskey, RelyingParty};
use postroom::error::Error;
use postroom::secret::{PlainSecret, SecretKind};
use postroom::session::{self, Browser};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use sha2::{Digest, Sha256};

use super::app::TestApp;

/// Where the console is, for these devices.
pub(crate) const ORIGIN: &str = "https://desk.example.net";

/// Somebody is there, and the authenticator has checked who.
const PRESENT_AND_VERIFIED: u8 = 0b0000_0101;
/// The data of a new passkey follow.
const MADE: u8 = 0b0100_0000;

/// One passkey on a device. Its fields are what a test turns into something wrong.
pub(crate) struct Device {
    pair: EcdsaKeyPair,
    pub(crate) credential: Vec<u8>,
    pub(crate) owner: Vec<u8>,
    pub(crate) origin: String,
    pub(crate) party: String,
    pub(crate) flags: u8,
    pub(crate) count: u32,
    /// The type of the client data, in place of the right one.
    pub(crate) kind: Option<&'static str>,
    /// What stands at the end of the client data.
    pub(crate) more: &'static str,
}

/// What a browser sends of a passkey that signs in.
pub(crate) struct Answer {
    pub(crate) credential: Vec<u8>,
    pub(crate) client: String,
    pub(crate) data: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) owner: Vec<u8>,
}

impl Device {
    /// A device without a passkey, in a browser at this origin.
    pub(crate) fn at(origin: &str) -> Device {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, made.as_ref(), &random).unwrap();
        let mut credential = vec![0; 32];
        random.fill(&mut credential).unwrap();
        let party = origin.split("://").nth(1).unwrap().split(':').next().unwrap().to_owned();
        Device {
            pair,
            credential,
            owner: Vec::new(),
            origin: origin.to_owned(),
            party,
            flags: PRESENT_AND_VERIFIED,
            count: 0,
            kind: None,
            more: ",\"crossOrigin\":false",
        }
    }

    /// Makes the passkey: the client data, and the attestation object.
    pub(crate) fn make(&mut self, challenge: &[u8], owner: &[u8]) -> (String, Vec<u8>) {
        self.owner = owner.to_vec();
        let point = self.pair.public_key().as_ref().to_vec();
        let length = u16::try_from(self.credential.len()).unwrap().to_be_bytes();
        // {1: 2, 3: -7, -1: 1, -2: x, -3: y} in CBOR.
        let key = [
            b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20".as_slice(),
            &point[1..33],
            b"\x22\x58\x20",
            &point[33..],
        ];
        let made = [&[0; 16], length.as_slice(), &self.credential, &key.concat()].concat();
        let data = [self.head(self.flags | MADE), made].concat();
        let size = u8::try_from(data.len()).unwrap();
        let object =
            [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".as_slice(), &[size], &data].concat();
        (self.client("webauthn.create", challenge), object)
    }

    /// Uses the passkey.
    pub(crate) fn answer(&mut self, challenge: &[u8]) -> Answer {
        let (client, data) = (self.client("webauthn.get", challenge), self.head(self.flags));
        let signed = [data.as_slice(), &Sha256::digest(client.as_bytes())].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).unwrap().as_ref().to_vec();
        Answer { credential: self.credential.clone(), client, data, signature, owner: self.owner.clone() }
    }

    fn head(&self, flags: u8) -> Vec<u8> {
        let party = Sha256::digest(self.party.as_bytes());
        [party.as_slice(), &[flags], &self.count.to_be_bytes()].concat()
    }

    fn client(&self, kind: &str, challenge: &[u8]) -> String {
        let (kind, challenge) = (self.kind.unwrap_or(kind), URL_SAFE_NO_PAD.encode(challenge));
        let (origin, more) = (&self.origin, self.more);
        format!("{{\"type\":\"{kind}\",\"challenge\":\"{challenge}\",\"origin\":\"{origin}\"{more}}}")
    }
}

impl Answer {
    /// The form that the script of the page sends.
    pub(crate) fn form(&self) -> String {
        let text = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
        format!(
            "credential={}&client={}&data={}&signature={}&owner={}",
            text(&self.credential),
            text(self.client.as_bytes()),
            text(&self.data),
            text(&self.signature),
            text(&self.owner)
        )
    }

    /// What the library takes.
    pub(crate) fn assertion<'a>(&'a self, client: &'a ClientData) -> Assertion<'a> {
        Assertion {
            credential: &self.credential,
            client,
            data: &self.data,
            signature: &self.signature,
            user_handle: &self.owner,
        }
    }
}

/// The client data, as whoever reads JSON reads them.
pub(crate) fn client_data(json: &str) -> ClientData {
    let read: serde_json::Value = serde_json::from_str(json).unwrap();
    let text = |name: &str| read[name].as_str().unwrap().to_owned();
    ClientData {
        kind: text("type"),
        challenge: text("challenge"),
        origin: text("origin"),
        is_framed: read["crossOrigin"] == true || read["topOrigin"].is_string(),
        hash: ClientData::hash_of(json.as_bytes()),
    }
}

impl TestApp {
    /// Makes somebody who signs in with a passkey, for whoever has this session, and returns their device.
    pub(crate) fn give_passkey(&self, session: &str, name: &str) -> Device {
        let secret = PlainSecret::parse(SecretKind::Session, session).unwrap();
        let (party, mut device) = (RelyingParty::of(ORIGIN).unwrap(), Device::at(ORIGIN));
        let (by, offer) = self
            .postroom
            .write(|tx| {
                let by = session::find(tx, &secret)?.unwrap();
                let offer = passkey::begin(tx, &by, name)?;
                Ok::<_, Error>((by, offer))
            })
            .unwrap();
        let (client, attestation) = device.make(&offer.challenge, &offer.user_handle);
        let client = client_data(&client);
        let new = NewPasskey {
            administrator: offer.administrator,
            label: "laptop",
            client: &client,
            attestation: &attestation,
        };
        self.postroom.write(|tx| passkey::add(tx, &by, &party, &new)).unwrap();
        device
    }

    /// Signs in with a passkey: the secret of the session, or why not.
    pub(crate) fn enter_with(&self, device: &mut Device) -> Result<String, String> {
        // Of one millisecond there is one challenge that is good for a passkey.
        self.clock.advance(std::time::Duration::from_millis(1));
        let party = RelyingParty::of(ORIGIN).unwrap();
        let challenge = self.postroom.read(passkey::challenge).unwrap();
        let answer = device.answer(&challenge);
        let client = client_data(&answer.client);
        let proof =
            self.postroom.read(|tx| passkey::known(tx, &party, &challenge, &answer.assertion(&client)));
        let proof = proof.map_err(|error| error.to_string())?;
        let browser = Browser { agent: None, address: "192.0.2.7".parse().unwrap() };
        match self.postroom.write(|tx| passkey::enter(tx, &proof, browser, None)).unwrap() {
            Entered::In(begun) => Ok(begun.1.reveal().to_owned()),
            Entered::Refused(refusal) => Err(refusal.to_string()),
        }
    }
}
