//! A resolver that answers from a script, for tests: no network, no clock, no waiting.
//!
//! The script is a zone of records, to which the rules of the DNS apply: aliases are followed, a name with names below it
//! exists (RFC 8020), and a `*` answers for names that do not (RFC 4592). A scripted outcome stands for whatever records
//! there are of its type. After [`ScriptedResolver::at`] the script is for one more server: where it differs, the servers
//! disagree; for everything else the new server gives the first server's answers.
//!
//! ```
//! use postroom::dns::{Outcome, Question, RecordType, Resolver, ScriptedResolver};
//!
//! let dns = ScriptedResolver::new()
//!     .txt("_dmarc.example.com", &["v=DMARC1; p=none"])
//!     .fail("example.net", RecordType::Mx, Outcome::Timeout);
//! let question = Question::new("_dmarc.example.com".parse()?, RecordType::Txt);
//! assert_eq!(dns.lookup(&question).outcome.records().len(), 1);
//! assert_eq!(dns.asked(), [question]);
//! # Ok::<(), postroom::name::InvalidName>(())
//! ```

mod script;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use self::script::{Script, step};
use super::{Answer, MAX_CHAIN, Outcome, Question, RecordData, RecordType, Resolver, Server, Sighting};
use crate::name::DnsName;

/// Answers from a script, which can change while it is in use.
///
/// Names are taken as they are, in any case and with or without a last dot; `*` as the first label is a
/// wildcard.
#[derive(Debug)]
pub struct ScriptedResolver {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The first is the recursive one; each further one differs from it.
    servers: Vec<(Server, Script)>,
    asked: Vec<Question>,
    /// What is validated by DNSSEC, if the script says anything of that.
    validated: Option<Vec<Question>>,
}

impl Default for ScriptedResolver {
    fn default() -> ScriptedResolver {
        ScriptedResolver::new()
    }
}

impl ScriptedResolver {
    /// A resolver named `script`, for which no name exists.
    pub fn new() -> ScriptedResolver {
        let first = (Server::from("script"), Script::default());
        ScriptedResolver {
            state: Mutex::new(State { servers: vec![first], asked: Vec::new(), validated: None }),
        }
    }

    /// What follows is said by one more server, after those before it.
    #[must_use]
    pub fn at(self, server: impl Into<Server>) -> ScriptedResolver {
        self.state().servers.push((server.into(), Script::default()));
        self
    }

    /// A TXT record of these strings.
    #[must_use]
    pub fn txt(self, name: &str, strings: &[&str]) -> ScriptedResolver {
        self.record(name, RecordData::txt(strings))
    }

    /// A CNAME record.
    #[must_use]
    pub fn cname(self, name: &str, target: &str) -> ScriptedResolver {
        self.record(name, RecordData::Cname(DnsName::from_answer(target)))
    }

    /// An MX record; `.` as the exchange is a null MX.
    #[must_use]
    pub fn mx(self, name: &str, preference: u16, exchange: &str) -> ScriptedResolver {
        self.record(name, RecordData::Mx { preference, exchange: DnsName::from_answer(exchange) })
    }

    /// An A record.
    #[must_use]
    pub fn a(self, name: &str, address: Ipv4Addr) -> ScriptedResolver {
        self.record(name, RecordData::A(address))
    }

    /// An AAAA record.
    #[must_use]
    pub fn aaaa(self, name: &str, address: Ipv6Addr) -> ScriptedResolver {
        self.record(name, RecordData::Aaaa(address))
    }

    /// An NS record.
    #[must_use]
    pub fn ns(self, name: &str, server: &str) -> ScriptedResolver {
        self.record(name, RecordData::Ns(DnsName::from_answer(server)))
    }

    /// A record of any kind.
    #[must_use]
    pub fn record(self, name: &str, record: RecordData) -> ScriptedResolver {
        if let Some((_, script)) = self.state().servers.last_mut() {
            script.records.entry(DnsName::from_answer(name)).or_default().push(record);
        }
        self
    }

    /// This outcome for this type at this name, which exists.
    #[must_use]
    pub fn answer(self, name: &str, record_type: RecordType, outcome: Outcome) -> ScriptedResolver {
        self.outcome(name, record_type, outcome, true)
    }

    /// This outcome in place of an answer; the name does not exist by it.
    #[must_use]
    pub fn fail(self, name: &str, record_type: RecordType, outcome: Outcome) -> ScriptedResolver {
        self.outcome(name, record_type, outcome, false)
    }

    fn outcome(
        self,
        name: &str,
        record_type: RecordType,
        outcome: Outcome,
        exists: bool,
    ) -> ScriptedResolver {
        if let Some((_, script)) = self.state().servers.last_mut() {
            script.outcomes.insert((DnsName::from_answer(name), record_type), (outcome, exists));
        }
        self
    }

