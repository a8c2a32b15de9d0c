//! The bridge's protocols, as a mail server's octets reach them: whole, in pieces of any size, by chance and by design.

use std::sync::Arc;

use postroom::dns::{Answer, Question, Resolver};
use postroom::id::DomainId;
use postroom::inbound::{self, Downstream, InboundChange};
use postroom_server::delivery::Deliverer;
use postroom_server::mta::auth::SenderAuth;
use postroom_server::mta::lmtp::Lmtp;
use postroom_server::mta::map::Map;
use postroom_server::mta::milter::Milter;
use postroom_server::mta::policy::Policy;
use postroom_server::mta::{Protocol, Step, Uses};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::harness::app::TestApp;
use crate::harness::mail;

/// A desk with example.com, and what delivers its mail into a folder.
struct Bridge {
    deliverer: Arc<Deliverer>,
    _app: TestApp,
    _mail: TempDir,
}

impl Bridge {
    fn new() -> Bridge {
        let app = TestApp::new();
        app.domain(&app.account("acme"), "example.com");
        let folder = TempDir::new().unwrap();
        let deliverer = mail::deliverer(&app.postroom, folder.path(), false);
        Bridge { deliverer: Arc::new(deliverer), _app: app, _mail: folder }
    }

    /// A connection to each socket.
    fn protocols(&self) -> [(&'static str, Box<dyn Protocol>); 5] {
        let (deliverer, postroom) = (&self.deliverer, &self.deliverer.postroom);
        let uses = Arc::new(Uses::default());
        [
            ("map", Box::new(Map::new(Arc::clone(postroom)))),
            ("policy", Box::new(Policy::new(Arc::clone(postroom)))),
            ("auth", Box::new(SenderAuth::new(Arc::clone(deliverer), uses, 1))),
            ("milter", Box::new(Milter::new(Arc::clone(deliverer), false))),
            ("lmtp", Box::new(Lmtp::new(Arc::clone(deliverer)))),
        ]
    }
}

/// All that a protocol says to octets that come in these pieces, and whether it hung up.
fn said(protocol: &mut dyn Protocol, pieces: &[&[u8]]) -> (Vec<u8>, bool) {
    let (mut input, mut output) = (Vec::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            let before = input.len();
            match protocol.step(&mut input) {
                Step::More => break,
                Step::Answer(answer) => output.extend(answer),
                Step::Last(answer) => {
                    output.extend(answer);
                    return (output, true);
                }
                Step::Close => return (output, true),
            }
            // Or it would go on for ever.
            assert!(input.len() < before, "an answer to nothing");
        }
        assert!(input.len() <= 2 * 1024 * 1024, "what is not answered is bounded");
    }
    (output, false)
}

/// Fragments of each protocol, of which chance makes conversations that get somewhere.
const FRAGMENTS: [&[u8]; 44] = [
    b"18:domain example.com,",
    b"26:recipient jo@example.com\0\xff,",
    b"0:,",
    b"7:unknown",
    b":",
    b",",
    b"recipient=jo@example.com\n",
    b"sender=a@b.example\n",
    b"client_address=192.0.2.7\n",
    b"\n",
    b"VERSION\t1\t1\n",
    b"CPID\t7\n",
    b"AUTH\t1\tPLAIN\tresp=AGV4YW1wbGUuY29tAHg=\n",
    b"AUTH\t2\tLOGIN\n",
    b"CONT\t2\tZXhhbXBsZS5jb20=\n",
    b"LHLO x\r\n",
    b"MAIL FROM:<a@b.example>\r\n",
    b"RCPT TO:<jo@example.com>\r\n",
    b"RCPT TO:<\"a> b\"@example.com>\r\n",
    b"DATA\r\n",
    b"From: a@b.example\r\nX-Spam: Yes\r\n\r\n",
    b"Received: from x (y [192.0.2.7])\r\n",
    b".\r\n",
    b"..\r\n",
    b"\r",
    b"RSET\r\n",
    b"QUIT\r\n",
    b"\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff",
    b"\0\0\0\x14C\x78\x004\0\x19\x31\x39\x32.0.2.7\0\0\0\0\0",
    b"\0\0\0\x09M<a@b.c>\0",
    b"\0\0\0\x13R<jo@example.com>\0\0",
    b"\0\0\0\x11LFrom\0 a@b.examp\0",
    b"\0\0\0\x0dLX-Spam\0Yes\0\0",
    b"\0\0\0\x01N",
    b"\0\0\0\x04Bx\r\n",
    b"\0\0\0\x01E",
    b"\0\0\0\x01A",
    b"\0\0\0\x01K",
    b"\0\0\0\x23DM{auth_authen}\x009@example.com\0\0\0\0\0\0",
    b"\0\0\0\x05",
    b"\xff\xff\xff\xff",
    b"\0",
    b"\xc3",
    b" \t<>@\"\\",
];

