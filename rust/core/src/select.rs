//! Global selection, one number to keep over all tensors, and selection within each tensor.

use std::cmp::Reverse;
use std::mem::discriminant;
use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use crate::error::Error;
use crate::mask::packed_len;
use crate::order::Score;
use crate::tensor::Tensor;
use crate::threshold::{Kept, keep_best};

/// Scores up to which a selection with floors sorts all of them, which then takes less time than its passes.
///
/// Chosen by measurement of selections with floors; no row of the benchmark `selection` has any.
const SORTED: usize = 4096;

/// What a selection returns besides the masks that it wrote.
///
/// ```
/// use std::sync::atomic::AtomicBool;
/// use pruneproof_core::{Tensor, select};
///
/// let tensors = [Tensor::of_scores("a", &[1.0_f32, 4.0]), Tensor::of_scores("b", &[3.0, 2.0])];
/// let (mut a, mut b) = ([0_u8], [0_u8]);
/// let selected = select(&tensors, 3, &[0, 0], &mut [&mut a, &mut b], &AtomicBool::new(false)).unwrap();
/// assert_eq!((selected.counts, selected.threshold), (vec![1, 2], Some(2.0)));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Selected {
    /// Number of survivors of each tensor, in the order in which the tensors were passed.
    pub counts: Vec<usize>,
    /// The smallest kept score; `None` if nothing is kept, or if each tensor or row was ranked by itself.
    pub threshold: Option<f64>,
}

/// Keeps exactly `keep` candidates: first the best `floors[i]` of each tensor (all of one that has fewer), then the
/// best of the others over all tensors together. Ties go to the lower name, then to the lower index.
///
/// `masks[i]` receives the packed mask of tensor i and has [`packed_len`] bytes. It is overwritten; after an error its
/// content is unspecified.
///
/// ```
/// use std::sync::atomic::AtomicBool;
/// use pruneproof_core::{Error, Measure, Tensor, select};
///
/// let never = AtomicBool::new(false);
/// let magnitudes = |name, values| Tensor { measure: Measure::Magnitude, ..Tensor::of_scores(name, values) };
/// let tensors = [magnitudes("conv", &[0.3_f32, -0.9, 0.1]), magnitudes("fc", &[0.5, -0.2, 0.9, 0.8])];
/// let (mut conv, mut fc) = ([0_u8], [0_u8]);
///
/// // The three largest magnitudes are 0.9, 0.9 and 0.8.
/// select(&tensors, 3, &[0, 0], &mut [&mut conv, &mut fc], &never).unwrap();
/// assert_eq!((conv, fc), ([0b010], [0b1100]));
///
/// // With a floor of two for "conv", its 0.3 is kept instead of the 0.8 of "fc".
/// select(&tensors, 3, &[2, 0], &mut [&mut conv, &mut fc], &never).unwrap();
/// assert_eq!((conv, fc), ([0b011], [0b0100]));
///
/// let refused = select(&tensors, 8, &[0, 0], &mut [&mut conv, &mut fc], &never);
/// assert_eq!(refused, Err(Error::TooFewAlive { keep: 8, available: 7 }));
/// ```
///
/// # Complexity
/// Time O(n) for n scores, whatever they are, and mostly one pass; each round in which tensors fall below their floor
/// costs another pass over the others, at most one round per tensor. Memory: at most 4 % of the scores, plus a constant
/// per thread.
///
/// # Errors
/// [`Error::NotANumber`], [`Error::AliveLength`], [`Error::FactorLength`], [`Error::DuplicateName`],
/// [`Error::TooFewAlive`], [`Error::FloorsExceedKeep`]; [`Error::Stopped`] if `stop` was set.
///
/// # Panics
/// `floors` or `masks` do not fit `tensors`, or the tensors do not have the same kind of measure.
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
    let floors: Vec<usize> = floors.iter().zip(&candidates).map(|(floor, candidates)| *floor.min(candidates)).collect();
    let protected = floors.iter().sum();
    if protected > keep {
        return Err(Error::FloorsExceedKeep { floors: protected, keep });
    }
    let size: usize = tensors.iter().map(|tensor| tensor.values.len()).sum();
    let Kept { counts, threshold } = if protected > 0 && size <= SORTED {
        select_by_sorting(tensors, &order, keep, &floors, masks)?
    } else {
        select_in_rounds(tensors, order, keep, &floors, &candidates, masks, stop)?
    };
    let threshold = threshold.map(|rank| tensors[0].score_of_rank(rank));
    Ok(Selected { counts, threshold })
}

