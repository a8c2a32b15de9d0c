//! One answer from one recursive resolver: what it says is told apart.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use hickory_resolver::proto::op::{Edns, ResponseCode};
use hickory_resolver::proto::rr::RecordType as WireType;
use hickory_resolver::proto::rr::rdata::opt::EdnsOption;

use super::play::{Reply, Via, a, cname, play, play_at, play_udp, soa, txt, unknown};
use super::{AMPLE, SHORT, lookup, names, question, resolver_of};
use crate::dns::{
    DnsSettings, InvalidResolver, NetworkResolver, Outcome, RecordData, RecordType, Resolver, Server, TxtData,
};

const MINUTE: Option<Duration> = Some(Duration::from_mins(1));

#[test]
fn the_strings_of_a_txt_record_come_as_they_are() {
    let server =
        play(|request| request.found(vec![txt(&request.name, &[b"v=DKIM1; p=", b"", b"\xff\x00AB"])]));
    let answer = lookup(server, "s._domainkey.example.test", RecordType::Txt);
    assert_eq!(answer.server, Server::Recursive(server));
    assert!(answer.chain.is_empty());
    let strings = vec![b"v=DKIM1; p=".to_vec(), vec![], b"\xff\x00AB".to_vec()];
    let records = vec![RecordData::Txt(TxtData::new(strings))];
    assert_eq!(answer.outcome, Outcome::Found { records, ttl: Duration::from_mins(5) });
}

#[test]
fn absence_of_the_name_and_of_the_record_are_told_apart_with_their_time_left() {
    let server = play(|request| match request.name.as_str() {
        "gone.example.test" => request.negative(ResponseCode::NXDomain, "example.test"),
        "empty.example.test" => request.negative(ResponseCode::NoError, "example.test"),
        // Another zone's SOA has nothing to say here.
        "forged.example.test" => request.negative(ResponseCode::NXDomain, "example.org"),
        _ => request.code(ResponseCode::NoError),
    });
    let outcome = |name: &str| lookup(server, name, RecordType::Txt).outcome;
    assert_eq!(outcome("gone.example.test"), Outcome::NxDomain { remaining: MINUTE });
    assert_eq!(outcome("empty.example.test"), Outcome::NoData { remaining: MINUTE });
    assert_eq!(outcome("forged.example.test"), Outcome::NxDomain { remaining: None });
    assert_eq!(outcome("bare.example.test"), Outcome::NoData { remaining: None });
}

#[test]
fn failures_are_told_apart_with_their_extended_errors() {
    let server = play(|request| {
        let (code, info) = match request.name.as_str() {
            "bogus.example.test" => (ResponseCode::ServFail, 6_u16),
            "refused.example.test" => (ResponseCode::Refused, 18),
            _ => return request.code(ResponseCode::NotAuth),
        };
        let mut reply = request.reply();
        reply.metadata.response_code = code;
        let mut edns = Edns::new();
        let octets = [&info.to_be_bytes()[..], b"no valid signature"].concat();
        edns.options_mut().insert(EdnsOption::Unknown(15, octets));
        reply.set_edns(edns);
        Reply::Message(reply)
    });
    let outcome = |name: &str| lookup(server, name, RecordType::Txt).outcome;
    let bogus = outcome("bogus.example.test");
    assert_eq!(bogus, Outcome::ServFail { detail: "DNSSEC Bogus (EDE 6): no valid signature".into() });
    assert!(bogus.is_temporary() && bogus.is_dnssec_failure());
    let refused = Outcome::Refused { detail: "Prohibited (EDE 18): no valid signature".into() };
    assert_eq!(outcome("refused.example.test"), refused);
    assert!(matches!(outcome("odd.example.test"), Outcome::ServFail { detail } if detail.contains('9')));
}

#[test]
fn silence_is_a_timeout_within_the_time_of_a_lookup() {
    let (server, seen) = play_at("127.0.0.1".parse().unwrap(), 0, true, |_| Reply::Silence);
    let begun = Instant::now();
    let per_lookup = Duration::from_millis(900);
    let answer = resolver_of(&[server], per_lookup).lookup(&question("example.test", RecordType::Txt));
    assert_eq!(answer.outcome, Outcome::Timeout);
    assert!(begun.elapsed() >= per_lookup && begun.elapsed() < per_lookup * 3);
    assert!(seen.lock().unwrap().len() > 1, "it is asked again when it does not answer");
}

