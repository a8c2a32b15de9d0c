//! Which numbers are a key that may be used: RFC 8017 section 3.2, FIPS 186-5 appendix A.1.1, and what the bound on an
//! import's time asks for. The `rsa` crate checks far less, so these checks stand before it.

use std::num::NonZeroU32;

use crypto_bigint::{BoxedUint, ConcatenatingMul, Limb, NonZero};
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey};
use rsa::pkcs8::{DecodePublicKey, EncodePublicKey};
use rsa::traits::PrivateKeyParts;
use rsa::{Pkcs1v15Sign, PrivateKey, PublicKey as RsaPublicKey};
use zeroize::Zeroizing;

use super::InvalidPrivateKey as Invalid;
use super::der::Numbers;
use super::prime::is_prime;
use crate::dkim::{Algorithm, KeyPair, PublicKey};

/// The lengths of a modulus that are taken. RFC 8301 section 3.2: no signer uses less than 1024, every verifier takes 2048.
const BITS: [usize; 2] = [1024, 2048];

/// 65537, the public exponent that everybody has.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// No modulus can be divided by a number up to this, the last prime that OpenSSL and NIST SP 800-89 section 5.3.3 try.
const LARGEST_SMALL_FACTOR: u32 = 751;

/// `DigestInfo` of a SHA-256 digest up to the digest (RFC 8017 section 9.2, note 1).
const SHA256: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

/// The key pair that the numbers are, from the cheapest question to the dearest.
pub(super) fn check(numbers: &Numbers<'_>) -> Result<KeyPair, Invalid> {
    let bits = bits(numbers.n);
    if !BITS.contains(&bits) {
        return Err(Invalid::ModulusBits(bits));
    }
    if numbers.e != EXPONENT {
        return Err(Invalid::PublicExponent);
    }
    let n = BoxedUint::from_be_slice_vartime(numbers.n);
    // Composite divisors add nothing and spare a table of primes.
    if (2..=LARGEST_SMALL_FACTOR).filter_map(NonZeroU32::new).any(|divisor| {
        let left = n.rem_limb(NonZero::<Limb>::from_u32(divisor));
        left == Limb::ZERO
    }) {
        return Err(Invalid::SmallFactor);
    }
    let (p, q) = primes(numbers, &n, bits)?;
    let e = BoxedUint::from_be_slice_vartime(&EXPONENT);
    check_private_exponent(numbers.d, &n, [&p, &q], &e)?;
    for (name, number) in [("p", &p), ("q", &q)] {
        if !is_prime(number) {
            return Err(Invalid::NotPrime(name));
        }
    }
    // The greater one first, as nearly everybody writes them: one key has one stored form.
    let (p, q) = if *p > *q { (p, q) } else { (q, p) };
    // d, the least that fits, and with it dP, dQ and qInv, follow from these three.
    let key = PrivateKey::from_p_q((*p).clone(), (*q).clone(), e).map_err(|_| Invalid::SelfTest)?;
    if key.d().bit_width() as usize <= bits / 2 {
        return Err(Invalid::PrivateExponentSmall);
    }
    encode(&key, bits)
}

/// p and q, if their product is n and they are neither lopsided nor close.
fn primes(
    numbers: &Numbers<'_>,
    n: &BoxedUint,
    bits_of_n: usize,
) -> Result<(Zeroizing<BoxedUint>, Zeroizing<BoxedUint>), Invalid> {
    if [numbers.p, numbers.q].iter().any(|prime| bits(prime) != bits_of_n / 2) {
        return Err(Invalid::PrimeBits);
    }
    let p = Zeroizing::new(BoxedUint::from_be_slice_vartime(numbers.p));
    let q = Zeroizing::new(BoxedUint::from_be_slice_vartime(numbers.q));
    if p.concatenating_mul(&*q) != *n {
        return Err(Invalid::Product);
    }
    if *p == *q {
        return Err(Invalid::PrimesEqual);
    }
    let distance = Zeroizing::new(if *p > *q { p.wrapping_sub(&*q) } else { q.wrapping_sub(&*p) });
    // At most 2^(nlen/2 - 100), as FIPS 186-5 appendix A.1.3 has it: fewer bits, or that very power of two.
    let power = bits_of_n / 2 - 100;
    let (bits, twos) = (distance.bit_width() as usize, distance.trailing_zeros() as usize);
    if bits <= power || (bits == power + 1 && twos == power) {
        return Err(Invalid::PrimesClose);
    }
    Ok((p, q))
}

