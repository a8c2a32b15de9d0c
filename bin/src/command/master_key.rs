//! `postroom rotate-master-key`.

use std::process::ExitCode;

use postroom::db::{MasterKeyChange, OpenError, RotationError};
use postroom::reseal::{self, Progress};
use serde_json::json;

use super::output::printable;
use super::{Context, Exit, Failure};

/// How many values are sealed anew in one transaction: others need not wait for long.
const AT_ONCE: u32 = 100;

/// Replace the master key: a new one is made, everything is sealed anew, and the old one is removed
///
/// The database can be in use meanwhile. If this is stopped, run it again, or let a running server finish it.
#[derive(clap::Args)]
pub(super) struct Args {
    /// On PostgreSQL: seal with the new key, whose file is on every machine now that has a server of the database
    #[arg(long)]
    finish: bool,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<ExitCode, Failure> {
    let postroom = context.open()?;
    // On other machines servers would neither seal nor open anything from the moment at which a key seals that they have not.
    if !postroom.is_at_hand() && !postroom.read(reseal::is_under_way)? {
        let file = postroom.new_master_key_file();
        let shown = printable(&file.display().to_string());
        if !args.finish {
            reseal::prepare(&postroom)?;
            context.output.print(&json!({ "new_master_key_file": shown, "old_key_removed": false }), || {
                format!(
                    "{shown} has a new master key, which seals nothing yet. Copy the file, for the server's user alone, to the folder of \
                     the master key on every machine that has a server or a bridge of this database. Then run \
                     postroom rotate-master-key --finish here.\n"
                )
            })?;
            return Ok(ExitCode::SUCCESS);
        }
        if !file.exists() {
            let text = format!(
                "{shown} is not there; run rotate-master-key without --finish, and copy the file that it makes to every machine"
            );
            return Err(Failure::new(Exit::Refused, text));
        }
    }
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
