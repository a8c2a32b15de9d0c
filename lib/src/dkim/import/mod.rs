//! The import of key pairs: which RSA private keys are taken, and why the others are not.
//!
//! A file goes through four hands, each of which takes only what it knows to be right, the cheap ones first: [`pem`] makes
//! one DER out of a text, [`der`] eight numbers out of that, [`policy`] asks whether they are a key, [`prime`] whether two of
//! them are primes. What is kept is none of what came: it is encoded anew from p, q and e.
//!
//! [`KeyPair::import_any`] takes the key out of PKCS#8 first, and an Ed25519 key, which is any 32 octets, is taken as it is.
//!
//! All of it is a pure function. The same file gets the same verdict, today and on another machine.

mod der;
mod pem;
mod policy;
mod prime;

use super::KeyPair;

/// The longest PEM that is read. A key of 2048 bits takes 1.7 KiB, and nothing here is worth more work.
pub(super) const MAX_OCTETS: usize = 16 * 1024;

impl KeyPair {
    /// Takes over an RSA key pair from its private half: PKCS#1 in PEM, `-----BEGIN RSA PRIVATE KEY-----`.
    ///
    /// The modulus has 1024 or 2048 bits, the public exponent is 65537, and the numbers are a sound key by RFC 8017 section
    /// 3.2 and FIPS 186-5 appendix A.1.1. d, dP, dQ and qInv are computed anew: d has to be right all the same, for a wrong
    /// one means that the file is damaged; the others may be anything. How a text was carried is mended: line ends, indented
    /// or missing line breaks, a byte order mark. Takes some tens of milliseconds.
    pub fn import(pem: &[u8]) -> Result<KeyPair, InvalidPrivateKey> {
        let der = pem::read(pem)?;
        let numbers = der::Numbers::read(&der)?;
        policy::check(&numbers)
    }
}

impl KeyPair {
    /// Takes over a key pair from its private half in PEM, in whichever form it is usual: RSA in PKCS#1 or PKCS#8, Ed25519 in
    /// PKCS#8 (RFC 5958, RFC 8410). An RSA key must be as good as [`KeyPair::import`] asks for.
    pub fn import_any(pem: &[u8]) -> Result<KeyPair, InvalidPrivateKey> {
        match pem::read_any(pem)? {
            pem::Private::Rsa(der) => policy::check(&der::Numbers::read(&der)?),
            pem::Private::Ed25519(seed) => Ok(super::pair::imported_ed25519(&seed)),
        }
    }
}

/// At which of three gates a private key was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivateKeyFault {
    /// The file cannot be read as one PEM block.
    NotPem,
    /// It is one PEM block, of something else than an unencrypted RSA key in PKCS#1.
    NotPkcs1,
    /// It is a PKCS#1 key that may not be used.
    BadKey,
}

