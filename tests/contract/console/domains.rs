//! The pages of a domain: keys, tokens, mail, lists, recipients, and what cannot be undone.

use postroom::dns::RecordData;
use postroom::id::DomainId;
use postroom::list::{self, ListKind, Scope};
use postroom::{keyring, route, token};

use crate::harness::app::{Key, Reply, TestApp};

const NAME: &str = "example.com";

struct World {
    app: TestApp,
    key: Key,
    session: String,
}

impl World {
    fn new() -> World {
        let app = TestApp::new();
        let key = app.account("acme");
        app.domain(&key, NAME);
        let session = app.session(key.account);
        World { app, key, session }
    }

    fn visit(&self, line: &str, form: &str) -> Reply {
        self.app.visit(&self.session, line, form)
    }

    /// A form that is accepted leads here.
    #[track_caller]
    fn accepts(&self, line: &str, form: &str, place: &str) {
        let reply = self.visit(line, form);
        assert_eq!((reply.status, reply.header("location")), (303, Some(place)), "{line}: {}", reply.text());
    }

    /// A form that is not accepted is shown again, with this text on the page.
    #[track_caller]
    fn refuses(&self, line: &str, form: &str, text: &str) {
        let reply = self.visit(line, form);
        assert_eq!(reply.status, 422, "{line}: {}", reply.text());
        assert!(reply.text().contains(text), "{line}: {}", reply.text());
    }

    fn selectors(&self) -> Vec<(String, bool)> {
        let entries =
            self.app.postroom.read(|tx| keyring::of_domain(tx, &self.key.own(tx, DomainId::new(1))?));
        entries.unwrap().iter().map(|entry| (entry.key.selector.to_string(), entry.key.is_active())).collect()
    }

    fn items(&self, kind: ListKind) -> Vec<String> {
        let entries = self.app.postroom.read(|tx| {
            let domain = self.key.own(tx, DomainId::new(1))?;
            list::entries(tx, &Scope::Domain(&domain), kind, None, 100)
        });
        entries.unwrap().iter().map(|entry| entry.item.given().to_owned()).collect()
    }
}

#[test]
fn keys_are_made_imported_switched_on_and_off_and_deleted() {
    let (world, name) = (World::new(), NAME);
    let place = "/console/domains/example.com/keys";
    let selector = "pr1";
    let line = |verb: &str| format!("POST /console/domains/{name}/keys/{selector}/{verb}");
    world.refuses(&line("activate"), "", "does not sign");
    world.app.publish(&world.key, 1);
    world.accepts(&format!("POST /console/domains/{name}/keys"), "selector=s1&kind=rsa2048", place);
    world.refuses(
        &format!("POST /console/domains/{name}/keys"),
        "selector=s1&kind=rsa2048",
        "exists already",
    );
    world.refuses(
        &format!("POST /console/domains/{name}/keys"),
        "selector=-&kind=rsa2048",
        "id=\"create-selector-error\"",
    );
    let pem: String =
        form_urlencoded::byte_serialize(include_bytes!("../../fixtures/pem/002-2048.pem")).collect();
    world.accepts(
        &format!("POST /console/domains/{name}/keys/import"),
        &format!("selector=old&pem={pem}"),
        place,
    );
    let bad = world.visit(&format!("POST /console/domains/{name}/keys/import"), "selector=worse&pem=s3cret");
    assert_eq!(bad.status, 422);
    assert!(!bad.text().contains("s3cret"), "a private key is not shown again");
    world.accepts(&format!("POST /console/domains/{name}/keys/{selector}/activate"), "", place);
    let page = world.visit(&format!("GET /console/domains/{name}/keys"), "");
    assert!(page.text().contains("Signs since"), "{}", page.text());
    world.refuses(&format!("POST /console/domains/{name}/keys/{selector}/delete"), "", "Set the mark first");
    world.refuses(&format!("POST /console/domains/{name}/keys/{selector}/delete"), "sure=yes", "in use");
    world.accepts(&format!("POST /console/domains/{name}/keys/{selector}/deactivate"), "", place);
    world.accepts(&line("delete"), "sure=yes", place);
    assert_eq!(world.selectors(), [("s1".to_owned(), false), ("old".to_owned(), false)]);
    let never = "POST /console/domains/example.com/keys/never/delete";
    assert_eq!(world.visit(never, "sure=yes").status, 404);
}

