//! Checksums over what is published: what stands in a row is compared with them before anybody is shown it.

use std::fmt::Display;

use sha2::{Digest, Sha256};

use super::row::Row;
use super::value::{ToValue, Value};
use crate::error::{Error, StoreError, StoreTrouble};

const OCTETS: usize = 8;

/// The checksum of some values of a row: the start of a SHA-256 over each with its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checksum([u8; OCTETS]);

impl Checksum {
    /// The checksum of these values, in this order.
    pub(crate) fn of(values: &[&dyn ToValue]) -> Checksum {
        let mut hash = Sha256::new();
        for value in values {
            let (kind, octets): (u8, &[u8]) = match value.to_value() {
                Value::Null => (0, &[]),
                Value::Integer(number) => (1, &number.to_be_bytes()),
                Value::Text(text) => (2, text.as_bytes()),
                Value::Blob(octets) => (3, octets),
            };
            hash.update([kind]);
            hash.update((octets.len() as u64).to_be_bytes());
            hash.update(octets);
        }
        let mut checksum = [0; OCTETS];
        checksum.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
        Checksum(checksum)
    }

    /// Refuses a row in whose `column` another checksum stands. One that has none yet passes.
    pub(crate) fn check(self, row: &Row<'_>, column: &'static str, what: impl Display) -> Result<(), Error> {
        match row.get::<_, Option<[u8; OCTETS]>>(column)? {
            Some(stored) if stored != self.0 => Err(damaged(what)),
            _ => Ok(()),
        }
    }
}

impl ToValue for Checksum {
    fn to_value(&self) -> Value<'_> {
        Value::Blob(&self.0)
    }
}

/// What to say of something that is not what was stored.
pub(crate) fn damaged(what: impl Display) -> Error {
    let text = format!("{what} is damaged: it is not what was stored; restore a backup, or make it anew");
    StoreError::new(StoreTrouble::Damaged, text).into()
}

/// What to say of an index that leads to a row that was not asked for, or twice to one. The row itself may be right.
pub(crate) fn misled(where_to: &str) -> Error {
    let text = format!("an index is damaged: it leads {where_to}; restore a backup");
    StoreError::new(StoreTrouble::Damaged, text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_tells_values_apart_that_look_alike_side_by_side() {
        let of = |values: &[&dyn ToValue]| Checksum::of(values);
        let all = [
            of(&[&"ab", &"c"]),
            of(&[&"a", &"bc"]),
            of(&[&"abc"]),
            of(&[&"abc", &""]),
            of(&[&"abc", &None::<i64>]),
            of(&[&"abc", &0_i64]),
            of(&[&b"abc".as_slice()]),
        ];
        for (at, one) in all.iter().enumerate() {
            assert_eq!(all.iter().position(|other| other == one), Some(at));
        }
        assert_eq!(of(&[&"ab", &"c"]), all[0]);
    }
}
