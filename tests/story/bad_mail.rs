//! What nobody should send, on each socket of `postroom bridge`: cut, huge, out of order, binary. The bridge answers or hangs up, serves the
//! next one, and loses no message; and whoever is logged in is nobody else by any trick of a From field.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use rusqlite::Connection;

use crate::harness::bridge::{Bridged, Milter, start};

/// What comes back to these octets until the bridge hangs up, after the end of what is said to it.
fn said_to(it: &Bridged, socket: &str, octets: &[u8]) -> Vec<u8> {
    let mut stream = it.connect(socket);
    stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    // It may hang up in the middle of that.
    let _ = stream.write_all(octets);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer);
    let timed_out = ended.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
    assert!(!timed_out, "{socket} hangs on {:?}", String::from_utf8_lossy(&octets[..octets.len().min(80)]));
    answer
}

fn packet(command: u8, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len() + 1).unwrap();
    [&length.to_be_bytes()[..], &[command], data].concat()
}

/// Octets by chance, the same in every run.
fn dice(seed: u64, octets: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    };
    (0..octets).map(|_| next()).collect()
}

/// Each socket is served as ever, and nothing has panicked.
fn is_well(it: &Bridged) {
    assert_eq!(it.map("domain example.com"), "4:OK 1,");
    assert!(it.auth("AUTH\t1\tPLAIN\tresp=AAA=\n").starts_with("FAIL\t1"));
    assert_eq!(said_to(it, "policy", b"recipient=jo@example.com\n\n"), b"action=DUNNO\n\n");
    assert_eq!(it.milter().ask('M', b"<a@b.example>\0").0, 'c');
    assert!(it.lmtp().say("NOOP").starts_with("250"));
    let log = it.bridge.stderr.now();
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn a_map_answers_what_is_a_netstring_and_hangs_up_on_the_rest() {
    let it = start();
    let long = format!("recipient {}@example.com", "x".repeat(9_900));
    let ask = |key: &[u8]| [key.len().to_string().as_bytes(), b":", key, b","].concat();
    let not_found = b"9:NOTFOUND ,".to_vec();
    let local = |octets: usize| ask(format!("recipient {}@example.com", "x".repeat(octets)).as_bytes());
    for (octets, answer) in [
        (b"".to_vec(), b"".to_vec()),
        (b"24".to_vec(), vec![]),
        (b"24:domain exam".to_vec(), vec![]),
        (b"018:domain example.com,".to_vec(), vec![]),
        (b"18:domain example.com;".to_vec(), vec![]),
        (b"-1:x,".to_vec(), vec![]),
        (b"99999999999999999999:x,".to_vec(), vec![]),
        (b"10241:".to_vec(), vec![]),
        (dice(1, 100_000), vec![]),
        (
            [ask(b"domain example.com"), b"\n".to_vec(), ask(b"domain example.com")].concat(),
            b"4:OK 1,".to_vec(),
        ),
        ([ask(b"domain example.com"), ask(b"domain x.example")].concat(), b"4:OK 1,9:NOTFOUND ,".to_vec()),
        (ask(b"recipient \xff\xfe@example.com"), b"4:OK 1,".to_vec()),
        (ask(b"recipient jo\0@example.com"), not_found.clone()),
        (ask(b"recipient jo@example.com\r\nrecipient x"), not_found.clone()),
        (ask(b"recipient \"jo x\"@example.com"), b"4:OK 1,".to_vec()),
        (ask("recipient j\u{f6}@example.com".as_bytes()), b"4:OK 1,".to_vec()),
        (local(64), b"4:OK 1,".to_vec()),
        (local(65), not_found.clone()),
        (ask(b"recipient jo@[192.0.2.1]"), not_found.clone()),
        (ask(b"recipient @example.com"), not_found.clone()),
        (ask(b"recipient "), not_found.clone()),
        (ask(b"domain ../../etc"), not_found.clone()),
        (ask(long.as_bytes()), not_found),
        (ask(b""), b"16:PERM no such map,".to_vec()),
        (ask(b"\0\0\0"), b"16:PERM no such map,".to_vec()),
    ] {
        let said = said_to(&it, "map", &octets);
        assert_eq!(
            String::from_utf8_lossy(&said),
            String::from_utf8_lossy(&answer),
            "{:?}",
            String::from_utf8_lossy(&octets[..octets.len().min(80)])
        );
    }
    is_well(&it);
}

#[test]
fn logins_that_are_none_fail_and_what_breaks_the_protocol_ends_it() {
    let it = start();
    let many = (0..70).map(|id| format!("AUTH\t{id}\tPLAIN\n")).collect::<Vec<_>>().concat();
    let after = |lines: &[u8]| {
        let said = said_to(&it, "auth", &[b"VERSION\t1\t1\nCPID\t7\n", lines].concat());
        String::from_utf8(said).unwrap().split_once("DONE\n").unwrap().1.to_owned()
    };
    for (lines, answer) in [
        (&b"AUTH\t1\tPLAIN\tresp=!!!\n"[..], "FAIL\t1\n"),
        (b"AUTH\t1\tPLAIN\tresp=\n", "FAIL\t1\n"),
        (b"AUTH\t1\tPLAIN\tresp=AAAA\n", "FAIL\t1\n"),
        // A name that would add to the answer, and one that is no text.
        (b"AUTH\t1\tPLAIN\tresp=AGEJdXNlcj1iCgB4\n", "FAIL\t1\n"),
        (b"AUTH\t1\tPLAIN\tresp=AP//AHg=\n", "FAIL\t1\n"),
        (b"AUTH\t1\tPLAIN\tresp=AMO2QGV4YW1wbGUuY29tAHg=\n", "FAIL\t1\n"),
        // A token in the place of the name is shown nowhere.
        (b"AUTH\t1\tPLAIN\tresp=AHBydF9hYmNkZWYAZXhhbXBsZS5jb20=\n", "FAIL\t1\n"),
        (b"AUTH\t1\tCRAM-MD5\n", "FAIL\t1\treason=Unsupported authentication mechanism\n"),
        (b"AUTH\t4294967295\tPLAIN\tresp=AAA=\n", "FAIL\t4294967295\tuser=\n"),
        (b"AUTH\t4294967296\tPLAIN\n", ""),
        (b"AUTH\t1\n", ""),
        (b"CONT\t1\tAAA=\n", ""),
        (b"AUTH\t1\tPLAIN\nAUTH\t1\tPLAIN\n", "CONT\t1\t\n"),
        (b"AUTH\t1\tLOGIN\tresp=YQ==\nCONT\t1\t!\n", "CONT\t1\tUGFzc3dvcmQ6\nFAIL\t1\n"),
        (b"\xff\xfe\n", ""),
        (b"CPID\t8\r\n\n\tx\nWHATEVER\n", ""),
        (b"AUTH\t1\tPLAIN\tresp=AAA=", ""),
    ] {
        assert_eq!(after(lines), answer, "{:?}", String::from_utf8_lossy(lines));
    }
    assert_eq!(after(many.as_bytes()).matches("CONT\t").count(), 64);
    assert_eq!(after(&[b'x'; 9000]), "");
    for octets in [&b"AUTH\t1\tPLAIN\tresp=AAA=\n"[..], b"VERSION\t2\t0\n", b"VERSION\tx\n", &dice(2, 50_000)]
    {
        let said = String::from_utf8(said_to(&it, "auth", octets)).unwrap();
        assert!(said.ends_with("DONE\n"), "{said}");
    }
    is_well(&it);
}

#[test]
fn a_policy_request_that_is_none_is_put_aside() {
    let it = start();
    it.site.json(&["list", "add", "--domain", "example.com", "safelist", "friend.example"]);
    let huge = [b"sender=".to_vec(), vec![b'x'; 70_000], b"\n\n".to_vec()].concat();
    for (octets, answer) in [
        (&b"\n"[..], "action=DUNNO\n\n"),
        (b"=\n==\nx\n\n", "action=DUNNO\n\n"),
        (b"recipient=jo@example.com\nsender=a@friend.example\n\n\n", "action=OK\n\naction=DUNNO\n\n"),
        (b"recipient=jo@example.com\0\nsender=a@friend.example\n\n", "action=DUNNO\n\n"),
        (b"recipient=jo@example.com\nsender=\xff@friend.example\n\n", "action=DUNNO\n\n"),
        (
            b"recipient=jo@example.com\nsender=a@friend.example\nrecipient=jo@never.example\n\n",
            "action=DUNNO\n\n",
        ),
        (b"recipient=jo@example.com\nsender=a@friend.example", ""),
        (&huge, ""),
        (&dice(3, 3), ""),
    ] {
        let said = said_to(&it, "policy", octets);
        assert_eq!(String::from_utf8_lossy(&said), answer, "{:?}", String::from_utf8_lossy(octets));
    }
    is_well(&it);
}

#[test]
fn a_milter_packet_that_is_none_ends_the_conversation_and_order_does_not_matter_to_the_next() {
    let it = start();
    let offer = packet(b'O', &[0, 0, 0, 6, 0, 0, 1, 0xff, 0, 0x1f, 0xff, 0xff]);
    let begun = |more: &[Vec<u8>]| [std::slice::from_ref(&offer), more].concat().concat();
    for octets in [
        offer[..7].to_vec(),
        [0x7f, 0xff, 0xff, 0xff, b'B'].to_vec(),
        begun(&[packet(b'C', b"")]),
        begun(&[packet(b'C', b"\0"), packet(b'C', b"x\x004"), packet(b'C', b"x\x00Z\0\0\xff\0")]),
        begun(&[packet(b'M', b""), packet(b'M', b"<\0"), packet(b'M', &dice(4, 5000))]),
        begun(&[packet(b'R', b"<jo@example.com>\0"), packet(b'E', b"")]),
        begun(&[packet(b'L', b"no end"), packet(b'L', b"\0\0\0"), packet(b'N', b""), packet(b'B', b"x")]),
        begun(&[packet(b'M', b"<a@b.example>\0"), packet(b'B', &vec![0xff; 65_535]), packet(b'E', b"")]),
        begun(&[packet(b'D', b"M{auth_authen}"), packet(b'M', b"<a@b.example>\0")]),
        begun(&[packet(b'D', b"M{auth_authen}\0x\0"), packet(b'M', b"<a@b.example>\0")]),
        begun(&[
            packet(b'D', b"M{auth_authen}\x0099999999999999999999@example.com\0"),
            packet(b'M', b"<>\0"),
        ]),
        begun(&[packet(b'Q', b""), packet(b'E', b"")]),
        begun(&[packet(b'L', &vec![b'x'; 1024 * 1024])]),
        begun(&[dice(5, 100_000)]),
        dice(6, 100_000),
    ] {
        said_to(&it, "milter", &octets);
    }
    for seed in 10..60 {
        let commands = b"OCDMRLNBEAKHTU";
        let some: Vec<Vec<u8>> = dice(seed, 12)
            .into_iter()
            .map(|octet| packet(commands[usize::from(octet) % commands.len()], &dice(u64::from(octet), 30)))
            .collect();
        said_to(&it, "milter", &begun(&some));
    }
    is_well(&it);
}

/// What the milter says to a message from jo@example.com with these header fields, of somebody who is logged in for example.com.
fn sent(milter: &mut Milter, token: i64, fields: &[&[u8]]) -> (char, String) {
    milter.tell('D', format!("M{{auth_authen}}\0{token}@example.com\0").as_bytes());
    assert_eq!(milter.ask('M', b"<jo@example.com>\0").0, 'c');
    assert_eq!(milter.ask('R', b"<x@other.example>\0").0, 'c');
    for field in fields {
        milter.tell('L', &[field, &b"\0"[..]].concat());
    }
    milter.tell('N', b"");
    assert_eq!(milter.ask('B', b"Hello\0\xff\n.\r\n").0, 'c');
    milter.ask('E', b"")
}

#[test]
fn whoever_is_logged_in_is_nobody_else_by_any_trick_of_a_from_field() {
    let it = start();
    it.server.client().create_domain("other.example");
    let (token, _) = it.token("example.com");
    let db = Connection::open(it.site.db()).unwrap();
    db.execute("UPDATE dkim_key SET activated_at = 1", ()).unwrap();
    let mut milter = it.milter();
    for from in [
        &b" jo@example.com"[..],
        b" Jo <jo@example.com>",
        b" \"boss@other.example\" <jo@example.com>",
        b" =?utf-8?q?boss=40other=2Eexample?= <jo@example.com>",
        b" jo@example.com (x@other.example)",
        b" A group: jo@example.com, <bo@example.com>;",
        b" \"jo x\"@example.com",
        "\u{20}J\u{f6} <j\u{f6}@example.com>".as_bytes(),
        b" Jo\n\t<jo@example.com>",
        b" jo@EXAMPLE.com",
        b" aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.com",
    ] {
        let said = sent(&mut milter, token, &[&[b"From\0", from].concat()]);
        assert!(
            said.0 == 'i' && said.1.contains("DKIM-Signature"),
            "{:?}: {said:?}",
            String::from_utf8_lossy(from)
        );
        assert_eq!(milter.reply().0, 'c');
    }
    let jo = &b"From\0 jo@example.com"[..];
    for fields in [
        &[&b"Subject\0 nobody's"[..]][..],
        &[b"From\0"],
        &[b"From\0 "],
        &[b"From\0 boss@other.example"],
        &[b"From\0 jo@example.com, boss@other.example"],
        &[b"From\0 jo@example.com <boss@other.example>"],
        &[b"From\0 <jo@example.com> <boss@other.example>"],
        &[b"From\0 jo@example.com (open <boss@other.example>"],
        &[b"From\0 A: jo@example.com;, B: boss@other.example;"],
        &[b"From\0 A group:;"],
        &[b"From\0 <@example.com:boss@other.example>"],
        &[b"From\0 jo@example.com@other.example"],
        &[b"From\0 jo@sub.example.com"],
        &[b"From\0 jo@example.com.other.example"],
        &[b"From\0 \"jo@example.com\"@other.example"],
        &[b"From\0 =?utf-8?q?jo=40example=2Ecom?="],
        &[b"From\0 jo@example.com\r, boss@other.example"],
        &[b"From\0 jo@[192.0.2.1]"],
        // What some readers show as another's address.
        &[b"From\0 boss@other.example: jo@example.com;"],
        &[b"From\0 <boss@other.example:>: jo@example.com"],
        &[b"From\0 <@other.example:jo@example.com>"],
        &[b"From\0 Boss <@other.example:jo@example.com>"],
        &[b"From\0 \\\"<boss@other.example>\" <jo@example.com>"],
        // Two of them, also with a name that some readers take for the same, or hidden in another field.
        &[jo, b"From\0 boss@other.example"],
        &[jo, b"FROM\0 jo@example.com"],
        &[b"From \0 boss@other.example", jo],
        &[jo, b"Subject\0 x\nFrom: boss@other.example"],
        &[jo, b"Subject\0 x\r\n\r\nFrom: boss@other.example"],
        &[jo, b"\0 no name"],
        &[jo, b"A b\0 a name with a space"],
    ] {
        let said = sent(&mut milter, token, fields);
        let shown: Vec<_> = fields.iter().map(|field| String::from_utf8_lossy(field)).collect();
        assert!(said.0 == 'y' && said.1.starts_with("550 5.7.1"), "{shown:?}: {said:?}");
    }
    let said = sent(&mut milter, token, &[b"From\0 J\xf6 <jo@example.com>"]);
    assert!(said.1.starts_with("550 5.6.0") && said.1.contains("neither ASCII nor UTF-8"), "{said:?}");
    is_well(&it);
}

#[test]
fn a_message_of_any_octets_is_kept_as_it_is_or_refused_and_never_lost() {
    let it = start();
    let long =
        [b"From: a@b.example\r\nX: ".to_vec(), vec![b'x'; 200_000], b"\r\n\r\nend\r\n".to_vec()].concat();
    let binary = [b"From: a@b.example\r\n\r\n".to_vec(), dice(7, 200_000), b"\r\n".to_vec()].concat();
    let folded =
        [b"From: a@b.example\r\n".to_vec(), b" x\r\n".repeat(30_000), b"\r\nend\r\n".to_vec()].concat();
    let messages: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"\r\n".to_vec(),
        b"no header at all\r\n".to_vec(),
        b"From: a\0b@b.example\r\nX: \0\r\n\r\n\0\r\n".to_vec(),
        b"From: \xff\xfe J\xf6 <a@b.example>\r\nSubject: \x80\x81\r\n\r\n\xc3\x28\r\n".to_vec(),
        b"From: a@b.example\r\nFrom: c@d.example\r\n\r\ntwo\r\n".to_vec(),
        b"From: A group: a@b.example, c@d.example;\r\n\r\ngroup\r\n".to_vec(),
        b"From: =?utf-8?q?a=40example=2Ecom?= <a@b.example>\r\nSubject: =?x?q?=?=\r\n\r\nencoded\r\n"
            .to_vec(),
        b"From: \"jo@example.com\" <a@b.example>\r\n\r\ndisplay name\r\n".to_vec(),
        b"From: a@b.example\n\nlone LF\n.\nmore\r\n".to_vec(),
        b"From: a@b.example\r\n\r\nlone CR\r.\r.\rmore\r\n".to_vec(),
        b".\r\x0d\r\n..\r\n.x\r\n".to_vec(),
        b"From: a@b.example\r\nReceived: from x (y [999.1.1.1])\r\n\tby z\r\n\r\nodd\r\n".to_vec(),
        b": \r\n:::\r\n \r\n\t\r\n\r\n".to_vec(),
        long,
        binary,
        folded,
    ];
    for message in &messages {
        let mut lmtp = it.lmtp();
        lmtp.say("MAIL FROM:<a@b.example>");
        assert!(lmtp.say("RCPT TO:<jo@example.com>").starts_with("250"));
        assert!(lmtp.say("DATA").starts_with("354"));
        // A dot before each dot that begins a line, as any client must.
        let mut stuffed: Vec<u8> = Vec::new();
        for (at, octet) in message.iter().enumerate() {
            let begins = at == 0 || message[..at].ends_with(b"\r\n");
            if begins && *octet == b'.' {
                stuffed.push(b'.');
            }
            stuffed.push(*octet);
        }
        lmtp.write(&[&stuffed[..], b".\r\n"].concat());
        let shown = String::from_utf8_lossy(&message[..message.len().min(60)]).into_owned();
        let reply = lmtp.reply();
        let id = reply.strip_prefix("250 2.0.0 ").and_then(|rest| rest.split(' ').next());
        let id = id.unwrap_or_else(|| panic!("{shown:?}: {reply}"));
        let file = it.stored("example.com/jo").into_iter().find(|file| file.ends_with(id)).unwrap();
        let stored = std::fs::read(file).unwrap();
        let top = b"Return-Path: <a@b.example>\nDelivered-To: jo@example.com\n";
        let kept = stored.strip_prefix(top).unwrap_or_else(|| panic!("{shown:?}"));
        let mut wanted = Vec::new();
        for line in message.split_inclusive(|octet| *octet == b'\n') {
            match line.strip_suffix(b"\r\n") {
                Some(line) => wanted.extend([line, b"\n"].concat()),
                None => wanted.extend(line),
            }
        }
        assert!(kept == wanted, "{shown:?} is kept as something else");
    }
    assert_eq!(it.stored("example.com/jo").len(), messages.len());
    // What stands behind so much padding is found by nobody who looks for a mark or an author.
    let padding = format!("X: {}\n", "x".repeat(900)).repeat(300);
    let padded = format!("{padding}X-Spam: Yes\nFrom: a@b.example\n\nend\n");
    assert!(
        it.deliver("a@b.example", &["jo@example.com", "bo@example.com"], &padded)
            .iter()
            .all(|it| it.starts_with("552 5.3.4"))
    );
    let authors = (0..21).map(|at| format!("a{at}@b.example")).collect::<Vec<_>>().join(", ");
    let crowd = format!("From: {authors}\n\nend\n");
    assert!(it.deliver("a@b.example", &["jo@example.com"], &crowd)[0].starts_with("550 5.6.0"));
    let mut milter = it.milter();
    for (field, reply) in [(("From", &*authors), "550 5.6.0"), (("X", &*"x".repeat(250_000)), "552 5.3.4")] {
        assert_eq!(milter.ask('M', b"<a@b.example>\0").0, 'c');
        assert_eq!(milter.ask('R', b"<jo@example.com>\0").0, 'c');
        let said = milter.end(&[field]);
        assert!(said[0].0 == 'y' && said[0].1.starts_with(reply), "{said:?}");
    }
    assert_eq!(it.stored("example.com/jo").len(), messages.len());
    is_well(&it);
}

