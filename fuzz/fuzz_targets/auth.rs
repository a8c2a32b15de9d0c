//! Any octets as a mail server that has senders authenticated, by Dovecot's protocol.

#![no_main]

mod bridge;

use libfuzzer_sys::fuzz_target;
use postroom_server::mta::{Uses, auth::SenderAuth};

fuzz_target!(init: bridge::open(), |octets: &[u8]| {
    bridge::converse(octets, || Box::new(SenderAuth::new(bridge::DELIVERER.clone(), Uses::default().into(), 1)));
});
