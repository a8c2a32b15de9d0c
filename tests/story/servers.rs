//! PostgreSQL: several servers on one database, a database that goes away and comes back, a standby in its place, and the way there and back.

use std::fs;
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use postroom::account;
use postroom::db::{Options, Postroom};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

use crate::harness::app::settings;
use crate::harness::client::Client;
use crate::harness::cluster::Cluster;
use crate::harness::process::{Site, text, until};

/// A site whose commands all have this database.
fn site(url: &str) -> Site {
    let site = Site::new();
    let key_file = site.file("master.key");
    site.with("POSTROOM_DB", url).with("POSTROOM_MASTER_KEY_FILE", text(&key_file))
}

fn create(client: &Client, name: &str) -> Option<u16> {
    let body = json!({ "domain": { "url": name } }).to_string();
    client.send("POST", "/api/v1/domains", Some(&body)).ok().map(|reply| reply.status)
}

fn names(client: &Client) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let reply = client.get(&format!("/api/v1/domains?limit=50&offset={}", found.len()));
        let domains = reply.json.as_array().cloned().unwrap_or_else(|| panic!("{reply:?}"));
        if domains.is_empty() {
            return found;
        }
        found.extend(domains.iter().filter_map(|domain| domain["url"].as_str().map(str::to_owned)));
    }
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "it needs Debian's postgresql")]
fn several_servers_have_one_database_and_a_kill_of_one_loses_and_stops_nothing() {
    const EACH: usize = 60;
    let cluster = Cluster::new();
    let site = site(&cluster.database("desk"));
    let (mut one, two) = (site.serve(), site.serve());
    let secret = one.key.clone().expect("the first server makes the first key");
    assert_eq!(two.key, None, "and the second finds it");
    let (first, second) = (Client::new(&one.url, &secret), Client::new(&two.url, &secret));
    first.create_domain("shared.example");
    assert_eq!(names(&second), ["shared.example"], "what one has acknowledged the other has");
    let acknowledged = Mutex::new(vec!["shared.example".to_owned()]);
    thread::scope(|scope| {
        for (server, client) in [&first, &second].into_iter().enumerate() {
            let acknowledged = &acknowledged;
            scope.spawn(move || {
                for turn in 0..EACH {
                    let name = format!("s{server}x{turn}.example");
                    match create(client, &name) {
                        Some(201) => acknowledged.lock().unwrap().push(name),
                        None if server == 0 => break,
                        other => panic!("the server that goes on answers {other:?}"),
                    }
                }
            });
        }
        until("both have acknowledged some", || (acknowledged.lock().unwrap().len() > 20).then_some(()));
        one.process.kill();
    });
    let (mut found, mut acknowledged) = (names(&second), acknowledged.into_inner().unwrap());
    found.sort();
    acknowledged.sort();
    assert!(acknowledged.len() < 1 + 2 * EACH, "the one was killed in the middle");
    let missing: Vec<_> = acknowledged.iter().filter(|name| !found.contains(name)).collect();
    assert!(missing.is_empty(), "acknowledged, and gone: {missing:?}");
    assert!(found.len() <= acknowledged.len() + 1, "at most the one in hand was not acknowledged");
    // The duties of the one that is dead are the other's at once.
    until("the keys are made by the server that is left", || {
        let waiting = names(&second).len();
        let doctor = site.run(&["doctor"]);
        (waiting > 0 && doctor.stdout.contains("database")).then_some(())
    });
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "it needs Debian's postgresql")]
fn a_database_that_goes_away_is_503_at_once_and_comes_back_by_itself() {
    let cluster = Cluster::new();
    let site = site(&cluster.database("desk"));
    let server = site.serve();
    let client = server.client();
    client.create_domain("example.com");
    for _ in 0..2 {
        cluster.crash();
        for path in ["/healthz", "/api/v1/domains"] {
            let asked = Instant::now();
            let reply = client.get(path);
            assert_eq!(reply.status, 503, "{path}: {reply:?}");
            assert!(asked.elapsed() < Duration::from_secs(2), "{path} took {:?}", asked.elapsed());
        }
        assert_eq!(create(&client, "away.example"), Some(503));
        cluster.start();
        let back = Instant::now();
        until("it is back", || (client.get("/healthz").status == 200).then_some(()));
        assert_eq!(names(&client), ["example.com"]);
        assert!(back.elapsed() < Duration::from_secs(10), "it took {:?}", back.elapsed());
    }
    assert_eq!(create(&client, "again.example"), Some(201));
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "it needs Debian's postgresql")]
fn a_database_that_stands_still_is_503_within_10_s_and_goes_on_by_itself() {
    let cluster = Cluster::new();
    let server = site(&cluster.database("desk")).serve();
    let client = server.client();
    client.create_domain("example.com");
    cluster.freeze();
    for path in ["/api/v1/domains", "/healthz"] {
        let asked = Instant::now();
        assert_eq!(client.get(path).status, 503, "{path}");
        assert!(asked.elapsed() < Duration::from_secs(10), "{path} took {:?}", asked.elapsed());
    }
    cluster.thaw();
    until("it is back", || (client.get("/healthz").status == 200).then_some(()));
    assert_eq!(names(&client), ["example.com"]);
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "it needs Debian's postgresql")]
fn a_server_that_stands_still_in_the_midst_of_a_write_keeps_the_others_from_writing_for_15_s_at_most() {
    let cluster = Cluster::new();
    let url = cluster.database("desk");
    let site = site(&url);
    let server = site.serve();
    let client = server.client();
    let options = Options { master_key_file: Some(site.file("master.key")), ..Options::new(settings()) };
    let still = Postroom::open(&url, options).unwrap();
    let holds = Barrier::new(2);
    thread::scope(|scope| {
        let frozen = scope.spawn(|| {
            still.write(|tx| {
                account::create(tx, "frozen")?;
                holds.wait();
                thread::sleep(Duration::from_secs(25));
                account::create(tx, "thawed")
            })
        });
        holds.wait();
        let begun = Instant::now();
        until("the other server writes", || (create(&client, "other.example") == Some(201)).then_some(()));
        assert!(begun.elapsed() < Duration::from_secs(22), "{:?}", begun.elapsed());
        assert!(frozen.join().unwrap().is_err(), "what it had written is undone");
    });
    let accounts = site.json(&["account", "list"]);
    assert!(!accounts.to_string().contains("frozen"), "{accounts}");
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "it needs Debian's postgresql")]
fn a_standby_that_takes_over_has_everything_that_was_acknowledged() {
    let cluster = Cluster::new();
    cluster.database("desk");
    let standby = cluster.standby();
    let hosts = format!("{},{}", cluster.address(), standby.address());
    let site = site(&format!("postgres://postgres@{hosts}/desk?target_session_attrs=read-write"));
    let server = site.serve();
    let client = server.client();
    let mut acknowledged = Vec::new();
    for turn in 0..20 {
        let name = format!("d{turn:02}.example");
        assert_eq!(create(&client, &name), Some(201));
        acknowledged.push(name);
    }
    cluster.crash();
    standby.promote();
    let promoted = Instant::now();
    until("the server has followed", || (client.get("/healthz").status == 200).then_some(()));
    assert!(promoted.elapsed() < Duration::from_secs(10), "it took {:?}", promoted.elapsed());
    let mut found = names(&client);
    found.sort();
    assert_eq!(found, acknowledged);
    // The new primary waits for no standby of its own.
    standby.sql("postgres", "ALTER SYSTEM RESET synchronous_standby_names");
    standby.sql("postgres", "SELECT pg_reload_conf()");
    assert_eq!(create(&client, "after.example"), Some(201));
}

