//! `postroom backup` and `postroom restore`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use postroom::clock::{Clock, SystemClock};
use postroom::db;
use serde_json::json;

use super::{Context, Failure};
use crate::backup::Backups;

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
    let database = in_a_file(context.existing_db()?)?;
    let folder = args.to.as_deref().or_else(|| database.parent()).unwrap_or(Path::new(""));
    let backups = Backups::of(&database, folder);
    let now = SystemClock.now();
    let file = backups.make(now)?;
    let deleted = match args.keep {
        Some(keep) => backups.delete_older(keep, now)?,
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
    let database = in_a_file(context.config.db()?)?;
    let key_file = context.config.master_key_file()?;
    db::restore(&args.file, &database, key_file.as_deref())?;
    let json = json!({ "restored": database.to_string_lossy() });
    context.output.print(&json, || format!("{} is restored.", database.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Refuses a database on a server: that has ways of its own.
fn in_a_file(database: PathBuf) -> Result<PathBuf, Failure> {
    if !db::is_on_a_server(&database) {
        return Ok(database);
    }
    let text = "this copies SQLite files; a PostgreSQL server is backed up with pg_basebackup or pg_dump (docs/outgrow.md)";
    Err(Failure::input(text))
}
