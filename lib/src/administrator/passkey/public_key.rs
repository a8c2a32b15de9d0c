//! Public keys of passkeys, in the form of COSE (RFC 9052 section 7, RFC 9053), and their signatures.

use minicbor::Decoder;
use minicbor::data::Type;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

/// The kinds of keys that are taken, by their numbers in the registry of COSE, the best first: what a browser is asked for.
pub const ALGORITHMS: [i64; 3] = [ES256, EDDSA, RS256];

/// ECDSA on P-256 with SHA-256.
const ES256: i64 = -7;
/// Ed25519 (RFC 8032).
const EDDSA: i64 = -8;
/// RSA by PKCS #1 v1.5 with SHA-256.
const RS256: i64 = -257;

/// The most octets of a key: those of RSA with 8192 bits, and its labels.
pub(super) const MOST_OCTETS: usize = 1100;
/// The most entries of a key.
const MOST_ENTRIES: u64 = 16;

/// A key that is known how to verify by.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum VerifyingKey<'a> {
    /// The point in its uncompressed form (SEC 1 section 2.3.3).
    P256(Vec<u8>),
    Ed25519(&'a [u8]),
    Rsa {
        modulus: &'a [u8],
        exponent: &'a [u8],
    },
}

/// The parameters of a key. The label -1 is a curve, or the modulus of RSA.
#[derive(Default)]
struct Parameters<'a> {
    kind: Option<i64>,
    algorithm: Option<i64>,
    curve: Option<i64>,
    /// Under -1, -2 and -3.
    octets: [Option<&'a [u8]>; 3],
}

impl<'a> VerifyingKey<'a> {
    pub(super) fn parse(cose: &'a [u8]) -> Option<VerifyingKey<'a>> {
        let found = Parameters::read(cose)?;
        let of_size = |octets: Option<&'a [u8]>| octets.filter(|octets| octets.len() == 32);
        let [first, second, third] = found.octets;
        match (found.kind?, found.algorithm?, found.curve) {
            // EC2 on P-256: section 7.1.1 of RFC 9053.
            (2, ES256, Some(1)) => {
                Some(VerifyingKey::P256([&[4], of_size(second)?, of_size(third)?].concat()))
            }
            // OKP with Ed25519: section 7.2.
            (1, EDDSA, Some(6)) => of_size(second).map(VerifyingKey::Ed25519),
            // RFC 8230 section 4.
            (3, RS256, None) => Some(VerifyingKey::Rsa { modulus: first?, exponent: second? }),
            _ => None,
        }
    }

    /// Whether this is the key's signature of the message.
    pub(super) fn is_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            VerifyingKey::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            VerifyingKey::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
            VerifyingKey::Rsa { modulus, exponent } => RsaPublicKeyComponents { n: modulus, e: exponent }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
        };
        verified.is_ok()
    }
}

impl<'a> Parameters<'a> {
    fn read(cose: &'a [u8]) -> Option<Parameters<'a>> {
        let mut decoder = Decoder::new(cose);
        let mut found = Parameters::default();
        let entries = decoder.map().ok()??;
        if entries > MOST_ENTRIES || cose.len() > MOST_OCTETS {
            return None;
        }
        for _ in 0..entries {
            let label = decoder.i64().ok()?;
            match (label, decoder.datatype().ok()?) {
                (1, _) => found.kind = Some(decoder.i64().ok()?),
                (3, _) => found.algorithm = Some(decoder.i64().ok()?),
                (-3..=-1, Type::Bytes) => {
                    let place = usize::try_from(-1 - label).ok()?;
                    *found.octets.get_mut(place)? = Some(decoder.bytes().ok()?);
                }
                (-1, _) => found.curve = Some(decoder.i64().ok()?),
                _ => decoder.skip().ok()?,
            }
        }
        Some(found).filter(|_| decoder.position() == cose.len())
    }
}

#[cfg(test)]
mod tests {
    use minicbor::Encoder;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};

