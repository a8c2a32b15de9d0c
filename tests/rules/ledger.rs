//! What an account piles up is counted as it comes and goes, and a cap that is reached says which it is.

use std::collections::BTreeMap;
use std::time::Duration;

use postroom::cap::{Cap, Caps};
use postroom::error::Error;
use postroom::id::{AccountId, DomainId};
use postroom::idempotency::{self, Asked, Known};
use postroom::list::{self, ListKind, Scope};
use postroom::report::{self, NewReport, ReportKind};
use postroom::settings::Settings;
use postroom::{domain, event, inbound, key, ledger, login, provision, recipient, token};

use crate::harness::app::{Key, TestApp, settings};

const MESSAGE: &[u8] = b"From: a@b.example\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n\r\nx\r\n";
const MIB: u64 = 1024 * 1024;

fn with(caps: Caps) -> (TestApp, Key, DomainId) {
    let app = TestApp::with(Settings { caps, ..settings() }, 8);
    let key = app.account("acme");
    let id = DomainId::new(app.domain(&key, "example.com"));
    (app, key, id)
}

fn used(app: &TestApp, account: AccountId) -> BTreeMap<&'static str, u64> {
    let usage = app.postroom.read(|tx| ledger::usage(tx, account)).unwrap();
    usage.into_iter().filter_map(|usage| Some((usage.cap.name(), usage.used?))).collect()
}

/// Does it twice, where once is allowed: the second time the cap is named, and nothing has changed.
#[track_caller]
fn is_capped(app: &TestApp, account: AccountId, cap: Cap, mut work: impl FnMut(u8) -> Result<(), Error>) {
    work(1).unwrap();
    let before = used(app, account);
    assert!(before[cap.name()] > 0, "{before:?}");
    let refused = work(2);
    assert!(matches!(&refused, Err(Error::Cap { cap: said, .. }) if *said == cap), "{refused:?}");
    assert!(refused.unwrap_err().to_string().contains(cap.setting()));
    assert_eq!(used(app, account), before);
}

