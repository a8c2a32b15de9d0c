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

/// The most octets, and the most records, of what is there now.
const MOST_FROM_OCTETS: usize = 8 * 1024;
const MOST_FROM_RECORDS: usize = 16;

/// The one thing to do about a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// What is done.
    pub act: Act,
    /// The name of the record, absolute.
    pub name: DnsName,
    /// The type of the record as it will be.
    pub record_type: RecordType,
    /// What is there now and is replaced or deleted, whole: one line a record, for a line break in a value stands as `\010`. None
    /// where that is more than 16 records or 8 KiB.
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

    /// Without what is there now, where that is too long to be of use: its length is for whoever answers for the zone to say.
    pub(crate) fn cut(self) -> Action {
        let is_short =
            |from: &String| from.len() <= MOST_FROM_OCTETS && from.split('\n').count() <= MOST_FROM_RECORDS;
        Action { from: self.from.filter(is_short), ..self }
    }

    /// As it is stored below a problem's sentence: a line `change TXT _dmarc.example.com`, then one for the value to enter, with
    /// `>` before it, and one for each that is replaced or deleted, with `<`.
    ///
    /// None for what needs nobody to act, and for a value that has line breaks.
    pub(super) fn stored(&self) -> Option<String> {
        let Action { act, name, record_type, from, to } = self;
        if matches!(act, Act::Wait | Act::None) || to.as_ref().is_some_and(|to| to.contains('\n')) {
            return None;
        }
        let head = format!("{} {record_type} {name}", act.as_str());
        let to = to.iter().map(|to| format!(">{to}"));
        let from = from.iter().flat_map(|from| from.split('\n')).map(|from| format!("<{from}"));
        Some([head].into_iter().chain(to).chain(from).collect::<Vec<_>>().join("\n"))
    }

    /// What was stored so; none for anything else.
    pub(super) fn read(text: &str) -> Option<Action> {
        let (head, values) = text.split_once('\n').unwrap_or((text, ""));
        let mut words = head.splitn(3, ' ');
        let (act, kind, name) = (words.next()?, words.next()?, words.next()?);
        let act = [Act::Add, Act::Change, Act::Delete].into_iter().find(|known| known.as_str() == act)?;
        let record_type = RecordType::ALL.into_iter().find(|known| known.to_string() == kind)?;
        let of = |sign| values.split('\n').filter_map(move |line| line.strip_prefix(sign));
        let from: Vec<&str> = of('<').collect();
        Some(Action {
            act,
            name: DnsName::from_answer(name),
            record_type,
            from: (!from.is_empty()).then(|| from.join("\n")),
            to: of('>').next().map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name() -> DnsName {
        DnsName::from_answer("_dmarc.example.com")
    }

    #[test]
    fn an_action_is_read_as_it_was_stored() {
        let from = ["v=DMARC1; p=nonsense".to_owned(), "<>".to_owned(), String::new()];
        for action in [
            Action::add(name(), RecordType::Txt, "v=DMARC1; p=none".to_owned()),
            Action::change(name(), RecordType::Txt, &from, "v=DMARC1; p=none".to_owned()),
            Action::delete(name(), RecordType::Cname, &from),
        ] {
            assert_eq!(action.stored().as_deref().and_then(Action::read), Some(action));
        }
    }

    #[test]
    fn what_is_there_now_is_left_out_where_it_is_long() {
        let from = |from: &[String]| Action::delete(name(), RecordType::Txt, from).cut().from;
        assert!(from(&vec!["a".to_owned(); 16]).is_some());
        assert!(from(&vec!["a".to_owned(); 17]).is_none());
        assert!(from(&["a".repeat(8 * 1024)]).is_some());
        assert!(from(&["a".repeat(8 * 1024 + 1)]).is_none());
    }

    #[test]
    fn what_nobody_can_do_or_enter_is_not_stored() {
        assert_eq!(Action::idle(Act::Wait, name(), RecordType::Txt).stored(), None);
        assert_eq!(Action::add(name(), RecordType::Txt, "a\nb".to_owned()).stored(), None);
    }

    proptest! {
        #[test]
        fn nothing_stored_makes_it_panic(text in "(add|change|delete|)( TXT| MX|)( a.example|)(\n[<>]?.{0,9}){0,4}") {
            let _ = Action::read(&text);
        }
    }
}
