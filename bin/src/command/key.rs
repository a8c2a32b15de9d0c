//! `postroom key`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use postroom::access::{KeyScope, KeyScopes, Network};
use postroom::account::Caller;
use postroom::clock::{Timestamp, check_span};
use postroom::db::ReadTx;
use postroom::error::Error;
use postroom::id::{AccountId, ApiKeyId};
use postroom::key::{ApiKey, KeyRequest};
use postroom::name::DomainName;
use postroom::{account, domain, key};
use serde_json::json;

use super::ask::Consent;
use super::output::{Made, table};
use super::{Context, Failure, named};
use crate::json::api_key::api_key_json;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Create an API key of an account; it is shown only now
    Create {
        /// The account's name
        #[arg(long)]
        account: String,
        /// What the key is for
        #[arg(long)]
        description: Option<String>,
        #[command(flatten)]
        limits: Limits,
    },
    /// List the API keys, revoked ones too, by their last four characters
    List {
        /// Those of one account only
        #[arg(long)]
        account: Option<String>,
    },
    /// Give an API key a new secret, which is shown only now; the domains tied to it stay with it
    Rotate {
        /// Its id, as `key list` shows it
        id: i64,
        /// For how many minutes the secret that it has now remains valid
        #[arg(long, value_name = "MINUTES", default_value_t = key::USUAL_GRACE.as_secs() / 60)]
        grace: u64,
    },
    /// Revoke an API key at once and for good; asks first. The account's other keys can use the domains tied to it
    Revoke {
        /// Its id, as `key list` shows it
        id: i64,
        #[command(flatten)]
        consent: Consent,
    },
}

/// What a new key is limited to.
#[derive(Args)]
pub(super) struct Limits {
    /// For how long it is valid, in days (90d), hours (12h) or minutes (30m) [default: until it is revoked]
    #[arg(long, value_name = "TIME", value_parser = span)]
    expires: Option<Duration>,
    /// A network from which it may be used, such as 192.0.2.0/24; can be given several times [default: everywhere]
    #[arg(long = "network", value_name = "CIDR")]
    networks: Vec<Network>,
    /// What it may do, such as *:read or tokens:write; can be given several times [default: everything]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<KeyScope>,
    /// A domain that it can see; can be given several times [default: all domains of its account]
    #[arg(long = "domain", value_name = "NAME")]
    domains: Vec<String>,
}

impl Limits {
    fn request(&self, tx: &ReadTx<'_>, caller: &Caller) -> Result<KeyRequest, Failure> {
        let mut ids = BTreeSet::new();
        for name in &self.domains {
            ids.insert(domain::find_named(tx, caller, &named::parse(name)?)?.id);
        }
        Ok(KeyRequest {
            expires_at: Some(self.expires.map(|span| tx.now() + span)),
            networks: Some(self.networks.clone()),
            scopes: Some(KeyScopes::new(self.scopes.iter().copied())),
            domains: Some((!ids.is_empty()).then_some(ids)),
        })
    }
}

/// A span of time such as `90d`.
fn span(text: &str) -> Result<Duration, String> {
    let reason = || "it must be a number of days (90d), hours (12h) or minutes (30m)".to_owned();
    let end = text.len().checked_sub(1).filter(|end| text.is_char_boundary(*end)).ok_or_else(reason)?;
    let (digits, unit) = text.split_at(end);
    let minutes = match unit {
        "d" => 24 * 60,
        "h" => 60,
        "m" => 1,
        _ => return Err(reason()),
    };
    let number: u32 = digits.parse().map_err(|_| reason())?;
    let span = Duration::from_secs(u64::from(number) * minutes * 60);
    if span.is_zero() {
        return Err("a key that is valid for no time opens nothing".to_owned());
    }
    check_span(span).map_err(|reason| reason.to_string())
}

