//! The command line: one file a subcommand.

#![expect(clippy::doc_markdown, reason = "doc comments are help texts here, for a terminal")]

mod account;
mod advise;
mod alias;
mod apart;
mod ask;
mod audit;
mod backup;
mod bridge;
mod check_all;
mod claim;
mod config;
mod copy;
mod doctor;
mod domain;
mod explain;
mod export;
mod failure;
mod fleet;
mod fleet_table;
mod import;
mod key;
mod key_rotation;
mod list;
mod login_link;
mod manual;
mod master_key;
mod named;
mod openapi;
mod output;
mod quarantine;
mod progress;
mod recipient;
mod report;
mod rotations;
mod route;
mod serve;
mod setup;
mod sign;
mod subscription;
mod setup_link;
mod token;
mod verify;
mod whole;
mod zone;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use postroom::db::{Options, Postroom, is_being_opened, is_on_a_server};
use postroom::dns::{DnsSettings, NetworkResolver};
use postroom::settings::Settings;
use tracing::warn;
use tracing_subscriber::filter::LevelFilter;

use crate::config::{Config, UnusableHost};
pub use failure::Exit;
use failure::{Failure, complain};
use output::{Output, is_coloured};

/// The heading of the options that every command has, below its own.
const EVERYWHERE: &str = "Options of every command";

/// The domain desk of a self-hosted mail system.
///
/// Postroom knows which mail domains there are, who owns them, which DNS records they must publish and whether
/// they do, which DKIM keys sign for them and which tokens may send for them. `postroom serve` puts that on the
/// network; the other commands work on the same database file, also beside a running server.
// A flag that is also a setting has no `env` here: `config` reads the variable, and can say where a value came from.
#[derive(Parser)]
#[command(name = "postroom", version, arg_required_else_help = true, max_term_width = 110)]
struct Cli {
    /// The database: a file, or the URL of a PostgreSQL database [default: ./postroom.db] [env: POSTROOM_DB]
    #[arg(long, global = true, value_name = "FILE", help_heading = EVERYWHERE)]
    db: Option<PathBuf>,
    /// A TOML file with settings [default: /etc/postroom/postroom.toml, if there is one]
    #[arg(long, global = true, env = "POSTROOM_CONFIG", value_name = "FILE", hide_env_values = true, help_heading = EVERYWHERE)]
    config: Option<PathBuf>,
    /// The file with the master key [default: the database file and .key] [env: POSTROOM_MASTER_KEY_FILE]
    #[arg(long, global = true, value_name = "FILE", help_heading = EVERYWHERE)]
    master_key_file: Option<PathBuf>,
    /// Print JSON instead of text for people
    #[arg(long, global = true, env = "POSTROOM_JSON", value_parser = clap::builder::BoolishValueParser::new(),
          num_args = 0, default_missing_value = "true", default_value = "false", hide_env_values = true, help_heading = EVERYWHERE)]
    json: bool,
    /// The least severe log lines to print, to stderr [default: info for serve and bridge, warn for the rest]
    #[arg(
        long,
        global = true,
        env = "POSTROOM_LOG",
        value_name = "LEVEL",
        value_enum,
        ignore_case = true,
        hide_env_values = true,
        help_heading = EVERYWHERE
    )]
    log: Option<LogLevel>,
    /// How log lines look
    #[arg(
        long,
        global = true,
        env = "POSTROOM_LOG_FORMAT",
        value_enum,
        default_value = "text",
        hide_env_values = true,
        help_heading = EVERYWHERE
    )]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> LevelFilter {
        match level {
            LogLevel::Off => LevelFilter::OFF,
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
            LogLevel::Trace => LevelFilter::TRACE,
        }
    }
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
    Setup(setup::Args),
    /// Create, list, show and trust accounts
    #[command(subcommand)]
    Account(account::Command),
    /// Claim, list, prove and free names: whose they are
    #[command(subcommand)]
    Claim(claim::Command),
    /// Create, list, rotate and revoke API keys
    #[command(subcommand)]
    Key(key::Command),
    /// Create and list subscriptions, the plans of an account
    #[command(subcommand)]
    Subscription(subscription::Command),
    /// Create, list, show, verify, rename and delete domains; print their records
    #[command(subcommand)]
    Domain(domain::Command),
    /// Make, list and revoke links to a page with a domain's records, for whoever enters them
    #[command(subcommand)]
    SetupLink(setup_link::Command),
    /// Create, list and revoke the tokens with which mail is sent for a domain
    #[command(subcommand)]
    Token(token::Command),
    /// Add, list and remove names whose mail is treated as a domain's
    #[command(subcommand)]
    Alias(alias::Command),
    /// List, show, save and delete the recipients of a domain
    #[command(subcommand)]
    Recipient(recipient::Command),
    Verify(verify::Args),
    /// Rotate a domain's DKIM key: by hand, automatically, or in a zone of your own
    #[command(subcommand, visible_alias = "rotation")]
    KeyRotation(key_rotation::Command),
    /// Print a zone for your own name server
    #[command(subcommand)]
    Zone(zone::Command),
    Sign(sign::Args),
    LoginLink(login_link::Args),
    /// Show, set and test routes: where a domain's incoming mail goes
    #[command(subcommand)]
    Route(route::Command),
    Bridge(bridge::Args),
    Explain(explain::Args),
    /// List, show and deliver mail that was held back because a filter took it for spam
    #[command(subcommand)]
    Quarantine(quarantine::Command),
    /// List, show and export messages that were reported as misclassified
    #[command(subcommand)]
    Report(report::Command),
    /// Show and change safelists and blocklists, and say what they decide
    #[command(subcommand)]
    List(list::Command),
    /// Show the audit log, the newest first
    Audit(audit::Args),
    RotateMasterKey(master_key::Args),
    Finding(fleet::FindingArgs),
    Backup(backup::Args),
    Restore(backup::RestoreArgs),
    Copy(copy::Args),
    Export(export::Args),
    /// Move domains in, with their keys: from files, from OpenDKIM, from rspamd, from another service's list
    #[command(subcommand)]
    Import(import::Command),
    /// Check and show the settings
    #[command(subcommand)]
    Config(config::Command),
    Openapi(openapi::Args),
    Completions(manual::CompletionsArgs),
    Man(manual::ManArgs),
    /// Look for what is wrong with the database, the settings and the resolvers
    Doctor,
}

