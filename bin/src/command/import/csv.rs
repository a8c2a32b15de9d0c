//! Domains and aliases from a CSV file (RFC 4180).

use std::path::Path;

use ::csv::{Error, ErrorKind, StringRecord};
use postroom::tag::Tag;

use super::item::{Item, Read};
use crate::command::{Exit, Failure};

/// The columns that there are.
const COLUMNS: [&str; 5] = ["domain", "label", "user_id", "organization_id", "alias_of"];

pub(super) fn read(file: &Path) -> Result<Vec<Read>, Failure> {
    let wrong = |error: Error| {
        let missing = matches!(error.kind(), ErrorKind::Io(e) if e.kind() == std::io::ErrorKind::NotFound);
        let text = format!("{}: {error}", file.display());
        if missing { Failure::new(Exit::NotThere, text) } else { Failure::input(text) }
    };
    let mut reader =
        ::csv::ReaderBuilder::new().trim(::csv::Trim::All).flexible(true).from_path(file).map_err(wrong)?;
    let headers = reader.headers().map_err(wrong)?.clone();
    let columns: Vec<String> =
        headers.iter().map(|name| name.trim_start_matches('\u{feff}').to_lowercase()).collect();
    if let Some(unknown) = columns.iter().find(|name| !COLUMNS.contains(&name.as_str())) {
        let near = crate::config::suggestion(unknown, COLUMNS.into_iter());
        let text = format!(
            "{}: the first line names a column \"{unknown}\"{near}; the columns are {}",
            file.display(),
            COLUMNS.join(", ")
        );
        return Err(Failure::input(text));
    }
    if !columns.iter().any(|name| name == "domain") {
        let text = format!("{}: the first line must name the columns, and domain among them", file.display());
        return Err(Failure::input(text));
    }
    if let Some(twice) = columns.iter().find(|name| columns.iter().filter(|other| other == name).count() > 1)
    {
        let text = format!("{}: the first line names the column \"{twice}\" twice", file.display());
        return Err(Failure::input(text));
    }
    let mut items = Vec::new();
    for record in reader.records() {
        items.push(match record {
            Ok(record) => one(&columns, &record),
            Err(error) => Read::refused(format!("line {}", line(&error)), error.to_string()),
        });
    }
    Ok(items)
}

fn line(error: &Error) -> u64 {
    error.position().map_or(0, ::csv::Position::line)
}

fn one(columns: &[String], record: &StringRecord) -> Read {
    let value = |name: &str| {
        let at = columns.iter().position(|column| column == name)?;
        record.get(at).filter(|text| !text.is_empty())
    };
    let Some(name) = value("domain") else {
        let line = record.position().map_or(0, ::csv::Position::line);
        return Read::refused(format!("line {line}"), "it has no domain");
    };
    if record.len() > columns.len() {
        return Read::refused(name, "its line has more values than the first line has columns");
    }
    let tag = |name: &str| {
        value(name).map(|text| text.parse::<Tag>().map_err(|reason| format!("{name}: {reason}"))).transpose()
    };
    let item = || {
        Ok(Item {
            label: value("label").map(str::to_owned),
            user: tag("user_id")?,
            organization: tag("organization_id")?,
            alias_of: value("alias_of")
                .map(|text| text.parse().map_err(|reason| format!("alias_of: {reason}")))
                .transpose()?,
            ..Item::named(name.parse().map_err(|reason: postroom::name::InvalidName| reason.to_string())?)
        })
    };
    Read { what: name.to_owned(), item: item() }
}
