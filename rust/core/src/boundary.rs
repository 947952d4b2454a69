//! Where a ranking is cut, and the masks on the upper side of the cut.
//!
//! A sample brackets the cut ([`crate::sample`]). One pass over the scores ([`crate::scan`]) writes the bits of all above the
//! middle of the bracket, notes what lies inside it and counts what equals its foot. The cut is then found among the noted
//! ones, and the few bits between it and the middle are turned. Where the cut is among many equal scores it is the foot, and
//! chunks take their share of the ties by a second pass over just those chunks. A bracket that misses costs a second pass,
//! with a bracket from what the first one counted, and never a wrong answer.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::Error;
use crate::order::Score;
use crate::pieces::{CHUNK, Crew, Piece, cut};
use crate::sample::{Bracket, Guess, Known, guess};
use crate::scan::{Bounds, Inside, Instructions, Tally, scan};
use crate::tensor::{Measure, Tensor};

/// Guesses after which scores that mislead them are searched bin by bin.
const GUESSES: usize = 3;

/// Bins of a histogram of ranks.
const BINS: usize = 1 << 11;

/// What was kept.
pub(crate) struct Cut {
    /// Survivors of each tensor.
    pub counts: Vec<usize>,
    /// The lowest rank among them, if there are any.
    pub lowest: Option<i64>,
}

/// Writes into `masks` the best `keep` of the `available` candidates of `tensors`, which come in the order of ties.
///
/// Linear time; memory for a few in a hundred of the scores.
///
/// # Errors
/// NaN, or a stop.
pub(crate) fn keep_best<T: Score>(
    tensors: &[&Tensor<'_, T>],
    masks: &mut [&mut [u8]],
    keep: usize,
    available: usize,
    stop: &AtomicBool,
) -> Result<Cut, Error> {
    let size = tensors.iter().map(|tensor| tensor.values.len()).sum();
    let crew = Crew::new(size, stop);
    let ranking = Ranking { tensors, pieces: cut(tensors), size, instructions: Instructions::widest(), crew };
    crew.lead(|| ranking.keep_best(masks, Known { bracket: Bracket::ALL, wanted: keep, size: available }))
}

struct Ranking<'r, 't, 'a, T: Score> {
    tensors: &'r [&'t Tensor<'a, T>],
    pieces: Vec<Piece<'t, 'a, T>>,
    size: usize,
    instructions: Instructions,
    crew: Crew<'r>,
}

/// What a pass over all pieces found; one entry per piece.
struct Pass<K> {
    bracket: Bracket,
    bounds: Vec<Bounds<K>>,
    tallies: Vec<Tally>,
    /// Empty where more lay inside, in all, than is worth noting.
    inside: Vec<Vec<Inside<K>>>,
    overflow: bool,
    /// Pieces before this one had the ties at the foot written into their masks.
    tied: usize,
}

/// Where the cut is, as seen from a bracket.
enum Side {
    Above,
    Inside,
    Foot,
    Below,
}

impl<K> Pass<K> {
    fn sum(&self, count: impl Fn(&Tally) -> usize) -> usize {
        self.tallies.iter().map(count).sum()
    }

    /// Says where a cut is of which so much is known, and what is known of it then.
    fn locate(&self, keep: usize, known: Known) -> (Side, Known) {
        let Bracket { lo, hi } = self.bracket;
        // Ends of the four parts of what was known, by the places in it, from the top.
        let above = self.sum(|tally| tally.above) - (keep - known.wanted);
        let inside = above + self.sum(|tally| tally.inside);
        let foot = inside + self.sum(|tally| tally.foot);
        let part =
            |lo, hi, from, to| Known { bracket: Bracket { lo, hi }, wanted: known.wanted - from, size: to - from };
        match known.wanted {
            wanted if wanted <= above => (Side::Above, part(hi, known.bracket.hi, 0, above)),
            wanted if wanted <= inside => (Side::Inside, part(lo, hi, above, inside)),
            wanted if wanted <= foot => (Side::Foot, part(lo - 1, lo, inside, foot)),
            _ => (Side::Below, part(known.bracket.lo, lo - 1, foot, known.size)),
        }
    }
}

