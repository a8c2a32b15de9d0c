//! Damage in the file: it is noticed before anything of it is shown, and the rest is served.

use postroom::error::Error;
use postroom::id::DomainId;
use postroom::integrity::{self, Next, Round};
use postroom::keyring::{self, Filter, Window};
use postroom::provision;
use postroom::rotation;

use crate::harness::app::{Key, TestApp};

/// Changes the file behind the library's back.
fn change(app: &TestApp, sql: &str) {
    assert!(app.sql().execute(sql, []).unwrap() > 0, "{sql}");
}

fn damaged(app: &TestApp) -> Vec<String> {
    app.postroom.read(integrity::damaged_rows).unwrap()
}

/// An app with two domains, and the path of the first in each dialect that shows what is published.
fn two_domains() -> (TestApp, Key, i64) {
    let app = TestApp::new();
    let key = app.account("acme");
    let first = app.domain(&key, "one.example.com");
    app.domain(&key, "two.example.com");
    (app, key, first)
}

#[test]
fn a_published_value_that_was_changed_in_the_file_is_refused_with_a_sentence_and_left_out_of_lists() {
    for sql in [
        "UPDATE dkim_key SET public_key = zeroblob(294) WHERE domain_id = 1",
        "UPDATE dkim_key SET selector = 'other' WHERE domain_id = 1",
        "UPDATE webhook_key SET public_key = zeroblob(32) WHERE domain_id = 1",
        "UPDATE domain SET name = 'won.example.com' WHERE id = 1",
    ] {
        let (app, key, first) = two_domains();
        assert_eq!(damaged(&app), Vec::<String>::new());
        change(&app, sql);
        let shown = app.call(&key, &format!("GET /api/v1/domains/{first}"));
        let text = shown.json()["error"].as_str().unwrap_or_default().to_owned();
        assert!(shown.status == 500 && text.contains("damaged, so it is not shown"), "{sql}: {shown:?}");
        let listed = app.call(&key, "GET /api/v1/domains").json();
        let names: Vec<&str> = listed.as_array().unwrap().iter().filter_map(|d| d["url"].as_str()).collect();
        assert_eq!(names, ["two.example.com"], "{sql}");
        assert!(!damaged(&app).is_empty(), "{sql}");
    }
}

#[test]
fn a_list_of_keys_leaves_a_damaged_one_out_and_says_what_is_wrong_with_it() {
    let (app, key, _) = two_domains();
    change(&app, "UPDATE dkim_key SET selector = 'other' WHERE domain_id = 1");
    let listed = app
        .postroom
        .read(|tx| keyring::list(tx, &key.operator(), &Filter::default(), Window::After(None), 100))
        .unwrap();
    let names: Vec<&str> = listed.entries.iter().map(|entry| entry.signing_domain.as_str()).collect();
    assert_eq!(names, ["two.example.com"]);
    let said: Vec<String> = listed.damaged.iter().map(ToString::to_string).collect();
    assert!(matches!(&said[..], [one] if one.contains("damaged")), "{said:?}");
}

#[test]
fn a_record_that_was_changed_in_the_file_is_refused_and_the_other_domains_are_not() {
    for sql in [
        "UPDATE record SET value = 'v=spf1 include:evil.example ~all' WHERE domain_id = 1 AND purpose = 'spf'",
        "UPDATE record SET priority = 11 WHERE domain_id = 1 AND purpose = 'mx'",
        "UPDATE record SET host = 'x' || host WHERE domain_id = 1 AND purpose = 'dmarc'",
    ] {
        let (app, key, _) = two_domains();
        change(&app, sql);
        let bearer = format!("Bearer {}", key.secret);
        let zone = |name: &str| {
            app.send(&format!("GET /postroom/v1/domains/{name}/zone"), &[("Authorization", &bearer)], b"")
                .status
        };
        assert_eq!((zone("one.example.com"), zone("two.example.com")), (500, 200), "{sql}");
        assert_eq!(damaged(&app).len(), 1, "{sql}");
    }
}