#[test]
fn zones_that_are_silent_hold_up_no_question_about_another_zone() {
    let server = play(|request| match request.name.as_str() {
        "good.test" => request.found(vec![txt("good.test", &[b"here"])]),
        _ => Reply::Silence,
    });
    let resolver = resolver_of(&[server], AMPLE);
    let silent: Vec<_> = (0..40).map(|n| question(&format!("s{n}.silent.test"), RecordType::Txt)).collect();
    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| resolver.look(&silent));
        }
        thread::sleep(Duration::from_millis(500));
        let begun = Instant::now();
        let answer = resolver.lookup(&question("good.test", RecordType::Txt));
        assert_eq!(answer.outcome.records().len(), 1, "{answer:?}");
        assert!(begun.elapsed() < AMPLE / 4, "{:?}", begun.elapsed());
    });
}

#[test]
fn a_port_where_nobody_listens_is_unreachable_at_once() {
    let closed: SocketAddr = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let begun = Instant::now();
    let outcome = lookup(closed, "example.test", RecordType::Txt).outcome;
    assert_eq!(outcome, Outcome::Unreachable { detail: "connection refused".into() });
    assert!(begun.elapsed() < AMPLE);
}

#[test]
fn the_next_resolver_is_asked_when_one_fails() {
    let silent = play(|_| Reply::Silence);
    let failing = play(|request| request.code(ResponseCode::ServFail));
    let good = play(|request| request.found(vec![txt(&request.name, &[b"here"])]));
    let asked = question("example.test", RecordType::Txt);
    let answer = resolver_of(&[silent, failing, good], SHORT).lookup(&asked);
    assert_eq!(answer.server, Server::Recursive(good));
    let answer = resolver_of(&[failing, silent], SHORT).lookup(&asked);
    assert_eq!(answer.server, Server::Recursive(failing), "where none has an answer the first one's stands");
}

#[test]
fn a_reply_cut_short_is_fetched_over_tcp() {
    let whole = |request: &super::play::Request| {
        if request.via == Via::Tcp {
            return request
                .found((0..400).map(|n| txt(&request.name, &[format!("{n:0100}").as_bytes()])).collect());
        }
        let mut reply = request.reply();
        reply.metadata.truncation = true;
        Reply::Message(reply)
    };
    let answer = lookup(play(whole), "big.example.test", RecordType::Txt);
    assert_eq!(answer.outcome.records().len(), 400);
    let refused = lookup(play_udp(whole), "big.example.test", RecordType::Txt).outcome;
    let Outcome::Unreachable { detail } = refused else { panic!("{refused:?}") };
    assert_eq!(detail, "its answer is too long for UDP, and over TCP: connection refused");
}

#[test]
fn an_alias_is_followed_whether_or_not_the_server_follows_it() {
    let server = play(|request| match (request.name.as_str(), request.wire_type) {
        ("one.example.test", WireType::CNAME) => {
            request.found(vec![cname("one.example.test", "two.example.org")])
        }
        ("one.example.test", _) => request.found(vec![
            // Not in the order of the chain.
            txt("three.example.org", &[b"end"]),
            cname("Two.example.org", "three.Example.org"),
            cname("one.example.test", "two.example.org"),
        ]),
        ("lazy.example.test", _) => request.found(vec![cname("lazy.example.test", "end.example.org")]),
        ("end.example.org", _) => request.found(vec![txt("end.example.org", &[b"end"])]),
        ("dead.example.test", _) => {
            let mut reply = request.reply();
            reply.metadata.response_code = ResponseCode::NXDomain;
            reply.add_answer(cname("dead.example.test", "gone.example.org"));
            reply.add_authority(soa("example.org", 30, 60));
            Reply::Message(reply)
        }
        _ => request.code(ResponseCode::NXDomain),
    });
    let one = lookup(server, "one.example.test", RecordType::Txt);
    assert_eq!(one.chain, names(&["two.example.org", "three.example.org"]));
    assert_eq!(one.outcome.records(), [RecordData::txt(&["end"])]);
    let alias = lookup(server, "one.example.test", RecordType::Cname);
    assert!(alias.chain.is_empty());
    assert_eq!(alias.outcome.records(), [RecordData::Cname("two.example.org".parse().unwrap())]);
    let lazy = lookup(server, "lazy.example.test", RecordType::Txt);
    assert_eq!((lazy.chain, lazy.outcome.records().len()), (names(&["end.example.org"]), 1));
    let dead = lookup(server, "dead.example.test", RecordType::Txt);
    assert_eq!(dead.chain, names(&["gone.example.org"]));
    assert_eq!(dead.outcome, Outcome::NxDomain { remaining: Some(Duration::from_secs(30)) });
}

