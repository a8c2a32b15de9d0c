//! The whole database as JSON: `postroom export` without a format, and `postroom import postroom`.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;

use age::secrecy::SecretString;
use age::{Decryptor, Encryptor, scrypt};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postroom::db::Postroom;
use postroom::error::Error;
use postroom::export::{self, Cell, Secrets, Table};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tracing::warn;

use super::output::check_open;
use super::{Context, Exit, Failure};

/// What an encrypted file begins with (age-encryption.org/v1).
const AGE: &[u8] = b"age-encryption.org/";
/// The name by which an export is known.
const NAME: &str = "postroom export";

/// Writes everything to a new file, or to stdout.
pub(super) fn export(
    context: &Context,
    postroom: &Postroom,
    to: Option<&Path>,
    passphrase_file: Option<&Path>,
) -> Result<ExitCode, Failure> {
    let passphrase = passphrase_file.map(passphrase).transpose()?;
    let secrets = if passphrase.is_some() { Secrets::Opened } else { Secrets::LeftBehind };
    let Some(file) = to else {
        check_open()?;
        write_to(postroom, io::stdout().lock(), passphrase, secrets)?;
        return Ok(ExitCode::SUCCESS);
    };
    let out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(|error| {
        let exit = if error.kind() == io::ErrorKind::AlreadyExists { Exit::Refused } else { Exit::Wrong };
        Failure::new(exit, format!("{} cannot be made: {error}", file.display()))
    })?;
    let written = write_to(postroom, &out, passphrase, secrets)
        .and_then(|()| out.sync_all().map_err(|error| Failure::unwritten(&error)));
    if let Err(failure) = written {
        // Half an export is none.
        let _ = fs::remove_file(file);
        return Err(failure);
    }
    let with_keys = secrets == Secrets::Opened;
    let json = json!({ "export": file.to_string_lossy(), "keys": with_keys });
    context.output.print(&json, || {
        let keys = if with_keys { "with private keys, under the passphrase" } else { "without private keys" };
        format!(
            "The database is in {}, {keys}. Stored mail, the settings file and what people sign in with are not: \
             docs/operate/moving-out.md says what stays behind.",
            file.display()
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

fn write_to(
    postroom: &Postroom,
    out: impl Write,
    passphrase: Option<SecretString>,
    secrets: Secrets,
) -> Result<(), Failure> {
    let mut out = BufWriter::new(out);
    let written = match passphrase {
        Some(passphrase) => {
            Encryptor::with_user_passphrase(passphrase).wrap_output(&mut out).and_then(|mut out| {
                write_json(postroom, &mut out, secrets)?;
                out.finish().map(drop)
            })
        }
        None => write_json(postroom, &mut out, secrets),
    };
    written.and_then(|()| out.flush()).map_err(|error| Failure::unwritten(&error))
}

/// One object, with a row a line; it is written as it is read, in one transaction.
fn write_json(postroom: &Postroom, out: &mut impl Write, secrets: Secrets) -> io::Result<()> {
    let written = postroom.read(|tx| {
        let mut say = |text: &str| out.write_all(text.as_bytes()).map_err(export::refused);
        let schema = export::version(tx)?;
        let keys = secrets == Secrets::Opened;
        say(&format!("{{\"format\":\"{NAME}\",\"schema\":{schema},\"keys\":{keys},\"tables\":{{"))?;
        for (at, table) in export::tables(tx, secrets)?.iter().enumerate() {
            say(&format!("{}\n{}:[", if at == 0 { "" } else { "," }, Value::from(table.name.as_str())))?;
            let mut is_first = true;
            export::write(tx, table, secrets, |row| {
                say(if is_first { "\n" } else { ",\n" })?;
                is_first = false;
                say(&row_json(table, row).to_string())
            })?;
            say("]")?;
        }
        say("}}\n")
    });
    written.map_err(|error: Error| io::Error::other(error.to_string()))
}

fn row_json(table: &Table, row: &[Cell]) -> Value {
    let member = |(name, cell): (&String, &Cell)| {
        let value = match cell {
            Cell::Null => Value::Null,
            Cell::Number(number) => (*number).into(),
            Cell::Text(text) => text.as_str().into(),
            Cell::Octets(octets) => json!({ "base64": STANDARD.encode(&**octets) }),
        };
        (name.clone(), value)
    };
    Value::Object(table.columns.iter().zip(row).map(member).collect::<Map<_, _>>())
}

/// An export as it is read.
#[derive(Deserialize)]
struct Whole {
    format: String,
    schema: u32,
    keys: bool,
    tables: BTreeMap<String, Vec<BTreeMap<String, Value>>>,
}

/// Takes an export into the database, which is made if it is not there and must be empty.
pub(super) fn import(
    context: &mut Context,
    file: &Path,
    passphrase_file: Option<&Path>,
) -> Result<ExitCode, Failure> {
    let whole = whole(file, passphrase_file)?;
    let postroom = context.open_or_make()?;
    let secrets = if whole.keys { Secrets::Opened } else { Secrets::LeftBehind };
    let unfit = |reason: String| Failure::input(format!("{}: {reason}", file.display()));
    if !postroom.read(export::is_empty)? {
        let text = format!("{} is not empty; name a new file with --db", postroom.file().display());
        return Err(Failure::new(Exit::Refused, text));
    }
    let schema = postroom.read(export::version)?;
    if whole.schema != schema {
        return Err(unfit(format!(
            "it is of schema version {}, and this Postroom has version {schema}; import it with the Postroom that made it, \
             and upgrade that database",
            whole.schema
        )));
    }
    let mut rows = Vec::new();
    for (table, all) in whole.tables {
        for row in all {
            let cells = row.into_iter().map(|(name, value)| Ok((name, cell(value)?)));
            rows.push((table.clone(), cells.collect::<Result<_, String>>().map_err(&unfit)?));
        }
    }
    postroom.write(|tx| export::read(tx, secrets, rows.iter().cloned()))?;
    if !whole.keys {
        warn!(
            "the private keys stayed behind: each domain gets a new DKIM key, whose record must be published"
        );
    }
    let json =
        json!({ "imported": rows.len(), "keys": whole.keys, "database": postroom.file().to_string_lossy() });
    context.output.print(&json, || format!("{} rows are in {}.", rows.len(), postroom.file().display()))?;
    Ok(ExitCode::SUCCESS)
}

fn whole(file: &Path, passphrase_file: Option<&Path>) -> Result<Whole, Failure> {
    let failed = |error: &io::Error| {
        let exit = if error.kind() == io::ErrorKind::NotFound { Exit::NotThere } else { Exit::Wrong };
        Failure::new(exit, format!("{} cannot be read: {error}", file.display()))
    };
    let mut octets = zeroize::Zeroizing::new(Vec::new());
    File::open(file).and_then(|mut file| file.read_to_end(&mut octets)).map_err(|error| failed(&error))?;
    if octets.starts_with(AGE) {
        let Some(passphrase_file) = passphrase_file else {
            let text = format!(
                "{} is encrypted; name a file with its passphrase by --passphrase-file",
                file.display()
            );
            return Err(Failure::input(text));
        };
        let identity = scrypt::Identity::new(passphrase(passphrase_file)?);
        let opened = Decryptor::new(&octets[..])
            .and_then(|d| d.decrypt(std::iter::once(&identity as &dyn age::Identity)));
        let mut opened = opened.map_err(|error| {
            Failure::new(
                Exit::Refused,
                format!("{} does not open with this passphrase: {error}", file.display()),
            )
        })?;
        let mut plain = zeroize::Zeroizing::new(Vec::new());
        opened
            .read_to_end(&mut plain)
            .map_err(|error| Failure::input(format!("{}: {error}", file.display())))?;
        octets = plain;
    }
    let whole: Whole = serde_json::from_slice(&octets)
        .map_err(|error| Failure::input(format!("{} is no export of Postroom: {error}", file.display())))?;
    if whole.format != NAME {
        return Err(Failure::input(format!("{} is no export of Postroom", file.display())));
    }
    Ok(whole)
}

fn cell(value: Value) -> Result<Cell, String> {
    Ok(match value {
        Value::Null => Cell::Null,
        Value::String(text) => Cell::Text(text),
        Value::Number(number) => {
            Cell::Number(number.as_i64().ok_or_else(|| format!("{number} is no whole number"))?)
        }
        Value::Object(octets) => {
            let text = octets.get("base64").and_then(Value::as_str).unwrap_or_default();
            Cell::Octets(
                STANDARD.decode(text).map_err(|error| format!("octets are not Base64: {error}"))?.into(),
            )
        }
        other => return Err(format!("{other} is no value of a row")),
    })
}

/// The first line of a file.
fn passphrase(file: &Path) -> Result<SecretString, Failure> {
    let text = fs::read_to_string(file).map(zeroize::Zeroizing::new).map_err(|error| {
        let exit = if error.kind() == io::ErrorKind::NotFound { Exit::NotThere } else { Exit::Wrong };
        Failure::new(exit, format!("{} cannot be read: {error}", file.display()))
    })?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(Failure::input(format!("{} has no passphrase in its first line", file.display())));
    }
    Ok(SecretString::from(line.to_owned()))
}
