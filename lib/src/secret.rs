//! Secrets that are shown once: a prefix, an underscore, random base62, and a checksum.
//!
//! `pra_` and 27 random characters (160 bits; 43 of a login link, 256 bits), then 6 characters of CRC-32 over all that stands
//! before. The checksum shows that a secret is mistyped or truncated without a look at the database, and lets scanners for
//! leaked secrets recognise ours. Only the SHA-256 of a secret is stored: with 160 random bits no slow hash is needed.
//!
//! ```
//! use postroom::secret::{PlainSecret, SecretKind};
//!
//! let secret = PlainSecret::generate(SecretKind::AccountKey)?;
//! assert!(secret.reveal().starts_with("pra_"));
//! // A mistyped secret is told from a revoked one without the database.
//! assert!(PlainSecret::parse(SecretKind::AccountKey, "pra_mistyped").is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::{Error, StoreError, StoreTrouble};
use crate::id::AccountId;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62^6 is above 2^32.
const CHECKSUM_CHARS: usize = 6;

/// What a secret gives access to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretKind {
    /// An account's API key, `pra_`.
    AccountKey,
    /// A domain's sending token, `prt_`.
    DomainToken,
    /// A link that signs in to the console once, `prl_`.
    LoginLink,
    /// A session in the console, `prs_`.
    Session,
    /// A link to the page with a domain's records, `pru_`.
    SetupLink,
}

impl SecretKind {
    /// What its secrets start with, the underscore included.
    pub fn prefix(self) -> &'static str {
        match self {
            SecretKind::AccountKey => "pra_",
            SecretKind::DomainToken => "prt_",
            SecretKind::LoginLink => "prl_",
            SecretKind::Session => "prs_",
            SecretKind::SetupLink => "pru_",
        }
    }

    /// How many random characters its secrets have.
    fn random_chars(self) -> usize {
        match self {
            // 62^27 is just above 2^160, 62^43 just above 2^256.
            SecretKind::AccountKey | SecretKind::DomainToken => 27,
            SecretKind::LoginLink | SecretKind::Session | SecretKind::SetupLink => 43,
        }
    }
}

/// A secret in the clear. It is wiped when dropped, and its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct PlainSecret {
    kind: SecretKind,
    text: Zeroizing<String>,
}

impl PlainSecret {
    /// Makes a new secret from the operating system's random numbers.
    pub fn generate(kind: SecretKind) -> Result<PlainSecret, Error> {
        let mut text = Zeroizing::new(String::with_capacity(4 + kind.random_chars() + CHECKSUM_CHARS));
        text.push_str(kind.prefix());
        let end = text.len() + kind.random_chars();
        while text.len() < end {
            let mut octets = Zeroizing::new([0_u8; 64]);
            fill_random(octets.as_mut_slice())?;
            // Six bits each; 62 and 63 are thrown away, so that every character is equally likely.
            let chars = octets.iter().filter_map(|octet| BASE62.get(usize::from(octet >> 2)));
            let room = end - text.len();
            text.extend(chars.take(room).map(|&octet| char::from(octet)));
        }
        let sum = checksum(&text);
        text.push_str(&sum);
        Ok(PlainSecret { kind, text })
    }

    /// Reads a secret of this kind. A wrong prefix, length, alphabet or checksum is refused.
    pub fn parse(kind: SecretKind, text: &str) -> Result<PlainSecret, InvalidSecret> {
        let rest = text.strip_prefix(kind.prefix()).ok_or(InvalidSecret)?;
        let length = kind.random_chars() + CHECKSUM_CHARS;
        if rest.len() != length || !rest.bytes().all(|o| o.is_ascii_alphanumeric()) {
            return Err(InvalidSecret);
        }
        let (body, sum) = text.split_at(text.len() - CHECKSUM_CHARS);
        if checksum(body) != sum {
            return Err(InvalidSecret);
        }
        Ok(PlainSecret { kind, text: Zeroizing::new(text.to_owned()) })
    }

    /// The secrets of every kind that stand somewhere in a text of others' making, such as an answer that was kept.
    pub(crate) fn all_in(text: &[u8]) -> Vec<PlainSecret> {
        let kinds = [
            SecretKind::AccountKey,
            SecretKind::DomainToken,
            SecretKind::LoginLink,
            SecretKind::Session,
            SecretKind::SetupLink,
        ];
        let at = |start: usize, kind: SecretKind| {
            let length = kind.prefix().len() + kind.random_chars() + CHECKSUM_CHARS;
            let octets = text.get(start..)?.get(..length)?;
            PlainSecret::parse(kind, std::str::from_utf8(octets).ok()?).ok()
        };
        let starts = text.iter().enumerate().filter(|(_, octet)| **octet == b'p').map(|(start, _)| start);
        starts.flat_map(|start| kinds.into_iter().filter_map(move |kind| at(start, kind))).collect()
    }

    /// The secret itself, to show to its owner once.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// Its hash, the only part that is stored.
    pub fn hashed(&self) -> HashedSecret {
        HashedSecret(Sha256::digest(self.text.as_bytes()).into())
    }

    /// What the forms of a session's pages carry while this account is open, or none: the number of the account (0 for none), a hyphen, and
    /// 64 hexadecimal digits that only whoever has the secret can work out, and that do not lead back to it. So no other site can send
    /// such a form, and a form says whose page it stood on.
    pub fn form_token(&self, account: Option<AccountId>) -> String {
        self.form_token_of(&account.map_or(0, AccountId::number).to_string())
    }

