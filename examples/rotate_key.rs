//! Rotates a domain's DKIM key, a month in a moment: with a scripted DNS and a clock that is moved by hand.
//!
//! `cargo run --example rotate_key`

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use postroom::account::{self, Caller};
use postroom::clock::{ManualClock, Timestamp};
use postroom::db::{Options, Postroom};
use postroom::dkim::{DkimKey, pool};
use postroom::dns::{RecordData, ScriptedResolver};
use postroom::domain::{self, NewDomain};
use postroom::name::DomainName;
use postroom::rotation::{self, Stage};
use postroom::settings::Settings;
use postroom::verify;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_255_200_000)));
    let mut options = Options::new(Settings::for_server(&"mail.example.net".parse()?));
    options.clock = clock.clone();
    let postroom = Postroom::open(dir.path().join("postroom.db"), options)?;
    let dns = ScriptedResolver::new();
    let name: DomainName = "example.com".parse()?;
    // Its first key is wanted now: a pair is made for it, outside the transaction.
    let (caller, domain) = pool::write(&postroom, |tx| {
        let caller = Caller::operator(account::create(tx, "acme")?.id);
        let domain = domain::create(tx, &caller, &NewDomain::named(&name))?;
        domain::equip(tx, &domain)?;
        Ok::<_, postroom::error::Error>((caller, domain.into_details()))
    })?;
    // A `Domain` holds for one transaction: each finds it anew, as its caller sees it then.
    let status = || postroom.read(|tx| rotation::status(tx, &domain::find(tx, &caller, domain.id)?));
    let keys = || Ok::<_, Box<dyn Error>>(status()?.keys);
    let publish = |key: &DkimKey| {
        let value = key.public.record_value();
        let strings: Vec<&str> = [value.get(..255), value.get(255..)].into_iter().flatten().collect();
        dns.set(name.record(&key.selector.host()).as_str(), vec![RecordData::txt(&strings)]);
    };

    // The domain's first key signs as soon as its record is seen.
    keys()?.iter().for_each(publish);
    verify::check(&postroom, &caller, domain.id, &dns)?;
    say(&keys()?);

    // A new key, which waits for its record while the old one signs.
    let source =
        postroom.read(|tx| rotation::supply(tx, &domain::find(tx, &caller, domain.id)?))?.source()?;
    let started = pool::write(&postroom, |tx| {
        let domain = domain::find(tx, &caller, domain.id)?;
        rotation::start(tx, &caller, &domain, &source)
    })?;
    println!("{}:", started.stage.as_str());
    say(&started.keys);

    // The owner publishes it; a check sees it; a background thread takes the step.
    keys()?.iter().for_each(publish);
    verify::check(&postroom, &caller, domain.id, &dns)?;
    rotation::keep(&postroom)?;
    let Stage::Keeping { until } = status()?.stage else {
        return Err("the new key should sign now".into());
    };
    println!("the old record stays until {until}:");
    say(&keys()?);

    // A week later nobody needs the old one any more.
    clock.advance(Duration::from_hours(7 * 24));
    rotation::keep(&postroom)?;
    say(&keys()?);
    let done = status()?.stage;
    if done == Stage::Done { Ok(()) } else { Err(format!("it ended {}", done.as_str()).into()) }
}

fn say(keys: &[DkimKey]) {
    for key in keys {
        let state = match key {
            key if key.is_active() => "signs",
            key if key.released_at.is_some() => "safe to remove from the DNS",
            key if key.retired_at.is_some() => "retired, its record must stay",
            _ => "waits",
        };
        println!("    {} {state}", key.selector);
    }
}
