//! Return paths: what becomes of the sender of a message that is forwarded.
//!
//! Whoever takes a forwarded message asks by SPF whether this server may send for its envelope sender (RFC 7208 section 2.4). So the
//! sender is written anew, as an address at the domain that forwards, whose SPF record names this server. The first sender is in it,
//! for delivery reports go there (the Sender Rewriting Scheme):
//!
//! - `SRS0=HHHHHHHH=DDD=example.net=jo`, where there is room for it in a local part,
//! - `SRS0=HHHHHHHH=DDD=id=KEY`, where there is not, and the database keeps the sender. It also keeps a sender that is no
//!   [`EmailAddress`], such as `news@[192.0.2.9]`: a report of a failure is due to every sender but `<>` (RFC 5321 section 6.1).
//!
//! `D` is the day on which it was made, `H` says that this server made it: nobody else can have mail sent on through it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use ring::hmac;
use sha2::{Digest, Sha256};

use crate::address::{EmailAddress, MAX_LOCAL_OCTETS};
use crate::clock::Timestamp;
use crate::name::DomainName;

/// For how long mail for a return path goes back: longer than a mail server goes on trying (RFC 5321 section 4.5.4.1).
pub(super) const LIFE: Duration = Duration::from_hours(24 * LIFE_DAYS as u64);
const LIFE_DAYS: u16 = 21;
/// Days are counted up to this, and then from 0 again.
const DAYS: u16 = 0x1000;
const PREFIX: &str = "SRS0=";
/// What stands in place of a domain where the sender is kept; no mail domain has one label.
const KEPT: &str = "id";
/// The characters of the proof and of a kept sender's key. Base32 has five bits in each.
const PROOF_CHARS: usize = 8;
const KEY_CHARS: usize = 26;

/// How long a sender is: more than a path may be (RFC 5321 section 4.5.3.1.3), and no longer than what the database keeps.
const MIN_SENDER_CHARS: usize = 3;
const MAX_SENDER_OCTETS: usize = 320;

/// Who sent a message that is forwarded, as MAIL FROM has it. That need not be an [`EmailAddress`].
///
/// It can be written in angle brackets in a command: it has no control character, and outside quotes neither white space nor a bracket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstSender(String);

impl FirstSender {
    /// A sender that was parsed before it was stored.
    pub(super) fn stored(text: String) -> FirstSender {
        FirstSender(text)
    }

    /// It as a mail server is told of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FirstSender {
    type Err = InvalidFirstSender;

    fn from_str(text: &str) -> Result<FirstSender, InvalidFirstSender> {
        if let Ok(address) = text.parse::<EmailAddress>() {
            return Ok(FirstSender(address.to_string()));
        }
        let (mut is_quoted, mut is_escaped) = (false, false);
        let is_path = text.chars().all(|c| {
            let is_plain = !std::mem::take(&mut is_escaped);
            match c {
                '\\' => is_escaped = is_plain,
                '"' if is_plain => is_quoted = !is_quoted,
                '<' | '>' => return is_quoted,
                _ => {}
            }
            !c.is_control() && (is_quoted || !c.is_whitespace())
        });
        let is_whole = is_path && !is_quoted && !is_escaped;
        let fits = text.chars().count() >= MIN_SENDER_CHARS && text.len() <= MAX_SENDER_OCTETS;
        if is_whole && fits { Ok(FirstSender(text.to_owned())) } else { Err(InvalidFirstSender) }
    }
}

impl From<&EmailAddress> for FirstSender {
    fn from(address: &EmailAddress) -> FirstSender {
        FirstSender(address.to_string())
    }
}

impl fmt::Display for FirstSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text to which no report of a delivery can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sender is not written as a mail server writes one, or its length is not 3 to 320 octets")]
pub struct InvalidFirstSender;

/// The key that proves that a return path is of this server's making.
pub(super) struct PathKey(hmac::Key);

impl PathKey {
    pub(super) fn new(octets: &[u8]) -> PathKey {
        PathKey(hmac::Key::new(hmac::HMAC_SHA256, octets))
    }

    /// The proof for a sender, at a domain, on a day; all without regard to case, which mail servers do not keep.
    fn proof(&self, day: u16, sender: &FirstSender, domain: &DomainName) -> String {
        let text = format!("{day:03x}\0{sender}\0{domain}").to_lowercase();
        base32(hmac::sign(&self.0, text.as_bytes()).as_ref(), PROOF_CHARS)
    }
}

