//! An item of an import, and what becomes of it.

use std::collections::HashMap;
use std::sync::Arc;

use postroom::account::Caller;
use postroom::db::Postroom;
use postroom::dkim;
use postroom::dns::Resolver;
use postroom::domain::{self, NewDomain};
use postroom::error::{Entity, Error};
use postroom::id::DomainId;
use postroom::inbound;
use postroom::keyring::{self, Activation};
use postroom::name::{DomainName, Selector};
use postroom::tag::Tag;

use super::keyfile::{Brought, Keys, Place};

/// What one entry of a source is: an item, or why it is none.
pub(super) struct Read {
    /// How a person finds it in the source: a name, or a line.
    pub(super) what: String,
    pub(super) item: Result<Item, String>,
}

impl Read {
    /// An entry that is no item.
    pub(super) fn refused(what: impl Into<String>, reason: impl Into<String>) -> Read {
        Read { what: what.into(), item: Err(reason.into()) }
    }

    /// A domain of this name, and nothing more said; or why the name is none.
    pub(super) fn named(name: &str) -> Read {
        let item = name.parse::<DomainName>().map(Item::named).map_err(|reason| reason.to_string());
        Read { what: name.to_owned(), item }
    }

    pub(super) fn is_alias(&self) -> bool {
        self.item.as_ref().is_ok_and(|item| item.alias_of.is_some())
    }
}

/// A domain with its keys, or an alias.
pub(super) struct Item {
    pub(super) name: DomainName,
    pub(super) label: Option<String>,
    pub(super) user: Option<Tag>,
    pub(super) organization: Option<Tag>,
    /// The domain whose alias it is.
    pub(super) alias_of: Option<DomainName>,
    pub(super) keys: Vec<Key>,
}

/// A key that the domain signs with elsewhere.
pub(super) struct Key {
    pub(super) selector: Selector,
    pub(super) place: Place,
}

/// Such a key, read.
type Loaded<'a> = (&'a Selector, Arc<Brought>);

/// What became of an item, or would become of it.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// It is here now, and this was done.
    Imported(String),
    /// It was here before, and nothing was done.
    There,
    /// It is not here, and why.
    Refused(String),
}

impl Outcome {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Outcome::Imported(_) => "imported",
            Outcome::There => "there",
            Outcome::Refused(_) => "refused",
        }
    }

    pub(super) fn text(&self) -> String {
        match self {
            Outcome::Imported(text) => text.clone(),
            Outcome::There => "is there already".to_owned(),
            Outcome::Refused(reason) => reason.clone(),
        }
    }

    /// What was done, or that there was nothing to do.
    fn of(done: &[String]) -> Outcome {
        if done.is_empty() { Outcome::There } else { Outcome::Imported(done.join("; ")) }
    }
}

impl Item {
    pub(super) fn named(name: DomainName) -> Item {
        Item { name, label: None, user: None, organization: None, alias_of: None, keys: Vec::new() }
    }

