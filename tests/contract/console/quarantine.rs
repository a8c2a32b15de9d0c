//! What is held back, in the console.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use postroom::clock::Clock;
use postroom::event::{self, Event, Search};
use postroom::id::DomainId;
use postroom::mail::Folder;
use postroom::provision;

use crate::harness::app::{Key, TestApp};
use crate::harness::mail;

const LIST: &str = "GET /console/domains/{name}/quarantine";
const SHOW: &str = "GET /console/domains/{name}/quarantine/{message}";
const RELEASE: &str = "POST /console/domains/{name}/quarantine/{message}/release";
const DELETE: &str = "POST /console/domains/{name}/quarantine/{message}/delete";
const JUNK: &str =
    "From: Spammer <s@b.example>\nSubject: Buy <b>now</b>\nMessage-ID: <1@b.example>\n\n<script>x</script>\n";

fn world() -> (TestApp, Key, String) {
    let app = TestApp::new().with_mail();
    let key = app.account("acme");
    app.domain(&key, "example.com");
    let session = app.session(key.account);
    (app, key, session)
}

fn hold(app: &TestApp, mailbox: &str, id: &str) -> PathBuf {
    mail::keep(&app.mail_dir(), mailbox, Folder::Quarantine, id, JUNK)
}

fn newest(app: &TestApp, key: &Key) -> Event {
    let search = Search { account: Some(key.account), ..Search::default() };
    app.postroom.read(|tx| event::newest(tx, &search, 1)).unwrap().remove(0)
}

fn line(route: &str, id: &str) -> String {
    route.replace("{name}", "example.com").replace("{message}", id)
}

#[test]
fn what_is_held_back_is_listed_shown_as_text_and_delivered() {
    let (app, key, session) = world();
    let empty = app.visit(&session, &line(LIST, ""), "");
    assert!(empty.text().contains("Nothing is held back"), "{}", empty.text());
    hold(&app, "jo@example.com", "msg_a");
    hold(&app, "bo@example.com", "msg_b");
    let all = app.visit(&session, &line(LIST, ""), "");
    assert!(all.text().contains("msg_a?mailbox=jo%40example.com") && all.text().contains("msg_b?mailbox=bo"));
    assert!(all.text().contains("Buy &lt;b&gt;now&lt;/b&gt;"), "{}", all.text());
    let one = app.visit(&session, &(line(LIST, "") + "?mailbox=bo@example.com"), "");
    assert!(!one.text().contains("msg_a") && one.text().contains("msg_b"));

    let shown = app.visit(&session, &(line(SHOW, "msg_a") + "?mailbox=jo@example.com"), "");
    assert_eq!(shown.status, 200);
    assert!(shown.text().contains("&lt;script&gt;x&lt;/script&gt;") && shown.text().contains("a@b.example"));
    assert!(!shown.text().contains("<script>x"));

    let done = app.visit(&session, &line(RELEASE, "msg_a"), "mailbox=jo@example.com");
    assert_eq!(done.status, 303, "{}", done.text());
    let inbox: Vec<_> = fs::read_dir(app.mail_dir().join("example.com/jo/new")).unwrap().collect();
    assert_eq!(inbox.len(), 1, "its route is to store");
    let again = app.visit(&session, &line(RELEASE, "msg_a"), "mailbox=jo@example.com");
    assert_eq!(again.status, 404, "it is not held back any more");
    let told = newest(&app, &key);
    assert_eq!(told.action(), "message.released");
    assert_eq!(told.detail().unwrap(), "message msg_a that was held back for jo@example.com delivered");
}

#[test]
fn a_message_is_deleted_once_the_word_is_typed() {
    let (app, key, session) = world();
    let file = hold(&app, "jo@example.com", "msg_a");
    for confirm in ["", "&confirm=", "&confirm=yes"] {
        let kept = app.visit(&session, &line(DELETE, "msg_a"), &format!("mailbox=jo@example.com{confirm}"));
        assert!(kept.status == 422 && file.exists(), "{confirm}: {}", kept.text());
        assert!(kept.text().contains("Type delete.") && kept.text().contains("delete-confirm-error"));
    }
    let gone = app.visit(&session, &line(DELETE, "msg_a"), "mailbox=jo@example.com&confirm=delete");
    assert_eq!((gone.status, file.exists()), (303, false));
    let told = newest(&app, &key);
    assert_eq!(told.action(), "message.deleted");
    let token = [("Content-Type", "application/x-www-form-urlencoded")];
    assert_eq!(app.send(&line(DELETE, "msg_a"), &token, b"mailbox=jo@example.com").status, 401);
}

