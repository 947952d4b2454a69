//! Ranks stored weights by magnitude and finds the threshold of a selection, in passes over the files.
//!
//! ```text
//! find(contenders, keep):
//!     bracket = sample quantile, 4 standard deviations either way        # crate::sample, on about 2^20 weights
//!     repeat:
//!         pass over all contenders: count the ranks above the bracket, and those in each of its at most 2^20 bins
//!         keep <= above                    -> bracket = all ranks above it        # a miss
//!         the keep-th best is in a bin     -> if the bin is one rank: done
//!                                             otherwise bracket = the bin
//!         otherwise                        -> bracket = all ranks below it        # a miss
//! ```
//!
//! A rank is a key divided by 2^grain, the distance of neighbouring keys: the keys of f32 are multiples of 2^29, so
//! without the division most bins of a bracket of f32 would hold no key.
//!
//! Sample windows, quantile, bracket and bins are those of selections in memory. Two things differ. The sample is read
//! from files, window by window ([`Checkpoint::estimate`]). And the pass counts in many bins instead of listing hits,
//! because it takes as long as reading the file in any case, and memory must not grow with the checkpoint
//! (docs/adr/0025).

use std::collections::BTreeMap;

use ::safetensors::Dtype;
use rayon::prelude::*;

use crate::bracket::Bracket;
use crate::histogram::{Bins, bin_of_threshold};
use crate::prune::read::{Piece, batches, pieces};
use crate::prune::weight::{Count, for_dtype};
use crate::prune::{Checkpoint, Progress, PruneError};
use crate::sample::Sample;
use crate::windows::Windows;

/// Bins of a histogram at most; eight mebibytes. Most brackets of f32 hold fewer ranks, so one pass finds the
/// threshold.
const MOST_BINS: usize = 1 << 20;

/// Weights of the sample: 4096 windows of 256 weights.
///
/// Many short windows, because neighbours resemble each other; none below a kibibyte of f32, because the system reads
/// whole pages anyway.
const SAMPLE: usize = 1 << 20;

/// Weights per window.
const WINDOW: usize = 256;

/// Standard deviations from the quantile to either end of the bracket.
///
/// The probability that a normal variable is farther away is 1/15,787. A miss costs another pass over the files, while
/// a wider bracket costs nothing as long as its ranks fit into the bins; so it is wider than in memory.
const DEVIATIONS: f64 = 4.0;

/// Passes after which the files must have changed.
///
/// At most five are needed: one that misses, and four that resolve 20 bits each of the 63 bits of a key.
const MOST_PASSES: usize = 8;

/// Which weights of a tensor are kept.
///
/// ```
/// use pruneproof_core::prune::Rule;
///
/// let two_of_four = Rule::Groups { length: 4, keep: 2 };
/// let all_above_one = Rule::Threshold { key: 1.0_f64.to_bits() as i64, ties: 0, shares: false };
/// assert!(!matches!((two_of_four, all_above_one), (Rule::Threshold { .. }, Rule::Groups { .. })));
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// Those above a key (the bits of a magnitude as f64), and some of those equal to it, lowest index first.
    Threshold {
        /// Key of the smallest magnitude kept.
        key: i64,
        /// How many equal ones are kept in any case.
        ties: usize,
        /// Whether more of them are kept while [`Rules::shared_ties`] lasts.
        shares: bool,
    },
    /// The largest `keep` of each `length` consecutive weights, ties to the lower index.
    Groups {
        /// Weights per group; divides the tensor's size.
        length: usize,
        /// Weights of each group to keep.
        keep: usize,
    },
}

/// Which weights of a checkpoint are kept; the result of [`Checkpoint::select`].
///
/// ```
/// use std::collections::BTreeMap;
/// use pruneproof_core::prune::{Rule, Rules};
///
/// // 2:4 sparsity in the first tensor needs no ranking over tensors, so the rules can be written down.
/// let by_tensor = BTreeMap::from([(0, Rule::Groups { length: 4, keep: 2 })]);
/// let rules = Rules { by_tensor, shared_ties: 0, threshold: None };
/// assert_eq!(rules.by_tensor.len(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct Rules {
    /// A rule per tensor, by index in [`Checkpoint::tensors`]; tensors without one are kept whole.
    pub by_tensor: BTreeMap<usize, Rule>,
    /// Ties that tensors share, taken in name order.
    pub shared_ties: usize,
    /// The smallest magnitude kept; `None` if nothing is kept or tensors were ranked by themselves.
    pub threshold: Option<f64>,
}

