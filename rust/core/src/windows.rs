//! Where a sample is taken: windows of neighbouring weights, spread evenly over all tensors.

use std::ops::Range;

/// The fractional part of the golden ratio.
const GOLDEN: f64 = 0.618_033_988_749_895;

/// The part of a sample window that lies in one tensor.
pub(crate) struct Segment {
    /// Index of the tensor.
    pub owner: usize,
    /// Flat indices in the tensor.
    pub range: Range<usize>,
    /// Whether it is the last of its window.
    pub ends_window: bool,
}

/// Tensors laid end to end, and the length of the windows that are taken from them.
pub(crate) struct Windows {
    /// Position after the last weight of each tensor.
    ends: Vec<usize>,
    /// Weights per window.
    pub length: usize,
}

impl Windows {
    /// Lays tensors of these sizes end to end.
    pub(crate) fn new(sizes: impl Iterator<Item = usize>, length: usize) -> Self {
        let mut size = 0;
        let end = |each| {
            size += each;
            size
        };
        Windows { ends: sizes.map(end).collect(), length }
    }

    /// Returns the number of weights in all tensors.
    pub(crate) fn size(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Returns the number of windows in a sample of about `sample` weights.
    pub(crate) fn count(&self, sample: usize) -> usize {
        (sample / self.length).min(self.size() / self.length).max(1)
    }

    /// Appends sample window `number` of `count`, split at tensor borders.
    ///
    /// The row of tensors has `count` equal parts, and window i lies in part i, at an offset that is a jitter: the
    /// fractional part of i times the golden ratio. Such offsets are spread evenly and have no period, so a period in
    /// the weights (the rows of a matrix) cannot coincide with that of the sample.
    pub(crate) fn segments(&self, number: usize, count: usize, segments: &mut Vec<Segment>) {
        let turns = number as f64 * GOLDEN;
        let jitter = turns - (turns as u64) as f64;
        let start = ((number as f64 + jitter) * self.size() as f64 / count as f64) as usize;
        let mut position = start / self.length * self.length;
        let stop = self.size().min(position + self.length);
        let mut owner = self.ends.partition_point(|&end| end <= position);
        while position < stop {
            let first = owner.checked_sub(1).map_or(0, |before| self.ends[before]);
            let end = stop.min(self.ends[owner]);
            if position < end {
                segments.push(Segment { owner, range: position - first..end - first, ends_window: end == stop });
            }
            position = end;
            owner += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn windows_lie_in_the_tensors_one_after_the_other(
            sizes in prop::collection::vec(0_usize..500, 1..9),
            length in 1_usize..40,
            sample in 1_usize..2000,
        ) {
            let windows = Windows::new(sizes.iter().copied(), length);
            let count = windows.count(sample);
            let mut segments = Vec::new();
            (0..count).for_each(|number| windows.segments(number, count, &mut segments));
            let starts: Vec<usize> = (0..sizes.len()).map(|i| sizes[..i].iter().sum()).collect();
            let (mut window, mut next) = (0, None);
            for segment in &segments {
                prop_assert!(!segment.range.is_empty() && segment.range.end <= sizes[segment.owner]);
                let position = starts[segment.owner] + segment.range.start;
                match next {
                    // The segments of a window are neighbours.
                    Some(next) => prop_assert_eq!(position, next),
                    None => {
                        prop_assert!(position >= window);
                        window = position;
                    }
                }
                next = (!segment.ends_window).then_some(position + segment.range.len());
            }
            let ends = segments.iter().filter(|segment| segment.ends_window).count();
            prop_assert_eq!(ends, if windows.size() > 0 { count } else { 0 });
        }
    }
}