#[test]
fn each_cap_refuses_what_is_one_too_many_and_says_which_it_is() {
    let caps = Caps {
        list_entries: 1,
        recipients: 1,
        aliases: 1,
        tokens: 1,
        // One more than the account's own.
        keys: 2,
        login_links: 1,
        report_octets: 2 * MESSAGE.len() as u64 + 4095,
        ..Caps::default()
    };
    let (app, key, id) = with(caps);
    let caller = key.operator();
    let write =
        |work: &dyn Fn(&postroom::db::WriteTx<'_>) -> Result<(), Error>| app.postroom.write(|tx| work(tx));
    is_capped(&app, key.account, Cap::Tokens, |_| {
        write(&|tx| token::create(tx, &caller, &key.own(tx, id)?, None).map(drop))
    });
    is_capped(&app, key.account, Cap::Keys, |_| write(&|tx| key::create(tx, key.account, None).map(drop)));
    is_capped(&app, key.account, Cap::LoginLinks, |_| {
        write(&|tx| login::create(tx, &caller, &key.own(tx, id)?).map(drop))
    });
    is_capped(&app, key.account, Cap::Aliases, |at| {
        let alias = format!("alias{at}.example").parse().unwrap();
        write(&|tx| inbound::add_alias(tx, &caller, &key.own(tx, id)?, &alias))
    });
    is_capped(&app, key.account, Cap::Recipients, |at| {
        let address = format!("jo{at}@example.com").parse().unwrap();
        write(&|tx| recipient::save(tx, &caller, &address, false, None).map(drop))
    });
    is_capped(&app, key.account, Cap::ListEntries, |at| {
        let item = format!("friend{at}.example").parse().unwrap();
        write(&|tx| list::add(tx, &caller, &Scope::Account(&caller), ListKind::Safelist, &item).map(drop))
    });
    is_capped(&app, key.account, Cap::Reports, |_| {
        write(&|tx| report::file(tx, &caller, &NewReport::of(ReportKind::FalsePositive, MESSAGE)).map(drop))
    });
    // What is there already may be said again, and another list has room of its own.
    let item = "FRIEND1.example".parse().unwrap();
    for list in [ListKind::Safelist, ListKind::Blocklist] {
        write(&|tx| list::add(tx, &caller, &Scope::Account(&caller), list, &item).map(drop)).unwrap();
    }
    // Nobody else is refused for it.
    let other = app.account("other");
    app.domain(&other, "other.example");
    assert_eq!(
        used(&app, other.account).into_iter().filter(|(_, used)| *used > 0).collect::<Vec<_>>(),
        [("keys", 1)]
    );
}

#[test]
fn what_is_revoked_used_or_deleted_makes_room() {
    let caps =
        Caps { tokens: 1, login_links: 1, recipients: 1, aliases: 1, list_entries: 1, ..Caps::default() };
    let (app, key, id) = with(caps);
    let caller = key.operator();
    for _ in 0..3 {
        app.postroom
            .write(|tx| {
                let domain = key.own(tx, id)?;
                let (made, _) = token::create(tx, &caller, &domain, None)?;
                token::revoke(tx, &caller, &domain, made.id)?;
                let (_, link) = login::create(tx, &caller, &domain)?;
                login::consume(tx, &link)?;
                let alias = "alias.example".parse()?;
                inbound::add_alias(tx, &caller, &domain, &alias)?;
                inbound::remove_alias(tx, &caller, &domain, &alias)?;
                let item = "friend.example".parse()?;
                let scope = Scope::Domain(&domain);
                list::add(tx, &caller, &scope, ListKind::Blocklist, &item)?;
                list::remove(tx, &caller, &scope, ListKind::Blocklist, &item)
            })
            .unwrap();
    }
    assert_eq!(
        used(&app, key.account).into_iter().filter(|(_, used)| *used > 0).collect::<Vec<_>>(),
        [("keys", 1)]
    );
    // A link that has expired needs no room, although it is not deleted yet.
    let link = || app.postroom.write(|tx| login::create(tx, &caller, &key.own(tx, id)?).map(drop));
    link().unwrap();
    assert!(link().is_err());
    app.clock.advance(Duration::from_mins(15));
    link().unwrap();
}

#[test]
fn the_domains_to_which_keys_are_limited_are_capped_together_and_go_with_their_key() {
    let (app, key, id) = with(Caps { key_domains: 1, ..Caps::default() });
    let limited = || {
        let request = key::KeyRequest { domains: Some(Some([id].into())), ..Default::default() };
        app.postroom.write(|tx| key::create_for(tx, &key.operator(), None, request.clone()))
    };
    let mut first = None;
    is_capped(&app, key.account, Cap::KeyDomains, |_| limited().map(|(made, _)| first = Some(made.id)));
    app.postroom.write(|tx| key::revoke(tx, first.unwrap())).unwrap();
    assert_eq!(app.value::<i64>("SELECT count(*) FROM api_key_domain"), 0);
    limited().unwrap();
}

/// What the tables have, counted one by one.
fn counted(app: &TestApp, account: AccountId) -> BTreeMap<&'static str, u64> {
    let count = |cap: Cap, sql: &str| {
        let count: i64 = app.value(&sql.replace(":account", &account.to_string()));
        (cap.name(), u64::try_from(count).unwrap())
    };
    let own = "domain_id IN (SELECT id FROM domain WHERE account_id = :account)";
    let lists = format!(
        "SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM list_entry WHERE account_id = :account OR {own}
             OR recipient_id IN (SELECT id FROM recipient WHERE {own})
         GROUP BY account_id, domain_id, recipient_id, action) lists"
    );
    let now = app.postroom.now().millis();
    [
        count(Cap::ListEntries, &lists),
        count(Cap::Recipients, &format!("SELECT count(*) FROM recipient WHERE {own}")),
        count(Cap::Aliases, &format!("SELECT count(*) FROM alias WHERE {own}")),
        count(Cap::Tokens, &format!("SELECT count(*) FROM domain_token WHERE revoked_at IS NULL AND {own}")),
        count(Cap::Keys, "SELECT count(*) FROM api_key WHERE revoked_at IS NULL AND account_id = :account"),
        count(
            Cap::KeyDomains,
            "SELECT count(*) FROM api_key_domain d JOIN api_key k ON k.id = d.api_key_id WHERE k.account_id = :account",
        ),
        count(
            Cap::LoginLinks,
            &format!("SELECT count(*) FROM login_link WHERE account_id = :account AND expires_at > {now}"),
        ),
        count(
            Cap::KeptAnswers,
            "SELECT coalesce(sum(length(answer) + 512), 0) FROM idempotency WHERE account_id = :account",
        ),
        count(Cap::Reports, "SELECT coalesce(sum(octets + 4096), 0) FROM report WHERE account_id = :account"),
    ]
    .into()
}

