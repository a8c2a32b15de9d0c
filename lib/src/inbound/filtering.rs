//! What a domain wants done with mail that is taken for spam.

use crate::error::Error;
use crate::word::words;

/// The most octets of a line of a message (RFC 5322 section 2.1.1).
const MAX_LINE_OCTETS: usize = 998;
const MAX_FIELD_NAME_OCTETS: usize = 255;
/// Fields that say something of their own, so that one of them flags nothing: those of RFC 5322 section 3.6 and of MIME (RFC 2045), and what mail
/// servers believe. A second one would go before the first.
const TAKEN_NAMES: [&str; 34] = [
    "Date",
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Subject",
    "Comments",
    "Keywords",
    "Resent-Date",
    "Resent-From",
    "Resent-Sender",
    "Resent-To",
    "Resent-Cc",
    "Resent-Bcc",
    "Resent-Message-ID",
    "Resent-Reply-To",
    "Return-Path",
    "Received",
    "MIME-Version",
    "DKIM-Signature",
    "Authentication-Results",
    "Received-SPF",
    "Delivered-To",
    "X-Original-To",
    "Errors-To",
    "Disposition-Notification-To",
    "Return-Receipt-To",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];
/// How the names of whole families of such fields begin.
const TAKEN_PREFIXES: [&str; 2] = ["Content-", "ARC-"];

words! {
    /// What is done with mail that is taken for spam.
    pub enum AbusePolicy {
        /// It is refused.
        Block = "block",
        /// It is delivered with a header field that says so.
        Flag = "flag",
        /// It is held back.
        Quarantine = "quarantine",
    }
    else InvalidAbusePolicy
}

/// A word that is no policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is none of block, flag and quarantine")]
pub struct InvalidAbusePolicy;

/// How mail for a domain is filtered. What is none was not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filtering {
    /// What is done with spam.
    pub policy: Option<AbusePolicy>,
    /// Whether `policy` holds. `Some(false)`: the operator's policy holds instead of `policy`. Not set means that `policy` holds.
    pub overrides: Option<bool>,
    /// The header field that flags spam.
    pub header_name: Option<String>,
    /// What stands in it.
    pub header_value: Option<String>,
}

impl Filtering {
    /// `Invalid` if the header field is none that can stand in a message (RFC 5322 section 2.2).
    pub(super) fn check(&self) -> Result<(), Error> {
        let name = self.header_name.as_deref().unwrap_or("X");
        let is_name = |octet: u8| octet.is_ascii_graphic() && octet != b':';
        if name.is_empty() || name.len() > MAX_FIELD_NAME_OCTETS || !name.bytes().all(is_name) {
            let reason = "a header field's name is 1 to 255 printable ASCII characters without a colon";
            return Err(Error::invalid("spam_header_name", reason));
        }
        if !can_flag(name) {
            let reason =
                format_args!("{name} says something else in a message; take a name such as X-Spam-Flag");
            return Err(Error::invalid("spam_header_name", reason));
        }
        let value = self.header_value.as_deref().unwrap_or("x");
        let line = name.len() + 2 + value.len();
        if value.is_empty() || line > MAX_LINE_OCTETS || value.chars().any(char::is_control) {
            let reason = "a header field's value is one line, of 998 octets at most with the name";
            return Err(Error::invalid("spam_header_value", reason));
        }
        Ok(())
    }
}

/// Whether a header field of this name can flag a message, because it says nothing else.
pub(crate) fn can_flag(name: &str) -> bool {
    let begins =
        |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    !TAKEN_NAMES.iter().any(|taken| taken.eq_ignore_ascii_case(name))
        && !TAKEN_PREFIXES.into_iter().any(begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_no_field_that_says_something_else() {
        let check = |name: &str| Filtering { header_name: Some(name.into()), ..Filtering::default() }.check();
        for name in [
            "From",
            "from",
            "SUBJECT",
            "Content-Type",
            "content-x",
            "ARC-Seal",
            "DKIM-Signature",
            "Delivered-To",
        ] {
            assert!(check(name).is_err(), "{name}");
        }
        for name in ["X-Spam-Flag", "X-From", "Froms", "Content", "Arc", "List-Id"] {
            assert!(check(name).is_ok(), "{name}");
        }
    }
}