#[test]
fn a_rotation_is_started_aborted_and_set_to_begin_by_itself() {
    let (world, name) = (World::new(), NAME);
    world.app.publish_all(NAME);
    world.visit(&format!("POST /console/domains/{name}/check"), "");
    let place = "/console/domains/example.com/keys#rotation";
    world.accepts(&format!("POST /console/domains/{name}/rotation"), "", place);
    let page = world.visit(&format!("GET /console/domains/{name}/keys"), "");
    assert!(page.text().contains("A rotation is under way"), "{}", page.text());
    world.refuses(&format!("POST /console/domains/{name}/rotation"), "", "under way already");
    world.accepts(&format!("POST /console/domains/{name}/rotation/abort"), "", place);
    world.accepts(&format!("POST /console/domains/{name}/rotation/every"), "every_days=30", place);
    world.refuses(
        &format!("POST /console/domains/{name}/rotation/every"),
        "every_days=1",
        "rotation-every_days-error",
    );
    world.refuses(
        &format!("POST /console/domains/{name}/rotation/every"),
        "every_days=often",
        "value=\"often\"",
    );
}

#[test]
fn a_tokens_secret_is_in_the_answer_to_the_form_and_a_reload_makes_no_second_one() {
    let (world, name) = (World::new(), NAME);
    let form = "name=printer&after=0";
    let made = world.visit(&format!("POST /console/domains/{name}/tokens"), form);
    assert_eq!(made.status, 200);
    let secret = made.text().split("prt_").nth(1).map(|rest| &rest[..33]).expect("the secret is shown");
    assert_eq!(made.text().matches("prt_").count(), 1);
    world.accepts(
        &format!("POST /console/domains/{name}/tokens"),
        form,
        "/console/domains/example.com/access",
    );
    let page = world.visit(&format!("GET /console/domains/{name}/access"), "");
    assert!(page.text().contains("printer") && !page.text().contains(secret), "{}", page.text());
    let token_id = 1;
    world.accepts(
        &format!("POST /console/domains/{name}/tokens/{token_id}/rename"),
        "name=scanner",
        "/console/domains/example.com/access",
    );
    let tokens = || {
        world
            .app
            .postroom
            .read(|tx| token::list(tx, &world.key.own(tx, DomainId::new(1))?, None, 10))
            .unwrap()
    };
    assert_eq!(tokens()[0].name.as_deref(), Some("scanner"));
    let unsure = format!("POST /console/domains/{name}/tokens/{token_id}/revoke");
    world.refuses(&unsure, "", "Set the mark first");
    world.accepts(
        &format!("POST /console/domains/{name}/tokens/{token_id}/revoke"),
        "sure=yes",
        "/console/domains/example.com/access",
    );
    assert!(tokens().is_empty());
    assert_eq!(
        world.visit(&format!("POST /console/domains/{name}/tokens/{token_id}/revoke"), "sure=yes").status,
        404
    );
}

#[test]
fn a_login_link_to_the_domain_is_made_on_its_page() {
    let (world, name) = (World::new(), NAME);
    let domain = world.app.domain_session(&world.key.operator(), DomainId::new(1));
    for session in [&world.session, &domain] {
        let made = world.app.visit(session, &format!("POST /console/domains/{name}/links"), "");
        assert_eq!(made.status, 200);
        assert_eq!(made.text().matches("/console/login?link=prl_").count(), 1, "{}", made.text());
    }
}

