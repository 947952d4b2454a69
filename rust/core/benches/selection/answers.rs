//! Checks results against the definition of a selection.

use pruneproof_core::{Score, Selected, Tensor, Word, naive};

/// Checks every bit of a selection, its counts and its threshold; the tensors are in name order.
pub fn check<T: Score>(tensors: &[Tensor<'_, T>], keep: usize, masks: &[Vec<u8>], found: &Selected) {
    let scores_of_all = || tensors.iter().flat_map(|tensor| (0..tensor.values.len()).map(|i| naive::score(tensor, i)));
    let mut scores: Vec<f64> = scores_of_all().collect();
    let (above, &mut threshold, _) = scores.select_nth_unstable_by(keep - 1, |one, other| other.total_cmp(one));
    let mut ties = keep - above.iter().filter(|score| **score > threshold).count();
    assert_eq!(found.threshold, Some(threshold));
    assert_eq!(found.counts.iter().sum::<usize>(), keep);
    let sizes = tensors.iter().map(|tensor| tensor.values.len());
    let kept = masks.iter().zip(sizes).flat_map(|(mask, size)| (0..size).map(|i| is_set(mask, i)));
    for (i, (score, kept)) in scores_of_all().zip(kept).enumerate() {
        let tie = score == threshold && ties > 0;
        ties -= usize::from(tie);
        assert_eq!(kept, score > threshold || tie, "weight {i} of all");
    }
}

/// Checks that each word is unchanged where its bit is set, and 0 elsewhere.
pub fn check_applied<W: Word + PartialEq + Default>(bits: &[u8], words: &[W], before: fn(usize) -> W) {
    let expected = |i| if is_set(bits, i) { before(i) } else { W::default() };
    assert!(words.iter().enumerate().all(|(i, word)| *word == expected(i)));
}

fn is_set(bits: &[u8], index: usize) -> bool {
    bits[index / 8] >> (index % 8) & 1 == 1
}
