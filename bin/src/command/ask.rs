//! Asking before something is deleted for good.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use super::{Exit, Failure};

/// The most octets of an answer that are read.
const MAX_ANSWER_OCTETS: u64 = 1024;

/// Whether a deletion goes without a question.
#[derive(clap::Args)]
pub(super) struct Consent {
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Consent {
    /// Asks at the terminal. Only y, yes or the name itself is a yes; without a terminal it is a no.
    pub(super) fn ask(&self, question: &str, name: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        let refused = |text| Err(Failure::new(Exit::Refused, text));
        let mut stderr = io::stderr();
        if !io::stdin().is_terminal() || !stderr.is_terminal() {
            return refused("nothing was changed: there is no terminal on which to ask; add --yes");
        }
        let _ = write!(stderr, "{question} [y/N] ");
        let _ = stderr.flush();
        let mut answer = String::new();
        // What cannot be read is no yes.
        let _ = io::stdin().lock().take(MAX_ANSWER_OCTETS).read_line(&mut answer);
        let answer = answer.trim();
        if ["y", "yes", name].iter().any(|yes| answer.eq_ignore_ascii_case(yes)) {
            return Ok(());
        }
        refused("nothing was changed: the answer was not yes")
    }
}

/// Who answers questions about what flags leave open: the person at the terminal, if there is one.
pub(super) struct Answers {
    is_terminal: bool,
}

impl Answers {
    /// Asks only where both the questions are seen and the answers can be typed.
    pub(super) fn at_the_terminal() -> Answers {
        Answers { is_terminal: io::stdin().is_terminal() && io::stderr().is_terminal() }
    }

    /// One line; an empty one is `usual`. Nothing without a terminal, and nothing for an empty answer without a usual one.
    pub(super) fn ask(&self, question: &str, usual: &str) -> Option<String> {
        if !self.is_terminal {
            return None;
        }
        let mut stderr = io::stderr();
        let shown = if usual.is_empty() { String::new() } else { format!(" [{usual}]") };
        let _ = write!(stderr, "{question}{shown}: ");
        let _ = stderr.flush();
        let mut answer = String::new();
        let _ = io::stdin().lock().take(MAX_ANSWER_OCTETS).read_line(&mut answer);
        let answer = answer.trim();
        let answer = if answer.is_empty() { usual } else { answer };
        (!answer.is_empty()).then(|| answer.to_owned())
    }
}
