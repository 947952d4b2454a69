//! Weights as they are stored in a file, compared by magnitude as integers, counted and zeroed in place.

use std::cmp::Reverse;

use half::{bf16, f16};

use crate::histogram::Bins;

/// A number of ties that is never reached: all are kept.
pub(super) const ALL: usize = usize::MAX;

/// Weights that are loaded and compared at a time; the loops over them have no branch and become vector instructions.
///
/// Chosen by measurement; see `benches/prune.py`.
const BATCH: usize = 128;

/// Weights of a batch that are tested for hits together; most such groups have none, and are skipped by one branch.
///
/// Chosen by measurement; see `benches/prune.py`.
const GROUP: usize = 16;

/// What was counted in one piece.
#[derive(Clone, Debug, Default)]
pub(super) struct Count {
    /// Weights whose rank is above the bracket.
    pub above: usize,
    /// Weights whose rank is inside it.
    pub inside: usize,
    /// The bin of each of those; empty if there is only one bin.
    pub bins: Vec<u32>,
    /// Index of the first NaN within the piece.
    pub nan: Option<usize>,
}

/// A floating-point type, given as its little-endian bytes in a file.
///
/// Its `bits` are those of the magnitude, as a non-negative integer that orders as magnitudes do; NaN is above
/// infinity. Its `key` is the magnitude's bits as an f64, which orders magnitudes of all types.
pub(super) trait Weight {
    /// Bytes per element.
    const WIDTH: usize;
    /// Binary logarithm of the distance of neighbouring keys: every key is a multiple of `2^GRAIN`.
    const GRAIN: u32;
    /// The bits of infinity.
    const INFINITY_BITS: Self::Bits;
    /// Signed, because AVX2 compares signed integers only.
    type Bits: Copy + Ord + Default;

    /// Reads an element.
    fn bits(bytes: &[u8]) -> Self::Bits;

    /// Returns the key of an element.
    fn key(bits: Self::Bits) -> i64;

    /// Zeroes an element unless it is kept, without a branch.
    fn keep_if(bytes: &mut [u8], kept: bool);

    /// Returns the least bits whose key is at least `key`; one more than those of infinity if there are none.
    fn ceiling(key: i64) -> Self::Bits;
}

macro_rules! impl_weight {
    ($($float:ty, $bits:ty, $unsigned:ty, $mantissa:expr;)*) => {$(
        impl Weight for $float {
            const WIDTH: usize = size_of::<$bits>();
            const GRAIN: u32 = 52 - $mantissa;
            const INFINITY_BITS: $bits = <$float>::INFINITY.to_bits() as $bits;
            type Bits = $bits;

            #[inline(always)]
            fn bits(bytes: &[u8]) -> $bits {
                <$bits>::from_le_bytes(bytes.try_into().expect("as many bytes as an element has")) & <$bits>::MAX
            }

            #[inline(always)]
            fn key(bits: $bits) -> i64 {
                f64::from(<$float>::from_bits(bits as $unsigned)).to_bits() as i64
            }

            #[inline(always)]
            fn keep_if(bytes: &mut [u8], kept: bool) {
                let element: &mut [u8; Self::WIDTH] = bytes.try_into().expect("as many bytes as an element has");
                *element = (<$bits>::from_le_bytes(*element) & -<$bits>::from(kept)).to_le_bytes();
            }

            fn ceiling(key: i64) -> $bits {
                let (mut low, mut high) = (0, Self::INFINITY_BITS + 1);
                while low < high {
                    let middle = low + (high - low) / 2;
                    if Self::key(middle) < key { low = middle + 1 } else { high = middle }
                }
                low
            }
        }
    )*};
}

impl_weight! {
    f16, i16, u16, 10;
    bf16, i16, u16, 7;
    f32, i32, u32, 23;
    f64, i64, u64, 52;
}

/// Calls a function of this module for the type that a dtype stands for.
macro_rules! for_dtype {
    ($dtype:expr, $call:ident($($argument:expr),*)) => {
        match $dtype {
            Dtype::F16 => $crate::prune::weight::$call::<half::f16>($($argument),*),
            Dtype::BF16 => $crate::prune::weight::$call::<half::bf16>($($argument),*),
            Dtype::F32 => $crate::prune::weight::$call::<f32>($($argument),*),
            Dtype::F64 => $crate::prune::weight::$call::<f64>($($argument),*),
            other => unreachable!("the caller has refused weights of dtype {other}"),
        }
    };
}
pub(super) use for_dtype;

/// Returns [`Weight::GRAIN`].
pub(super) fn grain<W: Weight>() -> u32 {
    W::GRAIN
}

/// Appends the key of each weight; that of NaN is above infinity.
pub(super) fn push_keys<W: Weight>(bytes: &[u8], keys: &mut Vec<i64>) {
    keys.extend(each::<W>(bytes).map(|bits| W::key(bits)));
}

