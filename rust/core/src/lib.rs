//! Exact, deterministic top-k over many tensors of scores, without concatenating them, at the speed of memory.
//!
//! # The question
//!
//! Given named tensors and a number, which weights are kept? The order is total: score descending, then tensor name
//! ascending (by bytes), then flat index ascending. The first `keep` entries in that order are kept, so the answer depends
//! neither on the thread count, nor on the order in which tensors are passed, nor on the instructions of the processor.
//! -0 equals +0, infinities are ordered, NaN is refused. [`naive`] says the same by sorting everything, and is the oracle of
//! the tests.
//!
//! # The answer in one pass
//!
//! A float's bits, read as an integer, order like the float ([`Key`]); all comparisons are of integers.
//!
//! 1. *Guess* (`sample`). Some windows of the scores tell where the cut will be, and how sure that is: a bracket of ranks.
//! 2. *Scan* (`scan`). One pass over all scores writes the packed mask of what is above the middle of the bracket, notes the
//!    few that lie inside it, and counts what equals its foot. It compares 64 scores at once (`simd`, `neon`) and takes
//!    little longer than reading the memory.
//! 3. *Settle* (`boundary`). The cut is found among the noted ones by histograms, and the bits between it and the middle
//!    are turned. Where it lies among many ties, pieces of tensors take their shares in order.
//!
//! A bracket that misses, or holds too much, costs another pass, with a bracket from what the last one counted; scores that
//! mislead guess after guess are searched bin by bin. A wrong answer comes of neither.
//!
//! Weights are scored on the fly ([`Measure`]): |w|, |w * g| and their like are never stored.
//!
//! # What else there is
//!
//! [`select_each`] and [`select_rows`] cut every tensor or every row by itself, the latter also for N:M sparsity;
//! [`block_scores`] and [`expand_blocks`] make filters and blocks of weights the units of a selection. [`apply_mask`] zeroes
//! what is dead, [`block_counts`] counts what is alive. [`prune`] does the same to checkpoints larger than the memory.
//!
//! Work on fewer than about 10^5 scores stays on the calling thread; more is shared by rayon's kept pool. `unsafe` is for
//! vector instructions, and each block says why it is sound.

mod blocks;
mod boundary;
mod error;
mod mask;
mod mask_apply;
mod mask_blocks;
pub mod naive;
#[cfg(target_arch = "aarch64")]
mod neon;
mod norm;
mod order;
mod pieces;
pub mod prune;
mod rows;
pub mod safetensors;
mod sample;
mod scan;
mod select;
#[cfg(target_arch = "x86_64")]
mod simd;
mod tensor;

pub use blocks::{Reduction, block_scores, expand_blocks};
pub use error::Error;
pub use mask::packed_len;
pub use mask_apply::{Word, apply_mask};
pub use mask_blocks::block_counts;
pub use norm::l2_norm;
pub use order::{Key, Score};
pub use rows::{Rows, select_rows};
pub use select::{Selected, select, select_each};
pub use tensor::{Measure, Tensor};
