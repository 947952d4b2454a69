//! Structured pruning: scores of blocks of weights, and masks of blocks as masks of weights.
//!
//! A block is a box of the tensor's shape, and the blocks form a grid. A filter of a convolution is the block with one
//! output unit and all of the other dimensions; an unstructured weight is the block of size 1.
//!
//! ```text
//! shape [4, 5], block [2, 2]: a grid of 2 x 3 blocks, smaller ones at the far edges
//!
//!     0 0 1 1 2
//!     0 0 1 1 2
//!     3 3 4 4 5
//!     3 3 4 4 5
//! ```

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use crate::chunk::CHUNK;
use crate::error::Error;
use crate::mask::{is_set, packed_len};
use crate::order::Score;
use crate::pool::Pool;
use crate::tensor::{Measure, Tensor};

/// How the scores s of the weights of a block become the score of the block; computed in f64.
///
/// The first three reduce the scores as they are measured, so the absolute value of a [`Measure::Product`] is taken
/// before the reduction. The two sums add scores with their sign, so that weights can cancel out: for
/// [`Measure::Product`] they add the products v f before their absolute value is taken. [`Measure::Magnitude`] and
/// [`Measure::Normalised`] have no sign left to add, so the sums refuse them.
///
/// ```
/// use std::sync::atomic::AtomicBool;
/// use pruneproof_core::{Error, Measure, Reduction, Tensor, block_scores};
///
/// let (weights, gradients) = ([3.0_f32, -4.0], [1.0_f32, 2.0]);
/// let score = |measure, reduction| {
///     let tensor = Tensor { measure, ..Tensor::of_scores("w", &weights) };
///     block_scores(&tensor, &[1, 2], &[1, 2], reduction, &AtomicBool::new(false))
/// };
/// assert_eq!(score(Measure::Value, Reduction::L1), Ok(vec![7.0]));
/// assert_eq!(score(Measure::Value, Reduction::L2), Ok(vec![5.0]));
/// assert_eq!(score(Measure::Value, Reduction::Mean), Ok(vec![-0.5]));
/// assert_eq!(score(Measure::Value, Reduction::Sum), Ok(vec![-1.0]));
/// assert_eq!(score(Measure::Value, Reduction::AbsOfSum), Ok(vec![1.0]));
///
/// // 3 * 1 and -4 * 2.
/// assert_eq!(score(Measure::Product(&gradients), Reduction::L1), Ok(vec![11.0]));
/// assert_eq!(score(Measure::Product(&gradients), Reduction::AbsOfSum), Ok(vec![5.0]));
/// assert!(matches!(score(Measure::Magnitude, Reduction::Sum), Err(Error::UnsignedMeasure { .. })));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Sum of |s|.
    L1,
    /// Root of the sum of s^2.
    L2,
    /// Mean of s.
    Mean,
    /// Sum of s, with its sign.
    Sum,
    /// |sum of s|, with the signs of s.
    AbsOfSum,
}

impl Reduction {
    /// Says whether scores are added with their sign.
    const fn is_signed(self) -> bool {
        matches!(self, Reduction::Sum | Reduction::AbsOfSum)
    }
}

/// Returns the number of weights of a tensor and of the blocks in it; `None` if `block` has another number of
/// dimensions than `shape` or a side of 0, or if the number of weights does not fit into a `usize`.
///
/// Linear in the number of dimensions.
///
/// ```
/// use pruneproof_core::grid_size;
///
/// assert_eq!(grid_size(&[4, 5], &[2, 2]), Some((20, 6)));
/// assert_eq!(grid_size(&[4, 5], &[2]), None);
/// assert_eq!(grid_size(&[4, 5], &[2, 0]), None);
/// ```
pub fn grid_size(shape: &[usize], block: &[usize]) -> Option<(usize, usize)> {
    if shape.len() != block.len() || block.contains(&0) {
        return None;
    }
    let weights = shape.iter().try_fold(1_usize, |size, &side| size.checked_mul(side))?;
    let blocks = shape.iter().zip(block).map(|(&side, &step)| side.div_ceil(step)).product();
    Some((weights, blocks))
}

/// A tensor's shape divided into blocks: `ceil(shape[d] / block[d])` along dimension d, smaller ones at the far edges.
///
/// Blocks are numbered in C order. A dimension that a block covers completely is merged into the one before, so that
/// neighbouring weights of a block are handled in long runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    shape: Vec<usize>,
    block: Vec<usize>,
}