#[test]
fn the_figures_are_those_of_the_tables_whatever_becomes_of_the_domains() {
    let (app, key, id) = with(Caps::default());
    let other = app.account("other");
    let caller = key.operator();
    let gone = DomainId::new(app.domain(&key, "gone.example"));
    let check = |what: &str| {
        for account in [key.account, other.account] {
            assert_eq!(used(&app, account), counted(&app, account), "{what}: account {account}");
        }
    };
    for id in [id, gone] {
        app.postroom
            .write(|tx| {
                let domain = key.own(tx, id)?;
                let (first, _) = token::create(tx, &caller, &domain, None)?;
                token::create(tx, &caller, &domain, None)?;
                token::revoke(tx, &caller, &domain, first.id)?;
                login::create(tx, &caller, &domain)?;
                let limits = key::KeyRequest { domains: Some(Some([id].into())), ..Default::default() };
                key::create_for(tx, &caller, None, limits)?;
                let name = domain.name.to_string();
                inbound::add_alias(tx, &caller, &domain, &format!("alias.{name}").parse()?)?;
                let (jo, _) = recipient::save(tx, &caller, &format!("jo@{name}").parse()?, true, None)?;
                for scope in [Scope::Domain(&domain), Scope::Recipient(&domain, &jo)] {
                    for item in ["a.example", "b.example", "192.0.2.0/24"] {
                        list::add(tx, &caller, &scope, ListKind::Safelist, &item.parse()?)?;
                    }
                }
                report::file(tx, &caller, &NewReport::of(ReportKind::FalsePositive, MESSAGE)).map(drop)
            })
            .unwrap();
    }
    check("made");
    assert!(used(&app, key.account).iter().filter(|(_, used)| **used > 0).count() >= 6);
    let asked = Asked::new(key.id, &"k".parse().unwrap(), [b"POST", b"/"], [b"", b"", b""]);
    app.postroom.write(|tx| idempotency::keep(tx, &asked, b"an answer")).unwrap();
    check("kept");
    app.postroom.write(|tx| provision::delete(tx, &caller, &key.own(tx, gone)?)).unwrap();
    check("deleted");
    app.postroom
        .write(|tx| provision::transfer(tx, &caller, &key.own(tx, id)?, other.account).map(drop))
        .unwrap();
    check("transferred");
    app.clock.advance(Duration::from_hours(31 * 24));
    report::expire(&app.postroom).unwrap();
    app.postroom.write(|tx| idempotency::forget_expired(tx, 10)).unwrap();
    check("expired");
    assert_eq!(
        used(&app, key.account).into_iter().filter(|(_, used)| *used > 0).collect::<Vec<_>>(),
        [("keys", 3)]
    );
}

