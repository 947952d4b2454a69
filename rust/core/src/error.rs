//! The errors of selections, one variant per cause.

use thiserror::Error;

/// Why a selection was refused or ended. Each message names the tensor, what was found and what was allowed.
///
/// ```
/// use pruneproof_core::Error;
///
/// let error = Error::TooFewAlive { keep: 8, available: 7 };
/// assert!(error.to_string().starts_with("8 weights are to be kept but only 7 are alive."));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// A score is NaN.
    #[error(
        "the scores of \"{tensor}\" hold NaN at flat index {index}; NaN has no rank. Check the criterion for 0/0 or inf - inf."
    )]
    NotANumber {
        /// Name of the tensor.
        tensor: String,
        /// Flat index in C order.
        index: usize,
    },
    /// An alive mask has the wrong size.
    #[error("the alive mask of \"{tensor}\" has {found} bytes; {expected} were expected for {size} weights.")]
    AliveLength {
        /// Name of the tensor.
        tensor: String,
        /// Bytes given.
        found: usize,
        /// Bytes needed.
        expected: usize,
        /// Number of scores in the tensor.
        size: usize,
    },
    /// The factors of a product have another size than the values.
    #[error("the second factor of \"{tensor}\" has {found} entries; {expected} were expected, one for each weight.")]
    FactorLength {
        /// Name of the tensor.
        tensor: String,
        /// Entries given.
        found: usize,
        /// Entries needed.
        expected: usize,
    },
    /// Two tensors have one name, so that ties between them could not be broken.
    #[error("two tensors are named \"{tensor}\"; ties are broken by name, so names must differ.")]
    DuplicateName {
        /// The name.
        tensor: String,
    },
    /// More weights are to be kept than there are candidates.
    #[error(
        "{keep} weights are to be kept but only {available} are alive. Lower the number kept, or pass a denser mask."
    )]
    TooFewAlive {
        /// Weights to keep.
        keep: usize,
        /// Number of candidates.
        available: usize,
    },
    /// The floors protect more weights than are to be kept.
    #[error("the floors protect {floors} weights but only {keep} may be kept. Lower the floor or the sparsity.")]
    FloorsExceedKeep {
        /// Sum of the floors, each limited to what its tensor has alive.
        floors: usize,
        /// Weights to keep.
        keep: usize,
    },
    /// A tensor has fewer candidates than are to be kept of it.
    #[error("{keep} weights of \"{tensor}\" are to be kept but only {available} are alive. Lower that tensor's count.")]
    TooFewAliveIn {
        /// Name of the tensor.
        tensor: String,
        /// Weights to keep.
        keep: usize,
        /// Number of candidates.
        available: usize,
    },
    /// A row has fewer candidates than are to be kept of it.
    #[error(
        "{keep} weights of row {row} of \"{tensor}\" are to be kept but only {available} are alive. Keep fewer of each row."
    )]
    TooFewAliveInRow {
        /// Name of the tensor.
        tensor: String,
        /// The row.
        row: usize,
        /// Weights to keep.
        keep: usize,
        /// Number of candidates.
        available: usize,
    },
    /// The width of the rows does not divide the size of a tensor.
    #[error("the {size} weights of \"{tensor}\" cannot be cut into groups of {width}. Exempt that tensor.")]
    RaggedRows {
        /// Name of the tensor.
        tensor: String,
        /// Entries per row.
        width: usize,
        /// Number of entries of the tensor.
        size: usize,
    },
    /// Both infinities are in a block whose mean is its score.
    #[error("the mean score of block {block} of \"{tensor}\" is inf - inf, which has no rank. Check the criterion.")]
    UndefinedMean {
        /// Name of the tensor.
        tensor: String,
        /// The block, in the C order of the grid.
        block: usize,
    },
    /// Both infinities are in a block whose score is a sum.
    #[error(
        "the sum of the scores of block {block} of \"{tensor}\" is inf - inf, which has no rank. Check the criterion."
    )]
    UndefinedSum {
        /// Name of the tensor.
        tensor: String,
        /// The block, in the C order of the grid.
        block: usize,
    },
    /// Scores that have no sign are to be added with their sign.
    #[error(
        "the reductions sum and abs-of-sum add scores with their sign, which the measure of \"{tensor}\" drops. \
         Measure the values themselves, or reduce by l1."
    )]
    UnsignedMeasure {
        /// Name of the tensor.
        tensor: String,
    },
    /// A norm is too large for an f64, or a value infinite.
    #[error(
        "the L2 norm of \"{tensor}\" is infinite, so its weights cannot be divided by it. Check it for infinities."
    )]
    InfiniteNorm {
        /// Name of the tensor.
        tensor: String,
    },
    /// The caller set the stop flag.
    #[error("the selection was stopped.")]
    Stopped,
}
