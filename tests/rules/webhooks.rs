//! Webhook addresses, by a table of vectors (`tests/fixtures/webhooks`), and by where names lead.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::LazyLock;

use postroom::dns::{Outcome, RecordData, RecordType, ScriptedResolver};
use postroom::egress::{EgressPolicy, is_public};
use postroom::webhook::{InvalidWebhook, WebhookRules, WebhookUrl};
use proptest::prelude::*;

const HOST: &str = "hooks.example.com";
/// What holds where the operator allows nothing beside.
static PUBLIC: LazyLock<EgressPolicy> = LazyLock::new(EgressPolicy::default);

fn rules(loopback_http: bool) -> WebhookRules<'static> {
    WebhookRules { policy: &PUBLIC, loopback_http }
}

/// A line of the table.
struct Vector {
    taken: bool,
    reason: String,
    url: String,
}

fn vectors() -> Vec<Vector> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/webhooks/vectors.tsv");
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let vector = |line: &str| {
        let [verdict, reason, url] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert!(["take", "refuse"].contains(&verdict) && (verdict == "take") == (reason == "-"), "{line}");
        Vector { taken: verdict == "take", reason: reason.to_owned(), url: unescape(url) }
    };
    lines.map(vector).collect()
}

/// The text with what cannot be seen in a table put back in.
fn unescape(text: &str) -> String {
    if text == "(empty)" {
        return String::new();
    }
    let (mut plain, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let (c, length) = match after.chars().next().unwrap() {
            't' => ('\t', 1),
            'n' => ('\n', 1),
            'r' => ('\r', 1),
            's' => (' ', 1),
            '0' => ('\0', 1),
            '\\' => ('\\', 1),
            'u' => {
                let digits = after[2..].split('}').next().unwrap();
                (u32::from_str_radix(digits, 16).ok().and_then(char::from_u32).unwrap(), digits.len() + 3)
            }
            other => panic!("\\{other} in {text}"),
        };
        plain.push(c);
        rest = &after[length..];
    }
    plain + rest
}

/// The name of the variant.
fn name(reason: InvalidWebhook) -> String {
    let text = format!("{reason:?}");
    text.split('(').next().unwrap().to_owned()
}

#[test]
fn every_vector_of_the_table_is_judged_as_it_says() {
    let vectors = vectors();
    assert!(vectors.len() >= 300, "{}", vectors.len());
    let mut wrong = Vec::new();
    for Vector { taken, reason, url } in &vectors {
        let judged = WebhookUrl::parse(url, rules(false));
        let holds = match &judged {
            Ok(_) => *taken,
            Err(found) => !taken && (reason == &name(*found)),
        };
        if !holds {
            wrong.push(format!("{url:?}: {reason}, but {:?}", judged.map(|url| url.to_string())));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), vectors.len(), wrong.join("\n"));
}

#[test]
fn what_is_taken_is_https_without_fragment_and_reads_back_the_same() {
    for Vector { url, .. } in vectors().iter().filter(|vector| vector.taken) {
        let taken = WebhookUrl::parse(url, rules(false)).unwrap();
        assert!(taken.as_str().starts_with("https://") && !taken.as_str().contains('#'), "{url}");
        assert_eq!(WebhookUrl::parse(taken.as_str(), rules(false)), Ok(taken.clone()), "{url}");
        assert_eq!(format!("{taken:?}"), "WebhookUrl[redacted]");
    }
}

#[test]
fn a_url_has_2048_octets_at_most() {
    let of = |octets: usize| format!("https://hooks.example.com/{}", "x".repeat(octets - 26));
    assert!(WebhookUrl::parse(&of(2048), rules(false)).is_ok());
    assert_eq!(WebhookUrl::parse(&of(2049), rules(false)), Err(InvalidWebhook::TooLong));
    let wide = format!("https://hooks.example.com/{}", "ü".repeat(1012));
    assert_eq!(
        WebhookUrl::parse(&wide, rules(false)),
        Err(InvalidWebhook::TooLong),
        "octets, not characters"
    );
}

