//! Reports of misclassified messages: whose they are, what is kept and how long, and the mailbox file.

use std::time::Duration;

use postroom::account::Caller;
use postroom::cap::Cap;
use postroom::clock::Timestamp;
use postroom::domain;
use postroom::error::{Entity, Error};
use postroom::id::{DomainId, ReportId};
use postroom::page::Page;
use postroom::provision;
use postroom::report::{self, NewReport, Report, ReportKind, Selection, mbox};
use postroom::secret::{PlainSecret, SecretKind};
use proptest::prelude::*;

use crate::harness::app::{Key, START_MILLIS, TestApp, settings};

const MESSAGE: &[u8] =
    b"From: Jo <jo@example.org>\r\nSubject: win\r\n\r\n8-bit \xFF, a NUL \0 and no line end";

fn holder(app: &TestApp, key: &Key) -> Caller {
    let secret = PlainSecret::parse(SecretKind::AccountKey, &key.secret).unwrap();
    app.postroom.read(|tx| postroom::key::authenticate(tx, &secret)).unwrap().unwrap()
}

fn file(app: &TestApp, caller: &Caller, new: &NewReport<'_>) -> Result<Report, Error> {
    app.postroom.write(|tx| report::file(tx, caller, new))
}

fn to(recipient: &str) -> NewReport<'_> {
    NewReport { recipient: Some(recipient), ..NewReport::of(ReportKind::FalseNegative, MESSAGE) }
}

const ALL: Page = Page { limit: 1000, offset: 0 };

fn ids(app: &TestApp, selection: &Selection) -> Vec<i64> {
    let reports = app.postroom.read(|tx| report::list(tx, selection, ALL)).unwrap();
    reports.iter().map(|report| report.id.number()).collect()
}

#[test]
fn a_report_keeps_the_message_octet_for_octet_and_the_envelope_as_told() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "example.com");
    let caller = holder(&app, &key);
    let new = NewReport {
        kind: ReportKind::FalsePositive,
        message: MESSAGE,
        helo: Some("mail.example.org"),
        sender: Some("<>"),
        recipient: Some("<Jo+x@Example.COM>"),
        client: Some("2001:db8::25"),
    };
    let filed = file(&app, &caller, &new).unwrap();
    let (found, message) = app
        .postroom
        .read(|tx| {
            let found = report::find(tx, filed.id)?;
            let message = report::message(tx, &found)?;
            Ok::<_, Error>((found, message))
        })
        .unwrap();
    assert_eq!((&found, message.as_slice()), (&filed, MESSAGE));
    assert_eq!(found.domain.map(|name| name.to_string()).as_deref(), Some("example.com"));
    assert_eq!((found.sender.as_deref(), found.recipient.as_deref()), (Some(""), Some("Jo+x@Example.COM")));
    assert_eq!(
        (found.helo.as_deref(), found.client.as_deref()),
        (Some("mail.example.org"), Some("2001:db8::25"))
    );
    assert_eq!(
        (found.key, found.octets, found.filed_at.millis()),
        (Some(key.id), MESSAGE.len() as u64, START_MILLIS)
    );
    let event = app.events(key.account).pop().unwrap();
    assert_eq!((event.action(), event.subject().as_str()), ("report.filed", "1"));
    assert_eq!(
        event.detail().unwrap(),
        "report 1 of a false positive filed for a recipient at example.com",
        "and no address"
    );
}

#[test]
fn a_report_names_its_domain_only_where_that_is_there_for_the_caller_and_is_kept_anyway() {
    let app = TestApp::new();
    let (key, stranger) = (app.account("acme"), app.account("other"));
    let sibling = app.key_of(key.account);
    let id = app.domain(&key, "example.com");
    let domain = app.details(&key, DomainId::new(id));
    app.postroom
        .write(|tx| domain::associate(tx, &key.operator(), &key.own(tx, domain.id)?, Some(key.id)))
        .unwrap();
    let named = |caller: &Caller, recipient: &str| {
        let report = file(&app, caller, &to(recipient)).unwrap();
        assert_eq!(report.account, caller.account());
        report.domain.map(|name| name.to_string())
    };
    app.postroom
        .write(|tx| {
            let domain = key.own(tx, domain.id)?;
            postroom::inbound::add_alias(tx, &key.operator(), &domain, &"alias.example".parse().unwrap())
        })
        .unwrap();
    for recipient in ["jo@example.com", "jo@alias.example"] {
        assert_eq!(named(&holder(&app, &key), recipient).as_deref(), Some("example.com"), "{recipient}");
    }
    for caller in [holder(&app, &sibling), holder(&app, &stranger)] {
        for recipient in [
            "jo@example.com",
            "jo@alias.example",
            "jo@never.example",
            "jo@sub.example.com",
            "",
            "jo",
            "jo@[192.0.2.1]",
        ] {
            assert_eq!(named(&caller, recipient), None, "{recipient}");
        }
    }
    assert_eq!(
        file(&app, &key.operator(), &NewReport::of(ReportKind::FalsePositive, MESSAGE)).unwrap().recipient,
        None
    );
}

