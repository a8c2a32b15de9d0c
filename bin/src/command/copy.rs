//! `postroom copy`: a whole database into another one, of whichever engine.

use std::path::PathBuf;
use std::process::ExitCode;

use postroom::db::{Options, Postroom, is_on_a_server, shown};
use postroom::error::Error;
use postroom::export;
use serde_json::json;

use super::{Context, Exit, Failure};

/// Copy the whole database into another one, of either engine
///
/// Stop the server first. The other database must be empty. It gets every row with its ids and sealed values, in one transaction, and
/// what is there then is compared with what was read. The master key stays the same: name its file wherever the copy is used.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The other database: a file, or the URL of a PostgreSQL database
    #[arg(long, value_name = "FILE|URL", env = "POSTROOM_COPY_TO", hide_env_values = true)]
    to: PathBuf,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<ExitCode, Failure> {
    let from = context.open()?;
    // No server may write meanwhile what the copy would lack.
    let _claim = from.claim()?;
    let mut options = Options::new(context.config.settings()?);
    options.master_key_file = Some(from.master_key_file().to_owned());
    let place = shown(&args.to.to_string_lossy());
    // To open a database would migrate it, so a file is refused unopened.
    if !is_on_a_server(&args.to) && args.to.metadata().is_ok_and(|file| file.len() > 0) {
        let text = format!(
            "{place} is not empty; name a file that is not there with --to, or delete this one if a copy to it was interrupted"
        );
        return Err(Failure::new(Exit::Refused, text));
    }
    let to = Postroom::open(&args.to, options)?;
    let counts = export::copy(&from, &to).map_err(|error| match error {
        Error::Conflict(_) => {
            Failure::new(Exit::Refused, format!("{place} is not empty; name a database that is, with --to"))
        }
        error => error.into(),
    })?;
    let rows: u64 = counts.values().sum();
    let key = from.master_key_file();
    let json = json!({ "copied": rows, "tables": counts, "database": place, "master_key_file": key.to_string_lossy() });
    context.output.print(&json, || {
        format!("{rows} rows are in {place}, and are the same there. Its master key is {}.\n", key.display())
    })?;
    Ok(ExitCode::SUCCESS)
}
