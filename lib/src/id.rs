//! The ids of rows: integers of one table each, never mixed up.
//!
//! ```
//! use postroom::id::DomainId;
//!
//! let id = DomainId::new(7);
//! assert_eq!((id.number(), id.to_string()), (7, "7".to_owned()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// The id with this number, whether or not there is such a row.
            pub const fn new(number: i64) -> $name {
                $name(number)
            }

            /// Its number.
            pub fn number(self) -> i64 {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// The id of an account.
    AccountId,
    /// The id of an API key.
    ApiKeyId,
    /// The id of a subscription.
    SubscriptionId,
    /// The id of a domain.
    DomainId,
    /// The id of a record.
    RecordId,
    /// The id of a DKIM key.
    DkimKeyId,
    /// The id of a domain token.
    DomainTokenId,
    /// The id of a login link.
    LoginLinkId,
    /// The id of a set-up link.
    SetupLinkId,
    /// The id of a session in the console.
    SessionId,
    /// The id of somebody who signs in with a password or a passkey.
    AdministratorId,
    /// The id of a passkey of theirs.
    PasskeyId,
    /// The id of a report of a misclassified message.
    ReportId,
    /// The id of a recipient.
    RecipientId,
    /// The id of an entry of a safelist or blocklist.
    ListEntryId,
    /// The id of a row of the audit log.
    EventId,
}