    /// The answer for this type at this name is validated by DNSSEC, and no other that is not named so.
    #[must_use]
    pub fn validated(self, name: &str, record_type: RecordType) -> ScriptedResolver {
        let question = Question::new(DnsName::from_answer(name), record_type);
        self.state().validated.get_or_insert_default().push(question);
        self
    }

    /// From now on, these are all records at `name`, at every server.
    pub fn set(&self, name: &str, records: Vec<RecordData>) {
        self.clear(name);
        if let Some((_, script)) = self.state().servers.first_mut() {
            script.records.insert(DnsName::from_answer(name), records);
        }
    }

    /// From now on, this is the outcome for this type at `name`, at every server.
    pub fn set_outcome(&self, name: &str, record_type: RecordType, outcome: Outcome) {
        let key = (DnsName::from_answer(name), record_type);
        let mut state = self.state();
        for (_, script) in &mut state.servers {
            script.remove(&key.0, record_type);
        }
        if let Some((_, script)) = state.servers.first_mut() {
            script.outcomes.insert(key, (outcome, true));
        }
    }

    /// From now on, no server has anything at `name`.
    pub fn clear(&self, name: &str) {
        let name = DnsName::from_answer(name);
        for (_, script) in &mut self.state().servers {
            script.records.remove(&name);
            script.outcomes.retain(|(owner, _), _| *owner != name);
        }
    }

