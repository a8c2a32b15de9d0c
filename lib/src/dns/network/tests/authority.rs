//! The name servers of a zone, each asked by itself.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType as WireType;

use super::play::{Reply, Request, Seen, a, cname, ns, play, play_at, txt};
use super::{AMPLE, names, question};
use crate::dns::{Answer, DnsSettings, NetworkResolver, Outcome, RecordData, RecordType, Resolver};
use crate::egress::EgressPolicy;

/// A recursive resolver that knows `example.test` and its servers ns1 to ns5 at 127.0.0.11 to 127.0.0.15, and
/// says `old` wherever else it is asked for text.
fn recursive(request: &Request) -> Reply {
    match (request.name.as_str(), request.wire_type) {
        ("example.test", WireType::NS) => {
            request.found((1..=5).map(|n| ns("example.test", &format!("ns{n}.example.test"))).collect())
        }
        (host, WireType::A) if host.starts_with("ns") => {
            request.found(vec![a(host, &format!("127.0.0.1{}", &host[2..3]))])
        }
        ("alias.example.test", _) => request.found(vec![
            cname("alias.example.test", "key.example.org"),
            txt("key.example.org", &[b"elsewhere"]),
        ]),
        ("key.example.org", WireType::TXT) => request.found(vec![txt(&request.name, &[b"elsewhere"])]),
        (_, WireType::TXT) => request.found(vec![txt(&request.name, &[b"old"])]),
        _ => request.negative(ResponseCode::NoError, "example.test"),
    }
}

fn authoritative(
    port: u16,
    host: u8,
    answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
) -> (u16, Seen) {
    let (address, seen) = play_at(IpAddr::from([127, 0, 0, host]), port, true, answer);
    (address.port(), seen)
}

fn resolver(recursive: SocketAddr, authoritative_port: u16) -> NetworkResolver {
    NetworkResolver::new(DnsSettings {
        resolvers: vec![recursive],
        authoritative: true,
        authoritative_port,
        egress: loopback(),
        per_lookup: Duration::from_secs(2),
        per_run: AMPLE,
    })
    .unwrap()
}

/// The servers that these tests play are on this machine.
fn loopback() -> EgressPolicy {
    EgressPolicy::allowing(vec!["127.0.0.0/8".parse().unwrap()])
}

fn by_server(answers: &[Answer]) -> BTreeMap<String, &Answer> {
    answers
        .iter()
        .map(|answer| (answer.server.to_string().split(' ').next().unwrap().to_owned(), answer))
        .collect()
}

#[test]
fn each_name_server_is_asked_and_a_lame_one_is_called_so() {
    let (port, seen) = authoritative(0, 11, |request| {
        match request.name.as_str() {
            "alias.example.test" => request.found(vec![
                cname("alias.example.test", "key.example.org"),
                // Not this server's to say.
                txt("key.example.org", &[b"forged"]),
            ]),
            _ => request.found(vec![txt(&request.name, &[b"new"])]),
        }
        .authoritative()
    });
    authoritative(port, 12, |request| request.code(ResponseCode::Refused));
    // No AA: a cache, or a secondary whose zone has expired.
    authoritative(port, 13, |request| request.found(vec![txt(&request.name, &[b"stale"])]));
    authoritative(port, 14, |request| {
        let mut reply = request.reply();
        reply.add_authority(ns("test", "ns.nic.test"));
        Reply::Message(reply)
    });
    // Nobody at 127.0.0.15.
    let recursive = play(recursive);
    let questions = ["_dmarc.example.test", "alias.example.test"].map(|name| question(name, RecordType::Txt));
    let sightings = resolver(recursive, port).look(&questions);

    let [dmarc, alias] = sightings.as_slice() else { panic!("{sightings:?}") };
    assert_eq!(dmarc.answers.len(), 6, "{dmarc:?}");
    assert_eq!(dmarc.answers[0].outcome.records(), [RecordData::txt(&["old"])]);
    let each = by_server(&dmarc.answers);
    assert_eq!(each["ns1.example.test"].outcome.records(), [RecordData::txt(&["new"])]);
    for lame in ["ns2.example.test", "ns3.example.test", "ns4.example.test"] {
        assert!(each[lame].is_lame(), "{lame}: {:?}", each[lame]);
    }
    assert!(matches!(each["ns5.example.test"].outcome, Outcome::Unreachable { .. }));

    // The zone of the alias itself is asked, and what lies beyond it is asked of the recursive resolver.
    let ns1 = by_server(&alias.answers)["ns1.example.test"];
    assert_eq!(ns1.chain, names(&["key.example.org"]));
    assert_eq!(ns1.outcome.records(), [RecordData::txt(&["elsewhere"])]);

    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|(_, request)| !request.recursion_desired), "RD is for recursive resolvers");
}

