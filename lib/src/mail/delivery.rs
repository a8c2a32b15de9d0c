//! What becomes of a message that has come in, for each of its recipients.

use std::net::IpAddr;

use super::place::Folder;
use super::{Addressee, Mailbox, addressee, verdict};
use crate::address::EmailAddress;
use crate::db::ReadTx;
use crate::error::Error;
use crate::id::{AccountId, DomainId};
use crate::inbound::{self, Downstream};
use crate::list::{ListOutcome, Sender};
use crate::name::DomainName;
use crate::route::{self, Mode};
use crate::webhook::{self, WebhookSigner, WebhookUrl};

/// A message, as far as its delivery depends on it.
#[derive(Clone, Debug, Default)]
pub struct Arrival {
    /// The sender of its envelope, for lists.
    pub sender: Option<Sender>,
    /// The sender that its From field names.
    pub author: Option<Sender>,
    /// The client that handed it to the mail server, if that is known.
    pub client: Option<IpAddr>,
}

/// What becomes of a message for one recipient.
#[derive(Debug)]
pub struct Delivery {
    /// The domain.
    pub domain: DomainId,
    /// Its name.
    pub name: DomainName,
    /// Its account.
    pub account: AccountId,
    /// The mailbox; of a return path, that address itself.
    pub mailbox: EmailAddress,
    /// What the lists say.
    pub verdict: ListOutcome,
    /// Where it goes.
    pub way: Way,
}

/// Where a message goes.
#[derive(Debug)]
pub enum Way {
    /// It is kept in a part of the mailbox.
    Keep(Folder),
    /// It is posted to the webhook, and kept before that if `keeps` says so: then it does not matter how the webhook answers.
    Post {
        /// Where it is posted.
        url: WebhookUrl,
        /// What signs the post.
        signer: Box<WebhookSigner>,
        /// Whether it is kept as well.
        keeps: bool,
    },
    /// It goes to another address, by way of the mail server, with a [return path](super::return_path) in place of its sender.
    Forward(EmailAddress),
    /// It goes back to the sender of a message that was forwarded, without a sender of its own.
    Return(EmailAddress),
    /// It goes on to one of these servers, the preferred ones first.
    Onward(Vec<Downstream>),
}

impl Way {
    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Way::Keep(Folder::Inbox) => "store",
            Way::Keep(Folder::Blocked) => "blocked",
            Way::Keep(Folder::Quarantine) => "quarantine",
            Way::Post { keeps: false, .. } => "webhook",
            Way::Post { keeps: true, .. } => "webhook_then_store",
            Way::Forward(_) => "forward_email",
            Way::Return(_) => "return",
            Way::Onward(_) => "onward",
        }
    }
}

/// What becomes of a message for this recipient; none if the recipient is unknown.
pub fn deliver(
    tx: &ReadTx<'_>,
    recipient: &EmailAddress,
    arrival: &Arrival,
) -> Result<Option<Delivery>, Error> {
    let (found, domain) = match addressee(tx, recipient)? {
        None => return Ok(None),
        Some(Addressee::ReturnPath { domain, sender }) => (Err(sender), domain),
        Some(Addressee::Mailbox(mailbox)) => {
            let domain = mailbox.domain;
            (Ok(mailbox), domain)
        }
    };
    let Some(holder) = crate::domain::holder::by_id(tx, domain)? else { return Ok(None) };
    let (mailbox, verdict, way) = match found {
        Err(sender) => (recipient.clone(), ListOutcome::None, Way::Return(sender)),
        Ok(mailbox) => {
            let outcome = outcome(tx, &mailbox, arrival)?;
            let way = match outcome {
                // The sender was told that it was taken, and the other recipients got it: it is not bounced, and goes nowhere.
                ListOutcome::Blocked => Way::Keep(Folder::Blocked),
                _ => way(tx, domain)?,
            };
            (mailbox.address, outcome, way)
        }
    };
    Ok(Some(Delivery { domain, name: holder.name, account: holder.account, mailbox, verdict, way }))
}

fn outcome(tx: &ReadTx<'_>, mailbox: &Mailbox, arrival: &Arrival) -> Result<ListOutcome, Error> {
    verdict(tx, mailbox, arrival).map(|verdict| verdict.outcome)
}

/// Where mail of this domain goes by its route.
fn way(tx: &ReadTx<'_>, domain: DomainId) -> Result<Way, Error> {
    let route = route::of(tx, domain)?;
    let keeps = route.mode == Mode::WebhookThenStore;
    Ok(match (route.mode, route.webhook_url, route.forward_to) {
        (Mode::Webhook | Mode::WebhookThenStore, Some(url), _) => {
            let secret = route::webhook_secret(tx, domain)?;
            Way::Post { url, signer: Box::new(webhook::signer(tx, domain, secret)?), keeps }
        }
        (Mode::ForwardEmail, _, Some(to)) => Way::Forward(to),
        (Mode::Store, ..) => match inbound::downstream(tx, domain)? {
            servers if servers.is_empty() => Way::Keep(Folder::Inbox),
            servers => Way::Onward(servers),
        },
        // A mode whose target is missing, which no operation leaves behind.
        _ => Way::Keep(Folder::Inbox),
    })
}