#[test]
fn what_is_no_message_or_no_envelope_is_refused_and_nothing_is_kept() {
    let mut settings = settings();
    settings.max_report_octets = 200;
    let app = TestApp::with(settings, 0);
    let key = app.account("acme");
    let caller = holder(&app, &key);
    let before = app.dump();
    let large = [MESSAGE, &[b'x'; 200]].concat();
    let long = "x".repeat(513);
    for (new, wrong) in [
        (NewReport::of(ReportKind::FalsePositive, b""), "message"),
        (NewReport::of(ReportKind::FalsePositive, b"hello"), "message"),
        (NewReport::of(ReportKind::FalsePositive, b"Subject: x\r\n\r\n"), "message"),
        (NewReport::of(ReportKind::FalsePositive, &large), "message"),
        (to("jo@example.com\r\nFrom x"), "recipient"),
        (NewReport { sender: Some("a\nb"), ..to("jo@example.com") }, "sender"),
        (NewReport { helo: Some(&long), ..to("jo@example.com") }, "helo"),
        (NewReport { client: Some("\0"), ..to("jo@example.com") }, "client"),
    ] {
        match file(&app, &caller, &new) {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, wrong),
            other => panic!("{wrong}: {other:?}"),
        }
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn an_account_has_room_for_so_much_and_another_for_its_own() {
    let mut settings = settings();
    // Each takes 4 KiB beside its message.
    settings.caps.report_octets = 2 * MESSAGE.len() as u64 + 4096;
    let app = TestApp::with(settings, 0);
    let (key, other) = (app.account("acme"), app.account("other"));
    let new = NewReport::of(ReportKind::FalseNegative, MESSAGE);
    for _ in 0..2 {
        file(&app, &key.operator(), &new).unwrap();
    }
    let full = file(&app, &key.operator(), &new);
    assert!(matches!(full, Err(Error::Cap { cap: Cap::Reports, .. })), "{full:?}");
    file(&app, &other.operator(), &new).unwrap();
    // There is room again when the old ones are gone.
    app.advance(30 * 24);
    app.clock.advance(Duration::from_millis(1));
    report::expire(&app.postroom).unwrap();
    file(&app, &key.operator(), &new).unwrap();
}

#[test]
fn a_report_goes_when_its_time_is_over_with_its_message() {
    let app = TestApp::new();
    let key = app.account("acme");
    for _ in 0..25 {
        file(&app, &key.operator(), &to("jo@example.com")).unwrap();
    }
    app.advance(24);
    file(&app, &key.operator(), &to("jo@example.com")).unwrap();
    app.advance(29 * 24);
    assert_eq!(report::expire(&app.postroom).unwrap(), 0, "not before its 30 days are over");
    app.clock.advance(Duration::from_millis(1));
    assert_eq!(report::expire(&app.postroom).unwrap(), 25);
    assert_eq!(ids(&app, &Selection::default()), [26]);
    for table in ["report", "report_message"] {
        assert_eq!(app.value::<i64>(&format!("SELECT count(*) FROM {table}")), 1, "{table}");
    }
}

#[test]
fn a_report_outlives_its_domain_and_stays_with_its_account() {
    let app = TestApp::new();
    let (key, other) = (app.account("acme"), app.account("other"));
    let id = app.domain(&key, "example.com");
    let filed = file(&app, &holder(&app, &key), &to("jo@example.com")).unwrap();
    let domain = app.details(&key, DomainId::new(id));
    app.postroom
        .write(|tx| provision::transfer(tx, &key.operator(), &key.own(tx, domain.id)?, other.account))
        .unwrap();
    app.revoke(&key);
    assert_eq!(app.postroom.read(|tx| report::find(tx, filed.id)).unwrap(), filed);
    let domain = app.details(&other, DomainId::new(id));
    app.postroom.write(|tx| provision::delete(tx, &other.operator(), &other.own(tx, domain.id)?)).unwrap();
    assert_eq!(app.postroom.read(|tx| report::find(tx, filed.id)).unwrap(), filed);
    let theirs = Selection { account: Some(other.account), since: None };
    assert!(ids(&app, &theirs).is_empty());
}

#[test]
fn a_list_is_the_newest_first_and_an_export_the_oldest_of_what_is_selected() {
    let app = TestApp::new();
    let (key, other) = (app.account("acme"), app.account("other"));
    for caller in [&key, &other, &key] {
        file(&app, &caller.operator(), &to("jo@example.com")).unwrap();
        app.advance(1);
    }
    let later = Timestamp::from_millis(START_MILLIS) + Duration::from_hours(1);
    let all = Selection::default();
    let since = Selection { account: None, since: Some(later) };
    let of_key = Selection { account: Some(key.account), since: None };
    let both = Selection { account: Some(key.account), since: Some(later) };
    for (selection, expected) in
        [(all, vec![3, 2, 1]), (since, vec![3, 2]), (of_key, vec![3, 1]), (both, vec![3])]
    {
        assert_eq!(ids(&app, &selection), expected);
        let (mut exported, mut last) = (Vec::new(), None);
        while let Some(next) = app.postroom.read(|tx| report::next(tx, &selection, last)).unwrap() {
            exported.push(next.id.number());
            last = Some(next.id);
        }
        exported.reverse();
        assert_eq!(exported, expected);
    }
    let page = app.postroom.read(|tx| report::list(tx, &all, Page { limit: 1, offset: 1 })).unwrap();
    assert_eq!(page[0].id, ReportId::new(2));
    let never = app.postroom.read(|tx| report::find(tx, ReportId::new(99)));
    assert!(matches!(never, Err(Error::NotFound(Entity::Report))));
}

#[test]
fn lists_and_sums_read_indexes_and_no_message() {
    let app = TestApp::new();
    let sql = app.sqlite();
    let plan = |statement: &str| {
        let mut explained = sql.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
        let rows = explained.query_map([], |row| row.get::<_, String>(3)).unwrap();
        rows.collect::<Result<Vec<_>, _>>().unwrap().join("; ")
    };
    let sum = plan("SELECT coalesce(sum(octets), 0) FROM report WHERE account_id = 1");
    assert!(sum.contains("COVERING INDEX report_by_account"), "{sum}");
    let page = plan("SELECT * FROM report WHERE account_id = 1 AND filed_at >= 0 ORDER BY id DESC LIMIT 9");
    assert!(page.contains("INDEX report_by_account") && !page.contains("TEMP B-TREE"), "{page}");
    let old = plan("SELECT id FROM report WHERE filed_at < 9 ORDER BY filed_at LIMIT 10");
    assert!(old.contains("report_by_filing") && !old.contains("TEMP B-TREE"), "{old}");
}

/// The messages of a mailbox file, as a reader of mboxrd finds them, knowing nothing of how it was written.
fn messages(file: &[u8]) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    for line in file.split_inclusive(|octet| *octet == b'\n') {
        if line.starts_with(b"From ") {
            found.push(Vec::new());
            continue;
        }
        let unquoted = line.strip_prefix(b">").filter(|rest| {
            let quotes = rest.iter().take_while(|octet| **octet == b'>').count();
            rest[quotes..].starts_with(b"From ")
        });
        found.last_mut().unwrap().extend_from_slice(unquoted.unwrap_or(line));
    }
    for message in &mut found {
        assert_eq!(message.pop(), Some(b'\n'), "an empty line ends each");
    }
    found
}

