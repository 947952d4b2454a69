//! The one pass over the scores: bits for those above a bracket, the places of those inside it, a count of those at its foot.

use std::marker::PhantomData;
use std::ops::Range;

use crate::order::{Key, Score};
use crate::tensor::{Measure, Tensor};

/// A bracket of ranks around a cut, translated into the keys of one tensor: `above` of a bound is strictly above.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<K> {
    /// Keys above it are kept.
    pub hi: K,
    /// Keys inside that are above it have their bits set as well.
    pub middle: K,
    /// Keys above it, up to `hi`, are inside.
    pub lo: K,
    /// Keys above it, up to `lo`, are at the foot of the bracket.
    pub foot: K,
}

/// A score that lies inside the bracket.
#[derive(Clone, Copy, Default)]
pub(crate) struct Inside<K> {
    /// Its key.
    pub key: K,
    /// Its index within the chunk.
    pub place: u16,
}

/// How many candidates a pass found where; the ones inside are noted one by one.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Above the bracket.
    pub above: usize,
    /// Inside it.
    pub inside: usize,
    /// At its foot.
    pub foot: usize,
    /// Whether any score, candidate or not, is NaN.
    pub nan: bool,
}

/// Which instructions a pass uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instructions {
    /// What every processor of the target has.
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Instructions {
    /// All that this processor has, the widest last.
    pub(crate) fn available() -> Vec<Self> {
        #[allow(unused_mut, reason = "there is but one on other processors")]
        let mut available = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            // Sets of features that come together: every processor of level v3, and of level v4, of the x86-64 ABI.
            let level_3 = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("f16c")
                && is_x86_feature_detected!("lzcnt")
                && is_x86_feature_detected!("popcnt");
            let level_4 = level_3
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            available.extend(level_3.then_some(Self::Avx2));
            available.extend(level_4.then_some(Self::Avx512));
        }
        #[cfg(target_arch = "aarch64")]
        available.push(Self::Neon);
        available
    }

    /// The widest that this processor has; detected once.
    pub(crate) fn widest() -> Self {
        static WIDEST: std::sync::OnceLock<Instructions> = std::sync::OnceLock::new();
        *WIDEST.get_or_init(|| *Self::available().last().expect("the portable ones"))
    }
}

/// Passes over `range` of a tensor; where that has an alive mask, the start is a multiple of eight.
///
/// Writes the packed mask of what lies above the middle of the bracket, or from its foot on if `tied`, to `bits` and appends
/// what lies inside it to `inside`, places counted from the start of the range.
pub(crate) fn scan<T: Score>(
    instructions: Instructions,
    tensor: &Tensor<'_, T>,
    range: Range<usize>,
    bounds: Bounds<T::Key>,
    tied: bool,
    bits: &mut [u8],
    inside: &mut Vec<Inside<T::Key>>,
) -> Tally {
    let values = &tensor.values[range.clone()];
    let alive = tensor.alive.map(|bits| &bits[range.start / 8..range.end.div_ceil(8)]);
    match tensor.measure {
        Measure::Value => Pass::<T, Values> { values, others: values, alive, bounds, tied, scoring: PhantomData }.run(
            instructions,
            bits,
            inside,
        ),
        Measure::Magnitude | Measure::Normalised(_) => {
            Pass::<T, Magnitudes> { values, others: values, alive, bounds, tied, scoring: PhantomData }.run(
                instructions,
                bits,
                inside,
            )
        }
        Measure::Product(others) => {
            let others = &others[range];
            Pass::<T, Products> { values, others, alive, bounds, tied, scoring: PhantomData }.run(
                instructions,
                bits,
                inside,
            )
        }
        Measure::SquaredProduct(others) => {
            let others = &others[range];
            Pass::<T, Squares> { values, others, alive, bounds, tied, scoring: PhantomData }.run(
                instructions,
                bits,
                inside,
            )
        }
    }
}

/// How values become scores, and scores keys. Types, not data: the loops are compiled for each.
trait Scoring<T: Score> {
    fn score(value: T, other: T) -> T;
    fn key(score: T) -> T::Key;
}

struct Values;
struct Magnitudes;
struct Products;
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
    fn score(value: T, other: T) -> T {
        value.times(other)
    }

    #[inline(always)]
    fn key(score: T) -> T::Key {
        score.magnitude()
    }
}

impl<T: Score> Scoring<T> for Squares {
    #[inline(always)]
    fn score(value: T, other: T) -> T {
        let product = value.times(other);
        product.times(product)
    }