/// The first characters of some octets in Base32, in lower case.
pub(super) fn base32(octets: &[u8], chars: usize) -> String {
    let mut text = BASE32_NOPAD.encode(octets).to_ascii_lowercase();
    text.truncate(chars);
    text
}

/// The day of a moment, counted modulo [`DAYS`].
fn day(at: Timestamp) -> u16 {
    const MILLIS: i64 = 24 * 60 * 60 * 1000;
    u16::try_from(at.millis().div_euclid(MILLIS).rem_euclid(DAYS.into())).unwrap_or_default()
}

/// The return path for a sender, if there is room for the sender in it.
pub(super) fn whole(
    key: &PathKey,
    at: Timestamp,
    sender: &FirstSender,
    domain: &DomainName,
) -> Option<EmailAddress> {
    let address: EmailAddress = sender.0.parse().ok()?;
    let day = day(at);
    // A quoted local part would have to be quoted anew, and one in UTF-8 would need servers that take it.
    let is_plain = address.local().is_ascii() && !address.local().starts_with('"');
    let proof = key.proof(day, sender, domain);
    let local = format!("{PREFIX}{proof}={day:03x}={}={}", address.domain(), address.local());
    (is_plain && local.len() <= MAX_LOCAL_OCTETS).then(|| EmailAddress::of(&local, domain))
}

/// The return path for a sender that the database keeps under [`key_of`].
pub(super) fn kept(key: &PathKey, at: Timestamp, sender: &FirstSender, domain: &DomainName) -> EmailAddress {
    let day = day(at);
    let proof = key.proof(day, sender, domain);
    EmailAddress::of(&format!("{PREFIX}{proof}={day:03x}={KEPT}={}", key_of(sender)), domain)
}

/// Under which key a sender is kept.
pub(super) fn key_of(sender: &FirstSender) -> String {
    base32(&Sha256::digest(sender.to_string().to_lowercase()), KEY_CHARS)
}

/// Whether a local part has the form of a return path: it is one of this server's making, or nobody's address.
pub(super) fn has_form(local: &str) -> bool {
    local.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// A return path as it is written, before it is known whether this server made it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ReturnPath {
    proof: String,
    day: u16,
    pub(super) sender: Named,
}

/// How a return path names the sender of the message that was forwarded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// The sender itself.
    Is(FirstSender),
    /// The database keeps it under this key.
    Kept(String),
}

impl ReturnPath {
    /// Reads a local part; none if it is no return path.
    pub(super) fn read(local: &str) -> Option<ReturnPath> {
        let rest = has_form(local).then(|| local.get(PREFIX.len()..))??;
        let [proof, day, domain, sender] = rest.splitn(4, '=').collect::<Vec<_>>()[..] else { return None };
        let sender = if domain.eq_ignore_ascii_case(KEPT) {
            Named::Kept(sender.to_lowercase())
        } else {
            Named::Is(FirstSender::from(&format!("{sender}@{domain}").parse::<EmailAddress>().ok()?))
        };
        let is_day = day.len() == 3 && day.bytes().all(|octet| octet.is_ascii_hexdigit());
        let day = is_day.then(|| u16::from_str_radix(day, 16).ok())??;
        Some(ReturnPath { proof: proof.to_lowercase(), day, sender })
    }