/// How a conversation may begin, so that chance does not have to find it: not at all, or as each protocol has it.
const BEGINNINGS: [&[u8]; 5] = [
    b"",
    b"VERSION\t1\t1\nCPID\t7\n",
    b"LHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<jo@example.com>\r\n",
    b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<jo@example.com>\r\nRCPT TO:<bo@example.com>\r\nDATA\r\n",
    b"\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff\0\0\0\x09M<a@b.c>\0",
];

#[test]
fn any_conversation_is_answered_in_the_same_way_however_its_octets_are_cut() {
    let bridge = Bridge::new();
    let fragment = prop_oneof![
        8 => (0..FRAGMENTS.len()).prop_map(|at| FRAGMENTS[at].to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..40),
    ];
    let conversation = (
        (0..BEGINNINGS.len()).prop_map(|at| BEGINNINGS[at].to_vec()),
        proptest::collection::vec(fragment, 0..14),
        proptest::collection::vec(1_usize..40, 1..8),
    );
    let config = ProptestConfig { cases: 300, ..ProptestConfig::default() };
    proptest!(config, |((beginning, fragments, sizes) in conversation)| {
        let whole = [beginning, fragments.concat()].concat();
        let mut pieces: Vec<&[u8]> = Vec::new();
        let mut rest = &whole[..];
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*size).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        for ((name, mut one), (_, mut other)) in bridge.protocols().into_iter().zip(bridge.protocols()) {
            let (at_once, in_pieces) = (said(&mut *one, &[&whole]), said(&mut *other, &pieces));
            prop_assert_eq!(at_once, in_pieces, "{}: {:?}", name, String::from_utf8_lossy(&whole));
        }
    });
}

#[test]
fn what_has_no_end_is_not_kept_for_ever() {
    let bridge = Bridge::new();
    let endless = vec![b'9'; 64 * 1024];
    for (name, mut protocol) in bridge.protocols() {
        let pieces: Vec<&[u8]> = (0..64).map(|_| &endless[..]).collect();
        assert!(said(&mut *protocol, &pieces).1, "{name} takes four MiB without an end");
    }
}

/// A resolver over which the code that asks it falls.
struct Panicking;

impl Resolver for Panicking {
    fn lookup(&self, _: &Question) -> Answer {
        panic!("a test wants it so")
    }
}

#[test]
fn a_panic_in_a_delivery_is_a_reply_for_each_recipient_and_the_conversation_goes_on() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = DomainId::new(app.domain(&key, "example.com"));
    let folder = TempDir::new().unwrap();
    let mut deliverer = mail::deliverer(&app.postroom, folder.path(), false);
    deliverer.resolver = Arc::new(Panicking);
    let mut lmtp = Lmtp::new(Arc::new(deliverer));
    let begin = b"LHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<jo@example.com>\r\nRCPT TO:<bo@example.com>\r\nDATA\r\n";
    let message = b"From: a@b.example\r\n\r\nx\r\n.\r\n";
    let servers = vec![Downstream { priority: 1, weight: 1, port: 25, target: "mx.far.example".into() }];
    let change = InboundChange { downstream: Some(servers), ..InboundChange::default() };
    app.postroom.write(|tx| inbound::change(tx, &key.operator(), &key.own(tx, id)?, &change)).unwrap();
    assert!(!said(&mut lmtp, &[begin]).1);
    let (replies, ended) = said(&mut lmtp, &[message, b"NOOP\r\n"]);
    let replies = String::from_utf8(replies).unwrap();
    let codes: Vec<&str> = replies.lines().map(|line| &line[..9]).collect();
    assert_eq!((codes, ended), (vec!["451 4.3.0", "451 4.3.0", "250 2.0.0"], false));
}
