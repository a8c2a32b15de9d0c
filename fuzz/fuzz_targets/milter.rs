//! Any octets as a mail server that has its mail filtered, in milter packets.

#![no_main]

mod bridge;

use libfuzzer_sys::fuzz_target;
use postroom_server::mta::milter::Milter;

fuzz_target!(init: bridge::open(), |octets: &[u8]| {
    bridge::converse(octets, || Box::new(Milter::new(bridge::DELIVERER.clone(), true)));
});
