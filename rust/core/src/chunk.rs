//! Tensors split into chunks, the units of parallel work.

use std::ops::Range;

use crate::tensor::Tensor;

/// Scores in a chunk.
///
/// 2^16 because an offset within a chunk then fits into 16 bits, which halves the list of scores inside the bracket;
/// and a multiple of eight, so that no two chunks share a byte of a mask.
pub(crate) const CHUNK: usize = 1 << 16;

/// At most [`CHUNK`] neighbouring scores of one tensor.
pub(crate) struct Chunk<'t, 'a, T> {
    /// Index of the tensor among those that are ranked together.
    pub owner: usize,
    /// The tensor.
    pub tensor: &'t Tensor<'a, T>,
    /// Flat indices of the scores.
    pub range: Range<usize>,
}

/// Splits tensors into chunks, in the order of tensors and indices; where the tensors come by name, this is the order
/// in which ties are broken.
pub(crate) fn split<'t, 'a, T>(tensors: &[&'t Tensor<'a, T>]) -> Vec<Chunk<'t, 'a, T>> {
    let mut chunks = Vec::with_capacity(tensors.len());
    for (owner, &tensor) in tensors.iter().enumerate() {
        let size = tensor.values.len();
        chunks.extend((0..size).step_by(CHUNK).map(|start| Chunk {
            owner,
            tensor,
            range: start..size.min(start + CHUNK),
        }));
    }
    chunks
}
