//! What people get wrong: a corpus of zones, each with the codes that may tell of it, in `tests/fixtures/mistakes`. Each gets one
//! thing to do, the sentence and the action say the same, and who does it twice at most has a record that passes.
//!
//! A file begins with the domain, the record that is expected and, after `--`, what every zone of the file has; the languages are
//! those of `tests/fixtures/findings`. A case has its name, `=` and its codes, after `?` another expectation, and its zone.

use std::collections::BTreeSet;
use std::fs;

use postroom::dns::ScriptedResolver;
use postroom::name::DomainName;
use postroom::verify::{self, Act, Action, Code, Expectation, Finding, Verdict};

use super::following::{NOT_BY_ENTERING, follow};
use super::runner::{read, root};
use super::script::{self, Keys};

/// The fewest cases of the whole corpus.
const LEAST: usize = 200;
/// So much of a value is in its sentence, whatever it is cut to.
const LEAST_SHOWN: usize = 60;

/// A zone in which somebody got something wrong.
struct Mistake {
    /// The file and the name in it.
    name: String,
    codes: Vec<String>,
    domain: DomainName,
    expected: Expectation,
    zone: String,
}

impl Mistake {
    fn dns(&self, keys: &Keys) -> ScriptedResolver {
        script::dns(&self.zone, keys).0
    }

    fn finding(&self, keys: &Keys) -> Finding {
        let expected = std::slice::from_ref(&self.expected);
        verify::look(&self.domain, expected, &self.dns(keys)).swap_remove(0).finding
    }
}

fn keys() -> Keys {
    Keys::parse(&read(&root().join("tests/fixtures/findings/keys")))
}

/// Every case of every file.
fn mistakes(keys: &Keys) -> Vec<Mistake> {
    let entries = fs::read_dir(root().join("tests/fixtures/mistakes")).unwrap().map(Result::unwrap);
    let mut files: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .collect();
    files.sort();
    let mut mistakes = Vec::new();
    for file in files {
        let text = read(&file);
        let mut blocks = text.split("\n\n");
        let (head, base) = blocks.next().unwrap().split_once("\n--\n").unwrap();
        let stem = file.file_stem().unwrap().to_str().unwrap();
        for block in blocks {
            let lines: Vec<&str> = block.lines().collect();
            let after =
                |mark: &str| lines.iter().filter_map(|line| line.strip_prefix(mark)).collect::<Vec<_>>();
            let own = after("? ");
            let wish = if own.is_empty() {
                head.to_owned()
            } else {
                format!("{}\n{}", head.lines().next().unwrap(), own.join("\n"))
            };
            let zone =
                lines.iter().filter(|line| !line.starts_with(['#', '=', '?'])).copied().collect::<Vec<_>>();
            let (domain, expected) = script::expectation(&wish, keys);
            mistakes.push(Mistake {
                name: format!("{stem}: {}", after("# ").concat()),
                codes: after("= ").concat().split(' ').map(str::to_owned).collect(),
                domain,
                expected,
                zone: format!("{base}\n{}", zone.join("\n")),
            });
        }
    }
    mistakes
}

#[test]
fn a_mistake_is_told_by_its_code() {
    let keys = keys();
    let mistakes = mistakes(&keys);
    assert!(mistakes.len() >= LEAST, "{}", mistakes.len());
    let names: BTreeSet<&String> = mistakes.iter().map(|mistake| &mistake.name).collect();
    assert_eq!(names.len(), mistakes.len());
    let mut left = Vec::new();
    for mistake in &mistakes {
        let Finding { verdict, code, text, .. } = mistake.finding(&keys);
        let word = code.map_or("-", Code::as_str);

        if verdict == Verdict::Pass || !mistake.codes.iter().any(|code| code == word) {
            left.push(format!("{} is {} {word}: {text}", mistake.name, verdict.as_str()));
        }
    }
    assert!(left.is_empty(), "{left:#?}");
}

#[test]
fn a_mistake_is_mended_by_doing_what_is_said_twice_at_most() {
    let keys = keys();
    let mut left = Vec::new();
    for mistake in mistakes(&keys) {
        let finding = mistake.finding(&keys);
        if finding.code.is_some_and(|code| NOT_BY_ENTERING.iter().any(|(other, _)| *other == code)) {
            continue;
        }
        if let Err(why) = follow(&mistake.domain, &mistake.expected, &mistake.dns(&keys)) {
            left.push(format!("{}: {why}", mistake.name));
        }
    }
    assert!(left.is_empty(), "{left:#?}");
}

#[test]
fn the_sentence_and_the_action_say_the_same() {
    let keys = keys();
    let mut left = Vec::new();
    for mistake in mistakes(&keys) {
        let Finding { text, action, .. } = mistake.finding(&keys);
        if let Some(why) = differs(&text, &action.unwrap()) {
            left.push(format!("{}: {why}: {text}", mistake.name));
        }
    }
    assert!(left.is_empty(), "{left:#?}");
}

/// How a sentence and its action differ, if they do: what is wanted by the one is entered by the other.
pub(super) fn differs(text: &str, action: &Action) -> Option<String> {
    let wanted = text.split_once("; wanted is ").map(|(_, wanted)| wanted)?;
    match (&action.to, action.act) {
        (Some(to), Act::Add | Act::Change) => {
            let shown: String = to.chars().take(LEAST_SHOWN).collect();
            (!wanted.contains(&shown)).then(|| format!("{to} is to be entered"))
        }
        (None, Act::Add | Act::Change) => Some("nothing is to be entered".to_owned()),
        _ => None,
    }
}