#[test]
fn mail_is_routed_filtered_and_taken_for_aliases() {
    let (world, name) = (World::new(), NAME);
    let place = "/console/domains/example.com/mail";
    world.app.dns.set("hooks.example.net", vec![RecordData::A([1, 1, 1, 1].into())]);
    let form = "mode=webhook&webhook_url=https://hooks.example.net/in&webhook_secret=s3cret&recipients=known&catch_all=";
    world.accepts(&format!("POST /console/domains/{name}/mail/route"), form, place);
    let found = world.app.postroom.read(|tx| route::find(tx, &world.key.own(tx, DomainId::new(1))?)).unwrap();
    assert_eq!(
        (found.mode.as_str(), found.recipients.as_str(), found.has_webhook_secret),
        ("webhook", "known", true)
    );
    let page = world.visit(&format!("GET /console/domains/{name}/mail"), "");
    assert!(page.text().contains("https://hooks.example.net/in") && !page.text().contains("s3cret"));
    let private = "mode=webhook&webhook_url=https://127.0.0.1/&recipients=any";
    world.refuses(&format!("POST /console/domains/{name}/mail/route"), private, "route-webhook_url-error");
    world.refuses(
        &format!("POST /console/domains/{name}/mail/route"),
        "mode=forward_email&recipients=any",
        "role=\"alert\"",
    );
    world.accepts(&format!("POST /console/domains/{name}/mail/route"), "mode=store&recipients=any", place);
    let asked = world.visit(&format!("GET /console/domains/{name}/mail?test=jo@{name}"), "");
    assert!(asked.text().contains("It is stored."), "{}", asked.text());
    let asked = world.visit("GET /console/domains/example.com/mail?test=jo@elsewhere.example", "");
    assert!(asked.text().contains("no address at example.com"), "{}", asked.text());

    world.accepts(&format!("POST /console/domains/{name}/mail/alias"), "alias=example.biz", place);
    world.refuses(&format!("POST /console/domains/{name}/mail/alias"), "alias=not+one", "alias-alias-error");
    world.accepts(&format!("POST /console/domains/{name}/mail/alias/remove"), "alias=example.biz", place);
    world.accepts(&format!("POST /console/domains/{name}/mail/label"), "label=Shop", place);
    world.refuses(&format!("POST /console/domains/{name}/mail/label"), "label=a%0Ab", "label-label-error");
    let servers = "servers=10+5+25+mx1.example.net%0A20+5+25+mx2.example.net";
    world.accepts(&format!("POST /console/domains/{name}/mail/downstream"), servers, place);
    world.refuses(
        &format!("POST /console/domains/{name}/mail/downstream"),
        "servers=10+mx1",
        "downstream-servers-error",
    );
    let filtering = "policy=flag&overrides=yes&header_name=X-Spam&header_value=yes&admins=jo@example.com";
    world.accepts(&format!("POST /console/domains/{name}/mail/filtering"), filtering, place);
    world.refuses(
        &format!("POST /console/domains/{name}/mail/filtering"),
        "admins=nobody",
        "filtering-admins-error",
    );
    let page = world.visit(&format!("GET /console/domains/{name}/mail"), "").text().to_owned();
    assert!(
        page.contains("mx2.example.net") && page.contains("X-Spam") && page.contains("value=\"Shop\""),
        "{page}"
    );
}

#[test]
fn lists_are_changed_in_bulk_and_the_accounts_only_by_its_own_administrators() {
    let (world, name) = (World::new(), NAME);
    let place = "/console/domains/example.com/lists";
    let (blocklist, safelist) = (&format!("{place}#domain-blocklist"), &format!("{place}#account-safelist"));
    let form = "tier=domain&list=blocklist&items=spam@example.net%0A.example.org%0A%0A192.0.2.0/24";
    world.accepts(&format!("POST /console/domains/{name}/lists/add"), form, blocklist);
    let bad = "tier=domain&list=blocklist&items=good.example%0A**";
    world.refuses(&format!("POST /console/domains/{name}/lists/add"), bad, "domain-blocklist-items-error");
    assert_eq!(world.items(ListKind::Blocklist).len(), 3, "all lines or none");
    world.accepts(
        &format!("POST /console/domains/{name}/lists/remove"),
        "tier=domain&list=blocklist&item=.example.org",
        blocklist,
    );
    assert!(!world.items(ListKind::Blocklist).contains(&".example.org".to_owned()));
    let of_one = "tier=recipient&recipient=jo@example.com&list=safelist&items=spam@example.net";
    world.accepts(
        &format!("POST /console/domains/{name}/lists/add"),
        of_one,
        &format!("{place}?recipient=jo%40example.com#recipient-safelist"),
    );
    let page = world.visit(
        &format!(
            "GET /console/domains/{name}/lists?to=jo@{name}&sender=spam@example.net&recipient=jo@{name}"
        ),
        "",
    );
    assert!(
        page.text().contains("safelist of the recipient") && page.text().contains("It overrules:"),
        "{}",
        page.text()
    );
    let session = world.app.domain_session(&world.key.operator(), DomainId::new(1));
    let form = "tier=account&list=safelist&items=a.example";
    let refused = world.app.visit(&session, "POST /console/domains/example.com/lists/add", form);
    assert_eq!(refused.status, 403, "{}", refused.text());
    world.accepts("POST /console/domains/example.com/lists/add", form, safelist);
    let seen = world.app.visit(&session, "GET /console/domains/example.com/lists", "");
    assert!(
        seen.text().contains("a.example") && seen.text().contains("You see these and cannot change them.")
    );
}

