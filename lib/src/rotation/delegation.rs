//! Delegated keys: a domain publishes two CNAMEs once, and its keys take turns in the operator's zone.

use std::fmt::Write;
use std::time::Duration;

use super::{RotationView, Step, begin, status, table};
use crate::account::Caller;
use crate::db::{ReadTx, WriteTx};
use crate::dkim::{DkimKey, Source, life};
use crate::domain::{self, Domain};
use crate::error::Error;
use crate::keyring;
use crate::name::{DnsName, Selector};
use crate::ownership::{self, Held};
use crate::record;

/// The selectors of a domain's delegated keys, which take turns.
pub const DELEGATED_SELECTORS: [&str; 2] = ["pdk1", "pdk2"];

/// Makes the domain's two delegated keys; the first of them takes over when its owner has published the CNAMEs. Where one of them is
/// there and the other was deleted, that one is made anew.
///
/// `Invalid` if the operator has configured no zone for them, or a rotation is under way before there is any. `NoSpareKey` if the pool has too
/// few pairs: see [`pool::write`](crate::dkim::pool::write).
pub fn delegate<'t>(tx: &WriteTx<'t>, caller: &Caller, domain: &Domain<'t>) -> Result<RotationView, Error> {
    domain::check_signs_for_own(tx, caller, domain)?;
    let mut now = status(tx, domain)?;
    let is_missing = |word: &&str| {
        let has = |key: &DkimKey| key.delegated_to.is_some() && key.selector.as_str() == *word;
        !now.keys.iter().any(has)
    };
    let missing: Vec<&str> = DELEGATED_SELECTORS.into_iter().filter(is_missing).collect();
    if missing.is_empty() {
        return Ok(now);
    }
    let no_zone = "the operator has set no zone for delegated keys (dkim.delegation_zone)";
    let zone = tx.settings().delegation_zone.as_ref().ok_or_else(|| Error::invalid("delegation", no_zone))?;
    let was_delegated = now.is_delegated();
    if !was_delegated {
        now.stage
            .after(Step::Begin, tx.now(), tx.settings().keep_retired_for)
            .map_err(|refusal| Error::invalid("rotation", refusal))?;
    }
    // Whether the second one has room, and a spare pair, shows when the first one is there.
    tx.part(|| {
        let mut new = Vec::with_capacity(missing.len());
        for word in missing {
            new.push(add_delegated(tx, caller, domain, word, zone)?);
        }
        let current = keyring::current(&now.keys).filter(|key| key.is_active()).cloned();
        match (new.first().filter(|_| !was_delegated), current) {
            (Some(first), Some(current)) => {
                begin(tx, caller, domain, &mut now.rotation, first, Some(&current))
            }
            // Nothing signs yet that it could take over from.
            (Some(first), None) => life::let_it_alone_start_itself(tx, domain, first),
            (None, _) => Ok(()),
        }
    })?;
    status(tx, domain)
}

/// `Invalid` if the domain's keys are delegated. Its owner ends that with keys of its own.
pub fn check_not_delegated<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>) -> Result<(), Error> {
    if !status(tx, domain)?.is_delegated() {
        return Ok(());
    }
    let reason = "the domain's keys are delegated; to end that, make another key and activate it, then deactivate and delete the \
                  delegated ones";
    Err(Error::invalid("delegation", reason))
}

/// Makes a delegated key, whose record is to be in `zone`.
fn add_delegated<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    word: &str,
    zone: &DnsName,
) -> Result<DkimKey, Error> {
    let selector: Selector = word.parse()?;
    // The domain's number and not its name: that may be too long to stand below the zone, or change.
    let target: DnsName = format!("{word}._domainkey.{}.{zone}", domain.id)
        .parse()
        .map_err(|e: crate::name::InvalidName| e.of("delegation"))?;
    Ok(keyring::add(tx, caller, domain, &selector, &Source::Pool, Some(&target))?.key)
}

/// The operator's zone of delegated keys, as a zone file: with SOA and NS where `servers` says which serve it, else a
/// fragment for the zone's own file.
pub fn delegated_zone(tx: &ReadTx<'_>, servers: &[DnsName]) -> Result<String, Error> {
    let zone = tx.settings().delegation_zone.clone();
    let zone =
        zone.ok_or_else(|| Error::invalid("delegation", "no zone is configured for delegated keys"))?;
    // A name that does not act has no key in the operator's zone.
    let keys = table::delegated(tx)?;
    let held: Vec<Held<'_>> = keys.iter().map(|(_, _, holder)| holder.into()).collect();
    let acts = ownership::acting(tx, &held)?;
    let keys = keys.iter().zip(acts).filter(|(_, acts)| *acts).map(|(key, _)| key);
    let mut text = format!("; delegated DKIM keys, in {zone}\n");
    // Writing to a String cannot fail.
    if let Some(first) = servers.first() {
        // The time as its serial, so that each printing counts as newer (RFC 1982).
        let serial = tx.now().millis() / 1000;
        let _ =
            writeln!(text, "{zone}. 3600 IN SOA {first}. hostmaster.{zone}. {serial} 7200 1800 1209600 300");
        for server in servers {
            let _ = writeln!(text, "{zone}. 3600 IN NS {server}.");
        }
    }
    for (name, public, _) in keys.filter(|(name, ..)| name.is_within(&zone)) {
        let _ = writeln!(text, "{name}. 300 IN TXT {}", record::strings(&public.record_value()));
    }
    Ok(text)
}

/// The delegated key that does not sign and never has.
pub(super) fn next_delegated(keys: &[DkimKey], keep: Duration) -> Result<&DkimKey, Error> {
    let waiting = || keys.iter().filter(|key| key.delegated_to.is_some() && !key.is_active());
    if let Some(fresh) = waiting().find(|key| key.retired_at.is_none()) {
        return Ok(fresh);
    }
    let Some(retired_at) = waiting().filter_map(|key| key.retired_at).min() else {
        let reason = "one of the two delegated keys was deleted; delegate the domain's keys again, which makes it anew";
        return Err(Error::invalid("rotation", reason));
    };
    let until = retired_at + keep;
    let reason =
        format_args!("the previous key is kept for mail on its way; the next rotation can begin at {until}");
    Err(Error::invalid("rotation", reason))
}