impl<T: Score> Ranking<'_, '_, '_, T> {
    fn keep_best(&self, masks: &mut [&mut [u8]], mut known: Known) -> Result<Cut, Error> {
        let keep = known.wanted;
        let mut bits: Vec<&mut [u8]> = masks.iter_mut().flat_map(|mask| mask.chunks_mut(CHUNK / 8)).collect();
        let mut guesses = 0..GUESSES;
        loop {
            let guess = match guesses.next() {
                Some(_) => guess(self.tensors, known, self.crew)?,
                None => Guess::sure(self.search(known)?),
            };
            let pass = self.pass(&mut bits, &guess)?;
            self.refuse_nan(&pass)?;
            let mut cut = Cut { counts: vec![0; self.tensors.len()], lowest: None };
            if keep == 0 {
                return Ok(cut);
            }
            let side;
            (side, known) = pass.locate(keep, known);
            let (counts, lowest) = match side {
                Side::Inside if !pass.overflow => self.settle_inside(bits, &pass, known.wanted)?,
                Side::Foot if !pass.overflow => (self.settle_at_foot(bits, &pass, known.wanted)?, pass.bracket.lo),
                _ => continue,
            };
            self.pieces.iter().zip(counts).for_each(|(piece, count)| cut.counts[piece.owner] += count);
            cut.lowest = Some(lowest);
            return Ok(cut);
        }
    }

    /// Passes over all pieces, and writes into their masks what lies above the middle of the bracket.
    ///
    /// The first ones, as many as the portion of ties that the guess keeps, get all from the foot of the bracket on.
    fn pass(&self, bits: &mut [&mut [u8]], guess: &Guess) -> Result<Pass<T::Key>, Error> {
        let bounds = self.bounds(guess.bracket, guess.middle);
        let tied = (guess.ties * self.pieces.len() as f64) as usize;
        let jobs = self.pieces.iter().zip(bits).enumerate().collect();
        let (noted, limit) = (AtomicUsize::new(0), self.limit());
        let found = self.crew.each(jobs, Vec::new, |inside, (i, (piece, bits))| {
            inside.clear();
            let tally = self.scan(piece, bounds[piece.owner], i < tied, bits, inside);
            let sum = noted.fetch_add(inside.len(), Ordering::Relaxed) + inside.len();
            (tally, if sum > limit { Vec::new() } else { inside.clone() })
        })?;
        let (tallies, inside) = found.into_iter().unzip();
        let overflow = noted.into_inner() > limit;
        Ok(Pass { bracket: guess.bracket, bounds, tallies, inside, overflow, tied })
    }

    fn scan(
        &self,
        piece: &Piece<'_, '_, T>,
        bounds: Bounds<T::Key>,
        tied: bool,
        bits: &mut [u8],
        inside: &mut Vec<Inside<T::Key>>,
    ) -> Tally {
        scan(self.instructions, piece.tensor, piece.range.clone(), bounds, tied, bits, inside)
    }

    /// Translates a bracket and its middle for each tensor.
    fn bounds(&self, bracket: Bracket, middle: i64) -> Vec<Bounds<T::Key>> {
        let bounds = |tensor: &&Tensor<'_, T>| Bounds {
            hi: tensor.last_key(bracket.hi),
            middle: tensor.last_key(middle),
            lo: tensor.last_key(bracket.lo),
            foot: tensor.last_key(bracket.lo.saturating_sub(1)),
        };
        self.tensors.iter().map(bounds).collect()
    }

    /// How many scores are noted at most: a twenty-fifth of the memory of all, and enough where there are few.
    fn limit(&self) -> usize {
        self.size * size_of::<T>() / (25 * size_of::<Inside<T::Key>>()) + CHUNK
    }

    /// Returns a part of what is known to hold the cut that has few inside.
    ///
    /// Each round is a pass that counts in [`BINS`] finer bins.
    fn search(&self, known: Known) -> Result<Bracket, Error> {
        let mut bins = Bins::over(self.span(known.bracket));
        let mut left = known.wanted;
        loop {
            let bounds = self.bounds(bins.span, bins.span.hi);
            let empty = || (Box::new([0; BINS]), Vec::new(), vec![0; CHUNK / 8]);
            let count = |(histogram, inside, spare): &mut (Box<[usize; BINS]>, Vec<_>, Vec<u8>),
                         piece: &Piece<'_, '_, T>| {
                inside.clear();
                let bits = &mut spare[..piece.range.len().div_ceil(8)];
                self.scan(piece, bounds[piece.owner], false, bits, inside);
                inside.iter().for_each(|each| bins.count(piece.tensor.rank(each.key), histogram));
            };
            let (histogram, ..) = self.crew.fold(&self.pieces, empty, count, |sum, part| add(&mut sum.0, &part.0))?;
            let (bin, rest) = last(&histogram, left);
            let found = bins.part(bin);
            if bins.shift == 0 {
                return Ok(Bracket::at(found.hi));
            }
            if histogram[bin] <= self.limit() {
                return Ok(found);
            }
            (bins, left) = (Bins::over(found), rest);
        }
    }

    fn refuse_nan(&self, pass: &Pass<T::Key>) -> Result<(), Error> {
        let faulty = self.pieces.iter().zip(&pass.tallies).find(|(_, tally)| tally.nan);
        match faulty.and_then(|(piece, _)| Some((piece.tensor, piece.tensor.find_nan(piece.range.clone())?))) {
            Some((tensor, index)) => Err(tensor.not_a_number(index)),
            None => Ok(()),
        }
    }

    /// Completes the masks, which hold what is above the middle, so that of those inside the best `missing` are kept.
    ///
    /// Returns the survivors of each piece and the lowest rank.
    fn settle_inside(
        &self,
        bits: Vec<&mut [u8]>,
        pass: &Pass<T::Key>,
        missing: usize,
    ) -> Result<(Vec<usize>, i64), Error> {
        let jobs: Vec<_> = self.pieces.iter().zip(&pass.inside).collect();
        let (rank, ties, equal) = narrow(self.crew, &jobs, self.span(pass.bracket), missing)?;
        // Where all that tie are kept, as is usual, no piece needs to know how many it has.
        let shares = if ties == equal {
            vec![usize::MAX; jobs.len()]
        } else {
            let count = |_: &mut (), (piece, inside): (&Piece<'_, '_, T>, &Vec<Inside<T::Key>>)| {
                inside.iter().filter(|each| piece.tensor.rank(each.key) == rank).count()
            };
            share_out(ties, self.crew.each(jobs, || (), count)?)
        };
        let jobs = self.pieces.iter().zip(&pass.inside).zip(bits).zip(shares).collect();
        let taken = self.crew.each(jobs, Vec::new, |turned: &mut Vec<u16>, (((piece, inside), bits), share)| {
            // Within a tensor, keys say the same as ranks and need no division.
            let (last, below) = (piece.tensor.last_key(rank), piece.tensor.last_key(rank - 1));
            let sure = if share == usize::MAX { below } else { last };
            let middle = pass.bounds[piece.owner].middle;
            // Which bits are turned is not to be foreseen, so their places are listed without a branch.
            turned.resize(inside.len() + 1, 0);
            let (mut taken, mut count) = (0, 0);
            for &Inside { key, place } in inside {
                taken += usize::from(key > sure);
                turned[count] = place;
                count += usize::from((key > sure) != (key > middle));
            }
            turned[..count].iter().for_each(|place| bits[usize::from(place / 8)] ^= 1 << (place % 8));
            if share != usize::MAX {
                let tied = inside.iter().filter(|each| each.key > below && each.key <= last);
                tied.take(share).for_each(|each| bits[usize::from(each.place / 8)] |= 1 << (each.place % 8));
                taken += share;
            }
            taken
        })?;
        Ok((pass.tallies.iter().zip(taken).map(|(tally, taken)| tally.above + taken).collect(), rank))
    }

    /// Completes the masks with all that is inside the bracket and the first `ties` of those at its foot.
    fn settle_at_foot(&self, bits: Vec<&mut [u8]>, pass: &Pass<T::Key>, ties: usize) -> Result<Vec<usize>, Error> {
        let shares = share_out(ties, pass.tallies.iter().map(|tally| tally.foot));
        let jobs = self.pieces.iter().zip(&pass.inside).zip(&pass.tallies).zip(bits).zip(shares).enumerate().collect();
        self.crew.each(
            jobs,
            || (),
            |(), (i, ((((piece, inside), tally), bits), share))| {
                let bounds = pass.bounds[piece.owner];
                let (written, wanted) = (i < pass.tied, share == tally.foot);
                if wanted != written && tally.foot > 0 {
                    self.scan(piece, Bounds { lo: bounds.hi, ..bounds }, wanted, bits, &mut Vec::new());
                }
                for Inside { place, .. } in inside {
                    bits[usize::from(place / 8)] |= 1 << (place % 8);
                }
                if !wanted {
                    let start = piece.range.start;
                    let is_tie = |&index: &usize| {
                        let key = piece.tensor.key(index);
                        key > bounds.foot && key <= bounds.lo && piece.tensor.is_candidate(index)
                    };
                    for index in piece.range.clone().filter(is_tie).take(share) {
                        bits[(index - start) / 8] |= 1 << ((index - start) % 8);
                    }
                }
                tally.above + inside.len() + share
            },
        )
    }

    /// Returns the part of a bracket in which scores can be.
    fn span(&self, bracket: Bracket) -> Bracket {
        let infinity = match self.tensors.first().map(|tensor| tensor.measure) {
            Some(Measure::Normalised(_)) => f64::INFINITY.key(),
            _ => T::INFINITY.into(),
        };
        Bracket { lo: bracket.lo.max(-infinity - 1), hi: bracket.hi.min(infinity) }
    }
}

