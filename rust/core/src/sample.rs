//! Where the cut will most likely be, from a look at a few of the scores.

use std::cmp::Ordering;
use std::hint::black_box;
use std::ops::Range;

use crate::error::Error;
use crate::order::Score;
use crate::pieces::Crew;
use crate::scan::{Bounds, Inside, Instructions, scan};
use crate::tensor::Tensor;

/// Ranks around a cut: above `hi` all is kept, and `lo` is the foot; what lies between, `hi` included, is inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bracket {
    pub lo: i64,
    pub hi: i64,
}

impl Bracket {
    /// The bracket with nothing inside and `rank` at its foot.
    pub(crate) const fn at(rank: i64) -> Self {
        Bracket { lo: rank, hi: rank }
    }

    /// The bracket around everything.
    pub(crate) const ALL: Self = Bracket { lo: i64::MIN, hi: i64::MAX };

    const fn holds(self, rank: i64) -> bool {
        rank > self.lo && rank <= self.hi
    }
}

/// What is known for sure of a cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// It is inside.
    pub bracket: Bracket,
    /// It is at the last of so many of the best inside.
    pub wanted: usize,
    /// Candidates inside.
    pub size: usize,
}

/// What a look at a few of the scores says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guess {
    /// Where the cut most likely is.
    pub bracket: Bracket,
    /// The rank that is most likely the cut.
    pub middle: i64,
    /// Where all inside the bracket would be ties: the portion of them that is kept.
    pub ties: f64,
}

impl Guess {
    /// The guess that the cut is inside a bracket.
    pub(crate) const fn sure(bracket: Bracket) -> Self {
        Guess { bracket, middle: bracket.hi, ties: 0.0 }
    }
}

/// Standard deviations between the estimate of the cut and either end of the bracket. A bracket that misses, once in four
/// hundred times, costs a second pass; a wider one costs more each time.
const DEVIATIONS: f64 = 3.0;

/// Scores that the first look takes at most.
const FIRST: usize = 1 << 13;

/// Scores that the second look takes, per two-thirds power of all of them.
const MANY: f64 = 1.7;

/// Portion of the scores inside a bracket from which on a closer look costs less than noting them.
const WIDE: f64 = 0.018;

/// How many passes noting and settling all scores would take.
const NOTING: f64 = 40.0;

/// How many times as uncertain as with independent scores an estimate is where neighbours are alike, so that many short windows
/// say more than a few long ones.
const CLUSTERED: f64 = 6.0;

/// Scores from which on a second look, with a bracket from the first, costs less than what it saves.
const LARGE: usize = 1 << 18;

/// Windows that one task takes; together they fit into the nearest cache.
const STRETCH: usize = 32;

/// Bytes that come into the cache together.
const LINE: usize = 64;

