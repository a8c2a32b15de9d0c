//! `postroom serve`: the database, the listener, and the duties behind them.

use std::fmt::Write;
use std::io::IsTerminal;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use postroom::account::Caller;
use postroom::db::Postroom;
use postroom::dns::Resolver;
use postroom::{account, key, login};
use sd_notify::NotifyState;
use serde_json::{Map, Value, json};
use tracing::{error, info, warn};

use super::apart::serve_metrics;
use super::bridge::deliverer;
use super::doctor::hosts::promises;
use super::doctor::{State, missing_database};
use super::output::{Made, check_open, goes_to_the_journal};
use super::{Context, Failure, reachable};
use crate::app::App;
use crate::backup::Backups;
use crate::console::login_url;
use crate::duty::{BackupPlan, DUTIES, Duties, News, Tools, Upkeep};
use crate::listen::{Listener, MemoryMib, Settings, Stopped, TlsFiles};
use crate::watch::{Metrics, Watch};
use crate::wire::limit::{FAILURES_PER_SECOND, Limits, REQUESTS_PER_SECOND, Ticks};

/// How many domains are checked at once where nothing is configured.
const CHECKS_AT_ONCE: u32 = 16;
/// How long a stop may take where nothing is configured.
const GRACE_SECONDS: u32 = 30;
/// The most of it that is kept for the duties and for closing the database, where the requests in hand take the rest.
const LONGEST_CLOSING: Duration = Duration::from_secs(8);

/// The time for closing the database where a second signal says that nothing else is to be waited for.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

