//! The baselines: plain passes over memory on all threads. No selection can be faster than reading its input.

use std::ops::Not;

use pruneproof_core::{Score, Tensor};
use rayon::prelude::*;

/// Bytes that a thread reads at a time.
const BYTES_PER_TASK: usize = 1 << 18;

/// Reads each tensor with the widest loads that the processor has, and returns the exclusive or of its words.
pub fn read<T: Score>(tensors: &[Tensor<'_, T>]) -> u64 {
    let widest = widest();
    let read = |part: &[T]| {
        // SAFETY: floats have no padding bytes, and every bit pattern is a valid `u64`.
        let (_, words, _) = unsafe { part.align_to::<u64>() };
        widest(words)
    };
    let parts = tensors.par_iter().flat_map(|tensor| tensor.values.par_chunks(BYTES_PER_TASK / size_of::<T>()));
    parts.map(read).reduce(|| 0, |one, other| one ^ other)
}

/// Reads and writes each word.
pub fn change<W: Copy + Send + Not<Output = W>>(words: &mut [W]) {
    let part = BYTES_PER_TASK / size_of::<W>();
    words.par_chunks_mut(part).for_each(|part| part.iter_mut().for_each(|word| *word = !*word));
}

/// Chooses the reading function; the compiler turns its loop into vector loads as wide as its features allow.
fn widest() -> fn(&[u64]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has AVX-512 F, as just detected.
            return |words| unsafe { read_avx512(words) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2, as just detected.
            return |words| unsafe { read_avx2(words) };
        }
    }
    read_words
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn read_avx512(words: &[u64]) -> u64 {
    read_words(words)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn read_avx2(words: &[u64]) -> u64 {
    read_words(words)
}

#[inline(always)]
fn read_words(words: &[u64]) -> u64 {
    words.iter().fold(0, |sum, word| sum ^ word)
}
