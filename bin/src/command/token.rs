//! `postroom token`: the sending tokens of a domain.

use std::process::ExitCode;

use clap::Subcommand;
use postroom::db::Postroom;
use postroom::id::DomainTokenId;
use postroom::token::{self, DomainToken};
use serde_json::{Value, json};

use super::ask::Consent;
use super::named::{find, parse};
use super::output::{Made, table};
use super::{Context, Failure};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Create a token with which mail can be sent for a domain; it is shown only now
    Create {
        /// The domain
        domain: String,
        /// What the token is called
        #[arg(long)]
        name: Option<String>,
    },
    /// List the live tokens of a domain by their last four characters, the oldest first
    List {
        /// The domain
        domain: String,
    },
    /// Revoke a token at once and for good; asks first
    Revoke {
        /// The domain
        domain: String,
        /// Its id, as `token list` shows it
        id: i64,
        #[command(flatten)]
        consent: Consent,
    },
}

pub(super) fn run(context: &mut Context, command: Command) -> Result<ExitCode, Failure> {
    let postroom = context.open()?;
    match command {
        Command::Create { domain, name } => create(context, &postroom, &domain, name.as_deref()),
        Command::List { domain } => list(context, &postroom, &domain),
        Command::Revoke { domain, id, consent } => revoke(context, &postroom, &domain, id, &consent),
    }
}

fn create(
    context: &Context,
    postroom: &Postroom,
    domain: &str,
    name: Option<&str>,
) -> Result<ExitCode, Failure> {
    let domain = parse(domain)?;
    context.output.print_made(postroom, |tx| {
        let (caller, found) = find(tx, &domain)?;
        let (token, secret) = token::create(tx, &caller, &found, name)?;
        let mut json = token_json(&token);
        if let Value::Object(fields) = &mut json {
            fields.insert("token".to_owned(), secret.reveal().into());
        }
        let text = format!("Token {} of {domain}, shown this once:\n\n    {}\n", token.id, secret.reveal());
        Ok(Made::with_secret(json, text))
    })?;
    Ok(ExitCode::SUCCESS)
}

fn list(context: &Context, postroom: &Postroom, domain: &str) -> Result<ExitCode, Failure> {
    let domain = parse(domain)?;
    let tokens = postroom.read(|tx| token::list(tx, &find(tx, &domain)?.1, None, u32::MAX))?;
    context.output.print_list(tokens.iter().map(token_json), || {
        let rows: Vec<_> = tokens
            .iter()
            .map(|token| {
                vec![
                    token.id.to_string(),
                    format!("…{}", token.last4),
                    token.created_at.to_string(),
                    token.last_used_at.map_or_else(|| "never".to_owned(), |at| at.to_string()),
                    token.name.clone().unwrap_or_default(),
                ]
            })
            .collect();
        table(&["ID", "TOKEN", "CREATED", "LAST USED", "NAME"], &rows)
    })?;
    Ok(ExitCode::SUCCESS)
}

fn revoke(
    context: &Context,
    postroom: &Postroom,
    domain: &str,
    id: i64,
    consent: &Consent,
) -> Result<ExitCode, Failure> {
    let (domain, id) = (parse(domain)?, DomainTokenId::new(id));
    let token = postroom.read(|tx| token::find(tx, &find(tx, &domain)?.1, id))?;
    let named = token.name.map_or_else(String::new, |name| format!(" \"{name}\""));
    let question = format!("Revoke token {id}{named} of {domain}? Who sends with it can send no more.");
    consent.ask(&question, &id.to_string())?;
    postroom.write(|tx| {
        let (caller, found) = find(tx, &domain)?;
        token::revoke(tx, &caller, &found, id).map(drop)
    })?;
    context.output.print(&json!({ "revoked": id.number() }), || format!("Token {id} is revoked."))?;
    Ok(ExitCode::SUCCESS)
}

fn token_json(token: &DomainToken) -> Value {
    json!({
        "id": token.id.number(), "name": token.name, "last4": token.last4,
        "created_at": token.created_at.to_string(),
        "last_used_at": token.last_used_at.map(|at| at.to_string()),
    })
}
