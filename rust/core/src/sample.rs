//! What a sample of the ranks says about the threshold: a sample quantile, its standard deviation and a bracket.
//!
//! If a fraction `density` of the candidates is kept, then about that fraction of a sample is, so the threshold is near
//! the sample quantile at position `density * m` of m, counted from the best. By how much the position may be wrong is
//! estimated from the sample itself. Weights that lie side by side resemble each other, so the sample is taken in
//! windows of neighbours ([`crate::windows`]) and only different windows are treated as independent: with d_w the
//! number of ranks of window w that are above the quantile, less the number expected there, the variance of the
//! position is
//!
//! ```text
//! 1/2 * sum over w of (d_w - d_(w-1))^2
//! ```
//!
//! the mean square successive difference (von Neumann, Kent, Bellinson and Hart 1941, "The mean square successive
//! difference", Annals of Mathematical Statistics 12). A slow trend from window to window, as in sorted scores, hardly
//! adds to it, and correlation within windows does.

use std::cmp::Ordering;

use crate::bracket::Bracket;

/// Passes over all scores that cost as much as listing and resolving all scores would.
///
/// Chosen by measurement; see row `cliff/bf16` of the benchmark `selection` (ties of bfloat16 in docs/benchmarks.md),
/// the input with many scores at the ends of the bracket.
const LISTING: f64 = 40.0;

/// Where the threshold is estimated to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Estimate {
    /// Ranks among which the threshold very likely is.
    pub bracket: Bracket,
    /// The most likely rank of the threshold.
    pub rank: i64,
    /// Where the bracket is empty because all the ranks in it would be ties of `rank`: the fraction of them that is
    /// kept.
    pub tie_density: f64,
}

impl Estimate {
    /// Returns the estimate of a threshold that is certainly in `bracket`, or at its lower end if that is empty.
    pub(crate) const fn certain(bracket: Bracket) -> Self {
        Estimate { bracket, rank: bracket.hi, tie_density: 0.0 }
    }
}

/// A sample quantile, as the estimate of a threshold.
pub(crate) struct Quantile {
    /// Ranks among which the threshold very likely is.
    pub bracket: Bracket,
    /// The rank at the quantile's position.
    pub rank: i64,
    /// Standard deviation of that position.
    pub deviation: f64,
}

/// A sample of the candidates inside `known`. Ranks inside `within` are stored; those above it are only counted.
pub(crate) struct Sample {
    known: Bracket,
    within: Bracket,
    /// Scores that were read.
    pub read: usize,
    /// How many of them are candidates inside `known`.
    pub size: usize,
    /// How many of those are above `within`.
    pub above: usize,
    /// Ranks inside `within`, window by window.
    pub ranks: Vec<i64>,
    windows: Vec<Window>,
}

/// What one window adds to a sample.
struct Window {
    size: usize,
    above: usize,
    /// Index after the window's last rank.
    end: usize,
}

impl Sample {
    /// Returns an empty sample.
    pub(crate) const fn new(known: Bracket, within: Bracket) -> Self {
        Sample { known, within, read: 0, size: 0, above: 0, ranks: Vec::new(), windows: Vec::new() }
    }

    /// Adds one candidate.
    pub(crate) fn add(&mut self, rank: i64) {
        self.size += usize::from(self.known.contains(rank));
        self.above += usize::from(rank > self.within.hi && rank <= self.known.hi);
        if self.within.contains(rank) {
            self.ranks.push(rank);
        }
    }

    /// Ends a window; `size` and `above` are those of the sample when the window began.
    pub(crate) fn end_window(&mut self, size: usize, above: usize) {
        self.windows.push(Window { size: self.size - size, above: self.above - above, end: self.ranks.len() });
    }

    /// Appends the windows of another sample.
    pub(crate) fn append(&mut self, other: Sample) {
        let stored = self.ranks.len();
        self.read += other.read;
        self.size += other.size;
        self.above += other.above;
        self.windows.extend(other.windows.into_iter().map(|each| Window { end: stored + each.end, ..each }));
        self.ranks.extend(other.ranks);
    }

    /// Returns the standard deviation that the position of the quantile would have if all scores were independent.
    pub(crate) fn independent_deviation(&self, density: f64) -> f64 {
        (self.size as f64 * density * (1.0 - density)).sqrt()
    }

