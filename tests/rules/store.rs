//! The store: which files are refused and in which words, and what a transaction leaves.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};

use postroom::DomainName;
use postroom::account::{self, Caller};
use postroom::db::{Held, OpenError, Options, Postroom, Session};
use postroom::domain;
use postroom::error::Error;
use rusqlite::Connection;

use crate::harness::app::{TestApp, settings};

fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("postroom.db");
    (dir, file)
}

fn open(file: &Path) -> Result<Postroom, OpenError> {
    Postroom::open(file, Options::new(settings()))
}

/// A refusal is one line that names the file, and the file is as it was.
#[track_caller]
fn refused(file: &Path) -> OpenError {
    let before = fs::read(file).ok();
    let error = open(file).unwrap_err();
    let line = error.to_string();
    assert!(!line.contains('\n') && line.contains(file.to_str().unwrap()), "{line}");
    assert_eq!(fs::read(file).ok(), before, "{line}");
    error
}

#[test]
fn another_programs_database_is_refused_and_left_as_it_was() {
    for application in [0, 0x1234_5678] {
        let (_dir, file) = place();
        let other = Connection::open(&file).unwrap();
        other.pragma_update(None, "application_id", application).unwrap();
        other.execute_batch("CREATE TABLE theirs (x)").unwrap();
        drop(other);
        let error = refused(&file);
        assert!(matches!(error, OpenError::Foreign { application: a, .. } if a == application), "{error}");
    }
}

#[test]
fn a_newer_database_is_refused_naming_both_versions() {
    let (_dir, file) = place();
    drop(open(&file).unwrap());
    let conn = Connection::open(&file).unwrap();
    let ours: i32 = conn.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    conn.pragma_update(None, "user_version", 4711).unwrap();
    drop(conn);
    let line = refused(&file).to_string();
    assert!(line.contains("4711") && line.contains(&format!("knows {ours}")), "{line}");
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    for content in
        [vec![b'x'; 4096], b"SQLite format 3\0 and then nothing of it".to_vec(), vec![0xff; 100_000]]
    {
        let (_dir, file) = place();
        fs::write(&file, content).unwrap();
        assert!(matches!(refused(&file), OpenError::Damaged { .. }));
    }
}

#[test]
fn a_database_whose_first_page_is_damaged_is_refused() {
    let (_dir, file) = place();
    drop(open(&file).unwrap());
    let mut octets = fs::read(&file).unwrap();
    octets[100..4096].fill(0xa5);
    fs::write(&file, octets).unwrap();
    assert!(matches!(refused(&file), OpenError::Damaged { .. }));
}

#[test]
fn damage_inside_is_found_by_the_check() {
    let app = TestApp::new();
    assert!(app.postroom.check_integrity().unwrap().is_empty());
    let key = app.account("acme");
    app.domain(&key, "example.com");
    let sql = app.sqlite();
    sql.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM account").unwrap();
    let found = app.postroom.check_integrity().unwrap();
    assert!(found.iter().any(|line| line.contains("api_key")), "{found:?}");
}

#[test]
fn an_empty_file_becomes_a_database() {
    let (_dir, file) = place();
    fs::write(&file, b"").unwrap();
    open(&file).unwrap();
}

#[test]
fn a_directory_is_refused() {
    let (dir, _) = place();
    let error = refused(dir.path());
    assert!(matches!(error, OpenError::Unusable { .. }), "{error}");
}

#[test]
fn a_place_that_is_not_there_is_refused() {
    let (dir, _) = place();
    let error = open(&dir.path().join("none/postroom.db")).unwrap_err();
    assert!(matches!(error, OpenError::Unusable { .. }), "{error}");
}

#[test]
fn a_database_without_its_master_key_is_refused_and_gets_no_new_one() {
    let (dir, file) = place();
    drop(open(&file).unwrap());
    let key = dir.path().join("postroom.db.key");
    fs::rename(&key, dir.path().join("elsewhere.key")).unwrap();
    let error = refused(&file);
    assert!(matches!(error, OpenError::KeyMissing { .. }), "{error}");
    assert!(error.to_string().contains("--master-key-file") && !key.exists());
    let named =
        Options { master_key_file: Some(dir.path().join("elsewhere.key")), ..Options::new(settings()) };
    Postroom::open(&file, named).unwrap();
}

