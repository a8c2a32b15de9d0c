//! Whether mechanisms in a domain's records are reached, by a walk of all of them without any client.
//!
//! The walk has no client's address, so it assumes that a term does not match unless it matches everybody. So it goes as far
//! as the evaluation of a client that matches only the wanted mechanisms, and it counts the look-ups of a client that matches
//! nothing.

use std::collections::BTreeMap;

use super::hosts::{Families, mail_hosts};
use super::lookup::{definite, question, select};
use super::macros::MacroString;
use super::problem::{Matched, Place, SpfProblem};
use super::record::{Directive, Mechanism, Qualifier, SpfRecord};
use super::same_term;
use super::target::Target;
use super::{MOST_LOOKUPS, MOST_NAMES, MOST_VOID_LOOKUPS};
use crate::dns::Memo;
use crate::dns::{Outcome, Question, RecordData, RecordType, Resolver};
use crate::name::DnsName;

/// How many terms of one walk may be looked up ahead of their turn. Some of these look-ups may turn out to be needless.
const MOST_AHEAD: usize = 2 * MOST_LOOKUPS;

/// What a walk of a domain's records found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The standing of each wanted mechanism, in the order of the wanted ones.
    pub standings: Vec<MechanismStanding>,
    /// Whether the domain has an SPF record, right or wrong.
    pub has_record: bool,
    /// How many look-ups count toward the ten in all; beyond ten, of the terms in records that were read by then.
    pub lookups: usize,
    /// How many look-ups of the walk found nothing, for clients of either family. What only a client's address or
    /// name could tell is not looked up.
    pub void_lookups: usize,
    /// The first problem, wherever it is. It concerns those mechanisms that are [`MechanismStanding::Broken`].
    pub problem: Option<SpfProblem>,
    /// The term, if there is one, that passes everybody who comes to it, such as `+all`.
    pub open_to_all: Option<Place>,
    /// The includes and redirects that were not followed, because where they lead depends on the client.
    pub not_followed: Vec<Place>,
}

/// How a mechanism stands in a domain's records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MechanismStanding {
    /// It is reached: the qualifier is the result for a client that it matches and that no term before it matches.
    ///
    /// It can stand in an included record too, where that record passes it; the qualifier is the include's.
    Reached(Matched),
    /// It is there, after a term that matches everybody and with whose qualifier the evaluation ends.
    Shadowed {
        /// The term before it.
        by: Place,
        /// That term's qualifier.
        qualifier: Qualifier,
    },
    /// It is not in any record that was read. Those behind the tenth look-up are not.
    Absent,
    /// The evaluation ends in an error before it, or in a record that it includes. [`Reach::problem`] has the error.
    Broken,
}

impl MechanismStanding {
    /// Whether a client that the mechanism matches passes.
    pub fn passes(&self) -> bool {
        matches!(self, MechanismStanding::Reached(matched) if matched.qualifier == Qualifier::Pass)
    }
}

/// Walks the records of `domain` and all that they include or redirect to, looking for `wanted`.
///
/// A mechanism is found by what it means: `ip4` and `ip6` in any network that holds theirs, `a` and `mx` by the
/// name they come to. A mechanism that names no domain means `domain`.
pub fn reaches(dns: &dyn Resolver, domain: &DnsName, wanted: &[Mechanism]) -> Reach {
    let root = Target { text: domain.as_str().to_owned(), name: domain.clone() };
    let dns = Memo::new(dns);
    let reach = Reach {
        standings: Vec::new(),
        has_record: false,
        lookups: 0,
        void_lookups: 0,
        problem: None,
        open_to_all: None,
        not_followed: Vec::new(),
    };
    let mut walk = Walk { dns, root: root.clone(), wanted, trail: Vec::new(), ahead: 0, has_p: false, reach };
    let mut frame = Frame::default();
    let read = match select(domain, &walk.dns.lookup(&question(domain))) {
        Ok(None) => true,
        Ok(Some(record)) => {
            walk.reach.has_record = true;
            walk.record(&root, &record, &mut frame);
            true
        }
        Err(problem) => {
            walk.reach.has_record = !matches!(problem, SpfProblem::Lookup { .. });
            walk.note(problem);
            false
        }
    };
    let mut reach = walk.reach;
    reach.open_to_all = frame.opened_by;
    // What could not be read may have had it.
    let is_unsure = !read || reach.problem.as_ref().is_some_and(SpfProblem::is_temporary);
    let unseen = if is_unsure { MechanismStanding::Broken } else { MechanismStanding::Absent };
    let standing = |index| frame.decided.get(&index).cloned().unwrap_or_else(|| unseen.clone());
    reach.standings = (0..wanted.len()).map(standing).collect();
    reach
}

/// What one record, with those it redirects to, says.
#[derive(Default)]
struct Frame {
    /// The families of which every client has been matched by now.
    closed: Families,
    /// Those of them who were passed.
    passed: Families,
    /// The last term that matched all of a family, if no problem came before it.
    closed_by: Option<(Place, Qualifier)>,
    /// The term with which everybody is passed.
    opened_by: Option<Place>,
    /// The standing of each wanted mechanism in this record, by its index.
    decided: BTreeMap<usize, MechanismStanding>,
}

