//! Every row cut by itself: output units, and the groups of N:M sparsity.

use std::sync::atomic::AtomicBool;

use crate::error::Error;
use crate::mask::packed_len;
use crate::order::Score;
use crate::pieces::{CHUNK, Crew};
use crate::select::{Selected, check};
use crate::tensor::Tensor;

/// Entries up to which comparing all pairs of a row is faster than partitioning it.
const SHORT: usize = 16;

/// Rows of a tensor and how many entries of each are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Entries of a row; they lie together.
    pub width: usize,
    /// Entries of each row to keep.
    pub keep: usize,
}

/// Keeps exactly the best `rows[i].keep` candidates of each row of tensor i, ties by index.
///
/// With `width` M and `keep` N along the last dimension this is N:M sparsity. The masks are written as for
/// [`select`](crate::select). Linear time on average, one pass; memory for a chunk per thread.
///
/// # Errors
/// NaN, an alive mask or a factor of the wrong size, a duplicate name, a width that does not divide the tensor, a row with
/// fewer candidates than it has to keep, or a stop.
///
/// # Panics
/// `rows` or `masks` do not fit `tensors`, or they are not measured alike.
pub fn select_rows<T: Score>(
    tensors: &[Tensor<'_, T>],
    rows: &[Rows],
    masks: &mut [&mut [u8]],
    stop: &AtomicBool,
) -> Result<Selected, Error> {
    assert_eq!(tensors.len(), rows.len(), "one kind of rows per tensor");
    let mut counts = vec![0; tensors.len()];
    // In name order, so that the first refusal does not depend on the order of the tensors.
    for i in check(tensors, masks)? {
        counts[i] = select_rows_of(&tensors[i], rows[i], masks[i], stop)?;
    }
    Ok(Selected { counts, threshold: None })
}

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
    // Eight rows fill whole bytes.
    let rows_per_task = (CHUNK / rows.width / 8 * 8).max(8);
    let jobs = mask.chunks_mut(packed_len(rows_per_task * rows.width)).enumerate().collect();
    let crew = Crew::new(size, stop);
    let faults = crew.each(jobs, Vec::new, |scratch, (task, bits): (usize, &mut [u8])| {
        bits.fill(0);
        let first = task * rows_per_task;
        let last = (first + rows_per_task).min(size / rows.width);
        (first..last).find_map(|row| {
            scratch.clear();
            let start = row * rows.width;
            // Candidates alone take part; a dead weight is never kept.
            tensor.visit(start..start + rows.width, |index, rank| scratch.push((rank, index - start)));
            let into = |index: usize| {
                let place = (row - first) * rows.width + index;
                bits[place / 8] |= 1 << (place % 8);
            };
            fault(tensor, row, rows).or_else(|| keep_of_row(scratch, rows.keep, into).then(|| short(tensor, row, rows)))
        })
    })?;
    if let Some(refusal) = faults.into_iter().flatten().next() {
        return Err(refusal);
    }
    Ok(size / rows.width * rows.keep)
}

/// Says which entry of a row is NaN, if one is.
fn fault<T: Score>(tensor: &Tensor<'_, T>, row: usize, rows: Rows) -> Option<Error> {
    let start = row * rows.width;
    let worst = (start..start + rows.width).map(|i| tensor.key(i).into().unsigned_abs()).max()?;
    if worst <= T::INFINITY.into().unsigned_abs() {
        return None;
    }
    tensor.find_nan(start..start + rows.width).map(|index| tensor.not_a_number(index))
}

fn short<T: Score>(tensor: &Tensor<'_, T>, row: usize, rows: Rows) -> Error {
    let start = row * rows.width;
    let available = (start..start + rows.width).filter(|&i| tensor.is_candidate(i)).count();
    Error::TooFewAliveInRow { tensor: tensor.name.to_owned(), row, keep: rows.keep, available }
}

/// Calls `into` with the best `keep` of (rank, index), which come by index; says whether there are too few.
fn keep_of_row(row: &mut [(i64, usize)], keep: usize, mut into: impl FnMut(usize)) -> bool {
    if row.len() < keep {
        return true;
    }
    if keep == row.len() {
        row.iter().for_each(|&(_, index)| into(index));
    } else if row.len() <= SHORT {
        for (place, &(rank, index)) in row.iter().enumerate() {
            let before = row[..place].iter().filter(|other| other.0 >= rank).count();
            let after = row[place + 1..].iter().filter(|other| other.0 > rank).count();
            if before + after < keep {
                into(index);
            }
        }
    } else if keep > 0 {
        row.select_nth_unstable_by(keep - 1, |left, right| right.0.cmp(&left.0).then(left.1.cmp(&right.1)));
        row[..keep].iter().for_each(|&(_, index)| into(index));
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::naive;

    static GO: AtomicBool = AtomicBool::new(false);

    /// Selects in one tensor; the mask is written over what was there.
    fn select_one(tensor: Tensor<'_, f32>, rows: Rows) -> Result<Vec<u8>, Error> {
        let mut mask = vec![0xaa; packed_len(tensor.values.len())];
        select_rows(&[tensor], &[rows], &mut [&mut mask], &GO).map(|_| mask)
    }

    proptest! {
        #[test]
        fn each_row_is_cut_as_if_it_were_alone(
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
    fn long_rows_on_several_threads() {
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
    fn refusals_name_tensor_and_place() {
        let ragged = select_one(Tensor::of_scores("w", &[1.0_f32; 7]), Rows { width: 4, keep: 2 });
        assert_eq!(ragged, Err(Error::RaggedRows { tensor: "w".to_owned(), width: 4, size: 7 }));
        let nan = select_one(Tensor::of_scores("w", &[1.0, 2.0, 3.0, f32::NAN]), Rows { width: 2, keep: 1 });
        assert_eq!(nan, Err(Error::NotANumber { tensor: "w".to_owned(), index: 3 }));
    }
}
