//! How a post to a webhook is signed.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use ring::hmac;
use zeroize::Zeroizing;

use super::SEED_OCTETS;
use crate::clock::Timestamp;

/// How a secret begins that is written in Base64, by the specification of Standard Webhooks.
const SECRET_PREFIX: &[u8] = b"whsec_";
/// The fewest octets of such a secret: nobody guesses as many.
const LEAST_SECRET_OCTETS: usize = 16;
/// The most characters of a secret.
const MAX_SECRET_CHARS: usize = 255;

/// Signs posts to one domain's webhook. Its key is wiped when dropped, and never printed.
pub struct WebhookSigner {
    pair: SigningKey,
    /// The key of the receiver's secret.
    secret: Option<hmac::Key>,
}

impl WebhookSigner {
    pub(super) fn new(seed: &[u8; SEED_OCTETS], secret: Option<Zeroizing<Vec<u8>>>) -> WebhookSigner {
        let secret = secret.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, &key_of(&secret)));
        WebhookSigner { pair: SigningKey::from_bytes(seed), secret }
    }

    /// The signature over a body alone, with the domain's key: padded Base64 of 64 octets.
    pub fn sign(&self, body: &[u8]) -> String {
        STANDARD.encode(self.pair.sign(body).to_bytes())
    }

    /// The signatures over the id, the second and the body of a post, divided by a space, as Standard Webhooks has them: `v1`
    /// with the receiver's secret, if there is one, then `v1a` with the domain's key.
    pub fn sign_post(&self, id: &str, at: Timestamp, body: &[u8]) -> String {
        let signed = [format!("{id}.{}.", at.seconds()).as_bytes(), body].concat();
        let with_secret = self.secret.as_ref().map(|key| STANDARD.encode(hmac::sign(key, &signed)));
        let with_key = format!("v1a,{}", self.sign(&signed));
        with_secret.map_or_else(|| with_key.clone(), |secret| format!("v1,{secret} {with_key}"))
    }
}

impl fmt::Debug for WebhookSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSigner[redacted]")
    }
}

/// Says why a text cannot be the secret of a webhook's receiver.
pub(crate) fn check_secret(secret: &str) -> Result<(), String> {
    if secret.is_empty() || secret.chars().count() > MAX_SECRET_CHARS {
        return Err(format!("it must have 1 to {MAX_SECRET_CHARS} characters"));
    }
    let Some(base64) = secret.as_bytes().strip_prefix(SECRET_PREFIX) else { return Ok(()) };
    match STANDARD.decode(base64).map(Zeroizing::new) {
        Ok(octets) if octets.len() >= LEAST_SECRET_OCTETS => Ok(()),
        _ => Err(format!(
            "after whsec_ it must be Base64, with padding, of {LEAST_SECRET_OCTETS} octets or more"
        )),
    }
}

/// The octets of a secret: those that it writes in Base64, or else its own.
fn key_of(secret: &[u8]) -> Zeroizing<Vec<u8>> {
    let written = secret.strip_prefix(SECRET_PREFIX).and_then(|base64| STANDARD.decode(base64).ok());
    Zeroizing::new(written.unwrap_or_else(|| secret.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vector_is_signed_as_published() {
        // Seed and public key are those of RFC 8032 section 7.1, TEST 1.
        let seed: [u8; 32] =
            STANDARD.decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=").unwrap().try_into().unwrap();
        let body = br#"{"event":"email.delivered","payload":{"status":"delivered","id":1,"domain_id":1}}"#;
        let signer = WebhookSigner::new(&seed, None);
        assert_eq!(
            STANDARD.encode(signer.pair.verifying_key().to_bytes()),
            "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
        );
        assert_eq!(
            signer.sign(body),
            "CnmZvLTOGtPJg8/trFtPvDwR1hH7sX20Z88QNhPyW20J9brbhZIn/ewJ7yMJv+MI5lVodwRzXKM4OKOZMwhjBQ=="
        );
    }

    #[test]
    fn a_secret_that_says_to_be_base64_is_base64_of_enough_octets() {
        for good in ["x", "whsec", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAAAAAAAAAAAAAAAAAAAA=="]
        {
            assert_eq!(check_secret(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "whsec_",
            "whsec_!!!",
            "whsec_AAE=",
            "whsec_AAAAAAAAAAAAAAAAAAAAAA",
            "whsec_AAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(check_secret(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_secret_signs_as_standard_webhooks_publishes_it() {
        // The example of the specification's own libraries.
        let secret = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_vec();
        let signer = WebhookSigner::new(&[7; 32], Some(Zeroizing::new(secret)));
        let (id, at) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", Timestamp::from_millis(1_614_265_330_999));
        let text = signer.sign_post(id, at, br#"{"test": 2432232314}"#);
        assert!(text.starts_with("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1a,"), "{text}");
        let without = WebhookSigner::new(&[7; 32], None).sign_post(id, at, br#"{"test": 2432232314}"#);
        assert_eq!(text.split_once(' ').unwrap().1, without);
        // One that was saved before such a secret was refused is taken as it stands, as is any other text.
        assert_eq!(key_of(b"whsec_*").as_slice(), b"whsec_*");
        assert_eq!(key_of(b"plain").as_slice(), b"plain");
        assert_eq!(key_of(b"whsec_AAE=").as_slice(), [0, 1]);
        assert_eq!(format!("{signer:?}"), "WebhookSigner[redacted]");
    }
}
