//! Any octets as a mail server that looks up domains and recipients, in socketmap's netstrings.

#![no_main]

mod bridge;

use libfuzzer_sys::fuzz_target;
use postroom_server::mta::map::Map;

fuzz_target!(init: bridge::open(), |octets: &[u8]| {
    bridge::converse(octets, || Box::new(Map::new(bridge::DELIVERER.postroom.clone())));
});
