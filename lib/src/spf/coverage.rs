//! Whether all clients that a mechanism matches also pass, computed from the sets of addresses that terms match.
//!
//! It is not enough that evaluation reaches the mechanism with `+`: `-ip4:192.0.2.1` before it refuses one of the clients.
//! For each term there are two sets: the clients that it matches for certain, and those that it may match. The sets differ
//! only if the term depends on the client's name or address (`ptr`, `exists:%{i}.example.com`), or if the DNS fails.

use std::net::IpAddr;

use super::addresses::Addresses;
use super::hosts::{Families, mail_hosts};
use super::lookup::{definite, question, select};
use super::macros::MacroString;
use super::problem::Place;
use super::record::{Directive, Mechanism, Prefixes, Qualifier, SpfRecord};
use super::same_term;
use super::target::Target;
use super::{MOST_LOOKUPS, MOST_NAMES};
use crate::dns::{Question, RecordData, RecordType, Resolver};
use crate::name::DnsName;

/// What happens to the clients that a mechanism matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passing {
    /// The term that keeps some of them from passing, or may do so. `None` if all of them pass, apart from errors.
    pub refused_by: Option<Refuser>,
    /// Some of those that it matches for certain, for which `check_host()` tells the rest: look-ups that find nothing, and
    /// terms that depend on the client.
    pub samples: Vec<IpAddr>,
    /// Whether the samples are all that it matches, so that nothing is left to be told.
    pub are_all: bool,
}

/// The most samples of those that a mechanism matches, for each family.
const MOST_SAMPLES: usize = 8;

/// A term without `+` that is evaluated before a mechanism, and that matches, or may match, some of the mechanism's clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refuser {
    /// The term.
    pub at: Place,
    /// One of the clients that it may match. `None` if the mechanism's own addresses are not known.
    pub client: Option<IpAddr>,
}

/// What happens to the clients that `wanted` matches, by the records of `domain`, where evaluation reaches `wanted`.
///
/// It asks for what [`reaches`](super::reaches) asks for. A mechanism that names no domain means `domain`.
pub fn passing(dns: &dyn Resolver, domain: &DnsName, wanted: &Mechanism) -> Passing {
    let root = Target { text: domain.as_str().to_owned(), name: domain.clone() };
    let survey = |ours| Survey { dns, root: root.clone(), ours, lookups: 0, trail: Vec::new() };
    let own = survey(None).matched(wanted, &root, &Addresses::all());
    let mut survey = survey(Some(wanted));
    let mut frame = Frame { left: own.perhaps.clone(), ..Frame::default() };
    if let Ok(Some(record)) = select(domain, &dns.lookup(&question(domain))) {
        survey.record(&root, &record, &mut frame);
    }
    let lost = own.perhaps.without(&frame.passed);
    let families = [Families { v4: true, v6: false }, Families { v4: false, v6: true }];
    let [(mut samples, all_v4), (v6, all_v6)] =
        families.map(|family| own.surely.of(family).samples(MOST_SAMPLES));
    samples.extend(v6);
    let are_all = all_v4 && all_v6 && own.surely == own.perhaps && !samples.is_empty();
    // Those that a term of another's may refuse, and perhaps no end of a range is among them.
    let maybe_lost = frame.refusers.iter().filter_map(|(_, clients)| clients.and(&own.surely).sample());
    samples.extend(maybe_lost.take(MOST_SAMPLES).filter(|_| !are_all));
    let refuser = frame.refusers.into_iter().find(|(_, clients)| !clients.and(&lost).is_empty());
    let refused_by =
        refuser.map(|(at, clients)| Refuser { at, client: clients.and(&lost).and(&own.surely).sample() });
    Passing { refused_by, samples, are_all }
}

/// Which of the clients that come to a mechanism it matches.
struct Matched {
    /// The clients that are certainly matched.
    surely: Addresses,
    /// The clients that may be matched; no others are.
    perhaps: Addresses,
    /// Whether it is what is looked for, or leads there.
    has_ours: bool,
    /// If so, who keeps clients from being passed in what it includes.
    refusers: Vec<(Place, Addresses)>,
}

