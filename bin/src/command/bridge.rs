//! `postroom bridge`: the mail server's sockets, until SIGTERM.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use serde_json::json;
use tracing::{info, warn};

use super::{Context, Failure};
use crate::mta::{self, Bridge, Folder, SOCKETS, Stopped, Uses, conf};

/// Let a mail server ask: which recipients there are, who may send, and what to sign; until SIGTERM
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    /// The folder of the sockets [default: /var/spool/postfix/postroom] [env: POSTROOM_BRIDGE_DIR]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The group that may use them, by name or number [default: postfix] [env: POSTROOM_BRIDGE_GROUP]
    #[arg(long)]
    group: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Print what the mail server's configuration must say
    #[command(subcommand)]
    Conf(Conf),
}

#[derive(Subcommand)]
enum Conf {
    /// Lines for Postfix's main.cf
    Postfix {
        /// The submission service for master.cf instead
        #[arg(long)]
        master: bool,
    },
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<ExitCode, Failure> {
    if let Some(Command::Conf(Conf::Postfix { master })) = args.command {
        let text = if master { conf::MASTER } else { conf::MAIN };
        let json = json!({ if master { "master.cf" } else { "main.cf" }: text });
        context.output.print(&json, || text.to_owned())?;
        return Ok(ExitCode::SUCCESS);
    }
    let flags = [
        ("bridge.dir", "--dir", args.dir.map(|dir| dir.display().to_string())),
        ("bridge.group", "--group", args.group),
    ];
    for (path, flag, value) in flags {
        if let Some(value) = value {
            context.config.set(path, flag, value);
        }
    }
    let (dir, group) = (context.config.bridge_dir()?, context.config.bridge_group()?);
    let require_dkim = context.config.get("bridge.require_dkim")?.unwrap_or(false);
    let postroom = Arc::new(context.open()?);
    let folder = Folder::take(&dir, &group).map_err(|e| Failure::wrong(e.to_string()))?;
    let bridge = Bridge { postroom, uses: Arc::new(Uses::default()), require_dkim };
    let sockets = SOCKETS.join(", ");
    let ready = || info!(dir = %dir.display(), sockets, "bridging");
    let stopped = mta::run(bridge, &folder, ready).map_err(|e| Failure::wrong(e.to_string()))?;
    match stopped {
        Stopped::Finished => info!("stopped"),
        Stopped::Late => warn!("stopped with something in hand; the mail server tries again"),
    }
    Ok(ExitCode::SUCCESS)
}
