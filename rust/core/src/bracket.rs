//! Ranges of ranks around a threshold, and what is known for sure about where it lies.

/// A range of ranks: above `lo`, up to and including `hi`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bracket {
    pub lo: i64,
    pub hi: i64,
}

impl Bracket {
    /// The bracket that holds all ranks of scores; `i64::MIN` is the rank of none.
    pub(crate) const ALL: Self = Bracket { lo: i64::MIN, hi: i64::MAX };

    /// Returns the bracket that holds no rank and has both ends at `rank`.
    pub(crate) const fn empty_at(rank: i64) -> Self {
        Bracket { lo: rank, hi: rank }
    }

    /// Says whether a rank lies inside.
    pub(crate) const fn contains(self, rank: i64) -> bool {
        rank > self.lo && rank <= self.hi
    }

    /// Returns the number of ranks inside.
    pub(crate) const fn width(self) -> u64 {
        // The width of `ALL` does not fit into an i64; in two's complement the difference is right as a u64.
        self.hi.wrapping_sub(self.lo) as u64
    }
}

/// Where the threshold is known to be: it is the rank of the `keep`-th best of the `size` candidates inside `bracket`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// Ranks among which the threshold is.
    pub bracket: Bracket,
    /// How many of the candidates inside are kept.
    pub keep: usize,
    /// Candidates inside.
    pub size: usize,
}

impl Target {
    /// Returns the fraction of the candidates inside that is kept.
    pub(crate) fn density(self) -> f64 {
        self.keep as f64 / self.size as f64
    }
}