    /// Whether a page of this session carried this token, whichever account was open then.
    pub fn is_form_token(&self, token: &str) -> bool {
        let own = self.form_token_of(token.split_once('-').map_or("", |(account, _)| account));
        // Every octet is looked at, so that the time says nothing of where they differ.
        let differ = own.bytes().zip(token.bytes()).fold(0, |differ, (one, other)| differ | (one ^ other));
        own.len() == token.len() && differ == 0
    }

    fn form_token_of(&self, account: &str) -> String {
        use fmt::Write;
        let mut token = format!("{account}-");
        let hash = Sha256::new().chain_update(format!("form {account} ")).chain_update(self.text.as_bytes());
        for octet in hash.finalize() {
            // Writing to a String cannot fail.
            let _ = write!(token, "{octet:02x}");
        }
        token
    }

    /// Its last four characters, by which people recognise their secrets.
    pub fn last4(&self) -> &str {
        self.text.get(self.text.len() - 4..).unwrap_or_default()
    }
}

impl fmt::Debug for PlainSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[redacted]", self.kind.prefix())
    }
}

/// The SHA-256 of a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HashedSecret([u8; 32]);

impl HashedSecret {
    pub(crate) fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for HashedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashedSecret[redacted]")
    }
}

/// A text that is no secret of the kind asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a well-formed secret: a character is missing, added or wrong")]
pub struct InvalidSecret;

/// Fills `octets` from the operating system.
pub(crate) fn fill_random(octets: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(octets).map_err(|e| {
        StoreError::new(StoreTrouble::Other, format!("no random numbers from the system: {e}")).into()
    })
}

fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62.get((rest % 62) as usize).copied().unwrap_or(b'0');
        rest /= 62;
    }
    digits.iter().map(|&octet| char::from(octet)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_secret_has_its_prefix_and_37_characters_and_reads_back() {
        let secret = PlainSecret::generate(SecretKind::AccountKey).unwrap();
        assert_eq!(secret.reveal().len(), 37);
        assert!(secret.reveal().starts_with("pra_"));
        let read = PlainSecret::parse(SecretKind::AccountKey, secret.reveal()).unwrap();
        assert_eq!(read.hashed(), secret.hashed());
        assert!(PlainSecret::parse(SecretKind::DomainToken, secret.reveal()).is_err());
    }

    #[test]
    fn a_login_link_has_256_random_bits_and_reads_back() {
        let secret = PlainSecret::generate(SecretKind::LoginLink).unwrap();
        assert_eq!((secret.reveal().len(), secret.reveal().get(..4)), (4 + 43 + 6, Some("prl_")));
        let read = PlainSecret::parse(SecretKind::LoginLink, secret.reveal()).unwrap();
        assert_eq!(read.hashed(), secret.hashed());
    }

    #[test]
    fn a_form_token_is_of_one_secret_and_one_account_alone_and_shows_nothing_of_the_secret() {
        let [one, other] = [(); 2].map(|()| PlainSecret::generate(SecretKind::Session).unwrap());
        let of = |secret: &PlainSecret, account: i64| secret.form_token(Some(AccountId::new(account)));
        assert_eq!(of(&one, 7), of(&one, 7));
        assert!(one.is_form_token(&of(&one, 7)) && one.is_form_token(&one.form_token(None)));
        assert_ne!(of(&one, 7), of(&one, 8));
        let digits = of(&one, 7).strip_prefix("7-").unwrap().to_owned();
        assert_eq!(digits.len(), 64);
        let cut = of(&one, 7).get(..65).unwrap().to_owned();
        for never in [
            of(&other, 7),
            format!("8-{digits}"),
            format!("-{digits}"),
            digits.clone(),
            cut,
            "-".to_owned(),
            String::new(),
        ] {
            assert!(!one.is_form_token(&never), "{never}");
        }
        let octet =
            |at: usize| digits.get(2 * at..2 * at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let token: Option<Vec<u8>> = (0..32).map(octet).collect();
        assert_ne!(token.as_deref(), Some(one.hashed().octets()), "the database does not know it");
    }

    #[test]
    fn no_debug_print_shows_a_secret() {
        let secret = PlainSecret::generate(SecretKind::DomainToken).unwrap();
        assert_eq!(format!("{secret:?}"), "prt_[redacted]");
        assert!(!format!("{:?}", secret.hashed()).contains(char::is_numeric));
    }

    proptest! {
        #[test]
        fn one_changed_character_is_always_noticed(at in 4_usize..37, to in 0_usize..62) {
            let secret = PlainSecret::generate(SecretKind::AccountKey).unwrap();
            let mut octets = secret.reveal().as_bytes().to_vec();
            prop_assume!(octets[at] != BASE62[to]);
            octets[at] = BASE62[to];
            let changed = String::from_utf8(octets).unwrap();
            prop_assert!(PlainSecret::parse(SecretKind::AccountKey, &changed).is_err());
        }

        #[test]
        fn any_text_parses_or_is_refused_without_a_panic(text in ".{0,80}") {
            let _ = PlainSecret::parse(SecretKind::AccountKey, &text);
            let _ = PlainSecret::parse(SecretKind::AccountKey, &format!("pra_{text}"));
        }
    }
}
