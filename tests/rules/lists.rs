//! Lists through the library: what an item is, what it matches, and which entry decides.

use std::net::IpAddr;

use postroom::account::Caller;
use postroom::db::WriteTx;
use postroom::error::Error;
use postroom::id::DomainId;
use postroom::list::{self, Field, Item, ItemKind, ListKind, ListOutcome, ListQuery, Scope, Sender, Tier};
use postroom::recipient;
use proptest::prelude::*;

use crate::harness::app::{Key, TestApp};

const LISTS: [ListKind; 2] = [ListKind::Safelist, ListKind::Blocklist];

struct World {
    app: TestApp,
    caller: Caller,
    key: Key,
    domain: DomainId,
}

fn start() -> World {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    World { app, caller: key.operator(), key, domain: DomainId::new(id) }
}

impl World {
    /// Adds an item to a list of the account, of the domain, or of `jo@`.
    fn add(&self, tier: Tier, action: ListKind, item: &str) -> list::Added {
        let item: Item = item.parse().unwrap();
        let (caller, address) = (&self.caller, "jo@example.com".parse().unwrap());
        let add = |tx: &WriteTx<'_>| match tier {
            Tier::Account => list::add(tx, caller, &Scope::Account(caller), action, &item),
            Tier::Domain => {
                list::add(tx, caller, &Scope::Domain(&self.key.own(tx, self.domain)?), action, &item)
            }
            Tier::Recipient => {
                let domain = self.key.own(tx, self.domain)?;
                let recipient = recipient::ensure(tx, caller, &domain, &address)?;
                list::add(tx, caller, &Scope::Recipient(&domain, &recipient), action, &item)
            }
        };
        self.app.postroom.write(add).unwrap_or_else(|e: Error| panic!("{e}"))
    }

    fn explain(&self, query: &ListQuery) -> list::Explanation {
        let (verdict, explained) = self
            .app
            .postroom
            .read(|tx| {
                let domain = self.key.own(tx, self.domain)?;
                Ok::<_, Error>((list::verdict(tx, &domain, query)?, list::explain(tx, &domain, query)?))
            })
            .unwrap();
        assert_eq!(verdict, explained.verdict);
        explained
    }

    fn outcome(&self, sender: &str, from: &str, ip: &str) -> ListOutcome {
        self.explain(&query(sender, from, ip)).verdict.outcome
    }
}

#[test]
fn whose_lists_they_are_is_said_by_the_accounts_number_the_domains_name_or_the_recipients_address() {
    let world = start();
    let address = "jo@example.com".parse().unwrap();
    let said = world.app.postroom.write(|tx| {
        let domain = world.key.own(tx, world.domain)?;
        let recipient = recipient::ensure(tx, &world.caller, &domain, &address)?;
        let caller = &world.caller;
        Ok::<_, Error>([
            (Scope::Account(caller).to_string(), format!("account:{}", caller.account())),
            (Scope::Domain(&domain).to_string(), "example.com".to_owned()),
            (Scope::Recipient(&domain, &recipient).to_string(), "jo@example.com".to_owned()),
        ])
    });
    said.unwrap().iter().for_each(|(said, wanted)| assert_eq!(said, wanted));
}

fn query(sender: &str, from: &str, ip: &str) -> ListQuery {
    ListQuery {
        envelope_sender: Sender::parse(sender),
        header_from: Sender::authors([from]),
        client_ip: ip.parse().ok(),
        ..ListQuery::to("Jo@example.com".parse().unwrap())
    }
}

