//! Domains that are made at once: as each of them would be alone, or not at all.

use postroom::db::WriteTx;
use postroom::record;
use postroom::subscription::{self, Limits};

use super::*;

/// What is undone to try something else.
enum Undone {
    Error(Error),
    Done,
}

impl From<Error> for Undone {
    fn from(error: Error) -> Undone {
        Undone::Error(error)
    }
}

/// Does `work`, and undoes it.
fn tried<T>(tx: &WriteTx<'_>, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let mut done = None;
    let undone = tx.part(|| {
        done = Some(work()?);
        Err::<(), Undone>(Undone::Done)
    });
    match undone {
        Err(Undone::Error(error)) => Err(error),
        _ => Ok(done.unwrap()),
    }
}

/// All that there is to see of a new domain, but for its id.
fn seen<'t>(tx: &WriteTx<'t>, made: &domain::Domain<'t>) -> Result<String, Error> {
    let caller = Caller::operator(made.account);
    let stored = domain::find(tx, &caller, made.id)?.into_details();
    assert_eq!(stored, *made.details());
    let records = record::list(tx, made)?.into_iter();
    let records: Vec<_> = records.map(|record| (record.purpose, record.host, record.value)).collect();
    Ok(format!("{:?} {records:?}", domain::Details { id: DomainId::new(0), ..stored }))
}

/// Makes a domain of each name alone, which is undone, and then all of them at once. Returns the names that were made at once.
fn made_at_once(app: &TestApp, key: &Key, names: &[&str]) -> Vec<String> {
    let caller = key.operator();
    let names: Vec<DomainName> = names.iter().map(|text| name(text)).collect();
    app.postroom
        .write(|tx| {
            let alone = |name| {
                let new = NewDomain { key_later: true, ..NewDomain::named(name) };
                tried(tx, || seen(tx, &provision::create(tx, &caller, &new)?))
            };
            let alone: Vec<Result<String, Error>> = names.iter().map(alone).collect();
            let all: Vec<NewDomain<'_>> = names.iter().map(NewDomain::named).collect();
            let mut made = Vec::new();
            for (at, domain) in provision::create_free(tx, &caller, &all)?.iter().enumerate() {
                if let Some(domain) = domain {
                    assert_eq!(seen(tx, domain)?, *alone[at].as_ref().unwrap());
                    made.push(domain.name.to_string());
                }
            }
            Ok::<_, Error>(made)
        })
        .unwrap()
}

#[test]
fn what_is_made_at_once_is_what_is_made_alone_and_what_takes_or_needs_more_is_left() {
    let app =
        TestApp::with(Settings { own_hosts: vec!["reserved.example".parse().unwrap()], ..settings() }, 0);
    let (tenant, other) = (app.tenant("acme"), app.tenant("other"));
    create(&app, &tenant, "own.example").unwrap();
    create(&app, &other, "held.example").unwrap();
    create(&app, &other, "proved.example").unwrap();
    prove(&app, &other, "proved.example");
    create(&app, &tenant, "above.example").unwrap();
    prove(&app, &tenant, "above.example");
    create(&app, &tenant, "past.example").unwrap();
    let alias = |key: &Key, of: &str, alias: &str| {
        app.postroom.write(|tx| {
            let domain = domain::find_named(tx, &key.operator(), &name(of))?;
            inbound::add_alias(tx, &key.operator(), &domain, &name(alias))
        })
    };
    alias(&tenant, "own.example", "own-alias.example").unwrap();
    alias(&other, "held.example", "other-alias.example").unwrap();
    claimed(&app, &tenant, "held.example");
    app.postroom
        .write(|tx| {
            let caller = tenant.operator();
            provision::delete(tx, &caller, &domain::find_named(tx, &caller, &name("past.example"))?)
        })
        .unwrap();
    let names = [
        "free.example",
        "free.example",
        "own.example",
        "held.example",
        "mail.proved.example",
        "mail.above.example",
        "past.example",
        "own-alias.example",
        "other-alias.example",
        "reserved.example",
        "also-free.example",
    ];
    assert_eq!(
        made_at_once(&app, &tenant, &names),
        ["free.example", "mail.above.example", "also-free.example"]
    );
    // A claim that has expired gives way to whoever asks, and that takes it from somebody.
    create(&app, &other, "late.example").unwrap();
    app.advance(366 * 24);
    assert_eq!(made_at_once(&app, &tenant, &["late.example", "last.example"]), ["last.example"]);
}

#[test]
fn where_there_is_no_room_for_all_none_is_made_at_once() {
    let app =
        TestApp::with(Settings { caps: Caps { unproved_claims: 2, ..settings().caps }, ..settings() }, 0);
    let tenant = app.tenant("acme");
    assert_eq!(made_at_once(&app, &tenant, &["a.example", "b.example", "c.example"]), [""; 0]);
    assert_eq!(made_at_once(&app, &tenant, &["a.example", "b.example"]).len(), 2);
    let trusted = app.account("trusted");
    let few = Limits { max_domains: Some(1), max_recipients: None };
    app.postroom
        .write(|tx| {
            subscription::create(tx, trusted.account, "few", few)?;
            let names = [name("d.example"), name("e.example")];
            let new = |name| NewDomain { subscription: Some("few"), ..NewDomain::named(name) };
            let both: Vec<NewDomain<'_>> = names.iter().map(new).collect();
            let made = |new| provision::create_free(tx, &trusted.operator(), new);
            assert_eq!(made(&both)?.iter().flatten().count(), 0);
            assert_eq!(made(&both[..1])?.iter().flatten().count(), 1);
            assert_eq!(made(&both[1..])?.iter().flatten().count(), 0);
            Ok::<_, Error>(())
        })
        .unwrap();
}