    /// Whether this server made it for this sender at this domain, not too long ago.
    pub(super) fn is_genuine(
        &self,
        key: &PathKey,
        at: Timestamp,
        sender: &FirstSender,
        domain: &DomainName,
    ) -> bool {
        let age = (day(at) + DAYS - self.day % DAYS) % DAYS;
        let proof = key.proof(self.day, sender, domain);
        // All of it is compared, wherever it differs first.
        let differs = proof.bytes().zip(self.proof.bytes()).fold(0, |sum, (one, other)| sum | (one ^ other));
        age <= LIFE_DAYS && proof.len() == self.proof.len() && differs == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: Duration = Duration::from_hours(24);

    fn key() -> PathKey {
        PathKey::new(&[7; 32])
    }

    fn at(days: u32) -> Timestamp {
        Timestamp::from_millis(1_795_860_000_000) + days * DAY
    }

    fn address(text: &str) -> EmailAddress {
        text.parse().unwrap()
    }

    fn sender(text: &str) -> FirstSender {
        text.parse().unwrap()
    }

    fn genuine(path: &EmailAddress, at: Timestamp) -> Option<FirstSender> {
        let read = ReturnPath::read(path.local())?;
        let Named::Is(sender) = &read.sender else { return None };
        read.is_genuine(&key(), at, sender, path.domain()).then(|| sender.clone())
    }

    #[test]
    fn a_return_path_leads_back_for_three_weeks_and_in_any_case() {
        let domain = "example.com".parse().unwrap();
        let sender = sender("Jo+x=y@b.example");
        let path = whole(&key(), at(0), &sender, &domain).unwrap();
        assert!(
            path.to_string().starts_with("SRS0=")
                && path.to_string().ends_with("=b.example=Jo+x=y@example.com")
        );
        for days in [0, 1, 21] {
            assert_eq!(genuine(&path, at(days)), Some(sender.clone()), "{days}");
        }
        for days in [22, 100, 4000] {
            assert_eq!(genuine(&path, at(days)), None, "{days}");
        }
        let lower = address(&path.to_string().to_lowercase());
        assert_eq!(genuine(&lower, at(3)).unwrap().to_string(), "jo+x=y@b.example");
        // The count of days goes past its end.
        let late = Timestamp::from_millis(0xfff * 24 * 60 * 60 * 1000);
        let path = whole(&key(), late, &sender, &domain).unwrap();
        assert_eq!(genuine(&path, late + 2 * DAY), Some(sender));
    }

    #[test]
    fn what_this_server_did_not_make_is_not_genuine() {
        let domain = "example.com".parse().unwrap();
        let path = whole(&key(), at(0), &sender("jo@b.example"), &domain).unwrap();
        let text = path.to_string();
        for forged in [
            text.replace("=jo@", "=bo@"),
            text.replace("b.example", "c.example"),
            text.replace("@example.com", "@other.example"),
            text.replacen(&text[5..6], if &text[5..6] == "a" { "b" } else { "a" }, 1),
        ] {
            assert_eq!(genuine(&address(&forged), at(0)), None, "{forged}");
        }
        let other = whole(&PathKey::new(&[8; 32]), at(0), &sender("jo@b.example"), &domain).unwrap();
        assert_eq!(genuine(&other, at(0)), None);
        for none in [
            "jo",
            "SRS1=a=b=c=d",
            "SRS0=",
            "SRS0=a=b",
            "SRS0=aaaaaaaa=+12=b.example=jo",
            "SRS0=a=111=nolabel=jo",
        ] {
            assert_eq!(ReturnPath::read(none), None, "{none}");
        }
    }

    #[test]
    fn a_sender_for_which_there_is_no_room_is_kept() {
        let domain = "example.com".parse().unwrap();
        for long in [
            &format!("{}@b.example", "a".repeat(60)),
            "\"a b\"@b.example",
            "j\u{f6}@b.example",
            // No addresses at a mail domain.
            &format!("bounces+{}@em.b.example", "u".repeat(80)),
            "news@my_host.b.example",
            "news@co.uk",
            "news@[192.0.2.9]",
            "root",
            "\"<a> \\\" b\"@[192.0.2.9]",
        ] {
            let sender = sender(long);
            assert_eq!(sender.as_str(), long);
            assert_eq!(whole(&key(), at(0), &sender, &domain), None, "{long}");
            let path = kept(&key(), at(0), &sender, &domain);
            assert!(path.local().is_ascii() && path.local().len() <= MAX_LOCAL_OCTETS);
            let read = ReturnPath::read(&path.local().to_lowercase()).unwrap();
            assert_eq!(read.sender, Named::Kept(key_of(&sender)));
            assert!(read.is_genuine(&key(), at(9), &sender, &domain));
            assert!(!read.is_genuine(&key(), at(9), &self::sender("a@b.example"), &domain));
        }
    }

    #[test]
    fn what_cannot_stand_in_a_command_or_in_the_database_is_no_sender() {
        let long = "a".repeat(MAX_SENDER_OCTETS + 1);
        for none in [
            "",
            "a",
            "a b@[192.0.2.9]",
            "a>@[192.0.2.9]",
            "<a@[192.0.2.9]",
            "\"a@[192.0.2.9]",
            "a@b\r\nRSET",
            &long,
        ] {
            assert_eq!(none.parse::<FirstSender>(), Err(InvalidFirstSender), "{none}");
        }
    }

    proptest! {
        #[test]
        fn any_local_part_is_read_without_a_panic(rest in ".{0,70}") {
            let _ = ReturnPath::read(&rest);
            let _ = ReturnPath::read(&format!("SRS0={rest}"));
        }
    }
}