/// The worst weight that is kept: all above `key` are kept, and the first `ties` of those equal to it.
#[derive(Clone, Copy, Debug)]
struct Threshold {
    key: i64,
    ties: usize,
}

/// A tensor in a ranking, without the weights that its floor protects.
#[derive(Clone, Copy, Debug)]
struct Contender {
    tensor: usize,
    /// The threshold of the protected weights.
    floor: Option<Threshold>,
    /// Number of weights that compete.
    size: usize,
}

impl Contender {
    /// Returns the key above which weights are protected and do not compete.
    fn cap(&self) -> i64 {
        self.floor.map_or(i64::MAX, |floor| floor.key)
    }
}

impl Checkpoint {
    /// Returns the rules that keep exactly `keep` weights of these tensors: first the `floor` largest of each (all of
    /// one that has fewer), then the largest of the others over all tensors together.
    ///
    /// ```
    /// # use pruneproof_core::prune::{Checkpoint, Progress};
    /// # use safetensors::{Dtype, tensor::{TensorView, serialize_to_file}};
    /// # let file = tempfile::NamedTempFile::new().unwrap();
    /// # let bytes = [[0.5_f32, -2.0], [0.25, 0.125]].map(|weights| weights.map(f32::to_le_bytes).concat());
    /// # let view = |bytes| TensorView::new(Dtype::F32, vec![2], bytes).unwrap();
    /// # serialize_to_file([("a", view(&bytes[0])), ("b", view(&bytes[1]))], None, file.path()).unwrap();
    /// # let (checkpoint, progress) = (Checkpoint::open(&[file.path().to_owned()]).unwrap(), Progress::default());
    /// // Tensor "a" holds 0.5 and -2, tensor "b" 0.25 and 0.125. The two largest are in "a"; a floor keeps one of each.
    /// assert_eq!(checkpoint.select(&[0, 1], 2, 0, &progress).unwrap().threshold, Some(0.5));
    /// assert_eq!(checkpoint.select(&[0, 1], 2, 1, &progress).unwrap().threshold, Some(0.25));
    /// ```
    ///
    /// # Complexity
    /// Reads the tensors once for f16, bf16 and f32, and once more if there is a floor; f64 takes up to four passes,
    /// and a biased sample costs one more. Time O(n) for n weights. Memory does not grow with the checkpoint: one
    /// piece of a mebibyte per thread, the bins of the weights inside the bracket, 8 MiB of counters and 16 MiB for the
    /// sample.
    ///
    /// # Errors
    /// [`PruneError::NotANumber`], [`PruneError::Unreadable`], [`PruneError::Changed`]; [`PruneError::Stopped`] after
    /// [`Progress::stop`].
    ///
    /// # Panics
    /// A tensor's dtype is not F16, BF16, F32 or F64; the floors exceed `keep`, or `keep` the number of weights.
    pub fn select(
        &self,
        tensors: &[usize],
        keep: usize,
        floor: usize,
        progress: &Progress,
    ) -> Result<Rules, PruneError> {
        progress.begin(self.bytes(tensors) * if floor > 0 { 2 } else { 1 });
        self.select_together(tensors, keep, floor, progress)
    }

