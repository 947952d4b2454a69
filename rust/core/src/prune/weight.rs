//! Stored weights as integers that order as their magnitudes do.

use std::cmp::Reverse;
use std::ops::RangeInclusive;

use half::{bf16, f16};

/// So many ties that none is left out.
pub(super) const ALL: usize = usize::MAX;
/// Number of weights that are counted without a branch.
const BLOCK: usize = 128;
/// Number of weights among which a few are looked for.
const RUN: usize = 16;

/// What one piece adds to a tally.
#[derive(Clone, Debug, Default)]
pub(super) struct Count {
    /// Weights whose key lies above the bracket.
    pub above: usize,
    /// Weights whose key lies inside it.
    pub inside: usize,
    /// The bin of each of those; left out if there is but one bin.
    pub bins: Vec<u32>,
    /// Flat index of the first NaN, within the piece.
    pub nan: Option<usize>,
}

/// Keys that are tallied: `range` in bins of `2^shift` keys, and no key above `cap`.
#[derive(Clone, Debug)]
pub(super) struct Bracket {
    pub range: RangeInclusive<u64>,
    pub shift: u32,
}

impl Bracket {
    pub fn bins(&self) -> usize {
        ((self.range.end() - self.range.start()) >> self.shift) as usize + 1
    }

    pub fn bin(&self, key: u64) -> usize {
        ((key - self.range.start()) >> self.shift) as usize
    }
}

/// A floating-point type as its little-endian bytes lie in a file.
///
/// `bits` is the number without its sign: positive, and larger for a larger magnitude; NaN lies above infinity.
pub(super) trait Weight {
    /// Bytes of an element.
    const WIDTH: usize;
    /// Every key of this type is a multiple of `2^GRAIN`.
    const GRAIN: u32;
    /// The bits of infinity.
    const LARGEST: Self::Bits;
    type Bits: Copy + Ord + Default;

    fn bits(bytes: &[u8]) -> Self::Bits;

    /// The bits of the magnitude as an f64.
    fn key(bits: Self::Bits) -> u64;

    /// Zeroes an element, or leaves it as it is.
    fn keep_if(bytes: &mut [u8], kept: bool);

    /// The least bits whose key is at least `key`, or one more than infinity.
    fn ceiling(key: u64) -> Self::Bits;
}

macro_rules! impl_weight {
    ($($float:ty, $bits:ty, $unsigned:ty, $mantissa:expr;)*) => {$(
        impl Weight for $float {
            const WIDTH: usize = size_of::<$bits>();
            const GRAIN: u32 = 52 - $mantissa;
            const LARGEST: $bits = <$float>::INFINITY.to_bits() as $bits;
            // Signed, because that is what vector units compare.
            type Bits = $bits;

            #[inline(always)]
            fn bits(bytes: &[u8]) -> $bits {
                <$bits>::from_le_bytes(bytes.try_into().expect("as many bytes as an element has")) & <$bits>::MAX
            }

            #[inline(always)]
            fn key(bits: $bits) -> u64 {
                f64::from(<$float>::from_bits(bits as $unsigned)).to_bits()
            }

            #[inline(always)]
            fn keep_if(bytes: &mut [u8], kept: bool) {
                let element: &mut [u8; Self::WIDTH] = bytes.try_into().expect("as many bytes as an element has");
                *element = (<$bits>::from_le_bytes(*element) & -<$bits>::from(kept)).to_le_bytes();
            }

            fn ceiling(key: u64) -> $bits {
                let (mut low, mut high) = (0, Self::LARGEST + 1);
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

/// Calls a function of this module for the type that a file names.
macro_rules! for_dtype {
    ($dtype:expr, $call:ident($($argument:expr),*)) => {
        match $dtype {
            Dtype::F16 => $crate::prune::weight::$call::<half::f16>($($argument),*),
            Dtype::BF16 => $crate::prune::weight::$call::<half::bf16>($($argument),*),
            Dtype::F32 => $crate::prune::weight::$call::<f32>($($argument),*),
            Dtype::F64 => $crate::prune::weight::$call::<f64>($($argument),*),
            other => unreachable!("weights of dtype {other} are refused"),
        }
    };
}
pub(super) use for_dtype;

pub(super) fn grain<W: Weight>() -> u32 {
    W::GRAIN
}

/// Appends the key of each weight; NaN counts as the largest.
pub(super) fn push_keys<W: Weight>(bytes: &[u8], keys: &mut Vec<u64>) {
    keys.extend(each::<W>(bytes).map(|bits| W::key(bits)));
}

/// Compiles a function twice, for every processor and for one with AVX2, and lets the processor choose.
///
/// What counts and zeroes is several times as fast with wide vectors; the code is the same, so the answer is too.
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
                    // SAFETY: the processor has the one feature that `wide` is compiled for.
                    return unsafe { wide::<W>($($argument),*) };
                }
            }
            plain::<W>($($argument),*)
        }
    )*};
}

