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
    /// A second factor of another size.
    #[error("the second factor of \"{tensor}\" has {found} entries; {expected} were expected, one for each weight.")]
    FactorLength {
        /// Name of the tensor.
        tensor: String,
        /// Entries given.
        found: usize,
        /// Entries needed.
        expected: usize,
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
    /// A row that has too little left.
    #[error(
        "{keep} weights of row {row} of \"{tensor}\" are to be kept but only {available} are alive. Keep fewer of each row."
    )]
    TooFewAliveInRow {
        /// Name of the tensor.
        tensor: String,
        /// The row.
        row: usize,
        /// Survivors asked for.
        keep: usize,
        /// Candidates.
        available: usize,
    },
    /// Rows that do not fill a tensor.
    #[error("the {size} weights of \"{tensor}\" cannot be cut into groups of {width}. Exempt that tensor.")]
    RaggedRows {
        /// Name of the tensor.
        tensor: String,
        /// Entries of a row.
        width: usize,
        /// Entries of the tensor.
        size: usize,
    },
    /// A block whose mean is inf - inf.
    #[error("the mean score of block {block} of \"{tensor}\" is inf - inf, which has no rank. Check the criterion.")]
    UndefinedMean {
        /// Name of the tensor.
        tensor: String,
        /// The block, in the C order of the grid.
        block: usize,
    },
    /// A tensor whose norm is too large for an f64.
    #[error(
        "the L2 norm of \"{tensor}\" is infinite, so its weights cannot be divided by it. Check it for infinities."
    )]
    InfiniteNorm {
        /// Name of the tensor.
        tensor: String,
    },
    /// The caller raised the flag that it passed.
    #[error("the selection was stopped.")]
    Stopped,
}
