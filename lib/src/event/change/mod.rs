//! What happened, as a type: a variant with its data for each thing that the audit log records.

mod field;
mod sentence;
mod stored;

use crate::address::EmailAddress;
use crate::id::{
    AccountId, AdministratorId, ApiKeyId, DomainId, DomainTokenId, ListEntryId, LoginLinkId, PasskeyId,
    RecipientId, RecordId, ReportId, SessionId, SetupLinkId,
};
use crate::name::{DnsName, DomainName, Selector};
use crate::tag::Tag;

use self::field::Field;
use self::stored::Stored;

pub use self::field::{Datum, DomainRef, InvalidLoss, KeyRef, ListOwner, Loss};
pub(super) use self::stored::prefix;

/// Each variant with its name, the action in the log that it belongs to, the field that is the subject, and its data.
macro_rules! changes {
    ($($(#[$doc:meta])* $variant:ident: $name:literal of $action:literal on $subject:ident {
        $($field:ident: $type:ty),* $(,)?
    })*) => {
        /// A change that the audit log records, with its data; never a secret.
        ///
        /// Statuses, kinds, modes and finding codes are texts here, because the modules that define them depend on this one.
        /// [`Display`](std::fmt::Display) writes the sentence for people.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "the name of a field says what it holds")]
        pub enum Change {
            $($(#[$doc])* $variant { $($field: $type),* },)*
        }

        impl Change {
            /// The name and the action of every variant.
            pub const ALL: &[(&'static str, &'static str)] = &[$(($name, $action)),*];

            /// The name of what happened, `noun.verb`: one for each variant, such as `domain.label_changed`.
            pub fn name(&self) -> &'static str {
                match self { $(Change::$variant { .. } => $name,)* }
            }

            /// The action in the audit log, `noun.verb`. Several variants may have one in common, such as `domain.changed`.
            pub fn action(&self) -> &'static str {
                match self { $(Change::$variant { .. } => $action,)* }
            }

            /// What was changed: the name of a domain or an account, the number of a key or a report, an address.
            pub fn subject(&self) -> String {
                match self { $(Change::$variant { $subject, .. } => $subject.to_string(),)* }
            }

            /// The data, by name. What is not known is left out.
            pub fn data(&self) -> Vec<(&'static str, Datum)> {
                let mut data = Vec::new();
                match self {
                    $(Change::$variant { $($field),* } => { $($field.put(stringify!($field), &mut data);)* })*
                }
                data
            }

            fn take(name: &str, stored: &Stored<'_>) -> Option<Change> {
                match name {
                    $($name => Some(Change::$variant { $($field: Field::take(stringify!($field), stored)?),* }),)*
                    _ => None,
                }
            }

            /// A change of this name with data by chance.
            #[cfg(test)]
            fn any(name: &str, dice: &mut field::Dice) -> Change {
                match name {
                    $($name => Change::$variant { $($field: field::Any::any(dice)),* },)*
                    _ => unreachable!("{name} is no change"),
                }
            }
        }
    };
}

