//! Where values come from: the file and the environment.

use std::ffi::OsString;
use std::path::Path;

use super::keys::{self, KEYS, Key, OTHER_VARIABLES, suggestion};
use super::{Config, ConfigError, Setting};

/// What a key is set to, as text, and by what.
#[derive(Debug)]
pub(super) struct Value {
    source: String,
    items: Vec<String>,
}

impl Value {
    pub(super) fn new(source: String, items: Vec<String>) -> Value {
        Value { source, items }
    }

    /// What it is set by, and to what.
    pub(super) fn parts(&self) -> (&str, &[String]) {
        (&self.source, &self.items)
    }

    pub(super) fn read<T: Setting>(&self) -> Result<Vec<T>, ConfigError> {
        self.items.iter().map(|item| T::read(item).map_err(|reason| self.fault(item, reason))).collect()
    }

    /// What is wrong with it, by what its key takes.
    pub(super) fn faults(&self, key: &Key) -> impl Iterator<Item = ConfigError> {
        self.items.iter().filter_map(|item| (key.check)(item).err().map(|reason| self.fault(item, reason)))
    }

    fn fault(&self, item: &str, reason: String) -> ConfigError {
        ConfigError::Value { source_name: self.source.clone(), value: item.to_owned(), reason }
    }
}

impl Config {
    pub(super) fn read_file(&mut self, file: &Path) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(file)
            .map_err(|source| ConfigError::Unreadable { file: file.to_owned(), source })?;
        self.read_text(file, &text)
    }

    pub(super) fn read_text(&mut self, file: &Path, text: &str) -> Result<(), ConfigError> {
        let table: toml::Table = text.parse().map_err(|e: toml::de::Error| ConfigError::NotToml {
            file: file.to_owned(),
            reason: at_place(text, &e),
        })?;
        self.read_table(file, "", &table);
        Ok(())
    }

    /// Reads what a table sets, and notes what is wrong with it.
    pub(super) fn read_table(&mut self, file: &Path, above: &str, table: &toml::Table) {
        for (name, value) in table {
            let path = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
            let key = keys::at(&path);
            if let (toml::Value::Table(inner), None) = (value, key) {
                let below = format!("{path}.");
                let is_known = KEYS.iter().any(|key| key.path.starts_with(&below));
                // For an unknown table, the suggestion starts from its first key.
                if is_known || !inner.is_empty() {
                    self.read_table(file, &path, inner);
                    continue;
                }
            }
            let Some(key) = key else {
                let suggestion = suggestion(&path, KEYS.iter().map(|key| key.path));
                self.misread.push(ConfigError::Unknown { file: file.to_owned(), path, suggestion });
                continue;
            };
            let source = format!("{}: {path}", file.display());
            let items = match value {
                toml::Value::Array(items) if key.is_list => items.iter().map(plain).collect(),
                other => plain(other).map(|item| vec![item]),
            };
            match items {
                Ok(items) => _ = self.values.insert(key.path, Value::new(source, items)),
                Err(reason) => self.misread.push(ConfigError::Value {
                    source_name: source,
                    value: value.to_string(),
                    reason: reason.to_owned(),
                }),
            }
        }
    }

    pub(super) fn read_variables(&mut self, variables: impl Iterator<Item = (OsString, OsString)>) {
        for (variable, value) in variables {
            let variable = variable.to_string_lossy();
            if !variable.starts_with("POSTROOM_") {
                continue;
            }
            let value = value.to_string_lossy();
            match KEYS.iter().find(|key| key.variable == variable) {
                Some(key) => {
                    let items = if key.is_list {
                        value.split(',').map(|item| item.trim().to_owned()).collect()
                    } else {
                        vec![value.trim().to_owned()]
                    };
                    self.values.insert(key.path, Value::new(variable.into_owned(), items));
                }
                None if OTHER_VARIABLES.contains(&&*variable) => {}
                None => {
                    let known = KEYS.iter().map(|key| key.variable).chain(OTHER_VARIABLES.iter().copied());
                    self.unknown_variables.push(format!(
                        "{variable} is set, but there is no such setting{}",
                        suggestion(&variable, known)
                    ));
                }
            }
        }
    }
}

/// What is wrong with the file's text, and where, in one line.
fn at_place(text: &str, error: &toml::de::Error) -> String {
    let reason = error.message().lines().collect::<Vec<_>>().join("; ");
    let before = error.span().and_then(|span| text.get(..span.start));
    before.map_or_else(
        || reason.clone(),
        |before| {
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
            format!("line {line}, column {column}: {reason}")
        },
    )
}

/// A single value as text.
fn plain(value: &toml::Value) -> Result<String, &'static str> {
    match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(_) | toml::Value::Boolean(_) => Ok(value.to_string()),
        toml::Value::Array(_) => Err("give one value, not several"),
        _ => Err("give a text, a whole number, true or false"),
    }
}
