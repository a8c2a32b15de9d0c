//! The plan of a check: what is expected of a domain's records, read before the DNS is asked.

use super::Expectation;
use super::proof::Wanted;
use crate::account::Caller;
use crate::db::ReadTx;
use crate::dkim::{self, DkimKey};
use crate::domain::{self, Details, Domain};
use crate::error::{Entity, Error};
use crate::id::{DkimKeyId, DomainId};
use crate::record::kind::Wish;
use crate::record::{self, Record};
use crate::{ownership, signing};

/// What is to be looked for: read in one transaction, good until settled in another.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) domain: Details,
    pub(super) records: Vec<Record>,
    /// One a record, in their order.
    pub(super) expected: Vec<Expectation>,
    /// What would prove that the account owns the name, where that is not known.
    pub(super) proof: Option<Wanted>,
}

impl Plan {
    /// The domain that is looked at.
    pub fn domain(&self) -> &Details {
        &self.domain
    }

    /// The records that are looked for.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// What is expected of each of them, in their order.
    pub fn expected(&self) -> &[Expectation] {
        &self.expected
    }
}

/// Reads what is expected of a domain's records.
pub fn plan(tx: &ReadTx<'_>, caller: &Caller, id: DomainId) -> Result<Plan, Error> {
    tx.foresee(|tx| {
        signing::foresee_records(tx, caller.account(), id);
        dkim::foresee(tx, id);
        ownership::foresee_challenge(tx, caller.account());
    });
    let domain = domain::find(tx, caller, id)?;
    let keys = dkim::list(tx, &domain)?;
    let (records, expected) = record::list(tx, &domain)?
        .into_iter()
        .filter_map(|record| expectation(tx, &domain, &record, &keys).map(|expected| (record, expected)))
        .unzip();
    let proof = Wanted::of(tx, &domain)?;
    Ok(Plan { domain: domain.into_details(), records, expected, proof })
}

/// Reads what is expected of the record of one of the domain's keys, also of one that nobody needs to publish now.
pub(crate) fn plan_key<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>, key: DkimKeyId) -> Result<Plan, Error> {
    let keys = dkim::list(tx, domain)?;
    let is_wanted = |record: &Record| record.dkim_key.as_ref().is_some_and(|published| published.id == key);
    let record = record::every(tx, domain)?.into_iter().find(is_wanted);
    let record = record.ok_or(Error::NotFound(Entity::DkimKey))?;
    let expected = expectation(tx, domain, &record, &keys).into_iter().collect();
    let proof = Wanted::of(tx, domain)?;
    Ok(Plan { domain: domain.details().clone(), records: vec![record], expected, proof })
}

fn expectation(tx: &ReadTx<'_>, domain: &Details, record: &Record, keys: &[DkimKey]) -> Option<Expectation> {
    Expectation::of(&Wish { name: record.name(domain), record, keys, settings: tx.settings() })
}