/// RFC 8017 section 3.2: d is less than n, and e·d is 1 modulo λ(n); it is so exactly if it is so modulo p − 1 and modulo
/// q − 1. Keys with d modulo λ(n) and with d modulo φ(n) are about, and both are of this kind.
fn check_private_exponent(
    d: &[u8],
    n: &BoxedUint,
    primes: [&BoxedUint; 2],
    e: &BoxedUint,
) -> Result<(), Invalid> {
    let d = Zeroizing::new(BoxedUint::from_be_slice_vartime(d));
    let product = Zeroizing::new(d.concatenating_mul(e));
    let one = BoxedUint::one();
    let fits = |prime: &BoxedUint| {
        let order = prime.wrapping_sub(&one).into_nz().into_option().map(Zeroizing::new);
        order.is_some_and(|order| *Zeroizing::new(product.rem(&order)) == one)
    };
    if *d < *n && primes.into_iter().all(fits) { Ok(()) } else { Err(Invalid::PrivateExponent) }
}

/// The pair in the form in which it is kept, once that has shown that it signs.
fn encode(key: &PrivateKey, bits: usize) -> Result<KeyPair, Invalid> {
    let private = key.to_pkcs1_der().map_err(|_| Invalid::SelfTest)?;
    let public = RsaPublicKey::from(key).to_public_key_der().map_err(|_| Invalid::SelfTest)?;
    if !signs(private.as_bytes(), public.as_bytes()) {
        return Err(Invalid::SelfTest);
    }
    Ok(KeyPair {
        bits: u32::try_from(bits).map_err(|_| Invalid::ModulusBits(bits))?,
        public: PublicKey::stored(Algorithm::Rsa, public.as_bytes().to_vec()),
        private: Zeroizing::new(private.as_bytes().to_vec()),
        imported: true,
    })
}

/// Whether what one half signs, the other verifies; both read back from their stored forms.
fn signs(private: &[u8], public: &[u8]) -> bool {
    let scheme = || Pkcs1v15Sign { hash_len: Some(32), prefix: SHA256.into() };
    // Any digest is as good as another; this one is nobody's message.
    let digest = [0x5a; 32];
    let (Ok(private), Ok(public)) =
        (PrivateKey::from_pkcs1_der(private), RsaPublicKey::from_public_key_der(public))
    else {
        return false;
    };
    private
        .sign(scheme(), &digest)
        .is_ok_and(|signature| public.verify(scheme(), &digest, &signature).is_ok())
}

/// The length of a big-endian number without leading zeros.
fn bits(number: &[u8]) -> usize {
    let leading = number.first().map_or(0, |octet| octet.leading_zeros() as usize);
    number.len() * 8 - leading
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::dkim::KeyKind;
    use crate::dkim::import::pem;

    /// `tests/fixtures/pem`: `take` says that the DER is kept as it is, `mend` that it is that of a key that is.
    #[test]
    fn one_key_has_one_stored_form() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/pem");
        let table = std::fs::read_to_string(folder.join("cases.tsv")).unwrap();
        let mut stored: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut compared = 0;
        for line in table.lines().filter(|line| !line.contains("made:")) {
            let [file, outcome, key, _why] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let text = std::fs::read(folder.join(file)).unwrap_or_default();
            let pair = KeyPair::import(&text);
            if outcome == "take" {
                assert_eq!(*pair.unwrap().private, *pem::read(&text).unwrap(), "{file}");
                stored.entry(key.to_owned()).or_insert_with(|| pem::read(&text).unwrap().to_vec());
            } else if outcome == "mend" {
                assert_eq!(&*pair.unwrap().private, &stored[key], "{file}");
                compared += 1;
            }
        }
        assert!(compared > 20, "{compared}");
    }

    #[test]
    fn halves_of_two_keys_do_not_pass_the_self_test() {
        let pair = |file: &str| {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/pem");
            KeyPair::import(&std::fs::read(folder.join(file)).unwrap()).unwrap()
        };
        let (one, other) = (pair("001-1024.pem"), pair("002-2048.pem"));
        assert!(signs(&one.private, one.public.octets()));
        assert!(!signs(&one.private, other.public.octets()));
        assert!(!signs(one.public.octets(), one.public.octets()));
    }

    #[test]
    fn a_pair_that_was_made_here_can_be_imported() {
        let made = KeyPair::generate(KeyKind::default()).unwrap();
        let read = check(&Numbers::read(&made.private).unwrap()).unwrap();
        assert_eq!((read.bits, &read.public), (made.bits, &made.public));
    }
}
