//! What the lists say of one message for one recipient.

use std::net::IpAddr;

use super::sender::Sender;
use super::{Item, ItemKind, ListEntry, ListKind, Tier, key, table};
use crate::account::Caller;
use crate::address::EmailAddress;
use crate::db::ReadTx;
use crate::domain::{Domain, holder};
use crate::error::Error;
use crate::name::DomainName;
use crate::ownership;
use crate::recipient;

/// A message, as far as lists look at it.
#[derive(Clone, Debug)]
pub struct ListQuery {
    /// For whom it is: of the address what stands before the `@`. A domain's aliases share its recipients.
    pub recipient: EmailAddress,
    /// The address of MAIL FROM.
    pub envelope_sender: Option<Sender>,
    /// The [authors](Sender::authors) that its From field names.
    pub header_from: Vec<Sender>,
    /// The address of the client that delivers it.
    pub client_ip: Option<IpAddr>,
}

impl ListQuery {
    /// A message of which only the recipient is known.
    pub fn to(recipient: EmailAddress) -> ListQuery {
        ListQuery { recipient, envelope_sender: None, header_from: Vec::new(), client_ip: None }
    }

    /// A message as it is described in text. A sender that is no address counts as none, as with `MAIL FROM:<>`.
    pub fn parse(
        recipient: &str,
        envelope_sender: Option<&str>,
        header_from: Option<&str>,
        client_ip: Option<&str>,
    ) -> Result<ListQuery, InvalidListQuery> {
        let recipient = recipient
            .parse::<EmailAddress>()
            .map_err(|e| InvalidListQuery { part: "recipient", reason: e.to_string() })?;
        let no_ip = |_| InvalidListQuery { part: "ip", reason: "is no IP address".to_owned() };
        let client_ip = client_ip.map(|ip| ip.parse().map_err(no_ip)).transpose()?;
        Ok(ListQuery {
            envelope_sender: envelope_sender.and_then(Sender::parse),
            header_from: Sender::authors(header_from),
            client_ip,
            ..ListQuery::to(recipient)
        })
    }

    /// The keys of every item that matches it, but for those of blocks.
    fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        for sender in self.envelope_sender.iter().chain(&self.header_from) {
            sender.keys(&mut keys);
        }
        keys.extend(self.client_ip.map(key::of_client));
        // In the order of the index, so that what lies side by side is read one after the other.
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Whether an entry that has one of its keys matches it. A sender may be at what is no domain, and be written as the key of a client.
    fn is_matched(&self, entry: &ListEntry) -> bool {
        let key = entry.item.key();
        match entry.item.kind() {
            ItemKind::IpAddress => self.client_ip.is_some_and(|ip| key::of_bits(ip).starts_with(key)),
            _ => self.envelope_sender.iter().chain(&*self.header_from).any(|sender| sender.matches(key)),
        }
    }

    /// Which parts of it an item matches.
    fn fields(&self, item: &Item) -> Vec<Field> {
        if item.kind() == ItemKind::IpAddress {
            return vec![Field::ClientIp];
        }
        let (key, mut fields) = (item.key(), Vec::new());
        if self.envelope_sender.as_ref().is_some_and(|sender| sender.matches(key)) {
            fields.push(Field::EnvelopeSender);
        }
        if self.header_from.iter().any(|author| author.matches(key)) {
            fields.push(Field::HeaderFrom);
        }
        fields
    }

    /// Whether an entry that matches the message would match it if this were its only author.
    fn matches(&self, entry: &ListEntry, author: &Sender) -> bool {
        let mut senders = self.envelope_sender.iter().chain([author]);
        entry.item.kind() == ItemKind::IpAddress || senders.any(|sender| sender.matches(entry.item.key()))
    }
}

/// A description of a message that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part} {reason}")]
pub struct InvalidListQuery {
    /// The part that is wrong: `recipient` or `ip`.
    pub part: &'static str,
    /// What is wrong with it, as a predicate: "is no IP address".
    pub reason: String,
}

/// A part of a message that an entry can match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The address of MAIL FROM.
    EnvelopeSender,
    /// The address in the header field From.
    HeaderFrom,
    /// The address of the client that delivers it.
    ClientIp,
}

impl Field {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Field::EnvelopeSender => "envelope_sender",
            Field::HeaderFrom => "header_from",
            Field::ClientIp => "client_ip",
        }
    }
}

/// An entry that matches a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Because {
    /// Whose list it stands in.
    pub tier: Tier,
    /// The entry.
    pub entry: ListEntry,
    /// What of the message it matches, one part or both of the senders.
    pub fields: Vec<Field>,
}

/// What the lists say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListOutcome {
    /// The message is let through.
    Safe,
    /// It is refused.
    Blocked,
    /// Nothing.
    None,
}

impl ListOutcome {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            ListOutcome::Safe => "safe",
            ListOutcome::Blocked => "blocked",
            ListOutcome::None => "none",
        }
    }
}

/// What the lists say of a message, and the entry that decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListVerdict {
    /// What they say.
    pub outcome: ListOutcome,
    /// The entry that decides, or `None` if no entry matches.
    pub because: Option<Because>,
}

/// A verdict, and the other entries that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The verdict.
    pub verdict: ListVerdict,
    /// Entries that match but are overruled, because they say the opposite. The one that would decide next comes first.
    pub overruled: Vec<Because>,
    /// Entries that match and say the same as the deciding entry.
    pub agreeing: Vec<Because>,
}