struct Walk<'a> {
    dns: Memo<'a>,
    root: Target,
    wanted: &'a [Mechanism],
    /// The domains whose records led here, this one's too.
    trail: Vec<DnsName>,
    ahead: usize,
    /// Whether a `%{p}` has been counted.
    has_p: bool,
    reach: Reach,
}

impl Walk<'_> {
    /// Goes through a record. Each step down is a term that counts, and none is made after the tenth.
    fn record(&mut self, domain: &Target, record: &SpfRecord, frame: &mut Frame) {
        self.trail.push(domain.name.clone());
        self.ask_ahead(domain, record);
        for directive in &record.directives {
            let at = Place { domain: domain.name.clone(), term: directive.text.clone() };
            let mut hits: BTreeMap<usize, Vec<Place>> = (0..)
                .zip(self.wanted)
                .filter(|(_, wanted)| same_term::is_same(wanted, &directive.mechanism, &self.root, domain))
                .map(|(index, _)| (index, Vec::new()))
                .collect();
            let is_dead = frame.closed == Families::BOTH;
            let everybody =
                if is_dead { Families::NONE } else { self.term(directive, domain, &at, &mut hits) };
            for (index, inner) in hits {
                self.settle(index, directive.qualifier, std::iter::once(at.clone()).chain(inner), frame);
            }
            let newly = everybody.without(frame.closed);
            if newly == Families::NONE {
                continue;
            }
            frame.closed = frame.closed.and(newly);
            if directive.qualifier == Qualifier::Pass {
                frame.passed = frame.passed.and(newly);
                // Nearly all mail comes by IPv4.
                if frame.passed.v4 && frame.opened_by.is_none() {
                    frame.opened_by = Some(at.clone());
                }
            }
            if self.reach.problem.is_none() {
                frame.closed_by = Some((at, directive.qualifier));
            }
        }
        if frame.closed != Families::BOTH
            && let Some(spec) = &record.redirect
        {
            let at = Place { domain: domain.name.clone(), term: format!("redirect={spec}") };
            if self.count(Some(spec), &at)
                && let Some((target, record)) = self.follow(spec, domain, &at)
            {
                self.record(&target, &record, frame);
            }
        }
        self.trail.pop();
    }

    /// Decides how one of those looked for stands in this record, at the first term that would match it.
    fn settle(
        &mut self,
        index: usize,
        qualifier: Qualifier,
        path: impl Iterator<Item = Place>,
        frame: &mut Frame,
    ) {
        let families = self.wanted.get(index).map_or(Families::BOTH, Families::of);
        let standing = match &frame.closed_by {
            Some((by, qualifier)) if frame.closed.meets(families) => {
                MechanismStanding::Shadowed { by: by.clone(), qualifier: *qualifier }
            }
            _ if self.reach.problem.is_some() => MechanismStanding::Broken,
            _ => MechanismStanding::Reached(Matched { qualifier, path: path.collect() }),
        };
        frame.decided.entry(index).or_insert(standing);
    }

    /// Counts a term and looks up what it names. Returns whom it matches whatever their address.
    fn term(
        &mut self,
        directive: &Directive,
        domain: &Target,
        at: &Place,
        hits: &mut BTreeMap<usize, Vec<Place>>,
    ) -> Families {
        let mechanism = &directive.mechanism;
        if mechanism.is_counted() && !self.count(mechanism.domain(), at) {
            return Families::NONE;
        }
        let both = |name: &DnsName| {
            [RecordType::A, RecordType::Aaaa].map(|record_type| Question::new(name.clone(), record_type))
        };
        match mechanism {
            Mechanism::All => Families::BOTH,
            Mechanism::Ip4(_, 0) => Families { v4: true, v6: false },
            Mechanism::Ip6(_, 0) => Families { v4: false, v6: true },
            Mechanism::Ip4(..) | Mechanism::Ip6(..) | Mechanism::Ptr(_) => Families::NONE,
            Mechanism::Include(spec) => {
                let Some((target, record)) = self.follow(spec, domain, at) else { return Families::NONE };
                let mut inner = Frame::default();
                self.record(&target, &record, &mut inner);
                // Whom that record names without passing them goes on after the include.
                let is_picky = inner.decided.values().any(
                    |standing| matches!(standing, MechanismStanding::Reached(matched) if matched.qualifier != Qualifier::Pass),
                );
                for (index, standing) in inner.decided {
                    if let MechanismStanding::Reached(Matched { qualifier: Qualifier::Pass, path }) = standing
                    {
                        hits.entry(index).or_insert(path);
                    } else if standing == MechanismStanding::Broken {
                        hits.entry(index).or_default();
                    }
                }
                if is_picky { Families::NONE } else { inner.passed }
            }
            Mechanism::A(spec, prefixes) => match self.target(spec.as_ref(), domain) {
                Some(Ok(target)) => Families::covered(&self.ask(&both(&target.name), at), *prefixes),
                _ => Families::NONE,
            },
            Mechanism::Exists(spec) => match self.target(Some(spec), domain) {
                Some(Ok(target)) => {
                    let addresses = self.ask(&[Question::new(target.name, RecordType::A)], at);
                    if addresses.is_empty() { Families::NONE } else { Families::BOTH }
                }
                _ => Families::NONE,
            },
            Mechanism::Mx(spec, prefixes) => {
                let Some(Ok(target)) = self.target(spec.as_ref(), domain) else { return Families::NONE };
                let hosts = self.ask(&[Question::new(target.name, RecordType::Mx)], at);
                if hosts.len() > MOST_NAMES {
                    self.note(SpfProblem::TooManyMailHosts { at: at.clone(), count: hosts.len() });
                    return Families::NONE;
                }
                let questions: Vec<_> = mail_hosts(&hosts).map(both).collect();
                self.dns.lookup_all(questions.as_flattened());
                let mut everybody = Families::NONE;
                for pair in &questions {
                    everybody = everybody.and(Families::covered(&self.ask(pair, at), *prefixes));
                }
                everybody
            }
        }
    }

    /// Counts a term, and a `%{p}` in it. Returns whether the walk may look up what the term names.
    fn count(&mut self, spec: Option<&MacroString>, at: &Place) -> bool {
        self.reach.lookups += 1;
        if !self.has_p && spec.is_some_and(MacroString::needs_validated_name) {
            self.has_p = true;
            self.reach.lookups += 1;
        }
        if self.reach.lookups > MOST_LOOKUPS {
            self.note(SpfProblem::TooManyLookups { at: at.clone() });
            return false;
        }
        // Where the DNS failed once it may fail ten times, at the length of a timeout each.
        !self.reach.problem.as_ref().is_some_and(SpfProblem::is_temporary)
    }

    /// Only the first problem counts, because an evaluation stops there.
    fn note(&mut self, problem: SpfProblem) {
        self.reach.problem.get_or_insert(problem);
    }

    fn target(&self, spec: Option<&MacroString>, domain: &Target) -> Option<Result<Target, String>> {
        same_term::target(spec, &self.root, domain)
    }

    /// The record to which an include or redirect leads.
    fn follow(&mut self, spec: &MacroString, domain: &Target, at: &Place) -> Option<(Target, SpfRecord)> {
        let at = at.clone();
        let problem = match self.target(Some(spec), domain) {
            None => {
                self.reach.not_followed.push(at);
                return None;
            }
            Some(Ok(target)) if self.trail.contains(&target.name) => {
                SpfProblem::Loop { at, target: target.name }
            }
            Some(Ok(target)) if target.text.contains('.') => {
                match select(&target.name, &self.dns.lookup(&question(&target.name))) {
                    Ok(Some(record)) => return Some((target, record)),
                    Ok(None) => SpfProblem::NoRecord { at, target: target.name },
                    Err(problem) => problem,
                }
            }
            Some(Ok(Target { text: target, .. }) | Err(target)) => SpfProblem::MalformedTarget { at, target },
        };
        self.note(problem);
        None
    }

    /// The records of one name, of whatever types are asked for. None at all is a look-up that found nothing.
    fn ask(&mut self, questions: &[Question], at: &Place) -> Vec<RecordData> {
        let answers = self.dns.lookup_all(questions);
        let mut records = Vec::new();
        let mut is_void = true;
        for (question, answer) in questions.iter().zip(&answers) {
            if let Err(problem) = definite(question, answer) {
                self.note(problem);
            }
            is_void &= matches!(answer.outcome, Outcome::NoData { .. } | Outcome::NxDomain { .. });
            records.extend_from_slice(answer.outcome.records());
        }
        if is_void && let Some(question) = questions.first() {
            self.reach.void_lookups += 1;
            if self.reach.void_lookups > MOST_VOID_LOOKUPS {
                self.note(SpfProblem::TooManyVoidLookups { at: at.clone(), question: question.clone() });
            }
        }
        records
    }

    /// Asks for what the terms of a record name, all side by side, so that their turns need not wait.
    fn ask_ahead(&mut self, domain: &Target, record: &SpfRecord) {
        if self.reach.problem.as_ref().is_some_and(SpfProblem::is_temporary) {
            return;
        }
        let left = MOST_LOOKUPS.saturating_sub(self.reach.lookups).min(MOST_AHEAD - self.ahead);
        let alive = record.directives.iter().take_while(|directive| directive.mechanism != Mechanism::All);
        let counted = alive.filter(|directive| directive.mechanism.is_counted()).take(left);
        let mut questions = Vec::new();
        for Directive { mechanism, .. } in counted {
            self.ahead += 1;
            let Some(Ok(target)) = self.target(mechanism.domain(), domain) else { continue };
            let types: &[RecordType] = match mechanism {
                Mechanism::Include(_) if target.text.contains('.') => &[RecordType::Txt],
                Mechanism::A(..) => &[RecordType::A, RecordType::Aaaa],
                Mechanism::Mx(..) => &[RecordType::Mx],
                Mechanism::Exists(_) => &[RecordType::A],
                _ => &[],
            };
            questions.extend(types.iter().map(|each| Question::new(target.name.clone(), *each)));
        }
        self.dns.lookup_all(&questions);
    }
}
