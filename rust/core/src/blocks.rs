//! Tensors cut into blocks: scores of whole blocks, and masks of blocks as masks of weights.
//!
//! Filters are blocks of one output unit and all else; a block of a matrix is a rectangle of it.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use crate::error::Error;
use crate::mask::{is_set, packed_len};
use crate::order::Score;
use crate::pieces::{CHUNK, Crew};
use crate::tensor::{Measure, Tensor};

/// How the scores of a block become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// The sum of absolute values.
    L1,
    /// The root of the sum of squares.
    L2,
    /// The mean.
    Mean,
}

/// A tensor's shape cut into blocks: `ceil(shape[d] / block[d])` of them along dimension d, smaller ones at the far edges.
///
/// Blocks are counted in C order. Dimensions that a block covers whole are joined to the one before, so that what lies
/// together is gone through in long runs.
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

    /// Weights in all.
    pub(crate) fn size(&self) -> usize {
        self.shape.iter().product()
    }

    /// Blocks in all.
    pub(crate) fn len(&self) -> usize {
        self.shape[0].div_ceil(self.block[0]) * self.inner_len()
    }

    fn inner_size(&self) -> usize {
        self.shape[1..].iter().product()
    }

    fn inner_len(&self) -> usize {
        self.shape[1..].iter().zip(&self.block[1..]).map(|(&side, &step)| side.div_ceil(step)).product()
    }

    /// Blocks that one task handles: whole layers of the grid along the first dimension, which begin at whole bytes of a mask.
    pub(crate) fn blocks_per_task(&self) -> usize {
        (CHUNK / (self.block[0] * self.inner_size()).max(1)).next_multiple_of(8).max(8) * self.inner_len()
    }

    /// Weights that one task handles.
    pub(crate) fn weights_per_task(&self) -> usize {
        self.blocks_per_task() / self.inner_len().max(1) * self.block[0] * self.inner_size()
    }

    /// Calls `visit` with the number of the block within the task, and with the weights, of each run in order.
    pub(crate) fn each_run(&self, task: usize, mut visit: impl FnMut(usize, Range<usize>)) {
        let start = (task * self.weights_per_task()).min(self.size());
        let rows_per_task = self.blocks_per_task() / self.inner_len().max(1) * self.block[0];
        let rows = rows_per_task.min(self.shape[0].saturating_sub(task * rows_per_task));
        runs(start, 0, rows, &self.shape[1..], &self.block, self.inner_len(), &mut visit);
    }
}

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

/// Reduces the scores of each block of a tensor of `shape` (C order) to one, in the C order of the blocks' grid.
///
/// Dead weights score 0. Sums are in f64 and in an order that does not depend on the number of threads: each run of weights
/// that lie together, and then the runs. Linear time, one pass.
///
/// # Errors
/// NaN, a factor of the wrong size, a mean of both infinities, or a stop.
///
/// # Panics
/// `shape` is not that of the tensor, or `block` does not fit it.
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
    let mut scores = vec![0.0; grid.len()];
    if scores.is_empty() {
        return Ok(scores);
    }
    let jobs = scores.chunks_mut(grid.blocks_per_task()).enumerate().collect();
    let faults = Crew::new(grid.size(), stop).each(
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
                };
            });
            for (score, size) in scores.iter_mut().zip(sizes) {
                *score = match reduction {
                    Reduction::L1 => *score,
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
        (None, Some(block)) => Error::UndefinedMean { tensor: tensor.name.to_owned(), block },
        (index, _) => tensor.not_a_number(index.expect("one was seen")),
    })
}

/// Adds up what `term` makes of the scores of a run; those of dead weights are 0.
fn sum<T: Score>(tensor: &Tensor<'_, T>, range: Range<usize>, term: impl Fn(f64) -> f64) -> f64 {
    let values = tensor.values;
    match tensor.measure {
        Measure::Value => add(tensor, range, |i| term(values[i].to_f64())),
        Measure::Magnitude => add(tensor, range, |i| term(values[i].to_f64().abs())),
        Measure::Product(others) => add(tensor, range, |i| term(values[i].times(others[i]).to_f64().abs())),
        Measure::SquaredProduct(others) => add(tensor, range, |i| {
            let product = values[i].times(others[i]);
            term(product.times(product).to_f64())
        }),
        Measure::Normalised(0.0) => add(tensor, range, |_| term(0.0)),
        Measure::Normalised(norm) => add(tensor, range, |i| term(values[i].to_f64().abs() / norm)),
    }
}

#[inline]
fn add<T: Score>(tensor: &Tensor<'_, T>, range: Range<usize>, term: impl Fn(usize) -> f64) -> f64 {
    range.filter(|&i| tensor.is_candidate(i)).map(term).sum()
}

/// Turns a packed mask of blocks into the mask of the weights of a tensor of `shape`.
///
/// Linear in the number of runs of bits that lie together in a block.
///
/// # Panics
/// `block` does not fit `shape`, or `bits` has another length than the grid needs.
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

