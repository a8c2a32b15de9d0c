//! What is done with a message for each of its recipients, and what the mail server is told of it.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use postroom::address::EmailAddress;
use postroom::clock::Timestamp;
use postroom::db::Postroom;
use postroom::dns::Resolver;
use postroom::error::Error;
use postroom::list::{MOST_AUTHORS, Sender};
use postroom::mail::{self, Arrival, Delivery, DeliveryId, Folder, Head, Summary, Way};
use postroom::webhook::call::{self, WebhookCall};
use tracing::{error, info, warn};

use super::calls::Calls;
use super::held::{NoRoom, Room};
use super::maildir;
use super::places::Places;
use super::poster::Poster;
use super::spam::{self, SpamMark};
use super::tally::Tally;
use crate::json::received::{Received, base64_octets, received_json};
use crate::watch::{BridgeMetrics, Outcome};

/// The most calls to other servers for one message at a time, and how long all of them may take: less than a mail server waits for
/// the replies.
const MOST_CALLS: usize = 8;
pub(super) const CALLING: Duration = Duration::from_mins(1);

pub(super) const TROUBLE: &str = "451 4.3.0 The database could not be asked; try again later";
const UNKNOWN: &str = "550 5.1.1 There is no such recipient";
pub(crate) const LONG_HEADER: &str = "552 5.3.4 The message's header section is too long";
pub(crate) const MANY_AUTHORS: &str = "550 5.6.0 The message names too many authors";
pub(crate) const SPAM: &str = "550 5.7.1 The message was taken for spam";
/// A return path is there for delivery reports, which have no sender (RFC 3461 section 6.1). Without this rule anybody could have
/// any mail sent on through one.
pub(crate) const REPORTS_ALONE: &str = "550 5.7.1 This address takes delivery reports alone";
pub(super) const BUSY: &str =
    "451 4.3.2 The receiver of this mail is busy, or has failed again and again; try again later";

/// A message's sender and its recipients.
#[derive(Debug)]
pub(crate) struct Envelope {
    /// Empty for `<>`.
    pub(crate) sender: String,
    pub(crate) is_8bit: bool,
    pub(crate) is_utf8: bool,
    pub(crate) recipients: Vec<Recipient>,
}

/// A recipient, as the client wrote it and as an address.
#[derive(Debug)]
pub(crate) struct Recipient {
    pub(crate) text: String,
    pub(crate) address: EmailAddress,
}

/// Delivers messages.
pub struct Deliverer {
    /// The database.
    pub postroom: Arc<Postroom>,
    /// The folder of the Maildirs.
    pub mail_dir: PathBuf,
    /// Where mail that is forwarded goes back to the mail server: a host and a port.
    pub submit: String,
    /// Posts to webhooks.
    pub poster: Poster,
    /// The field by which a filter before us marks spam.
    pub spam_mark: Option<SpamMark>,
    /// Finds downstream servers.
    pub resolver: Arc<dyn Resolver>,
    /// Bounds the calls to other servers.
    pub places: Places,
    /// The calls of webhooks that are to be written down.
    pub calls: Calls,
    /// Counts what is stored and what fails, for the audit log.
    pub tally: Tally,
    /// Counts what is done, for who watches.
    pub metrics: Arc<BridgeMetrics>,
}

/// One delivery: a message, one of its recipients, and what becomes of it.
pub(super) struct Job<'a> {
    /// The recipient's place in the envelope.
    at: usize,
    pub(super) recipient: &'a Recipient,
    pub(super) envelope: &'a Envelope,
    pub(super) message: &'a [u8],
    id: DeliveryId,
    pub(super) delivery: Delivery,
}

/// What the mail server is told of a delivery, and what became of it.
struct Done {
    reply: String,
    outcome: Outcome,
}

impl From<String> for Done {
    fn from(reply: String) -> Done {
        let outcome = Outcome::of_reply(&reply);
        Done { reply, outcome }
    }
}

