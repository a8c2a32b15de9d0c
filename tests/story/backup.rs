//! Backups while the server writes, and databases made of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use crate::harness::process::{Site, finish, text};

/// How many clients write at once.
const WRITERS: usize = 4;
const BACKUPS: usize = 6;

#[test]
fn each_backup_under_writes_holds_all_that_was_acknowledged_before_and_nothing_that_nobody_asked_for() {
    let site = Site::new();
    let server = site.serve();
    let client = server.client();
    let domain = client.create_domain("own.example.com")["id"].as_i64().expect("an id");
    fs::create_dir(site.file("backups")).expect("a folder");
    let acknowledged = Mutex::new(BTreeSet::new());
    let enough = AtomicBool::new(false);
    // What had been acknowledged when each backup began.
    let mut made: Vec<(String, BTreeSet<i64>)> = Vec::new();
    thread::scope(|scope| {
        for _ in 0..WRITERS {
            let (client, acknowledged, enough) = (client.clone(), &acknowledged, &enough);
            scope.spawn(move || {
                while !enough.load(Ordering::Relaxed) {
                    let reply = client.post(&format!("/api/v1/domains/{domain}/api_tokens"), &json!({}));
                    assert!(reply.status < 300, "{reply:?}");
                    let id = reply.json["id"].as_i64().expect("an id");
                    acknowledged.lock().expect("no panic").insert(id);
                }
            });
        }
        for _ in 0..BACKUPS {
            let before = acknowledged.lock().expect("no panic").clone();
            let said = site.json(&["backup", "--to", "backups"]);
            made.push((said["backup"].as_str().expect("a file").to_owned(), before));
        }
        enough.store(true, Ordering::Relaxed);
    });
    let all = acknowledged.into_inner().expect("no panic");
    assert!(made.last().expect("a backup").1.len() > BACKUPS, "too little was written to tell anything");
    for (at, (backup, before)) in made.iter().enumerate() {
        let db = site.file(&format!("restored{at}.db"));
        let arguments = ["restore", backup, "--db", text(&db), "--master-key-file", "postroom.db.key"];
        assert_eq!(site.json(&arguments)["restored"], text(&db));
        private(&site.file(backup));
        private(&db);
        let found = tokens(&db);
        assert!(found.is_superset(before), "backup {at} lacks what was acknowledged before it began");
        assert!(found.is_subset(&all), "backup {at} has what nobody asked for");
        let listed =
            site.json(&["domain", "list", "--db", text(&db), "--master-key-file", "postroom.db.key"]);
        assert_eq!(listed[0]["domain"], "own.example.com", "{listed}");
    }
    assert!(server.stop().success());
}

fn private(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{}", file.display());
}

