//! L2 norms that do not depend on the number of threads.

use std::sync::atomic::AtomicBool;

use crate::chunk::split;
use crate::error::Error;
use crate::order::Score;
use crate::pool::Pool;
use crate::tensor::Tensor;

/// Partial sums that are kept side by side, so that the order of additions is the same with and without vector
/// instructions.
///
/// Four AVX2 vectors of f64. It is part of the definition of the result: with another number the norm is rounded
/// differently.
const LANES: usize = 16;

/// Returns the L2 norm of a tensor's values, computed in f64; values of dead weights count too.
///
/// The order of summation is fixed: sixteen partial sums per chunk, then these, then the chunks, one after the other.
///
/// ```
/// use std::sync::atomic::AtomicBool;
/// use pruneproof_core::{Tensor, l2_norm};
///
/// assert_eq!(l2_norm(&Tensor::of_scores("w", &[3.0_f32, -4.0]), &AtomicBool::new(false)), Ok(5.0));
/// ```
///
/// # Complexity
/// Time O(n) for n values, in one pass. Memory: one number per 65,536 values.
///
/// # Errors
/// [`Error::NotANumber`], [`Error::InfiniteNorm`]; [`Error::Stopped`] if `stop` was set.
pub fn l2_norm<T: Score>(tensor: &Tensor<'_, T>, stop: &AtomicBool) -> Result<f64, Error> {
    let pool = Pool::new(tensor.values.len(), stop);
    let sums = pool.map(split(&[tensor]), || (), |(), chunk| sum_of_squares(&tensor.values[chunk.range]))?;
    let norm = sums.into_iter().sum::<f64>().sqrt();
    if norm.is_nan() {
        // A sum of squares is NaN only if a value is.
        let index = (0..tensor.values.len()).find(|&i| tensor.values[i].to_f64().is_nan()).unwrap_or_default();
        return Err(tensor.not_a_number(index));
    }
    if norm.is_infinite() {
        return Err(Error::InfiniteNorm { tensor: tensor.name.to_owned() });
    }
    Ok(norm)
}

fn sum_of_squares<T: Score>(values: &[T]) -> f64 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("f16c") {
        // SAFETY: the processor has AVX2 and F16C, as just detected, for which the function is compiled.
        return unsafe { sum_of_squares_avx2(values) };
    }
    sum_of_squares_generic(values)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,f16c")]
fn sum_of_squares_avx2<T: Score>(values: &[T]) -> f64 {
    sum_of_squares_generic(values)
}

#[inline(always)]
fn sum_of_squares_generic<T: Score>(values: &[T]) -> f64 {
    let mut sums = [0.0; LANES];
    let (groups, rest) = values.as_chunks::<LANES>();
    for group in groups {
        for (sum, value) in sums.iter_mut().zip(group) {
            *sum += value.to_f64() * value.to_f64();
        }
    }
    for (sum, value) in sums.iter_mut().zip(rest) {
        *sum += value.to_f64() * value.to_f64();
    }
    sums.into_iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    static NEVER: AtomicBool = AtomicBool::new(false);

    #[test]
    fn the_norm_is_the_same_with_any_instructions_and_any_number_of_threads() {
        let values: Vec<f32> = (0..300_001_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as f32 - 8e6).collect();
        assert_eq!(sum_of_squares(&values), sum_of_squares_generic(&values));
        let norm = || l2_norm(&Tensor::of_scores("w", &values), &NEVER).unwrap();
        let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool(1).install(norm).to_bits(), pool(3).install(norm).to_bits());
    }

    #[test]
    fn nan_and_an_infinite_norm_are_errors() {
        assert_eq!(l2_norm(&Tensor::of_scores("w", &[3.0_f32, 4.0]), &NEVER), Ok(5.0));
        let nan = l2_norm(&Tensor::of_scores("w", &[1.0, f64::NAN]), &NEVER);
        assert_eq!(nan, Err(Error::NotANumber { tensor: "w".to_owned(), index: 1 }));
        let infinite = l2_norm(&Tensor::of_scores("w", &[1e200, 1e200]), &NEVER);
        assert_eq!(infinite, Err(Error::InfiniteNorm { tensor: "w".to_owned() }));
    }
}
