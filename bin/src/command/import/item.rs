//! An item of an import, and what becomes of it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use postroom::account::Caller;
use postroom::db::Postroom;
use postroom::dkim;
use postroom::dns::NetworkResolver;
use postroom::domain::{self, NewDomain};
use postroom::error::{Entity, Error};
use postroom::id::DomainId;
use postroom::keyring::{self, Activation};
use postroom::name::{DomainName, Selector};
use postroom::recipient;
use postroom::tag::Tag;
use postroom::verify::Verdict;
use postroom::{claim, inbound};

use super::keyfile::{Brought, Keys, Place};

/// After so many looks in a row at which the DNS did not answer it is not asked any more. Each takes seconds, and there can be thousands.
const MOST_IN_VAIN: usize = 24;

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
    /// It was here before, and nothing was done; and what is to be said of it, if anything is.
    There(Option<String>),
    /// It is not here, and why.
    Refused(String),
}

impl Outcome {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Outcome::Imported(_) => "imported",
            Outcome::There(_) => "there",
            Outcome::Refused(_) => "refused",
        }
    }

    pub(super) fn text(&self) -> String {
        match self {
            Outcome::Imported(text) => text.clone(),
            Outcome::There(None) => "is there already".to_owned(),
            Outcome::There(Some(remark)) => format!("is there already; {remark}"),
            Outcome::Refused(reason) => reason.clone(),
        }
    }

    /// What was done, or that there was nothing to do; and what is to be said beside it.
    fn of(mut done: Vec<String>, remarks: Vec<String>) -> Outcome {
        if done.is_empty() {
            return Outcome::There((!remarks.is_empty()).then(|| remarks.join("; ")));
        }
        done.extend(remarks);
        Outcome::Imported(done.join("; "))
    }
}

/// An import under way: for whom, and what is known of it so far.
pub(super) struct Import<'a> {
    pub(super) postroom: &'a Postroom,
    pub(super) caller: Caller,
    pub(super) resolver: NetworkResolver,
    keys: Keys,
    /// What a plan has made so far, which is not there yet: the name of each item, and the domain whose alias it is.
    planned: Mutex<HashMap<DomainName, Option<DomainName>>>,
    /// How many looks in a row came to nothing, because the DNS did not answer.
    in_vain: AtomicUsize,
    /// For how many keys the DNS was not asked.
    unasked: AtomicUsize,
}

impl<'a> Import<'a> {
    pub(super) fn new(postroom: &'a Postroom, caller: Caller, resolver: NetworkResolver) -> Import<'a> {
        Import {
            postroom,
            caller,
            resolver,
            keys: Keys::default(),
            planned: Mutex::default(),
            in_vain: AtomicUsize::new(0),
            unasked: AtomicUsize::new(0),
        }
    }

    /// For how many keys the DNS was not asked, because it had not answered so often.
    pub(super) fn unasked(&self) -> usize {
        self.unasked.load(Ordering::Relaxed)
    }

    fn planned(&self) -> MutexGuard<'_, HashMap<DomainName, Option<DomainName>>> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a key sign if its record is in the DNS.
    fn activate(&self, id: DomainId, selector: &Selector) -> Result<Activated, Error> {
        let (postroom, caller) = (self.postroom, &self.caller);
        let signs = postroom.read(|tx| {
            let domain = domain::find(tx, caller, id)?;
            Ok::<_, Error>(keyring::find(tx, &domain, selector)?.key.is_active())
        })?;
        if signs {
            return Ok(Activated::Before);
        }
        if self.in_vain.load(Ordering::Relaxed) >= MOST_IN_VAIN {
            self.unasked.fetch_add(1, Ordering::Relaxed);
            return Ok(Activated::NotYet("the DNS was not asked, for it did not answer before".to_owned()));
        }
        Ok(match keyring::activate(postroom, caller, id, selector, &self.resolver)? {
            Activation::Done(_) => {
                self.in_vain.store(0, Ordering::Relaxed);
                Activated::Now
            }
            Activation::Refused(checked) => {
                if checked.finding.verdict == Verdict::Temporary {
                    self.in_vain.fetch_add(1, Ordering::Relaxed);
                } else {
                    self.in_vain.store(0, Ordering::Relaxed);
                }
                Activated::NotYet(checked.finding.text)
            }
        })
    }
}

/// Whether a key signs.
enum Activated {
    Before,
    Now,
    /// Not yet, and why.
    NotYet(String),
}

impl Item {
    pub(super) fn named(name: DomainName) -> Item {
        Item { name, label: None, user: None, organization: None, alias_of: None, keys: Vec::new() }
    }

    /// Its keys, read, or why they cannot be taken.
    fn load(&self, keys: &Keys) -> Result<Vec<Loaded<'_>>, String> {
        let mut loaded: Vec<Loaded<'_>> = Vec::with_capacity(self.keys.len());
        for Key { selector, place } in &self.keys {
            let brought = keys.read(place)?;
            if loaded.iter().any(|(other, known)| *other == selector && known.public != brought.public) {
                return Err(format!("there are two keys under the selector {selector}; keep one of them"));
            }
            loaded.push((selector, brought));
        }
        Ok(loaded)
    }

    /// What would be done with it.
    pub(super) fn plan(&self, import: &Import<'_>) -> Outcome {
        let brought = match self.load(&import.keys) {
            Ok(brought) => brought,
            Err(reason) => return Outcome::Refused(reason),
        };
        let steps = match &self.alias_of {
            Some(of) => self.plan_alias(import, of).map_err(|error| self.no_alias(import, of, &error)),
            None => self.plan_domain(import, &brought).map_err(|error| error.to_string()),
        };
        steps.map_or_else(Outcome::Refused, |steps| Outcome::of(steps, Vec::new()))
    }

