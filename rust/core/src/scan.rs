//! The pass over the scores: compares each with the bracket, writes mask bits, lists hits and counts zones.
//!
//! A pass goes over one chunk. It works on batches of 16 words; a word is 64 scores, whose comparison with one bound
//! fills one `u64`:
//!
//! ```text
//! for each batch of 16 * 64 scores:
//!     for each word i:                                    # no branch in this loop
//!         keys        = key(score(value, factor)) of 64 scores
//!         above_hi[i] = which keys > hi                   # Compare::above, one bit per key
//!         above_lo[i] = which keys > lo
//!         from_lo[i]  = which keys > below_lo, that is >= lo
//!     clear the bits of scores that are no candidates
//!     above += popcount(above_hi)
//!     edge  += popcount(from_lo and not above_lo)
//!     for each word i with above_lo[i] != above_hi[i]:    # few: the bracket holds some percent of the scores
//!         list key and offset of each bit in above_lo and not above_hi; set its bit in above_hi if key > estimate
//!     mask bits = above_hi (or from_lo, if the edge is to be kept)
//! ```
//!
//! Three facts make it about as fast as reading the memory. The comparisons of a whole batch come before anything that
//! branches on them, so loads and comparisons of the batch overlap. Keys are compared as integers of the score's own
//! width, so a 512-bit vector holds 8 to 32 of them. And the words are `popcount`ed, so that counting costs one
//! instruction per 64 scores.

use std::marker::PhantomData;
use std::ops::Range;

use crate::arch::{Compare, Instructions};
use crate::order::Score;
use crate::tensor::{Measure, Tensor};

/// The ends of a bracket and the estimated threshold as keys of one tensor. A key is above a bound if it is greater.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<K> {
    /// Greatest key inside the bracket.
    pub hi: K,
    /// The estimated threshold; keys inside the bracket that are above it get their bit in the pass.
    pub estimate: K,
    /// Greatest key of the bracket's lower edge; keys above it, up to `hi`, are inside.
    pub lo: K,
    /// Greatest key below the edge; keys above it, up to `lo`, are on the edge.
    pub below_lo: K,
}

/// A score inside the bracket.
#[derive(Clone, Copy, Default)]
pub(crate) struct Hit<K> {
    /// Its key.
    pub key: K,
    /// Its index, counted from the start of the chunk.
    pub offset: u16,
}

/// Candidates of a chunk by zone.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Above the bracket.
    pub above: usize,
    /// Inside it.
    pub inside: usize,
    /// On its lower edge: they tie with rank `lo`.
    pub edge: usize,
    /// Whether any score, candidate or not, is NaN.
    pub nan: bool,
}

/// Passes over `range` of a tensor, at most a chunk; if the tensor has an alive mask, the range starts at a multiple of
/// eight.
///
/// Writes the packed mask of the candidates above the estimated threshold to `bits` (with `keep_edge`, of those from
/// the bracket's lower edge on), and appends those inside the bracket to `hits`. Linear time.
pub(crate) fn scan<T: Score>(
    instructions: Instructions,
    tensor: &Tensor<'_, T>,
    range: Range<usize>,
    bounds: Bounds<T::Key>,
    keep_edge: bool,
    bits: &mut [u8],
    hits: &mut Vec<Hit<T::Key>>,
) -> Tally {
    let values = &tensor.values[range.clone()];
    let alive = tensor.alive.map(|bits| &bits[range.start / 8..range.end.div_ceil(8)]);
    match tensor.measure {
        Measure::Value => Pass::<T, Values> { values, factors: values, alive, bounds, keep_edge, scoring: PhantomData }
            .run(instructions, bits, hits),
        Measure::Magnitude | Measure::Normalised(_) => {
            Pass::<T, Magnitudes> { values, factors: values, alive, bounds, keep_edge, scoring: PhantomData }.run(
                instructions,
                bits,
                hits,
            )
        }
        Measure::Product(factors) => {
            let factors = &factors[range];
            Pass::<T, Products> { values, factors, alive, bounds, keep_edge, scoring: PhantomData }.run(
                instructions,
                bits,
                hits,
            )
        }
        Measure::SquaredProduct(factors) => {
            let factors = &factors[range];
            Pass::<T, Squares> { values, factors, alive, bounds, keep_edge, scoring: PhantomData }.run(
                instructions,
                bits,
                hits,
            )
        }
    }
}

