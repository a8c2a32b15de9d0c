//! `postroom serve`: the database, the listener, and the threads that work behind them.

use std::fmt::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use postroom::db::Postroom;
use postroom::dkim::pool;
use postroom::dns::Resolver;
use postroom::verify::schedule;
use postroom::{account, key, login, provision, report, rotation};
use serde_json::{Map, Value, json};
use tracing::{error, info, warn};

use super::{Context, Failure, reachable};
use crate::app::{App, stop_if_sync_failed};
use crate::listen::{Answer, Listener, Settings, TlsFiles};
use crate::wire::http::{Method, Request, Response};
use crate::wire::limit::{FAILURES_PER_SECOND, Limits, REQUESTS_PER_SECOND, Ticks};

/// How often the uses of keys are written down.
const NOTE_USES_EVERY: Duration = Duration::from_secs(30);
/// How many domains are checked at once where nothing is configured.
const CHECKS_AT_ONCE: u32 = 16;
/// How often each of the threads that check looks for a domain whose turn it is.
const LOOK_FOR_DUE_EVERY: Duration = Duration::from_secs(1);
/// How often steps of rotations are looked for; what they wait for is seen by checks, minutes and hours apart.
const KEEP_ROTATIONS_EVERY: Duration = Duration::from_secs(5);
/// How many domains get their first key in one transaction.
const EQUIP_AT_ONCE: u32 = 16;
/// How often what is past its time is deleted.
const FORGET_EVERY: Duration = Duration::from_mins(1);
/// How many login links are deleted at once.
const LINKS_AT_ONCE: u32 = 1000;
/// How often the pool of spare keys is looked at.
const FILL_EVERY: Duration = Duration::from_millis(500);

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

impl Answer for App {
    fn answer(&self, request: Request) -> Response {
        App::answer(self, &request)
    }