#[derive(clap::Args)]
#[command(after_long_help = crate::config::help())]
pub(super) struct Args {
    /// Where to listen [default: 127.0.0.1:8025] [env: POSTROOM_LISTEN]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// The base URL that clients use [default: http:// or https:// and the listening address] [env: POSTROOM_PUBLIC_URL]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// PEM file of the certificate chain; SIGHUP has it read again [env: POSTROOM_TLS_CERT]
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<String>,
    /// PEM file of the certificate's private key [env: POSTROOM_TLS_KEY]
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<String>,
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<ExitCode, Failure> {
    crate::log::start()
        .map_err(|error| Failure::wrong(format!("the system gives no thread for the log: {error}")))?;
    for (path, flag, value) in [
        ("listen", "--listen", args.listen),
        ("public_url", "--public-url", args.public_url),
        ("tls.cert", "--tls-cert", args.tls_cert),
        ("tls.key", "--tls-key", args.tls_key),
    ] {
        if let Some(value) = value {
            context.config.set(path, flag, value);
        }
    }
    let mut settings = Settings::at(context.config.listen()?);
    settings.tls = context.config.tls()?.map(|(cert, key)| TlsFiles { cert, key });
    if let Some(most) = context.config.get::<NonZeroUsize>("limits.per_address")? {
        settings.per_address = most.get();
    }
    settings.trusted_proxies = context.config.trusted_proxies()?;
    if let Some(most) = context.config.get::<NonZeroUsize>("limits.connections")? {
        settings.connections = most.get();
    }
    if let Some(MemoryMib(octets)) = context.config.get("limits.memory_mib")? {
        settings.memory = octets;
    }
    if let Some(most) = context.config.get::<NonZeroUsize>("limits.write_queue")? {
        settings.write_queue = most.get();
    }
    let grace = context.config.get::<u32>("stop.grace_s")?.unwrap_or(GRACE_SECONDS);
    let grace = Duration::from_secs(u64::from(grace));
    settings.grace = grace.saturating_sub((grace / 4).min(LONGEST_CLOSING));
    // Whatever is wrong with the configuration is said before anything is made, and before a key is told this once.
    let switches = context.config.switches()?;
    let at_once = context.config.get("schedule.at_once")?.unwrap_or(CHECKS_AT_ONCE);
    let rate = context.config.get("limits.requests_per_second")?.unwrap_or(REQUESTS_PER_SECOND);
    let failures = context.config.get("limits.failures_per_second")?.unwrap_or(FAILURES_PER_SECOND);
    let public_url = context.config.public_url()?;
    let metrics_listen = context.config.metrics_listen()?;
    let backup = context.config.backup()?;
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let scouts = context.config.scouts(&context.config.settings()?)?;
    let resolver: Arc<dyn Resolver> = Arc::new(context.resolver()?);
    let key_file = context.key_file_there()?;
    let postroom = Arc::new(context.open_or_make()?);
    // Held until this returns: a second server is refused, a killed one leaves nothing behind.
    let claim = Arc::new(postroom.claim()?);
    // Written now, while there is room for it.
    let _ = claim.leave_note(" ");
    let listener = Listener::bind(settings)?;
    let metrics = Arc::new(Metrics::new().map_err(|error| Failure::wrong(error.to_string()))?);
    if let Some(address) = metrics_listen {
        let page = Watch::new(Arc::clone(&metrics), Arc::clone(&postroom), Some(listener.lanes()));
        serve_metrics(address, Arc::new(page))?;
    }
    context.unusable_hosts.iter().for_each(|host| warn!("{host}"));

    if context.config.public()?.is_some() {
        let declared = context.config.server_addresses()?;
        look_at_hosts(postroom.settings().clone(), declared, Arc::clone(&resolver));
    }

    let address = listener.local_addr();
    let url = public_url
        .map_or_else(|| format!("{scheme}://{}", reachable(address)), |url| url.as_str().to_owned());
    greet(context, &postroom, &url, key_file.as_deref())?;
    info!(%address, database = %postroom.file().display(), "serving");

    let deliverer = deliverer(context, Arc::clone(&postroom), Arc::clone(&resolver))?;
    let app = App::new(Arc::clone(&postroom), Arc::clone(&resolver));
    let app = Arc::new(
        app.switched(switches)
            .scouting(scouts)
            .keeping(Arc::new(deliverer))
            .limited(Limits::new(rate, failures, Ticks::default()))
            .at(&url)
            .counted(Arc::clone(&metrics)),
    );
    let tools = Tools {
        app: Arc::clone(&app),
        postroom: Arc::clone(&postroom),
        resolver,
        checks_at_once: at_once,
        upkeep: Upkeep::by(Arc::clone(&claim)),
        news: News::from_now(&postroom)?,
        backups: backup_plan(&postroom, backup),
        metrics,
        rounds: Mutex::default(),
    };
    let duties =
        Duties::start(DUTIES, tools).map_err(|e| Failure::wrong(format!("no thread for a duty: {e}")))?;
    tell_systemd(NotifyState::Ready);
    let Stopped { ordered, hurried } = listener.run(app)?;
    tell_systemd(NotifyState::Stopping);
    let grace = if hurried { CLOSE_WITHIN } else { grace };
    let left = || (ordered + grace).saturating_duration_since(Instant::now());
    duties.stop(left() * 3 / 4);
    if close(postroom, left()) {
        info!("stopped");
    } else {
        warn!("stopped without closing the database, which is busy; what was acknowledged is on disk");
    }
    Ok(ExitCode::SUCCESS)
}

/// What the server's own backups are to be, with their folder made; none where none are wanted.
fn backup_plan(postroom: &Postroom, set: Option<(PathBuf, Duration, NonZeroUsize)>) -> Option<BackupPlan> {
    let (folder, every, keep) = set?;
    let backups = Backups::of(postroom.file(), &folder);
    // A server without backups serves as well; the duty tries again.
    if let Err(error) = backups.prepare() {
        warn!(%error, "no backup can be written to backup.dir");
    }
    Some(BackupPlan { backups, every, keep })
}

/// Tells systemd how far the server is, where systemd has started it and waits for that (`Type=notify`).
fn tell_systemd(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        warn!("systemd cannot be told how far the server is: {error}");
    }
}

/// Logs a warning for each host that records name and that does not lead here. It asks the DNS, so a start does not wait.
fn look_at_hosts(settings: postroom::Settings, declared: Vec<IpAddr>, resolver: Arc<dyn Resolver>) {
    let look = move || {
        let checks = promises(&settings, &declared, &*resolver);
        checks.iter().filter(|check| check.state != State::Ok).for_each(|check| warn!("{}", check.text));
    };
    // Without a thread for it the server runs as well.
    if let Err(error) = thread::Builder::new().name("postroom-hosts".to_owned()).spawn(look) {
        warn!(%error, "the hosts that records name are not looked up");
    }
}

/// Closes the database in the time there is; whether that sufficed. Another process can hold the write lock for as long as it
/// likes.
fn close(postroom: Arc<Postroom>, time: Duration) -> bool {
    let (closed, waits) = channel::<()>();
    let closing = thread::Builder::new().name("postroom-close".to_owned()).spawn(move || {
        postroom.close();
        // Nobody waits any more where the time has run out.
        let _ = closed.send(());
    });
    closing.is_ok() && waits.recv_timeout(time).is_ok()
}