#[test]
fn another_databases_master_key_is_refused() {
    let ((_dir, file), (_other_dir, other)) = (place(), place());
    drop((open(&file).unwrap(), open(&other).unwrap()));
    fs::copy(other.with_extension("db.key"), file.with_extension("db.key")).unwrap();
    assert!(matches!(refused(&file), OpenError::KeyForeign { .. }));
}

#[test]
fn a_second_claim_is_refused_until_the_first_is_given_back() {
    let (_dir, file) = place();
    let (one, other) = (open(&file).unwrap(), open(&file).unwrap());
    let claim = one.claim().unwrap();
    let error = other.claim().unwrap_err();
    assert!(matches!(error, OpenError::Claimed { .. }), "{error}");
    assert!(one.claim().is_err(), "the same one does not get it twice either");
    drop(claim);
    other.claim().unwrap();
}

#[test]
fn a_claim_keeps_nobody_from_opening() {
    let (_dir, file) = place();
    let serving = open(&file).unwrap();
    let _claim = serving.claim().unwrap();
    let beside = open(&file).unwrap();
    beside.write(|tx| account::create(tx, "acme")).unwrap();
    assert_eq!(serving.read(account::list).unwrap().len(), 1);
}

#[test]
fn six_that_open_one_new_file_at_once_all_get_it() {
    let (_dir, file) = place();
    let start = Arc::new(Barrier::new(6));
    let threads: Vec<_> = (0..6)
        .map(|n| {
            let (file, start) = (file.clone(), start.clone());
            std::thread::spawn(move || {
                start.wait();
                let postroom = open(&file).unwrap();
                postroom.write(|tx| account::create(tx, &format!("account {n}"))).unwrap();
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let postroom = open(&file).unwrap();
    assert_eq!(postroom.read(account::list).unwrap().len(), 6);
    let keys: i64 = Connection::open(&file)
        .unwrap()
        .query_row("SELECT count(*) FROM master_key", [], |r| r.get(0))
        .unwrap();
    assert_eq!(keys, 1, "they agree on one master key");
}

#[test]
fn a_write_that_fails_leaves_nothing() {
    let app = TestApp::new();
    let before = app.dump();
    let result: Result<(), Error> = app.postroom.write(|tx| {
        account::create(tx, "acme")?;
        account::create(tx, "acme")?;
        Ok(())
    });
    assert!(matches!(result, Err(Error::Conflict(_))));
    assert_eq!(app.dump(), before);
    app.account("acme");
}

#[test]
fn a_panic_in_a_write_leaves_nothing_and_a_store_that_works() {
    let app = TestApp::new();
    let before = app.dump();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        app.postroom.write(|tx| -> Result<(), Error> {
            account::create(tx, "acme")?;
            panic!("in the middle");
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(app.dump(), before);
    app.account("acme");
}

#[test]
fn panics_in_reads_use_up_no_reader() {
    let app = TestApp::new();
    for _ in 0..20 {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            app.postroom.read(|_| -> Result<(), Error> { panic!("in the middle") })
        }));
        assert!(panicked.is_err());
    }
    app.postroom.check_readable().unwrap();
}

#[test]
fn a_read_sees_one_state_while_others_write() {
    let app = TestApp::new();
    app.postroom
        .read(|tx| {
            assert_eq!(account::list(tx)?.len(), 0);
            app.account("acme");
            assert_eq!(account::list(tx)?.len(), 0, "what was written since is not there yet");
            Ok::<_, Error>(())
        })
        .unwrap();
    assert_eq!(app.postroom.read(account::list).unwrap().len(), 1);
}

#[test]
fn what_belongs_to_the_store_is_its_owners_alone() {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let (dir, file) = place();
        let postroom = open(&file).unwrap();
        postroom.write(|tx| account::create(tx, "acme")).unwrap();
        for entry in fs::read_dir(dir.path()).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode & 0o077, 0, "{}: {mode:o}", entry.path().display());
        }
    }
}

