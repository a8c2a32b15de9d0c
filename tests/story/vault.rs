//! What `postroom bridge` gives to a spam filter: private keys, and what lists say; and a real rspamd that signs and filters with it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::bridge::{Bridged, start_at, verdict};
use crate::harness::client::exchange;
use crate::harness::postfix::Postfix;
use crate::harness::process::{Site, text};
use crate::harness::rspamd::Rspamd;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// Two rules of rspamd's operator: the one refuses by itself, the other marks as spam.
const RULES: &str = "REFUSE_ME { re = \"Subject=/refuse me/H\"; score = 50.0; }\n\
                     MARK_ME { re = \"Subject=/mark me/H\"; score = 8.0; }\n";
const OPEN: &str = "private DKIM keys are given";

/// A site with a token of the vault, in a file for its owner alone.
fn site() -> Site {
    let site = Site::new();
    let file = site.file("vault.token");
    fs::write(&file, format!("{TOKEN}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    site.with("POSTROOM_BRIDGE_VAULT_TOKEN_FILE", text(&file)).with("POSTROOM_BRIDGE_HTTP", "127.0.0.1:0")
}

fn start() -> Bridged {
    let site = site();
    let dir = site.file("sockets");
    start_at(site, dir, "0")
}

/// A request with these header fields; its status, and the JSON of its answer.
fn ask(address: &str, request: &str, fields: &str) -> (u16, Value) {
    let head = format!("{request} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{fields}\r\n");
    let answer = exchange(address, head.as_bytes());
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{request}: {answer}"));
    assert!(head.to_lowercase().contains("cache-control: no-store"), "{head}");
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
}

fn keys(address: &str, domain: &str) -> Vec<Value> {
    let (status, json) =
        ask(address, &format!("GET /v1/dkim/{domain}"), &format!("X-Vault-Token: {TOKEN}\r\n"));
    assert_eq!(status, 200, "{json}");
    json["data"]["selectors"].as_array().unwrap().clone()
}

/// An RSA key and an Ed25519 key of example.com that sign, with their selectors and records.
fn two_active_keys(it: &Bridged) -> [(String, String); 2] {
    let (body, key) =
        (json!({"selector": "ed", "algorithm": "ed25519"}).to_string(), it.server.key.as_deref());
    let request = format!(
        "POST /postroom/v1/domains/example.com/keys HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        key.unwrap(),
        body.len()
    );
    let made = exchange(it.server.address(), request.as_bytes());
    assert!(made.starts_with("HTTP/1.1 201"), "{made}");
    let made: Value = serde_json::from_str(made.split_once("\r\n\r\n").unwrap().1).unwrap();
    let db = Connection::open(it.site.db()).unwrap();
    assert_eq!(db.execute("UPDATE dkim_key SET activated_at = 1", ()).unwrap(), 2);
    let domain = it.server.client().get("/api/v1/domains/1").json;
    let text = |json: &Value| json.as_str().unwrap().to_owned();
    [
        (text(&domain["dkim_selector"]), text(&domain["dkim_string"])),
        ("ed".to_owned(), text(&made["record"]["value"])),
    ]
}

/// What the operator's log says of the vault, the oldest first.
fn told(it: &Bridged) -> Vec<String> {
    let db = Connection::open(it.site.db()).unwrap();
    let sql = "SELECT detail FROM event WHERE action = 'vault.changed' AND account_id IS NULL ORDER BY id";
    let mut rows = db.prepare(sql).unwrap();
    rows.query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn keys_that_sign_are_given_to_who_has_the_token_and_nobody_else() {
    let it = start();
    let address = it.address(OPEN);
    assert_eq!(keys(&address, "example.com"), [] as [Value; 0], "no key signs yet");
    two_active_keys(&it);
    let given = keys(&address, "Example.com");
    let part = |name: &str| given.iter().map(|key| key[name].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(part("domain"), ["example.com"; 2]);
    assert_eq!(part("alg"), ["rsa", "ed25519"]);
    assert!(part("key")[0].starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
    assert_eq!(part("key")[1].len(), 44, "Base64 of 32 octets");
    for domain in ["never.example", "sub.example.com", "not%20a%20name"] {
        assert_eq!(keys(&address, domain), [] as [Value; 0], "{domain}");
    }
    for fields in [
        "",
        "X-Vault-Token: \r\n",
        "X-Vault-Token: 0123456789abcdef0123456789abcdee\r\n",
        "X-Vault-Token: 0123456789abcdef\r\n",
        "Authorization: Bearer 0123456789abcdef0123456789abcdef\r\n",
        "X-Vault-Token: x\r\nX-Vault-Token: 0123456789abcdef0123456789abcdef\r\n",
    ] {
        let refused = ask(&address, "GET /v1/dkim/example.com", fields);
        assert_eq!(refused, (403, json!({ "errors": ["permission denied"] })), "{fields}");
    }
    let field = format!("X-Vault-Token: {TOKEN}\r\n");
    for (request, status) in [
        ("POST /v1/dkim/example.com", 405),
        ("GET /v1/dkim/example.com/x", 404),
        ("GET /v1/dkim", 404),
        ("GET /metrics", 404),
    ] {
        assert_eq!(ask(&address, request, &field).0, status, "{request}");
    }
    let huge = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    assert!(exchange(&address, huge.as_bytes()).starts_with("HTTP/1.1 431"));

    // A tenant's name that is not proved does not act, and so nobody signs for it.
    it.site.json(&["account", "distrust", "default"]);
    assert_eq!(keys(&address, "example.com"), [] as [Value; 0]);
    it.site.json(&["account", "trust", "default"]);
    assert_eq!(keys(&address, "example.com").len(), 2);
    Connection::open(it.site.db()).unwrap().execute_batch("UPDATE dkim_key SET activated_at = NULL").unwrap();
    assert_eq!(keys(&address, "example.com"), [] as [Value; 0], "what is switched off is not given out");

    assert_eq!(told(&it).len(), 1, "{:?}", told(&it));
    assert!(told(&it)[0].ends_with(&address), "{:?}", told(&it));
    let log = it.bridge.stderr.now();
    assert!(log.contains("asked for without their token") && !log.contains(TOKEN), "{log}");
    assert!(!log.contains("PRIVATE"), "{log}");
}

#[test]
fn the_audit_log_says_when_keys_are_given_out_and_when_no_more() {
    let it = start();
    let address = it.address(OPEN);
    // At the same address nothing has changed.
    let it = it.restart_with("POSTROOM_BRIDGE_HTTP", &address);
    assert_eq!(told(&it).len(), 1);
    let doctor = |it: &Bridged| {
        let checks = it.site.run(&["doctor", "--json"]).json();
        let found =
            checks.as_array().unwrap().iter().find(|check| check["text"].to_string().contains(&address));
        found.map(|check| check["state"].as_str().unwrap().to_owned())
    };
    assert_eq!(doctor(&it).as_deref(), Some("ok"));
    fs::set_permissions(it.site.file("vault.token"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(doctor(&it), None, "it says that others can read the token");
    fs::set_permissions(it.site.file("vault.token"), fs::Permissions::from_mode(0o600)).unwrap();
    let it = it.restart_with("POSTROOM_BRIDGE_HTTP", "[::1]:0");
    assert_eq!(told(&it).len(), 3, "{:?}", told(&it));
}

#[test]
fn a_vault_without_a_secret_token_or_for_other_machines_is_refused() {
    let refused = |site: &Site, words: &[&str]| {
        let said = site.run(&["bridge", "--dir", text(&site.file("sockets")), "--group", "0"]);
        assert!(said.code.is_some_and(|code| code > 0), "{said:?}");
        assert!(words.iter().all(|word| said.stderr.contains(word)), "{words:?}: {said:?}");
    };
    let made = || {
        let site = site();
        site.run(&["account", "list"]);
        site
    };
    refused(
        &made().with("POSTROOM_BRIDGE_HTTP", "192.0.2.1:80"),
        &["POSTROOM_BRIDGE_HTTP", "no other machine"],
    );
    refused(&made().with("POSTROOM_BRIDGE_HTTP", "0.0.0.0:80"), &["no other machine"]);
    refused(
        &Site::new().with("POSTROOM_BRIDGE_HTTP", "127.0.0.1:0"),
        &["bridge.vault_token_file", "openssl rand -hex 32"],
    );
    let site = made();
    let file = site.file("vault.token");
    for mode in [0o640, 0o604] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        refused(&site, &["others can read the token", "chmod 600"]);
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    for token in ["", "short", "a token with spaces in it", "\"quoted-quoted-quoted\""] {
        fs::write(&file, token).unwrap();
        refused(&site, &["has no token"]);
    }
    fs::remove_file(&file).unwrap();
    refused(&site, &["cannot be read", "openssl rand -hex 32"]);
}

#[test]
fn a_filter_is_told_what_the_lists_of_all_recipients_say() {
    let it = start();
    let address = it.address(OPEN);
    it.server.client().create_domain("other.example");
    for (kind, item) in
        [("safelist", "friend.example"), ("blocklist", "192.0.2.7"), ("blocklist", "junk@b.example")]
    {
        it.site.json(&["list", "add", "--domain", "example.com", kind, item]);
    }
    let outcome = |query: &str| ask(&address, &format!("GET /rspamd/verdict?{query}"), "");
    for (query, wanted) in [
        ("recipient=Jo%2Bx@example.com&sender=a@friend.example", "safe"),
        ("recipient=jo@example.com&from=a@friend.example&ip=192.0.2.7", "safe"),
        ("recipient=jo@example.com&sender=a@c.example&ip=192.0.2.7", "blocked"),
        ("recipient=jo@example.com&recipient=bo@example.com&from=junk@b.example", "blocked"),
        ("recipient=jo@example.com&sender=a@c.example&ip=192.0.2.8", "none"),
        ("recipient=jo@example.com&recipient=jo@other.example&ip=192.0.2.7", "none"),
        ("recipient=jo@example.com&recipient=jo@never.example&ip=192.0.2.7", "none"),
        ("recipient=jo@example.com&recipient=x&ip=192.0.2.7", "none"),
        ("recipient=x", "none"),
        ("recipient=jo@example.com&sender=%00%ff&from=%3c%3e&ip=x", "none"),
    ] {
        assert_eq!(outcome(query), (200, json!({ "outcome": wanted })), "{query}");
    }
    assert_eq!(outcome("sender=a@friend.example").0, 400);
    Connection::open(it.site.db()).unwrap().execute_batch("ALTER TABLE alias RENAME TO gone").unwrap();
    assert_eq!(outcome("recipient=jo@alias.example").0, 503);
}

#[test]
fn the_lines_for_rspamd_are_printed_only_where_it_may_have_keys() {
    let site = site().with("POSTROOM_BRIDGE_HTTP", "127.0.0.1:8026");
    let lines = site.run(&["bridge", "conf", "rspamd"]).stdout;
    for line in [
        "vault_url = \"http://127.0.0.1:8026\";",
        &format!("vault_token = \"{TOKEN}\";"),
        "use_esld = false;",
    ] {
        assert!(lines.lines().any(|found| found == line), "{line} in {lines}");
    }
    let lua = site.run(&["bridge", "conf", "rspamd", "--lua"]).stdout;
    assert!(lua.contains("'http://127.0.0.1:8026/rspamd/verdict?'") && !lua.contains(TOKEN), "{lua}");
    let off = Site::new().run(&["bridge", "conf", "rspamd"]);
    assert_eq!((off.code, off.stdout.as_str()), (Some(0), ""), "{off:?}");
}

/// The message with one of its signatures.
fn with_one_signature(message: &str, selector: &str) -> String {
    let (head, body) = message.split_once("\n\n").unwrap();
    let fields = format!("\n{head}").replace("\n ", "\0 ").replace("\n\t", "\0\t");
    let is_other =
        |field: &&str| !field.starts_with("DKIM-Signature:") || field.contains(&format!("s={selector};"));
    let kept: Vec<&str> = fields.split('\n').filter(is_other).filter(|field| !field.is_empty()).collect();
    format!("{}\n\n{body}", kept.join("\n").replace('\0', "\n"))
}

#[test]
#[cfg_attr(
    not(feature = "system-tests"),
    ignore = "needs Postfix, rspamd, swaks and Python: tests/run installs them"
)]
fn a_real_rspamd_signs_with_the_keys_marks_spam_and_obeys_the_lists() {
    let postfix = Postfix::new();
    let it =
        start_at(site().with("POSTROOM_BRIDGE_SPAM_HEADER", "X-Spam: Yes"), postfix.sockets(), "postfix");
    let keys = two_active_keys(&it);
    let (_, secret) = it.token("example.com");
    // The lines name the address that is set, and here the system has chosen one.
    let address = it.address(OPEN);
    let lines = |arguments: &[&str]| it.site.run(arguments).stdout.replace("127.0.0.1:0", &address);
    let rspamd = Rspamd::start(&[
        ("local.d/regexp.conf", RULES),
        ("local.d/dkim_signing.conf", &lines(&["bridge", "conf", "rspamd"])),
        ("rspamd.local.lua", &lines(&["bridge", "conf", "rspamd", "--lua"])),
    ]);
    let lines_of_postfix = it.site.run(&["bridge", "conf", "postfix"]).stdout;
    // rspamd signs, so our milter does not stand behind it for this one.
    let filter = format!("smtpd_milters = inet:127.0.0.1:{}", rspamd.port);
    postfix.start_with_sink(&lines_of_postfix.replace("smtpd_milters = unix:postroom/milter", &filter));
    let mail = |more: &[&str]| postfix.swaks(&[&["--to", "jo@example.com"], more].concat());
    let sent = mail(&[
        "--auth",
        "PLAIN",
        "--auth-user",
        "example.com",
        "--auth-password",
        &secret,
        "--from",
        "jo@example.com",
        "--body",
        "Hello\n\n-- signed",
    ]);
    assert_eq!(sent.code, Some(0), "{sent:?}\n{}\n{}", postfix.log(), rspamd.log());
    let message = postfix.delivered("\n-- signed\n");
    let message =
        &message[message.find("DKIM-Signature:").unwrap_or_else(|| panic!("{message}\n{}", rspamd.log()))..];
    for (selector, record) in &keys {
        let one = with_one_signature(message, selector);
        assert_eq!(one.matches("DKIM-Signature:").count(), 1, "{one}");
        let said = verdict(&it.site, &one, &format!("{selector}._domainkey.example.com"), record);
        assert!(said.starts_with("[\"pass\""), "{selector}: {said}: {one}");
    }

    let spam = |from: &str, subject: &str, body: &str| {
        mail(&["--from", from, "--header", &format!("Subject: {subject}"), "--body", body])
    };
    let refused = spam("a@b.example", "refuse me", "Hello");
    assert!(refused.code != Some(0) && refused.stdout.contains("554 5.7.1"), "{refused:?}\n{}", rspamd.log());
    it.site.json(&["list", "add", "--domain", "example.com", "safelist", "friend.example"]);
    let taken = spam("a@friend.example", "refuse me", "Hello\n\n-- safe");
    assert_eq!(taken.code, Some(0), "{taken:?}\n{}", rspamd.log());
    postfix.delivered("\n-- safe\n");
    it.site.json(&["list", "add", "--domain", "example.com", "blocklist", "junk.example"]);
    let blocked = spam("a@junk.example", "Hello", "Hello");
    assert!(
        blocked.code != Some(0) && blocked.stdout.contains("blocked by the recipient's list"),
        "{blocked:?}"
    );
    let marked =
        mail(&["--from", "a@b.example", "--header", "X-Spam: Yes", "--body", "Hello\n\n-- unmarked"]);
    assert_eq!(marked.code, Some(0), "{marked:?}");
    assert!(
        !postfix.delivered("\n-- unmarked\n").contains("\nX-Spam: Yes"),
        "a mark from outside is removed"
    );
    assert_eq!(spam("a@b.example", "mark me", "Hello\n\n-- marked").code, Some(0));
    let marked = postfix.delivered("\n-- marked\n");
    assert!(marked.contains("\nX-Spam: Yes"), "{marked}\n{}", rspamd.log());
}