#[test]
fn a_nearer_tier_decides_and_within_one_the_safelist() {
    use ListKind::{Blocklist, Safelist};
    use ListOutcome::{Blocked, Safe};
    use Tier::{Account, Domain, Recipient};
    for (entries, outcome) in [
        (&[][..], ListOutcome::None),
        (&[(Account, Blocklist)], Blocked),
        (&[(Account, Safelist), (Account, Blocklist)], Safe),
        (&[(Account, Safelist), (Domain, Blocklist)], Blocked),
        (&[(Domain, Safelist), (Recipient, Blocklist)], Blocked),
        (&[(Domain, Safelist), (Domain, Blocklist), (Account, Blocklist)], Safe),
        (&[(Account, Blocklist), (Domain, Blocklist), (Recipient, Safelist)], Safe),
    ] {
        // In whichever order they were made.
        for is_backward in [false, true] {
            let world = start();
            let mut entries = entries.to_vec();
            if is_backward {
                entries.reverse();
            }
            for (tier, action) in &entries {
                world.add(*tier, *action, "sender.example");
            }
            assert_eq!(world.outcome("a@sender.example", "", ""), outcome, "{entries:?}");
        }
    }
}

#[test]
fn a_message_with_several_authors_is_blocked_for_any_of_them_and_safe_only_for_all() {
    use ListKind::{Blocklist, Safelist};
    use ListOutcome::{Blocked, None, Safe};
    let world = start();
    world.add(Tier::Account, Blocklist, "bad.example");
    world.add(Tier::Account, Safelist, "friend.example");
    world.add(Tier::Account, Safelist, "192.0.2.7");
    for (sender, from, ip, outcome) in [
        ("", "a@ok.example, b@bad.example", "", Blocked),
        ("", "b@bad.example, a@friend.example", "", Blocked),
        ("", "a@friend.example, b@ok.example", "", None),
        ("", "a@friend.example, b@friend.example", "", Safe),
        // Whatever else is safe is so whoever the author is.
        ("x@friend.example", "a@ok.example, b@ok.example", "", Safe),
        ("", "b@bad.example", "192.0.2.7", Safe),
        ("", "a@bad.example (Jo)", "", Blocked),
        ("", "Group: a@bad.example;", "", Blocked),
        ("\"<jo@friend.example>\"@ok.example", "", "", None),
        ("\"<jo@friend.example>\"@bad.example", "", "", Blocked),
        ("\"<>\"@bad.example", "", "", Blocked),
        // An octet that no address has does not hide the rest, on either engine.
        ("a\0@bad.example", "", "", Blocked),
        ("", "<a\0@bad.example>", "", Blocked),
        ("a@bad\0.example", "", "", None),
    ] {
        assert_eq!(world.outcome(sender, from, ip), outcome, "{sender} {from} {ip}");
    }
    let explained = world.explain(&query("", "a@friend.example, b@bad.example", ""));
    assert_eq!(explained.verdict.because.unwrap().entry.item.given(), "bad.example");
    assert_eq!(explained.overruled[0].entry.item.given(), "friend.example");
    // A nearer tier decides for each of them.
    world.add(Tier::Recipient, Safelist, "bad.example");
    assert_eq!(world.outcome("", "a@friend.example, b@bad.example", ""), Safe);
}

#[test]
fn a_sender_that_is_written_like_a_client_or_a_block_is_not_let_through_for_it() {
    let world = start();
    for item in ["192.0.2.1", "198.51.100.0/24", "2001:db8::/32"] {
        world.add(Tier::Domain, ListKind::Safelist, item);
    }
    world.add(Tier::Domain, ListKind::Blocklist, ".junk.example");
    let bits = |first: [u8; 4]| format!("x@4/{:032b}", u32::from_be_bytes(first));
    let block = &bits([198, 51, 100, 0])["x@".len()..26 + "x@".len()];
    let wide = format!("x@6/{:032b}", 0x2001_0db8_u32);
    for forged in [bits([192, 0, 2, 1]), format!("x@{block}"), wide] {
        for ip in ["", "203.0.113.9", "2001:db9::1"] {
            assert_eq!(world.outcome("x@junk.example", &forged, ip), ListOutcome::Blocked, "{forged} {ip}");
            assert_eq!(world.outcome(&forged, "x@junk.example", ip), ListOutcome::Blocked, "{forged} {ip}");
            assert_eq!(world.outcome(&forged, &forged, ip), ListOutcome::None, "{forged} {ip}");
        }
        let because = world.explain(&query(&forged, &forged, "192.0.2.1")).verdict.because.unwrap();
        assert_eq!(because.fields, [Field::ClientIp], "the client itself is let through");
    }
}

