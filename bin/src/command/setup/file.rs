//! A settings file that is changed here and there: its comments stay.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use toml_edit::{Array, DocumentMut, Item, Table, value};

use crate::command::{Exit, Failure};
use crate::config::KEYS;

pub(super) struct SettingsFile {
    file: PathBuf,
    document: DocumentMut,
}

impl SettingsFile {
    /// Reads a file; one that is not there is empty.
    pub(super) fn read(file: &Path) -> Result<SettingsFile, Failure> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Failure::wrong(format!("{} cannot be read: {error}", file.display()))),
        };
        let document = text
            .parse()
            .map_err(|error| Failure::input(format!("{} is not TOML: {error}", file.display())))?;
        Ok(SettingsFile { file: file.to_owned(), document })
    }

    /// Sets a key. Another value that the file has is replaced only where that was asked for.
    pub(super) fn set(&mut self, path: &str, values: &[String], replace: bool) -> Result<(), Failure> {
        let is_list = KEYS.iter().any(|key| key.path == path && key.is_list);
        let new = match values {
            [one] if !is_list => value(one),
            several => value(several.iter().collect::<Array>()),
        };
        let (table, name) = path.split_once('.').map_or((None, path), |(table, name)| (Some(table), name));
        let within = match table {
            None => self.document.as_table_mut(),
            Some(table) => {
                let item = self.document.entry(table).or_insert_with(|| Item::Table(Table::new()));
                let not_a_table =
                    || Failure::input(format!("{}: {table} is not a table", self.file.display()));
                item.as_table_mut().ok_or_else(not_a_table)?
            }
        };
        let has_another = within.get(name).is_some_and(|item| plain(item) != plain(&new));
        if has_another && !replace {
            let text =
                format!("{} sets {path} to another value; add --replace to change it", self.file.display());
            return Err(Failure::new(Exit::Refused, text));
        }
        if has_another || !within.contains_key(name) {
            within.insert(name, new);
        }
        Ok(())
    }

    /// The whole file.
    pub(super) fn text(&self) -> String {
        self.document.to_string()
    }

    /// Writes the file, whole or not at all.
    pub(super) fn write(&self) -> Result<(), Failure> {
        let failed = |error| Failure::wrong(format!("{} cannot be written: {error}", self.file.display()));
        let folder =
            self.file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut part = self.file.clone().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        let mut handle = fs::File::create(&part).map_err(failed)?;
        handle.write_all(self.text().as_bytes()).and_then(|()| handle.sync_all()).map_err(failed)?;
        fs::rename(&part, &self.file).map_err(failed)?;
        fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
    }
}

/// A value without its spaces and comments.
fn plain(item: &Item) -> String {
    item.as_array().map_or_else(
        || item.as_value().map(|value| value.clone().decorated("", "").to_string()).unwrap_or_default(),
        |array| array.iter().map(|value| value.clone().decorated("", "").to_string() + "\n").collect(),
    )
}
