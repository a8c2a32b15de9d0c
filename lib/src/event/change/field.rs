//! The fields of a change: how each type of them is shown and stored.

use std::fmt;
use std::str::FromStr;

use super::stored::Stored;
use crate::address::EmailAddress;
use crate::id::{
    AccountId, AdministratorId, ApiKeyId, DkimKeyId, DomainId, DomainTokenId, ListEntryId, LoginLinkId,
    PasskeyId, RecipientId, RecordId, ReportId, SessionId, SetupLinkId,
};
use crate::name::{DnsName, DomainName, Selector};
use crate::tag::Tag;
use crate::word::words;

/// A value of a change's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Datum {
    /// A text: a name, a word, an address.
    Text(String),
    /// A number: an id, a limit.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// Several texts.
    List(Vec<String>),
}

/// A domain as it was named when something happened to it. In the data it is `domain` and `domain_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainRef {
    /// Its id, which it keeps for life.
    pub id: DomainId,
    /// Its name at that time.
    pub name: DomainName,
}

impl fmt::Display for DomainRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

/// A DKIM key as it was named when something happened to it. In the data it is `selector` and `key_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRef {
    /// Its id.
    pub id: DkimKeyId,
    /// Its selector at that time.
    pub selector: Selector,
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.selector.fmt(f)
    }
}

/// Whose safelist or blocklist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListOwner {
    /// An account's. In the data it is `account_id`.
    Account(AccountId),
    /// A domain's.
    Domain(DomainRef),
    /// A recipient's. In the data it is `recipient` and `domain_id`.
    Recipient {
        /// The domain at which the recipient is.
        domain: DomainId,
        /// The recipient.
        address: EmailAddress,
    },
}

impl fmt::Display for ListOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListOwner::Account(id) => write!(f, "account:{id}"),
            ListOwner::Domain(domain) => domain.fmt(f),
            ListOwner::Recipient { address, .. } => address.fmt(f),
        }
    }
}

words! {
    /// Why an account has lost a name.
    pub enum Loss {
        /// Another account has proved it, and this one never had.
        Proof = "proof",
        /// Its records were lost for good, and another account has proved it since.
        FreshProof = "fresh_proof",
        /// It was not proved in time, and another account has created it.
        Creation = "creation",
        /// The operator has freed it.
        Operator = "operator",
    }
    else InvalidLoss
}

/// A word that does not say how a name was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it does not say how a name was lost")]
pub struct InvalidLoss;

/// What a field of a change can do.
pub(super) trait Field: Sized {
    /// Adds it to the data.
    fn put(&self, key: &'static str, data: &mut Vec<(&'static str, Datum)>);
    /// Reads it from what is stored.
    fn take(key: &str, stored: &Stored<'_>) -> Option<Self>;
}

/// A type that is a text in the data.
pub(super) trait Text: FromStr + fmt::Display {}

macro_rules! texts {
    ($($type:ty)*) => {$(
        impl Text for $type {}

        impl Field for $type {
            fn put(&self, key: &'static str, data: &mut Vec<(&'static str, Datum)>) {
                data.push((key, Datum::Text(self.to_string())));
            }

            fn take(key: &str, stored: &Stored<'_>) -> Option<$type> {
                stored.one(key)?.parse().ok()
            }
        }
    )*};
}

texts!(String DomainName DnsName Selector EmailAddress Tag Loss);

macro_rules! numbers {
    ($($type:ty, $to:expr, $from:expr;)*) => {$(
        impl Field for $type {
            fn put(&self, key: &'static str, data: &mut Vec<(&'static str, Datum)>) {
                data.push((key, Datum::Number($to(*self))));
            }

            fn take(key: &str, stored: &Stored<'_>) -> Option<$type> {
                $from(stored.one(key)?.parse::<i64>().ok()?)
            }
        }
    )*};
}

numbers! {
    u32, i64::from, |number| u32::try_from(number).ok();
    u64, |number| i64::try_from(number).unwrap_or(i64::MAX), |number| u64::try_from(number).ok();
}

macro_rules! ids {
    ($($type:ident)*) => { numbers! { $($type, $type::number, |number| Some($type::new(number));)* } };
}

ids!(AccountId AdministratorId PasskeyId ApiKeyId DomainTokenId LoginLinkId SessionId SetupLinkId RecordId ReportId RecipientId ListEntryId DomainId DkimKeyId);

impl Field for bool {
    fn put(&self, key: &'static str, data: &mut Vec<(&'static str, Datum)>) {
        data.push((key, Datum::Flag(*self)));
    }

    fn take(key: &str, stored: &Stored<'_>) -> Option<bool> {
        stored.one(key)?.parse().ok()
    }
}

impl<T: Field> Field for Option<T> {
    fn put(&self, key: &'static str, data: &mut Vec<(&'static str, Datum)>) {
        if let Some(value) = self {
            value.put(key, data);
        }
    }

    fn take(key: &str, stored: &Stored<'_>) -> Option<Option<T>> {
        if stored.has(key) { T::take(key, stored).map(Some) } else { Some(None) }
    }
}

impl<T: Text> Field for Vec<T> {
    fn put(&self, key: &'static str, data: &mut Vec<(&'static str, Datum)>) {
        data.push((key, Datum::List(self.iter().map(T::to_string).collect())));
    }

    fn take(key: &str, stored: &Stored<'_>) -> Option<Vec<T>> {
        stored.many(key)?.iter().map(|item| item.parse().ok()).collect()
    }
}