#[test]
fn the_answer_names_the_narrowest_entry_and_what_it_matched() {
    let world = start();
    for item in [".example", "sender.example", "a@sender.example", "192.0.2.0/24", "192.0.2.7"] {
        world.add(Tier::Domain, ListKind::Blocklist, item);
    }
    for (sender, from, ip, item, fields) in [
        ("a@sender.example", "", "192.0.2.7", "a@sender.example", &[Field::EnvelopeSender][..]),
        ("x@other.test", "<A@SENDER.example>", "", "a@sender.example", &[Field::HeaderFrom]),
        (
            "b@sender.example",
            "c@sender.example",
            "",
            "sender.example",
            &[Field::EnvelopeSender, Field::HeaderFrom],
        ),
        ("b@x.sender.example", "", "", ".example", &[Field::EnvelopeSender]),
        ("<>", "", "192.0.2.7", "192.0.2.7", &[Field::ClientIp]),
        ("", "", "::ffff:192.0.2.8", "192.0.2.0/24", &[Field::ClientIp]),
    ] {
        let because = world.explain(&query(sender, from, ip)).verdict.because.unwrap();
        assert_eq!((because.entry.item.given(), &because.fields[..]), (item, fields));
    }
    assert_eq!(world.outcome("a@sender.test", "example@x.test", "192.0.3.7"), ListOutcome::None);
}

#[test]
fn an_item_is_told_by_how_it_is_written_and_matches_in_every_spelling() {
    for (item, kind, matches, others) in [
        (
            "jo@a.example",
            ItemKind::EmailAddress,
            &["JO@A.Example.", "<\"jo\"@a.example>"][..],
            &["jo+x@a.example", "jo@b.a.example"][..],
        ),
        ("Jo+X@a.example", ItemKind::EmailAddress, &["jo+x@a.example"], &["jo@a.example"]),
        ("\"a b\"@a.example", ItemKind::EmailAddress, &["\"A B\"@a.example"], &["ab@a.example"]),
        ("<jo@a.example>", ItemKind::EmailAddress, &["jo@a.example"], &[]),
        (
            "jo@bücher.example",
            ItemKind::EmailAddress,
            &["jo@xn--bcher-kva.example", "JO@BÜCHER.example"],
            &[],
        ),
        ("JÖ@a.example", ItemKind::EmailAddress, &["jö@a.example"], &["jo@a.example"]),
        (
            "A.Example.",
            ItemKind::Domain,
            &["x@a.example", "x@A.EXAMPLE"],
            &["x@b.a.example", "x@ba.example", "x@example"],
        ),
        (
            ".a.example",
            ItemKind::Domain,
            &["x@a.example", "x@c.b.a.example", "x@un_der.a.example"],
            &["x@ba.example", "x@a.example.test"],
        ),
        ("bücher.example", ItemKind::Domain, &["x@xn--bcher-kva.example"], &[]),
        (".bücher.example", ItemKind::Domain, &["x@a.xn--bcher-kva.example"], &["x@bucher.example"]),
        ("jo@bücher.example", ItemKind::EmailAddress, &["jo@xn--bcher-kva.example"], &[]),
        (".example", ItemKind::Domain, &["x@a.example", "x@example"], &["example@a.test"]),
        ("github.io", ItemKind::Domain, &["x@github.io"], &["x@a.github.io"]),
        ("192.0.2.7", ItemKind::IpAddress, &["192.0.2.7", "::ffff:192.0.2.7"], &["192.0.2.8"]),
        ("[192.0.2.7]", ItemKind::IpAddress, &["192.0.2.7"], &[]),
        ("::FFFF:192.0.2.7", ItemKind::IpAddress, &["192.0.2.7"], &["::192.0.2.7"]),
        ("192.0.2.7/32", ItemKind::IpAddress, &["192.0.2.7"], &["192.0.2.6"]),
        ("192.0.2.0/25", ItemKind::IpAddress, &["192.0.2.127", "192.0.2.0"], &["192.0.2.128", "c000:200::"]),
        ("::ffff:192.0.2.0/120", ItemKind::IpAddress, &["192.0.2.255"], &["192.0.3.0"]),
        ("0.0.0.0/0", ItemKind::IpAddress, &["203.0.113.9"], &["2001:db8::1"]),
        ("::/0", ItemKind::IpAddress, &["2001:db8::1"], &["203.0.113.9"]),
        ("2001:DB8:0:0::1", ItemKind::IpAddress, &["2001:db8::1"], &["2001:db8::2"]),
        ("[IPv6:2001:db8::1]", ItemKind::IpAddress, &["2001:db8::1"], &[]),
        ("2001:db8::/33", ItemKind::IpAddress, &["2001:db8:7fff::"], &["2001:db8:8000::"]),
    ] {
        let world = start();
        let added = world.add(Tier::Account, ListKind::Blocklist, &format!(" {item}\t"));
        let shown = item.replace("bücher", "xn--bcher-kva");
        assert_eq!((added.entry.item.kind(), added.entry.item.given()), (kind, &*shown));
        for (texts, outcome) in [(matches, ListOutcome::Blocked), (others, ListOutcome::None)] {
            for text in texts {
                let (sender, ip) = if kind == ItemKind::IpAddress { ("", *text) } else { (*text, "") };
                assert_eq!(world.outcome(sender, "", ip), outcome, "{item}: {text}");
            }
        }
    }
}

