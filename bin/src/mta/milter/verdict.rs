//! What the lists and the policies of a message's recipients come to.

use postroom::address::EmailAddress;
use postroom::db::ReadTx;
use postroom::error::Error;
use postroom::list::{ListOutcome, Tier};
use postroom::mail::{self, Addressee, Arrival, Judgement, Treatment};

/// Why a message is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A list of this tier blocks it.
    Blocked(Tier),
    /// A filter took it for spam.
    Spam,
}

/// Whether an address is a return path that this server made, which is there for delivery reports.
pub(super) fn takes_reports(tx: &ReadTx<'_>, address: &EmailAddress) -> Result<bool, Error> {
    let is_path = mail::is_return_path(address);
    Ok(is_path && matches!(mail::addressee(tx, address)?, Some(Addressee::ReturnPath { .. })))
}

/// What is decided about a message for a recipient; none if the recipient is no mailbox of ours.
pub(super) fn judgement(
    tx: &ReadTx<'_>,
    address: &EmailAddress,
    arrival: &Arrival,
) -> Result<Option<Judgement>, Error> {
    match mail::mailbox(tx, address)? {
        Some(mailbox) => mail::judge(tx, &mailbox, arrival),
        None => Ok(None),
    }
}

/// What is decided about a message for each recipient, where there is more to go by than at RCPT; else nothing.
pub(super) fn judgements(
    tx: &ReadTx<'_>,
    recipients: &[Option<EmailAddress>],
    arrival: &Arrival,
) -> Result<Vec<Option<Judgement>>, Error> {
    if arrival.authors.is_empty() && arrival.spam.is_none() {
        return Ok(Vec::new());
    }
    let judge = |it: &Option<EmailAddress>| it.as_ref().map_or(Ok(None), |it| judgement(tx, it, arrival));
    recipients.iter().map(judge).collect()
}

/// Whose list blocks it; none if it is not blocked.
pub(super) fn blocking_tier(judgement: &Judgement) -> Option<Tier> {
    let because = judgement.lists.because.as_ref();
    because.filter(|_| judgement.lists.outcome == ListOutcome::Blocked).map(|because| because.tier)
}

/// What refuses a message for everyone, if everyone's lists or policies do, or those of one recipient whose mail goes straight on to other
/// servers: that does not pass through the delivery here, which would hold it back.
///
/// There is one reply for all recipients (RFC 5321 section 4.2.5), so the others do not get the message either; but its sender is told of it
/// now. After 451 a mail server would try the same recipients again for days, for none divides a message because of that, and would tell
/// its sender then. Without this rule one more recipient would be enough to get past a list.
pub(super) fn refusal(
    tx: &ReadTx<'_>,
    recipients: &[Option<EmailAddress>],
    arrival: &Arrival,
    all: &[Option<Judgement>],
) -> Result<Option<Refusal>, Error> {
    let mut refusals = Vec::new();
    let mut goes_on = false;
    for (address, judged) in recipients.iter().zip(all) {
        let Some(address) = address else { continue };
        let refusal = match judged.as_ref().and_then(refusal_for) {
            // A report is not marked as spam.
            None if arrival.spam.is_some() && takes_reports(tx, address)? => Refusal::Spam,
            None => continue,
            Some(refusal) => refusal,
        };
        goes_on = goes_on || !mail::onward(tx, address.domain())?.is_empty();
        refusals.push(refusal);
    }
    let decides = goes_on || refusals.len() == all.len();
    let blocked = refusals.iter().find(|it| matches!(it, Refusal::Blocked(_)));
    Ok(blocked.or(refusals.first()).copied().filter(|_| decides))
}

/// What refuses it for one recipient.
fn refusal_for(judged: &Judgement) -> Option<Refusal> {
    let spam = (judged.spam == Some(Treatment::Block)).then_some(Refusal::Spam);
    blocking_tier(judged).map(Refusal::Blocked).or(spam)
}
