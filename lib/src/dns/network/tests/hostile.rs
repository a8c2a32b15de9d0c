//! Replies of servers that lie, err or attack.

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{DNSClass, RecordType as WireType};

use super::play::{Reply, Via, a, cname, name, play, play_udp, txt};
use super::{SHORT, lookup, question, resolver_of};
use crate::dns::{Outcome, RecordData, RecordType, Resolver};

#[test]
fn replies_to_something_else_are_waited_past() {
    let server = play(|request| {
        let mut good = request.reply();
        good.add_answer(txt(&request.name, &[b"good"]));
        let mut wrong_id = good.clone();
        wrong_id.metadata.id ^= 0x5555;
        wrong_id.answers = vec![txt(&request.name, &[b"evil"])];
        let mut wrong_name = wrong_id.clone();
        wrong_name.metadata.id = good.id;
        wrong_name.queries[0].name = name("other.example.test");
        let mut wrong_type = wrong_name.clone();
        wrong_type.queries = good.queries.clone();
        wrong_type.queries[0].query_type = WireType::A;
        let all = [wrong_id, wrong_name, wrong_type, good];
        Reply::Octets(all.iter().map(|message| message.to_vec().unwrap()).chain([vec![], vec![0]]).collect())
    });
    let answer = lookup(server, "example.test", RecordType::Txt);
    assert_eq!(answer.outcome.records(), [RecordData::txt(&["good"])]);
}

#[test]
fn a_wrong_id_alone_is_no_answer() {
    let server = play(|request| {
        let mut reply = request.reply();
        reply.metadata.id = reply.metadata.id.wrapping_add(1);
        reply.add_answer(txt(&request.name, &[b"evil"]));
        Reply::Message(reply)
    });
    let answer = resolver_of(&[server], SHORT).lookup(&question("example.test", RecordType::Txt));
    assert_eq!(answer.outcome, Outcome::Timeout);
}

#[test]
fn garbage_with_the_right_id_is_malformed() {
    let garbage = |request: &super::play::Request| {
        let mut octets = request.message.id.to_be_bytes().to_vec();
        octets.extend([0xff; 40]);
        Reply::Octets(vec![octets])
    };
    for server in [play(garbage), play_udp(garbage)] {
        let answer = resolver_of(&[server], SHORT).lookup(&question("example.test", RecordType::Txt));
        assert!(matches!(answer.outcome, Outcome::Malformed { .. }), "{answer:?}");
    }
}

#[test]
fn another_answer_over_tcp_is_malformed() {
    let server = play(|request| {
        let mut reply = request.reply();
        match request.via {
            Via::Udp => reply.metadata.truncation = true,
            Via::Tcp => {
                reply.queries[0].name = name("other.example.test");
                reply.add_answer(txt(&request.name, &[b"evil"]));
            }
        }
        Reply::Message(reply)
    });
    assert!(matches!(lookup(server, "example.test", RecordType::Txt).outcome, Outcome::Malformed { .. }));
}

#[test]
fn records_of_other_names_types_and_classes_do_not_count() {
    let server = play(|request| {
        let mut reply = request.reply();
        let mut chaos = txt(&request.name, &[b"chaos"]);
        chaos.dns_class = DNSClass::CH;
        reply.add_answers([chaos, txt("other.example.test", &[b"evil"]), a(&request.name, "192.0.2.1")]);
        reply.add_authority(txt(&request.name, &[b"evil"]));
        reply.add_additional(txt(&request.name, &[b"evil"]));
        Reply::Message(reply)
    });
    assert_eq!(lookup(server, "example.test", RecordType::Txt).outcome, Outcome::NoData { remaining: None });
    let address = lookup(server, "example.test", RecordType::A).outcome;
    assert_eq!(address.records(), [RecordData::A("192.0.2.1".parse().unwrap())]);
}

#[test]
fn a_name_that_does_not_exist_has_no_records() {
    let server = play(|request| {
        let Reply::Message(mut reply) = request.code(ResponseCode::NXDomain) else { unreachable!() };
        reply.add_answer(txt(&request.name, &[b"ghost"]));
        Reply::Message(reply)
    });
    assert!(matches!(lookup(server, "example.test", RecordType::Txt).outcome, Outcome::Malformed { .. }));
}

#[test]
fn the_largest_replies_are_taken_and_a_ttl_beyond_31_bits_is_nought() {
    let server = play(|request| {
        if request.via == Via::Udp {
            let mut reply = request.reply();
            reply.metadata.truncation = true;
            return Reply::Message(reply);
        }
        let string = [0xfe; 255];
        let mut record = txt(&request.name, &[&string[..]; 255]);
        record.ttl = 1 << 31;
        request.found(vec![record])
    });
    let outcome = lookup(server, "example.test", RecordType::Txt).outcome;
    let Outcome::Found { records, ttl } = outcome else { panic!("{outcome:?}") };
    assert!(ttl.is_zero());
    let [RecordData::Txt(text)] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!(text.joined().len(), 255 * 255);
    assert!(text.shown().ends_with(" (and 64925 more)"));
}

#[test]
fn hundreds_of_aliases_in_one_reply_end_as_a_loop() {
    let server = play(|request| {
        let mut records = vec![cname(&request.name, "n0.example.test")];
        records.extend(
            (0..300).map(|n| cname(&format!("n{n}.example.test"), &format!("n{}.example.test", n + 1))),
        );
        match request.via {
            Via::Tcp => request.found(records),
            Via::Udp => {
                let mut reply = request.reply();
                reply.metadata.truncation = true;
                Reply::Message(reply)
            }
        }
    });
    assert_eq!(lookup(server, "example.test", RecordType::Txt).outcome, Outcome::CnameLoop);
}

#[test]
fn a_message_that_breaks_off_anywhere_or_has_any_octet_changed_does_no_harm() {
    let server = play_udp(|request| {
        let mut reply = request.reply();
        reply.add_answers([cname(&request.name, "t.example.test"), txt("t.example.test", &[b"value"])]);
        let mut octets = reply.to_vec().unwrap();
        // The name says what is done to the reply: an octet, and how it is changed.
        let mut parts = request.name.split(['.', '-']).map(|part| part.parse::<usize>().unwrap_or(0));
        let (index, change) = (parts.next().unwrap(), parts.next().unwrap());
        match change {
            0 => octets.truncate(index.max(2)),
            change => {
                let octet = index.min(octets.len() - 1).max(2);
                octets[octet] ^= u8::try_from(change).unwrap();
            }
        }
        Reply::Octets(vec![octets])
    });
    let questions: Vec<_> = (2..90)
        .flat_map(|index| [0, 0xff, 0xc0, 1].map(|change| format!("{index}-{change}.example.test")))
        .map(|name| question(&name, RecordType::Txt))
        .collect();
    let answers = resolver_of(&[server], SHORT).lookup_all(&questions);
    assert_eq!(answers.len(), questions.len());
    for answer in answers {
        assert!(!matches!(answer.outcome, Outcome::Unreachable { detail } if detail.contains("stopped")));
    }
}

#[test]
fn a_server_that_only_refers_to_others_is_no_resolver() {
    let server = play(|request| {
        let mut reply = request.reply();
        reply.metadata.recursion_available = false;
        reply.add_authority(super::play::ns("test", "ns.nic.test"));
        Reply::Message(reply)
    });
    assert!(matches!(lookup(server, "example.test", RecordType::Txt).outcome, Outcome::Refused { .. }));
}