/// Shares `ties` out over pieces that have so many each, first come first served.
fn share_out(ties: usize, available: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut left = ties;
    let take = |available| {
        let share = left.min(available);
        left -= share;
        share
    };
    available.into_iter().map(take).collect()
}

/// Ranks above `span.lo` and up to `span.hi`, in at most [`BINS`] bins of equal width.
#[derive(Clone, Copy)]
struct Bins {
    span: Bracket,
    /// Binary logarithm of the width.
    shift: u32,
}

impl Bins {
    const fn over(span: Bracket) -> Self {
        let width = span.hi.wrapping_sub(span.lo) as u64;
        Bins { span, shift: (u64::BITS - (width - 1).leading_zeros()).saturating_sub(BINS.ilog2()) }
    }

    /// Adds a rank to its bin, if it has one.
    #[inline(always)]
    fn count(self, rank: i64, histogram: &mut [usize; BINS]) {
        // A rank at or below the span wraps round to beyond its width.
        let distance = (rank.wrapping_sub(self.span.lo) as u64).wrapping_sub(1);
        if distance < self.span.hi.wrapping_sub(self.span.lo) as u64 {
            histogram[(distance >> self.shift) as usize % BINS] += 1;
        }
    }

    /// Returns the ranks of a bin.
    fn part(self, bin: usize) -> Bracket {
        let lo = self.span.lo.wrapping_add(((bin as u64) << self.shift) as i64);
        Bracket { lo, hi: self.span.hi.min(lo.saturating_add(1_i64 << self.shift)) }
    }
}

