//! Survivors per block of a packed mask; rows, filters and N:M groups are blocks of particular shapes.

use rayon::prelude::*;

use crate::boundary::CHUNK;
use crate::mask::packed_len;

/// Counts the set bits of each block when a tensor of `shape` (C order) is cut into blocks of the shape `block`.
///
/// The blocks form a grid with `ceil(shape[d] / block[d])` of them along dimension d, and the answer is that grid in C
/// order; blocks at the far edges may be smaller. Linear in the number of runs of bits that lie together in a block.
///
/// # Panics
/// `block` has another number of dimensions than `shape` or a side of 0, or `bits` another length than `shape` needs.
pub fn block_counts(bits: &[u8], shape: &[usize], block: &[usize]) -> Vec<u64> {
    assert_eq!(shape.len(), block.len(), "one side of the block per dimension");
    assert!(block.iter().all(|&side| side > 0), "blocks hold at least one weight");
    assert_eq!(bits.len(), packed_len(shape.iter().product()), "one bit per weight");
    let (shape, block) = merge_whole_dimensions(shape, block);
    let inner_grid: usize = shape[1..].iter().zip(&block[1..]).map(|(&side, &step)| side.div_ceil(step)).product();
    let mut counts = vec![0; shape[0].div_ceil(block[0]) * inner_grid];
    if counts.is_empty() {
        return counts;
    }
    let inner_size: usize = shape[1..].iter().product();
    let blocks_per_task = (CHUNK / (block[0] * inner_size)).max(1);
    let rows_per_task = blocks_per_task * block[0];
    counts.par_chunks_mut(blocks_per_task * inner_grid).enumerate().for_each(|(task, counts)| {
        let first = task * rows_per_task;
        let mut part = shape.clone();
        part[0] = rows_per_task.min(shape[0] - first);
        add_counts(bits, first * inner_size, &part, &block, counts);
    });
    counts
}

/// Joins each dimension that a block covers whole to the one before it, so that runs of bits are as long as can be.
fn merge_whole_dimensions(shape: &[usize], block: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let (mut merged_shape, mut merged_block) = (vec![1], vec![1]);
    for (&side, &step) in shape.iter().zip(block) {
        let last = merged_shape.len() - 1;
        if step >= side {
            merged_shape[last] *= side;
            merged_block[last] *= side.max(1);
        } else {
            merged_shape.push(side);
            merged_block.push(step);
        }
    }
    if merged_shape.len() > 1 && merged_shape[0] == 1 {
        merged_shape.remove(0);
        merged_block.remove(0);
    }
    (merged_shape, merged_block)
}

/// Adds to `counts`, the grid of that part of the tensor which has `shape` and starts at bit `start`.
fn add_counts(bits: &[u8], start: usize, shape: &[usize], block: &[usize], counts: &mut [u64]) {
    let (side, inner) = (shape[0], &shape[1..]);
    if inner.is_empty() {
        for (i, count) in counts.iter_mut().enumerate() {
            *count += count_range(bits, start + i * block[0], start + side.min((i + 1) * block[0]));
        }
        return;
    }
    let inner_size: usize = inner.iter().product();
    let inner_grid = counts.len() / side.div_ceil(block[0]);
    for row in 0..side {
        let counts = &mut counts[row / block[0] * inner_grid..][..inner_grid];
        add_counts(bits, start + row * inner_size, inner, &block[1..], counts);
    }
}

/// Counts the set bits from `start` to before `end`.
fn count_range(bits: &[u8], start: usize, end: usize) -> u64 {
    let (first, last) = (start / 8, end / 8);
    let above = u8::MAX << (start % 8);
    let below = !(u8::MAX << (end % 8));
    if first == last {
        return if start == end { 0 } else { u64::from((bits[first] & above & below).count_ones()) };
    }
    let head = (bits[first] & above).count_ones();
    let tail = if below == 0 { 0 } else { (bits[last] & below).count_ones() };
    let (eights, rest) = bits[first + 1..last].as_chunks::<8>();
    let words: u64 = eights.iter().map(|&eight| u64::from(u64::from_ne_bytes(eight).count_ones())).sum();
    let bytes: u32 = rest.iter().map(|byte| byte.count_ones()).sum();
    words + u64::from(head + tail + bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mask::is_set;

    /// Goes through all weights, one by one.
    fn naive(bits: &[u8], shape: &[usize], block: &[usize]) -> Vec<u64> {
        let grid: Vec<usize> = shape.iter().zip(block).map(|(&side, &step)| side.div_ceil(step)).collect();
        let mut counts = vec![0; grid.iter().product()];
        for flat in (0..shape.iter().product()).filter(|&i| is_set(bits, i)) {
            let (mut rest, mut place, mut stride) = (flat, 0, 1);
            for d in (0..shape.len()).rev() {
                place += rest % shape[d] / block[d] * stride;
                stride *= grid[d];
                rest /= shape[d];
            }
            counts[place] += 1;
        }
        counts
    }

    proptest! {
        #[test]
        fn counts_are_those_of_a_loop_over_all_weights(
            sides in prop::collection::vec((0_usize..9, 1_usize..10), 0..5),
            noise in prop::collection::vec(any::<u8>(), 820),
        ) {
            let (shape, block): (Vec<usize>, Vec<usize>) = sides.into_iter().unzip();
            let bits = &noise.repeat(5)[..packed_len(shape.iter().product())];
            prop_assert_eq!(block_counts(bits, &shape, &block), naive(bits, &shape, &block));
        }
    }

    #[test]
    fn long_rows_and_the_whole_tensor() {
        let bits: Vec<u8> = (0..packed_len(3 * 1001)).map(|i| (i * 91 % 256) as u8).collect();
        for block in [[1, 1001], [3, 1001], [5, 5000], [2, 77], [1, 1]] {
            assert_eq!(block_counts(&bits, &[3, 1001], &block), naive(&bits, &[3, 1001], &block));
        }
    }
}