#[test]
fn aliases_that_loop_are_told_from_a_failure_and_from_absence() {
    let server = play(|request| {
        let target = match request.name.as_str() {
            "x.example.test" => "y.example.test",
            "y.example.test" => "x.example.test",
            "self.example.test" => "self.example.test",
            "broken.example.test" => "servfail.example.test",
            _ => return request.code(ResponseCode::ServFail),
        };
        match request.wire_type {
            // As Unbound does it.
            WireType::TXT => request.code(ResponseCode::ServFail),
            WireType::CNAME => request.found(vec![cname(&request.name, target)]),
            // As BIND does it.
            _ => request.found(vec![
                cname("x.example.test", "y.example.test"),
                cname("y.example.test", "x.example.test"),
                cname("self.example.test", "self.example.test"),
            ]),
        }
    });
    for record_type in [RecordType::Txt, RecordType::A] {
        let answer = lookup(server, "x.example.test", record_type);
        assert_eq!(answer.outcome, Outcome::CnameLoop, "{record_type}");
        assert_eq!(answer.chain, names(&["y.example.test", "x.example.test"]));
        let answer = lookup(server, "self.example.test", record_type);
        assert_eq!((answer.outcome, answer.chain), (Outcome::CnameLoop, names(&["self.example.test"])));
    }
    let broken = lookup(server, "broken.example.test", RecordType::Txt);
    assert_eq!(broken.chain, names(&["servfail.example.test"]));
    assert!(matches!(broken.outcome, Outcome::ServFail { .. }));
}

#[test]
fn eight_aliases_are_followed_and_a_ninth_is_not() {
    let server = play(|request| {
        let step: u32 = request.name[1..].split('.').next().unwrap().parse().unwrap();
        match step {
            9 => request.found(vec![a(&request.name, "192.0.2.1")]),
            step => request.found(vec![cname(&request.name, &format!("n{}.example.test", step + 1))]),
        }
    });
    assert_eq!(lookup(server, "n1.example.test", RecordType::A).outcome.records().len(), 1);
    assert_eq!(lookup(server, "n0.example.test", RecordType::A).outcome, Outcome::CnameLoop);
}

#[test]
fn a_server_that_does_not_know_edns_is_asked_without() {
    let server = play(|request| match request.message.edns {
        Some(_) => request.code(ResponseCode::FormErr),
        None => request.found(vec![txt(&request.name, &[b"plain"])]),
    });
    assert_eq!(lookup(server, "example.test", RecordType::Txt).outcome.records().len(), 1);
}

#[test]
fn letter_case_is_random_and_a_server_that_drops_it_is_asked_over_tcp() {
    let (server, seen) = play_at("127.0.0.1".parse().unwrap(), 0, true, |request| {
        let mut reply = request.reply();
        reply.queries[0].name = super::play::name(&request.name);
        reply.add_answer(txt(&request.name, &[b"here"]));
        Reply::Message(reply)
    });
    let long = "a-name-with-many-letters.example.test";
    assert_eq!(lookup(server, long, RecordType::Txt).outcome.records().len(), 1);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.iter().map(|(via, _)| *via).collect::<Vec<_>>(), [Via::Udp, Via::Tcp]);
    let asked = seen[0].1.queries[0].name().to_ascii();
    assert!(
        asked.eq_ignore_ascii_case(&format!("{long}.")) && asked.to_ascii_lowercase() != asked,
        "{asked}"
    );
}

