//! Where a ranking is cut: radix histograms, sixteen bits at a time from the top.

use std::ops::Range;

use rayon::prelude::*;

use crate::order::{Key, Score};
use crate::tensor::Tensor;

/// Scores that one task handles; a multiple of eight, so that no byte of a mask is shared.
pub(crate) const CHUNK: usize = 1 << 16;

const DIGIT_BITS: u32 = 16;
const BINS: usize = 1 << DIGIT_BITS;

/// A cut through a ranking: everything above `key` is kept, and the first `ties` of those equal to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut<K> {
    /// Key of the last one kept.
    pub key: K,
    /// How many of that key are kept, at least 1.
    pub ties: usize,
}

/// A tensor in a ranking, without the best that `above` has already taken from it.
#[derive(Clone, Copy)]
pub(crate) struct Entrant<'t, 'a, T: Score> {
    pub tensor: &'t Tensor<'a, T>,
    pub above: Option<Cut<T::Key>>,
}

impl<T: Score> Entrant<'_, '_, T> {
    /// Counts the entrant's candidates of exactly this key.
    pub(crate) fn count_equal(&self, key: T::Key) -> usize {
        let taken = match self.above {
            Some(cut) if cut.key < key => return 0,
            Some(cut) if cut.key == key => cut.ties,
            _ => 0,
        };
        let equal = |range| {
            let mut count = 0;
            self.tensor.visit(range, |_, each| count += usize::from(each == key));
            count
        };
        chunks(self.tensor.scores.len()).map(equal).sum::<usize>() - taken
    }
}

/// Finds the cut that keeps the best `keep` of all entrants together; `keep` is at least 1 and at most their number.
pub(crate) fn find_cut<T: Score>(entrants: &[Entrant<'_, '_, T>], keep: usize) -> Cut<T::Key> {
    let mut prefix = 0;
    let mut left = keep;
    for shift in (0..T::Key::BITS / DIGIT_BITS).rev().map(|digit| digit * DIGIT_BITS) {
        let histogram = tally(entrants, prefix, shift);
        let mut bin = BINS - 1;
        while histogram[bin] < left {
            left -= histogram[bin];
            bin -= 1;
        }
        prefix = prefix << DIGIT_BITS | bin as u64;
    }
    Cut { key: T::Key::from_u64(prefix), ties: left }
}

/// Counts, by the sixteen bits at `shift`, the keys whose higher bits are `prefix`.
fn tally<T: Score>(entrants: &[Entrant<'_, '_, T>], prefix: u64, shift: u32) -> Vec<usize> {
    let bin_of = |key: T::Key| {
        let digits = key.into() >> shift;
        (digits >> DIGIT_BITS == prefix).then_some(digits as usize % BINS)
    };
    let tasks: Vec<(&Entrant<'_, '_, T>, Range<usize>)> = entrants
        .iter()
        .flat_map(|entrant| (0..entrant.tensor.scores.len()).step_by(CHUNK).map(move |start| (entrant, start)))
        .map(|(entrant, start)| (entrant, start..entrant.tensor.scores.len().min(start + CHUNK)))
        .collect();
    let mut histogram = tasks
        .into_par_iter()
        .fold(
            || vec![0; BINS],
            |mut histogram: Vec<usize>, (entrant, range)| {
                entrant.tensor.visit(range, |_, key| {
                    if entrant.above.is_none_or(|cut| key <= cut.key)
                        && let Some(bin) = bin_of(key)
                    {
                        histogram[bin] += 1;
                    }
                });
                histogram
            },
        )
        .reduce(
            || vec![0; BINS],
            |mut sum, part| {
                sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
                sum
            },
        );
    // Keys equal to the cut above were all counted; those that it took do not compete.
    for cut in entrants.iter().filter_map(|entrant| entrant.above) {
        if let Some(bin) = bin_of(cut.key) {
            histogram[bin] -= cut.ties;
        }
    }
    histogram
}

/// Splits `0..size` into the ranges that tasks handle, in parallel.
fn chunks(size: usize) -> impl ParallelIterator<Item = Range<usize>> {
    (0..size.div_ceil(CHUNK)).into_par_iter().map(move |chunk| chunk * CHUNK..size.min((chunk + 1) * CHUNK))
}
