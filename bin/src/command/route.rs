//! `postroom route`: as the operator, for whichever account owns the domain.

use std::process::ExitCode;

use clap::Subcommand;
use postroom::address::EmailAddress;
use postroom::db::WriteTx;
use postroom::domain::{Details, Domain};
use postroom::error::Error;
use postroom::route::{self, Mode, Patch, Recipients, Route, RouteChange, RouteDecision};
use postroom::webhook::{VettedUrl, WebhookRules, WebhookUrl};
use serde_json::json;

use super::named::{find, parse};
use super::output::printable;
use super::{Context, Failure};
use crate::json::route::{parts_json, route_json};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Show where a domain's mail goes
    Show {
        /// The domain
        name: String,
    },
    /// Set where a domain's mail goes; what is not named stays as it is, and an empty text removes a part
    Set {
        /// The domain
        name: String,
        /// `store`, `webhook`, `webhook_then_store` or `forward_email`
        #[arg(long)]
        mode: Option<Mode>,
        /// The URL to which the webhook modes post mail: https, at a public address
        #[arg(long, value_name = "URL")]
        webhook_url: Option<String>,
        /// The address to which `forward_email` sends mail
        #[arg(long, value_name = "ADDRESS")]
        forward_to: Option<String>,
        /// `any`: each address has a mailbox. `known`: only recipients that were created, postmaster and abuse
        #[arg(long)]
        recipients: Option<Recipients>,
        /// The address at the domain whose mailbox takes the mail for unknown recipients
        #[arg(long, value_name = "ADDRESS")]
        catch_all: Option<String>,
    },
    /// Say where a message for an address would go
    Test {
        /// The address, or a domain for any address at it
        recipient: String,
    },
}

pub(super) fn run(context: &mut Context, command: Command) -> Result<ExitCode, Failure> {
    let postroom = context.open()?;
    match command {
        Command::Show { name } => {
            let name = parse(&name)?;
            let (domain, route) = postroom.read(|tx| {
                let (_, domain) = find(tx, &name)?;
                let route = route::find(tx, &domain)?;
                Ok::<_, Error>((domain.into_details(), route))
            })?;
            print(context, &domain, &route)?;
        }
        Command::Set { name, mode, webhook_url, forward_to, recipients, catch_all } => {
            let name = parse(&name)?;
            let change = RouteChange {
                mode,
                webhook_url: patch(webhook_url.as_deref(), |text| vet(context, text))?,
                webhook_secret: Patch::Keep,
                forward_to: patch(forward_to.as_deref(), address)?,
                recipients,
                catch_all: patch(catch_all.as_deref(), address)?,
            };
            let (domain, route) = postroom.write(|tx| {
                let (caller, domain) = find(tx, &name)?;
                match route::update(tx, &caller, &domain, change.clone()) {
                    Ok(route) => Ok((domain.into_details(), route)),
                    Err(error) => Err(unmet(tx, &domain, &change, error)?),
                }
            })?;
            print(context, &domain, &route)?;
        }
        Command::Test { recipient } => {
            let address = if recipient.contains('@') {
                address(&recipient)?
            } else {
                address(&format!("postmaster@{recipient}"))?
            };
            let decision = postroom.read(|tx| route::decide(tx, &address))?;
            let (json, text) = match &decision {
                RouteDecision::Known { domain, route } => (
                    json!({ "recipient": address.to_string(), "domain_id": domain.number(), "route": parts_json(route) }),
                    format!("{address}: {}", describe(route)),
                ),
                _ => (
                    json!({ "recipient": address.to_string(), "domain_id": null, "route": null }),
                    format!("{address}: no domain of this server"),
                ),
            };
            context.output.print(&json, || text)?;
            if decision == RouteDecision::UnknownDomain {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Why a route could not be set; where its mode needs an option that neither was given nor is there from before, that option.
fn unmet<'t>(
    tx: &WriteTx<'t>,
    domain: &Domain<'t>,
    change: &RouteChange,
    error: Error,
) -> Result<Failure, Error> {
    let was = route::find(tx, domain)?;
    let mode = change.mode.unwrap_or(was.mode);
    let needs = match mode {
        Mode::Webhook | Mode::WebhookThenStore
            if is_left_out(&change.webhook_url, was.webhook_url.as_ref()) =>
        {
            "--webhook-url, the URL to which mail is posted"
        }
        Mode::ForwardEmail if is_left_out(&change.forward_to, was.forward_to.as_ref()) => {
            "--forward-to, the address to which mail is forwarded"
        }
        _ => return Ok(error.into()),
    };
    Ok(Failure::input(format!("--mode {mode} needs {needs}")))
}

fn is_left_out<T>(change: &Patch<T>, was: Option<&impl Sized>) -> bool {
    matches!(change, Patch::Clear) || matches!(change, Patch::Keep) && was.is_none()
}

fn patch<T>(text: Option<&str>, parse: impl Fn(&str) -> Result<T, Failure>) -> Result<Patch<T>, Failure> {
    match text {
        None => Ok(Patch::Keep),
        Some("") => Ok(Patch::Clear),
        Some(text) => parse(text).map(Patch::Set),
    }
}

fn vet(context: &Context, text: &str) -> Result<VettedUrl, Failure> {
    let policy = context.config.egress()?;
    let rules = WebhookRules { policy: &policy, loopback_http: context.config.switches()?.loopback_webhooks };
    let resolver = context.resolver()?;
    let url = WebhookUrl::parse(text, rules).and_then(|url| url.vet(&resolver, rules));
    url.map_err(|reason| Failure::input(format!("--webhook-url is not usable: {reason}")))
}

fn address(text: &str) -> Result<EmailAddress, Failure> {
    text.parse().map_err(|reason| Failure::input(format!("\"{}\" is no address: {reason}", printable(text))))
}

fn print(context: &Context, domain: &Details, route: &Route) -> Result<(), Failure> {
    context.output.print(&route_json(domain, route), || format!("{}: {}", domain.name, describe(route)))
}

fn describe(route: &Route) -> String {
    let url = route.webhook_url.as_ref().map_or("", WebhookUrl::as_str);
    let address = route.forward_to.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut text = match route.mode {
        Mode::Store => "mail is kept".to_owned(),
        Mode::Webhook => format!("mail is posted to {url}"),
        Mode::WebhookThenStore => format!("mail is posted to {url}, and kept"),
        Mode::ForwardEmail => format!("mail is forwarded to {address}"),
    };
    match (route.recipients, &route.catch_all) {
        (Recipients::Any, _) => {}
        (Recipients::Known, None) => text.push_str("; unknown recipients are refused"),
        (Recipients::Known, Some(catch_all)) => {
            text.push_str("; mail for unknown recipients goes to ");
            text.push_str(&catch_all.to_string());
        }
    }
    printable(&text)
}