impl Matched {
    fn exactly(addresses: Addresses) -> Matched {
        Matched { surely: addresses.clone(), perhaps: addresses, has_ours: false, refusers: Vec::new() }
    }

    fn perhaps_all() -> Matched {
        Matched { perhaps: Addresses::all(), ..Matched::exactly(Addresses::none()) }
    }
}

/// What one record, with those it redirects to, does with the clients that come to it.
#[derive(Default)]
struct Frame {
    /// Those that no term so far has matched for certain.
    left: Addresses,
    /// Those that a term without `+` may have matched.
    refused: Addresses,
    /// Those that pass for certain.
    passed: Addresses,
    /// Those that may pass.
    perhaps_passed: Addresses,
    /// The terms that may keep clients from passing, and which.
    refusers: Vec<(Place, Addresses)>,
    /// Whether the mechanism looked for was met.
    has_ours: bool,
}

struct Survey<'a> {
    dns: &'a dyn Resolver,
    root: Target,
    /// All clients are of those that it matches; without one, they are anybody.
    ours: Option<&'a Mechanism>,
    lookups: usize,
    /// The domains whose records led here, this one's too.
    trail: Vec<DnsName>,
}

impl Survey<'_> {
    /// Goes through a record until nobody is left. Each step down is a term that counts.
    fn record(&mut self, domain: &Target, record: &SpfRecord, frame: &mut Frame) {
        self.trail.push(domain.name.clone());
        for directive in &record.directives {
            if frame.left.is_empty() {
                break;
            }
            self.directive(directive, domain, frame);
        }
        if let Some(spec) = record.redirect.as_ref().filter(|_| !frame.left.is_empty()) {
            if let Some((target, record)) = self.follow(spec, domain) {
                self.record(&target, &record, frame);
            } else {
                let at = Place { domain: domain.name.clone(), term: format!("redirect={spec}") };
                frame.refusers.push((at, frame.left.clone()));
                frame.perhaps_passed.add(&frame.left);
            }
        }
        self.trail.pop();
    }

    fn directive(&mut self, directive: &Directive, domain: &Target, frame: &mut Frame) {
        let mechanism = &directive.mechanism;
        // What it asks for counts, whomever it matches.
        let mut matched = self.matched(mechanism, domain, &frame.left);
        if self.ours.is_some_and(|ours| same_term::is_same(ours, mechanism, &self.root, domain)) {
            matched = Matched { has_ours: true, ..Matched::exactly(Addresses::all()) };
        }
        frame.has_ours |= matched.has_ours;
        frame.refusers.append(&mut matched.refusers);
        let perhaps = frame.left.and(&matched.perhaps);
        if directive.qualifier == Qualifier::Pass {
            frame.passed.add(&frame.left.and(&matched.surely).without(&frame.refused));
            frame.perhaps_passed.add(&perhaps);
        } else if !perhaps.is_empty() {
            frame.refused.add(&perhaps);
            let at = Place { domain: domain.name.clone(), term: directive.text.clone() };
            frame.refusers.push((at, perhaps));
        }
        frame.left.remove(&matched.surely);
    }

    fn matched(&mut self, mechanism: &Mechanism, domain: &Target, clients: &Addresses) -> Matched {
        if let Mechanism::Include(spec) = mechanism {
            let Some((target, record)) = self.follow(spec, domain) else { return Matched::perhaps_all() };
            let mut inner = Frame { left: clients.clone(), ..Frame::default() };
            self.record(&target, &record, &mut inner);
            let Frame { passed: surely, perhaps_passed: perhaps, has_ours, refusers, .. } = inner;
            // A client that the included record does not pass goes on to the term after the include.
            let refusers = if has_ours { refusers } else { Vec::new() };
            return Matched { surely, perhaps, has_ours, refusers };
        }
        let addresses = match mechanism {
            Mechanism::All => Some(Addresses::all()),
            Mechanism::Ip4(network, prefix) => Some(Addresses::of_network((*network).into(), *prefix)),
            Mechanism::Ip6(network, prefix) => Some(Addresses::of_network((*network).into(), *prefix)),
            Mechanism::Include(_) => None,
            // We assume that every client that sends mail has a name (RFC 1912 section 2.1).
            Mechanism::Ptr(_) => {
                self.count();
                None
            }
            Mechanism::A(spec, prefixes) => {
                self.of_name(spec.as_ref(), domain, |survey, name| survey.of_hosts(&[name], *prefixes))
            }
            Mechanism::Mx(spec, prefixes) => self.of_name(spec.as_ref(), domain, |survey, name| {
                let hosts = survey.ask(&[Question::new(name, RecordType::Mx)])?;
                let names: Vec<DnsName> = mail_hosts(&hosts).cloned().collect();
                if hosts.len() > MOST_NAMES { None } else { survey.of_hosts(&names, *prefixes) }
            }),
            Mechanism::Exists(spec) => self.of_name(Some(spec), domain, |survey, name| {
                let is_there = !survey.ask(&[Question::new(name, RecordType::A)])?.is_empty();
                Some(if is_there { Addresses::all() } else { Addresses::none() })
            }),
        };
        addresses.map_or_else(Matched::perhaps_all, Matched::exactly)
    }

    /// The clients that a term matches by its expanded name. `None` if that depends on the client.
    fn of_name(
        &mut self,
        spec: Option<&MacroString>,
        domain: &Target,
        matched: impl FnOnce(&mut Self, DnsName) -> Option<Addresses>,
    ) -> Option<Addresses> {
        if !self.count() {
            return None;
        }
        match same_term::target(spec, &self.root, domain) {
            Some(Ok(target)) => matched(self, target.name),
            // It is no name, and matches nobody.
            Some(Err(_)) => Some(Addresses::none()),
            None => None,
        }
    }

    fn of_hosts(&mut self, names: &[DnsName], prefixes: Prefixes) -> Option<Addresses> {
        let both = |name: &DnsName| {
            [RecordType::A, RecordType::Aaaa].map(|record_type| Question::new(name.clone(), record_type))
        };
        let questions: Vec<[Question; 2]> = names.iter().map(both).collect();
        let mut addresses = Addresses::none();
        for record in self.ask(questions.as_flattened())? {
            match record {
                RecordData::A(ip) => addresses.add(&Addresses::of_network(ip.into(), prefixes.v4)),
                RecordData::Aaaa(ip) => addresses.add(&Addresses::of_network(ip.into(), prefixes.v6)),
                _ => {}
            }
        }
        Some(addresses)
    }

    /// All that is found; nothing if the DNS fails.
    fn ask(&mut self, questions: &[Question]) -> Option<Vec<RecordData>> {
        let answers = self.dns.lookup_all(questions);
        let mut records = Vec::new();
        for (question, answer) in questions.iter().zip(&answers) {
            definite(question, answer).ok()?;
            records.extend_from_slice(answer.outcome.records());
        }
        Some(records)
    }

    /// The record to which an include or redirect leads; nothing where that cannot be told.
    fn follow(&mut self, spec: &MacroString, domain: &Target) -> Option<(Target, SpfRecord)> {
        if !self.count() {
            return None;
        }
        let target = same_term::target(Some(spec), &self.root, domain)?.ok()?;
        if self.trail.contains(&target.name) {
            return None;
        }
        let answer = self.dns.lookup(&question(&target.name));
        Some((target.clone(), select(&target.name, &answer).ok()??))
    }

    /// Counts a term that asks the DNS. Returns whether it may ask.
    fn count(&mut self) -> bool {
        self.lookups += 1;
        self.lookups <= MOST_LOOKUPS
    }
}
