//! `postroom list`: as the operator, for whichever account owns the domain.

use std::fmt::Write;
use std::process::ExitCode;

use clap::Subcommand;
use postroom::account::{self, Caller};
use postroom::address::EmailAddress;
use postroom::db::{Postroom, ReadTx};
use postroom::domain::Domain;
use postroom::error::{Entity, Error};
use postroom::list::{
    self, Because, Explanation, Field, Item, ListEntry, ListKind, ListOutcome, ListQuery, Scope,
};
use postroom::recipient;
use serde_json::{Value, json};

use super::named::{self, parse};
use super::output::{printable, table};
use super::{Context, Exit, Failure};
use crate::json::list::{added_json, entry_json, explanation_json};

/// Whose lists.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Whose {
    /// The lists of this account
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// The lists of this domain
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,
    /// The lists of this recipient
    #[arg(long, value_name = "ADDRESS")]
    recipient: Option<String>,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Put items on a list
    Add {
        #[command(flatten)]
        whose: Whose,
        /// `safelist` or `blocklist`
        list: ListKind,
        /// An address, a domain (.example.com: and all below it), an IP address or a block of them
        #[arg(required = true, value_name = "ITEM")]
        items: Vec<Item>,
    },
    /// Remove an item from a list; exits 3 when it is not there
    Remove {
        #[command(flatten)]
        whose: Whose,
        /// `safelist` or `blocklist`
        list: ListKind,
        /// The item, in whatever spelling
        item: Item,
    },
    /// Show the entries, in the order in which they were made
    Show {
        #[command(flatten)]
        whose: Whose,
        /// `safelist` or `blocklist` [default: both]
        list: Option<ListKind>,
    },
    /// Say what the lists decide about a message, which entry decides, and which entries it overrules
    Explain {
        /// For whom it is
        #[arg(long, value_name = "ADDRESS")]
        recipient: String,
        /// Its envelope sender
        #[arg(long, value_name = "ADDRESS")]
        sender: Option<String>,
        /// The address in its header field From
        #[arg(long, value_name = "ADDRESS")]
        from: Option<String>,
        /// The client that delivers it
        #[arg(long, value_name = "ADDRESS")]
        ip: Option<String>,
    },
}

