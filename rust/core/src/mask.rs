//! Packed masks: eight weights to the byte, lowest bit first, C order, zero padding.

use rayon::prelude::*;

use crate::boundary::{CHUNK, Cut};
use crate::order::Score;
use crate::tensor::Tensor;

/// The survivors of one tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// Packed bits; 1 is alive.
    pub bits: Vec<u8>,
    /// Number of survivors.
    pub count: usize,
}

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

/// Writes the mask of the candidates on the upper side of `cut`; nothing is kept when there is no cut.
pub(crate) fn pack<T: Score>(tensor: &Tensor<'_, T>, cut: Option<Cut<T::Key>>) -> Mask {
    let size = tensor.scores.len();
    let mut bits = vec![0; packed_len(size)];
    let Some(cut) = cut else {
        return Mask { bits, count: 0 };
    };
    let ties = ties_per_chunk(tensor, cut);
    bits.par_chunks_mut(CHUNK / 8).zip(ties).enumerate().for_each(|(chunk, (bytes, mut ties))| {
        let start = chunk * CHUNK;
        tensor.visit(start..size.min(start + CHUNK), |i, key| {
            let tied = key == cut.key && ties > 0;
            ties -= usize::from(tied);
            bytes[(i - start) / 8] |= u8::from(key > cut.key || tied) << (i % 8);
        });
    });
    let count = count_bits(&bits, size);
    Mask { bits, count }
}

/// Shares the ties of `cut` out over the chunks of a tensor, lowest index first.
fn ties_per_chunk<T: Score>(tensor: &Tensor<'_, T>, cut: Cut<T::Key>) -> Vec<usize> {
    let size = tensor.scores.len();
    let mut ties: Vec<usize> = (0..size.div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| {
            let mut equal = 0;
            let start = chunk * CHUNK;
            tensor.visit(start..size.min(start + CHUNK), |_, key| equal += usize::from(key == cut.key));
            equal
        })
        .collect();
    let mut left = cut.ties;
    for share in &mut ties {
        *share = left.min(*share);
        left -= *share;
    }
    ties
}