#[test]
fn at_their_cap_the_oldest_kept_answers_of_that_account_go_and_no_other() {
    let (app, key, _) = with(Caps { kept_answer_octets: MIB, ..Caps::default() });
    let other = app.account("other");
    let answer = vec![b'x'; 100 * 1024];
    let asked =
        |by: &Key, name: &str| Asked::new(by.id, &name.parse().unwrap(), [b"POST", b"/"], [b"", b"", b""]);
    let keep = |by: &Key, name: &str, answer: &[u8]| {
        app.postroom.write(|tx| idempotency::keep(tx, &asked(by, name), answer)).unwrap();
    };
    let is_kept = |by: &Key, name: &str| {
        let found = app.postroom.read(|tx| idempotency::find(tx, &asked(by, name))).unwrap();
        matches!(found, Some(Known::Answered(_)))
    };
    keep(&other, "k0", &answer);
    let second = app.key_of(key.account);
    for number in 0..30 {
        keep(if number % 2 == 0 { &key } else { &second }, &format!("k{number}"), &answer);
        assert!(used(&app, key.account)["kept_answer_mib"] <= MIB, "never past the cap");
    }
    assert!(is_kept(&other, "k0") && is_kept(&second, "k29") && is_kept(&key, "k28"));
    assert!(!is_kept(&key, "k0") && !is_kept(&second, "k1"), "over all keys of the account");
    // One for which there is no room at all is not kept, and costs no other.
    keep(&key, "large", &vec![b'x'; 2 * 1024 * 1024]);
    assert!(!is_kept(&key, "large") && is_kept(&second, "k29"));
}

#[test]
fn of_each_account_the_newest_rows_of_the_audit_log_are_kept_and_no_more() {
    let app = TestApp::with(Settings { most_events: 5, ..settings() }, 8);
    let (loud, quiet) = (app.account("loud"), app.account("quiet"));
    let id = DomainId::new(app.domain(&loud, "example.com"));
    for label in 0..20 {
        let label = format!("label {label}");
        app.postroom
            .write(|tx| domain::set_label(tx, &loud.operator(), &loud.own(tx, id)?, Some(&label)).map(drop))
            .unwrap();
    }
    let rows = |account: AccountId| {
        app.value::<i64>(&format!("SELECT count(*) FROM event WHERE account_id = {account}"))
    };
    let (before, others) = (rows(loud.account), rows(quiet.account));
    assert!(before > 20 && others < 5, "{before} and {others}");
    assert_eq!(i64::try_from(event::forget_surplus(&app.postroom).unwrap()).unwrap(), before - 5);
    assert_eq!((rows(loud.account), rows(quiet.account)), (5, others));
    let newest = app.postroom.read(|tx| event::newest(tx, &event::Search::default(), 1)).unwrap();
    assert!(newest[0].detail().unwrap().contains("label 19"), "{newest:?}");
    assert_eq!(event::forget_surplus(&app.postroom).unwrap(), 0);
}

