//! Tables as files: CSV (RFC 4180), which is sent as it is read.

use postroom::db::ReadTx;
use postroom::error::Error;

use crate::wire::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use crate::wire::{Call, Fault};

/// Some lines of a CSV file.
pub(super) struct Sheet(Vec<u8>);

impl Sheet {
    /// A file with this head.
    pub(super) fn new(head: &[&str]) -> Sheet {
        let mut sheet = Sheet(Vec::new());
        sheet.line(head);
        sheet
    }

    /// Adds a line.
    pub(super) fn line(&mut self, cells: &[&str]) {
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                self.0.push(b',');
            }
            self.cell(cell);
        }
        self.0.extend(b"\r\n");
    }

    /// A cell that begins as a formula does would be run by the program that opens the file: an apostrophe keeps it a text.
    fn cell(&mut self, text: &str) {
        let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let needs_quotes = is_formula || text.contains([',', '"', '\n', '\r', ';', '\t']);
        if !needs_quotes {
            self.0.extend(text.as_bytes());
            return;
        }
        self.0.push(b'"');
        if is_formula {
            self.0.push(b'\'');
        }
        self.0.extend(text.replace('"', "\"\"").into_bytes());
        self.0.push(b'"');
    }

    pub(super) fn into_octets(self) -> Vec<u8> {
        self.0
    }
}

impl<By> Call<'_, By> {
    /// A CSV file to download. `next` adds the lines that follow those that it added before, and returns whether there were any.
    pub(super) fn sheet(
        &self,
        name: &str,
        head: Sheet,
        mut next: impl FnMut(&ReadTx<'_>, &mut Sheet) -> Result<bool, Error> + Send + 'static,
    ) -> Result<Response, Fault> {
        let (mut sheet, mut is_over) = (head, false);
        self.in_pieces(sheet_of(name, Vec::new()), move |tx| {
            if !is_over {
                is_over = !next(tx, &mut sheet)?;
            }
            let made = std::mem::take(&mut sheet.0);
            Ok((!made.is_empty()).then_some(made))
        })
    }
}

/// A CSV file to download, or its head.
pub(super) fn sheet_of(name: &str, octets: Vec<u8>) -> Response {
    let kind = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    file(name, kind, octets)
}

/// A file to download.
pub(super) fn file(name: &str, kind: HeaderValue, octets: Vec<u8>) -> Response {
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind)]);
    Response { status: StatusCode::OK, headers, body: octets.into() }
        .with(header::CONTENT_DISPOSITION, &format!("attachment; filename=\"{name}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be_and_are_never_formulas() {
        let mut sheet = Sheet::new(&["domain", "label"]);
        sheet.line(&["example.com", "Shop, \"the\" one"]);
        sheet.line(&["example.org", "=HYPERLINK(\"https://evil.example\")"]);
        assert_eq!(
            String::from_utf8(sheet.into_octets()).unwrap(),
            "domain,label\r\nexample.com,\"Shop, \"\"the\"\" one\"\r\n\
             example.org,\"'=HYPERLINK(\"\"https://evil.example\"\")\"\r\n"
        );
    }
}
