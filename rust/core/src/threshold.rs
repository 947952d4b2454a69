//! Finds the threshold of a selection and writes the masks: the driver of sampling, pass and resolution.
//!
//! # Zones
//!
//! A pass compares each candidate with a bracket `lo < rank <= hi`, which divides the ranks into four zones:
//!
//! ```text
//!   better    above    rank > hi         kept, bit set in the pass
//!     ^    hi ------------------------------------------------------------------------------
//!     |       inside   lo < rank <= hi   listed as hits (key, offset)
//!     |       ~~~~~~~~~~~~ estimate ~~~~ bit set in the pass if rank > estimate
//!     |                                  the threshold is in this zone after nearly every pass
//!     |    lo ------------------------------------------------------------------------------
//!     |       edge     rank = lo         only counted: these are ties, and there may be millions
//!     |       ------------------------------------------------------------------------------
//!   worse     below    rank < lo         dropped, bit clear
//! ```
//!
//! # Algorithm
//!
//! ```text
//! keep_best(tensors, keep):
//!     target = { bracket: all ranks, keep, size: number of candidates }
//!     repeat:
//!         estimate = sample(target)                        # crate::estimate
//!                    or, after three misses, a bracket found by counting passes
//!         for each chunk, in parallel:                     # the pass, crate::scan
//!             write bits, list hits, count above / inside / edge
//!         locate keep among the sums of the counts over all chunks:
//!             keep <= above                                # a miss
//!                 target = the ranks above hi
//!             keep <= above + inside
//!                 resolve_inside(keep - above); done
//!             keep <= above + inside + edge
//!                 resolve_edge(keep - above - inside); done
//!             otherwise                                    # a miss
//!                 target = the ranks below lo, with keep - above - inside - edge
//!         (if more than 4 % of all scores are inside, their list is dropped, and the target becomes the zone that
//!         holds the threshold)
//!
//! resolve_inside(keep):
//!     threshold = the keep-th best hit, by histograms of 2^11 bins over fewer and fewer ranks
//!     flip the bits of the hits between estimate and threshold
//!     of the hits that tie with the threshold, set the bits of the first ones, in (name, index) order
//!
//! resolve_edge(keep):
//!     threshold = lo
//!     set the bits of all hits
//!     of the ties on the edge, set the bits of the first ones, in (name, index) order, by a second pass over those
//!     chunks only that the first pass did not get right
//! ```
//!
//! A miss costs another pass and never a wrong answer: what the pass counted is exact, so the threshold is known to be
//! in the new target. There are at most three passes with sampled brackets, then ceil(b / 11) passes that only count,
//! for keys of b bits, and a last one.
//!
//! # Example
//!
//! Ten scores, of which five are kept. Let the sample give the estimate 6 and the bracket `4 < rank <= 7`:
//!
//! ```text
//! index    0    1    2    3    4    5    6    7    8    9
//! score    7    3    9    1    5    5    8    2    5    6
//! zone     in   -    ab   -    in   in   ab   -    in   in      2 above, 5 inside, 0 on the edge
//! bit      1    0    1    0    0    0    1    0    0    0       inside, only 7 is above the estimate
//! ```
//!
//! Two are above, so three of the hits 7, 5, 5, 5, 6 are kept. Their histogram, from the best: 7 once, 6 once, 5 three
//! times. The third best is 5, so 5 is the threshold, and one of three ties is kept. The hit 6 lies between estimate
//! and threshold: its bit is flipped. Of the ties the first, at index 4, gets its bit:
//!
//! ```text
//! bit      1    0    1    0    1    0    1    0    0    1       5 bits
//! ```
//!
//! With the bracket `5 < rank <= 8` (1 above, 3 inside, 3 on the edge) the threshold would be the edge, 5, and one of
//! its three ties kept. With `7 < rank <= 9` (0 above, 2 inside, 1 on the edge) it would be a miss: two of the seven
//! scores below 7 are kept, and the next sample is of those seven alone.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::arch::Instructions;
use crate::bracket::{Bracket, Target};
use crate::chunk::{CHUNK, Chunk, split};
use crate::error::Error;
use crate::estimate::estimate;
use crate::histogram::{Bins, bin_of_threshold};
use crate::order::Score;
use crate::pool::Pool;
use crate::sample::Estimate;
use crate::scan::{Bounds, Hit, Tally, scan};
use crate::tensor::{Measure, Tensor};

