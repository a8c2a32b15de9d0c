//! Netstrings: `LENGTH:OCTETS,` (<https://cr.yp.to/proto/netstrings.txt>).

use super::Found;

/// The most octets that are taken: more than any key of Postfix's with the map's name before it.
pub const MAX_OCTETS: usize = 10_240;

/// Reads the netstring at the start of `octets`.
pub fn read(octets: &[u8]) -> Found<&[u8]> {
    let digits = octets.iter().take_while(|octet| octet.is_ascii_digit()).count();
    let (number, rest) = octets.split_at(digits);
    let has_leading_zero = digits > 1 && number.first() == Some(&b'0');
    let length = number.iter().try_fold(0_usize, |sum, digit| {
        let sum = sum * 10 + usize::from(digit - b'0');
        (sum <= MAX_OCTETS).then_some(sum)
    });
    let Some(length) = length.filter(|_| !has_leading_zero) else { return Found::Broken };
    match rest.split_first() {
        None => Found::Part,
        Some((b':', rest)) if digits > 0 => match (rest.get(..length), rest.get(length)) {
            (Some(payload), Some(b',')) => Found::Whole(payload, digits + 1 + length + 1),
            (_, Some(_)) => Found::Broken,
            _ => Found::Part,
        },
        Some(_) => Found::Broken,
    }
}

/// A netstring with this in it.
pub fn write(payload: &[u8]) -> Vec<u8> {
    [payload.len().to_string().as_bytes(), b":", payload, b","].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_netstring_is_broken_as_soon_as_that_is_clear() {
        for broken in [
            &b":,"[..],
            b"a",
            b"-1:",
            b"01:a,",
            b"1 :a,",
            b"1:ab",
            b"10241:",
            b"99999999999999999999",
            b"3:ab,x,",
        ] {
            assert_eq!(read(broken), Found::Broken, "{}", String::from_utf8_lossy(broken));
        }
        assert_eq!(read(b"0:,x"), Found::Whole(&b""[..], 3));
        assert_eq!(read(b""), Found::Part);
        assert_eq!(read(b"10240:"), Found::Part);
    }

    proptest! {
        #[test]
        fn a_netstring_is_read_back_and_every_start_of_it_is_a_part(
            payload in proptest::collection::vec(any::<u8>(), 0..300), more in proptest::collection::vec(any::<u8>(), 0..9),
        ) {
            let text = write(&payload);
            for end in 0..text.len() {
                prop_assert_eq!(read(&text[..end]), Found::Part);
            }
            let all = [text.clone(), more].concat();
            prop_assert_eq!(read(&all), Found::Whole(&payload[..], text.len()));
        }

        #[test]
        fn any_octets_have_one_reading(octets in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Found::Whole(payload, used) = read(&octets) {
                prop_assert_eq!(write(payload), &octets[..used]);
            }
        }
    }
}