    fn plan_alias(&self, import: &Import<'_>, of: &DomainName) -> Result<Vec<String>, Error> {
        let is_new = import.postroom.read(|tx| {
            match domain::find_named(tx, &import.caller, of) {
                Ok(domain) if inbound::find(tx, &domain)?.aliases.contains(&self.name) => return Ok(false),
                Err(Error::NotFound(_)) if import.planned().get(of) == Some(&None) => {}
                found => drop(found?),
            }
            // Whosever it is, as a domain or as an alias, the name is taken.
            let holder = recipient::operator_of(tx, &self.name);
            if holder.is_ok() { Err(Error::Conflict(Entity::Domain)) } else { Ok(true) }
        })?;
        Ok(if is_new && self.is_planned_first(import)? {
            vec![format!("makes it an alias of {of}")]
        } else {
            Vec::new()
        })
    }

    fn plan_domain(&self, import: &Import<'_>, brought: &[Loaded<'_>]) -> Result<Vec<String>, Error> {
        let missing = |(selector, _): &Loaded<'_>| format!("imports key {selector}");
        let there = import.postroom.read(|tx| {
            let domain = match domain::find_named(tx, &import.caller, &self.name) {
                Ok(domain) => domain,
                // Whosever it is, as a domain or as an alias, the name is taken.
                Err(Error::NotFound(_)) if recipient::operator_of(tx, &self.name).is_ok() => {
                    return Err(Error::Conflict(Entity::Domain));
                }
                Err(Error::NotFound(_)) => return Ok(None),
                Err(error) => return Err(error),
            };
            let keys = dkim::list(tx, &domain)?;
            let mut steps = Vec::new();
            for key in brought {
                match keys.iter().find(|known| known.selector == *key.0) {
                    Some(known) if known.public == key.1.public => {}
                    Some(_) => return Err(other_key(key.0)),
                    None => steps.push(missing(key)),
                }
            }
            Ok(Some(steps))
        })?;
        Ok(match there {
            Some(steps) => steps,
            None if self.is_planned_first(import)? => {
                std::iter::once("creates it".to_owned()).chain(brought.iter().map(missing)).collect()
            }
            None => Vec::new(),
        })
    }

    /// Plans the item; whether no item before it is the same one. `Conflict` if one has its name and is another.
    fn is_planned_first(&self, import: &Import<'_>) -> Result<bool, Error> {
        match import.planned().entry(self.name.clone()) {
            Entry::Vacant(place) => {
                place.insert(self.alias_of.clone());
                Ok(true)
            }
            Entry::Occupied(planned) if *planned.get() == self.alias_of => Ok(false),
            Entry::Occupied(_) => Err(Error::Conflict(Entity::Domain)),
        }
    }

    /// Does what is missing, in one transaction, and then lets those keys sign whose records are in the DNS.
    pub(super) fn take_in(&self, import: &Import<'_>) -> Outcome {
        let brought = match self.load(&import.keys) {
            Ok(brought) => brought,
            Err(reason) => return Outcome::Refused(reason),
        };
        let (postroom, caller) = (import.postroom, &import.caller);
        let made = match &self.alias_of {
            Some(of) => self
                .become_alias(postroom, caller, of)
                .map(|done| (None, done))
                .map_err(|error| self.no_alias(import, of, &error)),
            None => self
                .become_domain(postroom, caller, &brought)
                .map(|(id, done)| (Some(id), done))
                .map_err(|error| error.to_string()),
        };
        let (id, mut done) = match made {
            Ok(made) => made,
            Err(reason) => return Outcome::Refused(reason),
        };
        let mut remarks = Vec::new();
        if let Some(id) = id {
            let mut waiting = Vec::new();
            for (selector, _) in &brought {
                let why = match import.activate(id, selector) {
                    Ok(Activated::Before) => continue,
                    Ok(Activated::Now) => {
                        done.push(format!("{selector} signs"));
                        continue;
                    }
                    Ok(Activated::NotYet(why)) => why,
                    Err(error) => error.to_string(),
                };
                remarks.push(format!("{selector} does not sign yet: {why}"));
                waiting.push(*selector);
            }
            // The keys are imported; that they do not sign yet is for another day.
            if let Err(error) = wait_for_records(postroom, caller, id, &waiting) {
                remarks.push(format!("no check activates it: {error}"));
            }
        }
        Outcome::of(done, remarks)
    }

    /// Why it becomes no alias of `of`: an error alone does not say which of the two names it means.
    fn no_alias(&self, import: &Import<'_>, of: &DomainName, error: &Error) -> String {
        match error {
            Error::NotFound(Entity::Domain) => {
                format!("its alias_of names {of}, and there is no such domain")
            }
            Error::Conflict(_) => {
                let there = import.postroom.read(|tx| claim::whose(tx, &self.name)).map(|whose| whose.of);
                match there.ok().or_else(|| import.planned().get(&self.name).cloned()).flatten() {
                    Some(other) => format!("it is an alias of {other} already"),
                    None => "it is a domain already, so it cannot be an alias".to_owned(),
                }
            }
            error => error.to_string(),
        }
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

/// Has these keys sign when a check finds their records. Only now, because activating a key ends the waiting of all others.
fn wait_for_records(
    postroom: &Postroom,
    caller: &Caller,
    id: DomainId,
    selectors: &[&Selector],
) -> Result<(), Error> {
    if selectors.is_empty() {
        return Ok(());
    }
    postroom.write(|tx| {
        let domain = domain::find(tx, caller, id)?;
        selectors.iter().try_for_each(|selector| keyring::activate_when_seen(tx, caller, &domain, selector))
    })
}

fn other_key(selector: &Selector) -> Error {
    Error::invalid("selector", format_args!("the domain has another key under {selector}"))
}
