//! Databases that earlier versions wrote: opened, they are brought up to date, and nothing of them is lost.

use std::fs;
use std::path::Path;

use postroom::db::{Options, Postroom};
use postroom::dkim::{self, Algorithm};
use postroom::domain::{self, Details};
use postroom::keyring;
use postroom::record;
use postroom::route;
use postroom::verify;
use rusqlite::Connection;

use crate::harness::app::{settings, txt};

/// How many rows each of these tables has.
fn counts(file: &Path, tables: &[String]) -> Vec<(String, i64)> {
    let sql = Connection::open(file).unwrap();
    let count = |table: &String| {
        sql.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    tables.iter().map(|table| (table.clone(), count(table))).collect()
}

#[test]
fn a_database_of_version_9_keeps_every_row_and_its_keys_sign() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/databases");
    let dir = tempfile::tempdir().unwrap();
    let (file, key) = (dir.path().join("postroom.db"), dir.path().join("postroom.db.key"));
    fs::copy(fixtures.join("v09.sqlite"), &file).unwrap();
    // A copy has the permissions of what it was copied from, and a master key is its owner's alone.
    fs::copy(fixtures.join("v09.master"), &key).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let tables: Vec<String> = {
        let sql = Connection::open(&file).unwrap();
        let names = "SELECT name FROM sqlite_schema WHERE type = 'table'
                         AND name NOT IN ('refinery_schema_history', 'sqlite_sequence') ORDER BY name";
        let mut names = sql.prepare(names).unwrap();
        names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let before = counts(&file, &tables);
    assert!(before.len() >= 12, "{before:?}");

    let postroom = Postroom::open(&file, Options::new(settings())).unwrap();
    assert_eq!(counts(&file, &tables), before);
    assert!(postroom.check_integrity().unwrap().is_empty());
    let broken: i64 = Connection::open(&file)
        .unwrap()
        .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(broken, 0);

    let found = |name: &str| -> (postroom::account::Caller, Details) {
        let name = name.parse().unwrap();
        postroom
            .read(|tx| {
                let caller = domain::operator_of(tx, &name)?;
                let domain = domain::find_named(tx, &caller, &name)?.into_details();
                Ok::<_, postroom::error::Error>((caller, domain))
            })
            .unwrap()
    };
    let (caller, pending) = found("example.com");
    let (owner, active) = found("customer.com");
    assert_eq!((pending.status, active.status), (domain::Status::Pending, domain::Status::Active));
    assert_eq!((pending.authority, pending.wants_key), (None, false));
    postroom
        .read(|tx| {
            let active = domain::find(tx, &owner, active.id)?;
            let keys = keyring::of_domain(tx, &active)?;
            assert_eq!(keys.len(), 1);
            assert_eq!((keys[0].key.public.algorithm(), keys[0].key.is_active()), (Algorithm::Rsa, true));
            assert_eq!(record::list(tx, &active)?.len(), 5);
            assert_eq!(route::find(tx, &active)?.forward_to.unwrap().to_string(), "ops@example.net");
            let signed = dkim::sign(tx, &active.name, b"From: a@customer.com\r\n\r\nx\r\n")?;
            assert_eq!(signed.len(), 1, "its private key opens");
            Ok::<_, postroom::error::Error>(())
        })
        .unwrap();
    // A first key that waited begins by itself, as it would have.
    let first_key = || {
        let keys = postroom.read(|tx| keyring::of_domain(tx, &domain::find(tx, &caller, pending.id)?));
        keys.unwrap().remove(0)
    };
    let entry = first_key();
    let dns = postroom::dns::ScriptedResolver::new();
    dns.set(entry.record_name().as_str(), vec![txt(&entry.key.public.record_value())]);
    verify::check(&postroom, &caller, pending.id, &dns).unwrap();
    assert!(first_key().key.is_active());
}
