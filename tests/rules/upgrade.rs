//! Databases that earlier versions wrote: opened, they are brought up to date, and nothing of them is lost.

mod generate;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use postroom::db::{OpenError, Options, Postroom};
use postroom::dkim::{self, Algorithm};
use postroom::domain::{self, Details};
use postroom::event;
use postroom::keyring;
use postroom::record;
use postroom::route;
use postroom::verify;
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::harness::app::{TestApp, settings, txt};

/// The first release has this schema version; from it on every version has a fixture.
const FIRST_RELEASED: i32 = 16;
/// The most octets of a fixture.
const MAX_OCTETS: u64 = 200_000;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/databases")
}

/// The number of the newest file in `migrations/sqlite`.
fn newest_migration() -> i32 {
    let folder = fixtures().join("../../../migrations/sqlite");
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| name.strip_prefix('V')?.split_once("__")?.0.parse().ok()).max().unwrap()
}

/// The names of all fixtures, such as `v09`.
fn names() -> Vec<String> {
    let files = fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path());
    let fixtures = files.filter(|path| path.extension().is_some_and(|extension| extension == "sqlite"));
    let mut names: Vec<_> =
        fixtures.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// A copy of a fixture, with its master key beside it.
fn copy_of(name: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (file, key) = (dir.path().join("postroom.db"), dir.path().join("postroom.db.key"));
    fs::copy(fixtures().join(format!("{name}.sqlite")), &file).unwrap();
    // A copy has the permissions of what it was copied from, and a master key is its owner's alone.
    fs::copy(fixtures().join(format!("{name}.master")), &key).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    (dir, file)
}

fn open(file: &Path) -> Result<Postroom, OpenError> {
    Postroom::open(file, Options::new(settings()))
}

