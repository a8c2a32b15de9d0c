//! Whether a number is prime, asked of somebody who may have chosen it to deceive.

use rsa::BigUint;
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
pub(super) fn is_prime(number: &BigUint) -> bool {
    let one = BigUint::from(1u8);
    let minus_one = Zeroizing::new(number - &one);
    let Some(twos) = minus_one.trailing_zeros().filter(|twos| *twos > 0) else {
        return false;
    };
    let odd_part = Zeroizing::new(&*minus_one >> twos);
    let octets = Zeroizing::new(number.to_bytes_be());
    let seed = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(&*octets)));
    (0..ROUNDS).all(|round| {
        let mut power = Zeroizing::new(base(&seed, round, number).modpow(&odd_part, number));
        if *power == one || *power == *minus_one {
            return true;
        }
        for _ in 1..twos {
            power = Zeroizing::new(&*power * &*power % number);
            if *power == *minus_one {
                return true;
            }
        }
        false
    })
}

/// A base from 2 to `number` − 2.
fn base(seed: &[u8; 32], round: u8, number: &BigUint) -> Zeroizing<BigUint> {
    let mut octets = Zeroizing::new(Vec::with_capacity(number.bits() / 8 + 64));
    // A block more than the number has, so that the remainder favours no base by more than 2^-256.
    for block in 0..=u8::try_from(number.bits() / 256 + 1).unwrap_or(u8::MAX) {
        octets.extend_from_slice(&Sha256::new().chain_update(seed).chain_update([round, block]).finalize());
    }
    let range = Zeroizing::new(number - 3u8);
    let drawn = Zeroizing::new(BigUint::from_bytes_be(&octets));
    Zeroizing::new(&*drawn % &*range + 2u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_are_told_apart_as_a_sieve_does() {
        let divides = |n: u32| (2..n).take_while(|d| d * d <= n).any(|d| n.is_multiple_of(d));
        for n in (5..2000u32).step_by(2) {
            assert_eq!(is_prime(&BigUint::from(n)), !divides(n), "{n}");
        }
    }

    #[test]
    fn numbers_that_deceive_fixed_bases_are_composite() {
        // Carmichael numbers, and Arnault's pseudoprime to every prime base below 307 ("Constructing Carmichael numbers
        // which are strong pseudoprimes to several bases", 1995), p·(313(p−1)+1)·(353(p−1)+1).
        for n in [561u64, 1_373_653, 3_215_031_751, 341_550_071_728_321, 3_825_123_056_546_413_051] {
            assert!(!is_prime(&BigUint::from(n)), "{n}");
        }
        let digits = b"296744956686855105501541746429053327307719917998530433509950755312\
            76838753171770199594238596428121188033664754218345562493168782883";
        let p = BigUint::from_radix_be(&digits.map(|digit| digit - b'0'), 10).unwrap();
        let times = |factor: u16| (&p - 1u8) * factor + 1u8;
        assert!(is_prime(&p));
        assert!(!is_prime(&(times(313) * times(353) * &p)));
    }

    #[test]
    fn large_primes_are_prime_and_their_neighbours_are_not() {
        for exponent in [521usize, 607] {
            let mersenne = (BigUint::from(1u8) << exponent) - 1u8;
            assert!(is_prime(&mersenne));
            assert!(!is_prime(&(&mersenne * &mersenne)));
            assert!(!is_prime(&(mersenne - 2u8)));
        }
    }
}
