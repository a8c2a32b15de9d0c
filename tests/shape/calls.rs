//! What a piece of code must call, or must not.

use super::{sources, word_at};

/// What stands between this opening bracket, where the text begins, and the one that closes it.
fn bracketed(text: &str) -> &str {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '{' => depth += 1,
            ')' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return &text[..at];
        }
    }
    text
}

#[test]
fn a_command_prints_nothing_inside_a_write_that_may_run_again() {
    assert_eq!(bracketed("(a(b), { c })(d)"), "(a(b), { c }");
    let mut writes = 0;
    for (name, source) in sources("bin/src/command") {
        for (at, _) in source.code.match_indices("write(") {
            let work = bracketed(&source.code[at + "write".len()..]);
            if !work.contains("|tx|") {
                continue;
            }
            writes += 1;
            assert!(!work.contains("print"), "{name} prints inside a write: use Output::print_made\n{work}");
        }
    }
    assert!(writes > 10, "the writes are found: {writes}");
}

/// What is forgotten whatever the clock says, each with its reason.
const WHATEVER_THE_CLOCK: &[(&str, &str)] = &[(
    "lib/src/session/mod.rs",
    "a session that is over opens nothing, and the table asks the clock for the others",
)];

#[test]
fn what_is_forgotten_for_its_age_waits_until_the_clock_is_believed() {
    let mut found = 0;
    for (name, source) in sources("lib/src") {
        if !name.ends_with("/mod.rs") || WHATEVER_THE_CLOCK.iter().any(|(file, _)| *file == name) {
            continue;
        }
        for after in source.code.split("fn forget_").skip(1) {
            let Some((parameters, body)) = after.find('{').map(|at| after.split_at(at)) else { continue };
            if parameters.contains("&WriteTx<") {
                found += 1;
                let function = word_at(after);
                assert!(
                    bracketed(body).contains("tx.expire("),
                    "{name}: forget_{function} calls no tx.expire"
                );
            }
        }
    }
    assert!(found > 5, "the functions that forget are found: {found}");
}