/// What the configuration calls the flag that names the database.
const DB_FLAG: &str = "--db";

/// How long the end of the process waits for the last lines of the log.
const LAST_LINES_WITHIN: Duration = Duration::from_secs(1);

/// What a command needs.
struct Context {
    config: Config,
    output: Output,
    /// Filled when the database is opened.
    unusable_hosts: Vec<UnusableHost>,
}

impl Context {
    /// Opens the database that is there. A mistyped path makes none.
    fn open(&mut self) -> Result<Postroom, Failure> {
        self.existing_db()?;
        self.open_or_make()
    }

    /// The file of the database, which must be there.
    fn existing_db(&self) -> Result<PathBuf, Failure> {
        let file = self.config.db()?;
        if is_on_a_server(&file) || is_there(&file) {
            return Ok(file);
        }
        let text = format!(
            "there is no database at {}; name it with --db, or make one with `postroom serve`",
            file.display()
        );
        Err(Failure::new(Exit::NotThere, text))
    }

    /// Opens the database, and makes it if it is not there.
    fn open_or_make(&mut self) -> Result<Postroom, Failure> {
        let settings = self.config.settings()?;
        self.unusable_hosts = self.config.unusable_hosts(&settings)?;
        self.open_with(settings)
    }

    fn open_with(&self, settings: Settings) -> Result<Postroom, Failure> {
        let mut options = Options::new(settings);
        options.master_key_file = self.config.master_key_file()?;
        let file = self.config.db()?;
        if is_being_opened(&file) {
            warn!("another process is opening {}; waiting for it", file.display());
        }
        Ok(Postroom::open(file, options)?)
    }

    /// The file of the master key, if it is there: a new database beside it may stand where an older one is missing.
    fn key_file_there(&self) -> Result<Option<PathBuf>, Failure> {
        let file = self.config.db()?;
        let beside = || PathBuf::from(format!("{}.key", file.display()));
        let key = self.config.master_key_file()?.unwrap_or_else(beside);
        // A database on a server needs the key's file from the start.
        Ok(Some(key).filter(|key| !is_on_a_server(&file) && key.exists()))
    }

    fn resolver(&self) -> Result<NetworkResolver, Failure> {
        NetworkResolver::new(self.config.dns()?).map_err(|e| Failure::input(e.to_string()))
    }

    /// One that asks this recursive resolver alone.
    fn resolver_at(&self, address: SocketAddr) -> Result<NetworkResolver, Failure> {
        let settings = DnsSettings { resolvers: vec![address], ..self.config.dns()? };
        NetworkResolver::new(settings).map_err(|e| Failure::input(e.to_string()))
    }
}

/// Whether a database is at this path. An empty file is none yet; whatever else is wrong is said when it is opened.
fn is_there(file: &Path) -> bool {
    match file.metadata() {
        Ok(found) => !found.is_file() || found.len() > 0,
        Err(error) => error.kind() != io::ErrorKind::NotFound,
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

/// Runs the command line. Exits 0 when what was asked is done, else as [`Exit`] says; `sign` says by its codes what
/// becomes of the message.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return unparsed(&error),
    };
    start_log(&cli);
    let output = Output { json: cli.json };
    let is_sign = matches!(cli.command, Command::Sign(_));
    let code = match dispatch(cli, output) {
        Ok(code) => code,
        Err(failure) => {
            crate::log::flush(LAST_LINES_WITHIN);
            let code = failure.report(output.json);
            if is_sign { ExitCode::from(sign::TRY_AGAIN) } else { code }
        }
    };
    crate::log::flush(LAST_LINES_WITHIN);
    code
}

