//! Advice: every code has a case that shows it and one that nearly does, in `tests/fixtures/advice`, and its place in
//! `docs/advice.md`. `POSTROOM_BLESS=1` writes down what is found, and makes the page anew.

mod page;
mod world;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use postroom::advisory::{self, Advice, AdviceCode, Grade, Subject, Tools, Topic};
use postroom::dns::{ScriptedResolver, SendingBudget};
use postroom::egress::EgressPolicy;

use self::world::World;
use super::findings::runner::{is_blessing, read, root};

/// The most characters of a sentence.
const MOST_CHARS: usize = 400;
/// The most questions of one look.
const MOST_QUESTIONS: usize = 100;

/// A folder: what shows a code, and what nearly does.
struct Case {
    code: AdviceCode,
    topic: Topic,
    folder: PathBuf,
    shows: Advice,
    near: Option<Advice>,
}

static CASES: LazyLock<Vec<Case>> =
    LazyLock::new(|| AdviceCode::ALL.iter().map(|code| case(*code)).collect());

fn folder_name(code: AdviceCode) -> String {
    let place = AdviceCode::ALL.iter().position(|other| *other == code).unwrap() + 1;
    format!("{place:02}-{}", code.as_str())
}

fn case(code: AdviceCode) -> Case {
    let folder = root().join("tests/fixtures/advice").join(folder_name(code));
    let (subject, topic) = world::subject(&read(&folder.join("subject")));
    let first = |which: &str| {
        let world = World::parse(&read(&folder.join(which)));
        let all = world.look(&subject).into_iter();
        all.filter(|(other, _)| *other == topic).map(|(_, advice)| advice).next()
    };
    let shows = first("shows").unwrap_or_else(|| panic!("{}: no advice", code.as_str()));
    Case { code, topic, shows, near: first("near"), folder }
}

impl Case {
    fn result(&self) -> String {
        let line = |advice: &Advice| {
            let code = advice.code.map_or("-", AdviceCode::as_str);
            format!("{} {code}\n{}\n", advice.grade.as_str(), advice.text)
        };
        let near = self.near.as_ref().map_or_else(|| "nothing\n".to_owned(), line);
        format!("shows: {}near: {near}", line(&self.shows))
    }
}

#[test]
fn every_code_has_its_folder_and_no_folder_lacks_its_code() {
    let wanted: BTreeSet<String> = AdviceCode::ALL.iter().map(|code| folder_name(*code)).collect();
    let entries = fs::read_dir(root().join("tests/fixtures/advice")).unwrap().map(Result::unwrap);
    let folders = entries.filter(|entry| entry.path().is_dir());
    let there: BTreeSet<String> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert_eq!(there, wanted);
}

#[test]
fn a_case_shows_its_code_and_its_near_miss_does_not() {
    for Case { code, shows, near, .. } in CASES.iter() {
        let name = code.as_str();
        assert_eq!(shows.code, Some(*code), "{name}: {}", shows.text);
        assert_ne!(shows.grade, Grade::Good, "{name}");
        let near = near.as_ref();
        assert_ne!(near.and_then(|near| near.code), Some(*code), "{name}: {}", near.unwrap().text);
    }
}

#[test]
fn advice_is_as_it_is_written_down() {
    for case in CASES.iter() {
        let (found, recorded) = (case.result(), read(&case.folder.join("result")));
        if is_blessing() && found != recorded {
            fs::write(case.folder.join("result"), &found).unwrap();
        } else {
            assert_eq!(found, recorded, "{}", case.folder.display());
        }
        let readme = read(&case.folder.join("readme"));
        assert!(readme.contains("\nNear: ") && readme.lines().count() == 3, "{}", case.folder.display());
    }
}

