//! What a piece of code must call, or must not.

use super::sources;

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
