//! Settling: writes what a check found, and brings the statuses of records and domains to what follows from it.

use std::collections::BTreeSet;

use super::{Finding, Inside, Look, Plan, Seen, View, decide, schedule};
use crate::account::Caller;
use crate::db::WriteTx;
use crate::dkim::life;
use crate::dns::Server;
use crate::domain::{self, Domain};
use crate::error::{Entity, Error};
use crate::event::Change;
use crate::history::{self, Counted};
use crate::id::RecordId;
use crate::name::DnsName;
use crate::record::{self, Problem, Record, RecordStatus};
use crate::signing;

/// The most characters of an observed value that an operator gives.
const MAX_OBSERVED_CHARS: usize = 4096;

/// So many servers at most are named in the audit log.
const MAX_SERVERS: usize = 8;

/// A record as it stands after a check, and what the check found.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The record, with its new standing.
    pub record: Record,
    /// What was found.
    pub finding: Finding,
    /// What each server said.
    pub views: Vec<View>,
    /// What the operator sees instead, where name servers inside the operator's own networks answered.
    pub inside: Option<Inside>,
}

impl Checked {
    /// As the operator sees it. Never for an answer to anybody else.
    #[must_use]
    pub fn for_operator(mut self) -> Checked {
        if let Some(Inside { finding, views }) = self.inside.take() {
            (self.finding, self.views) = (finding, views);
        }
        self
    }
}

/// Why a check changes a status: what was found, and who said so.
struct Reason<'a> {
    finding: &'a Finding,
    /// The servers whose answer alone comes to the same.
    servers: Vec<&'a Server>,
}

impl<'a> Reason<'a> {
    fn of(finding: &'a Finding, views: &'a [View]) -> Reason<'a> {
        let says_so = |view: &&View| {
            let (alone, all) = (view.finding.verdict, finding.verdict);
            alone == all || (alone.passes() && all.passes())
        };
        Reason { finding, servers: views.iter().filter(says_so).map(|view| &view.answer.server).collect() }
    }

    /// The servers as the audit log names them.
    fn servers(&self) -> Vec<String> {
        self.servers.iter().take(MAX_SERVERS).map(ToString::to_string).collect()
    }
}

/// Writes what was found, and that the domain is proved if that was seen. A record that was changed or deleted since the plan
/// was made is left alone.
pub fn settle(tx: &WriteTx<'_>, caller: &Caller, plan: &Plan, seen: &Seen) -> Result<Vec<Checked>, Error> {
    let Seen { looks, proof, .. } = seen;
    tx.foresee(|tx| signing::foresee_records(tx, caller.account(), plan.domain.id));
    let domain = domain::find(tx, caller, plan.domain.id)?;
    let mut records = record::every(tx, &domain)?;
    let keys_before = how_keys_stand(&records);
    let mut checked = Vec::with_capacity(looks.len());
    for (planned, look) in plan.records.iter().zip(looks) {
        let Some(record) = records.iter_mut().find(|record| is_same_wish(record, planned)) else { continue };
        note(tx, caller, &domain, record, &Reason::of(&look.finding, &look.views))?;
        let Look { finding, views, inside, .. } = look.clone();
        checked.push(Checked { record: record.clone(), finding, views, inside });
    }
    // The claim that was to be proved, and not another one to which the name has gone meanwhile.
    let is_same = |domain: &Domain<'_>| {
        (&domain.name, domain.account, domain.claimed_at)
            == (&plan.domain.name, plan.domain.account, plan.domain.claimed_at)
    };
    if let Some(by) = (*proof).filter(|_| is_same(&domain)) {
        signing::prove(tx, caller.actor(), &domain, by.as_str())?;
    }
    history::note(tx, domain.account, Counted::Check)?;
    note_servers(tx, &domain, looks)?;
    tx.foresee(|tx| signing::foresee_records(tx, domain.account, domain.id));
    let status = if how_keys_stand(&records) == keys_before {
        signing::follow_alone(tx, caller.actor(), domain.id)?
    } else {
        signing::follow(tx, caller.actor(), domain.id)?
    };
    schedule::reschedule(tx, caller, &domain, status, &records)?;
    Ok(checked)
}

/// What the statuses of those rest on that a domain's keys sign for: of each key how its record stands, whether it signs, and whether that
/// is under an earlier selector.
fn how_keys_stand(records: &[Record]) -> Vec<(RecordStatus, bool, bool)> {
    let keys = records.iter().filter_map(|record| Some((record, record.dkim_key.as_ref()?)));
    keys.map(|(record, key)| (record.standing.status, key.is_active(), key.published_as.is_some())).collect()
}

/// Keeps the names of the zone's name servers, if some were asked: they tell people at which provider they enter records.
fn note_servers<'t>(tx: &WriteTx<'t>, domain: &Domain<'t>, looks: &[Look]) -> Result<(), Error> {
    let servers = looks.iter().flat_map(|look| &look.views).filter_map(|view| match &view.answer.server {
        Server::Authoritative { name, .. } => Some(name),
        _ => None,
    });
    let servers: BTreeSet<&DnsName> = servers.collect();
    if servers.is_empty() { Ok(()) } else { domain::table::set_name_servers(tx, domain.id, &servers) }
}

