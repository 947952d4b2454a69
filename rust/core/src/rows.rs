//! Selection within each row of a tensor: output units, and the groups of N:M sparsity.

use std::sync::atomic::AtomicBool;

use crate::chunk::CHUNK;
use crate::error::Error;
use crate::mask::packed_len;
use crate::order::Score;
use crate::pool::Pool;
use crate::select::{Selected, check};
use crate::tensor::Tensor;

/// Candidates of a row up to which all pairs are compared; longer rows are partially sorted.
///
/// PAIRWISE_ORIGIN
const PAIRWISE: usize = 16;

/// The rows of a tensor, and how many entries of each are kept.
///
/// ```
/// use pruneproof_core::Rows;
///
/// // 2:4 sparsity along the last dimension.
/// let two_of_four = Rows { width: 4, keep: 2 };
/// assert!(two_of_four.keep <= two_of_four.width);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Entries per row; they are neighbours in memory.
    pub width: usize,
    /// Entries of each row to keep.
    pub keep: usize,
}

/// Keeps exactly the best `rows[i].keep` candidates of each row of tensor i, ties by index.
///
/// With `width` M and `keep` N along the last dimension this is N:M sparsity. The masks are written as by
/// [`select`](crate::select()).
///
/// ```
/// use std::sync::atomic::AtomicBool;
/// use pruneproof_core::{Measure, Rows, Tensor, select_rows};
///
/// let weights = [0.1_f32, -0.4, 0.3, 0.2, 0.5, 0.5, 0.5, -0.6];
/// let tensor = Tensor { measure: Measure::Magnitude, ..Tensor::of_scores("w", &weights) };
/// let mut mask = [0_u8];
/// let rows = [Rows { width: 4, keep: 2 }];
/// let selected = select_rows(&[tensor], &rows, &mut [&mut mask], &AtomicBool::new(false)).unwrap();
/// assert_eq!(mask, [0b1001_0110]);
/// assert_eq!(selected.counts, [4]);
/// ```
///
/// # Complexity
/// Time O(n) for n scores, in one pass. Memory: one row per thread.
///
/// # Errors
/// [`Error::NotANumber`], [`Error::AliveLength`], [`Error::FactorLength`], [`Error::DuplicateName`],
/// [`Error::RaggedRows`], [`Error::TooFewAliveInRow`]; [`Error::Stopped`] if `stop` was set. Of several, that of the
/// lowest name and row.
///
/// # Panics
/// `rows` or `masks` do not fit `tensors`, or the tensors do not have the same kind of measure.
pub fn select_rows<T: Score>(
    tensors: &[Tensor<'_, T>],
    rows: &[Rows],
    masks: &mut [&mut [u8]],
    stop: &AtomicBool,
) -> Result<Selected, Error> {
    assert_eq!(tensors.len(), rows.len(), "one kind of rows per tensor");
    let mut counts = vec![0; tensors.len()];
    // In name order, so that the first error does not depend on the order of the tensors.
    for i in check(tensors, masks)? {
        counts[i] = select_rows_of(&tensors[i], rows[i], masks[i], stop)?;
    }
    Ok(Selected { counts, threshold: None })
}

/// Selects within the rows of one tensor, and returns the number of its survivors.
fn select_rows_of<T: Score>(
    tensor: &Tensor<'_, T>,
    rows: Rows,
    mask: &mut [u8],
    stop: &AtomicBool,
) -> Result<usize, Error> {
    let size = tensor.values.len();
    if size == 0 {
        return Ok(0);
    }
    if rows.width == 0 || !size.is_multiple_of(rows.width) {
        return Err(Error::RaggedRows { tensor: tensor.name.to_owned(), width: rows.width, size });
    }
    // Eight rows fill whole bytes of the mask.
    let rows_per_task = (CHUNK / rows.width / 8 * 8).max(8);
    let jobs = mask.chunks_mut(packed_len(rows_per_task * rows.width)).enumerate().collect();
    let pool = Pool::new(size, stop);
    let errors = pool.map(jobs, Vec::new, |candidates, (task, bits): (usize, &mut [u8])| {
        bits.fill(0);
        let first = task * rows_per_task;
        let last = (first + rows_per_task).min(size / rows.width);
        (first..last).find_map(|row| {
            candidates.clear();
            let start = row * rows.width;
            tensor.visit(start..start + rows.width, |index, rank| candidates.push((rank, index - start)));
            let keep_index = |index: usize| {
                let offset = (row - first) * rows.width + index;
                bits[offset / 8] |= 1 << (offset % 8);
            };
            nan_in_row(tensor, row, rows).or_else(|| {
                let available = candidates.len();
                if available < rows.keep {
                    let (tensor, keep) = (tensor.name.to_owned(), rows.keep);
                    return Some(Error::TooFewAliveInRow { tensor, row, keep, available });
                }
                keep_best_of_row(candidates, rows.keep, keep_index);
                None
            })
        })
    })?;
    if let Some(error) = errors.into_iter().flatten().next() {
        return Err(error);
    }
    Ok(size / rows.width * rows.keep)
}

/// Returns the error for a row that holds NaN, if it does.
fn nan_in_row<T: Score>(tensor: &Tensor<'_, T>, row: usize, rows: Rows) -> Option<Error> {
    let start = row * rows.width;
    let greatest = (start..start + rows.width).map(|i| tensor.key(i).into().unsigned_abs()).max()?;
    if greatest <= T::INFINITY.into().unsigned_abs() {
        return None;
    }
    tensor.find_nan(start..start + rows.width).map(|index| tensor.not_a_number(index))
}

/// Calls `keep_index` with the index of each of the best `keep` candidates, given as (rank, index) by index; there are
/// at least `keep`.
fn keep_best_of_row(candidates: &mut [(i64, usize)], keep: usize, mut keep_index: impl FnMut(usize)) {
    if keep == candidates.len() {
        candidates.iter().for_each(|&(_, index)| keep_index(index));
    } else if candidates.len() <= PAIRWISE {
        for (i, &(rank, index)) in candidates.iter().enumerate() {
            let better_before = candidates[..i].iter().filter(|other| other.0 >= rank).count();
            let better_after = candidates[i + 1..].iter().filter(|other| other.0 > rank).count();
            if better_before + better_after < keep {
                keep_index(index);
            }
        }
    } else if keep > 0 {
        candidates.select_nth_unstable_by(keep - 1, |one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
        candidates[..keep].iter().for_each(|&(_, index)| keep_index(index));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::naive;

    static NEVER: AtomicBool = AtomicBool::new(false);

    /// Selects within the rows of one tensor; the mask is not zero before.
    fn select_one(tensor: Tensor<'_, f32>, rows: Rows) -> Result<Vec<u8>, Error> {
        let mut mask = vec![0xaa; packed_len(tensor.values.len())];
        select_rows(&[tensor], &[rows], &mut [&mut mask], &NEVER).map(|_| mask)
    }

    proptest! {
        #[test]
        fn each_row_is_selected_from_as_if_it_were_alone(
            (width, count) in (1_usize..40, 0_usize..30),
            noise in prop::collection::vec((-3_i8..4, any::<bool>()), 40 * 30),
            keep in 0_usize..12,
        ) {
            let values: Vec<f32> = noise.iter().take(width * count).map(|each| f32::from(each.0)).collect();
            let alive: Vec<bool> = noise.iter().take(width * count).map(|each| each.1).collect();
            let packed = naive::pack(&alive);
            let tensor = Tensor { alive: Some(&packed), ..Tensor::of_scores("w", &values) };
            let found = select_one(tensor, Rows { width, keep });
            let short = alive.chunks(width).position(|row| row.iter().filter(|alive| **alive).count() < keep);
            match (found, short) {
                (Err(Error::TooFewAliveInRow { row, .. }), Some(expected)) => prop_assert_eq!(row, expected),
                (Ok(found), None) => {
                    let mut expected = Vec::new();
                    for (row, alive) in values.chunks(width).zip(alive.chunks(width)) {
                        let packed = naive::pack(alive);
                        let alone = Tensor { alive: Some(&packed), ..Tensor::of_scores("w", row) };
                        expected.extend(naive::select(&[alone], keep, &[0]).unwrap().remove(0));
                    }
                    prop_assert_eq!(found, naive::pack(&expected));
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }

    #[test]
    fn long_rows_are_selected_from_on_several_threads() {
        let values: Vec<f32> = (0..999 * 1001_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 20) as f32).collect();
        let rows = Rows { width: 999, keep: 37 };
        let found = select_one(Tensor::of_scores("w", &values), rows).unwrap();
        let kept = |row: usize| {
            let alone = Tensor::of_scores("w", &values[row * 999..(row + 1) * 999]);
            naive::select(&[alone], 37, &[0]).unwrap().remove(0)
        };
        assert_eq!(found, naive::pack(&(0..1001).flat_map(kept).collect::<Vec<_>>()));
    }

    #[test]
    fn errors_name_tensor_and_index() {
        let ragged = select_one(Tensor::of_scores("w", &[1.0_f32; 7]), Rows { width: 4, keep: 2 });
        assert_eq!(ragged, Err(Error::RaggedRows { tensor: "w".to_owned(), width: 4, size: 7 }));
        let nan = select_one(Tensor::of_scores("w", &[1.0, 2.0, 3.0, f32::NAN]), Rows { width: 2, keep: 1 });
        assert_eq!(nan, Err(Error::NotANumber { tensor: "w".to_owned(), index: 3 }));
    }
}
