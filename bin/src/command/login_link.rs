//! `postroom login-link`: as the operator, for whichever account owns the domain.

use std::process::ExitCode;

use postroom::error::Error;
use postroom::login;
use serde_json::json;

use super::named::{find, parse};
use super::{Context, Failure};
use crate::console::login_url;

/// Print a link that signs whoever opens it in to a domain, once
#[derive(clap::Args)]
pub(super) struct Args {
    /// The domain
    name: String,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<ExitCode, Failure> {
    let name = parse(&args.name)?;
    let base_url = if let Some(url) = context.config.get::<String>("public_url")? {
        url
    } else {
        let scheme = if context.config.tls()?.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", super::reachable(context.config.listen()?));
        tracing::warn!(
            "public_url is not set, so the link begins with {url}; set POSTROOM_PUBLIC_URL to what people reach"
        );
        url
    };
    let postroom = context.open()?;
    let (domain, link, secret) = postroom.write(|tx| {
        let (caller, domain) = find(tx, &name)?;
        let (link, secret) = login::create(tx, &caller, &domain)?;
        Ok::<_, Error>((domain.into_details(), link, secret))
    })?;
    let url = login_url(&base_url, &secret);
    let json = json!({
        "domain": domain.name.as_str(), "login_link": url, "expires_at": link.expires_at.to_string(),
    });
    context.output.print(&json, || url.clone());
    Ok(ExitCode::SUCCESS)
}
