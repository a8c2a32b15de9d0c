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