#[test]
fn many_callers_are_answered_at_once() {
    let server = play(|request| request.found(vec![txt(&request.name, &[request.name.as_bytes()])]));
    let resolver = Arc::new(resolver_of(&[server], AMPLE));
    let callers: Vec<_> = (0..8)
        .map(|caller| {
            let resolver = resolver.clone();
            thread::spawn(move || {
                let questions: Vec<_> = (0..25)
                    .map(|n| question(&format!("n{n}.c{caller}.example.test"), RecordType::Txt))
                    .collect();
                for (asked, answer) in questions.iter().zip(resolver.lookup_all(&questions)) {
                    assert_eq!(answer.outcome.records(), [RecordData::txt(&[asked.name.as_str()])]);
                    assert_eq!(resolver.lookup(asked), answer);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.join().unwrap();
    }
}

#[test]
fn a_run_ends_in_time_and_each_question_has_its_answers() {
    let silent = play(|_| Reply::Silence);
    let good = play(|request| request.found(vec![txt(&request.name, &[b"here"])]));
    let resolver = NetworkResolver::new(DnsSettings {
        resolvers: vec![good, silent],
        authoritative: true,
        per_lookup: AMPLE,
        per_run: SHORT,
        ..DnsSettings::default()
    })
    .unwrap();
    let begun = Instant::now();
    let questions = ["a.example.test", "b.example.test"].map(|name| question(name, RecordType::Txt));
    let sightings = resolver.look(&questions);
    assert!(begun.elapsed() < SHORT * 5);
    assert_eq!(
        sightings.iter().map(|sighting| &sighting.question).collect::<Vec<_>>(),
        [&questions[0], &questions[1]]
    );
    for sighting in sightings {
        assert_eq!(sighting.answers.len(), 2);
        assert_eq!(sighting.answers[0].outcome.records().len(), 1);
        assert_eq!(sighting.answers[1].outcome, Outcome::Timeout);
    }
    assert!(resolver.look(&[]).is_empty());
}

#[test]
fn a_caller_inside_a_runtime_is_answered_too() {
    let server = play(|request| request.found(vec![txt(&request.name, &[b"here"])]));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answer = runtime.block_on(async { lookup(server, "example.test", RecordType::Txt) });
    assert_eq!(answer.outcome.records().len(), 1);
}

#[test]
fn addresses_that_cannot_be_asked_are_refused() {
    for bad in ["0.0.0.0:53", "127.0.0.1:0", "224.0.0.251:5353", "[::]:53"] {
        let address: SocketAddr = bad.parse().unwrap();
        let made = NetworkResolver::new(DnsSettings { resolvers: vec![address], ..DnsSettings::default() });
        assert_eq!(made.err(), Some(InvalidResolver::NoAddress(address)));
    }
}

#[test]
fn what_does_not_validate_is_had_by_who_asks_for_no_validation() {
    let server = play(|request| {
        if !request.message.checking_disabled {
            return request.code(ResponseCode::ServFail);
        }
        request.found(match request.wire_type {
            WireType::DS => vec![unknown(&request.name, WireType::DS, b"\x12\x34\x0d\x02abc")],
            _ => vec![unknown(&request.name, WireType::DNSKEY, b"\x01\x01\x03\x0dkey")],
        })
    });
    let dns = resolver_of(&[server], AMPLE);
    let (ds, key) = (question("example.test", RecordType::Ds), question("example.test", RecordType::Dnskey));
    assert!(matches!(dns.lookup(&ds).outcome, Outcome::ServFail { .. }));
    let records = [&ds, &key].map(|question| dns.lookup_unvalidated(question).outcome.records().to_vec());
    assert_eq!(records[0][0].to_string(), "4660 13 2 616263");
    assert_eq!(records[1][0].to_string(), "257 3 13 a2V5");
}
