//! Deliveries to the webhook, in the console.

use postroom::domain;
use postroom::id::DomainId;
use postroom::mail::Folder;
use postroom::provision;
use postroom::webhook::call::{self, CallOutcome};
use postroom_server::wire::Switches;

use crate::harness::app::{Key, TestApp};
use crate::harness::mail;
use crate::harness::receiver::{Answer, Webhook};

const LIST: &str = "GET /console/domains/{name}/deliveries";
const AGAIN: &str = "POST /console/domains/{name}/deliveries/{delivery}/again";
const ID: &str = "msg_abcdefghijklmnopqrstuvwxyz";
const JO: &str = "jo@example.com";

fn world() -> (TestApp, Key, String) {
    let app = TestApp::new().with_mail();
    let app = app.switched(Switches { loopback_webhooks: true, ..Switches::default() });
    let key = app.account("acme");
    app.domain(&key, "example.com");
    let session = app.session(key.account);
    (app, key, session)
}

fn line(route: &str, id: &str) -> String {
    route.replace("{name}", "example.com").replace("{delivery}", id)
}

fn post(app: &TestApp, id: &str, outcome: CallOutcome) {
    mail::post(app, DomainId::new(1), JO, id, outcome);
}

#[test]
fn deliveries_are_listed_by_their_outcome_the_newest_first_and_page_by_page() {
    let (app, key, session) = world();
    let list = |query: &str| app.visit(&session, &(line(LIST, "") + query), "").text().to_owned();
    assert!(list("").contains("Nothing was posted."));
    for number in 0..60 {
        app.clock.advance(std::time::Duration::from_secs(1));
        post(
            &app,
            &format!("msg_{number:02}"),
            CallOutcome::Answered(if number % 6 == 0 { 500 } else { 204 }),
        );
    }
    post(&app, "msg_59", CallOutcome::Unanswered("it did <not> answer in time".to_owned()));
    let first = list("");
    assert_eq!(first.matches("<tr>").count(), 51);
    assert!(first.contains(">Outcome<") && !first.contains("CallOutcome"), "{first}");
    assert!(first.contains("msg_59") && first.contains("msg_10") && !first.contains("msg_09"));
    assert!(first.contains("it did &lt;not&gt; answer in time") && first.contains("2 calls"), "{first}");
    let older =
        first.split("href=\"").find(|part| part.contains("after=")).unwrap().split('"').next().unwrap();
    let second = app.visit(&session, &format!("GET {older}"), "").text().to_owned();
    assert_eq!(second.matches("<tr>").count(), 11);
    assert!(second.contains("msg_09") && second.contains("msg_00") && !second.contains("msg_10"));
    let failed = list("?show=failed");
    assert_eq!(failed.matches("<tr>").count(), 12, "ten answered 500, and one not at all");
    assert!(failed.contains("msg_54") && !failed.contains("msg_53"));

    let native = |query: &str| {
        let bearer = format!("Bearer {}", key.secret);
        let line = format!("GET /postroom/v1/domains/example.com/deliveries{query}");
        app.send(&line, &[("Authorization", &bearer)], b"").json()
    };
    let some = native("?limit=2&failed=true");
    assert_eq!(
        (&some["deliveries"][0]["id"], &some["deliveries"][1]["id"]),
        (&"msg_59".into(), &"msg_54".into())
    );
    assert_eq!(some["deliveries"][0]["attempts"], 2);
}