/// Makes the first account of an empty database and shows its key, this once; says where the server is, and how to sign in to
/// the console. A `key_file` that was there before an empty database may be an older one's, which is missing.
fn greet(context: &Context, postroom: &Postroom, url: &str, key_file: Option<&Path>) -> Result<(), Failure> {
    let greeted = context.output.print_made(postroom, |tx| {
        let accounts = match account::list(tx) {
            // A database with damage in it is not new. What is sound of it is served.
            Err(error) if error.is_damage() => {
                error!(%error, "the database is damaged; restore a backup");
                None
            }
            accounts => Some(accounts?),
        };
        let is_new = accounts.as_ref().is_some_and(Vec::is_empty);
        if let Some(key_file) = key_file.filter(|_| is_new) {
            warn!("{}", missing_database(postroom.file(), key_file));
        }
        if !is_new && !std::io::stdout().is_terminal() {
            return Ok(Made::without_secret(banner_json(context, url).into(), banner(context, url)));
        }
        // A supervisor may have opened stdout as a closed one looks; the server starts for it as well.
        if is_new && (goes_to_the_journal() || check_open().is_err()) {
            account::create(tx, account::FIRST)?;
            let text = format!(
                "{}\nThe database is new. It has the account \"default\". Nothing secret is printed here, because the \
                 journal keeps it; make an API key on a terminal: postroom key create --account default\n\
                 Sign in to the console by: postroom login-link --operator\n",
                banner(context, url)
            );
            return Ok(Made::without_secret(banner_json(context, url).into(), text));
        }
        let mut json = banner_json(context, url);
        let mut made = None;
        if is_new {
            let account = account::create(tx, account::FIRST)?;
            let (_, secret) = key::create(tx, account.id, Some("made at the first start"))?;
            json.insert("account".to_owned(), json!({ "id": account.id.number(), "name": account.name }));
            json.insert("api_key".to_owned(), secret.reveal().into());
            made = Some((account, secret));
        }
        // The one account, or where there are several, all of them.
        let only = match (&made, accounts.as_deref()) {
            (Some((account, _)), _) | (None, Some([account])) => Some(account),
            _ => None,
        };
        let whose = only.map_or_else(|| "--operator".to_owned(), |account| format!("--account {}", account.name));
        let link = tx.part(|| match only {
            Some(account) => login::create_for_account(tx, &Caller::operator(account.id)),
            None => login::create_for_operator(tx),
        });
        // A link is a convenience: a server starts without one, also where an account has as many unused links as it may have.
        let link = match link {
            Ok((_, secret)) => Some(login_url(url, &secret)),
            Err(error) => {
                warn!("there is no login link: {error}");
                None
            }
        };
        if let Some(link) = &link {
            json.insert("login_link".to_owned(), link.as_str().into());
        }
        let minutes = tx.settings().login_link_life.as_secs() / 60;
        let console = link.as_ref().map_or_else(String::new, |link| {
            format!(
                "Open the console in a browser. This link signs you in once, within {minutes} minutes; `postroom \
                 login-link {whose}` makes another:\n\n    {link}\n"
            )
        });
        let mut text = format!("{}\n{console}", banner(context, url));
        if let Some((_, secret)) = &made {
            text.push_str(&first_steps(url, secret.reveal()));
        }
        Ok(Made::with_secret(json.into(), text))
    });
    match greeted {
        // Where there is nothing new to show, a server does not need anybody to read it.
        Err(Failure::Closed { is_undone: false }) => Ok(()),
        greeted => greeted,
    }
}

/// What to do with the first API key.
fn first_steps(url: &str, secret: &str) -> String {
    format!(
        "\nThe database is new. It has the account \"default\" with one API key, shown this once:\n\n    \
         {secret}\n\n\
         Create a domain, then see whether its DNS records are published:\n\n    \
         curl -s {url}/api/v1/domains -H 'MailPace-Organization-Token: {secret}' \
         -H 'Content-Type: application/json' -d '{{\"domain\":{{\"url\":\"example.com\"}}}}'\n    \
         curl -s -X POST {url}/api/v1/domains/1/verify -H 'MailPace-Organization-Token: {secret}'\n"
    )
}

/// Where the server is, and the hosts that its records must not name in public.
fn banner(context: &Context, url: &str) -> String {
    let mut text = format!("Postroom {} serves {url}\n", env!("CARGO_PKG_VERSION"));
    for host in &context.unusable_hosts {
        // Writing to a String cannot fail.
        let _ = write!(text, "\nWarning: {host}.\n");
    }
    text
}

fn banner_json(context: &Context, url: &str) -> Map<String, Value> {
    let mut json = Map::from_iter([("url".to_owned(), url.into())]);
    if !context.unusable_hosts.is_empty() {
        let warnings = context.unusable_hosts.iter().map(ToString::to_string).collect();
        json.insert("warnings".to_owned(), warnings);
    }
    json
}
