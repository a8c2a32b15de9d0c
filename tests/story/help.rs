//! The help of every command, and what becomes of a command line that is none.

use crate::harness::process::Site;

/// Every command, with the arguments of its own that its help must name.
const COMMANDS: &[(&[&str], &[&str])] = &[
    (&[], &["serve", "account", "key", "subscription", "domain", "route", "audit", "doctor", "--version"]),
    (
        &["serve"],
        &[
            "--listen",
            "--public-url",
            "--tls-cert",
            "--tls-key",
            "POSTROOM_RESOLVERS",
            "dns.resolvers",
            "mx.host",
        ],
    ),
    (
        &["setup"],
        &["--host", "--mx-host", "--return-path-host", "--resolver", "--proxy", "--to", "--replace"],
    ),
    (&["account"], &["create", "list", "show", "trust", "distrust"]),
    (&["account", "create"], &["<NAME>", "--trusted"]),
    (&["account", "show"], &["<NAME>"]),
    (&["account", "trust"], &["<NAME>"]),
    (&["account", "distrust"], &["<NAME>"]),
    (&["claim"], &["create", "list", "verify", "free"]),
    (&["claim", "create"], &["<NAME>", "--account", "--alias-of"]),
    (&["claim", "list"], &["--account"]),
    (&["claim", "verify"], &["<NAME>", "--account"]),
    (&["claim", "free"], &["<NAME>", "--yes"]),
    (&["account", "list"], &[]),
    (&["key"], &["create", "list", "rotate", "revoke"]),
    (
        &["key", "create"],
        &["--account", "--description", "--expires", "--network", "--scope", "--domain", "90d"],
    ),
    (&["key", "rotate"], &["<ID>", "--grace"]),
    (&["rotate-master-key"], &["--finish"]),
    (&["key", "list"], &["--account"]),
    (&["key", "revoke"], &["<ID>"]),
    (&["subscription"], &["create", "list"]),
    (&["subscription", "create"], &["--account", "--handle", "--max-domains", "--max-recipients"]),
    (&["subscription", "list"], &["--account"]),
    (&["domain"], &["list", "show", "records", "verify", "advise", "watch", "check", "delete", "transfer"]),
    (&["domain", "advise"], &["<NAME>", "--smtp"]),
    (&["domain", "create"], &["<NAME>", "--account"]),
    (&["domain", "rename"], &["<OLD>", "<NEW>"]),
    (&["domain", "why"], &["<NAME>"]),
    (&["finding"], &["[CODE]"]),
    (&["domain", "list"], &["--account", "--status", "--limit", "--offset"]),
    (&["domain", "show"], &["<NAME>"]),
    (&["domain", "records"], &["[NAME]", "--zone", "--all"]),
    (&["domain", "verify"], &["<NAME>"]),
    (&["domain", "watch"], &["<NAME>", "--every"]),
    (&["domain", "check"], &["--limit", "--all"]),
    (&["setup-link"], &["create", "list", "revoke"]),
    (&["setup-link", "create"], &["<DOMAIN>", "--days"]),
    (&["setup-link", "list"], &["<DOMAIN>"]),
    (&["setup-link", "revoke"], &["<DOMAIN>", "<ID>"]),
    (&["token"], &["create", "list", "revoke"]),
    (&["token", "create"], &["<DOMAIN>", "--name"]),
    (&["token", "list"], &["<DOMAIN>"]),
    (&["token", "revoke"], &["<DOMAIN>", "<ID>", "--yes"]),
    (&["alias"], &["add", "list", "remove"]),
    (&["alias", "add"], &["<DOMAIN>", "<ALIAS>"]),
    (&["alias", "list"], &["<DOMAIN>"]),
    (&["alias", "remove"], &["<DOMAIN>", "<ALIAS>", "--yes"]),
    (&["recipient"], &["list", "show", "save", "delete"]),
    (&["recipient", "delete"], &["<ADDRESS>", "--yes"]),
    (&["recipient", "list"], &["<DOMAIN>", "--limit", "--offset"]),
    (&["recipient", "show"], &["<ADDRESS>"]),
    (&["recipient", "save"], &["<ADDRESS>", "--admin", "--filter"]),
    (&["import"], &["csv", "opendkim", "rspamd", "mailgun", "mailpace", "mailchannels", "postroom"]),
    (&["import", "postroom"], &["<FILE>", "--passphrase-file"]),
    (&["import", "csv"], &["<FILE>", "--account", "--dry-run"]),
    (&["import", "opendkim"], &["<KEY_TABLE>", "<SIGNING_TABLE>", "--account", "--dry-run"]),
    (&["import", "rspamd"], &["<FOLDER>", "--account", "--dry-run"]),
    (&["import", "mailgun"], &["<FILE|URL>", "--key-file", "--account", "--dry-run"]),
    (&["import", "mailpace"], &["<FILE|URL>", "--key-file", "--account", "--dry-run"]),
    (&["import", "mailchannels"], &["<FILE|URL>", "--key-file", "--account", "--dry-run"]),
    (&["export"], &["--format", "--to", "--passphrase-file", "octodns"]),
    (&["config"], &["check", "show", "sample"]),
    (&["config", "check"], &[]),
    (&["config", "show"], &[]),
    (&["config", "sample"], &[]),
    (&["domain", "delete"], &["<NAME>"]),
    (&["domain", "transfer"], &["<NAME>", "--to"]),
    (
        &["verify"],
        &[
            "<NAME>",
            "--selector",
            "--expect-dkim",
            "--expect-mx",
            "--expect-spf",
            "--sender",
            "--expect-dmarc",
            "--expect-cname",
        ],
    ),
    (&["sign"], &["--domain", "--require"]),
    (&["key-rotation"], &["start", "status", "abort", "every", "delegate"]),
    (&["key-rotation", "start"], &["[NAME]", "--all"]),
    (&["key-rotation", "status"], &["[NAME]", "--all"]),
    (&["key-rotation", "abort"], &["<NAME>"]),
    (&["key-rotation", "every"], &["[NAME]", "<DAYS>", "--all"]),
    (&["key-rotation", "delegate"], &["<NAME>"]),
    (&["zone"], &["delegated"]),
    (&["zone", "delegated"], &[]),
    (&["login-link"], &["[NAME]", "--account", "--operator"]),
    (&["route"], &["show", "set", "test"]),
    (&["route", "show"], &["<NAME>"]),
    (&["route", "set"], &["<NAME>", "--mode", "--webhook-url", "--forward-to"]),
    (&["route", "test"], &["<RECIPIENT>"]),
    (&["bridge"], &["--dir", "--group", "--mail-dir", "--submit", "conf"]),
    (&["bridge", "conf"], &["postfix"]),
    (&["bridge", "conf", "postfix"], &["--master"]),
    (&["explain"], &["<ADDRESS>", "[MESSAGE]", "--sender", "--from", "--ip"]),
    (&["quarantine"], &["list", "show", "release"]),
    (&["quarantine", "list"], &["<ADDRESS>"]),
    (&["quarantine", "show"], &["<ADDRESS>", "<ID>"]),
    (&["quarantine", "release"], &["<ADDRESS>", "<ID>"]),
    (&["report"], &["list", "show", "export"]),
    (&["report", "list"], &["--account", "--limit"]),
    (&["report", "show"], &["<ID>", "--raw"]),
    (&["report", "export"], &["--account", "--since"]),
    (&["list"], &["add", "remove", "show", "explain"]),
    (&["list", "add"], &["--account", "--domain", "--recipient", "<LIST>", "<ITEM>"]),
    (&["list", "remove"], &["--account", "--domain", "--recipient", "<LIST>", "<ITEM>"]),
    (&["list", "show"], &["--account", "--domain", "--recipient", "[LIST]"]),
    (&["list", "explain"], &["--recipient", "--sender", "--from", "--ip"]),
    (&["audit"], &["--account", "--domain", "--action", "--limit"]),
    (&["backup"], &["--to", "--keep"]),
    (&["restore"], &["<FILE>"]),
    (&["copy"], &["--to"]),
    (&["completions"], &["<SHELL>"]),
    (&["man"], &["<DIR>"]),
    (&["openapi"], &["<NAME>", "native"]),
    (&["doctor"], &[]),
];