#[test]
fn a_letter_and_its_mark_are_one_character_of_an_item_however_they_are_written() {
    let (composed, apart) = ("j\u{f6}rg@evil.example", "Jo\u{308}rg@evil.example");
    let old = "UPDATE list_entry SET item = ?1 WHERE item = ?2";
    for item in [composed, apart] {
        for is_old in [false, true] {
            let world = start();
            world.add(Tier::Domain, ListKind::Blocklist, item);
            if is_old {
                world
                    .app
                    .sql()
                    .execute(
                        old,
                        ("example.evil@jo\u{308}rg".to_owned(), "example.evil@j\u{f6}rg".to_owned()),
                    )
                    .unwrap();
            }
            for sender in [composed, apart] {
                assert_eq!(world.outcome(sender, "", ""), ListOutcome::Blocked, "{item:?}: {sender:?}");
                assert_eq!(world.outcome("", sender, ""), ListOutcome::Blocked, "{item:?}: {sender:?}");
            }
            let gone = world.app.postroom.write(|tx| {
                let domain = world.key.own(tx, world.domain)?;
                let (scope, item) = (Scope::Domain(&domain), composed.parse().unwrap());
                list::remove(tx, &world.caller, &scope, ListKind::Blocklist, &item)
            });
            assert!(gone.unwrap(), "{item:?}");
        }
    }
    // A recipient's own lists are found however that is written.
    let world = start();
    let jo: postroom::address::EmailAddress = "j\u{f6}@example.com".parse().unwrap();
    let made = world.app.postroom.write(|tx| {
        let domain = world.key.own(tx, world.domain)?;
        let recipient = recipient::ensure(tx, &world.caller, &domain, &jo)?;
        let scope = Scope::Recipient(&domain, &recipient);
        list::add(tx, &world.caller, &scope, ListKind::Blocklist, &"evil.example".parse().unwrap())
    });
    made.unwrap();
    for local in ["j\u{f6}", "jo\u{308}"] {
        let asked = ListQuery {
            recipient: "jo\u{308}@example.com".parse().unwrap(),
            ..query("a@evil.example", "", "")
        };
        assert_eq!(world.explain(&asked).verdict.outcome, ListOutcome::Blocked, "{local:?}");
        let old = "UPDATE recipient SET local = ?1 WHERE local = ?2";
        world.app.sql().execute(old, ("jo\u{308}".to_owned(), "j\u{f6}".to_owned())).unwrap();
    }
}