    /// Returns the rules that keep exactly the `keep` largest weights of each tensor, given as (tensor, keep).
    ///
    /// ```
    /// # use pruneproof_core::prune::{Checkpoint, Progress};
    /// # use safetensors::{Dtype, tensor::{TensorView, serialize_to_file}};
    /// # let file = tempfile::NamedTempFile::new().unwrap();
    /// # let bytes = [[0.5_f32, -2.0], [0.25, 1.0]].map(|weights| weights.map(f32::to_le_bytes).concat());
    /// # let view = |bytes| TensorView::new(Dtype::F32, vec![2], bytes).unwrap();
    /// # serialize_to_file([("a", view(&bytes[0])), ("b", view(&bytes[1]))], None, file.path()).unwrap();
    /// # let (checkpoint, progress) = (Checkpoint::open(&[file.path().to_owned()]).unwrap(), Progress::default());
    /// // Tensor "a" holds 0.5 and -2, tensor "b" 0.25 and 1.
    /// let rules = checkpoint.select_each(&[(0, 1), (1, 1)], &progress).unwrap();
    /// let applied = checkpoint.apply(&rules, None, true, &progress).unwrap();
    /// assert_eq!((&applied.masks[&0], &applied.masks[&1]), (&vec![0b10], &vec![0b10]));
    /// ```
    ///
    /// # Complexity
    /// As [`Checkpoint::select`], tensor by tensor.
    ///
    /// # Errors
    /// [`PruneError::NotANumber`], [`PruneError::Unreadable`], [`PruneError::Changed`]; [`PruneError::Stopped`] after
    /// [`Progress::stop`].
    ///
    /// # Panics
    /// A tensor's dtype is not F16, BF16, F32 or F64, or it has fewer weights than are to be kept.
    pub fn select_each(&self, keeps: &[(usize, usize)], progress: &Progress) -> Result<Rules, PruneError> {
        progress.begin(keeps.iter().map(|&(tensor, _)| self.bytes(&[tensor])).sum());
        let mut rules = Rules { by_tensor: BTreeMap::new(), shared_ties: 0, threshold: None };
        for &(tensor, keep) in keeps {
            let alone = self.select_together(&[tensor], keep, 0, progress)?;
            // The ties of a ranking of one tensor are its own.
            let own = |rule| match rule {
                Rule::Threshold { key, .. } => Rule::Threshold { key, ties: alone.shared_ties, shares: false },
                other => other,
            };
            rules.by_tensor.extend(alone.by_tensor.into_iter().map(|(tensor, rule)| (tensor, own(rule))));
        }
        Ok(rules)
    }

    fn select_together(
        &self,
        tensors: &[usize],
        keep: usize,
        floor: usize,
        progress: &Progress,
    ) -> Result<Rules, PruneError> {
        let mut contenders = Vec::with_capacity(tensors.len());
        let mut protected = 0;
        for &tensor in tensors {
            let size = self.tensors[tensor].size();
            let floor = floor.min(size);
            protected += floor;
            let alone = [Contender { tensor, floor: None, size }];
            let threshold = if floor > 0 { Some(self.find(&alone, floor, progress)?) } else { None };
            contenders.push(Contender { tensor, floor: threshold, size: size - floor });
        }
        let common = match keep.checked_sub(protected).expect("the floors do not exceed the number to keep") {
            // There is nothing to rank, but NaN is refused all the same.
            0 => self.check_numbers(&contenders, progress).map(|()| None)?,
            keep => Some(self.find(&contenders, keep, progress)?),
        };
        let rule = |contender: &Contender| match (contender.floor, common) {
            (Some(floor), None) => Rule::Threshold { key: floor.key, ties: floor.ties, shares: false },
            (Some(floor), Some(common)) if floor.key < common.key => {
                Rule::Threshold { key: floor.key, ties: floor.ties, shares: false }
            }
            (Some(floor), Some(common)) if floor.key == common.key => {
                Rule::Threshold { key: floor.key, ties: floor.ties, shares: true }
            }
            (_, Some(common)) => Rule::Threshold { key: common.key, ties: 0, shares: true },
            (None, None) => Rule::Threshold { key: i64::MAX, ties: 0, shares: false },
        };
        let keys = contenders.iter().filter_map(|contender| contender.floor).chain(common).map(|each| each.key);
        Ok(Rules {
            threshold: keys.min().map(|key| f64::from_bits(key as u64)),
            by_tensor: contenders.iter().map(|contender| (contender.tensor, rule(contender))).collect(),
            shared_ties: common.map_or(0, |common| common.ties),
        })
    }

    /// Finds the threshold that keeps the best `keep` of all contenders together; `keep` is at least 1, and at most
    /// their number.
    fn find(&self, contenders: &[Contender], keep: usize, progress: &Progress) -> Result<Threshold, PruneError> {
        let dtypes = contenders.iter().map(|contender| self.tensors[contender.tensor].dtype);
        let grain = dtypes.map(|dtype| for_dtype!(dtype, grain())).min().expect("there is a contender");
        let all = Bracket { lo: -1, hi: (f64::INFINITY.to_bits() >> grain) as i64 };
        let mut bracket = self.estimate(contenders, keep, grain, all)?;
        for pass in 0..MOST_PASSES {
            if bracket.lo >= bracket.hi {
                break;
            }
            if pass > 0 {
                progress.extend(contenders.iter().map(|contender| self.bytes(&[contender.tensor])).sum());
            }
            let bins = Bins::over(bracket, MOST_BINS);
            let (above, histogram) = self.count(contenders, bins, grain, progress)?;
            bracket = if keep <= above {
                Bracket { lo: bracket.hi, hi: all.hi }
            } else {
                match bin_of_threshold(&histogram, keep - above) {
                    Some((bin, ties)) if bins.shift == 0 => {
                        return Ok(Threshold { key: bins.bracket(bin).hi << grain, ties });
                    }
                    Some((bin, _)) => bins.bracket(bin),
                    None => Bracket { lo: all.lo, hi: bracket.lo },
                }
            };
        }
        // Every pass narrows the bracket around the threshold, unless the weights are not those of the pass before.
        Err(PruneError::Changed(self.sources[self.tensors[contenders[0].tensor].file].path.clone()))
    }

