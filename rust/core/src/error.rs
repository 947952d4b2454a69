//! Every way in which a selection is refused.

use thiserror::Error;

/// Why there is no mask.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// A score has no place in the order.
    #[error(
        "the scores of \"{tensor}\" hold NaN at flat index {index}; NaN has no rank. Check the criterion for 0/0 or inf - inf."
    )]
    NotANumber {
        /// Name of the tensor.
        tensor: String,
        /// Flat index in C order.
        index: usize,
    },
    /// An alive mask of the wrong size.
    #[error("the alive mask of \"{tensor}\" has {found} bytes; {expected} were expected for {size} weights.")]
    AliveLength {
        /// Name of the tensor.
        tensor: String,
        /// Bytes given.
        found: usize,
        /// Bytes needed.
        expected: usize,
        /// Scores in the tensor.
        size: usize,
    },
    /// Two tensors of one name: the order would not be total.
    #[error("two tensors are named \"{tensor}\"; ties are broken by name, so names must differ.")]
    DuplicateName {
        /// The name.
        tensor: String,
    },
    /// More survivors asked for than there are candidates.
    #[error(
        "{keep} weights are to be kept but only {available} are alive. Lower the number kept, or pass a denser mask."
    )]
    TooFewAlive {
        /// Survivors asked for.
        keep: usize,
        /// Candidates.
        available: usize,
    },
    /// The floors alone exceed the budget.
    #[error("the floors protect {floors} weights but only {keep} may be kept. Lower the floor or the sparsity.")]
    FloorsExceedKeep {
        /// Sum of the floors, each limited to what its tensor has alive.
        floors: usize,
        /// Survivors asked for.
        keep: usize,
    },
    /// One tensor cannot supply its own count.
    #[error("{keep} weights of \"{tensor}\" are to be kept but only {available} are alive. Lower that tensor's count.")]
    TooFewAliveIn {
        /// Name of the tensor.
        tensor: String,
        /// Survivors asked for.
        keep: usize,
        /// Candidates.
        available: usize,
    },
}
