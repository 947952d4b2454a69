//! Counts of survivors per block of a packed mask; rows, filters and N:M groups are blocks of particular shapes.

use rayon::prelude::*;

use crate::blocks::Grid;
use crate::mask::packed_len;

/// Counts the set bits of each block of shape `block` in the packed mask of a tensor of `shape`.
///
/// The blocks form a grid with `ceil(shape[d] / block[d])` of them along dimension d, and the counts come in the C
/// order of that grid; blocks at the far edges may be smaller.
///
/// ```
/// use pruneproof_core::block_counts;
///
/// // Survivors of the two rows of a 2 x 3 matrix.
/// assert_eq!(block_counts(&[0b100_011], &[2, 3], &[1, 3]), [2, 1]);
/// ```
///
/// # Complexity
/// Time linear in the number of runs of neighbouring weights of one block, plus n / 64 for n weights. Memory: one
/// number per block.
///
/// # Panics
/// `block` does not fit `shape` (see [`grid_size`](crate::grid_size)), or `bits` does not have [`packed_len`] bytes for
/// the number of weights.
pub fn block_counts(bits: &[u8], shape: &[usize], block: &[usize]) -> Vec<u64> {
    let grid = Grid::new(shape, block);
    assert_eq!(bits.len(), packed_len(grid.size()), "one bit per weight");
    let mut counts = vec![0; grid.len()];
    if counts.is_empty() {
        return counts;
    }
    counts.par_chunks_mut(grid.blocks_per_task()).enumerate().for_each(|(task, counts)| {
        grid.each_run(task, |number, range| counts[number] += count_range(bits, range.start, range.end));
    });
    counts
}

/// Counts the set bits from `start` up to, but not including, `end`.
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

    /// The oracle: goes through all weights, one by one.
    fn naive(bits: &[u8], shape: &[usize], block: &[usize]) -> Vec<u64> {
        let grid: Vec<usize> = shape.iter().zip(block).map(|(&side, &step)| side.div_ceil(step)).collect();
        let mut counts = vec![0; grid.iter().product()];
        for flat in (0..shape.iter().product()).filter(|&i| is_set(bits, i)) {
            let (mut rest, mut number, mut stride) = (flat, 0, 1);
            for d in (0..shape.len()).rev() {
                number += rest % shape[d] / block[d] * stride;
                stride *= grid[d];
                rest /= shape[d];
            }
            counts[number] += 1;
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
    fn long_rows_and_the_whole_tensor_are_counted() {
        let bits: Vec<u8> = (0..packed_len(3 * 1001)).map(|i| (i * 91 % 256) as u8).collect();
        for block in [[1, 1001], [3, 1001], [5, 5000], [2, 77], [1, 1]] {
            assert_eq!(block_counts(&bits, &[3, 1001], &block), naive(&bits, &[3, 1001], &block));
        }
    }
}
