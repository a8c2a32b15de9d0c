//! Running a case: its folder read, the DNS of its script looked at.

use std::fs;
use std::path::{Path, PathBuf};

use postroom::dns::{Answer, Question, RecordData, Resolver, ScriptedResolver, Server, Sighting, TxtData};
use postroom::name::DomainName;
use postroom::verify::{self, Code, Expectation, Finding};

use super::script::{self, Keys};

/// Set to write down what is found, and the page that is made of it, instead of comparing.
const BLESS: &str = "POSTROOM_BLESS";

/// A folder: what shows a code, and what nearly does.
pub(super) struct Case {
    pub(super) code: Code,
    pub(super) folder: PathBuf,
    pub(super) shows: Found,
    pub(super) near: Found,
}

/// What was asked, and what was found.
pub(super) struct Found {
    pub(super) question: Question,
    pub(super) finding: Finding,
}

/// The repository's own folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

pub(crate) fn is_blessing() -> bool {
    std::env::var_os(BLESS).is_some()
}

/// The name of a code's folder: its place in the table, and its name.
pub(super) fn folder_name(code: Code) -> String {
    let place = Code::ALL.iter().position(|other| *other == code).unwrap() + 1;
    format!("{place:02}-{}", code.as_str())
}

/// Every case, in the order of the table of codes.
pub(super) fn cases() -> Vec<Case> {
    let base = root().join("tests/fixtures/findings");
    let keys = Keys::parse(&read(&base.join("keys")));
    Code::ALL.iter().map(|code| case(*code, base.join(folder_name(*code)), &keys)).collect()
}

fn case(code: Code, folder: PathBuf, keys: &Keys) -> Case {
    let found = |which: &str| {
        let own = folder.join(format!("{which}.expected"));
        let expected = if own.exists() { own } else { folder.join("expected") };
        let (domain, expected) = script::expectation(&read(&expected), keys);
        let (inner, first) = script::dns(&read(&folder.join(format!("{which}.dns"))), keys);
        let dns = Named { inner, first };
        let question = expected.question();
        let finding = verify::look(&domain, &[expected], &dns).swap_remove(0).finding;
        Found { question, finding }
    };
    Case { code, shows: found("shows"), near: found("near"), folder }
}

impl Case {
    /// What stands in `result`.
    pub(super) fn result(&self) -> String {
        format!("shows: {}near: {}", self.shows.result(), self.near.result())
    }

    /// What stands in `result` now, if there is one.
    pub(super) fn recorded(&self) -> Option<String> {
        fs::read_to_string(self.folder.join("result")).ok()
    }
}

impl Found {
    fn result(&self) -> String {
        let Finding { verdict, code, text, .. } = &self.finding;
        format!("{} {}\n{text}\n", verdict.as_str(), code.map_or("-", Code::as_str))
    }
}

pub(crate) fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// A script whose first server has a name of its own.
struct Named {
    inner: ScriptedResolver,
    first: Server,
}

impl Named {
    fn named(&self, mut answer: Answer) -> Answer {
        if matches!(answer.server, Server::Scripted(_)) {
            answer.server = self.first.clone();
        }
        answer
    }
}

impl Resolver for Named {
    fn lookup(&self, question: &Question) -> Answer {
        self.named(self.inner.lookup(question))
    }

    fn look(&self, questions: &[Question]) -> Vec<Sighting> {
        let named = |sighting: Sighting| Sighting {
            question: sighting.question,
            answers: sighting.answers.into_iter().map(|answer| self.named(answer)).collect(),
        };
        self.inner.look(questions).into_iter().map(named).collect()
    }
}

/// What a case expects, and its zone, to be changed.
pub(super) fn zone(case: &Case, which: &str) -> (DomainName, Expectation, ScriptedResolver) {
    let keys = Keys::parse(&read(&root().join("tests/fixtures/findings/keys")));
    let (domain, expected) = script::expectation(&read(&case.folder.join("expected")), &keys);
    let (dns, _) = script::dns(&read(&case.folder.join(format!("{which}.dns"))), &keys);
    (domain, expected, dns)
}

/// An expectation of each kind whose record is a text.
pub(super) fn expectations() -> Vec<(DomainName, Expectation)> {
    let keys = Keys::parse(&read(&root().join("tests/fixtures/findings/keys")));
    let kinds = ["dkim pr1 ours", "spf v=spf1 include:spf.mail.example.net ~all", "dmarc v=DMARC1; p=none"];
    kinds.map(|kind| script::expectation(&format!("domain example.com\n{kind}\n"), &keys)).into()
}

/// The sentences on so many records that begin with `value`.
pub(super) fn judged(
    (domain, expected): &(DomainName, Expectation),
    value: &str,
    count: usize,
) -> Vec<String> {
    let value = |index: usize| if index == 0 { value.to_owned() } else { format!("{value} {index}") };
    let dns = (0..count).fold(ScriptedResolver::new().txt("www.example.com", &[""]), |dns, index| {
        let strings = value(index).into_bytes().chunks(255).map(<[u8]>::to_vec).collect();
        dns.record(expected.name().as_str(), RecordData::Txt(TxtData::new(strings)))
    });
    let look = verify::look(domain, std::slice::from_ref(expected), &dns).swap_remove(0);
    let views = look.views.into_iter().map(|view| view.finding.text);
    std::iter::once(look.finding.text).chain(views).collect()
}