/// The values of a query with one column of text.
fn column(sql: &Connection, query: &str) -> Vec<String> {
    let mut statement = sql.prepare(query).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn tables(sql: &Connection) -> Vec<String> {
    column(sql, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
}

/// The columns of every table, by the table: but refinery's, and the known time, which is written when a database is opened.
fn columns(file: &Path) -> BTreeMap<String, Vec<String>> {
    let sql = Connection::open(file).unwrap();
    let columns = |table: &String| column(&sql, &format!("SELECT name FROM pragma_table_info('{table}')"));
    let tables = tables(&sql)
        .into_iter()
        .filter(|table| !["refinery_schema_history", "known_time"].contains(&table.as_str()));
    tables.map(|table| (table.clone(), columns(&table))).collect()
}

/// Every row of these columns.
fn rows(file: &Path, columns: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<Vec<Value>>> {
    let sql = Connection::open(file).unwrap();
    let rows = |table: &String, columns: &Vec<String>| {
        let list = columns.join(", ");
        let mut statement = sql.prepare(&format!("SELECT {list} FROM {table} ORDER BY {list}")).unwrap();
        let row = |row: &rusqlite::Row<'_>| (0..columns.len()).map(|at| row.get(at)).collect();
        statement.query_map([], row).unwrap().map(Result::unwrap).collect()
    };
    columns.iter().map(|(table, columns)| (table.clone(), rows(table, columns))).collect()
}

/// What the schema consists of, each part without comments and white space; and the history of migrations.
fn schema(file: &Path) -> Vec<String> {
    let sql = Connection::open(file).unwrap();
    let parts = column(
        &sql,
        "SELECT concat_ws(' ', type, name, tbl_name, sql) FROM sqlite_schema ORDER BY type, name",
    );
    let without_comments = |part: String| -> String {
        part.lines().flat_map(|line| line.split("--").next().unwrap().split_whitespace()).collect()
    };
    let history =
        "SELECT concat_ws(' ', version, name, checksum) FROM refinery_schema_history ORDER BY version";
    let mut schema: Vec<String> = parts.into_iter().map(without_comments).collect();
    schema.extend(column(&sql, history));
    let order = "SELECT concat_ws(' ', s.name, c.cid, c.name, c.type, c.\"notnull\", c.dflt_value, c.pk)
                 FROM sqlite_schema s, pragma_table_info(s.name) c WHERE s.type = 'table' ORDER BY s.name, c.cid";
    schema.extend(column(&sql, order));
    schema
}

/// The copies that were kept before a migration.
fn kept_copies(dir: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.to_str().unwrap().contains("postroom.db.v")).collect()
}

#[test]
fn a_database_of_every_earlier_schema_is_migrated_whole_and_ends_with_the_schema_of_a_fresh_one() {
    let fresh = tempfile::tempdir().unwrap();
    let fresh = fresh.path().join("postroom.db");
    drop(open(&fresh).unwrap());
    let names = names();
    assert!(names.len() >= 12, "{names:?}");
    for name in names {
        let octets = fs::metadata(fixtures().join(format!("{name}.sqlite"))).unwrap().len();
        assert!(octets < MAX_OCTETS, "{name} has {octets} octets; keep it small");
        let (dir, file) = copy_of(&name);
        let (columns, from) = (columns(&file), schema(&file));
        let before = rows(&file, &columns);
        let version: i32 = Connection::open(&file)
            .unwrap()
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap();
        assert!(name.starts_with(&format!("v{version:02}")), "{name} has version {version}");
        for (table, rows) in &before {
            assert!(!rows.is_empty(), "{name} has no row of {table}");
        }

        let postroom = open(&file).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(schema(&file), schema(&fresh), "{name}");
        assert_eq!(rows(&file, &columns), before, "{name}");
        assert_eq!(postroom.check_integrity().unwrap(), Vec::<String>::new(), "{name}");
        let kept = kept_copies(dir.path());
        assert_eq!(kept.len(), usize::from(from != schema(&fresh)), "{name}: {kept:?}");
        for copy in kept {
            assert_eq!((schema(&copy), rows(&copy, &columns)), (from.clone(), before.clone()), "{name}");
        }
        // What is sealed opens, and the first key that waited is the one that begins by itself.
        let signed = postroom.read(|tx| {
            let signed = b"From: a@customer.com\r\n\r\nx\r\n";
            dkim::sign(tx, &"customer.com".parse().unwrap(), signed)
        });
        assert_eq!(signed.unwrap().len(), 1, "{name}");
        let starting =
            "SELECT d.name || ' ' || k.selector FROM dkim_key k JOIN domain d ON d.id = k.domain_id
                        WHERE k.starts_itself = 1 AND d.name != 'news.customer.com'";
        assert_eq!(column(&Connection::open(&file).unwrap(), starting), ["example.com pr1"], "{name}");

        drop(postroom);
        let copies = kept_copies(dir.path()).len();
        drop(open(&file).unwrap());
        assert_eq!(kept_copies(dir.path()).len(), copies, "{name}: opened again, nothing is left to do");
    }
}

#[test]
fn every_schema_since_the_first_release_has_a_fixture() {
    let names = names();
    for version in FIRST_RELEASED..=newest_migration() {
        let name = format!("v{version:02}");
        assert!(
            names.contains(&name),
            "tests/fixtures/databases has no {name}.sqlite; its README.md says how to make it"
        );
    }
}

/// Refused in these words; the file is as it was, and nothing was kept beside it.
#[track_caller]
fn refused(name: &str, change: &str, words: &[&str]) {
    let (dir, file) = copy_of(name);
    Connection::open(&file).unwrap().execute_batch(change).unwrap();
    let before = fs::read(&file).unwrap();
    let line = open(&file).unwrap_err().to_string();
    assert!(words.iter().all(|word| line.contains(word)) && !line.contains('\n'), "{line}");
    assert_eq!(fs::read(&file).unwrap(), before, "{line}");
    assert_eq!(kept_copies(dir.path()), Vec::<PathBuf>::new(), "{line}");
}

#[test]
fn a_migration_that_is_neither_todays_nor_a_known_earlier_one_is_refused() {
    for name in ["v09", "v11a", "v16"] {
        for version in [2, 5, 9] {
            let change =
                format!("UPDATE refinery_schema_history SET checksum = '1' WHERE version = {version}");
            refused(name, &change, &[&format!("V{version:02}__"), "restore a backup"]);
        }
    }
    refused("v16", "UPDATE refinery_schema_history SET checksum = 'none' WHERE version = 16", &["V16__"]);
    // The earlier text of one is not an earlier text of another.
    let swap = "UPDATE refinery_schema_history SET checksum =
                    (SELECT checksum FROM refinery_schema_history WHERE version = 11) WHERE version = 10";
    refused("v11a", swap, &["V10__signing_keys"]);
    // One that never landed late cannot be missing.
    refused("v16", "DELETE FROM refinery_schema_history WHERE version = 14", &["V14__inbound"]);
}

#[test]
fn a_history_that_is_newer_than_the_version_says_is_refused() {
    let newer = "INSERT INTO refinery_schema_history VALUES (4711, 'later', '2026-11-28T00:00:00Z', '1')";
    refused("v16", newer, &["4711", "newer"]);
}

#[test]
fn a_migration_that_fails_leaves_the_database_as_it_was_and_a_copy_beside_it() {
    let (dir, file) = copy_of("v16d");
    // In the way of the last step.
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE old_idempotency (x)").unwrap();
    let columns = columns(&file);
    let before = (schema(&file), rows(&file, &columns));
    let error = open(&file).unwrap_err();
    assert!(matches!(error, OpenError::Migration { .. }), "{error}");
    assert_eq!((schema(&file), rows(&file, &columns)), before);
    assert_eq!(kept_copies(dir.path()).len(), 1);
    Connection::open(&file).unwrap().execute_batch("DROP TABLE old_idempotency").unwrap();
    open(&file).unwrap();
}

#[test]
fn in_an_earlier_database_the_oldest_key_of_a_domain_without_an_active_one_begins_by_itself() {
    for (change, starting) in [
        ("UPDATE dkim_key SET activated_at = NULL", vec!["pr2"]),
        ("UPDATE dkim_key SET activated_at = NULL, retired_at = NULL", vec!["pr1"]),
        (
            "UPDATE dkim_key SET activated_at = NULL, retired_at = NULL;
             UPDATE dkim_key SET delegated_to = selector || '.keys.example.net' WHERE selector != 'pr1'",
            vec!["pr1", "pr2"],
        ),
        ("UPDATE dkim_key SET retired_at = NULL", vec![]),
    ] {
        let (_dir, file) = copy_of("v16e");
        Connection::open(&file).unwrap().execute_batch(change).unwrap();
        drop(open(&file).unwrap());
        let found = column(
            &Connection::open(&file).unwrap(),
            "SELECT k.selector FROM dkim_key k JOIN domain d ON d.id = k.domain_id
             WHERE d.name = 'customer.com' AND k.starts_itself = 1 ORDER BY k.id",
        );
        assert_eq!(found, starting, "{change}");
    }
}

#[test]
fn a_database_whose_version_was_not_written_down_after_its_migrations_is_opened() {
    let (_dir, file) = copy_of("v16");
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 0).unwrap();
    drop(open(&file).unwrap());
    let version: i32 =
        Connection::open(&file).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert!(version >= FIRST_RELEASED, "{version}");
}

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
    let (_dir, file) = copy_of("v09");
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
    assert_eq!(
        (pending.status, active.status),
        (domain::DomainStatus::Pending, domain::DomainStatus::Active)
    );
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
    // Its audit log is shown in the words that it was written in.
    let events = postroom.read(|tx| event::newest(tx, &event::Search::default(), 100)).unwrap();
    assert_eq!(events.len(), 13);
    let told: Vec<String> = events
        .iter()
        .map(|event| {
            assert!(matches!(event.change, event::Recorded::Text { .. }), "{event:?}");
            assert!(!matches!(event.actor, event::Actor::Other(_)), "{event:?}");
            [event.action().to_owned(), event.subject(), event.detail().unwrap_or_default()].join(" ")
        })
        .collect();
    assert_eq!(told[0], "route.changed customer.com forward_email");
    assert_eq!(told[2], "domain.status_changed customer.com pending to active");
    assert_eq!(told[7], "token.created example.com token:1");
    let timeline =
        postroom.read(|tx| domain::timeline(tx, &domain::find(tx, &caller, active.id)?, None, 100)).unwrap();
    assert_eq!(timeline.len(), 8, "what is told of a domain that is still there belongs to it");
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

/// A database of the newest schema that has rows in every table.
pub(super) fn newest_filled() -> TestApp {
    generate::filled()
}
