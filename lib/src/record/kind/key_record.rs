//! The value of a DKIM key record, as receivers of mail read it.
//!
//! A value that RFC 6376 allows passes where everybody verifies with it. Where a common receiver does not, it fails. What is
//! between works, and is warned of. Common receivers are `OpenDKIM` and rspamd, which verify in mail servers; `Mail::DKIM`
//! verifies in `SpamAssassin`, dkimpy in filters written in Python. What each of the four reads is measured by
//! `tests/differential`.

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

use super::dkim::DkimExpectation;
use super::sentence::{Flaw, flaw, shown};
use super::tags::{Tags, squeezed};
use crate::dkim::{Algorithm, KeyNumbers};
use crate::record::finding::Code;

/// `OpenDKIM` reads no more octets of a value than these.
const MOST_OCTETS: usize = 1024;
/// What to do where a value must be another one.
const REPLACE: &str = "replace the value with the one that is wanted";
/// As the common receivers decode: padding may be left out, and the last bits may be any.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Who does not verify with a value that common receivers verify with.
#[derive(Clone, Copy)]
pub(super) enum Refusal {
    /// None of the four, but the standard forbids it.
    Strict,
    MailDkim,
    Dkimpy,
    Both,
}

/// Something in a value that common receivers pass over.
pub(super) struct Oddity {
    pub(super) what: String,
    pub(super) by: Refusal,
}

impl Oddity {
    pub(super) fn new(what: impl Into<String>, by: Refusal) -> Oddity {
        Oddity { what: what.into(), by }
    }

    /// The sentence of it; `mend` is what to do.
    fn flaw(&self, mend: &str) -> Flaw {
        let who = match self.by {
            Refusal::Strict => "RFC 6376 forbids that, and a strict receiver may refuse it",
            Refusal::MailDkim => "receivers with Mail::DKIM, such as SpamAssassin, refuse that",
            Refusal::Dkimpy => "receivers with dkimpy refuse that",
            Refusal::Both => "receivers with Mail::DKIM, such as SpamAssassin, or with dkimpy refuse that",
        };
        let what = format!("the key is right and works at most receivers, but {}: {who}", self.what);
        flaw(Code::WorksAtSomeReceivers, what, mend)
    }
}

/// Whether a value publishes the key: `Err` if not, `Ok(Some(_))` if so with something to mend.
pub(super) fn judge(key: &DkimExpectation, text: &str) -> Result<Option<Flaw>, Flaw> {
    let judged = judge_whole(key, text)?;
    if let Some(front) = text.get(..MOST_OCTETS).filter(|front| *front != text)
        && judge_whole(key, front).is_err()
    {
        let what = format!(
            "its p= tag does not end within its first {MOST_OCTETS} characters, and OpenDKIM reads no more"
        );
        return Err(flaw(Code::DkimSyntax, what, REPLACE));
    }
    Ok(judged)
}

fn judge_whole(key: &DkimExpectation, text: &str) -> Result<Option<Flaw>, Flaw> {
    let syntax = |what: String| flaw(Code::DkimSyntax, what, REPLACE);
    let tags =
        Tags::as_receivers_read(text).map_err(|what| syntax(format!("it is no DKIM record: {what}")))?;
    let mut odd = tags.oddity().map(|oddity| oddity.flaw(REPLACE));
    if let Some(version) = tags.value("v") {
        if squeezed(version) != "DKIM1" {
            return Err(syntax(format!("its version is \"{}\", not DKIM1", shown(version))));
        }
        let oddity = if version != "DKIM1" {
            Some(Oddity::new("a space stands in its v= tag", Refusal::Both))
        } else if !tags.starts_with("v") {
            Some(Oddity::new("its v= tag is not the first one", Refusal::Strict))
        } else {
            None
        };
        odd = odd.or_else(|| oddity.map(|oddity| oddity.flaw(REPLACE)));
    }
    let uses = [judge_algorithm(key, &tags)?, judge_hashes(&tags)?, judge_services(&tags)?];
    let published = tags.value("p").ok_or_else(|| syntax("it has no p= tag".to_owned()))?;
    if published.is_empty() {
        return Err(flaw(Code::DkimRevoked, "its p= tag is empty, which revokes the key", REPLACE));
    }
    let spelling = judge_key(key, published)?.map(|oddity| oddity.flaw(REPLACE));
    let odd = odd.into_iter().chain(uses.into_iter().flatten()).chain(spelling).next();
    Ok(odd.or_else(|| judge_use(key, &tags)))
}

