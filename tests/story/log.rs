//! A log that cannot be written, in the ways that a log can be so.

use std::fs::File;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::client::Client;
use crate::harness::process::{Output, Server, Site, until};

/// `serve` with its stderr as a shell has it.
fn serving_with(site: &Site, redirection: &str) -> Command {
    let serve = site.command(&[]);
    let script = format!("exec \"$0\" serve --json --listen 127.0.0.1:0 {redirection}");
    let mut command = Command::new("bash");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_postroom")]).current_dir(site.file("."));
    command.env_clear();
    for (name, value) in serve.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    command
}

fn is_answered(client: &Client) {
    for name in ["example.com", "example.net"] {
        client.create_domain(name);
    }
    assert_eq!(client.get("/healthz").status, 200);
    assert_eq!(client.get("/api/v1/domains").json.as_array().map(Vec::len), Some(2));
}

#[test]
fn a_log_on_a_full_disk_holds_no_request_up() {
    let site = Site::new();
    let server = Server::start(&mut serving_with(&site, "2>/dev/full"));
    is_answered(&server.client());
    assert!(server.stop().success());
}

#[test]
fn a_log_whose_reader_has_gone_holds_no_request_up() {
    let site = Site::new();
    // The reader ends at once, and the server has the other end of its pipe.
    let server = Server::start(&mut serving_with(&site, "2> >(exec true)"));
    is_answered(&server.client());
    assert!(server.stop().success());
}

#[test]
fn a_log_that_nobody_reads_drops_lines_and_says_how_many_when_it_is_read() {
    let site = Site::new().with("POSTROOM_RATE_LIMIT", &0);
    let mut child = site
        .command(&["serve", "--json", "--log", "debug", "--log-format", "json", "--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::from(File::create(site.file("told")).expect("a file")))
        .stderr(Stdio::piped())
        .spawn()
        .expect("a process");
    let told = until("the server says where it is", || {
        let text = std::fs::read_to_string(site.file("told")).ok()?;
        serde_json::from_str::<Value>(text.lines().next()?).ok()
    });
    let client = Client::new(told["url"].as_str().expect("a URL"), told["api_key"].as_str().expect("a key"));
    // The pipe takes 64 KiB, the queue 8192 lines, and these are more.
    for _ in 0..12_000 {
        assert_eq!(client.get("/healthz").status, 200);
    }
    let read = Output::of(child.stderr.take().expect("a pipe"));
    until("there is a notice in the log", || {
        assert_eq!(client.get("/healthz").status, 200);
        read.now().contains(" log lines were dropped").then_some(())
    });
    Command::new("sh").args(["-c", &format!("kill {}", child.id())]).status().expect("a shell");
    assert!(child.wait().expect("a child").success());
    let text = read.whole();
    let notice = text.lines().find(|line| line.contains(" log lines were dropped")).expect("a notice");
    let notice: Value = serde_json::from_str(notice).expect("a line in the form of the others");
    let number = notice["message"].as_str().and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    assert!(number.is_some_and(|number| number > 1000), "{notice}");
}
