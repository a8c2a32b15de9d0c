//! One-time codes: by time (RFC 6238), and those that stand in for one once.

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};
use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::error::{Error, StoreError, StoreTrouble};
use crate::id::AdministratorId;
use crate::secret::fill_random;

/// The octets of a key: as many as SHA-1 has (RFC 4226 section 4).
const KEY_OCTETS: usize = 20;
/// How many recovery codes somebody has.
const CODES: usize = 10;
/// The random octets of a recovery code.
const CODE_OCTETS: usize = 10;

/// The key of somebody's one-time codes. It is wiped when dropped.
pub struct TotpKey(Zeroizing<Vec<u8>>);

impl TotpKey {
    pub(super) fn generate() -> Result<TotpKey, Error> {
        let mut octets = Zeroizing::new(vec![0; KEY_OCTETS]);
        fill_random(&mut octets)?;
        Ok(TotpKey(octets))
    }

    pub(super) fn stored(octets: Zeroizing<Vec<u8>>) -> TotpKey {
        TotpKey(octets)
    }

    pub(super) fn octets(&self) -> &[u8] {
        &self.0
    }

    /// The key as people type it into a program for such codes.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(&self.0))
    }

    /// The code of this moment.
    pub fn code(&self, now: Timestamp) -> Result<String, Error> {
        Ok(self.totp()?.generate(seconds(now)).to_string())
    }

    /// The step of which this is the code, if it is one of now or next to now, and none of it or of a later one was taken.
    pub(super) fn check(&self, code: &str, now: Timestamp, last_step: u64) -> Option<u64> {
        let digits: String = code.chars().filter(|c| !c.is_whitespace()).take(7).collect();
        if digits.len() != 6 || !digits.bytes().all(|octet| octet.is_ascii_digit()) {
            return None;
        }
        self.totp().ok()?.check(&digits, seconds(now)).filter(|step| *step > last_step)
    }

    /// Six digits every thirty seconds by SHA-1, as every program for such codes has them, and one step before and after.
    fn totp(&self) -> Result<Totp, Error> {
        let built = Builder::new().with_secret(self.0.to_vec()).build();
        built.map_err(|_| {
            StoreError::new(StoreTrouble::Damaged, "a key of one-time codes is not usable").into()
        })
    }
}

fn seconds(now: Timestamp) -> u64 {
    u64::try_from(now.millis() / 1000).unwrap_or_default()
}

/// A code that stands in for a one-time code, once.
pub struct RecoveryCode(Zeroizing<String>);

impl RecoveryCode {
    pub(super) fn generate_all() -> Result<Vec<RecoveryCode>, Error> {
        (0..CODES).map(|_| RecoveryCode::generate()).collect()
    }

    fn generate() -> Result<RecoveryCode, Error> {
        let mut octets = Zeroizing::new([0_u8; CODE_OCTETS]);
        fill_random(octets.as_mut_slice())?;
        let letters = Zeroizing::new(BASE32_NOPAD.encode(octets.as_slice()).to_ascii_lowercase());
        let mut text = Zeroizing::new(String::with_capacity(letters.len() + 3));
        for (at, letter) in letters.chars().enumerate() {
            if at > 0 && at.is_multiple_of(4) {
                text.push('-');
            }
            text.push(letter);
        }
        Ok(RecoveryCode(text))
    }

    /// The code itself, to show once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of a code, however it is typed.
    pub(super) fn hash(of: AdministratorId, code: &str) -> [u8; 32] {
        let plain = code.chars().filter(char::is_ascii_alphanumeric).take(64);
        let plain: Zeroizing<String> = Zeroizing::new(plain.collect::<String>().to_ascii_lowercase());
        Sha256::digest(format!("recovery code of {of}: {}", &*plain).as_bytes()).into()
    }
}

/// Compares hashes; the time says nothing of where they differ.
pub(super) fn are_equal(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.iter().zip(other).fold(0, |differ, (one, other)| differ | (one ^ other)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first value of RFC 6238, appendix B, in six digits.
    #[test]
    fn codes_are_those_of_rfc_6238() {
        let key = TotpKey::stored(Zeroizing::new(b"12345678901234567890".to_vec()));
        let at = |seconds: i64| key.code(Timestamp::from_millis(seconds * 1000)).unwrap();
        assert_eq!([at(59), at(1_111_111_109), at(20_000_000_000)], ["287082", "081804", "353130"]);
    }

    #[test]
    fn a_code_is_taken_once_and_only_about_its_time() {
        let key = TotpKey::stored(Zeroizing::new(b"12345678901234567890".to_vec()));
        let now = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        assert_eq!(key.check("287082", now(59), 0), Some(1));
        assert_eq!(key.check("287 082", now(89), 0), Some(1), "one step late, and with a space");
        assert_eq!(key.check("287082", now(120), 0), None, "two steps late");
        assert_eq!(key.check("287082", now(59), 1), None, "taken already");
        for bad in ["", "28708", "2870821", "28708a", "２８７０８２"] {
            assert_eq!(key.check(bad, now(59), 0), None, "{bad}");
        }
    }

    #[test]
    fn recovery_codes_are_found_however_they_are_typed() {
        let codes = RecoveryCode::generate_all().unwrap();
        assert_eq!(codes.len(), CODES);
        let (id, text) = (AdministratorId::new(1), codes[0].reveal());
        assert_eq!(text.len(), 19);
        let typed = text.replace('-', " ").to_uppercase();
        assert!(are_equal(&RecoveryCode::hash(id, &typed), &RecoveryCode::hash(id, text)));
        assert!(!are_equal(
            &RecoveryCode::hash(AdministratorId::new(2), text),
            &RecoveryCode::hash(id, text)
        ));
    }
}