/// Marks a record manually: sets its status without a check, and pins it there; `Pending` unpins it, and
/// the next check decides.
///
/// A manual mark is no proof: it never counts against another account's claim to the name.
pub fn mark<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    id: RecordId,
    word: RecordStatus,
    observed: Option<&str>,
) -> Result<(), Error> {
    if observed.is_some_and(|text| text.chars().count() > MAX_OBSERVED_CHARS) {
        let reason = format_args!("it is longer than {MAX_OBSERVED_CHARS} characters");
        return Err(Error::invalid("observed_value", reason));
    }
    if observed.is_some_and(|text| text.chars().any(char::is_control)) {
        return Err(Error::invalid("observed_value", "it has a control character, such as a line break"));
    }
    let mut records = record::every(tx, domain)?;
    let record = records.iter_mut().find(|record| record.id == id).ok_or(Error::NotFound(Entity::Record))?;
    if record.dkim_key.is_some() {
        domain::check_signs_for_own(tx, caller, domain)?;
    }
    let was = record.standing.status;
    record.standing = decide::mark(word);
    if let Some(text) = observed {
        record.observed = Some(text.to_owned());
    }
    record.problem = None;
    write_standing(tx, record)?;
    let change = Change::RecordMarked {
        domain: domain.into(),
        record: record.id,
        kind: record.purpose.as_str().to_owned(),
        host: record.host.clone(),
        from: was.to_string(),
        to: word.to_string(),
    };
    tx.tell(caller.actor(), domain.account, &change)?;
    let status = signing::follow(tx, caller.actor(), domain.id)?;
    if word == RecordStatus::Pending {
        // What the operator gives back to the checks is looked at soon.
        domain::table::set_next_check(tx, domain.id, tx.now() + domain::FIRST_CHECK_AFTER, 0)?;
        return Ok(());
    }
    schedule::reschedule(tx, caller, domain, status, &records)
}

/// Brings the domain's status to what its records and keys say, after a change of its keys.
pub(crate) fn follow_keys<'t>(tx: &WriteTx<'t>, caller: &Caller, domain: &Domain<'t>) -> Result<(), Error> {
    let domain = domain::find(tx, caller, domain.id)?;
    let records = record::every(tx, &domain)?;
    let status = signing::follow(tx, caller.actor(), domain.id)?;
    domain::table::touch(tx, domain.id)?;
    // What its keys sign for rests on them as well, and is looked at soon.
    domain::table::check_dependents_by(tx, domain.id, tx.now())?;
    schedule::reschedule(tx, caller, &domain, status, &records)
}

/// Whether a record still asks for what was looked for.
fn is_same_wish(now: &Record, planned: &Record) -> bool {
    now.id == planned.id && now.host == planned.host && now.value == planned.value
}

/// Writes what one check found of one record, and what follows from it.
fn note<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    record: &mut Record,
    reason: &Reason<'_>,
) -> Result<(), Error> {
    let finding = reason.finding;
    let was = record.standing.status;
    record.standing = decide::record(&record.standing, finding.verdict, tx.now(), tx.settings().loss);
    record.checked_at = Some(tx.now());
    if !record.standing.pinned {
        record.observed.clone_from(&finding.seen);
    }
    let code = finding.code.map(|code| code.as_str().to_owned());
    record.problem =
        code.map(|code| Problem { code, text: finding.text.clone(), action: finding.action.clone() });
    write_standing(tx, record)?;
    if let Some(key) = record.dkim_key.as_mut().filter(|_| finding.verdict.passes()) {
        if !std::mem::replace(&mut key.seen, true) {
            life::note_seen(tx, key.id)?;
        }
        if key.published_as.take().is_some() {
            life::sign_under_selector(tx, key.id)?;
        }
    }
    let status = record.standing.status;
    if status == was {
        return Ok(());
    }
    let change = Change::RecordStatusChanged {
        domain: domain.into(),
        record: record.id,
        kind: record.purpose.as_str().to_owned(),
        host: record.host.clone(),
        from: was.to_string(),
        to: status.to_string(),
        finding: finding.code.map(|code| code.as_str().to_owned()),
        servers: Some(reason.servers()),
        failures: Some(record.standing.failures),
    };
    tx.tell(caller.actor(), domain.account, &change)?;
    domain::table::touch(tx, domain.id)?;
    // A first key signs as soon as the world can verify it.
    if let Some(key) = &mut record.dkim_key
        && finding.verdict.passes()
        && life::start_itself(tx, caller, domain, key.id)?
    {
        key.activated_at = Some(tx.now());
    }
    Ok(())
}

fn write_standing(tx: &WriteTx<'_>, record: &Record) -> Result<(), Error> {
    let check = record::table::Check {
        standing: &record.standing,
        at: record.checked_at,
        observed: record.observed.as_deref(),
        problem: record.problem.as_ref(),
    };
    record::table::note_check(tx, record.id, &check)
}