#[test]
fn a_recipient_is_saved_at_its_own_domain() {
    let (world, name) = (World::new(), NAME);
    let form = "address=jo@example.com&filter=off&admin=yes";
    world.accepts(
        &format!("POST /console/domains/{name}/recipients"),
        form,
        "/console/domains/example.com/recipients",
    );
    let page = world.visit(&format!("GET /console/domains/{name}/recipients"), "");
    assert!(page.text().contains("not filtered") && page.text().contains("Administrator"), "{}", page.text());
    world.refuses(
        &format!("POST /console/domains/{name}/recipients"),
        "address=jo@example.org",
        "must be an address at",
    );
}

#[test]
fn what_cannot_be_undone_is_typed_to_confirm_and_not_for_a_domains_administrator() {
    let (world, name) = (World::new(), NAME);
    let domain = world.app.domain_session(&world.key.operator(), DomainId::new(1));
    for line in [
        format!("GET /console/domains/{name}/danger"),
        format!("POST /console/domains/{name}/rename"),
        format!("POST /console/domains/{name}/transfer"),
        format!("POST /console/domains/{name}/delete"),
    ] {
        assert_eq!(
            world.app.visit(&domain, &line, "confirm=example.com&name=a.example").status,
            404,
            "{line}"
        );
    }
    assert_eq!(world.visit(&format!("GET /console/domains/{name}/danger"), "").status, 200);
    world.refuses(
        "POST /console/domains/example.com/rename",
        "name=new.example&confirm=other",
        "rename-confirm-error",
    );
    world.accepts(
        "POST /console/domains/example.com/rename",
        "name=new.example&confirm=example.com",
        "/console/domains/new.example",
    );
    assert_eq!(
        world.visit("POST /console/domains/new.example/transfer", "account=x&confirm=new.example").status,
        404
    );
    let operator = world.app.operator_session();
    world.app.visit(&operator, "POST /console/accounts/open", &format!("account={}", world.key.account));
    world.app.account("buyer");
    let form = "account=nobody&confirm=new.example";
    let refused = world.app.visit(&operator, "POST /console/domains/new.example/transfer", form);
    assert!(
        refused.status == 422 && refused.text().contains("no account of this name"),
        "{}",
        refused.text()
    );
    let form = "account=buyer&confirm=new.example";
    assert_eq!(world.app.visit(&operator, "POST /console/domains/new.example/transfer", form).status, 303);
    world.app.domain(&world.key, "last.example");
    world.refuses("POST /console/domains/last.example/delete", "", "delete-confirm-error");
    world.accepts("POST /console/domains/last.example/delete", "confirm=LAST.example", "/console/domains");
    assert_eq!(world.visit("GET /console/domains/last.example", "").status, 404);
}

#[test]
fn a_form_that_is_not_accepted_begins_at_the_first_field_that_is_wrong() {
    let world = World::new();
    let reply = world.visit("POST /console/domains", "domain=not+a+name&label=Shop");
    let text = reply.text();
    assert_eq!(reply.status, 422);
    assert!(text.contains("<title>Error: Domains · Postroom</title>"), "{text}");
    assert_eq!(text.matches(" autofocus").count(), 1, "{text}");
    let field = text.split("<input").find(|input| input.contains(" autofocus")).unwrap();
    assert!(field.contains("name=\"domain\"") && field.contains("aria-invalid=\"true\""), "{field}");
    // Where no field is wrong, it begins at the reason.
    let text = world.visit("POST /console/domains/chosen", "what=check").text().to_owned();
    assert!(
        text.contains("<p class=\"error\" role=\"alert\" tabindex=\"-1\" autofocus>Choose at least one"),
        "{text}"
    );
    // What holds a field that is wrong stands open.
    let text = world.visit("POST /console/account/keys", "description=x&networks=y").text().to_owned();
    assert!(text.contains("<details open><summary>Limit what it may do"), "{text}");
    let page = world.visit("GET /console/domains", "");
    assert!(!page.text().contains("autofocus") && page.text().contains("<title>Domains"));
}

