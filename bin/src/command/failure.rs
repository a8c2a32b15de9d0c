//! How a command that did not do what it was asked ends: its exit code, and its line on stderr.

use std::io::{self, Write};
use std::process::ExitCode;

use postroom::db::{BackupError, OpenError};
use postroom::error::{Entity, Error, StoreTrouble};
use postroom::seal::MasterKeyError;
use serde_json::json;

use crate::config::ConfigError;
use crate::listen::ListenError;
use crate::wire::unproved_limit;

/// Why a command failed, as its exit code says it. `docs/operate/command-line.md` has the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Something is wrong with what was looked at, or with the machine.
    Wrong,
    /// The command line or an input is wrong.
    Input,
    /// What was named is not there.
    NotThere,
    /// It is taken, in use, past a limit or not allowed.
    Refused,
    /// It is busy or temporary: try again.
    Busy,
    /// A sync to disk failed: what is on the disk is unknown.
    SyncFailed,
}

impl Exit {
    /// Every one of them.
    pub const ALL: [Exit; 6] =
        [Exit::Wrong, Exit::Input, Exit::NotThere, Exit::Refused, Exit::Busy, Exit::SyncFailed];

    /// The exit code of the process.
    pub const fn code(self) -> u8 {
        match self {
            Exit::Wrong => 1,
            Exit::Input => 2,
            Exit::NotThere => 3,
            Exit::Refused => 4,
            Exit::Busy => 5,
            Exit::SyncFailed => 74,
        }
    }

    /// The code in the JSON of an error.
    pub const fn word(self) -> &'static str {
        match self {
            Exit::Wrong => "failed",
            Exit::Input => "invalid",
            Exit::NotThere => "not_found",
            Exit::Refused => "refused",
            Exit::Busy => "busy",
            Exit::SyncFailed => "sync_failed",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// One line for stderr: what is wrong, and what to do.
    Said {
        /// How the process ends.
        exit: Exit,
        /// The line.
        text: String,
    },
    /// Nobody reads stdout any more. There is nothing to say.
    Closed {
        /// Whether something was undone because it could not be printed.
        is_undone: bool,
    },
}

impl Failure {
    pub(super) fn new(exit: Exit, text: impl Into<String>) -> Failure {
        Failure::Said { exit, text: text.into() }
    }

    pub(super) fn wrong(text: impl Into<String>) -> Failure {
        Failure::new(Exit::Wrong, text)
    }

    pub(super) fn input(text: impl Into<String>) -> Failure {
        Failure::new(Exit::Input, text)
    }

    /// Stdout could not be written.
    pub(super) fn unwritten(error: &io::Error) -> Failure {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure::Closed { is_undone: false };
        }
        Failure::wrong(format!("the output cannot be written: {error}"))
    }

    /// What could not be printed is undone, for nobody could see it later.
    pub(super) fn undone(self) -> Failure {
        match self {
            Failure::Said { exit, text } => {
                Failure::Said { exit, text: format!("{text}; nothing was made, so try again") }
            }
            Failure::Closed { .. } => Failure::Closed { is_undone: true },
        }
    }

    /// How the process ends by it.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Failure::Said { exit, .. } => *exit,
            Failure::Closed { .. } => Exit::Wrong,
        }
    }

    /// The line for stderr.
    pub(super) fn text(&self) -> &str {
        match self {
            Failure::Said { text, .. } => text,
            Failure::Closed { .. } => "the reader of the output has gone",
        }
    }

    /// Says it on stderr, and how the process ends by it.
    pub(super) fn report(&self, as_json: bool) -> ExitCode {
        match self {
            Failure::Said { exit, text } => {
                complain(*exit, text, as_json);
                (*exit).into()
            }
            Failure::Closed { is_undone: true } => Exit::Wrong.into(),
            Failure::Closed { is_undone: false } => ExitCode::SUCCESS,
        }
    }
}