#[test]
fn lmtp_takes_every_address_that_is_one_and_no_line_that_is_none() {
    let it = start();
    let (whole, long) = ("x".repeat(64), "x".repeat(65));
    for (recipient, place) in [
        ("Jo@Example.COM", Some("example.com/jo")),
        ("\"jo\"@example.com", Some("example.com/jo")),
        ("\"a b/../c\"@example.com", Some("example.com/%22a%20b%2f..%2fc%22")),
        ("../../etc/passwd@example.com", None),
        ("..@example.com", None),
        ("\"..\"@example.com", Some("example.com/%22..%22")),
        ("\"a@b\"@example.com", Some("example.com/%22a%40b%22")),
        ("j\u{f6}@example.com", Some("example.com/j%c3%b6")),
        (&format!("{whole}@example.com"), Some(&*format!("example.com/{whole}"))),
        (&format!("{long}@example.com"), None),
        ("jo@example.com.", Some("example.com/jo")),
        ("jo", None),
        ("", None),
        ("jo@example.com, bo@example.com", None),
        ("SRS0=aaaaaaaa=001=b.example=a@example.com", None),
    ] {
        let mut lmtp = it.lmtp();
        lmtp.say("MAIL FROM:<a@b.example>");
        let taken = lmtp.say(&format!("RCPT TO:<{recipient}>"));
        let Some(place) = place else {
            assert!(taken.starts_with("550 5.1.") || taken.starts_with("501 "), "{recipient}: {taken}");
            continue;
        };
        assert!(taken.starts_with("250"), "{recipient}: {taken}");
        lmtp.say("DATA");
        lmtp.write(format!("Subject: {recipient}\r\n\r\n.\r\n").as_bytes());
        assert!(lmtp.reply().starts_with("250"), "{recipient}");
        assert!(!it.stored(place).is_empty(), "{recipient} is not in {place}");
    }
    let data = b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<jo@example.com>\r\nDATA\r\nSubject: cut\r\n\r\nhal";
    let before = it.stored("example.com/jo").len();
    for octets in [
        &b"LHLO x"[..],
        b"LHLO x\nMAIL FROM:<>\n",
        b"LHLO \xff\r\nMAIL FROM:<\xff>\r\nRCPT TO:<\0>\r\n\r\n\r\nDATA\r\nQUIT\r\n",
        &[b'x'; 5000],
        data,
        &[data, &b"\r\n."[..]].concat(),
        &[data, &b"\r\n.\n"[..]].concat(),
        &dice(8, 60_000),
        &b"RSET\r\n".repeat(20_000),
    ] {
        said_to(&it, "lmtp", octets);
    }
    assert_eq!(it.stored("example.com/jo").len(), before, "half a message is none");
    is_well(&it);
}

#[test]
fn a_line_that_is_too_long_is_refused_and_the_conversation_goes_on() {
    let it = start();
    let mut lmtp = it.lmtp();
    // As long as Postfix takes it from outside, which it must get through here.
    let long = format!("{}@b.example", "a".repeat(2030));
    assert!(lmtp.deliver(&long, &["jo@example.com"], "Subject: long")[0].starts_with("250"));
    let endless = "a".repeat(100_000);
    for (command, reply) in [
        (format!("MAIL FROM:<{endless}@b.example>"), "501 5.1.7"),
        ("RCPT TO:<jo@example.com>".to_owned(), "503 5.5.1"),
        (format!("RCPT TO:<{endless}@example.com>"), "500 5.5.2"),
        ("NOOP".to_owned(), "250"),
    ] {
        let said = lmtp.say(&command);
        assert!(said.starts_with(reply), "{}: {said}", &command[..20]);
    }
    assert!(lmtp.deliver("a@b.example", &["jo@example.com"], "Subject: next")[0].starts_with("250"));
    assert_eq!(it.stored("example.com/jo").len(), 2);
    is_well(&it);
}
