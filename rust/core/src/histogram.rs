//! Histograms of ranks, and the bin that holds a threshold.

use crate::bracket::Bracket;

/// Bins of equal width over the ranks of a bracket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bins {
    /// The ranks that are counted.
    pub span: Bracket,
    /// Binary logarithm of the number of ranks per bin.
    pub shift: u32,
}

impl Bins {
    /// Covers `span`, which is not empty, with as many bins as possible, but at most `most`, a power of two from 4 on.
    pub(crate) const fn over(span: Bracket, most: usize) -> Self {
        let bits = u64::BITS - (span.width() - 1).leading_zeros();
        Bins { span, shift: bits.saturating_sub(most.ilog2()) }
    }

    /// Returns the number of bins.
    pub(crate) const fn len(self) -> usize {
        ((self.span.width() - 1) >> self.shift) as usize + 1
    }

    /// Returns the bin of a rank; `None` if it lies outside of the span.
    #[inline(always)]
    pub(crate) fn bin(self, rank: i64) -> Option<usize> {
        // One comparison for both ends: the distance of a rank at or below `lo` wraps round to a huge number.
        let distance = (rank.wrapping_sub(self.span.lo) as u64).wrapping_sub(1);
        (distance < self.span.width()).then_some((distance >> self.shift) as usize)
    }

    /// Returns the ranks of a bin.
    pub(crate) fn bracket(self, bin: usize) -> Bracket {
        let lo = self.span.lo.wrapping_add(((bin as u64) << self.shift) as i64);
        Bracket { lo, hi: self.span.hi.min(lo.saturating_add(1_i64 << self.shift)) }
    }
}

/// Returns the bin that holds the `keep`-th best rank, and how many of the ranks in that bin are kept; `None` if there
/// are fewer ranks in all. Higher bins hold better ranks, and `keep` is at least 1. Linear in the number of bins.
pub(crate) fn bin_of_threshold(histogram: &[usize], keep: usize) -> Option<(usize, usize)> {
    let mut keep = keep;
    for (bin, &count) in histogram.iter().enumerate().rev() {
        if keep <= count {
            return Some((bin, keep));
        }
        keep -= count;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bins_cover_their_span_without_gaps(ends in any::<(i64, i64)>(), most in 2_u32..21) {
            let span = Bracket { lo: ends.0.min(ends.1), hi: ends.0.max(ends.1) };
            prop_assume!(span.lo < span.hi && span.hi < i64::MAX);
            let bins = Bins::over(span, 1 << most);
            prop_assert!(bins.len() <= 1 << most);
            prop_assert!(bins.shift == 0 || bins.len() > 1 << most >> 1, "more bins would have fitted");
            for rank in [span.lo + 1, span.hi, span.lo + ((span.width() / 2) as i64).max(1)] {
                let bin = bins.bin(rank).unwrap();
                prop_assert!(bin < bins.len() && bins.bracket(bin).contains(rank));
            }
            prop_assert_eq!((bins.bin(span.lo), bins.bin(span.hi + 1)), (None, None));
        }

        #[test]
        fn the_bin_of_the_threshold_is_that_of_sorting(mut bins in prop::collection::vec(0_usize..9, 1..60)) {
            let mut histogram = [0; 9];
            bins.iter().for_each(|&bin| histogram[bin] += 1);
            bins.sort_unstable_by(|one, other| other.cmp(one));
            for (position, &bin) in bins.iter().enumerate() {
                let better = bins.iter().filter(|&&other| other > bin).count();
                prop_assert_eq!(bin_of_threshold(&histogram, position + 1), Some((bin, position + 1 - better)));
            }
            prop_assert_eq!(bin_of_threshold(&histogram, bins.len() + 1), None);
        }
    }
}
