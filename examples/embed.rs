//! Postroom inside another program: an account, a domain, and the records that its owner must publish.

use std::error::Error;

use postroom::dkim::pool;
use postroom::domain::{self, NewDomain};
use postroom::record::{self, zone_fragment};
use postroom::{Caller, Options, Postroom, Settings, account};

fn main() -> Result<(), Box<dyn Error>> {
    // A folder that vanishes at the end; your program names a file that stays.
    let folder = tempfile::tempdir()?;
    let options = Options::new(Settings::for_server(&"mail.example.net".parse()?));
    let postroom = Postroom::open(folder.path().join("postroom.db"), options)?;

    // Operations take a transaction first, so several go into one. This one ends with the domain's DKIM key, for which a pair
    // is made before, outside the transaction.
    let name = "example.com".parse()?;
    let (domain, records) = pool::write(&postroom, |tx| {
        let caller = Caller::operator(account::create(tx, "acme")?.id);
        let domain = domain::create(tx, &caller, &NewDomain::named(&name))?;
        domain::equip(tx, &domain)?;
        let records = record::list(tx, &domain)?;
        // A `Domain` ends with its transaction; what there is to show of it can be kept.
        Ok::<_, postroom::Error>((domain.into_details(), records))
    })?;
    println!("{}", zone_fragment(&domain, &records));
    Ok(())
}
