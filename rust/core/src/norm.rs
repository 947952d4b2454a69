//! L2 norms that do not depend on the number of threads.

use std::sync::atomic::AtomicBool;

use crate::error::Error;
use crate::order::Score;
use crate::pieces::{Crew, cut};
use crate::tensor::Tensor;

/// Sums side by side, so that vector instructions can be used without changing the order of any addition.
const LANES: usize = 16;

/// Returns the L2 norm of a tensor's values in f64, dead ones included.
///
/// The order of summation is fixed: each chunk in sixteen lanes, the lanes and the chunks one after the other. Linear time.
///
/// # Errors
/// NaN, an infinite norm, or a stop.
pub fn l2_norm<T: Score>(tensor: &Tensor<'_, T>, stop: &AtomicBool) -> Result<f64, Error> {
    let crew = Crew::new(tensor.values.len(), stop);
    let sums = crew.each(cut(&[tensor]), || (), |(), piece| sum_of_squares(&tensor.values[piece.range]))?;
    let norm = sums.into_iter().sum::<f64>().sqrt();
    if norm.is_nan() {
        let index = (0..tensor.values.len()).find(|&i| tensor.values[i].to_f64().is_nan());
        return Err(tensor.not_a_number(index.expect("squares and their sums are NaN for NaN alone")));
    }
    if norm.is_infinite() {
        return Err(Error::InfiniteNorm { tensor: tensor.name.to_owned() });
    }
    Ok(norm)
}

fn sum_of_squares<T: Score>(values: &[T]) -> f64 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("f16c") {
        // SAFETY: the processor has just been found to have what the function asks for.
        return unsafe { sum_of_squares_avx2(values) };
    }
    sum_of_squares_plain(values)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,f16c")]
fn sum_of_squares_avx2<T: Score>(values: &[T]) -> f64 {
    sum_of_squares_plain(values)
}

#[inline(always)]
fn sum_of_squares_plain<T: Score>(values: &[T]) -> f64 {
    let mut sums = [0.0; LANES];
    let (blocks, rest) = values.as_chunks::<LANES>();
    for block in blocks {
        for (sum, value) in sums.iter_mut().zip(block) {
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

    static GO: AtomicBool = AtomicBool::new(false);

    #[test]
    fn the_norm_is_the_same_with_any_instructions_and_any_number_of_threads() {
        let values: Vec<f32> = (0..300_001_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as f32 - 8e6).collect();
        assert_eq!(sum_of_squares(&values), sum_of_squares_plain(&values));
        let norm = || l2_norm(&Tensor::of_scores("w", &values), &GO).unwrap();
        let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool(1).install(norm).to_bits(), pool(3).install(norm).to_bits());
    }

    #[test]
    fn what_has_no_norm_is_refused() {
        assert_eq!(l2_norm(&Tensor::of_scores("w", &[3.0_f32, 4.0]), &GO), Ok(5.0));
        let nan = l2_norm(&Tensor::of_scores("w", &[1.0, f64::NAN]), &GO);
        assert_eq!(nan, Err(Error::NotANumber { tensor: "w".to_owned(), index: 1 }));
        let infinite = l2_norm(&Tensor::of_scores("w", &[1e200, 1e200]), &GO);
        assert_eq!(infinite, Err(Error::InfiniteNorm { tensor: "w".to_owned() }));
    }
}
