//! What the README and the pages below `docs` tell a reader to paste: it works as it stands, in order, in a fresh folder.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use postroom_server::config::Config;

use crate::harness::process::{Site, finish, text};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

/// A fenced block of a page.
struct Block {
    /// The line on which it begins.
    line: usize,
    /// What stands after the backticks: its language, and perhaps `no-test`.
    info: String,
    text: String,
}

/// The pages with blocks in them, by their path from the root.
fn pages() -> BTreeMap<String, Vec<Block>> {
    let mut files =
        vec![root().join("README.md"), root().join("CONTRIBUTING.md"), root().join("SECURITY.md")];
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                files.push(path);
            }
        }
    }
    let name = |path: &PathBuf| text(path.strip_prefix(root()).expect("below the root")).to_owned();
    let read = |path: &PathBuf| blocks(&fs::read_to_string(path).expect("a page"));
    files.iter().map(|path| (name(path), read(path))).collect()
}

fn blocks(page: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut open = false;
    for (number, line) in (1..).zip(page.lines()) {
        match (line.strip_prefix("```"), open) {
            (Some(_), true) => open = false,
            (Some(info), false) => {
                found.push(Block { line: number, info: info.trim().to_owned(), text: String::new() });
                open = true;
            }
            (None, true) => {
                let block = found.last_mut().expect("an open block");
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, false) => {}
        }
    }
    assert!(!open, "a block that does not end");
    found
}

/// Runs the blocks of a page as a reader pastes them, one after the other into one shell in a fresh folder. The server
/// is the real one, on a port of the system's choice in the place of 8025, and asks a DNS that is not there.
fn paste(page: &str, blocks: &[Block]) {
    // Taken and given back: nobody else is given it so soon.
    let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let port = free.port().to_string();
    let site = Site::new();
    // The first command that fails ends it, and curl fails where the server answers with an error.
    let mut script = String::from("set -eu\ntrap 'test -z \"${!-}\" || kill $! 2>/dev/null || true' EXIT\n");
    for block in blocks {
        let text = block.text.replace("8025", &port);
        writeln!(script, "echo '{page}:{}' >&2\n{text}[ $? = 0 ]", block.line).expect("a string takes all");
    }
    fs::write(site.file(".curlrc"), "fail-with-body\nshow-error\n").expect("to write");
    let folder = Path::new(env!("CARGO_BIN_EXE_postroom")).parent().expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell.current_dir(site.file("")).args(["-c", &script]).env_clear();
    shell.env("PATH", format!("{}:{path}", folder.display())).env("CURL_HOME", site.file(""));
    shell.env("POSTROOM_LISTEN", format!("127.0.0.1:{port}")).env("POSTROOM_DKIM_SPARE_KEYS", "1");
    shell.env("POSTROOM_RESOLVERS", "127.0.0.1:1").env("POSTROOM_DNS_AUTHORITATIVE", "false");
    let finished = finish(&mut shell);
    assert_eq!(
        finished.code,
        Some(0),
        "the block named last fails: {}\n{}",
        finished.stderr,
        finished.stdout
    );
    for (number, line) in (1..).zip(finished.stdout.lines()) {
        assert!(!line.starts_with("{\"error\""), "line {number} of what {page} prints: {line}");
    }
}

#[test]
fn every_block_of_every_page_works_as_it_is_pasted_in_order_in_a_fresh_folder() {
    let pages = pages();
    let runnable =
        |blocks: Vec<Block>| blocks.into_iter().filter(|block| block.info == "sh").collect::<Vec<_>>();
    let pages: Vec<_> = pages.into_iter().map(|(page, blocks)| (page, runnable(blocks))).collect();
    let count = |name: &str| pages.iter().find(|(page, _)| page == name).map(|(_, blocks)| blocks.len());
    assert!(
        count("README.md") >= Some(7) && count("docs/operate/fleet.md") >= Some(5),
        "the blocks are found"
    );
    for (page, blocks) in pages.iter().filter(|(_, blocks)| !blocks.is_empty()) {
        paste(page, blocks);
    }
}