#[test]
fn loopback_is_let_through_where_it_is_allowed_and_nothing_else_is() {
    for url in [
        "http://127.0.0.1/",
        "http://127.1:9/",
        "https://[::1]/",
        "http://localhost:80/",
        "https://localhost/",
    ] {
        assert!(WebhookUrl::parse(url, rules(true)).is_ok(), "{url}");
        assert!(WebhookUrl::parse(url, rules(false)).is_err(), "{url}");
    }
    for url in [
        "http://10.0.0.1/",
        "http://hooks.example.com/",
        "http://[::ffff:127.0.0.1]/",
        "http://foo.localhost/",
        "http://localhost.example.com/",
        "http://user@127.0.0.1/",
        "ftp://127.0.0.1/",
        "http://0.0.0.0/",
        "http://169.254.169.254/",
    ] {
        assert!(WebhookUrl::parse(url, rules(true)).is_err(), "{url}");
    }
    let dns = ScriptedResolver::new();
    let vetted = WebhookUrl::parse("http://localhost/", rules(true)).unwrap().vet(&dns, rules(true)).unwrap();
    assert!(vetted.addresses().unwrap().iter().all(|address| address.is_loopback()));
    assert!(dns.asked().is_empty(), "nobody is asked where localhost is");
}

/// An address of each special range, and the neighbours that are public, as the table has them.
fn addresses() -> Vec<(IpAddr, bool)> {
    let of = |vector: &Vector| {
        let host = vector.url.strip_prefix("https://")?.strip_suffix('/')?;
        let address = host.trim_matches(['[', ']']).parse().ok()?;
        Some((address, vector.taken))
    };
    vectors().iter().filter_map(of).collect()
}

fn record(address: IpAddr) -> RecordData {
    match address {
        IpAddr::V4(address) => RecordData::A(address),
        IpAddr::V6(address) => RecordData::Aaaa(address),
    }
}

fn vet(dns: &ScriptedResolver) -> Result<Vec<IpAddr>, InvalidWebhook> {
    let url = WebhookUrl::parse("https://hooks.example.com/in", rules(false)).unwrap();
    let vetted = url.vet(dns, rules(false))?;
    Ok(vetted.addresses().map(|addresses| addresses.iter().collect()).unwrap_or_default())
}

#[test]
fn a_name_is_judged_by_each_address_it_leads_to() {
    let all = addresses();
    assert!(all.len() > 150, "{}", all.len());
    let public = IpAddr::V4(Ipv4Addr::new(93, 184, 215, 14));
    for (address, taken) in all {
        assert_eq!(is_public(address), taken, "{address}");
        let alone = ScriptedResolver::new().record(HOST, record(address));
        let beside = ScriptedResolver::new().record(HOST, record(public)).record(HOST, record(address));
        let aliased =
            ScriptedResolver::new().cname(HOST, "x.example.net").record("x.example.net", record(address));
        if taken {
            assert_eq!(vet(&alone), Ok(vec![address]));
            assert_eq!(vet(&aliased), Ok(vec![address]));
            assert!(vet(&beside).is_ok_and(|found| found.contains(&address) && found.contains(&public)));
        } else {
            for dns in [&alone, &beside, &aliased] {
                assert_eq!(vet(dns), Err(InvalidWebhook::Special(address)));
            }
        }
    }
}

#[test]
fn a_name_without_addresses_is_refused_unless_the_dns_is_in_temporary_trouble() {
    let public = Ipv4Addr::new(93, 184, 215, 14);
    let new = ScriptedResolver::new;
    for nothing in [
        new(),
        new().txt(HOST, &["no address"]),
        new().cname(HOST, "gone.example.net"),
        new().cname(HOST, "b.example.net").cname("b.example.net", HOST),
    ] {
        assert_eq!(vet(&nothing), Err(InvalidWebhook::Unresolvable));
    }
    for outcome in [
        Outcome::Timeout,
        Outcome::ServFail { detail: String::new() },
        Outcome::Refused { detail: String::new() },
        Outcome::Malformed { detail: String::new() },
        Outcome::Unreachable { detail: String::new() },
    ] {
        let trouble = |record_type| new().fail(HOST, record_type, outcome.clone());
        assert_eq!(vet(&trouble(RecordType::A)), Ok(vec![]), "it may have one, who knows");
        assert_eq!(vet(&trouble(RecordType::Aaaa)), Ok(vec![]));
        assert_eq!(vet(&trouble(RecordType::Aaaa).a(HOST, public)), Ok(vec![public.into()]));
        let inner = trouble(RecordType::Aaaa).a(HOST, Ipv4Addr::LOCALHOST);
        assert_eq!(vet(&inner), Err(InvalidWebhook::Special(Ipv4Addr::LOCALHOST.into())));
    }
}