/// The algorithm that the record is for. Common receivers take its name in any case.
fn judge_algorithm(key: &DkimExpectation, tags: &Tags<'_>) -> Result<Option<Flaw>, Flaw> {
    let (published, ours) = (tags.value("k").unwrap_or("rsa"), key.key.algorithm());
    if published == ours.as_str() {
        return Ok(None);
    }
    // What is no name of another algorithm is RSA to rspamd, and white space is left out by OpenDKIM.
    let read = if ours == Algorithm::Rsa { squeezed(published) } else { published.to_owned() };
    if read.eq_ignore_ascii_case(ours.as_str()) {
        let what = "its k= tag has capital letters or a space";
        return Ok(Some(Oddity::new(what, Refusal::Both).flaw(REPLACE)));
    }
    let what = format!("it is for the algorithm \"{}\", the key is {ours}", shown(published));
    Err(flaw(Code::DkimWrongAlgorithm, what, REPLACE))
}

/// The hashes that it allows. `Mail::DKIM` wants the name exactly, with no white space around it.
fn judge_hashes(tags: &Tags<'_>) -> Result<Option<Flaw>, Flaw> {
    let mend = "remove the h= tag";
    let Some(list) = tags.value("h") else { return Ok(None) };
    if list.split(':').any(|hash| hash == "sha256") {
        return Ok(None);
    }
    if tags.has_word("h", "sha256") {
        let what = "its h= tag has capital letters or a space";
        return Ok(Some(Oddity::new(what, Refusal::MailDkim).flaw(mend)));
    }
    let what = "its h= tag does not allow sha256, which our signatures use";
    Err(flaw(Code::DkimHashNotAllowed, what, mend))
}

/// The services that it is for. `Mail::DKIM` wants the name exactly, and dkimpy takes no list.
fn judge_services(tags: &Tags<'_>) -> Result<Option<Flaw>, Flaw> {
    let mend = "remove the s= tag";
    let Some(list) = tags.value("s") else { return Ok(None) };
    let is_email = |service: &str| matches!(service, "*" | "email");
    if is_email(list) {
        return Ok(None);
    }
    let oddity = if list.split(':').any(is_email) {
        Oddity::new("its s= tag is a list", Refusal::Dkimpy)
    } else if tags.has_word("s", "email") || tags.has_word("s", "*") {
        Oddity::new("its s= tag has capital letters or a space", Refusal::Both)
    } else {
        return Err(flaw(Code::DkimServiceNotEmail, "its s= tag leaves out e-mail", mend));
    };
    Ok(Some(oddity.flaw(mend)))
}

/// What is to mend about a record whose key verifies everywhere.
fn judge_use(key: &DkimExpectation, tags: &Tags<'_>) -> Option<Flaw> {
    // Removed by RFC 6376, which leaves it to be ignored.
    if tags.value("g").is_some_and(|granularity| granularity != "*") {
        let what = "its g= tag is no part of DKIM any more, and is read as a limit by some";
        return Some(Oddity::new(what, Refusal::MailDkim).flaw("remove the g= tag"));
    }
    if tags.words("t").is_some_and(|mut flags| flags.any(|flag| flag == "y")) {
        let what = "the key is right, but its t=y tag tells verifiers that signing is only tested";
        return Some(flaw(Code::DkimTesting, what, "remove y from the t= tag"));
    }
    let bits = key.key.numbers().and_then(|numbers| numbers.rsa_bits()).filter(|bits| *bits < 2048)?;
    let what = format!("the key is right, but has {bits} bits, and RFC 8301 asks for 2048");
    Some(flaw(Code::DkimKeyWeak, what, "plan a new key"))
}

