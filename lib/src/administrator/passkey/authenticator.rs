//! What an authenticator says: its data, which it signs, and the object that brings the data when a passkey is made.

use minicbor::Decoder;

/// The most octets of a credential's id (W3C Web Authentication Level 3, section 4, "Credential ID").
const MOST_ID_OCTETS: usize = 1023;

/// Authenticator data: section 6.1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AuthenticatorData<'a> {
    /// The SHA-256 of the relying party's id.
    pub(super) party: &'a [u8],
    flags: u8,
    /// How many signatures there were; 0 from an authenticator that does not count.
    pub(super) sign_count: u32,
    /// The new passkey, where one was made.
    pub(super) made: Option<Made<'a>>,
}

/// Attested credential data: section 6.5.1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Made<'a> {
    pub(super) credential: &'a [u8],
    /// The public key, in the form of COSE (RFC 9052 section 7).
    pub(super) public_key: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    pub(super) fn parse(octets: &'a [u8]) -> Option<AuthenticatorData<'a>> {
        let (party, rest) = octets.split_at_checked(32)?;
        let (&flags, rest) = rest.split_first()?;
        let (count, rest) = rest.split_first_chunk::<4>()?;
        let has = |bit: u8| flags & (1 << bit) != 0;
        let made = if has(6) { Some(made(rest, has(7))?) } else { None };
        Some(AuthenticatorData { party, flags, sign_count: u32::from_be_bytes(*count), made })
    }

    /// Whether somebody touched the authenticator.
    pub(super) fn is_present(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Whether the authenticator has checked who that is.
    pub(super) fn is_verified(&self) -> bool {
        self.flags & (1 << 2) != 0
    }

    /// Whether the passkey may be copied to other devices of its owner.
    pub(super) fn may_be_copied(&self) -> bool {
        self.flags & (1 << 3) != 0
    }

    /// Whether it has been.
    pub(super) fn is_copied(&self) -> bool {
        self.flags & (1 << 4) != 0
    }
}

/// The AAGUID, the length of the id, the id, the key, and the extensions' outputs if there are any.
fn made(octets: &[u8], has_extensions: bool) -> Option<Made<'_>> {
    let (_aaguid, rest) = octets.split_at_checked(16)?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (credential, rest) = rest.split_at_checked(length)?;
    let mut decoder = Decoder::new(rest);
    decoder.skip().ok()?;
    let (public_key, after) = rest.split_at_checked(decoder.position())?;
    let is_whole = after.is_empty() != has_extensions;
    let made = Made { credential, public_key };
    Some(made).filter(|_| is_whole && (1..=MOST_ID_OCTETS).contains(&length))
}

/// The authenticator data in an attestation object: section 6.5.
///
/// The statement in it is not looked at. None was asked for, and whatever comes all the same says who made the authenticator, which
/// decides nothing here.
pub(super) fn data_in(attestation: &[u8]) -> Option<&[u8]> {
    let mut decoder = Decoder::new(attestation);
    let mut found = None;
    for _ in 0..decoder.map().ok()?? {
        if decoder.str().ok()? == "authData" {
            found = Some(decoder.bytes().ok()?);
        } else {
            decoder.skip().ok()?;
        }
    }
    found.filter(|_| decoder.position() == attestation.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A map with one number in it, for a key.
    const KEY: &[u8] = &[0xa1, 0x01, 0x02];

    fn data(flags: u8, rest: &[u8]) -> Vec<u8> {
        [&[7; 32], [flags].as_slice(), &[0, 0, 1, 2], rest].concat()
    }

    fn credential(id: &[u8], after: &[u8]) -> Vec<u8> {
        let length = u16::try_from(id.len()).unwrap().to_be_bytes();
        [&[0; 16], length.as_slice(), id, after].concat()
    }

    #[test]
    fn the_data_of_a_sign_in_have_flags_and_a_count() {
        let octets = data(0b0001_1101, &[]);
        let read = AuthenticatorData::parse(&octets).unwrap();
        assert_eq!((read.party, read.sign_count, read.made.is_some()), ([7; 32].as_slice(), 258, false));
        assert!(read.is_present() && read.is_verified() && read.may_be_copied() && read.is_copied());
        assert!(!AuthenticatorData::parse(&data(0b0001, &[])).unwrap().is_verified());
        assert_eq!(AuthenticatorData::parse(&octets[..36]), None);
    }

    #[test]
    fn the_data_of_a_new_passkey_have_its_id_and_its_key_and_nothing_after_them() {
        let octets = data(0b0100_0101, &credential(b"id", KEY));
        let made = AuthenticatorData::parse(&octets).unwrap().made.unwrap();
        assert_eq!(made, Made { credential: b"id", public_key: KEY });
        let extensions = data(0b1100_0101, &credential(b"id", &[KEY, &[0xa0]].concat()));
        assert!(AuthenticatorData::parse(&extensions).is_some());
        for (flags, bad) in [
            (0b0100_0101, credential(b"id", &[KEY, &[0xa0]].concat())),
            (0b1100_0101, credential(b"id", KEY)),
            (0b0100_0101, credential(b"", KEY)),
            (0b0100_0101, credential(&[1; 1024], KEY)),
            (0b0100_0101, credential(b"id", &KEY[..2])),
            (0b0100_0101, [&[0; 16], [0xff, 0xff, 1].as_slice()].concat()),
            (0b0100_0101, Vec::new()),
        ] {
            assert_eq!(AuthenticatorData::parse(&data(flags, &bad)), None, "{bad:?}");
        }
    }

    #[test]
    fn the_data_stand_in_the_attestation_object_whatever_else_does() {
        let none = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x43abc";
        assert_eq!(data_in(none), Some(b"abc".as_slice()));
        let packed = b"\xa3\x63fmt\x66packed\x67attStmt\xa1\x63alg\x26\x68authData\x43abc";
        assert_eq!(data_in(packed), Some(b"abc".as_slice()));
        for bad in
            [&none[..20], b"".as_slice(), b"\xa0", b"\xa3", b"\xbf\xff", &[none.as_slice(), b"x"].concat()]
        {
            assert_eq!(data_in(bad), None, "{bad:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_octets_are_read_or_refused_without_a_panic(octets in proptest::collection::vec(0_u8.., 0..200)) {
            let _ = (AuthenticatorData::parse(&octets), data_in(&octets));
            let _ = AuthenticatorData::parse(&data(0b1100_0101, &octets));
        }
    }
}