/// A message as a mailbox file has it: LF alone, also at the end.
fn with_lf(message: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    for line in message.split_inclusive(|octet| *octet == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        plain.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        plain.push(b'\n');
    }
    plain
}

fn a_report(sender: Option<&str>) -> Report {
    let app = TestApp::with(settings(), 0);
    let key = app.account("acme");
    file(&app, &key.operator(), &NewReport { sender, ..NewReport::of(ReportKind::FalsePositive, MESSAGE) })
        .unwrap()
}

#[test]
fn an_entry_begins_with_the_sender_and_the_time_and_quotes_what_looks_like_one() {
    let entry = |sender| {
        String::from_utf8(mbox::entry(&a_report(sender), b"From: x\r\n\r\nFrom a\r\n>From b\n>>Fromage"))
            .unwrap()
    };
    assert_eq!(
        entry(Some("jo@example.org")),
        "From jo@example.org Sat Nov 21 10:00:00 2026\nFrom: x\n\n>From a\n>>From b\n>>Fromage\n\n"
    );
    for sender in [None, Some(""), Some("<>"), Some("\"a b\"@example.org")] {
        assert!(entry(sender).starts_with("From MAILER-DAEMON Sat Nov 21 10:00:00 2026\n"), "{sender:?}");
    }
}

/// What messages are put together from.
const PIECES: &[&[u8]] = &[
    b"From ",
    b">",
    b"From: jo@example.com",
    b"\n",
    b"\r\n",
    b"\r",
    b" ",
    b"x",
    b"\xFF\0",
    b"\nFrom ",
    b"\n>From ",
];

proptest! {
    #[test]
    fn a_mailbox_file_splits_back_into_its_messages(
        all in proptest::collection::vec(
            proptest::collection::vec(
                prop::sample::select(PIECES.to_vec()),
                0..30,
            ),
            0..6,
        )
    ) {
        let all: Vec<Vec<u8>> = all.into_iter().map(|pieces| pieces.concat()).collect();
        thread_local! {
            static REPORT: Report = a_report(Some("jo@example.org"));
        }
        let file: Vec<u8> = REPORT.with(|report| all.iter().flat_map(|message| mbox::entry(report, message)).collect());
        let expected: Vec<Vec<u8>> = all.iter().map(|message| with_lf(message)).collect();
        prop_assert_eq!(messages(&file), expected);
    }
}