/// What every command takes.
const EVERYWHERE: &[&str] =
    &["--db", "--config", "--master-key-file", "--json", "--log", "--log-format", "--help"];

#[test]
fn the_help_of_every_command_names_its_arguments_and_makes_nothing() {
    let site = Site::new();
    for (command, own) in COMMANDS {
        let finished = site.run(&[*command, &["--help"]].concat());
        assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{command:?}");
        for name in own.iter().chain(EVERYWHERE) {
            assert!(
                finished.stdout.contains(name),
                "{command:?} --help does not name {name}: {}",
                finished.stdout
            );
        }
        let longest = finished.stdout.lines().map(|line| line.chars().count()).max();
        assert!(longest < Some(150), "{command:?}: a line of {longest:?} characters");
    }
    assert!(!site.db().exists());
}

#[test]
fn the_options_of_every_command_stand_below_its_own() {
    let site = Site::new();
    for command in [&["serve"][..], &["domain", "create"], &["key", "list"]] {
        let help = site.run(&[command, &["--help"]].concat()).stdout;
        let (own, everywhere) = help.split_once("Options of every command:\n").expect("a heading");
        assert!(own.contains("-h, --help"), "{command:?}: {own}");
        for option in EVERYWHERE.iter().filter(|option| **option != "--help") {
            let stands_in =
                |part: &str| part.lines().any(|line| line.split_whitespace().next() == Some(option));
            assert!(!stands_in(own) && stands_in(everywhere), "{command:?} {option}: {help}");
        }
    }
}

