//! `check_host()`: the evaluation of one client against a domain's records (RFC 7208 sections 4 to 6).

use std::net::IpAddr;

use super::evaluation::{Evaluation, Query, UNKNOWN};
use super::hosts::{is_within, mail_hosts};
use super::lookup::{definite, question, select, texts};
use super::macros::{MacroString, Values, dotted};
use super::problem::{Matched, Place, SpfProblem};
use super::record::{Directive, Mechanism, Prefixes, Qualifier};
use super::target::Target;
use super::{MOST_LOOKUPS, MOST_NAMES, MOST_VOID_LOOKUPS, SpfResult};
use crate::dns::{Answer, Outcome, Question, RecordData, RecordType, Resolver};
use crate::name::DnsName;

/// Whether a client may send, by the records of the sender's domain.
pub fn check_host(dns: &dyn Resolver, query: &Query) -> Evaluation {
    let (local_part, domain) = query.parts();
    let mut evaluation = Evaluation {
        result: SpfResult::None,
        lookups: 0,
        void_lookups: 0,
        matched: None,
        problem: None,
        explanation: None,
    };
    let Some(domain) = Target::of_domain(domain) else { return evaluation };
    let mut check = Check {
        dns,
        query,
        ip: query.ip.to_canonical(),
        local_part,
        sender_domain: &domain.text,
        lookups: 0,
        void_lookups: 0,
        validated: None,
    };
    let mut trail = Vec::new();
    match check.evaluate(&domain, &mut trail) {
        Ok(None) => {}
        Ok(Some(decision)) => {
            evaluation.result = decision.qualifier.map_or(SpfResult::Neutral, SpfResult::from);
            (evaluation.lookups, evaluation.void_lookups) = (check.lookups, check.void_lookups);
            evaluation.explanation = decision
                .explanation
                .filter(|_| evaluation.result == SpfResult::Fail)
                .and_then(|(spec, domain)| check.explain(&spec, &domain));
            evaluation.matched =
                decision.qualifier.map(|qualifier| Matched { qualifier, path: decision.path });
        }
        Err(problem) => {
            evaluation.result = problem.result();
            evaluation.problem = Some(problem);
            (evaluation.lookups, evaluation.void_lookups) = (check.lookups, check.void_lookups);
        }
    }
    evaluation
}

/// What a record says of the client.
struct Decision {
    /// `None` if no term matched.
    qualifier: Option<Qualifier>,
    path: Vec<Place>,
    /// The record's `exp`, with the domain whose record it is.
    explanation: Option<(MacroString, Target)>,
}

/// One evaluation under way.
struct Check<'a> {
    dns: &'a dyn Resolver,
    query: &'a Query,
    ip: IpAddr,
    local_part: &'a str,
    sender_domain: &'a str,
    lookups: usize,
    void_lookups: usize,
    /// The client's validated names, once they were asked for.
    validated: Option<Vec<DnsName>>,
}

