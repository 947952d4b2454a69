//! Packed masks: eight weights to the byte, lowest bit first, C order, zero padding.

/// Returns the number of bytes of the packed mask of `size` weights. Constant time.
///
/// ```
/// assert_eq!([0, 1, 8, 9].map(pruneproof_core::packed_len), [0, 1, 1, 2]);
/// ```
pub const fn packed_len(size: usize) -> usize {
    size.div_ceil(8)
}

/// Splits one buffer into the packed masks of tensors with these sizes, in their order.
///
/// Each mask begins at a multiple of eight bytes, since whole words are faster to write; the bytes between masks belong
/// to none and are not written. The buffer has [`masks_len`] bytes for the same sizes.
///
/// ```
/// use pruneproof_core::{masks_len, split_masks};
///
/// let sizes = [3, 70];
/// let mut buffer = vec![0; masks_len(sizes)];
/// let masks = split_masks(&mut buffer, sizes);
/// assert_eq!(masks.iter().map(|mask| mask.len()).collect::<Vec<_>>(), [1, 9]);
/// ```
///
/// # Complexity
/// Linear in the number of tensors; no byte of the buffer is read or written.
///
/// # Panics
/// The buffer is shorter than [`masks_len`].
pub fn split_masks(mut buffer: &mut [u8], sizes: impl IntoIterator<Item = usize>) -> Vec<&mut [u8]> {
    let mask = |size| {
        let padded = buffer.split_off_mut(..padded_len(size)).expect("the buffer has room for all masks");
        &mut padded[..packed_len(size)]
    };
    sizes.into_iter().map(mask).collect()
}

/// Returns the number of bytes of the buffer that [`split_masks`] needs. Linear in the number of tensors.
///
/// ```
/// assert_eq!(pruneproof_core::masks_len([3, 70]), 8 + 16);
/// ```
pub fn masks_len(sizes: impl IntoIterator<Item = usize>) -> usize {
    sizes.into_iter().map(padded_len).sum()
}

/// Bytes from the start of a mask to that of the next one in a buffer of masks.
const fn padded_len(size: usize) -> usize {
    packed_len(size).next_multiple_of(8)
}

/// Says whether the bit of a weight is set.
#[inline]
pub(crate) fn is_set(bits: &[u8], index: usize) -> bool {
    bits[index / 8] >> (index % 8) & 1 == 1
}

/// Counts the set bits among the first `size`; bits of the padding are not counted, whatever they are.
pub(crate) fn count_bits(bits: &[u8], size: usize) -> usize {
    let whole: usize = bits[..size / 8].iter().map(|byte| byte.count_ones() as usize).sum();
    let rest = (size / 8 * 8..size).filter(|&i| is_set(bits, i)).count();
    whole + rest
}
