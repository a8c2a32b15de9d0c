//! What a name server inside the operator's networks answered is for the operator to see, and decides nothing.

use postroom::dns::{Answer, Outcome, Question, RecordData, Resolver, ScriptedResolver, Server, Sighting};
use postroom::settings::DmarcPolicy;
use postroom::verify::{self, Code, DmarcExpectation, Expectation, Look, Verdict};

const NAME: &str = "_dmarc.example.com";

/// A resolver, and beside it a name server at 10.0.0.5 that the operator has allowed.
struct WithInside {
    outer: ScriptedResolver,
    says: Outcome,
}

impl Resolver for WithInside {
    fn lookup(&self, question: &Question) -> Answer {
        self.outer.lookup(question)
    }

    fn look(&self, questions: &[Question]) -> Vec<Sighting> {
        let mut sightings = self.outer.look(questions);
        for sighting in &mut sightings {
            let server = Server::Inside {
                name: "ns1.example.com".parse().unwrap(),
                address: ([10, 0, 0, 5], 53).into(),
            };
            sighting.answers.push(Answer { server, chain: vec![], outcome: self.says.clone() });
        }
        sightings
    }
}

fn look(outer: ScriptedResolver, says: Outcome) -> Look {
    let policy = DmarcPolicy::None;
    let expected = DmarcExpectation { name: NAME.parse().unwrap(), policy, whole: "v=DMARC1; p=none".into() };
    let resolver = WithInside { outer, says };
    verify::look(&"example.com".parse().unwrap(), &[Expectation::Dmarc(expected)], &resolver).remove(0)
}

fn text(value: &str) -> Outcome {
    Outcome::of_records(vec![RecordData::txt(&[value])], std::time::Duration::from_mins(5))
}

#[test]
fn what_a_private_name_server_answered_is_shown_to_the_operator_alone() {
    let public = || ScriptedResolver::new().txt(NAME, &["v=DMARC1; p=none"]);
    for (outer, says) in [
        (public(), text("secret of the inside")),
        (public(), Outcome::Refused { detail: "secret of the inside".into() }),
        (ScriptedResolver::new(), text("secret of the inside")),
        (
            ScriptedResolver::new().fail(NAME, postroom::dns::RecordType::Txt, Outcome::Timeout),
            text("secret of the inside"),
        ),
    ] {
        let mut look = look(outer, says);
        let whole = look.clone().for_operator();
        assert!(format!("{whole:?}").contains("secret of the inside"), "the operator sees it: {whole:?}");
        assert!(look.inside.take().is_some());
        let told = format!("{look:?}");
        assert!(!told.contains("secret of the inside") && !told.contains("Inside"), "{told}");
        let view = look.views.last().unwrap();
        assert_eq!(view.finding.code, Some(Code::NameserverNotAsked));
        assert!(view.finding.text.contains("was not asked, because its address is not public"));
    }
}

#[test]
fn what_a_private_name_server_answered_decides_nothing() {
    let nothing = || ScriptedResolver::new().txt("example.com", &["v=spf1 -all"]);
    let one = look(nothing(), text("v=DMARC1; p=none")).finding;
    let other = look(nothing(), Outcome::NxDomain { remaining: None }).finding;
    assert_eq!(one, other);
    assert_eq!(one.verdict, Verdict::Fail);
    let right = look(ScriptedResolver::new().txt(NAME, &["v=DMARC1; p=none"]), text("v=DMARC1; p=reject"));
    assert_eq!((right.finding.verdict, right.finding.code), (Verdict::Warn, Some(Code::NameserverNotAsked)));
}