changes! {
    /// An account was created.
    AccountCreated: "account.created" of "account.created" on name { name: String }
    /// The operator trusts an account: its names act without proof.
    AccountTrusted: "account.trusted" of "account.trusted" on name { name: String }
    /// An account is a tenant's: its names act when they are proved.
    AccountDistrusted: "account.distrusted" of "account.trusted" on name { name: String }
    /// An API key was created.
    ApiKeyCreated: "key.created" of "key.created" on key { key: ApiKeyId, description: Option<String> }
    /// An API key was revoked.
    ApiKeyRevoked: "key.revoked" of "key.revoked" on key { key: ApiKeyId, description: Option<String> }
    /// An API key got a new secret; the one before counts for so many minutes more.
    ApiKeyRotated: "key.rotated" of "key.rotated" on key {
        key: ApiKeyId, description: Option<String>, grace_minutes: u64,
    }
    /// An API key asked for something that its scopes or its domains do not allow.
    ApiKeyRefused: "key.refused" of "key.refused" on key { key: ApiKeyId, request: String, reason: String }
    /// A subscription was created.
    SubscriptionCreated: "subscription.created" of "subscription.created" on handle {
        handle: String, max_domains: Option<u32>, max_recipients: Option<u32>,
    }
    /// A domain was created.
    DomainCreated: "domain.created" of "domain.created" on domain {
        domain: DomainRef, label: Option<String>, user: Option<Tag>, organization: Option<Tag>,
    }
    /// The label of a domain changed.
    LabelChanged: "domain.label_changed" of "domain.changed" on domain {
        domain: DomainRef, from: Option<String>, to: Option<String>,
    }
    /// A domain was tied to an API key, which alone can see it.
    DomainTied: "domain.tied" of "domain.changed" on domain { domain: DomainRef, key: ApiKeyId }
    /// A domain was opened to every API key of its account.
    DomainUntied: "domain.untied" of "domain.changed" on domain { domain: DomainRef, key: Option<ApiKeyId> }
    /// A domain without an end user was assigned to one.
    DomainAdopted: "domain.adopted" of "domain.changed" on domain {
        domain: DomainRef, user: Tag, organization: Option<Tag>,
    }
    /// The first DKIM key of a domain could not be created.
    FirstKeyRefused: "domain.first_key_refused" of "domain.changed" on domain { domain: DomainRef, reason: String }
    /// A domain was renamed. `domain` has the new name.
    DomainRenamed: "domain.renamed" of "domain.renamed" on domain { domain: DomainRef, from: DomainName }
    /// A domain was deleted.
    DomainDeleted: "domain.deleted" of "domain.deleted" on domain { domain: DomainRef }
    /// A domain was lost. Rows of earlier versions have no reason, and are of domains that were never verified.
    DomainGaveWay: "domain.gave_way" of "domain.gave_way" on domain {
        domain: DomainRef, reason: Option<Loss>,
    }
    /// An alias was lost.
    AliasGaveWay: "domain.alias_gave_way" of "domain.gave_way" on alias {
        domain: DomainRef, alias: DomainName, reason: Option<Loss>,
    }
    /// A name was taken from another account.
    DomainClaimed: "domain.claimed" of "domain.gave_way" on name { name: DomainName, reason: Option<Loss> }
    /// The DNS has shown that a domain is its account's: by a DKIM record, or by its challenge.
    DomainProved: "domain.proved" of "domain.proved" on domain { domain: DomainRef, by: String }
    /// The DNS has shown that an alias is its account's.
    AliasProved: "domain.alias_proved" of "domain.proved" on alias { domain: DomainRef, alias: DomainName }
    /// A claim to a name was made that another account has, or that lies below a name that another account has proved.
    ClaimCreated: "claim.created" of "claim.created" on name { name: DomainName }
    /// Such a claim was given up.
    ClaimDeleted: "claim.deleted" of "claim.deleted" on name { name: DomainName }
    /// The challenge of such a claim was seen in the DNS.
    ClaimProved: "claim.proved" of "claim.proved" on name { name: DomainName }
    /// A domain was handed from one account to another. Both have this in their logs.
    DomainTransferred: "domain.transferred" of "domain.transferred" on domain {
        domain: DomainRef, from: AccountId, to: AccountId,
    }
    /// The status of a domain changed.
    DomainStatusChanged: "domain.status_changed" of "domain.status_changed" on domain {
        domain: DomainRef, from: String, to: String,
    }
    /// A check changed the status of a record: what was found, the servers that said so, and how many definitive failures
    /// there were in a row. Rows of earlier versions have neither of the last two.
    RecordStatusChanged: "record.status_changed" of "record.status_changed" on domain {
        domain: DomainRef, record: RecordId, kind: String, host: String, from: String, to: String,
        finding: Option<String>, servers: Option<Vec<String>>, failures: Option<u32>,
    }
    /// A record was marked manually.
    RecordMarked: "record.marked" of "record.marked" on domain {
        domain: DomainRef, record: RecordId, kind: String, host: String, from: String, to: String,
    }
    /// The route of a domain's incoming mail was set. The URL is not here, for it may hold a token.
    RouteChanged: "route.changed" of "route.changed" on domain {
        domain: DomainRef, from: String, to: String, webhook_url_changed: bool, webhook_secret_changed: bool,
        forward_address_changed: bool, recipients: Option<String>, catch_all_changed: Option<bool>,
        catch_all: Option<EmailAddress>,
    }
    /// From now on the keys of the domain `authority` sign for a domain; without `authority`, its own keys sign.
    AuthorityChanged: "domain.authority_changed" of "domain.authority_changed" on domain {
        domain: DomainRef, authority: Option<DomainName>,
    }
    /// What is done with a domain's incoming mail changed. What stayed as it was is left out.
    InboundChanged: "domain.inbound_changed" of "domain.inbound_changed" on domain {
        domain: DomainRef, filtering_changed: bool, policy: Option<String>, overrides: Option<bool>,
        header_name: Option<String>, header_value: Option<String>, admins: Option<Vec<EmailAddress>>,
        downstream: Option<Vec<String>>, aliases: Option<Vec<DomainName>>,
    }
    /// An alias was added to a domain.
    AliasAdded: "domain.alias_added" of "domain.inbound_changed" on domain { domain: DomainRef, alias: DomainName }
    /// An alias was removed from a domain.
    AliasRemoved: "domain.alias_removed" of "domain.inbound_changed" on domain {
        domain: DomainRef, alias: DomainName,
    }
    /// A DKIM key was created.
    DkimKeyCreated: "dkim_key.created" of "dkim_key.created" on domain {
        domain: DomainRef, key: KeyRef, delegated_to: Option<DnsName>,
    }
    /// A DKIM key was imported.
    DkimKeyImported: "dkim_key.imported" of "dkim_key.imported" on domain { domain: DomainRef, key: KeyRef }
    /// A DKIM key signs from now on.
    DkimKeyActivated: "dkim_key.activated" of "dkim_key.activated" on domain { domain: DomainRef, key: KeyRef }
    /// A DKIM key signs no more.
    DkimKeyDeactivated: "dkim_key.deactivated" of "dkim_key.deactivated" on domain {
        domain: DomainRef, key: KeyRef,
    }
    /// A DKIM key signs no more, because another one signs in its place after a rotation.
    DkimKeyRetired: "dkim_key.retired" of "dkim_key.deactivated" on domain { domain: DomainRef, key: KeyRef }
    /// A DKIM key got another selector. `key` has the new one.
    DkimKeyRenamed: "dkim_key.renamed" of "dkim_key.renamed" on domain {
        domain: DomainRef, key: KeyRef, from: Selector,
    }
    /// A DKIM key was deleted.
    DkimKeyDeleted: "dkim_key.deleted" of "dkim_key.deleted" on domain { domain: DomainRef, key: KeyRef }
    /// The record of a retired DKIM key may be removed from the DNS.
    DkimKeyReleased: "dkim_key.released" of "dkim_key.released" on domain { domain: DomainRef, key: KeyRef }
    /// A rotation began: the new key waits for its record.
    RotationStarted: "rotation.started" of "rotation.started" on domain {
        domain: DomainRef, key: KeyRef, replaces: Option<Selector>,
    }
    /// A rotation was called off.
    RotationAborted: "rotation.aborted" of "rotation.aborted" on domain { domain: DomainRef }
    /// Automatic rotations got another interval; without an interval, rotations only begin manually.
    RotationIntervalChanged: "rotation.interval_changed" of "rotation.changed" on domain {
        domain: DomainRef, from_hours: Option<u64>, to_hours: Option<u64>,
    }
    /// An automatic rotation could not begin, and is tried again later.
    RotationPostponed: "rotation.postponed" of "rotation.changed" on domain {
        domain: DomainRef, hours: u64, reason: String,
    }
    /// A domain token was created.
    TokenCreated: "token.created" of "token.created" on domain {
        domain: DomainRef, token: DomainTokenId, name: Option<String>,
    }
    /// A domain token got another name.
    TokenRenamed: "token.changed" of "token.changed" on domain {
        domain: DomainRef, token: DomainTokenId, from: Option<String>, to: Option<String>,
    }
    /// A domain token was revoked.
    TokenRevoked: "token.revoked" of "token.revoked" on domain {
        domain: DomainRef, token: DomainTokenId, name: Option<String>,
    }
    /// A login link was created.
    LoginLinkCreated: "login_link.created" of "login_link.created" on domain {
        domain: DomainRef, link: LoginLinkId,
    }
    /// A login link was used.
    LoginLinkUsed: "login_link.used" of "login_link.used" on domain { domain: DomainRef, link: LoginLinkId }
    /// A login link to an account was created.
    AccountLinkCreated: "login_link.account_created" of "login_link.created" on account {
        account: String, link: LoginLinkId,
    }
    /// A login link to an account was used.
    AccountLinkUsed: "login_link.account_used" of "login_link.used" on account {
        account: String, link: LoginLinkId,
    }
    /// A login link to all accounts, for the operator, was created.
    OperatorLinkCreated: "login_link.operator_created" of "login_link.created" on link { link: LoginLinkId }
    /// A login link to all accounts was used.
    OperatorLinkUsed: "login_link.operator_used" of "login_link.used" on link { link: LoginLinkId }
    /// A set-up link for a domain was made.
    SetupLinkCreated: "setup_link.created" of "setup_link.created" on domain {
        domain: DomainRef, link: SetupLinkId, until: String,
    }
    /// A set-up link for a domain was revoked.
    SetupLinkRevoked: "setup_link.revoked" of "setup_link.revoked" on domain {
        domain: DomainRef, link: SetupLinkId,
    }
    /// The operator opened an account in the console.
    AccountOpened: "account.opened" of "account.opened" on account { account: String, session: SessionId }
    /// A session in the console was ended by somebody. `role` says as what it was signed in.
    SessionEnded: "session.ended" of "session.ended" on session { session: SessionId, role: String }
    /// Somebody can sign in with a password and a one-time code from now on.
    AdministratorAdded: "administrator.added" of "administrator.added" on administrator {
        administrator: AdministratorId, name: String,
    }
    /// Somebody signed in with a password; `by_code` says whether a recovery code stood in for the one-time code.
    AdministratorSignedIn: "administrator.signed_in" of "administrator.signed_in" on administrator {
        administrator: AdministratorId, name: String, by_code: bool,
    }
    /// Somebody who signs in with a password changed it, or their recovery codes: `what`.
    AdministratorChanged: "administrator.changed" of "administrator.changed" on administrator {
        administrator: AdministratorId, name: String, what: String,
    }
    /// Somebody can sign in with a passkey of this name from now on.
    PasskeyAdded: "passkey.added" of "passkey.added" on passkey {
        passkey: PasskeyId, label: String, administrator: AdministratorId, name: String,
    }
    /// Somebody gave a passkey another name.
    PasskeyRenamed: "passkey.renamed" of "passkey.renamed" on passkey {
        passkey: PasskeyId, label: String, administrator: AdministratorId, name: String,
    }
    /// Somebody signed in with a passkey.
    PasskeyUsed: "passkey.used" of "passkey.used" on passkey {
        passkey: PasskeyId, label: String, administrator: AdministratorId, name: String,
    }
    /// A passkey was refused, because its count of signatures went back: there may be a copy of it.
    PasskeyRefused: "passkey.refused" of "passkey.refused" on passkey {
        passkey: PasskeyId, label: String, administrator: AdministratorId, name: String, kept: u32, came: u32,
    }
    /// A passkey was removed.
    PasskeyRemoved: "passkey.removed" of "passkey.removed" on passkey {
        passkey: PasskeyId, label: String, administrator: AdministratorId, name: String,
    }
    /// The ways in of somebody were taken away: the password and every passkey.
    AdministratorRemoved: "administrator.removed" of "administrator.removed" on administrator {
        administrator: AdministratorId, name: String,
    }
    /// A misclassified message was reported; `domain` is its recipient's, where that is the account's own.
    ReportFiled: "report.filed" of "report.filed" on report {
        report: ReportId, kind: String, domain: Option<DomainName>,
    }
    /// A recipient was added.
    RecipientCreated: "recipient.created" of "recipient.created" on address {
        domain: DomainRef, recipient: RecipientId, address: EmailAddress, filtered: bool, administrator: bool,
    }
    /// The settings of a recipient changed. Those that it has now are here.
    RecipientChanged: "recipient.changed" of "recipient.changed" on address {
        domain: DomainRef, recipient: RecipientId, address: EmailAddress, filtered: bool, administrator: bool,
    }
    /// A recipient was deleted, with its lists.
    RecipientDeleted: "recipient.deleted" of "recipient.deleted" on address {
        domain: DomainRef, recipient: RecipientId, address: EmailAddress,
    }
    /// So many messages were stored for a domain within so many minutes.
    MailStored: "mail.stored" of "mail.stored" on domain { domain: DomainRef, messages: u64, minutes: u64 }
    /// A message that was held back for a mailbox was delivered after all.
    MessageReleased: "message.released" of "message.released" on mailbox {
        domain: DomainRef, mailbox: EmailAddress, message: String,
    }
    /// A message that was held back for a mailbox was deleted.
    MessageDeleted: "message.deleted" of "message.deleted" on mailbox {
        domain: DomainRef, mailbox: EmailAddress, message: String,
    }
    /// So many posts to a domain's webhook were not taken within so many minutes.
    WebhookFailed: "mail.webhook_failed" of "mail.webhook_failed" on domain {
        domain: DomainRef, posts: u64, minutes: u64,
    }
    /// So many logins for a domain were refused within so many minutes, because the password opens nothing there.
    TokenRefused: "token.refused" of "token.refused" on domain { domain: DomainRef, logins: u64, minutes: u64 }
    /// The bridge gives private DKIM keys to whoever has the vault's token, at this address.
    VaultOpened: "vault.opened" of "vault.changed" on address { address: String }
    /// It does not any more.
    VaultClosed: "vault.closed" of "vault.changed" on address { address: String }
    /// An entry was added to a safelist or blocklist.
    ListEntryAdded: "list_entry.added" of "list_entry.added" on owner {
        owner: ListOwner, entry: ListEntryId, list: String, item: String,
    }
    /// An entry was removed from a safelist or blocklist.
    ListEntryRemoved: "list_entry.removed" of "list_entry.removed" on owner {
        owner: ListOwner, entry: ListEntryId, list: String, item: String,
    }
}

