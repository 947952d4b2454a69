//! Scores as unsigned integers of the same order.

use half::{bf16, f16};

/// An unsigned integer whose order is the order of the scores behind it.
pub trait Key: Copy + Ord + Send + Sync + Into<u64> {
    /// Width in bits, a multiple of 16.
    const BITS: u32;

    /// Narrows a value that came from a key of this type.
    fn from_u64(value: u64) -> Self;
}

/// A floating-point type that can be ranked.
pub trait Score: Copy + Send + Sync {
    /// The key type, as wide as the score.
    type Key: Key;

    /// Whether the score has no place in the order.
    fn is_nan(self) -> bool;

    /// Maps a score, not NaN, to its key: `a < b` exactly when `a.key() < b.key()`, and -0 has the key of +0.
    fn key(self) -> Self::Key;

    /// Returns the exact value of the score that has this key.
    fn value(key: Self::Key) -> f64;

    /// Widens the score exactly.
    fn to_f64(self) -> f64;
}

macro_rules! impl_key {
    ($($key:ty),*) => {$(
        impl Key for $key {
            const BITS: u32 = <$key>::BITS;

            fn from_u64(value: u64) -> Self {
                value as $key
            }
        }
    )*};
}

impl_key!(u16, u32, u64);

// IEEE 754 bits order positive numbers; setting their sign bit puts them above the negative ones, whose bits are inverted
// because they order the wrong way round.
macro_rules! impl_score {
    ($($score:ty, $key:ty, $widen:expr;)*) => {$(
        impl Score for $score {
            type Key = $key;

            #[inline]
            fn is_nan(self) -> bool {
                <$score>::is_nan(self)
            }

            #[inline]
            fn key(self) -> $key {
                const SIGN: $key = 1 << (<$key>::BITS - 1);
                let bits = self.to_bits();
                let bits = if bits == SIGN { 0 } else { bits };
                if bits & SIGN == 0 { bits | SIGN } else { !bits }
            }

            fn value(key: $key) -> f64 {
                const SIGN: $key = 1 << (<$key>::BITS - 1);
                Self::from_bits(if key & SIGN != 0 { key ^ SIGN } else { !key }).to_f64()
            }

            #[inline]
            fn to_f64(self) -> f64 {
                $widen(self)
            }
        }
    )*};
}

impl_score! {
    f16, u16, f16::to_f64;
    bf16, u16, bf16::to_f64;
    f32, u32, f64::from;
    f64, u64, std::convert::identity;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_sixteen_bits<T: Score>(from_bits: fn(u16) -> T) {
        let mut all: Vec<T> = (0..=u16::MAX).map(from_bits).filter(|x| !x.is_nan()).collect();
        all.sort_by(|a, b| a.to_f64().partial_cmp(&b.to_f64()).unwrap());
        for pair in all.windows(2) {
            assert_eq!(pair[0].to_f64() == pair[1].to_f64(), pair[0].key() == pair[1].key());
            assert!(pair[0].key() <= pair[1].key());
            assert_eq!(T::value(pair[0].key()), pair[0].to_f64());
        }
    }

    #[test]
    fn every_sixteen_bit_score_keeps_its_order() {
        check_sixteen_bits(f16::from_bits);
        check_sixteen_bits(bf16::from_bits);
    }

    #[test]
    fn landmarks_of_the_wider_scores_keep_their_order() {
        let landmarks = [f64::NEG_INFINITY, -1.5, -1e-320, 0.0, 1e-320, 0.5, 1e300, f64::INFINITY];
        assert!(landmarks.windows(2).all(|pair| pair[0].key() < pair[1].key()));
        assert!(landmarks.iter().all(|&x| f64::value(x.key()) == x));
        let narrow = [f32::NEG_INFINITY, -2.0, -1e-45, 0.0, 1e-45, 3.5, f32::INFINITY];
        assert!(narrow.windows(2).all(|pair| pair[0].key() < pair[1].key()));
        assert!(narrow.iter().all(|&x| f32::value(x.key()) == f64::from(x)));
    }

    #[test]
    fn negative_zero_ties_with_zero() {
        assert_eq!((-0.0_f32).key(), 0.0_f32.key());
        assert_eq!((-0.0_f64).key(), 0.0_f64.key());
        assert_eq!(f16::NEG_ZERO.key(), f16::ZERO.key());
        assert_eq!(bf16::NEG_ZERO.key(), bf16::ZERO.key());
    }
}