/// The ids of the tokens in a database. Read only: it must be whole in its one file.
fn tokens(db: &Path) -> BTreeSet<i64> {
    let conn = Connection::open_with_flags(db, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a database");
    let mut statement = conn.prepare("SELECT id FROM domain_token").expect("a table");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("ids")
}

/// A site with a database in it, and one backup.
fn backed_up() -> (Site, String) {
    let site = Site::new();
    assert!(site.serve().stop().success());
    let backup = site.json(&["backup"])["backup"].as_str().expect("a file").to_owned();
    (site, backup)
}

#[test]
fn a_restore_overwrites_nothing_and_says_by_its_exit_code_what_is_wrong() {
    let (site, backup) = backed_up();
    let key = ["--master-key-file", "postroom.db.key"];
    let restore = |file: &str, db: &str, key: &[&str]| {
        let is_there = site.file(db).exists();
        let finished = site.run(&[&["restore", file, "--db", db], key].concat());
        assert!(finished.code == Some(0) || is_there || !site.file(db).exists(), "{finished:?}");
        finished.code
    };
    let before = fs::read(site.db()).expect("a database");
    assert_eq!(restore(&backup, "postroom.db", &[]), Some(4), "it is there");
    assert_eq!(fs::read(site.db()).expect("a database"), before);
    assert_eq!(restore("none.db", "b.db", &key), Some(3), "no such backup");
    assert_eq!(restore(&backup, "b.db", &[]), Some(3), "no master key");

    let other = Site::new();
    assert!(other.serve().stop().success());
    let foreign = other.file("postroom.db.key");
    assert_eq!(restore(&backup, "b.db", &["--master-key-file", text(&foreign)]), Some(4), "another key");

    fs::write(site.file("empty.db"), "").expect("to write");
    assert_eq!(restore("empty.db", "b.db", &key), Some(2), "empty");
    fs::write(site.file("text.db"), "This is a text.".repeat(100)).expect("to write");
    assert_eq!(restore("text.db", "b.db", &key), Some(2), "no database");
    fs::write(site.file("tiny.db"), "x").expect("to write");
    assert_eq!(restore("tiny.db", "b.db", &key), Some(2), "one octet");
    let mut octets = fs::read(site.file(&backup)).expect("a backup");
    octets.truncate(octets.len() / 2);
    fs::write(site.file("half.db"), &octets).expect("to write");
    assert_eq!(restore("half.db", "b.db", &key), Some(2), "half of it");
    fs::copy(site.file(&backup), site.file("newer.db")).expect("to copy");
    let conn = Connection::open(site.file("newer.db")).expect("a database");
    conn.pragma_update(None, "user_version", 9999).expect("to write");
    drop(conn);
    assert_eq!(restore("newer.db", "b.db", &key), Some(2), "newer");

    assert_eq!(restore(&backup, "b.db", &key), Some(0));
    assert_eq!(restore(&backup, "b.db", &key), Some(4), "not a second time");
}

#[test]
fn a_restore_beside_a_running_server_names_the_server_and_never_its_log() {
    let (site, backup) = backed_up();
    let server = site.serve();
    assert!(site.file("postroom.db-wal").exists(), "the log of a database in use");
    let none = site.run(&["restore", "none.db"]);
    assert_eq!(none.code, Some(3), "{none:?}");
    assert!(none.stderr.contains("none.db: "), "{none:?}");
    let refused = site.run(&["restore", &backup]);
    assert_eq!(refused.code, Some(4), "{refused:?}");
    assert!(refused.stderr.contains("is served by another postroom process"), "{refused:?}");
    assert!(!refused.stderr.contains("-wal"), "{refused:?}");
    assert!(server.stop().success());
    let refused = site.run(&["restore", &backup]);
    assert!(refused.stderr.contains("stop the server and move"), "{refused:?}");
}

#[test]
fn a_backup_needs_no_master_key_and_a_failed_one_leaves_nothing() {
    let (site, _) = backed_up();
    fs::rename(site.file("postroom.db.key"), site.file("elsewhere")).expect("to move");
    fs::create_dir(site.file("backups")).expect("a folder");
    assert_eq!(site.run(&["backup", "--to", "backups"]).code, Some(0));
    assert_eq!(site.run(&["backup", "--to", "nowhere"]).code, Some(3));
    assert_eq!(site.run(&["backup", "--db", "none.db"]).code, Some(3));
    assert!(!site.file("none.db").exists());
    fs::write(site.file("other.db"), "This is a text.".repeat(100)).expect("to write");
    assert_eq!(site.run(&["backup", "--db", "other.db", "--to", "backups"]).code, Some(1));
    assert_eq!(fs::read_dir(site.file("backups")).expect("a folder").count(), 1);
}

#[test]
fn the_newest_backups_are_kept_and_no_other_file_is_deleted() {
    let (site, first) = backed_up();
    let others = ["postroom-2026.db", "postroom-before-the-move.db", "notes.txt"];
    for name in others {
        fs::write(site.file(name), "x").expect("to write");
    }
    let second = site.json(&["backup"])["backup"].as_str().expect("a file").to_owned();
    let said = site.json(&["backup", "--keep", "2"]);
    let deleted = said["deleted"].as_array().expect("a list");
    assert_eq!(deleted.len(), 1, "{said}");
    assert!(!site.file(&first).exists() && site.file(&second).exists());
    assert!(others.iter().all(|name| site.file(name).exists()) && site.db().exists());
    assert_eq!(site.run(&["backup", "--keep", "0"]).code, Some(2));
}

#[test]
fn databases_of_the_same_name_share_a_folder_and_each_keeps_its_own_backups() {
    let sites = [backed_up().0, backed_up().0];
    let folder = tempfile::tempdir().expect("a folder");
    let shared = text(folder.path());
    let back_up = |site: &Site| {
        let said = site.json(&["backup", "--to", shared, "--keep", "2"]);
        (
            said["backup"].as_str().expect("a file").to_owned(),
            said["deleted"].as_array().expect("a list").len(),
        )
    };
    let mut made: [Vec<String>; 2] = Default::default();
    for round in 0..3 {
        for (site, made) in sites.iter().zip(&mut made) {
            let (file, deleted) = back_up(site);
            assert_eq!(deleted, usize::from(round == 2), "round {round}");
            made.push(file);
        }
    }
    for made in made {
        let there: Vec<bool> = made.iter().map(|file| Path::new(file).exists()).collect();
        assert_eq!(there, [false, true, true], "{made:?}");
    }
    // A server is not content with the backup of another one's database.
    let count = || fs::read_dir(folder.path()).expect("a folder").count();
    let before = count();
    let other = Site::new().with("POSTROOM_BACKUP_DIR", shared);
    let server = other.serve();
    server.process.stderr.wait_for("a backup is made");
    assert_eq!(count(), before + 1);
    assert!(server.stop().success());
}

#[test]
fn a_disk_without_room_is_named_and_nothing_is_left_on_it() {
    let site = Site::new();
    // A server that runs has made the files that reading needs.
    let server = site.serve();
    fs::create_dir(site.file("kept")).expect("a folder");
    let names = |folder: &Path| -> BTreeSet<String> {
        let entries =
            fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        entries.map(|name| name.to_string_lossy().into_owned()).collect()
    };
    let folder = site.file("");
    let before = names(&folder);
    let backup = finish(&mut site.command_without_room(&["backup", "--to", "kept"]));
    assert_eq!(backup.code, Some(1), "{backup:?}");
    assert!(backup.stderr.contains("kept/postroom"), "the file is named that cannot be written: {backup:?}");
    assert_eq!(names(&site.file("kept")), BTreeSet::new());
    let rotation = finish(&mut site.command_without_room(&["rotate-master-key"]));
    assert_eq!(rotation.code, Some(1), "{rotation:?}");
    assert!(rotation.stderr.contains("postroom.db.key.new"), "{rotation:?}");
    assert_eq!(names(&folder), before, "nothing is left of a key that could not be written");
    assert!(server.stop().success());
}
