//! Where the cut will most likely be, from a look at a few of the scores.

use std::cmp::Ordering;
use std::hint::black_box;
use std::ops::Range;
use std::sync::atomic::AtomicBool;

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

/// Standard deviations between the estimate of the cut and either end of the bracket. A bracket that misses, once in two
/// thousand times, costs a second pass; a wider one costs more each time.
const DEVIATIONS: f64 = 3.5;

/// Scores that the second look takes, per two-thirds power of all of them.
const MANY: f64 = 1.7;

/// Portion of the scores inside a bracket from which on a closer look costs less than noting them.
const WIDE: f64 = 0.018;

/// Portion of the scores up to which those that tie with an end of the bracket are noted too. Leaving them out risks a second
/// pass, as the cut may well lie among them.
const FEW_TIES: f64 = 0.0045;

/// How many times as uncertain as with independent scores an estimate is where neighbours are alike, so that many short windows
/// say more than a few long ones.
const CLUSTERED: f64 = 6.0;

/// Scores from which on a second look, with a bracket from the first, costs less than what it saves.
const LARGE: usize = 1 << 18;

/// Windows that one task takes; together they fit into the nearest cache.
const STRETCH: usize = 32;

/// Bytes that come into the cache together.
const LINE: usize = 64;

/// Guesses where the last of the best `keep` of `available` candidates is.
///
/// Windows of a few cache lines are taken at places spread evenly, with a jitter that no period of the scores can follow. How
/// far the estimate may be off is told by how much neighbouring windows differ, so correlated scores widen the bracket and
/// sorted ones do not. Ranks with many ties are not inside when they are its ends: such scores leave little inside.
///
/// # Errors
/// A stop.
pub(crate) fn guess<T: Score>(
    tensors: &[&Tensor<'_, T>],
    keep: usize,
    available: usize,
    stop: &AtomicBool,
) -> Result<Guess, Error> {
    if keep == 0 {
        return Ok(Guess { bracket: Bracket::at(i64::MAX), middle: i64::MAX, ties: 0.0 });
    }
    let portion = keep as f64 / available as f64;
    let mut windows = Windows::new(tensors);
    // Work on the sample grows with it, work inside the bracket with its inverse root: their sum is least about here.
    let thirds = (windows.size as f64).powf(2.0 / 3.0);
    let first = (thirds as usize).clamp(1024, 1 << 13);
    let mut sample = windows.draw(first, Bracket::ALL, Crew::new(0, stop))?;
    let mut found = sample.estimate(portion, windows.length);
    if found.spread > CLUSTERED * sample.spread_if_independent(portion) {
        windows.length = Windows::<T>::IN_LINE;
    }
    if windows.size >= LARGE && sample.between(found.bracket) > 0 {
        let (mut wanted, most) = (MANY * thirds, windows.size as f64 / 16.0);
        loop {
            sample = windows.draw(wanted as usize, found.bracket, Crew::new(windows.size, stop))?;
            found = sample.estimate(portion, windows.length);
            let excess = sample.between(found.bracket) as f64 / (WIDE * sample.size as f64);
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

/// A sample of which only the ranks inside a bracket are kept.
struct Sample {
    /// The bracket.
    within: Bracket,
    /// Candidates drawn.
    size: usize,
    /// How many of them are above the bracket.
    above: usize,
    /// Ranks inside it, window by window.
    ranks: Vec<i64>,
    windows: Vec<Window>,
}

/// Candidates that were next to each other.
struct Window {
    size: usize,
    /// How many are above the bracket.
    above: usize,
    /// Where their ranks end.
    end: usize,
}

impl Sample {
    const fn new(within: Bracket) -> Self {
        Sample { within, size: 0, above: 0, ranks: Vec::new(), windows: Vec::new() }
    }

    fn add(&mut self, rank: i64) {
        self.size += 1;
        self.above += usize::from(rank > self.within.hi);
        if rank > self.within.lo && rank <= self.within.hi {
            self.ranks.push(rank);
        }
    }

    /// Ends a window that began when the sample had so many candidates, and so many of them above.
    fn end_window(&mut self, (size, above): (usize, usize)) {
        self.windows.push(Window { size: self.size - size, above: self.above - above, end: self.ranks.len() });
    }

    /// Returns the place of the cut.
    fn centre(&self, portion: f64) -> usize {
        (self.size as f64 * portion) as usize
    }

    /// Returns the standard deviation of the place of the cut, if all scores were independent of each other.
    fn spread_if_independent(&self, portion: f64) -> f64 {
        (self.size as f64 * portion * (1.0 - portion)).sqrt()
    }

    /// Estimates the cut; the bracket reaches `least` places above and below it and more, both ends inside.
    fn estimate(&self, portion: f64, least: usize) -> Estimate {
        let mut ranks = self.ranks.clone();
        let Some(last) = ranks.len().checked_sub(1) else {
            return Estimate { bracket: self.within, middle: self.within.hi, spread: 0.0 };
        };
        let centre = self.centre(portion);
        let pivot = centre.saturating_sub(self.above).min(last);
        let (higher, &mut middle, lower) = ranks.select_nth_unstable_by(pivot, |left, right| right.cmp(left));
        let spread = self.spread(portion, middle);
        let margin = (DEVIATIONS * spread + least as f64) as usize;
        let mut rank = |place: usize| match place.cmp(&pivot) {
            Ordering::Less => descending(higher, place),
            Ordering::Equal => middle,
            Ordering::Greater => descending(lower, place - pivot - 1),
        };
        let hi = centre.checked_sub(self.above + margin).filter(|&place| place <= last);
        let lo = (centre + margin).checked_sub(self.above).filter(|&place| place <= last);
        let hi = hi.map_or(self.within.hi, &mut rank);
        let lo = lo.map_or(self.within.lo, |place| rank(place) - 1);
        Estimate { bracket: Bracket { lo, hi }, middle, spread }
    }

    /// Returns the standard deviation of the place of the cut, at which the rank `centre` is.
    ///
    /// For windows in order, half the mean square of successive differences is the variance that is not trend.
    fn spread(&self, portion: f64, centre: i64) -> f64 {
        let mut start = 0;
        let mut last = None;
        let mut squares = 0.0;
        for window in &self.windows {
            let ranks = &self.ranks[start..window.end];
            start = window.end;
            // Of equal ones, as many count as above as make the surplus least: ties do not widen the bracket.
            let above = (window.above + ranks.iter().filter(|&&rank| rank > centre).count()) as f64;
            let equal = ranks.iter().filter(|&&rank| rank == centre).count() as f64;
            let expected = portion * window.size as f64;
            let surplus = expected.clamp(above, above + equal) - expected;
            if let Some(last) = last.replace(surplus) {
                squares += (surplus - last) * (surplus - last);
            }
        }
        (squares / 2.0).sqrt()
    }

    /// Counts the ranks inside a bracket that are not those of its ends, of which there may be many.
    fn between(&self, bracket: Bracket) -> usize {
        self.ranks.iter().filter(|&&rank| rank > bracket.lo.saturating_add(1) && rank < bracket.hi).count()
    }

    /// Returns the guess that follows from an estimate: the ends of the bracket stay out where they have many ties.
    fn guess(&self, &Estimate { bracket, middle, .. }: &Estimate, portion: f64) -> Guess {
        let (top, bottom) = (bracket.hi, bracket.lo.saturating_add(1));
        let ties = |end| self.ranks.iter().filter(|&&rank| rank == end).count() as f64;
        let has_few = |end| ties(end) <= FEW_TIES * self.size as f64;
        let hi = if has_few(top) { top } else { top - 1 };
        let lo = if has_few(bottom) { bracket.lo } else { bottom };
        if lo <= hi {
            return Guess { bracket: Bracket { lo, hi }, middle, ties: 0.0 };
        }
        let above = self.above + self.ranks.iter().filter(|&&rank| rank > top).count();
        let ties = (self.size as f64 * portion - above as f64) / ties(top).max(1.0);
        Guess { bracket: Bracket::at(top), middle: top, ties: ties.clamp(0.0, 1.0) }
    }
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
    /// Where each tensor ends.
    ends: Vec<usize>,
    size: usize,
    /// Scores in a window: a few cache lines of them, since the first costs more than the others.
    length: usize,
}

impl<'r, 't, 'a, T: Score> Windows<'r, 't, 'a, T> {
    /// Scores in a cache line.
    const IN_LINE: usize = LINE / size_of::<T>();

    fn new(tensors: &'r [&'t Tensor<'a, T>]) -> Self {
        let mut size = 0;
        let end = |tensor: &&Tensor<'a, T>| {
            size += tensor.values.len();
            size
        };
        let ends = tensors.iter().map(end).collect();
        Windows { tensors, ends, size, length: 8 * Self::IN_LINE }
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
                let mut part = Sample::new(within);
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
        let mut sample = Sample::new(within);
        for part in parts {
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
        let is_short = run.range.len() <= Self::IN_LINE;
        if is_short && tensor.alive.is_none() {
            let count = |bound| run.range.clone().filter(|&index| tensor.key(index) > bound).count();
            let above = count(hi);
            if count(lo) == above {
                sample.size += run.range.len();
                sample.above += above;
                return;
            }
        }
        if is_short || tensor.alive.is_some() {
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