/// Passes with sampled brackets; after so many misses the bracket is found by counting.
///
/// Scores that bias one sample may bias the next one too (the tests of [`crate::estimate`] make some that do), and
/// counting cannot be biased. On no row of the benchmark `selection` is a third pass needed.
const SAMPLED_PASSES: usize = 3;

/// Bins of a histogram: 2^11 counters take 16 KiB, half of a level-1 data cache of 32 KiB, and three rounds resolve
/// keys of 32 bits.
const BINS: usize = 1 << 11;

/// The hits of a pass take at most one part in so many of the memory of all scores: 4 %, so that a selection stays
/// within the twentieth that docs/benchmarks.md allows it.
const HITS: usize = 25;

/// What was kept.
pub(crate) struct Kept {
    /// Survivors of each tensor.
    pub counts: Vec<usize>,
    /// The rank of the worst of them; `None` if nothing is kept.
    pub threshold: Option<i64>,
}

/// Writes into `masks` the best `keep` of the `available` candidates of all tensors together; ties go to the tensor
/// that comes first, then to the lower index.
///
/// Linear time; memory for the hits, 4 % of the scores.
///
/// # Errors
/// [`Error::NotANumber`] and [`Error::Stopped`].
pub(crate) fn keep_best<T: Score>(
    tensors: &[&Tensor<'_, T>],
    masks: &mut [&mut [u8]],
    keep: usize,
    available: usize,
    stop: &AtomicBool,
) -> Result<Kept, Error> {
    let size = tensors.iter().map(|tensor| tensor.values.len()).sum();
    let pool = Pool::new(size, stop);
    let ranking = Ranking { tensors, chunks: split(tensors), size, instructions: Instructions::widest(), pool };
    pool.install(|| ranking.keep_best(masks, Target { bracket: Bracket::ALL, keep, size: available }))
}

/// Tensors that are ranked together.
struct Ranking<'r, 't, 'a, T: Score> {
    tensors: &'r [&'t Tensor<'a, T>],
    chunks: Vec<Chunk<'t, 'a, T>>,
    /// Scores in all chunks.
    size: usize,
    instructions: Instructions,
    pool: Pool<'r>,
}

/// The result of a pass over all chunks.
struct Pass<K> {
    bracket: Bracket,
    /// Bracket and estimate as keys of each tensor.
    bounds: Vec<Bounds<K>>,
    /// Zones of each chunk.
    tallies: Vec<Tally>,
    /// Hits of each chunk; empty if there was an overflow.
    hits: Vec<Vec<Hit<K>>>,
    /// Whether there were more hits than [`Ranking::most_hits`].
    overflow: bool,
    /// Chunks before this one have the bits of the edge set.
    with_edge: usize,
}

/// Part of the ranks, as seen from a bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Zone {
    Above,
    Inside,
    Edge,
    Below,
}

impl<K> Pass<K> {
    fn sum(&self, count: impl Fn(&Tally) -> usize) -> usize {
        self.tallies.iter().map(count).sum()
    }

    /// Locates the threshold relative to this pass's bracket and returns its zone, and the target narrowed to it.
    ///
    /// `keep` is the number of survivors of the whole selection, `target` what was known before the pass.
    fn locate(&self, keep: usize, target: Target) -> (Zone, Target) {
        let Bracket { lo, hi } = self.bracket;
        // Candidates above the target, which are all kept.
        let before = keep - target.keep;
        // Cumulative counts of the zones, best first, within the target.
        let above = self.sum(|tally| tally.above) - before;
        let inside = above + self.sum(|tally| tally.inside);
        let edge = inside + self.sum(|tally| tally.edge);
        let part = |lo, hi, from, to| Target { bracket: Bracket { lo, hi }, keep: target.keep - from, size: to - from };
        match target.keep {
            keep if keep <= above => (Zone::Above, part(hi, target.bracket.hi, 0, above)),
            keep if keep <= inside => (Zone::Inside, part(lo, hi, above, inside)),
            keep if keep <= edge => (Zone::Edge, part(lo - 1, lo, inside, edge)),
            _ => (Zone::Below, part(target.bracket.lo, lo - 1, edge, target.size)),
        }
    }
}

