//! Any octets as a mail server that hands messages over, by LMTP.

#![no_main]

mod bridge;

use libfuzzer_sys::fuzz_target;
use postroom_server::mta::lmtp::Lmtp;

fuzz_target!(init: bridge::open(), |octets: &[u8]| {
    bridge::converse(octets, || Box::new(Lmtp::new(bridge::DELIVERER.clone())));
});
