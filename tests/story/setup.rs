//! `postroom setup`: the settings of a new server, and the proxy before it.

use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::harness::process::{PATIENCE, Running, Site, until};

const SETUP: [&str; 7] =
    ["setup", "--host", "desk.example.net", "--resolver", "127.0.0.1:9", "--to", "new.toml"];

fn with(more: &[&'static str]) -> Vec<&'static str> {
    SETUP.iter().chain(more).copied().collect()
}

#[test]
fn a_setup_writes_settings_that_can_be_used() {
    let site = Site::new();
    let finished = site.run(&with(&["--proxy", "nginx"]));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.contains("server_name desk.example.net;"), "{finished:?}");
    assert!(finished.stderr.contains("new.toml is written"), "{finished:?}");
    let checked = site.run(&["config", "check", "--config", "new.toml"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let shown = site.run(&["config", "show", "--config", "new.toml", "--json"]);
    for value in ["https://desk.example.net", "127.0.0.1:9", "::1"] {
        assert!(shown.stdout.contains(value), "{shown:?}");
    }
}

#[test]
fn a_setup_keeps_the_comments_and_the_other_settings_of_the_file() {
    let site = Site::new();
    let sample = site.run(&["config", "sample"]).stdout + "\n[loss]\nfailures = 5 # mine\n";
    let sample = sample.replace("\n[loss]\n#", "\n#");
    std::fs::write(site.file("new.toml"), &sample).expect("a file");
    let finished = site.run(&SETUP);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let text = std::fs::read_to_string(site.file("new.toml")).expect("the file");
    assert!(text.contains("failures = 5 # mine"), "{text}");
    let comments = |text: &str| text.lines().filter(|line| line.starts_with('#')).count();
    assert_eq!(comments(&text), comments(&sample), "{text}");
}

#[test]
fn a_setup_replaces_another_value_only_when_it_is_told_to() {
    let site = Site::new();
    assert_eq!(site.run(&SETUP).code, Some(0));
    let first = std::fs::read_to_string(site.file("new.toml")).expect("the file");
    assert_eq!(site.run(&SETUP).code, Some(0), "the same again changes nothing");
    assert_eq!(std::fs::read_to_string(site.file("new.toml")).expect("the file"), first);
    let refused = site.run(&with(&["--mx-host", "mail.example.net"]));
    assert_eq!(refused.code, Some(4), "{refused:?}");
    assert!(refused.stderr.contains("mx.host") && refused.stderr.contains("--replace"), "{refused:?}");
    assert_eq!(std::fs::read_to_string(site.file("new.toml")).expect("the file"), first);
    let replaced = site.run(&with(&["--mx-host", "mail.example.net", "--replace"]));
    assert_eq!(replaced.code, Some(0), "{replaced:?}");
    assert!(std::fs::read_to_string(site.file("new.toml")).expect("the file").contains("mail.example.net"));
}

#[test]
fn a_setup_without_a_whole_host_name_writes_nothing() {
    let site = Site::new();
    for arguments in [
        &["setup", "--to", "new.toml"][..],
        &["setup", "--host", "vm", "--to", "new.toml"],
        &["setup", "--host", "192.0.2.1", "--to", "new.toml"],
    ] {
        let finished = site.run(arguments);
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(finished.stderr.contains("--host"), "{finished:?}");
    }
    let finished = site.run(&with(&["--resolver", "nowhere"]));
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(!site.file("new.toml").exists());
}

#[test]
fn systemd_hears_when_the_server_is_ready() {
    let site = Site::new();
    let socket = UnixDatagram::bind(site.file("notify")).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a deadline");
    let heard = || {
        let mut octets = [0; 64];
        let length = socket.recv(&mut octets).expect("a message");
        String::from_utf8_lossy(octets.get(..length).unwrap_or_default()).into_owned()
    };
    let mut command = site.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut server = Running::start(command.env("NOTIFY_SOCKET", site.file("notify")));
    assert_eq!(heard().trim(), "READY=1");
    server.signal("TERM");
    assert_eq!(heard().trim(), "STOPPING=1");
    assert!(server.wait().success());
}

#[test]
fn the_first_start_tells_the_journal_no_secret() {
    let site = Site::new();
    let journal = std::fs::File::create(site.file("journal")).expect("a file");
    let found = journal.metadata().expect("its identity");
    let mut command = site.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("JOURNAL_STREAM", format!("{}:{}", found.dev(), found.ino()));
    command.stdout(journal).stderr(std::process::Stdio::null());
    let mut server = command.spawn().expect("a server");
    let said = until("the banner", || {
        std::thread::sleep(Duration::from_millis(50));
        let said = std::fs::read_to_string(site.file("journal")).unwrap_or_default();
        said.contains("key create").then_some(said)
    });
    let _ = server.kill();
    let _ = server.wait();
    assert!(!said.contains("pra_"), "{said}");
    assert_eq!(site.run(&["key", "create", "--account", "default"]).code, Some(0));
}

#[test]
fn a_server_starts_also_where_no_login_link_can_be_made() {
    let site = Site::new().with("POSTROOM_LIMITS_LOGIN_LINKS", "0");
    let mut server = Running::start(&mut site.command(&["serve", "--listen", "127.0.0.1:0"]));
    let said = server.stdout.wait_for("shown this once");
    assert!(!said.contains("/console/login"), "{said}");
    server.signal("TERM");
    assert!(server.wait().success());
}
