//! One named tensor, as the caller lends it, and how it is scored.

use std::ops::Range;

use crate::error::Error;
use crate::mask::{count_bits, is_set, packed_len};
use crate::order::{Key, Score};

/// How the score of a weight follows from its value; nothing is stored.
#[derive(Clone, Copy, Debug)]
pub enum Measure<'a, T> {
    /// The value is the score.
    Value,
    /// Its absolute value.
    Magnitude,
    /// The absolute value of its product with the value at the same place of another tensor (weight times gradient), rounded
    /// to the type of both.
    Product(&'a [T]),
    /// The square of that product, rounded once more.
    SquaredProduct(&'a [T]),
    /// Its absolute value divided by this number in f64; see [`crate::l2_norm`]. A tensor of norm 0 scores 0.
    Normalised(f64),
}

/// A tensor of values, flat in C order; larger scores mean keep. All tensors of a selection are measured alike.
#[derive(Clone, Copy, Debug)]
pub struct Tensor<'a, T> {
    /// State-dict name; ties between tensors are broken by it.
    pub name: &'a str,
    /// The values.
    pub values: &'a [T],
    /// How they become scores.
    pub measure: Measure<'a, T>,
    /// Packed mask of the candidates (lowest bit first); all are candidates when `None`.
    pub alive: Option<&'a [u8]>,
}

impl<'a, T: Score> Tensor<'a, T> {
    /// A tensor whose values are the scores and whose entries are all candidates.
    pub const fn of_scores(name: &'a str, values: &'a [T]) -> Self {
        Tensor { name, values, measure: Measure::Value, alive: None }
    }

    /// Counts the candidates.
    pub(crate) fn candidates(&self) -> usize {
        self.alive.map_or(self.values.len(), |bits| count_bits(bits, self.values.len()))
    }

    pub(crate) fn is_candidate(&self, index: usize) -> bool {
        self.alive.is_none_or(|bits| is_set(bits, index))
    }

    /// Returns the key by which the tensor's own entries are ordered.
    #[inline(always)]
    pub(crate) fn key(&self, index: usize) -> T::Key {
        match self.measure {
            Measure::Value => self.values[index].key(),
            Measure::Magnitude | Measure::Normalised(_) => self.values[index].magnitude(),
            Measure::Product(others) => self.values[index].times(others[index]).magnitude(),
            Measure::SquaredProduct(others) => {
                let product = self.values[index].times(others[index]);
                product.times(product).magnitude()
            }
        }
    }

    /// Returns the place of a key in the order that all tensors share.
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

    /// Returns the highest key whose rank is at most `rank`; a key below all of them if there is none.
    pub(crate) fn last_key(&self, rank: i64) -> T::Key {
        let Measure::Normalised(norm) = self.measure else {
            return T::Key::saturating_from(rank);
        };
        let (mut below, mut above) = (-1, T::INFINITY.into() + 1);
        while above - below > 1 {
            let middle = below + (above - below) / 2;
            let fits = normalised::<T>(T::Key::saturating_from(middle), norm).key() <= rank;
            *if fits { &mut below } else { &mut above } = middle;
        }
        T::Key::saturating_from(below)
    }

    /// Calls `visit` with the rank of each candidate in `range`, in index order.
    #[inline]
    pub(crate) fn visit(&self, range: Range<usize>, mut visit: impl FnMut(usize, i64)) {
        range.filter(|&i| self.is_candidate(i)).for_each(|i| visit(i, self.rank(self.key(i))));
    }

    /// Checks that the alive mask and the second factor have the tensor's size.
    pub(crate) fn check_sizes(&self) -> Result<(), Error> {
        let size = self.values.len();
        let expected = packed_len(size);
        if let Some(bits) = self.alive.filter(|bits| bits.len() != expected) {
            return Err(Error::AliveLength { tensor: self.name.to_owned(), found: bits.len(), expected, size });
        }
        match self.measure {
            Measure::Product(others) | Measure::SquaredProduct(others) if others.len() != size => {
                Err(Error::FactorLength { tensor: self.name.to_owned(), found: others.len(), expected: size })
            }
            _ => Ok(()),
        }
    }

    /// Finds the first score in `range` that is NaN, candidate or not.
    pub(crate) fn find_nan(&self, mut range: Range<usize>) -> Option<usize> {
        range.find(|&i| is_nan::<T>(self.key(i)))
    }

    /// Says that the score at `index` is NaN.
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