/// The listing's SQL is inside the library. So that the plans below are those of the real queries, their parts are
/// looked for in its source.
const VISIBLE: &str = "d.account_id = :account AND CAST(:user AS TEXT) IS NULL AND CAST(:only AS BIGINT) IS NULL \
                       AND (CAST(:key AS BIGINT) IS NULL OR d.api_key_id IS NULL OR d.api_key_id = :key)";
/// The same for a caller on behalf of an end user.
const VISIBLE_TO_USER: &str = "d.account_id = :account AND d.user_id = :user AND CAST(:only AS BIGINT) IS NULL \
                               AND (CAST(:key AS BIGINT) IS NULL OR d.api_key_id IS NULL OR d.api_key_id = :key)";

#[test]
fn every_order_of_listing_skips_in_a_covering_index_and_sorts_nothing() {
    let app = TestApp::new();
    let domain = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lib/src/domain");
    let source = ["visibility/mod.rs", "listing/table.rs"]
        .map(|file| fs::read_to_string(domain.join(file)).unwrap())
        .concat();
    let source = source.split_whitespace().collect::<Vec<_>>().join(" ");
    let sql = app.sqlite();
    for (visible, user, sorting, index) in [
        (VISIBLE, None, "d.created_at, d.id", "domain_by_created (account_id=?)"),
        (VISIBLE, None, "d.created_at DESC, d.id DESC", "domain_by_created (account_id=?)"),
        (VISIBLE, None, "d.id", "domain_by_id (account_id=?)"),
        (VISIBLE, None, "d.id DESC", "domain_by_id (account_id=?)"),
        (VISIBLE, None, "d.label IS NULL, d.label, d.id", "domain_by_label (account_id=?)"),
        (VISIBLE, None, "d.label IS NULL, d.label DESC, d.id DESC", "domain_by_label_down (account_id=?)"),
        // The one order in which a user's domains are listed.
        (
            VISIBLE_TO_USER,
            Some("user_123"),
            "d.created_at DESC, d.id DESC",
            "domain_by_user (account_id=? AND user_id=?)",
        ),
    ] {
        assert!(source.contains(&format!("\"{visible}\"")), "the rule has changed; change it here too");
        assert!(source.contains(&format!("=> \"{sorting}\"")), "{sorting} has changed; change it here too");
        let query = format!(
            "EXPLAIN QUERY PLAN SELECT d.id FROM domain d WHERE {visible} ORDER BY {sorting} LIMIT :limit OFFSET :offset"
        );
        let mut statement = sql.prepare(&query).unwrap();
        let values = rusqlite::named_params! {":account": 1, ":user": user, ":key": 1, ":only": None::<i64>, ":limit": 50, ":offset": 90_000};
        let plan: Vec<String> =
            statement.query_map(values, |row| row.get("detail")).unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(plan.len(), 1, "{sorting}: {plan:?}");
        assert!(plan[0].contains(&format!("USING COVERING INDEX {index}")), "{sorting}: {plan:?}");
    }
}

#[test]
fn held_writes_are_there_together_after_the_commit_and_not_at_all_without_it() {
    let app = TestApp::new();
    let before = app.dump();
    let names = |session: &Session<'_>| {
        session.read(account::list).unwrap().into_iter().map(|account| account.name).collect::<Vec<_>>()
    };
    let held = Held::new(&app.postroom);
    let session = held.session();
    assert!(session.write(|tx| account::create(tx, "a")).is_ok());
    let undone: Result<(), Error> = session.write(|tx| {
        account::create(tx, "b")?;
        account::create(tx, "a").map(|_| ())
    });
    assert!(matches!(undone, Err(Error::Conflict(_))), "a write that fails is undone alone");
    assert!(session.write(|tx| account::create(tx, "c")).is_ok());
    assert_eq!(names(&session), ["a", "c"]);
    assert_eq!(app.dump(), before, "nobody else sees them yet");
    drop(held);
    assert_eq!(app.dump(), before);

    let held = Held::new(&app.postroom);
    let failed: Result<(), Error> = held.session().write(|tx| {
        account::create(tx, "a")?;
        account::create(tx, "a").map(|_| ())
    });
    assert!(failed.is_err());
    app.account("others write while none is held");
    held.session().write(|tx| account::create(tx, "d")).unwrap();
    held.commit().unwrap();
    assert_eq!(names(&Session::new(&app.postroom)), ["others write while none is held", "d"]);
    Held::new(&app.postroom).commit().unwrap();
}

