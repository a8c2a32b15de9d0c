//! A new master key: which columns are sealed, and that every sealed value opens at every moment.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use postroom::reseal::{self, Progress};

use super::upgrade::newest_filled;
use crate::harness::app::TestApp;
use crate::harness::process::Site;

/// Every table and column with a value that begins with the id of a master key.
fn sealed_in(sql: &rusqlite::Connection) -> BTreeSet<(String, String)> {
    let texts = |query: &str| -> Vec<String> {
        let mut statement = sql.prepare(query).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let mut found = BTreeSet::new();
    for table in texts("SELECT name FROM sqlite_schema WHERE type = 'table' AND name != 'master_key'") {
        for column in texts(&format!("SELECT name FROM pragma_table_info('{table}')")) {
            let count = format!(
                "SELECT count(*) FROM {table} WHERE typeof({column}) = 'blob'
                 AND substr({column}, 1, 8) IN (SELECT key_id FROM master_key)"
            );
            if sql.query_row(&count, [], |row| row.get::<_, i64>(0)).unwrap() > 0 {
                found.insert((table.clone(), column));
            }
        }
    }
    found
}

#[test]
fn every_sealed_column_is_in_the_list_of_what_is_sealed_anew() {
    let app = newest_filled();
    let listed = reseal::sealed_columns().map(|(table, column)| (table.to_owned(), column.to_owned()));
    assert_eq!(
        sealed_in(&app.sqlite()),
        listed.collect(),
        "a sealed column that is not in SEALED of lib/src/reseal/mod.rs is lost when the master key changes"
    );
}

#[test]
fn every_value_opens_at_every_step_and_the_old_key_is_gone_in_the_end() {
    let app = newest_filled();
    let key_file = app.postroom.master_key_file().to_owned();
    let old = fs::read(&key_file).unwrap();
    let values = app.postroom.read(reseal::unopenable).unwrap();
    assert!(values.is_empty(), "{values:?}");
    assert_eq!(reseal::step(&app.postroom, 1).unwrap(), Progress::Idle);
    reseal::begin(&app.postroom).unwrap();
    let mut steps = 0;
    loop {
        let progress = reseal::step(&app.postroom, 1).unwrap();
        // What is made meanwhile is sealed with the new key, and opens too.
        crate::harness::app::add_other_pair(&app.postroom);
        assert_eq!(app.postroom.read(reseal::unopenable).unwrap(), Vec::<String>::new());
        // So it does for another process that opens the database now.
        assert_eq!(app.reopened().read(reseal::unopenable).unwrap(), Vec::<String>::new());
        steps += 1;
        match progress {
            Progress::Sealed(1) => {}
            Progress::Finished => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(steps > 5, "{steps}");
    assert_ne!(fs::read(&key_file).unwrap(), old);
    assert!(!key_file.with_extension("key.new").exists());
    assert_eq!(app.value::<i64>("SELECT count(*) FROM master_key"), 1);
    assert_eq!(reseal::step(&app.postroom, 1).unwrap(), Progress::Idle);
    // And once more, by another one that has the database open.
    let other = app.reopened();
    reseal::begin(&other).unwrap();
    while reseal::step(&other, 1000).unwrap() != Progress::Finished {}
    assert_eq!(app.postroom.read(reseal::unopenable).unwrap(), Vec::<String>::new());
    assert_eq!(app.value::<i64>("SELECT count(*) FROM master_key"), 1);
}

#[test]
fn a_damaged_value_keeps_the_old_key_and_is_named() {
    let app = newest_filled();
    let damage = "UPDATE webhook_key SET sealed = CAST(substr(sealed, 1, 8) || zeroblob(60) AS BLOB) WHERE domain_id = 1";
    app.sql().execute_batch(damage).unwrap();
    reseal::begin(&app.postroom).unwrap();
    while let Progress::Sealed(_) = reseal::step(&app.postroom, 2).unwrap() {}
    let Progress::Damaged(rows) = reseal::step(&app.postroom, 2).unwrap() else { panic!() };
    assert_eq!(rows, ["webhook_key 1"]);
    assert_eq!(app.postroom.read(reseal::unopenable).unwrap(), rows);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM master_key"), 2);
}

/// Opens the site's database in this process, and returns what does not open, and how many keys it names.
fn look(site: &Site) -> (Vec<String>, i64) {
    let options = postroom::db::Options::new(crate::harness::app::settings());
    let postroom = postroom::db::Postroom::open(site.db(), options).unwrap();
    let shut = postroom.read(reseal::unopenable).unwrap();
    drop(postroom);
    let sql = rusqlite::Connection::open(site.db()).unwrap();
    (shut, sql.query_row("SELECT count(*) FROM master_key", [], |row| row.get(0)).unwrap())
}

#[test]
fn killed_at_any_moment_a_change_of_the_master_key_leaves_everything_open_and_goes_on() {
    let site = Site::new();
    let app = TestApp::with(crate::harness::app::settings(), 700);
    app.domain(&app.account("acme"), "example.com");
    app.sqlite().execute("VACUUM INTO ?1", [site.db().to_str().unwrap()]).unwrap();
    fs::copy(app.postroom.master_key_file(), site.db().with_extension("db.key")).unwrap();
    let key_file = site.db().with_extension("db.key");
    let (mut in_the_middle, mut done) = (0, 0);
    for round in 0..40_u64 {
        let mut command = site.command(&["rotate-master-key"]);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(round * 7 % 101));
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        done += usize::from(ended.success());
        let (shut, keys) = look(&site);
        assert_eq!(shut, Vec::<String>::new(), "round {round}");
        in_the_middle += usize::from(keys == 2);
    }
    assert!(in_the_middle > 5, "killed {in_the_middle} times in the middle, {done} times too late");
    let finished = site.run(&["--json", "rotate-master-key"]);
    let told = finished.json();
    assert_eq!((&told["old_key_removed"], told["resumed"].is_boolean()), (&true.into(), true));
    assert_eq!(look(&site), (Vec::new(), 1));
    assert!(!key_file.with_extension("key.new").exists() && key_file.exists());
}
