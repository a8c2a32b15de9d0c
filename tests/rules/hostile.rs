//! A look at servers that lie, err, stay silent or attack: each comes to a defined finding, in time, and takes nothing
//! away from a domain that was verified.

mod server;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use postroom::dns::{
    DnsSettings, NetworkResolver, Question, RecordData, RecordType, Resolver, ScriptedResolver,
};
use postroom::domain;
use postroom::id::DomainId;
use postroom::name::{DnsName, DomainName};
use postroom::verify::{
    self, CnameExpectation, Code, DmarcExpectation, Expectation, Look, MxExpectation, Verdict,
};

use crate::harness::app::{TestApp, txt as text};

use server::{Act, Asked, NAME, TXT, Written, cname, play, record, txt, wire};

/// How long a look-up may take here. Whoever answers at all does so in a thousandth of it.
const PER_LOOKUP: Duration = Duration::from_millis(400);
const RIGHT: &[u8] = b"v=DMARC1; p=none";

fn resolver_of(server: SocketAddr, per_run: Duration) -> NetworkResolver {
    let settings = DnsSettings {
        resolvers: vec![server],
        authoritative: false,
        per_lookup: PER_LOOKUP,
        per_run,
        ..DnsSettings::default()
    };
    NetworkResolver::new(settings).unwrap()
}

fn look(server: SocketAddr) -> Look {
    let domain: DomainName = "example.com".parse().unwrap();
    let expected = Expectation::Dmarc(DmarcExpectation {
        name: NAME.parse().unwrap(),
        policy: postroom::settings::DmarcPolicy::None,
        whole: "v=DMARC1; p=none".into(),
    });
    verify::look(&domain, &[expected], &resolver_of(server, 2 * PER_LOOKUP)).remove(0)
}

/// A reply to a question for TXT, changed after it was made; to other questions there are no records.
fn changed(change: impl Fn(&Asked, &mut Vec<u8>) + Send + Sync + 'static) -> SocketAddr {
    play(true, move |asked| {
        let mut reply = asked.reply(0, &[txt(&[RIGHT])], &[]);
        change(asked, &mut reply);
        Act::Send(vec![reply])
    })
}

/// A chain of so many aliases, to the right record, all in one reply.
fn chain(length: usize) -> SocketAddr {
    play(true, move |asked| {
        let name = |step: usize| if step == 0 { NAME.to_owned() } else { format!("n{step}.example.com") };
        let mut records: Vec<Written> = (0..length).map(|at| cname(&name(at), &name(at + 1))).collect();
        records.push(Written { owner: wire(&name(length)), ..txt(&[RIGHT]) });
        if asked.kind == TXT { asked.found(&records) } else { asked.found(&[]) }
    })
}

/// 400 records.
fn texts() -> Vec<Written> {
    (0..400).map(|n| txt(&[format!("text {n}").as_bytes()])).collect()
}

#[test]
fn whatever_a_server_does_comes_to_a_defined_finding_in_time() {
    use Verdict::{Fail, Pass, Temporary};
    let octets = [b'x'; 255];
    let huge = move |asked: &Asked| asked.found(&[txt(&[&octets[..]; 255])]);
    let many = |asked: &Asked| asked.found(&texts());
    let many_right =
        |asked: &Asked| asked.found(&texts().into_iter().chain([txt(&[RIGHT])]).collect::<Vec<_>>());
    let ttl = |ttl: u32| play(true, move |asked| asked.found(&[Written { ttl, ..txt(&[RIGHT]) }]));
    let forged = |asked: &Asked| Act::Send(vec![asked.reply(0, &[], &[txt(&[RIGHT])])]);
    let looping = |asked: &Asked| asked.found(&[cname(NAME, "a.example.com"), cname("a.example.com", NAME)]);
    let truncated = |asked: &Asked| {
        if asked.over_tcp { Act::Nothing } else { Act::Send(vec![asked.reply(0x0200, &[], &[])]) }
    };
    let broken_off = |asked: &Asked| {
        if asked.over_tcp {
            Act::Half(asked.reply(0, &[txt(&[RIGHT])], &[]))
        } else {
            Act::Send(vec![asked.reply(0x0200, &[], &[])])
        }
    };
    let wrong_then_right = |asked: &Asked| {
        let mut wrong = asked.reply(0, &[txt(&[b"v=DMARC1; p=reject"])], &[]);
        wrong[0] ^= 0x55;
        Act::Send(vec![wrong, asked.reply(0, &[txt(&[RIGHT])], &[])])
    };
    for (what, server, verdict, code) in [
        ("64 KiB of text", play(true, huge), Fail, Some(Code::DmarcSyntax)),
        ("400 records, none of them ours", play(true, many), Fail, Some(Code::DmarcSyntax)),
        ("400 records and ours", play(true, many_right), Pass, None),
        (
            "octets that are no UTF-8",
            play(true, |asked| asked.found(&[txt(&[b"v=DMARC1; p=\xff\xfe"])])),
            Fail,
            Some(Code::DmarcSyntax),
        ),
        (
            "empty strings",
            play(true, |asked| asked.found(&[txt(&[b"", b""])])),
            Fail,
            Some(Code::DmarcSyntax),
        ),
        (
            "empty strings between",
            play(true, |asked| asked.found(&[txt(&[b"", b"v=DMARC1;", b"", b" p=none", b""])])),
            Pass,
            None,
        ),
        (
            "no strings",
            play(true, |asked| asked.found(&[record(NAME, TXT, vec![])])),
            Temporary,
            Some(Code::MalformedAnswer),
        ),
        ("a loop of aliases", play(true, looping), Fail, Some(Code::CnameLoop)),
        ("a chain of eight", chain(8), Pass, None),
        ("a chain of nine", chain(9), Fail, Some(Code::CnameLoop)),
        (
            "an alias beside the text",
            play(true, |asked| asked.found(&[cname(NAME, "b.example.com"), txt(&[RIGHT])])),
            Pass,
            None,
        ),
        ("truncated, without TCP", play(false, truncated), Temporary, Some(Code::Unreachable)),
        ("truncated, with TCP that closes", play(true, truncated), Temporary, Some(Code::Unreachable)),
        ("a reset in the middle of TCP", play(true, broken_off), Temporary, Some(Code::Unreachable)),
        ("a wrong id", changed(|_, reply| reply[0] ^= 0x55), Temporary, Some(Code::Timeout)),
        ("another question", changed(|_, reply| reply[14] ^= 0x01), Temporary, Some(Code::Timeout)),
        (
            "no question",
            changed(|asked, reply| _ = reply.splice(4..asked.end, [0, 0, 0, 1, 0, 0, 0, 0])),
            Temporary,
            Some(Code::Timeout),
        ),
        ("a wrong reply before the right one", play(true, wrong_then_right), Pass, None),
        (
            "a request instead of a reply",
            changed(|_, reply| reply[2] &= 0x7f),
            Temporary,
            Some(Code::MalformedAnswer),
        ),
        (
            "a reply that breaks off",
            changed(|_, reply| reply.truncate(40)),
            Temporary,
            Some(Code::MalformedAnswer),
        ),
        ("silence", play(true, |_| Act::Nothing), Temporary, Some(Code::Timeout)),
        ("a text forged into the additional section", play(true, forged), Fail, Some(Code::RecordMissing)),
        ("a TTL of nought", ttl(0), Pass, None),
        ("a TTL of 2^31", ttl(1 << 31), Pass, None),
    ] {
        let started = Instant::now();
        let Look { finding, .. } = look(server);
        let took = started.elapsed();
        assert_eq!((finding.verdict, finding.code), (verdict, code), "{what}: {}", finding.text);
        assert!(finding.text.len() < 1000, "{what}: {}", finding.text);
        // A look is three runs at the most: the question, what follows from it, what explains it.
        assert!(took < 6 * PER_LOOKUP + Duration::from_secs(1), "{what}: {took:?}");
    }
}

