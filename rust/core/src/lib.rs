//! Exact, deterministic top-k over many tensors of scores, without concatenating them.
//!
//! The order is total: score descending, then tensor name ascending (by bytes), then flat index ascending. The first
//! `keep` entries in that order are kept, so the answer depends neither on the thread count nor on the order in which
//! tensors are passed. [`naive`] says the same by sorting everything and is the oracle of the tests.

mod boundary;
mod error;
mod mask;
mod mask_apply;
mod mask_blocks;
pub mod naive;
mod order;
pub mod prune;
pub mod safetensors;
mod select;
mod tensor;

pub use error::Error;
pub use mask::{Mask, packed_len};
pub use mask_apply::{Word, apply_mask};
pub use mask_blocks::block_counts;
pub use order::{Key, Score};
pub use select::{Selected, select, select_each};
pub use tensor::Tensor;