/// What the lists say of a message for a recipient at `domain`: nothing, while the domain does not [act](ownership::acts).
///
/// The recipient's own lists decide before those of its domain, and those before the account's. Within one tier the safelist
/// decides before the blocklist; if several entries of one list match, the narrowest is named.
///
/// A message with several authors is judged as if each were the only one: it is blocked if it is blocked for one of them, and safe only if
/// it is safe for all.
///
/// This runs one statement, whose cost does not grow with the number of entries. Get `domain` from [`recipient::domain_of`].
pub fn verdict<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>, query: &ListQuery) -> Result<ListVerdict, Error> {
    Ok(decided(query, &found(tx, domain, query)?))
}

/// The verdict, and which entries it overrules.
pub fn explain<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>, query: &ListQuery) -> Result<Explanation, Error> {
    let mut all = found(tx, domain, query)?;
    all.sort_by(rank);
    let verdict = decided(query, &all);
    let decides = verdict.because.as_ref().map(|because| &because.entry);
    let others = all.into_iter().filter(|(_, other)| decides.is_none_or(|entry| entry.id != other.id));
    let (agreeing, overruled) = others
        .map(|found| because(query, found))
        .partition(|other| decides.is_some_and(|entry| entry.list == other.entry.list));
    Ok(Explanation { verdict, overruled, agreeing })
}

/// The verdict with its reasons. Fails with `NotFound` if the caller does not see the recipient's domain.
pub fn explain_for(tx: &ReadTx<'_>, caller: &Caller, query: &ListQuery) -> Result<Explanation, Error> {
    let domain = recipient::domain_of(tx, caller, query.recipient.domain())?;
    explain(tx, &domain, query)
}

type Found = (Tier, ListEntry);

fn found<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>, query: &ListQuery) -> Result<Vec<Found>, Error> {
    if !acts(tx, domain, query.recipient.domain())? {
        return Ok(Vec::new());
    }
    let query = ListQuery { client_ip: query.client_ip.map(|ip| ip.to_canonical()), ..query.clone() };
    let local = recipient::comparable(&query.recipient);
    let mut found = table::verdict(tx, domain, &local, &query.keys(), query.client_ip)?;
    found.retain(|(_, entry)| query.is_matched(entry));
    Ok(found)
}

/// Whether mail may come in for the recipient's name: the domain's own, or that of an alias.
fn acts<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>, name: &DomainName) -> Result<bool, Error> {
    let by_alias = if *name == domain.name { None } else { holder::by_alias(tx, name)? };
    let holder = by_alias.filter(|holder| holder.id == domain.id).unwrap_or_else(|| domain.holder());
    ownership::acts(tx, &holder)
}

fn because(query: &ListQuery, (tier, entry): Found) -> Because {
    Because { tier, fields: query.fields(&entry.item), entry }
}

/// What the entries that match come to.
fn decided(query: &ListQuery, all: &[Found]) -> ListVerdict {
    let first =
        |author| all.iter().filter(|(_, entry)| query.matches(entry, author)).min_by(|a, b| rank(a, b));
    let firsts: Vec<Option<&Found>> = match &*query.header_from {
        [] => vec![all.iter().min_by(|a, b| rank(a, b))],
        authors => authors.iter().map(first).collect(),
    };
    let found = || firsts.iter().flatten().copied();
    let blocked = found().filter(|it| it.1.list == ListKind::Blocklist).min_by(|a, b| rank(a, b));
    let is_safe = firsts.iter().all(Option::is_some);
    let safe = found().min_by(|a, b| rank(a, b)).filter(|_| is_safe);
    let outcome = match (blocked, safe) {
        (Some(_), _) => ListOutcome::Blocked,
        (None, Some(_)) => ListOutcome::Safe,
        (None, None) => ListOutcome::None,
    };
    ListVerdict { outcome, because: blocked.or(safe).map(|found| because(query, found.clone())) }
}

/// The order in which entries decide: the nearer tier first, then the safelist, then the narrower item.
fn rank(one: &Found, other: &Found) -> std::cmp::Ordering {
    let place = |(tier, entry): &Found| (std::cmp::Reverse(*tier), entry.list, breadth(entry), entry.id);
    place(one).cmp(&place(other))
}

/// How much an item matches: an address, a domain, a domain and all below it, a client, a block; each the longer the narrower.
fn breadth(entry: &ListEntry) -> (u8, std::cmp::Reverse<usize>) {
    breadth_of(entry.item.kind(), entry.item.key())
}

fn breadth_of(kind: ItemKind, key: &str) -> (u8, std::cmp::Reverse<usize>) {
    let rank = match kind {
        ItemKind::EmailAddress => 0,
        ItemKind::Domain if !key.ends_with('.') => 1,
        ItemKind::Domain => 2,
        ItemKind::IpAddress if key::block(key).is_none() => 3,
        ItemKind::IpAddress => 4,
    };
    (rank, std::cmp::Reverse(if rank == 3 { 0 } else { key.len() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_narrower_than_its_domain_and_a_client_than_its_block() {
        let narrower = [
            "jo@a.example",
            "a.example",
            ".a.example",
            ".example",
            "192.0.2.7",
            "192.0.2.0/24",
            "192.0.0.0/16",
        ];
        let breadths: Vec<_> = narrower
            .iter()
            .map(|item| {
                let item: Item = item.parse().unwrap();
                breadth_of(item.kind(), item.key())
            })
            .collect();
        assert!(breadths.is_sorted_by(|one, other| one < other), "{breadths:?}");
        // Two single clients are as narrow as each other, in whichever family.
        let client = |text: &str| breadth_of(ItemKind::IpAddress, text.parse::<Item>().unwrap().key());
        assert_eq!(client("192.0.2.7"), client("2001:db8::7"));
    }
}