impl<T: Score> Ranking<'_, '_, '_, T> {
    /// Runs passes until one locates the threshold, and resolves it.
    fn keep_best(&self, masks: &mut [&mut [u8]], mut target: Target) -> Result<Kept, Error> {
        let keep = target.keep;
        let mut bits: Vec<&mut [u8]> = masks.iter_mut().flat_map(|mask| mask.chunks_mut(CHUNK / 8)).collect();
        let mut sampled_passes = 0..SAMPLED_PASSES;
        loop {
            let estimate = match sampled_passes.next() {
                Some(_) => estimate(self.tensors, target, self.pool)?,
                None => Estimate::certain(self.narrow_by_counting(target)?),
            };
            let pass = self.pass(&mut bits, &estimate)?;
            self.refuse_nan(&pass)?;
            let mut kept = Kept { counts: vec![0; self.tensors.len()], threshold: None };
            if keep == 0 {
                return Ok(kept);
            }
            let zone;
            (zone, target) = pass.locate(keep, target);
            let (counts, threshold) = match zone {
                Zone::Inside if !pass.overflow => self.resolve_inside(bits, &pass, target.keep)?,
                Zone::Edge if !pass.overflow => (self.resolve_edge(bits, &pass, target.keep)?, pass.bracket.lo),
                _ => continue,
            };
            self.chunks.iter().zip(counts).for_each(|(chunk, count)| kept.counts[chunk.owner] += count);
            kept.threshold = Some(threshold);
            return Ok(kept);
        }
    }

    /// Passes over all chunks: writes the bits above the estimate, lists the hits and counts the zones.
    ///
    /// If the estimate keeps a fraction t of the ties on the edge, the first t * n of n chunks set the bits of the edge
    /// as well, so that most chunks need no second pass.
    fn pass(&self, bits: &mut [&mut [u8]], estimate: &Estimate) -> Result<Pass<T::Key>, Error> {
        let bounds = self.bounds(estimate.bracket, estimate.rank);
        let with_edge = (estimate.tie_density * self.chunks.len() as f64) as usize;
        let jobs = self.chunks.iter().zip(bits).enumerate().collect();
        let (listed, most) = (AtomicUsize::new(0), self.most_hits());
        let found = self.pool.map(jobs, Vec::new, |hits, (i, (chunk, bits))| {
            hits.clear();
            let tally = self.scan(chunk, bounds[chunk.owner], i < with_edge, bits, hits);
            let sum = listed.fetch_add(hits.len(), Ordering::Relaxed) + hits.len();
            (tally, if sum > most { Vec::new() } else { hits.clone() })
        })?;
        let (tallies, hits) = found.into_iter().unzip();
        let overflow = listed.into_inner() > most;
        Ok(Pass { bracket: estimate.bracket, bounds, tallies, hits, overflow, with_edge })
    }

    fn scan(
        &self,
        chunk: &Chunk<'_, '_, T>,
        bounds: Bounds<T::Key>,
        keep_edge: bool,
        bits: &mut [u8],
        hits: &mut Vec<Hit<T::Key>>,
    ) -> Tally {
        scan(self.instructions, chunk.tensor, chunk.range.clone(), bounds, keep_edge, bits, hits)
    }

    /// Converts a bracket and an estimate from ranks to the keys of each tensor.
    fn bounds(&self, bracket: Bracket, estimate: i64) -> Vec<Bounds<T::Key>> {
        let bounds = |tensor: &&Tensor<'_, T>| Bounds {
            hi: tensor.last_key(bracket.hi),
            estimate: tensor.last_key(estimate),
            lo: tensor.last_key(bracket.lo),
            below_lo: tensor.last_key(bracket.lo.saturating_sub(1)),
        };
        self.tensors.iter().map(bounds).collect()
    }

    /// Returns the number of hits that are listed at most: see [`HITS`], and a chunk more, which is enough if there are
    /// few scores.
    fn most_hits(&self) -> usize {
        self.size * size_of::<T>() / (HITS * size_of::<Hit<T::Key>>()) + CHUNK
    }

    /// Narrows a target by counting passes until its bracket holds few enough scores to be listed, or one rank only.
    ///
    /// Each round is a pass over all scores that counts in [`BINS`] bins and goes on with the bin of the threshold.
    fn narrow_by_counting(&self, target: Target) -> Result<Bracket, Error> {
        let mut bins = Bins::over(self.clip(target.bracket), BINS);
        let mut keep = target.keep;
        loop {
            let bounds = self.bounds(bins.span, bins.span.hi);
            let empty = || (Box::new([0; BINS]), Vec::new(), vec![0; CHUNK / 8]);
            let count = |(histogram, hits, unused): &mut (Box<[usize; BINS]>, Vec<_>, Vec<u8>),
                         chunk: &Chunk<'_, '_, T>| {
                hits.clear();
                let bits = &mut unused[..chunk.range.len().div_ceil(8)];
                self.scan(chunk, bounds[chunk.owner], false, bits, hits);
                count_hits(bins, chunk.tensor, hits, histogram);
            };
            let (histogram, ..) = self.pool.fold(&self.chunks, empty, count, |sum, part| add(&mut sum.0, &part.0))?;
            let (bin, keep_in_bin) = bin_of_threshold(&histogram[..], keep).expect("the target holds the threshold");
            let bracket = bins.bracket(bin);
            if bins.shift == 0 {
                return Ok(Bracket::empty_at(bracket.hi));
            }
            if histogram[bin] <= self.most_hits() {
                return Ok(bracket);
            }
            (bins, keep) = (Bins::over(bracket, BINS), keep_in_bin);
        }
    }

    fn refuse_nan(&self, pass: &Pass<T::Key>) -> Result<(), Error> {
        let faulty = self.chunks.iter().zip(&pass.tallies).find(|(_, tally)| tally.nan);
        match faulty.and_then(|(chunk, _)| Some((chunk.tensor, chunk.tensor.find_nan(chunk.range.clone())?))) {
            Some((tensor, index)) => Err(tensor.not_a_number(index)),
            None => Ok(()),
        }
    }

    /// Completes the masks if the threshold is inside the bracket: of the hits, the best `keep` are kept.
    ///
    /// Returns the survivors of each chunk and the rank of the threshold.
    fn resolve_inside(
        &self,
        bits: Vec<&mut [u8]>,
        pass: &Pass<T::Key>,
        keep: usize,
    ) -> Result<(Vec<usize>, i64), Error> {
        let jobs: Vec<_> = self.chunks.iter().zip(&pass.hits).collect();
        let ties = narrow_to_one_rank(self.pool, &jobs, self.clip(pass.bracket), keep)?;
        let threshold = ties.bracket.hi;
        // If all ties are kept, as is usual, no chunk needs to know how many it has: `None`.
        let shares = if ties.keep == ties.size {
            vec![None; jobs.len()]
        } else {
            let count = |_: &mut (), (chunk, hits): (&Chunk<'_, '_, T>, &Vec<Hit<T::Key>>)| {
                hits.iter().filter(|hit| chunk.tensor.rank(hit.key) == threshold).count()
            };
            share_ties(ties.keep, self.pool.map(jobs, || (), count)?).into_iter().map(Some).collect()
        };
        let jobs = self.chunks.iter().zip(&pass.hits).zip(bits).zip(shares).collect();
        let kept = self.pool.map(jobs, Vec::new, |flips: &mut Vec<u16>, (((chunk, hits), bits), share)| {
            // Within a tensor keys order as ranks do, and need no division by a norm.
            let (last_tie, below_ties) = (chunk.tensor.last_key(threshold), chunk.tensor.last_key(threshold - 1));
            // Hits above this key are kept, whatever the share of ties.
            let certain = if share.is_none() { below_ties } else { last_tie };
            let estimate = pass.bounds[chunk.owner].estimate;
            // Which bits are flipped cannot be predicted, so their offsets are collected without a branch.
            flips.resize(hits.len() + 1, 0);
            let (mut kept, mut count) = (0, 0);
            for &Hit { key, offset } in hits {
                kept += usize::from(key > certain);
                flips[count] = offset;
                count += usize::from((key > certain) != (key > estimate));
            }
            flips[..count].iter().for_each(|offset| bits[usize::from(offset / 8)] ^= 1 << (offset % 8));
            if let Some(share) = share {
                let ties = hits.iter().filter(|hit| hit.key > below_ties && hit.key <= last_tie);
                ties.take(share).for_each(|hit| set_bit(bits, hit.offset));
                kept += share;
            }
            kept
        })?;
        Ok((pass.tallies.iter().zip(kept).map(|(tally, kept)| tally.above + kept).collect(), threshold))
    }

    /// Completes the masks if the threshold is the bracket's lower edge: all hits are kept, and the first `keep` ties
    /// of the edge. Returns the survivors of each chunk.
    fn resolve_edge(&self, bits: Vec<&mut [u8]>, pass: &Pass<T::Key>, keep: usize) -> Result<Vec<usize>, Error> {
        let shares = share_ties(keep, pass.tallies.iter().map(|tally| tally.edge));
        let jobs = self.chunks.iter().zip(&pass.hits).zip(&pass.tallies).zip(bits).zip(shares).enumerate().collect();
        self.pool.map(
            jobs,
            || (),
            |(), (i, ((((chunk, hits), tally), bits), share))| {
                let bounds = pass.bounds[chunk.owner];
                let (is_set, all_kept) = (i < pass.with_edge, share == tally.edge);
                if all_kept != is_set && tally.edge > 0 {
                    self.scan(chunk, Bounds { lo: bounds.hi, ..bounds }, all_kept, bits, &mut Vec::new());
                }
                hits.iter().for_each(|hit| set_bit(bits, hit.offset));
                if !all_kept {
                    let start = chunk.range.start;
                    let is_tie = |&index: &usize| {
                        let key = chunk.tensor.key(index);
                        key > bounds.below_lo && key <= bounds.lo && chunk.tensor.is_candidate(index)
                    };
                    for index in chunk.range.clone().filter(is_tie).take(share) {
                        set_bit(bits, (index - start) as u16);
                    }
                }
                tally.above + hits.len() + share
            },
        )
    }

    /// Clips a bracket to the ranks from minus to plus infinity, outside of which there are no scores.
    fn clip(&self, bracket: Bracket) -> Bracket {
        let infinity = match self.tensors.first().map(|tensor| tensor.measure) {
            Some(Measure::Normalised(_)) => f64::INFINITY.key(),
            _ => T::INFINITY.into(),
        };
        Bracket { lo: bracket.lo.max(-infinity - 1), hi: bracket.hi.min(infinity) }
    }
}