/// What becomes of a command line that clap does not take: help and version to stdout, else what is wrong to stderr.
///
/// A mistake in the command line of `sign` must not cost a message: the mail server keeps it.
fn unparsed(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let printed = error.print().and_then(|()| io::stdout().flush());
        return printed.map_or_else(|e| Failure::unwritten(&e).report(false), |()| ExitCode::SUCCESS);
    }
    let is_true = |value: &str| ["1", "true", "yes", "on", "y", "t"].contains(&&*value.to_lowercase());
    let wants_json = std::env::args_os().any(|argument| argument == "--json")
        || std::env::var("POSTROOM_JSON").is_ok_and(|value| is_true(&value));
    if wants_json {
        let text = error.to_string();
        complain(Exit::Input, text.trim_start_matches("error: ").trim(), true);
    } else {
        // Where even this cannot be written the exit code says it.
        let _ = error.print();
    }
    let parsed = Cli::command().ignore_errors(true).try_get_matches();
    let is_sign = parsed.is_ok_and(|matches| matches.subcommand_name() == Some("sign"));
    if is_sign { ExitCode::from(sign::TRY_AGAIN) } else { Exit::Input.into() }
}

fn dispatch(cli: Cli, output: Output) -> Result<ExitCode, Failure> {
    let mut config = Config::load(cli.config.as_deref())?;
    for (path, flag, value) in
        [("db", DB_FLAG, cli.db), ("master_key_file", "--master-key-file", cli.master_key_file)]
    {
        if let Some(value) = value {
            config.set(path, flag, value.display());
        }
    }
    config.unknown_variables.iter().for_each(|text| warn!("{text}"));
    // `config check` says all of them.
    if !matches!(cli.command, Command::Config(config::Command::Check))
        && let Some(fault) = config.misread.drain(..).next()
    {
        return Err(fault.into());
    }
    if needs_settings(&cli.command)
        && let Some(fault) = config.bad_values().into_iter().next()
    {
        return Err(fault.into());
    }
    let mut context = Context { config, output, unusable_hosts: Vec::new() };
    match cli.command {
        Command::Serve(args) => serve::run(&mut context, args),
        Command::Setup(args) => setup::run(&mut context, args),
        Command::Account(command) => account::run(&mut context, command),
        Command::Claim(command) => claim::run(&mut context, command),
        Command::Key(command) => key::run(&mut context, command),
        Command::Subscription(command) => subscription::run(&mut context, command),
        Command::Domain(command) => domain::run(&mut context, command),
        Command::SetupLink(command) => setup_link::run(&mut context, command),
        Command::Token(command) => token::run(&mut context, command),
        Command::Alias(command) => alias::run(&mut context, command),
        Command::Recipient(command) => recipient::run(&mut context, command),
        Command::Verify(args) => verify::anybodys(&context, &args),
        Command::KeyRotation(command) => key_rotation::run(&mut context, &command),
        Command::Zone(command) => zone::run(&mut context, &command),
        Command::Sign(args) => sign::run(&mut context, &args),
        Command::LoginLink(args) => login_link::run(&mut context, &args),
        Command::Route(command) => route::run(&mut context, command),
        Command::Bridge(args) => bridge::run(&mut context, args),
        Command::Explain(args) => explain::run(&mut context, &args),
        Command::Quarantine(command) => quarantine::run(&mut context, &command),
        Command::Report(command) => report::run(&mut context, command),
        Command::List(command) => list::run(&mut context, command),
        Command::Audit(args) => audit::run(&mut context, &args),
        Command::RotateMasterKey(args) => master_key::run(&mut context, &args),
        Command::Finding(args) => fleet::finding(&context, &args),
        Command::Backup(args) => backup::back_up(&context, &args),
        Command::Restore(args) => backup::restore(&context, &args),
        Command::Copy(args) => copy::run(&mut context, &args),
        Command::Import(command) => import::run(&mut context, &command),
        Command::Export(args) => export::run(&mut context, &args),
        Command::Config(command) => config::run(&context, &command),
        Command::Openapi(args) => openapi::run(&context, &args),
        Command::Completions(args) => manual::completions(&args, Cli::command()),
        Command::Man(args) => manual::pages(&context, &args, Cli::command()),
        Command::Doctor => doctor::run(&mut context),
    }
}

/// Whether a command works by the settings. The others look at them, write them, or do without.
fn needs_settings(command: &Command) -> bool {
    !matches!(
        command,
        Command::Config(_) | Command::Doctor | Command::Setup(_) | Command::Completions(_) | Command::Man(_)
    )
}

fn start_log(cli: &Cli) {
    let usual = if matches!(cli.command, Command::Serve(_) | Command::Bridge(_)) {
        LogLevel::Info
    } else {
        LogLevel::Warn
    };
    let log = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::from(cli.log.unwrap_or(usual)))
        .with_writer(crate::log::writer())
        .with_target(false);
    match cli.log_format {
        LogFormat::Text => log.with_ansi(is_coloured(&io::stderr())).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}
