//! Whether a mailbox takes a message: what its lists say, and what is done with what a spam filter found.

use super::{Arrival, Mailbox};
use crate::account::Caller;
use crate::address::EmailAddress;
use crate::db::ReadTx;
use crate::domain::{self, Domain};
use crate::error::Error;
use crate::inbound::{self, AbusePolicy, Filtering, can_flag};
use crate::list::{self, ListOutcome, ListQuery, ListVerdict};
use crate::recipient::{self, FilterMode};

/// The header field that flags spam where a domain has not said which.
const FLAG: (&str, &str) = ("X-Spam-Flag", "YES");

/// What is decided about a message for one mailbox, before the domain's route is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What the lists say.
    pub lists: ListVerdict,
    /// What is done with it because a filter took it for spam; none if it did not, or if that does not matter for this mailbox.
    pub spam: Option<Treatment>,
}

/// What is done with spam.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// It is refused.
    Block,
    /// It gets this header field.
    Flag {
        /// The name of the field.
        name: String,
        /// What stands in it.
        value: String,
    },
    /// It is held back.
    Quarantine,
}

/// Judges a message for a mailbox. None if its domain is gone.
pub fn judge(tx: &ReadTx<'_>, mailbox: &Mailbox, arrival: &Arrival) -> Result<Option<Judgement>, Error> {
    let Some(holder) = domain::holder::by_id(tx, mailbox.domain)? else { return Ok(None) };
    let domain = domain::find(tx, &Caller::operator(holder.account), holder.id)?;
    let lists = list::verdict(tx, &domain, &query(mailbox, arrival))?;
    let spam = match (arrival.spam, lists.outcome) {
        (Some(usual), ListOutcome::None) if is_filtered(tx, &domain, mailbox)? => {
            Some(treatment(&inbound::filtering(tx, domain.id)?, usual))
        }
        _ => None,
    };
    Ok(Some(Judgement { lists, spam }))
}

/// What the lists say of a message, where those of all these recipients say the same; else nothing.
pub fn agreed(tx: &ReadTx<'_>, recipients: &[EmailAddress], arrival: &Arrival) -> Result<ListOutcome, Error> {
    let mut all = None;
    for recipient in recipients {
        let judged = match super::mailbox(tx, recipient)? {
            Some(mailbox) => judge(tx, &mailbox, arrival)?,
            None => None,
        };
        let outcome = judged.map_or(ListOutcome::None, |it| it.lists.outcome);
        if all.is_some_and(|before| before != outcome) {
            return Ok(ListOutcome::None);
        }
        all = Some(outcome);
    }
    Ok(all.unwrap_or(ListOutcome::None))
}

/// The message as lists look at it.
pub(super) fn query(mailbox: &Mailbox, arrival: &Arrival) -> ListQuery {
    ListQuery {
        envelope_sender: arrival.sender.clone(),
        header_from: arrival.authors.clone(),
        client_ip: arrival.client,
        ..ListQuery::to(mailbox.address.clone())
    }
}

/// A mailbox of which nothing is known is filtered, as a recipient is that is created.
fn is_filtered<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>, mailbox: &Mailbox) -> Result<bool, Error> {
    match recipient::find(tx, domain, &mailbox.address) {
        Ok(known) => Ok(known.filter == FilterMode::Filtered),
        Err(Error::NotFound(_)) => Ok(true),
        Err(error) => Err(error),
    }
}

/// What a domain does with spam. Its own policy does not hold if it says so, or has none.
fn treatment(filtering: &Filtering, usual: AbusePolicy) -> Treatment {
    let own = filtering.policy.filter(|_| filtering.overrides != Some(false));
    match own.unwrap_or(usual) {
        AbusePolicy::Block => Treatment::Block,
        AbusePolicy::Quarantine => Treatment::Quarantine,
        AbusePolicy::Flag => Treatment::Flag {
            // One that was saved before names were looked at flags nothing.
            name: filtering
                .header_name
                .clone()
                .filter(|it| can_flag(it))
                .unwrap_or_else(|| FLAG.0.to_owned()),
            value: filtering.header_value.clone().unwrap_or_else(|| FLAG.1.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_of_a_domain_holds_unless_it_says_that_it_does_not() {
        let filtering = |policy, overrides| Filtering { policy, overrides, ..Filtering::default() };
        for (filtering, wanted) in [
            (filtering(None, None), AbusePolicy::Quarantine),
            (filtering(Some(AbusePolicy::Block), None), AbusePolicy::Block),
            (filtering(Some(AbusePolicy::Block), Some(true)), AbusePolicy::Block),
            (filtering(Some(AbusePolicy::Block), Some(false)), AbusePolicy::Quarantine),
            (filtering(None, Some(true)), AbusePolicy::Quarantine),
        ] {
            let found = treatment(&filtering, AbusePolicy::Quarantine);
            let wanted = if wanted == AbusePolicy::Block { Treatment::Block } else { Treatment::Quarantine };
            assert_eq!(found, wanted, "{filtering:?}");
        }
        let named = Filtering { header_name: Some("X-Junk".into()), ..Filtering::default() };
        let flag = |name: &str| Treatment::Flag { name: name.into(), value: "YES".into() };
        assert_eq!(treatment(&named, AbusePolicy::Flag), flag("X-Junk"));
        assert_eq!(treatment(&Filtering::default(), AbusePolicy::Flag), flag("X-Spam-Flag"));
        let from = Filtering { header_name: Some("From".into()), ..Filtering::default() };
        assert_eq!(treatment(&from, AbusePolicy::Flag), flag("X-Spam-Flag"));
    }
}