/// How a value and its factor become a score, and a score a key. Types, not data, so that the loops are compiled for
/// each.
trait Scoring<T: Score> {
    fn score(value: T, factor: T) -> T;
    fn key(score: T) -> T::Key;
}

/// Values as they are.
struct Values;
/// Absolute values.
struct Magnitudes;
/// Absolute values of products.
struct Products;
/// Squares of products.
struct Squares;

impl<T: Score> Scoring<T> for Values {
    #[inline(always)]
    fn score(value: T, _: T) -> T {
        value
    }

    #[inline(always)]
    fn key(score: T) -> T::Key {
        score.key()
    }
}

impl<T: Score> Scoring<T> for Magnitudes {
    #[inline(always)]
    fn score(value: T, _: T) -> T {
        value
    }

    #[inline(always)]
    fn key(score: T) -> T::Key {
        score.magnitude()
    }
}

impl<T: Score> Scoring<T> for Products {
    #[inline(always)]
    fn score(value: T, factor: T) -> T {
        value.times(factor)
    }

    #[inline(always)]
    fn key(score: T) -> T::Key {
        score.magnitude()
    }
}

impl<T: Score> Scoring<T> for Squares {
    #[inline(always)]
    fn score(value: T, factor: T) -> T {
        let product = value.times(factor);
        product.times(product)
    }

    #[inline(always)]
    fn key(score: T) -> T::Key {
        score.magnitude()
    }
}

/// Words per batch: 16 words are 1024 scores, or 4 KiB of f32.
///
/// Enough that the comparisons of a batch run without a branch between them, and few enough that the loads of the next
/// batch are in flight while the words of this one are processed. Chosen by measurement; see rows `network/*` of the
/// benchmark `selection`.
const WORDS: usize = 16;

/// Which keys of a batch are above each bound, one word per 64 scores.
#[derive(Default)]
struct Batch {
    above_hi: [u64; WORDS],
    above_lo: [u64; WORDS],
    from_lo: [u64; WORDS],
}

impl Batch {
    /// Clears, in word i of each bound, the bits that are not set in `mask(i)`.
    #[inline(always)]
    fn keep_only(&mut self, mask: impl Fn(usize) -> u64) {
        for i in 0..WORDS {
            let mask = mask(i);
            self.above_hi[i] &= mask;
            self.above_lo[i] &= mask;
            self.from_lo[i] &= mask;
        }
    }

    /// Counts the set bits of the words that `word` returns for each i.
    #[inline(always)]
    fn count(&self, word: impl Fn(&Self, usize) -> u64) -> usize {
        (0..WORDS).map(|i| word(self, i).count_ones() as usize).sum()
    }
}

/// A pass over one chunk, compiled for each type of score and each scoring.
struct Pass<'a, T: Score, S> {
    values: &'a [T],
    factors: &'a [T],
    alive: Option<&'a [u8]>,
    bounds: Bounds<T::Key>,
    keep_edge: bool,
    scoring: PhantomData<S>,
}

