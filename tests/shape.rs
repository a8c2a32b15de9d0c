//! What must hold of the code itself, read from its text. A test here that fails names the file and the rule.

mod architecture;
mod calls;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use postroom_server::app::SURFACES;
use postroom_server::dialect::DIALECTS;
use sha2::{Digest, Sha256};

/// A file over this many lines is asked why.
const MAX_LINES: usize = 450;
/// Files that may be longer, each with its reason.
const LONGER: &[(&str, &str)] = &[];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The files below `folder` with this ending, by their path from the root.
fn files(folder: &str, ending: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has no .{ending} file");
    found
}

/// A source in its parts: its code with every literal emptied and every comment gone, and its text literals.
struct Source {
    code: String,
    literals: Vec<String>,
}

fn parts(text: &str) -> Source {
    let octets = text.as_bytes();
    let (mut code, mut literals, mut at) = (String::new(), Vec::new(), 0);
    let until = |from: usize, end: &str| text[from..].find(end).map_or(text.len(), |to| from + to);
    while at < octets.len() {
        let rest = &text[at..];
        if rest.starts_with("//") {
            at = until(at, "\n");
        } else if rest.starts_with("/*") {
            at = until(at, "*/") + 2;
        } else if rest.starts_with("r\"") || rest.starts_with("r#\"") || rest.starts_with("br\"") {
            let start = at + rest.find('"').unwrap() + 1;
            let end = until(start, if rest.starts_with("r#") { "\"#" } else { "\"" });
            literals.push(text[start..end].to_owned());
            code.push_str("\"\"");
            at = end + if rest.starts_with("r#") { 2 } else { 1 };
        } else if rest.starts_with('"') {
            let start = at + 1;
            at = start;
            while octets[at] != b'"' {
                at += if octets[at] == b'\\' { 2 } else { 1 };
            }
            literals.push(text[start..at].to_owned());
            code.push_str("\"\"");
            at += 1;
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") || rest.starts_with("b'\"'") {
            // A quotation mark as a character opens no text.
            at += rest[2..].find('\'').unwrap() + 3;
        } else {
            let next = rest.chars().next().unwrap();
            code.push(next);
            at += next.len_utf8();
        }
    }
    Source { code, literals }
}

/// A source without its unit tests, which may look where the code itself may not.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default()
}

/// The sources of a crate, without tests.
fn sources(folder: &str) -> BTreeMap<String, Source> {
    files(folder, "rs")
        .into_iter()
        .filter(|(name, _)| !name.contains("/tests/"))
        .map(|(name, text)| (name, parts(without_tests(&text))))
        .collect()
}

/// Whether a word stands in a code by itself.
fn has_word(code: &str, word: &str) -> bool {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word)
}

#[test]
fn a_source_is_taken_apart_as_the_compiler_would() {
    let source =
        parts("let a = \"x \\\" // y\"; // \"no\"\nlet q = '\"'; let r = r#\"a\"b\"#; /* \"c\" */ f(b'\"');");
    assert_eq!(source.literals, ["x \\\" // y", "a\"b"]);
    assert!(source.code.contains("let q") && source.code.contains("f(") && !source.code.contains("no"));
    assert_eq!(without_tests("a\n#[cfg(test)]\nmod tests { b }"), "a\n");
}

#[test]
fn sql_stands_in_tables_and_engines_alone() {
    for folder in ["lib/src", "bin/src"] {
        for (name, source) in sources(folder) {
            let may = name.starts_with("lib/src/db/sqlite/")
                || name.starts_with("lib/src/db/postgres/")
                || folder == "lib/src" && name.ends_with("/table.rs");
            let sql = source.literals.iter().find(|literal| {
                ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "PRAGMA "]
                    .iter()
                    .any(|word| literal.contains(word))
            });
            assert!(may || sql.is_none(), "{name} has SQL: {sql:?}");
        }
    }
    let tables =
        sources("lib/src").iter().filter(|(_, s)| s.literals.iter().any(|l| l.contains("SELECT "))).count();
    assert!(tables > 5, "the look for SQL finds the SQL there is");
}

