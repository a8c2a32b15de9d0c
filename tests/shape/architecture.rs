//! What `docs/ARCHITECTURE.md` and the front page of the library's documentation say of the code.

use std::fs;

use postroom_server::duty::DUTIES;

use super::{floors, root};

fn page() -> String {
    fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap()
}

/// What stands in backticks.
fn names(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The names in one column of the first table below this heading.
fn column(page: &str, heading: &str, column: usize) -> Vec<String> {
    let (_, below) = page.split_once(heading).unwrap_or_else(|| panic!("the page lacks {heading}"));
    let table =
        below.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    table.skip(2).flat_map(|line| names(line.split('|').nth(column).unwrap_or_default())).collect()
}

/// A text without what stands in round brackets.
fn without_brackets(text: &str) -> String {
    let parts = text.split('(').map(|part| part.split_once(')').map_or(part, |(_, after)| after));
    parts.collect()
}

#[test]
fn the_tables_of_the_architecture_have_every_module_in_the_order_of_its_floor() {
    let page = page();
    for (heading, place, crate_root) in
        [("## The library, from the ground up", 2, "lib/src/lib.rs"), ("## The binary", 1, "bin/src/lib.rs")]
    {
        assert_eq!(column(&page, heading, place), floors(crate_root), "{heading}, {crate_root}");
    }
}

#[test]
fn the_architecture_lists_every_duty() {
    let page = page();
    let (_, sentence) = page.split_once("`DUTIES` lists them:").unwrap();
    let mut listed = names(&without_brackets(sentence.split_once("One loop runs them").unwrap().0));
    let mut duties: Vec<&str> = DUTIES.iter().map(|duty| duty.name).collect();
    listed.sort_unstable();
    duties.sort_unstable();
    assert_eq!(listed, duties);
}

#[test]
fn the_front_page_of_the_library_names_every_module_that_an_embedder_uses() {
    let text = fs::read_to_string(root().join("lib/src/lib.rs")).unwrap();
    let (_, table) = text.split_once("//! # Where to go from here").unwrap();
    let (table, _) = table.split_once("//! # Four rules").unwrap();
    let code = text.lines().skip_while(|line| line.starts_with("//!"));
    let modules: Vec<&str> =
        code.filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    // The plain types and the store are named where they are used.
    let first = modules.iter().position(|module| *module == "dns").unwrap();
    for module in &modules[first..] {
        let is_named = table.contains(&format!("[`{module}`]")) || table.contains(&format!("[`{module}::"));
        assert!(is_named, "\"Where to go from here\" in lib/src/lib.rs lacks {module}");
    }
}
