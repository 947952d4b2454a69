//! Packed masks: eight weights to the byte, lowest bit first, C order, zero padding.

/// Number of bytes that `size` packed weights take.
pub const fn packed_len(size: usize) -> usize {
    size.div_ceil(8)
}

#[inline]
pub(crate) fn is_set(bits: &[u8], index: usize) -> bool {
    bits[index / 8] >> (index % 8) & 1 == 1
}

/// Counts the set bits among the first `size`; padding does not count, whatever it holds.
pub(crate) fn count_bits(bits: &[u8], size: usize) -> usize {
    let whole: usize = bits[..size / 8].iter().map(|byte| byte.count_ones() as usize).sum();
    let rest = (size / 8 * 8..size).filter(|&i| is_set(bits, i)).count();
    whole + rest
}