impl Job<'_> {
    /// The header field that flags it, unless a milter has put that there.
    fn flag(&self) -> Option<String> {
        let flag = self.delivery.flag.as_ref();
        let flag = flag.filter(|(name, value)| !Head::read(self.message).has(name, value));
        flag.map(|(name, value)| format!("{name}: {value}"))
    }

    pub(super) fn flag_line(&self) -> String {
        self.flag().map(|line| line + "\r\n").unwrap_or_default()
    }
}

impl Deliverer {
    /// Delivers a message. Returns a reply for each recipient, in their order.
    ///
    /// Refused is one whose header section is not read to its end, or that names more authors than lists are asked about: a mark or an author
    /// could hide there.
    pub(crate) fn deliver(&self, envelope: &Envelope, message: &[u8]) -> Vec<String> {
        let head = Head::read(message);
        let authors = head.authors();
        let refusal = match () {
            () if head.is_cut() => Some(LONG_HEADER),
            () if authors.len() > MOST_AUTHORS => Some(MANY_AUTHORS),
            () => None,
        };
        if let Some(refusal) = refusal {
            for _ in &envelope.recipients {
                self.metrics.count_delivery("none", Outcome::Refused);
            }
            return vec![refusal.to_owned(); envelope.recipients.len()];
        }
        let arrival = Arrival {
            sender: Sender::parse(&envelope.sender),
            authors,
            client: head.client(),
            spam: spam::found(self.spam_mark.as_ref(), &head),
            is_released: false,
        };
        self.deliver_as(&arrival, envelope, message)
    }

    /// Delivers a message of which this is known.
    pub(crate) fn deliver_as(&self, arrival: &Arrival, envelope: &Envelope, message: &[u8]) -> Vec<String> {
        let found = self.postroom.read(|tx| {
            let recipients = envelope.recipients.iter();
            recipients.map(|it| mail::deliver(tx, &it.address, arrival)).collect::<Result<Vec<_>, Error>>()
        });
        let found = match found {
            Ok(found) => found,
            Err(trouble) => {
                error!(%trouble, "a message could not be delivered; the mail server tries again");
                for _ in &envelope.recipients {
                    self.metrics.count_delivery("none", Outcome::Deferred);
                }
                return vec![TROUBLE.to_owned(); envelope.recipients.len()];
            }
        };
        let replies = Mutex::new(vec![UNKNOWN.to_owned(); envelope.recipients.len()]);
        let note = |job: &Job<'_>, Done { reply, outcome }: Done| {
            let (id, domain, mode) = (&job.id, &job.delivery.name, job.delivery.way.as_str());
            info!(%id, %domain, mode, reply, "delivery");
            self.metrics.count_delivery(mode, outcome);
            let mut replies = replies.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(place) = replies.get_mut(job.at) {
                *place = reply;
            }
        };
        let end = Instant::now() + CALLING;
        let mut calls: VecDeque<Vec<Job<'_>>> = VecDeque::new();
        for (at, (recipient, delivery)) in envelope.recipients.iter().zip(found).enumerate() {
            let Some(delivery) = delivery else {
                self.metrics.count_delivery("none", Outcome::Refused);
                continue;
            };
            let id = DeliveryId::of(&envelope.sender, &recipient.text, message);
            let job = Job { at, recipient, envelope, message, id, delivery };
            match self.at_once(&job, end) {
                Some(reply) => note(&job, reply.into()),
                // Those of one domain follow one another.
                None => match calls.iter_mut().find(|jobs| {
                    jobs.first().is_some_and(|first| first.delivery.domain == job.delivery.domain)
                }) {
                    Some(jobs) => jobs.push(job),
                    None => calls.push_back(vec![job]),
                },
            }
        }
        if !calls.is_empty() {
            let summary = Head::read(message).summary();
            Deliverer::call_all(calls, |job| self.call(job, &summary, end), note);
        }
        replies.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// What makes nobody wait for a server of somebody else's, begun before `end`. None if such a server must be called as well.
    fn at_once(&self, job: &Job<'_>, end: Instant) -> Option<String> {
        match &job.delivery.way {
            Way::Keep(folder) => Some(self.keep(job, *folder)),
            Way::Post { keeps: true, .. } => {
                Some(self.keep(job, Folder::Inbox)).filter(|reply| !reply.starts_with('2'))
            }
            Way::Forward(to) => Some(self.forward(job, to, end)),
            Way::Return(sender) => Some(self.hand_over(job, "", sender.as_str(), end)),
            Way::Refuse => Some(SPAM.to_owned()),
            Way::Post { .. } | Way::Onward(_) => None,
        }
    }