    /// Estimates the threshold from a sample that is read from the files, as a bracket inside `all`.
    fn estimate(&self, contenders: &[Contender], keep: usize, grain: u32, all: Bracket) -> Result<Bracket, PruneError> {
        let sizes = contenders.iter().map(|contender| self.tensors[contender.tensor].size());
        let windows = Windows::new(sizes, WINDOW);
        let count = windows.count(SAMPLE);
        let draw = |number: usize| {
            let mut part = Sample::new(Bracket::ALL, Bracket::ALL);
            let (mut segments, mut keys) = (Vec::new(), Vec::new());
            windows.segments(number, count, &mut segments);
            for segment in segments {
                let contender = &contenders[segment.owner];
                let dtype = self.tensors[contender.tensor].dtype;
                let width = dtype.bitsize() / 8;
                let start = (segment.range.start * width) as u64;
                let piece = Piece { tensor: contender.tensor, start, bytes: segment.range.len() * width };
                keys.clear();
                self.visit(&piece, |bytes| for_dtype!(dtype, push_keys(bytes, &mut keys)))?;
                let competing = keys.iter().filter(|key| **key <= contender.cap());
                competing.for_each(|key| part.add(key >> grain));
            }
            part.end_window(0, 0);
            Ok(part)
        };
        let parts = (0..count).into_par_iter().map(draw).collect::<Result<Vec<Sample>, PruneError>>()?;
        let mut sample = Sample::new(Bracket::ALL, Bracket::ALL);
        parts.into_iter().for_each(|part| sample.append(part));
        let density = keep as f64 / contenders.iter().map(|contender| contender.size).sum::<usize>() as f64;
        let Bracket { lo, hi } = sample.quantile(density, DEVIATIONS, WINDOW).bracket;
        let hi = hi.min(all.hi);
        Ok(Bracket { lo: lo.max(all.lo).min(hi - 1), hi })
    }

    /// Counts the ranks above the bins and those in each bin, in one pass.
    fn count(
        &self,
        contenders: &[Contender],
        bins: Bins,
        grain: u32,
        progress: &Progress,
    ) -> Result<(usize, Vec<usize>), PruneError> {
        let (mut above, mut histogram) = (0, vec![0; bins.len()]);
        let caps: BTreeMap<usize, i64> =
            contenders.iter().map(|contender| (contender.tensor, contender.cap())).collect();
        let count =
            |piece: &Piece, dtype, bytes: &[u8]| for_dtype!(dtype, count(bytes, bins, grain, caps[&piece.tensor]));
        self.pass(contenders, count, progress, |count| {
            above += count.above;
            match &mut histogram[..] {
                [only] => *only += count.inside,
                many => count.bins.iter().for_each(|&bin| many[bin as usize] += 1),
            }
        })?;
        // All weights that tie with the threshold of a floor were counted; those that it protects do not compete.
        for floor in contenders.iter().filter_map(|contender| contender.floor) {
            let rank = floor.key >> grain;
            match bins.bin(rank) {
                Some(bin) => histogram[bin] = histogram[bin].saturating_sub(floor.ties),
                None if rank > bins.span.hi => above = above.saturating_sub(floor.ties),
                None => {}
            }
        }
        Ok((above, histogram))
    }

    fn bytes(&self, tensors: &[usize]) -> u64 {
        tensors.iter().map(|&tensor| self.tensors[tensor].bytes).sum()
    }

    /// Refuses NaN, in one pass.
    fn check_numbers(&self, contenders: &[Contender], progress: &Progress) -> Result<(), PruneError> {
        let check =
            |_: &Piece, dtype, bytes: &[u8]| Count { nan: for_dtype!(dtype, first_nan(bytes)), ..Count::default() };
        self.pass(contenders, check, progress, |_| ())
    }

