//! A new master key: which columns are sealed, and that every sealed value opens at every moment.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use postroom::db::{Options, Postroom};
use postroom::reseal::{self, Progress};
use postroom_server::app::App;

use super::upgrade::newest_filled;
use crate::harness::app::{TestApp, send_to, settings};
use crate::harness::process::Site;
use crate::harness::sql;

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
    let options = Options::new(settings());
    let postroom = Postroom::open(site.db(), options).unwrap();
    let shut = postroom.read(reseal::unopenable).unwrap();
    drop(postroom);
    let sql = rusqlite::Connection::open(site.db()).unwrap();
    (shut, sql.query_row("SELECT count(*) FROM master_key", [], |row| row.get(0)).unwrap())
}

#[test]
fn killed_at_any_moment_a_change_of_the_master_key_leaves_everything_open_and_goes_on() {
    let site = Site::new();
    let app = TestApp::with(settings(), 700);
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

/// A number that no user of a test machine has.
#[cfg(unix)]
const SOMEBODY: u32 = 54_321;

#[test]
#[cfg(unix)]
fn a_new_master_key_belongs_to_whom_the_old_one_belonged_and_doctor_sees_one_that_does_not() {
    use std::os::unix::fs::{MetadataExt, chown};
    let site = Site::new();
    assert!(site.serve().stop().success());
    let key_file = site.file("postroom.db.key");
    if fs::metadata(&key_file).unwrap().uid() != 0 {
        // Nobody but root gives files away.
        return;
    }
    for name in ["postroom.db", "postroom.db.key", "postroom.db.lock", "postroom.db.open"] {
        chown(site.file(name), Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    }
    assert_eq!(site.json(&["rotate-master-key"])["old_key_removed"], true);
    let found = fs::metadata(&key_file).unwrap();
    assert_eq!((found.uid(), found.gid()), (SOMEBODY, SOMEBODY));

    chown(&key_file, Some(0), Some(0)).unwrap();
    let told = site.run(&["doctor"]);
    let line = told.stdout.lines().find(|line| line.contains("permissions")).unwrap().to_owned();
    assert!(line.starts_with("fail") && line.contains("chown --reference="), "{line}");
}

#[test]
#[cfg(unix)]
fn a_new_master_key_that_cannot_be_given_to_its_owner_is_refused_and_nothing_is_changed() {
    use std::os::unix::fs::{MetadataExt, chown};
    let site = Site::new();
    assert!(site.serve().stop().success());
    let key_file = site.file("postroom.db.key");
    if fs::metadata(&key_file).unwrap().uid() != 0 {
        return;
    }
    chown(&key_file, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    let old = fs::read(&key_file).unwrap();
    // Root without the right to give files away: as anybody else who can read the key.
    let rotate = site.command(&["rotate-master-key"]);
    let mut command = std::process::Command::new("setpriv");
    command
        .args(["--inh-caps=-chown", "--bounding-set=-chown"])
        .arg(rotate.get_program())
        .args(rotate.get_args());
    command.env_clear().envs(rotate.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(rotate.get_current_dir().unwrap());
    let refused = crate::harness::process::finish(&mut command);
    assert_eq!(refused.code, Some(4), "{refused:?}");
    assert!(refused.stderr.contains(&SOMEBODY.to_string()), "{refused:?}");
    assert_eq!(fs::read(&key_file).unwrap(), old);
    assert!(!key_file.with_extension("key.new").exists());
    assert_eq!(look(&site).1, 1);
}

#[test]
#[cfg(unix)]
fn a_key_file_that_cannot_be_read_is_named_where_it_is_missed() {
    use std::os::unix::fs::PermissionsExt;
    let app = newest_filled();
    let other = app.reopened();
    reseal::begin(&other).unwrap();
    // The first process has not read the new key yet, and finds that others can read it.
    let new_file = app.postroom.master_key_file().with_extension("key.new");
    fs::set_permissions(&new_file, fs::Permissions::from_mode(0o644)).unwrap();
    let pair = postroom::dkim::KeyPair::generate(postroom::dkim::KeyKind::default()).unwrap();
    let told = app.postroom.write(|tx| postroom::dkim::pool::add(tx, &pair)).unwrap_err().to_string();
    assert!(told.contains("key.new") && told.contains("chmod 600"), "{told}");
}

#[test]
fn a_server_without_the_newest_master_key_is_not_ready_until_its_file_is_there() {
    let app = TestApp::new();
    let here = app.postroom.master_key_file();
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("master.key");
    fs::copy(here, &there).unwrap();
    let clock = app.clock.clone();
    let options = Options { master_key_file: Some(there.clone()), clock, ..Options::new(settings()) };
    let other = Arc::new(Postroom::open(sql::place(&app.file()), options).unwrap());
    let server = App::new(Arc::clone(&other), app.dns.clone());
    let ask = |path: &str| send_to(&server, &format!("GET {path}"), &[], Ok(Vec::new())).status;
    reseal::prepare(&app.postroom).unwrap();
    assert_eq!(ask("/readyz"), 200, "the new key seals nothing yet");
    reseal::begin(&app.postroom).unwrap();
    assert_eq!((ask("/readyz"), ask("/healthz")), (503, 200));
    fs::copy(app.postroom.new_master_key_file(), other.new_master_key_file()).unwrap();
    assert_eq!(ask("/readyz"), 200);
    while reseal::step(&app.postroom, 1000).unwrap() != Progress::Finished {}
    assert_eq!(reseal::step(&other, 1000).unwrap(), Progress::Idle);
    assert_eq!(fs::read(&there).unwrap(), fs::read(here).unwrap(), "it is in the place of the old one");
    assert!(!other.new_master_key_file().exists());
    assert_eq!(ask("/readyz"), 200);
}
