//! How much there is in a database, of all accounts together: for the operator's graphs and alerts.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::census;
//!
//! let census = postroom.read(census::take)?;
//! println!("{census:?}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod table;

use crate::db::ReadTx;
use crate::domain::DomainStatus;
use crate::error::Error;

/// Numbers of what is in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Census {
    /// The domains of each status; a status that no domain has is there with 0.
    pub domains: Vec<(DomainStatus, u64)>,
    /// The domains whose next check is overdue by more than five minutes: the schedule does not keep up, or does not run.
    pub overdue: u64,
    /// The records with a problem at their last check, by its code.
    pub problems: Vec<(String, u64)>,
    /// The rows of each kind of thing.
    pub things: Vec<(Thing, u64)>,
}

/// A kind of thing that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Thing {
    /// Accounts.
    Accounts,
    /// Names whose mail is treated as a domain's.
    Aliases,
    /// Answers that are kept for repeats.
    KeptAnswers,
    /// Entries of safelists and blocklists.
    ListEntries,
    /// Recipients.
    Recipients,
    /// Reported messages.
    Reports,
    /// Spare key pairs.
    SpareKeys,
    /// Domain tokens.
    Tokens,
}

impl Thing {
    /// The word for it, in the plural.
    pub fn as_str(self) -> &'static str {
        match self {
            Thing::Accounts => "accounts",
            Thing::Aliases => "aliases",
            Thing::KeptAnswers => "kept_answers",
            Thing::ListEntries => "list_entries",
            Thing::Recipients => "recipients",
            Thing::Reports => "reports",
            Thing::SpareKeys => "spare_keys",
            Thing::Tokens => "tokens",
        }
    }
}

/// Counts what there is now. It looks at every row of some tables, so it is for the operator, and not for each request.
pub fn take(tx: &ReadTx<'_>) -> Result<Census, Error> {
    let counted = table::domains(tx)?;
    let of = |status| counted.iter().find(|(found, _)| *found == status).map_or(0, |(_, number)| *number);
    let statuses = [DomainStatus::Pending, DomainStatus::Active, DomainStatus::Failed];
    Ok(Census {
        domains: statuses.into_iter().map(|status| (status, of(status))).collect(),
        overdue: table::overdue(tx)?,
        problems: table::problems(tx)?,
        things: table::things(tx)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{self, Caller};
    use crate::db::Postroom;
    use crate::domain::{self, NewDomain};

    #[test]
    fn every_thing_is_counted_over_all_accounts() {
        let postroom = Postroom::open_temporary().unwrap();
        postroom
            .write(|tx| {
                for (account, name) in [("acme", "example.com"), ("other", "example.org")] {
                    let caller = Caller::operator(account::create(tx, account)?.id);
                    domain::create(tx, &caller, &NewDomain::named(&name.parse()?))?;
                }
                Ok::<_, Error>(())
            })
            .unwrap();
        let census = postroom.read(take).unwrap();
        let numbers: Vec<u64> = census.domains.iter().map(|(_, number)| *number).collect();
        assert_eq!(numbers, [2, 0, 0]);
        assert!(census.things.contains(&(Thing::Accounts, 2)), "{census:?}");
        assert_eq!((census.overdue, census.problems.len()), (0, 0));
    }
}