#[test]
fn a_round_makes_the_checksums_that_are_missing_and_finds_what_is_damaged() {
    let (app, key, first) = two_domains();
    for table in ["domain", "dkim_key", "webhook_key", "record"] {
        change(&app, &format!("UPDATE {table} SET checksum = NULL"));
    }
    // Its private half is sealed for another public one.
    change(&app, "UPDATE webhook_key SET public_key = zeroblob(32) WHERE domain_id = 2");
    let (mut round, mut found, mut pieces) = (Round::default(), Vec::new(), 0);
    loop {
        let piece = round.step(&app.postroom).unwrap();
        found.extend(piece.damage);
        pieces += 1;
        if piece.next == Next::Ended {
            break;
        }
        assert!(pieces < 1000, "a round ends");
    }
    assert!(found.iter().all(|line| line.contains("webhook key of the domain 2")), "{found:?}");
    assert_eq!(found.len(), 2, "when its checksum was to be made, and when it was compared: {found:?}");
    let left: i64 = app.value(
        "SELECT (SELECT count(*) FROM domain WHERE checksum IS NULL) + (SELECT count(*) FROM record WHERE checksum IS NULL)
             + (SELECT count(*) FROM dkim_key WHERE checksum IS NULL)
             + (SELECT count(*) FROM webhook_key WHERE checksum IS NULL)",
    );
    assert_eq!(left, 1, "that of the damaged row");
    assert_eq!(app.call(&key, &format!("GET /api/v1/domains/{first}")).status, 200);
}

#[test]
fn a_domain_that_is_renamed_or_changes_its_account_keeps_its_checksums_right() {
    let (app, key, first) = two_domains();
    let renamed = app.call_with(
        &key,
        &format!("PATCH /api/v1/domains/{first}"),
        &serde_json::json!({ "domain": { "url": "other.example.com" } }),
    );
    assert_eq!(renamed.status, 200, "{renamed:?}");
    let other = app.account("other");
    let moved: Result<(), Error> = app.postroom.write(|tx| {
        let domain = key.own(tx, DomainId::new(first))?;
        provision::transfer(tx, &key.operator(), &domain, other.account).map(drop)
    });
    moved.unwrap();
    assert_eq!(damaged(&app), Vec::<String>::new());
    assert_eq!(app.call(&other, "GET /api/v1/domains").json()[0]["url"], "other.example.com");
}

/// Has the one entry of an index that leads to the row `from` lead to `to`: what one flipped bit does. The index is found by
/// its table and its first columns. Pages: <https://www.sqlite.org/fileformat2.html#b_tree_pages>
fn lead_astray(app: &TestApp, table: &str, columns: &[&str], from: u8, to: u8) {
    let sql = app.sqlite();
    sql.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0)).unwrap();
    let listed = columns.join(",");
    let root: i64 = sql
        .query_row(
            "SELECT s.rootpage FROM pragma_index_list(?1) l JOIN sqlite_schema s ON s.name = l.name
             WHERE (SELECT group_concat(name) FROM (SELECT name FROM pragma_index_info(l.name) ORDER BY seqno LIMIT ?2)) = ?3",
            (table, i64::try_from(columns.len()).unwrap(), &listed),
            |row| row.get(0),
        )
        .unwrap_or_else(|e| panic!("{table} has no index of {listed}: {e}"));
    let root = usize::try_from(root).unwrap();
    let mut octets = std::fs::read(app.file()).unwrap();
    let size = usize::from(u16::from_be_bytes([octets[16], octets[17]]));
    let page = &mut octets[(root - 1) * size..root * size];
    assert_eq!(page[0], 10, "a leaf of an index");
    let number = |page: &[u8], at: usize| usize::from(u16::from_be_bytes([page[at], page[at + 1]]));
    let mut ends = (0..number(page, 3)).map(|cell| {
        let at = number(page, 8 + 2 * cell);
        // The length of what is stored, and that; the number of the row is its last value, of one octet.
        at + usize::from(page[at])
    });
    let end = ends.find(|end| page[*end] == from).unwrap_or_else(|| panic!("no entry leads to {from}"));
    page[end] = to;
    std::fs::write(app.file(), octets).unwrap();
}

