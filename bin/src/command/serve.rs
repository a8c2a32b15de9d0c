//! `postroom serve`: the database, the listener, and the threads that work behind them.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use postroom::db::Postroom;
use postroom::dkim::pool;
use postroom::dns::Resolver;
use postroom::error::Error;
use postroom::verify::schedule;
use postroom::{account, key, login, provision, report, rotation};
use serde_json::json;
use tracing::{error, info, warn};

use super::{Context, Failure, reachable};
use crate::app::{App, stop_if_sync_failed};
use crate::listen::{Listener, MemoryMib, Settings, TlsFiles};
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
/// How long a stop may take where nothing is configured.
const GRACE_SECONDS: u32 = 30;
/// The most of it for closing the database.
const LONGEST_CLOSING: Duration = Duration::from_secs(8);
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

pub(super) fn run(context: &mut Context, args: Args) -> Result<ExitCode, Failure> {
    crate::log::start()
        .map_err(|error| Failure::new(format!("the system gives no thread for the log: {error}")))?;
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
    if let Some(most) = context.config.get("limits.connections")? {
        settings.connections = most;
    }
    if let Some(MemoryMib(octets)) = context.config.get("limits.memory_mib")? {
        settings.memory = octets;
    }
    if let Some(most) = context.config.get("limits.write_queue")? {
        settings.write_queue = most;
    }
    let grace = Grace::of(context.config.get("stop.grace_s")?.unwrap_or(GRACE_SECONDS));
    settings.grace = grace.for_answers;
    // Whatever is wrong with the configuration is said before anything is made, and before a key is told this once.
    let switches = context.config.switches()?;
    let at_once = context.config.get("schedule.at_once")?.unwrap_or(CHECKS_AT_ONCE);
    let rate = context.config.get("limits.requests_per_second")?.unwrap_or(REQUESTS_PER_SECOND);
    let failures = context.config.get("limits.failures_per_second")?.unwrap_or(FAILURES_PER_SECOND);
    let public_url = context.config.get("public_url")?;
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let resolver = Arc::new(context.resolver()?);
    let postroom = Arc::new(context.open()?);
    // Held until this returns: a second server is refused, a killed one leaves nothing behind.
    let _claim = postroom.claim()?;
    let listener = Listener::bind(settings).map_err(|e| Failure::new(e.to_string()))?;
    context.config.warnings.iter().for_each(|text| warn!("{text}"));

    let address = listener.local_addr();
    let url = public_url.unwrap_or_else(|| format!("{scheme}://{}", reachable(address)));
    greet(context, &postroom, &url)?;
    info!(%address, database = %postroom.file().display(), "serving");

    let app = App::new(Arc::clone(&postroom), Arc::clone(&resolver) as _);
    let app =
        Arc::new(app.switched(switches).limited(Limits::new(rate, failures, Ticks::default())).at(&url));
    let (stop, stopped) = channel::<()>();
    let (stop_filling, filling_stopped) = channel::<()>();
    let noting = background("postroom-notes", {
        let app = Arc::clone(&app);
        move || note_uses(&app, &stopped)
    })?;
    // The threads below may be in the middle of a key that nobody needs any more, or of a look at a slow zone: a
    // stop does not wait for them. What a check had not written is due again when its lease ends.
    for _ in 0..at_once {
        let (postroom, resolver) = (Arc::clone(&postroom), Arc::clone(&resolver));
        background("postroom-check", move || keep_schedule(&postroom, &*resolver))?;
    }
    background("postroom-spares", {
        let postroom = Arc::clone(&postroom);
        move || fill_pool(&postroom, &filling_stopped)
    })?;
    background("postroom-turns", {
        let postroom = Arc::clone(&postroom);
        move || keep_rotations(&postroom)
    })?;
    background("postroom-forget", {
        let postroom = Arc::clone(&postroom);
        move || forget(&postroom)
    })?;
    let served = listener.run(app).map_err(|e| Failure::new(e.to_string()));
    drop((stop, stop_filling));
    let closed = close(noting, postroom, grace.for_closing);
    served?;
    if closed {
        info!("stopped");
    } else {
        warn!("stopped without closing the database, which is busy; what was acknowledged is on disk");
    }
    Ok(ExitCode::SUCCESS)
}

/// How the time that a stop may take is shared out.
struct Grace {
    /// For the requests in hand.
    for_answers: Duration,
    /// For what is written last, and for closing the database.
    for_closing: Duration,
}

impl Grace {
    fn of(seconds: u32) -> Grace {
        let whole = Duration::from_secs(u64::from(seconds));
        let for_closing = (whole / 4).min(LONGEST_CLOSING);
        Grace { for_answers: whole.saturating_sub(for_closing), for_closing }
    }
}

/// Has the uses of keys written down and closes the database, in the time there is; whether that sufficed. Another process can
/// hold the write lock for as long as it likes.
fn close(noting: JoinHandle<()>, postroom: Arc<Postroom>, time: Duration) -> bool {
    let (closed, waits) = channel::<()>();
    let closing = background("postroom-close", move || {
        if noting.join().is_err() {
            error!("the thread that notes the uses of keys had died");
        }
        postroom.close();
        // Nobody waits any more where the time has run out.
        let _ = closed.send(());
    });
    closing.is_ok() && waits.recv_timeout(time).is_ok()
}

/// A thread for work beside the requests; the system may have none left.
fn background(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Failure> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|error| Failure::new(format!("the system gives no thread ({name}): {error}")))
}

/// Makes the first account of an empty database, and tells its key, this once.
fn greet(context: &Context, postroom: &Postroom, url: &str) -> Result<(), Failure> {
    let first = postroom.write(|tx| {
        if !account::list(tx)?.is_empty() {
            return Ok(None);
        }
        let account = account::create(tx, "default")?;
        let (_, secret) = key::create(tx, account.id, Some("made at the first start"))?;
        Ok::<_, Error>(Some((account, secret)))
    })?;
    let Some((account, secret)) = first else {
        let text = || format!("Postroom {} serves {url}", env!("CARGO_PKG_VERSION"));
        context.output.print(&json!({ "url": url }), text);
        return Ok(());
    };
    let json = json!({
        "url": url,
        "account": { "id": account.id.number(), "name": account.name },
        "api_key": secret.reveal(),
    });
    context.output.print(&json, || {
        let (version, secret) = (env!("CARGO_PKG_VERSION"), secret.reveal());
        format!(
            "Postroom {version} serves {url}\n\n\
             The database is new. It has the account \"default\" with one API key, shown this once:\n\n    \
             {secret}\n\n\
             Create a domain, then see whether its DNS records are published:\n\n    \
             curl -s {url}/api/v1/domains -H 'MailPace-Organization-Token: {secret}' \
             -H 'Content-Type: application/json' -d '{{\"domain\":{{\"url\":\"example.com\"}}}}'\n    \
             curl -s -X POST {url}/api/v1/domains/1/verify -H 'MailPace-Organization-Token: {secret}'\n"
        )
    });
    Ok(())
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
