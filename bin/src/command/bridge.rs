//! `postroom bridge`: the mail server's sockets, until SIGTERM.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;
use postroom::db::Postroom;
use postroom::dns::Resolver;
use postroom::mail;
use serde_json::json;
use tracing::{info, warn};

use super::apart::{Apart, serve_metrics};
use super::{Context, Failure};
use crate::delivery::{Calls, Deliverer, Places, Poster, SpamMark, Tally};
use crate::listen::Settings;
use crate::mta::{self, Bridge, Folder, SOCKETS, Stopped, Uses, Vault, VaultToken, conf};
use crate::watch::BridgeMetrics;

/// How many connections a spam filter may have; each of its processes keeps some.
const VAULT_CONNECTIONS: usize = 256;
/// How long the end waits for what a spam filter asks: a read of the database each.
const VAULT_GRACE: Duration = Duration::from_secs(5);

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
    /// Where rspamd gets private keys and asks lists, on this machine alone [default: none] [env: POSTROOM_BRIDGE_HTTP]
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<String>,
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
    /// rspamd's local.d/dkim_signing.conf, with the token of the vault; nothing where bridge.http is off
    Rspamd {
        /// A prefilter in Lua instead, which asks the lists: for rspamd.local.lua
        #[arg(long)]
        lua: bool,
    },
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<ExitCode, Failure> {
    if let Some(Command::Conf(conf)) = args.command {
        return print_conf(context, &conf);
    }
    let flags = [
        ("bridge.dir", "--dir", args.dir.map(|dir| dir.display().to_string())),
        ("bridge.group", "--group", args.group),
        ("bridge.mail_dir", "--mail-dir", args.mail_dir.map(|dir| dir.display().to_string())),
        ("bridge.submit", "--submit", args.submit),
        ("bridge.http", "--http", args.http),
    ];
    for (path, flag, value) in flags {
        if let Some(value) = value {
            context.config.set(path, flag, value);
        }
    }
    let (dir, group) = (context.config.bridge_dir()?, context.config.bridge_group()?);
    let require_dkim = context.config.get("bridge.require_dkim")?.unwrap_or(false);
    let metrics_listen = context.config.bridge_metrics()?;
    let vault = context.config.bridge_vault()?;
    let vault = vault.map(|(address, file)| Ok::<_, Failure>((address, read_token(&file)?))).transpose()?;
    let postroom = Arc::new(context.open()?);
    postroom.spare_memory();
    let resolver = Arc::new(context.resolver()?);
    let deliverer = Arc::new(deliverer(context, Arc::clone(&postroom), resolver)?);
    let folder = Folder::take(&dir, &group).map_err(|e| Failure::wrong(e.to_string()))?;
    let vault = serve_vault(&postroom, vault)?;
    if let Some(address) = metrics_listen {
        serve_metrics(address, Arc::clone(&deliverer.metrics) as Arc<_>)?;
    }
    let bridge = Bridge { postroom, uses: Arc::new(Uses::default()), deliverer, require_dkim };
    let sockets = SOCKETS.join(", ");
    let ready = || info!(dir = %dir.display(), sockets, "bridging");
    let stopped = mta::run(bridge, &folder, ready).map_err(|e| Failure::wrong(e.to_string()))?;
    if let Some(vault) = vault {
        vault.end();
    }
    match stopped {
        Stopped::Finished => info!("stopped"),
        Stopped::Late => warn!("stopped with something in hand; the mail server tries again"),
    }
    Ok(ExitCode::SUCCESS)
}

fn print_conf(context: &Context, conf: &Conf) -> Result<ExitCode, Failure> {
    let (file, text) = match conf {
        Conf::Postfix { master: false } => ("main.cf", conf::MAIN.to_owned()),
        Conf::Postfix { master: true } => ("master.cf", conf::MASTER.to_owned()),
        Conf::Rspamd { lua } => {
            let file = if *lua { "rspamd.local.lua" } else { "dkim_signing.conf" };
            let text = match context.config.bridge_vault()? {
                None => String::new(),
                Some((address, _)) if *lua => conf::prefilter(&format!("http://{address}")),
                Some((address, token)) => {
                    conf::dkim_signing(&format!("http://{address}"), read_token(&token)?.reveal())
                }
            };
            (file, text)
        }
    };
    if text.is_empty() {
        eprintln!("bridge.http is off, so rspamd is given no keys and asks no lists");
        if !context.output.json {
            return Ok(ExitCode::SUCCESS);
        }
    }
    context.output.print(&json!({ file: text }), || text.clone())?;
    Ok(ExitCode::SUCCESS)
}

fn read_token(file: &Path) -> Result<VaultToken, Failure> {
    VaultToken::read(file).map_err(|error| Failure::wrong(error.to_string()))
}

/// Serves the vault, if there is to be one. The audit log says where it is, or that there is none any more.
fn serve_vault(
    postroom: &Arc<Postroom>,
    vault: Option<(SocketAddr, VaultToken)>,
) -> Result<Option<Apart>, Failure> {
    let served = match vault {
        None => None,
        Some((address, token)) => {
            let connections = VAULT_CONNECTIONS;
            let settings = Settings {
                connections,
                per_address: connections,
                grace: VAULT_GRACE,
                ..Settings::at(address)
            };
            let served = Apart::serve(settings, Arc::new(Vault::new(Arc::clone(postroom), token)), "vault")?;
            warn!(address = %served.address, "private DKIM keys are given to whoever has the vault's token");
            Some(served)
        }
    };
    let address = served.as_ref().map(|served| served.address.to_string());
    if postroom.read(mail::open_vault)? != address {
        postroom.write(|tx| mail::note_vault(tx, address.as_deref()))?;
    }
    Ok(served)
}

pub(super) fn deliverer(
    context: &Context,
    postroom: Arc<Postroom>,
    resolver: Arc<dyn Resolver>,
) -> Result<Deliverer, Failure> {
    let config = &context.config;
    let loopback_http = config.switches()?.loopback_webhooks;
    let usual = config.abuse_policy()?;
    let metrics = BridgeMetrics::new(Arc::clone(&postroom)).map_err(|e| Failure::wrong(e.to_string()))?;
    let per_account = usize::try_from(postroom.settings().caps.deliveries).unwrap_or(usize::MAX);
    let spam_mark = config.spam_header()?.map(|(name, value)| SpamMark { name, value, usual });
    Ok(Deliverer {
        spam_mark,
        mail_dir: config.bridge_mail_dir()?,
        submit: config.bridge_submit()?,
        poster: Poster::new(Arc::clone(&resolver), config.egress()?, loopback_http),
        places: Places::new(config.webhooks_at_once()?, per_account),
        calls: Calls::default(),
        tally: Tally::default(),
        metrics: Arc::new(metrics),
        resolver,
        postroom,
    })
}
