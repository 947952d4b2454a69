//! Estimates a threshold from a sample of the scores in memory.
//!
//! ```text
//! sample 1: about 8,000 scores                   -> quantile, bracket 1
//! if there are many scores (LARGE):
//!     sample 2: MANY * n^(2/3) scores,
//!               stored only if inside bracket 1  -> quantile, bracket 2
//!     if bracket 2 holds more than WIDE of it:   repeat sample 2, larger
//! the last quantile                              -> estimate
//! ```
//!
//! The second sample may be large because it stores only the few ranks inside the first bracket. Most of the time goes
//! into cache misses, since every window lies elsewhere in memory; so each task first loads one score of every cache
//! line of its windows, and the misses overlap.

use std::hint::black_box;
use std::ops::Range;

use crate::arch::Instructions;
use crate::bracket::{Bracket, Target};
use crate::error::Error;
use crate::order::Score;
use crate::pool::Pool;
use crate::sample::{Estimate, Sample};
use crate::scan::{Bounds, Hit, scan};
use crate::tensor::Tensor;
use crate::windows::{Segment, Windows};

/// Standard deviations from the quantile to either end of the bracket.
///
/// The probability that a normal variable is farther away is 1/370: so often a second pass is needed, while a wider
/// bracket would cost more in every selection. Chosen by measurement (rows `network/*` of the benchmark `selection`)
/// after 4.0 and 3.5.
const DEVIATIONS: f64 = 3.0;

/// Scores of the first sample, at most.
///
/// Chosen by measurement; see row `small/1m` of the benchmark `selection`.
const FIRST: usize = 1 << 13;

/// Scores of the first sample, at least, where there are as many.
const LEAST: usize = 1 << 10;

/// Scores of the second sample, per n^(2/3) of n scores.
///
/// Let reading one score of the sample cost a, and listing one score inside the bracket b. A sample of m scores gives a
/// bracket that holds about n / sqrt(m) scores, so the cost is a m + b n / sqrt(m), which is least at
/// m = (b / 2a)^(2/3) n^(2/3). The factor was chosen by measurement, see rows `network/*` of the benchmark `selection`.
const MANY: f64 = 1.7;

/// Fraction of all scores inside the bracket above which a larger sample costs less than listing them.
///
/// Chosen by measurement; see rows `network/*`, `cliff/runs-of-16` and `cliff/runs-of-4096` of the benchmark
/// `selection`.
const WIDE: f64 = 0.018;

/// Fraction of all scores that are sampled at most.
const MOST: f64 = 1.0 / 16.0;

/// Ratio of observed to independent standard deviation above which scores count as clustered; windows are then one
/// cache line.
///
/// Where neighbours resemble each other, many short windows tell more than a few long ones. Chosen by measurement; see
/// rows `cliff/runs-of-16` and `cliff/runs-of-4096` of the benchmark `selection`.
const CLUSTERED: f64 = 6.0;

/// Scores from which on a second sample costs less than it saves.
///
/// Chosen by measurement; see row `small/1m` of the benchmark `selection`.
const LARGE: usize = 1 << 18;

/// Windows per task: 16 KiB with eight cache lines each, half of a level-1 data cache of 32 KiB.
const WINDOWS_PER_TASK: usize = 32;

/// Bytes of a cache line on x86-64 and on most 64-bit ARM processors. Elsewhere the answer is the same.
const LINE: usize = 64;

/// Cache lines per window. The first one is a cache miss; processors fetch the following ones ahead.
const LINES: usize = 8;

/// Estimates the threshold of `target` from samples.
///
/// Time O(n^(2/3)) for n scores, at most n / 16 of them; memory for the ranks of the sample inside the bracket.
///
/// # Errors
/// [`Error::Stopped`].
pub(crate) fn estimate<T: Score>(
    tensors: &[&Tensor<'_, T>],
    target: Target,
    pool: Pool<'_>,
) -> Result<Estimate, Error> {
    if target.keep == 0 {
        return Ok(Estimate::certain(Bracket::empty_at(i64::MAX)));
    }
    let density = target.density();
    let mut sampler = Sampler::new(tensors, target.bracket);
    let size = sampler.windows.size() as f64;
    let two_thirds_power = size.powf(2.0 / 3.0);
    let first = (two_thirds_power as usize).clamp(LEAST, FIRST);
    let mut sample = sampler.draw(first, target.bracket, pool)?;
    let mut quantile = sample.quantile(density, DEVIATIONS, sampler.windows.length);
    if quantile.deviation > CLUSTERED * sample.independent_deviation(density) {
        sampler.windows.length = in_line::<T>();
    }
    if sampler.windows.size() >= LARGE && sample.count_between(quantile.bracket) > 0 {
        let (mut scores, most) = (MANY * two_thirds_power, size * MOST);
        loop {
            sample = sampler.draw(scores as usize, quantile.bracket, pool)?;
            quantile = sample.quantile(density, DEVIATIONS, sampler.windows.length);
            let excess = sample.count_between(quantile.bracket) as f64 / (WIDE * sample.read as f64);
            if excess <= 1.0 || scores >= most {
                break;
            }
            // The bracket narrows with the square root of the sample; half as much again leaves a margin.
            scores = most.min(1.5 * excess * excess * scores);
        }
    }
    Ok(sample.estimate(&quantile, density))
}

/// Scores in a cache line.
const fn in_line<T>() -> usize {
    LINE / size_of::<T>()
}

/// Draws samples from tensors in memory.
struct Sampler<'r, 't, 'a, T> {
    tensors: &'r [&'t Tensor<'a, T>],
    /// The bracket of the target; candidates outside of it are not part of the sample.
    known: Bracket,
    windows: Windows,
}