#[test]
fn what_is_counted_of_a_large_domain_is_subtracted_once_so_that_nobody_waits_for_its_end() {
    let (app, key, kept) = with(Caps::default());
    let other = app.account("other");
    let gone = DomainId::new(app.domain(&key, "gone.example"));
    let rows = |number: u32| {
        format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {number})")
    };
    let run = |sql: &str| {
        app.sql().execute(sql, []).unwrap();
    };
    // On PostgreSQL they would be counted one by one as they come.
    let is_server = crate::harness::sql::server().is_some();
    for id in [gone, kept] {
        if is_server {
            run("ALTER TABLE list_entry DISABLE TRIGGER USER");
        }
        run(&format!(
            "INSERT INTO list_entry (domain_id, action, type, item, shown, created_at)
             {} SELECT {id}, 'blocklist', 'domain', 'd' || i, 'd' || i, 0 FROM n",
            rows(10_000)
        ));
        if is_server {
            run("ALTER TABLE list_entry ENABLE TRIGGER USER");
            run(&format!(
                "INSERT INTO list_size (tier, owner_id, action, account_id, entries)
                 VALUES ('domain', {id}, 'blocklist', {}, 10000)",
                key.account
            ));
        }
        run(&format!(
            "INSERT INTO recipient (domain_id, local, shown, is_filtered, is_admin, created_at)
             {} SELECT {id}, 'r' || i, 'r' || i, 1, 0, 0 FROM n",
            rows(1_000)
        ));
    }
    let took = |work: &dyn Fn()| {
        let began = std::time::Instant::now();
        work();
        began.elapsed()
    };
    let caller = key.operator();
    let deleted =
        took(&|| app.postroom.write(|tx| provision::delete(tx, &caller, &key.own(tx, gone)?)).unwrap());
    let moved = took(&|| {
        app.postroom
            .write(|tx| provision::transfer(tx, &caller, &key.own(tx, kept)?, other.account).map(drop))
            .unwrap();
    });
    for account in [key.account, other.account] {
        assert_eq!(used(&app, account), counted(&app, account));
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM list_size"), 0);
    // It takes a tenth of that. One row of counts that was written for each of them took PostgreSQL more than a minute.
    let most = Duration::from_secs(10);
    assert!(deleted < most && moved < most, "{deleted:?} {moved:?}");
}

#[test]
fn of_what_is_revoked_the_newest_are_kept_and_no_more() {
    let (app, key, id) = with(Caps::default());
    let caller = key.operator();
    app.postroom
        .write(|tx| {
            let domain = key.own(tx, id)?;
            for _ in 0..1_005 {
                let (made, _) = token::create(tx, &caller, &domain, None)?;
                token::revoke(tx, &caller, &domain, made.id)?;
                let (made, _) = key::create(tx, key.account, None)?;
                key::revoke(tx, made.id)?;
            }
            Ok::<_, Error>(())
        })
        .unwrap();
    for table in ["domain_token", "api_key"] {
        let sql = format!("SELECT count(*) FROM {table} WHERE revoked_at IS NOT NULL");
        assert_eq!(app.value::<i64>(&sql), 1_000, "{table}");
    }
}

#[test]
fn the_audit_log_and_revoked_keys_and_tokens_are_kept_for_their_days() {
    let (app, key, id) = with(Caps::default());
    let caller = key.operator();
    app.postroom
        .write(|tx| {
            let (made, _) = token::create(tx, &caller, &key.own(tx, id)?, None)?;
            token::revoke(tx, &caller, &key.own(tx, id)?, made.id)?;
            let (made, _) = key::create(tx, key.account, None)?;
            key::revoke(tx, made.id).map(drop)
        })
        .unwrap();
    let rows = || {
        ["event", "domain_token", "api_key"]
            .map(|table| app.value::<i64>(&format!("SELECT count(*) FROM {table}")))
    };
    let forget = |most| {
        app.postroom
            .write(|tx| {
                let events = event::forget_old(tx, most)?;
                Ok::<_, Error>([events, token::forget_revoked(tx, most)?, key::forget_revoked(tx, most)?])
            })
            .unwrap()
    };
    let [events, tokens, keys] = rows();
    assert!(events > 4 && tokens == 1 && keys == 2);
    app.clock.advance(settings().keep_events_for);
    assert_eq!(forget(500), [0, 0, 0]);
    app.postroom
        .write(|tx| domain::set_label(tx, &caller, &key.own(tx, id)?, Some("new")).map(drop))
        .unwrap();
    app.clock.advance(Duration::from_millis(1));
    assert_eq!(forget(2), [2, 1, 1]);
    forget(500);
    assert_eq!(rows(), [1, 0, 1], "the young one stays, and the key that is not revoked");
    assert_eq!(
        app.postroom.read(|tx| event::oldest(tx, key.account)).unwrap().map(|at| at.millis() > 0),
        Some(true)
    );
}
