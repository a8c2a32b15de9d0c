//! One PEM block out of a text (RFC 7468), more strictly than most readers: nothing is skipped over, so nobody's other
//! secrets come along unseen. Only how the text was carried is mended.

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, Engine};
use rsa::pkcs8::PrivateKeyInfoRef;
use rsa::{pkcs1, pkcs8};
use zeroize::Zeroizing;

use super::{InvalidPrivateKey as Invalid, MAX_OCTETS};

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
const PKCS1: &str = "RSA PRIVATE KEY";
const PKCS8: &str = "PRIVATE KEY";

/// The longest label that is looked at; the longest known one has 25 characters.
const MAX_LABEL: usize = 64;

/// A private key out of its wrapping.
pub(super) enum Private {
    /// The DER of an RSA key in PKCS#1.
    Rsa(Zeroizing<Vec<u8>>),
    /// The seed of an Ed25519 key (RFC 8032 section 5.1.5).
    Ed25519(Zeroizing<[u8; 32]>),
}

/// 1.3.101.112, id-Ed25519 (RFC 8410 section 3).
const ED25519: pkcs8::ObjectIdentifier = pkcs8::ObjectIdentifier::new_unwrap("1.3.101.112");

/// The key in a PEM block of PKCS#1 or PKCS#8.
pub(super) fn read_any(pem: &[u8]) -> Result<Private, Invalid> {
    let (label, body) = open(pem)?;
    let der = decode(body)?;
    match label {
        PKCS1 => Ok(Private::Rsa(der)),
        PKCS8 => {
            let key = PrivateKeyInfoRef::try_from(der.as_slice()).map_err(|_| Invalid::Pkcs8Damaged)?;
            match key.algorithm.oid {
                pkcs1::ALGORITHM_OID => Ok(Private::Rsa(Zeroizing::new(key.private_key.as_bytes().to_vec()))),
                // An OCTET STRING in the OCTET STRING (RFC 8410 section 7).
                ED25519 => match key.private_key.as_bytes() {
                    [0x04, 0x20, seed @ ..] => {
                        let seed = seed.try_into().map_err(|_| Invalid::Pkcs8Damaged)?;
                        Ok(Private::Ed25519(Zeroizing::new(seed)))
                    }
                    _ => Err(Invalid::Pkcs8Damaged),
                },
                _ => Err(Invalid::NeitherRsaNorEd25519),
            }
        }
        other => Err(named(other)),
    }
}

/// The DER in a PEM block that calls itself PKCS#1.
pub(super) fn read(pem: &[u8]) -> Result<Zeroizing<Vec<u8>>, Invalid> {
    let (label, body) = open(pem)?;
    let der = decode(body)?;
    match label {
        PKCS1 => Ok(der),
        PKCS8 => match PrivateKeyInfoRef::try_from(der.as_slice()) {
            Ok(key) if key.algorithm.oid != pkcs1::ALGORITHM_OID => Err(Invalid::OtherAlgorithm),
            _ => Err(Invalid::Pkcs8),
        },
        other => Err(named(other)),
    }
}

/// The label and the body of the one block, which must have no headers.
fn open(pem: &[u8]) -> Result<(&str, &str), Invalid> {
    let (label, body) = block(text(pem)?)?;
    if body.contains(':') {
        // RFC 1421 section 4.6: headers before the body, and an encrypted one has two of these.
        let encrypted = body.contains("Proc-Type:") || body.contains("DEK-Info:");
        return Err(match (encrypted, label) {
            (true, _) => Invalid::Encrypted,
            (false, PKCS1 | PKCS8) => Invalid::Headers,
            (false, other) => named(other),
        });
    }
    Ok((label, body))
}

/// What else a block can be, by its label.
fn named(label: &str) -> Invalid {
    match label {
        "ENCRYPTED PRIVATE KEY" => Invalid::Encrypted,
        "EC PRIVATE KEY" | "DSA PRIVATE KEY" | "EC PARAMETERS" | "DSA PARAMETERS" => Invalid::OtherAlgorithm,
        "OPENSSH PRIVATE KEY" => Invalid::OpenSsh,
        "PUBLIC KEY" | "RSA PUBLIC KEY" => Invalid::PublicKey,
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => Invalid::Certificate,
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Invalid::CertificateRequest,
        _ => Invalid::UnknownLabel,
    }
}