/// Why a file is not taken for a private key. Never says anything of what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPrivateKey {
    // What is no PEM.
    /// Over 16 KiB.
    #[error("it is longer than 16 KiB; send the key alone")]
    TooLong,
    /// Nothing, or nothing but white space.
    #[error("it is empty; send a key in PEM")]
    Empty,
    /// A NUL octet: DER without PEM, or UTF-16.
    #[error("it has a NUL octet in it, as DER and UTF-16 have; send PEM, in ASCII")]
    Nul,
    /// An octet over 127, after a byte order mark if there is one.
    #[error("it has characters in it that are not ASCII; send PEM, in ASCII")]
    NotAscii,
    /// No `-----BEGIN`.
    #[error(
        "it has no line \"-----BEGIN RSA PRIVATE KEY-----\" or \"-----BEGIN PRIVATE KEY-----\"; send all of the PEM"
    )]
    NoBegin,
    /// A `-----BEGIN` that is not ended, or is no label (RFC 7468 section 3).
    #[error("its BEGIN line is damaged; it must be one such as \"-----BEGIN PRIVATE KEY-----\"")]
    BeginLine,
    /// Something before `-----BEGIN`.
    #[error("there is text before its BEGIN line; send what stands from BEGIN to END")]
    TextBefore,
    /// No `-----END`, or none before the next block begins.
    #[error(
        "it has no line \"-----END RSA PRIVATE KEY-----\" of its own, so it is cut short; send all of it"
    )]
    NoEnd,
    /// BEGIN and END name different things.
    #[error("its END line does not name what its BEGIN line does; send one key, unaltered")]
    EndLabel,
    /// More than one PEM block.
    #[error("there is more than one PEM block in it; send the private key alone")]
    Several,
    /// Something after `-----END …-----`.
    #[error("there is text after its END line; send what stands from BEGIN to END")]
    TextAfter,
    /// Lines like `Comment: …` (RFC 1421 section 4.6), which RFC 7468 section 2 does not allow.
    #[error("it has header lines after its BEGIN line; take them out")]
    Headers,
    /// Nothing between BEGIN and END.
    #[error("there is nothing between its BEGIN and END lines; send the whole key")]
    EmptyBody,
    /// A character that Base64 has not.
    #[error("it has a character in it that is not Base64; a line break written as \\n is a common one")]
    Base64Character,
    /// A number of characters that no Base64 has.
    #[error("its Base64 has lost characters, at its end or elsewhere; send all of it")]
    Base64Length,
    /// `=` missing, superfluous or elsewhere than at the end, or bits beside the last octet (RFC 4648 section 3.5).
    #[error("its Base64 does not end as it must, or ends twice; send it unaltered")]
    Base64Padding,

    // What is PEM, and not PKCS#1.
    /// PKCS#8 with a passphrase (RFC 5958), or PKCS#1 with one (RFC 1421 headers).
    #[error("it is encrypted; take the passphrase off: openssl rsa -traditional -in KEY -out NEW")]
    Encrypted,
    /// An RSA key in PKCS#8 (RFC 5958).
    #[error("it is PKCS#8; make it PKCS#1: openssl rsa -traditional -in KEY -out NEW")]
    Pkcs8,
    /// PKCS#8 that somebody called `RSA PRIVATE KEY`.
    #[error(
        "it calls itself RSA PRIVATE KEY and is PKCS#8; call it PRIVATE KEY and convert it with openssl rsa"
    )]
    RelabelledPkcs8,
    /// PKCS#8 that is none, or a key in it that is damaged.
    #[error("it calls itself PRIVATE KEY and is not a whole PKCS#8 key; send it unaltered")]
    Pkcs8Damaged,
    /// EC, DSA …, where RSA and Ed25519 are taken.
    #[error("it is a key of another algorithm than RSA and Ed25519; send one of these")]
    NeitherRsaNorEd25519,
    /// EC, Ed25519, DSA …, in PKCS#8 or in a form of its own.
    #[error("it is a key of another algorithm than RSA; send an RSA key")]
    OtherAlgorithm,
    /// OpenSSH's own form.
    #[error("it is in OpenSSH's form; make it PKCS#1: ssh-keygen -p -m PEM -f KEY")]
    OpenSsh,
    /// A public key in any form.
    #[error("it is a public key; send the private one that belongs to it")]
    PublicKey,
    /// A certificate.
    #[error("it is a certificate; send the private key that belongs to it")]
    Certificate,
    /// A certificate request.
    #[error("it is a certificate request; send the private key that belongs to it")]
    CertificateRequest,
    /// Anything else in PEM.
    #[error("it calls itself something else than RSA PRIVATE KEY; send an RSA key in PKCS#1")]
    UnknownLabel,
    /// DER of something else than RFC 8017 appendix A.1.2.
    #[error("it calls itself RSA PRIVATE KEY and is something else; send an RSA key in PKCS#1")]
    NotRsaPrivateKey,
    /// DER that ends before its own lengths say.
    #[error("its DER is cut short; send all of it")]
    Truncated,
    /// Octets after the key, or further fields in it.
    #[error("there is something after the key in its DER; write it anew: openssl rsa -traditional")]
    TrailingData,
    /// A length that is open, which only BER has (X.690 section 10.1).
    #[error("it is BER, with indefinite lengths; write it anew as DER: openssl rsa -traditional")]
    IndefiniteLength,
    /// A length or a number with octets to spare (X.690 sections 8.3.2 and 10.1), or a length of 4 GiB and more.
    #[error("its DER is longer than it need be, which DER forbids; write it anew: openssl rsa -traditional")]
    NotMinimal,

    // What is PKCS#1, and not a key to use.
    /// Version 1, with three primes or more (RFC 8017 section 3.2).
    #[error("it has more than two primes; send an RSA key of two primes")]
    MultiPrime,
    /// A version that RFC 8017 has not.
    #[error("its version is neither 0 nor 1; send an RSA key of version 0")]
    Version,
    /// A number with a sign; usually one whose leading zero octet was lost.
    #[error("its {0} is negative; a program that writes DER wrongly made it: write it with another")]
    Negative(&'static str),
    /// A number that is nought and must not be.
    #[error("its {0} is zero; the key is damaged or made up: make a new one")]
    Zero(&'static str),
    /// A number that is longer than the modulus.
    #[error("its {0} is longer than its modulus; the key is damaged or made up: make a new one")]
    NumberTooLong(&'static str),
    /// Neither 1024 bits nor 2048 (RFC 8301 section 3.2; longer ones do not fit everywhere in the DNS).
    #[error("its modulus has {0} bits; keys of 1024 or 2048 bits are taken: make one of 2048")]
    ModulusBits(usize),
    /// Not 65537 (RFC 8301 section 3.2 has it so; FIPS 186-5 appendix A.1.1 takes no smaller one).
    #[error("its public exponent is not 65537; make a key that has it")]
    PublicExponent,
    /// A modulus with a factor up to 751.
    #[error("its modulus can be divided by a small number; the key is damaged or worthless: make a new one")]
    SmallFactor,
    /// p or q of another length than half the modulus.
    #[error("its primes are not both half as long as its modulus; make a new key")]
    PrimeBits,
    /// p = q.
    #[error("its two primes are one and the same; the key is worthless: make a new one")]
    PrimesEqual,
    /// |p − q| ≤ 2^(nlen/2 − 100) (FIPS 186-5 appendix A.1.1): Fermat's method finds them.
    #[error(
        "its primes are so close to each other that anybody finds them; the key is worthless: make a new one"
    )]
    PrimesClose,
    /// n ≠ p·q.
    #[error(
        "its modulus is not the product of its primes; the key is damaged: send it unaltered, or make a new one"
    )]
    Product,
    /// d is not below n, or e·d is not 1 modulo λ(n) (RFC 8017 section 3.2).
    #[error("its private exponent does not fit; the key is damaged: send it unaltered, or make a new one")]
    PrivateExponent,
    /// d ≤ 2^(nlen/2) (FIPS 186-5 appendix A.1.1): p − 1 and q − 1 have nearly all in common.
    #[error("its private exponent is so small that anybody finds it; the key is worthless: make a new one")]
    PrivateExponentSmall,
    /// p or q is not prime.
    #[error("its {0} is not a prime; the key is damaged or made up: make a new one")]
    NotPrime(&'static str),
    /// What was signed with the key did not verify with it. No file should lead here.
    #[error("what is signed with it does not verify; make a new key")]
    SelfTest,
}