#[test]
fn few_blocks_are_not_run() {
    let left_out: Vec<(String, String)> = pages()
        .into_iter()
        .flat_map(|(page, blocks)| {
            let left_out = blocks.into_iter().filter(|block| block.info == "sh no-test");
            left_out
                .map(move |block| (page.clone(), block.text.lines().next().unwrap_or_default().to_owned()))
        })
        .collect();
    let known = [
        ("README.md", "cargo install --locked --path bin"),
        (
            "README.md",
            "curl -s -u \"api:$KEY\" -X PUT http://127.0.0.1:8025/v4/domains/example.org/keys/s1/activate",
        ),
        ("README.md", "tests/run"),
        ("docs/advice.md", "postroom domain advise example.org"),
        ("docs/guides/install.md", "dpkg-buildpackage --no-sign --build=binary"),
        ("docs/guides/install.md", "apt install ./postroom_0.1.0-1_amd64.deb"),
        (
            "docs/guides/install.md",
            "postroom setup --host desk.example.net --proxy nginx >/etc/nginx/conf.d/postroom.conf",
        ),
        ("docs/guides/install.md", "runuser -u postroom -- postroom login-link --account default"),
        ("docs/guides/install.md", "#!/bin/sh"),
        ("docs/guides/install.md", "systemctl stop postroom postroom-bridge"),
        (
            "docs/guides/mail-server.md",
            "apt install postfix swaks ./postroom_0.1.0-1_amd64.deb    # docs/guides/install.md",
        ),
        ("docs/guides/mail-server.md", "postroom domain create example.com"),
        (
            "docs/guides/mail-server.md",
            "postroom route set example.com --mode webhook --webhook-url https://hooks.example.net/in",
        ),
        ("docs/guides/mail-server.md", "postroom domain records example.com"),
        ("docs/guides/mail-server.md", "postroom quarantine list jo@example.com"),
        ("docs/guides/mail-server.md", "(umask 077; openssl rand -hex 32 > /etc/postroom/vault.token)"),
        ("docs/guides/mail-server.md", "postroom bridge conf rspamd > /etc/rspamd/local.d/dkim_signing.conf"),
        ("docs/guides/mail-server.md", "postroom bridge conf rspamd --lua > /etc/rspamd/rspamd.local.lua"),
        ("docs/operate/keys.md", "postroom rotate-master-key"),
        ("docs/operate/keys.md", "postroom rotate-master-key --finish"),
        ("docs/operate/quick-start.md", "install -m 0755 postroom /usr/local/bin/postroom"),
        (
            "docs/operate/quick-start.md",
            "postroom setup --host desk.example.net --to postroom.toml --proxy nginx >/etc/nginx/conf.d/postroom.conf",
        ),
        ("docs/operate/signing.md", "#!/bin/sh"),
    ];
    assert_eq!(left_out, known.map(|(page, line)| (page.to_owned(), line.to_owned())));
}

#[test]
fn a_block_says_what_it_holds_in_words_that_are_known() {
    for (page, blocks) in pages() {
        for block in blocks {
            let known = ["", "json", "rust", "sh", "sh no-test", "sh quick", "text", "toml", "yaml"];
            assert!(known.contains(&block.info.as_str()), "{page}:{}: {}", block.line, block.info);
        }
    }
}

#[test]
fn the_program_in_the_readme_is_the_example_that_is_built_and_run() {
    let readme = pages().remove("README.md").expect("a README");
    let rust: Vec<&Block> = readme.iter().filter(|block| block.info == "rust").collect();
    let example = fs::read_to_string(root().join("examples/embed.rs")).expect("an example");
    assert_eq!(rust.iter().map(|block| block.text.as_str()).collect::<Vec<_>>(), [example]);
}

#[test]
fn every_configuration_in_the_pages_can_be_read() {
    let site = Site::new();
    let file = site.file("postroom.toml");
    let mut count = 0;
    for (page, blocks) in pages() {
        for block in blocks.iter().filter(|block| block.info == "toml") {
            fs::write(&file, &block.text).expect("to write");
            let config = Config::load(Some(&file)).unwrap_or_else(|e| panic!("{page}:{}: {e}", block.line));
            let settings = config.settings().expect("settings");
            assert_eq!(config.unusable_hosts(&settings).expect("hosts"), []);
            assert!(config.dns().is_ok() && config.public_url().is_ok() && config.listen().is_ok());
            count += 1;
        }
    }
    assert!(count > 0, "there is one");
}

/// The commands of the README's `sh` blocks, a line each.
fn commands() -> Vec<String> {
    let readme = pages().remove("README.md").expect("a README");
    let blocks = readme.iter().filter(|block| block.info.starts_with("sh"));
    let lines = blocks.flat_map(|block| block.text.lines()).map(|line| line.trim().to_owned());
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

#[test]
fn the_readme_names_the_commands_that_install_start_and_test() {
    let commands = commands();
    let at = |with: &str| {
        let found = commands.iter().position(|command| command.starts_with(with));
        found.unwrap_or_else(|| panic!("no {with} in {commands:?}"))
    };
    assert!(at("cargo install ") < at("postroom serve "), "what is used is installed before");
    assert!(at("export POSTROOM_") < at("postroom serve "), "what the server reads is set before");
    assert!(at("postroom serve ") < at("curl "));
    at("tests/run");
    assert!(root().join("tests/run").exists());
}

#[test]
fn every_subcommand_in_the_readme_is_one_that_the_binary_has() {
    let site = Site::new();
    for command in commands() {
        let Some(arguments) = command.strip_prefix("postroom ") else { continue };
        let words =
            arguments.split_whitespace().take_while(|word| !word.starts_with('-') && !word.contains('.'));
        let words: Vec<&str> = words.take(2).filter(|word| !word.contains('>')).chain(["--help"]).collect();
        assert_eq!(site.run(&words).code, Some(0), "{command}");
    }
}

#[test]
fn every_curl_in_the_readme_asks_for_a_route_that_there_is() {
    let site = Site::new();
    let server = site.serve();
    server.client().create_domain("example.org");
    server.client().create_domain("a.example");
    // That which the README makes and then asks for.
    let body = serde_json::json!({ "domain": "customer.com", "user_id": "user_123" });
    assert_eq!(server.client().post("/v2/domain", &body).status, 201);
    for command in commands().iter().filter(|command| command.starts_with("curl ")) {
        let url = command.split_whitespace().find(|word| word.contains("://")).expect("a URL");
        let path = url.trim_matches(['"', '\'']).splitn(4, '/').nth(3).expect("a path");
        let allowed = server.client().get(&format!("/{path}"));
        // Without the credential of its dialect a route is 401, and what is none is 404.
        assert!(matches!(allowed.status, 200 | 401 | 405), "{command}: {allowed:?}");
    }
}
