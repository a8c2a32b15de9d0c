//! `postroom rotate-master-key`.

use std::process::ExitCode;

use postroom::db::{MasterKeyChange, OpenError, RotationError};
use postroom::reseal::{self, Progress};
use serde_json::json;

use super::output::printable;
use super::{Context, Failure};

/// How many values are sealed anew in one transaction: others need not wait for long.
const AT_ONCE: u32 = 100;

/// Replace the master key: a new one is made, everything is sealed anew, and the old one is removed
///
/// The database can be in use meanwhile. If this is stopped, run it again, or let a running server finish it.
#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(context: &mut Context) -> Result<ExitCode, Failure> {
    let postroom = context.open()?;
    let change = reseal::begin(&postroom)?;
    let mut sealed = 0_u64;
    loop {
        match reseal::step(&postroom, AT_ONCE)? {
            Progress::Sealed(more) => sealed += u64::from(more),
            // Idle: a server that runs has finished it.
            Progress::Finished | Progress::Idle => break,
            Progress::Damaged(rows) => {
                let rows: Vec<String> = rows.iter().map(|row| printable(row)).collect();
                return Err(Failure::wrong(format!(
                    "the old master key stays, for {} sealed values do not open with any key: {}",
                    rows.len(),
                    rows.join(", ")
                )));
            }
        }
    }
    let file = postroom.master_key_file();
    let json = json!({
        "master_key_file": file.display().to_string(), "resumed": change == MasterKeyChange::Resumed,
        "sealed": sealed, "old_key_removed": true,
    });
    context.output.print(&json, || {
        let begun = match change {
            MasterKeyChange::Begun => "",
            MasterKeyChange::Resumed => "A change of the master key that was begun before is finished.\n",
        };
        format!(
            "{begun}{sealed} values were sealed anew. {} has the new master key; the old one is removed, for nothing in the \
             database needs it any more.\nKeep a copy of the new key, apart from your backups. A backup from before now needs the \
             old key: keep the copy that you have of it as long as those backups.\n",
            printable(&file.display().to_string())
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

impl From<RotationError> for Failure {
    fn from(error: RotationError) -> Failure {
        match error {
            RotationError::Database(error) => error.into(),
            RotationError::Lock(error) => error.into(),
            RotationError::File(error) => OpenError::Key(error).into(),
            other => Failure::wrong(other.to_string()),
        }
    }
}
