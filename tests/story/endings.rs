//! How commands end: exit codes, output that cannot be written, questions, and what is said of a doubtful setting.

use std::fs::File;
use std::process::{Command, Stdio};

use postroom_server::command::Exit;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::process::{Finished, Running, Site, finish};

/// Runs a command whose stdout is a full disk.
fn on_a_full_disk(site: &Site, arguments: &[&str]) -> Finished {
    let full = File::options().write(true).open("/dev/full").expect("a full device");
    ending(site.command(arguments).stdout(full))
}

/// Runs a command whose stdout nobody reads any more.
fn with_a_closed_pipe(site: &Site, arguments: &[&str]) -> Finished {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    ending(site.command(arguments).stdout(writer))
}

/// Runs a command whose stdout is closed.
fn with_a_closed_stdout(site: &Site, arguments: &[&str]) -> Finished {
    let command = site.command(&[]);
    let mut closing = Command::new("sh");
    closing.args(["-c", "exec \"$0\" \"$@\" >&-"]).arg(command.get_program()).args(arguments);
    closing.current_dir(site.file("")).env_clear();
    closing.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    ending(&mut closing)
}

/// Runs to its end a command whose stdout is set already.
fn ending(command: &mut Command) -> Finished {
    let child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("to run");
    let output = child.wait_with_output().expect("to end");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    Finished { code: output.status.code(), stdout: String::new(), stderr }
}

/// Runs a command on a terminal, at which somebody has typed `answer`.
fn on_a_terminal(site: &Site, arguments: &str, answer: &str) -> Finished {
    let script = "printf '%s\\n' \"$1\" | script -qec \"$0\" /dev/null";
    let postroom = format!("{} {arguments}", env!("CARGO_BIN_EXE_postroom"));
    let mut command = Command::new("sh");
    finish(command.current_dir(site.file("")).args(["-c", script, &postroom, answer]))
}

/// A site with a database, and a domain in it.
fn used_site() -> Site {
    let site = Site::new();
    let server = site.serve();
    server.client().create_domain("example.com");
    assert!(server.stop().success());
    site
}

fn count(site: &Site, table: &str) -> i64 {
    let conn = Connection::open(site.db()).expect("a database");
    conn.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).expect("a number")
}

#[test]
fn the_table_of_exit_codes_in_the_docs_is_that_of_the_program() {
    let page = include_str!("../../docs/operate/command-line.md");
    let table =
        page.split("## Exit codes").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("a table");
    let rows: Vec<(&str, &str)> = table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| code"))
        .map(|line| {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            (cells.next().expect("a code"), cells.next().expect("a word").trim_matches('`'))
        })
        .collect();
    let known = Exit::ALL.map(|exit| (exit.code().to_string(), exit.word()));
    let known = known.iter().map(|(code, word)| (code.as_str(), *word));
    let expected: Vec<(&str, &str)> = [("0", "")].into_iter().chain(known).chain([("75", "")]).collect();
    assert_eq!(rows, expected);
}

#[test]
fn every_command_has_a_row_in_the_table_of_commands() {
    let page = include_str!("../../docs/operate/command-line.md");
    let table =
        page.split("## Commands").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("a table");
    let cells = table.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    let mut rows: Vec<&str> =
        cells.flat_map(|cell| cell.split(", ")).map(|word| word.trim_matches('`')).collect();
    rows.sort_unstable();
    let help = Site::new().run(&["-h"]).stdout;
    let list = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("a list");
    // What goes on from the line before begins further to the right.
    let commands = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let mut commands: Vec<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    commands.retain(|command| *command != "help");
    commands.sort_unstable();
    assert_eq!(rows, commands);
}

#[test]
fn an_error_has_an_exit_code_and_with_json_an_object_on_stderr() {
    let site = used_site();
    site.json(&["account", "create", "acme"]);
    for (arguments, code, word) in [
        (&["domain", "show", "no domain"][..], 2, "invalid"),
        (&["domain", "shwo"], 2, "invalid"),
        (&["domain", "show", "never.example"], 3, "not_found"),
        (&["domain", "list", "--db", "none.db"], 3, "not_found"),
        (&["domain", "list", "--config", "none.toml"], 3, "not_found"),
        (&["account", "create", "acme"], 4, "refused"),
        (&["key-rotation", "start", "example.com"], 4, "refused"),
    ] {
        let plain = site.run(arguments);
        assert_eq!((plain.code, plain.stdout.as_str()), (Some(code), ""), "{arguments:?}: {plain:?}");
        let told = site.run(&[arguments, &["--json"]].concat());
        assert_eq!((told.code, told.stdout.as_str()), (Some(code), ""), "{arguments:?}: {told:?}");
        let error: Value = serde_json::from_str(&told.stderr).expect("one object");
        assert_eq!(error["error"]["code"], word, "{told:?}");
        let message = error["error"]["message"].as_str().expect("a sentence");
        assert!(plain.stderr.contains(message.lines().next().expect("a line")), "{message}: {plain:?}");
    }
}