#[test]
fn a_kept_message_is_posted_again_under_its_id() {
    let (app, _, session) = world();
    let hook = Webhook::new();
    let form =
        format!("mode=webhook_then_store&webhook_url={}&recipients=any", hook.url().replace('&', "%26"));
    let set = app.visit(&session, "POST /console/domains/example.com/mail/route", &form);
    assert_eq!(set.status, 303, "{}", set.text());
    mail::keep(&app.mail_dir(), JO, Folder::Inbox, ID, "From: a@b.example\nSubject: Hi\n\nHello\n");
    post(&app, ID, CallOutcome::Answered(500));
    let again = || app.visit(&session, &line(AGAIN, ID), "list=show%3Dfailed");
    let done = again();
    let place = "/console/domains/example.com/deliveries?show=failed";
    assert_eq!((done.status, done.header("location")), (303, Some(place)), "{}", done.text());
    let posts = hook.posts();
    assert_eq!((posts.len(), posts[0].field("webhook-id")), (1, ID));
    let body: serde_json::Value = serde_json::from_slice(&posts[0].body).unwrap();
    assert_eq!((&body["data"]["sender"], &body["data"]["mailbox"]), (&"a@b.example".into(), &JO.into()));
    let listed = app.visit(&session, &line(LIST, ""), "").text().to_owned();
    assert!(listed.contains("Taken") && listed.contains("2 calls"), "{listed}");

    hook.answers(Answer::status(500));
    let failed = again();
    assert_eq!(failed.status, 422);
    assert!(failed.text().contains("?show=failed\" aria-current=\"true\""), "{}", failed.text());
    assert!(failed.text().contains("It was posted, and not taken: 451 4.4.1 The webhook answers 500."));
    std::fs::remove_dir_all(app.mail_dir().join("example.com")).unwrap();
    let gone = again();
    assert!(gone.status == 422 && gone.text().contains("not in its mailbox any more"), "{}", gone.text());
    assert_eq!(app.visit(&session, &line(AGAIN, "msg_never"), "").status, 404);

    mail::keep(&app.mail_dir(), JO, Folder::Inbox, ID, "From: a@b.example\n\nHello\n");
    app.visit(&session, "POST /console/domains/example.com/mail/route", "mode=store&recipients=any");
    let stored = again();
    assert!(stored.status == 422 && stored.text().contains("posts to no webhook now"), "{}", stored.text());
}

#[test]
fn what_is_kept_of_an_account_is_bounded_by_number_and_by_time_and_goes_with_its_domain() {
    let (app, key, _) = world();
    let count = || app.value::<i64>("SELECT count(*) FROM webhook_call");
    let rows = "INSERT INTO webhook_call (domain_id, account_id, delivery, recipient, mailbox, is_kept, is_taken, status, millis, attempts, first_at, last_at)
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
        SELECT 1, 1, 'old_' || i, 'jo@example.com', 'jo@example.com', 0, 0, 500, 1, 1, i, i FROM n";
    app.sql().execute(rows, []).unwrap();
    let first = app.value::<i64>("SELECT account_id FROM domain WHERE id = 1");
    assert_eq!((first, count()), (key.account.number(), 10_000));
    post(&app, ID, CallOutcome::Answered(204));
    assert_eq!(count(), 10_000);
    assert_eq!(
        app.value::<i64>("SELECT count(*) FROM webhook_call WHERE delivery = 'old_1'"),
        0,
        "the oldest is gone"
    );
    while app.postroom.write(|tx| call::forget_old(tx, 500)).unwrap() > 0 {}
    assert_eq!(count(), 1, "what is older than 30 days is gone");
    app.domain(&key, "other.example");
    mail::post(&app, DomainId::new(2), "jo@other.example", ID, CallOutcome::Answered(204));
    let other = app.account("other").account;
    app.postroom
        .write(|tx| {
            provision::transfer(tx, &key.operator(), &key.own(tx, DomainId::new(2))?, other).map(drop)
        })
        .unwrap();
    assert_eq!(count(), 1, "who gets a domain does not get what was posted before");
    app.postroom.write(|tx| domain::delete(tx, &key.operator(), &key.own(tx, DomainId::new(1))?)).unwrap();
    assert_eq!(count(), 0);
    // The domain is gone when the call is written down.
    post(&app, ID, CallOutcome::Answered(204));
    assert_eq!(count(), 0);
}
