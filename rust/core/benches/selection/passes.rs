//! Plain passes over memory by all threads: no answer can come faster than its input is read.

use std::ops::Not;

use pruneproof_core::{Score, Tensor};
use rayon::prelude::*;

/// Bytes that a thread reads at a time.
const PIECE: usize = 1 << 18;

/// Reads each tensor with the widest loads the processor has; returns the exclusive or of its words.
pub fn read<T: Score>(tensors: &[Tensor<'_, T>]) -> u64 {
    let widest = widest();
    let read = |piece: &[T]| {
        // SAFETY: numbers have no padding, and every pattern of bits is a `u64`.
        let (_, words, _) = unsafe { piece.align_to::<u64>() };
        widest(words)
    };
    let pieces = tensors.par_iter().flat_map(|tensor| tensor.values.par_chunks(PIECE / size_of::<T>()));
    pieces.map(read).reduce(|| 0, |one, other| one ^ other)
}

/// Reads and writes each word.
pub fn change<W: Copy + Send + Not<Output = W>>(words: &mut [W]) {
    let piece = PIECE / size_of::<W>();
    words.par_chunks_mut(piece).for_each(|piece| piece.iter_mut().for_each(|word| *word = !*word));
}

/// Chooses the reading function; the compiler turns the loop into vector loads as wide as each is allowed.
fn widest() -> fn(&[u64]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has what the function asks for, as just found.
            return |words| unsafe { read_avx512(words) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: as above.
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