pub(super) fn run(context: &mut Context, command: Command) -> Result<ExitCode, Failure> {
    let postroom = context.open()?;
    match command {
        Command::Add { whose, list, items } => add(context, &postroom, &whose, list, &items),
        Command::Remove { whose, list, item } => remove(context, &postroom, &whose, list, &item),
        Command::Show { whose, list } => show(context, &postroom, &whose, list),
        Command::Explain { recipient, sender, from, ip } => {
            let query = ListQuery::parse(&recipient, sender.as_deref(), from.as_deref(), ip.as_deref())
                .map_err(|e| Failure::input(format!("--{e}")))?;
            let explanation = postroom.read(|tx| {
                let caller = recipient::operator_of(tx, query.recipient.domain())?;
                list::explain_for(tx, &caller, &query)
            })?;
            context.output.print(&explanation_json(&query, &explanation), || told(&query, &explanation))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Whose lists are meant, found.
enum Place<'t> {
    Account(Caller),
    Domain(Caller, Domain<'t>),
    Recipient(Caller, Domain<'t>, EmailAddress),
}

fn find<'t>(tx: &ReadTx<'t>, whose: &Parsed) -> Result<Place<'t>, Error> {
    match whose {
        Parsed::Account(name) => account::find(tx, name).map(|a| Place::Account(Caller::operator(a.id))),
        Parsed::Domain(name) => named::find(tx, name).map(|(caller, domain)| Place::Domain(caller, domain)),
        Parsed::Recipient(address) => {
            let caller = recipient::operator_of(tx, address.domain())?;
            let domain = recipient::domain_of(tx, &caller, address.domain())?;
            Ok(Place::Recipient(caller, domain, address.clone()))
        }
    }
}

enum Parsed {
    Account(String),
    Domain(postroom::name::DomainName),
    Recipient(EmailAddress),
}

fn parsed(whose: &Whose) -> Result<Parsed, Failure> {
    match (&whose.account, &whose.domain, &whose.recipient) {
        (_, Some(name), _) => parse(name).map(Parsed::Domain),
        (_, _, Some(address)) => {
            let no = |e| Failure::input(format!("\"{}\" is no address: {e}", printable(address)));
            address.parse().map(Parsed::Recipient).map_err(no)
        }
        (name, ..) => Ok(Parsed::Account(name.clone().unwrap_or_default())),
    }
}

fn add(
    context: &Context,
    postroom: &Postroom,
    whose: &Whose,
    list: ListKind,
    items: &[Item],
) -> Result<ExitCode, Failure> {
    let whose = parsed(whose)?;
    let added = postroom.write(|tx| {
        let place = find(tx, &whose)?;
        let all = |caller, scope| {
            let add = |item| {
                let added = list::add(tx, caller, scope, list, item)?;
                Ok((added_json(scope, &added), added))
            };
            items.iter().map(add).collect::<Result<Vec<_>, Error>>()
        };
        match &place {
            Place::Account(caller) => all(caller, &Scope::Account(caller)),
            Place::Domain(caller, domain) => all(caller, &Scope::Domain(domain)),
            Place::Recipient(caller, domain, address) => {
                let recipient = recipient::ensure(tx, caller, domain, address)?;
                all(caller, &Scope::Recipient(domain, &recipient))
            }
        }
    })?;
    let json = added.iter().map(|(json, _)| json.clone()).collect();
    context.output.print(&json, || {
        let lines = added.iter().map(|(_, added)| {
            let stands = if added.is_new { "is on" } else { "was already on" };
            let item = printable(added.entry.item.given());
            let line = format!("{item} ({}) {stands} the {list}", added.entry.item.kind());
            match &added.overruled_by {
                Some(other) => format!(
                    "{line}, but {} on the {} overrules it",
                    printable(other.item.given()),
                    other.list
                ),
                None => line,
            }
        });
        lines.collect::<Vec<_>>().join("\n")
    })?;
    Ok(ExitCode::SUCCESS)
}

fn remove(
    context: &Context,
    postroom: &Postroom,
    whose: &Whose,
    list: ListKind,
    item: &Item,
) -> Result<ExitCode, Failure> {
    let whose = parsed(whose)?;
    let removed = postroom.write(|tx| match find(tx, &whose)? {
        Place::Account(caller) => list::remove(tx, &caller, &Scope::Account(&caller), list, item),
        Place::Domain(caller, domain) => list::remove(tx, &caller, &Scope::Domain(&domain), list, item),
        Place::Recipient(caller, domain, address) => match recipient::find(tx, &domain, &address) {
            Ok(recipient) => list::remove(tx, &caller, &Scope::Recipient(&domain, &recipient), list, item),
            Err(Error::NotFound(Entity::Recipient)) => Ok(false),
            Err(error) => Err(error),
        },
    })?;
    context.output.print(&json!({ "removed": removed }), || {
        let what = if removed { "is off" } else { "was not on" };
        format!("{} {what} the {list}", printable(item.given()))
    })?;
    Ok(if removed { ExitCode::SUCCESS } else { Exit::NotThere.into() })
}

fn show(
    context: &Context,
    postroom: &Postroom,
    whose: &Whose,
    list: Option<ListKind>,
) -> Result<ExitCode, Failure> {
    let whose = parsed(whose)?;
    let lists = list.map_or(vec![ListKind::Safelist, ListKind::Blocklist], |list| vec![list]);
    let entries: Vec<ListEntry> = postroom.read(|tx| {
        let place = find(tx, &whose)?;
        let all = |scope| {
            let each = lists.iter().map(|list| list::entries(tx, scope, *list, None, u32::MAX));
            Ok(each.collect::<Result<Vec<_>, Error>>()?.into_iter().flatten().collect())
        };
        match &place {
            Place::Account(caller) => all(&Scope::Account(caller)),
            Place::Domain(_, domain) => all(&Scope::Domain(domain)),
            Place::Recipient(_, domain, address) => match recipient::find(tx, domain, address) {
                Ok(recipient) => all(&Scope::Recipient(domain, &recipient)),
                Err(Error::NotFound(Entity::Recipient)) => Ok(Vec::new()),
                Err(error) => Err(error),
            },
        }
    })?;
    let json: Value = entries.iter().map(entry_json).collect();
    context.output.print(&json, || {
        let rows: Vec<_> = entries
            .iter()
            .map(|entry| {
                vec![
                    entry.list.to_string(),
                    entry.item.kind().to_string(),
                    entry.item.to_string(),
                    entry.created_at.to_string(),
                ]
            })
            .collect();
        table(&["LIST", "TYPE", "ITEM", "CREATED"], &rows)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A verdict in words, the entry that decides first.
fn told(query: &ListQuery, explanation: &Explanation) -> String {
    let says = match explanation.verdict.outcome {
        ListOutcome::Safe => "safe",
        ListOutcome::Blocked => "blocked",
        ListOutcome::None => "no list says anything of it",
    };
    let mut text = format!("{}: {says}", printable(&query.recipient.to_string()));
    if let Some(because) = &explanation.verdict.because {
        // Writing to a String cannot fail.
        let _ = write!(text, ", by {}", in_words(because));
    }
    text.push('\n');
    for (word, others) in [("overruled", &explanation.overruled), ("agrees", &explanation.agreeing)] {
        for other in others {
            let _ = writeln!(text, "  {word}: {}", in_words(other));
        }
    }
    text
}

fn in_words(because: &Because) -> String {
    let fields: Vec<&str> = because
        .fields
        .iter()
        .map(|field| match field {
            Field::EnvelopeSender => "the envelope sender",
            Field::HeaderFrom => "the header From",
            Field::ClientIp => "the client",
        })
        .collect();
    let Because { tier, entry, .. } = because;
    let item = printable(entry.item.given());
    format!("{item} on the {tier}'s {}, which matches {}", entry.list, fields.join(" and "))
}