impl Field for DomainRef {
    fn put(&self, _: &'static str, data: &mut Vec<(&'static str, Datum)>) {
        self.name.put("domain", data);
        self.id.put("domain_id", data);
    }

    fn take(_: &str, stored: &Stored<'_>) -> Option<DomainRef> {
        Some(DomainRef { name: Field::take("domain", stored)?, id: Field::take("domain_id", stored)? })
    }
}

impl Field for KeyRef {
    fn put(&self, _: &'static str, data: &mut Vec<(&'static str, Datum)>) {
        self.selector.put("selector", data);
        self.id.put("key_id", data);
    }

    fn take(_: &str, stored: &Stored<'_>) -> Option<KeyRef> {
        Some(KeyRef { selector: Field::take("selector", stored)?, id: Field::take("key_id", stored)? })
    }
}

impl Field for ListOwner {
    fn put(&self, key: &'static str, data: &mut Vec<(&'static str, Datum)>) {
        match self {
            ListOwner::Account(id) => id.put("account_id", data),
            ListOwner::Domain(domain) => domain.put(key, data),
            ListOwner::Recipient { domain, address } => {
                address.put("recipient", data);
                domain.put("domain_id", data);
            }
        }
    }

    fn take(key: &str, stored: &Stored<'_>) -> Option<ListOwner> {
        if stored.has("account_id") {
            return Field::take("account_id", stored).map(ListOwner::Account);
        }
        if stored.has("domain") {
            return Field::take(key, stored).map(ListOwner::Domain);
        }
        let address = Field::take("recipient", stored)?;
        Some(ListOwner::Recipient { domain: Field::take("domain_id", stored)?, address })
    }
}

#[cfg(test)]
pub(super) use by_chance::{Any, Dice};

/// Fields by chance, for property tests.
#[cfg(test)]
mod by_chance {
    use super::*;

    /// Where chance comes from.
    pub(in super::super) struct Dice {
        rolls: Vec<u32>,
        texts: Vec<String>,
    }

    impl Dice {
        pub(in super::super) fn new(rolls: Vec<u32>, texts: Vec<String>) -> Dice {
            Dice { rolls, texts }
        }

        fn roll(&mut self) -> u32 {
            self.rolls.pop().unwrap_or(7)
        }
    }

    pub(in super::super) trait Any {
        fn any(dice: &mut Dice) -> Self;
    }

    impl Any for String {
        fn any(dice: &mut Dice) -> String {
            let text = dice.texts.pop().unwrap_or_default();
            // A subject is never empty.
            if text.is_empty() { "a, b%20=\n".to_owned() } else { text }
        }
    }

    impl Any for bool {
        fn any(dice: &mut Dice) -> bool {
            dice.roll().is_multiple_of(2)
        }
    }

    impl Any for u32 {
        fn any(dice: &mut Dice) -> u32 {
            dice.roll()
        }
    }

    impl Any for u64 {
        fn any(dice: &mut Dice) -> u64 {
            u64::from(dice.roll()) << 31
        }
    }

    macro_rules! picked {
        ($($type:ty: $($text:expr),*;)*) => {$(
            impl Any for $type {
                fn any(dice: &mut Dice) -> $type {
                    let texts = [$($text.to_owned()),*];
                    texts[dice.roll() as usize % texts.len()].parse().unwrap()
                }
            }
        )*};
    }

    picked! {
        DomainName: "example.com", "mail.example.org", "xn--bcher-kva.example";
        DnsName: "pdk1._domainkey.7.keys.example.net", "a.example";
        Selector: "pr1", "a.b";
        EmailAddress: "a@example.com", "Käse@example.org", "a+b=c%d@example.net";
        Tag: "user 1", "ü,%=", " ";
        Loss: "proof", "fresh_proof", "creation", "operator";
    }

    macro_rules! ids {
        ($($type:ident)*) => {$(
            impl Any for $type {
                fn any(dice: &mut Dice) -> $type {
                    $type::new(i64::from(dice.roll()))
                }
            }
        )*};
    }

    ids!(AccountId AdministratorId PasskeyId ApiKeyId DomainTokenId LoginLinkId SessionId SetupLinkId RecordId ReportId RecipientId ListEntryId DomainId DkimKeyId);

    impl<T: Any> Any for Option<T> {
        fn any(dice: &mut Dice) -> Option<T> {
            bool::any(dice).then(|| T::any(dice))
        }
    }

    impl<T: Any> Any for Vec<T> {
        fn any(dice: &mut Dice) -> Vec<T> {
            (0..dice.roll() % 3).map(|_| T::any(dice)).collect()
        }
    }

    impl Any for DomainRef {
        fn any(dice: &mut Dice) -> DomainRef {
            DomainRef { id: Any::any(dice), name: Any::any(dice) }
        }
    }

    impl Any for KeyRef {
        fn any(dice: &mut Dice) -> KeyRef {
            KeyRef { id: Any::any(dice), selector: Any::any(dice) }
        }
    }

    impl Any for ListOwner {
        fn any(dice: &mut Dice) -> ListOwner {
            match dice.roll() % 3 {
                0 => ListOwner::Account(Any::any(dice)),
                1 => ListOwner::Domain(Any::any(dice)),
                _ => ListOwner::Recipient { domain: Any::any(dice), address: Any::any(dice) },
            }
        }
    }
}
