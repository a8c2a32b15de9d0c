//! What one verification sends to a host that a customer's zone names, and what it does not.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType as WireType;

use super::play::{Reply, Request, Seen, Via, a, ns, play, play_at, txt};
use super::question;
use crate::dns::{
    Deadline, DnsSettings, MOST_CONNECTIONS, MOST_DATAGRAMS, NetworkResolver, NotAsked, Outcome, RecordType,
    Resolver, Server, Sighting,
};
use crate::egress::EgressPolicy;

/// Says that each of 12 zones has 8 name servers, all of which have the victim's address.
fn attackers_dns(victim: IpAddr) -> SocketAddr {
    play(move |request| match (request.name.as_str(), request.wire_type) {
        (host, WireType::A) if host.starts_with("ns") => request.found(vec![a(host, &victim.to_string())]),
        (zone, WireType::NS) if zone.starts_with('z') => {
            request.found((0..8).map(|n| ns(zone, &format!("ns{n}.{zone}"))).collect())
        }
        (_, WireType::TXT) => request.found(vec![txt(&request.name, &[b"here"])]),
        _ => request.negative(ResponseCode::NoError, "example.test"),
    })
}

fn resolver(recursive: SocketAddr, port: u16, policy: EgressPolicy) -> NetworkResolver {
    NetworkResolver::new(DnsSettings {
        resolvers: vec![recursive],
        authoritative: true,
        authoritative_port: port,
        egress: policy,
        per_lookup: Duration::from_secs(1),
        per_run: Duration::from_secs(2),
    })
    .unwrap()
}

fn loopback() -> EgressPolicy {
    EgressPolicy::allowing(vec!["127.0.0.0/8".parse().unwrap()])
}

/// Datagrams and connections that came; each connection brings one question.
fn counted(seen: &Seen) -> (u32, u32) {
    let seen = seen.lock().unwrap();
    let of = |via: Via| u32::try_from(seen.iter().filter(|(by, _)| *by == via).count()).unwrap();
    (of(Via::Udp), of(Via::Tcp))
}

/// A verification of three runs against a victim that answers so.
fn attack(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> (u32, u32) {
    let (victim, seen) = play_at(IpAddr::from([127, 0, 0, 41]), 0, true, answer);
    let resolver = resolver(attackers_dns(victim.ip()), victim.port(), loopback());
    let verification = Deadline::new(&resolver, Duration::from_secs(30));
    let questions: Vec<_> =
        (0..12).map(|n| question(&format!("z{n}.example.test"), RecordType::Txt)).collect();
    for _ in 0..3 {
        let sightings = verification.look(&questions);
        assert!(sightings.iter().all(|sighting| sighting.recursive().count() == 1));
    }
    let spent = verification.look(&questions);
    let why = |outcome: &Outcome| *outcome == Outcome::NotAsked { why: NotAsked::Spent };
    assert!(spent.iter().flat_map(Sighting::authoritative).any(|answer| why(&answer.outcome)));
    counted(&seen)
}

#[test]
fn one_verification_sends_a_silent_victim_40_datagrams_at_most() {
    let (datagrams, connections) = attack(|_| Reply::Silence);
    assert!(datagrams <= MOST_DATAGRAMS && connections <= MOST_CONNECTIONS, "{datagrams}, {connections}");
    assert!(datagrams > 20, "it was asked: {datagrams}");
}

#[test]
fn one_verification_opens_10_connections_at_most_to_a_victim_that_truncates() {
    let (datagrams, connections) = attack(|request| {
        let mut reply = request.reply();
        reply.metadata.truncation = request.via == Via::Udp;
        Reply::Message(reply)
    });
    assert!(datagrams <= MOST_DATAGRAMS && connections <= MOST_CONNECTIONS, "{datagrams}, {connections}");
    assert!(connections > 5, "it was asked: {connections}");
}

#[test]
fn name_servers_that_share_an_address_are_asked_once() {
    let (victim, seen) = play_at(IpAddr::from([127, 0, 0, 42]), 0, true, |request| {
        request.found(vec![txt(&request.name, &[b"here"])]).authoritative()
    });
    let resolver = resolver(attackers_dns(victim.ip()), victim.port(), loopback());
    let sightings = resolver.look(&[question("z1.example.test", RecordType::Txt)]);
    let servers: Vec<&Server> = sightings[0].authoritative().map(|answer| &answer.server).collect();
    assert!(matches!(servers[..], [Server::Inside { .. }]), "{servers:?}");
    assert_eq!(counted(&seen), (1, 0));
    // What it answered is for the operator; all others see that it was not asked.
    let told = sightings[0].clone().outside();
    let told: Vec<_> =
        told.authoritative().map(|answer| (answer.server.clone(), answer.outcome.clone())).collect();
    let [(Server::Authoritative { .. }, Outcome::NotAsked { why: NotAsked::NotPublic })] = &told[..] else {
        panic!("{told:?}")
    };
}

#[test]
fn a_name_server_at_an_address_that_is_not_public_is_sent_nothing() {
    let (victim, seen) = play_at(IpAddr::from([127, 0, 0, 43]), 0, true, |_| Reply::Silence);
    let elsewhere = EgressPolicy::allowing(vec!["10.0.0.0/8".parse().unwrap()]);
    for policy in [EgressPolicy::default(), elsewhere] {
        let resolver = resolver(attackers_dns(victim.ip()), victim.port(), policy);
        let sightings = resolver.look(&[question("z1.example.test", RecordType::Txt)]);
        let outcomes: Vec<&Outcome> = sightings[0].authoritative().map(|answer| &answer.outcome).collect();
        assert_eq!(outcomes, [&Outcome::NotAsked { why: NotAsked::NotPublic }]);
        assert_eq!(sightings[0].recursive().count(), 1, "the resolvers stand outside the policy");
    }
    assert_eq!(counted(&seen), (0, 0));
}
