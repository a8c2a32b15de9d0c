//! The numbers of an `RSAPrivateKey` (RFC 8017 appendix A.1.2) out of its DER, as octets: no arithmetic yet.

use rsa::pkcs1::der::asn1::AnyRef;
use rsa::pkcs1::der::{Decode, ErrorKind, Reader, SliceReader, Tag, Tagged};

use super::InvalidPrivateKey as Invalid;

/// What a private key consists of: positive numbers, big-endian, without leading zeros.
///
/// dP, dQ and qInv are missing: they follow from the others, so their values are never looked at.
pub(super) struct Numbers<'a> {
    pub(super) n: &'a [u8],
    pub(super) e: &'a [u8],
    pub(super) d: &'a [u8],
    pub(super) p: &'a [u8],
    pub(super) q: &'a [u8],
}

impl<'a> Numbers<'a> {
    /// Reads one `RSAPrivateKey` of two primes, and nothing after it.
    pub(super) fn read(der: &'a [u8]) -> Result<Numbers<'a>, Invalid> {
        let mut outside = reader(der)?;
        // Asked first, for what is no DER has no length that could be right or wrong.
        if Tag::peek(&outside) != Ok(Tag::Sequence) {
            return Err(Invalid::NotRsaPrivateKey);
        }
        let key = element(&mut outside)?;
        if !outside.is_finished() {
            return Err(Invalid::TrailingData);
        }
        let mut fields = reader(key.value())?;
        version(&mut fields)?;
        let n = positive(&mut fields, "n")?;
        let mut within = |name: &'static str| {
            let number = positive(&mut fields, name)?;
            if number.len() > n.len() { Err(Invalid::NumberTooLong(name)) } else { Ok(number) }
        };
        let numbers = Numbers { n, e: within("e")?, d: within("d")?, p: within("p")?, q: within("q")? };
        for name in ["dP", "dQ", "qInv"] {
            // Zero is a wrong value like any other here.
            if integer(&mut fields, name)?.len() > n.len() {
                return Err(Invalid::NumberTooLong(name));
            }
        }
        if fields.is_finished() { Ok(numbers) } else { Err(Invalid::TrailingData) }
    }
}

/// Version 0: two primes. What has no number behind its version is not PKCS#1 at all.
fn version(fields: &mut SliceReader<'_>) -> Result<(), Invalid> {
    let version = element(fields)?;
    if version.tag() != Tag::Integer {
        return Err(Invalid::NotRsaPrivateKey);
    }
    match (version.value(), Tag::peek(fields)) {
        // PKCS#8 goes on with an AlgorithmIdentifier (RFC 5958 section 2), and has two versions as well.
        ([0 | 1], Ok(Tag::Sequence)) => Err(Invalid::RelabelledPkcs8),
        ([0], Ok(Tag::Integer)) => Ok(()),
        ([1], Ok(Tag::Integer)) => Err(Invalid::MultiPrime),
        ([_], Ok(Tag::Integer)) => Err(Invalid::Version),
        // Such as RSAPublicKey, which begins with its modulus.
        _ => Err(Invalid::NotRsaPrivateKey),
    }
}

fn reader(octets: &[u8]) -> Result<SliceReader<'_>, Invalid> {
    SliceReader::new(octets).map_err(|_| Invalid::NotMinimal)
}

/// Any element, with a length as X.690 section 10.1 has it.
fn element<'a>(reader: &mut SliceReader<'a>) -> Result<AnyRef<'a>, Invalid> {
    AnyRef::decode(reader).map_err(|error| match error.kind() {
        ErrorKind::Incomplete { .. } => Invalid::Truncated,
        ErrorKind::IndefiniteLength => Invalid::IndefiniteLength,
        ErrorKind::Length { .. } | ErrorKind::Overlength | ErrorKind::Overflow => Invalid::NotMinimal,
        _ => Invalid::NotRsaPrivateKey,
    })
}

/// The magnitude of an INTEGER that is not negative (X.690 section 8.3); zero has no octets.
fn integer<'a>(fields: &mut SliceReader<'a>, name: &'static str) -> Result<&'a [u8], Invalid> {
    if fields.is_finished() {
        return Err(Invalid::NotRsaPrivateKey);
    }
    let number = element(fields)?;
    if number.tag() != Tag::Integer {
        return Err(Invalid::NotRsaPrivateKey);
    }
    match number.value() {
        [] => Err(Invalid::NotMinimal),
        [0] => Ok(&[]),
        [0, next, ..] if *next < 0x80 => Err(Invalid::NotMinimal),
        [0, magnitude @ ..] => Ok(magnitude),
        [first, ..] if *first >= 0x80 => Err(Invalid::Negative(name)),
        magnitude => Ok(magnitude),
    }
}

fn positive<'a>(fields: &mut SliceReader<'a>, name: &'static str) -> Result<&'a [u8], Invalid> {
    let number = integer(fields, name)?;
    if number.is_empty() { Err(Invalid::Zero(name)) } else { Ok(number) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_negative_from_its_highest_bit_on() {
        let number = |octets: &[u8]| integer(&mut reader(octets).unwrap(), "n").map(<[u8]>::to_vec);
        assert_eq!(number(&[2, 1, 0x7f]), Ok(vec![0x7f]));
        assert_eq!(number(&[2, 1, 0x80]), Err(Invalid::Negative("n")));
        assert_eq!(number(&[2, 2, 0, 0x80]), Ok(vec![0x80]));
        assert_eq!(number(&[2, 2, 0, 0x7f]), Err(Invalid::NotMinimal));
    }
}