#[test]
fn a_database_in_use_for_long_is_busy() {
    let site = used_site();
    let conn = Connection::open(site.db()).expect("a database");
    conn.execute_batch("BEGIN IMMEDIATE").expect("the write lock");
    let busy = site.run(&["domain", "transfer", "example.com", "--to", "default", "--json"]);
    assert_eq!(busy.code, Some(5), "{busy:?}");
    assert!(busy.stderr.contains("\"busy\""), "{busy:?}");
    drop(conn);
}

#[test]
fn output_that_cannot_be_written_is_an_error_and_a_closed_pipe_is_not() {
    let site = used_site();
    for arguments in [
        &["account", "list"][..],
        &["domain", "list"],
        &["domain", "list", "--json"],
        &["domain", "show", "example.com"],
        &["domain", "records", "example.com", "--zone"],
        &["key", "list"],
        &["subscription", "list"],
        &["route", "show", "example.com"],
        &["list", "show", "--domain", "example.com"],
        &["list", "explain", "--recipient", "jo@example.com"],
        &["key-rotation", "status", "example.com"],
        &["report", "list"],
        &["audit"],
        &["--help"],
        &["--version"],
    ] {
        let full = on_a_full_disk(&site, arguments);
        assert_eq!((full.code, full.stderr.lines().count()), (Some(1), 1), "{arguments:?}: {full:?}");
        assert!(full.stderr.contains("cannot be written"), "{arguments:?}: {full:?}");
        let closed = with_a_closed_pipe(&site, arguments);
        assert_eq!((closed.code, closed.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    }
    let zone = site.with("POSTROOM_DKIM_DELEGATION_ZONE", "dkim.example.net");
    assert_eq!(on_a_full_disk(&zone, &["zone", "delegated"]).code, Some(1));
    // A message that is not passed on is tried again, whoever is to blame.
    let message = zone.file("message.eml");
    std::fs::write(&message, "From: jo@example.com\n\nHello\n").expect("to write");
    let full = File::options().write(true).open("/dev/full").expect("a full device");
    let mut sign = zone.command(&["sign"]);
    let signed = sign.stdin(File::open(message).expect("a message")).stdout(full).status().expect("to run");
    assert_eq!(signed.code(), Some(75));
}

#[test]
fn a_secret_that_cannot_be_shown_is_not_made() {
    let site = used_site();
    let made = || (count(&site, "account"), count(&site, "api_key"), count(&site, "login_link"));
    let before = made();
    for arguments in [
        &["account", "create", "acme"][..],
        &["key", "create", "--account", "default"],
        &["login-link", "example.com"],
    ] {
        let full = on_a_full_disk(&site, &[arguments, &["--log", "error"]].concat());
        assert_eq!((full.code, full.stderr.lines().count()), (Some(1), 1), "{arguments:?}: {full:?}");
        assert!(full.stderr.contains("nothing was made"), "{full:?}");
        let closed = with_a_closed_pipe(&site, &[arguments, &["--log", "error"]].concat());
        assert_eq!((closed.code, closed.stderr.as_str()), (Some(1), ""), "{arguments:?}");
        let nowhere = with_a_closed_stdout(&site, &[arguments, &["--log", "error"]].concat());
        assert_eq!(
            (nowhere.code, nowhere.stderr.lines().count()),
            (Some(1), 1),
            "{arguments:?}: {nowhere:?}"
        );
        assert!(nowhere.stderr.contains("nothing was made"), "{nowhere:?}");
        assert_eq!(made(), before, "{arguments:?}");
    }
    assert_eq!(with_a_closed_stdout(&site, &["sign"]).code, Some(75), "the message is tried again");
    assert_eq!(with_a_closed_stdout(&site, &["export"]).code, Some(1));
    assert_eq!(with_a_closed_stdout(&site, &["account", "list"]).code, Some(0));
    let null = File::options().write(true).open("/dev/null").expect("a null device");
    let thrown_away = ending(site.command(&["login-link", "example.com"]).stdout(null));
    assert_eq!(thrown_away.code, Some(0), "who writes to /dev/null wants it so: {thrown_away:?}");
    site.json(&["account", "create", "acme"]);

    let fresh = Site::new();
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let full = on_a_full_disk(&fresh, &serve);
    assert_eq!(full.code, Some(1), "{full:?}");
    assert!(full.stderr.contains("nothing was made"), "{full:?}");
    assert_eq!(with_a_closed_pipe(&fresh, &serve).code, Some(1));
    assert!(fresh.serve().key.is_some(), "the key is shown by the first start that can show it");
}

#[test]
fn domains_are_listed_to_the_last_one() {
    let site = Site::new();
    let server = site.serve();
    let client = server.client();
    for (from, to) in [(0, 1000), (1000, 1200)] {
        let domains: Vec<Value> =
            (from..to).map(|number| json!({ "domain": format!("d{number}.example.com") })).collect();
        let made = client
            .post("/inbound/v1/domains/batch?subscriptionHandle=default", &json!({ "domains": domains }));
        assert_eq!(made.status, 200, "{made:?}");
    }
    assert!(server.stop().success());
    let listed = |more: &[&str]| site.json(&[&["domain", "list"], more].concat()).as_array().map(Vec::len);
    assert_eq!(listed(&[]), Some(1200));
    assert_eq!(listed(&["--status", "pending"]), Some(1200));
    assert_eq!(listed(&["--limit", "10"]), Some(10));
    assert_eq!(listed(&["--offset", "1190"]), Some(10));
    assert_eq!(site.run(&["domain", "list"]).stdout.lines().count(), 1201, "and the headings");
}

#[test]
fn a_mistyped_database_is_named_and_nothing_is_made() {
    let site = Site::new();
    for arguments in [
        &["account", "create", "acme"][..],
        &["account", "list"],
        &["key", "list"],
        &["subscription", "list"],
        &["domain", "list"],
        &["domain", "records", "example.com"],
        &["key-rotation", "status", "example.com"],
        &["zone", "delegated"],
        &["login-link", "example.com"],
        &["route", "test", "example.com"],
        &["report", "list"],
        &["list", "show", "--account", "default"],
        &["audit"],
    ] {
        let finished = site.run(&[arguments, &["--db", "postrom.db", "--log", "error"]].concat());
        assert_eq!((finished.code, finished.stdout.as_str()), (Some(3), ""), "{arguments:?}: {finished:?}");
        assert!(
            finished.stderr.contains("postrom.db") && finished.stderr.lines().count() == 1,
            "{finished:?}"
        );
    }
    std::fs::write(site.db(), "").expect("to write");
    assert_eq!(site.run(&["account", "create", "acme"]).code, Some(3), "an empty file is no database yet");
    let left: Vec<_> = std::fs::read_dir(site.file("")).expect("a folder").flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn a_deletion_asks_on_a_terminal_and_only_a_yes_is_one() {
    let site = used_site();
    let made = site.json(&["key", "create", "--account", "default"]);
    let revoke = format!("key revoke {}", made["id"]);
    for arguments in ["domain delete example.com", &revoke] {
        let unasked = site.run(&arguments.split(' ').collect::<Vec<_>>());
        assert_eq!((unasked.code, unasked.stdout.as_str()), (Some(4), ""), "{unasked:?}");
        assert!(unasked.stderr.contains("--yes"), "{unasked:?}");
        for no in ["", "n", "no", "yess", "example.org", "ye s"] {
            let declined = on_a_terminal(&site, arguments, no);
            assert_eq!(declined.code, Some(4), "{no}: {declined:?}");
            assert!(declined.stdout.contains("[y/N]"), "{declined:?}");
        }
    }
    assert_eq!(site.run(&["domain", "show", "example.com"]).code, Some(0), "it is still there");
    assert_eq!(on_a_terminal(&site, &revoke, &made["id"].to_string()).code, Some(0));
    assert_eq!(
        on_a_terminal(&site, "domain delete never.example", "y").code,
        Some(3),
        "nothing to ask about"
    );
    let deleted = on_a_terminal(&site, "domain delete example.com", "Yes");
    assert_eq!(deleted.code, Some(0), "{deleted:?}");
    assert!(deleted.stdout.contains("Delete example.com with its records"), "{deleted:?}");
    assert_eq!(site.run(&["domain", "show", "example.com"]).code, Some(3));
}

#[test]
fn every_command_warns_of_a_variable_that_nothing_reads() {
    let site = used_site().with("POSTROOM_MX_HOTS", "mx.example.net");
    for arguments in [
        &["account", "list"][..],
        &["domain", "records", "example.com"],
        &["verify", "example.com"],
        &["sign"],
        &["domain", "show", "never.example"],
        &["doctor"],
    ] {
        let finished = site.run(arguments);
        let warning = "POSTROOM_MX_HOTS is set, but there is no such setting; did you mean POSTROOM_MX_HOST?";
        assert!(finished.stderr.contains(warning), "{arguments:?}: {finished:?}");
        assert_eq!(finished.stdout.contains(warning), arguments == ["doctor"], "{finished:?}");
    }
    let server = site.serve();
    server.process.stderr.wait_for("did you mean POSTROOM_MX_HOST?");
}

#[test]
fn a_host_that_nobody_else_can_look_up_is_warned_of_on_loopback() {
    let site = used_site().with("POSTROOM_MX_HOST", "mx");
    let warning = "mx.host is mx, which nobody else can look up; set POSTROOM_MX_HOST";
    let server = site.serve();
    let said: Value = serde_json::from_str(&server.process.stdout.now()).expect("one object");
    assert!(said["warnings"][0].as_str().expect("a warning").contains(warning), "{said}");
    server.process.stderr.wait_for(warning);
    assert!(server.stop().success());
    let banner = Running::start(&mut site.command(&["serve", "--listen", "127.0.0.1:0"]));
    banner.stdout.wait_for(warning);
    drop(banner);

    let records = site.run(&["domain", "records", "example.com", "--zone"]);
    assert_eq!(records.code, Some(0));
    assert!(records.stderr.contains(warning) && !records.stdout.contains(warning), "{records:?}");
    let doctor = site.run(&["doctor"]);
    assert_eq!(doctor.code, Some(1));
    assert!(
        doctor.stdout.lines().any(|line| line.starts_with("fail") && line.contains(warning)),
        "{doctor:?}"
    );
}

#[test]
fn a_host_that_nobody_else_can_look_up_is_an_error_in_public() {
    let site = used_site().with("POSTROOM_MX_HOST", "mx");
    for public in [["--public-url", "https://desk.example.net"], ["--listen", "0.0.0.0:0"]] {
        let refused = site.run(&[&["serve"], public.as_slice()].concat());
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{refused:?}");
        assert!(refused.stderr.contains("mx.host is mx") && refused.stderr.contains("POSTROOM_MX_HOST"));
    }
    let public = site.with("POSTROOM_PUBLIC_URL", "https://desk.example.net");
    let refused = public.run(&["domain", "records", "example.com"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let doctor = public.run(&["doctor", "--json"]);
    assert_eq!(doctor.code, Some(1), "{doctor:?}");
    assert!(doctor.stdout.contains("POSTROOM_MX_HOST"), "{doctor:?}");
    let named = public.with("POSTROOM_MX_HOST", "mx.example.net");
    assert_eq!(named.run(&["domain", "records", "example.com"]).code, Some(0));
}

#[test]
fn a_zone_fragment_is_a_member_of_the_json() {
    let site = used_site();
    let plain = site.run(&["domain", "records", "example.com", "--zone"]).stdout;
    assert!(plain.contains("pr1._domainkey.example.com."), "{plain}");
    assert_eq!(site.json(&["domain", "records", "example.com", "--zone"]), json!({ "zone": plain }));
}

#[test]
fn a_log_level_that_is_none_and_a_base_url_without_scheme_are_refused() {
    let site = Site::new();
    let loud = site.run(&["doctor", "--log", "loud"]);
    assert_eq!(loud.code, Some(2), "{loud:?}");
    assert!(loud.stderr.contains("off, error, warn, info, debug, trace"), "{loud:?}");
    assert_eq!(Site::new().with("POSTROOM_LOG", "loud").run(&["doctor"]).code, Some(2));
    let bare = site.run(&["serve", "--public-url", "desk.example.net"]);
    assert_eq!(bare.code, Some(2), "{bare:?}");
    assert!(bare.stderr.contains("--public-url") && bare.stderr.contains("https://"), "{bare:?}");
    assert!(!site.db().exists());
}

#[test]
fn no_color_takes_the_colours_out_of_log_and_findings() {
    let site = used_site();
    let variables = "POSTROOM_MX_HOTS=x POSTROOM_RESOLVERS=127.0.0.1:1 POSTROOM_DNS_AUTHORITATIVE=false";
    let seen = |more: &str| {
        let script = format!("script -qec \"env {variables} {more} $0 domain verify example.com\" /dev/null");
        let mut command = Command::new("sh");
        let command = command.current_dir(site.file("")).env_remove("NO_COLOR");
        finish(command.args(["-c", &script, env!("CARGO_BIN_EXE_postroom")])).stdout
    };
    let coloured = seen("");
    assert!(coloured.contains("\x1b[33mTEMPORARY") && coloured.contains("did you mean"), "{coloured}");
    let plain = seen("NO_COLOR=1");
    assert!(!plain.contains('\x1b') && plain.contains("TEMPORARY"), "{plain}");
}