impl<'r, 't, 'a, T: Score> Sampler<'r, 't, 'a, T> {
    fn new(tensors: &'r [&'t Tensor<'a, T>], known: Bracket) -> Self {
        let sizes = tensors.iter().map(|tensor| tensor.values.len());
        Sampler { tensors, known, windows: Windows::new(sizes, LINES * in_line::<T>()) }
    }

    /// Draws a sample of about `scores` scores that stores the ranks inside `within`.
    fn draw(&self, scores: usize, within: Bracket, pool: Pool<'_>) -> Result<Sample, Error> {
        let count = self.windows.count(scores);
        let bound = |tensor: &&Tensor<'a, T>| (tensor.last_key(within.hi), tensor.last_key(within.lo));
        let bounds: Vec<_> = self.tensors.iter().map(bound).collect();
        let tasks =
            (0..count).step_by(WINDOWS_PER_TASK).map(|first| first..count.min(first + WINDOWS_PER_TASK)).collect();
        let parts = pool.map(
            tasks,
            || (),
            |(), numbers: Range<usize>| {
                let mut segments = Vec::with_capacity(2 * WINDOWS_PER_TASK);
                numbers.for_each(|number| self.windows.segments(number, count, &mut segments));
                segments.iter().for_each(|segment| self.prefetch(segment));
                let mut part = Sample::new(self.known, within);
                let (mut before, mut hits) = ((0, 0), Vec::new());
                for segment in &segments {
                    self.add(segment, within, bounds[segment.owner], &mut hits, &mut part);
                    if segment.ends_window {
                        part.end_window(before.0, before.1);
                        before = (part.size, part.above);
                    }
                }
                part
            },
        )?;
        let mut sample = Sample::new(self.known, within);
        parts.into_iter().for_each(|part| sample.append(part));
        Ok(sample)
    }

    /// Loads one score of each cache line. Nothing depends on these loads, so their cache misses overlap.
    fn prefetch(&self, segment: &Segment) {
        let values = &self.tensors[segment.owner].values[segment.range.clone()];
        for value in values.iter().step_by(in_line::<T>()) {
            black_box(value.key());
        }
    }

    /// Adds a segment to a sample; `hi` and `lo` are the keys of `within`'s ends, and `hits` is a buffer that is
    /// reused.
    fn add(
        &self,
        segment: &Segment,
        within: Bracket,
        (hi, lo): (T::Key, T::Key),
        hits: &mut Vec<Hit<T::Key>>,
        sample: &mut Sample,
    ) {
        let tensor = self.tensors[segment.owner];
        sample.read += segment.range.len();
        let is_short = segment.range.len() <= in_line::<T>();
        let all_count = tensor.alive.is_none() && self.known == Bracket::ALL;
        if is_short && all_count {
            let count = |bound| segment.range.clone().filter(|&index| tensor.key(index) > bound).count();
            let above = count(hi);
            if count(lo) == above {
                sample.size += segment.range.len();
                sample.above += above;
                return;
            }
        }
        if is_short || !all_count || within == Bracket::ALL {
            tensor.visit(segment.range.clone(), |_, rank| sample.add(rank));
            return;
        }
        hits.clear();
        let (bounds, mut bits) = (Bounds { hi, estimate: hi, lo, below_lo: lo }, [0; LINE]);
        let bits = &mut bits[..segment.range.len().div_ceil(8)];
        let tally = scan(Instructions::widest(), tensor, segment.range.clone(), bounds, false, bits, hits);
        sample.size += segment.range.len();
        sample.above += tally.above;
        sample.ranks.extend(hits.iter().map(|hit| tensor.rank(hit.key)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::naive;

    /// Scores enough for a first sample of the greatest size.
    const SIZE: usize = 1 << 20;

    /// Returns scores whose sample is biased: those that the sampler reads are `shift` higher than the others.
    fn biased(shift: f32) -> Vec<f32> {
        let score = |i: usize| (i as f32 * 0.618_034).fract();
        let mut scores: Vec<f32> = (0..SIZE).map(score).collect();
        let (long, short) = (LINES * in_line::<f32>(), in_line::<f32>());
        let many = (MANY * (SIZE as f64).powf(2.0 / 3.0)) as usize;
        for (sample, length) in [(FIRST, long), (many, long), (many, short)] {
            let windows = Windows::new(std::iter::once(SIZE), length);
            let (mut segments, count) = (Vec::new(), windows.count(sample));
            (0..count).for_each(|number| windows.segments(number, count, &mut segments));
            segments.into_iter().flat_map(|segment| segment.range).for_each(|i| scores[i] = score(i) + shift);
        }
        scores
    }

    #[test]
    fn scores_whose_every_sample_is_biased_are_selected_exactly() {
        for shift in [2.0, -2.0] {
            let scores = biased(shift);
            let tensors = [Tensor::of_scores("w", &scores)];
            for keep in [1, SIZE / 50, SIZE / 2, SIZE - SIZE / 50, SIZE - 1] {
                let mut mask = vec![0xaa; SIZE / 8];
                crate::select(&tensors, keep, &[0], &mut [&mut mask], &AtomicBool::new(false)).unwrap();
                let expected = naive::select(&tensors, keep, &[0]).unwrap();
                assert!(mask == naive::pack(&expected[0]), "shift {shift}, keep {keep}");
            }
        }
    }
}
