//! `postroom setup-link`: pages with a domain's records, for whoever enters them at a DNS provider.

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use postroom::id::SetupLinkId;
use postroom::setup_link::{self, SetupLink};
use serde_json::{Value, json};

use super::login_link::link_base;
use super::named::{find, parse};
use super::output::{Made, table};
use super::{Context, Failure};
use crate::console::setup_url;
use crate::json::setup_link::setup_link_json;

const DAY: Duration = Duration::from_hours(24);

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a link to a page with a domain's records, what is wrong with them, and a button to check them
    ///
    /// Send it to whoever enters the records: the page needs no account, shows nothing else and can change nothing. It is in English, German, French
    /// or Spanish. The link is shown only now.
    Create {
        /// The domain
        domain: String,
        /// For how many days it works, 90 at most
        #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=90))]
        days: u32,
    },
    /// List the links of a domain that work, the newest first
    List {
        /// The domain
        domain: String,
    },
    /// Revoke a link at once
    Revoke {
        /// The domain
        domain: String,
        /// Its id, as `setup-link list` shows it
        id: i64,
    },
}

pub(super) fn run(context: &mut Context, command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Create { domain, days } => create(context, &domain, days),
        Command::List { domain } => list(context, &domain),
        Command::Revoke { domain, id } => revoke(context, &domain, id),
    }
}

fn create(context: &mut Context, domain: &str, days: u32) -> Result<ExitCode, Failure> {
    let base_url = link_base(context)?;
    let postroom = context.open()?;
    let domain = parse(domain)?;
    context.output.print_made(&postroom, |tx| {
        let (caller, found) = find(tx, &domain)?;
        let (link, secret) = setup_link::create(tx, &caller, &found, DAY * days)?;
        let url = setup_url(&base_url, &secret);
        let mut json = setup_link_json(&link);
        if let Value::Object(fields) = &mut json {
            fields.insert("setup_link".to_owned(), url.as_str().into());
        }
        let text = format!(
            "The records of {domain}, for whoever enters them, until {}:\n\n    {url}\n",
            link.expires_at
        );
        Ok(Made::with_secret(json, text))
    })?;
    Ok(ExitCode::SUCCESS)
}

fn list(context: &mut Context, domain: &str) -> Result<ExitCode, Failure> {
    let postroom = context.open()?;
    let domain = parse(domain)?;
    let links = postroom.read(|tx| setup_link::list(tx, &find(tx, &domain)?.1))?;
    context.output.print_list(links.iter().map(setup_link_json), || {
        let row = |link: &SetupLink| {
            let looked_at = link.looked_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
            let last4 = format!("…{}", link.last4);
            vec![
                link.id.to_string(),
                last4,
                link.created_at.to_string(),
                link.expires_at.to_string(),
                looked_at,
            ]
        };
        table(&["ID", "LINK", "CREATED", "EXPIRES", "LAST CHECK"], &links.iter().map(row).collect::<Vec<_>>())
    })?;
    Ok(ExitCode::SUCCESS)
}

fn revoke(context: &mut Context, domain: &str, id: i64) -> Result<ExitCode, Failure> {
    let postroom = context.open()?;
    let (domain, id) = (parse(domain)?, SetupLinkId::new(id));
    postroom.write(|tx| {
        let (caller, found) = find(tx, &domain)?;
        setup_link::revoke(tx, &caller, &found, id)
    })?;
    context.output.print(&json!({ "revoked": id.number() }), || format!("Set-up link {id} is revoked."))?;
    Ok(ExitCode::SUCCESS)
}