widened! {
    /// Counts the weights inside the bracket and those above it, leaving out keys beyond `cap`.
    fn tally<W: Weight>(bytes: &[u8], bracket: &Bracket, cap: u64) -> Count {
        let over = W::ceiling(cap.saturating_add(1));
        let low = W::ceiling(*bracket.range.start()).min(over);
        let high = W::ceiling(bracket.range.end().saturating_add(1)).min(over);
        let mut count = Count::default();
        let mut buffer = [W::Bits::default(); BLOCK];
        for (block, bytes) in bytes.chunks(BLOCK * W::WIDTH).enumerate() {
            let weights = load::<W>(bytes, &mut buffer);
            if let Some(first) = position_of_nan::<W>(weights) {
                return Count { nan: Some(block * BLOCK + first), ..count };
            }
            let above = at_least::<W>(weights, high);
            let here = at_least::<W>(weights, low) - above;
            count.above += above - if over > W::LARGEST { 0 } else { at_least::<W>(weights, over) };
            count.inside += here;
            if here > 0 && bracket.bins() > 1 {
                let inside = |bits: &W::Bits| (*bits >= low) & (*bits < high);
                // Few are inside: most runs are passed over without a branch per weight.
                for run in weights.chunks(RUN).filter(|run| run.iter().fold(false, |any, bits| any | inside(bits))) {
                    for &bits in run.iter().filter(|bits| inside(bits)) {
                        count.bins.push(bracket.bin(W::key(bits)) as u32);
                    }
                }
            }
        }
        count
    }

    /// Returns the flat index of the first NaN.
    fn first_nan<W: Weight>(bytes: &[u8]) -> Option<usize> {
        let mut buffer = [W::Bits::default(); BLOCK];
        let mut blocks = bytes.chunks(BLOCK * W::WIDTH).enumerate();
        blocks.find_map(|(block, bytes)| Some(block * BLOCK + position_of_nan::<W>(load::<W>(bytes, &mut buffer))?))
    }

    /// Counts the weights of exactly this key.
    fn count_equal<W: Weight>(bytes: &[u8], key: u64) -> usize {
        let (least, beyond) = (W::ceiling(key), W::ceiling(key.saturating_add(1)));
        let mut buffer = [W::Bits::default(); BLOCK];
        let mut equal = 0;
        for bytes in bytes.chunks(BLOCK * W::WIDTH) {
            let weights = load::<W>(bytes, &mut buffer);
            equal += at_least::<W>(weights, least) - at_least::<W>(weights, beyond);
        }
        equal
    }

    /// Zeroes the weights below `key`, and those equal to it but for the first `ties` (or [`ALL`]); returns how many are left.
    ///
    /// What is left is also marked in `marks`, if there is one: one bit per weight, lowest first.
    fn cut<W: Weight>(bytes: &mut [u8], key: u64, ties: usize, marks: Option<&mut [u8]>) -> usize {
        let (least, beyond) = (W::ceiling(key), W::ceiling(key.saturating_add(1)));
        // Left of here ties are kept, right of here they are not.
        let split = match ties {
            0 => 0,
            ALL => bytes.len() / W::WIDTH,
            _ => {
                let tied = each::<W>(bytes).enumerate().filter(|&(_, bits)| bits >= least && bits < beyond);
                tied.take(ties).last().map_or(0, |(i, _)| i + 1)
            }
        };
        if let Some(marks) = marks {
            for (group, (byte, bytes)) in marks.iter_mut().zip(bytes.chunks(8 * W::WIDTH)).enumerate() {
                *byte = 0;
                for (i, bits) in each::<W>(bytes).enumerate() {
                    *byte |= u8::from(bits >= if group * 8 + i < split { least } else { beyond }) << i;
                }
            }
        }
        let (left, right) = bytes.split_at_mut(split * W::WIDTH);
        keep_from::<W>(left, least) + keep_from::<W>(right, beyond)
    }

    /// Zeroes all but the `keep` largest of each `length` consecutive weights, ties to the lower index; marks as [`cut`]
    /// does.
    fn cut_groups<W: Weight>(bytes: &mut [u8], length: usize, keep: usize, marks: Option<&mut [u8]>) -> usize {
        match length {
            4 => keep_in_each::<W, 4>(bytes, keep, marks),
            8 => keep_in_each::<W, 8>(bytes, keep, marks),
            _ => keep_in_long::<W>(bytes, length, keep, marks),
        }
        bytes.len() / W::WIDTH / length * keep
    }
}

