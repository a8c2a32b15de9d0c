//! The pages of claims: names that are contended for, and how they are proved.

use crate::harness::app::{Key, TestApp};

fn world() -> (TestApp, Key, Key, String) {
    let app = TestApp::new();
    let first = app.tenant("first");
    app.domain(&first, "example.com");
    let second = app.tenant("second");
    let session = app.session(second.account);
    (app, first, second, session)
}

#[test]
fn a_name_that_another_account_has_is_claimed_proved_and_had() {
    let (app, first, second, session) = world();
    let name = "example.com";
    let taken = app.visit(&session, "POST /console/domains", "domain=example.com");
    assert!(taken.status == 422 && taken.text().contains("taken by another account"), "{}", taken.text());
    let made = app.visit(&session, "POST /console/claims", "name=example.com");
    assert_eq!((made.status, made.header("location")), (303, Some("/console/claims/example.com")));
    let list = app.visit(&session, "GET /console/claims", "").text().to_owned();
    assert!(list.contains("Contended for") && list.contains("/console/claims/example.com\""), "{list}");
    let page = app.visit(&session, "GET /console/claims/example.com", "").text().to_owned();
    assert!(page.contains("_postroom-challenge.example.com") && page.contains("Check now"), "{page}");
    let asked = app.dns.asked().len();
    let early = app.visit(&session, &format!("POST /console/claims/{name}/check"), "");
    assert_eq!(early.status, 200);
    assert!(
        early.text().contains("Contended for") && early.text().contains("What each server said"),
        "{}",
        early.text()
    );
    assert!(app.dns.asked().len() > asked);
    app.publish_challenge(&second, "example.com");
    let proved = app.visit(&session, &format!("POST /console/claims/{name}/check"), "");
    assert!(proved.text().contains("Yours"), "{}", proved.text());
    assert_eq!(app.visit(&session, "GET /console/domains/example.com", "").status, 200);
    // Who had the name sees why it is lost.
    let theirs = app.session(first.account);
    let why = app.visit(&theirs, "GET /console/claims/example.com", "").text().to_owned();
    assert!(why.contains("Lost") && why.contains("Claim it anew"), "{why}");
    assert!(why.contains("data-said=\""), "a script reads aloud how the claim stands after a check: {why}");
    let forgotten = app.visit(&theirs, &format!("POST /console/claims/{name}/delete"), "");
    assert_eq!((forgotten.status, forgotten.header("location")), (303, Some("/console/claims")));
    assert_eq!(app.visit(&theirs, "GET /console/claims/example.com", "").status, 404);
}

#[test]
fn a_claim_to_a_name_that_is_had_is_shown_and_given_up_as_the_domain_is() {
    let (app, first, _, session) = world();
    let name = "example.com";
    let theirs = app.session(first.account);
    let page = app.visit(&theirs, "GET /console/claims/example.com", "").text().to_owned();
    assert!(page.contains("Not proved") && page.contains("_postroom-challenge"), "{page}");
    let domain = app.visit(&theirs, "GET /console/domains/example.com", "").text().to_owned();
    assert!(domain.contains("href=\"/console/claims/example.com\""), "{domain}");
    let kept = app.visit(&theirs, &format!("POST /console/claims/{name}/delete"), "");
    assert_eq!(kept.header("location"), Some("/console/domains/example.com/danger"));
    assert_eq!(app.visit(&session, "GET /console/claims/example.com", "").status, 404, "another account's");
    for (form, error) in
        [("name=*", "claim-name-error"), ("name=free.example&of=never.example", "claim-of-error")]
    {
        let bad = app.visit(&session, "POST /console/claims", form);
        assert!(bad.status == 422 && bad.text().contains(error), "{form}: {}", bad.text());
    }
    let free = app.visit(&session, "POST /console/claims", "name=free.example");
    assert_eq!(free.status, 303);
    assert_eq!(app.visit(&session, "GET /console/domains/free.example", "").status, 200);
}

#[test]
fn a_claim_is_given_up_only_with_the_mark_set() {
    let (app, _, _, session) = world();
    let name = "example.com";
    app.visit(&session, "POST /console/claims", "name=example.com");
    let give_up = |form: &str| app.visit(&session, &format!("POST /console/claims/{name}/delete"), form);
    let unmarked = give_up("");
    assert!(unmarked.status == 422 && unmarked.text().contains("Set the mark first"), "{}", unmarked.text());
    assert!(unmarked.text().contains("_postroom-challenge.example.com"), "{}", unmarked.text());
    assert_eq!(give_up("sure=yes").status, 303);
    assert_eq!(app.visit(&session, "GET /console/claims/example.com", "").status, 404);
}