impl Change {
    /// The domain that it concerns.
    pub(crate) fn domain_id(&self) -> Option<DomainId> {
        self.data().into_iter().find_map(|(name, datum)| match datum {
            Datum::Number(number) if name == "domain_id" => Some(DomainId::new(number)),
            _ => None,
        })
    }

    /// The form in which the data is stored: see [`Change::parse`].
    pub(crate) fn store(&self) -> String {
        stored::write(self.name(), &self.data())
    }

    /// Reads a stored change. `None` if the text is not exactly what this version would have written.
    pub(crate) fn parse(text: &str) -> Option<Change> {
        let (name, stored) = stored::read(text)?;
        Change::take(name, &stored).filter(|change| change.store() == text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_change_has_a_name_of_its_own_in_the_family_of_its_action() {
        let names: BTreeSet<&str> = Change::ALL.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), Change::ALL.len());
        for (name, action) in Change::ALL {
            assert_eq!(name.split('.').next(), action.split('.').next(), "{name} of {action}");
            assert!(name != action || Change::ALL.iter().any(|(other, _)| other == action));
        }
    }

    #[test]
    fn a_loss_is_read_with_the_words_of_every_version() {
        for (reason, sentence) in [
            ("", "claimed by another account because it was never verified"),
            (" reason=creation", "claimed by another account because it was never verified"),
            (" reason=proof", "lost to another account, which has proved that it is its own"),
            (
                " reason=fresh_proof",
                "lost to another account, which has proved it after its records were lost",
            ),
            (" reason=operator", "freed by the operator"),
        ] {
            let stored = format!("v1 domain.gave_way domain=example.com domain_id=7{reason}");
            let change = Change::parse(&stored).unwrap();
            assert_eq!(change.to_string(), format!("domain example.com {sentence}"));
        }
    }

