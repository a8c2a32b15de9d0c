//! Any octets on the bridge's sockets: each reader takes a whole request, waits for more, or ends, and looks at no more octets than
//! there are.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postroom_server::mta::{Found, auth, milter, netstring};

fuzz_target!(|octets: &[u8]| {
    if let Found::Whole(payload, used) = netstring::read(octets) {
        assert_eq!(netstring::write(payload), &octets[..used]);
    }
    if let Found::Whole(_, used) = auth::read(octets) {
        assert_eq!(octets[used - 1], b'\n');
    }
    if let Found::Whole((_, data), used) = milter::read(octets) {
        assert_eq!(data.len() + 5, used);
    }
});