#[test]
fn a_field_of_the_route_that_the_page_hides_is_kept_and_one_that_is_emptied_is_not() {
    let world = World::new();
    let line = "POST /console/domains/example.com/mail/route";
    let place = "/console/domains/example.com/mail";
    world.accepts(line, "mode=forward_email&forward_to=jo@example.net&recipients=any&catch_all=", place);
    let route =
        || world.app.postroom.read(|tx| route::find(tx, &world.key.own(tx, DomainId::new(1))?)).unwrap();
    let forward_to = || route().forward_to.map(|address| address.to_string());
    world.accepts(line, "mode=store&recipients=any&catch_all=", place);
    assert_eq!(forward_to().as_deref(), Some("jo@example.net"), "a disabled field is not sent");
    world.accepts(line, "mode=store&forward_to=&webhook_url=&recipients=any&catch_all=", place);
    assert_eq!(forward_to(), None);
}

#[test]
fn a_check_changes_the_status_beside_the_name_and_says_how_many_records_are_right() {
    let world = World::new();
    let pending = world.visit("GET /console/domains/example.com", "").text().to_owned();
    assert!(pending.contains("<span id=\"status\" data-fresh><span class=\"pill wait\">"), "{pending}");
    assert!(pending.contains("data-said=\"0 of 5 records are right.\" data-status=\"pending\""), "{pending}");
    world.app.publish_all(NAME);
    let active = world.visit("POST /console/domains/example.com/check", "").text().to_owned();
    assert!(active.contains("<span id=\"status\" data-fresh><span class=\"pill good\">"), "{active}");
    assert!(active.contains("data-said=\"5 of 5 records are right.\" data-status=\"active\" data-became=\"example.com is active now.\""), "{active}");
}

#[test]
fn a_new_name_of_a_token_that_is_not_accepted_is_said_beside_that_token() {
    let world = World::new();
    world.visit("POST /console/domains/example.com/tokens", "name=printer&after=0");
    world.visit("POST /console/domains/example.com/tokens", "name=scanner&after=1");
    let form = format!("row=2&name={}", "x".repeat(300));
    let reply = world.visit("POST /console/domains/example.com/tokens/2/rename", &form);
    let text = reply.text();
    assert_eq!(reply.status, 422, "{text}");
    assert!(text.contains("id=\"rename-2-name-error\"") && text.contains("id=\"rename-1-name\""), "{text}");
    assert_eq!(text.matches("class=\"error\"").count(), 1, "{text}");
    assert_eq!(text.matches("<details open>").count(), 1, "{text}");
    assert_eq!(text.matches(" autofocus").count(), 1, "{text}");
}

#[test]
fn a_recipient_is_removed_on_its_page() {
    let world = World::new();
    let (name, place) = (NAME, "/console/domains/example.com/recipients");
    world.accepts(
        &format!("POST /console/domains/{name}/recipients"),
        "address=jo@example.com&filter=",
        place,
    );
    assert!(world.visit(&format!("GET {place}"), "").text().contains("jo@example.com"));
    let line = format!("POST /console/domains/{name}/recipients/remove");
    world.refuses(&line, "recipient=jo@example.com", "Set the mark first");
    world.refuses(&line, "recipient=jo&sure=yes", "role=\"alert\"");
    // The second time there is none, which is what was asked for.
    for _ in 0..2 {
        world.accepts(&line, "recipient=jo@example.com&sure=yes", place);
        assert!(world.visit(&format!("GET {place}"), "").text().contains("None is known yet."));
    }
}

#[test]
fn a_recipient_stays_administrator_when_its_filter_changes() {
    let world = World::new();
    let (line, place) =
        ("POST /console/domains/example.com/recipients", "/console/domains/example.com/recipients");
    for (form, is_admin) in [("filter=&admin=yes", 1), ("filter=off&admin=", 1), ("filter=&admin=no", 0)] {
        world.accepts(line, &format!("address=jo@example.com&{form}"), place);
        assert_eq!(world.app.value::<i64>("SELECT is_admin FROM recipient"), is_admin, "{form}");
    }
}

#[test]
fn an_internationalised_name_is_shown_and_confirmed_as_people_write_it() {
    let world = World::new();
    world.app.domain(&world.key, "bücher.example");
    let line = "POST /console/domains/xn--bcher-kva.example/delete";
    for page in ["/console/domains?q=b%C3%BCcher", "/console/domains/xn--bcher-kva.example/danger"] {
        let text = world.visit(&format!("GET {page}"), "").text().to_owned();
        assert!(text.contains("bücher.example") && text.contains("xn--bcher-kva.example"), "{text}");
    }
    world.refuses(line, "confirm=b%C3%BCcher", "delete-confirm-error");
    world.accepts(line, "confirm=B%C3%BCcher.example", "/console/domains");
}