/// Keeps the best of `M` weights each, those that few others are better than.
#[inline(always)]
fn keep_in_each<W: Weight, const M: usize>(bytes: &mut [u8], keep: usize, mut marks: Option<&mut [u8]>) {
    for (group, bytes) in bytes.chunks_exact_mut(M * W::WIDTH).enumerate() {
        let keys: [W::Bits; M] = std::array::from_fn(|i| W::bits(&bytes[i * W::WIDTH..(i + 1) * W::WIDTH]));
        for i in 0..M {
            let better: u32 =
                (0..M).map(|j| u32::from(if j < i { keys[j] >= keys[i] } else { keys[j] > keys[i] })).sum();
            let alive = (better as usize) < keep;
            W::keep_if(&mut bytes[i * W::WIDTH..(i + 1) * W::WIDTH], alive);
            if let Some(marks) = &mut marks {
                let at = group * M + i;
                marks[at / 8] |= u8::from(alive) << (at % 8);
            }
        }
    }
}

/// Keeps the best of `length` weights each by selection.
fn keep_in_long<W: Weight>(bytes: &mut [u8], length: usize, keep: usize, mut marks: Option<&mut [u8]>) {
    let mut ranked = Vec::with_capacity(length);
    for (group, bytes) in bytes.chunks_exact_mut(length * W::WIDTH).enumerate() {
        ranked.clear();
        ranked.extend(each::<W>(bytes).enumerate().map(|(i, bits)| (Reverse(bits), i)));
        if 0 < keep && keep < length {
            ranked.select_nth_unstable(keep - 1);
        }
        let (alive, dead) = ranked.split_at(keep);
        for &(_, i) in dead {
            W::keep_if(&mut bytes[i * W::WIDTH..(i + 1) * W::WIDTH], false);
        }
        if let Some(marks) = &mut marks {
            for at in alive.iter().map(|&(_, i)| group * length + i) {
                marks[at / 8] |= 1 << (at % 8);
            }
        }
    }
}

/// Zeroes the weights below `least`, and returns how many are left.
#[inline(always)]
fn keep_from<W: Weight>(bytes: &mut [u8], least: W::Bits) -> usize {
    let mut buffer = [W::Bits::default(); BLOCK];
    let mut copy = [[0; 8]; BLOCK];
    let mut kept = 0;
    for bytes in bytes.chunks_mut(BLOCK * W::WIDTH) {
        // From a copy, all of it is written back; in place, the compiler would write some lanes only, which is slow.
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

/// Reads the weights of one block.
#[inline(always)]
fn load<'a, W: Weight>(bytes: &[u8], buffer: &'a mut [W::Bits; BLOCK]) -> &'a [W::Bits] {
    let weights = &mut buffer[..bytes.len() / W::WIDTH];
    weights.iter_mut().zip(each::<W>(bytes)).for_each(|(weight, bits)| *weight = bits);
    weights
}

/// Counts the weights of at least these bits in one block; a narrow sum, which wide vectors like.
#[inline(always)]
fn at_least<W: Weight>(weights: &[W::Bits], least: W::Bits) -> usize {
    weights.iter().map(|&bits| u32::from(bits >= least)).sum::<u32>() as usize
}

#[inline(always)]
fn position_of_nan<W: Weight>(weights: &[W::Bits]) -> Option<usize> {
    let any = weights.iter().fold(false, |any, &bits| any | (bits > W::LARGEST));
    any.then(|| weights.iter().position(|&bits| bits > W::LARGEST))?
}

#[inline(always)]
fn each<W: Weight>(bytes: &[u8]) -> impl Iterator<Item = W::Bits> {
    bytes.chunks_exact(W::WIDTH).map(W::bits)
}