    /// The questions asked so far, one a question whatever the number of servers, in order.
    pub fn asked(&self) -> Vec<Question> {
        self.state().asked.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done in here by a thread that panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolver for ScriptedResolver {
    fn lookup(&self, question: &Question) -> Answer {
        let mut state = self.state();
        state.asked.push(question.clone());
        state.answer(0, question, true)
    }

    /// What records say where a failure of DNSSEC is scripted.
    fn lookup_unvalidated(&self, question: &Question) -> Answer {
        let mut state = self.state();
        state.asked.push(question.clone());
        state.answer(0, question, false)
    }

    fn validates(&self, question: &Question) -> Option<bool> {
        self.state().validated.as_ref().map(|validated| validated.contains(question))
    }

    fn look(&self, questions: &[Question]) -> Vec<Sighting> {
        let mut state = self.state();
        state.asked.extend_from_slice(questions);
        let answers =
            |question| (0..state.servers.len()).map(|index| state.answer(index, question, true)).collect();
        questions
            .iter()
            .map(|question| Sighting { question: question.clone(), answers: answers(question) })
            .collect()
    }
}

impl State {
    /// What the server at `index` says: its own script, and where that has nothing the first one.
    fn answer(&self, index: usize, question: &Question, validating: bool) -> Answer {
        let server = self.servers.get(index).map_or(Server::from("script"), |(server, _)| server.clone());
        let scripts: Vec<&Script> = self
            .servers
            .get(index)
            .into_iter()
            .chain(self.servers.first())
            .map(|(_, script)| script)
            .collect();
        let mut chain: Vec<DnsName> = Vec::new();
        let outcome = loop {
            let name = chain.last().unwrap_or(&question.name);
            let (outcome, target) = step(&scripts, name, question.record_type, validating);
            let Some(target) = target else { break outcome };
            let seen = question.name == target || chain.contains(&target);
            chain.push(target);
            if seen || chain.len() > MAX_CHAIN {
                break Outcome::CnameLoop;
            }
        };
        Answer { server, chain, outcome }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(dns: &ScriptedResolver, name: &str, record_type: RecordType) -> Answer {
        dns.lookup(&Question::new(DnsName::from_answer(name), record_type))
    }

    fn is_missing(outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::NxDomain { .. })
    }

    #[test]
    fn a_name_with_names_below_it_exists_and_others_do_not() {
        let dns = ScriptedResolver::new().txt("pr1._domainkey.Example.com.", &["v=DKIM1; ", "p="]);
        let there = ask(&dns, "pr1._domainkey.example.com", RecordType::Txt);
        assert_eq!(there.outcome.records(), [RecordData::txt(&["v=DKIM1; ", "p="])]);
        assert!(matches!(ask(&dns, "example.com", RecordType::Txt).outcome, Outcome::NoData { .. }));
        let other_type = ask(&dns, "pr1._domainkey.example.com", RecordType::A);
        assert!(matches!(other_type.outcome, Outcome::NoData { .. }));
        assert!(is_missing(&ask(&dns, "www.example.com", RecordType::A).outcome));
        assert_eq!(dns.asked().len(), 4);
    }

    #[test]
    fn aliases_are_followed_to_where_they_end() {
        let dns = ScriptedResolver::new()
            .cname("a.example.com", "b.example.net")
            .cname("b.example.net", "c.example.net")
            .txt("c.example.net", &["here"])
            .cname("gone.example.com", "nowhere.example.org")
            .cname("x.example.com", "y.example.com")
            .cname("y.example.com", "x.example.com");
        let found = ask(&dns, "a.example.com", RecordType::Txt);
        assert_eq!(found.chain, ["b.example.net", "c.example.net"].map(DnsName::from_answer));
        assert_eq!(found.outcome.records().len(), 1);
        let alias = ask(&dns, "a.example.com", RecordType::Cname);
        assert!(alias.chain.is_empty() && alias.outcome.records().len() == 1);
        let gone = ask(&dns, "gone.example.com", RecordType::Txt);
        assert!(gone.chain.len() == 1 && is_missing(&gone.outcome));
        assert_eq!(ask(&dns, "x.example.com", RecordType::Txt).outcome, Outcome::CnameLoop);
    }

    #[test]
    fn eight_aliases_are_followed_and_a_ninth_is_not() {
        let mut dns = ScriptedResolver::new().txt("n9.example.com", &["end"]);
        for step in 0..9 {
            dns = dns.cname(&format!("n{step}.example.com"), &format!("n{}.example.com", step + 1));
        }
        assert_eq!(ask(&dns, "n1.example.com", RecordType::Txt).outcome.records().len(), 1);
        assert_eq!(ask(&dns, "n0.example.com", RecordType::Txt).outcome, Outcome::CnameLoop);
    }

    #[test]
    fn a_wildcard_answers_for_names_that_do_not_exist_below_its_parent() {
        let dns = ScriptedResolver::new()
            .txt("*.example.com", &["wild"])
            .a("www.example.com", Ipv4Addr::new(192, 0, 2, 1));
        assert_eq!(ask(&dns, "any.thing.example.com", RecordType::Txt).outcome.records().len(), 1);
        assert!(ask(&dns, "www.example.com", RecordType::Txt).outcome.records().is_empty());
        // RFC 4592 section 2.2.1: an existing name between hides the wildcard.
        assert!(is_missing(&ask(&dns, "below.www.example.com", RecordType::Txt).outcome));
    }

    #[test]
    fn servers_disagree_where_the_script_says_so() {
        let dns = ScriptedResolver::new()
            .txt("example.com", &["old"])
            .mx("example.com", 10, "mx.example.com")
            .at("ns1")
            .txt("example.com", &["new"])
            .at("ns2")
            .fail("example.com", RecordType::Txt, Outcome::Timeout);
        let name: DnsName = "example.com".parse().unwrap();
        let sightings = dns.look(&[
            Question::new(name.clone(), RecordType::Txt),
            Question::new(name.clone(), RecordType::Mx),
        ]);
        let [txt, mx] = sightings.as_slice() else { panic!("{sightings:?}") };
        let outcomes: Vec<&Outcome> = txt.answers.iter().map(|answer| &answer.outcome).collect();
        assert_eq!(outcomes[0].records(), [RecordData::txt(&["old"])]);
        assert_eq!(outcomes[1].records(), [RecordData::txt(&["new"])]);
        assert_eq!(*outcomes[2], Outcome::Timeout);
        assert!(mx.answers.iter().all(|answer| answer.outcome.records().len() == 1));
        assert_eq!(mx.answers[2].server.to_string(), "ns2");
    }

    #[test]
    fn a_further_server_can_have_records_where_the_first_one_fails() {
        let dns = ScriptedResolver::new()
            .fail("example.com", RecordType::Txt, Outcome::Timeout)
            .at("ns1")
            .txt("example.com", &["there"]);
        let sightings = dns.look(&[Question::new("example.com".parse().unwrap(), RecordType::Txt)]);
        assert_eq!(sightings[0].answers[0].outcome, Outcome::Timeout);
        assert_eq!(sightings[0].answers[1].outcome.records().len(), 1);
    }

    #[test]
    fn the_script_can_change_while_it_is_in_use() {
        let dns = ScriptedResolver::new().txt("example.com", &["old"]);
        dns.set("example.com", vec![RecordData::txt(&["new"])]);
        assert_eq!(ask(&dns, "example.com", RecordType::Txt).outcome.records(), [RecordData::txt(&["new"])]);
        let servfail = Outcome::ServFail { detail: String::new() };
        dns.set_outcome("example.com", RecordType::Txt, servfail.clone());
        assert_eq!(ask(&dns, "example.com", RecordType::Txt).outcome, servfail);
        dns.clear("example.com");
        assert!(is_missing(&ask(&dns, "example.com", RecordType::Txt).outcome));
    }
}
