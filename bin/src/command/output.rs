//! What commands print: JSON for programs, text for people.

use std::io::Write;

use serde_json::Value;

/// How a command prints.
#[derive(Clone, Copy)]
pub(super) struct Output {
    pub(super) json: bool,
}

impl Output {
    /// Prints one of the two, and a line break.
    pub(super) fn print(self, json: &Value, text: impl FnOnce() -> String) {
        let shown = if self.json { json.to_string() } else { text() };
        // Whoever closed the pipe wants no more of it.
        let _ = writeln!(std::io::stdout(), "{}", shown.trim_end_matches('\n'));
    }
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

/// A text that cannot move the cursor or forge a line.
pub(super) fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_control_characters_are_shown() {
        let rows = [vec!["1".into(), "a\x1b[2J".into()], vec!["23".into(), "b".into()]];
        assert_eq!(table(&["ID", "NAME"], &rows), "ID  NAME\n1   a\\u{1b}[2J\n23  b\n");
    }
}