impl InvalidPrivateKey {
    /// Which gate it did not pass.
    pub fn fault(self) -> PrivateKeyFault {
        match self {
            Self::TooLong
            | Self::Empty
            | Self::Nul
            | Self::NotAscii
            | Self::NoBegin
            | Self::BeginLine
            | Self::TextBefore
            | Self::NoEnd
            | Self::EndLabel
            | Self::Several
            | Self::TextAfter
            | Self::Headers
            | Self::EmptyBody
            | Self::Base64Character
            | Self::Base64Length
            | Self::Base64Padding => PrivateKeyFault::NotPem,
            Self::Encrypted
            | Self::Pkcs8
            | Self::Pkcs8Damaged
            | Self::NeitherRsaNorEd25519
            | Self::RelabelledPkcs8
            | Self::OtherAlgorithm
            | Self::OpenSsh
            | Self::PublicKey
            | Self::Certificate
            | Self::CertificateRequest
            | Self::UnknownLabel
            | Self::NotRsaPrivateKey
            | Self::Truncated
            | Self::TrailingData
            | Self::IndefiniteLength
            | Self::NotMinimal => PrivateKeyFault::NotPkcs1,
            Self::MultiPrime
            | Self::Version
            | Self::Negative(_)
            | Self::Zero(_)
            | Self::NumberTooLong(_)
            | Self::ModulusBits(_)
            | Self::PublicExponent
            | Self::SmallFactor
            | Self::PrimeBits
            | Self::PrimesEqual
            | Self::PrimesClose
            | Self::Product
            | Self::PrivateExponent
            | Self::PrivateExponentSmall
            | Self::NotPrime(_)
            | Self::SelfTest => PrivateKeyFault::BadKey,
        }
    }
}