    fn keep(&self, job: &Job<'_>, folder: Folder) -> String {
        let Delivery { mailbox, account, .. } = &job.delivery;
        let flag = job.flag().map(|line| line + "\n").unwrap_or_default();
        let (sender, recipient) = (&job.envelope.sender, &job.recipient.text);
        let top = format!("Return-Path: <{sender}>\nDelivered-To: {recipient}\n{flag}");
        let place = mail::place(mailbox, folder);
        let own = || {
            let domain = mail::domain_place(mailbox.domain());
            maildir::own(&self.mail_dir, &domain, *account, self.postroom.now())
        };
        match own().and_then(|()| maildir::keep(&self.mail_dir, &place, &job.id, &top, job.message)) {
            Ok(is_new) => {
                if is_new {
                    self.tally.note(job.delivery.domain, |counts| counts.stored += 1);
                }
                format!("250 2.0.0 {} is stored", job.id)
            }
            Err(error) => {
                error!(%mailbox, %error, "a message cannot be stored; the mail server tries again");
                match error.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                        NoRoom::Now.reply().to_owned()
                    }
                    _ => "451 4.3.0 The mailbox cannot be written; try again later".to_owned(),
                }
            }
        }
    }

    /// Makes all calls, those of different domains side by side.
    fn call_all<'a>(
        calls: VecDeque<Vec<Job<'a>>>,
        call: impl Fn(&Job<'a>) -> Done + Sync,
        note: impl Fn(&Job<'a>, Done) + Sync,
    ) {
        let workers = calls.len().min(MOST_CALLS);
        let calls = Mutex::new(calls);
        let work = || {
            while let Some(jobs) = { calls.lock().unwrap_or_else(PoisonError::into_inner).pop_front() } {
                for job in &jobs {
                    note(job, call(job));
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..workers {
                // Without another thread this one does all of it.
                let _ = thread::Builder::new().spawn_scoped(scope, work);
            }
            work();
        });
    }

    /// Calls another server, if there is a place for that, and time.
    fn call(&self, job: &Job<'_>, summary: &Summary, end: Instant) -> Done {
        let Delivery { domain, account, way, .. } = &job.delivery;
        let now = Instant::now();
        let place = self.places.take(*domain, *account, now).filter(|_| now < end);
        let reply = match (place, way) {
            (None, _) => BUSY.to_owned(),
            (Some(place), Way::Post { .. }) => {
                let (reply, is_well) = self.post(job, summary);
                place.end(is_well, Instant::now());
                reply
            }
            (Some(place), Way::Onward(servers)) => {
                let (reply, is_well) = self.onward(job, servers);
                place.end(is_well, Instant::now());
                reply
            }
            _ => TROUBLE.to_owned(),
        };
        if matches!(way, Way::Post { .. }) && !reply.starts_with('2') {
            self.tally.note(*domain, |counts| counts.posts_failed += 1);
        }
        match way {
            Way::Post { keeps: true, .. } if !reply.starts_with('2') => {
                warn!(id = %job.id, domain = %job.delivery.name, reply, "a stored message was not posted");
                Done { reply: format!("250 2.0.0 {} is stored", job.id), outcome: Outcome::NotPosted }
            }
            _ => reply.into(),
        }
    }

    /// Posts it to the webhook. Returns the reply, and whether the webhook is well.
    fn post(&self, job: &Job<'_>, summary: &Summary) -> (String, bool) {
        let Way::Post { url, signer, keeps } = &job.delivery.way else { return (TROUBLE.to_owned(), true) };
        let flag = job.flag_line();
        // The body is little more than Base64 of the message.
        let body_octets = base64_octets(job.message.len());
        let _room = match Room::take(Some(job.delivery.account), job.message.len(), body_octets) {
            Ok(room) => room,
            Err(no_room) => return (no_room.reply().to_owned(), true),
        };
        let now = self.postroom.now();
        let second = Timestamp::from_millis(now.seconds() * 1000).to_string().replace(".000Z", "Z");
        let received = Received {
            id: job.id.as_str(),
            timestamp: &second,
            domain: job.delivery.name.as_str(),
            recipient: &job.recipient.text,
            mailbox: &job.delivery.mailbox.to_string(),
            sender: &job.envelope.sender,
            header_from: summary.header_from.as_deref(),
            subject: summary.subject.as_deref(),
            message_id: summary.message_id.as_deref(),
            verdict: job.delivery.verdict.as_str(),
            raw: [flag.as_bytes(), job.message],
        };
        let body = received_json(&received).into_bytes();
        let fields = [
            ("Content-Type", "application/json".to_owned()),
            ("webhook-id", job.id.to_string()),
            ("webhook-timestamp", now.seconds().to_string()),
            ("webhook-signature", signer.sign_post(job.id.as_str(), now, &body)),
            ("X-MailPace-Signature", signer.sign(&body)),
        ];
        let begun = Instant::now();
        let answered = self.poster.post(url, &fields, &body);
        self.calls.note(WebhookCall {
            domain: job.delivery.domain,
            delivery: job.id.to_string(),
            recipient: job.recipient.text.clone(),
            mailbox: job.delivery.mailbox.clone(),
            is_kept: *keeps,
            outcome: answered.as_ref().map_or_else(
                |it| call::CallOutcome::Unanswered(it.to_string()),
                |it| call::CallOutcome::Answered(*it),
            ),
            took: begun.elapsed(),
            at: now,
        });
        match answered {
            Ok(200..300) => (format!("250 2.0.0 {} is posted", job.id), true),
            Ok(status @ (406 | 410)) => (format!("550 5.7.1 The webhook does not want it: {status}"), true),
            Ok(status) => (format!("451 4.4.1 The webhook answers {status}"), false),
            Err(reason) => (format!("451 4.4.1 The webhook cannot be reached: {reason}"), false),
        }
    }

    /// Posts a message again that is kept, under the name that it has. None if the domain's route posts to no webhook now.
    pub(crate) fn post_again(
        &self,
        envelope: &Envelope,
        id: DeliveryId,
        message: &[u8],
    ) -> Result<Option<String>, Error> {
        let Some(recipient) = envelope.recipients.first() else { return Ok(None) };
        let arrival = Arrival { is_released: true, ..Arrival::default() };
        let delivery = self.postroom.read(|tx| mail::deliver(tx, &recipient.address, &arrival))?;
        let Some(delivery) = delivery.filter(|delivery| matches!(delivery.way, Way::Post { .. })) else {
            return Ok(None);
        };
        let job = Job { at: 0, recipient, envelope, message, id, delivery };
        let place = self.places.take(job.delivery.domain, job.delivery.account, Instant::now());
        let Some(place) = place else { return Ok(Some(BUSY.to_owned())) };
        let (reply, is_well) = self.post(&job, &Head::read(message).summary());
        place.end(is_well, Instant::now());
        info!(id = %job.id, domain = %job.delivery.name, reply, "posted again");
        Ok(Some(reply))
    }
}
