//! Completions and man pages.

use std::fs;

use crate::harness::process::Site;

#[test]
fn completions_are_printed_for_every_shell_and_name_the_commands() {
    let site = Site::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let printed = site.run(&["completions", shell]);
        assert_eq!(printed.code, Some(0), "{shell}: {printed:?}");
        assert!(printed.stdout.contains("key-rotation") && printed.stdout.contains("records"), "{shell}");
    }
    assert_eq!(site.run(&["completions", "command.com"]).code, Some(2));
    fs::write(site.file("postroom.bash"), site.run(&["completions", "bash"]).stdout).expect("to write");
    let mut bash = std::process::Command::new("bash");
    let parsed = bash.args(["-n"]).arg(site.file("postroom.bash")).status().expect("bash");
    assert!(parsed.success());
}

#[test]
fn there_is_a_man_page_for_every_command() {
    let site = Site::new();
    fs::create_dir(site.file("man")).expect("a folder");
    assert_eq!(site.json(&["man", "man"])["man"], "man");
    let page = |name: &str| fs::read_to_string(site.file("man").join(name)).expect("a page");
    assert!(page("postroom.1").contains(".TH"));
    assert!(page("postroom-domain-records.1").contains("zone"));
    assert_eq!(site.run(&["man", "nowhere"]).code, Some(3));
}