#[test]
fn a_write_inside_a_write_of_one_thread_is_refused_and_does_not_wait_for_itself() {
    let app = TestApp::new();
    let before = app.dump();
    let inner = || app.postroom.write(|tx| account::create(tx, "inner").map(drop));
    let said = |refused: Result<(), Error>| match refused {
        Err(Error::Store(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let nested = app.postroom.write(|tx| {
        account::create(tx, "outer")?;
        inner()
    });
    assert!(said(nested).contains("inside a write of the same thread"));
    let held = Held::new(&app.postroom);
    held.session().write(|tx| account::create(tx, "held")).unwrap();
    assert!(said(inner()).contains("inside a write of the same thread"));
    let second = Held::new(&app.postroom);
    let beside = second.session().write(|tx| account::create(tx, "beside").map(drop));
    assert!(said(beside).contains("inside a write of the same thread"));
    drop((second, held));
    assert_eq!(app.dump(), before);
    // Others wait for their turn, and get it.
    std::thread::scope(|scope| {
        for number in 0..4 {
            let app = &app;
            scope.spawn(move || app.account(&format!("thread {number}")));
        }
    });
    inner().unwrap();
    assert_eq!(app.value::<i64>("SELECT count(*) FROM account"), 5);
}

#[test]
fn a_panic_in_a_held_write_leaves_nothing_and_a_store_that_works() {
    let app = TestApp::new();
    let before = app.dump();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let held = Held::new(&app.postroom);
        held.session().write(|tx| account::create(tx, "a")).unwrap();
        held.session().write(|_| -> Result<(), Error> { panic!("in the middle") })
    }));
    assert!(panicked.is_err());
    assert_eq!(app.dump(), before);
    app.account("acme");
}

#[test]
fn a_temporary_database_works_and_leaves_nothing_behind() {
    let postroom = Postroom::open_temporary().unwrap();
    let file = postroom.file().to_owned();
    let name = "example.com".parse().unwrap();
    let made = std::time::Instant::now();
    postroom
        .write(|tx| {
            let caller = Caller::operator(account::create(tx, "acme")?.id);
            domain::create(tx, &caller, &domain::NewDomain::named(&name)).map(drop)
        })
        .unwrap();
    // No key is made in the transaction; that takes seconds in this build.
    assert!(made.elapsed() < std::time::Duration::from_millis(500), "{:?}", made.elapsed());
    assert!(file.exists());
    drop(postroom);
    assert!(!file.parent().unwrap().exists());
}

#[test]
fn a_name_that_means_memory_to_sqlite_is_refused_with_what_to_do() {
    for name in ["", ":memory:", ":memory:x", "file::memory:?cache=shared"] {
        let error = Postroom::open(name, Options::new(settings())).map(drop).unwrap_err();
        assert!(matches!(error, OpenError::InMemory { .. }), "{name}: {error}");
        assert!(error.to_string().contains("Postroom::open_temporary()"), "{error}");
    }
}

#[test]
fn why_a_text_does_not_parse_becomes_an_error_that_names_the_input() {
    fn parse() -> Result<DomainName, Error> {
        Ok("a..b".parse()?)
    }
    let error = parse().unwrap_err();
    assert!(matches!(&error, Error::Invalid { field: "name", .. }), "{error}");
}