/// An authority, and a certificate of its for `localhost`, with the key.
fn authority_and_certificate() -> (String, String, String) {
    let (authority_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(params, authority_key);
    let named = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = named.signed_by(&key, &issuer).unwrap();
    (authority.pem(), certificate.pem(), key.serialize_pem())
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "it needs Debian's postgresql")]
fn a_connection_is_encrypted_and_the_servers_certificate_checked_as_the_url_says() {
    let cluster = Cluster::new();
    cluster.database("desk");
    let (authority, certificate, key) = authority_and_certificate();
    let (another, ..) = authority_and_certificate();
    cluster.want_tls(&certificate, &key);
    let site = Site::new();
    let (key_file, ours, theirs) = (site.file("master.key"), site.file("ours.pem"), site.file("theirs.pem"));
    fs::write(&ours, authority).unwrap();
    fs::write(&theirs, another).unwrap();
    let opens = |host: &str, options: &str| {
        let url = format!("postgres://postgres@{host}:{}/desk?{options}", cluster.port());
        let told = Postroom::open(
            &url,
            Options { master_key_file: Some(key_file.clone()), ..Options::new(settings()) },
        );
        told.is_ok()
    };
    let (ours, theirs) = (text(&ours), text(&theirs));
    for (host, options, is_taken) in [
        ("localhost", "sslmode=prefer".to_owned(), true),
        ("localhost", "sslmode=require".to_owned(), true),
        ("localhost", "sslmode=disable".to_owned(), false),
        ("localhost", format!("sslmode=verify-full&sslrootcert={ours}"), true),
        ("localhost", format!("sslmode=verify-full&sslrootcert={theirs}"), false),
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={ours}"), false),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={ours}"), true),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={theirs}"), false),
        ("localhost", format!("sslmode=require&sslrootcert={theirs}"), false),
    ] {
        assert_eq!(opens(host, &options), is_taken, "{host} {options}");
    }
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "it needs Debian's postgresql")]
fn a_database_is_copied_there_and_back_whole() {
    let cluster = Cluster::new();
    let url = cluster.database("desk");
    let here = Site::new();
    let server = here.serve();
    let (client, secret) = (server.client(), server.key.clone().expect("a key"));
    for turn in 0..30 {
        client.create_domain(&format!("d{turn:02}.example"));
    }
    let newest = client.create_domain("gone.example")["id"].as_i64();
    assert_eq!(client.send("DELETE", "/inbound/v1/domains/gone.example", None).unwrap().status, 204);
    let refused = here.run(&["copy", "--to", &url]);
    assert_eq!(refused.code, Some(4), "a server has it: {refused:?}");
    server.stop();
    let shown = |site: &Site| -> Vec<Value> {
        [["domain", "list"], ["account", "list"]].iter().map(|command| site.json(command)).collect()
    };
    let (before, events) = (shown(&here), here.json(&["audit", "--limit", "1000"]));
    let copied = here.json(&["copy", "--to", &url]);
    assert!(copied["copied"].as_u64().is_some_and(|rows| rows > 100), "{copied}");
    let refused = here.run(&["copy", "--to", &url]);
    assert_eq!(refused.code, Some(4), "it is not empty any more: {refused:?}");

    let there = Site::new().with("POSTROOM_DB", &url);
    let without_key = there.run(&["domain", "list"]);
    assert_ne!(without_key.code, Some(0), "{without_key:?}");
    let there = there.with("POSTROOM_MASTER_KEY_FILE", text(&here.file("postroom.db.key")));
    assert_eq!((shown(&there), there.json(&["audit", "--limit", "1000"])), (before.clone(), events.clone()));
    let server = there.serve();
    let client = Client::new(&server.url, &secret);
    let there_id = client.create_domain("there.example")["id"].as_i64();
    assert!(
        there_id > newest,
        "the id of one that was deleted is given to no other: {there_id:?} after {newest:?}"
    );
    server.stop();

    let back = here.file("back.db");
    there.json(&["copy", "--to", text(&back)]);
    fs::copy(here.file("postroom.db.key"), here.file("back.db.key")).expect("the key goes along");
    let back = Site::new()
        .with("POSTROOM_DB", text(&back))
        .with("POSTROOM_MASTER_KEY_FILE", text(&here.file("postroom.db.key")));
    assert_eq!(shown(&back), shown(&there));
    let server = back.serve();
    let back_id = Client::new(&server.url, &secret).create_domain("back.example")["id"].as_i64();
    assert!(back_id > there_id, "{back_id:?} after {there_id:?}");
    server.stop();
    let checked = back.run(&["doctor"]);
    assert!(checked.stdout.contains("is sound"), "{checked:?}");
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "it needs Debian's postgresql")]
fn a_database_that_the_server_has_not_is_not_there() {
    let cluster = Cluster::new();
    let finished = site(&cluster.database("desk").replace("/desk", "/none")).run(&["domain", "list"]);
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert!(finished.stderr.contains("createdb"), "{finished:?}");
}

