//! The first start and those after it: what is told once, and what is never told.

use serde_json::{Value, json};

use crate::harness::client::Client;
use crate::harness::dns::Silence;
use crate::harness::process::{Running, Site, text};

#[test]
fn the_first_start_tells_the_account_its_key_and_two_lines_to_paste_and_the_second_does_not() {
    let site = Site::new();
    let first = Running::start(&mut site.command(&["serve", "--listen", "127.0.0.1:0"]));
    let told = first.stdout.wait_for("/verify");
    let key = told.lines().map(str::trim).find(|line| line.starts_with("pra_")).expect("a key").to_owned();
    assert_eq!(told.matches(&format!("-H 'MailPace-Organization-Token: {key}'")).count(), 2, "{told}");
    assert_eq!(told.matches("curl ").count(), 2, "{told}");
    assert!(told.contains("\"default\"") && told.contains("shown this once"), "{told}");
    let url = told.split_whitespace().find(|word| word.starts_with("http://")).expect("a URL").to_owned();
    assert_eq!(Client::new(&url, &key).get("/api/v1/domains").json, json!([]));
    stop(first);

    let second = Running::start(&mut site.command(&["serve", "--listen", "127.0.0.1:0"]));
    let told = second.stdout.wait_for("http://");
    assert_eq!(told.lines().count(), 1, "{told}");
    let url = told.split_whitespace().find(|word| word.starts_with("http://")).expect("a URL").to_owned();
    assert_eq!(Client::new(&url, &key).get("/api/v1/domains").status, 200, "the key is still good");
    stop(second);
}

#[test]
fn json_says_the_same_in_one_object() {
    let site = Site::new();
    let first = site.serve();
    let told: Value = serde_json::from_str(&first.process.stdout.now()).expect("one object");
    assert_eq!(told["account"], json!({ "id": 1, "name": "default" }));
    assert!(first.client().get("/api/v1/domains").status == 200);
    assert!(first.stop().success());
    let second = site.serve();
    assert_eq!(
        serde_json::from_str::<Value>(&second.process.stdout.now()).expect("one"),
        json!({ "url": second.url })
    );
}

#[test]
fn a_public_url_stands_in_what_is_told_and_changes_nothing_else() {
    let site = Site::new().with("POSTROOM_PUBLIC_URL", "https://post.example.net");
    let server = site.serve();
    assert_eq!(server.url, "https://post.example.net");
}

#[test]
fn what_a_site_keeps_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new();
    let server = site.serve();
    server.client().create_domain("example.com");
    for name in ["postroom.db", "postroom.db.key", "postroom.db-wal", "postroom.db-shm"] {
        let file = site.file(name);
        let mode = file.metadata().unwrap_or_else(|error| panic!("{name}: {error}")).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name} is {mode:o}");
    }
}

#[test]
fn a_start_that_fails_does_not_use_up_the_telling_of_the_key() {
    let site = Site::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    assert_eq!(site.run(&["serve", "--listen", &address]).code, Some(4));
    assert!(site.serve().key.is_some());
}

#[test]
fn a_file_an_environment_variable_and_a_flag_set_the_same_thing_each_above_the_other() {
    let site = Site::new();
    let config = site.file("postroom.toml");
    std::fs::write(&config, "db = \"from-file.db\"\n").expect("to write");
    let config = text(&config);
    // Serving makes the file; the other commands find it by the same rule.
    let made = |site: &Site, arguments: &[&str], file: &str| {
        assert!(site.serve_with(arguments).stop().success());
        assert!(site.file(file).exists() && !site.db().exists(), "{file}");
        let accounts = site.json(&[&["account", "list"], arguments].concat());
        assert_eq!(accounts.as_array().map(Vec::len), Some(1), "{file}");
    };
    made(&site, &["--config", config], "from-file.db");
    let site = site.with("POSTROOM_DB", "from-environment.db");
    made(&site, &["--config", config], "from-environment.db");
    made(&site, &["--config", config, "--db", "from-flag.db"], "from-flag.db");
}

#[test]
fn no_secret_is_ever_logged() {
    for format in ["text", "json"] {
        let silence = Silence::start();
        let site = Site::new()
            .with("POSTROOM_LOG", "trace")
            .with("POSTROOM_LOG_FORMAT", format)
            .with("POSTROOM_RESOLVERS", &silence.address())
            .with("POSTROOM_DNS_AUTHORITATIVE", "false");
        let server = site.serve();
        let (client, mut secrets) = (server.client(), vec![server.key.clone().expect("a key")]);
        let wrong = format!("{}x", secrets[0]);
        assert_eq!(client.with_key(&wrong).get("/api/v1/domains").status, 401);
        let domain = client.create_domain("example.com");
        let made = client.post("/api/v1/domains/1/api_tokens", &json!({ "api_token": { "name": "mine" } }));
        let token = made.json["token"].as_str().expect("a token").to_owned();
        assert_eq!(
            client.with_key(&token).get("/api/v1/domains").status,
            401,
            "a domain's token is no account's key"
        );
        assert_eq!(client.get(&format!("/api/v1/domains?key={token}")).status, 200);
        assert_eq!(client.get(&format!("/api/v1/{token}")).status, 404);
        assert_eq!(
            client.send("POST", "/api/v1/domains", Some(&format!("{{{token}"))).expect("an answer").status,
            400
        );
        let more = site.run(&["key", "create", "--account", "default", "--json"]);
        secrets.extend([token, more.json()["api_key"].as_str().expect("a key").to_owned()]);
        let master = std::fs::read_to_string(site.file("postroom.db.key")).expect("a master key");
        secrets.push(master.split_whitespace().last().expect("a master key").to_owned());

        server.process.signal("TERM");
        let log = server.process.stderr.whole() + &more.stderr;
        assert!(log.contains("/api/v1/domains/{id}/api_tokens"), "the requests are logged: {log}");
        assert!(format != "json" || log.lines().all(|line| line.starts_with('{')), "{log}");
        for secret in &secrets {
            // The checksum at the end does not make what stands before it less secret.
            let heart = secret.get(4..30).expect("a long secret");
            assert!(!log.contains(heart), "{heart} is logged: {log}");
        }
        assert!(!log.contains("PRIVATE KEY"), "{log}");
        assert_eq!(domain["url"], "example.com");
    }
}

fn stop(mut server: Running) {
    server.signal("TERM");
    assert!(server.wait().success());
}
