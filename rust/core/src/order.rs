//! Scores as signed integers of the same order.

use half::{bf16, f16};

use crate::arch::Compare;

/// A signed integer that stands for a score: keys compare as their scores do.
///
/// Implemented by `i16`, `i32` and `i64`, and by nothing outside of this crate.
///
/// ```
/// use pruneproof_core::{Key, Score};
///
/// // Widened to i64, keys of one type still compare as before; i64 is the type that tensors of a selection share.
/// let (low, high): (i64, i64) = (1.5_f32.key().into(), 2.0_f32.key().into());
/// assert!(low < high);
/// assert_eq!(<i32 as Key>::saturating_from(high), 2.0_f32.key());
/// ```
pub trait Key: Compare + Copy + Ord + Default + Send + Sync + Into<i64> + 'static {
    /// Converts a number, and clamps it to the range of this type. Constant time.
    ///
    /// ```
    /// use pruneproof_core::Key;
    ///
    /// assert_eq!(i16::saturating_from(7), 7);
    /// assert_eq!(i16::saturating_from(1 << 40), i16::MAX);
    /// ```
    fn saturating_from(value: i64) -> Self;
}

/// A floating-point type whose numbers can be ranked: `f16`, `bf16`, `f32` and `f64`.
///
/// An IEEE 754 number is a sign and a magnitude, and magnitudes order as their bits do when these are read as an
/// integer. Two's complement extends this to both signs, and has only one zero. All methods take constant time.
///
/// ```
/// use pruneproof_core::Score;
///
/// let scores = [f32::NEG_INFINITY, -1.5, -0.0, 1e-40, 2.0, f32::INFINITY];
/// assert!(scores.windows(2).all(|pair| pair[0].key() < pair[1].key()));
/// assert_eq!((-0.0_f32).key(), 0.0_f32.key());
/// assert_eq!((-2.0_f32).magnitude(), 2.0_f32.key());
/// assert_eq!(f32::value(2.0_f32.key()), 2.0);
/// ```
pub trait Score: Copy + Send + Sync + 'static {
    /// The key type, as wide as the score.
    type Key: Key;

    /// Key of positive infinity. A key above it, or below its negative, is that of NaN.
    const INFINITY: Self::Key;

    /// Returns the key of the score: `a < b` exactly if `a.key() < b.key()`, and -0 has the key of +0.
    ///
    /// ```
    /// use pruneproof_core::Score;
    ///
    /// assert!((-1.0_f64).key() < 0.5_f64.key());
    /// assert!(f64::NAN.key() > f64::INFINITY.key());
    /// ```
    fn key(self) -> Self::Key;

    /// Returns the key of the absolute value.
    ///
    /// ```
    /// use pruneproof_core::Score;
    ///
    /// assert_eq!((-3.0_f32).magnitude(), 3.0_f32.key());
    /// ```
    fn magnitude(self) -> Self::Key;

    /// Returns the product, rounded to this type.
    ///
    /// ```
    /// use pruneproof_core::Score;
    ///
    /// assert_eq!(3.0_f32.times(-0.5), -1.5);
    /// ```
    fn times(self, other: Self) -> Self;

    /// Returns the score that has this key, widened exactly to f64.
    ///
    /// ```
    /// use pruneproof_core::Score;
    ///
    /// assert_eq!(f32::value((-0.25_f32).key()), -0.25);
    /// ```
    fn value(key: Self::Key) -> f64;

    /// Widens the score exactly to f64.
    ///
    /// ```
    /// use half::bf16;
    /// use pruneproof_core::Score;
    ///
    /// assert_eq!(bf16::from_f32(0.5).to_f64(), 0.5);
    /// ```
    fn to_f64(self) -> f64;
}

macro_rules! impl_key {
    ($($key:ty),*) => {$(
        impl Key for $key {
            #[inline]
            fn saturating_from(value: i64) -> Self {
                value.clamp(<$key>::MIN.into(), <$key>::MAX.into()) as $key
            }
        }
    )*};
}

impl_key!(i16, i32, i64);

macro_rules! impl_score {
    ($($score:ty, $key:ty, $widen:expr;)*) => {$(
        impl Score for $score {
            type Key = $key;

            const INFINITY: $key = <$score>::INFINITY.to_bits() as $key;

            #[inline(always)]
            fn key(self) -> $key {
                let magnitude = self.magnitude();
                if (self.to_bits() as $key) < 0 { -magnitude } else { magnitude }
            }

            #[inline(always)]
            fn magnitude(self) -> $key {
                self.to_bits() as $key & <$key>::MAX
            }

            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self * other
            }

            #[inline]
            fn value(key: $key) -> f64 {
                const SIGN: $key = <$key>::MIN;
                Self::from_bits((if key < 0 { -key | SIGN } else { key }) as _).to_f64()
            }

            #[inline]
            fn to_f64(self) -> f64 {
                $widen(self)
            }
        }
    )*};
}

impl_score! {
    f16, i16, f16::to_f64;
    bf16, i16, bf16::to_f64;
    f32, i32, f64::from;
    f64, i64, std::convert::identity;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_sixteen_bits<T: Score>(from_bits: fn(u16) -> T) {
        let mut all: Vec<T> = (0..=u16::MAX).map(from_bits).filter(|x| !x.to_f64().is_nan()).collect();
        all.sort_by(|a, b| a.to_f64().partial_cmp(&b.to_f64()).unwrap());
        for pair in all.windows(2) {
            assert_eq!(pair[0].to_f64() == pair[1].to_f64(), pair[0].key() == pair[1].key());
            assert!(pair[0].key() <= pair[1].key());
            assert_eq!(T::value(pair[0].key()), pair[0].to_f64());
            assert_eq!(T::value(pair[0].magnitude()), pair[0].to_f64().abs());
        }
        for nan in (0..=u16::MAX).map(from_bits).filter(|x| x.to_f64().is_nan()) {
            assert!(nan.magnitude() > T::INFINITY);
            assert!(nan.key() > T::INFINITY || nan.key().into() < -T::INFINITY.into());
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
