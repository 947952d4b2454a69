//! Exact, deterministic top-k selection over many named tensors, about as fast as reading their memory once.
//!
//! A pruning step scores every weight of a network and keeps the `keep` best. This crate finds them without sorting,
//! without concatenating tensors and without storing scores, and writes one packed bit per weight.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use pruneproof_core::{Measure, Tensor, select};
//!
//! let (conv, fc) = ([0.3_f32, -0.9, 0.1], [0.5_f32, -0.2, 0.9, 0.0]);
//! let tensors = [("conv", &conv[..]), ("fc", &fc[..])]
//!     .map(|(name, values)| Tensor { measure: Measure::Magnitude, ..Tensor::of_scores(name, values) });
//! let (mut conv_mask, mut fc_mask) = ([0_u8], [0_u8]);
//! let never_stopped = AtomicBool::new(false);
//!
//! let selected = select(&tensors, 3, &[0, 0], &mut [&mut conv_mask, &mut fc_mask], &never_stopped).unwrap();
//!
//! // The three largest magnitudes are 0.9, 0.9 and 0.5.
//! assert_eq!((conv_mask, fc_mask), ([0b010], [0b0101]));
//! assert_eq!((selected.counts, selected.threshold), (vec![1, 2], Some(0.5)));
//! ```
//!
//! # What is in it
//!
//! | function | keeps |
//! |---|---|
//! | [`select()`] | the best of all tensors together, with a floor per tensor |
//! | [`select_each`] | the best of each tensor |
//! | [`select_rows`] | the best of each row: output units, or N:M groups |
//! | [`block_scores`], then [`select()`], then [`expand_blocks`] | the best blocks of weights, such as filters |
//! | [`prune`] | the best of a checkpoint that is larger than memory |
//!
//! Besides, [`apply_mask`] zeroes dead weights, [`block_counts`] counts survivors, [`l2_norm`] normalises scores, and
//! [`safetensors`] reads headers. [`naive`] is the oracle of the tests.
//!
//! # The order
//!
//! The order of weights is total: score descending, then tensor name ascending (by bytes), then flat index ascending.
//! The result is therefore the same for any number of threads, any order of the tensors and any instruction set. -0
//! ties with +0, infinities are ordered, and NaN is refused with its tensor and index.
//!
//! # How a selection works
//!
//! The bits of a float, read as a signed integer, order like the float ([`Key`]), so all comparisons are of integers.
//!
//! 1. *Sample.* Windows at places spread evenly over the tensors give a sample quantile and its standard deviation: an
//!    estimate of the threshold, and a bracket around it.
//! 2. *Pass.* One pass over all scores writes the mask bits of what is above the estimate, lists the few scores inside
//!    the bracket, and counts those above it and on its lower edge. With AVX-512, AVX2 or NEON it compares 64 scores at
//!    a time, and takes little longer than reading the memory.
//! 3. *Resolve.* Histograms of the listed scores find the threshold, and the bits between it and the estimate are
//!    flipped. Among equal scores at the threshold the first ones, in (name, index) order, get their bits.
//!
//! If the threshold is outside of the bracket, what the pass counted narrows the search, and another pass follows: at
//! most ten in all, and rarely more than one unless the scores mislead the sample. The result is exact in any case. The
//! module `threshold` opens with pseudo-code, a picture of the bracket and an example with ten scores; `cargo doc
//! --document-private-items` renders it.
//!
//! # Words
//!
//! | word | meaning |
//! |---|---|
//! | score | one number per weight; larger means keep |
//! | candidate | a weight that may be kept: there is no alive mask, or its bit there is set |
//! | key | a score as an integer of the same width and order |
//! | rank | a key as an `i64` that orders the scores of all tensors of a selection; larger is better. Not a position |
//! | threshold | the smallest score that is kept |
//! | bracket | ranks among which the threshold very likely is |
//! | ties | equal scores |
//! | density | the fraction that is kept |
//! | chunk | 65,536 neighbouring scores of a tensor, the unit of parallel work |
//! | pass | one read of all scores |
//!
//! # Threads, memory, stops
//!
//! Work on fewer than about 10^5 scores stays on the calling thread; more is shared with the global pool of rayon. In a
//! process that may have been forked, as those of Python may, call it by [`with_threads`].
//! Extra memory is at most a twentieth of that of the scores where there are many, and about half a mebibyte per thread.
//! Functions that may take long have an argument `stop`: when another thread sets this flag, they return
//! [`Error::Stopped`] within about a chunk's time. Pass a flag that is never set if nothing is to be stopped.
//!
//! # When not to use it
//!
//! For a few thousand scores in one slice, `select_nth_unstable` of the standard library does the same in a few lines.
//! Scores in the memory of an accelerator are better ranked there.
//!
//! `unsafe` is used for vector instructions, and for the pool of a forked process; each block says why it is sound.

mod arch;
mod blocks;
mod bracket;
mod chunk;
mod error;
mod estimate;
mod histogram;
mod mask;
mod mask_apply;
mod mask_blocks;
pub mod naive;
mod norm;
mod order;
mod pool;
pub mod prune;
mod rows;
pub mod safetensors;
mod sample;
mod scan;
mod select;
mod tensor;
mod threshold;
mod windows;

pub use blocks::{Reduction, block_scores, expand_blocks, grid_size};
pub use error::Error;
pub use mask::{masks_len, packed_len, split_masks};
pub use mask_apply::{Word, apply_mask};
pub use mask_blocks::block_counts;
pub use norm::l2_norm;
pub use order::{Key, Score};
pub use pool::{scope_with_threads, with_threads};
pub use rows::{Rows, select_rows};
pub use select::{Selected, select, select_each};
pub use tensor::{Measure, Tensor};
