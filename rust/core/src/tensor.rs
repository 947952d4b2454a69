//! One named tensor of scores, as the caller lends it.

use std::ops::Range;

use crate::error::Error;
use crate::mask::{count_bits, is_set, packed_len};
use crate::order::Score;

/// A tensor of scores, flat in C order; larger means keep.
#[derive(Clone, Copy, Debug)]
pub struct Tensor<'a, T> {
    /// State-dict name; ties between tensors are broken by it.
    pub name: &'a str,
    /// The scores.
    pub scores: &'a [T],
    /// Packed mask of the candidates (lowest bit first); all are candidates when `None`.
    pub alive: Option<&'a [u8]>,
}

impl<T: Score> Tensor<'_, T> {
    /// Counts the candidates.
    pub(crate) fn candidates(&self) -> usize {
        self.alive.map_or(self.scores.len(), |bits| count_bits(bits, self.scores.len()))
    }

    /// Calls `visit` with the key of each candidate in `range`, in index order.
    #[inline]
    pub(crate) fn visit(&self, range: Range<usize>, mut visit: impl FnMut(usize, T::Key)) {
        match self.alive {
            None => range.for_each(|i| visit(i, self.scores[i].key())),
            Some(bits) => range.filter(|&i| is_set(bits, i)).for_each(|i| visit(i, self.scores[i].key())),
        }
    }

    /// Checks the size of the alive mask and that every score has a rank.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let expected = packed_len(self.scores.len());
        if let Some(bits) = self.alive.filter(|bits| bits.len() != expected) {
            let (tensor, found) = (self.name.to_owned(), bits.len());
            return Err(Error::AliveLength { tensor, found, expected, size: self.scores.len() });
        }
        match self.scores.iter().position(|score| score.is_nan()) {
            Some(index) => Err(Error::NotANumber { tensor: self.name.to_owned(), index }),
            None => Ok(()),
        }
    }
}
