//! Databases to measure on, made through the library.

use std::path::{Path, PathBuf};

use postroom::account::{self, Caller};
use postroom::db::{Options, Postroom};
use postroom::dkim::{KeyKind, KeyPair, pool};
use postroom::error::Error;
use postroom::key;
use postroom::provision::{self, NewDomain};
use postroom::settings::Settings;

/// How many domains go into one transaction: one each would be one sync to disk each.
const AT_ONCE: u32 = 1_000;

/// A database with one account, and the key that opens it.
pub(crate) struct Seeded {
    pub(crate) file: PathBuf,
    pub(crate) key: String,
}

/// Makes a database with so many domains in one account, and so many spare key pairs.
pub(crate) fn seed(file: &Path, domains: u32, spares: u32) -> Result<Seeded, Box<dyn std::error::Error>> {
    let settings = Settings::for_server(&"mail.example.net".parse()?);
    let postroom = Postroom::open(file, Options::new(settings))?;
    // One pair for all of them, which nobody should do: that of making pairs is not measured here.
    let pair = KeyPair::generate(KeyKind::default())?;
    let (account, key) = postroom.write(|tx| {
        let account = account::create_trusted(tx, "default")?;
        let (_, secret) = key::create(tx, account.id, None)?;
        (0..spares).try_for_each(|_| pool::add(tx, &pair))?;
        Ok::<_, Error>((account.id, secret.reveal().to_owned()))
    })?;
    let caller = Caller::operator(account);
    for from in (0..domains).step_by(AT_ONCE as usize) {
        postroom.write(|tx| {
            for number in from..domains.min(from + AT_ONCE) {
                let name = format!("d{number}.example.com").parse();
                let name = name.map_err(|e: postroom::name::InvalidName| e.of("name"))?;
                pool::add(tx, &pair)?;
                let label = label(number);
                let new = NewDomain { label: label.as_deref(), ..NewDomain::named(&name) };
                provision::create(tx, &caller, &new)?;
            }
            Ok::<_, Error>(())
        })?;
    }
    Ok(Seeded { file: file.to_owned(), key })
}

/// Half of them have none, a quarter one that others have too, a quarter one of their own.
fn label(number: u32) -> Option<String> {
    match number % 4 {
        0 => Some(format!("team {}", number % 100)),
        1 => Some(format!("customer {number}")),
        _ => None,
    }
}