/// Compiles each function twice, for any processor and for one with AVX2, and chooses at run time.
///
/// The source of both is the same, and so is the result.
macro_rules! widened {
    ($($(#[$doc:meta])* fn $name:ident<W: Weight>($($argument:ident: $type:ty),* $(,)?) -> $answer:ty $body:block)*) => {$(
        $(#[$doc])*
        pub(super) fn $name<W: Weight>($($argument: $type),*) -> $answer {
            #[inline(always)]
            fn plain<W: Weight>($($argument: $type),*) -> $answer $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn wide<W: Weight>($($argument: $type),*) -> $answer {
                    plain::<W>($($argument),*)
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has AVX2, as just detected, the one feature that `wide` is compiled for.
                    return unsafe { wide::<W>($($argument),*) };
                }
            }
            plain::<W>($($argument),*)
        }
    )*};
}

widened! {
    /// Counts the weights above the bins and those in each bin; weights whose key is above `cap` are left out.
    ///
    /// The rank of a weight is its key divided by `2^grain`.
    fn count<W: Weight>(bytes: &[u8], bins: Bins, grain: u32, cap: i64) -> Count {
        let beyond_cap = W::ceiling(cap.saturating_add(1));
        let low = W::ceiling((bins.span.lo + 1) << grain).min(beyond_cap);
        let high = W::ceiling((bins.span.hi + 1) << grain).min(beyond_cap);
        let mut count = Count::default();
        let mut buffer = [W::Bits::default(); BATCH];
        for (batch, bytes) in bytes.chunks(BATCH * W::WIDTH).enumerate() {
            let weights = load::<W>(bytes, &mut buffer);
            if let Some(first) = position_of_nan::<W>(weights) {
                return Count { nan: Some(batch * BATCH + first), ..count };
            }
            let above = at_least::<W>(weights, high);
            let inside = at_least::<W>(weights, low) - above;
            count.above += above - if beyond_cap > W::INFINITY_BITS { 0 } else { at_least::<W>(weights, beyond_cap) };
            count.inside += inside;
            if inside > 0 && bins.len() > 1 {
                let is_inside = |bits: &W::Bits| (*bits >= low) & (*bits < high);
                // Few are inside: most groups are skipped without a branch per weight.
                let has_any = |group: &&[W::Bits]| group.iter().fold(false, |any, bits| any | is_inside(bits));
                for group in weights.chunks(GROUP).filter(has_any) {
                    for &bits in group.iter().filter(|bits| is_inside(bits)) {
                        count.bins.extend(bins.bin(W::key(bits) >> grain).map(|bin| bin as u32));
                    }
                }
            }
        }
        count
    }

    /// Returns the index of the first NaN.
    fn first_nan<W: Weight>(bytes: &[u8]) -> Option<usize> {
        let mut buffer = [W::Bits::default(); BATCH];
        let mut batches = bytes.chunks(BATCH * W::WIDTH).enumerate();
        batches.find_map(|(batch, bytes)| Some(batch * BATCH + position_of_nan::<W>(load::<W>(bytes, &mut buffer))?))
    }

    /// Counts the weights that have exactly this key.
    fn count_equal<W: Weight>(bytes: &[u8], key: i64) -> usize {
        let (least, beyond) = (W::ceiling(key), W::ceiling(key.saturating_add(1)));
        let mut buffer = [W::Bits::default(); BATCH];
        let mut equal = 0;
        for bytes in bytes.chunks(BATCH * W::WIDTH) {
            let weights = load::<W>(bytes, &mut buffer);
            equal += at_least::<W>(weights, least) - at_least::<W>(weights, beyond);
        }
        equal
    }

    /// Zeroes the weights below `key`, and those equal to it except the first `ties` (or [`ALL`]); returns the number
    /// of survivors.
    ///
    /// Sets the bits of the survivors in `mask`, if there is one: one bit per weight, lowest first.
    fn keep_above<W: Weight>(bytes: &mut [u8], key: i64, ties: usize, mask: Option<&mut [u8]>) -> usize {
        let (least, beyond) = (W::ceiling(key), W::ceiling(key.saturating_add(1)));
        // Before this index ties are kept, from it on they are not.
        let split = match ties {
            0 => 0,
            ALL => bytes.len() / W::WIDTH,
            _ => {
                let tied = each::<W>(bytes).enumerate().filter(|&(_, bits)| bits >= least && bits < beyond);
                tied.take(ties).last().map_or(0, |(i, _)| i + 1)
            }
        };
        if let Some(mask) = mask {
            for (eight, (byte, bytes)) in mask.iter_mut().zip(bytes.chunks(8 * W::WIDTH)).enumerate() {
                *byte = 0;
                for (i, bits) in each::<W>(bytes).enumerate() {
                    *byte |= u8::from(bits >= if eight * 8 + i < split { least } else { beyond }) << i;
                }
            }
        }
        let (before, after) = bytes.split_at_mut(split * W::WIDTH);
        keep_at_least::<W>(before, least) + keep_at_least::<W>(after, beyond)
    }

    /// Zeroes all but the `keep` largest of each `length` consecutive weights, ties to the lower index; returns the
    /// number of survivors and sets their bits in `mask`, as [`keep_above`] does.
    fn keep_in_groups<W: Weight>(bytes: &mut [u8], length: usize, keep: usize, mask: Option<&mut [u8]>) -> usize {
        match length {
            4 => keep_in_short_groups::<W, 4>(bytes, keep, mask),
            8 => keep_in_short_groups::<W, 8>(bytes, keep, mask),
            _ => keep_in_long_groups::<W>(bytes, length, keep, mask),
        }
        bytes.len() / W::WIDTH / length * keep
    }
}

/// Keeps the `keep` largest of each `M` weights: those that fewer than `keep` others are better than.
#[inline(always)]
fn keep_in_short_groups<W: Weight, const M: usize>(bytes: &mut [u8], keep: usize, mut mask: Option<&mut [u8]>) {
    for (group, bytes) in bytes.chunks_exact_mut(M * W::WIDTH).enumerate() {
        let all: [W::Bits; M] = std::array::from_fn(|i| W::bits(&bytes[i * W::WIDTH..(i + 1) * W::WIDTH]));
        for i in 0..M {
            let better: u32 = (0..M).map(|j| u32::from(if j < i { all[j] >= all[i] } else { all[j] > all[i] })).sum();
            let kept = (better as usize) < keep;
            W::keep_if(&mut bytes[i * W::WIDTH..(i + 1) * W::WIDTH], kept);
            if let Some(mask) = &mut mask {
                let index = group * M + i;
                mask[index / 8] |= u8::from(kept) << (index % 8);
            }
        }
    }
}

/// Keeps the `keep` largest of each `length` weights by a partial sort.
fn keep_in_long_groups<W: Weight>(bytes: &mut [u8], length: usize, keep: usize, mut mask: Option<&mut [u8]>) {
    let mut ranked = Vec::with_capacity(length);
    for (group, bytes) in bytes.chunks_exact_mut(length * W::WIDTH).enumerate() {
        ranked.clear();
        ranked.extend(each::<W>(bytes).enumerate().map(|(i, bits)| (Reverse(bits), i)));
        if 0 < keep && keep < length {
            ranked.select_nth_unstable(keep - 1);
        }
        let (kept, dropped) = ranked.split_at(keep);
        for &(_, i) in dropped {
            W::keep_if(&mut bytes[i * W::WIDTH..(i + 1) * W::WIDTH], false);
        }
        if let Some(mask) = &mut mask {
            for index in kept.iter().map(|&(_, i)| group * length + i) {
                mask[index / 8] |= 1 << (index % 8);
            }
        }
    }
}

/// Zeroes the weights below `least`, and returns the number of the others.
#[inline(always)]
fn keep_at_least<W: Weight>(bytes: &mut [u8], least: W::Bits) -> usize {
    let mut buffer = [W::Bits::default(); BATCH];
    let mut copy = [[0; 8]; BATCH];
    let mut kept = 0;
    for bytes in bytes.chunks_mut(BATCH * W::WIDTH) {
        // Every byte is written back from a copy. In place, the compiler emits masked stores, which are slower.
        let copy = &mut copy.as_flattened_mut()[..bytes.len()];
        copy.copy_from_slice(bytes);
        kept += at_least::<W>(load::<W>(copy, &mut buffer), least);
        for (bytes, copy) in bytes.chunks_exact_mut(W::WIDTH).zip(copy.chunks_exact(W::WIDTH)) {
            bytes.copy_from_slice(copy);
            W::keep_if(bytes, W::bits(copy) >= least);
        }
    }
    kept
}

/// Loads a batch of weights.
#[inline(always)]
fn load<'a, W: Weight>(bytes: &[u8], buffer: &'a mut [W::Bits; BATCH]) -> &'a [W::Bits] {
    let weights = &mut buffer[..bytes.len() / W::WIDTH];
    weights.iter_mut().zip(each::<W>(bytes)).for_each(|(weight, bits)| *weight = bits);
    weights
}

/// Counts the weights of a batch that have at least these bits; as a u32, so that the sum needs no wider vector lanes.
#[inline(always)]
fn at_least<W: Weight>(weights: &[W::Bits], least: W::Bits) -> usize {
    weights.iter().map(|&bits| u32::from(bits >= least)).sum::<u32>() as usize
}

/// Returns the index of the first NaN of a batch.
#[inline(always)]
fn position_of_nan<W: Weight>(weights: &[W::Bits]) -> Option<usize> {
    let any = weights.iter().fold(false, |any, &bits| any | (bits > W::INFINITY_BITS));
    any.then(|| weights.iter().position(|&bits| bits > W::INFINITY_BITS))?
}

/// Iterates over the bits of all weights.
#[inline(always)]
fn each<W: Weight>(bytes: &[u8]) -> impl Iterator<Item = W::Bits> {
    bytes.chunks_exact(W::WIDTH).map(W::bits)
}