impl Grid {
    /// # Panics
    /// `block` has another number of dimensions than `shape`, or a side of 0.
    pub(crate) fn new(shape: &[usize], block: &[usize]) -> Self {
        assert_eq!(shape.len(), block.len(), "one side of the block per dimension");
        assert!(block.iter().all(|&side| side > 0), "blocks hold at least one weight");
        let mut grid = Grid { shape: vec![1], block: vec![1] };
        for (&side, &step) in shape.iter().zip(block) {
            let last = grid.shape.len() - 1;
            if step >= side {
                grid.shape[last] *= side;
                grid.block[last] *= side.max(1);
            } else {
                grid.shape.push(side);
                grid.block.push(step);
            }
        }
        if grid.shape.len() > 1 && grid.shape[0] == 1 {
            grid.shape.remove(0);
            grid.block.remove(0);
        }
        grid
    }

    /// Returns the number of weights.
    pub(crate) fn size(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns the number of blocks.
    pub(crate) fn len(&self) -> usize {
        self.shape[0].div_ceil(self.block[0]) * self.inner_len()
    }

    /// Returns the number of weights at one index of the first dimension.
    fn inner_size(&self) -> usize {
        self.shape[1..].iter().product()
    }

    /// Returns the number of blocks at one index of the grid's first dimension.
    fn inner_len(&self) -> usize {
        self.shape[1..].iter().zip(&self.block[1..]).map(|(&side, &step)| side.div_ceil(step)).product()
    }

    /// Returns the number of blocks per task: about a chunk of weights, and a multiple of eight indices of the grid's
    /// first dimension, so that each task begins at a whole byte of a mask.
    pub(crate) fn blocks_per_task(&self) -> usize {
        (CHUNK / (self.block[0] * self.inner_size()).max(1)).next_multiple_of(8).max(8) * self.inner_len()
    }

    /// Returns the number of weights per task.
    pub(crate) fn weights_per_task(&self) -> usize {
        self.blocks_per_task() / self.inner_len().max(1) * self.block[0] * self.inner_size()
    }

    /// Calls `visit` for each run of neighbouring weights of a block, in order of the weights, with the number of the
    /// block within the task and the run's flat indices.
    pub(crate) fn each_run(&self, task: usize, mut visit: impl FnMut(usize, Range<usize>)) {
        let start = (task * self.weights_per_task()).min(self.size());
        let rows_per_task = self.blocks_per_task() / self.inner_len().max(1) * self.block[0];
        let rows = rows_per_task.min(self.shape[0].saturating_sub(task * rows_per_task));
        runs(start, 0, rows, &self.shape[1..], &self.block, self.inner_len(), &mut visit);
    }
}

/// Visits the runs of `side` indices of a dimension and, recursively, of the inner dimensions.
fn runs(
    start: usize,
    number: usize,
    side: usize,
    inner: &[usize],
    block: &[usize],
    inner_len: usize,
    visit: &mut impl FnMut(usize, Range<usize>),
) {
    let step = block[0];
    if inner.is_empty() {
        for (i, first) in (0..side).step_by(step).enumerate() {
            visit(number + i, start + first..start + side.min(first + step));
        }
        return;
    }
    let inner_size: usize = inner.iter().product();
    let next_len = inner_len / inner[0].div_ceil(block[1]).max(1);
    for row in 0..side {
        let number = number + row / step * inner_len;
        runs(start + row * inner_size, number, inner[0], &inner[1..], &block[1..], next_len, visit);
    }
}

/// Reduces the scores of each block of a tensor of `shape` (C order) to one, in the C order of the grid of blocks.
///
/// Weights that are no candidates score 0. Sums are computed in f64, and in an order that does not depend on the number
/// of threads: first along each run of neighbouring weights, then over the runs of a block.
///
/// ```
/// use std::sync::atomic::AtomicBool;
/// use pruneproof_core::{Reduction, Tensor, block_scores};
///
/// // Two filters of three weights each.
/// let weights = Tensor::of_scores("conv.weight", &[1.0_f32, -2.0, 0.5, 4.0, 0.0, 0.0]);
/// let scores = block_scores(&weights, &[2, 3], &[1, 3], Reduction::L1, &AtomicBool::new(false));
/// assert_eq!(scores, Ok(vec![3.5, 4.0]));
/// ```
///
/// # Complexity
/// Time O(n) for n weights, in one pass. Memory: one f64 per block.
///
/// # Errors
/// [`Error::NotANumber`], [`Error::AliveLength`], [`Error::FactorLength`]; [`Error::UnsignedMeasure`] for a sum of a
/// measure without sign; [`Error::UndefinedMean`] or [`Error::UndefinedSum`] where both infinities are added;
/// [`Error::Stopped`] if `stop` was set.
///
/// # Panics
/// `shape` is not that of the tensor, or `block` does not fit it; see [`grid_size`].
pub fn block_scores<T: Score>(
    tensor: &Tensor<'_, T>,
    shape: &[usize],
    block: &[usize],
    reduction: Reduction,
    stop: &AtomicBool,
) -> Result<Vec<f64>, Error> {
    let grid = Grid::new(shape, block);
    assert_eq!(tensor.values.len(), grid.size(), "one value per weight");
    tensor.check_sizes()?;
    if reduction.is_signed() && matches!(tensor.measure, Measure::Magnitude | Measure::Normalised(_)) {
        return Err(Error::UnsignedMeasure { tensor: tensor.name.to_owned() });
    }
    let mut scores = vec![0.0; grid.len()];
    if scores.is_empty() {
        return Ok(scores);
    }
    let jobs = scores.chunks_mut(grid.blocks_per_task()).enumerate().collect();
    let faults = Pool::new(grid.size(), stop).map(
        jobs,
        || (),
        |(), (task, scores): (usize, &mut [f64])| {
            let mut sizes = vec![0_usize; scores.len()];
            let mut dead_nan = false;
            grid.each_run(task, |number, range| {
                sizes[number] += range.len();
                dead_nan |= tensor.alive.is_some() && tensor.find_nan(range.clone()).is_some();
                scores[number] += match reduction {
                    Reduction::L1 => sum(tensor, range, f64::abs),
                    Reduction::L2 => sum(tensor, range, |score| score * score),
                    Reduction::Mean => sum(tensor, range, |score| score),
                    Reduction::Sum | Reduction::AbsOfSum => signed_sum(tensor, range),
                };
            });
            for (score, size) in scores.iter_mut().zip(sizes) {
                *score = match reduction {
                    Reduction::L1 | Reduction::Sum => *score,
                    Reduction::AbsOfSum => score.abs(),
                    Reduction::L2 => score.sqrt(),
                    Reduction::Mean => *score / size as f64,
                };
            }
            dead_nan
        },
    )?;
    let undefined = scores.iter().position(|score| score.is_nan());
    if undefined.is_none() && !faults.contains(&true) {
        return Ok(scores);
    }
    Err(match (tensor.find_nan(0..tensor.values.len()), undefined) {
        (None, Some(block)) if reduction.is_signed() => Error::UndefinedSum { tensor: tensor.name.to_owned(), block },
        (None, Some(block)) => Error::UndefinedMean { tensor: tensor.name.to_owned(), block },
        (index, _) => tensor.not_a_number(index.expect("one was seen")),
    })
}

/// Returns the sum of `term(score)` over the candidates of a run.
fn sum<T: Score>(tensor: &Tensor<'_, T>, range: Range<usize>, term: impl Fn(f64) -> f64) -> f64 {
    let values = tensor.values;
    match tensor.measure {
        Measure::Value => add(tensor, range, |i| term(values[i].to_f64())),
        Measure::Magnitude => add(tensor, range, |i| term(values[i].to_f64().abs())),
        Measure::Product(factors) => add(tensor, range, |i| term(values[i].times(factors[i]).to_f64().abs())),
        Measure::SquaredProduct(factors) => add(tensor, range, |i| {
            let product = values[i].times(factors[i]);
            term(product.times(product).to_f64())
        }),
        Measure::Normalised(0.0) => add(tensor, range, |_| term(0.0)),
        Measure::Normalised(norm) => add(tensor, range, |i| term(values[i].to_f64().abs() / norm)),
    }
}

/// Returns the sum of the scores of a run with their sign: of products, before their absolute value is taken.
fn signed_sum<T: Score>(tensor: &Tensor<'_, T>, range: Range<usize>) -> f64 {
    match tensor.measure {
        Measure::Product(factors) => add(tensor, range, |i| tensor.values[i].times(factors[i]).to_f64()),
        _ => sum(tensor, range, |score| score),
    }
}

/// Returns the sum of `term(index)` over the candidates of a run.
#[inline]
fn add<T: Score>(tensor: &Tensor<'_, T>, range: Range<usize>, term: impl Fn(usize) -> f64) -> f64 {
    range.filter(|&i| tensor.is_candidate(i)).map(term).sum()
}

/// Expands a packed mask of blocks to the packed mask of the weights of a tensor of `shape`.
///
/// ```
/// use pruneproof_core::expand_blocks;
///
/// // Of two filters of three weights each, the second is kept.
/// assert_eq!(expand_blocks(&[0b10], &[2, 3], &[1, 3]), [0b111_000]);
/// ```
///
/// # Complexity
/// Time linear in the number of runs of neighbouring weights of one block, plus n / 8 for n weights. Memory: the mask
/// that is returned.
///
/// # Panics
/// `block` does not fit `shape` (see [`grid_size`]), or `bits` does not have [`packed_len`] bytes for the number of
/// blocks.
pub fn expand_blocks(bits: &[u8], shape: &[usize], block: &[usize]) -> Vec<u8> {
    let grid = Grid::new(shape, block);
    assert_eq!(bits.len(), packed_len(grid.len()), "one bit per block");
    let mut mask = vec![0; packed_len(grid.size())];
    if mask.is_empty() {
        return mask;
    }
    let (blocks, weights) = (grid.blocks_per_task(), grid.weights_per_task());
    mask.par_chunks_mut(packed_len(weights)).enumerate().for_each(|(task, target)| {
        grid.each_run(task, |number, range| {
            if is_set(bits, task * blocks + number) {
                set_range(target, range.start - task * weights, range.end - task * weights);
            }
        });
    });
    mask
}

/// Sets the bits from `start` up to, but not including, `end`.
fn set_range(bits: &mut [u8], start: usize, end: usize) {
    let (first, last) = (start / 8, end / 8);
    let above = u8::MAX << (start % 8);
    let below = !(u8::MAX << (end % 8));
    if first == last {
        if start < end {
            bits[first] |= above & below;
        }
        return;
    }
    bits[first] |= above;
    bits[first + 1..last].fill(u8::MAX);
    if below != 0 {
        bits[last] |= below;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::naive;

    static NEVER: AtomicBool = AtomicBool::new(false);

    /// The oracle: the number of the block of each weight, one by one.
    fn owners(shape: &[usize], block: &[usize]) -> Vec<usize> {
        let grid: Vec<usize> = shape.iter().zip(block).map(|(&side, &step)| side.div_ceil(step)).collect();
        let owner = |flat: usize| {
            let (mut rest, mut number, mut stride) = (flat, 0, 1);
            for d in (0..shape.len()).rev() {
                number += rest % shape[d] / block[d] * stride;
                stride *= grid[d];
                rest /= shape[d];
            }
            number
        };
        (0..shape.iter().product()).map(owner).collect()
    }

    proptest! {
        #[test]
        fn scores_and_masks_of_blocks_are_those_of_a_loop_over_all_weights(
            sides in prop::collection::vec((0_usize..9, 1_usize..10), 0..5),
            noise in prop::collection::vec((-9_i8..10, -3_i8..4, any::<bool>()), 6561),
        ) {
            let (shape, block): (Vec<usize>, Vec<usize>) = sides.into_iter().unzip();
            let owners = owners(&shape, &block);
            let values: Vec<f32> = noise.iter().take(owners.len()).map(|each| f32::from(each.0)).collect();
            let factors: Vec<f32> = noise.iter().take(owners.len()).map(|each| f32::from(each.1)).collect();
            let blocks = shape.iter().zip(&block).map(|(&side, &step)| side.div_ceil(step)).product();
            prop_assert_eq!(grid_size(&shape, &block), Some((owners.len(), blocks)));
            let alive = naive::pack(&noise.iter().rev().take(owners.len()).map(|each| each.2).collect::<Vec<_>>());
            let tensor = Tensor { alive: Some(&alive), ..Tensor::of_scores("w", &values) };
            let product = Tensor { measure: Measure::Product(&factors), ..tensor };
            let reduce = |tensor, reduction| block_scores(tensor, &shape, &block, reduction, &NEVER).unwrap();
            let zeros = || vec![0.0_f64; blocks];
            let (mut sums, mut absolute, mut squares, mut sizes) = (zeros(), zeros(), zeros(), zeros());
            let (mut products, mut absolute_products) = (zeros(), zeros());
            for (i, (&owner, &value)) in owners.iter().zip(&values).enumerate() {
                let value = f64::from(if is_set(&alive, i) { value } else { 0.0 });
                // Small whole numbers: every order of summation gives the same.
                sums[owner] += value;
                absolute[owner] += value.abs();
                squares[owner] += value * value;
                sizes[owner] += 1.0;
                products[owner] += value * f64::from(factors[i]);
                absolute_products[owner] += (value * f64::from(factors[i])).abs();
            }
            let each = |numbers: &[f64], to: fn(f64) -> f64| numbers.iter().map(|&x| to(x)).collect::<Vec<_>>();
            let means: Vec<f64> = sums.iter().zip(&sizes).map(|(sum, size)| sum / size).collect();
            prop_assert_eq!(reduce(&tensor, Reduction::L1), absolute);
            prop_assert_eq!(reduce(&tensor, Reduction::L2), each(&squares, f64::sqrt));
            prop_assert_eq!(reduce(&tensor, Reduction::Mean), means);
            prop_assert_eq!(reduce(&tensor, Reduction::AbsOfSum), each(&sums, f64::abs));
            prop_assert_eq!(reduce(&tensor, Reduction::Sum), sums);
            prop_assert_eq!(reduce(&product, Reduction::L1), absolute_products);
            prop_assert_eq!(reduce(&product, Reduction::AbsOfSum), each(&products, f64::abs));
            prop_assert_eq!(reduce(&product, Reduction::Sum), products);

            let kept: Vec<bool> = noise.iter().take(blocks).map(|each| each.2).collect();
            let weights: Vec<bool> = owners.iter().map(|&owner| kept[owner]).collect();
            prop_assert_eq!(expand_blocks(&naive::pack(&kept), &shape, &block), naive::pack(&weights));
        }
    }

    #[test]
    fn long_tensors_are_reduced_and_expanded_on_several_threads() {
        let (shape, block) = ([517, 1003], [4, 8]);
        let owners = owners(&shape, &block);
        let values: Vec<f32> = (0..owners.len()).map(|i| (i % 23) as f32 - 11.0).collect();
        let mut sums = vec![0.0; 130 * 126];
        owners.iter().zip(&values).for_each(|(&owner, &value)| sums[owner] += f64::from(value.abs()));
        let found = block_scores(&Tensor::of_scores("w", &values), &shape, &block, Reduction::L1, &NEVER).unwrap();
        assert_eq!(found, sums);
        let kept: Vec<bool> = (0..sums.len()).map(|i| i % 3 == 0).collect();
        let weights: Vec<bool> = owners.iter().map(|&owner| kept[owner]).collect();
        assert!(expand_blocks(&naive::pack(&kept), &shape, &block) == naive::pack(&weights));
    }

    #[test]
    fn scores_that_are_not_defined_are_errors() {
        let score = |values: &[f32], reduction| {
            block_scores(&Tensor::of_scores("w", values), &[1, 2], &[1, 2], reduction, &NEVER)
        };
        let nan = score(&[1.0, f32::NAN], Reduction::L1);
        assert_eq!(nan, Err(Error::NotANumber { tensor: "w".to_owned(), index: 1 }));
        assert_eq!(score(&[1.0, f32::NAN], Reduction::AbsOfSum), nan);
        let dead = Tensor { alive: Some(&[0b01]), ..Tensor::of_scores("w", &[1.0, f32::NAN]) };
        assert_eq!(block_scores(&dead, &[1, 2], &[1, 2], Reduction::L1, &NEVER), nan);
        let infinities = [f32::INFINITY, f32::NEG_INFINITY];
        let mean = score(&infinities, Reduction::Mean);
        assert_eq!(mean, Err(Error::UndefinedMean { tensor: "w".to_owned(), block: 0 }));
        for reduction in [Reduction::Sum, Reduction::AbsOfSum] {
            let sum = score(&infinities, reduction);
            assert_eq!(sum, Err(Error::UndefinedSum { tensor: "w".to_owned(), block: 0 }));
        }
        assert_eq!(score(&infinities, Reduction::L1), Ok(vec![f64::INFINITY]));
    }

    #[test]
    fn signed_sums_refuse_measures_without_sign() {
        for reduction in [Reduction::Sum, Reduction::AbsOfSum] {
            for measure in [Measure::Magnitude, Measure::Normalised(1.0)] {
                let tensor = Tensor { measure, ..Tensor::of_scores("w", &[3.0_f32, -4.0]) };
                let refused = block_scores(&tensor, &[2], &[2], reduction, &NEVER);
                assert_eq!(refused, Err(Error::UnsignedMeasure { tensor: "w".to_owned() }));
            }
            let squares =
                Tensor { measure: Measure::SquaredProduct(&[1.0, 1.0]), ..Tensor::of_scores("w", &[3.0, -4.0]) };
            assert_eq!(block_scores(&squares, &[2], &[2], reduction, &NEVER), Ok(vec![25.0]));
        }
    }
}