#[test]
fn nothing_outside_the_domains_own_folders_is_reached() {
    let (app, key, session) = world();
    app.domain(&key, "other.example");
    let others = hold(&app, "jo@other.example", "msg_o");
    let inbox = mail::keep(&app.mail_dir(), "jo@example.com", Folder::Inbox, "msg_i", JUNK);
    fs::write(app.mail_dir().join("secret"), "x").unwrap();
    let domain = app.domain_session(&key.operator(), DomainId::new(1));
    for who in [&session, &domain] {
        for (id, mailbox) in [
            ("msg_o", "jo@other.example"),
            ("msg_o", "jo@example.com"),
            ("msg_i", "jo@example.com"),
            ("..%2F..%2Fnew%2Fmsg_i", "jo@example.com"),
            ("..%2F..%2F..%2Fsecret", "jo@example.com"),
            ("%2Fetc%2Fpasswd", "jo@example.com"),
            ("msg_o", "..%2Fother.example%2Fjo@example.com"),
            ("msg_o", "%22..%2F..%2Fother.example%2Fjo%22@example.com"),
            ("msg_o", ""),
            ("", "jo@example.com"),
        ] {
            let told = format!("{id} {mailbox}");
            let shown = app.visit(who, &format!("{}?mailbox={mailbox}", line(SHOW, id)), "");
            let is_list = id.is_empty();
            assert!(is_list || shown.status == 404, "{told}: {}", shown.status);
            for route in [RELEASE, DELETE] {
                let form = format!("mailbox={mailbox}&confirm=delete");
                assert_eq!(app.visit(who, &line(route, id), &form).status, 404, "{told}");
            }
        }
    }
    assert!(others.exists() && inbox.exists());
    let elsewhere = line(LIST, "").replace("example.com", "other.example");
    assert_eq!(app.visit(&domain, &elsewhere, "").status, 404);
}

#[test]
fn mail_from_before_the_account_held_the_name_is_not_there() {
    let (app, key, session) = world();
    let file = hold(&app, "jo@example.com", "msg_a");
    let now = u64::try_from(app.clock.now().seconds()).unwrap();
    let earlier = std::time::UNIX_EPOCH + Duration::from_secs(now - 60);
    fs::File::options().write(true).open(&file).unwrap().set_modified(earlier).unwrap();
    assert!(app.visit(&session, &line(LIST, ""), "").text().contains("Nothing is held back"));
    let shown = app.visit(&session, &(line(SHOW, "msg_a") + "?mailbox=jo@example.com"), "");
    assert_eq!(shown.status, 404);
    app.postroom
        .write(|tx| {
            let domain = key.own(tx, DomainId::new(1))?;
            provision::delete(tx, &key.operator(), &domain)
        })
        .unwrap();
    assert!(file.exists(), "what is on disk is the operator's");
}

/// A claim goes on counting from an earlier one of the account, and the mail of whoever had the name in between is not its.
#[test]
fn mail_from_before_is_not_there_although_an_earlier_claim_counts() {
    let app = TestApp::new().with_mail();
    let (mallory, owner) = (app.tenant("mallory"), app.account("owner"));
    let delete = |key: &Key, id: i64| {
        let deleted = app.postroom.write(|tx| {
            let domain = key.own(tx, DomainId::new(id))?;
            provision::delete(tx, &key.operator(), &domain)
        });
        deleted.unwrap();
    };
    delete(&mallory, app.domain(&mallory, "example.com"));
    app.advance(1);
    let id = app.domain(&owner, "example.com");
    let file = hold(&app, "jo@example.com", "msg_theirs");
    let then =
        std::time::SystemTime::UNIX_EPOCH + Duration::from_millis(app.clock.now().millis().unsigned_abs());
    fs::File::options().write(true).open(file).unwrap().set_modified(then).unwrap();
    app.advance(1);
    delete(&owner, id);
    let id = app.domain(&mallory, "example.com");
    let (claimed, held) = app
        .postroom
        .read(|tx| {
            let domain = mallory.own(tx, DomainId::new(id))?;
            Ok::<_, postroom::Error>((domain.claimed_at, domain.held_since))
        })
        .unwrap();
    assert!(claimed < held, "the earlier claim counts");
    let session = app.session(mallory.account);
    let shown = app.visit(&session, &line(LIST, ""), "");
    assert!(shown.status == 200 && !shown.text().contains("msg_theirs"), "{}", shown.text());
    for route in [SHOW, RELEASE, DELETE] {
        let body = if route == SHOW { "" } else { "mailbox=jo@example.com&confirm=delete" };
        let at = line(route, "msg_theirs") + if route == SHOW { "?mailbox=jo@example.com" } else { "" };
        assert_eq!(app.visit(&session, &at, body).status, 404, "{route}");
    }
}

#[test]
fn a_server_without_mail_or_that_may_not_read_it_says_so() {
    let (app, _, session) = world();
    let path = app.mail_dir();
    hold(&app, "jo@example.com", "msg_a");
    let says = |text: &str| {
        let list = app.visit(&session, &line(LIST, ""), "");
        assert!(list.status == 200 && list.text().contains(text), "{text}: {}", list.text());
        let shown = app.visit(&session, &(line(SHOW, "msg_a") + "?mailbox=jo@example.com"), "");
        assert!(shown.status == 200 && shown.text().contains(text), "{text}");
        let form = "mailbox=jo@example.com";
        assert_eq!(app.visit(&session, &line(RELEASE, "msg_a"), form).status, 422, "{text}");
    };
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // Whoever runs the tests as root may read everything.
    if fs::read_dir(&path).is_err() {
        says("may not read the folder");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    fs::rename(&path, path.with_extension("away")).unwrap();
    says("keeps no mail");
    let bare = TestApp::new();
    let key = bare.account("acme");
    bare.domain(&key, "example.com");
    let page = bare.visit(&bare.session(key.account), &line(LIST, ""), "");
    assert!(page.text().contains("keeps no mail"), "{}", page.text());
}
