//! What would become of a message, from here to the mailbox, in one answer.

use super::judge::query;
use super::{Addressee, Arrival, Judgement, Treatment, addressee, is_ours, judge};
use crate::account::Caller;
use crate::address::EmailAddress;
use crate::db::ReadTx;
use crate::domain::{self, Details};
use crate::error::Error;
use crate::event::Event;
use crate::inbound::{self, Downstream};
use crate::list::{self, Explanation, ListOutcome, ListQuery};
use crate::name::DomainName;
use crate::recipient;
use crate::record::{self, Record};
use crate::route::{self, Route};
use crate::signing::{self, Assessment};

/// How many of the last changes are told.
const CHANGES: u32 = 5;

/// All that decides about mail for a domain, or for one address at it.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The domain; of an alias, the one to which it leads.
    pub domain: Details,
    /// Whether it acts: takes mail and sends it.
    pub acts: bool,
    /// What is known of the address, if one was asked for.
    pub address: Option<ExplainedAddress>,
    /// The domain's route.
    pub route: Route,
    /// The servers to which its mail goes on, where it is stored elsewhere; the preferred ones first.
    pub downstream: Vec<Downstream>,
    /// Its DNS records, as they were last seen.
    pub records: Vec<Record>,
    /// Which keys sign for it, and why it is not active.
    pub assessment: Assessment,
    /// What was changed last, the newest first.
    pub changes: Vec<Event>,
}

/// What becomes of a message for one address.
#[derive(Clone, Debug)]
pub struct ExplainedAddress {
    /// The address.
    pub address: EmailAddress,
    /// To whom it leads; none if it is unknown.
    pub addressee: Option<Addressee>,
    /// What is decided about the message, and which entries of lists matter for that.
    pub judged: Option<(Judgement, ListQuery, Explanation)>,
    /// Why a mail server refuses it, if it is the message's only recipient; none if the message is taken.
    pub not_taken: Option<NotTaken>,
}

/// Why a message is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// Nobody has the address.
    Unknown,
    /// A return path takes delivery reports alone, which have no sender.
    HasSender,
    /// A list blocks it.
    Blocked,
    /// A filter took it for spam.
    Spam,
}

impl NotTaken {
    fn of(addressee: Option<&Addressee>, judged: Option<&Judgement>, arrival: &Arrival) -> Option<NotTaken> {
        match (addressee, judged) {
            (None, _) => Some(NotTaken::Unknown),
            (Some(Addressee::ReturnPath { .. }), _) if arrival.sender.is_some() => Some(NotTaken::HasSender),
            (Some(Addressee::ReturnPath { .. }), _) => arrival.spam.map(|_| NotTaken::Spam),
            (_, Some(judged)) if judged.lists.outcome == ListOutcome::Blocked => Some(NotTaken::Blocked),
            (_, Some(judged)) if judged.spam == Some(Treatment::Block) => Some(NotTaken::Spam),
            _ => None,
        }
    }
}

/// Whether Postfix takes mail for this name only where its A-labels are written. It folds case before it looks a name up, which makes `ss`
/// of `ß` and another letter of a final `ς`, so that it looks up another name (Unicode, section 5.18).
pub fn needs_a_labels(name: &DomainName) -> bool {
    idna::domain_to_unicode(name.as_str()).0.contains(['\u{df}', '\u{3c2}'])
}

/// Explains what becomes of mail at a name: a domain of the caller's, or an alias of one. With an address, what becomes of that message
/// for it. One read, without any look-up in the DNS.
///
/// `Invalid` if the address is at another name: that may be somebody else's.
pub fn explain(
    tx: &ReadTx<'_>,
    caller: &Caller,
    name: &DomainName,
    message: Option<(&EmailAddress, &Arrival)>,
) -> Result<Explained, Error> {
    let domain = recipient::domain_of(tx, caller, name)?;
    if message.is_some_and(|(address, _)| address.domain() != name) {
        return Err(Error::invalid("address", format_args!("it must be an address at {name}")));
    }
    let address = match message {
        None => None,
        Some((address, arrival)) => {
            let addressee = addressee(tx, address)?;
            let judged = match &addressee {
                Some(Addressee::Mailbox(mailbox)) => {
                    let query = query(mailbox, arrival);
                    let explanation = list::explain(tx, &domain, &query)?;
                    judge(tx, mailbox, arrival)?.map(|judgement| (judgement, query, explanation))
                }
                _ => None,
            };
            let not_taken =
                NotTaken::of(addressee.as_ref(), judged.as_ref().map(|(judged, ..)| judged), arrival);
            Some(ExplainedAddress { address: address.clone(), addressee, judged, not_taken })
        }
    };
    Ok(Explained {
        acts: is_ours(tx, name)?,
        address,
        route: route::find(tx, &domain)?,
        downstream: inbound::downstream(tx, domain.id)?,
        records: record::list(tx, &domain)?,
        assessment: signing::find(tx, &domain)?,
        changes: domain::timeline(tx, &domain, None, CHANGES)?,
        domain: domain.into_details(),
    })
}
