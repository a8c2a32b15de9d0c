//! Postroom inside another program: an account, a domain, the records to publish, and a look at the DNS.
//!
//! `cargo run --example embed`

use std::collections::BTreeMap;
use std::error::Error;

use postroom::account::{self, Caller};
use postroom::db::{Options, Postroom};
use postroom::dkim::pool;
use postroom::dns::{RecordData, ScriptedResolver};
use postroom::name::DnsName;
use postroom::provision::{self, NewDomain};
use postroom::record::{self, zone_fragment};
use postroom::settings::Settings;
use postroom::verify;

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::temp_dir().join(format!("postroom-embed-{}.db", std::process::id()));
    let postroom = Postroom::open(&file, Options::new(Settings::for_server(&"mail.example.net".parse()?)))?;

    // Operations take a transaction first, so several go into one. This one ends with the domain's DKIM key, for which a pair
    // is made before, outside the transaction.
    let name = "example.com".parse()?;
    let (caller, domain, records) = pool::write(&postroom, |tx| {
        let caller = Caller::operator(account::create(tx, "acme")?.id);
        let domain = provision::create(tx, &caller, &NewDomain::named(&name))?;
        provision::equip(tx, &domain)?;
        let records = record::list(tx, &domain)?;
        // A `Domain` ends with its transaction; what there is to show of it can be kept.
        Ok::<_, postroom::error::Error>((caller, domain.into_details(), records))
    })?;
    println!("{}", zone_fragment(&domain, &records));

    // A script stands in for the DNS here; `NetworkResolver` asks the real one.
    let dns = ScriptedResolver::new();
    // MX and SPF stand at the same name.
    let mut zone: BTreeMap<DnsName, Vec<RecordData>> = BTreeMap::new();
    for record in &records {
        let data = match record.priority {
            Some(preference) => RecordData::Mx { preference, exchange: record.value.parse()? },
            None if record.host == record::RETURN_PATH_HOST => RecordData::Cname(record.value.parse()?),
            None => RecordData::txt(&[&record.value]),
        };
        zone.entry(record.name(&domain)).or_default().push(data);
    }
    for (name, records) in zone {
        dns.set(name.as_str(), records);
    }
    for checked in verify::check(&postroom, &caller, domain.id, &dns)? {
        println!("{:<9} {}", checked.finding.verdict.as_str(), checked.finding.text);
        assert!(checked.finding.verdict.passes());
    }

    for suffix in ["", "-wal", "-shm", ".key", ".open"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
    }
    Ok(())
}
