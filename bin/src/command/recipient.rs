//! `postroom recipient`: the addresses at a domain of which something is known.

use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use postroom::address::EmailAddress;
use postroom::page::Page;
use postroom::recipient::{self, FilterMode, FilterRequest, Recipient};
use serde_json::{Value, json};

use super::ask::Consent;
use super::named::{find, parse};
use super::output::table;
use super::{Context, Failure};

#[derive(Subcommand)]
pub(super) enum Command {
    /// List the recipients of a domain by their addresses
    List {
        /// The domain
        domain: String,
        /// At most so many [default: all]
        #[arg(long, value_name = "N", default_value_t = u32::MAX, hide_default_value = true)]
        limit: u32,
        /// After so many
        #[arg(long, value_name = "N", default_value_t = 0)]
        offset: u64,
    },
    /// Show a recipient
    Show {
        /// The address
        address: EmailAddress,
    },
    /// Make a recipient, or change one; what is not said stays as it is
    Save {
        /// The address
        address: EmailAddress,
        /// Whether it is an administrator of the domain's mail (kept for clients of the inbound API; nobody signs in by it)
        #[arg(long, value_name = "true|false")]
        admin: Option<bool>,
        /// Whether its mail is filtered; `compute`: if the subscription has room
        #[arg(long, value_enum)]
        filter: Option<Filter>,
    },
    /// Delete a recipient and its lists; asks first
    Delete {
        /// The address
        address: EmailAddress,
        #[command(flatten)]
        consent: Consent,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Filter {
    On,
    Off,
    Compute,
}

impl From<Filter> for FilterRequest {
    fn from(filter: Filter) -> FilterRequest {
        match filter {
            Filter::On => FilterRequest::On,
            Filter::Off => FilterRequest::Off,
            Filter::Compute => FilterRequest::Compute,
        }
    }
}

pub(super) fn run(context: &mut Context, command: Command) -> Result<ExitCode, Failure> {
    let postroom = context.open()?;
    match command {
        Command::List { domain, limit, offset } => {
            let domain = parse(&domain)?;
            let page = Page { limit, offset };
            let found = postroom.read(|tx| recipient::list(tx, &find(tx, &domain)?.1, page))?;
            context.output.print_list(found.iter().map(recipient_json), || {
                let rows: Vec<_> = found.iter().map(row).collect();
                table(&["ADDRESS", "FILTERED", "ADMINISTRATOR", "CREATED"], &rows)
            })?;
        }
        Command::Show { address } => {
            let found = postroom.read(|tx| {
                let caller = recipient::operator_of(tx, address.domain())?;
                let domain = recipient::domain_of(tx, &caller, address.domain())?;
                recipient::find(tx, &domain, &address)
            })?;
            context.output.print(&recipient_json(&found), || in_words(&found))?;
        }
        Command::Save { address, admin, filter } => {
            let saved = postroom.write(|tx| {
                let caller = recipient::operator_of(tx, address.domain())?;
                let domain = recipient::domain_of(tx, &caller, address.domain())?;
                let known = recipient::ensure(tx, &caller, &domain, &address)?;
                recipient::update(tx, &caller, &domain, &known, admin, filter.map(FilterRequest::from))
            })?;
            context.output.print(&recipient_json(&saved), || in_words(&saved))?;
        }
        Command::Delete { address, consent } => {
            postroom.read(|tx| {
                let caller = recipient::operator_of(tx, address.domain())?;
                let domain = recipient::domain_of(tx, &caller, address.domain())?;
                recipient::find(tx, &domain, &address).map(drop)
            })?;
            let shown = super::output::printable(&address.to_string());
            consent.ask(&format!("Delete {shown} and what it lists?"), &address.to_string())?;
            let deleted = postroom.write(|tx| {
                let caller = recipient::operator_of(tx, address.domain())?;
                let domain = recipient::domain_of(tx, &caller, address.domain())?;
                recipient::delete(tx, &caller, &domain, &address)
            })?;
            let json = json!({ "deleted": deleted.address.to_string() });
            context.output.print(&json, || format!("{shown} is deleted, with what it listed."))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn recipient_json(recipient: &Recipient) -> Value {
    json!({
        "address": recipient.address.to_string(), "filtered": recipient.filter == FilterMode::Filtered,
        "admin": recipient.is_admin, "created_at": recipient.created_at.to_string(),
    })
}

fn row(recipient: &Recipient) -> Vec<String> {
    let word = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    vec![
        recipient.address.to_string(),
        word(recipient.filter == FilterMode::Filtered),
        word(recipient.is_admin),
        recipient.created_at.to_string(),
    ]
}

fn in_words(recipient: &Recipient) -> String {
    let filtered = if recipient.filter == FilterMode::Filtered { "is" } else { "is not" };
    let admin = if recipient.is_admin {
        "; it is an administrator of its domain's mail (kept for clients of the inbound API; nobody signs in by it)"
    } else {
        ""
    };
    let address = super::output::printable(&recipient.address.to_string());
    format!("Mail for {address} {filtered} filtered{admin}.")
}