/// A line on stderr: for people, or the error object of the native dialect.
pub(super) fn complain(exit: Exit, text: &str, as_json: bool) {
    let line = if as_json {
        json!({ "error": { "code": exit.word(), "message": text } }).to_string()
    } else {
        format!("postroom: {text}")
    };
    // Where even this cannot be written the exit code says it.
    let _ = writeln!(io::stderr(), "{line}");
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let exit = match &error {
            // The input is all right; what the domain is doing now does not allow it.
            Error::Invalid { field: "rotation" | "delegation", .. }
            | Error::Conflict(_)
            | Error::Taken { .. }
            | Error::NotClaimable { .. }
            | Error::Limit { .. }
            | Error::Cap { .. }
            | Error::InUse { .. }
            | Error::Wider { .. } => Exit::Refused,
            Error::Invalid { .. } => Exit::Input,
            Error::NotFound(_) => Exit::NotThere,
            Error::Store(store) => match store.trouble() {
                StoreTrouble::Busy | StoreTrouble::OutOfReach | StoreTrouble::Unknown => Exit::Busy,
                StoreTrouble::NoDatabase => Exit::NotThere,
                StoreTrouble::NotLetIn => Exit::Refused,
                StoreTrouble::SyncFailed => Exit::SyncFailed,
                _ => Exit::Wrong,
            },
            _ => Exit::Wrong,
        };
        let text = match error {
            // The reason stands alone; the name of what was asked for adds nothing to it.
            Error::Invalid { field: "rotation" | "delegation", reason } => reason,
            Error::Invalid { field, reason } => {
                format!("{} is not usable: {}", as_option(field), reason.replace("forward_mode", "--mode"))
            }
            Error::Taken { name } => {
                format!(
                    "another account has {name}; to claim it: postroom claim create {name} --account NAME"
                )
            }
            Error::Limit { what: Entity::Claim, most } => unproved_limit(most),
            error => error.to_string(),
        };
        Failure::new(exit, text)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Failure {
        let exit = match &error {
            OpenError::Unusable { source, .. } => of_file(source),
            OpenError::KeyMissing { .. } | OpenError::NoDatabase { .. } => Exit::NotThere,
            OpenError::OutOfReach { .. } => Exit::Busy,
            OpenError::Foreign { .. } | OpenError::Newer { .. } => Exit::Input,
            OpenError::Claimed { .. }
            | OpenError::KeyForeign { .. }
            | OpenError::Key(MasterKeyError::NotGiven { .. }) => Exit::Refused,
            _ => Exit::Wrong,
        };
        Failure::new(exit, error.to_string())
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Failure {
        let exit = match &error {
            BackupError::Exists { .. } | BackupError::InPlace { .. } | BackupError::LogInPlace { .. } => {
                Exit::Refused
            }
            BackupError::Unsound { .. } => Exit::Input,
            BackupError::Io { source, .. } => of_file(source),
            _ => Exit::Wrong,
        };
        match error {
            BackupError::Open(error) => error.into(),
            error => Failure::new(exit, error.to_string()),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        let exit = match &error {
            ConfigError::Unreadable { source, .. } => of_file(source),
            _ => Exit::Input,
        };
        Failure::new(exit, error.to_string())
    }
}

impl From<ListenError> for Failure {
    fn from(error: ListenError) -> Failure {
        let exit = match &error {
            ListenError::InUse { .. } | ListenError::NotPermitted { .. } => Exit::Refused,
            ListenError::Unreadable { source, .. } => of_file(source),
            ListenError::Bind { .. } | ListenError::System(_) => Exit::Wrong,
            _ => Exit::Input,
        };
        Failure::new(exit, error.to_string())
    }
}

/// A file that was named and cannot be opened.
fn of_file(error: &io::Error) -> Exit {
    if error.kind() == io::ErrorKind::NotFound { Exit::NotThere } else { Exit::Wrong }
}

/// What the command line calls an input of the library's.
fn as_option(field: &str) -> &str {
    match field {
        "webhook_url" => "--webhook-url",
        "forward_to_email" => "--forward-to",
        "forward_mode" => "--mode",
        "rotation_interval" => "DAYS",
        field => field,
    }
}
