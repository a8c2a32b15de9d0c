//! What commands print: JSON for programs, text for people.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use postroom::db::{Held, Postroom, WriteTx};
use postroom::report::is_unseen;
use rustix::fs::{OFlags, fcntl_getfl};
use serde_json::Value;

use super::Failure;

/// What is printed of something that was made, in both forms.
pub(super) struct Made {
    json: Value,
    text: String,
    has_secret: bool,
}

impl Made {
    /// With a secret that is shown this once.
    pub(super) fn with_secret(json: Value, text: String) -> Made {
        Made { json, text, has_secret: true }
    }

    /// Without a secret: it can be read later as well.
    pub(super) fn without_secret(json: Value, text: String) -> Made {
        Made { json, text, has_secret: false }
    }
}

/// How a command prints.
#[derive(Clone, Copy)]
pub(super) struct Output {
    pub(super) json: bool,
}

impl Output {
    /// Prints one of the two, and a line break.
    pub(super) fn print(self, json: &Value, text: impl FnOnce() -> String) -> Result<(), Failure> {
        let shown = if self.json { json.to_string() } else { text() };
        write(format!("{}\n", shown.trim_end_matches('\n')).as_bytes())
    }

    /// Makes something in one transaction, and prints what `work` returns. What cannot be printed is not made.
    ///
    /// [`Postroom::write`] may run its work again, and what was printed the first time would be the secret of something that was
    /// undone. A [`Held`] runs its work once: it is printed when it is done, and committed when it is printed.
    pub(super) fn print_made(
        self,
        postroom: &Postroom,
        work: impl Fn(&WriteTx<'_>) -> Result<Made, Failure>,
    ) -> Result<(), Failure> {
        let held = Held::new(postroom);
        let made = held.session().write(work)?;
        if made.has_secret {
            check_open().map_err(Failure::undone)?;
            self.print(&made.json, || made.text).map_err(Failure::undone)?;
        } else {
            self.print(&made.json, || made.text)?;
        }
        Ok(held.commit()?)
    }

    /// Prints a list of any length: in JSON one item after the other.
    pub(super) fn print_list(
        self,
        items: impl Iterator<Item = Value>,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if !self.json {
            return write(text().as_bytes());
        }
        let mut out = BufWriter::new(io::stdout().lock());
        let written = out
            .write_all(b"[")
            .and_then(|()| {
                let mut each = items.enumerate();
                each.try_for_each(|(at, item)| write!(out, "{}{item}", if at == 0 { "" } else { "," }))
            })
            .and_then(|()| out.write_all(b"]\n"))
            .and_then(|()| out.flush());
        written.map_err(|error| Failure::unwritten(&error))
    }
}

/// Writes octets to stdout, to the last one.
pub(super) fn write(octets: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(octets).and_then(|()| out.flush()).map_err(|error| Failure::unwritten(&error))
}

/// Refuses a stdout that was closed when the process began (`>&-`), for what must not be lost.
///
/// Rust opens /dev/null for reading and writing in the place of a closed descriptor, so that writing succeeds. A shell and systemd
/// open it for writing alone where it is asked for (`>/dev/null`), and that is allowed.
pub(super) fn check_open() -> Result<(), Failure> {
    let is_both_ways = fcntl_getfl(io::stdout()).is_ok_and(|flags| flags & OFlags::RWMODE == OFlags::RDWR);
    let null = fs::metadata("/dev/null").ok();
    if is_both_ways && null.zip(stdout()).is_some_and(|(null, stdout)| null.rdev() == stdout.rdev()) {
        return Err(Failure::wrong("the output cannot be written: stdout is closed"));
    }
    Ok(())
}

/// Whether systemd's journal is what reads stdout. Many may read the journal, and it is kept: no place for a secret.
///
/// `JOURNAL_STREAM` names the device and the inode of the journal's end (systemd.exec(5)). A service may have sent its stdout
/// elsewhere, so they are compared with what stdout is.
pub(super) fn goes_to_the_journal() -> bool {
    let named = std::env::var("JOURNAL_STREAM").ok();
    named.zip(stdout()).is_some_and(|(named, stdout)| named == format!("{}:{}", stdout.dev(), stdout.ino()))
}

/// What the system knows of stdout.
fn stdout() -> Option<Metadata> {
    File::from(io::stdout().as_fd().try_clone_to_owned().ok()?).metadata().ok()
}

/// Whether to write colours to this stream: on a terminal, unless `NO_COLOR` is set (<https://no-color.org>).
pub(super) fn is_coloured(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Rows under headings, in columns as wide as their widest cell. Control characters are shown, not sent.
pub(super) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(headings.get(column).map(|heading| heading.chars().count())).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let headings = headings.iter().map(|heading| (*heading).to_owned()).collect();
    let mut text = String::new();
    for row in std::iter::once(&headings).chain(&rows) {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A text that cannot move the cursor, forge a line, or turn the direction of what is written after it.
pub(super) fn printable(text: &str) -> String {
    let shown = |c: char| if is_unseen(c) { c.escape_unicode().collect() } else { vec![c] };
    text.chars().flat_map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_control_characters_are_shown() {
        let rows = [vec!["1".into(), "a\x1b[2J".into()], vec!["23".into(), "b".into()]];
        assert_eq!(table(&["ID", "NAME"], &rows), "ID  NAME\n1   a\\u{1b}[2J\n23  b\n");
        assert_eq!(printable("x\u{202e}evil\u{2028}y"), "x\\u{202e}evil\\u{2028}y");
    }
}