/// Publishes all that is expected of a domain, and what it leads to.
fn publish(dns: &ScriptedResolver, expected: &[Expectation]) {
    for expected in expected {
        let data = match expected {
            Expectation::Cname(CnameExpectation { target, .. }) => RecordData::Cname(target.clone()),
            Expectation::Mx(MxExpectation { host, priority, .. }) => {
                dns.set(host.as_str(), vec![RecordData::A(Ipv4Addr::new(192, 0, 2, 1))]);
                RecordData::Mx { preference: *priority, exchange: host.clone() }
            }
            expected => text(&expected.wanted()),
        };
        dns.set(expected.name().as_str(), [dns_at(dns, expected.name()), vec![data]].concat());
    }
}

/// What the script has at a name by now: mail hosts and SPF share the domain's own.
fn dns_at(dns: &ScriptedResolver, name: &DnsName) -> Vec<RecordData> {
    let at = |kind| dns.lookup(&Question::new(name.clone(), kind)).outcome.records().to_vec();
    [at(RecordType::Mx), at(RecordType::Txt)].concat()
}

#[test]
fn no_misbehaviour_withdraws_what_was_verified() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let id = DomainId::new(id);
    let plan = app.postroom.read(|tx| verify::plan(tx, &key.operator(), id)).unwrap();
    publish(&app.dns, plan.expected());
    let check =
        |resolver: &dyn Resolver| verify::check(&app.postroom, &key.operator(), id, resolver).unwrap();
    let status = || app.details(&key, id).status;
    check(&*app.dns);
    let verified = status();
    assert_eq!(verified, domain::DomainStatus::Active);
    let silent = play(true, |_| Act::Nothing);
    let wrong_id = changed(|_, reply| reply[0] ^= 0x55);
    let truncated = play(false, |asked| Act::Send(vec![asked.reply(0x0200, &[], &[])]));
    let garbage = changed(|_, reply| reply.truncate(30));
    let servfail = changed(|_, reply| reply[3] |= 2);
    let refused = changed(|_, reply| reply[3] |= 5);
    for server in [silent, wrong_id, truncated, garbage, servfail, refused] {
        let resolver = resolver_of(server, 2 * PER_LOOKUP);
        for _ in 0..4 {
            app.advance(48);
            let checked = check(&resolver);
            assert!(
                checked.iter().all(|checked| checked.finding.verdict == Verdict::Temporary),
                "{checked:?}"
            );
            assert_eq!(status(), verified);
        }
    }
}

#[test]
fn a_domain_whose_servers_never_answer_is_done_with_in_its_time() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = DomainId::new(app.domain(&key, "example.com"));
    let plan = app.postroom.read(|tx| verify::plan(tx, &key.operator(), id)).unwrap();
    assert!(plan.expected().len() >= 4);
    let silent = play(true, |_| Act::Nothing);
    // 5 s a look-up and 20 s a domain, both a tenth of that and less.
    let resolver = resolver_of(silent, 2 * PER_LOOKUP);
    let started = Instant::now();
    let looks = verify::look(&plan.domain().name, plan.expected(), &resolver);
    let took = started.elapsed();
    assert!(looks.iter().all(|look| look.finding.code == Some(Code::Timeout)), "{looks:?}");
    assert!(took >= PER_LOOKUP && took < 4 * PER_LOOKUP, "{took:?}");
}
