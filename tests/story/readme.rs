//! The README's commands are those that there are.

use std::path::Path;

use crate::harness::process::Site;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

/// The commands of the README's `sh` blocks, a line each, with what is continued joined.
fn commands() -> Vec<String> {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("a README");
    let mut commands = Vec::new();
    for block in readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        let joined = block.replace("\\\n", " ");
        let lines = joined.lines().map(|line| line.trim().trim_start_matches("$ ").to_owned());
        commands.extend(lines.filter(|line| !line.is_empty() && !line.starts_with('#')));
    }
    commands
}

#[test]
fn the_readme_names_the_command_that_starts_and_the_one_that_tests() {
    let commands = commands();
    let starts = |with: &str| commands.iter().any(|command| command.starts_with(with));
    assert!(starts("cargo run "), "no start command in {commands:?}");
    assert!(starts("tests/run") || starts("./tests/run"), "no test command in {commands:?}");
    assert!(starts("curl "), "no curl in {commands:?}");
    assert!(root().join("tests/run").exists());
}

#[test]
fn every_subcommand_in_the_readme_is_one_that_the_binary_has() {
    let site = Site::new();
    for command in commands() {
        let arguments = command.strip_prefix("postroom ").or_else(|| {
            let run = command.strip_prefix("cargo run ").filter(|rest| !rest.contains("--example"));
            run.and_then(|rest| rest.split_once("-- ")).map(|(_, arguments)| arguments)
        });
        let Some(arguments) = arguments else { continue };
        let words =
            arguments.split_whitespace().take_while(|word| !word.starts_with('-') && !word.contains('.'));
        let words: Vec<&str> = words.take(2).chain(["--help"]).collect();
        assert_eq!(site.run(&words).code, Some(0), "{command}");
    }
}

#[test]
fn every_curl_in_the_readme_asks_for_a_route_that_there_is() {
    let site = Site::new();
    let server = site.serve();
    server.client().create_domain("readme.example.com");
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