#[test]
fn each_setting_in_the_help_has_a_line_for_its_names_and_its_text_stands_below() {
    let help = Site::new().run(&["serve", "--help"]).stdout;
    let (_, list) = help.split_once("Settings, in the file").expect("a list");
    for line in list.lines().skip(1) {
        let names = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '));
        let is_named = names.is_some_and(|names| names.split_whitespace().count() == 2);
        assert!(is_named || line.starts_with("        "), "{line}");
    }
}

#[test]
fn every_command_of_the_help_stands_in_the_table_above() {
    let site = Site::new();
    let named = |command: &[&str]| {
        let help = site.run(&[command, &["--help"]].concat()).stdout;
        let listed =
            help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
        let words = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        words.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect::<Vec<_>>()
    };
    let known = |path: &[&str]| COMMANDS.iter().any(|(command, _)| *command == path);
    for first in named(&[]).iter().filter(|name| *name != "help") {
        assert!(known(&[first]), "{first}");
        for second in named(&[first]).iter().filter(|name| *name != "help") {
            assert!(known(&[first, second]), "{first} {second}");
        }
    }
}

#[test]
fn a_command_line_that_is_none_exits_with_2_and_says_so_on_stderr() {
    let site = Site::new();
    for arguments in [
        &["surve"][..],
        &["domain", "shwo", "example.com"],
        &["domain", "show"],
        &["account", "list", "--no-such-flag"],
        &["key", "revoke", "one"],
        &["serve", "--tls-cert", "cert.pem"],
        &["--log-format", "xml", "doctor"],
    ] {
        let finished = site.run(arguments);
        assert_eq!(finished.code, Some(2), "{arguments:?}: {finished:?}");
        assert!(finished.stdout.is_empty() && finished.stderr.starts_with("error: "), "{finished:?}");
    }
    let bare = site.run(&[]);
    assert_eq!(bare.code, Some(2), "{bare:?}");
    assert!(bare.stderr.contains("Usage: postroom"), "{bare:?}");
    assert!(!site.db().exists());
}
