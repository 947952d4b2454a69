//! Where a ranking of stored weights is cut.

use std::collections::BTreeMap;

use ::safetensors::Dtype;
use rayon::prelude::*;

use crate::prune::pieces::{Piece, batches, pieces};
use crate::prune::weight::{Bracket, Count, for_dtype};
use crate::prune::{Checkpoint, Progress, PruneError, Rule};

/// Most bins of a tally; eight mebibytes.
const MOST_BINS: u64 = 1 << 20;
/// The sample: so many snippets of so many bytes, evenly spaced. Neighbours resemble each other, so that a snippet is worth
/// fewer weights than it has.
const SNIPPETS: u64 = 4096;
const SNIPPET: u64 = 2048;
const WORTH: usize = 64;
/// Two are common, and seven the most: five for 64 bits, twenty at a time, and one on either side of a bracket that missed.
const MOST_PASSES: usize = 8;
/// Standard deviations of the sample's rank on either side of the bracket.
const MARGIN: f64 = 4.0;

/// A cut through a ranking: everything above `key` is kept, and the first `ties` of those equal to it.
#[derive(Clone, Copy, Debug)]
struct Cut {
    key: u64,
    ties: usize,
}

/// A tensor in a ranking, without the best that `above` has already taken from it.
#[derive(Clone, Copy, Debug)]
struct Entrant {
    tensor: usize,
    above: Option<Cut>,
}

/// What is kept of each ranked tensor.
#[derive(Clone, Debug)]
pub struct Cuts {
    /// A rule per tensor, by its place among [`Checkpoint::tensors`].
    pub rules: BTreeMap<usize, Rule>,
    /// Ties that tensors share, taken in name order.
    pub shared_ties: usize,
    /// The smallest magnitude kept; `None` if nothing is kept.
    pub threshold: Option<f64>,
}

impl Checkpoint {
    /// Finds the cut that keeps exactly `keep` weights of these tensors: first the `floor` largest of each (all of one that
    /// has fewer), then the largest of what is left, over all tensors together.
    ///
    /// Reads the tensors once for f16, bf16 and f32, and once more if there are floors; f64 takes some passes more. Memory
    /// does not depend on the checkpoint's size.
    ///
    /// # Errors
    /// NaN, a file that cannot be read or that changes, or a stop.
    ///
    /// # Panics
    /// A tensor's dtype has no rank, or the floors exceed `keep`, or `keep` the number of weights.
    pub fn cut(&self, tensors: &[usize], keep: usize, floor: usize, progress: &Progress) -> Result<Cuts, PruneError> {
        progress.begin(self.bytes(tensors) * if floor > 0 { 2 } else { 1 });
        self.cut_together(tensors, keep, floor, progress)
    }

    /// Finds the cuts that keep exactly the `keep` largest weights of each tensor, given as (tensor, keep).
    ///
    /// # Errors
    /// NaN, a file that cannot be read or that changes, or a stop.
    ///
    /// # Panics
    /// A tensor's dtype has no rank, or it has fewer weights than are to be kept.
    pub fn cut_each(&self, keeps: &[(usize, usize)], progress: &Progress) -> Result<Cuts, PruneError> {
        progress.begin(keeps.iter().map(|&(tensor, _)| self.bytes(&[tensor])).sum());
        let mut cuts = Cuts { rules: BTreeMap::new(), shared_ties: 0, threshold: None };
        for &(tensor, keep) in keeps {
            let part = self.cut_together(&[tensor], keep, 0, progress)?;
            // Alone, a tensor shares its ties with nobody.
            let own = |rule| match rule {
                Rule::Cut { key, .. } => Rule::Cut { key, ties: part.shared_ties, shares: false },
                other => other,
            };
            cuts.rules.extend(part.rules.into_iter().map(|(tensor, rule)| (tensor, own(rule))));
        }
        Ok(cuts)
    }

