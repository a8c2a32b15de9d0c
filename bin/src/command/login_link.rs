//! `postroom login-link`: as the operator, for whichever account owns the domain.

use std::process::ExitCode;

use postroom::login;
use serde_json::json;

use super::named::{find, parse};
use super::{Context, Failure};
use crate::console::login_url;

/// Print a single-use link: whoever opens it is signed in to the domain
#[derive(clap::Args)]
pub(super) struct Args {
    /// The domain
    name: String,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<ExitCode, Failure> {
    let name = parse(&args.name)?;
    let base_url = if let Some(url) = context.config.public_url()? {
        url.as_str().to_owned()
    } else {
        let scheme = if context.config.tls()?.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", super::reachable(context.config.listen()?));
        tracing::warn!(
            "public_url is not set, so the link begins with {url}; set POSTROOM_PUBLIC_URL to what people reach"
        );
        url
    };
    let postroom = context.open()?;
    postroom.write(|tx| {
        let (caller, domain) = find(tx, &name)?;
        let (link, secret) = login::create(tx, &caller, &domain)?;
        let url = login_url(&base_url, &secret);
        let json = json!({
            "domain": domain.name.as_str(), "login_link": url, "expires_at": link.expires_at.to_string(),
        });
        context.output.print_secret(&json, || url.clone())
    })?;
    Ok(ExitCode::SUCCESS)
}
