//! `postroom completions` and `postroom man`: both are made of the command line's own declaration.

use std::path::PathBuf;
use std::process::ExitCode;

use clap_complete::Shell;
use serde_json::json;

use super::output::write;
use super::{Context, Exit, Failure};

/// Print completions of this command line for a shell
#[derive(clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Write a man page for each command into a folder
#[derive(clap::Args)]
pub(super) struct ManArgs {
    /// The folder, which must be there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(super) fn completions(args: &CompletionsArgs, mut command: clap::Command) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "postroom", &mut script);
    write(&script)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn pages(context: &Context, args: &ManArgs, command: clap::Command) -> Result<ExitCode, Failure> {
    let folder = args.folder.display();
    if !args.folder.is_dir() {
        return Err(Failure::new(Exit::NotThere, format!("there is no folder {folder}")));
    }
    clap_mangen::generate_to(command, &args.folder)
        .map_err(|error| Failure::wrong(format!("the man pages cannot be written to {folder}: {error}")))?;
    context.output.print(&json!({ "man": args.folder.to_string_lossy() }), || {
        format!("The man pages are in {folder}.")
    })?;
    Ok(ExitCode::SUCCESS)
}
