//! The oracle: sort everything by value, take the first ones. Slow, and right at a glance.

use std::cmp::Reverse;

use crate::mask::packed_len;
use crate::order::Score;
use crate::tensor::{Measure, Tensor};

/// What [`crate::select`] keeps, as one list of alive flags per tensor; `None` where it refuses.
pub fn select<T: Score>(tensors: &[Tensor<'_, T>], keep: usize, floors: &[usize]) -> Option<Vec<Vec<bool>>> {
    let ranking = rank(tensors);
    let mut kept: Vec<Vec<bool>> = tensors.iter().map(|tensor| vec![false; tensor.values.len()]).collect();
    let mut left = keep;
    for (tensor, &floor) in floors.iter().enumerate() {
        for &(_, i) in ranking.iter().filter(|place| place.0 == tensor).take(floor) {
            kept[tensor][i] = true;
            left = left.checked_sub(1)?;
        }
    }
    for (tensor, i) in ranking {
        if left > 0 && !kept[tensor][i] {
            kept[tensor][i] = true;
            left -= 1;
        }
    }
    (left == 0).then_some(kept)
}

/// The smallest score among the kept ones.
pub fn threshold<T: Score>(tensors: &[Tensor<'_, T>], kept: &[Vec<bool>]) -> Option<f64> {
    let scores = tensors.iter().flat_map(|tensor| (0..tensor.values.len()).map(|i| score(tensor, i)));
    scores.zip(kept.iter().flatten()).filter(|(_, kept)| **kept).map(|(score, _)| score).reduce(f64::min)
}

/// The score of one entry.
pub fn score<T: Score>(tensor: &Tensor<'_, T>, index: usize) -> f64 {
    let value = tensor.values[index];
    match tensor.measure {
        Measure::Value => value.to_f64(),
        Measure::Magnitude => value.to_f64().abs(),
        Measure::Product(others) => value.times(others[index]).to_f64().abs(),
        Measure::SquaredProduct(others) => {
            let product = value.times(others[index]);
            product.times(product).to_f64()
        }
        Measure::Normalised(0.0) => 0.0,
        Measure::Normalised(norm) => value.to_f64().abs() / norm,
    }
}

/// Packs flags: lowest bit first, zero padding.
pub fn pack(flags: &[bool]) -> Vec<u8> {
    let mut bits = vec![0; packed_len(flags.len())];
    for (i, _) in flags.iter().enumerate().filter(|(_, flag)| **flag) {
        bits[i / 8] |= 1 << (i % 8);
    }
    bits
}

/// All candidates as (tensor, index), best first.
fn rank<T: Score>(tensors: &[Tensor<'_, T>]) -> Vec<(usize, usize)> {
    let alive = |tensor: &Tensor<'_, T>, i: usize| tensor.alive.is_none_or(|bits| bits[i / 8] & 1 << (i % 8) != 0);
    let mut places: Vec<(usize, usize)> = tensors
        .iter()
        .enumerate()
        .flat_map(|(t, tensor)| (0..tensor.values.len()).filter(|&i| alive(tensor, i)).map(move |i| (t, i)))
        .collect();
    places.sort_by_key(|&(t, i)| (tensors[t].name, i));
    places.sort_by(|&(t, i), &(u, j)| {
        let (left, right) = (score(&tensors[t], i), score(&tensors[u], j));
        Reverse(left).partial_cmp(&Reverse(right)).expect("no NaN")
    });
    places
}
