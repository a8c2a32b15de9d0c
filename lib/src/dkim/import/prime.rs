//! Whether a number is prime, asked of somebody who may have chosen it to deceive.

use crypto_bigint::BoxedUint;
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// How often is asked. A composite number passes one round for a quarter of the bases at most, so one that passes all has to be
/// looked for among 2^64.
pub(super) const ROUNDS: u8 = 32;

/// Miller-Rabin (FIPS 186-5 appendix B.3.1) for an odd number above 3.
///
/// The bases come from a hash of the whole number: nobody can choose the number to suit them, as is known to be done where they
/// are fixed or follow from a few of its bits, and a file still gets the same verdict every time. "Prime and Prejudice" (Albrecht,
/// Massimo, Paterson, Somorovsky 2018) has such numbers for many libraries.
pub(super) fn is_prime(number: &BoxedUint) -> bool {
    let Some(odd) = number.to_odd().into_option() else {
        return false;
    };
    let modulo = BoxedMontyParams::new(odd);
    let one = BoxedMontyForm::one(&modulo);
    let minus_one = Zeroizing::new(one.neg());
    let less_one = Zeroizing::new(number.wrapping_sub(BoxedUint::one()));
    let twos = less_one.trailing_zeros();
    let odd_part = Zeroizing::new(less_one.unbounded_shr(twos));
    let octets = Zeroizing::new(number.to_be_bytes_trimmed_vartime().into_vec());
    let seed = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(&*octets)));
    (0..ROUNDS).all(|round| {
        let Some(base) = base(&seed, round, number) else {
            return false;
        };
        let mut power = Zeroizing::new(BoxedMontyForm::new(base, &modulo).pow(&odd_part));
        if *power == one || *power == *minus_one {
            return true;
        }
        for _ in 1..twos {
            power = Zeroizing::new(power.square());
            if *power == *minus_one {
                return true;
            }
        }
        false
    })
}

/// A base from 2 to `number` − 2; none for a number that is not above 3.
fn base(seed: &[u8; 32], round: u8, number: &BoxedUint) -> Option<BoxedUint> {
    let bits = number.bit_width() as usize;
    let mut octets = Zeroizing::new(Vec::with_capacity(bits / 8 + 64));
    // A block more than the number has, so that the remainder favours no base by more than 2^-256.
    for block in 0..=u8::try_from(bits / 256 + 1).unwrap_or(u8::MAX) {
        octets.extend_from_slice(&Sha256::new().chain_update(seed).chain_update([round, block]).finalize());
    }
    let range = number.wrapping_sub(BoxedUint::from(3u8)).into_nz().into_option().map(Zeroizing::new)?;
    let drawn = Zeroizing::new(BoxedUint::from_be_slice_vartime(&octets));
    Some(drawn.rem(&range).wrapping_add(BoxedUint::from(2u8)))
}

#[cfg(test)]
mod tests {
    use crypto_bigint::ConcatenatingMul;

    use super::*;

    #[test]
    fn small_numbers_are_told_apart_as_a_sieve_does() {
        let divides = |n: u32| (2..n).take_while(|d| d * d <= n).any(|d| n.is_multiple_of(d));
        for n in (5..2000u32).step_by(2) {
            assert_eq!(is_prime(&BoxedUint::from(n)), !divides(n), "{n}");
        }
    }

    #[test]
    fn numbers_that_deceive_fixed_bases_are_composite() {
        // Carmichael numbers, and Arnault's pseudoprime to every prime base below 307 ("Constructing Carmichael numbers
        // which are strong pseudoprimes to several bases", 1995), p·(313(p−1)+1)·(353(p−1)+1).
        for n in [561u64, 1_373_653, 3_215_031_751, 341_550_071_728_321, 3_825_123_056_546_413_051] {
            assert!(!is_prime(&BoxedUint::from(n)), "{n}");
        }
        let digits = "296744956686855105501541746429053327307719917998530433509950755312\
            76838753171770199594238596428121188033664754218345562493168782883";
        let p = BoxedUint::from_str_radix_vartime(digits, 10).unwrap();
        let one = BoxedUint::one();
        let times =
            |factor: u16| p.wrapping_sub(&one).concatenating_mul(BoxedUint::from(factor)).wrapping_add(&one);
        assert!(is_prime(&p));
        assert!(!is_prime(&times(313).concatenating_mul(times(353)).concatenating_mul(&p)));
    }

    #[test]
    fn large_primes_are_prime_and_their_neighbours_are_not() {
        for exponent in [521u32, 607] {
            let two = BoxedUint::from(2u8);
            let mersenne =
                BoxedUint::one_with_precision(exponent + 1).shl(exponent).wrapping_sub(BoxedUint::one());
            assert!(is_prime(&mersenne));
            assert!(!is_prime(&mersenne.concatenating_mul(&mersenne)));
            assert!(!is_prime(&mersenne.wrapping_sub(&two)));
        }
    }
}
