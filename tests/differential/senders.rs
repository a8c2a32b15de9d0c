//! SPF records that are spoilt, in a zone of the domains that they include.

use postroom::verify::{Expectation, SpfExpectation};

use super::dice::Dice;
use super::draft::{split, spoil};
use super::{Case, HOSTS};

const DOMAIN: &str = "example.com";
/// What we ask for.
const OURS: &str = "include:spf.example.net";

/// The domains that records here may name.
const ZONE: [(&str, &str); 15] = [
    ("spf.example.net", "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all"),
    ("wraps.example.org", "v=spf1 include:spf.example.net -all"),
    ("wrapsbad.example.org", "v=spf1 ?include:spf.example.net -all"),
    ("other.example.org", "v=spf1 ip4:198.51.100.0/24 ~all"),
    ("all.example.org", "v=spf1 +all"),
    ("none.example.org", "some text"),
    ("broken.example.org", "v=spf1 ip5:192.0.2.0/24 -all"),
    ("two.example.org", "v=spf1 include:other.example.org include:other.example.org -all"),
    ("four.example.org", "v=spf1 include:two.example.org a:host.example.org -all"),
    ("eight.example.org", "v=spf1 include:four.example.org include:two.example.org -all"),
    ("loop.example.org", "v=spf1 include:loop.example.org -all"),
    ("circle.example.org", "v=spf1 redirect=circle2.example.org"),
    ("circle2.example.org", "v=spf1 redirect=circle.example.org"),
    ("neutral.example.org", "v=spf1 ip4:198.51.100.0/24 ?all"),
    ("macro.example.org", "v=spf1 exists:%{i}.present.example.org -all"),
];

/// Terms that a customer's record has beside ours.
const TERMS: [&str; 56] = [
    "a",
    "mx",
    "a:host.example.org",
    "mx:host.example.org",
    "a/24",
    "a//64",
    "ip4:198.51.100.7",
    "ip4:192.0.2.10",
    "ip4:192.0.2.0/24",
    "-ip4:192.0.2.10",
    "~ip4:192.0.0.0/16",
    "-ip4:192.0.2.77",
    "-ip4:198.51.100.0/24",
    "ip6:2001:db8::/32",
    "?ip6:2001:db8::10",
    "-a:ours.example.net",
    "a:ours.example.net",
    "include:other.example.org",
    "include:wraps.example.org",
    "include:wrapsbad.example.org",
    "-include:spf.example.net",
    "?include:spf.example.net",
    "+include:spf.example.net",
    "include:all.example.org",
    "-include:all.example.org",
    "include:none.example.org",
    "include:nowhere.example.org",
    "include:broken.example.org",
    "include:two.example.org",
    "include:four.example.org",
    "include:eight.example.org",
    "include:loop.example.org",
    "include:neutral.example.org",
    "include:macro.example.org",
    "exists:present.example.org",
    "-exists:present.example.org",
    "exists:nowhere.example.org",
    "exists:%{i}.nowhere.example.org",
    "-exists:%{i}.nowhere.example.org",
    "exists:%{x}.example.org",
    "ptr",
    "?ptr:example.org",
    "a:nowhere.example.org",
    "mx:nowhere.example.org",
    "exp=exp.example.org",
    "redirect=spf.example.net",
    "redirect=none.example.org",
    "redirect=circle.example.org",
    "unknown=value",
    "op=",
    "ip4:192.0.2.300",
    "ip4:",
    "include:",
    "ipv4:192.0.2.1",
    "a:host.example.org/33",
    "mx:other.example.org",
];

/// One zone, judged without the addresses of our servers and with them.
pub(super) fn cases(dice: &mut Dice) -> [Case; 2] {
    let case = case(dice);
    let mut known = case.clone();
    known.kind = "spf-addresses";
    if let Expectation::Spf(SpfExpectation { addresses, .. }) = &mut known.expected {
        *addresses = HOSTS.map(|host| host.parse().unwrap()).to_vec();
    }
    [case, known]
}

fn case(dice: &mut Dice) -> Case {
    let mut names = Vec::new();
    let mut terms = vec![OURS.to_owned()];
    for _ in 0..dice.below(5) {
        let at = dice.place(terms.len());
        let term = dice.pick(&TERMS);
        terms.insert(at, term.to_owned());
        names.push(term);
    }
    if dice.hits(8) {
        let ours = dice.pick(&[
            "Include:SPF.Example.NET",
            "include:spf.example.net.",
            "include=spf.example.net",
            "include: spf.example.net",
            "include:spf.example.com",
            "spf.example.net",
            "include:%{h}.example.net",
            "ip4:192.0.2.0/24 ip6:2001:db8::/32",
            "",
        ]);
        for term in terms.iter_mut().filter(|term| *term == OURS) {
            ours.clone_into(term);
        }
        names.push("ours otherwise");
    }
    let all = dice.pick(&["~all", "-all", "~all", "-all", "?all", "all", "+all", "", "ALL", "-all:x"]);
    if !all.is_empty() {
        let at = if dice.hits(10) { dice.place(terms.len()) } else { terms.len() };
        terms.insert(at, all.to_owned());
    }
    let separator = if dice.hits(20) { dice.pick(&["  ", "\t", ",", "; "]) } else { " " };
    let version = if dice.hits(25) {
        dice.pick(&["V=SPF1", "v=spf2", "v=spf10", "v=spf1,", " v=spf1"])
    } else {
        "v=spf1"
    };
    let mut text = format!("{version}{separator}{}", terms.join(separator)).into_bytes();
    for _ in 0..dice.below(6).saturating_sub(4) {
        spoil(&mut text, &mut names, dice);
    }
    let expected = Expectation::Spf(SpfExpectation {
        name: DOMAIN.parse().unwrap(),
        mechanisms: vec![OURS.to_owned()],
        addresses: Vec::new(),
        whole: format!("v=spf1 {OURS} ~all"),
    });
    let mut case = Case::new("spf", expected, names);
    case.txt(DOMAIN, split(&text, dice));
    if dice.hits(20) {
        let another =
            dice.pick(&["v=spf1 -all", "v=spf1", "v=spf10 a", "some text", "V=spf1 mx", "v=spf1\t-all"]);
        case.txt(DOMAIN, split(another.as_bytes(), dice));
        case.mutations.push("another record");
    }
    for (name, text) in ZONE {
        case.txt(name, vec![text.as_bytes().to_vec()]);
    }
    for name in ["host.example.org", "present.example.org"] {
        case.address(name, "203.0.113.5");
    }
    for host in HOSTS {
        case.address("ours.example.net", host);
    }
    // Whoever sends mail has a name.
    case.reverse("10.2.0.192.in-addr.arpa", "ours.example.net");
    case.reverse(&format!("0.1.{}8.b.d.0.1.0.0.2.ip6.arpa", "0.".repeat(22)), "ours.example.net");
    case.mail_host("example.com", "host.example.org");
    case.mail_host("host.example.org", "host.example.org");
    case.mail_host("other.example.org", "ours.example.net");
    case
}