/// Guesses where a cut is.
///
/// Windows of a few cache lines are taken at places spread evenly, with a jitter that no period of the scores can follow. How
/// far the estimate may be off is told by how much neighbouring windows differ, so correlated scores widen the bracket and
/// sorted ones do not.
///
/// # Errors
/// A stop.
pub(crate) fn guess<T: Score>(tensors: &[&Tensor<'_, T>], known: Known, crew: Crew<'_>) -> Result<Guess, Error> {
    if known.wanted == 0 {
        return Ok(Guess::sure(Bracket::at(i64::MAX)));
    }
    let portion = known.wanted as f64 / known.size as f64;
    let mut windows = Windows::new(tensors, known.bracket);
    let all = windows.size as f64;
    // Work on the sample grows with it, work inside the bracket with its inverse root: their sum is least about here.
    let thirds = all.powf(2.0 / 3.0);
    let first = (thirds as usize).clamp(1024, FIRST);
    let mut sample = windows.draw(first, known.bracket, crew)?;
    let mut found = sample.estimate(portion, windows.length);
    if found.spread > CLUSTERED * sample.spread_if_independent(portion) {
        windows.length = Windows::<T>::IN_LINE;
    }
    if windows.size >= LARGE && sample.between(found.bracket) > 0 {
        let (mut wanted, most) = (MANY * thirds, all / 16.0);
        loop {
            sample = windows.draw(wanted as usize, found.bracket, crew)?;
            found = sample.estimate(portion, windows.length);
            let excess = sample.between(found.bracket) as f64 / (WIDE * sample.drawn as f64);
            if excess <= 1.0 || wanted >= most {
                break;
            }
            // The bracket narrows with the root of the sample; half as much again makes sure of it.
            wanted = most.min(1.5 * excess * excess * wanted);
        }
    }
    Ok(sample.guess(&found, portion))
}

/// What a sample says of the cut.
struct Estimate {
    bracket: Bracket,
    /// The rank at the place of the cut.
    middle: i64,
    /// The standard deviation of that place.
    spread: f64,
}

/// A sample of the candidates inside a known bracket, of which only those in a part of it are kept one by one.
struct Sample {
    known: Bracket,
    /// The part.
    within: Bracket,
    /// Scores looked at.
    drawn: usize,
    /// How many of them are candidates and inside the known bracket.
    size: usize,
    /// How many of those are above the part.
    above: usize,
    /// Ranks in it, window by window.
    ranks: Vec<i64>,
    windows: Vec<Window>,
}

/// The part of a sample that lay side by side.
struct Window {
    size: usize,
    above: usize,
    /// Where its ranks end.
    end: usize,
}

impl Sample {
    const fn new(known: Bracket, within: Bracket) -> Self {
        Sample { known, within, drawn: 0, size: 0, above: 0, ranks: Vec::new(), windows: Vec::new() }
    }

    fn add(&mut self, rank: i64) {
        self.size += usize::from(self.known.holds(rank));
        self.above += usize::from(rank > self.within.hi && rank <= self.known.hi);
        if self.within.holds(rank) {
            self.ranks.push(rank);
        }
    }

    /// Ends a window that began when the sample had such a size, and so many above.
    fn end_window(&mut self, (size, above): (usize, usize)) {
        self.windows.push(Window { size: self.size - size, above: self.above - above, end: self.ranks.len() });
    }

    /// Returns the standard deviation of the place of the cut, if all scores were independent of each other.
    fn spread_if_independent(&self, portion: f64) -> f64 {
        (self.size as f64 * portion * (1.0 - portion)).sqrt()
    }

    /// Estimates the cut; the bracket reaches at least `least` places above and below it, both ends inside.
    fn estimate(&self, portion: f64, least: usize) -> Estimate {
        let mut ranks = self.ranks.clone();
        let Some(last) = ranks.len().checked_sub(1) else {
            return Estimate { bracket: self.within, middle: self.within.hi, spread: 0.0 };
        };
        let centre = (self.size as f64 * portion) as usize;
        let pivot = centre.saturating_sub(self.above).min(last);
        let (higher, &mut middle, lower) = ranks.select_nth_unstable_by(pivot, |left, right| right.cmp(left));
        let spreads = self.spreads(portion, middle);
        let [up, down] = spreads.map(|spread| (DEVIATIONS * spread).max(least as f64) as usize);
        let mut rank = |place: usize| match place.cmp(&pivot) {
            Ordering::Less => descending(higher, place),
            Ordering::Equal => middle,
            Ordering::Greater => descending(lower, place - pivot - 1),
        };
        let hi = centre.checked_sub(self.above + up).filter(|&place| place <= last);
        let lo = (centre + down).checked_sub(self.above).filter(|&place| place <= last);
        let hi = hi.map_or(self.within.hi, &mut rank);
        let lo = lo.map_or(self.within.lo, |place| rank(place) - 1);
        Estimate { bracket: Bracket { lo, hi }, middle, spread: spreads[0].max(spreads[1]) }
    }

    /// Returns the standard deviations of the places of the first and the last of those that tie with the rank `middle`.
    ///
    /// For windows in order, half the mean square of successive differences is the variance that is not trend.
    fn spreads(&self, portion: f64, middle: i64) -> [f64; 2] {
        let mut start = 0;
        let mut last = None;
        let mut squares = [0.0; 2];
        for window in &self.windows {
            let ranks = &self.ranks[start..window.end];
            start = window.end;
            let above = window.above + ranks.iter().filter(|&&rank| rank > middle).count();
            let ties = ranks.iter().filter(|&&rank| rank == middle).count();
            let surplus = [above, above + ties].map(|count| count as f64 - portion * window.size as f64);
            if let Some(last) = last.replace(surplus) {
                for i in 0..2 {
                    squares[i] += (surplus[i] - last[i]) * (surplus[i] - last[i]);
                }
            }
        }
        squares.map(|sum: f64| (sum / 2.0).sqrt())
    }

    /// Counts the ranks inside a bracket that are not those of its ends, of which there may be many.
    fn between(&self, bracket: Bracket) -> usize {
        self.count(|rank| rank > bracket.lo.saturating_add(1) && rank < bracket.hi)
    }

    fn count(&self, is: impl Fn(i64) -> bool) -> usize {
        self.ranks.iter().filter(|&&rank| is(rank)).count()
    }

    /// Returns the guess that follows from an estimate.
    ///
    /// What ties with an end of the bracket, which may be much, is inside only where that costs less than the second pass that
    /// it takes if the cut is there.
    fn guess(&self, &Estimate { bracket, middle, spread }: &Estimate, portion: f64) -> Guess {
        let (top, bottom) = (bracket.hi, bracket.lo.saturating_add(1));
        let centre = self.size as f64 * portion;
        let first_of = |end| (self.above + self.count(|rank| rank > end)) as f64;
        let ties_of = |end| self.count(|rank| rank == end) as f64;
        let is_worth = |end, distance: f64| NOTING * ties_of(end) / self.drawn as f64 <= tail(distance / spread);
        let hi = if is_worth(top, centre - first_of(top - 1)) { top } else { top - 1 };
        let lo = if is_worth(bottom, first_of(bottom) - centre) { bracket.lo } else { bottom };
        let inside = Bracket { lo, hi };
        if self.ranks.is_empty() || self.count(|rank| inside.holds(rank)) > 0 {
            return Guess { bracket: inside, middle, ties: 0.0 };
        }
        let ties = (centre - first_of(middle)) / ties_of(middle);
        Guess { bracket: Bracket::at(middle), middle, ties: ties.clamp(0.0, 1.0) }
    }
}

/// Returns a bound of the probability that a normal number lies more than so many standard deviations above its mean.
fn tail(deviations: f64) -> f64 {
    (-0.5 * deviations.max(0.0).powi(2)).exp() / 2.0
}

fn descending(ranks: &mut [i64], place: usize) -> i64 {
    *ranks.select_nth_unstable_by(place, |left, right| right.cmp(left)).1
}

/// A part of a window that lies in one tensor.
struct Run {
    owner: usize,
    range: Range<usize>,
    /// Whether the window ends with it.
    is_last: bool,
}

/// Tensors, end to end, as a row of windows.
struct Windows<'r, 't, 'a, T> {
    tensors: &'r [&'t Tensor<'a, T>],
    /// The bracket outside of which nothing is asked for.
    known: Bracket,
    /// Where each tensor ends.
    ends: Vec<usize>,
    size: usize,
    /// Scores in a window: a few cache lines of them, since the first costs more than the others.
    length: usize,
}

