//! The table, in Markdown.

use std::fmt;
use std::time::Duration;

/// Rows of what is measured.
#[derive(Default)]
pub(crate) struct Table(Vec<[String; 4]>);

impl Table {
    /// Adds a row, and shows on stderr that it is there: all of them take a minute.
    pub(crate) fn row(&mut self, what: &str, wanted: &str, measured: &str, ratio: &str) {
        eprintln!("{what}: {measured}");
        self.0.push([what, wanted, measured, ratio].map(str::to_owned));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | wanted | measured | × `/healthz` |")?;
        writeln!(f, "|---|---|---|---|")?;
        self.0.iter().try_for_each(|row| writeln!(f, "| {} |", row.join(" | ")))
    }
}

pub(crate) fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

/// How much longer than `first`, with its sign.
pub(crate) fn difference(time: Duration, first: Duration) -> String {
    format!("{:+.2} ms", (time.as_secs_f64() - first.as_secs_f64()) * 1000.0)
}

pub(crate) fn ratio(time: Duration, to: Duration) -> String {
    let ratio = time.as_secs_f64() / to.as_secs_f64();
    // Two figures that mean something, whatever the size.
    if ratio < 10.0 { format!("{ratio:.2}") } else { format!("{ratio:.0}") }
}

pub(crate) fn mebibytes(octets: u64) -> String {
    let tenths = octets * 10 / (1024 * 1024);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}
