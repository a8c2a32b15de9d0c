//! `postroom login-link`: as the operator, to a domain of whichever account, to an account, or to all of them.

use std::process::ExitCode;

use postroom::account::{self, Caller};
use postroom::clock::Timestamp;
use postroom::login;
use serde_json::{Value, json};

use super::named::{find, parse};
use super::output::Made;
use super::{Context, Failure};
use crate::console::login_url;

/// Print a single-use link: whoever opens it is signed in to the console
#[derive(clap::Args)]
#[group(id = "to", required = true, multiple = false)]
pub(super) struct Args {
    /// Sign in to this domain alone, as its administrator
    #[arg(group = "to")]
    name: Option<String>,
    /// Sign in to this account, as its administrator
    #[arg(long, value_name = "NAME", group = "to")]
    account: Option<String>,
    /// Sign in to all accounts, as the operator
    #[arg(long, group = "to")]
    operator: bool,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<ExitCode, Failure> {
    let name = args.name.as_deref().map(parse).transpose()?;
    let base_url = link_base(context)?;
    let postroom = context.open()?;
    context.output.print_made(&postroom, |tx| {
        let ((link, secret), to) = match (&name, &args.account) {
            (Some(name), _) => {
                let (caller, domain) = find(tx, name)?;
                (login::create(tx, &caller, &domain)?, json!({ "domain": name.as_str() }))
            }
            (None, Some(account)) => {
                let account = account::find(tx, account)?;
                let made = login::create_for_account(tx, &Caller::operator(account.id))?;
                (made, json!({ "account": account.name }))
            }
            (None, None) => (login::create_for_operator(tx)?, json!({ "operator": true })),
        };
        let url = login_url(&base_url, &secret);
        Ok(Made::with_secret(with_link(to, &url, link.expires_at), url))
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What a link for somebody begins with.
pub(super) fn link_base(context: &Context) -> Result<String, Failure> {
    if let Some(url) = context.config.public_url()? {
        return Ok(url.as_str().to_owned());
    }
    let scheme = if context.config.tls()?.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}", super::reachable(context.config.listen()?));
    tracing::warn!(
        "public_url is not set, so the link begins with {url}; set POSTROOM_PUBLIC_URL to what people reach"
    );
    Ok(url)
}

/// What the link leads to, with the link.
fn with_link(mut to: Value, url: &str, expires_at: Timestamp) -> Value {
    if let Value::Object(members) = &mut to {
        members.insert("login_link".to_owned(), url.into());
        members.insert("expires_at".to_owned(), expires_at.to_string().into());
    }
    to
}
