//! A desk with example.com, and whole conversations with the sockets of its bridge.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use postroom::dkim::pool;
use postroom::dns::ScriptedResolver;
use postroom::domain::{self, NewDomain};
use postroom::egress::EgressPolicy;
use postroom::inbound::AbusePolicy;
use postroom::{Caller, Error, Options, Postroom, Settings, account};
use postroom_server::delivery::{Calls, Deliverer, Places, Poster, SpamMark, Tally};
use postroom_server::mta::{Protocol, Step};
use postroom_server::watch::BridgeMetrics;

/// One for all runs: no conversation changes what the next one is answered.
pub static DELIVERER: LazyLock<Arc<Deliverer>> = LazyLock::new(|| Arc::new(deliverer()));

/// Opens the database before the first input, which must not be blamed for the time that takes.
pub fn open() {
    LazyLock::force(&DELIVERER);
}

fn deliverer() -> Deliverer {
    let options = Options::new(Settings::for_server(&"mail.example.net".parse().expect("a name")));
    let postroom = Arc::new(Postroom::open_temporary_with(options).expect("a database"));
    let name = "example.com".parse().expect("a name");
    pool::write(&*postroom, |tx| {
        let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
        let domain = domain::create(tx, &caller, &NewDomain::named(&name))?;
        domain::equip(tx, &domain)?;
        Ok::<_, Error>(())
    })
    .expect("a domain");
    let resolver = Arc::new(ScriptedResolver::new());
    let mark = SpamMark { name: "X-Spam".into(), value: "Yes".into(), usual: AbusePolicy::Flag };
    Deliverer {
        mail_dir: std::env::temp_dir().join(format!("postroom-fuzz-{}", std::process::id())),
        // Nothing is forwarded here.
        submit: "127.0.0.1:9".to_owned(),
        poster: Poster::new(resolver.clone(), EgressPolicy::allowing(Vec::new()), false),
        spam_mark: Some(mark),
        resolver,
        places: Places::new(4, 8),
        calls: Calls::default(),
        tally: Tally::default(),
        metrics: Arc::new(BridgeMetrics::new(Arc::clone(&postroom)).expect("metrics")),
        postroom,
    }
}

/// What two connections answer is the same, whether the octets come at once or in small pieces of two sizes.
pub fn converse(octets: &[u8], connect: impl Fn() -> Box<dyn Protocol>) {
    let at_once = said(connect().as_mut(), octets, octets.len().max(1));
    for size in [1, 7] {
        assert_eq!(said(connect().as_mut(), octets, size), at_once, "in pieces of {size}");
    }
    // What was stored is not needed.
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    if RUNS.fetch_add(1, Ordering::Relaxed) % 256 == 0 {
        let _ = fs::remove_dir_all(&DELIVERER.mail_dir);
    }
}

/// All that a protocol says to octets that come in pieces, and whether it hung up.
fn said(protocol: &mut dyn Protocol, octets: &[u8], size: usize) -> (Vec<u8>, bool) {
    // A greeting may have a cookie in it, which is another one each time.
    protocol.greeting();
    let (mut input, mut output) = (Vec::new(), Vec::new());
    for piece in octets.chunks(size) {
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
            assert!(input.len() < before, "an answer to nothing");
        }
    }
    (output, false)
}
