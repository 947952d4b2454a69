//! Sixty-four comparisons at once, for any processor.

/// Compares 64 keys with `bound`, one bit per key, the first key in the lowest bit.
#[inline(always)]
pub(super) fn above<K: Copy + Ord>(keys: &[K; 64], bound: K) -> u64 {
    let mut bits = 0;
    for (i, &key) in keys.iter().enumerate() {
        bits |= u64::from(key > bound) << i;
    }
    bits
}
