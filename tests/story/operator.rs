//! The desk in a shell: settings, the whole fleet, tokens, aliases, recipients, exports.

use std::fs;

use serde_json::{Value, json};

use crate::harness::process::{Site, finish, text};

fn site() -> Site {
    let site = Site::new();
    assert!(site.serve().stop().success());
    site
}

fn with_domains(names: &[&str]) -> Site {
    let site = site();
    site.json(&[&["domain", "create"][..], names, &["--account", "default"]].concat());
    site
}

#[test]
fn settings_are_checked_without_a_database_and_every_fault_is_said() {
    let site = Site::new().with("POSTROOM_MX_HOTS", "mx.example.net");
    let right = site.run(&["config", "check"]);
    assert_eq!(right.code, Some(0), "{right:?}");
    assert!(right.stdout.contains("did you mean POSTROOM_MX_HOST?"), "{right:?}");
    assert!(!site.db().exists());

    let file = site.file("postroom.toml");
    fs::write(
        &file,
        "public_url = \"desk.example.net\"\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n[mx]\npriority = 70000\nhots = \"x\"\n\
         [reprots]\nkeep_days = 1\n",
    )
    .expect("to write");
    let wrong = site.run(&["config", "check", "--config", text(&file), "--json"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    let said: Vec<Value> = wrong.stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(said.len(), 5, "{wrong:?}");
    assert!(said.iter().all(|each| each["error"]["code"] == "invalid"), "{said:?}");
    for words in ["https://", "70000", "did you mean mx.host?", "reports.keep_days", "one value"] {
        assert!(wrong.stderr.contains(words), "{words}: {wrong:?}");
    }
    let other = site.run(&["config", "show", "--config", text(&file)]);
    assert_eq!((other.code, other.stderr.matches("there is no setting").count()), (Some(2), 0), "{other:?}");
    assert!(other.stderr.contains("one value"), "the first of them: {other:?}");
    assert_eq!(site.run(&["config", "check", "--config", "missing.toml"]).code, Some(3));
    assert_eq!(site.run(&["config", "check", "--log", "loud"]).code, Some(2));
}

#[test]
fn settings_are_shown_with_what_set_them() {
    let site = Site::new();
    let file = site.file("postroom.toml");
    fs::write(&file, "[mx]\npriority = 5\n[dns]\nresolvers = [\"127.0.0.1\", \"::1\"]\n").expect("to write");
    let shown = site.json(&["config", "show", "--config", text(&file), "--db", "other.db"]);
    let of = |path: &str| {
        let found = shown.as_array().expect("a list").iter().find(|each| each["setting"] == path);
        let found = found.unwrap_or_else(|| panic!("no {path}: {shown}"));
        (found["value"].clone(), found["from"].clone())
    };
    assert_eq!(of("mx.host"), (json!("mx.example.net"), json!("POSTROOM_MX_HOST")));
    assert_eq!(of("db"), (json!("other.db"), json!("--db")));
    assert_eq!(of("mx.priority").0, json!("5"));
    assert!(of("mx.priority").1.as_str().expect("a source").ends_with("postroom.toml: mx.priority"));
    assert_eq!(of("dns.resolvers").0, json!(["127.0.0.1", "::1"]));
    assert_eq!(of("listen"), (Value::Null, Value::Null));
    let table = site.run(&["config", "show"]).stdout;
    assert!(table.lines().any(|line| line.starts_with("listen") && line.ends_with("default")), "{table}");
    let mut bare = site.command(&["config", "show"]);
    let table = finish(bare.env_remove("POSTROOM_MX_HOST").env_remove("POSTROOM_RETURN_PATH_HOST")).stdout;
    let value = |path: &str| {
        let line = table.lines().find(|line| line.split_whitespace().next() == Some(path));
        let cells = line.unwrap_or_else(|| panic!("no {path}: {table}")).strip_suffix("default");
        cells.and_then(|cells| cells.split_once(path)).map(|(_, value)| value.trim().to_owned())
    };
    for (path, begins) in [("mx.host", "mx."), ("return_path.host", "return-path.")] {
        let host = value(path).expect("a default");
        assert!(host.starts_with(begins) && !host.contains(' '), "{path} is a host: {host}");
    }
    for path in ["dkim.delegation_zone", "backup.dir", "metrics.listen", "bridge.metrics", "bridge.http"] {
        assert_eq!(value(path).as_deref(), Some("none"), "{path}");
    }
}

#[test]
fn the_sample_of_the_settings_can_be_used_as_it_is() {
    let site = Site::new();
    let file = site.file("postroom.toml");
    fs::write(&file, site.run(&["config", "sample"]).stdout).expect("to write");
    assert_eq!(site.run(&["config", "check", "--config", text(&file)]).code, Some(0));
}

#[test]
fn the_table_of_domains_says_why_one_is_not_active_which_key_signs_and_when_it_is_rotated() {
    let site = with_domains(&["a.example", "b.example"]);
    let server = site.serve();
    drop(server);
    site.json(&["key-rotation", "every", "a.example", "30"]);
    let list = site.json(&["domain", "list"]);
    let a = list.as_array().expect("a list").iter().find(|each| each["domain"] == "a.example").cloned();
    let a = a.unwrap_or_else(|| panic!("{list}"));
    assert_eq!((&a["account"], &a["status"]), (&json!("default"), &json!("pending")));
    assert!(a["reason"].is_string() && a["next_rotation_at"].is_string(), "{a}");
    assert_eq!(a["signing"]["state"], "none");
    let table = site.run(&["domain", "list"]).stdout;
    let heading = table.lines().next().expect("a heading");
    for word in ["DOMAIN", "STATUS", "SIGNS WITH", "NEXT ROTATION", "WHY"] {
        assert!(heading.contains(word), "{table}");
    }
    assert_eq!(table.lines().count(), 3, "{table}");
}

#[test]
fn a_list_of_domains_has_no_silent_end() {
    let site = Site::new();
    let server = site.serve();
    // Domains that get their keys later: making so many takes long.
    let domains: Vec<Value> = (0..120).map(|n| json!({ "domain": format!("d{n}.example") })).collect();
    let path = "/inbound/v1/domains/batch?subscriptionHandle=default";
    let reply = server.client().post(path, &json!({ "domains": domains }));
    assert!(reply.status < 300, "{reply:?}");
    assert_eq!(site.json(&["domain", "list"]).as_array().map(Vec::len), Some(120));
    assert_eq!(site.json(&["domain", "list", "--limit", "7"]).as_array().map(Vec::len), Some(7));
}

#[test]
fn every_domain_is_checked_at_once_and_a_wrong_one_is_exit_1() {
    // Nothing answers there, so no record can be judged.
    let site =
        Site::new().with("POSTROOM_RESOLVERS", "127.0.0.1:1").with("POSTROOM_DNS_AUTHORITATIVE", "false");
    assert!(site.serve().stop().success());
    assert_eq!(
        site.run(&["domain", "check", "--all"]).code,
        Some(0),
        "nothing is wrong where there is nothing"
    );
    site.json(&["domain", "create", "a.example", "b.example", "--account", "default"]);
    let checked = site.run(&["domain", "check", "--all", "--json"]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let found = checked.json();
    assert_eq!(found.as_array().map(Vec::len), Some(2), "{found}");
    assert_eq!(found[0]["wrong"][0]["verdict"], "temporary", "{found}");
    assert!(site.run(&["domain", "check", "--all"]).stdout.contains("0 of 2 domains are right"));
}

#[test]
fn rotations_of_every_domain_are_shown_and_begun_where_a_key_signs() {
    let site = with_domains(&["a.example", "b.example"]);
    let all = site.json(&["rotation", "status", "--all"]);
    assert_eq!(all.as_array().map(Vec::len), Some(2), "{all}");
    assert_eq!(site.json(&["key-rotation", "start", "--all"]), json!([]), "no key signs yet");
    assert_eq!(site.run(&["key-rotation", "start"]).code, Some(2));
    assert_eq!(site.run(&["key-rotation", "start", "a.example", "--all"]).code, Some(2));
}

#[test]
fn how_often_keys_are_rotated_is_set_for_every_domain_at_once() {
    let site = with_domains(&["a.example", "b.example"]);
    let set = site.json(&["key-rotation", "every", "--all", "30"]);
    let days: Vec<_> = set.as_array().expect("a list").iter().map(|each| &each["every_days"]).collect();
    assert_eq!(days, [&json!(30), &json!(30)]);
    let shown = site.run(&["key-rotation", "every", "0", "--all"]);
    assert!(shown.stdout.contains("2 domains are not rotated automatically"), "{shown:?}");
    let now = site.json(&["key-rotation", "status", "--all"]);
    assert!(now.as_array().expect("a list").iter().all(|each| each["every_days"].is_null()), "{now}");
    // As often as no single domain's are.
    let refused = site.run(&["key-rotation", "every", "--all", "3"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("a.example") && refused.stderr.contains("b.example"), "{refused:?}");
    assert_eq!(site.run(&["key-rotation", "every", "30"]).code, Some(2));
    assert_eq!(site.run(&["key-rotation", "every", "a.example", "30", "--all"]).code, Some(2));
    assert_eq!(site.json(&["key-rotation", "every", "a.example", "30"])["every_days"], 30);
}

#[test]
fn a_token_is_shown_once_listed_and_revoked_when_somebody_says_yes() {
    let site = with_domains(&["a.example"]);
    let made = site.json(&["token", "create", "a.example", "--name", "shop"]);
    let secret = made["token"].as_str().expect("a token");
    assert!(secret.starts_with("prt_"));
    let listed = site.run(&["token", "list", "a.example"]);
    assert!(listed.stdout.contains("shop") && !listed.stdout.contains(secret), "{listed:?}");
    let id = made["id"].to_string();
    assert_eq!(site.run(&["token", "revoke", "a.example", &id]).code, Some(4));
    assert_eq!(site.json(&["token", "revoke", "a.example", &id, "--yes"])["revoked"], made["id"]);
    assert_eq!(site.run(&["token", "revoke", "a.example", &id, "--yes"]).code, Some(3));
    assert_eq!(site.json(&["token", "list", "a.example"]), json!([]));
}

#[test]
fn an_alias_is_added_listed_and_taken_away() {
    let site = with_domains(&["a.example"]);
    site.json(&["alias", "add", "a.example", "b.example"]);
    assert_eq!(site.json(&["alias", "list", "a.example"]), json!(["b.example"]));
    assert_eq!(site.run(&["alias", "add", "a.example", "b.example"]).code, Some(4));
    let itself = site.run(&["alias", "add", "a.example", "a.example"]);
    assert_eq!(itself.code, Some(2), "{itself:?}");
    assert!(itself.stderr.contains("a.example is the domain itself; an alias is another name"), "{itself:?}");
    assert_eq!(site.run(&["alias", "remove", "a.example", "b.example"]).code, Some(4));
    site.json(&["alias", "remove", "a.example", "b.example", "--yes"]);
    assert_eq!(site.run(&["alias", "remove", "a.example", "b.example", "--yes"]).code, Some(3));
}

#[test]
fn a_recipient_is_saved_and_what_is_not_said_stays() {
    let site = with_domains(&["a.example"]);
    let saved = site.json(&["recipient", "save", "jo@a.example", "--admin", "true", "--filter", "off"]);
    assert_eq!((&saved["admin"], &saved["filtered"]), (&json!(true), &json!(false)));
    let again = site.json(&["recipient", "save", "JO@a.example", "--filter", "on"]);
    assert_eq!((&again["admin"], &again["filtered"]), (&json!(true), &json!(true)));
    assert_eq!(site.json(&["recipient", "list", "a.example"]).as_array().map(Vec::len), Some(1));
    assert_eq!(site.json(&["recipient", "show", "jo@a.example"]), again);
    assert_eq!(site.run(&["recipient", "show", "al@a.example"]).code, Some(3));
    assert_eq!(site.run(&["recipient", "save", "jo@z.example"]).code, Some(3));
}

#[test]
fn a_recipient_is_deleted_with_its_lists_when_somebody_says_yes() {
    let site = with_domains(&["a.example"]);
    site.json(&["recipient", "save", "jo@a.example"]);
    site.json(&["list", "add", "blocklist", "192.0.2.1", "--recipient", "jo@a.example"]);
    assert_eq!(site.run(&["recipient", "delete", "jo@a.example"]).code, Some(4));
    assert_eq!(site.json(&["recipient", "delete", "JO@a.example", "--yes"])["deleted"], "jo@a.example");
    assert_eq!(site.run(&["recipient", "delete", "jo@a.example", "--yes"]).code, Some(3));
    assert_eq!(site.json(&["recipient", "list", "a.example"]), json!([]));
    // Who comes back finds nothing of before.
    site.json(&["recipient", "save", "jo@a.example"]);
    assert_eq!(site.json(&["list", "show", "blocklist", "--recipient", "jo@a.example"]), json!([]));
}

#[test]
fn records_are_exported_in_the_form_of_each_tool_a_file_for_each_zone() {
    let site = with_domains(&["a.example", "mail.a.example", "b.example"]);
    for (format, ending) in [("bind", "zone"), ("octodns", "yaml"), ("dnscontrol", "js"), ("terraform", "tf")]
    {
        let written = site.json(&["export", "--format", format, "--to", format]);
        assert_eq!(written["files"].as_array().map(Vec::len), Some(2), "{written}");
        let file = fs::read_to_string(site.file(&format!("{format}/a.example.{ending}"))).expect("a file");
        assert!(file.contains("pr1._domainkey") && file.contains("mail"), "{file}");
        let all = site.run(&["export", "--format", format]).stdout;
        assert!(all.contains(&file) && all.contains("b.example"), "{all}");
    }
    assert_eq!(site.run(&["export", "--format", "yaml"]).code, Some(2));
}

#[test]
fn doctor_looks_at_the_disk_the_files_the_port_the_clock_and_the_permissions() {
    let site = site();
    let said = site.run(&["doctor", "--json"]).json();
    for thing in ["disk", "files", "port", "clock", "permissions"] {
        let found = said.as_array().expect("checks").iter().find(|each| each["check"] == thing);
        assert!(found.is_some_and(|each| each["text"].is_string()), "no {thing}: {said}");
    }
    // A clock that stands before what was written.
    let conn = rusqlite::Connection::open(site.db()).expect("a database");
    conn.execute_batch("UPDATE event SET at = at + 86400000").expect("SQL");
    drop(conn);
    let said = site.run(&["doctor", "--json"]);
    let clock = said.json().as_array().expect("checks").iter().find(|each| each["check"] == "clock").cloned();
    assert_eq!((said.code, &clock.expect("a clock")["state"]), (Some(1), &json!("fail")));
}

#[test]
fn doctor_says_whether_a_database_that_was_named_is_there() {
    let site = Site::new();
    let named = site.run(&["doctor", "--db", "none.db"]);
    assert_eq!((named.code, named.stdout.as_str()), (Some(3), ""), "{named:?}");
    assert!(named.stderr.contains("none.db"), "{named:?}");
    // Before the first start.
    let fresh = site.run(&["doctor"]);
    assert_ne!(fresh.code, Some(3), "{fresh:?}");
    assert!(fresh.stdout.contains("warn  database    postroom.db is not there yet"), "{fresh:?}");
}

#[test]
fn doctor_says_who_else_can_read_or_change_the_database() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let site = site();
    let said = |path: &std::path::Path, mode: u32| {
        let before = fs::metadata(path).expect("a file").permissions();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("to change");
        let said = site.run(&["doctor"]);
        fs::set_permissions(path, before).expect("to change");
        let mut lines = said.stdout.lines().filter(|line| line.contains(" permissions "));
        lines.next().unwrap_or_else(|| panic!("{said:?}")).to_owned()
    };
    let folder = site.file("");
    assert!(said(&site.db(), 0o600).starts_with("ok"));
    let changed = said(&site.db(), 0o666);
    assert!(changed.starts_with("fail") && changed.contains("read and changed by everybody"), "{changed}");
    assert!(said(&site.db(), 0o604).contains("can be read by everybody"));
    assert!(said(&folder, 0o777).contains("everybody can replace files"));
    if fs::metadata(&folder).expect("a folder").uid() != 0 {
        // Only root can give files to another group.
        return;
    }
    for path in [&site.db(), &folder] {
        chown(path, None, Some(12_345)).expect("root");
    }
    let changed = said(&site.db(), 0o660);
    assert!(
        changed.starts_with("fail") && changed.contains("read and changed by the group with the id 12345"),
        "{changed}"
    );
    let read = said(&site.db(), 0o640);
    assert!(
        read.starts_with("warn") && read.contains("can be read by the group with the id 12345"),
        "{read}"
    );
    let replaced = said(&folder, 0o770);
    assert!(
        replaced.starts_with("fail") && replaced.contains("the group with the id 12345 can replace"),
        "{replaced}"
    );
    assert!(said(&folder, 0o750).starts_with("ok"));
}

#[test]
fn doctor_names_every_setting_that_cannot_be_used() {
    let site = site().with("POSTROOM_BRIDGE_SUBMIT", "x").with("POSTROOM_WRITE_QUEUE", "0");
    let said = site.run(&["doctor"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    for variable in ["POSTROOM_BRIDGE_SUBMIT", "POSTROOM_WRITE_QUEUE"] {
        let line = said.stdout.lines().find(|line| line.contains(variable)).expect("a line");
        assert!(line.starts_with("fail  settings"), "{line}");
    }
}

#[test]
fn the_server_makes_the_folder_of_its_backups_and_doctor_says_how_old_the_newest_is() {
    use std::os::unix::fs::PermissionsExt;
    let site = site().with("POSTROOM_BACKUP_DIR", "kept/backups");
    let backup = |site: &Site| {
        let said = site.run(&["doctor", "--json"]).json();
        let found = said.as_array().expect("checks").iter().find(|each| each["check"] == "backup").cloned();
        let found = found.unwrap_or_else(|| panic!("no backup: {said}"));
        (found["state"].clone(), found["text"].as_str().expect("a text").to_owned())
    };
    assert_eq!(backup(&site).0, "warn", "nothing is there yet");
    let server = site.serve();
    server.process.stderr.wait_for("a backup is made");
    assert!(server.stop().success());
    let mode = fs::metadata(site.file("kept/backups")).expect("a folder").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let (state, text) = backup(&site);
    assert!(state == "ok" && text.contains("0 hours old"), "{text}");
    // A file in the place of the folder.
    fs::write(site.file("file"), "x").expect("to write");
    let site = site.with("POSTROOM_BACKUP_DIR", "file/backups");
    let server = site.serve();
    server.process.stderr.wait_for("no backup can be written to backup.dir");
    assert!(server.stop().success());
}

#[test]
fn doctor_warns_where_everybody_can_read_the_password_of_the_database() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new();
    let file = site.file("postroom.toml");
    fs::write(&file, "db = \"postgres://desk:hunter2@127.0.0.1:1/desk\"\nmaster_key_file = \"key\"\n")
        .expect("to write");
    let warns = |mode: u32| {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("to change");
        let said = site.run(&["doctor", "--config", "postroom.toml"]);
        assert!(!said.stdout.contains("hunter2") && !said.stderr.contains("hunter2"), "{said:?}");
        said.stdout.lines().any(|line| line.starts_with("warn  permissions"))
    };
    assert!(warns(0o644));
    assert!(!warns(0o640));
}

#[test]
fn the_document_of_an_interface_is_the_one_that_the_server_gives() {
    let site = Site::new();
    let server = site.serve();
    let url = format!("http://{}", server.address());
    for name in ["mailpace", "native"] {
        let given = server.client().get(&format!("/openapi/{name}.json")).json;
        let printed = site.run(&["openapi", name]).json();
        assert_eq!(printed["paths"], given["paths"], "{name}");
        let elsewhere =
            site.command(&["openapi", name]).env("POSTROOM_PUBLIC_URL", &url).output().expect("to run");
        let elsewhere: Value = serde_json::from_slice(&elsewhere.stdout).expect("JSON");
        assert_eq!(elsewhere, given, "{name}");
    }
    assert_eq!(site.run(&["openapi", "console"]).code, Some(2));
}

#[test]
fn the_life_of_a_key_is_some_time_and_ends_in_a_year_of_four_digits() {
    let site = site();
    for bad in ["0d", "36501d", "99999999d", "10"] {
        let refused = site.run(&["key", "create", "--account", "default", "--expires", bad]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("--expires"), "{refused:?}");
    }
    site.json(&["key", "create", "--account", "default", "--expires", "36500d"]);
}

#[test]
fn doctor_says_when_a_certificate_ends() {
    let site = Site::new();
    let made = |days: i64| {
        let mut params = rcgen::CertificateParams::new(["desk.example.net".to_owned()]).expect("names");
        let now =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs();
        let at = i64::try_from(now).expect("a time") / 86_400 + days;
        // Days since 1970 to a date, by way of the crate's own year, month and day.
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(1970, 1, 1)
            + std::time::Duration::from_secs(u64::try_from(at * 86_400).expect("a time"));
        let key = rcgen::KeyPair::generate().expect("a key");
        (params.self_signed(&key).expect("a certificate").pem(), key.serialize_pem())
    };
    let state = |days: i64| {
        let (cert, key) = made(days);
        fs::write(site.file("cert.pem"), cert).expect("to write");
        fs::write(site.file("key.pem"), key).expect("to write");
        let mut doctor = site.command(&["doctor", "--json"]);
        doctor.env("POSTROOM_TLS_CERT", "cert.pem").env("POSTROOM_TLS_KEY", "key.pem");
        let said = finish(&mut doctor).json();
        let found =
            said.as_array().expect("checks").iter().find(|each| each["check"] == "certificate").cloned();
        found.unwrap_or_else(|| panic!("{said}"))["state"].clone()
    };
    assert_eq!(state(90), json!("ok"));
    assert_eq!(state(5), json!("warn"));
    assert_eq!(state(-1), json!("fail"));
}