    /// Estimates the threshold as a sample quantile, in time linear in the sample.
    ///
    /// The bracket reaches `deviations` standard deviations, and at least `least` positions, above and below it.
    pub(crate) fn quantile(&self, density: f64, deviations: f64, least: usize) -> Quantile {
        let mut ranks = self.ranks.clone();
        let Some(last) = ranks.len().checked_sub(1) else {
            return Quantile { bracket: self.within, rank: self.within.hi, deviation: 0.0 };
        };
        let centre = (self.size as f64 * density) as usize;
        let pivot = centre.saturating_sub(self.above).min(last);
        let (higher, &mut rank, lower) = ranks.select_nth_unstable_by(pivot, |one, other| other.cmp(one));
        let found = self.deviations(density, rank);
        let [up, down] = found.map(|deviation| (deviations * deviation).max(least as f64) as usize);
        let mut rank_at = |position: usize| match position.cmp(&pivot) {
            Ordering::Less => nth_best(higher, position),
            Ordering::Equal => rank,
            Ordering::Greater => nth_best(lower, position - pivot - 1),
        };
        let hi = centre.checked_sub(self.above + up).filter(|&position| position <= last);
        let lo = (centre + down).checked_sub(self.above).filter(|&position| position <= last);
        let hi = hi.map_or(self.within.hi, &mut rank_at);
        let lo = lo.map_or(self.within.lo, |position| rank_at(position) - 1);
        Quantile { bracket: Bracket { lo, hi }, rank, deviation: found[0].max(found[1]) }
    }

    /// Returns the standard deviations of the first and of the last position among the ties of a rank.
    fn deviations(&self, density: f64, rank: i64) -> [f64; 2] {
        let mut start = 0;
        let mut last = None;
        let mut squares = [0.0; 2];
        for window in &self.windows {
            let ranks = &self.ranks[start..window.end];
            start = window.end;
            let above = window.above + ranks.iter().filter(|&&other| other > rank).count();
            let ties = ranks.iter().filter(|&&other| other == rank).count();
            let surplus = [above, above + ties].map(|count| count as f64 - density * window.size as f64);
            if let Some(last) = last.replace(surplus) {
                for i in 0..2 {
                    squares[i] += (surplus[i] - last[i]) * (surplus[i] - last[i]);
                }
            }
        }
        squares.map(|sum: f64| (sum / 2.0).sqrt())
    }

    /// Counts the stored ranks strictly between the best and the worst rank of a bracket.
    ///
    /// These two are left out because many scores may tie with them, which a narrower bracket would not change.
    pub(crate) fn count_between(&self, bracket: Bracket) -> usize {
        self.count(|rank| rank > bracket.lo.saturating_add(1) && rank < bracket.hi)
    }

    fn count(&self, is: impl Fn(i64) -> bool) -> usize {
        self.ranks.iter().filter(|&&rank| is(rank)).count()
    }

    /// Turns a quantile into the estimate that a pass works with.
    ///
    /// The ranks at both ends of the quantile's bracket may have many ties. They stay inside only if listing them costs
    /// less than the second pass that is needed if the threshold is among them, times the probability of that.
    pub(crate) fn estimate(&self, quantile: &Quantile, density: f64) -> Estimate {
        let &Quantile { bracket, rank, deviation } = quantile;
        let (best, worst) = (bracket.hi, bracket.lo.saturating_add(1));
        let centre = self.size as f64 * density;
        let first_position = |rank| (self.above + self.count(|other| other > rank)) as f64;
        let ties = |rank| self.count(|other| other == rank) as f64;
        let pays = |end, distance: f64| LISTING * ties(end) / self.read as f64 <= normal_tail(distance / deviation);
        let hi = if pays(best, centre - first_position(best - 1)) { best } else { best - 1 };
        let lo = if pays(worst, first_position(worst) - centre) { bracket.lo } else { worst };
        let bracket = Bracket { lo, hi };
        if self.ranks.is_empty() || self.count(|rank| bracket.contains(rank)) > 0 {
            return Estimate { bracket, rank, tie_density: 0.0 };
        }
        let tie_density = (centre - first_position(rank)) / ties(rank);
        Estimate { bracket: Bracket::empty_at(rank), rank, tie_density: tie_density.clamp(0.0, 1.0) }
    }
}

/// Returns an upper bound of the probability that a normal variable is `deviations` standard deviations or more above
/// its mean: exp(-z^2 / 2) / 2.
fn normal_tail(deviations: f64) -> f64 {
    (-0.5 * deviations.max(0.0).powi(2)).exp() / 2.0
}

/// Returns the rank at a position of the descending order; reorders the ranks.
fn nth_best(ranks: &mut [i64], position: usize) -> i64 {
    *ranks.select_nth_unstable_by(position, |one, other| other.cmp(one)).1
}