#[test]
fn what_cannot_be_opened_is_said_without_the_password() {
    let site = Site::new().with("POSTROOM_DB", "postgres://desk:hunter2@127.0.0.1:1/desk");
    let shown = site.run(&["config", "show"]);
    assert!(shown.stdout.contains("postgres://desk@127.0.0.1:1/desk"), "{shown:?}");
    let without_key = site.run(&["domain", "list"]);
    assert!(without_key.stderr.contains("--master-key-file"), "{without_key:?}");
    let site = site.with("POSTROOM_MASTER_KEY_FILE", text(&Site::new().file("key")));
    let out_of_reach = site.run(&["domain", "list"]);
    assert_eq!(out_of_reach.code, Some(5), "it may pass by itself: {out_of_reach:?}");
    assert!(out_of_reach.stderr.contains("postgres://desk@127.0.0.1:1/desk"), "{out_of_reach:?}");
    for odd in [
        "POSTGRES://desk:hunter2@h/desk",
        "host=h password=hunter2",
        "postgres://desk:hunter2?x@127.0.0.1:1/desk",
    ] {
        let refused = site.run(&["--db", odd, "domain", "list"]);
        assert!(refused.code != Some(0) && !format!("{refused:?}").contains("hunter2"), "{odd}: {refused:?}");
    }
    let copying = Site::new().with("POSTROOM_COPY_TO", "postgres://desk:hunter2@127.0.0.1:1/desk");
    drop(Postroom::open(copying.db(), Options::new(settings())).unwrap());
    let copied = copying.run(&["copy"]);
    assert_eq!(copied.code, Some(5), "{copied:?}");
    assert!(copied.stderr.contains("postgres://desk@127.0.0.1:1/desk"), "{copied:?}");
    let help = copying.run(&["copy", "--help"]);
    for finished in [&shown, &without_key, &out_of_reach, &copied, &help] {
        assert!(!format!("{finished:?}").contains("hunter2"), "{finished:?}");
    }
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "it needs Debian's postgresql")]
fn a_new_master_key_seals_nothing_until_every_machine_has_it() {
    let cluster = Cluster::new();
    let url = cluster.database("desk");
    let (here, there) = (site(&url), site(&url));
    let server = here.serve();
    fs::copy(here.file("master.key"), there.file("master.key")).unwrap();
    let other = there.serve();
    let client = Client::new(&other.url, server.key.as_deref().expect("a key"));
    let early = here.run(&["rotate-master-key", "--finish"]);
    assert_eq!(early.code, Some(4), "no machine can have a key that was not made: {early:?}");
    let made = here.json(&["rotate-master-key"])["new_master_key_file"].as_str().unwrap().to_owned();
    assert_eq!(client.get("/readyz").status, 200);
    client.create_domain("before.example");
    fs::copy(made, there.file("master.key.new")).unwrap();
    assert_eq!(here.json(&["rotate-master-key", "--finish"])["old_key_removed"], true);
    assert_eq!(client.get("/readyz").status, 200);
    client.create_domain("after.example");
    until("the other machine has it in its place", || {
        let [one, two] = [&here, &there].map(|site| fs::read(site.file("master.key")).unwrap());
        (one == two && !there.file("master.key.new").exists()).then_some(())
    });
}
