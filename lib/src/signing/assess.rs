//! What a domain's records and its authority's keys say of it: a pure function.

use std::collections::HashMap;

use super::{Assessment, Reason, Severity, Signing, Unsigned, UnsignedCode};
use crate::domain::Details;
use crate::id::DomainId;
use crate::name::DomainName;
use crate::record::kind::{Need, OF_SIGNING_KEYS};
use crate::record::{PublishedKey, Purpose, Record, RecordStatus};
use crate::settings::Settings;

/// Finds out which keys sign for the domain and what keeps it from being active.
///
/// None of them signs for a name that may not act. Of its authority's DKIM keys a domain needs the records of those that sign. While none does, its DKIM is wrong, unless
/// the record to publish was left out manually.
pub(super) fn assess(
    domain: &Details,
    authority: Option<&DomainName>,
    acts: Acts,
    records: &HashMap<DomainId, Vec<Record>>,
    settings: &Settings,
) -> Assessment {
    let of = |id| records.get(&id).map_or(&[][..], Vec::as_slice);
    let keys: Vec<(&Record, &PublishedKey)> = of(domain.authority.unwrap_or(domain.id))
        .iter()
        .filter_map(|record| Some((record, record.dkim_key.as_ref()?)))
        .collect();
    let by = authority.unwrap_or(&domain.name);
    let active: Vec<_> = keys.iter().copied().filter(|(_, key)| key.is_active()).collect();
    let own = (acts.own, domain.id, &domain.name);
    let unproved = [own, (acts.authority, domain.authority.unwrap_or(domain.id), by)];
    let unproved = unproved.into_iter().find(|(acts, ..)| !acts);
    let unproved = unproved.map(|(_, id, name)| unproved_name(name, of(id)));
    let reason = if active.is_empty() { Some(unsigned(domain, authority, &keys)) } else { unproved.clone() };
    let signs: &[_] = if reason.is_none() { &active } else { &[] };
    let signing = Signing {
        by: by.clone(),
        selectors: signs
            .iter()
            .map(|(_, key)| key.published_as.as_ref().unwrap_or(&key.selector).clone())
            .collect(),
        since: signs.iter().filter_map(|(_, key)| key.activated_at).min(),
        reason,
    };
    let mut standings = Standings::default();
    match &signing.reason {
        None => signs.iter().for_each(|(record, key)| standings.key(by, record, key)),
        Some(unsigned) => {
            let next = next_to_sign(&keys).map(|(record, _)| record);
            let left_out = next.filter(|record| record.standing.status == RecordStatus::Disabled);
            let left_out = left_out.filter(|_| unsigned.code != UnsignedCode::Unproved);
            if let Some(record) = left_out {
                standings.record(by, record);
            } else {
                // What was found of the record says more than that it was not seen right.
                let problem = next.and_then(|record| record.problem.as_ref());
                let problem = problem.filter(|_| unsigned.code == UnsignedCode::NotSeen);
                let code = problem.map_or(unsigned.code.as_str(), |problem| &problem.code);
                standings.unsigned(code, &unsigned.text, Some(OF_SIGNING_KEYS));
                if let Some(record) = next {
                    standings.mark(by, record);
                }
            }
        }
    }
    if let Some(unproved) = unproved.filter(|unproved| signing.reason.as_ref() != Some(unproved)) {
        standings.unsigned(unproved.code.as_str(), &unproved.text, None);
    }
    for record in of(domain.id) {
        let needed = match record.purpose.kind().need {
            Need::Always => true,
            Need::IfSet(is_set) => is_set(settings),
            Need::OfSigningKeys => false,
        };
        if needed {
            standings.record(&domain.name, record);
        } else if record.dkim_key.is_none() {
            standings.mark(&domain.name, record);
        }
    }
    if standings.required.iter().all(|status| *status == RecordStatus::Disabled) {
        let text = "every record was left out manually; a domain needs one that is right";
        standings.reason("nothing_required", text.to_owned(), Severity::Fail, None);
    }
    let Standings { required, reasons } = standings;
    // What a person has marked verified may have been seen as well.
    let marked = |record: &Record, key: &PublishedKey| {
        key.seen && record.standing.pinned && record.standing.status == RecordStatus::Verified
    };
    let dkim_verified =
        signs.iter().any(|(record, key)| was_seen(record) || renamed(record, key) || marked(record, key));
    Assessment { signing, dkim_verified, reasons, required }
}

/// Whether the record was seen right in the DNS, and not lost since.
fn was_seen(record: &Record) -> bool {
    record.standing.status == RecordStatus::Verified && !record.standing.pinned
}

/// The key whose record is to be published while none signs, in the order of [`CURRENT_FIRST`](crate::dkim::table::CURRENT_FIRST).
fn next_to_sign<'a>(keys: &[(&'a Record, &'a PublishedKey)]) -> Option<(&'a Record, &'a PublishedKey)> {
    keys.iter().copied().max_by_key(|(_, key)| (key.starts_itself, key.retired_at.is_none(), key.id))
}

/// Whether the key signs under the selector that it had when its record was last seen.
fn renamed(record: &Record, key: &PublishedKey) -> bool {
    key.is_active() && key.published_as.is_some() && record.standing.status == RecordStatus::Pending
}

/// Whether a domain, and the one whose keys sign for it, may act.
#[derive(Clone, Copy)]
pub(super) struct Acts {
    pub(super) own: bool,
    pub(super) authority: bool,
}

