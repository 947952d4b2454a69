//! The oracle of the tests: sorts all candidates by value and takes the first ones. Slow, and simple enough to be
//! checked by reading.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use pruneproof_core::{Tensor, naive, select};
//!
//! let tensors = [Tensor::of_scores("w", &[1.0_f32, 3.0, 2.0, 3.0])];
//! let mut mask = [0_u8];
//! select(&tensors, 3, &[0], &mut [&mut mask], &AtomicBool::new(false)).unwrap();
//! let expected = naive::select(&tensors, 3, &[0]).unwrap();
//! assert_eq!(mask.to_vec(), naive::pack(&expected[0]));
//! ```

use std::cmp::Reverse;

use crate::mask::packed_len;
use crate::order::Score;
use crate::tensor::{Measure, Tensor};

/// Returns what [`crate::select()`] keeps, as one list of flags per tensor; `None` if there is no such selection.
///
/// ```
/// use pruneproof_core::{Tensor, naive};
///
/// let tensors = [Tensor::of_scores("a", &[1.0_f32, 4.0]), Tensor::of_scores("b", &[3.0, 2.0])];
/// assert_eq!(naive::select(&tensors, 2, &[0, 0]), Some(vec![vec![false, true], vec![true, false]]));
/// assert_eq!(naive::select(&tensors, 5, &[0, 0]), None);
/// ```
///
/// # Complexity
/// Time O(n log n + t n) and memory O(n) for n scores in t tensors.
///
/// # Panics
/// A score is NaN.
pub fn select<T: Score>(tensors: &[Tensor<'_, T>], keep: usize, floors: &[usize]) -> Option<Vec<Vec<bool>>> {
    let ranking = rank(tensors);
    let mut kept: Vec<Vec<bool>> = tensors.iter().map(|tensor| vec![false; tensor.values.len()]).collect();
    let mut keep = keep;
    for (tensor, &floor) in floors.iter().enumerate() {
        for &(_, i) in ranking.iter().filter(|candidate| candidate.0 == tensor).take(floor) {
            kept[tensor][i] = true;
            keep = keep.checked_sub(1)?;
        }
    }
    for (tensor, i) in ranking {
        if keep > 0 && !kept[tensor][i] {
            kept[tensor][i] = true;
            keep -= 1;
        }
    }
    (keep == 0).then_some(kept)
}

/// Returns the smallest kept score; `None` if nothing is kept. Linear time.
///
/// ```
/// use pruneproof_core::{Tensor, naive};
///
/// let tensors = [Tensor::of_scores("w", &[1.0_f32, 4.0, 3.0])];
/// assert_eq!(naive::threshold(&tensors, &[vec![false, true, true]]), Some(3.0));
/// ```
pub fn threshold<T: Score>(tensors: &[Tensor<'_, T>], kept: &[Vec<bool>]) -> Option<f64> {
    let scores = tensors.iter().flat_map(|tensor| (0..tensor.values.len()).map(|i| score(tensor, i)));
    scores.zip(kept.iter().flatten()).filter(|(_, kept)| **kept).map(|(score, _)| score).reduce(f64::min)
}

/// Returns the score of one weight. Constant time.
///
/// ```
/// use pruneproof_core::{Measure, Tensor, naive};
///
/// let tensor = Tensor { measure: Measure::Product(&[2.0, 0.5]), ..Tensor::of_scores("w", &[1.0_f32, -3.0]) };
/// assert_eq!(naive::score(&tensor, 1), 1.5);
/// ```
///
/// # Panics
/// `index` is out of range.
pub fn score<T: Score>(tensor: &Tensor<'_, T>, index: usize) -> f64 {
    let value = tensor.values[index];
    match tensor.measure {
        Measure::Value => value.to_f64(),
        Measure::Magnitude => value.to_f64().abs(),
        Measure::Product(factors) => value.times(factors[index]).to_f64().abs(),
        Measure::SquaredProduct(factors) => {
            let product = value.times(factors[index]);
            product.times(product).to_f64()
        }
        Measure::Normalised(0.0) => 0.0,
        Measure::Normalised(norm) => value.to_f64().abs() / norm,
    }
}

/// Packs flags into bits: lowest bit first, zero padding. Linear time.
///
/// ```
/// assert_eq!(pruneproof_core::naive::pack(&[true, false, true]), [0b101]);
/// ```
pub fn pack(flags: &[bool]) -> Vec<u8> {
    let mut bits = vec![0; packed_len(flags.len())];
    for (i, _) in flags.iter().enumerate().filter(|(_, flag)| **flag) {
        bits[i / 8] |= 1 << (i % 8);
    }
    bits
}

/// Returns all candidates as (tensor, index), best first; ties by name, then by index.
fn rank<T: Score>(tensors: &[Tensor<'_, T>]) -> Vec<(usize, usize)> {
    let alive = |tensor: &Tensor<'_, T>, i: usize| tensor.alive.is_none_or(|bits| bits[i / 8] & 1 << (i % 8) != 0);
    let mut candidates: Vec<(usize, usize)> = tensors
        .iter()
        .enumerate()
        .flat_map(|(t, tensor)| (0..tensor.values.len()).filter(|&i| alive(tensor, i)).map(move |i| (t, i)))
        .collect();
    candidates.sort_by_key(|&(t, i)| (tensors[t].name, i));
    candidates.sort_by(|&(t, i), &(u, j)| {
        let (left, right) = (score(&tensors[t], i), score(&tensors[u], j));
        Reverse(left).partial_cmp(&Reverse(right)).expect("no NaN")
    });
    candidates
}
