//! Our values on their way to PostgreSQL and back, in its binary format.

use std::error::Error as AnyError;

use bytes::{BufMut, BytesMut};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::db::params::Place;
use crate::db::row::Cells;
use crate::db::value::Value;
use crate::error::{Error, StoreError, StoreTrouble};

/// A value that goes to the server. It outlives the call that gave it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) enum Owned {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl Owned {
    /// How many octets it has, about.
    pub(super) fn octets(&self) -> usize {
        match self {
            Owned::Null | Owned::Integer(_) => size_of::<Owned>(),
            Owned::Text(text) => text.len(),
            Owned::Blob(octets) => octets.len(),
        }
    }
}

impl From<Value<'_>> for Owned {
    fn from(value: Value<'_>) -> Owned {
        match value {
            Value::Null => Owned::Null,
            Value::Integer(number) => Owned::Integer(number),
            Value::Text(text) => Owned::Text(text.to_owned()),
            Value::Blob(octets) => Owned::Blob(octets.to_owned()),
        }
    }
}

/// Which parameter a value is for, when the call that gave it is over.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) enum OwnedPlace {
    Name(String),
    Number(usize),
}

impl From<Place<'_>> for OwnedPlace {
    fn from(place: Place<'_>) -> OwnedPlace {
        match place {
            Place::Name(name) => OwnedPlace::Name(name.to_owned()),
            Place::Number(number) => OwnedPlace::Number(number),
        }
    }
}

impl ToSql for Owned {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn AnyError + Sync + Send>> {
        match (self, ty) {
            (Owned::Null, _) => return Ok(IsNull::Yes),
            (Owned::Integer(number), &Type::INT8) => out.put_i64(*number),
            (Owned::Integer(number), &Type::INT4) => out.put_i32((*number).try_into()?),
            (Owned::Integer(number), &Type::INT2) => out.put_i16((*number).try_into()?),
            (Owned::Integer(number), &Type::BOOL) => out.put_u8(u8::from(*number != 0)),
            // The server takes what stands alone in a list of columns for a text.
            (Owned::Integer(number), &Type::TEXT) => out.put_slice(number.to_string().as_bytes()),
            (Owned::Text(text), &Type::TEXT | &Type::VARCHAR | &Type::NAME | &Type::UNKNOWN) => {
                out.put_slice(text.as_bytes());
            }
            (Owned::Text(text), &Type::JSONB) => {
                // The version of the format.
                out.put_u8(1);
                out.put_slice(text.as_bytes());
            }
            (Owned::Blob(octets), &Type::BYTEA) => out.put_slice(octets),
            (Owned::Integer(_), ty) => return Err(format!("a number was given for the type {ty}").into()),
            (Owned::Text(_), ty) => return Err(format!("a text was given for the type {ty}").into()),
            (Owned::Blob(_), ty) => return Err(format!("octets were given for the type {ty}").into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A value as it came from the server.
struct Received<'a>(Value<'a>);

impl<'a> FromSql<'a> for Received<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Received<'a>, Box<dyn AnyError + Sync + Send>> {
        Ok(Received(match *ty {
            Type::INT8 => Value::Integer(i64::from_be_bytes(raw.try_into()?)),
            Type::INT4 => Value::Integer(i32::from_be_bytes(raw.try_into()?).into()),
            Type::INT2 => Value::Integer(i16::from_be_bytes(raw.try_into()?).into()),
            Type::BOOL => Value::Integer(i64::from(raw != [0])),
            Type::NUMERIC => Value::Integer(whole(raw).ok_or("a number is not whole, or too large")?),
            Type::BYTEA => Value::Blob(raw),
            _ => Value::Text(std::str::from_utf8(raw)?),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Received<'a>, Box<dyn AnyError + Sync + Send>> {
        Ok(Received(Value::Null))
    }

    fn accepts(ty: &Type) -> bool {
        [Type::INT8, Type::INT4, Type::INT2, Type::BOOL, Type::NUMERIC, Type::BYTEA].contains(ty)
            || [Type::TEXT, Type::VARCHAR, Type::NAME, Type::UNKNOWN, Type::BPCHAR].contains(ty)
    }
}

/// A whole number in the format of `numeric`, which is the type of a sum: digits to the base of 10,000 behind their number, the
/// weight of the first, the sign and the scale.
fn whole(raw: &[u8]) -> Option<i64> {
    let mut words = raw.chunks_exact(2).map(|pair| <[u8; 2]>::try_from(pair).map(i16::from_be_bytes).ok());
    let (digits, weight, sign, _) = (words.next()??, words.next()??, words.next()??, words.next()??);
    if digits > weight + 1 {
        return None;
    }
    let mut number: i64 = 0;
    for place in 0..=weight {
        let digit = if place < digits { words.next()?? } else { 0 };
        number = number.checked_mul(10_000)?.checked_add(digit.into())?;
    }
    match sign {
        0 => Some(number),
        0x4000 => number.checked_neg(),
        _ => None,
    }
}

impl Cells for tokio_postgres::Row {
    fn place(&self, name: &str) -> Option<usize> {
        self.columns().iter().position(|column| column.name() == name)
    }

    fn value(&self, place: usize) -> Result<Value<'_>, Error> {
        let received = self.try_get::<_, Received<'_>>(place);
        received.map(|received| received.0).map_err(|e| StoreError::new(StoreTrouble::Damaged, e).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(words: &[i16]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn a_sum_is_a_whole_number() {
        assert_eq!(whole(&numeric(&[0, 0, 0, 0])), Some(0));
        assert_eq!(whole(&numeric(&[1, 0, 0, 0, 42])), Some(42));
        assert_eq!(whole(&numeric(&[2, 1, 0, 0, 1, 2345])), Some(12_345));
        assert_eq!(whole(&numeric(&[1, 1, 0, 0, 3])), Some(30_000));
        assert_eq!(whole(&numeric(&[1, 0, 0x4000, 0, 7])), Some(-7));
        assert_eq!(whole(&numeric(&[2, 0, 0, 4, 1, 5000])), None, "one and a half");
        assert_eq!(whole(&numeric(&[5, 4, 0, 0, 9999, 9999, 9999, 9999, 9999])), None);
        assert_eq!(whole(&[0, 1]), None);
    }
}
