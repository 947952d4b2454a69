//! Sixty-four comparisons at once: the one step that compilers do not find by themselves.
//!
//! Each function answers with one bit per key, the first key in the lowest bit. All else in the pass over the scores is
//! plain code that the compiler turns into vector instructions; see [`crate::scan`].

use std::arch::x86_64::*;

macro_rules! above_avx512 {
    ($($name:ident, $key:ty, $lanes:literal, $set:ident, $greater:ident;)*) => {$(
        /// Compares with vectors of 512 bits.
        #[target_feature(enable = "avx512f,avx512bw")]
        #[inline]
        pub(crate) fn $name(keys: &[$key; 64], bound: $key) -> u64 {
            let bound = $set(bound);
            let mut bits = 0;
            for start in (0..64).step_by($lanes) {
                // SAFETY: 64 is a multiple of the lanes of a vector, so that many keys lie at and after `start`; the load
                // asks for no alignment.
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

/// Compares with vectors of 256 bits.
#[target_feature(enable = "avx2")]
#[inline]
pub(crate) fn above_i16_avx2(keys: &[i16; 64], bound: i16) -> u64 {
    let bound = _mm256_set1_epi16(bound);
    let (vectors, _) = keys.as_chunks::<16>();
    let [a, b, c, d] = [0, 1, 2, 3].map(|i| _mm256_cmpgt_epi16(load(&vectors[i]), bound));
    // Packing works within the halves of a vector; the permutation brings the quarters back into order.
    let bits = |left, right| {
        let bytes = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi16(left, right));
        u64::from(_mm256_movemask_epi8(bytes) as u32)
    };
    bits(a, b) | bits(c, d) << 32
}

/// Compares with vectors of 256 bits.
#[target_feature(enable = "avx2")]
#[inline]
pub(crate) fn above_i32_avx2(keys: &[i32; 64], bound: i32) -> u64 {
    let bound = _mm256_set1_epi32(bound);
    let mut bits = 0;
    for (i, vector) in keys.as_chunks::<8>().0.iter().enumerate() {
        let above = _mm256_castsi256_ps(_mm256_cmpgt_epi32(load(vector), bound));
        bits |= (_mm256_movemask_ps(above) as u64) << (8 * i);
    }
    bits
}

/// Compares with vectors of 256 bits.
#[target_feature(enable = "avx2")]
#[inline]
pub(crate) fn above_i64_avx2(keys: &[i64; 64], bound: i64) -> u64 {
    let bound = _mm256_set1_epi64x(bound);
    let mut bits = 0;
    for (i, vector) in keys.as_chunks::<4>().0.iter().enumerate() {
        let above = _mm256_castsi256_pd(_mm256_cmpgt_epi64(load(vector), bound));
        bits |= (_mm256_movemask_pd(above) as u64) << (4 * i);
    }
    bits
}

/// Loads an array of 32 bytes.
#[target_feature(enable = "avx2")]
#[inline]
fn load<K, const N: usize>(keys: &[K; N]) -> __m256i {
    const { assert!(size_of::<[K; N]>() == 32) };
    // SAFETY: the array is as long as the vector, as just asserted; the load asks for no alignment.
    unsafe { _mm256_loadu_si256(keys.as_ptr().cast()) }
}
