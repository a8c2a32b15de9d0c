//! Any octets as a mail server that asks for a policy about a recipient, by policy delegation.

#![no_main]

mod bridge;

use libfuzzer_sys::fuzz_target;
use postroom_server::mta::policy::Policy;

fuzz_target!(init: bridge::open(), |octets: &[u8]| {
    bridge::converse(octets, || Box::new(Policy::new(bridge::DELIVERER.postroom.clone())));
});
