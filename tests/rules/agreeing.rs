//! Judging what several servers say: nothing is settled where they differ, or where no resolver has a word.

use std::time::Duration;

use postroom::dns::{Answer, Outcome, Question, RecordType, Server, Sighting};
use postroom::verify::{Code, Finding, Verdict, judge};

use super::answers::{KEY_NAME, cname, cname_expected, found, key_expected, said, value};
use crate::harness::app::txt;

fn recursive(last: u8) -> Server {
    Server::Recursive(([192, 0, 2, last], 53).into())
}

fn authoritative(last: u8) -> Server {
    let name = format!("ns{last}.example.com").parse().unwrap();
    Server::Authoritative { name, address: ([198, 51, 100, last], 53).into() }
}

fn right() -> Outcome {
    found(vec![txt(&value())])
}

fn wrong() -> Outcome {
    found(vec![txt("v=DKIM1; p=")])
}

fn absent() -> Outcome {
    Outcome::NxDomain { remaining: Some(Duration::from_mins(5)) }
}

fn bogus() -> Outcome {
    Outcome::ServFail { detail: "DNSSEC: DNSSEC Bogus (EDE 6)".to_owned() }
}

fn judged(answers: Vec<Answer>) -> Finding {
    let question = Question::new(KEY_NAME.parse().unwrap(), RecordType::Txt);
    judge::sighting(&key_expected(), &Sighting { question, answers })
}

#[test]
fn servers_together_come_to_one_finding() {
    use Verdict::{Fail, Pass, Temporary, Warn};
    let (r1, r2, a1, a2) = (recursive(1), recursive(2), authoritative(1), authoritative(2));
    let timeout = || Outcome::Timeout;
    let refused = || Outcome::Refused { detail: String::new() };
    for (what, answers, verdict, code) in [
        ("all have it", vec![(&r1, right()), (&r2, right()), (&a1, right())], Pass, None),
        ("one resolver is silent", vec![(&r1, timeout()), (&r2, right()), (&a1, right())], Pass, None),
        (
            "a name server is lame",
            vec![(&r1, right()), (&a1, right()), (&a2, refused())],
            Warn,
            Some(Code::NameserverLame),
        ),
        ("no name server could be asked", vec![(&r1, right()), (&a1, timeout())], Pass, None),
        (
            "all name servers have it, no resolver has a word",
            vec![(&r1, timeout()), (&r2, timeout()), (&a1, right())],
            Temporary,
            Some(Code::Timeout),
        ),
        (
            "all name servers lack it, no resolver has a word",
            vec![(&r1, refused()), (&a1, absent())],
            Temporary,
            Some(Code::Refused),
        ),
        ("nobody has a word", vec![(&r1, timeout()), (&a1, refused())], Temporary, Some(Code::Timeout)),
        (
            "all lack it",
            vec![(&r1, absent()), (&r2, absent()), (&a1, absent())],
            Fail,
            Some(Code::RecordMissing),
        ),
        (
            "one lacks it, the rest is silent",
            vec![(&r1, absent()), (&r2, timeout()), (&a1, timeout())],
            Fail,
            Some(Code::RecordMissing),
        ),
        (
            "the name servers know best why",
            vec![(&r1, absent()), (&a1, wrong())],
            Fail,
            Some(Code::DkimRevoked),
        ),
        (
            "a resolver remembers that there was none",
            vec![(&r1, absent()), (&r2, right()), (&a1, right())],
            Temporary,
            Some(Code::NegativeCached),
        ),
        (
            "every resolver remembers that there was none",
            vec![(&r1, absent()), (&a1, right())],
            Temporary,
            Some(Code::NegativeCached),
        ),
        (
            "a resolver has the old value",
            vec![(&r1, wrong()), (&a1, right())],
            Temporary,
            Some(Code::Propagating),
        ),
        (
            "a resolver has what is gone",
            vec![(&r1, right()), (&a1, absent()), (&a2, absent())],
            Temporary,
            Some(Code::StaleCached),
        ),
        (
            "a resolver has what was changed",
            vec![(&r1, right()), (&a1, wrong())],
            Temporary,
            Some(Code::StaleCached),
        ),
        (
            "the name servers differ",
            vec![(&r1, right()), (&a1, right()), (&a2, absent())],
            Temporary,
            Some(Code::NameserversDisagree),
        ),
        (
            "two resolvers differ, alone",
            vec![(&r1, right()), (&r2, absent())],
            Temporary,
            Some(Code::Propagating),
        ),
        ("nobody was asked", vec![], Temporary, Some(Code::Unreachable)),
    ] {
        let finding =
            judged(answers.into_iter().map(|(server, outcome)| said(server.clone(), outcome)).collect());
        assert_eq!((finding.verdict, finding.code), (verdict, code), "{what}: {}", finding.text);
    }
}

#[test]
fn wrong_signatures_at_one_resolver_leave_nothing_settled_whatever_others_say() {
    let (r1, r2, a1) = (recursive(1), recursive(2), authoritative(1));
    for answers in [
        vec![said(r1.clone(), right()), said(r2.clone(), bogus()), said(a1, right())],
        vec![said(r1, bogus()), said(r2, absent())],
    ] {
        let finding = judged(answers);
        assert_eq!((finding.verdict, finding.code), (Verdict::Temporary, Some(Code::DnssecBogus)));
    }
}

#[test]
fn no_order_of_the_servers_makes_a_difference_that_counts() {
    let answers = [
        said(recursive(1), right()),
        said(recursive(2), absent()),
        said(authoritative(1), right()),
        said(authoritative(2), Outcome::Timeout),
    ];
    for first in 0..answers.len() {
        let mut turned = answers.to_vec();
        turned.rotate_left(first);
        let finding = judged(turned);
        assert_eq!((finding.verdict, finding.code), (Verdict::Temporary, Some(Code::NegativeCached)));
    }
}

#[test]
fn a_difference_names_the_servers_and_how_long_it_may_last() {
    let text = judged(vec![said(recursive(9), absent()), said(authoritative(4), right())]).text;
    assert!(text.contains("192.0.2.9:53") && text.contains("up to 300 s"), "{text}");
    let text = judged(vec![said(authoritative(4), right()), said(authoritative(5), wrong())]).text;
    assert!(text.contains("ns4.example.com (198.51.100.4)") && text.contains("ns5.example.com"), "{text}");
}

#[test]
fn a_cname_is_held_to_the_same_rules() {
    let question = Question::new("mailer.example.com".parse().unwrap(), RecordType::Cname);
    let right = || found(vec![cname(super::answers::TARGET)]);
    let elsewhere = || found(vec![cname("elsewhere.example")]);
    for (answers, verdict, code) in [
        (vec![said(recursive(1), right()), said(authoritative(1), right())], Verdict::Pass, None),
        (
            vec![said(recursive(1), elsewhere()), said(authoritative(1), right())],
            Verdict::Temporary,
            Some(Code::Propagating),
        ),
        (
            vec![said(recursive(1), elsewhere()), said(authoritative(1), elsewhere())],
            Verdict::Fail,
            Some(Code::CnameWrongTarget),
        ),
        (
            vec![said(recursive(1), Outcome::Timeout), said(authoritative(1), right())],
            Verdict::Temporary,
            Some(Code::Timeout),
        ),
    ] {
        let finding = judge::sighting(&cname_expected(), &Sighting { question: question.clone(), answers });
        assert_eq!((finding.verdict, finding.code), (verdict, code), "{}", finding.text);
    }
}
