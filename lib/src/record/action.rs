//! Actions: the one thing to do about a finding, as data: what to enter at a DNS provider's form, and where.

use crate::dns::RecordType;
use crate::name::DnsName;

/// What is done to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// A record is added.
    Add,
    /// Records are replaced by one.
    Change,
    /// Records are deleted.
    Delete,
    /// Nothing is changed: time will tell.
    Wait,
    /// Nothing is to be done at this record. Either it is right, or somebody else must act first; the sentence says who.
    None,
}

impl Act {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Act::Add => "add",
            Act::Change => "change",
            Act::Delete => "delete",
            Act::Wait => "wait",
            Act::None => "none",
        }
    }
}

/// The one thing to do about a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// What is done.
    pub act: Act,
    /// The name of the record, absolute.
    pub name: DnsName,
    /// The type of the record as it will be.
    pub record_type: RecordType,
    /// What is there now and is replaced or deleted, whole: one line a record, for a line break in a value stands as `\010`.
    pub from: Option<String>,
    /// The value to enter, whole. It was judged, and passes; none where no value is known that would.
    pub to: Option<String>,
}

impl Action {
    /// To add this value.
    pub(crate) fn add(name: DnsName, record_type: RecordType, to: String) -> Action {
        Action { act: Act::Add, name, record_type, from: None, to: Some(to) }
    }

    /// To replace all of `from` by this value; to add it if there is nothing to replace.
    pub(crate) fn change(name: DnsName, record_type: RecordType, from: &[String], to: String) -> Action {
        if from.is_empty() {
            return Action::add(name, record_type, to);
        }
        Action { act: Act::Change, name, record_type, from: Some(from.join("\n")), to: Some(to) }
    }

    /// To delete all of `from`.
    pub(crate) fn delete(name: DnsName, record_type: RecordType, from: &[String]) -> Action {
        Action { act: Act::Delete, name, record_type, from: Some(from.join("\n")), to: None }
    }

    /// To enter nothing here.
    pub(crate) fn idle(act: Act, name: DnsName, record_type: RecordType) -> Action {
        Action { act, name, record_type, from: None, to: None }
    }
}