impl Check<'_> {
    /// What the record of `domain` says, or `None` if there is no record. `trail` has the domains that led here.
    ///
    /// Each step down is a term that counts, so there are no more than ten. The caller removes what this puts on the trail.
    fn evaluate(
        &mut self,
        domain: &Target,
        trail: &mut Vec<DnsName>,
    ) -> Result<Option<Decision>, SpfProblem> {
        let answer = self.dns.lookup(&question(&domain.name));
        let Some(record) = select(&domain.name, &answer)? else { return Ok(None) };
        trail.push(domain.name.clone());
        for directive in &record.directives {
            let at = Place { domain: domain.name.clone(), term: directive.text.clone() };
            if let Some(inner) = self.matches(directive, domain, &at, trail)? {
                let path = std::iter::once(at).chain(inner).collect();
                let explanation = record.explanation.map(|spec| (spec, domain.clone()));
                return Ok(Some(Decision { qualifier: Some(directive.qualifier), path, explanation }));
            }
        }
        match &record.redirect {
            // RFC 7208 section 6.1: what the target says is the result, its explanation included.
            Some(spec) => {
                let at = Place { domain: domain.name.clone(), term: format!("redirect={spec}") };
                self.follow(spec, domain, &at, trail).map(Some)
            }
            // RFC 7208 section 4.7.
            None => Ok(Some(Decision { qualifier: None, path: Vec::new(), explanation: None })),
        }
    }

    /// What the record says to which an include or redirect leads.
    fn follow(
        &mut self,
        spec: &MacroString,
        domain: &Target,
        at: &Place,
        trail: &mut Vec<DnsName>,
    ) -> Result<Decision, SpfProblem> {
        self.count(at)?;
        let text = self.expand(spec, domain, at)?;
        let Some(target) = Target::of_domain(&text) else {
            return Err(SpfProblem::MalformedTarget { at: at.clone(), target: text });
        };
        // Evaluating this record again for the same client would repeat the same steps until the eleventh look-up.
        if trail.contains(&target.name) {
            return Err(SpfProblem::Loop { at: at.clone(), target: target.name });
        }
        let length = trail.len();
        let decision = self.evaluate(&target, trail)?;
        trail.truncate(length);
        decision.ok_or_else(|| SpfProblem::NoRecord { at: at.clone(), target: target.name })
    }

    /// Whether a mechanism matches, and the terms below that made it so.
    fn matches(
        &mut self,
        directive: &Directive,
        domain: &Target,
        at: &Place,
        trail: &mut Vec<DnsName>,
    ) -> Result<Option<Vec<Place>>, SpfProblem> {
        let matches = match &directive.mechanism {
            Mechanism::All => true,
            Mechanism::Ip4(network, prefix) => is_within(self.ip, (*network).into(), *prefix),
            Mechanism::Ip6(network, prefix) => is_within(self.ip, (*network).into(), *prefix),
            Mechanism::Include(spec) => {
                let decision = self.follow(spec, domain, at, trail)?;
                return Ok((decision.qualifier == Some(Qualifier::Pass)).then_some(decision.path));
            }
            Mechanism::A(spec, prefixes) => match self.target(spec.as_ref(), domain, at)? {
                Some(target) => self.is_address_of(&target.name, *prefixes, at)?,
                None => false,
            },
            Mechanism::Mx(spec, prefixes) => match self.target(spec.as_ref(), domain, at)? {
                Some(target) => self.is_mail_host_of(&target.name, *prefixes, at)?,
                None => false,
            },
            Mechanism::Exists(spec) => match self.target(Some(spec), domain, at)? {
                // An A record, for IPv6 clients too (RFC 7208 section 5.7).
                Some(target) => self.ask(&Question::new(target.name, RecordType::A), at)?.is_some(),
                None => false,
            },
            Mechanism::Ptr(spec) => match self.target(spec.as_ref(), domain, at)? {
                Some(target) => {
                    self.validated_names(Some(at))?.iter().any(|name| name.is_within(&target.name))
                }
                None => false,
            },
        };
        Ok(matches.then(Vec::new))
    }

    fn count(&mut self, at: &Place) -> Result<(), SpfProblem> {
        self.lookups += 1;
        if self.lookups > MOST_LOOKUPS { Err(SpfProblem::TooManyLookups { at: at.clone() }) } else { Ok(()) }
    }

    /// Counts a look-up that found nothing.
    fn count_void(&mut self, question: &Question, answer: &Answer, at: &Place) -> Result<(), SpfProblem> {
        if !matches!(answer.outcome, Outcome::NoData { .. } | Outcome::NxDomain { .. }) {
            return Ok(());
        }
        self.void_lookups += 1;
        if self.void_lookups <= MOST_VOID_LOOKUPS {
            return Ok(());
        }
        Err(SpfProblem::TooManyVoidLookups { at: at.clone(), question: question.clone() })
    }

    /// The records that were asked for; nothing if there are none.
    fn ask(&mut self, question: &Question, at: &Place) -> Result<Option<Vec<RecordData>>, SpfProblem> {
        let answer = self.dns.lookup(question);
        definite(question, &answer)?;
        self.count_void(question, &answer, at)?;
        let records = answer.outcome.records();
        Ok((!records.is_empty()).then(|| records.to_vec()))
    }

    /// The target name of a term that counts: the record's own domain if it names none (RFC 7208 section 4.8).
    fn target(
        &mut self,
        spec: Option<&MacroString>,
        domain: &Target,
        at: &Place,
    ) -> Result<Option<Target>, SpfProblem> {
        self.count(at)?;
        match spec {
            Some(spec) => Ok(Target::of(&self.expand(spec, domain, at)?)),
            None => Ok(Some(domain.clone())),
        }
    }

    fn expand(&mut self, spec: &MacroString, domain: &Target, at: &Place) -> Result<String, SpfProblem> {
        if spec.needs_validated_name() && self.validated.is_none() {
            self.count(at)?;
            self.validated_names(Some(at))?;
        }
        Ok(self.expanded(spec, domain))
    }

    fn expanded(&self, spec: &MacroString, domain: &Target) -> String {
        spec.expand(&Values {
            ip: self.ip,
            local_part: self.local_part,
            sender_domain: self.sender_domain,
            domain: &domain.text,
            validated: self.validated_name(&domain.name),
            helo: &self.query.helo,
            receiver: &self.query.receiver,
            time: self.query.time,
        })
    }

    fn is_address_of(&mut self, name: &DnsName, prefixes: Prefixes, at: &Place) -> Result<bool, SpfProblem> {
        let records = self.ask(&self.address_question(name.clone()), at)?;
        Ok(self.is_among(records.as_deref().unwrap_or_default(), prefixes))
    }

    /// `mx` (RFC 7208 section 5.4). Mail hosts are gone through in the order of their preference.
    fn is_mail_host_of(
        &mut self,
        name: &DnsName,
        prefixes: Prefixes,
        at: &Place,
    ) -> Result<bool, SpfProblem> {
        let Some(records) = self.ask(&Question::new(name.clone(), RecordType::Mx), at)? else {
            return Ok(false);
        };
        if records.len() > MOST_NAMES {
            return Err(SpfProblem::TooManyMailHosts { at: at.clone(), count: records.len() });
        }
        let questions: Vec<Question> =
            mail_hosts(&records).map(|host| self.address_question(host.clone())).collect();
        let answers = self.dns.lookup_all(&questions);
        for (question, answer) in questions.iter().zip(&answers) {
            definite(question, answer)?;
            self.count_void(question, answer, at)?;
            if self.is_among(answer.outcome.records(), prefixes) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The names of the client whose addresses have it among them (RFC 7208 section 5.5), asked for once.
    ///
    /// A failure on the way gives fewer names, never an error. Void look-ups count only for a term.
    fn validated_names(&mut self, at: Option<&Place>) -> Result<&[DnsName], SpfProblem> {
        if self.validated.is_none() {
            let family = if self.ip.is_ipv4() { "in-addr" } else { "ip6" };
            let reversed = dotted(self.ip).rsplit('.').collect::<Vec<_>>().join(".");
            let question =
                Question::new(DnsName::from_answer(&format!("{reversed}.{family}.arpa")), RecordType::Ptr);
            let answer = self.dns.lookup(&question);
            if let Some(at) = at {
                self.count_void(&question, &answer, at)?;
            }
            let names: Vec<DnsName> = answer
                .outcome
                .records()
                .iter()
                .filter_map(|record| match record {
                    // A name with escaped octets is nobody's host, and its dots may not be what they seem.
                    RecordData::Ptr(name) if !name.as_str().is_empty() && !name.as_str().contains('\\') => {
                        Some(name.clone())
                    }
                    _ => None,
                })
                .take(MOST_NAMES)
                .collect();
            let questions: Vec<Question> =
                names.iter().map(|name| self.address_question(name.clone())).collect();
            let answers = self.dns.lookup_all(&questions);
            let is_true = |answer: &Answer| self.is_among(answer.outcome.records(), Prefixes::WHOLE);
            let validated = names.into_iter().zip(&answers).filter(|(_, answer)| is_true(answer));
            self.validated = Some(validated.map(|(name, _)| name).collect());
        }
        Ok(self.validated.as_deref().unwrap_or_default())
    }

    /// What `%{p}` stands for: the domain itself, else a name below it, else any (RFC 7208 section 7.3).
    fn validated_name(&self, domain: &DnsName) -> &str {
        let names = self.validated.as_deref().unwrap_or_default();
        let own = names.iter().find(|name| *name == domain);
        let below = || names.iter().find(|name| name.is_within(domain));
        own.or_else(below).or_else(|| names.first()).map_or(UNKNOWN, DnsName::as_str)
    }

    /// The domain's explanation of a fail (RFC 7208 section 6.2), or `None` if anything is wrong with it.
    fn explain(&mut self, spec: &MacroString, domain: &Target) -> Option<String> {
        self.validate_for(spec);
        let target = Target::of(&self.expanded(spec, domain))?;
        let answer = self.dns.lookup(&question(&target.name));
        let mut texts = texts(&answer);
        let text = String::from_utf8(texts.next()?).ok()?;
        if texts.next().is_some() {
            return None;
        }
        let explanation = MacroString::explanation(&text).ok()?;
        self.validate_for(&explanation);
        let words = self.expanded(&explanation, domain);
        // It goes into SMTP replies, where what a sender put into its address must not end the line.
        let is_shown =
            !words.is_empty() && words.bytes().all(|octet| octet == b' ' || octet.is_ascii_graphic());
        is_shown.then_some(words)
    }

    /// Looks up the client's names if an explanation has `%{p}`: `exp` counts toward no limit (section 4.6.4).
    fn validate_for(&mut self, text: &MacroString) {
        if text.needs_validated_name() {
            // Without a term to count for there is no error.
            _ = self.validated_names(None);
        }
    }

    fn address_question(&self, name: DnsName) -> Question {
        Question::new(name, if self.ip.is_ipv4() { RecordType::A } else { RecordType::Aaaa })
    }

    fn is_among(&self, records: &[RecordData], prefixes: Prefixes) -> bool {
        records.iter().any(|record| match record {
            RecordData::A(address) => is_within(self.ip, (*address).into(), prefixes.v4),
            RecordData::Aaaa(address) => is_within(self.ip, (*address).into(), prefixes.v6),
            _ => false,
        })
    }
}
