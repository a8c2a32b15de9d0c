//! What becomes of a message that has come in, for each of its recipients.

use std::net::IpAddr;

use super::place::Folder;
use super::{Addressee, FirstSender, Mailbox, Treatment, addressee, judge};
use crate::address::EmailAddress;
use crate::db::ReadTx;
use crate::error::Error;
use crate::id::{AccountId, DomainId};
use crate::inbound::{self, AbusePolicy, Downstream};
use crate::list::{ListOutcome, Sender};
use crate::name::DomainName;
use crate::route::{self, Mode};
use crate::webhook::{self, WebhookSigner, WebhookUrl};

/// A message, as far as its delivery depends on it.
#[derive(Clone, Debug, Default)]
pub struct Arrival {
    /// The sender of its envelope, for lists.
    pub sender: Option<Sender>,
    /// The [authors](Sender::authors) that its From field names.
    pub authors: Vec<Sender>,
    /// The client that handed it to the mail server, if that is known.
    pub client: Option<IpAddr>,
    /// If a filter took it for spam: what is done with it where its domain has no policy of its own.
    pub spam: Option<AbusePolicy>,
    /// Whether somebody has looked at it and wants it delivered, whatever lists and filters say.
    pub is_released: bool,
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
    /// The header field that flags it as spam, if it is to have one.
    pub flag: Option<(String, String)>,
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
    Return(FirstSender),
    /// It goes on to one of these servers, the preferred ones first.
    Onward(Vec<Downstream>),
    /// Nowhere: a filter took it for spam, and a return path takes none.
    Refuse,
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
            Way::Return(_) | Way::Refuse => "return",
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
    let decided = match found {
        Err(sender) => Decided {
            mailbox: recipient.clone(),
            verdict: ListOutcome::None,
            flag: None,
            way: if takes_report(arrival) { Way::Return(sender) } else { Way::Refuse },
        },
        Ok(mailbox) => decide(tx, mailbox, arrival)?,
    };
    let Decided { mailbox, verdict, flag, way } = decided;
    Ok(Some(Delivery { domain, name: holder.name, account: holder.account, mailbox, verdict, flag, way }))
}

/// Whether mail to a return path goes back. A filter that marks it says that it is no report of a delivery.
fn takes_report(arrival: &Arrival) -> bool {
    arrival.spam.is_none() || arrival.is_released
}

struct Decided {
    mailbox: EmailAddress,
    verdict: ListOutcome,
    flag: Option<(String, String)>,
    way: Way,
}

/// The sender was told that the message was taken, because others got it. So what is refused for this mailbox is kept apart: a bounce now
/// would go to whoever junk names as its sender.
fn decide(tx: &ReadTx<'_>, mailbox: Mailbox, arrival: &Arrival) -> Result<Decided, Error> {
    let judgement = if arrival.is_released { None } else { judge(tx, &mailbox, arrival)? };
    let verdict = judgement.as_ref().map_or(ListOutcome::None, |it| it.lists.outcome);
    let (domain, mut address) = (mailbox.domain, mailbox.address);
    let mut flag = None;
    let way = match (verdict, judgement.and_then(|it| it.spam)) {
        (ListOutcome::Blocked, _) | (_, Some(Treatment::Block)) => Way::Keep(Folder::Blocked),
        (_, Some(Treatment::Quarantine)) => Way::Keep(Folder::Quarantine),
        (_, spam) => {
            if let Some(Treatment::Flag { name, value }) = spam {
                flag = Some((name, value));
            }
            match way(tx, domain)? {
                // All mail of the domain is collected in one of its mailboxes.
                Way::Forward(to) if route::is_own(tx, domain, &to)? => {
                    address = to.at(address.domain());
                    Way::Keep(Folder::Inbox)
                }
                way => way,
            }
        }
    };
    Ok(Decided { mailbox: address, verdict, flag, way })
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
