//! Sixty-four comparisons at once with AVX2 and AVX-512.
//!
//! AVX-512 compares into mask registers, so the bits are there at once. AVX2 compares into lanes of all ones or all
//! zeros, of which `movemask` collects the sign bits; lanes of 16 bits are packed to bytes first, since there is no
//! `movemask` for them.

use std::arch::x86_64::*;

macro_rules! above_avx512 {
    ($($name:ident, $key:ty, $lanes:literal, $set:ident, $greater:ident;)*) => {$(
        /// Compares 64 keys with `bound`, one bit per key, the first key in the lowest bit.
        ///
        /// # Safety
        /// The processor has AVX-512 F and BW.
        #[target_feature(enable = "avx512f,avx512bw")]
        #[inline]
        pub(super) fn $name(keys: &[$key; 64], bound: $key) -> u64 {
            let bound = $set(bound);
            let mut bits = 0;
            for start in (0..64).step_by($lanes) {
                // SAFETY: `start` is a multiple of the lanes per vector, which divide 64, so the vector ends within the
                // array; the load needs no alignment.
                let vector = unsafe { _mm512_loadu_si512(keys.as_ptr().add(start).cast()) };
                bits |= u64::from($greater(vector, bound)) << start;
            }
            bits
        }
    )*};
}

above_avx512! {
    above_i16_avx512, i16, 32, _mm512_set1_epi16, _mm512_cmpgt_epi16_mask;
    above_i32_avx512, i32, 16, _mm512_set1_epi32, _mm512_cmpgt_epi32_mask;
    above_i64_avx512, i64, 8, _mm512_set1_epi64, _mm512_cmpgt_epi64_mask;
}

/// Compares 64 keys with `bound`, one bit per key, the first key in the lowest bit.
///
/// # Safety
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn above_i16_avx2(keys: &[i16; 64], bound: i16) -> u64 {
    let bound = _mm256_set1_epi16(bound);
    let (vectors, _) = keys.as_chunks::<16>();
    let [a, b, c, d] = [0, 1, 2, 3].map(|i| _mm256_cmpgt_epi16(load(&vectors[i]), bound));
    // `packs` works within each 128-bit half; the permutation restores the order of the quarters.
    let bits = |left, right| {
        let bytes = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi16(left, right));
        u64::from(_mm256_movemask_epi8(bytes) as u32)
    };
    bits(a, b) | bits(c, d) << 32
}

/// Compares 64 keys with `bound`, one bit per key, the first key in the lowest bit.
///
/// # Safety
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn above_i32_avx2(keys: &[i32; 64], bound: i32) -> u64 {
    let bound = _mm256_set1_epi32(bound);
    let mut bits = 0;
    for (i, vector) in keys.as_chunks::<8>().0.iter().enumerate() {
        let above = _mm256_castsi256_ps(_mm256_cmpgt_epi32(load(vector), bound));
        bits |= (_mm256_movemask_ps(above) as u64) << (8 * i);
    }
    bits
}

/// Compares 64 keys with `bound`, one bit per key, the first key in the lowest bit.
///
/// # Safety
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn above_i64_avx2(keys: &[i64; 64], bound: i64) -> u64 {
    let bound = _mm256_set1_epi64x(bound);
    let mut bits = 0;
    for (i, vector) in keys.as_chunks::<4>().0.iter().enumerate() {
        let above = _mm256_castsi256_pd(_mm256_cmpgt_epi64(load(vector), bound));
        bits |= (_mm256_movemask_pd(above) as u64) << (4 * i);
    }
    bits
}

/// Loads an array of 32 bytes into a vector.
#[target_feature(enable = "avx2")]
#[inline]
fn load<K, const N: usize>(keys: &[K; N]) -> __m256i {
    const { assert!(size_of::<[K; N]>() == 32) };
    // SAFETY: the array has 32 bytes, as just asserted, as has the vector; the load needs no alignment.
    unsafe { _mm256_loadu_si256(keys.as_ptr().cast()) }
}