/// Returns the bin with the `wanted`-th best, and which of the best there that is.
fn last(histogram: &[usize; BINS], wanted: usize) -> (usize, usize) {
    let (mut bin, mut left) = (BINS - 1, wanted);
    while histogram[bin] < left {
        left -= histogram[bin];
        bin -= 1;
    }
    (bin, left)
}

fn add(sum: &mut [usize; BINS], part: &[usize; BINS]) {
    sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
}

/// A piece and what lies inside a bracket of it.
type Noted<'n, 't, 'a, T> = (&'n Piece<'t, 'a, T>, &'n Vec<Inside<<T as Score>::Key>>);

/// Finds the rank of the `wanted`-th best of the noted ones, all inside `span`.
///
/// Returns it with how many of that rank are among the best `wanted`, and how many there are.
fn narrow<T: Score>(
    crew: Crew<'_>,
    noted: &[Noted<'_, '_, '_, T>],
    span: Bracket,
    wanted: usize,
) -> Result<(i64, usize, usize), Error> {
    let mut bins = Bins::over(span);
    let mut left = wanted;
    loop {
        let count = |histogram: &mut Box<[usize; BINS]>, (piece, inside): &Noted<'_, '_, '_, T>| {
            inside.iter().for_each(|each| bins.count(piece.tensor.rank(each.key), histogram));
        };
        let histogram = crew.fold(noted, || Box::new([0; BINS]), count, |sum, part| add(sum, &part))?;
        let (bin, rest) = last(&histogram, left);
        if bins.shift == 0 {
            return Ok((bins.part(bin).hi, rest, histogram[bin]));
        }
        (bins, left) = (Bins::over(bins.part(bin)), rest);
    }
}