    fn cut_together(
        &self,
        tensors: &[usize],
        keep: usize,
        floor: usize,
        progress: &Progress,
    ) -> Result<Cuts, PruneError> {
        let mut entrants = Vec::with_capacity(tensors.len());
        let mut protected = 0;
        for &tensor in tensors {
            let quota = floor.min(self.tensors[tensor].size());
            protected += quota;
            let alone = [Entrant { tensor, above: None }];
            let above = if quota > 0 { Some(self.find(&alone, quota, progress)?) } else { None };
            entrants.push(Entrant { tensor, above });
        }
        let common = match keep.checked_sub(protected).expect("the floors fit") {
            // Nothing is left to rank, but NaN is refused all the same.
            0 => self.check_numbers(&entrants, progress).map(|()| None)?,
            budget => Some(self.find(&entrants, budget, progress)?),
        };
        let rule = |entrant: &Entrant| match (entrant.above, common) {
            (Some(own), None) => Rule::Cut { key: own.key, ties: own.ties, shares: false },
            (Some(own), Some(common)) if own.key < common.key => {
                Rule::Cut { key: own.key, ties: own.ties, shares: false }
            }
            (Some(own), Some(common)) if own.key == common.key => {
                Rule::Cut { key: own.key, ties: own.ties, shares: true }
            }
            (_, Some(common)) => Rule::Cut { key: common.key, ties: 0, shares: true },
            (None, None) => Rule::Cut { key: u64::MAX, ties: 0, shares: false },
        };
        let keys = entrants.iter().filter_map(|entrant| entrant.above).chain(common).map(|cut| cut.key);
        Ok(Cuts {
            threshold: keys.min().map(f64::from_bits),
            rules: entrants.iter().map(|entrant| (entrant.tensor, rule(entrant))).collect(),
            shared_ties: common.map_or(0, |cut| cut.ties),
        })
    }

    /// Finds the cut that keeps the best `keep` of all entrants together; at least 1 and at most their number.
    fn find(&self, entrants: &[Entrant], keep: usize, progress: &Progress) -> Result<Cut, PruneError> {
        let dtypes = entrants.iter().map(|entrant| self.tensors[entrant.tensor].dtype);
        let grain = dtypes.map(|dtype| for_dtype!(dtype, grain())).min().expect("there is a tensor");
        let size: usize = entrants.iter().map(|entrant| self.tensors[entrant.tensor].size()).sum();
        let mut keys = self.sample(entrants)?;
        let (mut low, mut high) = bracket(&mut keys, size, keep);
        drop(keys);
        for pass in 0..MOST_PASSES {
            if pass > 0 {
                progress.extend(entrants.iter().map(|entrant| self.bytes(&[entrant.tensor])).sum());
            }
            let shift = (grain..).find(|shift| (high - low) >> shift < MOST_BINS).expect("64 bits do");
            let bracket = Bracket { range: low..=high, shift };
            let (above, bins) = self.tally(entrants, &bracket, progress)?;
            if keep <= above {
                low = high + (1 << grain);
                high = low.max(f64::INFINITY.to_bits());
                continue;
            }
            let mut left = keep - above;
            let last = bins.iter().enumerate().rev().find(|&(_, &count)| {
                let found = left <= count;
                left -= if found { 0 } else { count };
                found
            });
            match last {
                None => (low, high) = (0, low.saturating_sub(1)),
                Some((bin, _)) => {
                    let first = low + ((bin as u64) << shift);
                    if shift == grain {
                        return Ok(Cut { key: first, ties: left });
                    }
                    (low, high) = (first, first + (1 << shift) - 1);
                }
            }
        }
        // Every pass narrows the range, unless the weights are not those of the pass before.
        Err(PruneError::Changed(self.sources[self.tensors[entrants[0].tensor].file].path.clone()))
    }

    /// Returns the keys of some weights: of all if they are few.
    fn sample(&self, entrants: &[Entrant]) -> Result<Vec<u64>, PruneError> {
        let total: u64 = entrants.iter().map(|entrant| self.bytes(&[entrant.tensor])).sum();
        let stride = (total / SNIPPETS).next_multiple_of(SNIPPET).max(SNIPPET);
        let snippets: Vec<Piece> = entrants
            .iter()
            .flat_map(|entrant| {
                let (tensor, bytes) = (entrant.tensor, self.tensors[entrant.tensor].bytes);
                let piece = move |start| Piece { tensor, start, bytes: SNIPPET.min(bytes - start) as usize };
                (0..bytes).step_by(stride as usize).map(piece)
            })
            .collect();
        let keys = |snippet: &Piece| {
            let mut keys = Vec::new();
            let dtype = self.tensors[snippet.tensor].dtype;
            self.visit(snippet, |bytes| for_dtype!(dtype, push_keys(bytes, &mut keys)))?;
            Ok(keys)
        };
        Ok(snippets.par_iter().map(keys).collect::<Result<Vec<_>, PruneError>>()?.concat())
    }

