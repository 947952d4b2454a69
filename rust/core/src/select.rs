//! The selections: one budget over all tensors, or one count per tensor.

use std::cmp::Reverse;
use std::mem::discriminant;
use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use crate::boundary::{Cut, keep_best};
use crate::error::Error;
use crate::mask::packed_len;
use crate::order::Score;
use crate::tensor::Tensor;

/// Scores up to which sorting them all is the fastest way to honour floors.
const FEW: usize = 4096;

/// What a selection has to say beside the masks that it wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Selected {
    /// Number of survivors of each tensor, in the order in which they were passed.
    pub counts: Vec<usize>,
    /// The smallest kept score; `None` if nothing is kept or each tensor was cut by itself.
    pub threshold: Option<f64>,
}

/// Keeps exactly `keep` candidates: first the best `floors[i]` of each tensor (all of one that has fewer), then the best of
/// what is left, over all tensors together.
///
/// `masks[i]` gets the packed mask of tensor i, of [`packed_len`] bytes; what it held before does not matter, and what it
/// holds after an error means nothing. Linear time, mostly one pass over the scores; memory for a few in a hundred of the
/// scores. Each round of tensors that need their floor costs another pass over the others.
///
/// # Errors
/// NaN, an alive mask or a factor of the wrong size, a duplicate name, more to keep than there are candidates, floors above
/// the budget, or a stop.
///
/// # Panics
/// `floors` or `masks` do not fit `tensors`, or they are not measured alike.
pub fn select<T: Score>(
    tensors: &[Tensor<'_, T>],
    keep: usize,
    floors: &[usize],
    masks: &mut [&mut [u8]],
    stop: &AtomicBool,
) -> Result<Selected, Error> {
    assert_eq!(tensors.len(), floors.len(), "one floor per tensor");
    let order = check(tensors, masks)?;
    let candidates: Vec<usize> = tensors.par_iter().map(Tensor::candidates).collect();
    let available = candidates.iter().sum();
    if keep > available {
        return Err(Error::TooFewAlive { keep, available });
    }
    let quotas: Vec<usize> = floors.iter().zip(&candidates).map(|(floor, candidates)| *floor.min(candidates)).collect();
    let protected = quotas.iter().sum();
    if protected > keep {
        return Err(Error::FloorsExceedKeep { floors: protected, keep });
    }
    let size: usize = tensors.iter().map(|tensor| tensor.values.len()).sum();
    let Cut { counts, lowest } = if protected > 0 && size <= FEW {
        select_few(tensors, &order, keep, &quotas, masks)?
    } else {
        select_rounds(tensors, order, keep, &quotas, &candidates, masks, stop)?
    };
    let threshold = lowest.map(|rank| tensors[0].score_of_rank(rank));
    Ok(Selected { counts, threshold })
}

/// Keeps exactly the best `keeps[i]` candidates of each tensor.
///
/// The masks are written, and time and memory taken, as for [`select`], with one pass over each tensor.
///
/// # Errors
/// NaN, an alive mask or a factor of the wrong size, a duplicate name, a tensor with fewer candidates than its count, or a
/// stop.
///
/// # Panics
/// `keeps` or `masks` do not fit `tensors`, or they are not measured alike.
pub fn select_each<T: Score>(
    tensors: &[Tensor<'_, T>],
    keeps: &[usize],
    masks: &mut [&mut [u8]],
    stop: &AtomicBool,
) -> Result<Selected, Error> {
    assert_eq!(tensors.len(), keeps.len(), "one count per tensor");
    let order = check(tensors, masks)?;
    let one = |((tensor, &keep), mask): ((&Tensor<'_, T>, &usize), &mut &mut [u8])| {
        let available = tensor.candidates();
        if keep > available {
            return Err(Error::TooFewAliveIn { tensor: tensor.name.to_owned(), keep, available });
        }
        keep_best(&[tensor], &mut [mask], keep, available, stop).map(|_| ())
    };
    let mut found: Vec<Result<(), Error>> = tensors.par_iter().zip(keeps).zip(masks).map(one).collect();
    // The first refusal in name order is reported, so that the report does not depend on threads.
    order.into_iter().try_for_each(|i| std::mem::replace(&mut found[i], Ok(())))?;
    Ok(Selected { counts: keeps.to_vec(), threshold: None })
}

/// Checks all but the scores; returns the tensors' places in name order, which is the order of ties and of reports.
pub(crate) fn check<T: Score>(tensors: &[Tensor<'_, T>], masks: &[&mut [u8]]) -> Result<Vec<usize>, Error> {
    let sizes = tensors.iter().map(|tensor| packed_len(tensor.values.len()));
    assert!(masks.iter().map(|mask| mask.len()).eq(sizes), "one mask per tensor, of its size");
    let alike = |pair: &[Tensor<'_, T>]| discriminant(&pair[0].measure) == discriminant(&pair[1].measure);
    assert!(tensors.windows(2).all(alike), "one measure for all tensors");
    let mut order: Vec<usize> = (0..tensors.len()).collect();
    order.sort_by_key(|&i| tensors[i].name);
    if let Some(pair) = order.windows(2).find(|pair| tensors[pair[0]].name == tensors[pair[1]].name) {
        return Err(Error::DuplicateName { tensor: tensors[pair[0]].name.to_owned() });
    }
    order.iter().try_for_each(|&i| tensors[i].check_sizes())?;
    Ok(order)
}

/// Ranks all tensors together, sets those aside that fell below their quota, and ranks the others again.
///
/// What the quotas take from the budget lets the common cut only rise, so a tensor below its quota stays there, and its best
/// `quota` are its part of the answer. When none is below, the ranking has kept what the quotas protect.
fn select_rounds<T: Score>(
    tensors: &[Tensor<'_, T>],
    mut open: Vec<usize>,
    mut budget: usize,
    quotas: &[usize],
    candidates: &[usize],
    masks: &mut [&mut [u8]],
    stop: &AtomicBool,
) -> Result<Cut, Error> {
    let mut all = Cut { counts: vec![0; tensors.len()], lowest: None };
    let merge = |one: Option<i64>, other: Option<i64>| one.into_iter().chain(other).min();
    loop {
        let members: Vec<&Tensor<'_, T>> = open.iter().map(|&i| &tensors[i]).collect();
        let available = open.iter().map(|&i| candidates[i]).sum();
        let mut targets = pick(masks, &open);
        let common = keep_best(&members, &mut targets, budget, available, stop)?;
        open.iter().zip(common.counts).for_each(|(&i, count)| all.counts[i] = count);
        let starved: Vec<usize> = open.iter().copied().filter(|&i| all.counts[i] < quotas[i]).collect();
        if starved.is_empty() {
            all.lowest = merge(all.lowest, common.lowest);
            return Ok(all);
        }
        for i in starved {
            let alone = keep_best(&[&tensors[i]], &mut [&mut *masks[i]], quotas[i], candidates[i], stop)?;
            all.counts[i] = quotas[i];
            all.lowest = merge(all.lowest, alone.lowest);
            budget -= quotas[i];
            open.retain(|&other| other != i);
        }
    }
}

/// Borrows the masks of `chosen`, in that order.
fn pick<'m>(masks: &'m mut [&mut [u8]], chosen: &[usize]) -> Vec<&'m mut [u8]> {
    let mut all: Vec<Option<&mut [u8]>> = masks.iter_mut().map(|mask| Some(&mut **mask)).collect();
    chosen.iter().map(|&i| all[i].take().expect("each tensor once")).collect()
}

/// Sorts all candidates, takes the quotas first and then the best of the others.
fn select_few<T: Score>(
    tensors: &[Tensor<'_, T>],
    order: &[usize],
    keep: usize,
    quotas: &[usize],
    masks: &mut [&mut [u8]],
) -> Result<Cut, Error> {
    masks.iter_mut().for_each(|mask| mask.fill(0));
    let mut ranking = Vec::new();
    for &i in order {
        let size = tensors[i].values.len();
        if let Some(index) = tensors[i].find_nan(0..size) {
            return Err(tensors[i].not_a_number(index));
        }
        tensors[i].visit(0..size, |index, rank| ranking.push((rank, i, index)));
    }
    // The sort is stable and the candidates come in the order of ties.
    ranking.sort_by_key(|place| Reverse(place.0));
    let mut quotas = quotas.to_vec();
    let mut left = keep - quotas.iter().sum::<usize>();
    let mut cut = Cut { counts: vec![0; tensors.len()], lowest: None };
    for (rank, i, index) in ranking {
        let room = if quotas[i] > 0 { &mut quotas[i] } else { &mut left };
        if *room > 0 {
            *room -= 1;
            masks[i][index / 8] |= 1 << (index % 8);
            cut.counts[i] += 1;
            cut.lowest = Some(rank);
        }
    }
    Ok(cut)
}
