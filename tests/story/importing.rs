//! Moving in: from a list, from `OpenDKIM`, from rspamd, from another service.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::process::{Site, text};

/// A site where no name server answers, so that no key can be seen.
fn site() -> Site {
    let site =
        Site::new().with("POSTROOM_RESOLVERS", "127.0.0.1:1").with("POSTROOM_DNS_AUTHORITATIVE", "false");
    assert!(site.serve().stop().success());
    site
}

/// The outcome of each item, by its name.
fn outcomes(said: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let items = said.as_array().expect("a list").iter();
    items.map(|item| (text(&item["item"]), text(&item["outcome"]))).collect()
}

fn pairs(wanted: &[(&str, &str)]) -> Vec<(String, String)> {
    wanted.iter().map(|(item, outcome)| ((*item).to_owned(), (*outcome).to_owned())).collect()
}

const IMPORT: [&str; 3] = ["--account", "default", "--json"];

fn import(site: &Site, arguments: &[&str]) -> crate::harness::process::Finished {
    site.run(&[&["import"][..], arguments, &IMPORT].concat())
}

/// An RSA key and an Ed25519 key, both as OpenSSL writes them today: PKCS#8.
fn make_keys(site: &Site) {
    for (file, arguments) in [
        ("rsa.pem", &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"][..]),
        ("ed25519.pem", &["genpkey", "-algorithm", "ed25519"]),
    ] {
        let made = Command::new("openssl").args(arguments).arg("-out").arg(site.file(file)).output();
        assert!(made.expect("openssl").status.success());
    }
}

#[test]
fn a_list_is_planned_imported_and_imported_again_without_harm() {
    let site = site();
    site.json(&["account", "create", "other"]);
    site.json(&["domain", "create", "taken.example", "--account", "other"]);
    fs::write(
        site.file("domains.csv"),
        "Domain,label,user_id,organization_id,alias_of\n\
         one.example,\"Shop, the first\",user-1,org-1,\n\
         two.example,,,,\nalias.example,,,,one.example\nno domain,,,,\ntaken.example,,,,\ntwo.example,,,,\nalias.example,,,,one.example\n",
    )
    .expect("to write");
    let wanted = [
        ("one.example", "imported"),
        ("two.example", "imported"),
        ("no domain", "refused"),
        ("taken.example", "refused"),
        ("two.example", "there"),
        ("alias.example", "imported"),
        ("alias.example", "there"),
    ];
    // Items are worked on side by side, so of two equal ones either may be the first.
    let sorted = |mut outcomes: Vec<(String, String)>| {
        outcomes.sort();
        outcomes
    };
    let wanted = sorted(pairs(&wanted));
    let plan = import(&site, &["csv", "domains.csv", "--dry-run"]);
    assert_eq!((plan.code, sorted(outcomes(&plan.json()))), (Some(2), wanted.clone()), "{plan:?}");
    assert_eq!(site.json(&["domain", "list", "--account", "default"]), json!([]), "a plan does nothing");

    let done = import(&site, &["csv", "domains.csv"]);
    assert_eq!((done.code, sorted(outcomes(&done.json()))), (Some(2), wanted), "{done:?}");
    assert_eq!(site.json(&["domain", "show", "one.example"])["label"], "Shop, the first");
    assert_eq!(site.json(&["alias", "list", "one.example"]), json!(["alias.example"]));

    let again = import(&site, &["csv", "domains.csv"]);
    let counted = |word: &str| outcomes(&again.json()).iter().filter(|(_, outcome)| outcome == word).count();
    assert_eq!((counted("there"), counted("refused")), (5, 2), "{again:?}");
}

#[test]
fn a_plan_refuses_what_the_import_refuses() {
    let site = site();
    make_keys(&site);
    site.json(&["account", "create", "other"]);
    site.json(&["domain", "create", "taken.example", "--account", "other"]);
    site.json(&["domain", "create", "old.example", "--account", "default"]);
    site.json(&["alias", "add", "old.example", "held.example"]);
    fs::write(
        site.file("domains.csv"),
        "domain,alias_of\none.example,\ntwo.example,\ntaken.example,\nheld.example,\n\
         shared.example,one.example\nshared.example,two.example\ntwo.example,one.example\n\
         held.example,one.example\nof-taken.example,taken.example\nof-none.example,missing.example\n",
    )
    .expect("to write");
    fs::write(site.file("KeyTable"), "first %:s1:./rsa.pem\nsecond %:s1:./ed25519.pem\n").expect("to write");
    fs::write(
        site.file("SigningTable"),
        "keys.example first\n*@keys.example second\nkey.example first\n*@key.example first\n",
    )
    .expect("to write");
    for (source, refused) in
        [(&["csv", "domains.csv"][..], 7), (&["opendkim", "KeyTable", "SigningTable"], 1)]
    {
        let [plan, done] = [&["--dry-run"][..], &[]].map(|more| {
            // Of two aliases of one name either may be the first.
            let mut outcomes = outcomes(&import(&site, &[source, more].concat()).json());
            outcomes.sort();
            outcomes
        });
        assert_eq!(plan, done);
        assert_eq!(done.iter().filter(|(_, outcome)| outcome == "refused").count(), refused, "{done:?}");
    }
}

#[test]
fn a_plan_says_what_it_would_do_and_a_refused_alias_which_name_is_meant() {
    let site = site();
    site.json(&["domain", "create", "old.example", "new.example", "--account", "default"]);
    site.json(&["alias", "add", "old.example", "held.example"]);
    fs::write(
        site.file("domains.csv"),
        "domain,alias_of\nfirst.example,\nheld.example,new.example\nlost.example,missing.example\n\
         old.example,new.example\nmore.example,new.example\n",
    )
    .expect("to write");
    let refused = [
        "held.example: it is an alias of old.example already",
        "lost.example: its alias_of names missing.example, and there is no such domain",
        "old.example: it is a domain already, so it cannot be an alias",
    ];
    let plan = site.run(&["import", "csv", "domains.csv", "--dry-run"]).stdout;
    for line in [
        "would import first.example: creates it",
        "would import more.example: makes it an alias of new.example",
    ] {
        assert!(plan.contains(line), "{line}: {plan}");
    }
    let done = site.run(&["import", "csv", "domains.csv"]).stdout;
    assert!(done.contains("imported first.example: is created"), "{done}");
    for line in refused {
        assert!(plan.contains(line) && done.contains(line), "{line}: {plan}{done}");
    }
}

#[test]
fn an_import_stops_asking_a_dns_that_does_not_answer_and_says_so_once() {
    let site = site();
    make_keys(&site);
    fs::create_dir(site.file("dkim")).expect("a folder");
    for n in 0..60 {
        fs::copy(site.file("ed25519.pem"), site.file(&format!("dkim/d{n}.example.s1.key"))).expect("to copy");
    }
    let done = site.run(&["import", "rspamd", "dkim", "--account", "default"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("60 imported, 0 there already, 0 refused."), "{done:?}");
    assert_eq!(done.stdout.matches("The DNS did not answer many times in a row").count(), 1, "{done:?}");
    let unasked = done.stdout.matches("the DNS was not asked").count();
    assert!((1..60).contains(&unasked), "{unasked}: {done:?}");
    let waiting: i64 = rusqlite::Connection::open(site.db())
        .and_then(|sql| sql.query_row("SELECT sum(starts_itself) FROM dkim_key", [], |row| row.get(0)))
        .expect("keys");
    assert_eq!(waiting, 60, "a check finds the records of all of them");
}

#[test]
fn a_list_whose_first_line_names_no_columns_is_refused_whole() {
    let site = site();
    for (csv, words) in [
        ("one.example\n", "one.example"),
        ("domain,lable\none.example,x\n", "did you mean label?"),
        ("label\nx\n", "domain among them"),
        ("domain,label,label\none.example,x,y\n", "label\\\" twice"),
    ] {
        fs::write(site.file("domains.csv"), csv).expect("to write");
        let refused = import(&site, &["csv", "domains.csv"]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains(words), "{words}: {refused:?}");
    }
    assert_eq!(import(&site, &["csv", "missing.csv"]).code, Some(3));
}

#[test]
fn the_tables_of_opendkim_bring_domains_with_their_keys_and_selectors() {
    let site = site();
    make_keys(&site);
    fs::write(
        site.file("KeyTable"),
        "# name domain:selector:file\n\
         first  one.example:mail_2019:rsa.pem\n\
         second one.example:ed:ed25519.pem\n\
         each   %:s1:rsa.pem\n\
         broken three.example:s1:missing.pem\n",
    )
    .expect("to write");
    fs::write(
        site.file("SigningTable"),
        "*@one.example first\n*@one.example second\ntwo.example each\n*@three.example broken\n\
         *@*.four.example first\n*@five.example nothing\n",
    )
    .expect("to write");
    let done = import(&site, &["opendkim", "KeyTable", "refile:SigningTable"]);
    assert_eq!(done.code, Some(2), "{done:?}");
    let wanted = [
        ("refile:SigningTable line 5", "refused"),
        ("refile:SigningTable line 6", "refused"),
        ("one.example", "imported"),
        ("three.example", "refused"),
        ("two.example", "imported"),
    ];
    assert_eq!(outcomes(&done.json()), pairs(&wanted), "{done:?}");
    let records = site.json(&["domain", "records", "one.example"]).to_string();
    for word in ["mail_2019._domainkey", "ed._domainkey", "k=ed25519"] {
        assert!(records.contains(word), "{word} is missing in {records}");
    }
    assert!(!records.contains("pr1"), "no other key is made beside them: {records}");
    let again = import(&site, &["opendkim", "KeyTable", "SigningTable"]).json();
    let two = again.as_array().expect("a list").iter().find(|item| item["item"] == "two.example");
    let two = two.unwrap_or_else(|| panic!("no two.example in {again}"));
    assert_eq!(two["outcome"], "there", "nothing was done: {two}");
    assert!(two["text"].as_str().expect("a text").contains("s1 does not sign yet"), "{two}");
    assert_eq!(site.json(&["domain", "list"]).as_array().map(Vec::len), Some(2));
}

/// What stands between the first and the last line of a PEM, as one line.
fn base64_of(site: &Site, arguments: &[&str]) -> String {
    let made = Command::new("openssl").args(arguments).arg(site.file("rsa.pem")).output().expect("openssl");
    assert!(made.status.success(), "{made:?}");
    let pem = String::from_utf8(made.stdout).expect("a PEM");
    pem.lines().filter(|line| !line.starts_with("-----")).collect()
}

#[test]
fn a_key_in_the_key_table_itself_is_taken_and_never_printed() {
    let site = site();
    make_keys(&site);
    let pkcs8 = base64_of(&site, &["pkey", "-in"]);
    let pkcs1 = base64_of(&site, &["rsa", "-traditional", "-in"]);
    let cut = &pkcs8[..pkcs8.len() - 40];
    fs::write(
        site.file("KeyTable"),
        format!(
            "eight  eight.example:s1:{pkcs8}\none one.example:s1:{pkcs1}\n\
             pem pem.example:s1:-----BEGIN PRIVATE KEY-----{pkcs8}-----END PRIVATE KEY-----\n\
             cut cut.example:s1:{cut}\n"
        ),
    )
    .expect("to write");
    fs::write(
        site.file("SigningTable"),
        "eight.example eight\none.example one\npem.example pem\ncut.example cut\n",
    )
    .expect("to write");
    let wanted = [
        ("cut.example", "refused"),
        ("eight.example", "imported"),
        ("one.example", "imported"),
        ("pem.example", "imported"),
    ];
    for more in [&["--dry-run"][..], &[]] {
        let tables = ["opendkim", "KeyTable", "SigningTable"];
        let as_text = [&["import"][..], &tables, &["--account", "default", "--dry-run"]].concat();
        let (text, done) = (site.run(&as_text), import(&site, &[&tables, more].concat()));
        assert_eq!(outcomes(&done.json()), pairs(&wanted), "{more:?}");
        for shown in [&text.stdout, &text.stderr, &done.stdout, &done.stderr] {
            assert!(!shown.contains(&pkcs8[..24]) && !shown.contains(&pkcs1[..24]), "a key is printed");
        }
        assert!(
            text.stdout.contains("nor a private key"),
            "{}",
            text.stdout.lines().next().unwrap_or_default()
        );
    }
}

#[test]
fn the_tables_of_opendkim_may_name_the_senders_domain_in_a_path_and_an_identity() {
    let site = site();
    make_keys(&site);
    fs::create_dir(site.file("keys")).expect("a folder");
    for (from, to) in [("rsa.pem", "keys/one.example"), ("ed25519.pem", "keys/two.example")] {
        fs::copy(site.file(from), site.file(to)).expect("to copy");
    }
    fs::write(site.file("KeyTable"), "each %:s1:./keys/%\n").expect("to write");
    fs::write(site.file("SigningTable"), "*@one.example each\n*@two.example  each  %\n").expect("to write");
    let done = import(&site, &["opendkim", "KeyTable", "SigningTable"]);
    let wanted = [("one.example", "imported"), ("two.example", "imported")];
    assert_eq!((done.code, outcomes(&done.json())), (Some(0), pairs(&wanted)), "{done:?}");
    let records = |name: &str| site.json(&["domain", "records", name]).to_string();
    assert!(!records("one.example").contains("k=ed25519") && records("two.example").contains("k=ed25519"));
}

#[test]
fn a_folder_of_rspamds_brings_domains_with_their_keys() {
    let site = site();
    make_keys(&site);
    fs::create_dir(site.file("dkim")).expect("a folder");
    for name in ["one.example.s1.key", "two.example.key", "localhost.key", "readme.txt"] {
        fs::copy(site.file("rsa.pem"), site.file(&format!("dkim/{name}"))).expect("to copy");
    }
    let done = import(&site, &["rspamd", "dkim"]);
    let wanted = [("localhost.key", "refused"), ("one.example", "imported"), ("two.example", "imported")];
    assert_eq!((done.code, outcomes(&done.json())), (Some(2), pairs(&wanted)), "{done:?}");
    assert!(site.json(&["domain", "records", "two.example"]).to_string().contains("dkim._domainkey"));
    assert_eq!(import(&site, &["rspamd", "missing"]).code, Some(3));
}

#[test]
fn the_lists_of_other_services_are_read_from_files() {
    let site = site();
    for (service, list) in [
        ("mailgun", json!({ "total_count": 1, "items": [{ "name": "gun.example", "state": "active" }] })),
        ("mailpace", json!([{ "id": 1, "name": "Shop", "url": "pace.example" }])),
        (
            "mailchannels",
            json!({ "domains": [{ "domain": "channels.example", "aliases": ["other.example"] }], "total": 1 }),
        ),
    ] {
        let file = site.file(&format!("{service}.json"));
        fs::write(&file, list.to_string()).expect("to write");
        let done = import(&site, &[service, text(&file)]);
        assert_eq!(done.code, Some(0), "{done:?}");
    }
    assert_eq!(site.json(&["domain", "list"]).as_array().map(Vec::len), Some(3));
    assert_eq!(site.json(&["domain", "show", "pace.example"])["label"], "Shop");
    assert_eq!(site.json(&["alias", "list", "channels.example"]), json!(["other.example"]));
    fs::write(site.file("junk.json"), "{}").expect("to write");
    assert_eq!(import(&site, &["mailgun", "junk.json"]).code, Some(2));
}

#[test]
fn a_service_is_asked_page_by_page_with_its_key() {
    // Another Postroom is a service that speaks these interfaces.
    let there = Site::new();
    let service = there.serve();
    let domains: Vec<Value> = (0..250).map(|n| json!({ "domain": format!("d{n}.example") })).collect();
    let batch = "/inbound/v1/domains/batch?subscriptionHandle=default";
    assert!(service.client().post(batch, &json!({ "domains": domains })).status < 300);
    let site = site();
    fs::write(site.file("key"), service.key.as_deref().expect("a key")).expect("to write");
    for (kind, path) in [("mailpace", "/api/v1/domains"), ("mailchannels", "/inbound/v1/domains")] {
        let url = format!("{}{path}", service.url);
        let plan = import(&site, &[kind, &url, "--key-file", "key", "--dry-run"]);
        assert_eq!(plan.code, Some(0), "{plan:?}");
        assert_eq!(plan.json().as_array().map(Vec::len), Some(250), "{kind}");
        assert_eq!(import(&site, &[kind, &url]).code, Some(2), "a URL needs a key");
        fs::write(site.file("wrong"), "pra_wrong").expect("to write");
        assert_eq!(import(&site, &[kind, &url, "--key-file", "wrong"]).code, Some(4));
    }
}

/// A site with an account, a domain that has a token, an alias, a recipient and a label, and what opens it.
fn filled() -> (Site, String) {
    let site = Site::new();
    let server = site.serve();
    let key = server.key.clone().expect("a key");
    server.client().create_domain("example.com");
    assert!(server.stop().success());
    site.json(&["token", "create", "example.com", "--name", "shop"]);
    site.json(&["alias", "add", "example.com", "alias.example"]);
    site.json(&["recipient", "save", "jo@example.com", "--admin", "true"]);
    (site, key)
}

#[test]
fn everything_is_exported_under_a_passphrase_and_taken_into_an_empty_database() {
    let (site, key) = filled();
    fs::write(site.file("passphrase"), "a long passphrase\n").expect("to write");
    fs::write(site.file("wrong"), "another one\n").expect("to write");
    let whole = ["export", "--to", "whole.age", "--passphrase-file", "passphrase"];
    assert_eq!(site.json(&whole)["keys"], true);
    assert_eq!(site.run(&whole).code, Some(4), "nothing is overwritten");
    let octets = fs::read(site.file("whole.age")).expect("a file");
    assert!(
        octets.starts_with(b"age-encryption.org/v1")
            && !String::from_utf8_lossy(&octets).contains("example.com")
    );

    let records = site.run(&["domain", "records", "example.com"]).stdout;
    let other = Site::new();
    fs::copy(site.file("whole.age"), other.file("whole.age")).expect("to copy");
    for name in ["passphrase", "wrong"] {
        fs::copy(site.file(name), other.file(name)).expect("to copy");
    }
    let import =
        |passphrase: &[&str]| other.run(&[&["import", "postroom", "whole.age"][..], passphrase].concat());
    assert_eq!(import(&[]).code, Some(2), "it needs its passphrase");
    assert_eq!(import(&["--passphrase-file", "wrong"]).code, Some(4));
    let taken = import(&["--passphrase-file", "passphrase"]);
    assert_eq!(taken.code, Some(0), "{taken:?}");
    assert_eq!(import(&["--passphrase-file", "passphrase"]).code, Some(4), "it is not empty any more");
    assert_eq!(other.run(&["domain", "records", "example.com"]).stdout, records, "the keys are the same");
    assert_eq!(other.json(&["alias", "list", "example.com"]), json!(["alias.example"]));
    assert_eq!(other.json(&["token", "list", "example.com"])[0]["name"], "shop");
    let sound = other.run(&["doctor", "--json"]).json();
    let database = sound.as_array().expect("checks").iter().find(|each| each["check"] == "database").cloned();
    assert_eq!(database.expect("a database")["state"], "ok");
    // The API key from before opens what it opened, and what was sealed opens under the new master key.
    let server = other.serve();
    assert_eq!(crate::harness::client::Client::new(&server.url, &key).get("/api/v1/domains").status, 200);
    assert_eq!(other.json(&["rotate-master-key"])["old_key_removed"], true);
}

#[test]
fn an_export_without_a_passphrase_has_no_private_key_and_domains_get_new_ones() {
    let (site, key) = filled();
    let whole = site.run(&["export"]);
    let json = whole.json();
    assert_eq!((json["format"].as_str(), json["keys"].as_bool()), (Some("postroom export"), Some(false)));
    assert!(json["tables"]["dkim_key"].is_null() && !whole.stdout.contains(&key), "{json}");
    let other = Site::new();
    fs::write(other.file("whole.json"), &whole.stdout).expect("to write");
    let taken = other.run(&["import", "postroom", "whole.json"]);
    assert_eq!(taken.code, Some(0), "{taken:?}");
    assert!(taken.stderr.contains("the private keys stayed behind"), "{taken:?}");
    let server = other.serve();
    let client = crate::harness::client::Client::new(&server.url, &key);
    let dkim = |client: &crate::harness::client::Client| {
        client.get("/api/v1/domains").json[0]["dkim_string"].clone()
    };
    crate::harness::process::until("the domain has a new key", || dkim(&client).is_string().then_some(()));
    assert_eq!(other.run(&["import", "postroom", "whole.json"]).code, Some(4));
}

#[test]
fn what_is_no_export_is_refused_and_leaves_an_empty_database_empty() {
    let site = Site::new();
    for (text, code) in [
        ("{}", 2),
        ("not JSON", 2),
        ("{\"format\":\"postroom export\",\"schema\":1,\"keys\":false,\"tables\":{}}", 2),
    ] {
        fs::write(site.file("whole.json"), text).expect("to write");
        assert_eq!(site.run(&["import", "postroom", "whole.json"]).code, Some(code), "{text}");
    }
    assert_eq!(site.run(&["import", "postroom", "missing.json"]).code, Some(3));
    let schema = filled().0.run(&["export"]).json()["schema"].clone();
    for tables in [
        json!({ "account; DROP TABLE account": [{ "id": 1 }] }),
        json!({ "account": [{ "id": 1, "name": "a", "created_at": 0, "more": 1 }] }),
        json!({ "domain": [{ "id": 1, "account_id": 9, "name": "a.example" }] }),
    ] {
        let whole = json!({ "format": "postroom export", "schema": schema, "keys": false, "tables": tables });
        fs::write(site.file("whole.json"), whole.to_string()).expect("to write");
        let refused = site.run(&["import", "postroom", "whole.json"]);
        assert!(refused.code.is_some_and(|code| code != 0), "{tables}: {refused:?}");
        assert_eq!(site.json(&["account", "list"]), json!([]), "{tables}");
    }
}
