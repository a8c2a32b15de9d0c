//! Following a domain's SPF record through all that it includes: whether our mechanisms are reached, and at what cost.

use std::net::IpAddr;

use super::super::sentence::{shown, whole};
use super::{Entry, SpfExpectation, advice, meant};
use crate::dns::{Answer, Memo, Question, RecordData, RecordType, Resolver};
use crate::record::finding::{Code, Finding, Verdict};
use crate::spf::{
    Directive, Evaluation, MOST_LOOKUPS, Mechanism, MechanismStanding, Passing, Place, Qualifier, Query,
    Reach, Refuser, SpfProblem, SpfResult, check_host, is_spf, mistaken_modifiers, passing, reaches,
};

/// What the walk through a domain's one SPF record says; none where it has no such record.
pub(super) fn judge(
    expected: &SpfExpectation,
    answer: &Answer,
    resolver: &dyn Resolver,
    advice: Option<&Entry>,
) -> Option<Finding> {
    let question = &Question::new(expected.name.clone(), RecordType::Txt);
    let SpfExpectation { mechanisms: wanted, addresses, .. } = expected;
    let records: Vec<String> = answer
        .outcome
        .records()
        .iter()
        .filter_map(|record| match record {
            RecordData::Txt(text) if is_spf(&text.joined()) => Some(text.joined()),
            _ => None,
        })
        .map(|octets| String::from_utf8_lossy(&octets).into_owned())
        .collect();
    let [record] = records.as_slice() else { return None };
    let parsed = wanted.iter().map(|text| text.parse::<Directive>().map(|directive| directive.mechanism));
    let mechanisms: Vec<Mechanism> = parsed.collect::<Result<_, _>>().ok()?;
    // The walk begins with the answer that was judged, not with another one.
    let dns = Memo::new(resolver).with(question.clone(), answer.clone());
    let reach = reaches(&dns, &question.name, &mechanisms);
    let by_text;
    let entry = if let Some(advice) = advice {
        advice
    } else {
        by_text = expected.entry_for(&meant(answer));
        &by_text
    };
    let walked = Walked {
        question,
        record,
        entry,
        is_judged: advice.is_some(),
        wanted,
        mechanisms: &mechanisms,
        reach: &reach,
        dns: &dns,
    };
    // What a configured address gets is the truth; without any, how those fare whom our mechanism matches.
    let refused = addresses.iter().find_map(|ip| walked.refusal(*ip));
    Some(match refused {
        Some(finding) => finding,
        None if addresses.is_empty() => walked.finding(),
        None => walked.passed(),
    })
}

struct Walked<'a> {
    question: &'a Question,
    record: &'a str,
    /// What to enter instead.
    entry: &'a Entry,
    /// Whether that was judged, and passes.
    is_judged: bool,
    wanted: &'a [String],
    /// What is wanted, parsed.
    mechanisms: &'a [Mechanism],
    reach: &'a Reach,
    dns: &'a dyn Resolver,
}

