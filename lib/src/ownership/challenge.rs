//! The challenge of a claim: a TXT record that only whoever runs the name's DNS can publish, with a value that only this claim
//! has.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::clock::Timestamp;
use crate::name::{DnsName, DomainName};

/// The label of a challenge, below the claimed name.
const LABEL: &str = "_postroom-challenge";
/// What its value starts with.
const PREFIX: &str = "postroom-claim=";
/// The octets of a value's hash that it shows. Nobody can choose them, so that two claims have the same by chance alone.
const SHOWN_OCTETS: usize = 16;

/// The TXT record that proves a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Where it must be.
    pub name: DnsName,
    /// What it must say.
    pub value: String,
}

impl Challenge {
    /// The challenge of the claim that an account with this seed has had to a name since then. It is made from these, so that
    /// it is the same after a restart, and another one for a claim that begins anew.
    pub(crate) fn of(seed: &[u8], name: &DomainName, since: Timestamp) -> Challenge {
        let mut hash = Sha256::new();
        hash.update(b"postroom-claim\0");
        hash.update(seed);
        hash.update(name.as_str());
        hash.update(b"\0");
        hash.update(since.millis().to_be_bytes());
        let mut value = PREFIX.to_owned();
        for octet in hash.finalize().iter().take(SHOWN_OCTETS) {
            // Writing to a String cannot fail.
            let _ = write!(value, "{octet:02x}");
        }
        Challenge { name: name.record(LABEL), value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_that_of_one_account_one_name_and_one_beginning() {
        let name = |text: &str| text.parse::<DomainName>().unwrap();
        let of =
            |seed: u8, text: &str, at| Challenge::of(&[seed; 32], &name(text), Timestamp::from_millis(at));
        let one = of(1, "example.com", 5);
        assert_eq!(one.name.as_str(), "_postroom-challenge.example.com");
        assert_eq!(one.value.len(), "postroom-claim=".len() + 32);
        assert_eq!(one, of(1, "example.com", 5));
        for other in [of(2, "example.com", 5), of(1, "example.org", 5), of(1, "example.com", 6)] {
            assert_ne!(one.value, other.value);
        }
    }
}
