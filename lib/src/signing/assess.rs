//! What a domain's records and its authority's keys say of it: a pure function.

use std::collections::HashMap;

use super::table::Subject;
use super::{Assessment, Reason, Severity, Signing, Unsigned, UnsignedCode};
use crate::domain::Details;
use crate::id::DomainId;
use crate::name::DomainName;
use crate::record::kind::Need;
use crate::record::{PublishedKey, Purpose, Record, RecordStatus};
use crate::settings::Settings;

/// Finds out which keys sign for the domain and what keeps it from being active.
///
/// Of its authority's DKIM keys a domain needs the records of those that sign. While none does, its DKIM is wrong, unless
/// the record of the newest key was left out by hand.
pub(super) fn assess(
    subject: &Subject,
    records: &HashMap<DomainId, Vec<Record>>,
    settings: &Settings,
) -> Assessment {
    let domain = &subject.domain;
    let of = |id| records.get(&id).map_or(&[][..], Vec::as_slice);
    let keys: Vec<(&Record, &PublishedKey)> = of(domain.authority.unwrap_or(domain.id))
        .iter()
        .filter_map(|record| Some((record, record.dkim_key.as_ref()?)))
        .collect();
    let by = subject.authority.as_ref().unwrap_or(&domain.name);
    let active: Vec<_> = keys.iter().copied().filter(|(_, key)| key.is_active()).collect();
    let signing = Signing {
        by: by.clone(),
        selectors: active
            .iter()
            .map(|(_, key)| key.published_as.as_ref().unwrap_or(&key.selector).clone())
            .collect(),
        since: active.iter().filter_map(|(_, key)| key.activated_at).min(),
        reason: active.is_empty().then(|| unsigned(domain, subject.authority.as_ref(), &keys)),
    };
    let mut standings = Standings::default();
    match &signing.reason {
        None => active.iter().for_each(|(record, key)| standings.key(by, record, key)),
        Some(unsigned) => {
            let newest = keys.iter().max_by_key(|(_, key)| key.id).map(|(record, _)| *record);
            match newest.filter(|record| record.standing.status == RecordStatus::Disabled) {
                Some(left_out) => standings.record(by, left_out),
                None => standings.unsigned(unsigned),
            }
        }
    }
    for record in of(domain.id) {
        let needed = match record.purpose.kind().need {
            Need::Always => true,
            Need::IfSet(is_set) => is_set(settings),
            Need::OfSigningKeys => false,
        };
        if needed {
            standings.record(&domain.name, record);
        }
    }
    if standings.required.iter().all(|status| *status == RecordStatus::Disabled) {
        let text = "every record was left out by hand; a domain needs one that is right";
        standings.reason("nothing_required", text.to_owned(), Severity::Fail, None);
    }
    let Standings { required, reasons } = standings;
    let dkim_verified = active.iter().any(|(record, key)| was_seen(record) || renamed(record, key));
    Assessment { signing, dkim_verified, reasons, required }
}

/// Whether the record was seen right in the DNS, and not lost since.
fn was_seen(record: &Record) -> bool {
    record.standing.status == RecordStatus::Verified && !record.standing.pinned
}

/// Whether the key signs under the selector that it had when its record was last seen.
fn renamed(record: &Record, key: &PublishedKey) -> bool {
    key.is_active() && key.published_as.is_some() && record.standing.status == RecordStatus::Pending
}

/// Why no key signs. It is not in here whether the account has proved the domain: that is for who knows of proof.
fn unsigned(domain: &Details, authority: Option<&DomainName>, keys: &[(&Record, &PublishedKey)]) -> Unsigned {
    let name = authority.unwrap_or(&domain.name);
    let ever_seen = |record: &Record| {
        matches!(record.standing.status, RecordStatus::Verified | RecordStatus::Failed)
            && !record.standing.pinned
    };
    let (code, text) = if keys.is_empty() {
        (UnsignedCode::NoKey, format!("{name} has no DKIM key; create one and publish its record"))
    } else if keys.iter().any(|(record, _)| ever_seen(record)) {
        (UnsignedCode::NoActiveKey, format!("no DKIM key of {name} is active; activate one"))
    } else {
        let newest = keys.iter().max_by_key(|(_, key)| key.id);
        let place = newest.map_or(String::new(), |(record, _)| format!(" at {}", name.record(&record.host)));
        let text = format!(
            "no DKIM key of {name} signs, for its record was not seen yet; publish the record{place}, verify the \
             domain, and activate the key if it is not its first"
        );
        (UnsignedCode::NotSeen, text)
    };
    match authority {
        None => Unsigned { code, text },
        Some(name) => {
            let text = format!("the keys of {name} are to sign for {}: {text}", domain.name);
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

    fn unsigned(&mut self, unsigned: &Unsigned) {
        self.required.push(RecordStatus::Pending);
        let text = unsigned.text.clone();
        self.reason(unsigned.code.as_str(), text, Severity::Fail, Some(Purpose::Dkim));
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
        self.reason("selector_not_seen", text, Severity::Warn, Some(Purpose::Dkim));
    }

    /// A record of the domain `of` that is needed.
    fn record(&mut self, of: &DomainName, record: &Record) {
        let status = record.standing.status;
        self.required.push(status);
        let (name, kind) = (of.record(&record.host), record.record_type());
        let what = format!("the {} record ({kind} at {name})", label(record.purpose));
        let severity = match status {
            RecordStatus::Pending | RecordStatus::Failed => Severity::Fail,
            RecordStatus::Verified | RecordStatus::Disabled => Severity::Warn,
        };
        let purpose = Some(record.purpose);
        if record.standing.pinned {
            let (code, text) = match status {
                RecordStatus::Disabled => ("left_out", format!("{what} was left out manually")),
                _ => (
                    "marked_manually",
                    format!("{what} was marked {status} manually; checks do not change it"),
                ),
            };
            return self.reason(code, text, severity, purpose);
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
}

fn label(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Mx => "MX",
        Purpose::Spf => "SPF",
        Purpose::Dmarc => "DMARC",
        Purpose::Dkim => "DKIM",
        Purpose::ReturnPath => "return path",
    }
}