    /// Reads all contenders once, and passes what `count` returns for each piece to `collect`, in order.
    fn pass(
        &self,
        contenders: &[Contender],
        count: impl Fn(&Piece, Dtype, &[u8]) -> Count + Sync,
        progress: &Progress,
        mut collect: impl FnMut(Count),
    ) -> Result<(), PruneError> {
        let all: Vec<Piece> = contenders
            .iter()
            .flat_map(|contender| {
                let stored = &self.tensors[contender.tensor];
                pieces(contender.tensor, stored, (stored.dtype.bitsize() / 8) as u64)
            })
            .collect();
        for batch in batches(&all) {
            let counts = batch
                .par_iter()
                .map(|piece| {
                    let dtype = self.tensors[piece.tensor].dtype;
                    self.visit(piece, |bytes| count(piece, dtype, bytes))
                })
                .collect::<Result<Vec<Count>, PruneError>>()?;
            for (piece, count) in batch.iter().zip(counts) {
                self.refuse_nan(piece, count.nan)?;
                collect(count);
            }
            progress.advance(batch.iter().map(|piece| piece.bytes as u64).sum())?;
        }
        Ok(())
    }

    /// Returns the error for a NaN at index `nan` of a piece, if there is one.
    pub(super) fn refuse_nan(&self, piece: &Piece, nan: Option<usize>) -> Result<(), PruneError> {
        let tensor = &self.tensors[piece.tensor];
        let before = piece.start / (tensor.dtype.bitsize() / 8) as u64;
        nan.map_or(Ok(()), |index| {
            Err(PruneError::NotANumber { tensor: tensor.name.clone(), index: before as usize + index })
        })
    }
}

#[cfg(test)]
mod tests {
    use ::safetensors::tensor::{TensorView, serialize_to_file};

    use super::*;

    /// Weights, four times as many as a sample has.
    const SIZE: usize = 4 * SAMPLE;

    /// Returns weights whose sample is biased: those that it reads are `scale` times as large.
    fn biased(scale: f32) -> Vec<f32> {
        let weight = |i: usize| ((i as f32 * 0.618_034).fract() - 0.5).powi(3);
        let mut weights: Vec<f32> = (0..SIZE).map(weight).collect();
        let windows = Windows::new(std::iter::once(SIZE), WINDOW);
        let (mut segments, count) = (Vec::new(), windows.count(SAMPLE));
        (0..count).for_each(|number| windows.segments(number, count, &mut segments));
        segments.into_iter().flat_map(|segment| segment.range).for_each(|i| weights[i] *= scale);
        weights
    }

    fn check(dtype: Dtype, bytes: &[u8], magnitudes: &mut [f64]) {
        let file = tempfile::NamedTempFile::new().unwrap();
        serialize_to_file([("w", TensorView::new(dtype, vec![SIZE], bytes).unwrap())], None, file.path()).unwrap();
        let checkpoint = Checkpoint::open(&[file.path().to_owned()]).unwrap();
        magnitudes.sort_unstable_by(|one, other| other.total_cmp(one));
        for keep in [1, SIZE / 50, SIZE / 2, SIZE - 1] {
            let rules = checkpoint.select(&[0], keep, 0, &Progress::default()).unwrap();
            assert_eq!(rules.threshold, Some(magnitudes[keep - 1]), "{dtype}, keep {keep}");
            let ties = magnitudes[..keep].iter().filter(|magnitude| Some(**magnitude) == rules.threshold).count();
            assert_eq!(rules.shared_ties, ties);
        }
    }

    #[test]
    fn a_biased_sample_costs_passes_and_no_wrong_threshold() {
        for scale in [1000.0, 0.001] {
            let weights = biased(scale);
            let mut magnitudes: Vec<f64> = weights.iter().map(|weight| f64::from(weight.abs())).collect();
            let bytes = |weight: &f32| weight.to_le_bytes();
            check(Dtype::F32, &weights.iter().flat_map(bytes).collect::<Vec<u8>>(), &mut magnitudes);
            let bytes = |weight: &f32| (f64::from(*weight) / 3.0).to_le_bytes();
            let mut magnitudes: Vec<f64> = weights.iter().map(|weight| (f64::from(*weight) / 3.0).abs()).collect();
            check(Dtype::F64, &weights.iter().flat_map(bytes).collect::<Vec<u8>>(), &mut magnitudes);
        }
    }
}
