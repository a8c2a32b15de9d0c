//! Passwords: what is taken for one, and how it is kept.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::error::{Error, StoreError, StoreTrouble};
use crate::secret::fill_random;

/// The fewest and the most characters of a password.
pub const LEAST_CHARS: usize = 12;
/// The most characters of a password.
pub const MOST_CHARS: usize = 256;
/// The fewest different characters of one.
const LEAST_DIFFERENT: usize = 5;

/// The cost of a guess: 19 MiB and two passes, as OWASP proposes at the least. RFC 9106 section 4 says how to choose.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A password as it is kept: Argon2id in the PHC string format.
pub struct HashedPassword(String);

impl HashedPassword {
    /// Hashes a new password for somebody of this name. It takes tens of milliseconds.
    ///
    /// `Invalid` for `password` if it is too short, too long, has too few different characters, or has the name in it.
    pub fn of(name: &str, password: &str) -> Result<HashedPassword, Error> {
        let refuse = |reason: String| Err(Error::Invalid { field: "password", reason });
        let length = password.chars().count();
        if !(LEAST_CHARS..=MOST_CHARS).contains(&length) {
            return refuse(format!(
                "it must have {LEAST_CHARS} to {MOST_CHARS} characters; a few words in a row are good"
            ));
        }
        if password.chars().collect::<BTreeSet<char>>().len() < LEAST_DIFFERENT {
            return refuse(format!("it must have at least {LEAST_DIFFERENT} different characters"));
        }
        let name = name.trim().to_lowercase();
        if !name.is_empty() && password.to_lowercase().contains(&name) {
            return refuse("the name must not stand in it".to_owned());
        }
        hash(password).map(HashedPassword)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a password is the one that is kept. With none kept it is not, after the same work.
pub(super) fn matches(stored: Option<&str>, password: &str) -> Result<bool, Error> {
    static NOBODYS: OnceLock<String> = OnceLock::new();
    let nobodys = if let Some(hash) = NOBODYS.get() {
        hash
    } else {
        let made = hash("nobody has this password")?;
        NOBODYS.get_or_init(|| made)
    };
    // What is longer than any password is cut: it fits none, and costs no more.
    let password: String = password.chars().take(MOST_CHARS + 1).collect();
    let kept = PasswordHash::new(stored.unwrap_or(nobodys)).map_err(|_| damaged())?;
    let is_right = argon2()?.verify_password(password.as_bytes(), &kept).is_ok();
    Ok(is_right && stored.is_some())
}

fn hash(password: &str) -> Result<String, Error> {
    let mut salt = [0; 16];
    fill_random(&mut salt)?;
    let hash: PasswordHash =
        argon2()?.hash_password_with_salt(password.as_bytes(), &salt).map_err(|_| damaged())?;
    Ok(hash.to_string())
}

fn argon2() -> Result<Argon2<'static>, Error> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| damaged())?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// What is stored is no hash of a password, or cannot be worked out.
fn damaged() -> Error {
    StoreError::new(StoreTrouble::Damaged, "a password's hash is not usable").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_own_hash_alone() {
        let kept = HashedPassword::of("jo", "four words in a row").unwrap();
        assert!(kept.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", kept.as_str());
        assert!(matches(Some(kept.as_str()), "four words in a row").unwrap());
        assert!(!matches(Some(kept.as_str()), "four words in a rov").unwrap());
        assert!(!matches(None, "nobody has this password").unwrap());
        assert!(matches(Some("$argon2id$broken"), "x").is_err());
    }

    #[test]
    fn bad_passwords_are_refused_with_a_reason() {
        for (password, reason) in [
            ("short", "12 to 256"),
            ("aaaaaaaaaaaaaaa", "different"),
            ("my name is Johanna", "the name"),
            (&"x1y2z3".repeat(50), "12 to 256"),
        ] {
            let refused = HashedPassword::of("johanna", password).map(drop).unwrap_err().to_string();
            assert!(refused.contains(reason), "{refused}");
        }
    }
}