/// Divides `keep` ties among chunks that have so many of them: first come, first served.
fn share_ties(keep: usize, available: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut keep = keep;
    let take = |available| {
        let share = keep.min(available);
        keep -= share;
        share
    };
    available.into_iter().map(take).collect()
}

#[inline]
fn set_bit(bits: &mut [u8], offset: u16) {
    bits[usize::from(offset / 8)] |= 1 << (offset % 8);
}

/// A chunk and its hits.
type Listed<'l, 't, 'a, T> = (&'l Chunk<'t, 'a, T>, &'l Vec<Hit<<T as Score>::Key>>);

/// Finds the rank of the `keep`-th best hit; all hits are inside `span`.
///
/// Returns it as the only rank of a bracket, with the number of hits that have it and how many of them are kept. Linear
/// in the number of hits: one round for each 11 bits of the span's width.
fn narrow_to_one_rank<T: Score>(
    pool: Pool<'_>,
    listed: &[Listed<'_, '_, '_, T>],
    span: Bracket,
    keep: usize,
) -> Result<Target, Error> {
    let mut bins = Bins::over(span, BINS);
    let mut keep = keep;
    loop {
        let count = |histogram: &mut Box<[usize; BINS]>, (chunk, hits): &Listed<'_, '_, '_, T>| {
            count_hits(bins, chunk.tensor, hits, histogram);
        };
        let histogram = pool.fold(listed, || Box::new([0; BINS]), count, |sum, part| add(sum, &part))?;
        let (bin, keep_in_bin) = bin_of_threshold(&histogram[..], keep).expect("the threshold is among the hits");
        let bracket = bins.bracket(bin);
        if bins.shift == 0 {
            return Ok(Target { bracket, keep: keep_in_bin, size: histogram[bin] });
        }
        (bins, keep) = (Bins::over(bracket, BINS), keep_in_bin);
    }
}

