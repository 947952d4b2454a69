//! One named tensor, borrowed from the caller, and how its values become scores.

use std::ops::Range;

use crate::error::Error;
use crate::mask::{count_bits, is_set, packed_len};
use crate::order::{Key, Score};

/// How the score of a weight is computed from its value while it is read; no scores are stored.
///
/// ```
/// use pruneproof_core::{Measure, Tensor, naive};
///
/// let (weights, gradients) = ([3.0_f32, -4.0], [0.5_f32, -1.0]);
/// let score = |measure| naive::score(&Tensor { measure, ..Tensor::of_scores("w", &weights) }, 1);
/// assert_eq!(score(Measure::Value), -4.0);
/// assert_eq!(score(Measure::Magnitude), 4.0);
/// assert_eq!(score(Measure::Product(&gradients)), 4.0);
/// assert_eq!(score(Measure::SquaredProduct(&gradients)), 16.0);
/// assert_eq!(score(Measure::Normalised(5.0)), 0.8);
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Measure<'a, T> {
    /// The value v itself.
    Value,
    /// Its absolute value |v|.
    Magnitude,
    /// The absolute value |v f| of the product with the factor f at the same index of another tensor (weight times
    /// gradient); the product is rounded to the type of both.
    Product(&'a [T]),
    /// The square (v f)^2 of that product; the product is rounded to the type of both, and so is its square.
    SquaredProduct(&'a [T]),
    /// The quotient |v| / norm, computed in f64, with the norm of the tensor (see [`crate::l2_norm`]); 0 if the norm is 0.
    Normalised(f64),
}

/// A tensor of values, flat in C order, borrowed from the caller. Larger scores mean keep.
///
/// All tensors of a selection have the same kind of [`Measure`].
///
/// ```
/// use pruneproof_core::{Measure, Tensor};
///
/// let weights = [0.5_f32, -2.0, 0.0, 1.0];
/// let tensor = Tensor { name: "fc.weight", values: &weights, measure: Measure::Magnitude, alive: Some(&[0b1011]) };
/// assert_eq!(tensor.values.len(), 4);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Tensor<'a, T> {
    /// State-dict name, by which ties between tensors are broken.
    pub name: &'a str,
    /// The values.
    pub values: &'a [T],
    /// How they become scores.
    pub measure: Measure<'a, T>,
    /// Packed mask of the candidates, lowest bit first; `None` if all are candidates.
    pub alive: Option<&'a [u8]>,
}

impl<'a, T: Score> Tensor<'a, T> {
    /// Returns a tensor whose values are the scores and are all candidates. Constant time.
    ///
    /// ```
    /// use pruneproof_core::{Measure, Tensor};
    ///
    /// let scores = [1.0_f32, 2.0];
    /// let tensor = Tensor::of_scores("fc.weight", &scores);
    /// assert!(matches!(tensor.measure, Measure::Value) && tensor.alive.is_none());
    /// ```
    pub const fn of_scores(name: &'a str, values: &'a [T]) -> Self {
        Tensor { name, values, measure: Measure::Value, alive: None }
    }

    /// Counts the candidates.
    pub(crate) fn candidates(&self) -> usize {
        self.alive.map_or(self.values.len(), |bits| count_bits(bits, self.values.len()))
    }

    /// Says whether a weight may be kept.
    pub(crate) fn is_candidate(&self, index: usize) -> bool {
        self.alive.is_none_or(|bits| is_set(bits, index))
    }

    /// Returns the key of a score; keys order the scores of this tensor.
    #[inline(always)]
    pub(crate) fn key(&self, index: usize) -> T::Key {
        match self.measure {
            Measure::Value => self.values[index].key(),
            Measure::Magnitude | Measure::Normalised(_) => self.values[index].magnitude(),
            Measure::Product(factors) => self.values[index].times(factors[index]).magnitude(),
            Measure::SquaredProduct(factors) => {
                let product = self.values[index].times(factors[index]);
                product.times(product).magnitude()
            }
        }
    }

    /// Returns the rank of a key; ranks order the scores of all tensors of a selection.
    #[inline]
    pub(crate) fn rank(&self, key: T::Key) -> i64 {
        match self.measure {
            Measure::Normalised(norm) => normalised::<T>(key, norm).key(),
            _ => key.into(),
        }
    }

    /// Returns the score of a rank.
    pub(crate) fn score_of_rank(&self, rank: i64) -> f64 {
        match self.measure {
            Measure::Normalised(_) => f64::value(rank),
            _ => T::value(T::Key::saturating_from(rank)),
        }
    }

    /// Returns the greatest key whose rank is at most `rank`; a key below those of all scores if there is none.
    ///
    /// A binary search over the keys where ranks are quotients by a norm.
    pub(crate) fn last_key(&self, rank: i64) -> T::Key {
        let Measure::Normalised(norm) = self.measure else {
            return T::Key::saturating_from(rank);
        };
        let (mut fits, mut exceeds) = (-1, T::INFINITY.into() + 1);
        while exceeds - fits > 1 {
            let middle = fits + (exceeds - fits) / 2;
            let is_at_most = normalised::<T>(T::Key::saturating_from(middle), norm).key() <= rank;
            *if is_at_most { &mut fits } else { &mut exceeds } = middle;
        }
        T::Key::saturating_from(fits)
    }

    /// Calls `visit` with the index and rank of each candidate in `range`, in index order.
    #[inline]
    pub(crate) fn visit(&self, range: Range<usize>, mut visit: impl FnMut(usize, i64)) {
        range.filter(|&i| self.is_candidate(i)).for_each(|i| visit(i, self.rank(self.key(i))));
    }

    /// Checks that the alive mask and the factors have the tensor's size.
    pub(crate) fn check_sizes(&self) -> Result<(), Error> {
        let size = self.values.len();
        let expected = packed_len(size);
        if let Some(bits) = self.alive.filter(|bits| bits.len() != expected) {
            return Err(Error::AliveLength { tensor: self.name.to_owned(), found: bits.len(), expected, size });
        }
        match self.measure {
            Measure::Product(factors) | Measure::SquaredProduct(factors) if factors.len() != size => {
                Err(Error::FactorLength { tensor: self.name.to_owned(), found: factors.len(), expected: size })
            }
            _ => Ok(()),
        }
    }

    /// Returns the index of the first score in `range` that is NaN, candidate or not.
    pub(crate) fn find_nan(&self, mut range: Range<usize>) -> Option<usize> {
        range.find(|&i| is_nan::<T>(self.key(i)))
    }

    /// Returns the error for a NaN at `index`.
    pub(crate) fn not_a_number(&self, index: usize) -> Error {
        Error::NotANumber { tensor: self.name.to_owned(), index }
    }
}

fn is_nan<T: Score>(key: T::Key) -> bool {
    let (key, infinity): (i64, i64) = (key.into(), T::INFINITY.into());
    key > infinity || key < -infinity
}

fn normalised<T: Score>(key: T::Key, norm: f64) -> f64 {
    if norm == 0.0 { 0.0 } else { T::value(key) / norm }
}