    /// Counts the keys above a bracket and tallies those inside it, in one pass.
    fn tally(
        &self,
        entrants: &[Entrant],
        bracket: &Bracket,
        progress: &Progress,
    ) -> Result<(usize, Vec<usize>), PruneError> {
        let (mut above, mut bins) = (0, vec![0; bracket.bins()]);
        let caps: BTreeMap<usize, u64> =
            entrants.iter().filter_map(|entrant| entrant.above.map(|cut| (entrant.tensor, cut.key))).collect();
        let count = |piece: &Piece, dtype, bytes: &[u8]| {
            let cap = caps.get(&piece.tensor).copied().unwrap_or(u64::MAX);
            for_dtype!(dtype, tally(bytes, bracket, cap))
        };
        self.scan(entrants, count, progress, |count| {
            above += count.above;
            match &mut bins[..] {
                [only] => *only += count.inside,
                bins => count.bins.iter().for_each(|&bin| bins[bin as usize] += 1),
            }
        })?;
        // Keys equal to the cut above were all counted; those that it took do not compete.
        for cut in entrants.iter().filter_map(|entrant| entrant.above) {
            if bracket.range.contains(&cut.key) {
                bins[bracket.bin(cut.key)] -= cut.ties;
            } else if cut.key > *bracket.range.end() {
                above -= cut.ties;
            }
        }
        Ok((above, bins))
    }

    fn bytes(&self, tensors: &[usize]) -> u64 {
        tensors.iter().map(|&tensor| self.tensors[tensor].bytes).sum()
    }

    fn check_numbers(&self, entrants: &[Entrant], progress: &Progress) -> Result<(), PruneError> {
        let check =
            |_: &Piece, dtype, bytes: &[u8]| Count { nan: for_dtype!(dtype, first_nan(bytes)), ..Count::default() };
        self.scan(entrants, check, progress, |_| ())
    }

    /// Reads all entrants once, and hands over what `count` says of each piece, in order.
    fn scan(
        &self,
        entrants: &[Entrant],
        count: impl Fn(&Piece, Dtype, &[u8]) -> Count + Sync,
        progress: &Progress,
        mut hand_over: impl FnMut(Count),
    ) -> Result<(), PruneError> {
        let all: Vec<Piece> = entrants
            .iter()
            .flat_map(|entrant| {
                let stored = &self.tensors[entrant.tensor];
                pieces(entrant.tensor, stored, (stored.dtype.bitsize() / 8) as u64)
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
                hand_over(count);
            }
            progress.advance(batch.iter().map(|piece| piece.bytes as u64).sum())?;
        }
        Ok(())
    }

    /// Names the weight of `piece` that is NaN, if one is.
    pub(super) fn refuse_nan(&self, piece: &Piece, nan: Option<usize>) -> Result<(), PruneError> {
        let tensor = &self.tensors[piece.tensor];
        let before = piece.start / (tensor.dtype.bitsize() / 8) as u64;
        nan.map_or(Ok(()), |index| {
            Err(PruneError::NotANumber { tensor: tensor.name.clone(), index: before as usize + index })
        })
    }
}

/// Returns keys between which the best `keep` of `size` weights very likely end, given the keys of some of them.
fn bracket(sample: &mut [u64], size: usize, keep: usize) -> (u64, u64) {
    let infinity = f64::INFINITY.to_bits();
    let share = keep as f64 / size as f64;
    let deviation = (share * (1.0 - share) / sample.len().min(SNIPPETS as usize * WORTH) as f64).sqrt();
    let margin = (MARGIN * deviation * sample.len() as f64) as usize + WORTH;
    let (first, last) = match (share * sample.len() as f64) as usize {
        _ if sample.len() == size => (Some(keep - 1), keep - 1),
        rank => (rank.checked_sub(margin), rank + margin),
    };
    let sampled = sample.len();
    let mut at_rank = |rank| sample.select_nth_unstable_by(rank, |left, right| right.cmp(left)).1.to_owned();
    let high = first.map_or(infinity, &mut at_rank).min(infinity);
    let low = if last < sampled { at_rank(last).min(high) } else { 0 };
    (low, high)
}