/// Adds hits to a histogram.
#[inline(always)]
fn count_hits<T: Score>(bins: Bins, tensor: &Tensor<'_, T>, hits: &[Hit<T::Key>], histogram: &mut [usize; BINS]) {
    for bin in hits.iter().filter_map(|hit| bins.bin(tensor.rank(hit.key))) {
        // The remainder changes nothing, and shows the compiler that the index is in range.
        histogram[bin % BINS] += 1;
    }
}

fn add(sum: &mut [usize; BINS], part: &[usize; BINS]) {
    sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: [f32; 10] = [7.0, 3.0, 9.0, 1.0, 5.0, 5.0, 8.0, 2.0, 5.0, 6.0];

    static NEVER: AtomicBool = AtomicBool::new(false);

    fn rank(score: f32) -> i64 {
        score.key().into()
    }

    /// Runs `check` on the ten scores of the module's example after a pass with this bracket and estimate.
    fn after_pass(
        (lo, hi): (f32, f32),
        estimate: f32,
        check: impl FnOnce(&Ranking<'_, '_, '_, f32>, Vec<&mut [u8]>, Pass<i32>),
    ) {
        let tensor = Tensor::of_scores("w", &TEN);
        let tensors = [&tensor];
        let pool = Pool::new(TEN.len(), &NEVER);
        let ranking = Ranking {
            tensors: &tensors,
            chunks: split(&tensors),
            size: 10,
            instructions: Instructions::widest(),
            pool,
        };
        let mut mask = [0xaa; 2];
        let mut bits = vec![&mut mask[..]];
        let bracket = Bracket { lo: rank(lo), hi: rank(hi) };
        let pass = ranking.pass(&mut bits, &Estimate { bracket, rank: rank(estimate), tie_density: 0.0 }).unwrap();
        check(&ranking, bits, pass);
    }

    fn zones(pass: &Pass<i32>) -> [usize; 3] {
        [pass.sum(|tally| tally.above), pass.sum(|tally| tally.inside), pass.sum(|tally| tally.edge)]
    }

    const TARGET: Target = Target { bracket: Bracket::ALL, keep: 5, size: 10 };

    #[test]
    fn the_example_of_a_threshold_inside_the_bracket() {
        after_pass((4.0, 7.0), 6.0, |ranking, bits, pass| {
            assert_eq!(zones(&pass), [2, 5, 0]);
            assert_eq!(bits[0], [0b0100_0101, 0b00]);
            let (zone, target) = pass.locate(5, TARGET);
            assert_eq!((zone, target.keep, target.size), (Zone::Inside, 3, 5));
            let mut mask = bits[0].to_vec();
            let (counts, threshold) = ranking.resolve_inside(vec![&mut mask], &pass, target.keep).unwrap();
            assert_eq!((mask, counts, threshold), (vec![0b0101_0101, 0b10], vec![5], rank(5.0)));
        });
    }

    #[test]
    fn the_example_of_a_threshold_on_the_edge() {
        after_pass((5.0, 8.0), 8.0, |ranking, bits, pass| {
            assert_eq!(zones(&pass), [1, 3, 3]);
            let (zone, target) = pass.locate(5, TARGET);
            assert_eq!((zone, target.keep, target.size), (Zone::Edge, 1, 3));
            let mut mask = bits[0].to_vec();
            let counts = ranking.resolve_edge(vec![&mut mask], &pass, target.keep).unwrap();
            assert_eq!((mask, counts), (vec![0b0101_0101, 0b10], vec![5]));
        });
    }

    #[test]
    fn the_example_of_a_miss() {
        after_pass((7.0, 9.0), 8.0, |_, _, pass| {
            assert_eq!(zones(&pass), [0, 2, 1]);
            let (zone, target) = pass.locate(5, TARGET);
            assert_eq!((zone, target.keep, target.size), (Zone::Below, 2, 7));
            assert_eq!(target.bracket, Bracket { lo: i64::MIN, hi: rank(7.0) - 1 });
        });
    }
}