    use super::*;

    /// A key with these numbers and octets, by label.
    fn cose(numbers: &[(i64, i64)], octets: &[(i64, &[u8])]) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new());
        encoder.map((numbers.len() + octets.len()) as u64).unwrap();
        for (label, number) in numbers {
            encoder.i64(*label).unwrap().i64(*number).unwrap();
        }
        for (label, octets) in octets {
            encoder.i64(*label).unwrap().bytes(octets).unwrap();
        }
        encoder.into_writer()
    }

    #[test]
    fn a_signature_on_p256_is_verified_by_its_key_alone() {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, made.as_ref(), &random).unwrap();
        let point = pair.public_key().as_ref();
        let key = cose(&[(1, 2), (3, ES256), (-1, 1)], &[(-2, &point[1..33]), (-3, &point[33..])]);
        let signature = pair.sign(&random, b"message").unwrap();
        let key = VerifyingKey::parse(&key).unwrap();
        assert!(key.is_signed(b"message", signature.as_ref()));
        assert!(!key.is_signed(b"massage", signature.as_ref()) && !key.is_signed(b"message", b""));
        let nowhere = cose(&[(1, 2), (3, ES256), (-1, 1)], &[(-2, &[1; 32]), (-3, &[1; 32])]);
        assert!(!VerifyingKey::parse(&nowhere).unwrap().is_signed(b"message", signature.as_ref()));
    }

    #[test]
    fn a_signature_of_ed25519_is_verified() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
        let key = cose(&[(1, 1), (3, EDDSA), (-1, 6)], &[(-2, pair.public_key().as_ref())]);
        let signature = pair.sign(b"message");
        let key = VerifyingKey::parse(&key).unwrap();
        assert!(
            key.is_signed(b"message", signature.as_ref()) && !key.is_signed(b"massage", signature.as_ref())
        );
    }

    #[test]
    fn a_key_of_rsa_is_read_and_one_that_is_too_short_signs_nothing() {
        let key = cose(&[(1, 3), (3, RS256)], &[(-1, &[0xc1; 256]), (-2, &[1, 0, 1])]);
        let read = VerifyingKey::parse(&key).unwrap();
        assert_eq!(read, VerifyingKey::Rsa { modulus: &[0xc1; 256], exponent: &[1, 0, 1] });
        assert!(!read.is_signed(b"message", &[1; 256]));
    }

    #[test]
    fn a_key_of_another_kind_or_curve_or_size_is_none() {
        for bad in [
            cose(&[(1, 2), (3, ES256), (-1, 2)], &[(-2, &[1; 32]), (-3, &[1; 32])]),
            cose(&[(1, 2), (3, -35), (-1, 1)], &[(-2, &[1; 32]), (-3, &[1; 32])]),
            cose(&[(1, 2), (3, ES256), (-1, 1)], &[(-2, &[1; 31]), (-3, &[1; 32])]),
            cose(&[(1, 2), (3, ES256), (-1, 1)], &[(-2, &[1; 32])]),
            cose(&[(1, 1), (3, EDDSA), (-1, 4)], &[(-2, &[1; 32])]),
            cose(&[(1, 1), (3, ES256), (-1, 6)], &[(-2, &[1; 32])]),
            cose(&[(1, 3), (3, RS256)], &[(-1, &[1; 256])]),
            cose(&[(3, ES256)], &[]),
            [cose(&[(1, 1), (3, EDDSA), (-1, 6)], &[(-2, &[1; 32])]), vec![0]].concat(),
            vec![0xbf, 0xff],
            Vec::new(),
        ] {
            assert_eq!(VerifyingKey::parse(&bad), None, "{bad:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_octets_are_a_key_or_none_without_a_panic(octets in proptest::collection::vec(0_u8.., 0..200)) {
            if let Some(key) = VerifyingKey::parse(&octets) {
                let _ = key.is_signed(b"message", &octets);
            }
        }
    }
}
