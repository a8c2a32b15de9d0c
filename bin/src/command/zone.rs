//! `postroom zone`.

use std::process::ExitCode;

use clap::Subcommand;
use postroom::rotation;
use serde_json::json;

use super::{Context, Failure};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Print the zone of delegated DKIM keys, as a zone file: with SOA and NS if dkim.delegation_servers says which
    Delegated,
}

pub(super) fn run(context: &mut Context, command: &Command) -> Result<ExitCode, Failure> {
    let Command::Delegated = command;
    let servers = context.config.delegation_servers()?;
    let postroom = context.open()?;
    if postroom.settings().delegation_zone.is_none() {
        return Err(Failure::input(
            "no zone is configured for delegated keys; set dkim.delegation_zone (POSTROOM_DKIM_DELEGATION_ZONE)",
        ));
    }
    let zone = postroom.read(|tx| rotation::delegated_zone(tx, &servers))?;
    context.output.print(&json!({ "zone": zone }), || zone.clone())?;
    Ok(ExitCode::SUCCESS)
}
