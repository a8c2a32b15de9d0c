//! The command line: one file a subcommand.

#![expect(clippy::doc_markdown, reason = "doc comments are help texts here, for a terminal")]

mod account;
mod audit;
mod doctor;
mod domain;
mod key;
mod key_rotation;
mod list;
mod login_link;
mod named;
mod output;
mod report;
mod route;
mod serve;
mod sign;
mod subscription;
mod verify;
mod zone;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use postroom::db::{Options, Postroom};
use postroom::dns::NetworkResolver;

use crate::config::{Config, ConfigError};
use output::Output;

/// The domain desk of a self-hosted mail system.
///
/// Postroom knows which mail domains there are, who owns them, which DNS records they must publish and whether
/// they do, which DKIM keys sign for them and which tokens may send for them. `postroom serve` puts that on the
/// network; the other commands work on the same database file, also beside a running server.
// A flag that is also a setting has no `env` here: `config` reads the variable, and can say where a value came from.
#[derive(Parser)]
#[command(name = "postroom", version, arg_required_else_help = true, max_term_width = 110)]
struct Cli {
    /// The database file [default: ./postroom.db] [env: POSTROOM_DB]
    #[arg(long, global = true, value_name = "FILE")]
    db: Option<PathBuf>,
    /// A TOML file with settings
    #[arg(long, global = true, env = "POSTROOM_CONFIG", value_name = "FILE", hide_env_values = true)]
    config: Option<PathBuf>,
    /// The file with the master key [default: the database file and .key] [env: POSTROOM_MASTER_KEY_FILE]
    #[arg(long, global = true, value_name = "FILE")]
    master_key_file: Option<PathBuf>,
    /// Print JSON instead of text for people
    #[arg(long, global = true, env = "POSTROOM_JSON", value_parser = clap::builder::BoolishValueParser::new(),
          num_args = 0, default_missing_value = "true", default_value = "false", hide_env_values = true)]
    json: bool,
    /// The least severe log lines to print, to stderr [default: info for serve, warn for the rest]
    #[arg(long, global = true, env = "POSTROOM_LOG", value_name = "LEVEL", hide_env_values = true)]
    log: Option<String>,
    /// How log lines look
    #[arg(
        long,
        global = true,
        env = "POSTROOM_LOG_FORMAT",
        value_enum,
        default_value = "text",
        hide_env_values = true
    )]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the REST interfaces until SIGTERM
    Serve(serve::Args),
    /// Create and list accounts, the tenants
    #[command(subcommand)]
    Account(account::Command),
    /// Create, list and revoke API keys
    #[command(subcommand)]
    Key(key::Command),
    /// Create and list subscriptions, the plans of an account
    #[command(subcommand)]
    Subscription(subscription::Command),
    /// List, show, verify and delete domains; print their records
    #[command(subcommand)]
    Domain(domain::Command),
    Verify(verify::Args),
    /// Rotate a domain's DKIM key: start, status, abort, every so often, delegate
    #[command(subcommand)]
    KeyRotation(key_rotation::Command),
    /// Print zones of the operator's own
    #[command(subcommand)]
    Zone(zone::Command),
    Sign(sign::Args),
    LoginLink(login_link::Args),
    /// Show, set and test routes: where a domain's incoming mail goes
    #[command(subcommand)]
    Route(route::Command),
    /// List, show and export messages that were reported as misclassified
    #[command(subcommand)]
    Report(report::Command),
    /// Show and change safelists and blocklists, and say what they decide
    #[command(subcommand)]
    List(list::Command),
    /// Show the audit log, the newest first
    Audit(audit::Args),
    /// Look for what is wrong with the database, the settings and the resolvers
    Doctor,
}

/// How long the end of the process waits for the last lines of the log.
const LAST_LINES_WITHIN: Duration = Duration::from_secs(1);

/// What a command needs.
struct Context {
    config: Config,
    output: Output,
}

impl Context {
    fn open(&mut self) -> Result<Postroom, Failure> {
        let settings = self.config.settings()?;
        let mut options = Options::new(settings);
        options.master_key_file = self.config.get("master_key_file")?;
        Ok(Postroom::open(self.config.db()?, options)?)
    }

    fn resolver(&self) -> Result<NetworkResolver, Failure> {
        NetworkResolver::new(self.config.dns()?).map_err(|e| Failure::new(e.to_string()))
    }
}

/// An address that a client on this machine can use.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback =
            if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
        return SocketAddr::new(loopback, address.port());
    }
    address
}

/// Why a command did not do what it was asked: one line, and what to do.
#[derive(Debug)]
struct Failure(String);

impl Failure {
    fn new(text: impl Into<String>) -> Failure {
        Failure(text.into())
    }
}

impl From<postroom::error::Error> for Failure {
    fn from(error: postroom::error::Error) -> Failure {
        Failure(error.to_string())
    }
}

impl From<postroom::db::OpenError> for Failure {
    fn from(error: postroom::db::OpenError) -> Failure {
        Failure(error.to_string())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        Failure(error.to_string())
    }
}

/// Runs the command line. Exits 0 when all is well, 1 when not, 2 when the command line itself is wrong; `sign` says by
/// its codes what becomes of the message.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    start_log(&cli);
    let output = Output { json: cli.json };
    let failed = match cli.command {
        Command::Sign(_) => ExitCode::from(sign::TRY_AGAIN),
        _ => ExitCode::FAILURE,
    };
    let code = match dispatch(cli, output) {
        Ok(code) => code,
        Err(Failure(text)) => {
            crate::log::flush(LAST_LINES_WITHIN);
            // Where stderr cannot be written, the exit code has to say it.
            let _ = writeln!(std::io::stderr(), "postroom: {text}");
            failed
        }
    };
    crate::log::flush(LAST_LINES_WITHIN);
    code
}

fn dispatch(cli: Cli, output: Output) -> Result<ExitCode, Failure> {
    let mut config = Config::load(cli.config.as_deref())?;
    for (path, flag, value) in
        [("db", "--db", cli.db), ("master_key_file", "--master-key-file", cli.master_key_file)]
    {
        if let Some(value) = value {
            config.set(path, flag, value.display());
        }
    }
    let mut context = Context { config, output };
    match cli.command {
        Command::Serve(args) => serve::run(&mut context, args),
        Command::Account(command) => account::run(&mut context, command),
        Command::Key(command) => key::run(&mut context, command),
        Command::Subscription(command) => subscription::run(&mut context, command),
        Command::Domain(command) => domain::run(&mut context, command),
        Command::Verify(args) => verify::anybodys(&context, &args),
        Command::KeyRotation(command) => key_rotation::run(&mut context, &command),
        Command::Zone(command) => zone::run(&mut context, &command),
        Command::Sign(args) => sign::run(&mut context, &args),
        Command::LoginLink(args) => login_link::run(&mut context, &args),
        Command::Route(command) => route::run(&mut context, command),
        Command::Report(command) => report::run(&mut context, command),
        Command::List(command) => list::run(&mut context, command),
        Command::Audit(args) => audit::run(&mut context, &args),
        Command::Doctor => doctor::run(&mut context),
    }
}

fn start_log(cli: &Cli) {
    let usual = if matches!(cli.command, Command::Serve(_)) { "info" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_new(cli.log.as_deref().unwrap_or(usual))
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(usual));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(crate::log::writer())
        .with_target(false);
    match cli.log_format {
        LogFormat::Text => log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}