#[test]
fn what_is_no_item_says_what_to_give() {
    for (text, words) in [
        ("", "empty"),
        (" ", "empty"),
        ("a b", "no address"),
        ("example", "one label"),
        ("..example.com", "empty label"),
        ("*.example.com", ".example.com"),
        ("*@example.com", "give the domain alone"),
        ("@example.com", "give the domain alone"),
        ("jo@", "domain"),
        ("a..b@example.com", "local part"),
        ("https://example.com/", "the name alone"),
        ("example.com:25", "the name alone"),
        ("192.0.2.256", "no IP address"),
        ("192.0.2", "no IP address"),
        ("192.000.002.001", "octal"),
        ("192.0.2.*", "a block"),
        ("192.0.2.1-9", "a block"),
        ("192.0.2.1/24", "192.0.2.0/24"),
        ("2001:db8::1/32", "2001:db8::/32"),
        ("192.0.2.0/33", "0 to 32"),
        ("192.0.2.0/024", "0 to 32"),
        ("2001:db8::/129", "0 to 128"),
        ("192.0.2.0/", "0 to 32"),
        ("2001:db8::g", "no address"),
        ("2001:db8:::1", "no IP address"),
        ("fe80::1%0", "no IP address"),
        ("a.example\nb.example", "control"),
    ] {
        let reason = text.parse::<Item>().unwrap_err().to_string();
        assert!(reason.contains(words), "{text}: {reason}");
    }
    assert!("a".repeat(2000).parse::<Item>().is_err());
}

#[test]
fn an_entry_is_there_once_and_is_removed_in_any_spelling() {
    let world = start();
    let first = world.add(Tier::Domain, ListKind::Blocklist, "192.0.2.0/24");
    let again = world.add(Tier::Domain, ListKind::Blocklist, "::ffff:192.0.2.0/120");
    assert_eq!((first.is_new, again.is_new, &first.entry), (true, false, &again.entry));
    assert_eq!(world.app.value::<i64>("SELECT sum(entries) FROM list_block_length"), 1);
    world.add(Tier::Domain, ListKind::Safelist, "198.51.100.0/24");
    let remove = |action, item: &str| {
        let item: Item = item.parse().unwrap();
        let removed = world.app.postroom.write(|tx| {
            let domain = world.key.own(tx, world.domain)?;
            list::remove(tx, &world.caller, &Scope::Domain(&domain), action, &item)
        });
        removed.unwrap_or_else(|e: Error| panic!("{e}"))
    };
    assert!(!remove(ListKind::Safelist, "192.0.2.0/24"), "it stands on the other list");
    assert!(remove(ListKind::Blocklist, "192.0.2.0/24") && !remove(ListKind::Blocklist, "192.0.2.0/24"));
    assert_eq!(world.outcome("", "", "192.0.2.1"), ListOutcome::None);
    assert_eq!(world.outcome("", "", "198.51.100.1"), ListOutcome::Safe, "the length is still looked for");
    assert!(remove(ListKind::Safelist, "198.51.100.0/24"));
    assert_eq!(world.app.value::<i64>("SELECT count(*) FROM list_block_length"), 0);
}

#[test]
fn an_entry_that_can_never_decide_is_told_by_what_overrules_it() {
    for (safe, blocked, is_overruled) in [
        ("a.example", "jo@a.example", true),
        (".example", "b.a.example", true),
        (".a.example", ".b.a.example", true),
        ("a.example", "a.example", true),
        ("a.example", ".a.example", false),
        ("jo@a.example", "a.example", false),
        ("b.example", "jo@a.example", false),
        ("192.0.2.0/24", "192.0.2.7", true),
        ("192.0.0.0/16", "192.0.2.0/24", true),
        ("192.0.2.0/24", "192.0.0.0/16", false),
        ("192.0.2.7", "192.0.2.0/24", false),
        ("2001:db8::/32", "2001:db8::1", true),
    ] {
        let world = start();
        let entry = world.add(Tier::Domain, ListKind::Safelist, safe).entry;
        let other_tier = world.add(Tier::Account, ListKind::Blocklist, blocked);
        assert_eq!(other_tier.overruled_by, None);
        let added = world.add(Tier::Domain, ListKind::Blocklist, blocked);
        assert_eq!(added.overruled_by, is_overruled.then_some(entry), "{safe} {blocked}");
    }
}

