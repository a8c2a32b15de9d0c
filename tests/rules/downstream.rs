//! Downstream hosts are looked up before they are saved: each once, some at a time, and not for ever.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use postroom::dns::{Answer, Outcome, Question, RecordData, RecordType, Resolver, ScriptedResolver, Server};
use postroom::egress::EgressPolicy;
use postroom::error::Error;
use postroom::inbound::{self, Downstream};

/// A resolver that counts what it is asked, and takes its time.
struct Counting {
    pause: Duration,
    asked: Mutex<Vec<usize>>,
}

impl Resolver for Counting {
    fn lookup(&self, question: &Question) -> Answer {
        Answer { server: Server::from("a test"), chain: Vec::new(), outcome: ask(question) }
    }

    fn lookup_all(&self, questions: &[Question]) -> Vec<Answer> {
        self.asked.lock().unwrap().push(questions.len());
        std::thread::sleep(self.pause);
        questions.iter().map(|question| self.lookup(question)).collect()
    }
}

/// Every name leads to a private address.
fn ask(question: &Question) -> Outcome {
    match question.record_type {
        RecordType::A => {
            Outcome::Found { records: vec![RecordData::A([10, 0, 0, 1].into())], ttl: Duration::ZERO }
        }
        _ => Outcome::NoData { remaining: None },
    }
}

fn downstream(target: String) -> Downstream {
    Downstream { priority: 1, weight: 1, port: 25, target }
}

#[test]
fn the_downstream_hosts_of_a_thousand_domains_are_looked_up_once_each_and_some_at_a_time() {
    let servers: Vec<[Downstream; 2]> = (0..1000)
        .map(|n| [downstream(format!("mx{}.example.", n % 40)), downstream("MX0.example".to_owned())])
        .collect();
    let servers: Vec<&[Downstream]> = servers.iter().map(<[Downstream; 2]>::as_slice).collect();
    let resolver = Counting { pause: Duration::ZERO, asked: Mutex::default() };
    let checked = inbound::check_downstream_of_each(&resolver, &EgressPolicy::default(), &servers);
    assert!(checked.len() == 1000 && checked.iter().all(Result::is_err));
    let asked = resolver.asked.into_inner().unwrap();
    assert_eq!(asked.iter().sum::<usize>(), 2 * 40, "two questions a host: {asked:?}");
    assert!(asked.iter().all(|some| *some <= 32), "{asked:?}");
}

#[test]
fn looking_up_downstream_hosts_ends_after_some_seconds_and_what_was_not_looked_up_is_not_refused() {
    let servers: Vec<[Downstream; 1]> = (0..1000).map(|n| [downstream(format!("mx{n}.example"))]).collect();
    let servers: Vec<&[Downstream]> = servers.iter().map(<[Downstream; 1]>::as_slice).collect();
    let resolver = Counting { pause: Duration::from_secs(3), asked: Mutex::default() };
    let begun = Instant::now();
    let checked = inbound::check_downstream_of_each(&resolver, &EgressPolicy::default(), &servers);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let asked = resolver.asked.into_inner().unwrap().len();
    assert!((1..=2).contains(&asked), "{asked}");
    assert_eq!(checked.iter().filter(|checked| checked.is_err()).count(), asked * 16);
}

#[test]
fn a_downstream_target_that_a_mail_server_reads_as_another_address_is_refused_whatever_is_allowed() {
    let inward = EgressPolicy::allowing(vec!["127.0.0.0/8".parse().unwrap()]);
    for policy in [EgressPolicy::default(), inward] {
        let check = |target: &str| {
            let dns = ScriptedResolver::new();
            inbound::check_downstream(&dns, &policy, &[downstream(target.to_owned())])
        };
        for target in [
            "0x7f.1",
            "127.1",
            "127.0.1",
            "0177.1",
            "192.168.257",
            "169.254.43518",
            "127.0x1",
            "2130706433",
            "0x7f000001",
            "a.0x",
            "127.1.",
        ] {
            assert!(matches!(check(target), Err(Error::Invalid { .. })), "{target}");
        }
        for target in
            ["mx1.example.net", "1.example.net", "0x7f.example.net", "8.8.8.8", "[2606:4700:4700::1111]"]
        {
            check(target).unwrap_or_else(|e| panic!("{target}: {e}"));
        }
    }
}
