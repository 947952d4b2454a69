//! Sixty-four comparisons at once with NEON.
//!
//! NEON has no `movemask`. Each comparison is narrowed to a byte of all ones or all zeros, byte i is masked with bit i
//! modulo 8, and three pairwise additions bring the 64 bits into one word.

use std::arch::aarch64::*;

macro_rules! above {
    ($($name:ident, $key:ty, $bytes:ident;)*) => {$(
        /// Compares 64 keys with `bound`, one bit per key, the first key in the lowest bit.
        ///
        /// # Safety
        /// The processor has NEON.
        #[target_feature(enable = "neon")]
        #[inline]
        pub(super) fn $name(keys: &[$key; 64], bound: $key) -> u64 {
            let (groups, _) = keys.as_chunks::<16>();
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| bit_of_lane($bytes(&groups[i], bound)));
            let sixteens = vpaddq_u8(vpaddq_u8(a, b), vpaddq_u8(c, d));
            vgetq_lane_u64::<0>(vreinterpretq_u64_u8(vpaddq_u8(sixteens, sixteens)))
        }
    )*};
}

above! {
    above_i16, i16, bytes_i16;
    above_i32, i32, bytes_i32;
    above_i64, i64, bytes_i64;
}

/// Masks byte i with bit i modulo 8.
#[target_feature(enable = "neon")]
#[inline]
fn bit_of_lane(bytes: uint8x16_t) -> uint8x16_t {
    vandq_u8(bytes, vreinterpretq_u8_u64(vdupq_n_u64(0x8040_2010_0804_0201)))
}

/// Compares 16 keys into one byte each, all ones where the key is above `bound`.
#[target_feature(enable = "neon")]
#[inline]
fn bytes_i16(keys: &[i16; 16], bound: i16) -> uint8x16_t {
    let (halves, _) = keys.as_chunks::<8>();
    // SAFETY: the array has 16 bytes, as has the vector.
    let [a, b] = [0, 1].map(|i| vcgtq_s16(unsafe { vld1q_s16(halves[i].as_ptr()) }, vdupq_n_s16(bound)));
    vcombine_u8(vmovn_u16(a), vmovn_u16(b))
}

/// Compares 16 keys into one byte each, all ones where the key is above `bound`.
#[target_feature(enable = "neon")]
#[inline]
fn bytes_i32(keys: &[i32; 16], bound: i32) -> uint8x16_t {
    let (quarters, _) = keys.as_chunks::<4>();
    let words = [0, 1, 2, 3].map(|i| {
        // SAFETY: the array has 16 bytes, as has the vector.
        vcgtq_s32(unsafe { vld1q_s32(quarters[i].as_ptr()) }, vdupq_n_s32(bound))
    });
    narrow(words)
}

/// Compares 16 keys into one byte each, all ones where the key is above `bound`.
#[target_feature(enable = "neon")]
#[inline]
fn bytes_i64(keys: &[i64; 16], bound: i64) -> uint8x16_t {
    let (pairs, _) = keys.as_chunks::<2>();
    let halves = [0, 1, 2, 3, 4, 5, 6, 7].map(|i| {
        // SAFETY: the array has 16 bytes, as has the vector.
        vmovn_u64(vcgtq_s64(unsafe { vld1q_s64(pairs[i].as_ptr()) }, vdupq_n_s64(bound)))
    });
    narrow([0, 1, 2, 3].map(|i| vcombine_u32(halves[2 * i], halves[2 * i + 1])))
}

/// Narrows 16 lanes of 32 bits, all ones or all zeros, to bytes.
#[target_feature(enable = "neon")]
#[inline]
fn narrow([a, b, c, d]: [uint32x4_t; 4]) -> uint8x16_t {
    let low = vcombine_u16(vmovn_u32(a), vmovn_u32(b));
    let high = vcombine_u16(vmovn_u32(c), vmovn_u32(d));
    vcombine_u8(vmovn_u16(low), vmovn_u16(high))
}