impl Walked<'_> {
    fn finding(&self) -> Finding {
        let ours = || self.mechanisms.iter().zip(self.wanted).zip(&self.reach.standings);
        let first_wrong = ours().find(|((mechanism, _), standing)| !self.stands(mechanism, standing));
        if let Some(((_, text), standing)) = first_wrong {
            return self.wrong(standing, text);
        }
        if let Some(finding) = ours().find_map(|((ours, text), _)| self.kept_from_passing(ours, text)) {
            return finding;
        }
        // What could not be looked up stands behind ours: their evaluation ends before it.
        self.passed()
    }

    /// Whether whom the mechanism matches passes, as far as the walk tells: it is reached with `+`, or all that come to it
    /// have passed before. The walk counts for clients of both families; where what it counted ends it, each client that the
    /// mechanism matches decides, if those are few.
    fn stands(&self, mechanism: &Mechanism, standing: &MechanismStanding) -> bool {
        match standing {
            MechanismStanding::Shadowed { qualifier: Qualifier::Pass, .. } => true,
            MechanismStanding::Broken
                if self.reach.problem.as_ref().is_some_and(|problem| !problem.is_temporary()) =>
            {
                let Passing { samples, are_all, .. } = passing(self.dns, &self.question.name, mechanism);
                are_all && samples.iter().all(|ip| self.refusal(*ip).is_none())
            }
            _ => standing.passes(),
        }
    }

    /// What keeps some of those from passing whom our mechanism matches; none if nothing does.
    fn kept_from_passing(&self, ours: &Mechanism, text: &str) -> Option<Finding> {
        let Passing { refused_by, samples, are_all } = passing(self.dns, &self.question.name, ours);
        let refused = || samples.iter().find_map(|ip| self.refusal(*ip));
        let Some(Refuser { at, client }) = refused_by.filter(|_| !are_all || refused().is_some()) else {
            return refused();
        };
        let evaluated = |ip| (ip, check_host(self.dns, &Query::of_domain(ip, &self.question.name)));
        let what = match (client.map(evaluated), &self.reach.problem) {
            (Some((ip, Evaluation { result, problem: None, .. })), _) if result != SpfResult::Pass => {
                format!(
                    "{at} stands before {text}, so that mail from {ip}, whom that lets send, gets {result}"
                )
            }
            // What could not be looked up may be all that seems to refuse us.
            (_, Some(problem)) if problem.is_temporary() => return Some(self.temporary(problem)),
            _ => format!("{at} stands before {text}, and may refuse those whom that lets send"),
        };
        let is_here =
            self.record.split(' ').any(|term| term.trim_start_matches('+').eq_ignore_ascii_case(text));
        let mend = if is_here {
            format!("move {text} to the front, as there")
        } else {
            format!("put {text} at the front, as there")
        };
        Some(self.says(Verdict::Fail, Code::SpfRefusedBefore, &what, &mend))
    }

    /// What is wrong with how a client at `ip` fares that sends for the domain; none if it passes.
    fn refusal(&self, ip: IpAddr) -> Option<Finding> {
        let evaluation = check_host(self.dns, &Query::of_domain(ip, &self.question.name));
        let result = evaluation.result;
        match (&evaluation.problem, &evaluation.matched) {
            _ if result == SpfResult::Pass => None,
            (Some(problem), _) if problem.is_temporary() => Some(self.temporary(problem)),
            (Some(problem), _) => {
                Some(self.errs(Verdict::Fail, &format!("mail from {ip} gets {result}: {problem}"), problem))
            }
            (None, Some(matched)) => {
                let what = format!("mail from {ip}, which is ours, gets {result} by {matched}");
                Some(self.says(Verdict::Fail, Code::SpfMechanismMissing, &what, "change the record to that"))
            }
            (None, None) => {
                let what = format!("mail from {ip}, which is ours, gets {result}, for nothing matches it");
                Some(self.says(Verdict::Fail, Code::SpfMechanismMissing, &what, "change the record to that"))
            }
        }
    }

    /// Our servers pass; the rest of the record may still want mending.
    fn passed(&self) -> Finding {
        let Reach { problem, open_to_all, lookups, .. } = self.reach;
        if let Some(problem) = problem.as_ref().filter(|problem| !problem.is_temporary()) {
            let what = format!(
                "our servers may send, but the rest of the record is an error to receivers: {problem}"
            );
            return self.errs(Verdict::Warn, &what, problem);
        }
        if let Some(place) = open_to_all {
            return self.open_to_all(place);
        }
        if let Some(ignored) = mistaken_modifiers(self.record.as_bytes()).first() {
            let what = format!(
                "our servers may send, but receivers pass over \"{ignored}\", where = stands in place of a colon"
            );
            return self.says(Verdict::Warn, Code::SpfSyntax, &what, "change the record to that");
        }
        let text = format!(
            "{} {}: lets our servers send, as wanted; it takes {lookups} of {MOST_LOOKUPS} look-ups.",
            self.question.record_type, self.question.name
        );
        Finding::pass(text, shown(self.record))
    }

    fn wrong(&self, standing: &MechanismStanding, mechanism: &str) -> Finding {
        match (standing, &self.reach.problem) {
            (MechanismStanding::Broken, Some(problem)) if problem.is_temporary() => self.temporary(problem),
            (MechanismStanding::Broken, Some(problem)) => {
                self.errs(Verdict::Fail, &problem.to_string(), problem)
            }
            (MechanismStanding::Shadowed { by, .. }, _) => {
                let what = format!("{mechanism} stands after {by}, where nothing is read any more");
                self.says(Verdict::Fail, Code::SpfIncludeAfterAll, &what, "change the record to that")
            }
            (MechanismStanding::Reached(matched), _) => {
                let what = format!("{matched} does not let our servers pass");
                self.says(Verdict::Fail, Code::SpfMechanismMissing, &what, "change the record to that")
            }
            (_, Some(problem))
                if matches!(problem, SpfProblem::Syntax { .. } | SpfProblem::TooManyLookups { .. }) =>
            {
                self.errs(Verdict::Fail, &problem.to_string(), problem)
            }
            _ => {
                let what = format!("it does not let our servers send: {mechanism} is not in it");
                if let Some(finding) = self.no_help_yet(&what, mechanism) {
                    return finding;
                }
                let mend = "change the record to that, without adding a second one";
                self.says(Verdict::Fail, Code::SpfMechanismMissing, &what, mend)
            }
        }
    }

    /// What is wanted is itself an error to receivers, so that it would be no help to enter it.
    fn no_help_yet(&self, what: &str, mechanism: &str) -> Option<Finding> {
        if !self.is_judged || self.entry.to.is_some() {
            return None;
        }
        let Question { name, record_type } = self.question;
        let problem = advice::problem_of_wanted(self.wanted, self.question, self.dns)?;
        let seen = shown(self.record);
        let text = format!(
            "{record_type} {name}: {what}, and {mechanism} would be no help yet: {problem}; seen is \"{seen}\"; have the operator of \
             the mail system mend that first."
        );
        Some(Finding::of(Verdict::Fail, Code::SpfMechanismMissing, text, Some(seen)))
    }

    /// A term passes everybody: one of this record, or of one that it includes.
    fn open_to_all(&self, place: &Place) -> Finding {
        let what = format!("{place} lets everybody send");
        let (code, is_own) = (Code::SpfPlusAll, place.domain == self.question.name);
        if is_own && place.term.to_ascii_lowercase().ends_with("all") {
            return self.says(Verdict::Warn, code, &what, "end the record with ~all");
        }
        if self.is_judged {
            return self.says(Verdict::Warn, code, &what, "change the record to that");
        }
        let mend = if is_own { "remove that term" } else { "remove what leads there, or ask its owner" };
        self.without_wanted(Verdict::Warn, code, &what, mend)
    }

    /// What is wanted is the record with our mechanisms merged in.
    fn says(&self, verdict: Verdict, code: Code, what: &str, mend: &str) -> Finding {
        let Question { name, record_type } = self.question;
        let Some(to) = &self.entry.to else { return self.without_wanted(verdict, code, what, mend) };
        let (seen, wanted, mend) = (shown(self.record), whole(to), self.entry.mend(mend));
        let text =
            format!("{record_type} {name}: {what}; seen is \"{seen}\"; wanted is \"{wanted}\"; {mend}.");
        Finding::of(verdict, code, text, Some(seen))
    }

    /// Our mechanisms in it alone would not make the record right.
    fn errs(&self, verdict: Verdict, what: &str, problem: &SpfProblem) -> Finding {
        if self.is_judged {
            return self.says(verdict, code_of(problem), what, "change the record to that");
        }
        self.without_wanted(verdict, code_of(problem), what, mend_of(problem))
    }

    fn without_wanted(&self, verdict: Verdict, code: Code, what: &str, mend: &str) -> Finding {
        let Question { name, record_type } = self.question;
        let seen = shown(self.record);
        let text = format!(
            "{record_type} {name}: {what}; seen is \"{seen}\"; wanted is a record without that; {mend}."
        );
        Finding::of(verdict, code, text, Some(seen))
    }

    fn temporary(&self, problem: &SpfProblem) -> Finding {
        let Question { name, record_type } = self.question;
        let text = format!("{record_type} {name}: {problem}; nothing follows from that.");
        Finding::of(Verdict::Temporary, Code::Servfail, text, Some(shown(self.record)))
    }
}

fn code_of(problem: &SpfProblem) -> Code {
    match problem {
        SpfProblem::TooManyLookups { .. } | SpfProblem::TooManyMailHosts { .. } => Code::SpfTooManyLookups,
        SpfProblem::TooManyVoidLookups { .. } => Code::SpfTooManyVoid,
        SpfProblem::MultipleRecords { .. } => Code::SpfMultiple,
        SpfProblem::NoRecord { .. } | SpfProblem::Lookup { .. } => Code::SpfIncludeMissing,
        _ => Code::SpfSyntax,
    }
}

fn mend_of(problem: &SpfProblem) -> &'static str {
    match problem {
        SpfProblem::TooManyLookups { .. } | SpfProblem::TooManyMailHosts { .. } => {
            "remove includes that are not needed any more"
        }
        SpfProblem::TooManyVoidLookups { .. } => "remove the terms whose names do not exist",
        SpfProblem::MultipleRecords { .. } => "ask that domain's owner to merge them, or remove the include",
        SpfProblem::NoRecord { .. } | SpfProblem::Lookup { .. } => "remove that term, or mend its name",
        _ => "mend that term",
    }
}