#[test]
fn an_index_that_leads_twice_to_a_row_or_to_one_that_is_not_asked_for_shows_nothing_wrong() {
    use postroom::domain::{self, Order};
    use postroom::page::{Direction, Page};
    use postroom::record;
    type Asks = fn(&postroom::db::ReadTx<'_>, &postroom::account::Caller) -> Result<usize, Error>;
    // The index, from which row to which other one, what is asked, and what is said then.
    type Case = (&'static str, &'static [&'static str], &'static str, &'static str, Asks, &'static str);
    let named: Asks = |tx, caller| {
        let domain = domain::find_named(tx, caller, &"two.example.com".parse().unwrap())?;
        assert_eq!(domain.name.as_str(), "two.example.com");
        Ok(1)
    };
    let listed: Asks = |tx, caller| {
        Ok(domain::list(tx, caller, Order::Id, Direction::Ascending, Page { limit: 50, offset: 0 })?.len())
    };
    let keys: Asks =
        |tx, caller| Ok(keyring::of_domain(tx, &domain::find(tx, caller, DomainId::new(2))?)?.len());
    let records: Asks =
        |tx, caller| Ok(record::list(tx, &domain::find(tx, caller, DomainId::new(2))?)?.len());
    let of_key = "SELECT id FROM record WHERE dkim_key_id = 2";
    let of_domain = "SELECT max(id) FROM record WHERE domain_id = 2";
    let cases: [Case; 6] = [
        ("domain", &["name"], "SELECT 2", "SELECT 1", named, "the domain 1 is damaged"),
        ("domain", &["account_id", "id"], "SELECT 2", "SELECT 1", listed, "twice to the row 1"),
        ("domain", &["account_id", "id"], "SELECT 2", "SELECT 3", listed, "which is another account's"),
        (
            "dkim_key",
            &["domain_id", "selector"],
            "SELECT 2",
            "SELECT 1",
            keys,
            "the DKIM key 1 of the domain 2 is damaged",
        ),
        ("record", &["dkim_key_id"], of_key, "SELECT 1", keys, "the record of the DKIM key 2 is damaged"),
        ("record", &["domain_id", "id"], of_domain, of_key, records, "twice to the row"),
    ];
    for (table, columns, from, to, ask, said) in cases {
        let (app, key, _) = two_domains();
        app.domain(&app.account("other"), "three.example.com");
        let caller = app.caller(&key);
        assert!(app.reopened().read(|tx| ask(tx, &caller)).is_ok());
        let row = |sql: &str| u8::try_from(app.value::<i64>(sql)).unwrap();
        lead_astray(&app, table, columns, row(from), row(to));
        let told = app.reopened().read(|tx| ask(tx, &caller)).unwrap_err();
        assert!(told.is_damage() && told.to_string().contains(said), "{table} {columns:?}: {told}");
    }
}

/// Whether this failed because of damage.
fn is_damage<T>(done: Result<T, Error>) -> bool {
    done.is_err_and(|error| error.is_damage())
}

#[test]
fn a_domain_that_is_damaged_keeps_no_other_one_from_its_rotations() {
    let (app, key, _) = two_domains();
    app.first_key_signs();
    for id in [1, 2] {
        let every = Some(std::time::Duration::from_hours(5 * 24));
        let set = app.postroom.write(|tx| {
            rotation::set_interval(tx, &key.operator(), &key.own(tx, DomainId::new(id))?, every).map(drop)
        });
        set.unwrap();
    }
    app.clock.advance(std::time::Duration::from_hours(6 * 24));
    change(&app, "UPDATE domain SET name = 'won.example.com' WHERE id = 1");
    let count = |sql: &str| app.value::<i64>(&format!("SELECT count(*) FROM {sql}"));
    assert!(is_damage(rotation::keep(&app.postroom)));
    assert_eq!(count("rotation WHERE domain_id = 2 AND key_id IS NOT NULL"), 1);
    // The damaged one's key was retired first.
    change(&app, "UPDATE dkim_key SET activated_at = NULL, retired_at = id WHERE activated_at IS NOT NULL");
    assert!(is_damage(rotation::keep(&app.postroom)));
    assert_eq!(count("dkim_key WHERE domain_id = 2 AND released_at IS NOT NULL"), 1);
    assert_eq!(count("dkim_key WHERE domain_id = 1 AND released_at IS NOT NULL"), 0);
}

#[test]
fn a_domain_that_is_damaged_keeps_no_other_one_from_its_first_key() {
    let (app, _, _) = two_domains();
    change(&app, "UPDATE domain SET wants_key = 1");
    change(&app, "DELETE FROM dkim_key");
    change(&app, "UPDATE domain SET name = 'won.example.com' WHERE id = 1");
    assert!(is_damage(provision::equip_some(&app.postroom, 16)));
    assert!(provision::equip_some(&app.postroom, 16).unwrap());
    assert_eq!(app.value::<i64>("SELECT domain_id FROM dkim_key"), 2);
    assert!(!provision::equip_some(&app.postroom, 16).unwrap(), "nothing is left to do");
}