#[test]
fn both_kinds_of_address_are_asked_for_at_the_host_alone() {
    let dns = ScriptedResolver::new().a(HOST, Ipv4Addr::new(93, 184, 215, 14));
    vet(&dns).unwrap();
    let asked: Vec<String> = dns.asked().iter().map(ToString::to_string).collect();
    assert_eq!(asked, ["hooks.example.com A", "hooks.example.com AAAA"]);
    let literal = WebhookUrl::parse("https://93.184.215.14/", rules(false)).unwrap();
    let literal = literal.vet(&dns, rules(false)).unwrap();
    assert_eq!(
        literal.addresses().unwrap().iter().collect::<Vec<_>>(),
        [IpAddr::V4(Ipv4Addr::new(93, 184, 215, 14))]
    );
    assert_eq!(dns.asked().len(), 2, "an address is not looked up");
}

#[test]
fn what_was_saved_is_judged_anew_when_it_is_used() {
    let public = Ipv4Addr::new(93, 184, 215, 14);
    let dns = ScriptedResolver::new().a(HOST, public);
    let saved = WebhookUrl::parse("https://hooks.example.com/in", rules(false)).unwrap();
    assert_eq!(saved.addresses_now(&dns, rules(false)).unwrap().first(), IpAddr::V4(public));
    // The name has moved inside since.
    dns.set(HOST, vec![RecordData::A(Ipv4Addr::new(169, 254, 169, 254))]);
    let inside = Err(InvalidWebhook::Special(Ipv4Addr::new(169, 254, 169, 254).into()));
    assert_eq!(saved.addresses_now(&dns, rules(false)), inside);
    let trouble = ScriptedResolver::new().fail(HOST, RecordType::A, Outcome::Timeout);
    assert_eq!(saved.addresses_now(&trouble, rules(false)), Err(InvalidWebhook::NotNow));
    // Loopback was allowed when it was saved, and is not any more.
    let local = WebhookUrl::parse("http://127.0.0.1:9/", rules(true)).unwrap();
    assert_eq!(local.addresses_now(&dns, rules(true)).unwrap().first(), IpAddr::V4(Ipv4Addr::LOCALHOST));
    assert_eq!(local.addresses_now(&dns, rules(false)), Err(InvalidWebhook::Scheme));
    // The operator allows the network.
    let policy = EgressPolicy::allowing(vec!["169.254.0.0/16".parse().unwrap()]);
    let allowed = WebhookRules { policy: &policy, loopback_http: false };
    assert!(saved.addresses_now(&dns, allowed).is_ok());
}

proptest! {
    #[test]
    fn no_text_that_is_taken_has_a_host_that_is_special(text in "(https://)?[0-9a-fx.:%\\[\\]@/\\\\]{0,30}") {
        if let Ok(url) = WebhookUrl::parse(&text, rules(false)) {
            let host = url.as_str().trim_start_matches("https://").split(['/', '?']).next().unwrap();
            let host = host.rsplit_once("]:").map_or(host, |(front, _)| front);
            let bare = host.trim_matches(['[', ']']);
            let address = bare.parse().or_else(|_| bare.split(':').next().unwrap().parse::<IpAddr>());
            prop_assert!(address.map_or(!host.contains('@') && host.contains('.'), is_public), "{} {}", text, url);
        }
    }

    #[test]
    fn an_ipv4_address_in_disguise_is_what_it_is(octets in any::<[u8; 4]>()) {
        let plain = Ipv4Addr::from(octets);
        let expected = is_public(plain.into());
        let number = u32::from(plain);
        for spelled in [
            format!("{plain}"), format!("{number}"), format!("{number:#x}"), format!("0{number:o}"),
            format!("{}.{}", octets[0], number & 0xff_ffff), format!("[::ffff:{plain}]"), format!("[64:ff9b::{plain}]"),
        ] {
            let judged = WebhookUrl::parse(&format!("https://{spelled}/"), rules(false));
            prop_assert_eq!(judged.is_ok(), expected, "{}", spelled);
        }
    }
}