    /// Its keys, read, or why one cannot be.
    fn load(&self, keys: &Keys) -> Result<Vec<Loaded<'_>>, String> {
        self.keys.iter().map(|key| Ok((&key.selector, keys.read(&key.place)?))).collect()
    }

    /// What would be done with it. `planned` has for each name the first item of the same import, which is not there yet.
    pub(super) fn plan(
        &self,
        postroom: &Postroom,
        caller: &Caller,
        keys: &Keys,
        planned: &HashMap<&DomainName, &Item>,
    ) -> Outcome {
        let brought = match self.load(keys) {
            Ok(brought) => brought,
            Err(reason) => return Outcome::Refused(reason),
        };
        let is_repeated = planned.get(&self.name).is_some_and(|first| !std::ptr::eq(*first, self));
        let planned = |name: &DomainName| planned.get(name).is_some_and(|item| item.alias_of.is_none());
        let found = postroom.read(|tx| {
            if let Some(of) = &self.alias_of {
                return match domain::find_named(tx, caller, of) {
                    Ok(domain) => {
                        let is_there =
                            is_repeated || inbound::find(tx, &domain)?.aliases.contains(&self.name);
                        Ok(if is_there { Vec::new() } else { vec![format!("becomes an alias of {of}")] })
                    }
                    Err(Error::NotFound(_)) if planned(of) && is_repeated => Ok(Vec::new()),
                    Err(Error::NotFound(_)) if planned(of) => Ok(vec![format!("becomes an alias of {of}")]),
                    Err(error) => Err(error),
                };
            }
            let missing = |(selector, _): &Loaded<'_>| format!("key {selector} is imported");
            match domain::find_named(tx, caller, &self.name) {
                Ok(domain) => {
                    let keys = dkim::list(tx, &domain)?;
                    let mut steps = Vec::new();
                    for key in &brought {
                        match keys.iter().find(|known| known.selector == *key.0) {
                            Some(known) if known.public == key.1.public => {}
                            Some(_) => return Err(other_key(key.0)),
                            None => steps.push(missing(key)),
                        }
                    }
                    Ok(steps)
                }
                Err(Error::NotFound(_)) => {
                    // Of whichever account, the name is taken.
                    if domain::operator_of(tx, &self.name).is_ok() {
                        return Err(Error::Conflict(Entity::Domain));
                    }
                    let created = (!is_repeated).then(|| "is created".to_owned());
                    Ok(created.into_iter().chain(brought.iter().map(missing)).collect())
                }
                Err(error) => Err(error),
            }
        });
        found.map_or_else(|error| Outcome::Refused(error.to_string()), |steps| Outcome::of(&steps))
    }

    /// Does what is missing, in one transaction, and then lets those keys sign whose records are in the DNS.
    pub(super) fn take_in(
        &self,
        postroom: &Postroom,
        caller: &Caller,
        resolver: &dyn Resolver,
        keys: &Keys,
    ) -> Outcome {
        let brought = match self.load(keys) {
            Ok(brought) => brought,
            Err(reason) => return Outcome::Refused(reason),
        };
        let made = match &self.alias_of {
            Some(of) => self.become_alias(postroom, caller, of).map(|done| (None, done)),
            None => self.become_domain(postroom, caller, &brought).map(|(id, done)| (Some(id), done)),
        };
        let (id, mut done) = match made {
            Ok(made) => made,
            Err(error) => return Outcome::Refused(error.to_string()),
        };
        let Some(id) = id else { return Outcome::of(&done) };
        for (selector, _) in &brought {
            match activate(postroom, caller, resolver, id, selector) {
                Ok(Some(text)) => done.push(text),
                Ok(None) => {}
                // The key is imported; that it does not sign yet is for another day.
                Err(error) => done.push(format!("{selector} does not sign yet: {error}")),
            }
        }
        Outcome::of(&done)
    }

    fn become_alias(
        &self,
        postroom: &Postroom,
        caller: &Caller,
        of: &DomainName,
    ) -> Result<Vec<String>, Error> {
        postroom.write(|tx| {
            let domain = domain::find_named(tx, caller, of)?;
            if inbound::find(tx, &domain)?.aliases.contains(&self.name) {
                return Ok(Vec::new());
            }
            inbound::add_alias(tx, caller, &domain, &self.name)?;
            Ok(vec![format!("is an alias of {of}")])
        })
    }

    fn become_domain(
        &self,
        postroom: &Postroom,
        caller: &Caller,
        brought: &[Loaded<'_>],
    ) -> Result<(DomainId, Vec<String>), Error> {
        dkim::pool::write(postroom, |tx| {
            let mut done = Vec::new();
            let domain = match domain::find_named(tx, caller, &self.name) {
                Err(Error::NotFound(_)) => {
                    let for_user = self.user.clone().map(|user| caller.clone().for_user(user));
                    let new = NewDomain {
                        label: self.label.as_deref(),
                        organization: self.organization.as_ref(),
                        // Its first key is the one that it brings, if it brings one.
                        key_later: !self.keys.is_empty(),
                        ..NewDomain::named(&self.name)
                    };
                    let made = domain::create(tx, for_user.as_ref().unwrap_or(caller), &new)?.id;
                    done.push("is created".to_owned());
                    domain::find(tx, caller, made)?
                }
                found => found?,
            };
            for (selector, key) in brought {
                let keys = dkim::list(tx, &domain)?;
                match keys.iter().find(|known| known.selector == **selector) {
                    Some(known) if known.public == key.public => {}
                    Some(_) => return Err(other_key(selector)),
                    None => {
                        keyring::adopt(tx, caller, &domain, selector, &key.source)?;
                        done.push(format!("key {selector} is imported"));
                    }
                }
            }
            if self.keys.is_empty() {
                domain::equip(tx, &domain)?;
            }
            Ok((domain.id, done))
        })
    }
}

/// Has a key sign if its record is in the DNS; none if it signs already.
fn activate(
    postroom: &Postroom,
    caller: &Caller,
    resolver: &dyn Resolver,
    id: DomainId,
    selector: &Selector,
) -> Result<Option<String>, Error> {
    let signs = postroom.read(|tx| {
        let domain = domain::find(tx, caller, id)?;
        Ok::<_, Error>(keyring::find(tx, &domain, selector)?.key.is_active())
    })?;
    if signs {
        return Ok(None);
    }
    Ok(match keyring::activate(postroom, caller, id, selector, resolver)? {
        Activation::Done(_) => Some(format!("{selector} signs")),
        Activation::Refused(checked) => {
            Some(format!("{selector} does not sign yet: {}", checked.finding.text))
        }
    })
}

fn other_key(selector: &Selector) -> Error {
    Error::invalid("selector", format_args!("the domain has another key under {selector}"))
}
