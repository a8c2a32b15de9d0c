//! The mail that the server keeps, as far as pages show and change it. What keeps it stands further down, and implements this.

use postroom::address::EmailAddress;
use postroom::clock::Timestamp;
use postroom::mail::Summary;
use postroom::name::DomainName;

/// Whose messages are meant.
#[derive(Clone, Copy, Debug)]
pub struct Whose<'a> {
    /// The domain, by its own name.
    pub domain: &'a DomainName,
    /// Since when its account holds the name: what was kept before is another account's, and is not there.
    pub since: Timestamp,
}

/// What pages do with mail: they show, deliver and delete what was held back because it was taken for spam, and post again what is
/// kept.
pub trait Mailroom: Send + Sync {
    /// Those of a domain, of one of its mailboxes or of all, the newest first: the page with this number, the first being 0.
    fn held(
        &self,
        whose: Whose<'_>,
        mailbox: Option<&EmailAddress>,
        page: usize,
    ) -> Result<HeldPage, MailTrouble>;

    /// One of them, with its text as far as a page shows it.
    fn read(
        &self,
        whose: Whose<'_>,
        mailbox: &EmailAddress,
        id: &str,
    ) -> Result<Option<HeldText>, MailTrouble>;

    /// Delivers one by the domain's route of now, and forgets it if that was done. Returns the reply, as a mail server would be
    /// told; none if there is no such message. It may take as long as the call of a webhook.
    fn release(
        &self,
        whose: Whose<'_>,
        mailbox: &EmailAddress,
        id: &str,
    ) -> Result<Option<String>, MailTrouble>;

    /// Deletes one. Returns whether it was there.
    fn delete(&self, whose: Whose<'_>, mailbox: &EmailAddress, id: &str) -> Result<bool, MailTrouble>;

    /// Posts a delivery again to the webhook of the domain's route, if its message is still in the mailbox. It may take as long as
    /// the call of a webhook.
    fn post_again(
        &self,
        whose: Whose<'_>,
        mailbox: &EmailAddress,
        delivery: &str,
    ) -> Result<PostedAgain, MailTrouble>;
}

/// A message that is held back.
#[derive(Clone, Debug)]
pub struct HeldMessage {
    /// The id of its delivery.
    pub id: String,
    /// Whose it is.
    pub mailbox: EmailAddress,
    /// The recipient, as the client gave it.
    pub recipient: String,
    /// The sender of the envelope; empty for `<>`.
    pub sender: String,
    /// What it says of itself.
    pub summary: Summary,
    /// When it was kept.
    pub kept_at: Timestamp,
}

/// Some of the messages that are held back.
#[derive(Clone, Debug, Default)]
pub struct HeldPage {
    /// They, the newest first.
    pub messages: Vec<HeldMessage>,
    /// Whether older ones follow.
    pub has_more: bool,
    /// Whether there are more than are looked at: the oldest are left out then.
    pub is_cut: bool,
}

/// A message that is held back, and its text.
#[derive(Clone, Debug)]
pub struct HeldText {
    /// The message.
    pub message: HeldMessage,
    /// Its first octets, with LF at the ends of lines.
    pub octets: Vec<u8>,
    /// Whether that is not all of it.
    pub is_cut: bool,
}

/// What came of posting a delivery again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostedAgain {
    /// The webhook has taken it.
    Taken,
    /// It has not; the reply, as a mail server would be told.
    NotTaken(String),
    /// The message is not in its mailbox any more.
    Gone,
    /// The route posts to no webhook now.
    NoWebhook,
}

/// Why mail cannot be shown or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailTrouble {
    /// There is no folder of mailboxes where this server would look.
    #[error("this server keeps no mail: its folder of mailboxes is not there")]
    NoFolder,
    /// The server's user may not read or change it.
    #[error("this server may not read its folder of mailboxes, or not change it")]
    Denied,
    /// The file system failed.
    #[error("the folder of mailboxes cannot be read now")]
    Failed,
}