    fn body_limit(&self, method: &Method, path: &str) -> usize {
        App::body_limit(self, method, path)
    }
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<ExitCode, Failure> {
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
    if let Some(most) = context.config.get("limits.per_address")? {
        settings.per_address = most;
    }
    // Whatever is wrong with the configuration is said before anything is made, and before a key is told this once.
    let switches = context.config.switches()?;
    let at_once = context.config.get("schedule.at_once")?.unwrap_or(CHECKS_AT_ONCE);
    let rate = context.config.get("limits.requests_per_second")?.unwrap_or(REQUESTS_PER_SECOND);
    let failures = context.config.get("limits.failures_per_second")?.unwrap_or(FAILURES_PER_SECOND);
    let public_url = context.config.public_url()?;
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let resolver = Arc::new(context.resolver()?);
    let postroom = Arc::new(context.open_or_make()?);
    // Held until this returns: a second server is refused, a killed one leaves nothing behind.
    let _claim = postroom.claim()?;
    let listener = Listener::bind(settings)?;
    context.unusable_hosts.iter().for_each(|host| warn!("{host}"));

    let address = listener.local_addr();
    let url = public_url
        .map_or_else(|| format!("{scheme}://{}", reachable(address)), |url| url.as_str().to_owned());
    greet(context, &postroom, &url)?;
    info!(%address, database = %postroom.file().display(), "serving");

    let app = App::new(Arc::clone(&postroom), Arc::clone(&resolver) as _);
    let app =
        Arc::new(app.switched(switches).limited(Limits::new(rate, failures, Ticks::default())).at(&url));
    let (stop, stopped) = channel::<()>();
    let (stop_filling, filling_stopped) = channel::<()>();
    let noting = thread::spawn({
        let app = Arc::clone(&app);
        move || note_uses(&app, &stopped)
    });
    // The threads below may be in the middle of a key that nobody needs any more, or of a look at a slow zone: a
    // stop does not wait for them. What a check had not written is due again when its lease ends.
    for _ in 0..at_once {
        let (postroom, resolver) = (Arc::clone(&postroom), Arc::clone(&resolver));
        thread::Builder::new()
            .name("postroom-check".to_owned())
            .spawn(move || keep_schedule(&postroom, &*resolver))
            .map_err(|e| Failure::wrong(format!("no thread for the schedule of checks: {e}")))?;
    }
    thread::spawn({
        let postroom = Arc::clone(&postroom);
        move || fill_pool(&postroom, &filling_stopped)
    });
    thread::spawn({
        let postroom = Arc::clone(&postroom);
        move || keep_rotations(&postroom)
    });
    thread::spawn({
        let postroom = Arc::clone(&postroom);
        move || forget(&postroom)
    });
    let served = listener.run(app);
    drop((stop, stop_filling));
    if noting.join().is_err() {
        error!("the thread that notes the uses of keys had died");
    }
    postroom.close();
    served?;
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Makes the first account of an empty database and shows its key, this once; says where the server is.
fn greet(context: &Context, postroom: &Postroom, url: &str) -> Result<(), Failure> {
    let greeted = postroom.write(|tx| {
        if !account::list(tx)?.is_empty() {
            return context.output.print(&banner_json(context, url).into(), || banner(context, url));
        }
        let account = account::create(tx, "default")?;
        let (_, secret) = key::create(tx, account.id, Some("made at the first start"))?;
        let mut json = banner_json(context, url);
        json.insert("account".to_owned(), json!({ "id": account.id.number(), "name": account.name }));
        json.insert("api_key".to_owned(), secret.reveal().into());
        context.output.print_secret(&json.into(), || {
            let secret = secret.reveal();
            format!(
                "{}\n\
                 The database is new. It has the account \"default\" with one API key, shown this once:\n\n    \
                 {secret}\n\n\
                 Create a domain, then see whether its DNS records are published:\n\n    \
                 curl -s {url}/api/v1/domains -H 'MailPace-Organization-Token: {secret}' \
                 -H 'Content-Type: application/json' -d '{{\"domain\":{{\"url\":\"example.com\"}}}}'\n    \
                 curl -s -X POST {url}/api/v1/domains/1/verify -H 'MailPace-Organization-Token: {secret}'\n",
                banner(context, url)
            )
        })
    });
    match greeted {
        // Where there is nothing new to show, a server does not need anybody to read it.
        Err(Failure::Closed { is_undone: false }) => Ok(()),
        greeted => greeted,
    }
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

/// Writes down when keys were last used and forgets what has expired, now and then and at the end.
fn note_uses(app: &App, stopped: &Receiver<()>) {
    loop {
        let ended = stopped.recv_timeout(NOTE_USES_EVERY) != Err(RecvTimeoutError::Timeout);
        if let Err(error) = app.note_uses() {
            stop_if_sync_failed(&error);
            warn!(%error, "the last uses of keys were not noted");
        }
        if let Err(error) = app.forget() {
            stop_if_sync_failed(&error);
            warn!(%error, "expired answers were not deleted");
        }
        if ended {
            return;
        }
    }
}

/// Checks domains as their turn comes, one at a time; as many threads do this as domains are checked at once.
fn keep_schedule(postroom: &Postroom, resolver: &dyn Resolver) {
    loop {
        match schedule::run_due(postroom, resolver, 1) {
            Ok(0) => thread::sleep(LOOK_FOR_DUE_EVERY),
            Ok(_) => {}
            Err(error) => {
                stop_if_sync_failed(&error);
                warn!(%error, "a scheduled check was not written down");
                thread::sleep(Duration::from_secs(10));
            }
        }
    }
}

/// Takes the steps of rotations as they come due.
fn keep_rotations(postroom: &Postroom) {
    loop {
        if let Err(error) = rotation::keep(postroom) {
            stop_if_sync_failed(&error);
            warn!(%error, "a step of a key's rotation was not taken");
        }
        thread::sleep(KEEP_ROTATIONS_EVERY);
    }
}

/// Deletes what is past its time: reports, and login links that nobody used.
fn forget(postroom: &Postroom) {
    loop {
        let forgotten = report::expire(postroom)
            .and_then(|_| postroom.write(|tx| login::forget_expired(tx, LINKS_AT_ONCE)));
        if let Err(error) = forgotten {
            stop_if_sync_failed(&error);
            warn!(%error, "what is past its time could not be deleted");
        }
        thread::sleep(FORGET_EVERY);
    }
}

/// Keeps the pool of spare DKIM keys full.
fn fill_pool(postroom: &Postroom, stopped: &Receiver<()>) {
    loop {
        let equipped = provision::equip_some(postroom, EQUIP_AT_ONCE);
        let pause = match equipped.and_then(|some| Ok(pool::fill(postroom)? || some)) {
            Ok(true) => Duration::ZERO,
            Ok(false) => FILL_EVERY,
            Err(error) => {
                stop_if_sync_failed(&error);
                warn!(%error, "no spare DKIM key could be made");
                Duration::from_secs(10)
            }
        };
        if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}
