//! The server's own backups: whether there can be one, and how old the newest is.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use postroom::clock::{Clock, SystemClock};
use postroom::db::{BackupError, is_on_a_server};

use super::{Check, State, check};
use crate::backup::Backups;
use crate::command::Context;

/// Looks at the folder in which the server puts backups, if it makes any.
pub(super) fn backup(context: &Context) -> Option<Check> {
    // What is wrong with the settings is said on their own line.
    let (folder, every, _): (PathBuf, Duration, NonZeroUsize) = context.config.backup().ok()??;
    let database = context.config.db().ok().filter(|file| !is_on_a_server(file) && file.exists())?;
    let shown = folder.display();
    if !folder.exists() {
        let text = format!("{shown} is not there yet; the server makes it when it starts");
        return Some(check("backup", State::Warn, text));
    }
    let backups = Backups::of(&database, &folder);
    let now = SystemClock.now();
    let looked = || {
        backups.check_writable()?;
        Ok::<_, BackupError>((backups.newest(now)?, backups.ahead(now)?))
    };
    let (newest, ahead) = match looked() {
        Ok(found) => found,
        Err(error) => {
            let text = format!("{error}; the server needs to write there (ReadWritePaths= of its unit)");
            return Some(check("backup", State::Fail, text));
        }
    };
    if let Some(file) = ahead {
        let text = format!(
            "{} is dated later than now; a clock was wrong. If the clock of this machine is right, move that file elsewhere",
            file.display()
        );
        return Some(check("backup", State::Fail, text));
    }
    let Some(made) = newest else {
        let text = format!("{shown} has no backup of this database yet; a server makes one within a minute");
        return Some(check("backup", State::Warn, text));
    };
    let age = now.since(made);
    let text = format!("the newest in {shown} is {} hours old", age.as_secs() / 3600);
    Some(if age > every * 2 {
        check("backup", State::Fail, format!("{text}; look at the log of the server for what failed"))
    } else {
        check("backup", State::Ok, text)
    })
}