    #[inline(always)]
    fn key(score: T) -> T::Key {
        score.magnitude()
    }
}

/// Blocks of 64 scores that are compared before the answers are looked at, so that the loop over them has no branch; few
/// enough that the memory does not fall idle meanwhile.
const BLOCKS: usize = 16;

/// Which keys of a stretch lie above each bound, one word per block.
#[derive(Default)]
struct Words {
    above_hi: [u64; BLOCKS],
    above_lo: [u64; BLOCKS],
    above_foot: [u64; BLOCKS],
}

impl Words {
    /// Clears, in the words of each block, the bits that are not set in `mask` of it.
    #[inline(always)]
    fn keep_only(&mut self, mask: impl Fn(usize) -> u64) {
        for i in 0..BLOCKS {
            let mask = mask(i);
            self.above_hi[i] &= mask;
            self.above_lo[i] &= mask;
            self.above_foot[i] &= mask;
        }
    }

    /// Counts the bits that are set in one word of each block.
    #[inline(always)]
    fn count(&self, word: impl Fn(&Self, usize) -> u64) -> usize {
        (0..BLOCKS).map(|i| word(self, i).count_ones() as usize).sum()
    }
}

struct Pass<'a, T: Score, S> {
    values: &'a [T],
    others: &'a [T],
    alive: Option<&'a [u8]>,
    bounds: Bounds<T::Key>,
    tied: bool,
    scoring: PhantomData<S>,
}