/// Sets the bits from `start` to before `end`.
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

    static GO: AtomicBool = AtomicBool::new(false);

    /// The number of the block of each weight, one by one.
    fn owners(shape: &[usize], block: &[usize]) -> Vec<usize> {
        let grid: Vec<usize> = shape.iter().zip(block).map(|(&side, &step)| side.div_ceil(step)).collect();
        let owner = |flat: usize| {
            let (mut rest, mut place, mut stride) = (flat, 0, 1);
            for d in (0..shape.len()).rev() {
                place += rest % shape[d] / block[d] * stride;
                stride *= grid[d];
                rest /= shape[d];
            }
            place
        };
        (0..shape.iter().product()).map(owner).collect()
    }

    proptest! {
        #[test]
        fn scores_and_masks_of_blocks_are_those_of_a_loop_over_all_weights(
            sides in prop::collection::vec((0_usize..9, 1_usize..10), 0..5),
            noise in prop::collection::vec((-9_i8..10, any::<bool>()), 6561),
        ) {
            let (shape, block): (Vec<usize>, Vec<usize>) = sides.into_iter().unzip();
            let owners = owners(&shape, &block);
            let values: Vec<f32> = noise.iter().take(owners.len()).map(|each| f32::from(each.0)).collect();
            let blocks = shape.iter().zip(&block).map(|(&side, &step)| side.div_ceil(step)).product();
            let alive = naive::pack(&noise.iter().rev().take(owners.len()).map(|each| each.1).collect::<Vec<_>>());
            let tensor = Tensor { alive: Some(&alive), ..Tensor::of_scores("w", &values) };
            let reduce = |reduction| block_scores(&tensor, &shape, &block, reduction, &GO).unwrap();
            let (mut sums, mut squares, mut means, mut sizes) =
                (vec![0.0; blocks], vec![0.0; blocks], vec![0.0; blocks], vec![0.0; blocks]);
            for (i, (&owner, &value)) in owners.iter().zip(&values).enumerate() {
                let value = if is_set(&alive, i) { value } else { 0.0 };
                // Small whole numbers: every order of summation gives the same.
                sums[owner] += f64::from(value.abs());
                squares[owner] += f64::from(value * value);
                means[owner] += f64::from(value);
                sizes[owner] += 1.0;
            }
            means.iter_mut().zip(&sizes).for_each(|(mean, size)| *mean /= size);
            prop_assert_eq!(reduce(Reduction::L1), sums);
            prop_assert_eq!(reduce(Reduction::L2), squares.iter().map(|square: &f64| square.sqrt()).collect::<Vec<_>>());
            prop_assert_eq!(reduce(Reduction::Mean), means);

            let kept: Vec<bool> = noise.iter().take(blocks).map(|each| each.1).collect();
            let weights: Vec<bool> = owners.iter().map(|&owner| kept[owner]).collect();
            prop_assert_eq!(expand_blocks(&naive::pack(&kept), &shape, &block), naive::pack(&weights));
        }
    }

    #[test]
    fn long_tensors_on_several_threads() {
        let (shape, block) = ([517, 1003], [4, 8]);
        let owners = owners(&shape, &block);
        let values: Vec<f32> = (0..owners.len()).map(|i| (i % 23) as f32 - 11.0).collect();
        let mut sums = vec![0.0; 130 * 126];
        owners.iter().zip(&values).for_each(|(&owner, &value)| sums[owner] += f64::from(value.abs()));
        let found = block_scores(&Tensor::of_scores("w", &values), &shape, &block, Reduction::L1, &GO).unwrap();
        assert_eq!(found, sums);
        let kept: Vec<bool> = (0..sums.len()).map(|i| i % 3 == 0).collect();
        let weights: Vec<bool> = owners.iter().map(|&owner| kept[owner]).collect();
        assert!(expand_blocks(&naive::pack(&kept), &shape, &block) == naive::pack(&weights));
    }

    #[test]
    fn what_has_no_score_is_refused() {
        let score =
            |values: &[f32], reduction| block_scores(&Tensor::of_scores("w", values), &[1, 2], &[1, 2], reduction, &GO);
        let nan = score(&[1.0, f32::NAN], Reduction::L1);
        assert_eq!(nan, Err(Error::NotANumber { tensor: "w".to_owned(), index: 1 }));
        let dead = Tensor { alive: Some(&[0b01]), ..Tensor::of_scores("w", &[1.0, f32::NAN]) };
        assert_eq!(block_scores(&dead, &[1, 2], &[1, 2], Reduction::L1, &GO), nan);
        let both = score(&[f32::INFINITY, f32::NEG_INFINITY], Reduction::Mean);
        assert_eq!(both, Err(Error::UndefinedMean { tensor: "w".to_owned(), block: 0 }));
    }
}