/// Keeps exactly the best `keeps[i]` candidates of each tensor, ties by index.
///
/// ```
/// use std::sync::atomic::AtomicBool;
/// use pruneproof_core::{Tensor, select_each};
///
/// let tensors = [Tensor::of_scores("a", &[1.0_f32, 4.0, 4.0]), Tensor::of_scores("b", &[3.0, 2.0])];
/// let (mut a, mut b) = ([0_u8], [0_u8]);
/// let selected = select_each(&tensors, &[1, 2], &mut [&mut a, &mut b], &AtomicBool::new(false)).unwrap();
/// assert_eq!((a, b), ([0b010], [0b11]));
/// assert_eq!((selected.counts, selected.threshold), (vec![1, 2], None));
/// ```
///
/// # Complexity
/// As [`select`], with one selection per tensor.
///
/// # Errors
/// [`Error::NotANumber`], [`Error::AliveLength`], [`Error::FactorLength`], [`Error::DuplicateName`],
/// [`Error::TooFewAliveIn`]; [`Error::Stopped`] if `stop` was set. Of several, that of the lowest name.
///
/// # Panics
/// `keeps` or `masks` do not fit `tensors`, or the tensors do not have the same kind of measure.
pub fn select_each<T: Score>(
    tensors: &[Tensor<'_, T>],
    keeps: &[usize],
    masks: &mut [&mut [u8]],
    stop: &AtomicBool,
) -> Result<Selected, Error> {
    assert_eq!(tensors.len(), keeps.len(), "one number to keep per tensor");
    let order = check(tensors, masks)?;
    let one = |((tensor, &keep), mask): ((&Tensor<'_, T>, &usize), &mut &mut [u8])| {
        let available = tensor.candidates();
        if keep > available {
            return Err(Error::TooFewAliveIn { tensor: tensor.name.to_owned(), keep, available });
        }
        keep_best(&[tensor], &mut [mask], keep, available, stop).map(|_| ())
    };
    let mut results: Vec<Result<(), Error>> = tensors.par_iter().zip(keeps).zip(masks).map(one).collect();
    // The first error in name order is reported, so that the report does not depend on threads.
    order.into_iter().try_for_each(|i| std::mem::replace(&mut results[i], Ok(())))?;
    Ok(Selected { counts: keeps.to_vec(), threshold: None })
}

/// Checks everything but the scores, and returns the indices of the tensors in name order, in which ties are broken and
/// errors reported.
pub(crate) fn check<T: Score>(tensors: &[Tensor<'_, T>], masks: &[&mut [u8]]) -> Result<Vec<usize>, Error> {
    let sizes = tensors.iter().map(|tensor| packed_len(tensor.values.len()));
    assert!(masks.iter().map(|mask| mask.len()).eq(sizes), "one mask per tensor, of its size");
    let alike = |pair: &[Tensor<'_, T>]| discriminant(&pair[0].measure) == discriminant(&pair[1].measure);
    assert!(tensors.windows(2).all(alike), "one kind of measure for all tensors");
    let mut order: Vec<usize> = (0..tensors.len()).collect();
    order.sort_by_key(|&i| tensors[i].name);
    if let Some(pair) = order.windows(2).find(|pair| tensors[pair[0]].name == tensors[pair[1]].name) {
        return Err(Error::DuplicateName { tensor: tensors[pair[0]].name.to_owned() });
    }
    order.iter().try_for_each(|&i| tensors[i].check_sizes())?;
    Ok(order)
}

/// Ranks all tensors together; those that fall below their floor keep their best `floor`, and the others are ranked
/// again.
///
/// What a floor takes from `keep` can only raise the common threshold, so a tensor below its floor stays below it in
/// every later round. Once none is below, the common ranking has kept what the floors protect.
fn select_in_rounds<T: Score>(
    tensors: &[Tensor<'_, T>],
    mut competing: Vec<usize>,
    mut keep: usize,
    floors: &[usize],
    candidates: &[usize],
    masks: &mut [&mut [u8]],
    stop: &AtomicBool,
) -> Result<Kept, Error> {
    let mut kept = Kept { counts: vec![0; tensors.len()], threshold: None };
    let least = |one: Option<i64>, other: Option<i64>| one.into_iter().chain(other).min();
    loop {
        let members: Vec<&Tensor<'_, T>> = competing.iter().map(|&i| &tensors[i]).collect();
        let available = competing.iter().map(|&i| candidates[i]).sum();
        let common = keep_best(&members, &mut masks_of(masks, &competing), keep, available, stop)?;
        competing.iter().zip(common.counts).for_each(|(&i, count)| kept.counts[i] = count);
        let below_floor: Vec<usize> = competing.iter().copied().filter(|&i| kept.counts[i] < floors[i]).collect();
        if below_floor.is_empty() {
            kept.threshold = least(kept.threshold, common.threshold);
            return Ok(kept);
        }
        for i in below_floor {
            let alone = keep_best(&[&tensors[i]], &mut [&mut *masks[i]], floors[i], candidates[i], stop)?;
            kept.counts[i] = floors[i];
            kept.threshold = least(kept.threshold, alone.threshold);
            keep -= floors[i];
            competing.retain(|&other| other != i);
        }
    }
}

/// Borrows the masks with these indices, in their order.
fn masks_of<'m>(masks: &'m mut [&mut [u8]], indices: &[usize]) -> Vec<&'m mut [u8]> {
    let mut all: Vec<Option<&mut [u8]>> = masks.iter_mut().map(|mask| Some(&mut **mask)).collect();
    indices.iter().map(|&i| all[i].take().expect("each tensor once")).collect()
}

/// Sorts all candidates, and keeps what the floors protect and then the best of the others.
fn select_by_sorting<T: Score>(
    tensors: &[Tensor<'_, T>],
    order: &[usize],
    keep: usize,
    floors: &[usize],
    masks: &mut [&mut [u8]],
) -> Result<Kept, Error> {
    masks.iter_mut().for_each(|mask| mask.fill(0));
    let mut ranking = Vec::new();
    for &i in order {
        let size = tensors[i].values.len();
        if let Some(index) = tensors[i].find_nan(0..size) {
            return Err(tensors[i].not_a_number(index));
        }
        tensors[i].visit(0..size, |index, rank| ranking.push((rank, i, index)));
    }
    // The sort is stable, and the candidates come in the order in which ties are broken.
    ranking.sort_by_key(|candidate| Reverse(candidate.0));
    let mut floors = floors.to_vec();
    let mut keep = keep - floors.iter().sum::<usize>();
    let mut kept = Kept { counts: vec![0; tensors.len()], threshold: None };
    for (rank, i, index) in ranking {
        let allowed = if floors[i] > 0 { &mut floors[i] } else { &mut keep };
        if *allowed > 0 {
            *allowed -= 1;
            masks[i][index / 8] |= 1 << (index % 8);
            kept.counts[i] += 1;
            kept.threshold = Some(rank);
        }
    }
    Ok(kept)
}
