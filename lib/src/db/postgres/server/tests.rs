//! A measurement, for docs/decisions/postgresql.md: `POSTROOM_TEST_DB=postgres://… cargo test --release -p postroom --all-features
//! isolation -- --ignored --nocapture`.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use crate::account::{self, Caller};
use crate::db::engine::{Conn, Engine};
use crate::db::{Postroom, ReadTx, WriteTx};
use crate::error::Error;
use crate::provision::{self, NewDomain};

/// How many domains each thread makes.
const EACH: usize = 40;

#[test]
#[ignore = "a measurement, which needs a PostgreSQL server"]
fn isolation_beside_others_and_alone() {
    for (what, most) in [("beside others", super::CONFLICTS), ("alone", 0)] {
        for accounts in [1, 16] {
            let postroom = Postroom::open_temporary().unwrap();
            let Engine::Postgres(server) = &postroom.engine else {
                panic!("name a server in POSTROOM_TEST_DB")
            };
            let callers: Vec<Caller> = (0..accounts)
                .map(|number| {
                    let made = postroom.write(|tx| account::create_trusted(tx, &format!("account {number}")));
                    Caller::operator(made.unwrap().id)
                })
                .collect();
            for threads in [1, 4, 16] {
                let (repeats, begun) = (server.trips.repeats.load(Ordering::Relaxed), Instant::now());
                thread::scope(|scope| {
                    for thread in 0..threads {
                        let (postroom, callers) = (&postroom, &callers);
                        scope.spawn(move || {
                            for turn in 0..EACH {
                                let name = format!("d{threads}x{thread}x{turn}.example").parse().unwrap();
                                let made: Result<(), Error> = server.write_alone_after(most, |conn| {
                                    let tx = WriteTx(ReadTx::new(Conn::Postgres(conn), postroom));
                                    let caller = &callers[thread % callers.len()];
                                    provision::create(&tx, caller, &NewDomain::named(&name)).map(drop)
                                });
                                made.unwrap();
                            }
                        });
                    }
                });
                let took = begun.elapsed().as_secs_f64();
                #[expect(clippy::cast_precision_loss, reason = "a figure")]
                let rate = (threads * EACH) as f64 / took;
                let repeats = server.trips.repeats.load(Ordering::Relaxed) - repeats;
                println!("{what}, {accounts} accounts, {threads} threads: {rate:.0}/s, {repeats} done again");
            }
        }
    }
}
