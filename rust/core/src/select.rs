//! The two selections: one budget over all tensors, or one count per tensor.

use rayon::prelude::*;

use crate::boundary::{Cut, Entrant, find_cut};
use crate::error::Error;
use crate::mask::{Mask, pack};
use crate::order::Score;
use crate::tensor::Tensor;

/// The answer of a selection.
#[derive(Clone, Debug, PartialEq)]
pub struct Selected {
    /// One mask per tensor, in the order in which they were passed.
    pub masks: Vec<Mask>,
    /// The smallest kept score; `None` if nothing is kept or each tensor was cut by itself.
    pub threshold: Option<f64>,
}

/// Keeps exactly `keep` candidates: first the best `floors[i]` of each tensor (all of one that has fewer), then the best of
/// what is left, over all tensors together.
///
/// # Errors
/// NaN, a wrong alive mask, a duplicate name, more to keep than there are candidates, or floors above the budget.
///
/// # Panics
/// `floors` is not as long as `tensors`.
pub fn select<T: Score>(tensors: &[Tensor<'_, T>], keep: usize, floors: &[usize]) -> Result<Selected, Error> {
    assert_eq!(tensors.len(), floors.len(), "one floor per tensor");
    check(tensors)?;
    let candidates: Vec<usize> = tensors.par_iter().map(Tensor::candidates).collect();
    let available = candidates.iter().sum();
    if keep > available {
        return Err(Error::TooFewAlive { keep, available });
    }
    let quotas: Vec<usize> = floors.iter().zip(candidates).map(|(floor, candidates)| *floor.min(&candidates)).collect();
    let protected = quotas.iter().sum();
    if protected > keep {
        return Err(Error::FloorsExceedKeep { floors: protected, keep });
    }
    let mut cuts = cut_each(tensors, &quotas);
    if keep > protected {
        fill(tensors, &mut cuts, keep - protected);
    }
    let smallest = cuts.iter().flatten().map(|cut| cut.key).min();
    Ok(Selected { masks: pack_all(tensors, &cuts), threshold: smallest.map(T::value) })
}

/// Keeps exactly the best `keeps[i]` candidates of each tensor.
///
/// # Errors
/// NaN, a wrong alive mask, a duplicate name, or a tensor with fewer candidates than its count.
///
/// # Panics
/// `keeps` is not as long as `tensors`.
pub fn select_each<T: Score>(tensors: &[Tensor<'_, T>], keeps: &[usize]) -> Result<Selected, Error> {
    assert_eq!(tensors.len(), keeps.len(), "one count per tensor");
    check(tensors)?;
    for (tensor, &keep) in tensors.iter().zip(keeps) {
        let available = tensor.candidates();
        if keep > available {
            return Err(Error::TooFewAliveIn { tensor: tensor.name.to_owned(), keep, available });
        }
    }
    Ok(Selected { masks: pack_all(tensors, &cut_each(tensors, keeps)), threshold: None })
}

/// Reports the first fault in name order, so that the report does not depend on the order of the tensors.
fn check<T: Score>(tensors: &[Tensor<'_, T>]) -> Result<(), Error> {
    let order = by_name(tensors);
    if let Some(pair) = order.windows(2).find(|pair| tensors[pair[0]].name == tensors[pair[1]].name) {
        return Err(Error::DuplicateName { tensor: tensors[pair[0]].name.to_owned() });
    }
    order.par_iter().map(|&i| tensors[i].check()).find_first(Result::is_err).unwrap_or(Ok(()))
}

fn by_name<T>(tensors: &[Tensor<'_, T>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..tensors.len()).collect();
    order.sort_by_key(|&i| tensors[i].name);
    order
}

fn cut_each<T: Score>(tensors: &[Tensor<'_, T>], keeps: &[usize]) -> Vec<Option<Cut<T::Key>>> {
    tensors
        .par_iter()
        .zip(keeps)
        .map(|(tensor, &keep)| (keep > 0).then(|| find_cut(&[Entrant { tensor, above: None }], keep)))
        .collect()
}

/// Moves `cuts` down so that they keep the best `budget` more, over all tensors together.
///
/// What a floor protects and what the common ranking takes are both the best of a tensor, so one cut per tensor says both.
fn fill<T: Score>(tensors: &[Tensor<'_, T>], cuts: &mut [Option<Cut<T::Key>>], budget: usize) {
    let entrants: Vec<Entrant<'_, '_, T>> =
        tensors.iter().zip(cuts.iter()).map(|(tensor, &above)| Entrant { tensor, above }).collect();
    let common = find_cut(&entrants, budget);
    let mut left = common.ties;
    for i in by_name(tensors) {
        let ties = left.min(entrants[i].count_equal(common.key));
        left -= ties;
        cuts[i] = match cuts[i] {
            Some(cut) if cut.key < common.key => Some(cut),
            Some(cut) if cut.key == common.key => Some(Cut { ties: cut.ties + ties, ..cut }),
            _ => Some(Cut { key: common.key, ties }),
        };
    }
}

fn pack_all<T: Score>(tensors: &[Tensor<'_, T>], cuts: &[Option<Cut<T::Key>>]) -> Vec<Mask> {
    tensors.par_iter().zip(cuts).map(|(tensor, &cut)| pack(tensor, cut)).collect()
}
