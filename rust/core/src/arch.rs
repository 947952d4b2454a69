//! Which vector instructions a pass uses, chosen once at run time, and the one operation that is written for each of
//! them.
//!
//! Nearly all of the pass over the scores ([`crate::scan`]) is plain Rust that the compiler turns into vector
//! instructions of any width. It does not find the step from 64 comparisons to one 64-bit word (`movemask` on x86-64),
//! so [`Compare`] is written by hand:
//!
//! | module | instructions | used if |
//! |---|---|---|
//! | `generic` | those of every processor of the target | nothing wider is there |
//! | `x86_64` | AVX2, AVX-512 | the processor reports them (`cpuid`) |
//! | `aarch64` | NEON | always: every 64-bit ARM processor that Rust's standard library supports has it |
//!
//! All give the same bits; the tests of [`crate::scan`] run every set that the processor has against a scalar loop.

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod generic;
#[cfg(target_arch = "x86_64")]
mod x86_64;

/// An instruction set that this processor has.
///
/// Values come from [`Instructions::available`] and [`Instructions::widest`] alone, which is what makes the calls of
/// functions with `#[target_feature]` sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instructions {
    /// Those that every processor of the target has.
    Generic,
    /// AVX2 and what came with it: level v3 of the x86-64 ABI.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, BW, DQ and VL: level v4 of the x86-64 ABI.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// NEON.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Instructions {
    /// Returns all sets that this processor has, the widest last.
    pub(crate) fn available() -> Vec<Self> {
        #[allow(unused_mut, reason = "there is only one on other processors")]
        let mut available = vec![Self::Generic];
        #[cfg(target_arch = "x86_64")]
        {
            let level_3 = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("f16c")
                && is_x86_feature_detected!("lzcnt")
                && is_x86_feature_detected!("popcnt");
            let level_4 = level_3
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            available.extend(level_3.then_some(Self::Avx2));
            available.extend(level_4.then_some(Self::Avx512));
        }
        #[cfg(target_arch = "aarch64")]
        available.push(Self::Neon);
        available
    }

    /// Returns the widest set that this processor has; detected once per process.
    pub(crate) fn widest() -> Self {
        static WIDEST: std::sync::OnceLock<Instructions> = std::sync::OnceLock::new();
        *WIDEST.get_or_init(|| *Self::available().last().expect("the generic ones are always there"))
    }
}

/// Comparison of 64 keys with one bound: bit i of the answer says whether `keys[i] > bound`.
///
/// Public only because [`crate::Key`] requires it; the module is private, so no other crate can implement it.
pub trait Compare: Copy + Ord {
    /// Compares with the instructions of every processor.
    #[inline(always)]
    fn above(keys: &[Self; 64], bound: Self) -> u64 {
        generic::above(keys, bound)
    }

    /// Compares with vectors of 256 bits.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[cfg(target_arch = "x86_64")]
    unsafe fn above_avx2(keys: &[Self; 64], bound: Self) -> u64;

    /// Compares with vectors of 512 bits.
    ///
    /// # Safety
    /// The processor has AVX-512 F and BW.
    #[cfg(target_arch = "x86_64")]
    unsafe fn above_avx512(keys: &[Self; 64], bound: Self) -> u64;

    /// Compares with vectors of 128 bits.
    #[cfg(target_arch = "aarch64")]
    fn above_neon(keys: &[Self; 64], bound: Self) -> u64;
}

macro_rules! impl_compare {
    ($($key:ty, $avx2:ident, $avx512:ident, $neon:ident;)*) => {$(
        impl Compare for $key {
            #[cfg(target_arch = "x86_64")]
            #[inline(always)]
            unsafe fn above_avx2(keys: &[$key; 64], bound: $key) -> u64 {
                // SAFETY: the caller says that the processor has AVX2, which is all that the function needs.
                unsafe { x86_64::$avx2(keys, bound) }
            }

            #[cfg(target_arch = "x86_64")]
            #[inline(always)]
            unsafe fn above_avx512(keys: &[$key; 64], bound: $key) -> u64 {
                // SAFETY: the caller says that the processor has AVX-512 F and BW, which is all that the function
                // needs.
                unsafe { x86_64::$avx512(keys, bound) }
            }

            #[cfg(target_arch = "aarch64")]
            #[inline(always)]
            fn above_neon(keys: &[$key; 64], bound: $key) -> u64 {
                // SAFETY: every 64-bit ARM processor that Rust's standard library supports has NEON.
                unsafe { aarch64::$neon(keys, bound) }
            }
        }
    )*};
}

impl_compare! {
    i16, above_i16_avx2, above_i16_avx512, above_i16;
    i32, above_i32_avx2, above_i32_avx512, above_i32;
    i64, above_i64_avx2, above_i64_avx512, above_i64;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<K: Compare + std::fmt::Debug>(keys: [K; 64], bounds: &[K]) {
        for &bound in bounds {
            let expected = (0..64).fold(0, |bits, i| bits | u64::from(keys[i] > bound) << i);
            assert_eq!(K::above(&keys, bound), expected);
            for instructions in Instructions::available() {
                let found = match instructions {
                    Instructions::Generic => K::above(&keys, bound),
                    // SAFETY: the processor has these instructions, as `available` has found.
                    #[cfg(target_arch = "x86_64")]
                    Instructions::Avx2 => unsafe { K::above_avx2(&keys, bound) },
                    // SAFETY: as above.
                    #[cfg(target_arch = "x86_64")]
                    Instructions::Avx512 => unsafe { K::above_avx512(&keys, bound) },
                    #[cfg(target_arch = "aarch64")]
                    Instructions::Neon => K::above_neon(&keys, bound),
                };
                assert_eq!(found, expected, "{instructions:?}");
            }
        }
    }

    #[test]
    fn every_instruction_set_compares_as_a_scalar_loop_does() {
        let scattered = |i: usize| (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) as i64;
        let bounds = [i64::MIN, -1, 0, 1, i64::MAX - 1, i64::MAX];
        check::<i64>(std::array::from_fn(scattered), &bounds);
        check::<i32>(std::array::from_fn(|i| (scattered(i) >> 32) as i32), &[i32::MIN, -1, 0, 1, i32::MAX]);
        check::<i16>(std::array::from_fn(|i| (scattered(i) >> 48) as i16), &[i16::MIN, -1, 0, 1, i16::MAX]);
        check::<i32>([5; 64], &[4, 5, 6]);
    }
}