impl<'r, 't, 'a, T: Score> Windows<'r, 't, 'a, T> {
    /// Scores in a cache line.
    const IN_LINE: usize = LINE / size_of::<T>();

    fn new(tensors: &'r [&'t Tensor<'a, T>], known: Bracket) -> Self {
        let mut size = 0;
        let end = |tensor: &&Tensor<'a, T>| {
            size += tensor.values.len();
            size
        };
        let ends = tensors.iter().map(end).collect();
        Windows { tensors, known, ends, size, length: 8 * Self::IN_LINE }
    }

    /// Draws about `wanted` scores.
    fn draw(&self, wanted: usize, within: Bracket, crew: Crew<'_>) -> Result<Sample, Error> {
        let count = (wanted / self.length).min(self.size / self.length).max(1);
        let bound = |tensor: &&Tensor<'a, T>| (tensor.last_key(within.hi), tensor.last_key(within.lo));
        let bounds: Vec<_> = self.tensors.iter().map(bound).collect();
        let stretches = (0..count).step_by(STRETCH).map(|first| first..count.min(first + STRETCH)).collect();
        let parts = crew.each(
            stretches,
            || (),
            |(), stretch: Range<usize>| {
                let mut runs = Vec::with_capacity(2 * STRETCH);
                stretch.for_each(|number| self.window(number, count, &mut runs));
                runs.iter().for_each(|run| self.touch(run));
                let mut part = Sample::new(self.known, within);
                let (mut before, mut inside) = ((0, 0), Vec::new());
                for run in &runs {
                    self.take(run, bounds[run.owner], &mut inside, &mut part);
                    if run.is_last {
                        part.end_window(before);
                        before = (part.size, part.above);
                    }
                }
                part
            },
        )?;
        let mut sample = Sample::new(self.known, within);
        for part in parts {
            sample.drawn += part.drawn;
            sample.size += part.size;
            sample.above += part.above;
            let drawn = sample.ranks.len();
            sample.windows.extend(part.windows.into_iter().map(|each| Window { end: drawn + each.end, ..each }));
            sample.ranks.extend(part.ranks);
        }
        Ok(sample)
    }

    /// Appends the window in the part of that number, of `count` equal ones, of the row.
    fn window(&self, number: usize, count: usize, runs: &mut Vec<Run>) {
        // Multiples of the golden ratio are spread evenly and never repeat.
        let turns = number as f64 * 0.618_033_988_749_895;
        let jitter = turns - (turns as u64) as f64;
        let start = ((number as f64 + jitter) * self.size as f64 / count as f64) as usize;
        let mut place = start / self.length * self.length;
        let stop = self.size.min(place + self.length);
        let mut owner = self.ends.partition_point(|&end| end <= place);
        while place < stop {
            let first = self.ends[owner] - self.tensors[owner].values.len();
            let end = stop.min(self.ends[owner]);
            runs.push(Run { owner, range: place - first..end - first, is_last: end == stop });
            place = end;
            owner += 1;
        }
    }

    /// Brings a run into the cache. Loads that nothing waits for overlap; those of [`Self::take`] would not.
    fn touch(&self, run: &Run) {
        let values = &self.tensors[run.owner].values[run.range.clone()];
        for value in values.iter().step_by(Self::IN_LINE) {
            black_box(value.key());
        }
    }

    /// Adds a run to a sample; `inside` is scratch memory.
    fn take(&self, run: &Run, (hi, lo): (T::Key, T::Key), inside: &mut Vec<Inside<T::Key>>, sample: &mut Sample) {
        let tensor = self.tensors[run.owner];
        sample.drawn += run.range.len();
        let is_short = run.range.len() <= Self::IN_LINE;
        let is_plain = tensor.alive.is_none() && self.known == Bracket::ALL;
        if is_short && is_plain {
            let count = |bound| run.range.clone().filter(|&index| tensor.key(index) > bound).count();
            let above = count(hi);
            if count(lo) == above {
                sample.size += run.range.len();
                sample.above += above;
                return;
            }
        }
        if is_short || !is_plain || sample.within == Bracket::ALL {
            tensor.visit(run.range.clone(), |_, rank| sample.add(rank));
            return;
        }
        inside.clear();
        let (bounds, mut bits) = (Bounds { hi, middle: hi, lo, foot: lo }, [0; LINE]);
        let bits = &mut bits[..run.range.len().div_ceil(8)];
        let tally = scan(Instructions::widest(), tensor, run.range.clone(), bounds, false, bits, inside);
        sample.size += run.range.len();
        sample.above += tally.above;
        sample.ranks.extend(inside.iter().map(|each| tensor.rank(each.key)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::naive;

    /// Large enough for a first look of the greatest size.
    const SIZE: usize = 1 << 20;

    /// Returns scores of which those that are looked at say nothing about the others: they are `shift` higher.
    fn trap(shift: f32) -> Vec<f32> {
        let score = |i: usize| (i as f32 * 0.618_034).fract();
        let mut scores: Vec<f32> = (0..SIZE).map(score).collect();
        let zeros = vec![0.0_f32; SIZE];
        let tensor = Tensor::of_scores("w", &zeros);
        let tensors = [&tensor];
        let mut windows = Windows::new(&tensors, Bracket::ALL);
        let many = MANY * (SIZE as f64).powf(2.0 / 3.0);
        let (long, short) = (windows.length, Windows::<f32>::IN_LINE);
        for (wanted, length) in [(FIRST, long), (many as usize, long), (many as usize, short)] {
            windows.length = length;
            let (mut runs, count) = (Vec::new(), wanted / length);
            (0..count).for_each(|number| windows.window(number, count, &mut runs));
            runs.into_iter().flat_map(|run| run.range).for_each(|i| scores[i] = score(i) + shift);
        }
        scores
    }

    #[test]
    fn scores_that_mislead_every_guess_cost_passes_only() {
        for shift in [2.0, -2.0] {
            let scores = trap(shift);
            let tensors = [Tensor::of_scores("w", &scores)];
            for keep in [1, SIZE / 50, SIZE / 2, SIZE - SIZE / 50, SIZE - 1] {
                let mut mask = vec![0xaa; SIZE / 8];
                crate::select(&tensors, keep, &[0], &mut [&mut mask], &AtomicBool::new(false)).unwrap();
                let expected = naive::select(&tensors, keep, &[0]).unwrap();
                assert!(mask == naive::pack(&expected[0]), "shift {shift}, keep {keep}");
            }
        }
    }
}