/// Why nothing signs for a name that its account has not proved, and whose domain has these records.
fn unproved_name(name: &DomainName, records: &[Record]) -> Unsigned {
    let published = || records.iter().filter_map(|record| Some((record, record.dkim_key.as_ref()?)));
    let what = if published().count() > 0 && published().all(|(_, key)| key.imported) {
        "publish the challenge of its claim, for the record of an imported key proves nothing, and check it again"
    } else if published().any(|(record, _)| was_seen(record)) {
        "check it again; a DKIM record proves nothing that a wildcard makes, that the operator's own zone answers, or to which an alias \
         leads out of the domain: where that is so, publish the challenge of its claim first"
    } else {
        "publish its DKIM record in its own zone, or the challenge of its claim, and check it again"
    };
    let text = format!(
        "the account has not proved yet that {name} is its own, so {name} takes, sends and signs no mail; {what}"
    );
    Unsigned { code: UnsignedCode::Unproved, text }
}

/// Why no key is active that signs.
fn unsigned(domain: &Details, authority: Option<&DomainName>, keys: &[(&Record, &PublishedKey)]) -> Unsigned {
    let name = authority.unwrap_or(&domain.name);
    let (code, text) = if keys.is_empty() && authority.is_none() && domain.wants_key {
        (UnsignedCode::NoKey, format!("{name} has no DKIM key yet; the server makes it in the background"))
    } else if keys.is_empty() {
        (UnsignedCode::NoKey, format!("{name} has no DKIM key; create one and publish its record"))
    } else if keys.iter().any(|(_, key)| key.seen) {
        (UnsignedCode::NoActiveKey, format!("no DKIM key of {name} is active; activate one"))
    } else {
        let next = next_to_sign(keys);
        let problem = next.and_then(|(record, _)| record.problem.as_ref());
        let text = match (next, problem) {
            (_, Some(problem)) => format!("no DKIM key of {name} signs yet; {}", problem.text),
            (Some((record, key)), None) => {
                let then = if key.starts_itself {
                    "The key signs as soon as a check sees it.".to_owned()
                } else {
                    format!("Then activate the key {}.", key.selector)
                };
                let at = name.record(&record.host);
                format!("{name} does not sign yet: publish the DKIM record at {at}. {then}")
            }
            (None, None) => format!("no DKIM key of {name} signs yet"),
        };
        (UnsignedCode::NotSeen, text)
    };
    match authority {
        None => Unsigned { code, text },
        Some(name) => {
            let text = format!("the keys of {name} are to sign for {}; {text}", domain.name);
            Unsigned { code: UnsignedCode::AuthorityHasNone, text }
        }
    }
}

/// What is required, and what there is to say of it.
#[derive(Default)]
struct Standings {
    required: Vec<RecordStatus>,
    reasons: Vec<Reason>,
}

impl Standings {
    fn reason(&mut self, code: &str, text: String, severity: Severity, record: Option<Purpose>) {
        self.reasons.push(Reason { code: code.to_owned(), text, severity, record });
    }

    fn unsigned(&mut self, code: &str, text: &str, record: Option<Purpose>) {
        self.required.push(RecordStatus::Pending);
        self.reason(code, text.to_owned(), Severity::Fail, record);
    }

    /// The record of a key that signs.
    fn key(&mut self, by: &DomainName, record: &Record, key: &PublishedKey) {
        let Some(published) = key.published_as.as_ref().filter(|_| renamed(record, key)) else {
            return self.record(by, record);
        };
        self.required.push(RecordStatus::Verified);
        let text = format!(
            "the DKIM key of {by} signs under its earlier selector {published} until its record is seen at {}",
            by.record(&record.host)
        );
        self.reason("selector_not_seen", text, Severity::Warn, Some(OF_SIGNING_KEYS));
    }

    /// A record of the domain `of` that is needed.
    fn record(&mut self, of: &DomainName, record: &Record) {
        let status = record.standing.status;
        self.required.push(status);
        let what = described(of, record);
        let severity = match status {
            RecordStatus::Pending | RecordStatus::Failed => Severity::Fail,
            RecordStatus::Verified | RecordStatus::Disabled => Severity::Warn,
        };
        let purpose = Some(record.purpose);
        if record.standing.pinned {
            return self.marked(of, record, severity);
        }
        match (&record.problem, status) {
            (Some(problem), _) => self.reason(&problem.code, problem.text.clone(), severity, purpose),
            (None, RecordStatus::Pending) => {
                self.reason("record_pending", format!("{what} was not seen yet"), severity, purpose);
            }
            (None, RecordStatus::Failed) => {
                self.reason("record_failed", format!("{what} is lost"), severity, purpose);
            }
            (None, RecordStatus::Verified | RecordStatus::Disabled) => {}
        }
    }

    /// What a person has marked of a record on which the status does not rest.
    fn mark(&mut self, of: &DomainName, record: &Record) {
        if record.standing.pinned {
            self.marked(of, record, Severity::Warn);
        }
    }

    fn marked(&mut self, of: &DomainName, record: &Record, severity: Severity) {
        let (status, what) = (record.standing.status, described(of, record));
        let (code, text) = match status {
            RecordStatus::Disabled => ("left_out", format!("{what} was left out manually")),
            _ => ("marked_manually", format!("{what} was marked {status} manually; checks do not change it")),
        };
        self.reason(code, text, severity, Some(record.purpose));
    }
}

/// A record of the domain `of`, for a sentence.
fn described(of: &DomainName, record: &Record) -> String {
    let purpose = record.purpose.as_str().to_uppercase().replace('_', " ");
    format!("the {purpose} record ({} at {})", record.record_type(), of.record(&record.host))
}
