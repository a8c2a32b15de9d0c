//! `postroom bridge`: the mail server's sockets, until SIGTERM.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use postroom::db::Postroom;
use postroom::dns::Resolver;
use serde_json::json;
use tracing::{info, warn};

use super::{Context, Failure};
use crate::mta::{
    self, Bridge, Deliverer, Folder, Places, Poster, SOCKETS, SpamMark, Stopped, Tally, Uses, conf,
};

/// Let a mail server ask: which recipients there are, who may send, what to sign, and what becomes of mail; until SIGTERM
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    /// The folder of the sockets [default: /var/spool/postfix/postroom] [env: POSTROOM_BRIDGE_DIR]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The group that may use them, by name or number [default: postfix] [env: POSTROOM_BRIDGE_GROUP]
    #[arg(long)]
    group: Option<String>,
    /// The folder of the mailboxes [default: mail/ beside the database] [env: POSTROOM_BRIDGE_MAIL_DIR]
    #[arg(long, value_name = "DIR")]
    mail_dir: Option<PathBuf>,
    /// Where forwarded mail goes back to Postfix [default: 127.0.0.1:25] [env: POSTROOM_BRIDGE_SUBMIT]
    #[arg(long, value_name = "HOST:PORT")]
    submit: Option<String>,
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
        ("bridge.mail_dir", "--mail-dir", args.mail_dir.map(|dir| dir.display().to_string())),
        ("bridge.submit", "--submit", args.submit),
    ];
    for (path, flag, value) in flags {
        if let Some(value) = value {
            context.config.set(path, flag, value);
        }
    }
    let (dir, group) = (context.config.bridge_dir()?, context.config.bridge_group()?);
    let require_dkim = context.config.get("bridge.require_dkim")?.unwrap_or(false);
    let postroom = Arc::new(context.open()?);
    let deliverer = Arc::new(deliverer(context, Arc::clone(&postroom))?);
    let folder = Folder::take(&dir, &group).map_err(|e| Failure::wrong(e.to_string()))?;
    let bridge = Bridge { postroom, uses: Arc::new(Uses::default()), deliverer, require_dkim };
    let sockets = SOCKETS.join(", ");
    let ready = || info!(dir = %dir.display(), sockets, "bridging");
    let stopped = mta::run(bridge, &folder, ready).map_err(|e| Failure::wrong(e.to_string()))?;
    match stopped {
        Stopped::Finished => info!("stopped"),
        Stopped::Late => warn!("stopped with something in hand; the mail server tries again"),
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn deliverer(context: &Context, postroom: Arc<Postroom>) -> Result<Deliverer, Failure> {
    let config = &context.config;
    let resolver: Arc<dyn Resolver> = Arc::new(context.resolver()?);
    let loopback_http = config.switches()?.loopback_webhooks;
    let usual = config.abuse_policy()?;
    let per_account = usize::try_from(postroom.settings().caps.deliveries).unwrap_or(usize::MAX);
    let spam_mark = config.spam_header()?.map(|(name, value)| SpamMark { name, value, usual });
    Ok(Deliverer {
        spam_mark,
        mail_dir: config.bridge_mail_dir()?,
        submit: config.bridge_submit()?,
        poster: Poster::new(Arc::clone(&resolver), config.egress()?, loopback_http),
        places: Places::new(config.webhooks_at_once()?, per_account),
        tally: Tally::default(),
        resolver,
        postroom,
    })
}
