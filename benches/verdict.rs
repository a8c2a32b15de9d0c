//! How long a verdict of the lists takes, with few entries and with a million, as a Markdown table.
//!
//! `cargo bench -p postroom --bench verdict`, with `-- --quick` for a tenth of the entries. The table stands in
//! `docs/lists.md`. Nothing passes or fails here: times differ from machine to machine.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement says by a panic that something is not as it must be"
)]

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use postroom::account::{self, Caller};
use postroom::db::{Options, Postroom};
use postroom::domain;
use postroom::id::DomainId;
use postroom::list::{self, Item, ListKind, ListOutcome, ListQuery, Scope, Sender};
use postroom::provision::{self, NewDomain};
use postroom::settings::Settings;

const ROUNDS: usize = 20_000;
const WARM_UP: usize = 5_000;
/// How many write to somebody whose mail comes from people that he knows.
const CORRESPONDENTS: usize = 100;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` runs this too, and without the argument.
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("nothing is measured without --bench, which `cargo bench` gives");
        return;
    }
    let most = if arguments.iter().any(|argument| argument == "--quick") { 100_000 } else { 1_000_000 };
    println!("| entries of the account | what is asked | median | 99 % |\n|---|---|---|---|");
    for entries in [10, most] {
        let mut dice = Dice(7);
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings::for_server(&"mail.example.net".parse().unwrap());
        let postroom = Postroom::open(dir.path().join("postroom.db"), Options::new(settings)).unwrap();
        let domain = fill(&postroom, entries, &mut dice);
        for (what, senders, with_ip) in [
            ("one sender", 1, false),
            ("one sender and the client", 1, true),
            ("two senders and the client", 2, true),
            ("two senders and the client, one of them listed", 3, true),
        ] {
            measure(&postroom, &domain, &mut dice, (entries, what, senders, with_ip), ROUNDS + WARM_UP);
            let again = format!("{what}; the same {CORRESPONDENTS} again and again");
            measure(&postroom, &domain, &mut dice, (entries, &again, senders, with_ip), CORRESPONDENTS);
        }
    }
}

/// Random enough, and the same every time (Steele's `SplitMix64`).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn address(&mut self) -> u32 {
        u32::try_from(self.roll(1 << 32)).unwrap()
    }

    fn client(&mut self) -> IpAddr {
        Ipv4Addr::from_bits(self.address()).into()
    }
}

fn listed(number: usize) -> String {
    format!("user{number}@mail.sender{}.example", number % 300_000)
}

/// Of ten entries six are addresses, two domains, one a client and one a block of one of three lengths.
fn fill(postroom: &Postroom, entries: usize, dice: &mut Dice) -> (Caller, DomainId) {
    let (caller, domain) = postroom
        .write(|tx| {
            let caller = Caller::operator(account::create(tx, "acme")?.id);
            let domain = provision::create(tx, &caller, &NewDomain::named(&"example.com".parse().unwrap()))?;
            Ok::<_, postroom::error::Error>((caller, domain.id))
        })
        .unwrap();
    let mut made = 0;
    while made < entries {
        let some: Vec<(ListKind, Item)> =
            (made..entries.min(made + 20_000)).map(|number| entry(number, dice)).collect();
        postroom
            .write(|tx| {
                for (action, item) in &some {
                    list::add(tx, &caller, &Scope::Account(&caller), *action, item)?;
                }
                Ok::<_, postroom::error::Error>(())
            })
            .unwrap();
        made += 20_000;
    }
    (caller, domain)
}

fn entry(number: usize, dice: &mut Dice) -> (ListKind, Item) {
    let item = match number % 10 {
        0..6 => listed(number),
        6 => format!("mail.sender{}.example", dice.roll(10_000_000)),
        7 => format!(".sender{}.example", dice.roll(10_000_000)),
        8 => dice.client().to_string(),
        _ => {
            let length = [24, 22, 16][usize::try_from(dice.roll(3)).unwrap()];
            format!("{}/{length}", Ipv4Addr::from_bits(dice.address() & (u32::MAX << (32 - length))))
        }
    };
    let action = if dice.roll(2) == 0 { ListKind::Safelist } else { ListKind::Blocklist };
    (action, item.parse().unwrap())
}

fn measure(
    postroom: &Postroom,
    (caller, domain): &(Caller, DomainId),
    dice: &mut Dice,
    (entries, what, senders, with_ip): (usize, &str, usize, bool),
    different: usize,
) {
    let queries: Vec<ListQuery> = (0..different).map(|_| query(dice, entries, senders, with_ip)).collect();
    let mut times = Vec::with_capacity(ROUNDS);
    let mut said = 0;
    postroom
        .read(|tx| {
            let domain = &domain::find(tx, caller, *domain)?;
            for (round, query) in queries.iter().cycle().take(ROUNDS + WARM_UP).enumerate() {
                let started = Instant::now();
                let verdict = list::verdict(tx, domain, query)?;
                let took = started.elapsed();
                if round >= WARM_UP {
                    times.push(took);
                    said += usize::from(verdict.outcome != ListOutcome::None);
                }
            }
            Ok::<_, postroom::error::Error>(())
        })
        .unwrap();
    assert!(senders < 3 || said == ROUNDS, "what is listed is found");
    times.sort_unstable();
    println!("| {entries} | {what} | {} | {} |", micros(times[ROUNDS / 2]), micros(times[ROUNDS * 99 / 100]));
}

fn query(dice: &mut Dice, entries: usize, senders: usize, with_ip: bool) -> ListQuery {
    let sender = |dice: &mut Dice| {
        let (number, user) = (dice.roll(10_000_000), dice.roll(1000));
        Sender::parse(&format!("user{user}@mail.sender{number}.example"))
    };
    let mut query = ListQuery::to("jo@example.com".parse().unwrap());
    query.envelope_sender = sender(dice);
    query.header_from = match senders {
        1 => Vec::new(),
        2 => sender(dice).into_iter().collect(),
        _ => {
            let number = usize::try_from(dice.roll(entries as u64 / 10)).unwrap() * 10;
            Sender::authors([listed(number)])
        }
    };
    query.client_ip = with_ip.then(|| dice.client());
    query
}

fn micros(time: Duration) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6)
}
