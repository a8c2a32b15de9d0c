//! Packets: four octets that say how many follow, a command, and its data.

use crate::mta::Found;

/// The most octets of a packet: a piece of a body has 65,535 at most, a header field what Postfix's `header_size_limit` allows.
pub const MAX_OCTETS: usize = 1024 * 1024;

/// Reads the packet at the start of `octets`.
pub fn read(octets: &[u8]) -> Found<(u8, &[u8])> {
    let Some((length, rest)) = octets.split_first_chunk::<4>() else { return Found::Part };
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if length == 0 || length > MAX_OCTETS {
        return Found::Broken;
    }
    match rest.get(..length).and_then(<[u8]>::split_first) {
        Some((command, data)) => Found::Whole((*command, data), length + 4),
        None => Found::Part,
    }
}

/// A packet with this command and data.
pub(super) fn write(command: u8, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len() + 1).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], &[command], data].concat()
}

/// The texts of some data, each of which ends with a NUL.
pub(super) fn texts(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let data = data.strip_suffix(b"\0").unwrap_or(data);
    data.split(|octet| *octet == 0)
}

/// A number in four octets at the start of some data.
pub(super) fn number(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..)?.first_chunk().map(|octets| u32::from_be_bytes(*octets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_packet_is_read_back_and_every_start_of_it_is_a_part(
            command in any::<u8>(), data in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let packet = write(command, &data);
            prop_assert!((0..packet.len()).all(|end| read(&packet[..end]) == Found::Part));
            prop_assert_eq!(read(&packet), Found::Whole((command, &data[..]), packet.len()));
        }

        #[test]
        fn any_octets_are_a_packet_a_part_or_broken(octets in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Found::Whole((_, data), used) = read(&octets) {
                prop_assert_eq!(data.len() + 5, used);
            }
        }
    }

    #[test]
    fn an_empty_packet_and_one_that_is_too_long_are_broken() {
        assert_eq!(read(&[0, 0, 0, 0]), Found::Broken);
        assert_eq!(read(&[255, 255, 255, 255, b'B']), Found::Broken);
        assert_eq!(texts(b"a\0b\0").collect::<Vec<_>>(), [b"a", b"b"]);
    }
}