/// Compares the published key with ours, as numbers; what is odd about its spelling is returned.
fn judge_key(key: &DkimExpectation, published: &str) -> Result<Option<Oddity>, Flaw> {
    let algorithm = key.key.algorithm();
    let (octets, spelling) = decode(published)
        .ok_or_else(|| flaw(Code::DkimSyntax, "its p= tag is not Base64, or is cut short", REPLACE))?;
    let front = KeyNumbers::front(algorithm, &octets);
    let Some(numbers) = KeyNumbers::read(algorithm, front) else {
        let what = if KeyNumbers::is_bare(algorithm, front) {
            "its p= tag has the key in the form of PKCS#1, which OpenDKIM, rspamd and others do not read"
                .to_owned()
        } else {
            format!("its p= tag is no {algorithm} public key, or is cut short")
        };
        return Err(flaw(Code::DkimSyntax, what, REPLACE));
    };
    if key.key.numbers().as_ref() == Some(&numbers) {
        let encoding = if front != key.key.octets() {
            Some(Oddity::new("its p= tag has the key in an unusual encoding", Refusal::Dkimpy))
        } else if front.len() < octets.len() {
            Some(Oddity::new("there is more in its p= tag than the key", Refusal::Strict))
        } else {
            None
        };
        return Ok(spelling.or(encoding));
    }
    let same = key.others.iter().find(|(_, other)| other.numbers().as_ref() == Some(&numbers));
    if let Some((selector, _)) = same {
        let what = format!("it publishes the key of this domain's selector {selector}");
        return Err(flaw(Code::DkimKeyIsPrevious, what, REPLACE));
    }
    match numbers.rsa_bits() {
        Some(bits) if bits < 1024 => {
            let what = format!("it publishes another key, of {bits} bits, which verifiers must not take");
            Err(flaw(Code::DkimKeyTooShort, what, REPLACE))
        }
        Some(bits) => {
            Err(flaw(Code::DkimKeyMismatch, format!("it publishes another key, of {bits} bits"), REPLACE))
        }
        None => Err(flaw(Code::DkimKeyMismatch, "it publishes another key", REPLACE)),
    }
}

/// The octets that the common receivers read from a `p=` tag, with what is odd about how they are written; none if one of
/// these receivers reads something else.
///
/// Folding white space may be anywhere (RFC 6376 section 3.2). `OpenDKIM` and rspamd leave out what is not Base64, but
/// `OpenDKIM` stops at the first `=`, and rspamd reads nothing where the end is not Base64.
fn decode(published: &str) -> Option<(Vec<u8>, Option<Oddity>)> {
    let compact: String = published.chars().filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n')).collect();
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    let body = compact.trim_end_matches('=');
    if body.contains('=') || !body.ends_with(is_base64) {
        return None;
    }
    let foreign = body.chars().find(|c| !is_base64(*c) && *c != '"');
    let digits: String = body.chars().filter(|c| is_base64(*c)).collect();
    let octets = LENIENT.decode(&digits).ok()?;
    let canonical = STANDARD.encode(&octets);
    if compact == canonical {
        return Some((octets, None));
    }
    let padding = compact.len() - body.len();
    let wanted = canonical.len() - digits.len();
    if padding > wanted {
        return None;
    }
    let oddity = match foreign {
        Some(odd) => Oddity::new(
            format!("its p= tag has the character {}, which is no Base64", character(odd)),
            Refusal::MailDkim,
        ),
        None if padding < wanted => Oddity::new("the = at the end of its p= tag is missing", Refusal::Both),
        None if body.contains('"') => Oddity::new("a quotation mark stands in its p= tag", Refusal::Strict),
        None => Oddity::new("the last character of its p= tag is not the usual one", Refusal::Strict),
    };
    Some((octets, Some(oddity)))
}

/// A character as a sentence shows it.
fn character(odd: char) -> String {
    if odd.is_ascii_graphic() { odd.to_string() } else { format!("U+{:04X}", u32::from(odd)) }
}