/// The file as ASCII, without its byte order mark and the white space around it.
fn text(pem: &[u8]) -> Result<&str, Invalid> {
    if pem.len() > MAX_OCTETS {
        return Err(Invalid::TooLong);
    }
    if pem.contains(&0) {
        return Err(Invalid::Nul);
    }
    let pem = pem.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(pem);
    let text = std::str::from_utf8(pem).ok().filter(|text| text.is_ascii()).ok_or(Invalid::NotAscii)?;
    let text = text.trim_matches(is_space);
    if text.is_empty() { Err(Invalid::Empty) } else { Ok(text) }
}

/// The label and the body of the one block that the text is.
fn block(text: &str) -> Result<(&str, &str), Invalid> {
    let (before, rest) = text.split_once(BEGIN).ok_or(Invalid::NoBegin)?;
    if !before.is_empty() {
        return Err(Invalid::TextBefore);
    }
    let (label, rest) = rest.split_once(DASHES).ok_or(Invalid::BeginLine)?;
    if !is_label(label) {
        return Err(Invalid::BeginLine);
    }
    let (body, rest) = rest.split_once(END).ok_or(Invalid::NoEnd)?;
    if body.contains(BEGIN) {
        return Err(Invalid::NoEnd);
    }
    let (end_label, rest) = rest.split_once(DASHES).ok_or(Invalid::NoEnd)?;
    if end_label != label {
        return Err(Invalid::EndLabel);
    }
    if rest.contains(BEGIN) {
        return Err(Invalid::Several);
    }
    if !rest.is_empty() {
        return Err(Invalid::TextAfter);
    }
    Ok((label, body))
}

/// RFC 7468 section 3 lets a label be nearly anything; those in use are words in capitals.
fn is_label(label: &str) -> bool {
    let known = |octet: u8| octet.is_ascii_uppercase() || octet.is_ascii_digit() || b" -#".contains(&octet);
    (1..=MAX_LABEL).contains(&label.len()) && label.bytes().all(known)
}

/// White space as the lax grammar of RFC 7468 section 3 has it.
fn is_space(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\x0B'
}

/// The Base64 of a body, with white space anywhere in it. Neither padding nor spare bits are guessed: a text that has lost
/// its end has lost its key.
fn decode(body: &str) -> Result<Zeroizing<Vec<u8>>, Invalid> {
    // As large as it can become, so that no copy of it is left behind where it grew.
    let mut compact = Zeroizing::new(Vec::with_capacity(body.len()));
    compact.extend(body.bytes().filter(|octet| !is_space(char::from(*octet))));
    if compact.is_empty() {
        return Err(Invalid::EmptyBody);
    }
    let mut der = Zeroizing::new(vec![0; base64::decoded_len_estimate(compact.len())]);
    let length = STANDARD.decode_slice_unchecked(&*compact, &mut der).map_err(|error| match error {
        DecodeError::InvalidByte(_, b'=')
        | DecodeError::InvalidPadding
        | DecodeError::InvalidLastSymbol { .. } => Invalid::Base64Padding,
        DecodeError::InvalidByte(..) => Invalid::Base64Character,
        DecodeError::InvalidLength(_) => Invalid::Base64Length,
    })?;
    der.truncate(length);
    Ok(der)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_of_the_two_headers_of_an_encrypted_key_says_that_it_is_one() {
        for (header, expected) in [
            ("Proc-Type: 4,ENCRYPTED", Invalid::Encrypted),
            ("DEK-Info: AES-256-CBC,00", Invalid::Encrypted),
            ("Comment: mine", Invalid::Headers),
        ] {
            let text = format!("{BEGIN}{PKCS1}{DASHES}\n{header}\n\nAAAA\n{END}{PKCS1}{DASHES}\n");
            assert_eq!(open(text.as_bytes()), Err(expected), "{header}");
        }
    }
}