#[test]
fn an_engine_is_named_in_its_folder_alone() {
    let mut seen = [0, 0];
    for (name, source) in sources("lib/src").into_iter().chain(sources("bin/src")) {
        for (driver, folder) in
            [("rusqlite", "lib/src/db/sqlite/"), ("tokio_postgres", "lib/src/db/postgres/")]
        {
            let has = has_word(&source.code, driver);
            assert!(!has || name.starts_with(folder), "{name} uses {driver}");
            seen[usize::from(driver == "rusqlite")] += usize::from(has);
        }
    }
    assert!(seen[0] > 0 && seen[1] > 0, "the engines are found");
}

#[test]
fn hyper_stands_in_listen_alone() {
    let mut seen = 0;
    for (name, source) in sources("lib/src").into_iter().chain(sources("bin/src")) {
        let has = ["hyper", "hyper_util", "http_body_util"].iter().any(|word| has_word(&source.code, word));
        assert!(!has || name.starts_with("bin/src/listen/"), "{name} uses hyper");
        seen += usize::from(has);
    }
    assert!(seen > 0, "listen uses hyper");
}

#[test]
fn the_library_knows_no_serde_and_no_vendor() {
    for (name, text) in files("lib/src", "rs") {
        let source = parts(&text);
        for word in ["serde", "serde_json", "hyper", "rocket", "axum"] {
            assert!(!has_word(&source.code, word), "{name} uses {word}");
        }
        for vendor in ["mailpace", "mailgun", "mailchannels"] {
            assert!(!text.to_lowercase().contains(vendor), "{name} names {vendor}");
        }
    }
    let manifest = fs::read_to_string(root().join("lib/Cargo.toml")).unwrap();
    assert!(!manifest.lines().any(|line| line.starts_with("serde")), "lib/Cargo.toml");
}

/// What a module shows of one that stands below it in `lib.rs`, for those who look for it there: a re-export, which it does not use.
const SHOWN_FROM_ABOVE: &[(&str, &str)] = &[("lib/src/domain/mod.rs", "pub use crate::provision::{")];

/// The top-level modules that a code uses by `crate::`, also in groups.
fn uses(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        let Some(group) = after.strip_prefix('{') else {
            found.insert(word_at(after));
            continue;
        };
        let mut depth = 0;
        let mut start = true;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                c if start && c.is_alphanumeric() => {
                    found.insert(word_at(&group[at..]));
                    start = false;
                }
                _ => {}
            }
        }
    }
    found
}