impl<T: Score, S: Scoring<T>> Pass<'_, T, S> {
    fn run(&self, instructions: Instructions, bits: &mut [u8], hits: &mut Vec<Hit<T::Key>>) -> Tally {
        match instructions {
            Instructions::Generic => self.run_with(bits, hits, |values, factors, bounds, batch| {
                compare::<T, S>(values, factors, bounds, batch, T::Key::above)
            }),
            // SAFETY: `Instructions` are made by `available` alone, which found that the processor has these.
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => unsafe { self.run_avx2(bits, hits) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => unsafe { self.run_avx512(bits, hits) },
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => self.run_with(bits, hits, |values, factors, bounds, batch| {
                compare::<T, S>(values, factors, bounds, batch, T::Key::above_neon)
            }),
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,f16c,lzcnt,popcnt")]
    fn run_avx2(&self, bits: &mut [u8], hits: &mut Vec<Hit<T::Key>>) -> Tally {
        self.run_with(bits, hits, |values, factors, bounds, batch| compare_avx2::<T, S>(values, factors, bounds, batch))
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,f16c,lzcnt,popcnt")]
    fn run_avx512(&self, bits: &mut [u8], hits: &mut Vec<Hit<T::Key>>) -> Tally {
        self.run_with(bits, hits, |values, factors, bounds, batch| {
            compare_avx512::<T, S>(values, factors, bounds, batch)
        })
    }

    /// The pass itself, the same source for all instruction sets; `compare` is [`compare`] compiled for one of them.
    #[inline(always)]
    fn run_with(
        &self,
        bits: &mut [u8],
        hits: &mut Vec<Hit<T::Key>>,
        compare: impl Fn(&[T], &[T], Bounds<T::Key>, &mut Batch) -> T::Key,
    ) -> Tally {
        let before = hits.len();
        let mut tally = Tally::default();
        let mut greatest = T::Key::default();
        let mut batch = Batch::default();
        let factors = self.factors.chunks(64 * WORDS);
        let batches = self.values.chunks(64 * WORDS).zip(factors).zip(bits.chunks_mut(8 * WORDS));
        for (number, ((values, factors), bits)) in batches.enumerate() {
            greatest = greatest.max(compare(values, factors, self.bounds, &mut batch));
            let count = bits.len().div_ceil(8);
            if let Some(alive) = self.alive {
                batch.keep_only(|i| if i < count { word(alive, number * WORDS + i) } else { 0 });
            } else if count < WORDS {
                batch.keep_only(|i| if i < count { u64::MAX } else { 0 });
            }
            tally.above += batch.count(|batch, i| batch.above_hi[i]);
            tally.edge += batch.count(|batch, i| batch.from_lo[i] & !batch.above_lo[i]);
            self.list_hits(values, factors, number * 64 * WORDS, &mut batch, hits);
            let kept = if self.keep_edge { &batch.from_lo } else { &batch.above_hi };
            for (bits, kept) in bits.chunks_mut(8).zip(kept) {
                match bits.first_chunk_mut() {
                    Some(whole) => *whole = kept.to_le_bytes(),
                    None => bits.copy_from_slice(&kept.to_le_bytes()[..bits.len()]),
                }
            }
        }
        tally.inside = hits.len() - before;
        tally.nan = greatest > T::INFINITY;
        tally
    }

    /// Lists the scores of a batch that are inside the bracket, and sets the bits of those above the estimated
    /// threshold.
    ///
    /// `first` is the offset of the batch in the chunk.
    #[inline(always)]
    fn list_hits(&self, values: &[T], factors: &[T], first: usize, batch: &mut Batch, hits: &mut Vec<Hit<T::Key>>) {
        // Most words have no hit, and which have one cannot be predicted. So those that do are collected without a
        // branch first, and the loop over them has no branch that is often mispredicted.
        let (mut with_hits, mut count) = ([0_usize; WORDS], 0);
        for i in 0..WORDS {
            with_hits[count] = i;
            count += usize::from(batch.above_lo[i] != batch.above_hi[i]);
        }
        for &i in &with_hits[..count] {
            let mut rest = batch.above_lo[i] & !batch.above_hi[i];
            let end = hits.len() + rest.count_ones() as usize;
            let mut list = |rest: &mut u64| {
                let index = 64 * i + rest.trailing_zeros() as usize % 64;
                let key = S::key(S::score(values[index], factors[index]));
                hits.push(Hit { key, offset: (first + index) as u16 });
                let bit = *rest & rest.wrapping_neg();
                batch.above_hi[i] |= if key > self.bounds.estimate { bit } else { 0 };
                *rest ^= bit;
            };
            // Always lists two; if there is one, the second is a no-op that `truncate` drops. Cheaper than a
            // mispredicted branch. More than two in one word are rare.
            list(&mut rest);
            list(&mut rest);
            while rest != 0 {
                list(&mut rest);
            }
            hits.truncate(end);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,f16c,lzcnt,popcnt")]
#[inline(never)]
fn compare_avx2<T: Score, S: Scoring<T>>(
    values: &[T],
    factors: &[T],
    bounds: Bounds<T::Key>,
    batch: &mut Batch,
) -> T::Key {
    // SAFETY: this function is compiled for AVX2, so whoever calls it has made sure that the processor has it.
    compare::<T, S>(values, factors, bounds, batch, |keys, bound| unsafe { T::Key::above_avx2(keys, bound) })
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,f16c,lzcnt,popcnt")]
#[inline(never)]
fn compare_avx512<T: Score, S: Scoring<T>>(
    values: &[T],
    factors: &[T],
    bounds: Bounds<T::Key>,
    batch: &mut Batch,
) -> T::Key {
    // SAFETY: this function is compiled for AVX-512 F and BW, so whoever calls it has made sure that the processor has
    // them.
    compare::<T, S>(values, factors, bounds, batch, |keys, bound| unsafe { T::Key::above_avx512(keys, bound) })
}

/// Compares the scores of a batch with the bounds; `above` does so for 64 keys and one bound.
///
/// Returns the key of the greatest magnitude, which is above infinity if any score is NaN.
#[inline(always)]
fn compare<T: Score, S: Scoring<T>>(
    values: &[T],
    factors: &[T],
    bounds: Bounds<T::Key>,
    batch: &mut Batch,
    above: impl Fn(&[T::Key; 64], T::Key) -> u64,
) -> T::Key {
    let mut greatest = [T::Key::default(); 64];
    let mut compare = |keys: &[T::Key; 64], i: usize, present: u64| {
        batch.above_hi[i] = above(keys, bounds.hi) & present;
        batch.above_lo[i] = above(keys, bounds.lo) & present;
        batch.from_lo[i] = above(keys, bounds.below_lo) & present;
    };
    let (words, rest) = values.as_chunks::<64>();
    let (factor_words, factor_rest) = factors.as_chunks::<64>();
    for (i, (word, factors)) in words.iter().zip(factor_words).enumerate().take(WORDS) {
        let mut keys = [T::Key::default(); 64];
        for lane in 0..64 {
            let score = S::score(word[lane], factors[lane]);
            keys[lane] = S::key(score);
            greatest[lane] = greatest[lane].max(score.magnitude());
        }
        compare(&keys, i, u64::MAX);
    }
    if !rest.is_empty() {
        let mut keys = [T::Key::default(); 64];
        for (lane, (&value, &factor)) in rest.iter().zip(factor_rest).enumerate() {
            let score = S::score(value, factor);
            keys[lane] = S::key(score);
            greatest[lane] = greatest[lane].max(score.magnitude());
        }
        compare(&keys, words.len(), (1 << rest.len()) - 1);
    }
    greatest.into_iter().max().unwrap_or_default()
}

/// Reads word `i` of a mask; at its end, where fewer than eight bytes are left, the missing bits are 0.
#[inline(always)]
fn word(bits: &[u8], i: usize) -> u64 {
    match bits[8 * i..].first_chunk() {
        Some(&bytes) => u64::from_le_bytes(bytes),
        None => bits[8 * i..].iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use half::{bf16, f16};
    use proptest::prelude::*;

    use super::*;
    use crate::naive;

    /// What a pass answers: counts of the zones, NaN, bits, and (key, offset) of the hits.
    type Answer = (usize, usize, usize, bool, Vec<u8>, Vec<(i64, u16)>);

    fn answer_of<T: Score>(
        instructions: Instructions,
        tensor: &Tensor<'_, T>,
        bounds: Bounds<T::Key>,
        keep_edge: bool,
    ) -> Answer {
        let size = tensor.values.len();
        let (mut bits, mut hits) = (vec![0xaa; size.div_ceil(8)], Vec::new());
        let tally = scan(instructions, tensor, 0..size, bounds, keep_edge, &mut bits, &mut hits);
        let hits = hits.iter().map(|hit| (hit.key.into(), hit.offset)).collect();
        (tally.above, tally.inside, tally.edge, tally.nan, bits, hits)
    }

    /// The oracle: one score after the other.
    fn expected_of<T: Score>(tensor: &Tensor<'_, T>, bounds: Bounds<T::Key>, keep_edge: bool) -> Answer {
        let (mut hits, mut above, mut edge, mut nan) = (Vec::new(), 0, 0, false);
        let mut flags = vec![false; tensor.values.len()];
        for (i, flag) in flags.iter_mut().enumerate() {
            let key = tensor.key(i);
            nan |= tensor.find_nan(i..i + 1).is_some();
            if tensor.is_candidate(i) {
                above += usize::from(key > bounds.hi);
                edge += usize::from(key > bounds.below_lo && key <= bounds.lo);
                *flag = key > bounds.hi || keep_edge && key > bounds.below_lo;
                if key > bounds.lo && key <= bounds.hi {
                    *flag |= key > bounds.estimate;
                    hits.push((key.into(), i as u16));
                }
            }
        }
        (above, hits.len(), edge, nan, naive::pack(&flags), hits)
    }

    fn check<T: Score>(numbers: &[(f64, f64, bool)], bounds: [i64; 4], keep_edge: bool, to: fn(f64) -> T) {
        let values: Vec<T> = numbers.iter().map(|each| to(each.0)).collect();
        let factors: Vec<T> = numbers.iter().map(|each| to(each.1)).collect();
        let alive = naive::pack(&numbers.iter().map(|each| each.2).collect::<Vec<_>>());
        let mut bounds = bounds.map(|bound| to(bound as f64 / 4.0).key());
        bounds.sort();
        let [below_lo, lo, estimate, hi] = bounds;
        let bounds = Bounds { hi, estimate, lo, below_lo };
        let measures =
            [Measure::Value, Measure::Magnitude, Measure::Product(&factors), Measure::SquaredProduct(&factors)];
        for measure in measures {
            for alive in [None, Some(&alive[..])] {
                let tensor = Tensor { name: "w", values: &values, measure, alive };
                let expected = expected_of(&tensor, bounds, keep_edge);
                for instructions in Instructions::available() {
                    assert_eq!(answer_of(instructions, &tensor, bounds, keep_edge), expected, "{instructions:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn every_instruction_set_answers_as_a_scalar_loop_does(
            numbers in prop::collection::vec((awkward(), awkward(), any::<bool>()), 0..200),
            repeats in 1_usize..12,
            bounds in prop::array::uniform4(-12_i64..13),
            keep_edge in any::<bool>(),
        ) {
            let numbers = numbers.repeat(repeats);
            check::<f64>(&numbers, bounds, keep_edge, |x| x);
            check::<f32>(&numbers, bounds, keep_edge, |x| x as f32);
            check::<f16>(&numbers, bounds, keep_edge, f16::from_f64);
            check::<bf16>(&numbers, bounds, keep_edge, bf16::from_f64);
        }
    }

    fn awkward() -> impl Strategy<Value = f64> {
        prop_oneof![
            6 => (-12_i32..13).prop_map(|quarter| f64::from(quarter) / 4.0),
            2 => -3.0..3.0,
            1 => prop::sample::select(vec![-0.0, f64::INFINITY, f64::NEG_INFINITY, 1e-40, 5e-324, f64::MAX]),
        ]
    }

    #[test]
    fn nan_is_seen_by_every_instruction_set() {
        for nan in [f32::NAN, -f32::NAN, f32::from_bits(0x7f80_0001)] {
            for index in [0, 63, 64, 1023, 1024, 1999] {
                let mut values = vec![1.0; 2000];
                values[index] = nan;
                let bounds = Bounds { hi: 0, estimate: 0, lo: 0, below_lo: 0 };
                for instructions in Instructions::available() {
                    assert!(
                        answer_of(instructions, &Tensor::of_scores("w", &values), bounds, false).3,
                        "{instructions:?}"
                    );
                }
            }
        }
    }
}
