//! Any octets on the bridge's sockets: each reader takes a whole request, waits for more, or ends, and looks at no more octets than
//! there are.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postroom::mail::Head;
use postroom_server::delivery::{Found, submit};
use postroom_server::mta::lmtp::{command, data::Data};
use postroom_server::mta::{auth, milter, netstring, policy};

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
    if let Found::Whole(_, used) = policy::read(octets) {
        assert_eq!(octets[used - 1], b'\n');
    }
    if let Found::Whole(_, used) = command::read(octets) {
        assert_eq!(octets[used - 1], b'\n');
    }
    if let Found::Whole(_, used) = submit::read_reply(octets) {
        assert_eq!(octets[used - 1], b'\n');
    }
    // A message is the same however it is cut.
    let (mut whole, mut input) = (Data::default(), octets.to_vec());
    let is_whole = whole.take(&mut input);
    let (mut cut, mut input) = (Data::default(), Vec::new());
    let is_whole_too = octets.chunks(7).any(|piece| {
        input.extend_from_slice(piece);
        cut.take(&mut input)
    });
    assert_eq!((is_whole, whole.message()), (is_whole_too, cut.message()));
    let head = Head::read(octets);
    let _ = (head.authors(), head.client(), head.summary());
});