fn word_at(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The modules that a crate root declares, in their order.
fn floors(crate_root: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(crate_root)).unwrap();
    let code = parts(&text).code;
    code.lines()
        .filter_map(|line| line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod "))
        .map(word_at)
        .collect()
}

#[test]
fn a_module_uses_only_what_is_declared_above_it() {
    assert_eq!(
        uses("use crate::{a, b::{c, d}, e}; crate::f::g(); crate::h"),
        ["a", "b", "e", "f", "h"].map(String::from).into()
    );
    for folder in ["lib/src", "bin/src"] {
        let floors = floors(&format!("{folder}/lib.rs"));
        assert!(floors.len() > 5, "{floors:?}");
        let floor = |module: &str| floors.iter().position(|known| known == module);
        for (name, source) in sources(folder) {
            let module = word_at(name.strip_prefix(folder).unwrap().trim_start_matches('/'));
            let Some(own) = floor(&module) else {
                assert!(
                    ["lib", "main"].contains(&module.as_str()),
                    "{name} is in no module that lib.rs declares"
                );
                continue;
            };
            let shown = SHOWN_FROM_ABOVE.iter().find(|(file, _)| *file == name).map(|(_, shown)| *shown);
            let code = shown.map_or_else(|| source.code.clone(), |shown| source.code.replacen(shown, "", 1));
            for used in uses(&code) {
                let below =
                    floor(&used).unwrap_or_else(|| panic!("{name} uses crate::{used}, which lib.rs lacks"));
                assert!(
                    below <= own,
                    "{name} uses crate::{used}, which stands below {module} in {folder}/lib.rs"
                );
            }
        }
    }
}

/// A path template with every parameter called the same, as contracts spell them each in their way.
fn plain(path: &str) -> String {
    let segments = path.trim_matches(['`', ',', '.', '"']).split('?').next().unwrap_or_default();
    let segments =
        segments.split('/').map(|segment| if segment.starts_with([':', '{']) { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

#[test]
fn every_route_stands_in_the_page_of_its_surface() {
    for surface in SURFACES {
        let is_dialect = DIALECTS.iter().any(|dialect| dialect.name == surface.name);
        let page = format!("docs/{}{}.md", if is_dialect { "dialects/" } else { "" }, surface.name);
        let text = fs::read_to_string(root().join(&page));
        let text = text.unwrap_or_else(|e| panic!("{page}, where the routes of {} stand: {e}", surface.name));
        for route in surface.routes {
            let full = plain(route.path);
            let short = surface.prefixes.iter().find_map(|prefix| full.strip_prefix(prefix));
            let short = short.unwrap_or(&full).to_owned();
            let stands = text.lines().any(|line| {
                has_word(line, route.method.as_str())
                    && line.split([' ', '`', '|', '(']).map(plain).any(|path| path == full || path == short)
            });
            assert!(stands, "{page} lacks {} {}", route.method, route.path);
        }
    }
}

#[test]
fn every_route_has_a_contract_test() {
    for surface in SURFACES {
        let tests: Vec<Source> = sources(&format!("tests/contract/{}", surface.name)).into_values().collect();
        for route in surface.routes {
            let line = format!("{} {}", route.method, route.path);
            let called = tests.iter().flat_map(|source| &source.literals).any(|literal| {
                literal.strip_prefix(&line).is_some_and(|rest| rest.is_empty() || rest.starts_with('?'))
            });
            assert!(called, "no test in tests/contract/{} calls \"{line}\"", surface.name);
        }
    }
}

#[test]
fn what_differs_between_kinds_of_records_stands_in_record_kind_alone() {
    let names_one = |code: &str| {
        let after = code.split("Purpose::").skip(1).map(word_at);
        after.into_iter().any(|word| word != "ALL" && word.starts_with(char::is_uppercase))
    };
    let (mut inside, mut kinds) = (0, 0);
    for (name, source) in sources("lib/src") {
        let is_inside = name.starts_with("lib/src/record/kind/");
        assert!(is_inside || !names_one(&source.code), "{name} decides by the kind of a record");
        inside += usize::from(is_inside && names_one(&source.code));
        kinds += usize::from(source.code.contains("const KIND: RecordKind"));
    }
    assert!(inside > 0 && kinds > 4, "the kinds are found: {inside}, {kinds}");
}

/// The paths of this repository that a page names: in backticks from a top-level folder on, and as links.
fn named_paths(page: &str, text: &str) -> Vec<PathBuf> {
    let folders = ["lib/", "bin/", "tests/", "docs/", "migrations/", "examples/", "benches/", ".ci/"];
    let in_backticks = text.split('`').skip(1).step_by(2).flat_map(str::split_whitespace);
    let from_root = in_backticks
        .filter(|word| folders.iter().any(|folder| word.starts_with(folder)))
        .filter(|word| !word.contains(['*', '<', '{', '$', '…']))
        .map(|word| {
            root().join(word.split(['#', ':']).next().unwrap_or_default().trim_end_matches(['.', ',', ';']))
        });
    let links = text.split("](").skip(1).filter_map(|after| after.split(')').next());
    let beside = root().join(page).parent().unwrap().to_owned();
    let linked = links
        .filter(|link| !link.contains("://") && !link.starts_with('#') && !link.starts_with("mailto:"))
        .map(move |link| beside.join(link.split('#').next().unwrap_or_default()));
    from_root.chain(linked).collect()
}

#[test]
fn every_path_that_the_documentation_names_is_there() {
    let example =
        "See `lib/src/lib.rs`, `cargo run --example x` and [this](docs/none.md#a) or [that](https://x.y/z).";
    let named = named_paths("README.md", example);
    assert_eq!(named, [root().join("lib/src/lib.rs"), root().join("docs/none.md")]);
    let mut pages = files("docs", "md");
    pages.extend(files("migrations", "md"));
    for page in ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"] {
        pages.extend(fs::read_to_string(root().join(page)).ok().map(|text| (page.to_owned(), text)));
    }
    for (page, text) in pages {
        for path in named_paths(&page, &text) {
            assert!(path.exists(), "{page} names {}, which is not there", path.display());
        }
    }
}

#[test]
fn no_public_type_name_stands_twice_in_one_crate() {
    for folder in ["lib/src", "bin/src"] {
        let mut known = BTreeMap::new();
        for (name, source) in sources(folder) {
            for line in source.code.lines().filter_map(|line| line.trim_start().strip_prefix("pub ")) {
                let types = ["struct ", "enum ", "trait "].iter().filter_map(|word| line.strip_prefix(word));
                // What a macro names when it is used has no name here.
                for found in types.map(word_at).filter(|found| !found.is_empty()) {
                    let other = known.insert(found.clone(), name.clone());
                    assert!(other.is_none(), "{found} stands in {name} and in {}", other.unwrap_or_default());
                }
            }
        }
        assert!(known.len() > 20, "the types of {folder} are found: {known:?}");
    }
}

#[test]
fn every_docstring_stands_alone() {
    for (name, text) in files("lib/src", "rs").into_iter().chain(files("bin/src", "rs")) {
        for line in text.lines().map(str::trim_start) {
            let begins = ["/// The same", "//! The same", "/// As [", "/// As above"]
                .iter()
                .find(|start| line.starts_with(**start));
            assert!(
                begins.is_none(),
                "{name}: \"{line}\" cannot be understood without what stands before it"
            );
        }
    }
}

#[test]
fn no_source_is_long_without_a_reason() {
    let mut all = files("lib/src", "rs");
    all.extend(files("bin/src", "rs"));
    for (name, text) in &all {
        let lines = text.lines().count();
        let listed = LONGER.iter().any(|(file, reason)| file == name && !reason.is_empty());
        assert!(
            listed || lines <= MAX_LINES,
            "{name} has {lines} lines; divide it, or list it with a reason"
        );
    }
    for (file, _) in LONGER {
        assert!(
            all.get(*file).is_some_and(|text| text.lines().count() > MAX_LINES),
            "{file} is listed for nothing"
        );
    }
}

#[test]
fn landed_migrations_are_as_they_landed() {
    let engines: BTreeSet<PathBuf> = files("migrations", "sql")
        .keys()
        .map(|name| root().join(name).parent().unwrap().to_owned())
        .collect();
    assert!(engines.contains(&root().join("migrations/sqlite")), "{engines:?}");
    for engine in engines {
        let list = fs::read_to_string(engine.join("CHECKSUMS")).unwrap();
        let mut landed = BTreeSet::new();
        // Where an engine came later, its first migration makes what the others had by then.
        let first: u32 =
            list.split_once("  V").and_then(|(_, rest)| rest.get(..2)?.parse().ok()).unwrap_or(1);
        for (number, line) in (first..).zip(list.lines()) {
            let (checksum, name) = line.split_once("  ").unwrap();
            assert!(
                name.starts_with(&format!("V{number:02}__")),
                "{name} is where V{number:02} stands in CHECKSUMS of {}: lines stand in the order of their numbers, and no number is left out",
                engine.display()
            );
            let octets = fs::read(engine.join(name)).unwrap_or_else(|e| {
                panic!("{name} has landed and was removed or renamed ({e}): put it back, and add a new migration for the change")
            });
            let digest = Sha256::digest(octets);
            let found = digest.iter().fold(String::new(), |text, octet| text + &format!("{octet:02x}"));
            assert!(
                found == checksum,
                "{name} has landed and was edited, so databases that have it would be refused: \
                 put the file back as it was, and add a new migration for the change"
            );
            landed.insert(name.to_owned());
        }
        for entry in fs::read_dir(&engine).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(
                name == "CHECKSUMS" || landed.contains(&name),
                "{name} is not in CHECKSUMS: run `sha256sum {name} >>CHECKSUMS` in {}; migrations/README.md has all steps",
                engine.display()
            );
        }
    }
}
