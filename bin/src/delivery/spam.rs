//! What an earlier filter said of a message, by a header field that it put there.

use postroom::inbound::AbusePolicy;
use postroom::mail::Head;

/// The header field that marks spam, and what is done with it where a domain says nothing.
#[derive(Clone, Debug)]
pub struct SpamMark {
    /// The name of the field.
    pub name: String,
    /// Its value.
    pub value: String,
    /// What is done.
    pub usual: AbusePolicy,
}

impl SpamMark {
    /// Whether this is that field.
    pub(crate) fn is(&self, name: &[u8], value: &[u8]) -> bool {
        let is_same = |one: &[u8], other: &str| one.trim_ascii().eq_ignore_ascii_case(other.as_bytes());
        is_same(name, &self.name) && is_same(value, &self.value)
    }
}

/// What is done with a message because of its mark; none if it has none.
pub(crate) fn found(mark: Option<&SpamMark>, head: &Head<'_>) -> Option<AbusePolicy> {
    mark.filter(|mark| head.has(&mark.name, &mark.value)).map(|mark| mark.usual)
}