#[test]
fn a_sentence_is_short_ends_with_a_full_stop_and_can_be_printed() {
    for advice in CASES.iter().flat_map(|case| std::iter::once(&case.shows).chain(&case.near)) {
        let text = &advice.text;
        assert!(text.chars().count() <= MOST_CHARS, "{text}");
        assert!(text.ends_with('.') && !text.ends_with(".."), "{text}");
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}

#[test]
fn the_page_of_advice_is_made_of_the_table_and_the_cases() {
    let (file, made) = (root().join("docs/advice.md"), page::page(&CASES));
    let there = fs::read_to_string(&file).unwrap_or_default();
    if is_blessing() && made != there {
        fs::write(&file, made).unwrap();
    } else {
        assert!(made == there, "docs/advice.md is not what the table and the cases make; bless it");
    }
}

#[test]
fn a_domain_about_which_nothing_can_be_told_gets_no_advice_but_to_try_again() {
    struct Silent;
    impl postroom::dns::Resolver for Silent {
        fn lookup(&self, _: &postroom::dns::Question) -> postroom::dns::Answer {
            let outcome = postroom::dns::Outcome::Timeout;
            postroom::dns::Answer { server: "silent".into(), chain: Vec::new(), outcome }
        }
    }
    let world = World::parse("smtp mx.mail.example.net plain\nhttps mta-sts.example.com 200 text/plain x");
    let (subject, _) =
        world::subject("domain example.com\nmx mx.mail.example.net\ntopic caa\nrua a@example.org");
    let tools = Tools { resolver: &Silent, ..world.tools() };
    for (topic, advice) in advisory::look(&subject, &tools) {
        assert_eq!(advice.grade, Grade::Unknown, "{}: {}", topic.as_str(), advice.text);
    }
}

#[test]
fn a_look_asks_recursive_resolvers_alone_and_not_without_end() {
    struct Counting(ScriptedResolver);
    impl postroom::dns::Resolver for Counting {
        fn lookup(&self, question: &postroom::dns::Question) -> postroom::dns::Answer {
            self.0.lookup(question)
        }
        fn look(&self, _: &[postroom::dns::Question]) -> Vec<postroom::dns::Sighting> {
            panic!("name servers of zones are asked")
        }
        fn look_within(
            &self,
            _: &[postroom::dns::Question],
            _: &SendingBudget,
        ) -> Vec<postroom::dns::Sighting> {
            panic!("name servers of zones are asked")
        }
    }
    // As many hosts, names and services as a zone may have.
    let mut dns = ScriptedResolver::new();
    for number in 0..50 {
        let host = format!("h{number}.example.com");
        dns = dns.mx("example.com", 10, &host).a(&host, [192, 0, 2, number].into());
        let target = postroom::name::DnsName::from_answer(&host);
        for service in ["_imaps._tcp", "_submissions._tcp", "_autodiscover._tcp"] {
            let (priority, weight, port) = (0, 0, 443);
            let record = postroom::dns::RecordData::Srv { priority, weight, port, target: target.clone() };
            dns = dns.record(&format!("{service}.example.com"), record);
        }
        let address = format!("{number}.2.0.192.in-addr.arpa");
        for name in 0..20 {
            let name = format!("n{name}.example.com").parse().unwrap();
            dns = dns.record(&address, postroom::dns::RecordData::Ptr(name));
        }
    }
    let dns = Counting(dns);
    let subject = Subject {
        domain: "example.com".parse().unwrap(),
        mx_host: "h0.example.com".parse().unwrap(),
        sending: (0..50).map(|number| [192, 0, 2, number].into()).collect(),
        rua: None,
    };
    let now = postroom::clock::Timestamp::from_millis(0);
    let tools = Tools { resolver: &dns, egress: &EgressPolicy::default(), https: None, smtp: None, now };
    advisory::look(&subject, &tools);
    assert!(dns.0.asked().len() <= MOST_QUESTIONS, "{}", dns.0.asked().len());
}

#[test]
fn nothing_is_connected_to_at_an_address_that_is_not_public() {
    let zone = "example.com SOA ns1.example.net 1 60\n_mta-sts.example.com TXT \"v=STSv1; id=1\"\n\
                mta-sts.example.com A 192.0.2.80\nexample.com MX 10 mx.example.com\nmx.example.com A 10.0.0.1\n\
                https mta-sts.example.com 200 text/plain version: STSv1|mode: none|max_age: 1\nsmtp mx.example.com tls";
    let (subject, _) = world::subject("domain example.com\nmx mx.example.com\ntopic mta_sts");
    let world = World::parse(zone);
    let tools = Tools { egress: &EgressPolicy::default(), ..world.tools() };
    let codes: Vec<AdviceCode> =
        advisory::look(&subject, &tools).into_iter().filter_map(|(_, advice)| advice.code).collect();
    assert!(
        codes.contains(&AdviceCode::MtaStsPolicyUnreachable) && codes.contains(&AdviceCode::SmtpUnreachable)
    );
}