impl<T: Score, S: Scoring<T>> Pass<'_, T, S> {
    fn run(&self, instructions: Instructions, bits: &mut [u8], inside: &mut Vec<Inside<T::Key>>) -> Tally {
        match instructions {
            Instructions::Portable => self.run_plain(bits, inside, |values, others, bounds, words| {
                compare::<T, S>(values, others, bounds, words, above_portable)
            }),
            // SAFETY: values of this kind come from `available` alone, which found the processor to have these instructions.
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => unsafe { self.run_avx2(bits, inside) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => unsafe { self.run_avx512(bits, inside) },
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => self.run_plain(bits, inside, |values, others, bounds, words| {
                compare::<T, S>(values, others, bounds, words, T::above_neon)
            }),
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,f16c,lzcnt,popcnt")]
    fn run_avx2(&self, bits: &mut [u8], inside: &mut Vec<Inside<T::Key>>) -> Tally {
        self.run_plain(bits, inside, |values, others, bounds, words| {
            compare_avx2::<T, S>(values, others, bounds, words)
        })
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,f16c,lzcnt,popcnt")]
    fn run_avx512(&self, bits: &mut [u8], inside: &mut Vec<Inside<T::Key>>) -> Tally {
        self.run_plain(bits, inside, |values, others, bounds, words| {
            compare_avx512::<T, S>(values, others, bounds, words)
        })
    }

    /// One source for all processors; `compare` is [`compare`] with the instructions of one of them.
    #[inline(always)]
    fn run_plain(
        &self,
        bits: &mut [u8],
        inside: &mut Vec<Inside<T::Key>>,
        compare: impl Fn(&[T], &[T], Bounds<T::Key>, &mut Words) -> T::Key,
    ) -> Tally {
        let before = inside.len();
        let mut tally = Tally::default();
        let mut worst = T::Key::default();
        let mut words = Words::default();
        let others = self.others.chunks(64 * BLOCKS);
        let stretches = self.values.chunks(64 * BLOCKS).zip(others).zip(bits.chunks_mut(8 * BLOCKS));
        for (number, ((values, others), bits)) in stretches.enumerate() {
            worst = worst.max(compare(values, others, self.bounds, &mut words));
            let count = bits.len().div_ceil(8);
            if let Some(alive) = self.alive {
                words.keep_only(|i| if i < count { word(alive, number * BLOCKS + i) } else { 0 });
            } else if count < BLOCKS {
                words.keep_only(|i| if i < count { u64::MAX } else { 0 });
            }
            tally.above += words.count(|words, i| words.above_hi[i]);
            tally.foot += words.count(|words, i| words.above_foot[i] & !words.above_lo[i]);
            self.note(values, others, number * 64 * BLOCKS, &mut words, inside);
            let written = if self.tied { &words.above_foot } else { &words.above_hi };
            for (bits, written) in bits.chunks_mut(8).zip(written) {
                match bits.first_chunk_mut() {
                    Some(whole) => *whole = written.to_le_bytes(),
                    None => bits.copy_from_slice(&written.to_le_bytes()[..bits.len()]),
                }
            }
        }
        tally.inside = inside.len() - before;
        tally.nan = worst > T::INFINITY;
        tally
    }

    /// Notes what lies inside the bracket in a stretch that begins at `first`, and sets the bits of what is above its middle.
    #[inline(always)]
    fn note(&self, values: &[T], others: &[T], first: usize, words: &mut Words, inside: &mut Vec<Inside<T::Key>>) {
        // Words with something inside are listed first; most are empty, and which are is not to be foreseen.
        let (mut listed, mut count) = ([0_usize; BLOCKS], 0);
        for i in 0..BLOCKS {
            listed[count] = i;
            count += usize::from(words.above_lo[i] != words.above_hi[i]);
        }
        for &i in &listed[..count] {
            let mut rest = words.above_lo[i] & !words.above_hi[i];
            let end = inside.len() + rest.count_ones() as usize;
            let mut note = |rest: &mut u64| {
                let place = 64 * i + rest.trailing_zeros() as usize % 64;
                let key = S::key(S::score(values[place], others[place]));
                inside.push(Inside { key, place: (first + place) as u16 });
                let bit = *rest & rest.wrapping_neg();
                words.above_hi[i] |= if key > self.bounds.middle { bit } else { 0 };
                *rest ^= bit;
            };
            // Two are noted in any case, the second for nothing where there is but one: a branch that often goes the other
            // way than foreseen takes longer. More than two are rare.
            note(&mut rest);
            note(&mut rest);
            while rest != 0 {
                note(&mut rest);
            }
            inside.truncate(end);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,f16c,lzcnt,popcnt")]
#[inline(never)]
fn compare_avx2<T: Score, S: Scoring<T>>(
    values: &[T],
    others: &[T],
    bounds: Bounds<T::Key>,
    words: &mut Words,
) -> T::Key {
    // SAFETY: this function asks its caller for the same instructions.
    compare::<T, S>(values, others, bounds, words, |keys, bound| unsafe { T::above_avx2(keys, bound) })
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,f16c,lzcnt,popcnt")]
#[inline(never)]
fn compare_avx512<T: Score, S: Scoring<T>>(
    values: &[T],
    others: &[T],
    bounds: Bounds<T::Key>,
    words: &mut Words,
) -> T::Key {
    // SAFETY: this function asks its caller for the same instructions.
    compare::<T, S>(values, others, bounds, words, |keys, bound| unsafe { T::above_avx512(keys, bound) })
}

#[inline(always)]
fn above_portable<K: Key>(keys: &[K; 64], bound: K) -> u64 {
    let mut bits = 0;
    for (i, &key) in keys.iter().enumerate() {
        bits |= u64::from(key > bound) << i;
    }
    bits
}

/// Compares at most [`BLOCKS`] blocks of scores with the bounds; `above` does so for 64 keys and one bound.
///
/// Returns the key of the largest magnitude, in which NaN shows.
#[inline(always)]
fn compare<T: Score, S: Scoring<T>>(
    values: &[T],
    others: &[T],
    bounds: Bounds<T::Key>,
    words: &mut Words,
    above: impl Fn(&[T::Key; 64], T::Key) -> u64,
) -> T::Key {
    let mut worst = [T::Key::default(); 64];
    let mut compare = |keys: &[T::Key; 64], i: usize, present: u64| {
        words.above_hi[i] = above(keys, bounds.hi) & present;
        words.above_lo[i] = above(keys, bounds.lo) & present;
        words.above_foot[i] = above(keys, bounds.foot) & present;
    };
    let (blocks, rest) = values.as_chunks::<64>();
    let (other_blocks, other_rest) = others.as_chunks::<64>();
    for (i, (block, others)) in blocks.iter().zip(other_blocks).enumerate().take(BLOCKS) {
        let mut keys = [T::Key::default(); 64];
        for lane in 0..64 {
            let score = S::score(block[lane], others[lane]);
            keys[lane] = S::key(score);
            worst[lane] = worst[lane].max(score.magnitude());
        }
        compare(&keys, i, u64::MAX);
    }
    if !rest.is_empty() {
        let mut keys = [T::Key::default(); 64];
        for (lane, (&value, &other)) in rest.iter().zip(other_rest).enumerate() {
            let score = S::score(value, other);
            keys[lane] = S::key(score);
            worst[lane] = worst[lane].max(score.magnitude());
        }
        compare(&keys, blocks.len(), (1 << rest.len()) - 1);
    }
    worst.into_iter().max().unwrap_or_default()
}

/// Reads eight bytes of a mask, fewer at its end.
#[inline(always)]
fn word(bits: &[u8], block: usize) -> u64 {
    match bits[8 * block..].first_chunk() {
        Some(&bytes) => u64::from_le_bytes(bytes),
        None => bits[8 * block..].iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use half::{bf16, f16};
    use proptest::prelude::*;

    use super::*;
    use crate::naive;

    /// A pass as seen from outside: counts, bits, and (key, place) of those inside.
    type Seen = (usize, usize, usize, bool, Vec<u8>, Vec<(i64, u16)>);

    fn see<T: Score>(instructions: Instructions, tensor: &Tensor<'_, T>, bounds: Bounds<T::Key>, tied: bool) -> Seen {
        let size = tensor.values.len();
        let (mut bits, mut inside) = (vec![0xaa; size.div_ceil(8)], Vec::new());
        let tally = scan(instructions, tensor, 0..size, bounds, tied, &mut bits, &mut inside);
        let inside = inside.iter().map(|each| (each.key.into(), each.place)).collect();
        (tally.above, tally.inside, tally.foot, tally.nan, bits, inside)
    }

    /// The same, one score after the other.
    fn expect<T: Score>(tensor: &Tensor<'_, T>, bounds: Bounds<T::Key>, tied: bool) -> Seen {
        let (mut inside, mut above, mut foot, mut nan) = (Vec::new(), 0, 0, false);
        let mut flags = vec![false; tensor.values.len()];
        for (i, flag) in flags.iter_mut().enumerate() {
            let key = tensor.key(i);
            nan |= tensor.find_nan(i..i + 1).is_some();
            if tensor.is_candidate(i) {
                above += usize::from(key > bounds.hi);
                foot += usize::from(key > bounds.foot && key <= bounds.lo);
                *flag = key > bounds.hi || tied && key > bounds.foot;
                if key > bounds.lo && key <= bounds.hi {
                    *flag |= key > bounds.middle;
                    inside.push((key.into(), i as u16));
                }
            }
        }
        (above, inside.len(), foot, nan, naive::pack(&flags), inside)
    }

    fn check<T: Score>(numbers: &[(f64, f64, bool)], bounds: [i64; 4], tied: bool, to: fn(f64) -> T) {
        let values: Vec<T> = numbers.iter().map(|each| to(each.0)).collect();
        let others: Vec<T> = numbers.iter().map(|each| to(each.1)).collect();
        let alive = naive::pack(&numbers.iter().map(|each| each.2).collect::<Vec<_>>());
        let mut bounds = bounds.map(|bound| to(bound as f64 / 4.0).key());
        bounds.sort();
        let [foot, lo, middle, hi] = bounds;
        let bounds = Bounds { hi, middle, lo, foot };
        let measures =
            [Measure::Value, Measure::Magnitude, Measure::Product(&others), Measure::SquaredProduct(&others)];
        for measure in measures {
            for alive in [None, Some(&alive[..])] {
                let tensor = Tensor { name: "w", values: &values, measure, alive };
                let expected = expect(&tensor, bounds, tied);
                for instructions in Instructions::available() {
                    assert_eq!(see(instructions, &tensor, bounds, tied), expected, "{instructions:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn all_instructions_say_the_same_as_one_score_after_the_other(
            numbers in prop::collection::vec((awkward(), awkward(), any::<bool>()), 0..200),
            repeats in 1_usize..12,
            bounds in prop::array::uniform4(-12_i64..13),
            tied in any::<bool>(),
        ) {
            let numbers = numbers.repeat(repeats);
            check::<f64>(&numbers, bounds, tied, |x| x);
            check::<f32>(&numbers, bounds, tied, |x| x as f32);
            check::<f16>(&numbers, bounds, tied, f16::from_f64);
            check::<bf16>(&numbers, bounds, tied, bf16::from_f64);
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
    fn nan_is_seen_by_all_instructions() {
        for nan in [f32::NAN, -f32::NAN, f32::from_bits(0x7f80_0001)] {
            for place in [0, 63, 64, 1023, 1024, 1999] {
                let mut values = vec![1.0; 2000];
                values[place] = nan;
                let bounds = Bounds { hi: 0, middle: 0, lo: 0, foot: 0 };
                for instructions in Instructions::available() {
                    assert!(see(instructions, &Tensor::of_scores("w", &values), bounds, false).3, "{instructions:?}");
                }
            }
        }
    }
}
