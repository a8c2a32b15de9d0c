//! `postroom serve`: the database, the listener, and the duties behind them.

use std::process::ExitCode;
use std::sync::Arc;

use postroom::db::Postroom;
use postroom::dns::Resolver;
use postroom::error::Error;
use postroom::{account, key};
use serde_json::json;
use tracing::{info, warn};

use super::{Context, Failure, reachable};
use crate::app::App;
use crate::duty::{DUTIES, Duties, GRACE, Tools};
use crate::listen::{Answer, Listener, Settings, TlsFiles};
use crate::wire::http::{Method, Request, Response};
use crate::wire::limit::{FAILURES_PER_SECOND, Limits, REQUESTS_PER_SECOND, Ticks};

/// How many domains are checked at once where nothing is configured.
const CHECKS_AT_ONCE: u32 = 16;

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
    let public_url = context.config.get("public_url")?;
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let resolver: Arc<dyn Resolver> = Arc::new(context.resolver()?);
    let postroom = Arc::new(context.open()?);
    // Held until this returns: a second server is refused, a killed one leaves nothing behind.
    let _claim = postroom.claim()?;
    let listener = Listener::bind(settings).map_err(|e| Failure::new(e.to_string()))?;
    context.config.warnings.iter().for_each(|text| warn!("{text}"));

    let address = listener.local_addr();
    let url = public_url.unwrap_or_else(|| format!("{scheme}://{}", reachable(address)));
    greet(context, &postroom, &url)?;
    info!(%address, database = %postroom.file().display(), "serving");

    let app = App::new(Arc::clone(&postroom), Arc::clone(&resolver));
    let app =
        Arc::new(app.switched(switches).limited(Limits::new(rate, failures, Ticks::default())).at(&url));
    let tools =
        Tools { app: Arc::clone(&app), postroom: Arc::clone(&postroom), resolver, checks_at_once: at_once };
    let duties =
        Duties::start(DUTIES, tools).map_err(|e| Failure::new(format!("no thread for a duty: {e}")))?;
    let served = listener.run(app).map_err(|e| Failure::new(e.to_string()));
    duties.stop(GRACE);
    postroom.close();
    served?;
    info!("stopped");
    Ok(ExitCode::SUCCESS)
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