#[test]
fn lists_hold_for_nobody_elses_domains() {
    let world = start();
    let other = world.app.account("other");
    let id = world.app.domain(&other, "other.example");
    let add = |tx: &WriteTx<'_>| {
        list::add(
            tx,
            &other.operator(),
            &Scope::Account(&other.operator()),
            ListKind::Blocklist,
            &".test".parse().unwrap(),
        )
    };
    world.app.postroom.write(add).unwrap();
    assert_eq!(world.outcome("a@b.test", "", ""), ListOutcome::None);
    let asked = query("a@b.test", "", "");
    let said =
        world.app.postroom.read(|tx| list::verdict(tx, &other.own(tx, DomainId::new(id))?, &asked)).unwrap();
    assert_eq!(said.outcome, ListOutcome::Blocked);
}

/// Whether an item matches, worked out from its text alone.
fn naive(item: &str, senders: [&str; 2], ip: &str) -> bool {
    let by_sender = senders.iter().any(|sender| {
        let domain = sender.split('@').nth(1).unwrap_or_default();
        match item.strip_prefix('.') {
            Some(top) => domain == top || domain.ends_with(item),
            None => *sender == item || domain == item,
        }
    });
    let (front, length) = item.split_once('/').unwrap_or((item, "32"));
    let bits = |text: &str| {
        text.parse::<IpAddr>().ok().map(|ip| match ip {
            IpAddr::V4(ip) => u64::from(ip.to_bits()),
            IpAddr::V6(_) => 0,
        })
    };
    let by_ip = match (bits(front), bits(ip), length.parse::<u32>()) {
        (Some(block), Some(ip), Ok(length)) => block >> (32 - length) == ip >> (32 - length),
        _ => false,
    };
    by_sender || by_ip
}

fn item() -> impl Strategy<Value = String> {
    let domain = "[ab]\\.([ab]\\.)?(example|test)";
    prop_oneof![
        domain.prop_map(|domain: String| domain),
        domain.prop_map(|domain: String| format!(".{domain}")),
        ("[jk]@[ab]\\.(example|test)").prop_map(|address: String| address),
        (0_u32..4).prop_map(|last| format!("192.0.2.{last}")),
        (0_u32..4, 28_u32..32).prop_map(|(last, length)| format!(
            "192.0.2.{}/{length}",
            last >> (32 - length) << (32 - length)
        )),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_verdict_is_what_a_look_at_every_entry_says(
        entries in proptest::collection::vec((0_usize..3, 0_usize..2, item()), 0..14),
        asked in proptest::collection::vec(("[jk]@[ab]\\.([ab]\\.)?(example|test)", "[jk]@[ab]\\.(example|test)", 0_u32..6), 8),
    ) {
        let world = start();
        let tiers = [Tier::Account, Tier::Domain, Tier::Recipient];
        for (tier, list, item) in &entries {
            world.add(tiers[*tier], LISTS[*list], item);
        }
        for (sender, from, last) in &asked {
            let ip = format!("192.0.2.{last}");
            let matching = entries.iter().filter(|(_, _, item)| naive(item, [sender, from], &ip));
            let first = matching.clone().max_by_key(|(tier, list, _)| (*tier, 1 - *list));
            let want = match first {
                None => ListOutcome::None,
                Some((_, 0, _)) => ListOutcome::Safe,
                Some(_) => ListOutcome::Blocked,
            };
            let said = world.explain(&query(sender, from, &ip));
            prop_assert_eq!(said.verdict.outcome, want, "{} {} {}", sender, from, ip);
            let distinct: std::collections::BTreeSet<_> = matching.collect();
            let told = said.overruled.len() + said.agreeing.len() + usize::from(said.verdict.because.is_some());
            prop_assert_eq!(told, distinct.len());
        }
    }
}