#[test]
fn a_delegation_that_only_the_parent_knows_is_followed_once() {
    let (port, _) = authoritative(0, 21, |request| {
        let mut reply = request.reply();
        reply.add_authority(ns("sub.example.test", "ns1.sub.example.test"));
        Reply::Message(reply)
    });
    authoritative(port, 22, |request| match request.name.as_str() {
        "deep.sub.example.test" => {
            let mut reply = request.reply();
            reply.add_authority(ns("deep.sub.example.test", "ns1.deep.sub.example.test"));
            Reply::Message(reply)
        }
        _ => request.found(vec![txt(&request.name, &[b"child"])]).authoritative(),
    });
    let recursive = play(|request| match (request.name.as_str(), request.wire_type) {
        ("example.test", WireType::NS) => request.found(vec![ns("example.test", "ns1.example.test")]),
        ("ns1.example.test", WireType::A) => request.found(vec![a("ns1.example.test", "127.0.0.21")]),
        ("ns1.sub.example.test", WireType::A) => request.found(vec![a("ns1.sub.example.test", "127.0.0.22")]),
        _ => request.negative(ResponseCode::NXDomain, "example.test"),
    });
    let questions =
        ["a.sub.example.test", "deep.sub.example.test"].map(|name| question(name, RecordType::Txt));
    let sightings = resolver(recursive, port).look(&questions);
    let child: Vec<&Answer> = sightings[0].authoritative().collect();
    assert_eq!(child.len(), 1, "the parent's servers have been replaced: {child:?}");
    assert_eq!(child[0].outcome.records(), [RecordData::txt(&["child"])]);
    assert!(sightings[1].authoritative().all(|answer| matches!(answer.outcome, Outcome::Refused { .. })));
    assert_eq!(sightings[1].authoritative().count(), 1);
}

#[test]
fn an_unknown_zone_leaves_the_recursive_answers() {
    let recursive = play(|request| match request.wire_type {
        WireType::TXT => request.found(vec![txt(&request.name, &[b"here"])]),
        // The root's SOA: not even the top-level domain exists.
        WireType::NS => {
            let mut reply = request.reply();
            reply.metadata.response_code = ResponseCode::NXDomain;
            let mut soa = super::play::soa("test", 60, 60);
            soa.name = hickory_resolver::proto::rr::Name::root();
            reply.add_authority(soa);
            Reply::Message(reply)
        }
        _ => request.code(ResponseCode::NXDomain),
    });
    let sightings = resolver(recursive, 53).look(&[question("a.example.test", RecordType::Txt)]);
    assert_eq!(sightings[0].answers.len(), 1);
    assert_eq!(sightings[0].recursive().count(), 1);
}

#[test]
fn what_a_name_server_leaves_unanswered_when_the_run_ends_is_a_timeout() {
    let (port, _) = authoritative(0, 31, |request| {
        request.negative(ResponseCode::NoError, "example.test").authoritative()
    });
    authoritative(port, 32, |_| Reply::Silence);
    let recursive = play(|request| match (request.name.as_str(), request.wire_type) {
        ("example.test", WireType::NS) => request
            .found(vec![ns("example.test", "ns1.example.test"), ns("example.test", "ns2.example.test")]),
        ("ns1.example.test", WireType::A) => request.found(vec![a("ns1.example.test", "127.0.0.31")]),
        ("ns2.example.test", WireType::A) => request.found(vec![a("ns2.example.test", "127.0.0.32")]),
        _ => request.negative(ResponseCode::NXDomain, "example.test"),
    });
    let resolver = NetworkResolver::new(DnsSettings {
        resolvers: vec![recursive],
        authoritative_port: port,
        egress: loopback(),
        per_run: Duration::from_secs(1),
        ..DnsSettings::default()
    })
    .unwrap();
    let begun = Instant::now();
    let sightings = resolver.look(&[question("example.test", RecordType::Txt)]);
    assert!(begun.elapsed() < AMPLE);
    let each = by_server(&sightings[0].answers);
    assert!(matches!(each["ns1.example.test"].outcome, Outcome::NoData { remaining: Some(_) }));
    assert_eq!(each["ns2.example.test"].outcome, Outcome::Timeout);
}