    proptest! {
        #[test]
        fn a_change_that_is_stored_is_read_back_as_itself(
            at in 0..Change::ALL.len(),
            rolls in proptest::collection::vec(any::<u32>(), 32),
            texts in proptest::collection::vec(any::<String>(), 8),
        ) {
            let change = Change::any(Change::ALL[at].0, &mut field::Dice::new(rolls, texts));
            let stored = change.store();
            prop_assert_eq!(Change::parse(&stored), Some(change.clone()), "{}", stored);
            prop_assert!(!stored.chars().any(char::is_control));
            // A newer version may have stored more fields: then the row is read as text.
            prop_assert_eq!(Change::parse(&format!("{stored} more=1")), None);
            prop_assert_eq!(Change::parse(&stored.replacen("v1 ", "v2 ", 1)), None);
            prop_assert!(!change.subject().is_empty() && !change.to_string().is_empty());
        }

        #[test]
        fn whatever_stands_in_the_column_is_a_change_or_none(text in any::<String>(), rest in "v1 [a-z_.]{1,20}( [a-z_]{1,8}=[ -~]{0,12}){0,4}") {
            for text in [text, rest] {
                if let Some(change) = Change::parse(&text) {
                    prop_assert_eq!(change.store(), text);
                }
            }
        }
    }
}
