//! Verification: whether a domain's records are in the DNS as they must be, and what to do where they are not.
//!
//! Three steps, so that no transaction is open while the network is asked: [`plan`] reads what is expected,
//! [`look`] asks the DNS and judges, [`settle`] writes the outcome. [`check`] is the three in a row.
//!
//! - [`judge`](mod@judge): a pure function of what is expected and what was seen to a [`Finding`].
//! - `explain`: the few further look-ups that tell a usual mistake from a mere absence.
//! - [`decide`]: what a finding does to a status; the state machine.

pub mod decide;
mod expect;
mod explain;
mod finding;
pub mod judge;

use crate::account::Caller;
use crate::db::{Postroom, ReadTx, WriteTx};
use crate::dns::Resolver;
use crate::domain::{self, Domain};
use crate::error::Error;
use crate::event::{self, Action};
use crate::id::DomainId;
use crate::record::{self, Problem, Purpose, Record};
use crate::{dkim, dns};

pub use expect::{DkimExpectation, Expectation};
pub use finding::{Code, Finding, Verdict};

/// What is to be looked for: read in one transaction, good until settled in another.
#[derive(Clone, Debug)]
pub struct Plan {
    domain: Domain,
    items: Vec<(Record, Expectation)>,
}

impl Plan {
    /// The domain that is looked at.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The records that are looked for, with what is expected of each.
    pub fn items(&self) -> &[(Record, Expectation)] {
        &self.items
    }
}

/// A record as it stands after a check, and what the check found.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The record, with its new standing.
    pub record: Record,
    /// What was found.
    pub finding: Finding,
}

/// Reads what is expected of a domain's records.
pub fn plan(tx: &ReadTx<'_>, caller: &Caller, id: DomainId) -> Result<Plan, Error> {
    let domain = domain::find(tx, caller, id)?;
    let keys = dkim::list(tx, &domain)?;
    let items = record::list(tx, &domain)?
        .into_iter()
        .filter_map(|record| Expectation::of(&domain, &record, &keys).map(|expected| (record, expected)))
        .collect();
    Ok(Plan { domain, items })
}

/// Asks the DNS, all look-ups side by side, and judges: one finding an item of the plan, in its order.
///
/// Takes as long as the resolver's limits for two runs at most; call it outside any transaction.
pub fn look(plan: &Plan, resolver: &dyn Resolver) -> Vec<Finding> {
    let questions: Vec<dns::Question> = plan.items.iter().map(|(_, expected)| expected.question()).collect();
    let sightings = resolver.look(&questions);
    let mut findings: Vec<Finding> = plan
        .items
        .iter()
        .zip(&sightings)
        .map(|((_, expected), sighting)| judge::sighting(expected, sighting))
        .collect();
    explain::refine(plan, &mut findings, resolver);
    findings
}

/// Writes what was found. A record that was changed or deleted since the plan was made is left alone.
pub fn settle(
    tx: &WriteTx<'_>,
    caller: &Caller,
    plan: &Plan,
    findings: &[Finding],
) -> Result<Vec<Checked>, Error> {
    let domain = domain::find(tx, caller, plan.domain.id)?;
    let mut records = record::list(tx, &domain)?;
    let mut proved = false;
    let mut checked = Vec::with_capacity(findings.len());
    for ((planned, _), finding) in plan.items.iter().zip(findings) {
        let Some(record) = records.iter_mut().find(|record| is_same_wish(record, planned)) else {
            continue;
        };
        note(tx, caller, &domain, record, finding)?;
        proved |= finding.verdict.passes();
        checked.push(Checked { record: record.clone(), finding: finding.clone() });
    }
    let required: Vec<_> = records
        .iter()
        .filter(|record| record.purpose != Purpose::ReturnPath || tx.settings().return_path_required)
        .map(|record| record.standing.status)
        .collect();
    let status = decide::domain(domain.status, &required);
    if status != domain.status || (proved && domain.proved_at.is_none()) {
        let proved_at = domain.proved_at.or(proved.then(|| tx.now()));
        domain::table::set_status(tx, domain.id, status, proved_at)?;
    }
    if status != domain.status {
        let detail = format!("{} to {status}", domain.status);
        event::write(
            tx,
            domain.account,
            caller.actor(),
            Action::DomainStatusChanged,
            &domain.name,
            Some(&detail),
        )?;
    }
    Ok(checked)
}

/// [`plan`], [`look`] and [`settle`].
pub fn check(
    postroom: &Postroom,
    caller: &Caller,
    id: DomainId,
    resolver: &dyn Resolver,
) -> Result<Vec<Checked>, Error> {
    let plan = postroom.read(|tx| plan(tx, caller, id))?;
    let findings = look(&plan, resolver);
    postroom.write(|tx| settle(tx, caller, &plan, &findings))
}

/// Whether a record still asks for what was looked for.
fn is_same_wish(now: &Record, planned: &Record) -> bool {
    now.id == planned.id && now.host == planned.host && now.value == planned.value
}

fn note(
    tx: &WriteTx<'_>,
    caller: &Caller,
    domain: &Domain,
    record: &mut Record,
    finding: &Finding,
) -> Result<(), Error> {
    let was = record.standing.status;
    record.standing = decide::record(&record.standing, finding.verdict, tx.now(), tx.settings().loss);
    record.checked_at = Some(tx.now());
    record.observed.clone_from(&finding.seen);
    record.problem =
        finding.code.map(|code| Problem { code: code.as_str().to_owned(), text: finding.text.clone() });
    let check = record::table::Check {
        standing: &record.standing,
        at: tx.now(),
        observed: record.observed.as_deref(),
        problem: record.problem.as_ref(),
    };
    record::table::note_check(tx, record.id, &check)?;
    let status = record.standing.status;
    if status == was {
        return Ok(());
    }
    let detail = format!("{} {}: {was} to {status}", record.purpose.as_str(), record.host);
    event::write(
        tx,
        domain.account,
        caller.actor(),
        Action::RecordStatusChanged,
        &domain.name,
        Some(&detail),
    )?;
    domain::table::touch(tx, domain.id)?;
    // The first key signs as soon as the world can verify it.
    if let Some((key, _)) = &record.dkim_key
        && finding.verdict.passes()
        && let Some(selector) = dkim::table::activate_first(tx, *key)?
    {
        let detail = format!("selector {selector}");
        event::write(
            tx,
            domain.account,
            caller.actor(),
            Action::DkimKeyActivated,
            &domain.name,
            Some(&detail),
        )?;
    }
    Ok(())
}
