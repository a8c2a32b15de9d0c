//! `postroom backup` and `postroom restore`.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use postroom::clock::{Clock, SystemClock, Timestamp};
use postroom::db;
use serde_json::json;

use super::{Context, Failure};

/// Copy the database into one new file, also while the server runs
///
/// The file is for its owner alone, and is checked before it gets its name. The master key is not in it: keep a copy of that elsewhere.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The folder for the file [default: the folder of the database]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Keep the newest N backups of this database in the folder, and delete the older ones
    #[arg(long, value_name = "N")]
    keep: Option<NonZeroUsize>,
}

/// Make the database of a backup: the one named with --db, which must not be there
#[derive(clap::Args)]
pub(super) struct RestoreArgs {
    /// The backup
    file: PathBuf,
}

pub(super) fn back_up(context: &Context, args: &Args) -> Result<ExitCode, Failure> {
    let database = context.existing_db()?;
    let folder = args.to.as_deref().or_else(|| database.parent()).unwrap_or(Path::new(""));
    let stem = database.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let file = folder.join(name(&stem, SystemClock.now()));
    db::back_up(&database, &file)?;
    let deleted = match args.keep {
        Some(keep) => delete_older(folder, &stem, keep)?,
        None => Vec::new(),
    };
    let json = json!({
        "backup": file.to_string_lossy(),
        "deleted": deleted.iter().map(|file| file.to_string_lossy()).collect::<Vec<_>>(),
    });
    context.output.print(&json, || {
        let lines = deleted.iter().map(|old| format!("Deleted {}.\n", old.display()));
        format!("The backup is {}.\n{}", file.display(), lines.collect::<String>())
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn restore(context: &Context, args: &RestoreArgs) -> Result<ExitCode, Failure> {
    let database = context.config.db()?;
    let key_file = context.config.master_key_file()?;
    db::restore(&args.file, &database, key_file.as_deref())?;
    let json = json!({ "restored": database.to_string_lossy() });
    context.output.print(&json, || format!("{} is restored.", database.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// The name of a backup: sorted by name, backups are sorted by time.
fn name(stem: &str, now: Timestamp) -> String {
    format!("{stem}-{}.db", now.to_string().replace(':', ""))
}

/// Whether this is a name that [`name`] gives.
fn is_backup(file: &str, stem: &str) -> bool {
    let time = file.strip_prefix(stem).and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".db"));
    // In place of each digit a zero, that of the start of the epoch.
    let shape =
        |time: &str| time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect::<String>();
    let known = Timestamp::from_millis(0).to_string().replace(':', "");
    time.is_some_and(|time| shape(time) == shape(&known))
}

/// Deletes all backups of this database but the newest ones, and returns what was deleted. No other file is touched.
fn delete_older(folder: &Path, stem: &str, keep: NonZeroUsize) -> Result<Vec<PathBuf>, Failure> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let failed = |file: &Path, e: std::io::Error| Failure::wrong(format!("{}: {e}", file.display()));
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| failed(folder, e))? {
        let name = entry.map_err(|e| failed(folder, e))?.file_name();
        names.extend(name.to_str().filter(|name| is_backup(name, stem)).map(str::to_owned));
    }
    names.sort_unstable();
    names.truncate(names.len().saturating_sub(keep.get()));
    let old: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
    old.iter().try_for_each(|file| fs::remove_file(file).map_err(|e| failed(file, e)))?;
    Ok(old)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_that_a_backup_gets_is_taken_for_one() {
        assert!(is_backup(&name("postroom", SystemClock.now()), "postroom"));
        assert!(!is_backup(&name("postroom", SystemClock.now()), "post"));
        for other in ["postroom.db", "postroom-old.db", "postroom-2026-11-28.db", "postroom-.db"] {
            assert!(!is_backup(other, "postroom"), "{other}");
        }
    }
}