pub(super) fn run(context: &mut Context, command: Command) -> Result<ExitCode, Failure> {
    let postroom = context.open()?;
    match command {
        Command::Create { account, description, limits } => {
            context.output.print_made(&postroom, |tx| {
                let caller = Caller::operator(account::find(tx, &account)?.id);
                let request = limits.request(tx, &caller)?;
                let (made, secret) = key::create_for(tx, &caller, description.as_deref(), request)?;
                let json = json!({ "id": made.id.number(), "api_key": secret.reveal() });
                let text = format!("API key {}, shown this once:\n\n    {}\n", made.id, secret.reveal());
                Ok(Made::with_secret(json, text))
            })?;
        }
        Command::List { account } => {
            let keys = postroom.read(|tx| {
                let account = account.map(|name| account::find(tx, &name)).transpose()?;
                let keys = key::list(tx, account.map(|account| account.id))?;
                let limited = keys.iter().filter(|key| key.limits.domains.is_some());
                let accounts: BTreeSet<AccountId> = limited.map(|key| key.account).collect();
                let mut names: BTreeMap<ApiKeyId, Vec<DomainName>> = BTreeMap::new();
                for account in accounts {
                    for (key, name) in domain::limits_of_keys(tx, &Caller::operator(account))? {
                        names.entry(key).or_default().push(name);
                    }
                }
                let keys = keys.into_iter();
                let keys = keys.map(|key| (names.remove(&key.id).unwrap_or_default(), key));
                Ok::<_, Error>(keys.collect::<Vec<_>>())
            })?;
            let json = keys.iter().map(|(names, key)| {
                let mut shown = api_key_json(key, names);
                if let Some(members) = shown.as_object_mut() {
                    members.insert("account_id".to_owned(), key.account.number().into());
                    members.insert("revoked_at".to_owned(), text(key.revoked_at).into());
                }
                shown
            });
            context.output.print(&json.collect(), || {
                let rows: Vec<_> = keys
                    .iter()
                    .map(|(names, key)| {
                        vec![
                            key.id.to_string(),
                            key.account.to_string(),
                            format!("…{}", key.last4),
                            key.description.clone().unwrap_or_default(),
                            text(key.last_used_at).unwrap_or_else(|| "never".to_owned()),
                            text(key.revoked_at).unwrap_or_default(),
                            limits(key, names),
                        ]
                    })
                    .collect();
                table(&["ID", "ACCOUNT", "KEY", "DESCRIPTION", "LAST USED", "REVOKED", "LIMITS"], &rows)
            })?;
        }
        Command::Rotate { id, grace } => {
            context.output.print_made(&postroom, |tx| {
                let id = ApiKeyId::new(id);
                let caller = Caller::operator(key::find(tx, id)?.account);
                let grace_time = Duration::from_secs(grace.saturating_mul(60));
                let (rotated, secret) = key::rotate(tx, &caller, id, grace_time)?;
                let json = json!({ "id": rotated.id.number(), "api_key": secret.reveal() });
                let before = if grace == 0 {
                    "The secret before it is not valid any more.".to_owned()
                } else {
                    format!("The secret before it is valid for {grace} minutes more.")
                };
                let text = format!(
                    "API key {}, shown this once:\n\n    {}\n\n{before}\n",
                    rotated.id,
                    secret.reveal()
                );
                Ok(Made::with_secret(json, text))
            })?;
        }
        Command::Revoke { id, consent } => {
            let id = ApiKeyId::new(id);
            let found = postroom.read(|tx| key::find(tx, id))?;
            let question = format!("Revoke API key {id} (…{}) for good?", found.last4);
            consent.ask(&question, &id.to_string())?;
            let revoked = postroom.write(|tx| key::revoke(tx, id))?;
            let json = json!({ "id": revoked.id.number(), "revoked_at": text(revoked.revoked_at) });
            context
                .output
                .print(&json, || format!("API key {} (…{}) is revoked.", revoked.id, revoked.last4))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What a key is limited to, in a line.
fn limits(key: &ApiKey, names: &[DomainName]) -> String {
    let joined = |texts: Vec<String>| texts.join(" ");
    let mut parts = Vec::new();
    if let Some(at) = key.limits.expires_at {
        parts.push(format!("until {at}"));
    }
    if !key.limits.networks.is_empty() {
        parts.push(format!("from {}", joined(key.limits.networks.iter().map(Network::to_string).collect())));
    }
    if let Some(scopes) = &key.limits.scopes {
        parts.push(format!("may {}", joined(scopes.iter().map(|scope| scope.to_string()).collect())));
    }
    match (&key.limits.domains, names) {
        (None, _) => {}
        (Some(_), []) => parts.push("for no domain that is left".to_owned()),
        (Some(_), names) => {
            parts.push(format!("for {}", joined(names.iter().map(DomainName::to_string).collect())));
        }
    }
    parts.join("; ")
}

fn text(moment: Option<Timestamp>) -> Option<String> {
    moment.map(|at| at.to_string())
}
