//! Scores as signed integers of the same order.

use half::{bf16, f16};

/// A signed integer whose order is the order of the scores behind it.
pub trait Key: Copy + Ord + Default + Send + Sync + Into<i64> + 'static {
    /// Converts, and takes the nearest key where there is no such one.
    fn saturating_from(value: i64) -> Self;
}

/// A floating-point type that can be ranked.
pub trait Score: Copy + Send + Sync + 'static {
    /// The key type, as wide as the score.
    type Key: Key;

    /// Key of positive infinity. A key above it, or below its negative, is that of NaN.
    const INFINITY: Self::Key;

    /// Maps a score to its key: `a < b` exactly when `a.key() < b.key()`, and -0 has the key of +0.
    fn key(self) -> Self::Key;

    /// Returns the key of the absolute value.
    fn magnitude(self) -> Self::Key;

    /// Returns the product, rounded to this type.
    fn times(self, other: Self) -> Self;

    /// Returns the exact value of the score that has this key.
    fn value(key: Self::Key) -> f64;

    /// Widens the score exactly.
    fn to_f64(self) -> f64;

    /// Says which of 64 keys are above `bound`, with the instructions of a processor that has AVX-512.
    ///
    /// # Safety
    /// The processor has AVX-512 F and BW.
    #[cfg(target_arch = "x86_64")]
    unsafe fn above_avx512(keys: &[Self::Key; 64], bound: Self::Key) -> u64;

    /// Says which of 64 keys are above `bound`, with the instructions of a processor that has AVX2.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[cfg(target_arch = "x86_64")]
    unsafe fn above_avx2(keys: &[Self::Key; 64], bound: Self::Key) -> u64;

    /// Says which of 64 keys are above `bound`, with the instructions of 64-bit ARM.
    #[cfg(target_arch = "aarch64")]
    fn above_neon(keys: &[Self::Key; 64], bound: Self::Key) -> u64;
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

// An IEEE 754 number is a sign and a magnitude whose bits order like an integer; two's complement orders both signs, and
// has but one zero.
macro_rules! impl_score {
    ($($score:ty, $key:ty, $widen:expr, $avx512:ident, $avx2:ident, $neon:ident;)*) => {$(
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

            #[cfg(target_arch = "x86_64")]
            #[inline(always)]
            unsafe fn above_avx512(keys: &[$key; 64], bound: $key) -> u64 {
                // SAFETY: what this function asks of its caller.
                unsafe { crate::simd::$avx512(keys, bound) }
            }

            #[cfg(target_arch = "x86_64")]
            #[inline(always)]
            unsafe fn above_avx2(keys: &[$key; 64], bound: $key) -> u64 {
                // SAFETY: what this function asks of its caller.
                unsafe { crate::simd::$avx2(keys, bound) }
            }

            #[cfg(target_arch = "aarch64")]
            #[inline(always)]
            fn above_neon(keys: &[$key; 64], bound: $key) -> u64 {
                // SAFETY: every 64-bit ARM processor that Rust's standard library runs on has these instructions.
                unsafe { crate::neon::$neon(keys, bound) }
            }
        }
    )*};
}

impl_score! {
    f16, i16, f16::to_f64, above_i16_avx512, above_i16_avx2, above_i16;
    bf16, i16, bf16::to_f64, above_i16_avx512, above_i16_avx2, above_i16;
    f32, i32, f64::from, above_i32_avx512, above_i32_avx2, above_i32;
    f64, i64, std::convert::identity, above_i64_avx512, above_i64_avx2, above_i64;
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
